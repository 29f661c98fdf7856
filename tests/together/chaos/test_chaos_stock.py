"""Actions of chaostoolkit-kubernetes with what the control records of them: hits, refusals, the undo log, and what is put back."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.chaos import actions, probes
from harness.chaos.confirmation import stock
from harness.chaos.session import session
from harness.errors import FaultNotInjected, Refused
from harness.targets import platform_of
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.builders.stock_actions import perform
from tests.together.chaos.test_chaos_access import BODY, PARTED

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Hit

WITHIN_S = 30.0
TRACKS: dict[str, Any] = {"label_selector": "app=track-service", "ns": "us-east-1"}
KILL = "pod.actions.terminate_pods"
SCALE = "deployment.actions.scale_deployment"
SERVICE: dict[str, Any] = {"name": "track-service", "ns": "us-east-1"}
HOME: dict[str, Any] = {"label_selector": "topology.kubernetes.io/region=us-east-1"}
PRIMARY: dict[str, Any] = {"label_selector": "role=primary", "ns": "database", "grace_period": 0}


def kill(**more: Any) -> tuple[list[Hit], str]:
    """Terminate pods of track-service."""
    return perform(KILL, **TRACKS, grace_period=0, **more)


def begun(place: str, arguments: dict[str, Any], **more: Any) -> Any:
    """What the control knows of an action before it, which is not performed here."""
    module, _, name = f"chaosk8s.{place}".rpartition(".")
    provider = {"type": "python", "module": module, "func": name, "arguments": arguments}
    call = stock.about_to({"provider": provider}, {}, {}, breaks=True, **more)
    assert call is not None
    return call


def names(hits: list[Hit]) -> list[str]:
    """Names of what was hit."""
    return [hit.name for hit in hits]


def entries() -> list[str]:
    """What the undo log has to undo, newest first, as at the end of an experiment."""
    stock.owed()
    return [intent.action for intent in pending_intents(session().platform)]


def replicas(pocket: Any) -> int:
    """What the Deployment asks for."""
    return int(pocket.get("Deployment", "us-east-1", "track-service")["spec"]["replicas"])


def uid(pocket: Any, number: int) -> str:
    """The uid of a pod of track-service."""
    return str(pocket.get("Pod", "us-east-1", f"track-service-{number}")["metadata"]["uid"])


def test_pods_that_were_terminated_are_the_hits(pocket: Any) -> None:
    """Two of three: with region and address; the third's uid is as before, and nothing needs undoing."""
    kept = uid(pocket, 3)
    hits, less = kill(qty=2)
    assert (names(hits), less) == (["track-service-1", "track-service-2"], "")
    assert {(hit.region, hit.address, hit.workload) for hit in hits} == {("us-east-1", "127.96.1.1", "track-service")}
    assert probes.hit_pods_gone(within_s=WITHIN_S)
    assert uid(pocket, 3) == kept
    assert entries() == []


@pytest.mark.parametrize(
    ("more", "hit"),
    [
        ({"all": True}, 3),
        ({"mode": "percentage", "qty": 34}, 2),
        ({"rand": True, "qty": 2}, 2),
        ({"name_pattern": "service-[23]$", "all": True}, 2),
        ({"order": "oldest", "qty": 1}, 1),
    ],
)
def test_as_many_pods_are_expected_as_the_function_takes(pocket: Any, more: dict[str, Any], hit: int) -> None:
    """All, a share, by chance, by name."""
    hits, less = kill(**more)
    assert (len(hits), less) == (hit, "")


def test_a_pod_that_terminates_already_is_no_hit(pocket: Any) -> None:
    """The function takes the first by name, which goes anyway, though it is Ready to the last: 0 of 1 was hit, and it is not gone.

    Where all pods of a Service terminate it still sends requests to those that are Ready: the fault is not in.
    """
    pocket.world.lingers = True
    assert kill() == ([session().hits[0]], "")
    with pytest.raises(FaultNotInjected, match=r"track-service-1 still existed after 0\.2 s"):
        probes.hit_pods_gone(within_s=0.2)
    hits, less = kill()
    assert (hits, less) == ([], "0 of 1 pods were hit")


