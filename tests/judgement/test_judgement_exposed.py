"""The platform's own metrics, held against what its traffic measured in the same seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from judgement_builders import (
    ROUTES,
    evidence,
    failing,
    measures,
    ns,
    objective,
    observation,
    plan,
    samples,
    with_ints,
    with_load,
    with_words,
)

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Objective, Observation, Op, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAMES = {
    "probed": "read-track",
    "actions": "plays_total",
    "users": "sign_ins_total",
    "action_route": "play-track",
    "user_route": "sign-in",
}
PER_S = {"sign-in": 25.0, "read-track": 45.0, "create-track": 25.0, "play-track": 25.0}
"""What the entry answers each second: a quarter of 100 requests each, and 20 reads of the probe."""
Spoil = Callable[[dict[str, Any]], None]


def course(at: float) -> dict[str, Any]:
    """What the metrics of the one pod of the entry say at a moment: answers in 20 to 29 ms of the traffic, 3 ms of the probe."""
    buckets = {}
    for route, per_s in PER_S.items():
        probe = 20.0 * at if route == "read-track" else 0.0
        own = per_s * at - probe
        ends = [(0.002, 0.0), (0.004, probe), (0.02, probe), (0.025, probe + own / 2), (0.03, probe + own)]
        buckets[route] = [[str(end), n] for end, n in ends] + [["inf", probe + own]]
    return {
        "workload": "api-gateway",
        "region": "us-east-1",
        "entry": True,
        "buckets": buckets,
        "requests": {route: {"200": per_s * at, "503": 0.0} for route, per_s in PER_S.items()},
        "counters": {"plays_total": 25.0 * at, "sign_ins_total": 25.0 * at},
        "names": NAMES,
        "routes": {route: [] for route in ROUTES},
        "why": "",
    }


def reads(spoil: Spoil | None = None, *, every_s: float = 10.0, until: float = 60.0) -> tuple[Observation, ...]:
    """The metrics read every ten seconds from 1 s on."""
    found = []
    at = 1.0
    while at <= until:
        fields = course(at)
        if spoil is not None:
            spoil(fields)
        found.append(
            observation("metrics.read", "gateway-1", at, "metrics", traffic="everyday", at_ns=ns(at), **fields)
        )
        at += every_s
    return tuple(found)


def sentence(what: str, limit: str, **params: str) -> Objective:
    """One of the sentences about metrics."""
    return objective(Figure.EXPOSED, Op.WITHIN, limit, params={"what": what, **params})


QUANTILES = sentence("quantiles", "5 ms", workload="api-gateway", share="5 %")
ERRORS = sentence("error rate", "0.1 points")
RATE = sentence("requests per second", "5 %")
PLAYS = sentence("plays per user", "1 %")


@cache
def quiet() -> Evidence:
    """The healthy run, without what it observed of metrics."""
    return evidence()


def judged(
    one: Objective, *, spoil: Spoil | None = None, given: Evidence | None = None, **read: float
) -> list[Measure]:
    """The measures of a sentence."""
    base = given or quiet()
    return measures(judge(plan({"R": one}), replace(base, observations=(*base.observations, *reads(spoil, **read)))))


def scaled(routes: Mapping[str, float]) -> Spoil:
    """Counts of answers multiplied by so much, by route."""

    def spoil(fields: dict[str, Any]) -> None:
        fields["requests"] = {
            route: {status: n * routes.get(route, 1.0) for status, n in of.items()}
            for route, of in fields["requests"].items()
        }

    return spoil


def made(*, counted_as: str = "500", where: float = 72.0, until: float = 86.0) -> Evidence:
    """A tenth of the answers fails from 72 to 86 s, in the fault of pod-loss, beside which metrics are read every second from 70.5 s on."""
    base = quiet()
    window = base.windows["experiment:pod-loss/fault"]
    rows = window.samples
    due = rows.ints["done_ns"]
    bad = (due >= ns(where)) & (due < ns(until)) & (np.arange(len(rows)) % 11 == 0)
    rows = failing(rows, bad, status=500, error="status 500")
    seen = []
    for at in np.arange(70.5, 95.0):
        fields = course(float(at))
        for route in ROUTES:
            own = rows.words["name"].equals(route)
            n = float((bad & own & (due < ns(float(at)))).sum())
            right = fields["requests"][route]["200"] - n
            counts = {"200": right, "500": 0.0}
            counts[counted_as] += n
            fields["requests"][route] = counts
        seen.append(
            observation(
                "metrics.read", "gateway-1", float(at), "metrics", experiment="pod-loss", at_ns=ns(float(at)), **fields
            )
        )
    windows = {**base.windows, window.name: replace(window, samples=rows)}
    return replace(base, windows=windows, observations=(*base.observations, *seen))


@pytest.mark.parametrize(("counted_as", "outcome"), [("500", PASS), ("200", FAIL)])
def test_errors_are_compared_where_errors_were_made(counted_as: str, outcome: Outcome) -> None:
    """A gateway that counts everything as 200 is told from one that counts what it answered, of every route."""
    for one, n in ((ERRORS, 1), (BY_ROUTE, 4)):
        found = judged(one, given=made(counted_as=counted_as))
        assert [each.outcome for each in found] == [outcome] * n


@pytest.mark.parametrize(("late_to_the_end", "outcome"), [(0, FAIL), (3, FAIL), (40, INCONCLUSIVE)])
def test_errors_that_were_on_their_way_at_the_last_reading_may_be_counted_or_not(
    late_to_the_end: int, outcome: Outcome
) -> None:
    """The metrics count 30 errors more than were answered in the window of 22 s; so many were sent before its end and answered after it."""
    run = made()
    name = next(name for name, one in run.windows.items() if one.start_ns <= ns(94) < one.end_ns)
    rows = run.windows[name].samples
    done, first = rows.ints["done_ns"], int(np.searchsorted(rows.ints["sent_ns"], ns(93.2)))
    late = (np.arange(len(rows)) >= first) & (np.arange(len(rows)) < first + 4 * late_to_the_end)
    rows = failing(rows, late, status=500, error="status 500")
    rows = with_ints(rows, late, done_ns=np.maximum(done, ns(95.5))[late], sent_ns=ns(93.2))

    def more(one: Observation) -> Observation:
        if one.fields.get("experiment") != "pod-loss" or one.fields.get("at_ns", 0) < ns(94):
            return one
        counts = {route: {**of, "500": of["500"] + 30.0} for route, of in one.fields["requests"].items()}
        return replace(one, fields={**one.fields, "requests": counts})

    windows = {**run.windows, name: replace(run.windows[name], samples=rows)}
    given = replace(run, windows=windows, observations=tuple(map(more, run.observations)))
    assert {each.outcome for each in judged(BY_ROUTE, given=given)} == {outcome}


@pytest.mark.parametrize(("counted", "outcome"), [(1.0, PASS), (0.7, FAIL)])
def test_answers_that_came_while_the_pods_were_read_may_be_counted_or_not(counted: float, outcome: Outcome) -> None:
    """The second pod is read a second after the first one, and before it at the end: what it answered beside is in no reading; what is lost between them is."""
    run, read = made(), {"gateway-1": (70.5, 82.5, 94.5), "gateway-2": (71.5, 82.5, 92.5)}

    def of(pod: str, one: Observation) -> Observation:
        def part(status: str, n: float) -> float:
            begin = 5000.0 if pod == "gateway-2" and status == "200" else 0.0
            return begin + (n / 2 - begin) * (counted if begin else 1.0)

        counts = {
            route: {status: part(status, n) for status, n in of.items()} for route, of in one.fields["requests"].items()
        }
        return replace(one, subject=pod, fields={**one.fields, "requests": counts})

    seen = [
        one for one in run.observations if one.fields.get("experiment") == "pod-loss" and one.kind == "metrics.read"
    ]
    halves = [of(pod, one) for pod, at in read.items() for one in seen if one.fields["at_ns"] in map(ns, at)]
    others = (one for one in run.observations if one not in seen)
    (found,) = judged(ERRORS, given=replace(run, observations=(*others, *halves)))
    assert found.outcome is outcome, found.reason


def test_a_starved_machine_excuses_no_counter_of_errors_that_were_made() -> None:
    """Every probe was sent 80 ms late: errors that the experiment made and the metrics count as 200 fail the row; those of the fault-free window are undecided."""
    base = made(counted_as="200")
    ints = dict(base.probes.ints)
    ints |= {column: ints[column] + 80_000_000 for column in ("sent_ns", "done_ns")}
    starved = replace(base, probes=replace(base.probes, ints=ints))
    (of_experiment,) = measures(judge(plan({"R": ERRORS}, environment="sandbox"), starved))
    assert of_experiment.outcome is FAIL, of_experiment.reason
    assert of_experiment.scope["experiment"] == "pod-loss"
    quiet_errors = with_load(failing(samples(0, 60), slice(0, None, 20)))
    observed = (*quiet_errors.observations, *reads())
    given = replace(quiet_errors, probes=starved.probes, observations=observed)
    (found,) = measures(judge(plan({"R": ERRORS}, environment="sandbox"), given))
    assert found.outcome is INCONCLUSIVE
    assert "Not decided: the machine was starved" in found.reason


def test_what_probes_and_the_experiment_itself_read_is_counted_too() -> None:
    """Forty probes of 14 s and ten reads of the experiment were answered with 500, which the metrics count on the route that they read."""
    run = made()
    due = run.probes.ints["done_ns"]
    own = run.probes.words["kind"].equals("read") & (due >= ns(72)) & (due < ns(86))
    bad = own & (np.cumsum(own) <= 40)
    probes = with_words(with_ints(run.probes, bad, status=500), bad, error="status 500")
    reads = observation(
        "activity", "pod-loss", 80, "chaos-pod-loss", started_ns=ns(75), ended_ns=ns(80), answers={"200": 90, "500": 10}
    )

    def more(one: Observation) -> Observation:
        at = one.fields.get("at_ns", 0)
        if one.kind != "metrics.read" or one.fields.get("experiment") != "pod-loss" or at < ns(86):
            return one
        requests = one.fields["requests"]
        reads_of = {**requests["read-track"], "500": requests["read-track"]["500"] + 50.0}
        return replace(one, fields={**one.fields, "requests": {**requests, "read-track": reads_of}})

    observations = (*map(more, run.observations), reads)
    with_both = replace(run, probes=probes, observations=observations)
    assert [each.outcome for each in judged(BY_ROUTE, given=with_both)] == [PASS] * 4
    for lacking in (replace(with_both, probes=run.probes), replace(with_both, observations=observations[:-1])):
        found = {each.scope["of"]: each.outcome for each in judged(BY_ROUTE, given=lacking)}
        assert found["errors of read-track"] is FAIL


def test_errors_count_from_the_first_reading_of_a_pod_to_its_last() -> None:
    """Another pod is read 1.4 s later at the beginning and 1.5 s earlier at the end: in between no error was made."""
    run = made()
    own = [one for one in run.observations if one.fields.get("experiment") == "pod-loss" and one.kind == "metrics.read"]
    idle = [
        observation("metrics.read", "gateway-2", at, "metrics", **{**own[0].fields, "at_ns": ns(at), "requests": {}})
        for at in (71.9, 93.0)
    ]
    rest = [one for one in run.observations if one not in own]
    found = judged(BY_ROUTE, given=replace(run, observations=(*rest, own[0], own[-1], *idle)))
    assert [each.outcome for each in found] == [PASS] * 4


def test_where_no_error_was_made_nothing_is_known_of_counting_them() -> None:
    """Neither of the rate nor of any route, however sound the counters are."""
    for one in (ERRORS, BY_ROUTE):
        found = judged(one)
        assert {each.outcome for each in found} == {INCONCLUSIVE}
        assert all("no error occurred, so" in each.reason for each in found)


def test_no_more_errors_than_may_be_off_tell_nothing_of_counting_them() -> None:
    """Two failures in 6000 requests, of which the metrics know none: 0.03 %, where 0.1 points are allowed."""
    (found,) = judged(ERRORS, given=with_load(failing(samples(0, 60), slice(3000, 3002))))
    assert found.outcome is INCONCLUSIVE
    assert "of errors is within the tolerance, so a platform that counts no errors would also pass" in found.reason


def test_plays_that_are_counted_once_an_hour_fail() -> None:
    """None of them in this minute."""

    def spoil(fields: dict[str, Any]) -> None:
        fields["counters"] = {**fields["counters"], "plays_total": 0.0}

    (found,) = judged(PLAYS, spoil=spoil)
    assert (found.outcome, found.value) == (FAIL, None)


@pytest.mark.parametrize(
    ("plays", "one_in", "outcome"),
    [
        (1.1, 10_000, FAIL),
        (1.1, 10, FAIL),
        (0.95, 10, INCONCLUSIVE),
        (0.8, 10, FAIL),
        (1.0, 500, PASS),
        (1.0, 10, INCONCLUSIVE),
    ],
)
def test_plays_that_failed_may_have_been_counted(plays: float, one_in: int, outcome: Outcome) -> None:
    """So many plays a user in the metrics, one sent by each, of which one in so many failed: a difference that these may explain is undecided."""
    rows = samples(0, 60)
    at = rows.words["name"].equals("play-track")
    at &= np.cumsum(at) % one_in == 1

    def spoil(fields: dict[str, Any]) -> None:
        fields["counters"] = {**fields["counters"], "plays_total": plays * fields["counters"]["plays_total"]}

    (found,) = judged(PLAYS, spoil=spoil, given=with_load(failing(rows, at)))
    assert found.outcome is outcome
    doubt = "125 requests failed, and it is unknown how many of them the platform counted, so the measured value is 0.9 to 1"
    assert (doubt in found.reason) is (outcome is INCONCLUSIVE)


def test_a_request_without_an_answer_may_be_no_error_of_the_platform() -> None:
    """One in twenty ended without a status, the metrics know of none."""
    given = with_load(failing(samples(0, 60), slice(0, None, 20), status=0, error="timeout"))
    (found,) = judged(ERRORS, given=given)
    assert found.outcome is INCONCLUSIVE
    assert (
        "250 requests failed, and it is unknown how many of them the platform counted, so the measured value is 0 % to 4.167 %"
        in found.reason
    )


def played_beside(later_s: float) -> Evidence:
    """Sign-ins are counted by the one pod, plays by another that is read so much later, and 2 % too many."""
    counting = []
    for at in np.arange(1.0, 60.0, 10.0).tolist():
        fields = {**course(at + later_s), "entry": False, "workload": "track-service"}
        fields["counters"] = {"plays_total": 25.5 * (at + later_s)}
        moment = {"traffic": "everyday", "at_ns": ns(at + later_s)}
        counting.append(observation("metrics.read", "track-1", at + later_s, "metrics", **moment, **fields))
    return replace(quiet(), observations=(*quiet().observations, *counting))


@pytest.mark.parametrize(("later_s", "outcome"), [(0.0, FAIL), (1.5, INCONCLUSIVE)])
def test_pods_that_are_read_one_after_the_other_prove_no_small_difference(later_s: float, outcome: Outcome) -> None:
    """What one counted before the other was read may have come in any second."""

    def without_plays(fields: dict[str, Any]) -> None:
        fields["counters"] = {"sign_ins_total": fields["counters"]["sign_ins_total"]}

    (found,) = judged(PLAYS, spoil=without_plays, given=played_beside(later_s))
    assert found.outcome is outcome
    assert (
        "requests in progress at the ends of the window make the value in the metrics uncertain by 0.06" in found.reason
    ) is (later_s > 0)


def test_a_histogram_that_ends_below_what_was_measured_fails() -> None:
    """All buckets but those up to 20 ms are left out: nobody can tell p95 from them."""

    def spoil(fields: dict[str, Any]) -> None:
        fields["buckets"] = {
            route: [[end, n] for end, n in of if float(end) <= 0.02 or end == "inf"]
            for route, of in fields["buckets"].items()
        }

    found = judged(replace(QUANTILES, limit=replace(QUANTILES.limit, value=1.0)), spoil=spoil)
    assert FAIL in {one.outcome for one in found}


def without_buckets(fields: dict[str, Any]) -> None:
    """Sums and counts only."""
    fields["buckets"] = {}


def elsewhere(fields: dict[str, Any]) -> None:
    """A pod of another workload."""
    fields["entry"] = False


def silent(fields: dict[str, Any]) -> None:
    """A pod whose metrics gave no answer."""
    fields["why"] = "GET /metrics: no answer in time"


def uncounted(fields: dict[str, Any]) -> None:
    """Buckets that are there and count nothing."""
    fields["buckets"] = {route: [[end, 0.0] for end, _ in own] for route, own in fields["buckets"].items()}


@pytest.mark.parametrize("spoil", [without_buckets, elsewhere, silent, uncounted])
def test_metrics_that_do_not_tell_it_are_no_evidence(spoil: Spoil) -> None:
    """Nothing is decided, and the reason says what is missing."""
    assert [one.outcome for one in judged(QUANTILES, spoil=spoil)] == [INCONCLUSIVE]


def test_a_pod_that_began_anew_is_no_evidence() -> None:
    """Its counters are lower than before."""
    later = iter(range(10))

    def spoil(fields: dict[str, Any]) -> None:
        if next(later) >= 3:
            scaled(dict.fromkeys(ROUTES, 0.1))(fields)

    (found,) = judged(RATE, spoil=spoil)
    assert (found.outcome, "were reset" in found.reason) == (INCONCLUSIVE, True)


def test_metrics_of_a_part_of_the_window_are_too_few() -> None:
    """Read to 11 s of 60 s."""
    (found,) = judged(RATE, until=11.0)
    assert (found.outcome, "have metrics for only 10 s of the window" in found.reason) == (INCONCLUSIVE, True)


def of_pod(pod: str, at: float, share: Callable[[float], float]) -> Observation:
    """What one of several pods says: its share of all that was answered up to then, in seconds of answers."""
    return observation("metrics.read", pod, at, "metrics", traffic="everyday", at_ns=ns(at), **course(share(at)))


def scaled_out(begins_with: float = 0.0) -> Evidence:
    """The run, with a second pod from 21 s on, which answers half and is read a little later than the first."""
    first = [of_pod("gateway-1", at, lambda t: min(t, 21.0) + max(t - 21.0, 0.0) / 2) for at in range(1, 62, 10)]
    second = [of_pod("gateway-2", at + 0.7, lambda t: begins_with + (t - 21.0) / 2) for at in range(31, 62, 10)]
    return replace(quiet(), observations=(*quiet().observations, *first, *second))


@pytest.mark.parametrize("one", [QUANTILES, RATE, PLAYS])
def test_a_pod_that_began_in_the_window_is_counted_from_nothing(one: Objective) -> None:
    """As an autoscaler does it: what it counted since, and the window is covered from the first reading of the others."""
    run = plan({"R": one})
    assert {found.outcome for found in measures(judge(run, scaled_out()))} == {PASS}


def scaled_in(*ends_at: float) -> Evidence:
    """The run, with pods that answer as much as the first one until they end, and are read a little later than it."""

    def share(until: float) -> float:
        """What a pod that is there so long has answered: with n others there, the n + 1st part."""
        edges = [0.0, *(end for end in ends_at if end < until), until]
        return sum((end - start) / (1 + sum(one > start for one in ends_at)) for start, end in pairwise(edges))

    first = [of_pod("gateway-1", at, share) for at in range(1, 62, 10)]
    others = [
        of_pod(f"gateway-{number}", at + 0.7, share)
        for number, end in enumerate(ends_at, 2)
        for at in range(1, int(end) + 1, 10)
    ]
    return replace(quiet(), observations=(*quiet().observations, *first, *others))


def test_of_a_window_in_which_pods_ended_the_parts_that_all_readings_cover_count(subtests: pytest.Subtests) -> None:
    """As an autoscaler does it: what a pod answered after its last reading is in no metric; 40 or 50 s of 60 are left."""
    for one in [QUANTILES, RATE, PLAYS]:
        for ends_at in [(14.0,), (20.0,), (48.0,), (24.0, 44.0)]:
            with subtests.test(one=one, ends_at=ends_at):
                assert {found.outcome for found in measures(judge(plan({"R": one}), scaled_in(*ends_at)))} == {PASS}


def test_what_a_new_pod_says_at_first_is_of_the_window() -> None:
    """Ten seconds of answers more than were sent."""
    (found,) = measures(judge(plan({"R": RATE}), scaled_out(begins_with=10.0)))
    assert found.outcome is FAIL


def test_a_pod_that_is_read_a_little_later_has_not_begun_meanwhile() -> None:
    """Both pods were there all the time: each is counted from its own first reading on."""
    both = [
        of_pod(pod, at + later, lambda t: (t + 500.0) / 2)
        for at in range(1, 62, 10)
        for pod, later in (("gateway-1", 0.0), ("gateway-2", 2.0))
    ]
    run = replace(quiet(), observations=(*quiet().observations, *both))
    assert [found.outcome for found in measures(judge(plan({"R": RATE}), run))] == [PASS]


def test_a_platform_without_such_counters_is_told_which_key_is_missing() -> None:
    """`metrics.per_user`."""

    def spoil(fields: dict[str, Any]) -> None:
        fields["names"] = {"probed": "read-track"}

    (found,) = judged(PLAYS, spoil=spoil)
    assert "metrics.per_user" in found.reason


PERFORMANCE = sentence("performance", "10 %")


def telling(milliseconds: float, at: Any = slice(None)) -> Evidence:
    """Users who wait 20 ms longer than the entry takes, and answers that say so."""
    rows = samples(0, 60, latency_ms=40.0)
    return with_load(with_ints(rows, at, served_us=round(milliseconds * 1000)), quiet())


def test_times_are_compared_where_the_metrics_take_them() -> None:
    """The way to the entry and back doubles what users wait: it is not held against the metrics of an entry whose answers say their own time."""
    longer = with_load(samples(0, 60, latency_ms=40.0), quiet())
    assert [one.outcome for one in judged(QUANTILES, given=longer)] == [FAIL] * 3
    rows = longer.windows["everyday/fault-free"].samples
    own = with_ints(rows, slice(None), served_us=0)
    own.ints["served_us"][:] = (rows.ints["done_ns"] - rows.ints["sent_ns"]) // 1000 - 20_000
    found = judged(QUANTILES, given=with_load(own, quiet()))
    assert [one.outcome for one in found] == [PASS] * 3
    assert "as the answers report it; users waited" in found[0].reason


def test_metrics_that_differ_from_what_the_answers_say_fail() -> None:
    """The metrics say 20 to 30 ms, the answers 36 ms."""
    assert {one.outcome for one in judged(QUANTILES, given=telling(36.0))} == {FAIL}


def test_answers_that_cannot_be_believed_are_no_evidence() -> None:
    """Longer than the user waited; or every tenth says nothing. What does not need them is decided all the same."""
    (found,) = judged(QUANTILES, given=telling(90.0))
    assert (found.outcome, "a longer duration than their user waited" in found.reason) == (INCONCLUSIVE, True)
    (found,) = judged(QUANTILES, given=telling(25.0, slice(0, None, 3)))
    assert (found.outcome, "do not report their duration" in found.reason) == (INCONCLUSIVE, True)
    halved = judged(PERFORMANCE, given=telling(90.0), spoil=scaled(dict.fromkeys(ROUTES, 0.5)))
    assert [one.outcome for one in halved] == [FAIL, INCONCLUSIVE]


BY_ROUTE = objective(Figure.EXPOSED, Op.HOLDS, "0 %", params={"what": "errors by route"})


def test_p95_and_rate_are_each_held_to_the_same_share() -> None:
    """As measured they pass; of half of the requests, and of times that are a third longer, each fails alone."""
    assert {one.scope["of"]: one.outcome for one in judged(PERFORMANCE)} == {"requests per second": PASS, "p95": PASS}
    halved = {one.scope["of"]: one.outcome for one in judged(PERFORMANCE, spoil=scaled(dict.fromkeys(ROUTES, 0.5)))}
    assert halved == {"requests per second": FAIL, "p95": PASS}

    def slower(fields: dict[str, Any]) -> None:
        fields["buckets"] = {
            route: [[end if end == "inf" else str(float(end) * 1.34), n] for end, n in of]
            for route, of in fields["buckets"].items()
        }

    late = {one.scope["of"]: one.outcome for one in judged(PERFORMANCE, spoil=slower)}
    assert late == {"requests per second": PASS, "p95": FAIL}


def counting(status: str | None, route: str = "create-track") -> Spoil:
    """The answers on one route are counted under this status; None: not at all."""

    def change(fields: dict[str, Any]) -> None:
        counts = fields["requests"].pop(route)
        if status is not None:
            fields["requests"][route] = {status: sum(counts.values())}

    return change


def unstated(fields: dict[str, Any]) -> None:
    """The successes have a status, a tenth of the answers has none."""
    counts = fields["requests"]["create-track"]
    fields["requests"]["create-track"] = {**counts, "": counts["200"] / 10}


@pytest.mark.parametrize("spoil", [counting(""), counting("ok"), counting(None), unstated])
def test_errors_that_the_metrics_would_not_count_do_not_pass_by_being_none(spoil: Spoil) -> None:
    """The traffic had none either: a route whose answers have no status, or that is not counted, is not decided, for that reason."""
    assert [one.outcome for one in judged(ERRORS, spoil=spoil)] == [INCONCLUSIVE]
    first = next(one for one in judged(BY_ROUTE, spoil=spoil) if one.scope["of"] == "errors of create-track")
    assert (
        first.because.hint == "let the request counter of the platform carry the status of every answer on every route"
    )
