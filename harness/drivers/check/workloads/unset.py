"""Pods that start a workload without its settings: no variables, no ConfigMaps, no Secrets, no labels, no probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from harness.targets.cluster.own import OWN
from harness.targets.cluster.workloads import all_containers
from harness.targets.kubernetes import Object

_OF_PODS: Final = (
    *("affinity", "dnsPolicy", "enableServiceLinks", "imagePullSecrets", "nodeSelector", "os", "runtimeClassName"),
    *("schedulerName", "securityContext", "serviceAccountName", "tolerations"),
)
"""Fields of a pod that say where and as whom it runs, which are no settings of the workload."""
_OF_CONTAINERS: Final = (
    *("name", "image", "imagePullPolicy", "command", "args", "workingDir", "securityContext", "restartPolicy"),
)
_SETTINGS: Final = frozenset({"configMap", "secret", "projected", "csi"})
"""Volumes that have settings or credentials; every other volume is empty in the pod."""
_REQUESTS: Final = {"cpu": "10m", "memory": "16Mi"}
_KILLED: Final = frozenset({137, 143})
"""Exit codes of SIGKILL and SIGTERM, by which a container does not end by itself."""
_NOT_RUN: Final = frozenset({126, 127, 128})
"""Exit codes of a command that could not be started."""


def unset_pod(name: str, namespace: str, template: Object, *, life_s: int) -> Object:
    """The manifest of a pod from a pod template, without its settings.

    Variables stay where they are fields of the pod itself, such as its address. Volumes of data are empty, so that no data of the workload are
    touched, and the pod has no token of its service account.
    """
    spec = template["spec"]
    declared = spec.get("volumes") or []
    mounted = {mount["name"] for one in all_containers(spec) for mount in one.get("volumeMounts") or []}
    claimed = sorted(mounted - {one["name"] for one in declared})  # by `volumeClaimTemplates`
    volumes = [_empty(one) for one in (*declared, *({"name": name} for name in claimed)) if not _SETTINGS & one.keys()]
    kept = {one["name"] for one in volumes}
    each = {
        kind: [_container(one, kept) for one in spec.get(kind) or []]
        for kind in ("initContainers", "containers")
        if spec.get(kind)
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {**OWN}},
        "spec": {
            **{key: spec[key] for key in _OF_PODS if key in spec},
            **each,
            "volumes": volumes,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": life_s,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
        },
    }


def _empty(volume: Object) -> Object:
    return volume if "downwardAPI" in volume else {"name": volume["name"], "emptyDir": {}}


def _container(container: Object, volumes: set[str]) -> dict[str, Any]:
    made = {key: container[key] for key in _OF_CONTAINERS if key in container}
    made["env"] = [one for one in container.get("env") or [] if _of_the_pod(one)]
    made["ports"] = [
        {key: value for key, value in port.items() if key not in {"hostPort", "hostIP"}}
        for port in container.get("ports") or []
    ]
    made["volumeMounts"] = [one for one in container.get("volumeMounts") or [] if one["name"] in volumes]
    limits = (container.get("resources") or {}).get("limits")
    made["resources"] = {"requests": {**_REQUESTS}, **({"limits": limits} if limits else {})}
    return made


def _of_the_pod(variable: Object) -> bool:
    """Whether a variable is a field of the pod itself; annotations may be settings."""
    source = variable.get("valueFrom") or {}
    path = str((source.get("fieldRef") or {}).get("fieldPath", ""))
    return "resourceFieldRef" in source or (bool(path) and not path.startswith("metadata.annotations"))


def patience_s(template: Object, least_s: float) -> float:
    """How long a workload may take until it serves or ends, in s: the time that its startup and liveness probes give it, at least `least_s`."""
    given = [
        float(probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3))
        for container in template["spec"]["containers"]
        for kind in ("startupProbe", "livenessProbe")
        if (probe := container.get(kind))
    ]
    return max([least_s, *given])


class PodEnd(NamedTuple):
    """How a pod ended, in words, and whether by itself with an error."""

    words: str
    by_itself: bool


def end_of(pod: Object) -> PodEnd | None:
    """How a pod ended; None: it has not.

    A pod that was killed, evicted or whose command could not be started did not end by itself.
    """
    status: Mapping[str, Any] = pod.get("status") or {}
    if status.get("phase") not in {"Failed", "Succeeded"}:
        return None
    ends = [one["state"]["terminated"] for one in _statuses(pod) if "terminated" in (one.get("state") or {})]
    codes = {int(one["exitCode"]) for one in ends}
    killed = any(one.get("reason") == "OOMKilled" for one in ends) or codes & (_KILLED | _NOT_RUN)
    words = ", ".join(f"exit code {one['exitCode']} ({one.get('reason', 'no reason')})" for one in ends)
    by_itself = status["phase"] == "Failed" and not status.get("reason") and not killed and bool(codes - {0})
    return PodEnd(f"ended: {words or status.get('reason') or status['phase']}", by_itself)


def waits_for(pod: Object) -> str:
    """What keeps a pod from running, in words, such as `ImagePullBackOff`; empty: nothing that is known."""
    waiting = [one["state"]["waiting"] for one in _statuses(pod) if "waiting" in (one.get("state") or {})]
    conditions = [one for one in (pod.get("status") or {}).get("conditions") or [] if one["type"] == "PodScheduled"]
    unplaced = [one for one in conditions if one["status"] == "False"]
    return next((str(one["reason"]) for one in (*unplaced, *waiting) if one.get("reason")), "")


def paths_of(template: Object) -> tuple[str, ...]:
    """The paths that the probes of a workload request, and `/`."""
    found = [
        str(probe["httpGet"].get("path", "/"))
        for container in all_containers(template["spec"])
        for kind in ("readinessProbe", "livenessProbe", "startupProbe")
        if "httpGet" in (probe := container.get(kind) or {})
    ]
    return tuple(dict.fromkeys([*found, "/"]))


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
