"""One term, one meaning: a class name is defined once in the tree."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def test_no_class_name_is_defined_twice() -> None:
    """A reader who searches for a class finds one definition."""
    assert {name: places for name, places in _classes(_ROOT / "harness").items() if len(places) > 1} == {}


def test_two_classes_of_one_name_are_found(tmp_path: Path) -> None:
    """The search finds nested and private classes too."""
    (tmp_path / "one.py").write_text("class _Session:\n    pass\n", encoding="utf-8")
    (tmp_path / "two.py").write_text("def f():\n    class _Session:\n        pass\n", encoding="utf-8")
    assert _classes(tmp_path) == {"_Session": ["one.py:1", "two.py:2"]}


def _classes(root: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{path.relative_to(root)}:{node.lineno}")
    return dict(found)
