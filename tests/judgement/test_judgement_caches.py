"""The recovery of reads and writes of a cache after the loss of a primary, from the probes of its keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import END, SPANS, every, evidence, experiment, measures, ns, plan, recovery, table, with_words

from harness.judgement import judge
from harness.model import Evidence, Measure, Outcome, Restore, Table, WatchSource
from harness.model.records.table import CACHE

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BEFORE, AFTER = "10.0.0.1:6379 10.0.0.2:6379 10.0.0.3:6379", "10.0.0.6:6379 10.0.0.2:6379 10.0.0.3:6379"
GONE = "eu 10.0.0.1:6379: connection refused"


def probes(out: tuple[float, float] | None, *, moved: bool = True) -> Table:
    """Five reads and writes a second; in a time the keys of one primary fail, and afterwards another server has them."""
    parts = []
    for kind in ("read", "write"):
        due = every(0, END, 5.0)
        rows = table(CACHE, len(due), due_ns=due, sent_ns=due, done_ns=due + 1_000_000, kind=kind, servers=BEFORE)
        if out is not None:
            rows = with_words(rows, (due >= ns(out[0])) & (due < ns(out[1])), error=GONE)
        if moved:
            rows = with_words(rows, due >= ns(SPANS["database-loss"][1] + 5), servers=AFTER)
        parts.append(rows)
    return Table.merged(CACHE, parts)


def run_of(rows: Table) -> Evidence:
    """A run in which a pod of the cache was killed, and came back 5 s before the end of its window."""
    base = evidence()
    _, start, end = SPANS["database-loss"]
    attempt = experiment("database-loss", "cache", start, end)
    attempt = replace(attempt, restore=Restore(ok=True, at_ns=ns(end)))
    watchers = {**base.watchers, "cache": WatchSource(name="cache", spacing_ms=200, closed=True)}
    attempts = {**base.experiments, "database-loss": (attempt,)}
    return replace(base, experiments=attempts, recorded={CACHE.name: rows}, watchers=watchers)


def judged(rows: Table, limit: str = "20 s") -> dict[str, Measure]:
    """Each measure by name, of the sentence on reads and writes of the cache."""
    operations = ("reads of the cache", "writes of the cache")
    of = plan({"R": recovery(limit, "database-loss", operations=operations)})
    planned = replace(of.experiments["database-loss"], domain="cache")
    of = replace(
        of,
        experiments={**of.experiments, "database-loss": planned},
        probe_spacing_ms={**of.probe_spacing_ms, **dict.fromkeys(operations, 200.0)},
    )
    return {one.name: one for one in measures(judge(of, run_of(rows)))}


@pytest.mark.parametrize("operation", ["reads", "writes"])
def test_a_failover_within_the_limit_passes(operation: str) -> None:
    """Out for 6 s; the users' own requests are no part of it."""
    found = judged(probes((111.2, 117.0)))
    one = found[f"recovery of {operation} of the cache"]
    assert one.outcome is PASS, one.reason
    assert one.value == pytest.approx(6.0, abs=0.3)
    assert one.resolution == pytest.approx(0.2, abs=0.02)
    assert not [name for name in found if "users" in name]


def test_no_failover_until_the_undo_fails() -> None:
    """The keys were out for the whole hold, which is longer than the limit; that the primary came back is no recovery."""
    found = judged(probes((111.2, 146.5), moved=False))
    assert {one.outcome for name, one in found.items() if name.startswith("recovery")} == {FAIL}
    assert "recovered only when the fault was undone" in found["recovery of reads of the cache"].reason


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(probes(None, moved=False), INCONCLUSIVE, id="a replica or another pod was killed"),
        pytest.param(probes(None, moved=True), PASS, id="another server has the slots"),
        pytest.param(Table.empty(CACHE), INCONCLUSIVE, id="nothing was probed"),
    ],
)
def test_a_fault_that_no_primary_met_shows_nothing(rows: Table, expected: Outcome) -> None:
    """Every key was served by the same server as before."""
    found = judged(rows)
    assert {one.outcome for name, one in found.items() if name.startswith("recovery")} == {expected}, found


def test_a_cache_that_fails_without_a_fault_decides_nothing() -> None:
    """Its probes failed for 10 s before the first fault."""
    rows = probes((111.2, 117.0))
    sent = rows.ints["sent_ns"]
    rows = with_words(rows, np.asarray((sent >= ns(20)) & (sent < ns(30))), error=GONE)
    found = judged(rows)
    assert {one.outcome for name, one in found.items() if name.startswith("recovery")} == {INCONCLUSIVE}
