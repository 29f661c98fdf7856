"""What each watcher saw of the run, told from its rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import evidence, lags, ns, observation, plan, pod, reads, table, with_words

from harness.judgement import judge
from harness.judgement.summary.watchers import watcher_results
from harness.model import PIPELINE, PROBES, Evidence, Table, WatcherResult, WatchSource


def source(name: str, spacing_ms: float = 50.0, **fields: object) -> dict[str, WatchSource]:
    """One watcher on record."""
    return {name: WatchSource(name=name, spacing_ms=spacing_ms, closed=True, **fields)}  # type: ignore[arg-type]


def seen(run: Evidence) -> dict[str, WatcherResult]:
    """By name."""
    return {result.name: result for result in watcher_results(run)}


def test_the_entry_each_region_and_each_replica_count_their_own() -> None:
    """The health path of the entry and the reads of a region are not the entry's reads; a region counts whatever it probes."""
    rows = Table.merged(
        PROBES,
        [
            reads(0, 2),
            with_words(reads(0, 1), slice(None), kind="health"),
            with_words(reads(0, 3), slice(None), subject="eu-west-1"),
            with_words(reads(0, 1), slice(None), subject="eu-west-1", kind="health"),
            with_words(reads(0, 1), slice(None), subject="us-east-1"),
        ],
    )
    found = seen(Evidence(probes=rows, watchers={**source("entry"), **source("regions")}))
    assert {name: one.n for name, one in found.items()} == {
        "entry": 40,
        "regions eu-west-1": 80,
        "regions us-east-1": 20,
    }
    replicas = seen(Evidence(replicas=lags(0, 2), watchers=source("replicas", 200.0)))
    assert {name: one.n for name, one in replicas.items()} == {f"replicas pg-{number}": 10 for number in range(3)}


def test_the_ledger_looks_when_a_write_is_due_and_the_pipeline_when_an_event_is_sent() -> None:
    """In any order of the rows."""
    base = evidence()
    ledger = seen(replace(base, watchers=source("ledger", 1000 / 30)))["ledger"]
    assert (ledger.n, ledger.first_ns, ledger.longest_gap_ms) == (6601, 0, 33.333333)
    events = table(PIPELINE, 3, id=[2, 0, 1], made_ns=[ns(3), ns(1), ns(2)])
    pipeline = seen(Evidence(pipeline=events, watchers=source("pipeline", 1000.0)))["pipeline"]
    assert (pipeline.n, pipeline.first_ns, pipeline.last_ns, pipeline.blind_s) == (3, ns(1), ns(3), 0)


def test_pods_are_heard_of_when_something_happens_and_silence_is_no_gap() -> None:
    """Four changes in 112 s; and none at all is none the worse."""
    changed = seen(replace(evidence(), watchers=source("pods", 0.0)))["pods"]
    assert (changed.n, changed.longest_gap_ms, changed.blind_s, changed.why) == (4, None, 0, "")
    assert (changed.first_ns, changed.last_ns) == (ns(1), ns(111.5))
    still = seen(Evidence(watchers=source("pods", 0.0)))["pods"]
    assert (still.n, still.first_ns, still.last_ns, still.why) == (0, None, None, "")
    other = seen(Evidence(pods=(pod(1, "ready", "a", "u"),), watchers=source("alerts")))["alerts"]
    assert (other.n, other.why) == (0, "the watcher sent no probe")


