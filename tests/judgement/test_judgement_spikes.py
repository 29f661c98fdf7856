"""Spikes of a traffic: what a sound platform passes, and which sentence each defect turns red."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judgement_builders import claim, evidence, failing, measures, observation, plan, samples, window

from harness.judgement import judge
from harness.judgement.figures.scaling.spike_rise import SPEC
from harness.judgement.figures.spec import Offered
from harness.model import (
    Evidence,
    Measure,
    Objective,
    Observation,
    Plan,
    Table,
    TrafficPlan,
    WatchSource,
    fault_free_name,
)
from harness.model.records.table import SAMPLES
from harness.steps.grammar import read
from tests.builders.recorder import ns

RISE = 'the replicas of "web" rise within 3 min of a spike to 3 times the traffic and the response time p95 is below 500 ms within 5 min'
BACK = (
    'the replicas of "web" are back within 15 min after a spike to 3 times the traffic and no request failed meanwhile'
)
TIME = "the response time p95 is below 200 ms again within 10 min of a spike to 3 times everyday traffic"
BEGIN, END, UNTIL = 20.0, 44.0, 64.0
"""Of the spike, and of the traffic; the warm-up is over at 10 s. At scale 60 3, 5, 10 and 15 min are 3, 5, 10 and 15 s."""
RATES = ((0.0, 5.0), (BEGIN, 5.0), (BEGIN, 15.0), (END, 15.0), (END, 5.0))


def said(at: float, desired: int, current: int | None = None, **more: Any) -> Observation:
    """What the autoscaler of `web` says."""
    there = desired if current is None else current
    fields = {"target": "web", "least": 3, "most": 50, "current": there, "desired": desired, "active": True, **more}
    return observation("autoscaler.changed", "us-east-1/web-hpa", at, "autoscalers", at_ns=ns(at), **fields)


def requests(slow_until: float = BEGIN) -> Table:
    """20 requests/s, 60 in the spike; all of them take 20 ms, but from the spike's begin to `slow_until` 2 s."""
    parts = [samples(10, BEGIN, per_s=20), samples(BEGIN, END, per_s=60), samples(END, UNTIL, per_s=20)]
    rows = Table.merged(SAMPLES, parts)
    due, ints = rows.ints["intended_ns"], {name: column.copy() for name, column in rows.ints.items()}
    slow = (due >= ns(BEGIN)) & (due < ns(slow_until))
    ints["done_ns"][slow] += 2 * 10**9
    return replace(rows, ints=ints)


def spiked(rows: Table, *observations: Observation) -> Evidence:
    """A run of nothing but the spike."""
    own = replace(
        window(rows, 10, UNTIL),
        name=fault_free_name("spike"),
        traffic="spike",
        begin_ns=0,
        files=("load/spike/1.parquet",),
    )
    base = evidence()
    watched = {**base.watchers, "autoscalers": WatchSource(name="autoscalers", spacing_ms=0, closed=True)}
    return replace(
        base, windows={own.name: own}, experiments={}, observations=(said(1, 3), *observations), watchers=watched
    )


def objective_of(sentence: str) -> Objective:
    """As the scenario has it, whose When step names the traffic."""
    found = read(sentence).objective
    assert found is not None
    return replace(found, scope=replace(found.scope, traffic="spike"))


def planned(sentence: str, rates: tuple[tuple[float, float], ...] = RATES) -> Plan:
    """A plan of one sentence under the traffic `spike`."""
    objective = objective_of(sentence)
    whole = plan({"R": objective})
    spike = replace(
        whole.traffic["everyday"], name="spike", journeys_per_s=8.0, warm_up_s=10, rates=rates, arrivals="constant"
    )
    traffic: dict[str, TrafficPlan] = {"spike": spike}
    return replace(whole, claims=(claim("R", objective),), traffic=traffic, experiments={})


def judged(sentence: str, run: Evidence, rates: tuple[tuple[float, float], ...] = RATES) -> list[Measure]:
    """The measures of one sentence."""
    return measures(judge(planned(sentence, rates), run))


def outcomes(sentence: str, *observations: Observation, rows: Table | None = None) -> list[str]:
    """Of each measure."""
    return [one.outcome.value for one in judged(sentence, spiked(rows or requests(), *observations))]


