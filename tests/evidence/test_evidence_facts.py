"""Many facts of a check are a table of their own: written, sealed, read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evidence import RunDirectory
from harness.evidence.histories.checks import write_facts
from harness.evidence.reading import load_evidence
from harness.evidence.seal import seal
from harness.model import Demand, DemandKind, Fact
from tests.builders.plans import plan

CHECK = Demand(kind=DemandKind.CHECK, name="calls", params={"operations": "all"})


def fact(number: int, *, ok: bool | None = True) -> Fact:
    """A call that was refused, or not, or got no answer."""
    seen = {True: "refused", False: "200", None: "no answer"}[ok]
    return Fact(subject=f"call {number}", expected="refused", observed=seen, ok=ok, attempts=1, at_ns=number)


FACTS = tuple(fact(number, ok={7: False, 9: None}.get(number, True)) for number in range(1, 151))


def recorded(tmp_path: Path, facts: tuple[Fact, ...], done: int, covered: int = 61) -> RunDirectory:
    """A run whose check found so many facts, and says that it found `done`."""
    directory = RunDirectory.create(tmp_path, "run-1")
    directory.write_plan(plan())
    checks, run = directory.history("checks"), directory.history("run")
    file = write_facts(directory.path, CHECK.key, facts)
    checks.put("check.done", CHECK.key, demand=CHECK.key, facts=done, file=file, covered=covered, of=61)
    run.put("run.ended", "run-1", ok=True)
    checks.close()
    run.close()
    directory.end()
    return directory


@pytest.mark.parametrize("sealed", [False, True], ids=["as it was left", "sealed"])
def test_many_facts_are_written_and_read_back(tmp_path: Path, *, sealed: bool) -> None:
    """All of them, in order, with what they cover."""
    directory = recorded(tmp_path, FACTS, 150)
    if sealed:
        seal(directory, plan())
    found = load_evidence(directory).checks[CHECK.key]
    assert found.matrix is not None
    assert (len(found.matrix), found.matrix.covered, found.matrix.of) == (150, 61, 61)
    assert [found.matrix.count(ok=ok) for ok in (True, False, None)] == [148, 1, 1]
    assert found.matrix.first(ok=False) == (FACTS[6],)
    assert found.matrix.first(ok=True, most=2) == FACTS[:2]
    ending = "parquet" if sealed else "rows"
    file = f"checks/check-calls-operations-all.{ending}"
    assert found.files == ("history/checks.ndjson", file)
    assert (directory.path / file).exists()


def test_facts_that_are_lost_are_noticed(tmp_path: Path) -> None:
    """The check said that it found more than are recorded."""
    found = load_evidence(recorded(tmp_path, FACTS[:100], 150)).checks[CHECK.key]
    assert (found.matrix, found.facts, found.why) == (None, (), "150 facts were found, 100 are recorded")
