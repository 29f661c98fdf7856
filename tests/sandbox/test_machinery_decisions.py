"""The decisions of controllers and kubelet that need no cluster: literal objects in, literal decisions out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.apply import replacement
from readiness_sandbox.cluster.controllers.endpoints import subsets, target_ports
from readiness_sandbox.cluster.controllers.rolling import limits, plan
from readiness_sandbox.cluster.controllers.scheduler import best, refusals
from readiness_sandbox.cluster.controllers.services import declaration
from readiness_sandbox.cluster.controllers.view import template_hash
from readiness_sandbox.cluster.kubelet import environment
from readiness_sandbox.cluster.kubelet.environment import ConfigError
from readiness_sandbox.cluster.kubelet.status import (
    ContainerFacts,
    PodFacts,
    State,
    Terminated,
    Waiting,
    phase,
    with_condition,
)
from readiness_sandbox.cluster.pod_rules import REQUIRED
from readiness_sandbox.network.seam import Endpoint
from readiness_sandbox.progress import sentence, workload


def replicaset(name: str, replicas: int, available: int) -> dict[str, Any]:
    """A ReplicaSet with so many replicas, of which so many are available."""
    status = {"replicas": replicas, "availableReplicas": available}
    return {"metadata": {"name": name, "uid": name}, "spec": {"replicas": replicas}, "status": status}


@pytest.mark.parametrize(
    ("rolling", "replicas", "expected"),
    [
        ({}, 4, (1, 1)),
        ({}, 10, (3, 2)),
        ({"maxSurge": 0, "maxUnavailable": 0}, 3, (0, 1)),
        ({"maxSurge": "50%", "maxUnavailable": 0}, 3, (2, 0)),
        ({"maxSurge": 2, "maxUnavailable": "100%"}, 3, (2, 3)),
    ],
)
def test_limits_of_a_rolling_update(rolling: dict[str, Any], replicas: int, expected: tuple[int, int]) -> None:
    """Percent of the replicas: surge rounded up, unavailable down, never both nothing."""
    assert limits({"replicas": replicas, "strategy": {"rollingUpdate": rolling}}) == expected


@given(
    desired=st.integers(1, 8),
    surge=st.integers(0, 4),
    unavailable=st.integers(0, 4),
    readiness=st.lists(st.booleans(), min_size=1, max_size=60),
)
def test_a_rolling_update_stays_within_its_limits_and_ends(
    desired: int, surge: int, unavailable: int, readiness: list[bool]
) -> None:
    """Whatever becomes ready when: never more than wanted + surge, never fewer available than wanted - unavailable."""
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    spec = {"replicas": desired, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    surge, unavailable = limits(spec)
    state = {"old": [desired, desired], "new": [0, 0]}
    for becomes_ready in [*readiness, *[True] * 40]:
        old, new = (replicaset(name, *state[name]) for name in ("old", "new"))
        for each, replicas in plan(spec, new, [old]):
            name = each["metadata"]["name"]
            state[name] = [replicas, min(replicas, state[name][1])]
        if becomes_ready and state["new"][1] < state["new"][0]:
            state["new"][1] += 1
        assert state["old"][0] + state["new"][0] <= desired + surge
        assert state["old"][1] + state["new"][1] >= desired - unavailable
    assert state == {"old": [0, 0], "new": [desired, desired]}


def test_a_template_hash_does_not_depend_on_how_it_was_serialised() -> None:
    """`kubectl rollout undo` brings the template back with empty fields added."""
    plain = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a"}]}}
    again = {
        "metadata": {"creationTimestamp": None, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "a", "resources": {}}], "securityContext": {}},
    }
    assert template_hash(plain) == template_hash(again)


def pod(ip: str, ready: bool = True, **spec: Any) -> dict[str, Any]:  # noqa: FBT001, FBT002
    """A pod at that address."""
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "metadata": {"name": f"pod-{ip}", "namespace": "shop", "uid": ip, "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "ports": ports}], **spec},
        "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def service(*ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Service with those ports."""
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": list(ports), **spec}}


