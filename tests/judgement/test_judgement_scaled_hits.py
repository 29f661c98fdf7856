"""Of what ended under a fault whose action reports nothing, no figure counts the pods that their autoscaler ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import (
    SPANS,
    errors,
    evidence,
    measures,
    node,
    ns,
    objective,
    observation,
    plan,
    pod,
    samples,
    window,
)

from harness.judgement import judge
from harness.model import (
    Evidence,
    Experiment,
    Figure,
    Hit,
    Objective,
    Observation,
    Op,
    Outcome,
    Phase,
    WatchSource,
    fault_name,
)

_, START, END = SPANS["pod-loss"]
SEARCH = Hit(kind="pod", name="search-1", namespace="us-east-1", uid="u-s", region="us-east-1", workload="search")
UNDER = {"experiments": ("pod-loss",), "phase": Phase.FAULT}
REPLACED = objective(Figure.REPLACED, Op.BELOW, "60 s", **UNDER, params={"manual_steps": "0"})
COUPLING = replace(errors("1 %", **UNDER), figure=Figure.COUPLING)
NOTICES = objective(Figure.NOTICES, Op.HOLDS, "0", **UNDER, params={"most": "3"})
ALERT = objective(Figure.ALERT_FIRES, Op.BELOW, "20 s", **UNDER, params={"part": "memory"})
MOVED = objective(Figure.RESCHEDULED, Op.BELOW, "20 s", **UNDER)


def asks_for(at: float, desired: int) -> Observation:
    """How many replicas of search its autoscaler asks for from then on."""
    fields = {"target": "search", "least": 1, "most": 9, "current": 3, "desired": desired, "active": True}
    return observation("autoscaler.changed", "us-east-1/search", at, "autoscalers", at_ns=ns(at), **fields)


def told(named: str, at: float) -> tuple[Observation, ...]:
    """An alert that fires for one pod, and its notice."""
    labels = {"alertname": "PodMemoryGrows", "part": "memory", "pod": named}
    one = {"labels": labels, "annotations": {}, "status": "firing", "starts_ns": ns(at)}
    loaded = {"labels": {"part": "memory"}, "health": "ok", "error": ""}
    return (
        observation("alert.rule", "PodMemoryGrows", 0.5, "alerts", **loaded),
        observation(
            "alert.firing",
            "PodMemoryGrows",
            at,
            "alerts",
            labels=labels,
            state="firing",
            at_ns=ns(at),
            since_ns=ns(at - 0.25),
        ),
        observation(
            "notice.received", "receiver", at + 1, "notices", number=1, status="firing", at_ns=ns(at + 1), alerts=[one]
        ),
    )


def run(fell: int, named: str = "search-1", told_s: float = 3.0) -> Evidence:
    """A pod of track and one of search are gone at 71.5 s, which no action reported; search had so many replicas fewer by then.

    An alert names one pod, so long after the fault.
    """
    base = evidence()
    (attempt,) = base.experiments["pod-loss"]
    node_hit = Hit(kind="node", name="us-east-1a", region="us-east-1")
    fault = replace(attempt.fault, inferred=True, hit=(*attempt.fault.hit, SEARCH, node_hit), undone_ns=ns(END - 2))
    lost: Experiment = replace(attempt, fault=fault)
    search = [pod(1, "ready", "search-1", "u-s"), pod(71.5, "deleted", "search-1", "u-s")]
    watchers = {name: WatchSource(name=name, spacing_ms=250, closed=True) for name in ("alerts", "notices")}
    rows = window(samples(START, START + 30), START, START + 30, "pod-loss")
    return replace(
        base,
        windows={**base.windows, fault_name("pod-loss"): rows},
        experiments={**base.experiments, "pod-loss": (lost,)},
        pods=(*base.pods, *(replace(change, workload="search") for change in search)),
        nodes=(node(0, "present"), node(71.5, "unready")),
        watchers={**base.watchers, **watchers},
        observations=(*base.observations, asks_for(1, 3), asks_for(71, 3 - fell), *told(named, START + told_s)),
    )


def said(sentence: Objective, fell: int, **what: Any) -> list[tuple[Outcome, str]]:
    """What is measured of a sentence."""
    needs = {"sign-in": (), "read-track": ("track",), "create-track": ("track",), "play-track": ("search",)}
    found = measures(judge(plan({"R": sentence}, route_needs=needs), run(fell, **what)))
    return [(one.outcome, one.reason) for one in found]


@pytest.mark.parametrize("fell", [0, 1])
def test_a_pod_that_its_autoscaler_ended_is_no_killed_pod(fell: int) -> None:
    """Nothing takes its place: that would be a failure."""
    words = " ".join(reason for _, reason in said(REPLACED, fell))
    assert ("search-1 was killed" in words) is (fell == 0)
    assert "track-old was killed" in words


@pytest.mark.parametrize("fell", [0, 1])
def test_a_service_that_its_autoscaler_made_smaller_was_not_taken(fell: int) -> None:
    """Which routes need it is still to be tried."""
    words = " ".join(reason for _, reason in said(COUPLING, fell))
    assert ("no experiment stopped search" in words) is bool(fell)


@pytest.mark.parametrize("fell", [0, 1])
def test_a_notice_that_names_only_what_its_autoscaler_may_have_ended_is_no_pass_and_no_failure(fell: int) -> None:
    """Its one pod is that of search. One that names nothing that was hit fails, and so do notices that are too many."""
    ((outcome, text),) = said(NOTICES, fell)
    assert outcome is (Outcome.INCONCLUSIVE if fell else Outcome.PASS)
    assert (
        "Not decided: the first notice names only pods which either the fault hit or the autoscaler ended" in text
    ) is bool(fell)
    ((outcome, text),) = said(NOTICES, fell, named="billing-1")
    assert (outcome, "the first notice does not name any of " in text) == (Outcome.FAIL, True)
    ((outcome, _),) = said(replace(NOTICES, params={"most": "0"}), fell)
    assert outcome is Outcome.FAIL


@pytest.mark.parametrize("fell", [0, 1])
def test_an_alert_on_a_pod_that_its_autoscaler_may_have_ended_is_no_pass_and_no_failure(fell: int) -> None:
    """It fires 2 s after the fault was sent, for the pod of search. For a pod that was not hit, or too late, is a failure."""
    (outcome, text), *_ = said(ALERT, fell)
    assert outcome is (Outcome.INCONCLUSIVE if fell else Outcome.PASS)
    assert ("an alert names search-1, which either the fault hit or the autoscaler ended" in text) is bool(fell)
    for failing in ({"named": "billing-1"}, {"told_s": 24.0}):
        (outcome, _), *_ = said(ALERT, fell, **failing)
        assert outcome is Outcome.FAIL


@pytest.mark.parametrize("fell", [0, 1])
def test_a_pod_that_its_autoscaler_ended_was_not_lost_with_its_node(fell: int) -> None:
    """It need not be ready anywhere else."""
    words = " ".join(reason for _, reason in said(MOVED, fell))
    assert ("us-east-1/search lost 1 of its pods" in words) is (fell == 0)
    assert "us-east-1/track lost 1 of its pods" in words


@pytest.mark.parametrize(("workload", "of"), [("cart-api", True), ("cart", False)])
def test_the_owner_of_a_pod_says_of_which_workload_it_is_before_its_label(workload: str, *, of: bool) -> None:
    """An autoscaler names the Deployment `cart-api`, whose pods have the label `app: cart`."""
    hit = Hit(kind="pod", name="cart-api-7d9f-x7kqz", namespace="eu", workload="cart", owner="cart-api")
    assert hit.is_of("eu", workload) is of
