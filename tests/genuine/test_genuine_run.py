"""A whole run on a genuine cluster: Argo Rollouts, Prometheus, an autoscaler, a pod that dies; what has no means there says why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import yaml

from harness import clock
from readiness_sandbox.platform.monitor.prometheus import real
from tests.genuine.conftest import HERE, WHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP: Final = HERE / "shop"
ENTRY: Final = "http://127.0.0.1:18080"
ANALYSES: Final = HERE.parents[1] / "sandbox/readiness_sandbox/platform/manifests/parts/rollout/region/analysis.yaml"
"""The platform's own."""
PLURALS: Final = {
    "Namespace": "namespaces",
    "Service": "services",
    "Deployment": "deployments",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Rollout": "rollouts",
    "AnalysisTemplate": "analysistemplates",
}


@pytest.fixture
def shop(genuine: httpx.Client, tmp_path: Path) -> Iterator[Path]:
    """The project, its platform on the cluster, a Prometheus that watches it, and an entry to it; skipped where one of them was not built."""
    if genuine.get("/apis/argoproj.io/v1alpha1").status_code != 200:
        pytest.skip("Argo Rollouts was not built")
    project = tmp_path / "shop"
    shutil.copytree(SHOP, project)
    for file in (project / "target.yaml", config := project / "monitor/prometheus.yml"):
        file.write_text(file.read_text().replace("KUBECONFIG", os.environ[WHERE]))
    prometheus = real(config, project / "monitor", "127.0.0.1", 19090)
    if prometheus is None:
        pytest.skip("Prometheus with its discovery in Kubernetes was not built")
    for obj in deployed():
        version, place = obj["apiVersion"], obj["metadata"].get("namespace")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{root}{f'/namespaces/{place}' if place else ''}/{PLURALS[obj['kind']]}?fieldValidation=Strict"
        genuine.post(path, json=obj).raise_for_status()
    balancer = [sys.executable, "-m", "tests.genuine.balancer", os.environ[WHERE], "shop", "shop", ENTRY[-5:]]
    with (
        subprocess.Popen(balancer, cwd=HERE.parents[1]) as balancing,
        subprocess.Popen(prometheus, cwd=project) as watching,
    ):
        for _ in clock.Deadline.after(120).ticks(0.5):
            if scaling(genuine) and served():
                break
        yield project
        for process in (balancing, watching):
            process.kill()


def deployed() -> Iterator[dict[str, Any]]:
    """The objects of the shop, and the platform's analysis of errors for it."""
    every = [*yaml.safe_load_all((SHOP / "deploy/shop.yaml").read_text()), *yaml.safe_load_all(ANALYSES.read_text())]
    for obj in every:
        if obj["kind"] != "AnalysisTemplate":
            yield obj
        elif obj["metadata"]["name"] == "errors":
            yield {**obj, "metadata": {**obj["metadata"], "namespace": "shop"}}


def served() -> bool:
    """Whether the entry serves."""
    try:
        return httpx.get(f"{ENTRY}/items/1", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def scaling(genuine: httpx.Client) -> bool:
    """Whether the autoscaler knows the usage of its pods."""
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/till"
    conditions = genuine.get(path).json().get("status", {}).get("conditions") or ()
    return any((one["type"], one["status"]) == ("ScalingActive", "True") for one in conditions)


def test_a_whole_run_decides_what_the_cluster_can_show(shop: Path) -> None:
    """Nothing of it fails, a bad release is taken back; load without Chaos Mesh is not assessed, and says what is missing."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("READINESS_", "PYTEST_"))}
    command = [sys.executable, "-m", "harness", "run"]
    done = subprocess.run(
        command,
        cwd=shop,
        env={**env, "READINESS_STATE": str(shop / "state")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 10, done.stdout + done.stderr
    verdict: dict[str, Any] = json.loads((shop / "reports/runs/latest/verdict.json").read_text())
    rows = {row["id"]: row for row in verdict["requirements"]}
    assert {name: (row["verdict"], row["reason"]) for name, row in rows.items() if row["verdict"] != "PASS"} == {
        "SHOP-STRESS": ("NOT_ASSESSED", rows["SHOP-STRESS"]["reason"]),
    }
    assert 'Metric "errors" assessed Failed' in rows["SHOP-TRIGGER"]["reason"]
    assert "chaos-mesh.org" in rows["SHOP-STRESS"]["reason"]
    recovery = next(one for one in verdict["experiments"] if one["name"] == "till-loss")
    assert (recovery["fault"]["sent"], recovery["restore"]["ok"]) == (True, True)
