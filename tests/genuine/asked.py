"""Requests that a genuine API server and the sandbox's are asked alike, each with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]

NAMESPACE: Final = "alike"
JSON: Final = "application/json"
TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL: Final = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
PARTIAL_LIST: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request.

    Attributes:
        name: in the table of differences.
        body: JSON; None for none.
        accept, content: media types.
    """

    name: str
    method: str
    path: str
    body: Any = None
    accept: str = JSON
    content: str = JSON


LABELS: Final = {"app": "alike"}
CONTAINER: Final[Object] = {"name": "c", "image": "registry.test/c:1"}
POD_SPEC: Final[Object] = {"containers": [CONTAINER]}
TEMPLATE: Final[Object] = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
JOB_TEMPLATE: Final[Object] = {"spec": {**POD_SPEC, "restartPolicy": "Never"}}
CRON_TEMPLATE: Final[Object] = {"spec": {"template": JOB_TEMPLATE}}
SELECTOR: Final[Object] = {"matchLabels": LABELS}

OBJECTS: Final[dict[str, tuple[str, Object]]] = {
    "ConfigMap": ("api/v1 configmaps", {"data": {"a": "1"}}),
    "Secret": ("api/v1 secrets", {"stringData": {"a": "1"}}),
    "ServiceAccount": ("api/v1 serviceaccounts", {}),
    "Service": ("api/v1 services", {"spec": {"selector": LABELS, "ports": [{"port": 80}]}}),
    "Endpoints": ("api/v1 endpoints", {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]}),
    "Pod": ("api/v1 pods", {"spec": {**POD_SPEC, "nodeSelector": {"no": "where"}}}),
    "Deployment": ("apis/apps/v1 deployments", {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}}),
    "ReplicaSet": ("apis/apps/v1 replicasets", {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}}),
    "StatefulSet": (
        "apis/apps/v1 statefulsets",
        {"spec": {"replicas": 0, "serviceName": "s", "selector": SELECTOR, "template": TEMPLATE}},
    ),
    "Job": ("apis/batch/v1 jobs", {"spec": {"suspend": True, "template": JOB_TEMPLATE}}),
    "CronJob": (
        "apis/batch/v1 cronjobs",
        {"spec": {"suspend": True, "schedule": "0 3 * * *", "jobTemplate": CRON_TEMPLATE}},
    ),
    "PodDisruptionBudget": (
        "apis/policy/v1 poddisruptionbudgets",
        {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    ),
    "HorizontalPodAutoscaler": (
        "apis/autoscaling/v2 horizontalpodautoscalers",
        {"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}},
    ),
    "NetworkPolicy": ("apis/networking.k8s.io/v1 networkpolicies", {"spec": {"podSelector": SELECTOR}}),
    "Lease": ("apis/coordination.k8s.io/v1 leases", {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}),
    "EndpointSlice": (
        "apis/discovery.k8s.io/v1 endpointslices",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}], "ports": [{"port": 80}]},
    ),
}
"""By kind: where it is served, and a valid object without kind and metadata."""


def collection(kind: str) -> str:
    """The path of its objects."""
    root, _, plural = OBJECTS[kind][0].partition(" ")
    return f"/{root}/namespaces/{NAMESPACE}/{plural}"


def object_of(kind: str, name: str = "one") -> Object:
    """A valid object."""
    root = OBJECTS[kind][0].partition(" ")[0]
    version = root.removeprefix("apis/").removeprefix("api/")
    meta = {"name": name, "namespace": NAMESPACE, "labels": LABELS}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **OBJECTS[kind][1]}


