"""Subnets of a cluster: through which route tables each goes, and whether one of these leads to an internet gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked

from .modules import OPEN, Resource, TerraformModule
from .terraform import Terraform

_NO_GATEWAY: Final = "0 routes to an internet gateway"
_INTERNET: Final = ("aws_internet_gateway.", "data.aws_internet_gateway.", "igw-")
_OTHERS: Final = ("aws_vpn_gateway.", "data.aws_vpn_gateway.", "aws_vpc_endpoint.", "data.aws_vpc_endpoint.")
_OTHER_IDS: Final = ("local", "vgw-", "vpce-")
_TABLES: Final = ("aws_route_table.", "aws_default_route_table.")
_MACHINES: Final = {"aws_autoscaling_group": "vpc_zone_identifier", "aws_instance": "subnet_id"}
"""What may run nodes that EKS does not manage, and its attribute with their subnets."""
_NODE_TAG: Final = "kubernetes.io/cluster/"
"""How the tag begins by which such nodes are of a cluster; its name follows."""


@claim(
    "every subnet of the cluster is private: 0 routes to an internet gateway",
    needs=("files.terraform",),
)
def subnets_private(asked: Asked) -> Sequence[FactReading]:
    """One fact per subnet of every `aws_eks_cluster` in Terraform: the routes of its route tables to an internet gateway."""
    files = Terraform(asked)
    seen = [
        seen if cluster.times is not None else replace(seen, ok=None, observed=f"{seen.observed}; {cluster.unsettled}")
        for cluster in files.required("aws_eks_cluster")
        for seen in _subnets_of(files, cluster)
    ]
    return [*seen, *files.elsewhere("the subnets of every cluster")]


def _subnets_of(files: Terraform, cluster: Resource) -> Iterator[FactReading]:
    listed: dict[tuple[TerraformModule, str], str] = {}
    """The subnets, each with why it may be none of the cluster; empty where it is one."""

    def add(found: Sequence[tuple[TerraformModule, str]], why: str) -> None:
        for one in found:
            listed[one] = why and listed.get(one, why)

    for block in cluster.blocks("vpc_config"):
        written = block.get("subnet_ids", "")
        chosen = "a condition decides what `subnet_ids` are" if cluster.module.chooses(written) else ""
        add(cluster.module.traced(written, cluster.body.get("for_each")), chosen)
    if not listed:
        yield _unknown(
            cluster, "subnets", "`vpc_config.subnet_ids` of the cluster names no subnet of the Terraform files"
        )
    for nodes, key, why in _nodes_of(files, cluster):
        found = nodes.traced(key)
        add(found, why or nodes.perhaps(key))
        if not found:
            yield _unknown(nodes, "subnets", f"`{key}` of its nodes names no subnet of the Terraform files")
    for (module, reference), why in listed.items():
        declared = next((one for one in module.of("aws_subnet") if one.address == reference), None)
        if declared is not None:
            yield _routes(files, cluster, declared, why or declared.perhaps())
        elif not reference.startswith(("aws_vpc.", "data.aws_availability_zones.", "aws_eks_cluster.")):
            yield _unknown(cluster, reference, "the subnet is not declared in the Terraform files")


def _nodes_of(files: Terraform, cluster: Resource) -> Iterator[tuple[Resource, str, str]]:
    """What runs nodes of a cluster, the attribute with its subnets, and why it may be of another cluster or none."""
    for nodes in files.of("aws_eks_node_group", "aws_eks_fargate_profile"):
        of = _is_of(nodes, cluster)
        if of is not False:
            why = "" if of else f"the Terraform files do not show whether {nodes.address} is of {cluster.address}"
            yield nodes, "subnet_ids", why
    for kind, key in _MACHINES.items():
        for nodes in files.of(kind):
            if nodes.module.says(nodes.body, _NODE_TAG):
                yield nodes, key, f"{nodes.address} has a tag of nodes, `{_NODE_TAG}…`, and may be of {cluster.address}"


def _is_of(nodes: Resource, cluster: Resource) -> bool | None:
    """Whether nodes are of a cluster, by its address or its name; None if the files do not show it."""
    written, name = nodes.body.get("cluster_name"), cluster.body.get("name")
    found = nodes.traced("cluster_name")
    clusters = [one for one in found if one[1].startswith("aws_eks_cluster.")]
    if (cluster.module, cluster.address) in clusters:
        return True if len(found) == 1 and not nodes.module.chooses(written) else None
    if found:
        return False if clusters == found else None
    if nodes.module is cluster.module and written == name and "each." not in str(written):
        return True
    names = (nodes.value(written), cluster.value(name))
    return names[0] == names[1] if all(isinstance(one, str) for one in names) else None


def _unknown(resource: Resource, what: str, why: str) -> FactReading:
    return FactReading(
        subject=f"{resource.place} {resource.address}: {what}", expected=_NO_GATEWAY, observed=why, ok=None
    )


def _routes(files: Terraform, cluster: Resource, subnet: Resource, why: str) -> FactReading:
    doubts: list[str] = []
    tables = _tables_of(files, subnet, doubts)
    count = sum(_routes_in(files, subnet, tables, doubts))
    doubts = [*doubts, why] if why and count else doubts
    shown = [one for one in tables if not one.startswith("aws_vpc.")]
    through = f" through {', '.join(shown)}" if shown else ": the subnet is in no route table of the Terraform files"
    return FactReading(
        subject=f"{subnet.place} {subnet.address} of {cluster.address}",
        expected=_NO_GATEWAY,
        observed=f"{count} routes{through}" + (f"; {doubts[0]}" if doubts else ""),
        ok=False if count and not why else None if doubts else True,
    )


def _tables_of(files: Terraform, subnet: Resource, doubts: list[str]) -> dict[str, str]:
    """The route tables of a subnet, each with why it may be none; `aws_vpc.NAME` stands for the main table of its network."""
    own: dict[str, str] = {}
    settled = False
    part = several = "count" in subnet.body or "for_each" in subnet.body
    elsewhere: list[str] = []
    for one in files.of("aws_route_table_association"):
        subnets, raw = one.traced("subnet_id"), str(one.body.get("subnet_id", ""))
        if "each." in raw and "each.value" in str(one.body.get("route_table_id", "")):
            elsewhere.append(
                f"the Terraform files do not show which subnet {one.address} associates with which route table"
            )
        elif (subnet.module, subnet.address) in subnets:
            why = one.perhaps("subnet_id", "route_table_id", beside=subnet)
            settled |= not why
            part &= re.search(rf"{re.escape(subnet.address)}\[\s*\\?[\"\d]", raw) is not None
            for module, table in one.traced("route_table_id"):
                if module is subnet.module and table.startswith(_TABLES):
                    own[table] = why and own.get(table, why)
                else:
                    doubts.append(f"{table} is not declared in the Terraform files beside the subnet")
        elif any(name.startswith(OPEN) for _, name in subnets):
            elsewhere.append(
                f"the Terraform files do not show which subnets {one.address} associates with a route table"
            )
    if not settled or several:
        doubts += elsewhere
    if not settled or part:
        perhaps = "" if part else next(filter(None, own.values()), "")
        for table, why in _main_tables(subnet, doubts).items():
            own.setdefault(table, why or perhaps)
    return own


def _main_tables(subnet: Resource, doubts: list[str]) -> dict[str, str]:
    """The main route tables of a subnet's network, which apply to subnets without an association, each with why it may be none."""
    networks = subnet.references("vpc_id")
    declared = {one.address for one in subnet.module.of("aws_vpc")}
    if not networks or not set(networks) <= declared:
        doubts.append("the main route table of the subnet's network is not declared in the Terraform files")
    main = {
        table: one.perhaps("vpc_id", "route_table_id")
        for one in subnet.module.of("aws_main_route_table_association")
        if _same(one.references("vpc_id"), networks)
        for table in one.references("route_table_id")
    }
    doubts += [
        f"{table}, the main table, is not declared in the Terraform files"
        for table in main
        if not table.startswith(_TABLES)
    ]
    default = {
        one.address: next(filter(None, main.values()), "")
        for one in subnet.module.of("aws_default_route_table")
        if _same(one.references("default_route_table_id"), networks)
    }
    settled = "" in main.values()
    return {**({} if settled else default), **main, **dict.fromkeys(networks, "")}


