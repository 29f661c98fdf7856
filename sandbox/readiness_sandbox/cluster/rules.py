"""What an object may not say, beyond its shape.

The rules that a Kubernetes API answers with 422 Invalid.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster import batch_rules, names, pod_rules
from readiness_sandbox.cluster.authorization import role_rules
from readiness_sandbox.cluster.autoscaler_rules import autoscaler
from readiness_sandbox.cluster.custom import rules as definition_rules
from readiness_sandbox.cluster.deletion import is_ending
from readiness_sandbox.cluster.ingress_rules import ingress
from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.statuses import Object, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.names import Cause

NAMED_BY_LABEL = ("Namespace", "Service")
MOST_REPLICAS: Final = 100
"""Of one workload: each replica is a process of this machine."""
MOST_BYTES: Final = 1 << 20
"""Of the data of a ConfigMap or Secret; the limit of a real API server."""
MOST_CAUSES: Final = 20
"""Causes that one answer names."""
STANDARD_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_PERCENT: Final = re.compile(r"[0-9]{1,9}%")

POD_MAY_CHANGE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")
STATEFUL_MAY_CHANGE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
    *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
)


def check(kind: Kind, obj: Object, old: Object | None = None, *, held_by: Sequence[str] | None = None) -> None:
    """Enforce the rules for an object, for the change from `old`, and for one that is ending, held by these finalizers.

    Raises StatusError 422 with every cause.
    """
    causes = [*_metadata(kind, obj["metadata"])]
    if held_by is not None:
        causes += _no_new_finalizers(obj["metadata"], held_by)
    if kind.custom is None:
        if rule := RULES.get(kind.kind):
            causes += rule(obj)
        if old is not None and (rule_of_change := CHANGES.get(kind.kind)):
            causes += rule_of_change(old, obj)
    _refuse(kind, obj, causes)


def check_status(kind: Kind, obj: Object) -> None:
    """Enforce the rules for what is written to an object's status. Raises StatusError 422 with every cause."""
    if kind.custom is None and (rule := STATUSES.get(kind.kind)):
        _refuse(kind, obj, [*rule(obj)])


def check_finalize(kind: Kind, obj: Object) -> None:
    """Enforce the rules for the finalizers of a Namespace's spec. Raises StatusError 422 with every cause."""
    causes = [
        (f"spec.finalizers[{i}]", f'Invalid value: "{names.shown(each)}": {why}')
        for i, each in enumerate(obj["spec"].get("finalizers", ()))
        if (why := _unfit_finalizer(each))
    ]
    _refuse(kind, obj, causes)


def _unfit_finalizer(name: str) -> str:
    """Why a name cannot be that of a finalizer, empty when it can."""
    if not names.is_qualified(name):
        return names.KEY_WORDS
    if "/" not in name and name not in STANDARD_FINALIZERS:
        return "name is neither a standard finalizer name nor is it fully qualified"
    return ""


def _refuse(kind: Kind, obj: Object, causes: Sequence[Cause]) -> None:
    if causes:
        raise invalid(kind, obj["metadata"].get("name", ""), causes[:MOST_CAUSES])


def _no_new_finalizers(meta: Object, held_by: Sequence[str]) -> Iterator[Cause]:
    if new := sorted(set(meta.get("finalizers", ())) - set(held_by)):
        listed = ", ".join(f'"{names.shown(each)}"' for each in new)
        why = "no new finalizers can be added if the object is being deleted"
        yield "metadata.finalizers", f"Forbidden: {why}, found new finalizers []string{{{listed}}}"


def _metadata(kind: Kind, meta: Object) -> Iterator[Cause]:
    label = kind.qualified in NAMED_BY_LABEL
    name, prefix = meta.get("name"), meta.get("generateName")
    if not name and not prefix:
        yield "metadata.name", "Required value: name or generateName is required"
    wrong = [*names.prefix("metadata.generateName", prefix, label=label)] if prefix else []
    yield from wrong
    if name and not wrong:  # a name that was made of a wrong beginning is no second cause
        yield from names.name("metadata.name", name, label=label)
    yield from names.labels("metadata.labels", meta.get("labels", {}))
    for key in meta.get("annotations", {}):
        if not names.is_qualified(key.lower()):
            yield "metadata.annotations", f'Invalid value: "{names.shown(key)}": {names.KEY_WORDS}'


def _pod(obj: Object) -> Iterator[Cause]:
    yield from pod_rules.pod_spec(obj["spec"], "spec")


def _config_map(obj: Object) -> Iterator[Cause]:
    yield from _data(obj.get("data", {}), "data", encoded=False)
    yield from _data(obj.get("binaryData", {}), "binaryData", encoded=True)
    yield from _not_too_long("", obj.get("data", {}), obj.get("binaryData", {}))
    for key in obj.get("data", {}).keys() & obj.get("binaryData", {}).keys():
        where = f"data[{names.shown(key)}]"
        yield where, f'Invalid value: "{names.shown(key)}": duplicate of key present in binaryData'