def test_replicas_that_are_asked_for_and_never_come_did_not_rise() -> None:
    """Two more are asked for in time; one came, or both did a second later."""
    asked = said(BEGIN + 1.6, 5, 3)
    (late, _), (never, _) = (judged(RISE, spiked(requests(), asked, said(BEGIN + 2.6, 5, there))) for there in (5, 4))
    assert (late.outcome.value, never.outcome.value) == ("PASS", "INCONCLUSIVE")
    assert "the workload never had more than 4 replicas after that" in never.because.text


@pytest.mark.parametrize(
    ("seen", "slow_until", "expected"),
    [
        ([], BEGIN, ["FAIL", "PASS"]),
        ([said(BEGIN + 2.9, 4)], BEGIN, ["PASS", "PASS"]),
        ([said(BEGIN + 3.1, 4)], BEGIN, ["FAIL", "PASS"]),
        ([said(BEGIN - 1, 4)], BEGIN, ["FAIL", "PASS"]),
        ([said(BEGIN + 1, 4)], END, ["PASS", "FAIL"]),
        ([said(BEGIN + 1, 4)], BEGIN + 7, ["PASS", "INCONCLUSIVE"]),
    ],
    ids=["never", "just in time", "late", "before it", "slow", "slow in one stretch"],
)
def test_what_turns_a_rise_red(seen: list[Observation], slow_until: float, expected: list[str]) -> None:
    """Replicas that do not rise, or late; response times that stay high. One stretch of slow requests proves nothing of the rest."""
    assert outcomes(RISE, *seen, rows=requests(slow_until)) == expected


@pytest.mark.parametrize(
    ("seen", "expected", "why"),
    [
        ([], "INCONCLUSIVE", "stayed at 3"),
        ([said(BEGIN + 20, 4)], "PASS", "20 s after the beginning"),
        ([said(END + 1, 4)], "INCONCLUSIVE", "25 s after the beginning"),
        ([said(BEGIN + 31, 4)], "FAIL", "31 s after the beginning"),
    ],
    ids=["never", "in it", "a second after it", "after the limit"],
)
def test_a_spike_that_is_shorter_than_the_limit_disproves_no_rise(
    seen: list[Observation], expected: str, why: str
) -> None:
    """24 s of a limit of 30 s: what would have come later is not known, and a rise after the limit is late all the same."""
    rise, _ = judged(RISE.replace("3 min", "30 min"), spiked(requests(), *seen))
    assert (rise.outcome.value, why in rise.because.text) == (expected, True), rise.because.text
    short = ("which lasted 24 s", "Not decided: the spike had ended after 24 s, before this rise")
    assert any(words in rise.because.text for words in short) is (expected == "INCONCLUSIVE")


@pytest.mark.parametrize(
    ("limit", "rates", "what"),
    [
        ("30 min", RATES, ["a spike of 30 s (planned: 24 s)"]),
        ("24 min", RATES, []),
        ("30 min", (), []),
    ],
)
def test_a_plan_says_that_its_spike_is_shorter_than_the_limit(
    limit: str, rates: tuple[tuple[float, float], ...], what: list[str]
) -> None:
    """At scale 60 the limit is 30 s; a traffic without a spike says so itself."""
    objective = objective_of(RISE.replace("3 min", limit))
    offered = Offered(requests=1000, probes=0, time_scale=60, rates=rates)
    assert [lack.what for lack in SPEC.lacks(objective, offered)] == what


def test_why_the_replicas_stayed() -> None:
    """What the autoscaler says of itself, and its bounds, are in the reason."""
    (rise, _) = judged(RISE, spiked(requests(), said(15, 3, active=False, why="FailedGetResourceMetric")))
    assert "stayed at 3" in rise.because.text
    assert "(allowed: 3 to 50; its autoscaler reports FailedGetResourceMetric)" in rise.because.text


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([said(BEGIN + 1, 7), said(END + 9, 3)], ["PASS", "PASS"]),
        ([said(BEGIN + 1, 7), said(END + 9, 3, 4), said(END + 15.1, 3)], ["FAIL", "PASS"]),
        ([said(BEGIN + 1, 7), said(END + 9, 4)], ["FAIL", "PASS"]),
        ([], ["INCONCLUSIVE", "PASS"]),
        ([said(15, 3, least=3, most=3)], ["FAIL", "PASS"]),
    ],
    ids=["back", "late", "not all", "never up", "fixed"],
)
def test_replicas_go_when_the_spike_is_over(seen: list[Observation], expected: list[str]) -> None:
    """Those that never rose show nothing, unless the autoscaler may not change their number."""
    assert outcomes(BACK, *seen) == expected


