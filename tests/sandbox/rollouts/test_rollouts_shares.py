"""PodShares of pods without a router, held against the tables of Argo Rollouts' own tests.

The numbers are those of `utils/replicaset/canary_test.go` at commit 9f8d111d8f8e: `TestApproximateWeightedNewStableReplicaCounts` and, of
`TestCalculateReplicaCountsForCanary`, every case without a router.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers.rollouts.shares import PodBounds, Pods, PodShares, ideal, leaving, step
from readiness_sandbox.cluster.controllers.rollouts.spec import CanaryStrategy, parsed
from tests.sandbox.rollouts.rollout_world import World, rollout

# fmt: off
IDEALS = (  # replicas, weight, surge, canary, stable
    (0, 0, 0, 0, 0), (0, 50, 0, 0, 0), (0, 100, 0, 0, 0), (0, 0, 1, 0, 0), (0, 50, 1, 0, 0), (0, 100, 1, 0, 0),
    (1, 0, 0, 0, 1), (1, 1, 0, 0, 1), (1, 49, 0, 0, 1), (1, 50, 0, 1, 0), (1, 99, 0, 1, 0), (1, 100, 0, 1, 0),
    (1, 0, 1, 0, 1), (1, 1, 1, 1, 1), (1, 49, 1, 1, 1), (1, 50, 1, 1, 1), (1, 99, 1, 1, 1), (1, 100, 1, 1, 0),
    (2, 0, 0, 0, 2), (2, 1, 0, 1, 1), (2, 50, 0, 1, 1), (2, 99, 0, 1, 1), (2, 100, 0, 2, 0), (2, 0, 1, 0, 2),
    (2, 1, 1, 1, 2), (2, 50, 1, 1, 1), (2, 99, 1, 2, 1), (2, 100, 1, 2, 0), (3, 10, 0, 1, 2), (3, 25, 0, 1, 2),
    (3, 33, 0, 1, 2), (3, 34, 0, 1, 2), (3, 49, 0, 1, 2), (3, 50, 0, 2, 1), (3, 10, 1, 1, 3), (3, 25, 1, 1, 3),
    (3, 33, 1, 1, 2), (3, 34, 1, 1, 2), (3, 49, 1, 2, 2), (3, 50, 1, 2, 2), (10, 0, 1, 0, 10), (10, 1, 0, 1, 9),
    (10, 14, 0, 1, 9), (10, 15, 0, 2, 8), (10, 16, 0, 2, 8), (10, 99, 0, 9, 1), (10, 100, 1, 10, 0),
    (10, 1, 1, 1, 10), (10, 18, 1, 2, 9), (10, 19, 1, 2, 9), (10, 20, 1, 2, 8), (10, 23, 1, 2, 8), (10, 24, 1, 3, 8),
    (10, 25, 1, 3, 8), (10, 99, 1, 10, 1),
)
STEPS = (  # replicas, weight, maxSurge, maxUnavailable, canary (replicas, available), stable (the same), others, canary next, stable next
    (10, 100, 3, 0, 6, 3, 7, 8, 0, 6, 7),
    (10, 20, 2, 0, 0, 0, 10, 10, 0, 2, 10),
    (10, 20, "20%", 0, 0, 0, 10, 10, 0, 2, 10),
    (10, 20, "20%", 0, 2, 2, 10, 10, 0, 2, 8),
    (10, 30, 2, 0, 0, 0, 10, 10, 0, 2, 10),
    (10, 20, 0, 2, 0, 0, 10, 10, 0, 0, 8),
    (10, 20, 0, "20%", 0, 0, 10, 10, 0, 0, 8),
    (10, 30, 0, 2, 0, 0, 10, 10, 0, 0, 8),
    (10, 50, 2, 1, 0, 0, 10, 10, 0, 2, 9),
    (10, 0, 1, 1, 1, 1, 10, 10, 0, 0, 10),
    (10, 100, 1, 1, 10, 10, 1, 1, 0, 10, 0),
    (1, 20, 1, 0, 0, 0, 1, 1, 0, 1, 1),
    (1, 90, 1, 0, 0, 0, 1, 1, 0, 1, 1),
    (1, 49, 0, 1, 0, 0, 1, 1, 0, 0, 1),
    (1, 51, 0, 1, 0, 0, 1, 1, 0, 0, 0),
    (1, 51, 0, 1, 0, 0, 0, 0, 0, 1, 0),
    (10, 30, 1, 0, 0, 0, 1, 1, 3, 1, 7),
    (10, 30, 0, 3, 4, 4, 8, 5, 0, 3, 7),
    (10, 100, 1, 0, 10, 8, 10, 2, 0, 9, 2),
    (10, 30, 0, 1, 4, 2, 8, 6, 3, 4, 8),
    (10, 5, 0, 1, 0, 0, 10, 10, 0, 0, 9),
    (10, 5, 0, 1, 0, 0, 9, 9, 0, 1, 9),
    (10, 10, "0%", 1, 0, 0, 10, 10, 0, 0, 9),
    (4, 100, 1, 0, 0, 0, 4, 1, 0, 1, 4),
    (3, 99, 0, 2, 0, 0, 3, 3, 0, 0, 1),
    (3, 99, 0, 2, 0, 0, 1, 1, 0, 2, 1),
    (4, 100, 1, 0, 1, 1, 4, 1, 0, 1, 3),
    (4, 0, 1, 0, 4, 4, 0, 0, 0, 4, 1),
    (4, 0, 1, 0, 4, 4, 1, 0, 0, 4, 1),
    (4, 0, 1, 0, 4, 4, 1, 1, 0, 3, 1),
    (4, 100, 4, 4, 0, 0, 4, 4, 0, 4, 0),
    (4, 100, 3, 0, 0, 0, 4, 4, 0, 3, 4),
)
# fmt: on


def test_the_shares_of_a_weight_are_those_of_argo_rollouts(subtests: pytest.Subtests) -> None:
    """The closest share of whole pods, with one pod more where the surge allows it."""
    for replicas, weight, surge, canary, stable in IDEALS:
        with subtests.test(replicas=replicas, weight=weight, surge=surge):
            assert ideal(replicas, weight, surge) == (canary, stable)


def test_the_next_step_is_that_of_argo_rollouts(subtests: pytest.Subtests) -> None:
    """From the strategy as it is written, over maxSurge and maxUnavailable, to the replicas of both sets."""
    for case in STEPS:
        with subtests.test(case=case):
            replicas, weight, surge, unavailable, *counts = case
            canary, canary_up, stable, stable_up, others, *expected = map(int, counts)
            strategy = {"canary": {"maxSurge": surge, "maxUnavailable": unavailable, "steps": [{"setWeight": weight}]}}
            spec = parsed(rollout(strategy, replicas=replicas))
            assert isinstance(spec.strategy, CanaryStrategy)
            bounds = PodBounds(spec.replicas, spec.strategy.max_surge, spec.strategy.max_unavailable)
            assert [*step(bounds, int(weight), Pods(canary, canary_up), Pods(stable, stable_up), others)] == expected


def test_the_first_template_gets_every_replica_although_a_step_asks_for_less() -> None:
    """`TestCalculateReplicaCountsForNewDeployment`: the new set is the stable one."""
    assert step(PodBounds(10, 0, 1), 10, Pods(10, 0), None, 0) == (10, 0)


@st.composite
def _states(draw: st.DrawFn) -> tuple[PodBounds, int, Pods, Pods, list[Pods]]:
    replicas = draw(st.integers(0, 12))
    surge = draw(st.integers(0, 4))
    unavailable = draw(st.integers(0 if surge else 1, replicas + 2))
    asked = st.integers(0, replicas + surge)
    sets = [Pods(each, draw(st.integers(0, each))) for each in (draw(asked), draw(asked))]
    others = draw(st.lists(asked.map(lambda each: Pods(each, each)), max_size=2))
    return PodBounds(replicas, surge, unavailable), draw(st.integers(0, 100)), sets[0], sets[1], others


@given(state=_states())
def test_a_step_asks_for_no_pod_beyond_max_surge_and_takes_none_that_max_unavailable_keeps(
    state: tuple[PodBounds, int, Pods, Pods, list[Pods]],
) -> None:
    """What is above or below the bounds before may stay there; no step makes it worse."""
    bounds, weight, canary, stable, others = state
    gone = sum(each.replicas for each in others)
    after = step(bounds, weight, canary, stable, gone)
    asked = canary.replicas + stable.replicas
    assert min(after) >= 0
    assert sum(after) + gone <= max(bounds.most, asked + gone)
    serving = min(after.canary, canary.available) + min(after.stable, stable.available)
    assert serving >= min(bounds.least, canary.available + stable.available)
    every = canary.available + stable.available + gone
    left = leaving(bounds, others, every)
    assert canary.available + stable.available + sum(left) >= min(bounds.least, every)


@given(state=_states())
def test_steps_with_pods_that_get_ready_arrive_at_the_share_of_the_weight(
    state: tuple[PodBounds, int, Pods, Pods, list[Pods]],
) -> None:
    """From whatever was there before: no bound is so narrow that the update stands still."""
    bounds, weight, canary, stable, others = state
    for _ in range(200):
        left = leaving(bounds, others, canary.available + stable.available + sum(each.available for each in others))
        others = [Pods(each, each) for each in left]
        after = step(bounds, weight, canary, stable, sum(left))
        canary, stable = (Pods(each, each) for each in after)
    assert PodShares(canary.replicas, stable.replicas) == ideal(bounds.replicas, weight, bounds.surge)
    assert not any(each.replicas for each in others)


@given(
    replicas=st.integers(1, 12),
    weights=st.lists(st.integers(1, 99), min_size=1, max_size=4).map(sorted),
    surge=st.integers(0, 3),
)
def test_at_no_moment_of_an_update_without_a_router_do_too_few_pods_serve(
    replicas: int, weights: list[int], surge: int
) -> None:
    """The controller itself, turn by turn, with one pod unavailable where it may not surge: the shares, the promotion, and the abort back."""
    unavailable = 0 if surge else 1
    pause: dict[str, Any] = {"pause": {}}
    steps = [each for weight in weights for each in ({"setWeight": weight}, pause)]
    canary = {"maxSurge": surge, "maxUnavailable": unavailable, "steps": steps}
    world = World(rollout({"canary": canary}, replicas=replicas))
    world.settle()
    for release, ends in (("two", "abort"), ("three", "promotion")):
        world.deploy(release)
        for weight in weights:
            _turned(world, replicas, surge, unavailable)
            assert (world.sets[release].replicas, world.sets["one"].replicas) == ideal(replicas, weight, surge)
            assert "canary" not in world.status, "there is no weight to be written"
            if ends == "abort":
                break
            world.status |= {"pauseConditions": None}
        if ends == "abort":
            world.status |= {"abort": True}
        _turned(world, replicas, surge, unavailable)
    assert {name: each.replicas for name, each in world.sets.items()} == {"one": 0, "two": 0, "three": replicas}
    assert world.status["phase"] == "Healthy"


def _turned(world: World, replicas: int, surge: int, unavailable: int) -> None:
    for _ in range(300):
        if not world.turn():
            return
        serving = sum(each.available for each in world.sets.values())
        assert replicas - unavailable <= serving <= replicas + surge
    raise AssertionError("the rollout does not come to rest")


def test_a_set_that_is_neither_new_nor_stable_goes_first_and_what_of_it_does_not_serve_at_once() -> None:
    """A third release while the second is on its way: 2 of the 5 others serve nobody."""
    bounds = PodBounds(4, 1, 1)
    assert leaving(bounds, [Pods(3, 1), Pods(2, 2)], 5) == [0, 1]
    assert step(bounds, 50, Pods(0, 0), replace(Pods(4, 4), available=2), 3) == (0, 4)