def _same(ones: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two references may name the same network: one that is not declared may name any."""
    known = [one for one in (*ones, *others) if one.startswith("aws_vpc.")]
    return len(known) < 2 or bool(set(ones) & set(others))


def _routes_in(files: Terraform, subnet: Resource, tables: Mapping[str, str], doubts: list[str]) -> Iterator[bool]:
    """Whether each route of these tables leads to an internet gateway; routes of which this is unknown are added to `doubts`."""
    for table in subnet.module.of("aws_route_table", "aws_default_route_table"):
        if table.address in tables:
            why = tables[table.address] or table.perhaps(beside=subnet)
            leads = sum(_own_routes(table, doubts))
            doubts += [why] if leads and why else []
            yield from [True] * (0 if why else leads)
    for route in files.of("aws_route"):
        towards = route.traced("route_table_id")
        here = [name for module, name in towards if module is subnet.module and name in tables]
        leads_out = _leads_out(route, route.body)
        why = route.perhaps("route_table_id") or next((tables[name] for name in here if tables[name]), "")
        if here and leads_out is None:
            doubts.append(f"the Terraform files do not show where {route.address} leads")
        elif here and leads_out and why:
            doubts.append(why)
        elif not here and leads_out is not False and any(name.startswith((*OPEN, "rtb-")) for _, name in towards):
            doubts.append(f"the Terraform files do not show which route table {route.address} is in")
        yield bool(here) and leads_out is True and not why


def _own_routes(table: Resource, doubts: list[str]) -> Iterator[bool]:
    written = table.body.get("route")
    listed = written if isinstance(written, list) else [written]
    dynamic = [
        content
        for block in table.blocks("dynamic")
        for name, body in block.items()
        if name.strip('"') == "route" and isinstance(body, dict)
        for content in (body["content"] if isinstance(body.get("content"), list) else [body.get("content")])
    ]
    for route in listed:
        leads = _leads_out(table, route) if isinstance(route, dict) else None if route is not None else False
        if leads is None:
            doubts.append(f"the Terraform files do not show where all routes of {table.address} lead")
        yield leads is True
    if any(not isinstance(one, dict) or _leads_out(table, one) is not False for one in dynamic):
        doubts.append(
            f"the Terraform files do not show whether dynamic routes of {table.address} lead to an internet gateway"
        )


def _leads_out(resource: Resource, route: Mapping[str, Any]) -> bool | None:
    """Whether a route leads to an internet gateway; None if the files do not show it."""
    raw = route.get("gateway_id")
    if raw is None or str(raw).strip("${} \"'") in ("", "null"):
        return False
    value = resource.value(raw)
    if isinstance(value, str):
        return True if value.startswith("igw-") else False if value.startswith(_OTHER_IDS) else None
    names = [name for _, name in resource.module.traced(raw, resource.body.get("for_each"))]
    if any(name.startswith(_INTERNET) for name in names):
        return None if resource.module.chooses(raw) else True
    return False if names and all(name.startswith(_OTHERS) for name in names) else None
