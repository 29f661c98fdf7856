"""Does what Velero's server does to its resources, with a real PostgreSQL: backups, restores into a mapped namespace, deletions on request.

The API server and the definitions are real; states are written as Velero writes them. A Backup that is only deleted comes back, since Velero
finds it in its storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kubernetes import client

from tests.builders.base_backups import BaseBackups, now_text

GROUP: Final = ("velero.io", "v1")
FINALIZER: Final = "restores.velero.io/external-resources-finalizer"
SCHEDULE: Final = {
    "apiVersion": "velero.io/v1",
    "kind": "Schedule",
    "metadata": {"name": "nightly"},
    "spec": {"schedule": "0 1 * * *", "template": {"includedNamespaces": ["north", "south"], "ttl": "720h0m0s"}},
}


@dataclass
class VeleroServer:
    """The server of one namespace.

    Attributes:
        api: client of the API server.
        namespace: its namespace.
        backups: those of the database that serves.
        fails: name of the resource whose work fails, with its last phase.
        hangs: name of the resource that is never worked on.
        refuses: why no Backup is deleted; empty: they are deleted.
        stored: the Backups that are in the storage.
        seen: specs of the Backups and Restores that were worked on.
    """

    api: Any
    namespace: str
    backups: BaseBackups
    fails: tuple[str, str] = ("", "")
    hangs: str = ""
    refuses: str = ""
    stored: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.custom: Any = client.CustomObjectsApi(self.api)
        self.core: Any = client.CoreV1Api(self.api)

    def create(self, plural: str, body: Mapping[str, Any]) -> None:
        """Create an object of Velero."""
        self.custom.create_namespaced_custom_object(*GROUP, self.namespace, plural, body)

    def patch(self, plural: str, name: str, patch: Mapping[str, Any]) -> None:
        """Change an object of Velero, whose definitions have no subresource `status`."""
        kind = "application/merge-patch+json"
        self.custom.patch_namespaced_custom_object(*GROUP, self.namespace, plural, name, patch, _content_type=kind)

    def delete(self, plural: str, name: str) -> None:
        """Delete an object of Velero."""
        self.custom.delete_namespaced_custom_object(*GROUP, self.namespace, plural, name)

    def listed(self, plural: str) -> list[Any]:
        """The objects that are there."""
        return list(self.custom.list_namespaced_custom_object(*GROUP, self.namespace, plural)["items"])

    def reconcile(self) -> None:
        """Work on each object that waits for it, and end the database of a namespace that is gone."""
        for one in self.listed("restores"):
            self._restore(one)
        for one in self.listed("deletebackuprequests"):
            self._remove(one)
        for one in self.listed("backups"):
            if not one.get("status"):
                self._back_up(one)
        for name in {*self.stored} - {one["metadata"]["name"] for one in self.listed("backups")}:
            self.create("backups", self.stored[name])
        namespaces = {one.metadata.name for one in self.core.list_namespace().items}
        if self.backups.serving and self.backups.serving not in namespaces:
            self.backups.end()

    def _back_up(self, backup: Mapping[str, Any]) -> None:
        name, (failing, phase) = backup["metadata"]["name"], self.fails
        if self.hangs == "backup":
            return
        self.seen.append(backup["spec"])
        started = {"startTimestamp": now_text()}
        self.patch("backups", name, {"status": {"phase": "InProgress", **started}})
        done: dict[str, Any] = {"phase": "Completed"} if self.backups.take(name) else {"phase": "Failed"}
        if failing == "backup":
            done = {"phase": phase, "errors": 2}
        status = {**done, **started, "completionTimestamp": now_text()}
        self.patch("backups", name, {"status": status})
        kept = {"name": name, "namespace": self.namespace, "labels": backup["metadata"].get("labels") or {}}
        self.stored[name] = {**backup, "metadata": kept, "status": status}

    def _restore(self, restore: Mapping[str, Any]) -> None:
        name, spec, (failing, phase) = restore["metadata"]["name"], restore["spec"], self.fails
        if "deletionTimestamp" in restore["metadata"]:
            self.patch("restores", name, {"metadata": {"finalizers": None}})
        elif not restore.get("status") and self.hangs != "restore":
            self.seen.append(spec)
            self.patch("restores", name, {"metadata": {"finalizers": [FINALIZER]}, "status": {"phase": "InProgress"}})
            if failing == "restore":
                self.patch("restores", name, {"status": {"phase": phase, "errors": 1}})
                return
            (mapped,) = spec["namespaceMapping"].values()
            restored = {"name": "settings", "labels": {"velero.io/restore-name": name}}
            self.core.create_namespaced_config_map(mapped, {"metadata": restored})
            self.backups.start(spec["backupName"], mapped)
            self.patch("restores", name, {"status": {"phase": "Completed", "completionTimestamp": now_text()}})

    def _remove(self, request: Mapping[str, Any]) -> None:
        asked, name = request["metadata"]["name"], request["spec"]["backupName"]
        if request.get("status"):
            return
        if self.refuses:
            self.patch("deletebackuprequests", asked, {"status": {"phase": "Processed", "errors": [self.refuses]}})
            return
        self.patch("deletebackuprequests", asked, {"status": {"phase": "InProgress"}})
        self.patch("backups", name, {"status": {"phase": "Deleting"}})
        self.stored.pop(name, None)
        self.delete("backups", name)
        self.delete("deletebackuprequests", asked)
