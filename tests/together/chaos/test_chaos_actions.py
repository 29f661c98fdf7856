"""The façade against a real API server: what is hit, what is written down before, what is refused."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from harness import clock
from harness.chaos import actions, injected, probes
from harness.chaos.confirmation import reads
from harness.chaos.confirmation.receipts import HitSnapshot
from harness.chaos.session import node_hit, pod_hit, session
from harness.drivers.chaos import open_attempt
from harness.errors import ConfigurationError, DriverError, FaultNotInjected, Refused
from harness.model import Hit
from harness.targets import platform_of, undo
from harness.targets.files.parts import Power
from harness.targets.safety.intents import VERIFY, pending_intents, write_intent
from harness.targets.undo import recover, undo_intent
from tests.builders.plans import experiment

if TYPE_CHECKING:
    from pathlib import Path


POWER = "sandbox.readiness/power"
WITHIN_S = 30.0
"""Of what comes by itself: it is waited for no longer than it takes."""


def names(hits: dict[str, list[dict[str, Any]]], kind: str = "pod") -> list[str]:
    """Names of what an action hit."""
    return [hit["name"] for hit in hits["hit"] if hit["kind"] == kind]


def undos() -> list[str]:
    """The pending undos, newest first."""
    return [" ".join(map(str, intent.undo.values())) for intent in pending_intents(session().platform)]


def test_a_probe_of_a_fault_that_hit_nothing_says_so(pocket: Any) -> None:
    """A probe that asks for what was hit does not pass on an empty list."""
    with pytest.raises(FaultNotInjected, match="this experiment has hit no pod"):
        probes.hit_pods_gone(within_s=0)


def test_a_pod_that_ended_as_its_autoscaler_scaled_down_is_no_hit(pocket: Any) -> None:
    """Of an action of others, which reports nothing: as the API server has the autoscaler, before and after its decision."""
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "track-service"}, "minReplicas": 2, "maxReplicas": 9}
    scaler = ("HorizontalPodAutoscaler", "us-east-1", "track-service")
    pocket.create(scaler[0], {"metadata": {"name": scaler[2], "namespace": scaler[1]}, "spec": spec})
    pocket.change(*scaler, status={"desiredReplicas": 3, "lastScaleTime": "2026-11-20T09:00:00Z"})
    seen = HitSnapshot()
    seen.remember()
    session().cluster.delete_pod("us-east-1", "track-service-1", grace_s=0)
    assert [hit.name for hit in seen.hits()] == ["track-service-1"]
    pocket.change(*scaler, status={"desiredReplicas": 2, "lastScaleTime": "2026-11-20T09:05:00Z"})
    assert seen.hits() == []


def attempt_at(pocket: Any, monkeypatch: pytest.MonkeyPatch, name: str = "node-loss") -> None:
    """An attempt at an experiment that is in the undo log, and of which this process is the child."""
    monkeypatch.setenv("READINESS_EXPERIMENT", name)
    session.cache_clear()
    open_attempt(platform_of(pocket.target), experiment(name, "node"), 1, None)


def kept_nodes(pocket: Any) -> list[str]:
    """The nodes that the undo log says were hit."""
    (attempt,) = [one for one in pending_intents(platform_of(pocket.target)) if one.undo["do"] == VERIFY]
    return list(attempt.undo["hit"])


def test_nodes_that_are_hit_are_on_disk_before_they_are(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a recovery compares them, whatever ran there; pods that are hit are compared by their workloads."""
    attempt_at(pocket, monkeypatch)
    here = session()
    hits = {name: node_hit(pocket.get("Node", "", name)) for name in ("us-east-1a", "us-east-1b")}
    here.destructive([Hit(kind="pod", name="track-service-1", uid="1")])
    assert kept_nodes(pocket) == []
    here.destructive([hits["us-east-1b"]])
    here.destructive([hits["us-east-1a"], hits["us-east-1b"]])
    assert kept_nodes(pocket) == ["us-east-1a", "us-east-1b"]


