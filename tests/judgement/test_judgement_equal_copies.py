"""Both copies are equal row by row after a partition: what each member shows of the ledger, and since when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    S,
    every,
    evidence,
    experiment,
    ledger,
    measures,
    ns,
    objective,
    plan,
    samples,
    table,
    window,
    with_words,
    writes,
)

from harness.judgement import judge
from harness.model import (
    COPIES,
    LEDGER_COPIES,
    Evidence,
    ExperimentPlan,
    Figure,
    Hit,
    Measure,
    Op,
    Outcome,
    Phase,
    Restore,
    Table,
    WatchSource,
    fault_name,
)

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
EQUAL = objective(Figure.EQUAL_COPIES, Op.BELOW, "60 s", experiments=("network-partition",), phase=Phase.FAULT)
CUT, HEALED, END = 71.0, 90.0, 200.0
"""The partition is sent at 71 s and heals at 90 s; the watch goes on until 200 s."""
MEMBERS = ("pg-0", "pg-1", "pg-2")
WRITTEN = writes(0, END, 10.0)


def copy(member: str, *, back: float = CUT, lacks: tuple[int, ...] = (), wrong: tuple[int, ...] = ()) -> Table:
    """What a member shows: each write 100 ms after it was sent; what was sent from the cut on, from `back` on at the earliest."""
    kept = WRITTEN.where(~np.isin(WRITTEN.ints["id"], list(lacks)))
    seen = kept.ints["made_ns"] + S // 10
    late = kept.ints["made_ns"] >= ns(CUT)
    state = ["wrong" if number in wrong else "found" for number in kept.ints["id"].tolist()]
    return table(
        LEDGER_COPIES,
        len(kept),
        id=kept.ints["id"],
        by=kept.ints["by"],
        seen_ns=np.where(late, np.maximum(seen, ns(back)), seen),
        copies=1,
        place=member,
        state=state,
    )


def asked(*members: str, end: float = END) -> Table:
    """Two reads a second of each member, all answered."""
    due = every(0, end, 2.0)
    return Table.merged(COPIES, [table(COPIES, len(due), due_ns=due, at_ns=due, rows=1, member=m) for m in members])


def run(*copies: Table, reads: Table | None = None, until: float = END, restored: bool = True) -> Evidence:
    """The partition of pg-2, with what the members showed."""
    base = evidence()
    attempt = experiment("network-partition", "network", CUT - 1, HEALED + 5)
    hit = Hit(kind="pod", name="pg-2", namespace="database", uid="u-2")
    attempt = replace(
        attempt,
        fault=replace(attempt.fault, hit=(hit,)),
        restore=Restore(ok=restored, at_ns=ns(HEALED + 5), why="" if restored else "pg-2 does not stream"),
    )
    shown = Table.merged(LEDGER_COPIES, list(copies))
    return replace(
        base,
        ledger=ledger(WRITTEN),
        experiments={"network-partition": (attempt,)},
        windows={
            **{name: one for name, one in base.windows.items() if one.fault_free},
            fault_name("network-partition"): window(samples(CUT, until), CUT, until, "network-partition"),
        },
        recorded={COPIES.name: reads or asked(*MEMBERS), LEDGER_COPIES.name: shown},
        watchers={**base.watchers, "copies": WatchSource(name="copies", spacing_ms=500, closed=True)},
    )


def judged(given: Evidence) -> Measure:
    """The measure of the partition."""
    planned = ExperimentPlan(
        name="network-partition",
        file="network-partition.yaml",
        domain="network",
        within_s=15,
        hold_s=15,
        observe_s=60,
        seconds=40,
    )
    (found,) = measures(judge(plan({"R": EQUAL}, experiments={planned.name: planned}), given))
    return found


def test_copies_that_are_equal_too_late_fail() -> None:
    """Seventy seconds after the end, whether or not the target was as before by then."""
    for restored in (True, False):
        found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 70), restored=restored))
        assert (found.outcome, found.value) == (FAIL, 70.0)


@pytest.mark.parametrize(
    ("back", "before", "outcome"), [(59.9, 59.0, PASS), (60.2, 59.5, INCONCLUSIVE), (60.6, 60.0, FAIL)]
)
def test_a_limit_between_two_reads_is_not_decided(back: float, before: float, outcome: Outcome) -> None:
    """Read every half second: copies that differ at 59.5 s and are equal at 60.2 s leave 60 s open; such that differ at 60 s do not."""
    found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + back)))
    assert (found.outcome, found.low, found.value) == (outcome, before, back)
    assert (found.reason.count("the copies were last read as different 59.5 s after the end of the partition") > 0) is (
        back == 60.2
    )


def test_writes_that_the_parted_copy_never_shows_fail() -> None:
    """Each is named; the copies that have them are not blamed."""
    found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 1, lacks=(750, 751))))
    assert (found.outcome, found.value) == (FAIL, None)
    assert (
        "pg-2 in 2 of 900 rows differed from the other copies (client 1 number 750, client 1 number 751)"
        in found.reason
    )


def test_a_copy_that_shows_nothing_at_all_lacks_every_write() -> None:
    """Its first names are told."""
    found = judged(run(copy("pg-0"), copy("pg-1"), reads=asked(*MEMBERS)))
    assert found.outcome is FAIL
    assert "pg-2 in 900 of 900 rows differed from the other copies (client 1 number 0" in found.reason


def test_writes_that_the_other_copies_never_show_fail() -> None:
    """What only the parted copy had by then must be everywhere, too, acknowledged or not."""
    own = table(LEDGER_COPIES, 1, id=5000, by=1, seen_ns=ns(80), copies=1, place="pg-2", state="found")
    found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 1), own))
    assert (found.outcome, found.n) == (FAIL, 901)
    assert "pg-0 in 1 and pg-1 in 1 of 901 rows differed from the other copies (client 1 number 5000)" in found.reason


@pytest.mark.parametrize("change", [{"wrong": (100,)}, {"lacks": (3,)}])
def test_a_difference_from_before_the_partition_fails(change: dict[str, tuple[int, ...]]) -> None:
    """Another value, or a row that was never there."""
    assert judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 1, **change))).outcome is FAIL


def test_a_write_that_is_there_twice_in_one_copy_only_fails() -> None:
    """Replayed once more when the copies were joined."""
    double = copy("pg-2", back=HEALED + 1)
    double.ints["copies"][double.ints["id"] == 800] = 2
    found = judged(run(copy("pg-0"), copy("pg-1"), double))
    assert found.outcome is FAIL
    assert "pg-0 in 1 and pg-1 in 1 of 900 rows differed" in found.reason


def test_a_write_that_a_copy_shows_no_more_fails() -> None:
    """It was there, and was taken back when the copies were joined."""
    gone = table(LEDGER_COPIES, 1, id=700, by=1, seen_ns=ns(HEALED + 2), copies=0, place="pg-2", state="absent")
    found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 1), gone))
    assert found.outcome is FAIL


def test_a_partition_that_nobody_saw_proves_nothing() -> None:
    """The copy that was hit showed every write all the time, or was not read while it was parted."""
    found = judged(run(*(copy(member) for member in MEMBERS)))
    assert found.outcome is INCONCLUSIVE
    assert (
        "pg-2 was read without an acknowledged write during the partition, expected at least one missing write"
        in found.reason
    )
    reads = asked(*MEMBERS)
    parted = (
        reads.words["member"].equals("pg-2") & (reads.ints["at_ns"] >= ns(CUT)) & (reads.ints["at_ns"] < ns(HEALED))
    )
    blind = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 1), reads=reads.where(~parted)))
    assert blind.outcome is INCONCLUSIVE


def test_a_watch_that_ended_before_the_limit_decides_nothing() -> None:
    """Thirty seconds after the end the copies differ: they may be equal later."""
    found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=HEALED + 60), until=HEALED + 30))
    assert found.outcome is INCONCLUSIVE


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_that_was_not_read_proves_nothing(member: str) -> None:
    """From the end of the partition on: neither a PASS nor a FAIL."""
    reads = asked(*MEMBERS)
    silent = reads.words["member"].equals(member) & (reads.ints["at_ns"] >= ns(HEALED))
    for back in (HEALED + 3, HEALED + 70):
        found = judged(
            run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=back), reads=reads.where(~silent)),
        )
        assert found.outcome is INCONCLUSIVE
        assert "the watcher 'copies' sent no probe" in found.reason
        unanswered = with_words(reads, silent, error="no session")
        found = judged(run(copy("pg-0"), copy("pg-1"), copy("pg-2", back=back), reads=unanswered))
        assert found.outcome is INCONCLUSIVE


def test_one_copy_cannot_be_compared() -> None:
    """At least two members must have been read."""
    found = judged(run(copy("pg-2", back=HEALED + 1), reads=asked("pg-2")))
    assert found.outcome is INCONCLUSIVE
    assert "the ledger's rows were read from 1 members" in found.reason
