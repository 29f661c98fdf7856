"""Drills by the resources of products on a genuine API server: the products' definitions, exactly the rights, and nothing left.

Nothing is restored here: the test writes the states that the products would write. Namespaces and claims are those of genuine controllers.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from harness import clock
from harness.drivers.check.drills.restored import product_of, steps_of
from harness.drivers.check.drills.steps import DrillSteps
from harness.errors import AccessDenied, HarnessError
from harness.run.plan.access import roles
from harness.targets import Target, load_target
from harness.targets.access import placed
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from tests.builders.cnpg_operator import GROUP, HEALTHY, define, serving
from tests.builders.snapshot_driver import GROUP as SNAPSHOT
from tests.builders.snapshot_driver import READY
from tests.builders.velero_server import GROUP as VELERO
from tests.builders.velero_server import SCHEDULE
from tests.sandbox.pocket import GENUINE

NAMESPACE: Final = "default"
MERGE: Final = "application/merge-patch+json"
AT: Final = "2026-01-31T12:00:00Z"


@dataclass(frozen=True)
class GenuineDrill:
    """A drill by one product.

    Attributes:
        definitions: name of the file with the product's definitions.
        group: its API group and version.
        section: its part of the drill.
        serve: creates what serves.
        report: writes the states of what has none.
        made: what the drill made and did not remove.
    """

    definitions: str
    group: tuple[str, str]
    section: Mapping[str, Any]
    serve: Callable[[Any, Any], None]
    report: Callable[[Any, Any], None]
    made: Callable[[Any, Any], list[str]]


def listed(custom: Any, group: tuple[str, str], plural: str, namespace: str = NAMESPACE) -> list[Any]:
    """The objects of a collection."""
    return list(custom.list_namespaced_custom_object(*group, namespace, plural)["items"])


def drilled_in(found: list[Any]) -> list[str]:
    """The names of what a drill made."""
    return [one["metadata"]["name"] for one in found if "drill" in one["metadata"]["name"]]


def reported(custom: Any, group: tuple[str, str], plural: str, status: Any) -> None:
    """Write a status to each object that has none."""
    for one in listed(custom, group, plural):
        if not one.get("status"):
            custom.patch_namespaced_custom_object_status(
                *group, NAMESPACE, plural, one["metadata"]["name"], {"status": status}, _content_type=MERGE
            )


def cnpg_serves(custom: Any, _core: Any) -> None:
    """The Cluster `main`."""
    custom.create_namespaced_custom_object(*GROUP, NAMESPACE, "clusters", serving("main"))


def cnpg_reports(custom: Any, _core: Any) -> None:
    """Every Backup is completed, and every Cluster ready."""
    reported(custom, GROUP, "backups", {"phase": "completed", "stoppedAt": AT})
    reported(custom, GROUP, "clusters", HEALTHY)


def cnpg_made(custom: Any, _core: Any) -> list[str]:
    """Clusters and Backups."""
    return drilled_in([one for plural in ("clusters", "backups") for one in listed(custom, GROUP, plural)])


def velero_serves(custom: Any, core: Any) -> None:
    """Velero's namespace with a Schedule of the default one; what is restored writes to no archive."""
    core.create_namespace({"metadata": {"name": "velero"}})
    modifiers = {"metadata": {"name": "not-archived"}, "data": {"rules.yaml": "args: [-carchive_mode=off]"}}
    core.create_namespaced_config_map("velero", modifiers)
    template = {"includedNamespaces": [NAMESPACE]}
    body = {**SCHEDULE, "spec": {"schedule": "0 1 * * *", "template": template}}
    custom.create_namespaced_custom_object(*VELERO, "velero", "schedules", body)


