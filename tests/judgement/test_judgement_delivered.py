"""The share of events that a fault-free window accepted and that became visible in time, once and whole."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from judgement_builders import (
    END,
    evidence,
    measures,
    ns,
    objective,
    observation,
    plan,
    samples,
    table,
    window,
    with_ints,
    with_words,
)

from harness.figures import spec_of
from harness.judgement import judge
from harness.judgement.figures.spec import Offered
from harness.model import PIPELINE, Evidence, Figure, Measure, Objective, Op, Outcome, Quantity, Table, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def sentence(limit: str = "99.5 %") -> Objective:
    """At least 99.5 % within 30 s."""
    return objective(Figure.DELIVERED, Op.AT_LEAST, limit, times={"within": Quantity.parse("30 s")})


def events(n: int = 1200, seconds: float = 150.0) -> Table:
    """Events accepted evenly over 150 s, each visible 100 ms later."""
    turn = np.arange(n)
    accepted = (turn * round(seconds * 1e9 / n)).astype(np.int64) + 10_000_000
    return table(
        PIPELINE,
        n,
        id=turn,
        made_ns=accepted - 10_000_000,
        accepted_ns=accepted,
        seen_ns=accepted + 100_000_000,
        copies=1,
        status=202,
        outcome="accepted",
        state="found",
    )


@cache
def run() -> Evidence:
    """A run whose fault-free window lasts 150 s, and whose pipeline was watched to the end."""
    base = evidence()
    long = replace(window(samples(0, 150), 0, 150))
    watched = WatchSource(name="pipeline", spacing_ms=125, closed=True)
    return replace(
        base,
        windows={long.name: long},
        experiments={},
        pipeline=events(),
        watchers={**base.watchers, "pipeline": watched},
        observations=(*base.observations, observation("watch.closed", "pipeline", END, "watch", rows=1200)),
    )


def judged(rows: Table, base: Evidence | None = None) -> Measure:
    """The one measure of the sentence."""
    (measure,) = measures(judge(plan({"R": sentence()}), replace(base or run(), pipeline=rows)))
    return measure


def late(rows: Table, at: slice, seconds: float, known_s: float = 0.01) -> Table:
    """Some events visible so many seconds after their acceptance, and requested in vain so long before."""
    ints = {name: column.copy() for name, column in rows.ints.items()}
    ints["seen_ns"][at] = rows.ints["accepted_ns"][at] + ns(seconds)
    ints["unseen_ns"][at] = ints["seen_ns"][at] - ns(known_s)
    return replace(rows, ints=ints)


def test_one_event_in_fifty_that_is_held_back_fails() -> None:
    """Every 50th is visible after 45 s, 15 s later than promised."""
    found = judged(late(events(), slice(0, None, 50), 45.0))
    assert found.outcome is FAIL
    assert "24 of 1200 were late, lost, doubled or changed" in found.reason


def test_events_that_may_have_come_in_time_are_not_known() -> None:
    """Every 50th is seen after 45 s and was last requested in vain after 25 s, on the other side of the 30 s that it may take."""
    found = judged(late(events(), slice(0, None, 50), 45.0, known_s=20.0))
    assert found.outcome is INCONCLUSIVE
    assert "the state of 24 is unknown" in found.reason


def test_a_delay_inside_the_limit_is_none() -> None:
    """Every 50th is visible after 29 s."""
    assert judged(late(events(), slice(0, None, 50), 29.0)).outcome is PASS


@pytest.mark.parametrize("state", ["absent", "twice", "wrong"])
def test_an_event_that_is_lost_doubled_or_changed_was_not_delivered_whole(state: str) -> None:
    """Every 50th, however soon it came."""
    rows = with_words(events(), slice(0, None, 50), state=state)
    rows = with_ints(rows, slice(0, None, 50), seen_ns=0) if state == "absent" else rows
    assert judged(rows).outcome is FAIL


def test_what_is_not_known_neither_passes_nor_fails() -> None:
    """The last state of every 50th was not read: no proof of either."""
    rows = with_words(events(), slice(0, None, 50), state=None)
    found = judged(with_ints(rows, slice(0, None, 50), seen_ns=0))
    assert found.outcome is INCONCLUSIVE
    assert "the state of 24 is unknown" in found.reason


@pytest.mark.parametrize(("of", "why"), [(3, "the pipeline did not accept 400 of 1200 events"), (300, "")])
def test_a_pipeline_that_accepts_too_few_is_not_shown_by_those_that_it_accepts(of: int, why: str) -> None:
    """A third of the events is refused, or one in 300, where 0.5 % may fail: the second is not proven to be more."""
    found = judged(with_words(events(), slice(0, None, of), outcome="refused", state=None))
    assert (found.outcome, why in found.reason) == (INCONCLUSIVE if why else PASS, True), found.reason


def test_events_that_are_refused_under_a_fault_are_the_faults() -> None:
    """From the 1000th on, after the window."""
    short = replace(window(samples(0, 110), 0, 110))
    rows = with_words(events(), slice(1000, None), outcome="refused", state=None)
    assert judged(rows, replace(run(), windows={short.name: short})).outcome is PASS


def test_too_few_events_decide_nothing() -> None:
    """256 without a failure: up to 1.2 % may be late."""
    assert judged(events(256)).outcome is INCONCLUSIVE


def test_events_accepted_under_a_fault_do_not_count() -> None:
    """All that are late were accepted after the window."""
    base = run()
    short = replace(window(samples(0, 110), 0, 110))
    rows = late(events(), slice(1000, None), 45.0)
    found = judged(rows, replace(base, windows={short.name: short}))
    assert (found.outcome, found.n) == (PASS, 880)


def test_a_record_with_a_gap_proves_nothing() -> None:
    """An event that nobody recorded may be the late one."""
    rows = events()
    assert judged(rows.where(rows.ints["id"] != 7)).outcome is INCONCLUSIVE


def test_the_plan_knows_how_many_events_are_needed() -> None:
    """598 without a failure at 5 a second: 120 s are enough, 60 s are not."""
    spec = spec_of(Figure.DELIVERED)
    enough, short = (spec.numbers(sentence(), Offered(requests=0, probes=0, window_s=s)) for s in (128.0, 60.0))
    assert enough is not None
    assert (enough.needed, enough.planned, enough.short) == ("598 at 0 failures", "640", None)
    assert short is not None
    assert short.short == (300, 598)
