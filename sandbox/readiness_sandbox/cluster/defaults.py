"""The values that a Kubernetes API fills in.

Works in place, on a fresh copy of what a client sent.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.statuses import Object


def fresh(value: Any) -> Any:
    """A deep copy without nulls, which mean absent."""
    if isinstance(value, dict):
        return {key: fresh(each) for key, each in value.items() if each is not None}
    return [fresh(each) for each in value] if isinstance(value, list) else value


def fill(kind: Kind, obj: Object) -> None:
    """Fill in what the client left out."""
    if filler := FILLERS.get(kind.kind):
        filler(obj)


def pod_spec(spec: Object) -> None:
    """Defaults of a pod's spec, also within a template.

    `volumes` is always there: chaosk8s' drain_nodes reads it unguarded (a real cluster always adds a token volume).
    """
    _default(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst")
    _default(spec, schedulerName="default-scheduler", securityContext={}, volumes=[])
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _container(container)


def _default(target: Object, **values: Any) -> None:
    for key, value in values.items():
        target.setdefault(key, value)


def _container(container: Object) -> None:
    resources = container.setdefault("resources", {})
    for amounts in (resources.get("limits", {}), resources.get("requests", {})):
        amounts.update({name: str(amount) for name, amount in amounts.items()})
    if "limits" in resources:
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
    tag = container.get("image", "").rpartition("/")[2].partition(":")[2] or "latest"
    _default(container, imagePullPolicy="Always" if tag == "latest" else "IfNotPresent")
    for port in container.get("ports", ()):
        _default(port, protocol="TCP")
    for variable in container.get("env", ()):
        if reference := variable.get("valueFrom", {}).get("fieldRef"):
            _default(reference, apiVersion="v1")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])


def _probe(probe: Object) -> None:
    _default(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if "httpGet" in probe:
        _default(probe["httpGet"], path="/", scheme="HTTP")


def _pod(pod: Object) -> None:
    pod_spec(pod["spec"])
    pod["metadata"].setdefault("ownerReferences", [])


def _template(obj: Object) -> None:
    spec = obj["spec"]
    _default(spec, replicas=1)
    template = spec.get("template", {})
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _deployment(obj: Object) -> None:
    _template(obj)
    spec = obj["spec"]
    _default(spec, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _default(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _default(strategy.setdefault("rollingUpdate", {}), maxSurge="25%", maxUnavailable="25%")


def _job(obj: Object) -> None:
    """`controller-uid` and `job-name` make the selector, unless the client wrote one and says so."""
    meta, spec = obj["metadata"], obj["spec"]
    _job_spec(spec)
    if not spec["manualSelector"]:
        mine = {f"{prefix}controller-uid": meta["uid"] for prefix in ("batch.kubernetes.io/", "")}
        named = {f"{prefix}job-name": meta.get("name", "") for prefix in ("batch.kubernetes.io/", "")}
        template = spec["template"]["metadata"]
        template["labels"] = {**template.get("labels", {}), **mine, **named}
        key = "batch.kubernetes.io/controller-uid"
        spec["selector"] = {"matchLabels": {key: meta["uid"]}}


def _job_spec(spec: Object) -> None:
    if "parallelism" not in spec:
        _default(spec, completions=1)
    _default(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False, manualSelector=False)
    _default(spec, podReplacementPolicy="TerminatingOrFailed")
    template = spec["template"]
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _cron_job(obj: Object) -> None:
    spec = obj["spec"]
    _default(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    _job_spec(spec["jobTemplate"].setdefault("spec", {}))


def _stateful_set(obj: Object) -> None:
    _template(obj)
    spec = obj["spec"]
    _default(spec, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    _default(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _default(strategy.setdefault("rollingUpdate", {}), partition=0)


def _autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    _default(spec, minReplicas=1)
    utilization = {"type": "Utilization", "averageUtilization": 80}
    if not spec.get("metrics"):
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}]
    for direction, rules in (spec.get("behavior") or {}).items():
        policies: list[Object] = [{"type": "Percent", "value": 100, "periodSeconds": 15}]
        if direction == "scaleUp":
            policies.append({"type": "Pods", "value": 4, "periodSeconds": 15})
            _default(rules, stabilizationWindowSeconds=0)
        _default(rules, selectPolicy="Max")
        if not rules.get("policies"):
            rules["policies"] = policies


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _default(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] != "ExternalName":
        _default(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    for port in spec.get("ports", ()):
        _default(port, protocol="TCP", targetPort=port.get("port"))


def _namespace(obj: Object) -> None:
    if name := obj["metadata"].get("name"):
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    spec = obj.setdefault("spec", {})
    if "kubernetes" not in spec.get("finalizers", ()):
        spec["finalizers"] = [*spec.get("finalizers", ()), "kubernetes"]
    _default(obj.setdefault("status", {}), phase="Active")


def _node(obj: Object) -> None:
    spec = obj.get("spec") or {}
    if spec.get("unschedulable") is False:  # a field that Go leaves out; chaosk8s' uncordon_node sends it
        del spec["unschedulable"]


def _secret(obj: Object) -> None:
    _default(obj, type="Opaque")
    plain = obj.pop("stringData", {})
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**obj.get("data", {}), **encoded}


def _network_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            _default(port, protocol="TCP")


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            _default(port, protocol="TCP")


def _definition(obj: Object) -> None:
    spec = obj["spec"]
    names = spec["names"]
    _default(names, singular=names["kind"].lower(), listKind=f"{names['kind']}List")
    _default(spec.setdefault("conversion", {}), strategy="None")


def _slice(obj: Object) -> None:
    for port in obj.get("ports", ()):
        _default(port, name="", protocol="TCP")


FILLERS: dict[str, Callable[[Object], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _template,
    "StatefulSet": _stateful_set,
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Namespace": _namespace,
    "Node": _node,
    "Secret": _secret,
    "NetworkPolicy": _network_policy,
    "Endpoints": _endpoints,
    "EndpointSlice": _slice,
    "CustomResourceDefinition": _definition,
}
