"""Each change is a file in changes/, of a kind that the changelog has; a version has one number."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

import harness

_ROOT: Final = Path(__file__).parents[1]
_PROJECT: Final = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_KINDS: Final = [kind["directory"] for kind in _PROJECT["tool"]["towncrier"]["type"]]
_NAME: Final = re.compile(rf"\+[a-z0-9-]+\.(?:{'|'.join(_KINDS)})\.md")


def test_each_fragment_has_a_known_kind_and_a_line() -> None:
    """`+WORDS.KIND.md`, with one line that is the entry."""
    assert [problem for path in sorted((_ROOT / "changes").iterdir()) for problem in _problems(path)] == []


@pytest.mark.parametrize(
    ("name", "text", "problems"),
    [
        ("+redirects.fixed.md", "A redirect is followed.\n", []),
        ("+redirects.mended.md", "A redirect is followed.\n", ["+redirects.mended.md: write +WORDS.KIND.md"]),
        ("redirects.fixed.md", "A redirect is followed.\n", ["redirects.fixed.md: write +WORDS.KIND.md"]),
        ("+redirects.fixed.md", "\n", ["+redirects.fixed.md: write one line"]),
        ("+redirects.fixed.md", "One.\nTwo.\n", ["+redirects.fixed.md: write one line"]),
        ("README.md", "# How\n\nSo.\n", []),
    ],
)
def test_a_fragment_that_the_changelog_would_not_show_is_found(
    tmp_path: Path, name: str, text: str, problems: list[str]
) -> None:
    """Another kind, no plus sign, no text or two lines."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert list(_problems(tmp_path / name)) == problems


def test_a_version_has_one_number() -> None:
    """The package, its metadata and the newest heading of the changelog."""
    newest = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (_ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert {newest[1], _PROJECT["project"]["version"]} == {harness.__version__}


def _problems(path: Path) -> list[str]:
    if path.name == "README.md":
        return []
    if not _NAME.fullmatch(path.name):
        return [f"{path.name}: write +WORDS.KIND.md"]
    return [] if len(path.read_text("utf-8").strip().splitlines()) == 1 else [f"{path.name}: write one line"]
