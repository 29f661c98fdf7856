"""Every kind of observation has a declaration, a writer, and a reader or a place in the list of those for people only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import harness
from harness.model import Observation
from harness.model.observations import KINDS, LedgerRead, every
from harness.model.observations.kinds import fields_of
from harness.model.records.readers import KINDS_READ

HARNESS = Path(harness.__file__).parent
WRITERS = ("chaos", "drivers", "locust", "run", "evidence/seal.py")
READERS = ("evidence", "judgement")
PREFIXES = sorted({kind.partition(".")[0] for kind in KINDS if "." in kind})
LIKE_A_KIND = re.compile(rf"(?:{'|'.join(PREFIXES)})\.[a-z]+(?:-[a-z]+)*")
WINDOWS = ("quiet", "held", "back", "last")
CLASSES = sorted(set(KINDS.values()), key=lambda kind: kind.__name__)


def trees(*rooms: str) -> Iterator[ast.Module]:
    """The code of these rooms; the seal is a writer, and reads nothing that a writer beside it wrote."""
    for room in rooms:
        files = [HARNESS / room] if room.endswith(".py") else sorted((HARNESS / room).rglob("*.py"))
        for file in files:
            if file.name == "seal.py" and room in READERS:
                continue
            yield parsed(file)


@cache
def parsed(file: Path) -> ast.Module:
    """The code of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def put_kinds() -> Iterator[tuple[str, frozenset[str]]]:
    """Kind and keywords of each call that puts an observation whose kind is plain to see."""
    for tree in trees(*WRITERS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"put", "_put"} and node.args:
                kinds = [c.value for arg in node.args[:2] for c in ast.walk(arg) if isinstance(c, ast.Constant)]
                for kind in kinds:
                    if isinstance(kind, str) and (kind in KINDS or LIKE_A_KIND.fullmatch(kind)):
                        yield kind, frozenset(keyword.arg for keyword in node.keywords if keyword.arg)


@cache
def words(*rooms: str) -> set[str]:
    """Every word that stands in the code of these rooms, of f-strings the constant parts, and every name that is used."""
    found: set[str] = set()
    for tree in trees(*rooms):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.Name):
                found.add(node.id)
    return found


def test_every_kind_that_is_put_is_declared_with_its_fields() -> None:
    """No call puts a kind, or a field, that its declaration does not have."""
    put = [*put_kinds()]
    assert {kind for kind, _ in put if kind not in KINDS} == set()
    more = {
        (kind, keyword)
        for kind, keywords in put
        for keyword in keywords - {field.key for field in fields_of(KINDS[kind])}
    }
    assert more == set()
    assert len({kind for kind, _ in put}) > 20


def test_every_declared_kind_is_written(subtests: pytest.Subtests) -> None:
    """One of the rooms that write names it."""
    there = words(*WRITERS)
    for kind in CLASSES:
        with subtests.test(kind.__name__):
            assert not {name for name in kind.KINDS if name not in there and f"{name.partition('.')[0]}." not in there}
            assert kind.WRITERS


def test_every_kind_is_read_or_is_for_people_only(subtests: pytest.Subtests) -> None:
    """Evidence or judge name its class or one of its kinds; what is for people only in every kind of window, neither does."""
    there = words(*READERS)
    for kind in CLASSES:
        with subtests.test(kind.__name__):
            for_people = len(KINDS_READ[kind].for_people()) == len(WINDOWS)
            assert (kind.__name__ in there or not there.isdisjoint(kind.KINDS)) is not for_people


def test_an_observation_becomes_a_value_of_its_kind() -> None:
    """Keys that Python has for itself end in an underscore; what is not given has its default."""
    fields = {"at_ns": 5, "after": "end", "complete": True, "rows": 3, "source": "us-east-1", "newer": 1}
    o = Observation(source="run", seq=0, clock="c", mono_ns=9, wall="", kind="final-read", subject="2", fields=fields)
    (read,) = every(LedgerRead, [o])
    expected = LedgerRead(
        subject="2",
        kind="final-read",
        source="run",
        recorded_ns=9,
        at_ns=5,
        after="end",
        complete=True,
        rows=3,
        source_="us-east-1",
    )
    assert read == expected
    assert read.when_ns == 5
