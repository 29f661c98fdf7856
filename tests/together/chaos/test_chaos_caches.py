"""Probes of the primaries of a cache: a genuine Valkey cluster whose servers are pods of a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.chaos import probes
from harness.chaos.session import pod_hit, session
from harness.errors import FaultNotInjected
from harness.targets import load_target
from tests.builders.addresses import NET
from tests.builders.cache_servers import CacheProcess, cache, clustered, program, until

HOSTS = [f"{NET}{number}" for number in range(51, 57)]
NODES = ("us-east-1b", "eu-west-1a", "us-east-1a", "us-east-1a", "us-east-1b", "eu-west-1a")
HOME = "topology.kubernetes.io/region=us-east-1"


@pytest.fixture
def servers(pocket: Any, tmp_path: Path) -> Iterator[list[CacheProcess]]:
    """Six servers, each a pod; the first three are primaries, and the target names the second and the third."""
    with clustered(program("valkey-server"), tmp_path / "cluster", HOSTS) as found:
        for number, (host, node) in enumerate(zip(HOSTS, NODES, strict=True)):
            pod = pocket.world.pod(f"cache-{number}", "database", node, {"app": "cache"})
            pocket.create("Pod", {**pod, "status": {**pod["status"], "podIP": host}})
        file = tmp_path / "target.yaml"
        text = file.read_text(encoding="utf-8")
        content = {"servers": {"one": {"at": found[1].url}, "two": {"at": found[2].url}}}
        file.write_text(f"{text}\ncache: {json.dumps(content)}\n", encoding="utf-8")
        session().target = load_target(file)
        yield found


def test_the_pod_of_a_primary_is_found_on_the_nodes(servers: list[CacheProcess]) -> None:
    """The first by name of two in the region; a replica is none, and neither is a node without a primary."""
    assert len(servers) == len(HOSTS)
    assert probes.cache_primary(HOME) == "cache-0"
    assert probes.cache_primary_namespace(HOME) == "database"
    assert probes.cache_primary("topology.kubernetes.io/region=eu-west-1") == "cache-1"
    with pytest.raises(FaultNotInjected, match="no pod on a node with region=none is a primary of a cache"):
        probes.cache_primary("region=none")


def test_a_primary_is_gone_when_its_cluster_says_so(servers: list[CacheProcess], pocket: Any, tmp_path: Path) -> None:
    """Not while the pod is there, nor while its server answers the others; and all is replicated once a server is back."""
    here = session()
    here.hit([pod_hit(pocket.get("Pod", "database", "cache-0"), here.regions())])
    assert probes.cache_replicated(within_s=10)
    with pytest.raises(FaultNotInjected, match="cache-0, cache-0 was still there"):
        probes.cache_primary_gone(within_s=0)
    here.cluster.delete_pod("database", "cache-0", grace_s=0)
    with pytest.raises(FaultNotInjected, match="cache-0 was still there"):
        probes.cache_primary_gone(within_s=0)
    servers[0].kill()
    assert probes.cache_primary_gone(within_s=30)
    assert not probes.cache_replicated(within_s=0)
    until(lambda: servers[3].ask("INFO", "replication")["role"] == "master")
    assert not probes.cache_replicated(within_s=0)
    with ExitStack() as stack:
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-announce-ip", HOSTS[0])
        path = program("valkey-server")
        stack.enter_context(cache(path, tmp_path / "cluster" / HOSTS[0], HOSTS[0], 6379, *settings))
        assert probes.cache_replicated(within_s=30)