def test_alerts_keep_no_looks_and_are_told_by_their_receipt() -> None:
    """Blind from 2 s to 5 s and from 4 s to 6 s is blind for 4 s; the receipt of another watcher is not theirs."""
    told = (
        observation("watch.blind", "alerts", 9, "watch", of="alerts", from_ns=ns(4), until_ns=ns(6)),
        observation("watch.blind", "alerts", 9, "watch", of="alerts", from_ns=ns(2), until_ns=ns(5)),
        observation("watch.blind", "entry", 9, "watch", of="read", from_ns=ns(7), until_ns=ns(9)),
        observation(
            "watch.closed", "alerts", 9, "watch", probes=9, first_ns=ns(1), last_ns=ns(9), longest_gap_ms=3000.0
        ),
        observation("watch.closed", "entry", 9, "watch", probes=1, first_ns=1, last_ns=1, longest_gap_ms=1.0),
    )
    assert seen(Evidence(watchers=source("alerts", 1000.0), observations=told))["alerts"] == WatcherResult(
        name="alerts",
        spacing_ms=1000,
        n=9,
        first_ns=ns(1),
        last_ns=ns(9),
        longest_gap_ms=3000,
        blind_s=4,
        closed=True,
    )
    unclosed = {"alerts": WatchSource(name="alerts", spacing_ms=1000, closed=False, why="cut")}
    cut = seen(Evidence(watchers=unclosed, observations=told[:2]))["alerts"]
    assert (cut.n, cut.first_ns, cut.blind_s, cut.why) == (0, None, 4, "cut")


def test_a_watcher_of_a_package_is_known_by_its_receipt() -> None:
    """It has neither a declared table nor a stream, and probed all the same."""
    closed = observation(
        "watch.closed", "readers-free", 9, "watch", probes=4, first_ns=ns(1), last_ns=ns(4), longest_gap_ms=1000.0
    )
    own = seen(Evidence(watchers=source("readers-free", 1000.0), observations=(closed,)))["readers-free"]
    assert (own.n, own.first_ns, own.last_ns, own.longest_gap_ms, own.why) == (4, ns(1), ns(4), 1000, "")


@pytest.mark.parametrize(
    ("spacing_ms", "gap_ms", "blind_s"),
    [(50, 250, 0), (50, 251, 0.251), (200, 250, 0), (200, 300, 0), (200, 301, 0.301), (200, 400, 0.4)],
)
def test_blind_is_a_gap_over_250_ms_that_lacks_a_look(spacing_ms: float, gap_ms: int, blind_s: float) -> None:
    """One and a half spacings lack none yet."""
    due = np.array([0, 50, 100, 100 + gap_ms, 150 + gap_ms]) * 1_000_000
    rows = table(PROBES, 5, due_ns=due, sent_ns=due, subject="entry", kind="read")
    result = seen(Evidence(probes=rows, watchers=source("entry", spacing_ms)))["entry"]
    assert (result.longest_gap_ms, result.blind_s) == (gap_ms, blind_s)


def test_when_looks_were_due_counts_and_not_when_they_were_sent() -> None:
    """A look that was sent late was still made."""
    due = np.array([0, 50, 100]) * 1_000_000
    rows = table(PROBES, 3, due_ns=due, sent_ns=due + np.array([0, 0, 900_000_000]), subject="entry", kind="read")
    assert seen(Evidence(probes=rows, watchers=source("entry")))["entry"].longest_gap_ms == 50


def test_what_is_wrong_with_a_watcher_is_said() -> None:
    """It never looked, it looked once, it has no end, its file is cut."""
    never = seen(Evidence(watchers=source("entry")))["entry"]
    assert (never.n, never.why, never.longest_gap_ms) == (0, "the watcher sent no probe", None)
    assert seen(Evidence(watchers=source("regions")))["regions"].why == "the watcher sent no probe"
    once = seen(Evidence(probes=reads(0, 0.05), watchers=source("entry")))["entry"]
    assert (once.n, once.longest_gap_ms, once.blind_s) == (1, None, 0)
    open_end = {"entry": WatchSource(name="entry", spacing_ms=50, closed=False)}
    result = seen(Evidence(probes=reads(0, 1), watchers=open_end))["entry"]
    assert (result.closed, result.why) == (False, "its file is incomplete: the writer did not close it")
    assert seen(Evidence(watchers=source("entry", why="cut")))["entry"].why == "cut"


def test_watchers_that_cannot_be_told_take_down_nothing_else() -> None:
    """The judge's seam says why."""
    broken = replace(evidence(), probes=Table(schema=PROBES, ints={}, words={}))
    judgement = judge(plan(), broken)
    assert judgement.watchers == (
        WatcherResult(name="all", why="the judge could not compute this figure: KeyError: 'subject'"),
    )
    assert judgement.verdicts
