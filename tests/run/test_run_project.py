"""Where names are looked up: the project's own first, and said when that hides something."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.files import bundled
from harness.plugins import plugins
from harness.run.project import feature_files, find_project, shadowed


def project(root: Path, table: str) -> Path:
    """A project with this `[tool.harness]` table."""
    (root / "pyproject.toml").write_text(f"[tool.harness]\n{table}\n", encoding="utf-8")
    return root


def test_without_a_project_everything_is_bundled(tmp_path: Path) -> None:
    """The package brings features, experiments and loadtests of its own."""
    found = find_project(tmp_path)

    assert (found.configured, found.target, found.provided, found.profiles) == (False, None, "", ())
    assert found.search("experiments") == (bundled("experiments"),)
    assert bundled("features") / "normaldance" / "technical-kpis.feature" in feature_files(found)


def test_a_name_that_hides_a_bundled_one_is_told(tmp_path: Path) -> None:
    """Who writes an experiment of a known name should know that the known one is not run."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "pod-loss.yaml").touch()
    (tmp_path / "experiments" / "mine.yaml").touch()
    (tmp_path / "experiments" / "node-loss.yml").touch()

    found = find_project(project(tmp_path, 'experiments = ["experiments"]'))
    assert shadowed(found) == ["experiments/node-loss.yml", "experiments/pod-loss.yaml"]


def test_an_equal_copy_hides_nothing(tmp_path: Path) -> None:
    """A project that begins with a copy of the package's files is told when it changes one, also what a locustfile imports."""
    for kind in ("features", "loadtests"):
        shutil.copytree(bundled(kind), tmp_path / kind, ignore=shutil.ignore_patterns("__pycache__"))
    found = find_project(project(tmp_path, 'features = ["features"]\nloadtests = ["loadtests"]'))

    assert shadowed(found) == []
    (tmp_path / "features" / "normaldance" / "technical-kpis.feature").write_text("Feature: nothing", encoding="utf-8")
    (tmp_path / "loadtests" / "journeys" / "listener.py").write_text("", encoding="utf-8")
    sizes = [f"loadtests/{name}.yaml" for name in ("census", "everyday", "page-spike", "quick", "spike", "visits")]
    assert shadowed(found) == ["features/normaldance/technical-kpis.feature", *sizes]


def test_two_own_files_of_one_place_and_name_are_both_found(tmp_path: Path) -> None:
    """Of two directories, as `shop` and `payment`: none of their scenarios is left out, and the package's is hidden once."""
    own = [tmp_path / name / "normaldance" / "technical-kpis.feature" for name in ("shop", "payment")]
    for file in own:
        file.parent.mkdir(parents=True)
        file.write_text(f"Feature: {file.parent}", encoding="utf-8")
    found = find_project(project(tmp_path, 'features = ["shop", "payment"]'))

    assert feature_files(found)[:2] == (own[0], own[1])
    assert bundled("features") / "normaldance" / "technical-kpis.feature" not in feature_files(found)
    assert shadowed(found) == ["features/normaldance/technical-kpis.feature"]


def test_linked_directories_are_followed_once(tmp_path: Path) -> None:
    """As pytest follows them; a link to a directory above it ends there."""
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "theirs.feature").write_text("Feature: theirs", encoding="utf-8")
    features = tmp_path / "features"
    features.mkdir()
    (features / "again").symlink_to(features)
    (features / "team").symlink_to(tmp_path / "team")
    (tmp_path / "team" / "above").symlink_to(tmp_path)
    (features / "real").mkdir()
    (features / "real" / "one.feature").write_text("Feature: one", encoding="utf-8")
    (features / "a-link").symlink_to(features / "real")
    (features / "mine.feature").write_text("Feature: mine", encoding="utf-8")
    found = feature_files(find_project(project(tmp_path, 'features = ["features"]')))

    own = ("mine.feature", "real/one.feature", "team/theirs.feature")
    assert found[:4] == (*(features / name for name in own), min(bundled("features").rglob("*.feature")))


def test_a_file_in_the_place_of_a_directory_of_features_is_named(tmp_path: Path) -> None:
    """Its scenarios would not be run."""
    (tmp_path / "mine.feature").write_text("Feature: mine", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        feature_files(find_project(project(tmp_path, 'features = ["mine.feature"]')))
    assert (caught.value.what, caught.value.where) == (
        "the directory cannot be read: Not a directory",
        str(tmp_path / "mine.feature"),
    )


def test_a_directory_with_the_name_of_a_feature_is_none(tmp_path: Path) -> None:
    """What is in it is found all the same."""
    inner = tmp_path / "features" / "old.feature"
    inner.mkdir(parents=True)
    (inner / "mine.feature").write_text("Feature: mine", encoding="utf-8")
    found = feature_files(find_project(project(tmp_path, 'features = ["features"]')))

    assert inner / "mine.feature" in found
    assert all(path.is_file() for path in found)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('profile = ["core"]', "tool.harness.profile: there is no key 'profile'\n  hint: did you mean 'profiles'?"),
        ('profiles = "core"', "tool.harness.profiles: 'core' is not a list of strings"),
        ("target = 3", "tool.harness.target: 3 is not a string"),
        ('features = ["nowhere"]', "the path does not exist"),
        ("profiles = [", "cannot be read"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, table: str, message: str) -> None:
    """File, key, what was expected."""
    with pytest.raises(ConfigurationError) as caught:
        find_project(project(tmp_path, table))

    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["harnes", "Harness", "harnesss", "readiness", "readiness-harness"])
def test_a_misspelt_table_is_refused(tmp_path: Path, name: str) -> None:
    """Read by nobody, it would leave something else to be judged."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.{name}]\ntarget = "target.yaml"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        find_project(tmp_path)
    assert (caught.value.where, caught.value.hint) == (
        f"{tmp_path}/pyproject.toml: tool.{name}",
        "did you mean `[tool.harness]`?",
    )


@pytest.mark.parametrize(
    "text",
    [
        '[tool.hatch]\ntarget = "x"',
        "[tool.harnes]\nline = 1",
        "[tool.black]\nline = 1",
        "tool = 1\n",
        "tool = [1]\n",
        "[tool]\nharness_of = 1\n",
    ],
)
def test_a_table_that_is_none_of_ours_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A name like ours without a key of ours, a key of ours under another name, a `tool` that is no table: every session of pytest reads it."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert not find_project(tmp_path).configured
    assert [one for one in plugins("readiness.steps") if one.dist is None] == []


def test_a_byte_order_mark_before_the_table_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some editors write one."""
    lines = '\ufeff[tool.harness]\nprofiles = ["mine"]\nplugins = {steps = ["own:TEMPLATE"]}\n'
    (tmp_path / "pyproject.toml").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    assert find_project(tmp_path).profiles == ("mine",)
    assert "own:TEMPLATE" in [one.value for one in plugins("readiness.steps")]
