"""Autoscalers: what a sound one passes, and which sentence each defect turns red."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgement_builders import evidence, measures, observation, plan, pod, verdicts_of

from harness.model import Claim, Evidence, Measure, Observation, Outcome, Plan, PodChange, WatchSource
from harness.steps.grammar import demands_of, read
from tests.builders.recorder import ns
from tests.builders.scenarios import scenario

CPU = 'at a mean CPU of 85 % of the request the replicas of "user-service" rise within 6 min, at 60 % they do not'
APART = "two scale-ups of one service are at least 3 min apart in every traffic spike"
AFTER = "no scale-down comes sooner than 5 min after the traffic fell"
FEWEST = "every autoscaler has a minimum of at least 2 and no service is under 2 ready replicas, faults excluded"
MOST = 'none of "user-service" has more than 10 replicas at any moment of the run, traffic spike included'
SUBJECT = "us-east-1/user-service"


def said(
    at: float, desired: int, *, least: int = 2, most: int = 10, target: str = "user-service", cpu: int = 50
) -> Observation:
    """What the autoscaler says; the replicas are those that it asks for, as its target is 70 % of the request."""
    fields = {"target": target, "least": least, "most": most, "current": desired, "desired": desired, "active": True}
    fields |= {"usage": {"cpu": cpu}, "aims": {"cpu": 70}}
    return observation("autoscaler.changed", f"us-east-1/{target}", at, "autoscalers", at_ns=ns(at), **fields)


def load(what: str, at: float, level: float, sentence: str = CPU, **more: Any) -> Observation:
    """A step of the load."""
    (demand,) = _demands(sentence)
    fields = {"demand": demand.key, "resource": "cpu", "level": level, "cpu_scale": 10.0, "at_ns": ns(at), **more}
    return observation(f"scale.{what}", SUBJECT, at, "scale", **fields)


def _demands(sentence: str) -> Any:
    objective = read(sentence).objective
    assert objective is not None
    return demands_of(objective)


def judged(sentence: str, *observations: Observation, base: Evidence | None = None, **fields: Any) -> list[Measure]:
    """The measures of one sentence; `fields` of the plan."""
    objective, demands = read(sentence).objective, _demands(sentence)
    assert objective is not None
    claim = Claim(scenario=scenario("R"), requirement="R", objectives=(objective,), demands=(demands[0].key,))
    known: Plan = plan({"R": objective}, **fields)
    known = replace(known, claims=(claim,), demand={**known.demand, demands[0].key: demands[0]})
    base = base or evidence()
    watched = {**base.watchers, "autoscalers": WatchSource(name="autoscalers", spacing_ms=0, closed=True)}
    run = replace(base, observations=(*base.observations, *observations), watchers=watched)
    return measures(verdicts_of(known, run))


def outcomes(sentence: str, *observations: Observation) -> list[str]:
    """Of each measure."""
    return [one.outcome.value for one in judged(sentence, *observations)]


def held(*, low_to: int = 2, rises_at: float | None = 33.0, ok: bool = True) -> list[Observation]:
    """60 % from 10 to 20 s, 85 % from 30 to 37 s; 6 min are 6 s."""
    found = [said(1, 2), load("begun", 10, 0.6), load("reached", 13, 0.6, mean=0.61)]
    found += [said(16, low_to)] if low_to != 2 else []
    found += [load("ended", 20, 0.6, mean=0.61), said(25, 2)]
    found += [load("begun", 28, 0.85), load("reached", 30, 0.85, mean=0.86, ok=ok)]
    found += [said(rises_at, 3)] if rises_at is not None else []
    return [*found, load("ended", 37, 0.85, mean=0.86, ok=ok, why="" if ok else "77 % where 85 % was to be")]


def test_what_turns_the_levels_red(subtests: pytest.Subtests) -> None:
    """A load that was not there accuses no autoscaler; one that rises below its target is wrong."""
    for name, run, expected in [
        ("never", held(rises_at=None), ["PASS", "FAIL"]),
        ("late", held(rises_at=36.5), ["PASS", "FAIL"]),
        ("just in time", held(rises_at=35.9), ["PASS", "PASS"]),
        ("too soon", held(low_to=3), ["FAIL", "PASS"]),
        ("too little load", held(rises_at=None, ok=False), ["PASS", "INCONCLUSIVE"]),
        ("sooner than the load", held(ok=False), ["PASS", "PASS"]),
        ("half", held()[:4], ["PASS", "INCONCLUSIVE"]),
        ("nothing", [], ["INCONCLUSIVE"]),
    ]:
        with subtests.test(name):
            assert outcomes(CPU, *run) == expected


EVERY = CPU.replace(' of "user-service"', "")
KEY = _demands(EVERY)[0].key


def of_every(lines: list[Observation]) -> list[Observation]:
    """What was recorded for the sentence about every service."""
    return [replace(one, fields={**one.fields, "demand": KEY}) for one in lines]


def test_a_sentence_that_names_one_service_asks_for_no_other() -> None:
    """The frontend's rows are of the frontend alone."""
    found = judged(CPU, *held(), route_needs={"b": ("track-service",)})
    assert [one.outcome for one in found] == [Outcome.PASS, Outcome.PASS]


