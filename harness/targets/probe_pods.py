"""Creates temporary pods, in particular pods with one container that runs a Python program for a limited time.

Such a pod satisfies Pod Security `restricted`, and a ResourceQuota that needs requests and limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.targets import Target
from harness.targets.access import access
from harness.targets.cluster.own import OWN
from harness.targets.kubernetes import Cluster, Object
from harness.targets.undo import PendingUndos, undoable

CALLERS: Final = access("list services", "create,delete pods", "get pods/log")
"""API permissions needed to call services from temporary pods."""
LIFE_S: Final = 60
"""Default number of seconds after which a pod ends by itself."""
_UNPRIVILEGED: Final = 65534
"""A user id other than root's."""


def probe_pod(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    image: str,
    command: Sequence[str],
    *,
    life_s: int = LIFE_S,
    **more: Any,
) -> Object:
    """The manifest of a pod.

    Args:
        name: name of the pod.
        namespace: namespace of the pod.
        labels: labels in addition to the label of the harness.
        image: image of its container, with `python` on its path.
        command: command of its container.
        life_s: seconds after which the pod ends by itself.
        more: further fields of its container.
    """
    container = {
        "name": "probe",
        "image": image,
        "command": list(command),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "runAsUser": _UNPRIVILEGED,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **more,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels, **OWN}},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": life_s,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }


def _delete_pod(cluster: Cluster, _target: Target, *, namespace: str, pod: str) -> None:
    """Delete a pod; a missing pod is ignored."""
    cluster.delete_pod(namespace, pod, grace_s=0)


@undoable("delete", undo=_delete_pod, of_a_cluster=True)
def make_pod(cluster: Cluster, body: Object) -> None:
    """Create a pod; the undo deletes the pod."""
    cluster.create_pod(body["metadata"]["namespace"], body)


def place_pod(undos: PendingUndos, cluster: Cluster, body: Object) -> None:
    """Create a pod, and register its deletion with `undos`."""
    undo = {"namespace": body["metadata"]["namespace"], "pod": body["metadata"]["name"]}
    undos.intend(make_pod, cluster, f"make pod {undo['pod']}", **undo)
    make_pod(cluster, body)
