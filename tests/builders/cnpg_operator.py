"""Does what the operator of CloudNativePG does to its resources, with a real PostgreSQL: a base backup, a recovery, a removal.

The API server and the definitions are real; states are written to `status` as the operator writes them.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from harness import clock
from tests.builders.database_servers import Member, postgres

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
        primary: the server whose Cluster serves.
        here: directory of base backups and of the scratch server.
        scratch: address of the scratch server.
        fails: name of the resource whose work fails.
        hangs: name of the resource that is never worked on.
        spoil: statement that is run in a restored database.
        on_backup: what happens while a Backup is made.
        seen: specs of the scratch Clusters that were created.
    """

    api: Any
    namespace: str
    primary: Member
    here: Path
    scratch: str
    fails: str = ""
    hangs: str = ""
    spoil: str = ""
    on_backup: Callable[[], object] = field(default=lambda: None)
    seen: list[Mapping[str, Any]] = field(default_factory=list)
    _running: str = ""

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
                self.report("backups", name, {"phase": "running", "startedAt": _now()})
                self.on_backup()
                self._back_up(name)
        clusters = self._listed("clusters")
        for one in clusters:
            if not one.get("status") and self.hangs != "cluster":
                self.seen.append(one["spec"])
                self._running = one["metadata"]["name"]
                self.report("clusters", self._running, {"phase": "Setting up primary"})
                self._recover(one)
        if self._running and self._running not in {one["metadata"]["name"] for one in clusters}:
            self.end()

    def _listed(self, plural: str) -> list[Any]:
        return list(self.custom.list_namespaced_custom_object(*GROUP, self.namespace, plural)["items"])

    def _back_up(self, name: str) -> None:
        words = ["-h", self.primary.address, "-U", "tester", "-N", "-c", "fast", "-D", str(self.here / name)]
        failed = self.fails == "backup" or subprocess.run(postgres("pg_basebackup", *words), check=False).returncode
        if failed:
            self.report("backups", name, {"phase": "failed", "error": "can't execute backup", "stoppedAt": _now()})
            return
        self.report("backups", name, {"phase": "completed", "stoppedAt": _now(), "backupId": "20260131T120000"})

    def _recover(self, cluster: Mapping[str, Any]) -> None:
        name, recovery = cluster["metadata"]["name"], cluster["spec"]["bootstrap"]["recovery"]
        if self.fails == "cluster":
            self.report("clusters", name, UNRECOVERABLE)
            return
        shutil.copytree(self.here / recovery["backup"]["name"], self.here / "scratch")
        self._pg_ctl("-o", f"-c listen_addresses={self.scratch}", "-l", str(self.here / "log"), "-w", "start")
        if self.spoil:
            Member(self.here / "scratch", self.scratch).ask(self.spoil)
        self.report("clusters", name, HEALTHY)

    def end(self) -> None:
        """End the scratch server, and remove its volume, as the owner references have it."""
        if (self.here / "scratch").exists():
            self._pg_ctl("-m", "immediate", "stop")
            shutil.rmtree(self.here / "scratch", ignore_errors=True)
        self._running = ""

    def _pg_ctl(self, *words: str) -> None:
        command = postgres("pg_ctl", "-D", self.here / "scratch", *words)
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def operating(operator: CnpgOperator) -> Iterator[CnpgOperator]:
    """The operator at work; at the end nothing of it is left."""
    ending = threading.Event()

    def work() -> None:
        for _ in clock.Deadline.after(600).ticks(0.1):
            if ending.is_set():
                return
            with suppress(ApiException):  # an object that was deleted meanwhile
                operator.reconcile()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield operator
    finally:
        ending.set()
        thread.join(60)
        operator.end()


def _now() -> str:
    return clock.wall().strftime("%Y-%m-%dT%H:%M:%SZ")