def test_a_load_that_was_not_given_hides_no_failure() -> None:
    """The first service did not rise; that the second could not be stressed is said beside it."""
    failed = observation("scale.failed", KEY, 40, "scale", why="there is no Deployment north/track-service")
    found = judged(EVERY, *of_every(held(rises_at=None)), failed, route_needs={"b": ("track-service",)})
    assert [one.outcome.value for one in found] == ["INCONCLUSIVE", "PASS", "FAIL", "INCONCLUSIVE"]
    assert found[0].because.text == "the load was not applied: there is no Deployment north/track-service"
    assert found[3].because.text == "no load was applied to track-service, expected two levels"


def test_of_every_service_each_that_is_autoscaled_is_given_load() -> None:
    """One that no route needs, too, in whatever region: without its load it is named."""
    portal = said(1, 3, target="portal")
    found = judged(EVERY, *of_every(held()), portal, route_needs={"a": ("user-service",)})
    assert [one.outcome.value for one in found] == ["PASS", "PASS", "INCONCLUSIVE"]
    assert found[2].because.text == "no load was applied to portal, expected two levels"


@pytest.mark.parametrize(
    ("aims", "expected"),
    [
        ({"cpu": 70}, ["PASS", "PASS"]),
        ({"cpu": 95}, ["PASS", "PASS", "INCONCLUSIVE"]),
        ({"memory": 80}, ["PASS", "PASS", "INCONCLUSIVE"]),
    ],
)
def test_a_service_whose_autoscaler_of_another_region_scales_to_another_usage_is_not_decided(
    aims: dict[str, int], expected: list[str]
) -> None:
    """It was loaded in the primary region; what holds there holds for an autoscaler with the same aim."""
    here, *others = of_every(held())
    there = replace(here, subject="eu-west-1/user-service", fields={**here.fields, "aims": aims})
    found = judged(EVERY, here, there, *others)
    assert [one.outcome.value for one in found] == expected
    if found[2:]:
        assert found[2].because.text.startswith("the autoscaler of eu-west-1/user-service scales to ")
        assert found[2].because.text.endswith(
            ", and that of us-east-1/user-service, which was loaded, to 70 % of the request"
        )


@pytest.mark.parametrize(
    ("rises_at", "levels", "expected"),
    [
        (33.0, "at 60 %", ["PASS", "PASS", "PASS", "PASS"]),
        (None, "at 60 %", ["PASS", "PASS", "PASS", "FAIL"]),
        (33.0, "at 50 %", ["PASS", "PASS", "INCONCLUSIVE"]),
    ],
    ids=["it rises", "it does not", "other levels"],
)
def test_a_service_that_another_sentence_names_is_one_of_every_service(
    rises_at: float | None, levels: str, expected: list[str]
) -> None:
    """It is loaded once, and judged by both sentences, if these are about the same levels."""
    portal = CPU.replace("user-service", "portal").replace("at 60 %", levels)
    own, other = _demands(EVERY)[0], _demands(portal)[0]
    of_portal = [
        replace(one, subject="us-east-1/portal", fields={**one.fields, "demand": other.key, "target": "portal"})
        for one in held(rises_at=rises_at)
    ]
    found = judged(EVERY, *of_every(held()), *of_portal, demand={own.key: own, other.key: other})
    assert [one.outcome.value for one in found] == expected


