"""Pods of a workload: their shares of the answers, their restarts, and what takes the place of a killed one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    evidence,
    experiment,
    measures,
    ns,
    objective,
    observation,
    plan,
    pod,
    with_load,
    with_words,
)

from harness.judgement import judge
from harness.judgement.figures.traffic.replica_share import ready_through
from harness.judgement.stats.batches import BatchedSample, Tally, share_by_batches
from harness.model import Evidence, Figure, Measure, Objective, Op, Outcome, Phase, PodChange, Quantity, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SHARE = objective(Figure.REPLICA_SHARE, Op.WITHIN, "1", tolerance="0.2")
SOAK = {"soak": Quantity(value=8, unit="h")}
RESTARTS = objective(Figure.RESTARTS, Op.HOLDS, "0", times=SOAK)
REPLACED = objective(
    Figure.REPLACED, Op.BELOW, "60 s", experiments=("pod-loss",), phase=Phase.FAULT, params={"manual_steps": "0"}
)


def judged(claimed: Objective, run: Evidence, **fields: object) -> list[Measure]:
    """The measures of the objective."""
    return measures(judge(plan({"R": claimed}, **fields), run))


def served_by(*turn: str, seed: int = 1) -> Evidence:
    """The run whose answers come from these pods, drawn at random in proportion; all of them are ready from the begin."""
    base = evidence()
    rows = base.windows["everyday/fault-free"].samples
    draw = np.random.default_rng(seed).integers(0, len(turn), len(rows))
    names = np.array(turn, dtype=object)[draw]
    words = rows
    for name in dict.fromkeys(turn):
        words = with_words(words, names == name, served_pod=name)
    pods = tuple(pod_ready(name) for name in dict.fromkeys((*turn, "track-a", "track-b", "track-c")))
    return replace(with_load(words), pods=pods)


def pod_ready(name: str, at: float = -5.0) -> PodChange:
    """A pod that is ready since then."""
    return replace(pod(at, "present", name, f"u-{name}"), ready=True)


def test_equal_shares_pass_for_each_pod() -> None:
    """Three pods, a third of 6000 answers each."""
    found = judged(SHARE, served_by("track-a", "track-b", "track-c"))
    assert [one.scope["pod"] for one in found] == ["track-a", "track-b", "track-c"]
    assert {one.outcome for one in found} == {PASS}
    assert all(one.value is not None and abs(one.value - 1) < 0.1 for one in found)


def test_a_ready_pod_without_an_answer_fails_and_so_does_what_it_leaves_to_others() -> None:
    """The third pod is ready and is never asked: it has no share, the two others one and a half."""
    found = {one.scope["pod"]: one for one in judged(SHARE, served_by("track-a", "track-b"))}
    assert (found["track-c"].outcome, found["track-c"].value) == (FAIL, 0.0)
    assert {one.outcome for one in found.values()} == {FAIL}


def test_a_pod_that_was_ready_for_a_moment_only_is_not_judged() -> None:
    """It came 55 s into a window of a minute."""
    run = served_by("track-a", "track-b", "track-c")
    late = replace(pod(55, "ready", "track-d", "u-d"), ready=True)
    found = judged(SHARE, replace(run, pods=(*run.pods, late)))
    assert "track-d" not in {one.scope["pod"] for one in found}
    words = "; not judged: track-d (ready for less than half of the fault-free time)"
    assert [one.reason.endswith(words) for one in found] == [True] * 3


def test_a_gateway_that_answered_for_a_service_is_not_judged() -> None:
    """Two of 6000 answers name a pod of another workload."""
    run = served_by("track-a", "track-b", "track-c")
    rows = with_words(run.windows["everyday/fault-free"].samples, [10, 20], served_pod="gate-a")
    gates = [replace(pod_ready(name), workload="gate") for name in ("gate-a", "gate-b")]
    given = replace(with_load(rows, run), pods=(*run.pods, *gates))
    found = judged(SHARE, given)
    assert {one.scope["workload"] for one in found} == {"us-east-1/track"}
    words = "; not judged: us-east-1/gate (named in less than 0.5 % of the answers)"
    assert all(one.reason.endswith(words) for one in found)


def test_a_service_that_a_route_needs_and_that_names_no_pod_is_not_decided() -> None:
    """Two ready pods of which no answer tells; one that no route needs is only said, and so is one of another region."""
    run = served_by("track-a", "track-b", "track-c")
    users = [replace(pod_ready(name), workload="user") for name in ("user-a", "user-b")]
    away = [replace(pod_ready(name), namespace="eu-west-1") for name in ("track-x", "track-y")]
    given = replace(run, pods=(*run.pods, *users, *away))
    words = "; not judged: eu-west-1/track, us-east-1/user (named in less than 0.5 % of the answers)"
    only = judged(SHARE, given, route_needs={"read-track": ("track",)})
    assert [one.outcome for one in only] == [PASS] * 3
    assert all(one.reason.endswith(words) for one in only)
    [user, *others] = judged(SHARE, given, route_needs={"read-track": ("track",), "sign-in": ("user",)})
    assert (user.outcome, user.scope["workload"]) == (INCONCLUSIVE, "user")
    assert user.reason.startswith("less than 0.5 % of the answers name a pod of user, which has two or more ready pods")
    assert [one.outcome for one in others] == [PASS] * 3


def test_without_the_watch_of_pods_no_share_passes() -> None:
    """Which pods were ready is not known to the end."""
    run = served_by("track-a", "track-b", "track-c")
    cut = replace(run, watchers={**run.watchers, "pods": WatchSource(name="pods", spacing_ms=0, closed=False)})
    assert {one.outcome for one in judged(SHARE, cut)} == {INCONCLUSIVE}


def test_what_was_missed_of_the_pods_lets_nothing_pass_and_nothing_fail() -> None:
    """In the window the watch was blind for 20 s: one pod may have gone meanwhile, or restarted."""
    blind = observation("watch.blind", "pods", 50, "watch", from_ns=ns(30), until_ns=ns(50), of="/api/v1/pods")
    run = served_by("track-a", "track-b", "track-c")
    assert {one.outcome for one in judged(SHARE, replace(run, observations=(*run.observations, blind)))} == {
        INCONCLUSIVE
    }
    lost = served_by("track-a", "track-b", "track-a")
    lost = replace(lost, pods=(*lost.pods, pod_ready("track-c")))
    assert FAIL in {one.outcome for one in judged(SHARE, lost)}
    assert FAIL not in {one.outcome for one in judged(SHARE, replace(lost, observations=(blind,)))}
    base = evidence()
    assert [one.outcome for one in judged(RESTARTS, replace(base, observations=(*base.observations, blind)))] == [
        INCONCLUSIVE
    ]


def test_ready_all_through_a_span() -> None:
    """Ready before its begin, and neither unready, gone nor new within it."""
    changes = (
        pod_ready("kept"),
        pod_ready("gone"),
        pod_ready("ill"),
        replace(pod(2, "restarted", "kept", "u-kept"), ready=True),
        pod(3, "deleted", "gone", "u-gone"),
        replace(pod(4, "unready", "ill", "u-ill"), ready=False),
        replace(pod(5, "ready", "new", "u-new"), ready=True),
        pod(20, "deleted", "kept", "u-kept"),
    )
    assert ready_through(changes, (0, ns(10))) == {("us-east-1", "track"): frozenset({"kept"})}


@pytest.mark.parametrize("correlated", [False, True])
def test_the_bounds_of_a_share_by_batches_cover_the_truth(correlated: bool) -> None:  # noqa: FBT001
    """In 300 runs of a balancer that sends a quarter to one pod, by single requests or by connections of ten, the truth is below the bound in 92 % or more."""
    draw, covered = np.random.default_rng(7), 0
    for _ in range(300):
        mine = np.repeat(draw.random(400) < 0.25, 10) if correlated else draw.random(4000) < 0.25
        batch = np.arange(4000) * 40 // 4000
        bounds = share_by_batches(BatchedSample(values=mine.astype(float), batch=batch, batches=40).tally(mine), 0.95)
        covered += bounds.low <= 0.25 <= bounds.high
    assert covered >= 0.85 * 300


def test_connections_that_outlive_a_batch_are_covered_too() -> None:
    """Each goes to one place for 250 requests, two and a half batches: the exact truth is outside of the 99.75 % bounds in 1 of 200 runs at most."""
    draw, missed = np.random.default_rng(8), 0
    for _ in range(200):
        mine = np.repeat(draw.random(16) < 0.5, 250)
        batch = np.arange(4000) * 40 // 4000
        bounds = share_by_batches(BatchedSample(values=mine.astype(float), batch=batch, batches=40).tally(mine), 0.95)
        missed += not bounds.fail_low <= 0.5 <= bounds.fail_high
    assert missed <= 2


def soaked() -> Evidence:
    """The healthy run, in which one pod was there when the soak began."""
    return replace(evidence(), pods=(pod_ready("track-old"), *evidence().pods))


def test_no_restart_of_no_pod_proves_nothing() -> None:
    """The history of the pods is empty, or knows none before the soak began, or one that was gone by then; a restart is one."""
    run = evidence()
    late = tuple(change for change in run.pods if change.at_ns > ns(0))
    gone = (pod(-2, "ready", "a", "a"), pod(-1, "deleted", "a", "a"))
    for pods in ((), late, (*gone, *late)):
        [one] = judged(RESTARTS, replace(run, pods=pods))
        assert (one.outcome, one.n) == (INCONCLUSIVE, 0)
        assert one.reason.endswith("Not decided: no pod was recorded at the beginning of the soak")
    again = replace(pod(30, "restarted", "track-x", "u-x"), ready=True)
    assert [one.outcome for one in judged(RESTARTS, replace(run, pods=(again,)))] == [FAIL]
    [counted] = judged(RESTARTS, replace(run, pods=(pod(-2, "ready", "a", "a"), pod(-1, "present", "b", "b"), *late)))
    assert (counted.outcome, counted.n) == (PASS, 2)


def test_a_restart_within_the_soak_fails_and_one_under_a_fault_does_not() -> None:
    """At 30 s, and at 75 s when a pod was being killed."""
    run = soaked()
    under = replace(run, pods=(*run.pods, replace(pod(75, "restarted", "track-x", "u-x"), ready=True)))
    assert [one.outcome for one in judged(RESTARTS, under)] == [PASS]
    own = replace(run, pods=(*run.pods, replace(pod(30, "restarted", "track-x", "u-x"), ready=True)))
    [one] = judged(RESTARTS, own)
    assert (one.outcome, one.value) == (FAIL, 1)
    assert "us-east-1/track-x" in one.reason


def test_a_soak_that_was_too_short_on_a_real_platform_tells_nothing() -> None:
    """At scale 1 a minute is no eight hours."""
    [one] = judged(RESTARTS, evidence(), time_scale=1)
    assert (one.outcome, one.reason) == (INCONCLUSIVE, "the fault-free window lasted 60 s, expected 8 h for the soak")


def test_a_pod_that_nothing_replaces_fails_once_watched_for_as_long() -> None:
    """No pod became ready: 29 s of watch tell nothing of 60 s, and fail a limit of 20 s."""
    run = evidence()
    bare = replace(run, pods=tuple(change for change in run.pods if change.name != "track-new"))
    limited = replace(REPLACED, limit=Quantity(value=20, unit="s"))
    assert judged(limited, bare)[0].outcome is FAIL
    long = replace(REPLACED, limit=Quantity(value=10, unit="min"))
    assert judged(long, bare)[0].outcome is INCONCLUSIVE


def test_a_replacement_that_came_late_and_a_hand_that_helped_fail() -> None:
    """Ready 29 s after the fault, limit 20 s; one step was left to a person."""
    run = evidence()
    late = tuple(replace(change, at_ns=ns(98)) if change.name == "track-new" else change for change in run.pods)
    limited = replace(REPLACED, limit=Quantity(value=20, unit="s"))
    helped = {"pod-loss": (experiment("pod-loss", "pod", 70.0, 100.0, manual_steps=1),)}
    replaced, steps = judged(limited, replace(run, pods=late, experiments=helped))
    assert (replaced.outcome, replaced.value, steps.outcome) == (FAIL, 27.0, FAIL)


@pytest.mark.parametrize(("from_s", "outcome"), [(89.7, INCONCLUSIVE), (91.1, FAIL)])
def test_a_replacement_that_was_read_after_a_gap_may_have_come_in_it(from_s: float, outcome: Outcome) -> None:
    """Read ready 20.5 s after the fault, limit 20 s, at the end of a gap of the watch that began before the limit, or after it."""
    run = evidence()
    late = tuple(replace(change, at_ns=ns(91.5)) if change.name == "track-new" else change for change in run.pods)
    limited = replace(REPLACED, limit=Quantity(value=20, unit="s"))
    blind = observation(
        "watch.blind", "pods", 91.5, "watch", from_ns=ns(from_s), until_ns=ns(91.5), of="pods/us-east-1"
    )
    replaced, _ = judged(limited, replace(run, pods=late, observations=(*run.observations, blind)))
    assert (replaced.outcome, replaced.value) == (outcome, 20.5)
    assert ("the new pod was first observed after a gap in the watch that began 18.7 s after" in replaced.reason) is (
        outcome is INCONCLUSIVE
    )


def test_a_killed_pod_alone_is_judged_where_the_sentence_speaks_of_it_alone() -> None:
    """No word on the new one."""
    claimed = objective(
        Figure.FIRST_REQUEST, Op.BELOW, "10 s", experiments=("pod-loss",), phase=Phase.FAULT, params={"of": "killed"}
    )
    [one] = judged(claimed, evidence())
    assert (one.name, one.outcome) == ("last request of a killed pod", PASS)


def test_a_share_close_to_its_tolerance_is_told_how_many_answers_would_decide() -> None:
    """1.14 over an equal share, within 1 ± 0.2: more of the same would prove PASS, and never FAIL."""
    rng = np.random.default_rng(5)
    tally = Tally(n=np.full(40, 100), bad=rng.binomial(100, 0.228, size=40))
    bounds = share_by_batches(tally, 0.95).rescaled(5.0)
    assert bounds.longer is not None
    longer = bounds.longer(100.0)
    assert longer.high < 1.2
    assert (longer.value, longer.n) == (bounds.value, 400_000)
    assert longer.high - longer.value < (bounds.high - bounds.value) / 9
