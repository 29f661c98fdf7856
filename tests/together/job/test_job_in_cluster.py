"""The harness as a Job of a cluster, with a ServiceAccount: it holds the Lease, a second Job is refused, and a killed one is followed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from harness.evidence.bucket.store import Bucket
from harness.targets.files.upload import Upload
from tests.builders.s3_server import needs_s3_server, s3_server
from tests.together.job.in_cluster import PYTHONPATH, ended, kill_pod, said

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.plain.plain_project import Project
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.slow
LEASE = ("coordination.k8s.io", "v1", "default", "leases", "readiness-harness")
ACCOUNT = "readiness-plain"


def job(
    name: str,
    project: Project,
    *arguments: str,
    account: str = ACCOUNT,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Job that runs the harness once; its state and its evidence are on a claim."""
    container = {
        "name": "readiness",
        "image": "test/readiness:1",
        "command": ["python", "-m", "harness", "run", "--out", "/data/runs", *arguments],
        "workingDir": str(project.root),
        "env": [
            *({"name": name, "value": value} for name, value in (variables or {}).items()),
            {"name": "READINESS_STATE", "value": "/data/state"},
            {"name": "PYTHONPATH", "value": PYTHONPATH},
        ],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {
        "serviceAccountName": account,
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}}],
    }
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": spec}}}


def start(cluster: PocketCluster, body: dict[str, Any]) -> str:
    """Create a Job; its name."""
    batch: Any = client.BatchV1Api(cluster.core.api_client)
    batch.create_namespaced_job("default", body)
    return str(body["metadata"]["name"])


def holder(cluster: PocketCluster) -> str:
    """Who holds the Lease, in words; empty for nobody."""
    try:
        found: Any = client.CustomObjectsApi(cluster.core.api_client).get_namespaced_custom_object(*LEASE)
    except client.ApiException:
        return ""
    return str((found["metadata"].get("annotations") or {}).get("readiness/holder", ""))


def test_a_job_runs_with_the_rights_that_the_plan_prints_and_holds_the_lease(
    cluster: PocketCluster, project: Project
) -> None:
    """Nothing else is granted; the pod has no kubeconfig of a person, and the target file names no context."""
    name = start(cluster, job("first", project))
    cluster.until(lambda: holder(cluster).startswith("run "), 60)
    (pod,) = cluster.pods("job-name=first")
    assert f"(pod {pod.metadata.name})" in holder(cluster)
    second = start(cluster, job("second", project))
    code, log = ended(cluster, second)
    assert code == 4, log
    assert "plain is in use by run " in log
    assert f"(pod {pod.metadata.name}), since " in log
    code, log = ended(cluster, name)
    assert (code, "GO for plain (staging)" in log) == (0, True), log
    assert holder(cluster) == ""


def test_a_job_without_its_roles_is_refused_with_the_right_that_it_lacks(
    cluster: PocketCluster, project: Project
) -> None:
    """Nothing is run."""
    cluster.core.create_namespaced_service_account("default", {"metadata": {"name": "nobody"}})
    code, log = ended(cluster, start(cluster, job("lacking", project, account="nobody")))
    assert code == 10, log
    assert "the Lease default/readiness-harness cannot be taken: the API server answered 403 " in log
    assert (
        'User "system:serviceaccount:default:nobody" cannot get resource "leases" in API group "coordination.k8s.io"'
        in log
    )
    assert "readiness plan --roles" in log


@needs_s3_server
def test_what_a_killed_job_had_recorded_is_in_the_bucket_and_is_judged_and_the_next_job_waits(
    cluster: PocketCluster, project: Project, tmp_path: Path
) -> None:
    """`kill -9` of the pod: what was recorded until then says INCONCLUSIVE, with what is missing; its Lease is free after a minute."""
    with s3_server(tmp_path / "s3") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        body = job("killed", project, "--upload", "s3://evidence/nightly", variables=server.variables)
        start(cluster, body)
        cluster.until(lambda: "fault-free window" in said(cluster, "killed"), 60)
        (run,) = [word for word in said(cluster, "killed").split() if word.startswith("s3://evidence/nightly/")]
        bucket = Bucket(Upload(to="s3://evidence/nightly"), run.rpartition("/")[2])

        def sent() -> int:
            return sum(name.startswith(".growing/load/") for name in bucket.names())

        before = sent()
        cluster.until(lambda: sent() > before, 60)  # another pass, with rows of the load
        (pod,) = cluster.pods("job-name=killed")
        killed = holder(cluster)
        assert killed == f"run {run.rpartition('/')[2]} (pod {pod.metadata.name})"
        kill_pod(pod.metadata.name)
        code, _ = ended(cluster, "killed")
        assert code == 137
        start(cluster, job("next", project))
        judged = project.do("judge", run)
        assert judged.code == 10, judged.said
        assert "INCONCLUSIVE for plain (staging)" in judged.out
        verdict = json.loads((project.runs / run.rpartition("/")[2] / "verdict.json").read_bytes())
        assert "manifest.json: the file is missing, so the run did not complete" in verdict["missing_evidence"]
        assert {one["verdict"] for one in verdict["requirements"]} == {"INCONCLUSIVE"}
    waiting = (
        f"the Lease default/readiness-harness names {killed} as its holder: waiting until it is renewed or expires"
    )
    cluster.until(lambda: waiting in said(cluster, "next"))
    assert holder(cluster) == killed
    (pod,) = cluster.pods("job-name=next")
    cluster.until(lambda: holder(cluster).endswith(f"(pod {pod.metadata.name})"), 90)
    assert (
        f"{killed} did not release the Lease default/readiness-harness and did not renew it for 60 s; it had changed nothing"
        in said(cluster, "next")
    )
    kill_pod(pod.metadata.name)