def test_endpoints_hold_ready_and_unready_apart_and_leave_ending_pods_out() -> None:
    """A pod with a deletionTimestamp gets no new connections."""
    ending = pod("127.9.1.3")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = subsets(
        service({"port": 80, "targetPort": "http"}), [pod("127.9.1.2", ready=False), pod("127.9.1.1"), ending]
    )
    assert [(key, [each["ip"] for each in found[0][key]]) for key in ("addresses", "notReadyAddresses")] == [
        ("addresses", ["127.9.1.1"]),
        ("notReadyAddresses", ["127.9.1.2"]),
    ]
    assert found[0]["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_target_ports_by_name_by_number_and_by_default() -> None:
    """A name that the pod does not have leaves the port out."""
    ports = [
        {"name": "a", "port": 80, "targetPort": "http"},
        {"name": "b", "port": 81, "targetPort": 9},
        {"name": "c", "port": 82},
        {"name": "d", "port": 83, "targetPort": "none"},
    ]
    assert target_ports(service(*ports), pod("127.9.1.1")) == [("a", 8080, "TCP"), ("b", 9, "TCP"), ("c", 82, "TCP")]


def test_a_service_is_declared_with_the_ready_endpoints_of_each_port() -> None:
    """By port name; an ExternalName is an alias; a headless one is none."""
    served = [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}]
    both = {"addresses": [{"ip": "127.9.1.1"}], "notReadyAddresses": [{"ip": "127.9.1.2"}]}
    ports = ({"name": "http", "port": 80}, {"name": "metrics", "port": 90})
    declared = declaration(service(*ports), {"subsets": [{**both, "ports": served}]})
    assert declared is not None
    assert [(port.port, port.backends) for port in declared.ports] == [
        (80, (Endpoint(address="127.9.1.1", port=8080),)),
        (90, (Endpoint(address="127.9.1.1", port=9090),)),
    ]
    alias = declaration(service(type="ExternalName", externalName="main.database.svc.cluster.local"), None)
    assert alias is not None
    assert alias.alias_of == ("database", "main")
    assert declaration(service(clusterIP="None"), None) is None


def attracted(*expressions: dict[str, Any], field: str = "matchExpressions") -> dict[str, Any]:
    """A required node affinity of one term."""
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{field: list(expressions)}]}}}


def node(name: str, **more: Any) -> dict[str, Any]:
    """A Ready node."""
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": {"region": "eu"}}, "spec": more, "status": status}


