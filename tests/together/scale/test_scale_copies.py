"""Copies of a workload's pod, one with twice its CPU limit: nothing selects them, and nothing else differs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.scale.copies import copied
from harness.drivers.scale.scaled import find_scaled
from harness.errors import DriverError
from harness.targets import Target, load_target, platform_of
from harness.targets.kubernetes import Cluster
from harness.targets.probe_pods import place_pod
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import PendingUndos, recover
from tests.together.objects import service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.together.conftest import PocketCluster


@pytest.fixture
def target(cluster: PocketCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target in that cluster, with an undo log of its own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    file = tmp_path / "target.yaml"
    kubernetes = f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\ndisposable: true\nentry: http://127.95.3.9:8080\n{kubernetes}"
    )
    return load_target(file)


def deployment(**limits: str) -> dict[str, Any]:
    """One container that asks for 250m, with these limits."""
    resources = {"requests": {"cpu": "250m", "memory": "128Mi"}, **({"limits": limits} if limits else {})}
    container = {"name": "main", "image": "a:1", "ports": [{"containerPort": 8080}], "resources": resources}
    metadata = {
        "labels": {"app": "web", "version": "1"},
        "annotations": {"prometheus.io/scrape": "true", "example.test/kept": "yes"},
    }
    template = {"metadata": metadata, "spec": {"containers": [container], "nodeSelector": {"zone": "a"}}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"metadata": {"name": "web", "namespace": "north"}, "spec": spec}


def test_a_copy_has_so_many_times_the_limit_and_is_selected_by_nothing(cluster: PocketCluster, target: Target) -> None:
    """The label by which the workload selects its pods is gone, as is the annotation by which metrics are scraped."""
    cluster.create("Deployment", deployment(cpu="500m", memory="256Mi"))
    here = find_scaled(target, "web")
    once, twice = copied(here, 1, 90.2), copied(here, 2, 90.2)

    assert (once.cores, twice.cores) == (0.5, 1.0)
    meta, spec = twice.body["metadata"], twice.body["spec"]
    assert meta["labels"] == {"version": "1", "app.kubernetes.io/managed-by": "readiness"}
    assert meta["annotations"] == {"example.test/kept": "yes"}
    assert spec["containers"][0]["resources"]["limits"] == {"cpu": "1000m", "memory": "256Mi"}
    assert spec["containers"][0]["resources"]["requests"] == {"cpu": "250m", "memory": "128Mi"}
    assert (spec["nodeSelector"], spec["activeDeadlineSeconds"], spec["restartPolicy"]) == ({"zone": "a"}, 90, "Never")


def test_a_copy_is_selected_by_no_service_of_its_namespace(cluster: PocketCluster, target: Target) -> None:
    """One that selects by another label than the workload does would send it users; one of other pods takes nothing from it."""
    cluster.create("Deployment", deployment(cpu="500m"))
    for name, selector in {"ours": {"version": "1"}, "theirs": {"role": "api"}}.items():
        cluster.create("Service", service(name, selector=selector))
    made = copied(find_scaled(target, "web"), 1, 90)
    assert made.body["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "readiness"}


def test_without_a_cpu_limit_there_is_nothing_to_compare(cluster: PocketCluster, target: Target) -> None:
    """It names the container."""
    cluster.create("Deployment", deployment(memory="256Mi"))
    with pytest.raises(DriverError, match="container main of north/web has no CPU limit"):
        copied(find_scaled(target, "web"), 1, 90)


def test_a_rollout_that_refers_to_a_deployment_is_copied_from_its_template(
    cluster: PocketCluster, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no template of its own."""
    cluster.create("Deployment", deployment(cpu="500m"))
    here = replace(find_scaled(target, "web"), kind="Rollout", version="argoproj.io/v1alpha1")
    rollout = {"metadata": {"name": "web"}, "spec": {"workloadRef": {"kind": "Deployment", "name": "web"}}}
    served = Cluster.read

    def read(self: Cluster, version: str, kind: str, *where: str) -> Any:
        return rollout if kind == "Rollout" else served(self, version, kind, *where)

    monkeypatch.setattr(Cluster, "read", read)
    assert copied(here, 2, 90).cores == 1.0


def test_what_deletes_a_copy_is_on_disk_while_it_is_there(cluster: PocketCluster, target: Target) -> None:
    """Recovery deletes it with that alone; afterwards nothing is left to be undone."""
    platform = platform_of(target)
    cluster.create("Deployment", deployment(cpu="500m", memory="256Mi"))
    here = find_scaled(target, "web")
    one = copied(here, 1, 90)
    with PendingUndos(target, "scale") as undos:
        place_pod(undos, here.cluster, one.body)
        assert here.cluster.pod("north", one.name) is not None
        (intent,) = pending_intents(platform)
        assert (intent.undo["do"], intent.undo["api_server"]) == ("delete", here.cluster.url)
        recover(target, platform)
        assert here.cluster.pod("north", one.name) is None
    assert pending_intents(platform) == []
    with PendingUndos(target, "scale") as undos:
        place_pod(undos, here.cluster, one.body)
    assert here.cluster.pod("north", one.name) is None
    assert pending_intents(platform) == []
