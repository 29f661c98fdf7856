"""Changes of the documentation, read from git: merges, shallow clones, other directories, no repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from claims.history import changes_of
from harness.errors import ConfigurationError
from tests.together.static.conftest import PaperPlatform, bad


def git(root: Path, *words: str) -> None:
    """Git as people use it, with nothing of this machine's settings."""
    env = {
        "PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@localhost", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@localhost",
        "GIT_AUTHOR_DATE": "2026-03-01T23:30:00-05:00", "GIT_COMMITTER_DATE": "2026-03-02T10:00:00+00:00",
    }  # fmt: skip
    subprocess.run(["git", "-C", str(root), *words], env=env, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three changes of `docs`, one of them not of it, on two branches that were merged."""
    root = tmp_path / "repository"
    (root / "docs").mkdir(parents=True)
    git(root, "init", "-b", "main")
    for name, text in (("docs/README.md", "# a\n"), ("other.txt", "b\n")):
        (root / name).write_text(text)
        git(root, "add", name)
        git(root, "commit", "-m", f"add {name}")
    git(root, "checkout", "-b", "side")
    (root / "docs" / "guide.md").write_text("c\n")
    git(root, "add", "docs")
    git(root, "commit", "-m", "a guide")
    git(root, "checkout", "main")
    (root / "docs" / "README.md").write_text("# d\n")
    git(root, "commit", "-am", "readme")
    git(root, "merge", "--no-ff", "side", "-m", "merge")
    return root


def test_changes_are_those_of_the_directory_without_merges(repository: Path) -> None:
    """The newest first, each with the files it changed, from the directory."""
    history = changes_of(repository / "docs", most=100)
    assert {(one.title, one.files) for one in history.changes} == {
        ("readme", ("README.md",)), ("a guide", ("guide.md",)), ("add docs/README.md", ("README.md",)),
    }  # fmt: skip
    assert not history.shallow


def test_the_day_is_that_of_the_authors_calendar(repository: Path) -> None:
    """Late in the evening there is the next day elsewhere."""
    [newest] = changes_of(repository / "docs", most=1).changes
    assert (newest.day.isoformat(), newest.committed.isoformat()) == ("2026-03-01", "2026-03-02")


def test_only_so_many_changes_are_read(repository: Path) -> None:
    """The newest of them."""
    assert len(changes_of(repository / "docs", most=2).changes) == 2


def test_a_file_that_differs_from_its_last_commit_is_dirty(repository: Path) -> None:
    """And one that was never committed has no change."""
    readme = repository / "docs" / "README.md"
    assert not changes_of(repository / "docs", most=1, file=readme).dirty
    readme.write_text("# e\n")
    assert changes_of(repository / "docs", most=1, file=readme).dirty
    new = repository / "docs" / "new.md"
    new.write_text("f\n")
    assert changes_of(repository / "docs", most=1, file=new).changes == ()


def test_outside_a_repository_there_is_no_history(tmp_path: Path) -> None:
    """It says what to name."""
    with pytest.raises(ConfigurationError, match="is in no git repository"):
        changes_of(tmp_path, most=1)


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    """There is no change to speak of."""
    git(tmp_path, "init")
    with pytest.raises(ConfigurationError, match="git repository cannot be read"):
        changes_of(tmp_path, most=1)


def test_a_damaged_repository_is_refused(repository: Path) -> None:
    """As after a disk was full."""
    for path in (repository / ".git" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="git repository cannot be read"):
        changes_of(repository / "docs", most=1)


def test_a_repository_runs_nothing_of_its_own(repository: Path, tmp_path: Path) -> None:
    """Settings that make git run programs are data here."""
    with (repository / ".git" / "config").open("a") as config:
        config.write(
            f'[log]\n\tshowSignature = true\n[gpg]\n\tprogram = "touch {tmp_path}/ran"\n[core]\n\tfsmonitor = "touch {tmp_path}/ran"\n'
        )
    assert changes_of(repository / "docs", most=9).changes
    assert not (tmp_path / "ran").exists()


def test_a_shallow_clone_is_unknown_where_it_ends(platform: PaperPlatform, tmp_path: Path) -> None:
    """As a pipeline clones by default: the oldest commit there seems to add every file."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--depth", "1", f"file://{platform.root}", str(clone))
    platform.name(documents="clone/docs/integration")
    assert [ok for _, ok in bad(platform.row("IP-DOC-README"))] == [None]
    assert [ok for _, ok in bad(platform.row("IP-DOC-DATE"))] == [None]


@pytest.mark.parametrize(
    ("line", "ok"),
    [
        ("**Last Updated:** October 24, 2025", True),
        ("Last updated: 2025-10-24", True),
        ("_Last updated_ on 24 October 2025", True),
        ("Last updated: 24 Oct 2025.", True),
        ("Last updated: 24.10.2025", True),
        ("Last updated: 2025-10-25", False),
        ("Last updated: 2025-02-30", None),
        ("Last updated: last week", None),
        ("Nothing about it", False),
    ],
)
def test_a_date_as_people_write_it(platform: PaperPlatform, line: str, *, ok: bool | None) -> None:
    """Against the day of the README's newest commit."""
    platform.edit("docs/integration/README.md", "**Last Updated:** October 24, 2025", line)
    git(platform.root, "-c", "core.autocrlf=false", "add", "docs")
    git(platform.root, "commit", "--quiet", "--allow-empty", "-m", "a", "--date", "2025-10-24T12:00:00Z")
    assert [fact.ok for fact in platform.row("IP-DOC-DATE")] == [ok]