def test_each_service_has_both_levels() -> None:
    """Of the second one the higher level is not recorded: it is named, and the first is judged all the same."""
    low = [
        load("begun", 40, 0.6, EVERY),
        load("reached", 43, 0.6, EVERY, mean=0.61),
        load("ended", 50, 0.6, EVERY, mean=0.61),
    ]
    other = [replace(one, subject="us-east-1/track-service") for one in low]
    found = judged(EVERY, *of_every(held()), *other, said(39, 2, target="track-service"))
    assert [one.outcome.value for one in found] == ["PASS", "PASS", "PASS", "INCONCLUSIVE"]
    assert found[-1].because.text == "only one of the two load levels of us-east-1/track-service was applied"


def test_without_the_watch_nothing_is_decided() -> None:
    """The autoscalers were not followed: a rise may have been missed."""
    base = replace(evidence(), observations=(*evidence().observations, *held(rises_at=None)))
    objective, demands = read(CPU).objective, _demands(CPU)
    assert objective is not None
    claim = Claim(scenario=scenario("R"), requirement="R", objectives=(objective,), demands=(demands[0].key,))
    known = plan({"R": objective})
    known = replace(known, claims=(claim,), demand={**known.demand, demands[0].key: demands[0]})
    assert {one.outcome for one in measures(verdicts_of(known, base))} == {Outcome.INCONCLUSIVE}


def spike(*ups: float, down: float | None = 26.0, sentence: str = APART) -> list[Observation]:
    """A spike from 10 to 20 s, with a scale-up at each of these moments, and a scale-down."""
    found = [said(1, 2), load("begun", 10, 1.5, sentence)]
    found += [said(at, 3 + number) for number, at in enumerate(ups)]
    found += [load("ended", 20, 1.5, sentence)]
    return [*found, *([said(down, 2)] if down is not None else [])]


@pytest.mark.parametrize(
    ("ups", "expected"),
    [((12, 15.02, 18.1), "PASS"), ((12, 14.9), "FAIL"), ((12, 15.1, 16), "FAIL"), ((12,), "INCONCLUSIVE")],
)
def test_scale_ups_keep_their_distance(ups: tuple[float, ...], expected: str) -> None:
    """3 min are 3 s at scale 60; one scale-up has no distance."""
    assert outcomes(APART, *spike(*ups)) == [expected]


@pytest.mark.parametrize(("down", "expected"), [(25.1, "PASS"), (24.0, "FAIL"), (15.0, "FAIL"), (None, "PASS")])
def test_a_scale_down_waits_for_the_end_of_its_window(down: float | None, expected: str) -> None:
    """5 min are 5 s; one before the load has ended is sooner than any."""
    assert outcomes(AFTER, *spike(12, 13, down=down, sentence=AFTER)) == [expected]


@pytest.mark.parametrize(
    ("last", "down", "expected"),
    [(19.5, 24.6, "PASS"), (19.5, 24.4, "FAIL"), (None, 24.6, "FAIL"), (16.0, 24.06, "PASS"), (16.0, 23.9, "FAIL")],
)
def test_an_autoscaler_knows_of_the_end_of_a_load_by_its_next_reading(
    last: float | None, down: float, expected: str
) -> None:
    """The load ends at 20 s. Its last reading with the load counts, and at most a fifth of the limit, which is 5 s, before the end."""
    run = spike(12, 13, down=down, sentence=AFTER)
    seen = [] if last is None else [said(last, 4, cpu=117)]
    assert outcomes(AFTER, *sorted([*run, *seen], key=lambda one: one.fields["at_ns"])) == [expected]


def test_a_level_that_was_not_reached_at_first_counts_from_the_load_that_reached_it() -> None:
    """The first load was too small; its replicas rose 3 s after the level, and 11 s after the first load."""
    first = load("begun", 22, 0.85)
    below, above = judged(CPU, *sorted([*held(rises_at=33.0), first], key=lambda one: one.fields["at_ns"]))
    assert (below.outcome, above.outcome) == (Outcome.PASS, Outcome.PASS), above.because.text


def watched_to(at: float) -> Observation:
    """The watcher of the autoscalers ended in order."""
    return observation("watch.closed", "autoscalers", at, "watch", file="history/autoscalers.ndjson")