def _secret(obj: Object) -> Iterator[Cause]:
    yield from _data(obj.get("data", {}), "data", encoded=True)
    yield from _not_too_long("data", obj.get("data", {}))


def _data(data: dict[str, str], path: str, *, encoded: bool) -> Iterator[Cause]:
    for key, value in data.items():
        yield from names.data_key(f"{path}[{names.shown(key)}]", key)
        if encoded:
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                yield f"{path}[{names.shown(key)}]", "Invalid value: illegal base64 data"


def _not_too_long(path: str, *data: dict[str, str]) -> Iterator[Cause]:
    if sum(len(value) for each in data for value in each.values()) > MOST_BYTES:
        yield path, f"Too long: may not be more than {MOST_BYTES} bytes"


def _workload(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    yield from pod_rules.at_least("spec.replicas", spec["replicas"], 0, MOST_REPLICAS)
    yield from pod_rules.at_least("spec.minReadySeconds", spec.get("minReadySeconds", 0), 0, pod_rules.LONGEST_S)
    selector = Selector.of(spec["selector"])
    if not selector:
        yield "spec.selector", "Invalid value: {}: empty selector is invalid for " + obj["kind"].lower()
    yield from _expressions(spec["selector"], "spec.selector")
    template = spec["template"]
    labels = template["metadata"].get("labels", {})
    yield from names.labels("spec.template.metadata.labels", labels)
    if not selector.matches(labels):
        shown = json.dumps(labels, sort_keys=True, separators=(",", ":"))
        why = "`selector` does not match template `labels`"
        yield "spec.template.metadata.labels", f"Invalid value: {shown}: {why}"
    pod = template["spec"]
    yield from pod_rules.choice("spec.template.spec.restartPolicy", pod.get("restartPolicy"), ("Always",))
    claims = [claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates", ())]
    for i, claim in enumerate(claims):
        yield from names.name(f"spec.volumeClaimTemplates[{i}].metadata.name", claim, label=True)
    # a template's claims take the place of its volumes of the same name
    volumes = [each for each in pod.get("volumes", ()) if each["name"] not in claims]
    yield from pod_rules.pod_spec(
        {**pod, "volumes": [*volumes, *({"name": each} for each in claims)]}, "spec.template.spec"
    )


def _expressions(selector: Object, path: str) -> Iterator[Cause]:
    for i, each in enumerate(selector.get("matchExpressions", ())):
        here, operator = f"{path}.matchExpressions[{i}]", each["operator"]
        if operator not in _OPERATORS:
            yield f"{here}.operator", f'Invalid value: "{names.shown(operator)}": not a valid selector operator'
        elif operator in ("In", "NotIn") and not each.get("values"):
            yield f"{here}.values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"
        elif operator not in ("In", "NotIn") and each.get("values"):
            yield f"{here}.values", "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"


def _deployment(obj: Object) -> Iterator[Cause]:
    yield from _workload(obj)
    spec = obj["spec"]
    strategy, ready_s = spec["strategy"], spec.get("minReadySeconds", 0)
    yield from pod_rules.choice("spec.strategy.type", strategy["type"], ("Recreate", "RollingUpdate"))
    yield from pod_rules.at_least("spec.revisionHistoryLimit", spec["revisionHistoryLimit"], 0, pod_rules.LONGEST_S)
    if spec["progressDeadlineSeconds"] <= ready_s:
        why = "must be greater than minReadySeconds"
        yield "spec.progressDeadlineSeconds", f"Invalid value: {spec['progressDeadlineSeconds']}: {why}"
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        return
    if strategy["type"] == "Recreate":
        yield "spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        return
    for field in ("maxUnavailable", "maxSurge"):
        yield from _number_or_percent(f"spec.strategy.rollingUpdate.{field}", rolling[field])
    if all(rolling[field] in (0, "0%") for field in ("maxUnavailable", "maxSurge")):
        where = "spec.strategy.rollingUpdate.maxUnavailable"
        yield where, f"Invalid value: {json.dumps(rolling['maxUnavailable'])}: may not be 0 when `maxSurge` is 0"


def _service(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    yield from pod_rules.choice("spec.type", spec["type"], ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"))
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield "spec.externalName", "Required value"
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        yield "spec.ports", "Required value"
    yield from pod_rules.choice("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    if (address := spec.get("clusterIP")) and address != "None" and not _is_address(address):
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield "spec.clusterIPs[0]", f'Invalid value: "{names.shown(address)}": {why}'
    for i, port in enumerate(spec.get("ports", ())):
        if port.get("nodePort") and spec["type"] == "ClusterIP":
            yield f"spec.ports[{i}].nodePort", "Forbidden: may not be used when `type` is 'ClusterIP'"
        yield from pod_rules.port(f"spec.ports[{i}].port", port["port"])
        yield from pod_rules.choice(f"spec.ports[{i}].protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield f"spec.ports[{i}].name", "Required value"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _policy(obj: Object) -> Iterator[Cause]:
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(obj["spec"].get(way) or ()):
            for j, each in enumerate(rule.get("ports") or ()):
                if isinstance(number := each.get("port"), int):
                    yield from pod_rules.port(f"spec.{way}[{i}].ports[{j}].port", number)
            for j, each in enumerate(rule.get(peers) or ()):
                cidr = (each.get("ipBlock") or {}).get("cidr")
                if cidr is not None and not _is_network(cidr):
                    why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
                    where = f"spec.{way}[{i}].{peers}[{j}].ipBlock.cidr"
                    yield where, f'Invalid value: "{names.shown(cidr)}": {why}'


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _budget(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield "spec", "Invalid value: minAvailable and maxUnavailable cannot be both set"
    for field in ("minAvailable", "maxUnavailable"):
        yield from _number_or_percent(f"spec.{field}", spec.get(field, 0))
    policy = spec.get("unhealthyPodEvictionPolicy")
    yield from pod_rules.choice("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))


def _number_or_percent(path: str, value: Any) -> Iterator[Cause]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield from pod_rules.at_least(path, value, 0, MOST_REPLICAS)
    elif not isinstance(value, str):
        yield path, f"Invalid value: {value}: must be an integer or percentage (e.g '5%')"
    elif not _PERCENT.fullmatch(value):
        example = "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
        why = f"a valid percent string must be a numeric string followed by an ending '%' {example}"
        yield path, f'Invalid value: "{names.shown(value)}": {why}'
    elif int(value[:-1]) > 100:
        yield path, f'Invalid value: "{value}": must not be greater than 100%'


def _namespace_status(obj: Object) -> Iterator[Cause]:
    phase, ending = obj["status"]["phase"], is_ending(obj)
    if phase != (only := "Terminating" if ending else "Active"):
        when = "is not empty" if ending else "is empty"
        why = f"may only be '{only}' if `deletionTimestamp` {when}"
        yield "status.Phase", f'Invalid value: "{names.shown(phase)}": {why}'


def _data_change(old: Object, new: Object) -> Iterator[Cause]:
    """Of a ConfigMap or Secret."""
    if not old.get("immutable"):
        return
    why = "Forbidden: field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield "immutable", why
    for field in ("data", "binaryData"):
        if (old.get(field) or {}) != (new.get(field) or {}):
            yield field, why


def _deployment_change(old: Object, new: Object) -> Iterator[Cause]:
    if old["spec"]["selector"] != new["spec"]["selector"]:
        yield "spec.selector", "Invalid value: field is immutable"


def _stateful_change(old: Object, new: Object) -> Iterator[Cause]:
    if _without(old["spec"], STATEFUL_MAY_CHANGE) != _without(new["spec"], STATEFUL_MAY_CHANGE):
        yield (
            "spec",
            f"Forbidden: updates to statefulset spec for fields other than {', '.join(STATEFUL_MAY_CHANGE)} are forbidden",
        )


def _pod_change(old: Object, new: Object) -> Iterator[Cause]:
    if _fixed_of_pod(old["spec"]) != _fixed_of_pod(new["spec"]):
        allowed = ", ".join(("spec.containers[*].image", *(f"spec.{field}" for field in POD_MAY_CHANGE)))
        yield "spec", f"Forbidden: pod updates may not change fields other than {allowed}"


def _fixed_of_pod(spec: Object) -> Object:
    containers = [_without(container, ("image", "imagePullPolicy")) for container in spec["containers"]]
    return {**_without(spec, POD_MAY_CHANGE), "containers": containers}


def _service_change(old: Object, new: Object) -> Iterator[Cause]:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and after != before and new["spec"]["type"] != "ExternalName" != old["spec"]["type"]:
        yield "spec.clusterIP", f'Invalid value: "{after}": field is immutable'


def _without(spec: Object, fields: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in fields}


RULES: dict[str, Callable[[Object], Iterator[Cause]]] = {
    "Pod": _pod,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Deployment": _deployment,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "Service": _service,
    "PodDisruptionBudget": _budget,
    "Role": role_rules.role,
    "ClusterRole": role_rules.role,
    "RoleBinding": role_rules.binding,
    "ClusterRoleBinding": role_rules.binding,
    "Job": batch_rules.job,
    "CronJob": batch_rules.cron_job,
    "CustomResourceDefinition": definition_rules.definition,
    "HorizontalPodAutoscaler": autoscaler,
    "NetworkPolicy": _policy,
    "Ingress": ingress,
}
STATUSES: dict[str, Callable[[Object], Iterator[Cause]]] = {"Namespace": _namespace_status}
CHANGES: dict[str, Callable[[Object, Object], Iterator[Cause]]] = {
    "ConfigMap": _data_change,
    "Secret": _data_change,
    "Pod": _pod_change,
    "Deployment": _deployment_change,
    "ReplicaSet": _deployment_change,
    "StatefulSet": _stateful_change,
    "Service": _service_change,
    "Job": batch_rules.job_change,
    "RoleBinding": role_rules.binding_change,
    "ClusterRoleBinding": role_rules.binding_change,
    "CustomResourceDefinition": definition_rules.change,
}