def life(kind: str) -> Iterator[Asked]:
    """An object from its creation to its end, as clients write and read it."""
    at = collection(kind)
    one, made = f"{at}/one", object_of(kind)

    def asked(name: str, method: str, path: str, body: Any = None, **more: str) -> Asked:
        return Asked(name=f"{kind} {name}", method=method, path=path, body=body, **more)

    yield asked("dry run", "POST", f"{at}?dryRun=All", made)
    yield asked("create", "POST", at, made)
    yield asked("create again", "POST", at, made)
    yield asked("create without a name", "POST", at, {**made, "metadata": {}})
    yield asked("create an unknown field", "POST", f"{at}?fieldValidation=Strict", {**made, "unknown": 1})
    yield asked("get", "GET", one)
    yield asked("get a table", "GET", one, accept=TABLE)
    yield asked("get metadata", "GET", one, accept=PARTIAL)
    yield asked("list", "GET", f"{at}?labelSelector=app%3Dalike")
    yield asked("list a table", "GET", f"{at}?labelSelector=app%3Dalike", accept=TABLE)
    yield asked("list metadata", "GET", f"{at}?labelSelector=app%3Dalike", accept=PARTIAL_LIST)
    yield asked("list by name", "GET", f"{at}?fieldSelector=metadata.name%3Done")
    yield asked("list by an unknown field", "GET", f"{at}?fieldSelector=spec.unknown%3Done")
    yield asked("list by a wrong selector", "GET", f"{at}?labelSelector=a%20in%20b")
    yield asked("merge patch", "PATCH", one, {"metadata": {"labels": {"b": "1"}}}, content=MERGE)
    yield asked("strategic patch", "PATCH", one, {"metadata": {"annotations": {"b": "1"}}}, content=STRATEGIC)
    failing = [{"op": "test", "path": "/metadata/name", "value": "two"}]
    yield asked("JSON patch that fails", "PATCH", one, failing, content=JSON_PATCH)
    yield asked("patch of a wrong label", "PATCH", one, {"metadata": {"labels": {"a b": "1"}}}, content=MERGE)
    stale = {**made, "metadata": {**made["metadata"], "resourceVersion": "1"}}
    yield asked("replace an old version", "PUT", one, stale)
    yield asked("replace another name", "PUT", f"{at}/two", made)
    yield asked("delete a dry run", "DELETE", f"{one}?dryRun=All")
    yield asked("delete with a wrong uid", "DELETE", one, {"preconditions": {"uid": "wrong"}})
    yield asked("delete", "DELETE", f"{one}?gracePeriodSeconds=0&propagationPolicy=Background")
    yield asked("get what is gone", "GET", one)
    yield asked("delete what is gone", "DELETE", one)
    yield asked("patch what is gone", "PATCH", one, {}, content=MERGE)


def _spec(kind: str, **spec: Any) -> Object:
    return {**object_of(kind), "spec": spec}


def _pod(**container: Any) -> Object:
    return _spec("Pod", containers=[{**CONTAINER, **container}])


def _pod_spec(**spec: Any) -> Object:
    return _spec("Pod", **{**POD_SPEC, **spec})


def _deployment(**spec: Any) -> Object:
    made = object_of("Deployment")
    return {**made, "spec": {**made["spec"], **spec}}


def _service(**spec: Any) -> Object:
    return {**object_of("Service"), "spec": {"selector": LABELS, "ports": [{"port": 80}], **spec}}


def _meta(kind: str, **meta: Any) -> Object:
    made = object_of(kind)
    return {**made, "metadata": {**made["metadata"], **meta}}


