"""Every reason that the judge has ever given a test: it names what to do, blames the platform for what the platform did alone, and has a bound.

The reasons are those of all golden files, over three thousand; and every `Reason(…)` of the source has a hint.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

import harness
from harness.model import ReasonKind
from harness.model.judged.reason import LONGEST

SOURCE: Final = Path(harness.__file__).parent
GOLDEN: Final = Path(__file__).parent / "golden"
BY_HAND: Final = frozenset({"rarely.ndjson"})
"""Files of reasons that a test made up to show how reasons are put together."""
NOT_THE_PLATFORM: Final = frozenset(
    kind.value
    for kind in ReasonKind
    if kind
    not in {
        ReasonKind.NOT_AS_EXPECTED,
        ReasonKind.AS_EXPECTED,
        ReasonKind.TOO_FEW,
        ReasonKind.CLUSTERED,
        ReasonKind.RESOLUTION,
        ReasonKind.WORSE_AFTER,
        ReasonKind.UNSTEADY,
        ReasonKind.NO_RECORD,
        ReasonKind.HARM,
    }
)
"""Kinds of which the cause is known, and is not the platform."""


class Given(NamedTuple):
    """A reason and its outcome, in a file."""

    file: str
    outcome: str
    kind: str
    text: str
    hint: str


def reasons_of(value: Any, file: str, outcome: str = "") -> Iterator[Given]:
    """Every reason in a document of a golden file."""
    if isinstance(value, dict):
        outcome = str(value.get("outcome") or outcome)
        because = value.get("because")
        if isinstance(because, dict) and {"kind", "text", "hint"} <= because.keys():
            yield Given(file, outcome, because["kind"], because["text"], because["hint"])
        for inner in value.values():
            yield from reasons_of(inner, file, outcome)
    elif isinstance(value, list):
        for inner in value:
            yield from reasons_of(inner, file, outcome)


def every_reason() -> set[Given]:
    """Those of all golden files, each once."""
    found = set[Given]()
    for file in sorted(GOLDEN.rglob("*.ndjson")):
        for line in file.read_text(encoding="utf-8").splitlines():
            document = line.rpartition("\t")[2]
            if document.startswith("{"):
                found.update(reasons_of(json.loads(document), file.name))
    return found


@pytest.fixture(scope="module")
def reasons() -> set[Given]:
    """All of them."""
    return every_reason()


def test_the_walk_meets_three_thousand_reasons_of_nearly_every_kind(reasons: set[Given]) -> None:
    """Else it would pass over an empty set; the kinds that are left are those of plans, reports and waivers."""
    assert len(reasons) > 2500
    elsewhere = {
        ReasonKind.FILTERED,
        ReasonKind.PART,
        ReasonKind.UNCLAIMED,
        ReasonKind.HARM,
        ReasonKind.CUT,
        ReasonKind.OTHER_RUN,
        ReasonKind.REPORT,
    }
    assert {kind.value for kind in ReasonKind} - {one.kind for one in reasons} <= {kind.value for kind in elsewhere}


RULES: Final[dict[str, Callable[[Given], object]]] = {
    "what is not passed says what to do": lambda one: one.outcome == "PASS" or one.file in BY_HAND or one.hint,
    "where the cause is known the platform is not blamed": lambda one: (
        one.kind not in NOT_THE_PLATFORM or "fix the platform" not in one.hint
    ),
    "a sentence has a bound": lambda one: len(one.text) <= LONGEST and len(one.hint) <= LONGEST,
    "a figure between two bounds is held against what was expected": lambda one: (
        not re.search(r", between (-?[0-9]|without)", one.text) or "expected" in one.text
    ),
    "no figure of nothing": lambda one: (
        not re.search(r"(?<!has )\b(nan|inf)\b|\(0 of 0 requests\)|again in 0 s", one.text)
    ),
    "no number that nobody can read": lambda one: not re.search(r"\de-\d\d", one.text),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_reason_keeps_the_rule(reasons: set[Given], rule: str) -> None:
    """The first five that do not are named."""
    keeps = RULES[rule]
    assert sorted(f"{one.file}: {one.text:.200} | {one.hint:.100}" for one in reasons if not keeps(one))[:5] == []


def test_every_reason_in_the_source_has_a_hint() -> None:
    """`because(…)` has that of its measure; a `Reason` is made with its own."""
    bare = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason"
        if "hint" not in {keyword.arg for keyword in node.keywords}
    ]
    assert bare == []
