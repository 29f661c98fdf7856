"""A whole cluster without platform: supervisor, control plane, zygote and forwarder as real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.pocket import PocketCluster, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def pocket_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketCluster]:
    """One cluster for all tests that do not break it for good."""
    with running(tmp_path_factory.mktemp("pocket") / "sandbox") as cluster:
        yield cluster


@pytest.fixture
def cluster(pocket_cluster: PocketCluster) -> Iterator[PocketCluster]:
    """The shared cluster, with nothing of other tests in it."""
    yield pocket_cluster
    core, apps, networking = pocket_cluster.core, pocket_cluster.apps, pocket_cluster.networking
    for delete in (
        apps.delete_collection_namespaced_deployment,
        apps.delete_collection_namespaced_stateful_set,
        networking.delete_collection_namespaced_network_policy,
        core.delete_collection_namespaced_service,
        core.delete_collection_namespaced_endpoints,
        core.delete_collection_namespaced_config_map,
        core.delete_collection_namespaced_secret,
    ):
        delete("default")
    core.delete_collection_namespaced_pod("default", grace_period_seconds=0)
    pocket_cluster.until(lambda: not pocket_cluster.pods())