INVALID: Final[dict[str, Object]] = {
    "Pod: pull policy": _pod(imagePullPolicy="Sometimes"),
    "Pod: quantity": _pod(resources={"requests": {"cpu": "much"}}),
    "Pod: negative quantity": _pod(resources={"requests": {"cpu": "-1"}}),
    "Pod: requests above limits": _pod(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
    "Pod: unknown resource": _pod(resources={"requests": {"gold": "1"}}),
    "Pod: probe without a handler": _pod(readinessProbe={"periodSeconds": 1}),
    "Pod: probe with two handlers": _pod(readinessProbe={"tcpSocket": {"port": 1}, "httpGet": {"port": 1}}),
    "Pod: probe of port 0": _pod(readinessProbe={"tcpSocket": {"port": 0}}),
    "Pod: negative period": _pod(livenessProbe={"tcpSocket": {"port": 1}, "periodSeconds": -1}),
    "Pod: liveness needs 2 successes": _pod(livenessProbe={"tcpSocket": {"port": 1}, "successThreshold": 2}),
    "Pod: no image": _spec("Pod", containers=[{"name": "c"}]),
    "Pod: no containers": _spec("Pod", containers=[]),
    "Pod: containers left out": _spec("Pod"),
    "Pod: two containers of one name": _pod_spec(containers=[CONTAINER, CONTAINER]),
    "Pod: name of a container": _pod(name="C c"),
    "Pod: port out of range": _pod(ports=[{"containerPort": 70000}]),
    "Pod: port without a number": _pod(ports=[{"name": "http"}]),
    "Pod: two ports of one name": _pod(ports=[{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
    "Pod: protocol": _pod(ports=[{"containerPort": 1, "protocol": "QUIC"}]),
    "Pod: variable without a name": _pod(env=[{"value": "1"}]),
    "Pod: variable of a number": _pod(env=[{"name": "A", "value": 1}]),
    "Pod: variable with two sources": _pod(
        env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    ),
    "Pod: unknown field reference": _pod(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.gold"}}}]),
    "Pod: mount of no volume": _pod(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
    "Pod: volume without a source": _pod_spec(volumes=[{"name": "v"}]),
    "Pod: volume of two sources": _pod_spec(volumes=[{"name": "v", "emptyDir": {}, "configMap": {"name": "a"}}]),
    "Pod: restart policy": _pod_spec(restartPolicy="Sometimes"),
    "Pod: DNS policy": _pod_spec(dnsPolicy="None"),
    "Pod: negative grace": _pod_spec(terminationGracePeriodSeconds=-1),
    "Pod: deadline 0": _pod_spec(activeDeadlineSeconds=0),
    "Pod: toleration": _pod_spec(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
    "Pod: node selector": _pod_spec(nodeSelector={"a b": "c"}),
    "Pod: service account": _pod_spec(serviceAccountName="nobody"),
    "Pod: privileged and no escalation": _pod(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
    "Pod: negative user": _pod(securityContext={"runAsUser": -1}),
    "Pod: seccomp": _pod(securityContext={"seccompProfile": {"type": "Some"}}),
    "Pod: name": _meta("Pod", name="A_b"),
    "Pod: long name": _meta("Pod", name="a" * 254),
    "Pod: label value": _meta("Pod", labels={"a": "b c"}),
    "Pod: label of a number": _meta("Pod", labels={"a": 1}),
    "Pod: annotation key": _meta("Pod", annotations={"a b": "c"}),
    "Pod: owner without a uid": _meta("Pod", ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "a"}]),
    "Pod: finalizer": _meta("Pod", finalizers=["a b"]),
    "Pod: other namespace": _meta("Pod", namespace="default"),
    "Deployment: strategy": _deployment(strategy={"type": "Sometimes"}),
    "Deployment: Recreate with limits": _deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
    "Deployment: no surge, none unavailable": _deployment(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}
    ),
    "Deployment: share over 100": _deployment(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "101%"}}
    ),
    "Deployment: share of words": _deployment(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "few"}}
    ),
    "Deployment: negative replicas": _deployment(replicas=-1),
    "Deployment: replicas in words": _deployment(replicas="three"),
    "Deployment: selector of other labels": _deployment(selector={"matchLabels": {"app": "other"}}),
    "Deployment: no selector": _deployment(selector=None),
    "Deployment: empty selector": _deployment(selector={}),
    "Deployment: deadline below minReadySeconds": _deployment(minReadySeconds=10, progressDeadlineSeconds=5),
    "Deployment: restart policy": _deployment(template={**TEMPLATE, "spec": {**POD_SPEC, "restartPolicy": "Never"}}),
    "Deployment: history": _deployment(revisionHistoryLimit=-1),
    "Service: no ports": _service(ports=[]),
    "Service: port 0": _service(ports=[{"port": 0}]),
    "Service: two ports without names": _service(ports=[{"port": 80}, {"port": 81}]),
    "Service: type": _service(type="Sometimes"),
    "Service: session affinity": _service(sessionAffinity="Sometimes"),
    "Service: target port": _service(ports=[{"port": 80, "targetPort": "A_b"}]),
    "Service: cluster IP": _service(clusterIP="nowhere"),
    "Service: external name": _service(type="ExternalName"),
    "Service: name": _meta("Service", name="1a"),
    "Service: node port of a cluster IP": _service(ports=[{"port": 80, "nodePort": 30000}]),
    "ConfigMap: key": {**object_of("ConfigMap"), "data": {"a b": "1"}},
    "ConfigMap: value of a number": {**object_of("ConfigMap"), "data": {"a": 1}},
    "ConfigMap: key twice": {**object_of("ConfigMap"), "binaryData": {"a": "MQ=="}},
    "ConfigMap: not base64": {**object_of("ConfigMap"), "data": None, "binaryData": {"a": "?"}},
    "Secret: not base64": {**object_of("Secret"), "data": {"a": "?"}},
    "Secret: type without its keys": {**object_of("Secret"), "type": "kubernetes.io/tls"},
    "Job: restart policy": _spec("Job", template={"spec": POD_SPEC}),
    "Job: negative parallelism": _spec("Job", parallelism=-1, template=JOB_TEMPLATE),
    "CronJob: schedule": _spec("CronJob", schedule="often", jobTemplate=CRON_TEMPLATE),
    "CronJob: policy": _spec("CronJob", schedule="0 3 * * *", concurrencyPolicy="Some", jobTemplate=CRON_TEMPLATE),
    "PodDisruptionBudget: both": _spec("PodDisruptionBudget", minAvailable=1, maxUnavailable=1, selector=SELECTOR),
    "HorizontalPodAutoscaler: fewest above most": _spec(
        "HorizontalPodAutoscaler", **OBJECTS["HorizontalPodAutoscaler"][1]["spec"], minReplicas=5
    ),
    "NetworkPolicy: port": _spec("NetworkPolicy", podSelector={}, ingress=[{"ports": [{"port": 0}]}]),
    "NetworkPolicy: block": _spec(
        "NetworkPolicy", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "everywhere"}}]}]
    ),
}


