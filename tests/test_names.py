"""One term, one meaning: a class name is defined once in the tree, and identifiers use the words of the messages."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_CODE: Final = (_ROOT / "harness", _ROOT / "claims", _ROOT / "sandbox" / "readiness_sandbox")
_MOST_LINES: Final = 400
_MOST_MODULES: Final = 15
_GUESSED: Final = {"look", "looks", "looked", "wanted", "meant", "mend", "bear", "bears", "nobody", "somebody", "fared"}
"""Words that tests/test_words.py refuses in text."""


def test_no_class_name_is_defined_twice() -> None:
    """A reader who searches for a class finds one definition."""
    assert {name: places for name, places in _classes(*_CODE).items() if len(places) > 1} == {}


def test_no_module_has_more_than_400_lines() -> None:
    """A module that grows beyond them has a part that is a module of its own."""
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in _files(*_CODE)}
    assert {str(path.relative_to(_ROOT)): count for path, count in lines.items() if count > _MOST_LINES} == {}


def test_hardly_a_directory_has_more_than_15_modules() -> None:
    """A reader finds a module by the name of its directory; at most four directories are larger."""
    rooms = (_ROOT / "harness", _ROOT / "claims")
    modules = Counter(path.parent for path in _files(*rooms) if path.name != "__init__.py")
    large = {str(room.relative_to(_ROOT)): count for room, count in modules.items() if count > _MOST_MODULES}
    assert len(large) <= 4, large


def test_two_classes_of_one_name_are_found(tmp_path: Path) -> None:
    """The search finds nested and private classes too."""
    (tmp_path / "one.py").write_text("class _Session:\n    pass\n", encoding="utf-8")
    (tmp_path / "two.py").write_text("def f():\n    class _Session:\n        pass\n", encoding="utf-8")
    assert _classes(tmp_path) == {"_Session": ["one.py:1", "two.py:2"]}


def test_no_identifier_uses_a_word_that_has_to_be_guessed() -> None:
    """Names of functions, classes, arguments, variables and attributes have the words of the messages."""
    assert [
        f"{path.relative_to(_ROOT)}:{line}: {name}"
        for path in _files(*_CODE)
        for line, name, _ in _read(path)
        if _GUESSED & _words(name)
    ] == []


def test_identifiers_are_read_word_by_word() -> None:
    """Of snake case and camel case, and no part of another word."""
    source = "def look_at(recommended):\n    self._wanted = WantedFilter(looked_up)\n"
    assert [name for _, name, _ in _identifiers(source) if _GUESSED & _words(name)] == [
        "look_at",
        "_wanted",
        "WantedFilter",
    ]


@cache
def _read(path: Path) -> tuple[tuple[int, str, bool], ...]:
    return tuple(_identifiers(path.read_text(encoding="utf-8")))


def _identifiers(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line and name, and whether it is the name of a class."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name, isinstance(node, ast.ClassDef)
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg, False
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id, False
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr, False


@cache
def _words(name: str) -> set[str]:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return set(re.sub(r"look(?:ed|s)?_up", "lookup", snake).split("_"))


def _files(*roots: Path) -> list[Path]:
    return sorted(path for root in roots for path in root.rglob("*.py"))


def _classes(*roots: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    for path in _files(*roots):
        for line, name, is_class in _read(path):
            if is_class:
                found[name].append(f"{path.name}:{line}")
    return dict(found)