def test_a_request_that_fails_while_replicas_go_is_one_too_many() -> None:
    """One before the end of the spike, or after the limit, is not meanwhile."""
    rows, seen = requests(), [said(BEGIN + 1, 7), said(END + 9, 3)]
    due = rows.ints["intended_ns"]
    for at, expected in ((END - 1, "PASS"), (END + 8, "FAIL"), (END + 15.5, "PASS")):
        (first, *_) = np.flatnonzero(due >= ns(at))
        _, failures = judged(BACK, spiked(failing(rows, int(first)), *seen))
        assert failures.outcome.value == expected
    assert failures.n == (15 * 20)


@pytest.mark.parametrize(("slow_until", "expected"), [(BEGIN, "PASS"), (BEGIN + 9.9, "PASS"), (END, "FAIL")])
def test_a_response_time_that_comes_back_in_time(slow_until: float, expected: str) -> None:
    """From 10 s after the spike's begin on it counts, while the spike still lasts."""
    assert outcomes(TIME, rows=requests(slow_until)) == [expected]


@pytest.mark.parametrize(
    ("every", "expected"), [(1000, "PASS"), (10, "INCONCLUSIVE"), (2, "INCONCLUSIVE")], ids=["one", "a tenth", "half"]
)
def test_a_spike_that_is_turned_away_is_not_served_quickly(every: int, expected: str) -> None:
    """What fails at once has no response time, and what is left of it is quick: no PASS where more fail than may be slow."""
    rows = requests()
    settled = np.flatnonzero(rows.ints["intended_ns"] >= ns(BEGIN + 10))
    (found,) = judged(TIME, spiked(failing(rows, settled[5::every])))
    assert found.outcome.value == expected
    assert ("failed immediately" in found.because.text) is (expected != "PASS")


def test_a_spike_of_exactly_that_height_that_ends_with_the_window_is_one() -> None:
    """Three times, and the window holds the spike to its last moment: what is missing is the time after it."""
    whole = spiked(requests())
    (name, own), *_ = whole.windows.items()
    short = replace(
        whole, windows={name: replace(own, end_ns=ns(END), samples=own.samples.between("intended_ns", 0, ns(END)))}
    )
    reasons = [one.because.text for one in judged(RISE, short)]
    assert not any("do not contain" in reason or "has no spike" in reason for reason in reasons)
    cut = replace(short, windows={name: replace(short.windows[name], end_ns=ns(END) - 1)})
    assert all("do not contain the complete spike" in one.because.text for one in judged(RISE, cut))


def test_a_traffic_without_such_a_spike_shows_nothing() -> None:
    """Neither a flat one, nor one that is not high enough, nor one that never falls again."""
    low = tuple((at, min(per_s, 14.9)) for at, per_s in RATES)
    for rates in ((), low, RATES[:3]):
        (found,) = judged(TIME, spiked(requests()), rates)
        assert found.outcome.value == "INCONCLUSIVE"
        assert "has no spike, expected one with 3 times the rate before it" in found.because.text


def test_without_the_watch_no_autoscaler_is_accused() -> None:
    """A rise may have been missed."""
    run = spiked(requests())
    rise, _ = judged(RISE, replace(run, watchers={}))
    assert rise.outcome.value == "INCONCLUSIVE"
    missing, _ = judged(RISE, replace(run, observations=()))
    assert "the run has no record of an autoscaler of web" in missing.because.text


@pytest.mark.parametrize(("lag_ms", "expected"), [(4.0, "PASS"), (19.0, "PASS"), (21.0, "INCONCLUSIVE")])
def test_a_generator_may_lag_by_a_tenth_of_the_limit(lag_ms: float, expected: str) -> None:
    """Of response times; replicas that rise, and requests that fail, do so whether they were sent some ms late or not."""
    rows = requests()
    sent_ns = rows.ints["intended_ns"] + round(lag_ms * 1e6)
    late = replace(rows, ints={**rows.ints, "sent_ns": sent_ns, "done_ns": sent_ns + 10**7})
    assert outcomes(TIME, rows=late) == [expected]
    assert outcomes(BACK, said(BEGIN + 1, 7), said(END + 9, 3), rows=late) == ["PASS", "PASS"]
    assert outcomes(RISE, said(BEGIN + 1, 7), rows=late) == ["PASS", "PASS"]
