"""Where everything that is raised is caught: where foreign code is called, and at the ends of the command, the judge and the supervisor."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.builders.core_plan import ROOT

SEAMS = {
    "harness/cli/__init__.py": 1,
    "harness/judgement/judging.py": 1,
    "harness/locust/travel.py": 1,
    "harness/plugins.py": 1,
    "harness/run/scheduler.py": 1,
    "sandbox/readiness_sandbox/__main__.py": 1,
    "harness/steps/own.py": 1,
    "harness/targets/undo.py": 2,
}
FILES = sorted(file for root in ("harness", "sandbox/readiness_sandbox") for file in (ROOT / root).rglob("*.py"))
BROAD = {"Exception", "BaseException"}


def broad_handlers(file: Path) -> list[ast.ExceptHandler]:
    """Handlers of everything: by name, in a tuple, or without a type; also what `suppress` is given."""
    text = file.read_text("utf-8")
    if not re.search(r"Exception\b|\bexcept\s*:", text):
        return []  # no handler of it has a broad type or none
    handlers = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler))
    return [one for one in handlers if one.type is None or BROAD & {*map(_name, _types(one.type))}]


def _types(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_everything_is_caught_at_the_seams_alone_each_with_its_reason() -> None:
    """A new one is argued for here; the comment is on its line or the next."""
    found, silent = Counter[str](), []
    for file in FILES:
        lines = file.read_text("utf-8").splitlines()
        for handler in broad_handlers(file):
            place = file.relative_to(ROOT).as_posix()
            found[place] += 1
            if not re.search(r"#.* seam", "\n".join(lines[handler.lineno - 1 : handler.lineno + 1])):
                silent.append(f"{place}:{handler.lineno}")
    assert dict(found) == SEAMS
    assert silent == []


def test_nothing_suppresses_everything() -> None:
    """`suppress(Exception)` is a handler without a reason."""
    texts = {file: file.read_text("utf-8") for file in FILES}
    assert [str(file) for file, text in texts.items() if re.search(r"suppress\((Base)?Exception\)", text)] == []