@pytest.mark.parametrize(
    ("run", "expected", "low", "why"),
    [
        ([*spike(12, 13, down=None, sentence=AFTER), watched_to(25)], "PASS", 5.0, "in the 5 s of observation"),
        ([*spike(12, 13, down=None, sentence=AFTER), watched_to(24.9)], "INCONCLUSIVE", 4.9, "4.9 s of observation"),
        (
            [*spike(sentence=AFTER, down=None), watched_to(60)],
            "INCONCLUSIVE",
            None,
            "ended with 2 replicas, the minimum",
        ),
        (spike(12, down=None, sentence=AFTER)[:-1], "INCONCLUSIVE", None, "the end of the load was not recorded"),
        (
            [*spike(12, down=None, sentence=AFTER), load("begun", 24, 1.5, AFTER), load("ended", 30, 1.5, AFTER)],
            "INCONCLUSIVE",
            4.0,
            "4 s of observation",
        ),
    ],
    ids=["as long as the limit", "shorter", "none to take away", "the load did not end", "the next spike came"],
)
def test_no_scale_down_at_all_comes_no_sooner(
    run: list[Observation], expected: str, low: float | None, why: str
) -> None:
    """The load ended at 20 s, the limit is 5 s: so long the autoscaler must have been followed, with a replica to take away."""
    found = judged(AFTER, *run)[0]
    assert (found.outcome.value, why in found.because.text) == (expected, True), found.because.text
    assert (found.low, found.high) == (low, None)


@given(gaps=st.lists(st.floats(0.1, 9), min_size=1, max_size=5))
def test_the_shortest_distance_decides(gaps: list[float]) -> None:
    """Whatever the others are."""
    at = [12.0]
    for gap in gaps:
        at.append(at[-1] + gap)
    run = [said(1, 2), load("begun", 10, 1.5, APART)]
    run += [said(when, 3 + number) for number, when in enumerate(at)]
    run += [load("ended", at[-1] + 1, 1.5, APART)]
    (found,) = judged(APART, *run)
    if min(gaps) >= 3:
        assert found.outcome is Outcome.PASS
    elif min(gaps) < 2.9:
        assert found.outcome is Outcome.FAIL


def _pods(*names: str, lost: float | None = None) -> Evidence:
    found = [replace(pod(0, "present", name, name), workload="user-service", ready=True) for name in names]
    found += [replace(pod(lost, "unready", names[0], names[0]), workload="user-service")] if lost is not None else []
    return replace(evidence(), pods=tuple(found))


@pytest.mark.parametrize(
    ("least", "base", "expected"),
    [
        (2, _pods("a", "b"), "PASS"),
        (1, _pods("a", "b"), "FAIL"),
        (2, _pods("a"), "FAIL"),
        (2, _pods("a", "b", lost=30.0), "FAIL"),
        (2, _pods("a", "b", lost=80.0), "PASS"),
        (2, replace(evidence(), pods=()), "INCONCLUSIVE"),
    ],
    ids=["two", "may be one", "is one", "one is lost", "one is lost under a fault", "no pod"],
)
def test_there_are_never_fewer_than_declared(least: int, base: Evidence, expected: str) -> None:
    """What the autoscaler is told, and what there was while no fault was in."""
    assert [one.outcome.value for one in judged(FEWEST, said(1, 2, least=least), base=base)] == [expected]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([said(1, 2), said(5, 10)], ["PASS"]),
        ([said(1, 2), said(5, 11)], ["FAIL"]),
        ([said(1, 2, most=12)], ["FAIL"]),
        ([said(1, 60, most=60, target="web")], ["INCONCLUSIVE"]),
    ],
    ids=["ten", "eleven", "may be twelve", "another one's"],
)
def test_there_are_never_more_than_declared(seen: list[Observation], expected: list[str]) -> None:
    """An autoscaler that may go beyond the limit is wrong, whether the load took it there or not."""
    assert outcomes(MOST, *seen, load("begun", 2, 1.5, MOST), load("ended", 3, 1.5, MOST)) == expected


def test_a_service_that_is_named_and_has_no_autoscaler_is_not_passed_over() -> None:
    """Of three services one has none: it may have any number of replicas. Without the spike nothing is known either."""
    named = MOST.replace('"user-service"', '"user-service, web"')
    spiked = [load("begun", 2, 1.5, named), load("ended", 3, 1.5, named)]
    both = [said(1, 2), said(1, 2, target="web")]
    assert outcomes(named, *both, *spiked) == ["PASS", "PASS"]
    missing, there = judged(named, both[0], *spiked)
    assert (missing.outcome, "no record of an autoscaler of web" in missing.reason) == (Outcome.INCONCLUSIVE, True)
    assert there.outcome is Outcome.PASS
    assert next(one.because.text for one in judged(named, *both)) == "the run has no record of a load on the service"


