"""The chart, rendered by helm and applied to the sandbox: its Job runs with its own account, and its workers make the load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.builders.charts import needs_helm, rendered
from tests.together.job.in_cluster import PYTHONPATH, ended, printed_roles, project_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.pocket import PocketCluster

pytestmark = [pytest.mark.slow, needs_helm]
MASTER = "127.99.31.1"


def values(project: Any) -> dict[str, Any]:
    """What a user would say, and what stands for an image here."""
    return {
        "image": {"repository": "registry.test/plain"},
        "command": ["python", "-m", "harness"],
        "workingDir": str(project.root),
        "env": [{"name": "PYTHONPATH", "value": PYTHONPATH}],
        "state": {"existingClaim": "chart", "path": "/data"},
        "workers": {"replicas": 2, "locustfile": "loadtests/browse.py", "masterHost": MASTER},
    }


def test_the_chart_runs_the_harness_with_workers_of_its_own(cluster: PocketCluster, tmp_path: Path) -> None:
    """No load comes from the pod of the run; the roles are those that the plan prints."""
    project = project_of(cluster, tmp_path / "project")
    project.append("loadtests/browse.yaml", f'workers: 0\nremote: {{workers: 2, bind: "{MASTER}:5557"}}\n')
    (tmp_path / "roles.yaml").write_text(printed_roles(project))
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values(project)))
    made = rendered(
        tmp_path / "roles.yaml", "--values", str(tmp_path / "values.yaml"), release="one", namespace="default"
    )
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(made))
    (job,) = [one["metadata"]["name"] for one in made if one["kind"] == "Job"]
    code, log = ended(cluster, job, 200)
    assert code == 0, log
    assert "GO for plain (staging)" in log
    (run,) = (one for one in (cluster.directory / "claims/default/chart/runs").iterdir() if not one.is_symlink())
    assert len(list(run.glob("load/browse/**/samples-*.parquet"))) == 2
    cluster.apps.delete_namespaced_deployment("one-readiness-workers", "default")
