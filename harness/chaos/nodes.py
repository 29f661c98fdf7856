"""Actions that cut the power of nodes, each with its undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.chaos.confirmation.hits import HITS, Hits, database_leader, name_of, pod_hits, remembered
from harness.chaos.database import cordon, take_leader
from harness.chaos.power import command_off, drain, is_drained_with, stop_by_command
from harness.chaos.session import ChaosSession, node_hit, session
from harness.errors import ConfigurationError, FaultNotInjected
from harness.targets.access import EVERYWHERE, access, accesses
from harness.targets.files.parts import Power
from harness.targets.files.target import Target
from harness.targets.kubernetes import REGION_LABEL, ZONE_LABEL, Cluster, Object, has_condition, labels_of
from harness.targets.undo import undoable, undoes

POWER_OFF: Final = (
    *access("list,patch nodes"),
    *access("list pods", "create pods/eviction", at=EVERYWHERE),
    *HITS,
)
"""API permissions to evict pods of all namespaces from a node, for a target with `drain`."""


def _power_on(cluster: Cluster, _target: Target, *, node: str, annotation: str) -> None:
    cluster.patch_node(node, {"metadata": {"annotations": {annotation: None}}})


@undoable("power-on", undo=_power_on, of_a_cluster=True)
def power_off(cluster: Cluster, node: str, power: Power) -> None:
    """Cut the power of a node by the annotation in the target file."""
    cluster.patch_node(node, {"metadata": {"annotations": {power.annotation: power.value}}})


@accesses(*POWER_OFF)
def power_off_node(label_selector: str) -> Hits:
    """Cut the power of the first node by name that runs pods but not the database's leader.

    A node with another database member is used only if there is no other node: a member may not start elsewhere because
    of its volume.

    Args:
        label_selector: label selector of the nodes, like `topology.kubernetes.io/region=us-east-1`.

    Raises:
        FaultNotInjected: no such node exists.
        ConfigurationError: the target file does not say how power is cut.
    """
    here = session()
    leader = database_leader(here)
    pods = [pod for pod in here.pods() if pod.get("spec", {}).get("nodeName")]
    busy = {pod["spec"]["nodeName"] for pod in pods}
    spared = {pod["spec"]["nodeName"] for pod in pods if leader and name_of(pod) == leader}
    members = here.target.database.members if here.target.database else {}
    with_member = {pod["spec"]["nodeName"] for pod in pods if name_of(pod) in members}
    nodes = [node for node in here.cluster.nodes(label_selector) if has_condition(node, "Ready")]
    fit = [node for node in nodes if name_of(node) in busy - spared]
    chosen = sorted(fit, key=lambda node: (name_of(node) in with_member, name_of(node)))[:1]
    return _power_off_all(here, chosen, label_selector)


@accesses(*POWER_OFF)
def power_off_region(region: str) -> Hits:
    """Cut the power of every node of a region.

    Args:
        region: value of the label `topology.kubernetes.io/region`.

    Raises:
        FaultNotInjected: a node of the region is not ready, or the region has no nodes.
        ConfigurationError: the target file does not say how power is cut.
    """
    here = session()
    nodes = here.cluster.nodes(f"{REGION_LABEL}={region}")
    _assert_ready(nodes, region)
    return _power_off_all(here, nodes, region)


@accesses(*POWER_OFF)
def power_off_zone(region: str, number: int) -> Hits:
    """Cut the power of every node in one zone of a region.

    Args:
        region: value of the label `topology.kubernetes.io/region`.
        number: number of the zone, from 1, in the order of the values of the label `topology.kubernetes.io/zone`.

    Raises:
        FaultNotInjected: the region has fewer zones, has no other zone, or a node of the zone is not ready.
        ConfigurationError: the target file does not say how power is cut.
    """
    here = session()
    nodes = here.cluster.nodes(f"{REGION_LABEL}={region}")
    zones = sorted({labels_of(node).get(ZONE_LABEL, "") for node in nodes} - {""})
    if not 1 <= number <= len(zones) or len(zones) < 2:
        named = ", ".join(zones) or "none"
        raise FaultNotInjected(
            f"{region} has {len(zones)} zones ({named}), expected zone {number} and at least one other zone"
        )
    zone = zones[number - 1]
    own = [node for node in nodes if labels_of(node).get(ZONE_LABEL) == zone]
    _assert_ready(own, zone)
    return _power_off_all(here, own, zone)


@undoes(power_off, command_off, cordon)
@accesses(*access("patch nodes"))
def power_on_nodes() -> list[str]:
    """Restore the power of every node whose power the harness cut, and uncordon drained nodes; returns their names."""
    here = session()
    power = here.target.power
    drained = here.undo(cordon) if power is not None and power.drain else []
    return [*here.undo(power_off), *here.undo(command_off), *drained]


def _assert_ready(nodes: list[Object], where: str) -> None:
    down = sorted(name_of(node) for node in nodes if not has_condition(node, "Ready"))
    if down:
        raise FaultNotInjected(f"not every node of {where} is ready before the fault: {', '.join(down)}")


def _power_off_all(here: ChaosSession, nodes: list[Object], where: str) -> Hits:
    power = here.target.power
    if power is None:
        raise ConfigurationError(
            "the target file does not say how to cut power",
            where=f"{here.target.file}: power",
            hint='write `power: {annotation: NAME, value: "off"}` with the annotation of a Node that cuts its power, or write commands or `drain: true`',
        )
    if not nodes:
        raise FaultNotInjected(f"{where} has no ready node to power off")
    names = {name_of(node) for node in nodes}
    # what is on a node is hit, whosever it is: all namespaces count for the guard
    pods = [pod for pod in here.cluster.pods() if pod.get("spec", {}).get("nodeName") in names]
    hits = (
        pod_hits(here, list(filter(is_drained_with, pods)))
        if power.drain
        else [*map(node_hit, nodes), *pod_hits(here, pods)]
    )
    here.destructive(hits)
    if database_leader(here) in {hit.name for hit in hits}:
        here.intend(take_leader, f"power off {where}", region=here.target.primary_region)
    _cut(here, power, sorted(nodes, key=name_of))
    return remembered(here, hits)


def _cut(here: ChaosSession, power: Power, nodes: Sequence[Object]) -> None:
    """Cut the power of these nodes in the way that the target file says, the undo of each in the log before."""
    if power.drain:
        drain(here, nodes)
        return
    if power.stop:
        stop_by_command(here, power, nodes)
        return
    for node in nodes:
        here.intend(power_off, f"power off {name_of(node)}", node=name_of(node), annotation=power.annotation)
    for node in nodes:
        power_off(here.cluster, name_of(node), power)
