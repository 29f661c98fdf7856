"""Does what the snapshot controller, a driver of CSI and a kubelet do, with a real PostgreSQL: a snapshot, a volume from it, a server on it.

The API server and the definition are real; states are written to `status` as they write them. Claims are bound by the sandbox's controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kubernetes import client

from readiness_sandbox.cluster.controllers.claims import PROTECTION
from tests.builders.base_backups import BaseBackups, now_text

GROUP: Final = ("snapshot.storage.k8s.io", "v1")
READY: Final = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@dataclass
class SnapshotDriver:
    """The driver of one namespace.

    Attributes:
        api: client of the API server.
        namespace: the namespace.
        backups: those of the database that serves.
        error: the last error of every VolumeSnapshot, which is never ready then; empty: they are made.
        ends: status of the Pod in place of that of one which is ready.
        hangs: name of the resource that is never worked on.
        seen: specs of the claim and of the Pod.
    """

    api: Any
    namespace: str
    backups: BaseBackups
    error: str = ""
    ends: Mapping[str, Any] = field(default_factory=dict)
    hangs: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.custom: Any = client.CustomObjectsApi(self.api)
        self.core: Any = client.CoreV1Api(self.api)

    def create(self, name: str, claim: str) -> None:
        """Create a VolumeSnapshot."""
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": "VolumeSnapshot",
            "metadata": {"name": name},
            "spec": {"source": {"persistentVolumeClaimName": claim}},
        }
        self.custom.create_namespaced_custom_object(*GROUP, self.namespace, "volumesnapshots", body)

    def report(self, name: str, status: Mapping[str, Any]) -> None:
        """Write the status of a VolumeSnapshot."""
        self.custom.patch_namespaced_custom_object_status(
            *GROUP,
            self.namespace,
            "volumesnapshots",
            name,
            {"status": status},
            _content_type="application/merge-patch+json",
        )

    def snapshots(self) -> list[Any]:
        """The VolumeSnapshots that are there."""
        return list(self.custom.list_namespaced_custom_object(*GROUP, self.namespace, "volumesnapshots")["items"])

    def pods(self) -> list[Any]:
        """The Pods that are there, as JSON."""
        return list(self.api.sanitize_for_serialization(self.core.list_namespaced_pod(self.namespace))["items"])

    def claim(self, name: str) -> dict[str, Any]:
        """The spec of a claim."""
        found = self.core.read_namespaced_persistent_volume_claim(name, self.namespace)
        return dict(self.api.sanitize_for_serialization(found)["spec"])

    def reconcile(self) -> None:
        """Work on each object that waits for it, and end the database of a Pod that is gone."""
        for one in self.core.list_namespaced_persistent_volume_claim(self.namespace).items:
            if not one.metadata.finalizers:  # as the admission plugin of the API server has it
                self._protect(one.metadata.name)
        for one in self.snapshots():
            if not one.get("status") and self.hangs != "backup":
                self._snapshot(one["metadata"]["name"])
        pods = self.pods()
        for one in pods:
            if self.hangs != "pod" and one["metadata"]["name"] != self.backups.serving and not _ended(one):
                self._run(one)
        if self.backups.serving not in {"", *(one["metadata"]["name"] for one in pods)}:
            self.backups.end()

    def _protect(self, claim: str) -> None:
        body = {"metadata": {"finalizers": [PROTECTION]}}
        self.core.patch_namespaced_persistent_volume_claim(claim, self.namespace, body)

    def _snapshot(self, name: str) -> None:
        self.report(name, {"readyToUse": False})
        if self.error:
            self.report(name, {"error": {"message": self.error, "time": now_text()}})
        elif self.backups.take(name):
            self.report(name, {"readyToUse": True, "creationTime": now_text(), "restoreSize": "10Gi"})

    def _run(self, pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        (volume,) = (one for one in pod["spec"]["volumes"] if "persistentVolumeClaim" in one)
        claim = self.claim(volume["persistentVolumeClaim"]["claimName"])
        self.seen += [claim, pod]
        if not self.ends:
            self.backups.start(claim["dataSource"]["name"], name)
        self.core.patch_namespaced_pod_status(name, self.namespace, {"status": dict(self.ends or READY)})


def _ended(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}