@pytest.mark.parametrize(("selector", "qty"), [("app=nobody", 1), ("app=track-service", 4)])
def test_a_selector_that_matches_too_few_pods_is_refused(pocket: Any, selector: str, qty: int) -> None:
    """The function would succeed with what there is: before it, nothing is hit."""
    before = uid(pocket, 1)
    with pytest.raises(FaultNotInjected, match=rf"\d pods match in us-east-1, expected at least {qty}"):
        perform(KILL, label_selector=selector, ns="us-east-1", qty=qty)
    assert uid(pocket, 1) == before


@pytest.mark.parametrize(("selector", "hit"), [("app=nobody", []), ("app=track-service", ["track-service-1"])])
def test_an_action_that_may_select_nothing_hits_what_is_there(pocket: Any, selector: str, hit: list[str]) -> None:
    """Nothing, where the platform has no such service; too few pods are refused as ever."""
    hits, less = perform(KILL, label_selector=selector, ns="us-east-1", qty=1, grace_period=0, if_there=True)
    assert (names(hits), less) == (hit, "")
    with pytest.raises(FaultNotInjected, match="expected at least 9"):
        perform(KILL, label_selector="app=track-service", ns="us-east-1", qty=9, if_there=True)


def test_more_pods_than_the_blast_radius_are_refused(pocket: Any) -> None:
    """It counts over all actions of the experiment, and nothing is touched when it would be passed."""
    session().max_pods = 2
    kill()
    before = uid(pocket, 2)
    with pytest.raises(Refused, match="the action would hit 3 pods, `blast_radius` allows 2"):
        kill(qty=2)
    with pytest.raises(Refused, match="the action would hit 4 pods, `blast_radius` allows 2"):
        perform(SCALE, **SERVICE, replicas=0)
    assert (uid(pocket, 2), replicas(pocket)) == (before, 3)