@pytest.mark.parametrize(
    ("pods", "expected"), [(0, ["PASS"]), (2, ["PASS", "PASS"]), (10, ["PASS", "PASS"]), (11, ["PASS", "INCONCLUSIVE"])]
)
def test_a_region_without_an_autoscaler_is_judged_by_its_pods(pods: int, expected: list[str]) -> None:
    """What was recorded of one region says nothing of another; pods of a workload that no autoscaler scales are none of it."""
    there = [("user-service", number) for number in range(pods)] + [("web", 0)]
    changes = tuple(
        PodChange(
            at_ns=ns(number),
            what="ready",
            name=f"{workload}-{number}",
            namespace="eu-west-1",
            uid=f"{workload}-{number}",
            workload=workload,
            region="eu-west-1",
        )
        for workload, number in there
    )
    base = replace(evidence(), pods=changes)
    base = replace(base, watchers={**base.watchers, "pods": WatchSource(name="pods", spacing_ms=0, closed=True)})
    spiked = [said(1, 2), load("begun", 2, 1.5, MOST), load("ended", 3, 1.5, MOST)]
    assert [one.outcome.value for one in judged(MOST, *spiked, base=base)] == expected


def test_that_no_region_has_pods_without_an_autoscaler_is_unknown_where_pods_were_not_followed() -> None:
    """No pod of another region is recorded, and for a second of the window none would have been."""
    base = evidence()
    (window, *_) = base.windows.values()
    start_ns = window.start_ns
    gap = {"of": "pods", "from_ns": start_ns + ns(1), "until_ns": start_ns + ns(2)}
    watchers = {**base.watchers, "pods": WatchSource(name="pods", spacing_ms=0, closed=True)}
    spiked = [said(1, 2), load("begun", 2, 1.5, MOST), load("ended", 3, 1.5, MOST)]
    blind = observation("watch.blind", "pods", 2, "watch", **gap)
    passed, unknown = judged(MOST, *spiked, blind, base=replace(base, watchers=watchers))
    assert (unknown.outcome, passed.outcome) == (Outcome.INCONCLUSIVE, Outcome.PASS)
    expected = (
        "it is unknown whether user-service had pods in another namespace: the watcher 'pods' received no data for 1 s"
    )
    assert unknown.reason == expected


def _of_level(level: float, lines: list[Observation], **fields: Any) -> list[Observation]:
    """The lines, of which those of a load at one level say something else."""
    mine = [one.kind in ("scale.reached", "scale.ended") and one.fields["level"] == level for one in lines]
    return [
        replace(one, fields={**one.fields, **fields}) if is_mine else one
        for one, is_mine in zip(lines, mine, strict=True)
    ]


@pytest.mark.parametrize(
    ("lines", "expected", "why"),
    [
        (_of_level(0.6, held(), mean=0.05), ["INCONCLUSIVE", "PASS"], "5 % of the resource request, expected 60 %"),
        (
            _of_level(0.85, held(rises_at=None), mean=0.3),
            ["PASS", "INCONCLUSIVE"],
            "30 % of the resource request, expected 85 %",
        ),
        (
            [one for one in held() if one.kind != "scale.reached" or one.fields["level"] != 0.6],
            ["INCONCLUSIVE", "PASS"],
            "this level was kept for less than 6 s, the time at the higher level",
        ),
        (
            [load("ended", 18.9, 0.6, mean=0.61) if one.mono_ns == ns(20) else one for one in held()],
            ["INCONCLUSIVE", "PASS"],
            "kept for 5.9 s, the replicas did not rise, expected no rise. Not decided: this level was kept for less than 6 s",
        ),
        (
            [replace(one, fields={**one.fields, "current": 2}) if "current" in one.fields else one for one in held()],
            ["PASS", "INCONCLUSIVE"],
            "the workload never had more than 2 replicas after that",
        ),
        (
            [replace(one, subject=f"eu/{one.subject}") if "current" in one.fields else one for one in held()],
            ["INCONCLUSIVE", "INCONCLUSIVE"],
            "the run has no record of an autoscaler of us-east-1/user-service",
        ),
    ],
    ids=["no load", "little load", "never reached", "shortly", "asked for only", "another one's"],
)
def test_a_record_of_a_load_that_contradicts_itself_decides_nothing(
    lines: list[Observation], expected: list[str], why: str
) -> None:
    """A level that was not there, or for less than the limit, and replicas that an autoscaler asked for and that never came."""
    found = judged(CPU, *lines)
    assert [one.outcome.value for one in found] == expected
    assert any(why in one.because.text for one in found)


