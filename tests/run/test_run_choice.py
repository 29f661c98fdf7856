"""What is judged, and by what, is named by somebody; the sandbox is never taken for it in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.run.plan.choice import choose
from harness.run.project import Project, find_project

MINE = Path("mine.yaml")
SANDBOX = Path("sandbox")


def project(root: Path, table: str | None) -> Project:
    """A project with this table; None: a directory without any configuration."""
    if table is not None:
        (root / "pyproject.toml").write_text(f"[tool.harness]\n{table}\n", encoding="utf-8")
    return find_project(root)


def test_options_come_before_the_project(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Where nothing is configured, the sandbox and the profile core name each other."""
    cases = [
        (None, SANDBOX, (), (None, ("core",))),
        (None, None, ("core",), (None, ("core",))),
        (None, SANDBOX, ("mine",), (None, ("mine",))),
        (None, MINE, ("mine",), (MINE, ("mine",))),
        ('target = "sandbox"\nprofiles = ["core"]', None, (), (None, ("core",))),
        ('target = "sandbox"\nprofiles = ["core"]', MINE, ("core",), (MINE, ("core",))),
        ('profiles = ["mine"]', MINE, (), (MINE, ("mine",))),
        ('profiles = ["mine"]', SANDBOX, (), (None, ("mine",))),
        ('target = "a.yaml"', None, ("mine",), ("a.yaml", ("mine",))),
        ('target = "a.yaml"\nprofiles = ["mine"]', SANDBOX, ("core",), (None, ("core",))),
    ]
    for number, (table, target, profiles, expected) in enumerate(cases):
        with subtests.test(table=table, target=target, profiles=profiles):
            (root := tmp_path / str(number)).mkdir()
            file, names = expected
            here = root / file if isinstance(file, str) else file
            provided = "sandbox" if here is None else ""
            assert choose(project(root, table), target, profiles) == (here, names, provided)


@pytest.mark.parametrize(
    ("table", "target", "profiles", "said"),
    [
        ("", None, (), "the key `target` is missing"),
        ('profiles = ["core"]', None, (), "the key `target` is missing"),
        ('profiles = ["core"]', None, ("core",), "the key `target` is missing"),
        ('target = "a.yaml"', None, (), "the key `profiles` is missing"),
        ('target = "sandbox"', None, (), "the key `profiles` is missing"),
        ('target = "sandbox"\nprofiles = ["core"]', MINE, (), "of this project is for the sandbox, not for mine.yaml"),
    ],
)
def test_what_is_missing_is_said_with_an_example(
    tmp_path: Path, table: str | None, target: Path | None, profiles: tuple[str, ...], said: str
) -> None:
    """Exit code 4: neither the sandbox nor somebody else's requirements are judged instead."""
    with pytest.raises(UsageError) as caught:
        choose(project(tmp_path, table), target, profiles)
    assert said in caught.value.what
    assert str(tmp_path / "pyproject.toml") in caught.value.where
    assert "--profile NAME" in caught.value.hint or "--target sandbox" in caught.value.hint
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(("target", "profiles"), [(None, ()), (MINE, ()), (None, ("mine",))])
def test_a_directory_that_is_no_project_says_how_to_make_one(
    tmp_path: Path, target: Path | None, profiles: tuple[str, ...]
) -> None:
    """The message is of the directory, and names no file that does not exist; half of the options is answered with both."""
    with pytest.raises(UsageError) as caught:
        choose(project(tmp_path, None), target, profiles)
    assert caught.value.what.startswith("no project is configured here: no pyproject.toml with a table [tool.harness]")
    assert caught.value.where == str(tmp_path)
    assert "`readiness init DIR --entry URL`" in caught.value.hint
    assert "both `--target FILE --profile NAME` (`--target sandbox` alone is enough)" in caught.value.hint
    assert caught.value.exit_code == 4