def test_another_api_server_than_expected_is_refused(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says which server it expects, the file leads to another: nothing is killed."""
    monkeypatch.setenv("READINESS_API_SERVER", "https://127.96.0.2:6443")
    before = uid(pocket, 1)
    with pytest.raises(Refused, match=r"expected https://127\.96\.0\.2:6443"):
        kill()
    assert uid(pocket, 1) == before


def test_without_a_target_file_nothing_is_broken(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig alone is not enough to break something."""
    monkeypatch.delenv("READINESS_TARGET")
    with pytest.raises(Refused, match="no target file is given"):
        kill()


def test_a_target_that_is_not_disposable_needs_its_name(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand as under a run: not disposable means the name in full, and a row of `may_break`."""
    file: Path = pocket.target.file
    file.write_text(
        file.read_text()
        .replace("disposable: true", "disposable: false")
        .replace("environment: sandbox", "environment: staging")
    )
    with pytest.raises(Refused, match=r"pocket is not disposable, and `--allow-target` is missing"):
        kill()
    monkeypatch.setenv("READINESS_ALLOW_TARGET", "pocket")
    with pytest.raises(Refused, match="does not allow the experiment by-hand: it is missing in `may_break`"):
        kill()
    session.cache_clear()
    file.write_text(file.read_text() + "may_break: [{experiment: by-hand, workloads: [track-service], max_pods: 1}]\n")
    with pytest.raises(Refused, match="it would hit 2 pods, `max_pods` allows 1"):
        kill(qty=2)
    with pytest.raises(Refused, match="it would hit postgres"):
        perform(KILL, **PRIMARY)
    assert names(kill()[0]) == ["track-service-1"]


def test_the_leader_is_killed_kept_away_and_brought_home(pocket: Any) -> None:
    """Its nodes are cordoned before it is killed; afterwards it comes back, streams, and leads again."""
    perform("node.actions.cordon_node", **HOME)
    hits, _ = perform(KILL, **PRIMARY)
    assert names(hits) == ["postgres-us-east-1-0"]
    assert entries() == [
        "cordon_node: nodes us-east-1b",
        "cordon_node: nodes us-east-1a",
        "terminate_pods: the database leader",
    ]
    assert pocket.get("Node", "", "us-east-1a")["spec"]["unschedulable"] is True
    assert probes.hit_pods_gone(within_s=WITHIN_S)
    assert probes.leader_changed(within_s=WITHIN_S)
    assert not probes.members_streaming(within_s=0.2)
    perform("node.actions.uncordon_node", **HOME, breaks=False)
    assert probes.members_streaming(within_s=WITHIN_S)
    assert actions.lead_from_home(within_s=WITHIN_S) == "postgres-us-east-1-0"
    assert pocket.leader == "postgres-us-east-1-0"
    assert entries() == []


def test_recover_undoes_all_of_it_newest_first_and_twice_is_once(pocket: Any) -> None:
    """What an experiment left broken is undone from the entries alone."""
    perform("node.actions.cordon_node", **HOME)
    perform(KILL, **PRIMARY)
    assert [line.partition(" (")[0] for line in recover(pocket.target).undone] == [
        "put-back v1 nodes us-east-1b",
        "put-back v1 nodes us-east-1a",
        "switch-back us-east-1",
    ]
    assert not pocket.get("Node", "", "us-east-1b")["spec"].get("unschedulable")
    assert pocket.leader == "postgres-us-east-1-0"
    assert recover(pocket.target).undone == ()


@pytest.mark.parametrize("undo", ["its action", "a recovery"])
def test_a_node_that_a_person_had_cordoned_stays_cordoned(pocket: Any, undo: str) -> None:
    """`uncordon_node` takes the cordon of the person too: it is put back."""
    pocket.change("Node", "", "us-east-1a", spec={"unschedulable": True})
    perform("node.actions.cordon_node", **HOME)
    assert entries() == ["cordon_node: nodes us-east-1b"]
    if undo == "its action":
        perform("node.actions.uncordon_node", **HOME, breaks=False)
        assert stock.owed() == ["uncordon_node: nodes us-east-1a"]
        stock.put_back()
    else:
        recover(pocket.target)
    cordoned = [pocket.get("Node", "", f"us-east-1{zone}")["spec"].get("unschedulable", False) for zone in "ab"]
    assert cordoned == [True, False]
    assert entries() == []


def test_a_service_is_taken_and_given_back(pocket: Any) -> None:
    """No replica is left of its deployment; what it had is on disk first, and struck once it has as many again."""
    hits, less = perform(SCALE, **SERVICE, replicas=0)
    assert (names(hits), less) == (["track-service-1", "track-service-2", "track-service-3"], "")
    assert (replicas(pocket), entries()) == (0, ["scale_deployment: deployments us-east-1/track-service"])
    perform(SCALE, **SERVICE, replicas=3, breaks=False)
    assert (replicas(pocket), entries()) == (3, [])


def test_a_service_that_is_given_back_with_other_replicas_is_put_back(pocket: Any) -> None:
    """The file says two, and it had three."""
    perform(SCALE, **SERVICE, replicas=0)
    perform(SCALE, **SERVICE, replicas=2, breaks=False)
    assert stock.owed() == ["scale_deployment: deployments us-east-1/track-service"]
    stock.put_back()
    assert (replicas(pocket), entries()) == (3, [])


def test_what_was_scaled_since_is_left_as_it_is(pocket: Any) -> None:
    """A person, or an autoscaler, has given it eight replicas meanwhile."""
    perform(SCALE, **SERVICE, replicas=0)
    spec = pocket.get("Deployment", "us-east-1", "track-service")["spec"]
    pocket.change("Deployment", "us-east-1", "track-service", spec={**spec, "replicas": 8})
    assert stock.owed() == []
    assert (replicas(pocket), entries()) == (8, [])


@pytest.mark.parametrize("asked", [3, 5, 1])
def test_of_a_service_that_keeps_replicas_no_pod_is_known_to_be_hit(pocket: Any, asked: int) -> None:
    """Which ones end is the controller's choice: what has ended by the confirmation is, as for actions of others."""
    assert perform(SCALE, **SERVICE, replicas=asked) == ([], "")


def policed(pocket: Any, **row: Any) -> None:
    """Let the target allow one row of `may_break` alone."""
    file: Path = pocket.target.file
    content = yaml.safe_load(file.read_text()) | {"disposable": False, "environment": "staging"}
    content["may_break"] = [{"experiment": "by-hand", **row}]
    file.write_text(yaml.safe_dump(content))
    session.cache_clear()


@pytest.mark.parametrize(
    ("place", "arguments"),
    [(SCALE, {**SERVICE, "replicas": 1}), ("deployment.actions.rollout_deployment", SERVICE)],
)
def test_pods_that_the_controller_chooses_are_held_against_the_limits(
    pocket: Any, place: str, arguments: dict[str, Any]
) -> None:
    """Which ones end is not known before; how many are, and of what workload."""
    session().max_pods = 1
    with pytest.raises(Refused, match=r"the action would hit [23] pods, `blast_radius` allows 1"):
        perform(place, **arguments)
    assert (replicas(pocket), entries()) == (3, [])


def test_a_workload_that_gets_back_the_replicas_that_it_had_is_within_every_limit(pocket: Any) -> None:
    """The fault was more load than one replica bears, by five of them; the undo ends what the fault has made."""
    perform(SCALE, **SERVICE, replicas=5)
    session().max_pods = 1
    perform(SCALE, **SERVICE, replicas=3, breaks=False)
    assert (replicas(pocket), entries()) == (3, [])


def test_what_is_picked_by_chance_may_be_any_of_them(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of four, of which the last by name is of a workload that may not be broken."""
    pocket.create("Pod", pocket.world.pod("user-service-1", "us-east-1", "us-east-1a", {"app": "user-service"}))
    policed(pocket, workloads=["track-service"], max_pods=1)
    monkeypatch.setenv("READINESS_ALLOW_TARGET", "pocket")
    with pytest.raises(Refused, match="it would hit user-service"):
        perform(KILL, ns="us-east-1", rand=True, grace_period=0)
    assert len(perform(KILL, ns="us-east-1", grace_period=0)[0]) == 1


def test_pods_that_end_after_the_fault_are_held_against_the_limits_too(pocket: Any) -> None:
    """Whatever a file does once its fault is confirmed counts as the undo; a command in containers that stay is not limited."""
    session().max_pods = 1
    kill()
    with pytest.raises(Refused, match="the action would hit 4 pods, `blast_radius` allows 1"):
        kill(all=True, breaks=False)
    session().max_pods = 2
    hits, _ = kill(qty=1, breaks=False)
    assert names(hits) == ["track-service-1"]


def test_a_pod_that_ended_by_itself_is_no_hit(pocket: Any) -> None:
    """Another one ends while the function ends the first: it says which ones it took."""
    call = begun(KILL, TRACKS)
    for number in (1, 3):
        session().cluster.delete_pod("us-east-1", f"track-service-{number}", grace_s=0)
    assert stock.done(call, ["track-service-1"]) == ""
    assert names(session().hits) == ["track-service-1"]


def test_an_experiment_without_a_fault_hits_nothing(pocket: Any) -> None:
    """Its file says `domain: none`: what would end a pod is refused, and a recorded cordon is not."""
    before = uid(pocket, 1)
    for place, arguments in ((KILL, TRACKS), (SCALE, {**SERVICE, "replicas": 2})):
        with pytest.raises(FaultNotInjected, match=r"it would hit track-service-1.*, and the file says `domain: none`"):
            begun(place, arguments, harmless=True)
    assert (uid(pocket, 1), entries()) == (before, [])


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        (KILL, {**TRACKS, "qty": "two"}),
        (KILL, {"ns": "us-east-1", "name_pattern": "["}),
        (SCALE, {**SERVICE, "replicas": "many"}),
        ("networking.actions.create_network_policy", {"ns": "us-east-1", "spec": {"metadata": "web"}}),
    ],
)
def test_arguments_that_cannot_be_read_are_refused(pocket: Any, place: str, arguments: dict[str, Any]) -> None:
    """Chaos Toolkit would ignore any other error of a control, and call the function without an undo and without a record."""
    assert pocket.target
    with pytest.raises(FaultNotInjected, match="its arguments do not say what it changes: "):
        perform(place, **arguments)


def test_an_action_in_the_background_keeps_its_undo_until_it_has_acted(pocket: Any) -> None:
    """It waits for a while, another action ends meanwhile, and the object is as before so far."""
    call = begun(SCALE, {**SERVICE, "replicas": 0})
    perform("node.actions.cordon_node", name="us-east-1a")
    perform("node.actions.uncordon_node", name="us-east-1a", breaks=False)
    spec = pocket.get("Deployment", "us-east-1", "track-service")["spec"]
    pocket.change("Deployment", "us-east-1", "track-service", spec={**spec, "replicas": 0})
    stock.done(call, None)
    assert stock.owed() == ["scale_deployment: deployments us-east-1/track-service"]
    stock.put_back()
    assert replicas(pocket) == 3


def test_an_annotation_is_put_back(pocket: Any) -> None:
    """It is what many controllers are broken by, as an Ingress is."""
    broken = [{"op": "add", "path": "/metadata/annotations", "value": {"broken": "yes"}}]
    of: dict[str, Any] = {"group": "apps", "version": "v1", "plural": "deployments", **SERVICE}
    perform("crd.actions.patch_custom_object", **of, resource=broken)
    assert stock.owed() == ["patch_custom_object: deployments us-east-1/track-service"]
    stock.put_back()
    assert not pocket.get("Deployment", "us-east-1", "track-service")["metadata"].get("annotations")


def test_a_namespace_is_deleted_only_if_the_experiment_has_created_it(pocket: Any) -> None:
    """Nothing keeps what it holds: an empty one in its place would not be the undo."""
    place: dict[str, Any] = {"name": "us-east-1"}
    for breaks in (True, False):
        with pytest.raises(FaultNotInjected, match="namespaces us-east-1 contains other objects, which are not kept"):
            perform("namespace.actions.delete_namespace", **place, breaks=breaks)
    perform("namespace.actions.create_namespace", name="extra")
    perform("namespace.actions.delete_namespace", name="extra", breaks=False)
    assert entries() == []


def test_a_member_that_does_not_lead_needs_no_switch_back(pocket: Any) -> None:
    """Of all members that match the standby is taken, as it is the first by name."""
    hits, _ = perform(KILL, label_selector="app=postgres", ns="database", grace_period=0)
    assert (names(hits), entries()) == (["postgres-eu-west-1-0"], [])
    assert pocket.leader == "postgres-us-east-1-0"


def test_a_deployment_that_was_deleted_is_created_again(pocket: Any) -> None:
    """With its spec and labels, under another uid; its pods were hit."""
    before = pocket.get("Deployment", "us-east-1", "track-service")
    hits, less = perform("deployment.actions.delete_deployment", **SERVICE)
    assert (len(hits), less) == (3, "")
    assert stock.owed() == ["delete_deployment: deployments us-east-1/track-service"]
    stock.put_back()
    after = pocket.get("Deployment", "us-east-1", "track-service")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert {key: after["spec"][key] for key in ("replicas", "selector")} == {
        key: before["spec"][key] for key in ("replicas", "selector")
    }
    assert entries() == []


def test_what_is_deleted_and_is_not_there_is_no_fault(pocket: Any) -> None:
    """`delete_deployment` of a name that no Deployment has succeeds."""
    assert perform("deployment.actions.delete_deployment", name="nobody", ns="us-east-1") == (
        [],
        "the action changed no object",
    )


def test_a_network_policy_is_deleted_again_and_hits_the_pods_that_it_selects(pocket: Any) -> None:
    """They stay; a second one of the name is refused by the API server, and nothing is owed for it."""
    labels = {"app": "track-service"}
    hits, less = perform("networking.actions.deny_all_ingress", label_selectors=labels, ns="us-east-1")
    assert (len(hits), less) == (3, "")
    assert session().stays == {hit.uid for hit in hits}
    assert entries() == ["deny_all_ingress: networkpolicies us-east-1/chaostoolkit-deny-all-ingress"]
    stock.put_back()
    assert entries() == []
    _, less = perform("networking.actions.deny_all_ingress", ns="us-east-1")
    assert less == ""
    perform("networking.actions.remove_deny_all_ingress", ns="us-east-1", breaks=False)
    assert entries() == []


def test_a_custom_object_that_is_there_already_was_not_created(pocket: Any) -> None:
    """The function takes a 409 for success, and returns the refusal."""
    pocket.define()
    assert perform("crd.actions.create_custom_object", **PARTED, resource=BODY)[1] == ""
    assert entries() == ["create_custom_object: networkchaos us-east-1/parted"]
    assert perform("crd.actions.create_custom_object", **PARTED, resource=BODY)[1] == "the action changed no object"
    perform("crd.actions.delete_custom_object", **PARTED, name="parted", breaks=False)
    assert entries() == []


def test_a_node_is_drained_and_its_pods_are_the_hits(pocket: Any) -> None:
    """The pods of a DaemonSet would stay; the node is cordoned until it is uncordoned."""
    for number in (1, 2):
        meta = pocket.get("Pod", "us-east-1", f"track-service-{number}")["metadata"]
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "t", "uid": "u", "controller": True}
        pocket.change("Pod", "us-east-1", f"track-service-{number}", metadata={**meta, "ownerReferences": [owner]})
    hits, less = perform("node.actions.drain_nodes", name="us-east-1a")
    assert (names(hits), less) == (["track-service-1", "track-service-2"], "")
    assert entries() == ["drain_nodes: nodes us-east-1a"]
    perform("node.actions.uncordon_node", name="us-east-1a", breaks=False)
    assert entries() == []


def test_a_secret_is_not_written_to_disk(pocket: Any, tmp_path: Path) -> None:
    """The entry of one that was created names it; one that is deleted has no entry: its file has to create it again."""
    content = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "s3cr3t"}}
    (tmp_path / "key.json").write_text(json.dumps(content))
    perform("secret.actions.create_secret", spec_path=str(tmp_path / "key.json"), ns="us-east-1")
    assert entries() == ["create_secret: secrets us-east-1/key"]
    state = (tmp_path / "state").rglob("*.json")
    assert not any(word in path.read_text() for path in state for word in ("s3cr3t", "czNjcjN0"))
    stock.put_back()
    assert entries() == []


@pytest.mark.parametrize(
    ("place", "arguments", "entry"),
    [
        ("node.actions.create_node", {"meta": {"name": "extra"}}, "nodes extra"),
        ("namespace.actions.create_namespace", {"name": "extra"}, "namespaces extra"),
        (
            "networking.actions.allow_dns_access",
            {"ns": "us-east-1"},
            "networkpolicies us-east-1/chaostoolkit-allow-dns",
        ),
    ],
)
def test_what_is_created_is_deleted_by_its_name(pocket: Any, place: str, arguments: dict[str, Any], entry: str) -> None:
    """Whichever argument says it, or the function itself."""
    assert perform(place, **arguments)[1] == ""
    assert entries() == [f"{place.rpartition('.')[2]}: {entry}"]
    stock.put_back()
    assert entries() == []


def test_what_an_undo_creates_stays(pocket: Any, tmp_path: Path) -> None:
    """A Secret was deleted, of which nothing is kept: its file creates it again, and that is not taken back."""
    content = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}}
    (tmp_path / "key.json").write_text(json.dumps(content))
    perform("secret.actions.create_secret", breaks=False, spec_path=str(tmp_path / "key.json"), ns="us-east-1")
    assert (entries(), pocket.get("Secret", "us-east-1", "key")["metadata"]["name"]) == ([], "key")


def test_a_replica_set_that_its_deployment_makes_again_was_deleted(pocket: Any) -> None:
    """Before anybody reads it: by its uid; it is as before, and nothing is owed."""
    spec = pocket.get("Deployment", "us-east-1", "track-service")["spec"]
    own = {key: spec[key] for key in ("replicas", "selector", "template")}
    made = {"metadata": {"name": "t", "namespace": "us-east-1"}, "spec": own}
    pocket.create("ReplicaSet", made)
    call = begun("replicaset.actions.delete_replica_set", {"name": "t", "ns": "us-east-1"})
    session().cluster.delete_custom("apps/v1", "replicasets", "us-east-1", "t")
    pocket.create("ReplicaSet", made)
    assert (stock.done(call, None), entries()) == ("", [])


def test_a_pod_of_a_stateful_set_that_is_scaled_down_is_known(pocket: Any) -> None:
    """The highest number goes first."""
    selector = {"matchLabels": {"app": "cache"}}
    template = {"metadata": {"labels": {"app": "cache"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    meta = {"name": "cache", "namespace": "us-east-1"}
    spec = {"replicas": 3, "serviceName": "cache", "selector": selector, "template": template}
    pocket.create("StatefulSet", {"metadata": meta, "spec": spec})
    for number in range(3):
        pocket.create("Pod", pocket.world.pod(f"cache-{number}", "us-east-1", "us-east-1a", {"app": "cache"}))
    hits, _ = perform("statefulset.actions.scale_statefulset", name="cache", ns="us-east-1", replicas=1)
    assert names(hits) == ["cache-1", "cache-2"]
    stock.put_back()
    assert pocket.get("StatefulSet", "us-east-1", "cache")["spec"]["replicas"] == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the function leaves its socket open
def test_a_command_in_a_container_hits_its_pod_which_stays(pocket: Any, tmp_path: Path) -> None:
    """It is confirmed by a command in what was hit; the workload stays complete; a restart is one more than before."""
    pod = pocket.get("Pod", "us-east-1", "track-service-1")

    def restarted(times: int) -> None:
        one = {"name": "c", "image": "i", "imageID": "i", "ready": True, "restartCount": times}
        pocket.change("Pod", "us-east-1", "track-service-1", status={**pod["status"], "containerStatuses": [one]})

    restarted(2)
    command: dict[str, Any] = {"container_name": "c", "cmd": ["touch", "down"]}
    hits, less = perform("pod.actions.exec_in_pods", **TRACKS, **command)
    gc.collect()  # so that the socket is closed here, and not in another test
    assert (names(hits), less) == (["track-service-1"], "")
    assert [path.parent.name for path in tmp_path.rglob("down")] == ["track-service-1"]
    assert probes.command_succeeds_in_hit_pods("test -e down", within_s=WITHIN_S)
    with pytest.raises(FaultNotInjected, match="track-service-1 did not run `test -e up` with exit code 0 after 0"):
        probes.command_succeeds_in_hit_pods("test -e up", within_s=0.2)
    assert probes.workloads_ready(within_s=WITHIN_S)
    assert not probes.hit_containers_restarted(within_s=0.2)
    restarted(3)
    assert probes.hit_containers_restarted(within_s=WITHIN_S)


def test_a_container_that_no_pod_has_is_no_fault(pocket: Any) -> None:
    """`exec_in_pods` passes over such pods, and succeeds."""
    assert perform("pod.actions.exec_in_pods", **TRACKS, container_name="nobody", cmd="true") == (
        [],
        "0 of 1 pods were hit",
    )


def test_entries_of_another_experiment_are_left_to_recover(pocket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it changed is not the way back of this one."""
    perform(SCALE, **SERVICE, replicas=0)
    monkeypatch.setenv("READINESS_EXPERIMENT", "another")
    session.cache_clear()
    assert stock.owed() == []
    assert len(pending_intents(platform_of(pocket.target))) == 1
