"""The target is as before when every workload has its replicas: those of before, or those that its autoscaler asks for now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from harness.drivers.chaos import attempt, restore
from harness.drivers.chaos.restore import Restorer, TargetSnapshot
from harness.errors import AccessDenied
from harness.targets import Platform, Target, load_target
from harness.targets.kubernetes import Cluster, Object
from harness.targets.safety.intents import amend_intent, pending_intents
from harness.targets.undo import recover
from tests.builders.plans import experiment

BEFORE = TargetSnapshot(replicas={"Deployment eu/api": 2}, nodes={}, leader_region="")


class Answers:
    """A cluster with one Deployment, and with the autoscaler if one is given."""

    def __init__(
        self, asked: int, ready: int, autoscaler: dict[str, Any] | None = None, *, denied: bool = False
    ) -> None:
        meta = {"namespace": "eu", "name": "api"}
        self._workload = {"metadata": meta, "spec": {"replicas": asked}, "status": {"readyReplicas": ready}}
        self.machines: list[dict[str, Any]] = []
        self.on: list[str] = []
        self._autoscalers, self._denied = [{"spec": autoscaler}] if autoscaler else [], denied

    def nodes(self, label_selector: str = "") -> list[dict[str, Any]]:
        """As given."""
        del label_selector
        return self.machines

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """One on each of these nodes, and one that no node has yet."""
        meta = {"namespace": namespace, "name": "p"}
        return [{"metadata": meta, "spec": {}}, *({"metadata": meta, "spec": {"nodeName": name}} for name in self.on)]

    def deployments(self, namespace: str = "") -> list[dict[str, Any]]:
        """The one."""
        del namespace
        return [self._workload]

    def stateful_sets(self, namespace: str = "") -> list[dict[str, Any]]:
        """None."""
        del namespace
        return []

    def customs(self, version: str, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        """The autoscaler, if it may be listed."""
        del version, namespace
        if self._denied:
            raise AccessDenied("no", hint="")
        return self._autoscalers if plural == "horizontalpodautoscalers" else []


def autoscaler(name: str = "api", **bounds: int) -> dict[str, Any]:
    """The spec of an autoscaler of this Deployment."""
    return {"scaleTargetRef": {"kind": "Deployment", "name": name}, **bounds}


def test_only_an_autoscaler_may_ask_for_other_replicas_than_before(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """Between its own bounds, and as many as it asks for must be ready."""
    monkeypatch.setattr(restore, "namespaces_of", lambda _target: ("eu",))
    for cluster, why in [
        (Answers(2, 2), ""),
        (Answers(2, 1), "Deployment eu/api has 1 of 2 replicas ready"),
        (Answers(3, 3), "Deployment eu/api has 3 of 2 replicas ready"),
        (Answers(3, 3, autoscaler(minReplicas=2, maxReplicas=3)), ""),
        (Answers(1, 1, autoscaler(maxReplicas=3)), ""),
        (Answers(3, 2, autoscaler(maxReplicas=3)), "Deployment eu/api has 2 of 3 replicas ready"),
        (Answers(4, 4, autoscaler(maxReplicas=3)), "Deployment eu/api has 4 of 2 replicas ready"),
        (Answers(1, 1, autoscaler(minReplicas=2, maxReplicas=3)), "Deployment eu/api has 1 of 2 replicas ready"),
        (Answers(3, 3, autoscaler(name="web", maxReplicas=3)), "Deployment eu/api has 3 of 2 replicas ready"),
        (Answers(3, 3, autoscaler(maxReplicas=3), denied=True), "Deployment eu/api has 3 of 2 replicas ready"),
    ]:
        with subtests.test(cluster=vars(cluster)):
            monkeypatch.setattr(Cluster, "of", lambda _target, cluster=cluster: cluster)
            found = Restorer(cast("Target", None), BEFORE).restored(("workloads",))
            assert (found.ok, found.why) == (not why, why)


CORDONED = "b is not ready or cordoned"
GONE = "b was deleted, and 0 of 1 nodes in eu/eu-2 are ready and not cordoned"


def node(name: str, zone: str, *, ready: bool = True, cordoned: bool = False) -> dict[str, Any]:
    """A node of the region `eu`."""
    labels = {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": zone} if zone else {}
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
    spec = {"unschedulable": True} if cordoned else {}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"conditions": conditions}}


def test_a_node_that_was_replaced_is_back_when_its_zone_has_as_many_as_before(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """A cloud gives the new machine another name; also where what was before was read from the undo log."""
    cluster = standing_in(monkeypatch, used=["a", "b"])
    for kept in [False, True]:
        for machines, why in [
            ([node("a", "eu-1"), node("b", "eu-2")], ""),
            ([node("a", "eu-1"), node("c", "eu-2")], ""),
            ([node("a", "eu-1"), node("b", "eu-2", ready=False)], CORDONED),
            ([node("a", "eu-1"), node("b", "eu-2", cordoned=True), node("c", "eu-2")], CORDONED),
            ([node("a", "eu-1")], GONE),
            ([node("a", "eu-1"), node("c", "eu-1")], GONE),
            ([node("a", "eu-1"), node("c", "eu-2", ready=False)], GONE),
        ]:
            with subtests.test(kept=kept, machines=machines):
                cluster.machines = [node("a", "eu-1"), node("b", "eu-2")]
                before = kept_baseline() if kept else Restorer(cast("Target", None)).baseline()
                cluster.machines = machines
                found = Restorer(cast("Target", None), before).restored(("nodes",))
                assert (found.ok, found.why) == (not why, why)


def test_a_node_that_the_target_did_not_use_counts_only_where_it_was_hit(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """The nodes b and c run pods of other teams: their autoscaler removes them, and their people cordon them."""
    a, c = node("a", "eu-1"), node("c", "eu-2")
    for machines, hit, why in [
        ([a, c], (), ""),
        ([a, node("b", "eu-2", cordoned=True), c], (), ""),
        ([a, node("b", "eu-2", ready=False), c], ("b",), CORDONED),
        ([a, c], ("b",), GONE),
        ([a, c, node("d", "eu-2")], ("b",), ""),
        ([node("b", "eu-2"), c], (), "a was deleted, and 0 of 1 nodes in eu/eu-1 are ready and not cordoned"),
    ]:
        with subtests.test(machines=machines, hit=hit):
            cluster, before = recorded(monkeypatch, used=["a"])
            cluster.machines = machines
            restorer = Restorer(cast("Target", None), before)
            restorer.hit(hit)
            found = restorer.restored(("nodes",))
            assert (found.ok, found.why) == (not why, why)


def test_a_node_that_was_deleted_long_after_the_fault_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An autoscaler took it; unless the experiment had hit it. One that is there must be as before."""
    for machines, hit, why in [
        ([node("a", "eu-1")], (), ""),
        ([node("a", "eu-1")], ("b",), GONE),
        ([node("a", "eu-1"), node("b", "eu-2", ready=False)], (), CORDONED),
    ]:
        cluster, before = recorded(monkeypatch, used=["a", "b", "c"])
        cluster.machines = machines
        found = Restorer(cast("Target", None), before, hit=hit, later=True).restored(("nodes",))
        assert (found.ok, found.why) == (not why, why)