def refused() -> Iterator[Asked]:
    """Objects that are not valid, each as a dry run."""
    for name, body in INVALID.items():
        yield Asked(name=name, method="POST", path=f"{collection(body['kind'])}?dryRun=All", body=body)


def others() -> Iterator[Asked]:
    """Paths, methods and media types; deletion of a namespace; immutable objects."""
    pods, maps = collection("Pod"), collection("ConfigMap")
    fixed = {**object_of("ConfigMap", "fixed"), "immutable": True}
    for name, method, path, body in (
        ("unknown group", "GET", "/apis/gold.test/v1", None),
        ("unknown resource", "GET", "/api/v1/golds", None),
        ("unknown subresource", "GET", f"{pods}/one/gold", None),
        ("unknown namespace", "GET", "/api/v1/namespaces/nowhere", None),
        ("list in an unknown namespace", "GET", "/api/v1/namespaces/nowhere/pods", None),
        (
            "create in an unknown namespace",
            "POST",
            "/api/v1/namespaces/nowhere/configmaps",
            {"metadata": {"name": "a"}},
        ),
        ("method of a collection", "PUT", pods, {}),
        ("no object", "POST", maps, []),
        ("another kind", "POST", maps, object_of("Pod")),
        ("another version", "POST", maps, {**object_of("ConfigMap"), "apiVersion": "v2"}),
        ("limit", "GET", f"{maps}?limit=1&labelSelector=app%3Dnone", None),
        ("a wrong limit", "GET", f"{maps}?limit=few", None),
        ("a wrong continue", "GET", f"{maps}?limit=1&continue=%3F", None),
        ("a wrong dry run", "POST", f"{maps}?dryRun=Some", object_of("ConfigMap")),
        ("a wrong validation", "POST", f"{maps}?fieldValidation=Some", object_of("ConfigMap")),
        ("an immutable map", "POST", maps, fixed),
        ("change of an immutable map", "PUT", f"{maps}/fixed", {**fixed, "data": {"a": "2"}}),
        ("an immutable map made mutable", "PUT", f"{maps}/fixed", {**fixed, "immutable": False}),
        ("log of no pod", "GET", f"{pods}/none/log", None),
        ("eviction of no pod", "POST", f"{pods}/none/eviction", {"metadata": {"name": "none"}}),
        ("scale of no deployment", "GET", f"{collection('Deployment')}/none/scale", None),
        ("default service account", "GET", f"{collection('ServiceAccount')}/default", None),
    ):
        yield Asked(name=name, method=method, path=path, body=body)
    yield Asked(name="patch without a type", method="PATCH", path=f"{maps}/fixed", body={}, content="text/plain")
    yield Asked(name="YAML that nobody asked for", method="GET", path=maps, accept="application/gold")


def every_request() -> list[Asked]:
    """All of them, in the order in which they are sent."""
    found = list(others())
    for kind in OBJECTS:
        found += life(kind)
    return [*found, *refused()]
