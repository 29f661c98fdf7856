"""How many replicas an autoscaler decides on, on a clock of the tests."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers.autoscaling.behavior import (
    AutoscalerPast,
    Behavior,
    ScalingPolicy,
    ScalingRules,
    decide,
)
from readiness_sandbox.cluster.controllers.autoscaling.proposals import MetricError, MetricTarget, PodUsage, propose
from readiness_sandbox.cluster.controllers.autoscaling.reading import behavior_of

CPU = MetricTarget(resource="cpu", utilization=70)
MEMORY = MetricTarget(resource="memory", utilization=80)
NOW = 10_000.0
FREE = ScalingRules(window_s=0, policies=(ScalingPolicy(type="Pods", value=1000, period_s=1),))


def pods(*percents: int, **more: Any) -> list[PodUsage]:
    """Pods with a request of 1000, each using that percentage of it."""
    return [PodUsage(name=f"p{i}", usage=each * 10, request=1000, **more) for i, each in enumerate(percents)]


def replicas(target: MetricTarget, found: list[PodUsage], current: int | None = None, time_scale: float = 1.0) -> int:
    """What is proposed at `NOW`."""
    return propose(target, found, len(found) if current is None else current, NOW, time_scale).replicas


def test_what_is_proposed(subtests: pytest.Subtests) -> None:
    """0.9 and 1.1 of the target are tolerated, beyond that the ratio decides, rounded up; what is not known of a pod only holds it back."""
    eager, of_each = MetricTarget(resource="cpu", utilization=70, up=0.0), MetricTarget(resource="cpu", average=500)
    over = PodUsage(name="old", over=True, usage=9000, request=1000)
    missing = [PodUsage(name=name, request=1000) for name in ("x", "y")]
    starting = [PodUsage(name=name, ready=False, started_s=NOW - 10, usage=3000, request=1000) for name in ("x", "y")]
    for why, target, found, expected in [
        ("0.9 of the target", CPU, pods(*[63] * 10), 10),
        ("less than 0.9 of it", CPU, pods(*[62] * 10), 9),
        ("1.1 of the target", CPU, pods(*[77] * 10), 10),
        ("more than 1.1 of it", CPU, pods(*[78] * 10), 12),
        ("a tolerance of 0 upwards reacts to one percent more", eager, pods(71, 71), 3),
        ("the other direction keeps its tenth", eager, pods(64, 64), 2),
        (
            "an average value is of each pod",
            of_each,
            [PodUsage(name="a", usage=800), PodUsage(name="b", usage=1000)],
            4,
        ),
        ("a pod that ends or failed counts neither as a replica nor as usage", CPU, [*pods(140), over], 2),
        ("before scaling down a pod without metrics is taken to use its request", CPU, [*pods(20, 20), *missing], 4),
        ("without such pods", CPU, pods(20, 20), 1),
        ("before scaling up a pod without metrics is taken to use nothing", CPU, [*pods(140, 140), *missing], 4),
        ("more than such pods hold back", CPU, [*pods(280, 280), *missing], 8),
        ("the start of a new pod costs CPU that says nothing of the load", CPU, [*pods(140, 140), *starting], 4),
    ]:
        with subtests.test(why):
            assert replicas(target, found) == expected
    assert replicas(MEMORY, [*pods(140, 140), *starting]) > 4, "memory of a pod that is not ready counts"


def test_percent_is_of_all_requests_together() -> None:
    """A busy pod with a small request does not outweigh an idle one with a large request."""
    mixed = [PodUsage(name="a", usage=1000, request=1000), PodUsage(name="b", usage=400, request=1000)]
    assert propose(CPU, mixed, 2, NOW, 1.0).utilization == 70


def test_a_container_without_a_request_fails_the_whole_metric() -> None:
    """Even when only one pod of many has it."""
    with pytest.raises(MetricError, match="missing request for cpu in a container of pod p1"):
        propose(CPU, [*pods(90), PodUsage(name="p1", usage=100)], 2, NOW, 1.0)


@pytest.mark.parametrize(
    ("found", "why"),
    [([], "no pods returned by selector"), ([PodUsage(name="a", request=1)], "did not receive metrics")],
)
def test_no_metric_is_no_proposal(found: list[PodUsage], why: str) -> None:
    """Not a proposal of zero."""
    with pytest.raises(MetricError, match=why):
        propose(CPU, found, 1, NOW, 1.0)


@pytest.mark.parametrize(
    ("age_s", "measured_after_s", "expected"), [(299.0, 14.9, 4), (299.0, 15.0, 6), (301.0, 0.0, 6)]
)
def test_a_young_pod_is_trusted_once_a_whole_window_lies_after_it_became_ready(
    age_s: float, measured_after_s: float, expected: int
) -> None:
    """Within 5 minutes of its start; then at once."""
    turned = NOW - age_s + 20
    young = PodUsage(
        name="y",
        started_s=NOW - age_s,
        turned_s=turned,
        usage=1400,
        measured_s=turned + measured_after_s,
        window_s=15.0,
        request=1000,
    )
    assert replicas(CPU, [*pods(140, 140), young], 3) == expected


def test_the_periods_in_which_a_pod_is_young_are_scaled() -> None:
    """At time scale 60 the five minutes are five seconds."""
    young = PodUsage(
        name="y", started_s=NOW - 6, turned_s=NOW - 5, usage=1400, measured_s=NOW - 5, window_s=3.0, request=1000
    )
    assert (replicas(CPU, [*pods(140, 140), young], 3, 1.0), replicas(CPU, [*pods(140, 140), young], 3, 60.0)) == (4, 6)


@given(st.integers(1, 50), st.integers(1, 300), st.integers(1, 100))
def test_equal_pods_ask_for_what_the_ratio_says(count: int, percent: int, target: int) -> None:
    """ceil(n * usage / target), or what there is within a tenth."""
    ratio = percent / target
    expected = count if 0.9 <= ratio <= 1.1 else math.ceil(ratio * count)
    assert replicas(MetricTarget(resource="cpu", utilization=target), pods(*[percent] * count)) == expected


@given(st.lists(st.integers(0, 400), min_size=1, max_size=10), st.integers(0, 5), st.integers(0, 5))
def test_pods_that_are_not_known_never_turn_a_decision(percents: list[int], missing: int, starting: int) -> None:
    """They may hold it back, never reverse it."""
    unknown = [PodUsage(name=f"m{i}", request=1000) for i in range(missing)]
    unknown += [PodUsage(name=f"u{i}", ready=False, started_s=NOW - 1, request=1000, usage=10) for i in range(starting)]
    current = len(percents) + len(unknown)
    alone = replicas(CPU, pods(*percents))
    together = replicas(CPU, [*pods(*percents), *unknown], current)
    if alone > len(percents):
        assert together >= current
    if alone < len(percents):
        assert together <= current


def behavior(up: ScalingRules = FREE, down: ScalingRules = FREE, least: int = 1, most: int = 100) -> Behavior:
    """Without windows and limits but those given."""
    return Behavior(up=up, down=down, least=least, most=most)


@pytest.mark.parametrize(
    ("after_s", "expected", "reason"), [(299.9, 10, "ScaleDownStabilized"), (300.0, 4, "ReadyForNewScale")]
)
def test_a_scale_down_waits_until_the_higher_recommendation_leaves_the_window(
    after_s: float, expected: int, reason: str
) -> None:
    """At 299.9 s it still counts, at 300 s it does not."""
    slow = behavior(down=ScalingRules(window_s=300, policies=FREE.policies))
    past = AutoscalerPast(recommendations=((NOW, 10),))
    decision = decide(4, 10, slow, past, NOW + after_s)
    assert (decision.replicas, decision.able[0]) == (expected, reason)


def test_a_scale_up_waits_for_the_lowest_recommendation_of_its_window() -> None:
    """A spike of one moment does nothing, a load that stays does."""
    slow = behavior(up=ScalingRules(window_s=60, policies=FREE.policies))
    first = decide(10, 4, slow, AutoscalerPast(), NOW)
    assert (first.replicas, first.able[0]) == (4, "ScaleUpStabilized")
    assert decide(10, 4, slow, first.past, NOW + 59.9).replicas == 4
    assert decide(10, 4, slow, first.past, NOW + 60).replicas == 10


def test_an_autoscaler_that_starts_anew_begins_with_the_replicas_it_finds() -> None:
    """A restart of the controller is no reason to scale down at once."""
    slow = behavior(down=ScalingRules(window_s=300, policies=FREE.policies))
    assert decide(1, 7, slow, AutoscalerPast(), NOW).replicas == 7


@pytest.mark.parametrize(("after_s", "expected"), [(14.9, 8), (15.0, 12)])
def test_four_pods_in_fifteen_seconds(after_s: float, expected: int) -> None:
    """What was added within the period counts, at its end it does not."""
    limited = behavior(up=ScalingRules(window_s=0, policies=(ScalingPolicy(type="Pods", value=4, period_s=15),)))
    first = decide(50, 4, limited, AutoscalerPast(), NOW)
    assert (first.replicas, first.limited, first.limit[0]) == (8, True, "ScaleUpLimit")
    assert decide(50, 8, limited, first.past.scaled(NOW, 4, 8), NOW + after_s).replicas == expected


@pytest.mark.parametrize(("select", "up", "down"), [("Max", 9, 1), ("Min", 8, 2), ("Disabled", 5, 5)])
def test_the_policy_that_decides(select: Any, up: int, down: int) -> None:
    """Of 50 % (rounded up, cut off) and 4 pods the larger or the smaller change, or none."""
    rules = ScalingRules(
        window_s=0,
        policies=(
            ScalingPolicy(type="Percent", value=50, period_s=60),
            ScalingPolicy(type="Pods", value=4, period_s=60),
        ),
        select=select,
    )
    both = behavior(up=rules, down=rules)
    assert decide(50, 5, both, AutoscalerPast(), NOW).replicas == up
    assert decide(1, 5, both, AutoscalerPast(), NOW).replicas == down


def test_bounds_are_applied_last_and_named() -> None:
    """Never above the maximum or below the minimum, whatever is recommended."""
    bounded = behavior(least=2, most=10)
    high, low = decide(99, 5, bounded, AutoscalerPast(), NOW), decide(0, 5, bounded, AutoscalerPast(), NOW)
    assert (high.replicas, high.limit[0], low.replicas, low.limit[0]) == (10, "TooManyReplicas", 2, "TooFewReplicas")


def test_what_a_spec_does_not_say_is_as_in_kubernetes_at_the_time_scale() -> None:
    """Up at once, by 100 % or 4 pods in 15 s; down after 300 s: a sixtieth of each here."""
    found = behavior_of({"maxReplicas": 10})
    assert (found.up.window_s, found.down.window_s, found.least) == (0.0, 5.0, 1)
    assert [(each.type, each.value, each.period_s) for each in found.up.policies] == [
        ("Percent", 100, 0.25),
        ("Pods", 4, 0.25),
    ]
    given_ = behavior_of({"maxReplicas": 10, "behavior": {"scaleUp": {"stabilizationWindowSeconds": 180}}})
    assert (given_.up.window_s, given_.up.policies == found.up.policies) == (3.0, True)


RULES = st.builds(
    ScalingRules,
    window_s=st.integers(0, 60),
    policies=st.lists(
        st.builds(
            ScalingPolicy,
            type=st.sampled_from(["Pods", "Percent"]),
            value=st.integers(1, 100),
            period_s=st.integers(1, 60),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    select=st.sampled_from(["Max", "Min", "Disabled"]),
)
STEPS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 60)), min_size=1, max_size=30)


@given(RULES, RULES, st.integers(1, 5), st.integers(5, 40), STEPS)
def test_whatever_is_recommended_bounds_and_windows_hold(
    up: ScalingRules, down: ScalingRules, least: int, most: int, steps: list[tuple[int, int]]
) -> None:
    """Within the bounds; a change goes towards the recommendation and never beyond the lowest or highest of the window."""
    limits, past, now, current = behavior(up, down, least, most), AutoscalerPast(), NOW, least
    seen: list[tuple[float, int]] = []
    for wait_s, desired in steps:
        now += wait_s
        before, decision = current, decide(desired, current, limits, past, now)
        current, past = decision.replicas, decision.past
        seen.append((now, desired))
        assert least <= current <= most
        if current > before:
            assert current <= min(wanted for at_s, wanted in seen if at_s > now - up.window_s or at_s == now)
        if current < before:
            assert current >= min(most, max(least, desired))
            assert current >= min(
                before, max(wanted for at_s, wanted in seen if at_s > now - down.window_s or at_s == now)
            )
        if current != before:
            past = past.scaled(now, before, current)


@given(st.integers(1, 5), st.integers(1, 30), st.lists(st.integers(1, 10), min_size=1, max_size=40))
def test_no_period_sees_more_pods_added_than_its_policy_allows(value: int, period_s: int, waits: list[int]) -> None:
    """A load without end is met in steps."""
    limits = behavior(
        up=ScalingRules(window_s=0, policies=(ScalingPolicy(type="Pods", value=value, period_s=period_s),)), most=10_000
    )
    past, now, current = AutoscalerPast(), NOW, 1
    added: list[tuple[float, int]] = []
    for wait_s in waits:
        now += wait_s
        decision = decide(10_000, current, limits, past, now)
        added.append((now, decision.replicas - current))
        past, current = decision.past.scaled(now, current, decision.replicas), decision.replicas
        assert sum(change for at_s, change in added if at_s > now - period_s) <= value