def standing_in(monkeypatch: pytest.MonkeyPatch, used: list[str]) -> Answers:
    """A cluster that is asked in place of one, with pods on these nodes."""
    cluster = Answers(2, 2)
    cluster.on = used
    monkeypatch.setattr(Cluster, "of", lambda _target: cluster)
    monkeypatch.setattr(restore, "namespaces_of", lambda _target: ("eu",))
    monkeypatch.setattr(Restorer, "_leader_region", lambda _self: "")
    return cluster


def kept_baseline() -> TargetSnapshot:
    """How the cluster is, as an undo log has it."""
    return TargetSnapshot.parse(json.loads(json.dumps(Restorer(cast("Target", None)).baseline().as_json())))


def recorded(monkeypatch: pytest.MonkeyPatch, used: list[str]) -> tuple[Answers, TargetSnapshot]:
    """A cluster of three nodes, and how it was."""
    cluster = standing_in(monkeypatch, used)
    cluster.machines = [node("a", "eu-1"), node("b", "eu-2"), node("c", "eu-2")]
    return cluster, kept_baseline()


@pytest.mark.parametrize(
    ("domain", "hit", "why"),
    [
        ("pod", [], ""),
        ("node", [], CORDONED),
        ("zone", ["c"], "c was deleted, and 1 of 2 nodes in eu/eu-2 are ready and not cordoned"),
        ("unknown", [], CORDONED),
    ],
)
def test_a_recovery_compares_what_the_fault_disturbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str, hit: list[str], why: str
) -> None:
    """An experiment on pods has nothing to do with nodes: one that is cordoned half an hour later keeps no run from its start."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(attempt, "_unread", lambda _target: [])
    cluster, before = recorded(monkeypatch, used=["a", "b"])
    (tmp_path / "target.yaml").write_text(IN_A_CLUSTER)
    target = load_target(tmp_path / "target.yaml")
    platform = Platform(name="demo", api="https://127.96.0.2", entry=target.entry)
    intent = attempt.open_attempt(platform, experiment("one", domain), 1, before)
    amend_intent(intent, hit=hit)
    cluster.machines = [node("a", "eu-1"), node("b", "eu-2", cordoned=not hit)]
    left = recover(target, platform, within_s=0).left
    assert [one.why for one in left] == ([f"the undo of attempt 1 was not verified ({why})"] if why else [])
    assert len(pending_intents(platform)) == len(left)


IN_A_CLUSTER = """\
name: demo
environment: staging
entry: http://127.96.0.1:8080
kubernetes: {context: demo, namespace: eu}
"""


def test_an_undo_log_of_an_earlier_version_knows_nodes_by_name_only() -> None:
    """Then all nodes are counted together."""
    before = TargetSnapshot.parse({"replicas": {}, "nodes": ["a", "b"], "leader_region": ""})
    assert (before.nodes, before.used) == ({"a": "", "b": ""}, None)


TARGET = """\
name: demo
environment: staging
entry: http://127.96.0.1:8080
primary_region: us
database:
  dsn: {file: dsn}
  members:
    pg-us: {dsn: {file: dsn}, region: us}
    pg-eu: {dsn: {file: dsn}, region: eu}
  leader: {namespace: db, endpoints: main}
"""


class Members:
    """The database of a target: a lock that no member holds, and one member that is gone."""

    def endpoints(self, namespace: str, name: str) -> Object:
        """The lock."""
        return {"metadata": {"name": name, "namespace": namespace, "annotations": {"leader": ""}}}

    def pod(self, namespace: str, name: str) -> Object | None:
        """A standby that streams; the other member has no pod."""
        status = json.dumps({"state": "running", "replication_state": "streaming"})
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        meta = {"name": name, "namespace": namespace, "annotations": {"status": status}}
        return {"metadata": meta, "status": ready} if name == "pg-us" else None


def test_a_lock_without_a_holder_is_a_missing_leader_and_not_a_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What did not come back is named by what it is, never by a word of the sentence about it."""
    (tmp_path / "target.yaml").write_text(TARGET)
    (tmp_path / "dsn").write_text("host=127.96.0.4")
    monkeypatch.setattr(Cluster, "of", lambda _target: Members())
    before = TargetSnapshot(replicas={}, nodes={}, leader_region="us")
    found = Restorer(load_target(tmp_path / "target.yaml"), before).restored(("database",))
    assert (found.why, found.missing) == ("no member holds the lock; pg-eu does not exist", ("leader", "pg-eu"))