def velero_reports(custom: Any, _core: Any) -> None:
    """Every Backup and Restore is completed; a Backup whose deletion is asked for goes, with what asks."""
    for plural in ("backups", "restores"):
        for one in listed(custom, VELERO, plural, "velero"):
            if not one.get("status"):
                status = {"status": {"phase": "Completed", "startTimestamp": AT, "completionTimestamp": AT}}
                name = one["metadata"]["name"]
                custom.patch_namespaced_custom_object(*VELERO, "velero", plural, name, status, _content_type=MERGE)
    for one in listed(custom, VELERO, "deletebackuprequests", "velero"):
        custom.delete_namespaced_custom_object(*VELERO, "velero", "backups", one["spec"]["backupName"])
        custom.delete_namespaced_custom_object(*VELERO, "velero", "deletebackuprequests", one["metadata"]["name"])


def velero_made(custom: Any, core: Any) -> list[str]:
    """Namespaces, and all that Velero has."""
    plurals = ("backups", "restores", "deletebackuprequests")
    found = drilled_in([one for plural in plurals for one in listed(custom, VELERO, plural, "velero")])
    return found + [one.metadata.name for one in core.list_namespace().items if "drill" in one.metadata.name]


def snapshots_serve(_custom: Any, core: Any) -> None:
    """The claim `data-0`, which the genuine controller binds to a volume."""
    size, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
    volume = {
        "capacity": size,
        "accessModes": modes,
        "hostPath": {"path": "/data-0"},
        "storageClassName": "drills",
        "claimRef": {"namespace": NAMESPACE, "name": "data-0"},
    }
    core.create_persistent_volume({"metadata": {"name": "data-0"}, "spec": volume})
    claim = {
        "accessModes": modes,
        "storageClassName": "drills",
        "volumeName": "data-0",
        "resources": {"requests": size},
    }
    core.create_namespaced_persistent_volume_claim(NAMESPACE, {"metadata": {"name": "data-0"}, "spec": claim})
    bound = (
        core.read_namespaced_persistent_volume_claim("data-0", NAMESPACE).status.phase == "Bound"
        for _ in clock.Deadline.after(30).ticks(0.2)
    )
    assert any(bound)


def snapshots_report(custom: Any, core: Any) -> None:
    """Every VolumeSnapshot is ready, and the Pod of the drill."""
    reported(custom, SNAPSHOT, "volumesnapshots", {"readyToUse": True, "creationTime": AT})
    core.patch_namespaced_pod_status("data-drill", NAMESPACE, {"status": READY})


def snapshots_made(custom: Any, core: Any) -> list[str]:
    """VolumeSnapshots, claims and Pods."""
    kept = [
        *core.list_namespaced_persistent_volume_claim(NAMESPACE).items,
        *core.list_namespaced_pod(NAMESPACE).items,
    ]
    names = [one.metadata.name for one in kept if "drill" in one.metadata.name]
    return names + drilled_in(listed(custom, SNAPSHOT, "volumesnapshots"))


