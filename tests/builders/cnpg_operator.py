"""Does what the operator of CloudNativePG does to its resources, with a real PostgreSQL: a base backup, a recovery, a removal.

The API server and the definitions are real; states are written to `status` as the operator writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes import client

from tests.builders.base_backups import BaseBackups, now_text

GROUP: Final = ("postgresql.cnpg.io", "v1")
DEFINITIONS: Final = Path(__file__).parent / "definitions"
HEALTHY: Final = {
    "phase": "Cluster in healthy state",
    "readyInstances": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "ClusterIsReady",
            "message": "Cluster is Ready",
            "lastTransitionTime": "2026-01-31T12:00:00Z",
        }
    ],
}
UNRECOVERABLE: Final = {
    "phase": "Cluster is unrecoverable and needs manual intervention",
    "phaseReason": "Instance creation failed for the following jobs: main-drill-1-full-recovery.",
}


def define(api: Any, name: str) -> None:
    """Create the definitions of a product."""
    extensions: Any = client.ApiextensionsV1Api(api)
    for one in yaml.safe_load_all((DEFINITIONS / f"{name}.yaml").read_text("utf-8")):
        extensions.create_custom_resource_definition(one)


def serving(name: str, **spec: Any) -> dict[str, Any]:
    """A Cluster that serves."""
    return {
        "apiVersion": "/".join(GROUP),
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {
            "instances": 3,
            "imageName": "ghcr.io/cloudnative-pg/postgresql:17",
            "storage": {"size": "10Gi", "storageClass": "fast"},
            "inheritedMetadata": {"labels": {"app": "shop-database"}},
            "postgresql": {
                "parameters": {"max_connections": "200"},
                "synchronous": {"method": "any", "number": 1},
            },
            "bootstrap": {"initdb": {"database": "shop", "owner": "shop"}},
            "backup": {"barmanObjectStore": {"destinationPath": "s3://shop-backups/"}, "retentionPolicy": "30d"},
            "monitoring": {"enablePodMonitor": True},
            **spec,
        },
    }


@dataclass
class CnpgOperator:
    """The operator of one namespace.

    Attributes:
        api: client of the API server.
        namespace: the namespace.
        backups: those of the server whose Cluster serves.
        fails: name of the resource whose work fails.
        hangs: name of the resource that is never worked on.
        on_backup: what happens while a Backup is made.
        seen: specs of the scratch Clusters that were created.
    """

    api: Any
    namespace: str
    backups: BaseBackups
    fails: str = ""
    hangs: str = ""
    on_backup: Callable[[], object] = field(default=lambda: None)
    seen: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.custom: Any = client.CustomObjectsApi(self.api)

    def create(self, plural: str, body: Mapping[str, Any], status: Mapping[str, Any] | None = None) -> None:
        """Create an object of CloudNativePG with its status."""
        self.custom.create_namespaced_custom_object(*GROUP, self.namespace, plural, body)
        if status is not None:
            self.report(plural, body["metadata"]["name"], status)

    def report(self, plural: str, name: str, status: Mapping[str, Any]) -> None:
        """Write a status."""
        self.custom.patch_namespaced_custom_object_status(
            *GROUP, self.namespace, plural, name, {"status": status}, _content_type="application/merge-patch+json"
        )

    def names(self, plural: str) -> list[str]:
        """The objects that are there."""
        found = self.custom.list_namespaced_custom_object(*GROUP, self.namespace, plural)["items"]
        return [str(one["metadata"]["name"]) for one in found]

    def phase(self, plural: str, name: str) -> str:
        """The phase of an object; empty: it has none."""
        found = self.custom.get_namespaced_custom_object(*GROUP, self.namespace, plural, name)
        return str((found.get("status") or {}).get("phase", ""))

    def reconcile(self) -> None:
        """Work on each object that has no status, and remove the server of a Cluster that is gone."""
        for one in self._listed("backups"):
            name = one["metadata"]["name"]
            if not one.get("status") and self.hangs != "backup":
                self.report("backups", name, {"phase": "running", "startedAt": now_text()})
                self.on_backup()
                self._back_up(name)
        clusters = self._listed("clusters")
        for one in clusters:
            if not one.get("status") and self.hangs != "cluster":
                self.seen.append(one["spec"])
                self.report("clusters", one["metadata"]["name"], {"phase": "Setting up primary"})
                self._recover(one)
        if self.backups.serving and self.backups.serving not in {one["metadata"]["name"] for one in clusters}:
            self.backups.end()

    def _listed(self, plural: str) -> list[Any]:
        return list(self.custom.list_namespaced_custom_object(*GROUP, self.namespace, plural)["items"])

    def _back_up(self, name: str) -> None:
        if self.fails == "backup" or not self.backups.take(name):
            self.report("backups", name, {"phase": "failed", "error": "can't execute backup", "stoppedAt": now_text()})
            return
        self.report("backups", name, {"phase": "completed", "stoppedAt": now_text(), "backupId": "20260131T120000"})

    def _recover(self, cluster: Mapping[str, Any]) -> None:
        name, recovery = cluster["metadata"]["name"], cluster["spec"]["bootstrap"]["recovery"]
        if self.fails == "cluster":
            self.report("clusters", name, UNRECOVERABLE)
            return
        self.backups.start(recovery["backup"]["name"], name)
        self.report("clusters", name, HEALTHY)