def test_a_rise_before_the_level_counts_from_the_begin_of_the_load() -> None:
    """Within the limit since then it is in time where the usage was not above the level; later it is not known how long the level was there."""
    begun = [*held(rises_at=None)[:5], load("begun", 28, 0.85)]
    soon = [*begun, said(29.5, 3), load("ended", 37, 0.85, mean=0.79, ok=False, why="79 % where 85 % was to be")]
    assert outcomes(CPU, *soon) == ["PASS", "PASS"]
    reached = load("reached", 36, 0.85, mean=0.86)
    late = [*begun, said(35, 3), reached, load("ended", 43, 0.85, mean=0.86, ok=True)]
    below, above = judged(CPU, *late)
    assert (below.outcome, above.outcome) == (Outcome.PASS, Outcome.INCONCLUSIVE)
    assert "Not decided: the replicas rose before the level was reached" in above.reason


def usage(at: float, share: float) -> Observation:
    """A reading of the metrics API."""
    fields = {"demand": _demands(CPU)[0].key, "resource": "cpu", "usage": share, "pods": 2, "replicas": 2}
    return observation("scale.usage", SUBJECT, at, "scale", at_ns=ns(at), **fields)


@pytest.mark.parametrize(
    ("mean", "read", "expected"),
    [
        (0.91, (0.5, 0.96), "PASS"),
        (0.92, (0.5, 0.92), "INCONCLUSIVE"),
        (2.1, (0.3, 2.1), "INCONCLUSIVE"),
        (0.86, (1.2, 0.86), "INCONCLUSIVE"),
        (0.78, (0.5, 0.78), "PASS"),
    ],
    ids=["near", "above", "a second attempt far above", "a first attempt far above", "sooner than the level"],
)
def test_a_rise_above_the_level_is_none_at_the_level(mean: float, read: tuple[float, ...], expected: str) -> None:
    """A target of 95 % lets the replicas rise at 210 %, too: only at most six points above the level they have risen at it."""
    ok = abs(mean - 0.85) <= 0.06 + 1e-9
    high = [load("begun", 28, 0.85), *(usage(28.5 + number, share) for number, share in enumerate(read))]
    high += [load("reached", 30, 0.85, mean=mean, ok=ok), said(31, 3)]
    high += [load("ended", 31.1, 0.85, mean=mean, ok=ok, lowest=mean, highest=mean)]
    below, above = judged(CPU, *held(rises_at=None)[:5], *high)
    assert (below.outcome.value, above.outcome.value) == ("PASS", expected), above.reason
    if expected != "PASS":
        assert f"up to {100 * max(mean, *read):.0f} %, which does not prove a rise at 85 %" in above.reason


def test_a_rise_without_a_reading_of_the_usage_shows_nothing() -> None:
    """How far the load went is not known."""
    above = judged(CPU, *held(rises_at=None)[:5], load("begun", 28, 0.85), said(29.5, 3))[1]
    assert (above.outcome.value, "the usage during the load was not read" in above.reason) == ("INCONCLUSIVE", True)


@pytest.mark.parametrize(
    ("of", "begin", "end", "expected"),
    [
        ("/apis/autoscaling/v2/horizontalpodautoscalers", 12.0, 15.5, "INCONCLUSIVE"),
        ("/apis/autoscaling/v2/horizontalpodautoscalers", 12.0, 12.2, "PASS"),
        ("/apis/autoscaling/v2/horizontalpodautoscalers", 30.0, 40.0, "PASS"),
    ],
    ids=["in the spike", "shorter than a probe", "after it"],
)
def test_a_list_after_a_gap_tells_no_distance(of: str, begin: float, end: float, expected: str) -> None:
    """What was asked for meanwhile is not known: two scale-ups may have been one second apart."""
    blind = observation("watch.blind", "autoscalers", end, "watch", from_ns=ns(begin), until_ns=ns(end), of=of)
    assert outcomes(APART, *spike(12, 15.6), blind) == [expected]


