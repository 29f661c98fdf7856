"""A drill by the resources of CloudNativePG on a genuine API server: the product's definitions, exactly its rights, and nothing left.

Nothing is restored here: the test writes the states that the operator would write.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from harness import clock
from harness.drivers.check.drills.restored import product_of, steps_of
from harness.errors import AccessDenied
from harness.run.plan.access import roles
from harness.targets import Target, load_target
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from tests.builders.cnpg_operator import GROUP, HEALTHY, define, serving
from tests.sandbox.pocket import GENUINE

NAMESPACE: Final = "default"
MERGE: Final = "application/merge-patch+json"


@contextmanager
def reporting(custom: Any) -> Iterator[None]:
    """Every Backup is completed, and every Cluster of a drill ready, soon after it is created."""
    ending = threading.Event()

    def report(plural: str, status: Any) -> None:
        for one in custom.list_namespaced_custom_object(*GROUP, NAMESPACE, plural)["items"]:
            if not one.get("status"):
                name = one["metadata"]["name"]
                custom.patch_namespaced_custom_object_status(
                    *GROUP, NAMESPACE, plural, name, {"status": status}, _content_type=MERGE
                )

    def work() -> None:
        for _ in clock.Deadline.after(300).ticks(0.2):
            if ending.is_set():
                return
            with suppress(ApiException):  # an object that was deleted meanwhile
                report("backups", {"phase": "completed", "stoppedAt": "2026-01-31T12:00:00Z"})
                report("clusters", HEALTHY)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(60)


def drilling(directory: Path, kubeconfig: str, context: str) -> Target:
    """A target file of a user, with a drill of the Cluster `main`; no server is at the address of its copy."""
    (directory / "dsn").write_text("host=127.0.0.1 port=9 user=tester dbname=shop connect_timeout=1")
    dsn = {"file": str(directory / "dsn")}
    content = {
        "name": "genuine",
        "environment": "staging",
        "entry": "http://127.0.0.1:1",
        "kubernetes": {"kubeconfig": kubeconfig, "context": context, "namespace": NAMESPACE},
        "database": {"dsn": dsn},
        "drills": {
            "shop": {
                "cloudnative-pg": {"namespace": NAMESPACE, "cluster": "main", "scratch_cluster": "main-drill"},
                "scratch": dsn,
                "within": "1 min",
            }
        },
    }
    file = directory / "target.yaml"
    file.write_text(json.dumps(content))
    return load_target(file)


def drilled(target: Target, administrator: Any, user: str) -> None:
    """Without rights each one is named; with exactly those that are declared everything is made, seen and removed."""
    product = product_of(target.drills["shop"])
    assert product is not None
    with pytest.raises(AccessDenied) as refused:
        steps_of(target, {"drill": "shop"}).refuse()
    asked = product.access
    assert all(str(one) in refused.value.what for one in asked)
    (role,) = (one for one in roles(asked, "shop", (NAMESPACE, "shop"))["items"] if one["kind"] == "Role")
    rbac: Any = client.RbacAuthorizationV1Api(administrator)
    rbac.create_namespaced_role(NAMESPACE, role)
    rbac.create_namespaced_role_binding(
        NAMESPACE,
        {
            "metadata": {"name": "readiness-shop"},
            "subjects": [yaml.safe_load(user)],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]},
        },
    )
    custom: Any = client.CustomObjectsApi(administrator)
    custom.create_namespaced_custom_object(*GROUP, NAMESPACE, "clusters", serving("main"))
    with reporting(custom):
        cluster = Cluster.of(target)
        healthy = (
            (cluster.custom("/".join(GROUP), "clusters", NAMESPACE, "main") or {}).get("status") == HEALTHY
            for _ in clock.Deadline.after(30).ticks(0.2)
        )
        assert any(healthy)
        steps = steps_of(target, {"drill": "shop"})
        steps.refuse()
        try:
            steps.make()
            steps.intend()
            steps.restore()
            made = cluster.custom("/".join(GROUP), "clusters", NAMESPACE, "main-drill")
            assert made is not None
            assert made["spec"]["bootstrap"]["recovery"]["backup"]["name"].startswith("main-drill-")
        finally:
            steps.undo()
    left = [custom.list_namespaced_custom_object(*GROUP, NAMESPACE, one)["items"] for one in ("clusters", "backups")]
    assert [[one["metadata"]["name"] for one in each] for each in left] == [["main"], []]
    assert not [*pending_intents(platform_of(target))]


def test_a_drill_needs_exactly_its_rights(
    genuine: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a user who has none before."""
    assert genuine
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    with config.new_client_from_config(os.environ[GENUINE], persist_config=False) as administrator:  # type: ignore[no-untyped-call]
        define(administrator, "cloudnative_pg")
        target = drilling(tmp_path, os.environ["GENUINE_READER"], "genuine")
        served = (
            {*Cluster.of(target).kinds("/".join(GROUP))} >= {"Backup", "Cluster"}
            for _ in clock.Deadline.after(30).ticks(0.2)
        )
        assert any(served)
        drilled(target, administrator, "{apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}")
