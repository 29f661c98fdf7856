"""Pods that were lost with their node are ready again on other nodes before the power comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import evidence, experiment, measures, node, ns, objective, observation, plan, pod

from harness.judgement import judge
from harness.model import (
    Evidence,
    ExperimentPlan,
    FaultWindow,
    Figure,
    Hit,
    Measure,
    Op,
    Outcome,
    Phase,
    PodChange,
    WatchSource,
)

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENTENCE = objective(Figure.RESCHEDULED, Op.BELOW, "45 s", experiments=("node-loss",), phase=Phase.FAULT)
HITS = (
    Hit(kind="node", name="us-east-1b", region="us-east-1"),
    Hit(kind="pod", name="track-1", namespace="us-east-1", uid="u-1", workload="track"),
)


def run(*later: PodChange, undone: float = 220.0, hits: tuple[Hit, ...] = HITS) -> Evidence:
    """Two pods of a workload, one of them on a node that lost power at 161 s."""
    base = evidence()
    fault = FaultWindow(
        experiment="node-loss",
        domain="node",
        sent_ns=ns(161),
        confirmed_ns=ns(165),
        undone_ns=ns(undone),
        gone_ns=ns(undone + 1),
        held=True,
        hit=hits,
    )
    attempt = experiment("node-loss", "node", 160, undone + 5, fault=fault)
    return replace(
        base,
        experiments={"node-loss": (attempt,)},
        pods=(pod(1, "ready", "track-1", "u-1"), pod(1, "ready", "track-2", "u-2"), *later),
        nodes=(
            node(0, "present"),
            node(0, "present", "us-east-1b"),
            node(165, "unready", "us-east-1b"),
            node(undone + 1, "ready", "us-east-1b"),
        ),
    )


def judged(given: Evidence, observe_s: float = 60.0) -> list[Measure]:
    """The measures of the sentence."""
    planned = ExperimentPlan(
        name="node-loss",
        file="node-loss.yaml",
        domain="node",
        within_s=15,
        hold_s=12,
        observe_s=observe_s,
        seconds=20,
    )
    return measures(judge(plan({"R": SENTENCE}, experiments={"node-loss": planned}), given))


GONE = pod(165, "unready", "track-1", "u-1")
REMOVED = pod(221, "deleted", "track-1", "u-1")
"""Its node is back, and lets go of the pod that another has replaced."""


@pytest.mark.parametrize("controller", ["DaemonSet", "Node"])
def test_a_pod_that_belongs_to_its_node_is_expected_nowhere_else(controller: str) -> None:
    """The log shipper of a DaemonSet and a static pod come back with their node."""
    own = Hit(kind="pod", name="logs-1", namespace="us-east-1", uid="u-9", workload="logs", controller=controller)
    shipper = replace(pod(1, "ready", "logs-1", "u-9"), workload="logs")
    found = judged(run(GONE, shipper, pod(171, "ready", "track-3", "u-3"), REMOVED, hits=(*HITS, own)))
    assert [(one.outcome, one.scope["workload"]) for one in found] == [(PASS, "us-east-1/track")]
    moved = replace(own, controller="ReplicaSet")
    found = judged(run(GONE, shipper, pod(171, "ready", "track-3", "u-3"), REMOVED, hits=(*HITS, moved)))
    assert [(one.outcome, one.scope["workload"]) for one in found] == [
        (FAIL, "us-east-1/logs"),
        (PASS, "us-east-1/track"),
    ]


def test_the_lost_pod_itself_is_not_elsewhere() -> None:
    """The node is back without the harness, and its own pod is ready again: it was never anywhere else."""
    (found,) = judged(run(GONE, pod(175, "ready", "track-1", "u-1")))
    assert found.outcome is FAIL


def test_a_fault_that_was_held_for_less_than_the_limit_proves_no_failure() -> None:
    """Power is back after 19 s."""
    (found,) = judged(run(GONE, undone=180))
    assert found.outcome is INCONCLUSIVE
    (short,) = judged(run(GONE, undone=180), observe_s=20.0)
    assert short.outcome is Outcome.NOT_ASSESSED


def test_another_pod_that_is_lost_meanwhile_counts_as_missing() -> None:
    """A new one came, and the one that had stayed went."""
    later = (GONE, pod(170, "unready", "track-2", "u-2"), pod(171, "ready", "track-3", "u-3"))
    assert judged(run(*later))[0].outcome is FAIL


def test_a_node_without_pods_of_workloads_shows_nothing() -> None:
    """Only the node is among the hits."""
    (found,) = judged(run(hits=HITS[:1]))
    assert found.outcome is INCONCLUSIVE


@pytest.mark.parametrize("source", [None, WatchSource(name="pods", spacing_ms=0, closed=False)])
def test_without_a_whole_watch_of_the_pods_nothing_is_decided(source: WatchSource | None) -> None:
    """The watcher left no record, or did not complete."""
    given = run(GONE)
    watchers = {name: one for name, one in given.watchers.items() if name != "pods"}
    watchers |= {"pods": source} if source else {}
    assert judged(replace(given, watchers=watchers))[0].outcome is INCONCLUSIVE


def test_pods_of_a_namespace_that_is_not_followed_are_passed_over() -> None:
    """A DaemonSet of the cluster's own was on the node: nothing is known of it, and nothing claimed."""
    foreign = Hit(kind="pod", name="flannel-1", namespace="kube-system", uid="u-f", workload="flannel")
    (found,) = judged(run(GONE, pod(190, "ready", "track-3", "u-3"), REMOVED, hits=(*HITS, foreign)))
    assert (found.outcome, found.scope["workload"]) == (PASS, "us-east-1/track")


@pytest.mark.parametrize(("from_s", "outcome"), [(202.0, INCONCLUSIVE), (206.1, FAIL)])
def test_a_limit_within_a_gap_of_the_watch_is_not_decided(from_s: float, outcome: Outcome) -> None:
    """Read ready after 45.5 s, at the end of a gap that a tenth of the limit allows: it may have been ready in time, if the gap began then."""
    given = run(GONE, pod(206.5, "ready", "track-3", "u-3"))
    blind = observation(
        "watch.blind", "pods", 206.5, "watch", from_ns=ns(from_s), until_ns=ns(206.5), of="pods/us-east-1"
    )
    (found,) = judged(replace(given, observations=(*given.observations, blind)))
    assert (found.outcome, found.value) == (outcome, 45.5)
    assert (
        "the last of these pods was first observed after a gap in the watch that began 41 s after" in found.reason
    ) is (outcome is INCONCLUSIVE)


@pytest.mark.parametrize(
    ("of", "length", "outcome"),
    [
        ("/api/v1/namespaces/us-east-1/pods", 20.0, INCONCLUSIVE),
        ("/api/v1/namespaces/us-east-1/pods", 4.0, PASS),
        ("/api/v1/nodes", 20.0, PASS),
    ],
    ids=["pods", "a tenth of the limit", "nodes"],
)
def test_a_list_after_a_gap_tells_no_time(of: str, length: float, outcome: Outcome) -> None:
    """The pod may have been ready long before it was read; up to a tenth of the limit is no matter, nor what was missed of nodes."""
    given = run(GONE, pod(190, "ready", "track-3", "u-3"), REMOVED)
    blind = observation("watch.blind", "pods", 190, "watch", from_ns=ns(190 - length), until_ns=ns(190), of=of)
    assert judged(replace(given, observations=(*given.observations, blind)))[0].outcome is outcome
