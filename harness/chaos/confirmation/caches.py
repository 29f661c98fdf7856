"""Checks of the primaries of a cache, as the servers of its cluster report them; which of its pods is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from harness.chaos.confirmation.hits import hits_of, name_of, pods_left
from harness.chaos.confirmation.polling import none_left, until
from harness.chaos.session import session
from harness.errors import DriverError, FaultNotInjected
from harness.model import Hit
from harness.targets.access import access, accesses
from harness.targets.caches import SLOTS, CacheAddress, ClusterNode, connected, members_of, servers_of
from harness.targets.files.cache import CacheServer
from harness.targets.files.target import Target
from harness.targets.kubernetes import Object


@accesses(*access("list pods", "list nodes"))
def cache_primary(label_selector: str = "") -> str:
    """Name of the pod of a primary of a cache, for the block `configuration`: of several the first by name.

    Args:
        label_selector: label selector of the nodes on which the pod runs; empty: any node.

    Raises:
        FaultNotInjected: no pod of the target is a primary with hash slots there.
    """
    return name_of(_primary_pod(label_selector))


@accesses(*access("list pods", "list nodes"))
def cache_primary_namespace(label_selector: str = "") -> str:
    """Namespace of the pod of `cache_primary`.

    Args:
        label_selector: as of `cache_primary`.

    Raises:
        FaultNotInjected: as of `cache_primary`.
    """
    return str(_primary_pod(label_selector)["metadata"]["namespace"])


def _primary_pod(label_selector: str) -> Object:
    here = session()
    nodes = {name_of(node) for node in here.cluster.nodes(label_selector)}
    hosts = {one.host for _, one in _primaries(here.target)}
    found = (pod for pod in here.pods() if pod.get("status", {}).get("podIP") in hosts)
    there = sorted((pod for pod in found if pod.get("spec", {}).get("nodeName") in nodes), key=name_of)
    if not there:
        where = f" on a node with {label_selector}" if label_selector else ""
        raise FaultNotInjected(f"no pod{where} is a primary of a cache with hash slots")
    return there[0]


@accesses(*access("get pods"))
def cache_primary_gone(within_s: float = 10.0) -> bool:
    """Whether every pod that this experiment hit is gone, and no server of a cache counts it as one that answers.

    A server is gone for the others if they agree that it failed, if it has no hash slots any more, or if they do not know it.

    Args:
        within_s: maximum wait in s. A cluster notices the loss after its node timeout.

    Raises:
        FaultNotInjected: the experiment hit no pod, a hit pod still existed, or its server still had its slots.
    """
    here = session()
    hits = hits_of(here, "pod")
    return none_left(within_s, lambda: [*pods_left(here, hits), *_serving(here.target, hits)], "was still there")


@accesses()
def cache_replicated(within_s: float = 60.0) -> bool:
    """Whether every hash slot of each cache is served, and each primary has a connected replica. A cache that is not a cluster must answer.

    Args:
        within_s: maximum wait in s.
    """
    target = session().target
    servers = servers_of(target).values()
    return until(within_s, lambda: all(_is_replicated(target, server) for server in servers))


def _primaries(target: Target) -> Iterator[tuple[CacheServer, ClusterNode]]:
    """Every primary with hash slots, as the first server of its cluster that answers reports it."""
    for server in servers_of(target).values():
        with suppress(DriverError):
            yield from ((server, one) for one in members_of(target, server) if not one.primary and one.slots)


def _serving(target: Target, hits: list[Hit]) -> list[str]:
    """The hit pods that the caches count as primaries that answer; all of them if no cache reports its servers."""
    known = [one for _, one in _primaries(target)]
    left = {one.host for one in known if one.state != "fail"}
    return sorted(hit.name for hit in hits if not known or hit.address in left)


def _is_replicated(target: Target, server: CacheServer) -> bool:
    try:
        nodes = members_of(target, server)
        if not nodes:
            with connected(target, server) as connection:
                return bool(connection.ask("PING"))
        primaries = [one for one in nodes if not one.primary and one.slots and one.state == "ok"]
        linked = {
            one.primary for one in nodes if one.primary and one.state == "ok" and _is_linked(target, server, one.at)
        }
    except DriverError:
        return False
    return sum(one.slots for one in primaries) == SLOTS and {one.id for one in primaries} <= linked


def _is_linked(target: Target, server: CacheServer, at: CacheAddress) -> bool:
    with connected(target, server, at) as connection:
        return connection.info("replication").get("master_link_status") == "up"