def test_nodes_that_an_action_of_others_has_cordoned_are_on_disk(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not report them; one that was cordoned before is none of them."""
    pocket.change("Node", "", "eu-west-1a", spec={"unschedulable": True})
    attempt_at(pocket, monkeypatch)
    seen = HitSnapshot()
    seen.remember()
    seen.keep_nodes()
    assert kept_nodes(pocket) == []
    pocket.change("Node", "", "us-east-1a", spec={"unschedulable": True})
    seen.keep_nodes()
    assert kept_nodes(pocket) == ["us-east-1a"]
    pocket.change("Node", "", "us-east-1a", spec={})
    pocket.change("Node", "", "us-east-1b", spec={"unschedulable": True})
    seen.keep_nodes()
    assert kept_nodes(pocket) == ["us-east-1a", "us-east-1b"]


def test_a_node_that_holds_the_leader_is_spared(pocket: Any) -> None:
    """The other node of the region loses power: it, and the pods on it, are hit."""
    hits = actions.power_off_node(f"topology.kubernetes.io/region={'us-east-1'}")
    assert names(hits, "node") == ["us-east-1a"]
    assert names(hits) == ["track-service-1", "track-service-2"]
    assert undos() == [f"power-on us-east-1a {POWER}"]
    assert probes.hit_nodes_not_ready(within_s=WITHIN_S)
    assert not probes.nodes_ready(within_s=0.2)
    assert actions.power_on_nodes() == ["us-east-1a"]
    assert probes.nodes_ready(within_s=WITHIN_S)
    assert undos() == []


def test_a_node_with_another_member_is_spared_while_there_is_a_node_without(pocket: Any) -> None:
    """The database leads from elsewhere: of two nodes the first has a standby, which is bound to its volume."""
    main = pocket.get("Endpoints", "database", "main")
    leads = {"leader": "postgres-eu-west-1-0"}
    pocket.change("Endpoints", "database", "main", metadata={**main["metadata"], "annotations": leads})
    database = pocket.target.database
    standby = database.members["postgres-us-east-1-0"]
    here = database.model_copy(update={"members": {"track-service-1": standby}})
    session().target = pocket.target.model_copy(update={"database": here})
    assert names(actions.power_off_node("topology.kubernetes.io/region=us-east-1"), "node") == ["us-east-1b"]


def test_a_region_goes_with_all_its_nodes(pocket: Any) -> None:
    """Power of both nodes; the leader's way home is written down first, so it is undone last."""
    hits = actions.power_off_region("us-east-1")
    assert names(hits, "node") == ["us-east-1a", "us-east-1b"]
    assert undos() == [f"power-on us-east-1b {POWER}", f"power-on us-east-1a {POWER}", "switch-back us-east-1"]
    with pytest.raises(FaultNotInjected, match="atlantis has no ready node to power off"):
        actions.power_off_region("atlantis")


def _off(metadata: dict[str, Any]) -> dict[str, Any]:
    return {**metadata, "annotations": {POWER: "off"}}


def test_a_region_is_hit_whole_or_not_at_all(pocket: Any) -> None:
    """Blind side 8: a node that is down before the fault cannot be hit, so the loss of the region would be of one node."""
    pocket.change("Node", "", "us-east-1a", metadata=_off(pocket.get("Node", "", "us-east-1a")["metadata"]))
    assert not probes.nodes_ready(within_s=0.3)
    with pytest.raises(FaultNotInjected, match="not every node of us-east-1 is ready before the fault: us-east-1a"):
        actions.power_off_region("us-east-1")
    assert undos() == []


def with_power(pocket: Any, power: Power) -> None:
    """Let the target file of the session say how power is cut."""
    session().target = pocket.target.model_copy(update={"power": power})


def test_power_is_cut_by_the_commands_of_the_target_file(pocket: Any, tmp_path: Path) -> None:
    """Each with its node's name, or its cloud's name for it; what gives the power back is in the undo log before."""
    pocket.change("Node", "", "us-east-1a", spec={"providerID": "aws:///us-east-1a/i-0abc"})
    off = tmp_path / "{node}-{instance}"
    with_power(pocket, Power(stop=("touch", str(off)), start=("rm", str(off))))
    hits = actions.power_off_node("topology.kubernetes.io/region=us-east-1")
    assert names(hits, "node") == ["us-east-1a"]
    assert [path.name for path in tmp_path.glob("us-east-*")] == ["us-east-1a-i-0abc"]
    assert undos() == [f"power-on-by-command us-east-1a ['rm', '{tmp_path}/us-east-1a-i-0abc']"]
    assert actions.power_on_nodes() == ["us-east-1a"]
    assert list(tmp_path.glob("us-east-*")) == []
    assert undos() == []


@pytest.mark.parametrize(
    ("off", "why"),
    [
        (("no-such-program", "{node}"), "`no-such-program` could not be run"),
        (("sh", "-c", "echo {node} is locked >&2; exit 3"), "ended with exit code 3: us-east-1a is locked"),
        (("stop", "{instance}"), "node us-east-1a has no `spec.providerID` for {instance}"),
    ],
)
def test_a_command_that_cuts_no_power_is_no_fault(pocket: Any, off: tuple[str, ...], why: str) -> None:
    """Its own words are reported; what was to be undone is still undone."""
    with_power(pocket, Power(stop=off, start=("true", "{node}")))
    with pytest.raises((DriverError, FaultNotInjected), match=re.escape(why)):
        actions.power_off_node("topology.kubernetes.io/region=us-east-1")
    actions.power_on_nodes()
    assert undos() == []


def test_where_nothing_cuts_power_a_node_is_drained(pocket: Any) -> None:
    """Cordoned and its pods evicted: they are what was hit, and no node; afterwards it takes pods again."""
    with_power(pocket, Power(drain=True))
    hits = actions.power_off_node("topology.kubernetes.io/region=us-east-1")
    assert (names(hits, "node"), names(hits)) == ([], ["track-service-1", "track-service-2"])
    assert pocket.get("Node", "", "us-east-1a")["spec"]["unschedulable"] is True
    assert undos() == ["uncordon us-east-1a"]
    assert probes.hit_nodes_not_ready(within_s=WITHIN_S)
    assert actions.power_on_nodes() == ["us-east-1a"]
    assert not pocket.get("Node", "", "us-east-1a")["spec"].get("unschedulable")
    assert undos() == []


def test_power_is_cut_by_what_the_target_file_names(pocket: Any) -> None:
    """Without the key `power` nothing is touched, and the message names it."""
    session().target = pocket.target.model_copy(update={"power": None})
    with pytest.raises(ConfigurationError, match="the target file does not say how to cut power") as caught:
        actions.power_off_region("us-east-1")
    assert caught.value.where.endswith("target.yaml: power")
    assert undos() == []


def test_an_undo_that_nobody_knows_is_kept_and_the_others_are_done(pocket: Any) -> None:
    """An intent of another version or of an action that is gone: refused with its file, and what a person must undo."""
    write_intent(platform_of(pocket.target), "x", "paint node a", {"do": "unpaint"}, module="harness.chaos.nodes")
    write_intent(platform_of(pocket.target), "x", "melt node a", {"do": "freeze"}, module="nobody.has.this")
    actions.power_off_region("us-east-1")
    with pytest.raises(Refused) as caught:
        recover(pocket.target).require_all(platform_of(pocket.target), pocket.target)
    assert "2 entries of the undo log cannot be read and were kept" in caught.value.what
    assert "paint node a: `harness.chaos.nodes` has no undoable action `unpaint`" in caught.value.what
    assert "the module `nobody.has.this` cannot be imported" in caught.value.what
    assert pocket.leader == "postgres-us-east-1-0"
    assert undos() == ["freeze", "unpaint"]


def test_by_hand_a_hold_takes_its_least_time() -> None:
    """Nobody will release it."""
    started = clock.now_s()
    assert actions.hold(at_least_s=0.05, at_most_s=60) >= 0.05
    assert clock.now_s() - started < 10


def test_under_a_run_a_hold_ends_when_it_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that READINESS_HOLD names ends it; without the file, its longest time does."""
    monkeypatch.setenv("READINESS_HOLD", str(tmp_path / "released"))
    assert 0.2 <= actions.hold(at_least_s=0, at_most_s=0.2) < 10
    (tmp_path / "released").touch()
    assert actions.hold(at_least_s=0, at_most_s=60) < 10


def test_a_fault_that_did_not_go_in_is_said_by_its_probe(pocket: Any) -> None:
    """A pod or a node that was hit and still is there: the probe raises, by hand too."""
    here = session()
    here.hit([pod_hit(pocket.get("Pod", "us-east-1", "track-service-3"), {})])
    with pytest.raises(FaultNotInjected, match=r"track-service-3 still existed after 0\.2 s"):
        probes.hit_pods_gone(within_s=0.2)
    here.hit([node_hit(pocket.get("Node", "", "us-east-1a"))])
    with pytest.raises(FaultNotInjected, match=r"us-east-1a was still Ready after 0\.2 s"):
        probes.hit_nodes_not_ready(within_s=0.2)


def test_pods_that_were_hit_are_no_replacement(pocket: Any) -> None:
    """A controller may report them ready for some time after they were deleted; that another team's Deployment has none ready does not matter."""
    pocket.create("Namespace", {"metadata": {"name": "others"}})
    here = pocket.get("Deployment", "us-east-1", "track-service")
    meta = {"name": "broken", "namespace": "others"}
    pocket.create("Deployment", {"metadata": meta, "spec": here["spec"], "status": {"readyReplicas": 0}})
    assert probes.workloads_ready(within_s=WITHIN_S)
    session().hit([pod_hit(pocket.get("Pod", "us-east-1", "track-service-3"), {})])
    assert not probes.workloads_ready(within_s=0.3)


def test_an_evicted_pod_is_gone_and_does_not_count(pocket: Any) -> None:
    """Its object stays, with the phase Failed."""
    hit = pocket.get("Pod", "us-east-1", "track-service-3")
    session().hit([pod_hit(hit, {})])
    assert probes.pods_ready("app=track-service", "us-east-1", 3, within_s=WITHIN_S)
    pocket.change("Pod", "us-east-1", "track-service-3", status={"phase": "Failed", "reason": "Evicted"})
    assert probes.hit_pods_gone(within_s=WITHIN_S)
    assert probes.pods_ready("app=track-service", "us-east-1", 2, within_s=WITHIN_S)
    assert len(session().cluster.pods("us-east-1", over=True)) == 3


def test_a_target_without_a_database_has_no_member_that_could_lag(pocket: Any) -> None:
    """The same experiment fits a platform without one."""
    file: Path = pocket.target.file
    content = yaml.safe_load(file.read_text())
    del content["database"]
    file.write_text(yaml.safe_dump(content))
    session.cache_clear()
    assert probes.members_streaming(within_s=0)


def test_answers_fail_by_a_policy_that_recovery_deletes(pocket: Any) -> None:
    """Its undo is on disk before it is there; doing it twice is safe; what another machine that injects the same fault has made stays."""
    pocket.define()
    of = ("gateway.envoyproxy.io/v1alpha1", "backendtrafficpolicies")
    actions.fail_answers(10)
    (made,) = session().cluster.customs(*of)
    assert made["spec"]["faultInjection"]["abort"] == {"httpStatus": 500, "percentage": 10}
    assert [one["name"] for one in made["spec"]["targetRefs"]] == ["api-gateway"]
    assert undos() == [
        f"delete-custom gateway.envoyproxy.io/v1alpha1 backendtrafficpolicies us-east-1 {made['metadata']['name']}"
    ]
    other = {"name": "readiness-by-hand-0a1b2c3d", "namespace": "us-east-1", "labels": made["metadata"]["labels"]}
    session().cluster.create_custom(*of, "us-east-1", {**made, "metadata": other})
    actions.end_faults()
    actions.end_faults()
    assert [one["metadata"]["name"] for one in session().cluster.customs(*of)] == [other["name"]]
    assert undos() == []


@pytest.mark.parametrize(("failing", "fails"), [(0, False), (1, False), (3, False), (4, True), (200, True)])
def test_a_few_answers_that_fail_without_any_fault_are_none(
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
    fails: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """Of two hundred reads, by default one of fifty must fail."""
    monkeypatch.setattr(probes, "statuses", lambda number: iter([500] * failing + [200] * (number - failing)))
    assert probes.answers_fail(within_s=0) is fails
    assert probes.answers_fail(within_s=0, at_least=0) is (failing > 0)


def test_reads_that_an_experiment_makes_itself_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By status; one without an answer as 0."""
    answers = iter([200, 500, None, 200])

    class Client:
        def get(self, _path: str) -> httpx.Response:
            if (status := next(answers)) is None:
                raise httpx.ConnectError("refused")
            return httpx.Response(status)

    place = SimpleNamespace(entry="http://127.0.0.1", probes=SimpleNamespace(read=SimpleNamespace(path="/")))
    monkeypatch.setattr(reads, "session", lambda: SimpleNamespace(target=place))
    monkeypatch.setattr(reads, "http_client", lambda *_, **__: nullcontext(Client()))
    assert list(reads.statuses(4)) == [200, 500, 0, 200]
    assert [reads.newly_answered(), reads.newly_answered()] == [{"0": 1, "200": 2, "500": 1}, {}]


def test_every_action_with_an_undo_has_its_way_back_declared() -> None:
    """What undoes it is known by name: what comes back after that did not come back by itself."""
    declared = {name for one in vars(actions).values() for name in getattr(one, "undoes", ())}
    assert declared == {
        "power-on",
        "power-on-by-command",
        "scale-back",
        "uncordon",
        "switch-back",
        "delete-custom",
        "unlock-rows",
        "restore-members",
    }
    assert {name for module, name in undo._KNOWN if module.startswith("harness.chaos")} <= declared


def test_a_pod_that_is_given_memory_stays_and_is_counted(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one that is measured: nobody can tell that another grew. Its workload has all its replicas; once it is killed, it counts no more until another is in its place."""
    pocket.define()
    with pytest.raises(FaultNotInjected, match="no ready pod with a measured memory matches app=track-service"):
        actions.stress_memory("app=track-service", "us-east-1", "115MB")
    assert undos() == []
    monkeypatch.setattr(injected, "memory_of", lambda *_: {"track-service-1": 1e8})  # no metrics server here
    assert names(actions.stress_memory("app=track-service", "us-east-1", "115MB")) == ["track-service-1"]
    assert probes.workloads_ready(within_s=WITHIN_S)
    session().hit([pod_hit(pocket.get("Pod", "us-east-1", "track-service-1"), {})])
    assert not probes.workloads_ready(within_s=0.2)


def test_a_standby_is_parted_by_an_object_that_recovery_deletes(pocket: Any) -> None:
    """From all other members, in both directions; its undo is on disk before it is there, and may be done twice."""
    pocket.define()
    assert names(actions.partition_member()) == ["postgres-eu-west-1-0"]
    (made,) = session().cluster.customs("chaos-mesh.org/v1alpha1", "networkchaos")
    spec = made["spec"]
    assert (spec["action"], spec["direction"], spec["duration"]) == ("partition", "both", "120s")
    assert spec["selector"]["pods"] == {"database": ["postgres-eu-west-1-0"]}
    assert spec["target"]["selector"]["pods"] == {"database": ["postgres-us-east-1-0"]}
    own = made["metadata"]["name"]
    assert undos() == [f"delete-custom chaos-mesh.org/v1alpha1 networkchaos database {own}"]
    assert probes.member_parted(within_s=WITHIN_S)
    (intent,) = pending_intents(session().platform)
    undo_intent(session().cluster, session().target, intent)
    undo_intent(session().cluster, session().target, intent)
    assert session().cluster.customs("chaos-mesh.org/v1alpha1", "networkchaos") == []
    assert undos() == []


@pytest.mark.parametrize("member", ["postgres-us-east-1-0", "postgres-nowhere"])
def test_only_a_standby_is_parted(pocket: Any, member: str) -> None:
    """Not the leader, and nothing that is no member."""
    pocket.define()
    with pytest.raises(FaultNotInjected, match=f"{member} is not a standby"):
        actions.partition_member(member)
    assert undos() == []


def test_a_member_that_still_streams_was_not_parted(pocket: Any) -> None:
    """Its NetworkChaos says that it is injected, and the member says that it streams: nothing is confirmed."""
    pocket.define()
    actions.partition_member()
    assert probes.member_parted(within_s=WITHIN_S)
    status = {"status": json.dumps({"state": "running", "replication_state": "streaming"})}
    pod = pocket.get("Pod", "database", "postgres-eu-west-1-0")
    pocket.change("Pod", "database", "postgres-eu-west-1-0", metadata={**pod["metadata"], "annotations": status})
    with pytest.raises(FaultNotInjected, match="postgres-eu-west-1-0 still streamed"):
        probes.member_parted(within_s=0.3)
    actions.end_faults()
    with pytest.raises(FaultNotInjected, match="the network partition was not injected"):
        probes.member_parted(within_s=0.3)


def test_a_service_outside_of_the_regions_is_taken_with_its_volumes_left(pocket: Any) -> None:
    """Its StatefulSet is scaled to none and back, and not deleted."""
    key, labels = ("StatefulSet", "database", "cache"), {"app": "cache"}
    containers = {"containers": [{"name": "cache", "image": "cache"}]}
    template = {"metadata": {"labels": labels}, "spec": containers}
    spec = {"replicas": 1, "serviceName": "cache", "selector": {"matchLabels": labels}, "template": template}
    pocket.create(key[0], {"metadata": {"name": key[2], "namespace": key[1]}, "spec": spec})
    pod = {"metadata": {"name": "cache-0", "namespace": key[1], "labels": labels}, "spec": containers}
    pocket.create("Pod", pod)
    ready = [{"type": "Ready", "status": "True"}]
    pocket.change("Pod", key[1], "cache-0", status={"phase": "Running", "podIP": "127.96.1.9", "conditions": ready})
    assert names(actions.take_service("cache")) == ["cache-0"]
    assert pocket.get(*key)["spec"]["replicas"] == 0
    assert undos() == ["scale-back database cache 1 StatefulSet"]
    assert actions.give_services_back() == ["cache"]
    assert pocket.get(*key)["spec"]["replicas"] == 1
    assert undos() == []


def test_a_service_by_the_recommended_label_is_taken(pocket: Any) -> None:
    """A chart labels its pods with `app.kubernetes.io/name` alone."""
    label = {"app.kubernetes.io/name": "shop"}
    spec = pocket.get("Deployment", "us-east-1", "track-service")["spec"]
    template = {**spec["template"], "metadata": {"labels": label}}
    pocket.change(
        "Deployment",
        "us-east-1",
        "track-service",
        spec={**spec, "selector": {"matchLabels": label}, "template": template},
    )
    for number in (1, 2, 3):
        metadata = pocket.get("Pod", "us-east-1", f"track-service-{number}")["metadata"]
        pocket.change("Pod", "us-east-1", f"track-service-{number}", metadata={**metadata, "labels": label})
    hits = actions.take_service("shop")
    assert [hit["workload"] for hit in hits["hit"]] == ["shop"] * 3


def test_what_was_scaled_since_is_left_as_it_is(pocket: Any) -> None:
    """A service is taken whole, and what it had is on disk; a person, or an autoscaler, has given it eight replicas meanwhile."""
    hits = actions.take_service("track-service")
    assert names(hits) == ["track-service-1", "track-service-2", "track-service-3"]
    assert undos() == ["scale-back us-east-1 track-service 3 Deployment"]
    spec = pocket.get("Deployment", "us-east-1", "track-service")["spec"]
    assert spec["replicas"] == 0
    pocket.change("Deployment", "us-east-1", "track-service", spec={**spec, "replicas": 8})
    assert actions.give_services_back() == ["track-service"]
    assert pocket.get("Deployment", "us-east-1", "track-service")["spec"]["replicas"] == 8
    assert undos() == []


def test_a_service_that_is_not_complete_is_not_taken(pocket: Any) -> None:
    """Its loss would show nothing, nor would that of a service that nobody has."""
    pocket.change("Pod", "us-east-1", "track-service-2", status={"podIP": "127.96.1.1", "phase": "Running"})
    with pytest.raises(
        FaultNotInjected, match="not every pod of track-service is ready before the fault: track-service-2"
    ):
        actions.take_service("track-service")
    with pytest.raises(FaultNotInjected, match="there is none"):
        actions.take_service("mail-service")
    assert undos() == []
