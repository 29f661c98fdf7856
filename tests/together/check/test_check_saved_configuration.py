"""ConfigMaps and Secrets of a cluster, held against a repository that has their manifests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from harness.drivers.check.backups.configuration import restored_configuration, saved_configuration
from harness.targets import Target, load_target
from harness.targets.access import accesses_of
from tests.together.conftest import PocketCluster

NAMES = ("settings", "routes")
GIT, STORE = "copy in git", "copy in the object store"
PARAMS = {"backup": "configuration"}


def body(kind: str, name: str, value: str) -> dict[str, Any]:
    """An object of which the platform has the manifest."""
    metadata = {"name": name, "namespace": "north", "labels": {"app": "web"}}
    key = "stringData" if kind == "Secret" else "data"
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, key: {"value": value}}


@pytest.fixture
def api(cluster: PocketCluster) -> Any:
    """The API with the live objects, one of another app among them."""
    made = config.new_client_from_config(str(cluster.kubeconfig), context="pocket")  # type: ignore[no-untyped-call]
    core: Any = client.CoreV1Api(made)
    for name in NAMES:
        core.create_namespaced_config_map("north", body("ConfigMap", name, "1"))
    core.create_namespaced_secret("north", body("Secret", "password", "hunter2"))
    other = body("ConfigMap", "other", "1")
    other["metadata"]["labels"] = {"app": "api"}
    core.create_namespaced_config_map("north", other)
    yield core
    made.close()


@pytest.fixture
def saved(target: Target, tmp_path: Path) -> Target:
    """The target with both copies of the objects, and a version before."""
    repository = tmp_path / "repository"
    git = ["git", "-C", str(repository), "-c", "user.name=tests", "-c", "user.email=tests@example.test"]
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(repository)], check=True)
    for value in ("0", "1"):
        made = [*(body("ConfigMap", name, value) for name in NAMES), body("Secret", "password", "hunter2")]
        text = "\n---\n".join(map(json.dumps, made))
        (repository / "all.yaml").write_text(text, encoding="utf-8")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", value], check=True)
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "all.yaml").write_text(text, encoding="utf-8")
    restore = f"git -C {repository} show {{version}}:all.yaml > {{directory}}/all.yaml"
    chosen = {"namespaces": ["north"], "selector": {"app": "web"}}
    configuration = {
        "objects": [{"kind": kind, **chosen} for kind in ("ConfigMap", "Secret")],
        "git": {"at": str(repository)},
        "restore": {"command": ["sh", "-c", restore]},
    }
    section = {"configuration": {"at": str(tmp_path / "copies"), "files": ["*"], "configuration": configuration}}
    target.file.write_text(f"{target.file.read_text()}\nbackups: {json.dumps(section)}\n", encoding="utf-8")
    return load_target(target.file)


def outcomes(check: Any, saved: Target) -> dict[str, bool | None]:
    """Of each fact."""
    return {one.subject: one.ok for one in check(saved, PARAMS)()}


def test_a_live_object_that_is_changed_made_or_deleted_by_hand_is_named(api: Any, saved: Target) -> None:
    """In each copy, by its key; the value of a Secret is in no fact."""
    assert outcomes(saved_configuration, saved) == {GIT: True, STORE: True}
    api.patch_namespaced_config_map("settings", "north", {"data": {"note": "by hand"}})
    api.patch_namespaced_secret("password", "north", {"stringData": {"value": "hunter3"}})
    api.delete_namespaced_config_map("routes", "north")
    api.create_namespaced_config_map("north", body("ConfigMap", "more", "1"))
    facts = {one.subject: one for one in saved_configuration(saved, PARAMS)()}
    names = ("ConfigMap north/more", "ConfigMap north/routes", "ConfigMap north/settings", "Secret north/password")
    for copy in (GIT, STORE):
        assert {name: facts[f"{copy}: {name}"].ok for name in names} == dict.fromkeys(names, False)
    assert [facts[f"{GIT}: {name}"].observed for name in names] == [
        "missing",
        "not in the live configuration",
        "data.note is missing",
        "data.value differs",
    ]
    assert "hunter" not in str(facts)


def test_a_version_of_objects_is_restored(api: Any, saved: Target) -> None:
    """The one before the last; the live objects are as before."""
    expected = {"restored configuration": True, "the live configuration": True}
    assert outcomes(restored_configuration, saved) == expected


def test_the_live_objects_are_listed_and_nothing_else(saved: Target) -> None:
    """What the check may do in the cluster."""
    found = accesses_of(saved_configuration, saved, PARAMS) or ()
    assert sorted(map(str, found)) == ["list configmaps -n north", "list secrets -n north"]
