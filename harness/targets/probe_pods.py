"""Pods that the harness puts in place for a while, and pods that run a Python program: one container, which lives for a minute or as long as it is given.

The latter satisfy Pod Security `restricted`, and a ResourceQuota that asks for requests and limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.targets import Target
from harness.targets.access import access
from harness.targets.kubernetes import Cluster, Object
from harness.targets.own import OWN
from harness.targets.undo import PendingUndos, undoable

CALLERS: Final = access("list services", "create,delete pods", "get pods/log")
"""What calling services from pods of one's own asks."""
LIFE_S: Final = 60
"""Seconds after which a pod ends by itself, unless it is given another time."""
_UNPRIVILEGED: Final = 65534
"""A user id that is not root's."""


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
    """The object of a pod.

    Args:
        name: of the pod.
        namespace: of the pod.
        labels: beside the one that names the harness as its maker.
        image: of its container; has `python` on its path.
        command: of its container.
        life_s: seconds after which it ends by itself.
        more: fields of its container.
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
    """Delete a pod; nothing when it is gone."""
    cluster.delete_pod(namespace, pod, grace_s=0)


@undoable("delete", undo=_delete_pod, of_a_cluster=True)
def make_pod(cluster: Cluster, body: Object) -> None:
    """Make a pod; the undo deletes it."""
    cluster.create_pod(body["metadata"]["namespace"], body)


def place_pod(undos: PendingUndos, cluster: Cluster, body: Object) -> None:
    """Make a pod, which is deleted when these undos are done."""
    undo = {"namespace": body["metadata"]["namespace"], "pod": body["metadata"]["name"]}
    undos.intend(make_pod, cluster, f"make pod {undo['pod']}", **undo)
    make_pod(cluster, body)
