"""The hit must be what the sentence names, and a history of its own must have seen it go."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgement_builders import HITS, SPANS, evidence, experiment, node, ns, observation, plan, pod, recovery

from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.hits import gone_receipt, named_receipt, whole_service_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.model import Evidence, Experiment, Hit, LeaderChange, Observation, Steady

DATABASE = experiment("database-loss", *SPANS["database-loss"])
REGION = experiment("region-loss", *SPANS["region-loss"])
PRIMARY = recovery("45 s", "database-loss", params={"hit": "primary"})
LOST = recovery("50 s", "region-loss", params={"lost_region": "us-east-1"})


@pytest.mark.parametrize("at", [110.9, 117.1])
def test_a_pod_that_went_before_the_action_or_long_after_its_confirmation_was_not_hit(at: float) -> None:
    """Sent at 111 s, confirmed at 112 s."""
    run = replace(evidence(), pods=(replace(pod(at, "deleted", "pg-0", "u-pg"), workload="pg"),))
    receipt = fault_receipt(plan(), run, DATABASE)
    assert (receipt.ok, receipt.why) == (
        None,
        "database-loss: the pod and node histories do not show that pg-0 was lost",
    )


def scaled(at: float, desired: int, target: str = "pg", place: str = "us-east-1") -> Observation:
    """What an autoscaler asks for from then on."""
    fields = {"target": target, "least": 1, "most": 9, "current": 3, "desired": desired, "active": True}
    return observation("autoscaler.changed", f"{place}/{target}", at, "autoscalers", at_ns=ns(at), **fields)


@pytest.mark.parametrize(
    ("falls", "inferred", "ok"),
    [
        (scaled(111.0, 2), True, None),
        (scaled(111.0, 2), False, True),
        (scaled(111.0, 4), True, True),
        (scaled(105.0, 2), True, True),
        (scaled(111.0, 2, target="p"), True, True),
        (scaled(111.0, 2, place="eu-west-1"), True, True),
    ],
    ids=["scaled down", "reported by its action", "scaled up", "long before", "another workload", "another namespace"],
)
def test_a_pod_that_ended_as_its_autoscaler_scaled_down_was_not_hit(
    falls: Observation, *, inferred: bool, ok: bool | None
) -> None:
    """pg-0 is gone at 111.5 s: where only that says that it was hit, the decision of its autoscaler may have ended it."""
    attempt = replace(DATABASE, fault=replace(DATABASE.fault, inferred=inferred))
    before = [replace(scaled(1, 3), subject=falls.subject)]
    receipt = fault_receipt(plan(), replace(evidence(), observations=(*before, falls)), attempt)
    assert receipt.ok is ok
    if ok is None:
        said = "database-loss: pg-0 ended when the autoscaler scaled down, and no action reported it as hit"
        assert receipt.why == said


def three_of_pg(fell: int) -> tuple[Evidence, Experiment]:
    """Three pods of pg end at 111.5 s, which no action reported; its autoscaler asks for so many fewer by then."""
    hits = [replace(HITS["database"], name=f"pg-{each}", uid=f"u-{each}") for each in range(3)]
    changes = [replace(pod(111.5, "deleted", hit.name, hit.uid), workload="pg") for hit in hits]
    attempt = replace(DATABASE, fault=replace(DATABASE.fault, inferred=True, hit=tuple(hits)))
    return replace(evidence(), pods=tuple(changes), observations=(scaled(1, 9), scaled(111, 9 - fell))), attempt


@pytest.mark.parametrize(("fell", "ok"), [(1, True), (2, True), (3, None), (4, None)])
def test_an_autoscaler_ends_no_more_pods_than_its_replicas_fell_by(fell: int, *, ok: bool | None) -> None:
    """Of three pods that ended the others were hit."""
    run, attempt = three_of_pg(fell)
    assert gone_receipt(run, attempt).ok is ok


def test_the_pods_that_an_autoscaler_may_have_ended_void_no_other() -> None:
    """A pod of track was hit too; the receipt is of that one alone."""
    run, attempt = three_of_pg(3)
    attempt = replace(attempt, fault=replace(attempt.fault, hit=(*attempt.fault.hit, HITS["pod"])))
    run = replace(run, pods=(*run.pods, pod(111.5, "deleted", "track-old", "u-old")))
    assert gone_receipt(run, attempt).why == "database-loss: the histories show the loss of track-old"


def test_a_pod_that_an_autoscaler_may_have_ended_is_not_one_of_each_service() -> None:
    """Pods of track and of pg ended, those of pg as its autoscaler scaled down."""
    run, attempt = three_of_pg(3)
    attempt = replace(attempt, fault=replace(attempt.fault, hit=(*attempt.fault.hit, HITS["pod"])))
    before = (pod(1, "ready", "track-old", "u-old"), replace(pod(1, "ready", "pg-0", "u-0"), workload="pg"))
    receipt = named_receipt(replace(run, pods=(*before, *run.pods)), attempt, EACH)
    assert (receipt.ok, receipt.why) == (None, "database-loss: the pods of pg ended when the autoscaler scaled down")


def test_decisions_of_autoscalers_that_were_not_read_are_named_in_the_receipt() -> None:
    """A pod that one of them ended could not be left out."""
    attempt = replace(DATABASE, fault=replace(DATABASE.fault, inferred=True, decisions_read=False))
    assert fault_receipt(plan(), evidence(), attempt).why == (
        "database-loss: the fault was confirmed on the target after 1 s: pg-0; the decisions of autoscalers could not be read, "
        "so an autoscaler may have ended some of these pods"
    )


def test_the_name_of_a_pod_is_read_as_its_controller_forms_it(subtests: pytest.Subtests) -> None:
    """Parts of names are made of the characters of hashes too, like `db` and `lb`."""
    for name, controller, workload, of in [
        ("orders-db-0", "", "orders", False),
        ("track-7d9f8b6c5d-x2v4z", "", "track", True),
        ("track-service-7d9f8b6c5d-x2v4z", "", "track", False),
        ("track-service-7d9f8b6c5d-x2v4z", "", "track-service", True),
        ("trackservice-0", "", "track", False),
        ("pg-0", "", "pg", True),
        ("orders-db-0", "StatefulSet", "orders", False),
        ("orders-db-0", "StatefulSet", "orders-db", True),
        ("web-lb-x7kqz", "", "web", False),
        ("web-lb-x7kqz", "DaemonSet", "web-lb", True),
        ("web-x7kqz", "StatefulSet", "web", False),
        ("web-0", "ReplicaSet", "web", False),
        ("web-7d9f8b6c5d-x7kqz", "ReplicaSet", "web", True),
        ("web-7d9f8b6c5d-x7kqz", "DaemonSet", "web", False),
        ("web-x7kqz", "ReplicaSet", "web", True),
        ("web-x7kqz", "CloneSet", "web", True),
        ("web", "", "web", False),
    ]:
        with subtests.test(name, controller=controller, workload=workload):
            assert Hit(kind="pod", name=name, namespace="eu", controller=controller).is_of("eu", workload) is of
    for label, of in [("web", True), ("web-canary", False)]:
        with subtests.test("a label alone says it", label=label):
            assert Hit(kind="pod", name="web-7d9f8b6c5d-x7kqz", namespace="eu", workload=label).is_of("eu", "web") is of


def test_a_pod_without_uid_is_known_by_its_name() -> None:
    """A probe may keep less than the watcher."""
    hit = replace(HITS["database"], uid="")
    attempt = replace(DATABASE, fault=replace(DATABASE.fault, hit=(hit,)))
    assert gone_receipt(evidence(), attempt).ok
    elsewhere = replace(attempt, fault=replace(attempt.fault, hit=(replace(hit, namespace="eu-west-1"),)))
    assert gone_receipt(evidence(), elsewhere).ok is None


def test_what_is_neither_pod_nor_node_was_seen_by_nobody() -> None:
    """A name of another kind."""
    attempt = replace(DATABASE, fault=replace(DATABASE.fault, hit=(Hit(kind="disk", name="d"),)))
    assert gone_receipt(evidence(), attempt).why == "database-loss: neither a pod nor a node was hit"


def two_nodes(*gone: str) -> Evidence:
    """The primary region has two nodes, of which these went."""
    present = (node(0, "present"), node(0, "present", "us-east-1b"), node(0, "present", "eu-west-1a", "eu-west-1"))
    return replace(evidence(), nodes=(*present, *(node(161.5, "unready", name) for name in gone)))


def test_the_loss_of_a_region_takes_every_node_of_it() -> None:
    """Two nodes: one is not enough, and a region of which no node is known is no region."""
    assert named_receipt(two_nodes("us-east-1a", "us-east-1b"), REGION, LOST).ok
    one = named_receipt(two_nodes("us-east-1a"), REGION, LOST)
    assert (one.ok, one.why) == (False, "region-loss: us-east-1b of us-east-1 was not lost")
    assert gone_receipt(two_nodes("us-east-1a"), REGION).ok is False
    unknown = named_receipt(replace(evidence(), nodes=()), REGION, LOST)
    assert (unknown.ok, unknown.why) == (None, "region-loss: no history contains the nodes of us-east-1")
    other = named_receipt(evidence(), REGION, replace(LOST, params={"lost_region": "eu-west-1"}))
    assert (other.ok, other.why) == (False, "region-loss: eu-west-1 was not hit")


def test_the_primary_is_who_led_when_the_action_was_sent() -> None:
    """A standby was hit; nobody is known to lead; the lead went over before the action."""
    assert named_receipt(evidence(), DATABASE, PRIMARY).ok
    moved = replace(
        evidence(),
        leaders=(
            *evidence().leaders,
            LeaderChange(at_ns=ns(105), subject="us-east-1/pg", before="pg-0", after="pg-1"),
            LeaderChange(at_ns=ns(111.5), subject="us-east-1/pg", before="pg-1", after="pg-0"),
        ),
    )
    standby = named_receipt(moved, DATABASE, PRIMARY)
    assert (standby.ok, standby.why) == (False, "database-loss: the fault hit pg-0, expected the primary pg-1")
    assert named_receipt(replace(evidence(), leaders=()), DATABASE, PRIMARY).ok is None
    assert named_receipt(moved, DATABASE, replace(PRIMARY, params={})).ok


@given(st.sets(st.sampled_from(["us-east-1a", "us-east-1b"])), st.floats(155, 180))
def test_a_region_is_lost_only_when_all_of_it_went_in_time(gone: set[str], at: float) -> None:
    """Sent at 161 s, confirmed at 162 s, seen until 167 s."""
    run = replace(two_nodes(), nodes=(*two_nodes().nodes, *(node(at, "unready", name) for name in gone)))
    receipt = named_receipt(run, REGION, LOST)
    assert bool(receipt.ok) is (len(gone) == 2 and 161 <= at <= 167)


def test_a_restore_after_the_last_fault_needs_a_steady_end() -> None:
    """Of an earlier fault it is not asked."""
    dead = replace(evidence(), steady_end=Steady(ok=False, at_ns=ns(219), why="0 of 100 requests"))
    assert restore_receipt(dead, DATABASE).ok
    assert restore_receipt(dead, REGION).why == ("region-loss: the target was not steady at the end: 0 of 100 requests")
    assert restore_receipt(replace(evidence(), steady_end=None), REGION).ok is None


ZONE = recovery("50 s", "zone-a", "zone-b", params={"zone_of": "us-east-1"})


def zone(*nodes: str, name: str = "zone-a") -> Experiment:
    """An attempt that took these nodes; the first letters say of which region."""
    hit = tuple(Hit(kind="node", name=one, region=one[:-1]) for one in nodes)
    attempt = experiment(name, "zone", 160.0, 200.0)
    return replace(attempt, fault=replace(attempt.fault, hit=hit))


@pytest.mark.parametrize(
    ("hit", "other", "ok", "why"),
    [
        (["us-east-1a"], ["us-east-1b"], True, "us-east-1a of the 2 nodes of us-east-1 was lost"),
        (["us-east-1a"], [], None, "no experiment hit us-east-1b of us-east-1, so not every zone was tested"),
        ([], ["us-east-1b"], False, "the fault hit nothing of 2 nodes, expected one zone of us-east-1"),
        (
            ["us-east-1a", "us-east-1b"],
            [],
            False,
            "the fault hit us-east-1a, us-east-1b of 2 nodes, expected one zone of us-east-1",
        ),
        (
            ["us-east-1a", "eu-west-1a"],
            ["us-east-1b"],
            False,
            "eu-west-1a is not in us-east-1, expected one zone of us-east-1",
        ),
    ],
)
def test_a_zone_is_a_part_of_its_region_and_all_zones_are_tried(
    hit: list[str],
    other: list[str],
    ok: bool | None,  # noqa: FBT001 - a value of the table
    why: str,
) -> None:
    """One of two nodes went, and the other one went in another experiment."""
    run = replace(two_nodes(), experiments={"zone-a": (zone(*hit),), "zone-b": (zone(*other, name="zone-b"),)})
    receipt = named_receipt(run, zone(*hit), ZONE)
    assert (receipt.ok, receipt.why) == (ok, f"zone-a: {why}")


def test_nodes_are_known_before_the_action_or_not_at_all() -> None:
    """Of a region whose nodes are first heard of when it is too late, nobody knows what a zone is."""
    late = replace(two_nodes(), nodes=(node(161, "present"), node(161, "present", "us-east-1b")))
    receipt = named_receipt(late, zone("us-east-1a"), ZONE)
    assert (receipt.ok, receipt.why) == (None, "zone-a: no history contains the nodes of us-east-1")


def services(*hit: Hit) -> Experiment:
    """An attempt of 70 s on that hit these."""
    attempt = experiment("pod-loss", "pod", 70.0, 100.0)
    return replace(attempt, fault=replace(attempt.fault, hit=hit))


RUNNING = (
    pod(1, "ready", "track-old", "u-old"),
    replace(pod(1, "ready", "user-1", "u-user"), workload="user"),
    replace(pod(1, "ready", "user-2", "u-user-2"), workload="user"),
    replace(pod(1, "ready", "far-1", "u-far"), workload="far", namespace="eu-west-1"),
    replace(pod(1, "ready", "gone-1", "u-gone"), workload="gone"),
    replace(pod(2, "deleted", "gone-1", "u-gone"), workload="gone"),
    replace(pod(71, "ready", "new-1", "u-new"), workload="new"),
)
"""What is there when the action is sent at 71 s: `far` in another place, `gone` no longer, `new` not yet."""
USER = replace(HITS["pod"], name="user-1", uid="u-user", workload="user")
EACH = recovery("50 s", "pod-loss", params={"hit": "each service"})


def test_a_pod_of_each_service_is_one_of_every_workload_that_was_there() -> None:
    """Elsewhere, before and after do not count; a service without a hit is named; no pod at all is no hit."""
    run = replace(evidence(), pods=RUNNING)
    both = named_receipt(run, services(HITS["pod"], USER), EACH)
    assert (both.ok, both.why) == (True, "pod-loss: a pod of each of track, user was hit")
    one = named_receipt(run, services(HITS["pod"]), EACH)
    assert (one.ok, one.why) == (False, "pod-loss: no pod of user was hit")
    none = named_receipt(run, services(HITS["region"]), EACH)
    assert (none.ok, none.why) == (False, "pod-loss: a pod of each of nothing was hit")
    unknown = named_receipt(replace(run, pods=()), services(HITS["pod"], USER), EACH)
    assert (unknown.ok, unknown.why) == (None, "pod-loss: no history contains the pods of us-east-1")


def test_a_whole_service_is_every_pod_of_it() -> None:
    """One of two is not enough, and of a service that nobody knows nothing is."""
    run = replace(evidence(), pods=RUNNING)
    other = replace(USER, name="user-2", uid="u-user-2")
    whole = whole_service_receipt(run, services(USER, other), "user")
    assert (whole.ok, whole.why) == (True, "pod-loss: all 2 pods of user were hit")
    part = whole_service_receipt(run, services(USER), "user")
    assert (part.ok, part.why) == (
        False,
        "pod-loss: the fault did not hit user-2 of user, expected every pod of the service",
    )
    unknown = whole_service_receipt(run, services(USER), "gone")
    assert (unknown.ok, unknown.why) == (None, "pod-loss: no history contains the pods of gone")