NAMED = {"key": "metadata.name", "operator": "In", "values": ["n"]}
TAINT = {"key": "k", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("spec", "more", "expected"),
    [
        ({}, {}, True),
        ({"nodeSelector": {"region": "eu"}}, {}, True),
        ({"nodeSelector": {"region": "us"}}, {}, False),
        ({"affinity": attracted({"key": "region", "operator": "In", "values": ["eu", "us"]})}, {}, True),
        ({"affinity": attracted({"key": "region", "operator": "NotIn", "values": ["eu"]})}, {}, False),
        ({"affinity": attracted({"key": "disks", "operator": "Gt", "values": ["3"]})}, {}, False),
        ({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{}]}}}}, {}, False),
        ({"affinity": attracted(NAMED, field="matchFields")}, {}, True),
        ({}, {"unschedulable": True}, False),
        ({}, {"taints": [TAINT]}, False),
        ({}, {"taints": [{**TAINT, "effect": "PreferNoSchedule"}]}, True),
        ({"tolerations": [{"key": "k", "operator": "Exists"}]}, {"taints": [TAINT]}, True),
        ({"tolerations": [{"key": "k", "value": "v"}]}, {"taints": [{**TAINT, "value": "w"}]}, False),
    ],
)
def test_a_pod_fits_a_node_or_not(spec: dict[str, Any], more: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    """Selector, required affinity, cordon, taints and tolerations."""
    assert (not refusals({"spec": spec}, node("n", **more))) is expected


def test_siblings_are_spread_before_load_is() -> None:
    """The node without a sibling wins although it has more pods."""

    def bound(where: str, owner: str) -> dict[str, Any]:
        return {"metadata": {"ownerReferences": [{"uid": owner, "controller": True}]}, "spec": {"nodeName": where}}

    new = {"metadata": {"ownerReferences": [{"uid": "mine", "controller": True}]}, "spec": {}}
    there = [bound("a", "mine"), bound("b", "other"), bound("b", "other")]
    assert best(new, [node("a"), node("b")], there)["metadata"]["name"] == "b"


def test_a_condition_keeps_its_time_while_it_does_not_change() -> None:
    """LastTransitionTime is when it became so."""
    first = with_condition([], "Ready", "False", "Why", now="t1")
    same = with_condition(first, "Ready", "False", "Other", now="t2")
    turned = with_condition(same, "Ready", "True", now="t3")
    assert [each[0]["lastTransitionTime"] for each in (first, same, turned)] == ["t1", "t1", "t3"]


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [("Never", 1, "Failed"), ("Never", 0, "Pending"), ("OnFailure", 1, "Pending"), ("Always", 1, "Pending")],
)
def test_a_failed_init_container_that_is_not_started_again_fails_its_pod(policy: str, code: int, expected: str) -> None:
    """So a Job counts it; with any other policy it is tried again."""

    def container(name: str, state: State) -> ContainerFacts:
        return ContainerFacts(
            name=name, image="i:1", image_id="", state=state, last=None, restarts=0, ready=False, started=False
        )

    ended = Terminated(code=code, started_at="t1", finished_at="t2")
    facts = PodFacts(
        address="127.9.1.1",
        host="127.0.0.1",
        started_at="t1",
        init=[container("first", ended)],
        containers=[container("main", Waiting())],
        initialized=False,
    )
    assert phase(policy, facts) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a $(X) b", "a 1 b"), ("$(NONE)", "$(NONE)"), ("$$(X)", "$(X)"), ("$X", "$X"), ("$(X)$(X)", "11")],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    """Unknown ones stay, doubled dollars escape."""
    assert environment.expand(text, {"X": "1"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data", "/real/v"),
        ("/data/x", "/real/v/x"),
        ("/data/deep/x", "/real/d/x"),
        ("/database", "/database"),
        ("see /data", "see /data"),
    ],
)
def test_paths_that_start_with_a_mount_are_put_where_it_is(text: str, expected: str) -> None:
    """Only whole steps of a path count, and the longest mount wins."""
    container = {"volumeMounts": [{"name": "v", "mountPath": "/data/"}, {"name": "d", "mountPath": "/data/deep"}]}
    mounted = environment.mounts(container, {"v": Path("/real/v"), "d": Path("/real/d")})
    assert environment.relocate(text, mounted) == expected


def test_a_missing_secret_is_named() -> None:
    """Unless it is optional."""
    container = {"envFrom": [{"secretRef": {"name": "keys"}}]}
    with pytest.raises(ConfigError, match='secret "keys" not found'):
        environment.variables({}, container, {}, lambda _kind, _name: None)
    container["envFrom"][0]["secretRef"]["optional"] = True  # type: ignore[assignment]
    assert environment.variables({}, container, {"A": "1"}, lambda _kind, _name: None) == {"A": "1"}


RESOURCES = {
    "limits.cpu": "1",
    "requests.cpu": "1",
    "limits.memory": "268435456",
    "limits.memory/1Mi": "256",
    "limits.memory/100M": "3",
    "requests.memory": "268435456",
    "requests.ephemeral-storage": "0",
    "limits.ephemeral-storage/1Gi": "100",
}


@pytest.mark.parametrize(("asked", "expected"), [*RESOURCES.items()])
def test_resources_are_numbers_divided_and_rounded_up(asked: str, expected: str, tmp_path: Path) -> None:
    """In variables and files; what is not requested is the limit, what is not limited is all that the node has to give."""
    resource, _, divisor = asked.partition("/")
    resources = {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m"}}
    source = {"containerName": "c", "resource": resource, **({"divisor": divisor} if divisor else {})}
    env = [{"name": "A", "valueFrom": {"resourceFieldRef": {**source, "containerName": ""}}}]
    container = {"name": "c", "resources": resources, "env": env}
    volume = {"name": "v", "downwardAPI": {"items": [{"path": "f", "resourceFieldRef": source}]}}
    body = {"metadata": {}, "spec": {"nodeName": "n", "containers": [container], "volumes": [volume]}}

    def found(kind: str, name: str) -> dict[str, Any] | None:
        return {"status": {"allocatable": {"ephemeral-storage": "100Gi"}}} if (kind, name) == ("Node", "n") else None

    assert environment.variables(body, container, {}, found) == {"A": expected}
    environment.materialize(body, tmp_path / "volumes", tmp_path / "claims", found)
    assert (tmp_path / "volumes" / "v" / "f").read_text() == expected


def test_labels_are_lines_of_a_file_and_addresses_one_text(tmp_path: Path) -> None:
    """Sorted, with their values in quotes, as Kubernetes writes them."""
    item = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    body = {
        "metadata": {"labels": {"tier": "x", "app": 'say "web"'}},
        "spec": {"volumes": [{"name": "v", "downwardAPI": {"items": [item]}}]},
        "status": {"podIPs": [{"ip": "127.9.1.1"}, {"ip": "::1"}]},
    }
    environment.materialize(body, tmp_path / "volumes", tmp_path / "claims", lambda *_: None)
    assert (tmp_path / "volumes" / "v" / "labels").read_text() == 'app="say \\"web\\""\ntier="x"'
    container = {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}}]}
    assert environment.variables(body, container, {}, lambda *_: None) == {"A": "127.9.1.1,::1"}


@pytest.mark.parametrize(
    "container",
    [
        {"envFrom": [{"secretRef": {"name": "keys"}}]},
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}]},
    ],
)
@pytest.mark.parametrize("data", ["/w==", "AA=="])
def test_what_is_no_text_is_named_instead_of_made_a_variable(container: dict[str, Any], data: str) -> None:
    """So the container waits and says why; a byte that is not UTF-8, and a null character."""
    secret = {"kind": "Secret", "data": {"k": data}}
    with pytest.raises(ConfigError, match="a value of Secret keys"):
        environment.variables({}, container, {}, lambda *_: secret)


def test_a_replacement_keeps_what_others_have_added() -> None:
    """Annotations and labels add up; the spec is the wanted one."""
    live = {"metadata": {"name": "web", "annotations": {"revision": "3"}, "labels": {"a": "1"}}, "spec": {"old": True}}
    desired = {"metadata": {"name": "web", "labels": {"a": "2"}}, "spec": {"new": True}}
    assert replacement(live, desired) == {
        "metadata": {"name": "web", "annotations": {"revision": "3"}, "labels": {"a": "2"}},
        "spec": {"new": True},
    }


def test_progress_says_who_is_awaited() -> None:
    """A workload whose old pods are not gone is awaited too."""

    def deployment(name: str, ready: int, updated: int) -> dict[str, Any]:
        status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": updated, "readyReplicas": ready}
        metadata = {"namespace": "shop", "name": name, "generation": 1}
        return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 2}, "status": status}

    found = [workload(deployment("done", 2, 2)), workload(deployment("old", 2, 1)), workload(deployment("slow", 1, 2))]
    assert sentence(found) == "5 of 6 pods ready; waiting for shop/old, shop/slow"
