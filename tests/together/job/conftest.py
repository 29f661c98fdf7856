"""One cluster with a plain service in it, for the Jobs of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.pocket import PocketCluster, running
from tests.together.job.in_cluster import deployment, printed_roles, project_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plain.plain_project import Project


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketCluster]:
    """A cluster of its own, with the plain service as a Deployment behind a Service."""
    with running(tmp_path_factory.mktemp("job") / "sandbox") as cluster:
        cluster.apps.create_namespaced_deployment("default", deployment())
        ports = [{"port": 8080, "targetPort": 8080}]
        service = {"metadata": {"name": "plain"}, "spec": {"selector": {"app": "plain"}, "ports": ports}}
        cluster.core.create_namespaced_service("default", service)
        cluster.until(lambda: len(cluster.ready_pods("app=plain")) == 2)
        yield cluster


@pytest.fixture(scope="module")
def project(cluster: PocketCluster, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project in the image of the Job, and the roles that it prints, applied."""
    made = project_of(cluster, tmp_path_factory.mktemp("image") / "project")
    cluster.kubectl("apply", "-f", "-", stdin=printed_roles(made))
    return made
