"""`cache-slots`: checks that every hash slot is served, and that each primary has a replica on another node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.cache.memory import SERVERS
from harness.drivers.check.claim import claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import TargetUnreachable
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.caches import (
    CACHE,
    SLOTS,
    ClusterNode,
    CommandRefused,
    connected,
    members_of,
    servers_of,
)
from harness.targets.files.cache import CacheServer
from harness.targets.places import Clusters, every_place

_EXPECTED: Final = "a replica on another node"
_UNKNOWN: Final = "unknown"


def _accesses(target: Target, _params: Mapping[str, str]) -> tuple[Access, ...]:
    """The nodes of pods are read where there is a cluster."""
    return () if target.kubernetes is None else access("list pods")


@claim(
    "every hash slot is served and each of at least <primaries:count> primaries has a replica on another node",
    example="every hash slot is served and each of at least 3 primaries has a replica on another node",
    needs=(CACHE, SERVERS),
)
@accesses(by=_accesses)
def cache_slots(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The servers of each cache as the cluster lists them; each primary is asked which slots it serves itself, each replica whether it is connected to its primary."""
    servers, least = servers_of(target), int(params["primaries"])

    def probe() -> Sequence[FactReading]:
        return [fact for name, server in servers.items() for fact in _of(target, name, server, least)]

    return probe


def _of(target: Target, name: str, server: CacheServer, least: int) -> Iterator[FactReading]:
    expected = f"{SLOTS} served"
    nodes = members_of(target, server)
    if not nodes:
        yield FactReading(subject=f"slots of {name}", expected=expected, observed="not a cluster", ok=False)
        return
    primaries = [one for one in nodes if not one.primary and one.slots and one.state != "fail"]
    gone = [one for one in nodes if not one.primary and one.slots and one.state == "fail"]
    seen = {one.id: _own(target, server, one) for one in primaries}
    states = {name: state for name, (state, _) in seen.items()}
    slots = {slot for name, (_, own) in seen.items() for slot in own if states[name] == "ok"}
    served = len(slots)
    doubted = {name for name, state in states.items() if state.startswith(_UNKNOWN)}
    if doubted:  # one that says that the cluster fails may be cut off from the others, as may the one that lists them
        doubted |= {name for name, state in states.items() if state != "ok"}
    unsure = len({slot for one in primaries if one.id in doubted for slot in _slots(one)} - slots)
    said = [f"{one.at} {states[one.id]}" for one in primaries if states[one.id] != "ok"]
    said += [
        f"{one.at} serves {len(own)} slots, and {server.at} gives it {one.slots}"
        for one in primaries
        for state, own in [seen[one.id]]
        if state == "ok" and own != _slots(one)
    ]
    said += [f"{one.at} is gone" for one in gone]
    observed = "; ".join([f"{served} by {len(primaries)} primaries", *said])
    ok = True if served == SLOTS else None if served + unsure == SLOTS else False
    yield FactReading(subject=f"slots of {name}", expected=expected, observed=observed, ok=ok)
    enough = len(primaries) >= least
    yield FactReading(
        subject=f"primaries of {name}", expected=f"at least {least}", observed=str(len(primaries)), ok=enough
    )
    places = _Places(target, server)
    for primary in primaries:
        replicas = [
            (one, *_linked(target, server, one, sure=not doubted)) for one in nodes if one.primary == primary.id
        ]
        yield _replicated(f"{name} {primary.at}", primary, replicas, places)


def _slots(node: ClusterNode) -> set[int]:
    return {slot for first, last in node.ranges for slot in range(first, last + 1)}


def _own(target: Target, server: CacheServer, node: ClusterNode) -> tuple[str, set[int]]:
    """`ok` of a primary that serves, else why it does not, or why this is unknown; and the slots that it serves by its own account.

    Another server goes on giving it a slot that it has given up.
    """
    if node.state == "unknown":
        return f"{_UNKNOWN}: another server doubts that it is there", set()
    try:
        with connected(target, server, node.at) as connection:
            found, nodes = connection.ask("CLUSTER INFO"), connection.nodes()
    except (TargetUnreachable, CommandRefused) as error:
        return f"{_UNKNOWN}: {error.what}", set()
    state = found.get("cluster_state") if isinstance(found, Mapping) else None
    own = {slot for one in nodes if one.id == node.id and not one.primary for slot in _slots(one)}
    return ("ok" if state == "ok" else f"says cluster_state {state}"), own


def _replicated(
    subject: str, primary: ClusterNode, replicas: Sequence[tuple[ClusterNode, str, bool | None]], places: _Places
) -> FactReading:
    here = places.of(primary)
    words, outcomes = list[str](), list[bool | None]()
    for one, why, linked in replicas:
        there = places.of(one)
        known = here is not None and there is not None
        same = there == here if known else one.at == primary.at
        said = why if why or known else f"of which no node is known: name `{one.at}` in `places`"
        words.append(f"{one.at} on {there or one.host}" + (f" ({said})" if said else ""))
        outcomes.append(False if same or linked is False else linked if known else None)
    ok = True if True in outcomes else None if None in outcomes else False
    observed = f"on {here or primary.host}; replicas: {', '.join(words) or 'none'}"
    return FactReading(subject=subject, expected=_EXPECTED, observed=observed, ok=ok)


def _linked(target: Target, server: CacheServer, replica: ClusterNode, *, sure: bool) -> tuple[str, bool | None]:
    """Why a replica is not connected to its primary, or why this is unknown; and whether it is."""
    if replica.state == "fail":
        return "gone", False
    try:
        with connected(target, server, replica.at) as connection:
            link = connection.info("replication").get("master_link_status")
    except (TargetUnreachable, CommandRefused) as error:
        return error.what, None
    if link is None:  # it may have taken the place of a primary that is cut off
        return "it is not a replica by its own account", False if sure else None
    return ("", True) if link == "up" else (f"not connected to its primary: {link}", False)


class _Places:
    """The node or zone of each server: declared, or that of the pod with this address."""

    def __init__(self, target: Target, server: CacheServer) -> None:
        self._declared = server.places
        self._pods: Mapping[str, set[str]] | None = {} if target.kubernetes is None else None
        self._target = target

    def of(self, one: ClusterNode) -> str | None:
        """The place of a server; None: it is not known, as two addresses may be of one machine, or one of pods in two clusters."""
        for host in (str(one.at), one.at.host, one.host):
            if host in self._declared:
                return self._declared[host]
        if self._pods is None:
            self._pods = _nodes_of_pods(self._target)
        found = self._pods.get(one.host, set())
        return next(iter(found)) if len(found) == 1 else None


def _nodes_of_pods(target: Target) -> Mapping[str, set[str]]:
    """The nodes of the pods that run, by their address, which pods of two clusters may share; of several clusters each node with its own."""
    clusters, places = Clusters(target), every_place(target)
    several = len({clusters.of(region).url for region, _ in places}) > 1
    found = defaultdict[str, set[str]](set)
    for region, namespace in places:
        cluster = clusters.of(region)
        for pod in cluster.pods(namespace):
            status, node = pod.get("status", {}), pod.get("spec", {}).get("nodeName")
            if status.get("podIP") and node and status.get("phase") == "Running":
                found[status["podIP"]].add(f"{node} of {cluster.url}" if several else node)
    return found