CNPG_DRILL: Final = GenuineDrill(
    "cloudnative_pg",
    GROUP,
    {"cloudnative-pg": {"namespace": NAMESPACE, "cluster": "main", "scratch_cluster": "main-drill"}},
    cnpg_serves,
    cnpg_reports,
    cnpg_made,
)
VELERO_DRILL: Final = GenuineDrill(
    "velero",
    VELERO,
    {
        "velero": {
            "namespace": "velero",
            "schedule": "nightly",
            "source_namespace": NAMESPACE,
            "labels": {"app": "database"},
            "resource_modifier": "not-archived",
            "scratch_namespace": "default-drill",
        }
    },
    velero_serves,
    velero_reports,
    velero_made,
)
SNAPSHOT_DRILL: Final = GenuineDrill(
    "volume_snapshot",
    SNAPSHOT,
    {
        "volume-snapshot": {
            "namespace": NAMESPACE,
            "claim": "data-0",
            "scratch_claim": "data-drill",
            "pod": {
                "containers": [{"name": "postgres", "image": "postgres:17", "args": ["-c", "archive_mode=off"]}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-drill"}}],
            },
        }
    },
    snapshots_serve,
    snapshots_report,
    snapshots_made,
)


def may_begin(steps: DrillSteps) -> bool:
    """Whether the drill is not refused."""
    with suppress(HarnessError):
        steps.refuse()
        return True
    return False


@contextmanager
def reporting(case: GenuineDrill, custom: Any, core: Any) -> Iterator[None]:
    """The states are written soon after an object is created."""
    ending = threading.Event()

    def work() -> None:
        for _ in clock.Deadline.after(300).ticks(0.2):
            if ending.is_set():
                return
            with suppress(ApiException):  # an object that was deleted meanwhile, or is not there yet
                case.report(custom, core)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(60)


def drilling(directory: Path, kubeconfig: str, context: str, case: GenuineDrill) -> Target:
    """A target file of a user, with a drill; no server is at the address of its copy."""
    (directory / "dsn").write_text("host=127.0.0.1 port=9 user=tester dbname=shop connect_timeout=1")
    dsn = {"file": str(directory / "dsn")}
    content = {
        "name": "genuine",
        "environment": "staging",
        "entry": "http://127.0.0.1:1",
        "kubernetes": {"kubeconfig": kubeconfig, "context": context, "namespace": NAMESPACE},
        "database": {"dsn": dsn},
        "drills": {"shop": {**case.section, "scratch": dsn, "within": "1 min"}},
    }
    file = directory / "target.yaml"
    file.write_text(json.dumps(content))
    return load_target(file)


def granted(administrator: Any, asked: list[Mapping[str, Any]], user: str) -> None:
    """Create Roles and ClusterRoles, and bind the user to them."""
    rbac: Any = client.RbacAuthorizationV1Api(administrator)
    for one in asked:
        metadata, namespace = one["metadata"], one["metadata"].get("namespace", "")
        bound = {
            "metadata": metadata,
            "subjects": [yaml.safe_load(user)],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": one["kind"], "name": metadata["name"]},
        }
        if namespace:
            rbac.create_namespaced_role(namespace, one)
            rbac.create_namespaced_role_binding(namespace, bound)
        else:
            rbac.create_cluster_role(one)
            rbac.create_cluster_role_binding(bound)


def drilled(target: Target, case: GenuineDrill, administrator: Any, user: str) -> None:
    """Without rights each one is named; with exactly those that are declared everything is made, seen and removed."""
    product = product_of(target.drills["shop"])
    assert product is not None
    custom: Any = client.CustomObjectsApi(administrator)
    core: Any = client.CoreV1Api(administrator)
    case.serve(custom, core)
    with pytest.raises(AccessDenied) as refused:
        steps_of(target, {"drill": "shop"}).refuse()
    assert all(str(one) in refused.value.what for one in product.access)
    asked = roles(placed(product.access, target), case.definitions, (NAMESPACE, "shop"))["items"]
    granted(administrator, [one for one in asked if "rules" in one], user)
    with reporting(case, custom, core):
        steps = steps_of(target, {"drill": "shop"})
        assert any(may_begin(steps) for _ in clock.Deadline.after(30).ticks(0.5))
        try:
            steps.make()
            steps.intend()
            steps.restore()
            assert len(case.made(custom, core)) == 1 + len(product.scratch)
        finally:
            steps.undo()
    assert case.made(custom, core) == []
    assert not [*pending_intents(platform_of(target))]


@pytest.mark.parametrize("case", [CNPG_DRILL, VELERO_DRILL, SNAPSHOT_DRILL], ids=lambda case: case.definitions)
def test_a_drill_needs_exactly_its_rights(
    genuine: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: GenuineDrill
) -> None:
    """Of a user who has none before."""
    assert genuine
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    with config.new_client_from_config(os.environ[GENUINE], persist_config=False) as administrator:  # type: ignore[no-untyped-call]
        define(administrator, case.definitions)
        target = drilling(tmp_path, os.environ["GENUINE_READER"], "genuine", case)
        version = "/".join(case.group)
        served = (Cluster.of(target).kinds(version) for _ in clock.Deadline.after(30).ticks(0.2))
        assert any(served)
        drilled(target, case, administrator, "{apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}")
