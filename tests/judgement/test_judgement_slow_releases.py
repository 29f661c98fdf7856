"""A release with slow queries: the p95 of every query is below 500 ms again in time, as the database itself counts their calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.model import Evidence, Observation, WatchSource
from harness.model.planned.rollout import TakenBack
from tests.builders.rollout_runs import COLOURS, END, Row, evidence, history, judged, rollout_plan, rows
from tests.builders.statement_reads import PLAY, quick, reads, slow

SENTENCE = "every query p95 is below 500 ms within 10 min of a release with slow queries"
AT_ONCE = rollout_plan(steps=(1.0,), taken_back=TakenBack.BY_PLATFORM)
GIVEN = 15.0
"""All users are given the candidate."""
SLEEP = "SELECT pg_sleep($1)"


def asleep(until: float) -> Any:
    """The candidate's own query, from its first users to a moment."""
    return lambda at: [700.0] * 6 if GIVEN < at <= until else []


def run(counted: Sequence[Observation], *, back: float = 20.0, end: float = END, closed: bool = True) -> Evidence:
    """A switch at 15 s that the platform took back."""
    made: list[Row] = rows(COLOURS, back=back, end=end)
    base = evidence(made, history(COLOURS, back=back, by="platform"), parts=COLOURS, back=back, end=end)
    watchers = {"statements": WatchSource(name="statements", spacing_ms=500, closed=closed)}
    return replace(base, observations=(*base.observations, *counted), watchers=watchers)


@pytest.mark.parametrize(
    ("until", "expected"),
    [(22.0, "PASS"), (24.5, "PASS"), (25.0, "INCONCLUSIVE"), (25.5, "FAIL"), (40.0, "FAIL")],
)
def test_queries_are_quick_again_in_time(until: float, expected: str) -> None:
    """Ten minutes are ten seconds here, from the first users on; between two readings it is not known when."""
    (found,) = judged(SENTENCE, run(reads(END, {SLEEP: asleep(until), PLAY: quick})), AT_ONCE)
    assert found.outcome.value == expected, found.because.text
    assert found.scope["of"] == SLEEP


def test_a_query_that_stays_slow_on_the_old_release_is_red() -> None:
    """Whoever sends it: the database is asked, not a release."""
    told = reads(END, {SLEEP: asleep(20), PLAY: slow(GIVEN, END)})
    (found,) = judged(SENTENCE, run(told), AT_ONCE)
    assert (found.outcome.value, found.scope["of"]) == ("FAIL", PLAY)


def test_a_release_without_slow_queries_proves_nothing() -> None:
    """Nor one whose slow query is called too seldom."""
    for calls in (quick, lambda at: [700.0] if 15 < at < 20 and not at % 1 else []):
        (found,) = judged(SENTENCE, run(reads(END, {PLAY: calls})), AT_ONCE)
        assert found.outcome.value == "INCONCLUSIVE", found.because.text


@pytest.mark.parametrize("lack", ["readings", "the end of them", "their watcher", "a member", "time"])
def test_what_was_not_read_is_no_pass(lack: str) -> None:
    """Never read, read until shortly after the way back, not closed in order, a member that did not answer, ended too soon."""
    counted = reads(22.0 if lack == "the end of them" else END, {SLEEP: asleep(20), PLAY: quick})
    if lack == "a member":
        counted += reads(END, {PLAY: quick}, member="pg-1", why={19.5: "timeout"})
    end = 23.0 if lack == "time" else END
    made = run([] if lack == "readings" else counted, closed=lack != "their watcher", end=end)
    (found,) = judged(SENTENCE, made, AT_ONCE)
    assert found.outcome.value == "INCONCLUSIVE", found.because.text


def test_a_release_that_nobody_was_given_proves_nothing() -> None:
    """It was taken back before its switch."""
    parts = COLOURS[:1]
    made = evidence(rows(parts, back=14.0), history(parts, back=14.0, by="platform"), parts=parts, back=14.0)
    (found,) = judged(SENTENCE, replace(made, observations=(*made.observations, *reads(END, {PLAY: quick}))), AT_ONCE)
    assert found.outcome.value == "INCONCLUSIVE"
