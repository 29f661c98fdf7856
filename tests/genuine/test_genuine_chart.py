"""What the chart makes is taken by a genuine API server, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from harness.run.plan.access import roles
from harness.targets.access import access
from tests.builders.charts import needs_helm, rendered
from tests.genuine.test_genuine_lease import PLURALS

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

pytestmark = needs_helm
KINDS = {
    **PLURALS,
    "Job": "jobs",
    "CronJob": "cronjobs",
    "Service": "services",
    "Deployment": "deployments",
    "ConfigMap": "configmaps",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "NetworkPolicy": "networkpolicies",
}
EVERYTHING = tuple(
    word
    for setting in (
        "image.repository=registry.test/shop",
        "target.name=shop",
        "image.pullSecrets[0].name=pull",
        "workers.replicas=2",
        "workers.locustfile=loadtests/browse.py",
        "workers.resources.limits.cpu=1",
        "upload.to=s3://evidence/shop",
        "upload.endpoint=https://s3.test",
        "upload.credentialsSecret=s3",
        "networkPolicy.egress[0].ports[0].port=443",
        "tolerations[0].operator=Exists",
        "nodeSelector.a=b",
        "state.storageClass=fast",
        "run.release=1.0.0",
        "run.profiles[0]=nightly",
    )
    for word in ("--set", setting)
)


@pytest.mark.parametrize("schedule", ["", "0 2 * * *"])
def test_each_object_of_the_chart_is_taken_strictly(genuine: httpx.Client, tmp_path: Path, schedule: str) -> None:
    """With everything that it can make; nothing is stored."""
    asked = [*access("list nodes"), *access("list pods", at="default")]
    (tmp_path / "roles.yaml").write_text(yaml.safe_dump(roles(asked, "shop", ("default", "a"))))
    options = (*EVERYTHING, "--set", f"schedule={schedule}", *(("--set", "timeZone=Europe/Berlin") if schedule else ()))
    for obj in rendered(tmp_path / "roles.yaml", *options, namespace="default"):
        version, place = obj["apiVersion"], obj["metadata"].get("namespace")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{root}{f'/namespaces/{place}' if place else ''}/{KINDS[obj['kind']]}"
        answer = genuine.post(f"{path}?dryRun=All&fieldValidation=Strict", json=obj)
        assert answer.status_code == 201, answer.text