def test_a_container_that_was_started_again_and_is_ready_is_there() -> None:
    """Both are seen in one change; without a word on its readiness it is not."""
    for ready, expected in ((True, "PASS"), (None, "FAIL")):
        base = _pods("a", "b")
        again = replace(pod(30.0, "restarted", "a", "a"), workload="user-service", ready=ready)
        run = replace(base, pods=(*base.pods, again))
        assert [one.outcome.value for one in judged(FEWEST, said(1, 2), base=run)] == [expected]


@pytest.mark.parametrize(
    ("others", "needs", "expected"),
    [
        ({"track-service": 2}, (), {"us-east-1/track-service": "PASS"}),
        ({"track-service": 1}, (), {"us-east-1/track-service": "FAIL"}),
        ({"track-service": 2}, ("track-service", "user-service"), {"us-east-1/track-service": "PASS"}),
        ({}, ("track-service",), {"track-service": "INCONCLUSIVE"}),
        ({}, (), {}),
    ],
    ids=["two", "one", "two that a route needs", "none that a route needs", "none"],
)
def test_a_service_without_an_autoscaler_is_a_service(
    others: dict[str, int], needs: tuple[str, ...], expected: dict[str, str]
) -> None:
    """Its ready pods count as those of the others do."""
    base = _pods("a", "b")
    names = [(workload, f"{workload}-{turn}") for workload, many in others.items() for turn in range(many)]
    more = [replace(pod(0, "present", name, name), workload=workload, ready=True) for workload, name in names]
    run = replace(base, pods=(*base.pods, *more))
    found = judged(FEWEST, said(1, 2), base=run, route_needs={"read": needs})
    assert {one.scope["workload"]: one.outcome.value for one in found if "workload" in one.scope} == expected
    assert [one.outcome.value for one in found if "autoscaler" in one.scope] == ["PASS"]


def test_pods_of_another_namespace_or_of_later_are_no_services_of_the_autoscalers() -> None:
    """A database's, one that was gone before the first window, and one that began after it."""
    base = _pods("a", "b")
    more = (
        replace(pod(0, "present", "pg-0", "pg-0"), workload="pg", namespace="database", ready=True),
        replace(pod(-2, "present", "job", "job"), workload="job", ready=True),
        replace(pod(-1, "deleted", "job", "job"), workload="job"),
        replace(pod(9, "ready", "probe", "probe"), workload="probe"),
    )
    found = judged(FEWEST, said(1, 2), base=replace(base, pods=(*more[1:3], *base.pods, more[0], more[3])))
    assert [one.outcome.value for one in found] == ["PASS"]


@pytest.mark.parametrize(
    ("at", "expected"), [(32.0, ["PASS", "INCONCLUSIVE"]), (33.0, ["PASS", "INCONCLUSIVE"]), (34.0, ["PASS", "PASS"])]
)
def test_replicas_that_a_person_asked_for_show_no_autoscaler_at_work(at: float, expected: list[str]) -> None:
    """The minimum was raised to three before the replicas rose, with them, or a second later."""
    raised = [one for one in held() if one.kind != "autoscaler.changed" or one.mono_ns < ns(33)]
    risen = [said(32, 2, least=3), said(33, 3, least=3)] if at < 33 else [said(33, 3, least=3 if at == 33 else 2)]
    found = judged(CPU, *raised, *risen, *([said(at, 3, least=3)] if at > 33 else []))
    assert [one.outcome.value for one in found] == expected
    if "INCONCLUSIVE" in expected:
        assert (
            "the minimum of the autoscaler had been raised to 3 replicas before, so no load was needed"
            in found[1].reason
        )
        assert found[1].hint == "do not change the autoscaler while the load is applied, then run again"


def test_replicas_that_a_person_asked_for_below_the_target_are_no_fault_of_the_autoscaler() -> None:
    """At 60 % the minimum was raised to three."""
    found = judged(CPU, *[said(16, 3, least=3) if one.mono_ns == ns(16) else one for one in held(low_to=3)])
    assert found[0].outcome is Outcome.INCONCLUSIVE
