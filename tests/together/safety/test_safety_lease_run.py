"""Whole runs that hold a Lease: one that loses it, one beside it, and one after a run that was killed."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from readiness_sandbox.cluster import kinds
from tests.plain.plain_project import Project, kill, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.together.conftest import PocketCluster

LEASE = kinds.by_name("Lease")
NAME = "readiness-harness"
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path, cluster: PocketCluster) -> Iterator[Project]:
    """The plain project, whose target has a cluster, with a minute of load."""
    with service() as entry:
        made = Project.copy(tmp_path / "project", entry, traffic="{rate: 20/s, for: 60 s}")
        made.append(
            "target.yaml", f"kubernetes: {{kubeconfig: {cluster.kubeconfig}, context: pocket, namespace: north}}\n"
        )
        yield made
        made.clean()


def stored(cluster: PocketCluster) -> dict[str, Any]:
    """The Lease in the API server."""
    found: dict[str, Any] = cluster.do(lambda store: store.get(LEASE, "north", NAME))
    return found


def test_a_run_that_loses_its_lease_ends_inconclusive_with_the_cause(project: Project, cluster: PocketCluster) -> None:
    """While its load is under way; what was recorded until then is kept and judged."""
    running = project.start("run")
    running.wait_for("run", "act.started")
    cluster.do(lambda store: store.delete(LEASE, "north", NAME))
    done = running.wait()
    assert done.code == 10, done.said
    assert (
        f"the run cannot go on: {project.root}/target.yaml: kubernetes: the Lease north/{NAME} was lost: it was deleted"
        in done.said
    )
    (end,) = [line for line in running.history("run") if line["kind"] == "run.ended"]
    assert end["fields"]["ok"] is False
    assert "was lost: it was deleted" in end["fields"]["why"]
    assert done.verdict["decision"] == "INCONCLUSIVE"
    assert "was lost: it was deleted" in done.verdict["reasons"][0]


def test_a_second_run_from_another_machine_is_refused_until_the_first_was_dead_for_a_minute(
    project: Project, cluster: PocketCluster
) -> None:
    """Another state directory is another machine; the first run is killed."""
    first = project.start("run")
    first.wait_for("run", "act.started")
    other = str(project.root / "other-state")
    second = project.do("run", READINESS_STATE=other)
    assert second.code == 4, second.said
    holder = stored(cluster)["metadata"]["annotations"]["readiness/holder"]
    assert f"is in use by {holder}, since {stored(cluster)['spec']['acquireTime']} by its clock" in second.said
    assert second.ran is None
    planned = project.do("plan", READINESS_STATE=other)
    assert (
        f"a run would be refused: {project.root}/target.yaml: kubernetes: {project.name} is in use by {holder}"
        in planned.said
    )
    for pid in (*first.children(), first.process.pid):
        kill(pid, signal.SIGKILL)
    third = project.start("run", READINESS_STATE=other)
    third.wait_for("run", "act.started")
    assert stored(cluster)["metadata"]["annotations"]["readiness/holder"] != holder
    kill(third.process.pid, signal.SIGTERM)
    assert (
        f"{holder} did not release the Lease north/{NAME} and did not renew it for 60 s; it had changed nothing"
        in third.wait().said
    )
    assert stored(cluster)["spec"]["holderIdentity"] == ""
