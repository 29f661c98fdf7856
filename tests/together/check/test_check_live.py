"""Checks against a real API server and real services."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.check.registry import run_check
from harness.evidence.histories.history import History, read_history
from harness.model import Check, Demand, DemandKind
from harness.targets import platform_of
from harness.targets.safety.intents import pending_intents
from tests.builders.addresses import NET
from tests.together import objects

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.check.conftest import Backend
    from tests.together.conftest import PocketCluster


def run(target: Target, tmp_path: Path, name: str, **params: str) -> Check:
    """Run a check; what it recorded must be what it returned."""
    history = History(tmp_path / "history" / "checks.ndjson", "checks")
    check = run_check(Demand(kind=DemandKind.CHECK, name=name, params=params), target, history)
    history.close()
    lines, _ = read_history(tmp_path / "history" / "checks.ndjson")
    assert [line.subject for line in lines if line.kind == "check.fact"][-len(check.facts) :] == [
        fact.subject for fact in check.facts
    ]
    assert lines[-1].kind == ("check.failed" if check.why else "check.done")
    return check


def found(check: Check) -> dict[str, tuple[bool | None, str]]:
    """Each fact: whether it is as expected, and what was seen."""
    assert not check.why
    return {fact.subject: (fact.ok, fact.observed) for fact in check.facts}


def deployment(name: str, *, replicas: int, ready: int, cpu: str = "1", memory: str = "1Gi") -> dict[str, Any]:
    """A deployment with one container."""
    amounts = {"cpu": cpu, "memory": memory}
    container = {"name": name, "image": f"{name}:1", "resources": {"requests": amounts, "limits": amounts}}
    body = objects.deployment(name, "north", container, replicas=replicas)
    return {**body, "status": {"replicas": replicas, "readyReplicas": ready}}


def pod(name: str, namespace: str, address: str, workload: str = "api") -> dict[str, Any]:
    """A running pod of a replica set."""
    container = {"name": "c", "image": "c:1", "ports": [{"name": "http", "containerPort": 8080}]}
    body = objects.pod(name, workload, namespace, containers=[container])
    body["metadata"]["ownerReferences"] = objects.controlled(name=workload)
    return {**body, "status": {"phase": "Running", "podIP": address}}


def service(name: str, selector: dict[str, str] | None, namespace: str = "north") -> dict[str, Any]:
    """A service with port 8080."""
    spec: dict[str, Any] = {"ports": [{"name": "http", "port": 8080, "targetPort": 8080}]}
    if selector:
        spec["selector"] = selector
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def behind_services(cluster: PocketCluster, *namespaces: str) -> None:
    """A Service in each region, or in these, that selects the pods `api`, and one that selects none by itself."""
    for namespace in namespaces or ("north", "south"):
        cluster.create("Service", service("api", {"app": "api"}, namespace))
        cluster.create("Service", service("outside", None, namespace))


def test_every_pod_of_every_region_is_asked_for_its_health(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """Two pods answer 200; a bare pod of nobody is not asked, nor is a worker that no Service selects."""
    behind_services(cluster)
    cluster.create("Pod", pod("worker-1", "north", f"{NET}9", "worker"))
    cluster.create("Pod", pod("a", "north", f"{NET}1"))
    cluster.create("Pod", pod("b", "south", f"{NET}2"))
    bare = pod("bare", "north", f"{NET}9")
    del bare["metadata"]["ownerReferences"]
    cluster.create("Pod", bare)
    check = run(target, tmp_path, "health-of-pods", within="30 s")
    assert found(check) == {"north/a": (True, "status 200"), "south/b": (True, "status 200")}
    assert backends[0].paths == ["/health"]


def test_a_pod_that_no_service_selects_is_asked_where_another_region_has_one(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """The south lacks the Service of `api`, then has one that selects nothing: its pod answers 503 and is found."""
    behind_services(cluster, "north")
    cluster.create("Pod", pod("a", "north", f"{NET}1"))
    cluster.create("Pod", pod("b", "south", f"{NET}2"))
    body = deployment("api", replicas=1, ready=1)
    cluster.create("Deployment", {**body, "metadata": {"name": "api", "namespace": "south"}})
    backends[1].status = 503
    expected: dict[str, tuple[bool | None, str]] = {"north/a": (True, "status 200"), "south/b": (False, "status 503")}
    assert found(run(target, tmp_path, "health-of-pods", within="30 s")) == expected
    cluster.create("Service", service("api", {"app": "apii"}, "south"))
    expected["south/Service api"] = (False, "none with app=apii")
    assert found(run(target, tmp_path, "health-of-pods", within="30 s")) == expected


def test_a_service_without_a_pod_is_found(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """Unless its workload declares none now, or an operator has made it; where a label is given at run time it is unknown."""
    behind_services(cluster, "north")
    cluster.create("Pod", pod("a", "north", f"{NET}1"))
    for name, replicas in (("api", 1), ("asleep", 0)):
        cluster.create("Deployment", deployment(name, replicas=replicas, ready=replicas))
    made = service("store-ro", {"app": "store"})
    made["metadata"]["ownerReferences"] = objects.controlled("Cluster", "store", "db.test/v1")
    standby = service("standby", {"app": "api", "role": "replica"})
    for one in (made, standby, service("asleep", {"app": "asleep"}), service("cart", {"app": "cartt"})):
        cluster.create("Service", one)
    assert found(run(target, tmp_path, "health-of-pods", within="30 s")) == {
        "north/a": (True, "status 200"),
        "north/Service cart": (False, "none with app=cartt"),
        "north/Service standby": (None, "none with app=api,role=replica"),
        "south: pods behind Services": (None, "none"),
    }


def test_an_unhealthy_pod_and_a_service_without_pods_are_facts(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """503 from one pod, asked three times; a declared deployment that has no pod; others that select by expressions alone, or declare none."""
    behind_services(cluster)
    for name, key, replicas in (("found", "app", 1), ("missed", "zone", 1), ("asleep", "zone", 0)):
        body = deployment(name, replicas=replicas, ready=0)
        body["spec"]["selector"] = {"matchExpressions": [{"key": key, "operator": "Exists"}]}
        body["spec"]["template"]["metadata"]["labels"] = {key: "x"}
        cluster.create("Deployment", body)
    cluster.create("StatefulSet", deployment("store", replicas=1, ready=0))
    cluster.create("Pod", pod("a", "north", f"{NET}1"))
    cluster.create("Pod", pod("b", "south", f"{NET}2"))
    cluster.create("Deployment", deployment("lost", replicas=1, ready=0))
    backends[1].status = 503
    check = run(target, tmp_path, "health-of-pods", within="30 s")
    assert found(check) == {
        "north/a": (True, "status 200"),
        "south/b": (False, "status 503"),
        "north/lost": (False, "none"),
        "north/missed": (False, "none"),
        "north/store": (False, "none"),
    }
    attempts = {fact.subject: fact.attempts for fact in check.facts}
    assert (attempts["north/a"], attempts["south/b"], attempts["north/lost"]) == (1, 3, 3)


def test_the_health_path_is_that_of_the_target_file(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """`probes.health`, at the port of the workload's own container, not at that of a proxy in front of it; in the south nothing is asked."""
    behind_services(cluster, "north")
    own = pod("a", "north", f"{NET}1")
    proxy = {"name": "istio-proxy", "image": "p:1", "ports": [{"name": "http-envoy-prom", "containerPort": 15090}]}
    main = {**own["spec"]["containers"][0], "ports": [{"containerPort": 8080}]}
    own["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "c"}
    own["spec"]["containers"] = [proxy, main]
    cluster.create("Pod", own)
    backends[0].status = 404
    backends[0].routes["/healthz"] = (200, {}, b"ok")
    named = target.model_copy(update={"probes": target.probes.model_copy(update={"health": "/healthz"})})
    assert found(run(named, tmp_path, "health-of-pods", within="30 s")) == {
        "north/a": (True, "status 200"),
        "south: pods behind Services": (None, "none"),
    }


def test_a_container_that_declares_no_port_is_asked_where_its_service_sends_to(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """Not at port 80, nor at that of an exporter beside it, or of a proxy before it; of several ports at the one that is called `http`."""
    ports = [{"name": "grpc", "port": 9000, "targetPort": 9000}, {"name": "http", "port": 80, "targetPort": 8080}]
    bare, proxy = {"name": "c", "image": "c:1"}, {"name": "p", "image": "p:1", "ports": [{"containerPort": 15090}]}
    for namespace, address, containers in (
        ("north", f"{NET}1", [bare, proxy]),
        ("south", f"{NET}2", [proxy, bare]),
    ):
        body = service("api", {"app": "api"}, namespace)
        cluster.create("Service", {**body, "spec": {**body["spec"], "ports": ports}})
        own = pod("a", namespace, address)
        own["spec"]["containers"] = containers
        if containers[0] is proxy:
            own["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "c"}
        cluster.create("Pod", own)
    good = {"north/a": (True, "status 200"), "south/a": (True, "status 200")}
    assert found(run(target, tmp_path, "health-of-pods", within="30 s")) == good


def test_a_pod_that_answers_nobody_is_a_fact(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """Nothing listens at the pod's address."""
    behind_services(cluster)
    cluster.create("Pod", pod("a", "north", f"{NET}77"))
    [fact] = [one for one in run(target, tmp_path, "health-of-pods", within="1 s").facts if one.subject == "north/a"]
    assert fact.ok is False
    assert fact.observed.startswith("no answer: ")


SIZE = {"deployment": "api-gateway", "replicas": "3", "cpu": "500m", "memory": "512Mi"}


def test_sizes_are_compared_as_quantities(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """0.5 cpu is 500m, and 0.5Gi is 512Mi."""
    cluster.create("Deployment", deployment("api-gateway", replicas=3, ready=3, cpu="0.5", memory="0.5Gi"))
    check = run(target, tmp_path, "deployment-size", **SIZE)
    assert all(fact.ok for fact in check.facts)
    assert [fact.subject for fact in check.facts] == [
        "north/api-gateway replicas",
        "north/api-gateway cpu requests",
        "north/api-gateway cpu limits",
        "north/api-gateway memory requests",
        "north/api-gateway memory limits",
    ]


def test_a_replica_that_is_not_ready_and_less_memory_are_facts(
    cluster: PocketCluster, target: Target, tmp_path: Path
) -> None:
    """Each is named with what was seen."""
    cluster.create("Deployment", deployment("api-gateway", replicas=3, ready=2, cpu="500m", memory="256Mi"))
    facts = found(run(target, tmp_path, "deployment-size", **SIZE))
    assert facts["north/api-gateway replicas"] == (False, "2 ready of 3")
    assert facts["north/api-gateway memory requests"] == (False, "256Mi")
    assert facts["north/api-gateway cpu limits"] == (True, "500m")


def test_replicas_of_an_autoscaler_are_the_loads(
    cluster: PocketCluster, target: Target, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Those above its least, where that is what is declared, and up to its most: 5."""
    above = "above the minimum of its autoscaler"
    for replicas, ready, least, seen in [
        (4, 4, 3, (True, f"4 ready of 4, {above}")),
        (4, 3, 3, (True, f"3 ready of 4, {above}")),
        (4, 2, 3, (False, f"2 ready of 4, {above}")),
        (3, 3, 3, (True, "3 ready of 3")),
        (4, 4, 4, (False, "4 ready of 4")),
        (4, 4, 2, (False, "4 ready of 4")),
        (6, 6, 3, (False, "6 ready of 6")),
    ]:
        with subtests.test(replicas=replicas, ready=ready, least=least):
            name = f"api-{replicas}-{ready}-{least}"
            body = deployment(name, replicas=replicas, ready=ready, cpu="500m", memory="512Mi")
            cluster.create("Deployment", body)
            scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
            spec = {"scaleTargetRef": scaled, "minReplicas": least, "maxReplicas": 5}
            metadata = {"name": name, "namespace": "north"}
            cluster.create("HorizontalPodAutoscaler", {"metadata": metadata, "spec": spec})
            facts = found(run(target, tmp_path, "deployment-size", **{**SIZE, "deployment": name}))
            assert facts[f"north/{name} replicas"] == seen


def test_a_sidecar_adds_to_the_size(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """An init container that runs on takes CPU and memory as long as the pod does."""
    body = deployment("api-gateway", replicas=3, ready=3, cpu="500m", memory="256Mi")
    size = {"cpu": "100m", "memory": "256Mi"}
    sidecar = {"name": "proxy", "image": "x:1", "restartPolicy": "Always"}
    body["spec"]["template"]["spec"]["initContainers"] = [{**sidecar, "resources": {"requests": size, "limits": size}}]
    cluster.create("Deployment", body)
    facts = found(run(target, tmp_path, "deployment-size", **SIZE))
    assert facts["north/api-gateway cpu requests"] == (False, "500m + 100m")
    assert facts["north/api-gateway memory limits"] == (True, "256Mi + 256Mi")


def test_a_deployment_that_is_not_there_is_a_fact(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """And so is not mistaken for a check that could not look."""
    facts = found(run(target, tmp_path, "deployment-size", **{**SIZE, "deployment": "ghost"}))
    assert facts == {"north/ghost": (False, "none of that name")}


def test_every_gateway_is_read_through_for_every_service(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """Three reads a region; a hiccup of one answer is forgiven, a gateway that refuses is not."""
    backends[0].status, backends[0].times = 502, 1
    backends[1].status = 404
    facts = found(run(target, tmp_path, "gateway-reads"))
    assert facts == {
        "north/api-gateway": (True, "status 200"),
        "north/user-service": (True, "status 200"),
        "north/track-service": (True, "status 200"),
        "south/api-gateway": (False, "status 404"),
        "south/user-service": (False, "status 404"),
        "south/track-service": (False, "status 404"),
    }
    assert set(backends[1].paths) == {"/health", "/users/listener-1", "/tracks/1"}


def test_a_service_that_the_target_file_names_and_no_read_does_is_not_known(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """By a route that needs it, or by its health: `every service` is not proven by those that happen to have a read."""
    more = {
        "routes": {"buy": ("track-service", "order-service")},
        "services": {"north/stock-service": "http://127.0.0.1:1"},
    }
    facts = found(run(target.model_copy(update=more), tmp_path, "gateway-reads"))
    why = "`probes.services` of the target file names no read of this service"
    unknown = {subject: observed for subject, (ok, observed) in facts.items() if ok is None}
    assert unknown == {f"{region}/{name}-service": why for region in ("north", "south") for name in ("order", "stock")}
    assert facts["north/track-service"] == (True, "status 200")
    assert "/tracks/1" in backends[0].paths


def test_a_service_of_the_cluster_that_the_target_file_does_not_explain_is_not_known(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """In the region where it is: `every service` is not what the operator lists. Another Service of pods that have a read is none of its own."""
    cluster.create("Service", service("track-service-canary", {"app": "track-service"}))
    cluster.create("Service", service("elsewhere", None))
    cluster.create("Service", service("stock", {"app": "stock-service"}, "south"))
    cluster.create("Service", service("labels", {"part": "unnamed"}))
    facts = found(run(target, tmp_path, "gateway-reads"))
    unknown = {subject for subject, (ok, _) in facts.items() if ok is None}
    assert unknown == {"south/stock-service", "north/labels"}
    assert facts["south/stock-service"][1] == "`probes.services` of the target file names no read of this service"
    website = target.model_copy(update={"website": "http://stock.south:8080/"})
    assert "south/stock-service" not in found(run(website, tmp_path, "gateway-reads")), "a page for people"


def test_a_service_that_is_declared_to_be_not_for_users_is_not_exposed(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """Neither by its type nor by an Ingress; one that is not there is not known."""
    cluster.create("Service", service("cache", {"app": "cache"}))
    probes = target.probes.model_copy(update={"internal": ("cache", "gone")})
    declared = target.model_copy(update={"probes": probes})

    def read() -> dict[str, tuple[bool | None, str]]:
        facts = found(run(declared, tmp_path, "gateway-reads"))
        return {subject: fact for subject, fact in facts.items() if "not for users" in subject or fact[0] is None}

    gone = {"gone, which is not for users": (None, "no Service has this name or these pods")}
    assert read() == {"cache, which is not for users": (True, "not exposed"), **gone}
    backend = {"service": {"name": "cache", "port": {"number": 8080}}}
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "around", "namespace": "north"}
    cluster.create("Ingress", {"metadata": meta, "spec": {"rules": [rule]}})
    assert read() == {"cache, which is not for users": (False, "Ingress around of north"), **gone}
    south = service("cache", {"app": "cache"}, "south")
    cluster.create("Service", {**south, "spec": {**south["spec"], "type": "NodePort"}})
    assert read()["cache, which is not for users"] == (False, "Ingress around of north, NodePort of south")


def test_probe_pods_tell_who_is_accepted_and_are_gone_afterwards(
    cluster: PocketCluster, target: Target, backends: list[Backend], tmp_path: Path
) -> None:
    """The frontend reaches both backends, the stranger reaches one: that one is the finding."""
    cluster.create("Service", service("api-gateway", {"app": "api-gateway"}))
    cluster.create("Service", service("track-service", {"app": "track-service"}))
    cluster.create("Service", service("elsewhere", None))
    backends[1].status = 0  # accepts the connection and hangs up, as a forwarder that refuses does

    def environment(label: str) -> dict[str, str]:
        second = f"{NET}1" if label == "frontend" else f"{NET}2"
        return {"API_GATEWAY_SERVICE_HOST": f"{NET}1", "TRACK_SERVICE_SERVICE_HOST": second}

    cluster.kubelet.environment = environment
    facts = found(run(target, tmp_path, "network-policy", port="8080"))
    assert facts == {
        "north: frontend to api-gateway": (True, "accepted"),
        "north: frontend to track-service": (True, "accepted"),
        "north: stranger to api-gateway": (False, "accepted"),
        "north: stranger to track-service": (True, "refused"),
        "south: TCP 8080": (None, "none"),
    }
    assert cluster.kubelet.processes == {}
    assert pending_intents(platform_of(target)) == []


def test_a_cluster_that_does_not_answer_is_a_reason_never_a_fact(
    cluster: PocketCluster, target: Target, tmp_path: Path
) -> None:
    """The kubeconfig leads to an address where nobody listens."""
    text = cluster.kubeconfig.read_text()
    cluster.kubeconfig.write_text(text.replace("127.95.2.1", "127.95.2.99"))
    check = run(target, tmp_path, "health-of-pods", within="1 s")
    assert check.facts == ()
    assert "the API server gave no answer" in check.why
