"""Subnets of a cluster: through which route tables each goes, and whether one of these leads to an internet gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.infrastructure.modules import OPEN, Resource
from harness.drivers.static.infrastructure.terraform import Terraform

_NO_GATEWAY: Final = "0 routes to an internet gateway"
_INTERNET: Final = ("aws_internet_gateway.", "data.aws_internet_gateway.", "igw-")
_OTHERS: Final = ("aws_vpn_gateway.", "data.aws_vpn_gateway.", "aws_vpc_endpoint.", "data.aws_vpc_endpoint.")
_OTHER_IDS: Final = ("local", "vgw-", "vpce-")
_TABLES: Final = ("aws_route_table.", "aws_default_route_table.")


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
    listed = [
        reference
        for block in cluster.blocks("vpc_config")
        for reference in cluster.module.references(block.get("subnet_ids", ""), cluster.body.get("for_each"))
    ]
    if not listed:
        yield _unknown(
            cluster, "subnets", "`vpc_config.subnet_ids` of the cluster names no subnet of the Terraform files"
        )
    for nodes in cluster.module.of("aws_eks_node_group", "aws_eks_fargate_profile"):
        of = [one for one in nodes.references("cluster_name") if one.startswith("aws_eks_cluster.")]
        if not of or cluster.address in of:
            listed += nodes.references("subnet_ids")
    declared = {one.address: one for one in cluster.module.of("aws_subnet")}
    for reference in dict.fromkeys(listed):
        if reference in declared:
            yield _routes(files, cluster, declared[reference])
        elif not reference.startswith(("aws_vpc.", "data.aws_availability_zones.", "aws_eks_cluster.")):
            yield _unknown(cluster, reference, "the subnet is not declared in the Terraform files")


def _unknown(resource: Resource, what: str, why: str) -> FactReading:
    return FactReading(
        subject=f"{resource.place} {resource.address}: {what}", expected=_NO_GATEWAY, observed=why, ok=None
    )


def _routes(files: Terraform, cluster: Resource, subnet: Resource) -> FactReading:
    doubts: list[str] = []
    tables = _tables_of(subnet, doubts)
    count = sum(_routes_in(files, subnet, tables, doubts))
    shown = [one for one in tables if not one.startswith("aws_vpc.")]
    through = f" through {', '.join(shown)}" if shown else ": the subnet is in no route table of the Terraform files"
    return FactReading(
        subject=f"{subnet.place} {subnet.address} of {cluster.address}",
        expected=_NO_GATEWAY,
        observed=f"{count} routes{through}" + (f"; {doubts[0]}" if doubts else ""),
        ok=False if count else None if doubts else True,
    )


def _tables_of(subnet: Resource, doubts: list[str]) -> list[str]:
    """The route tables of a subnet; `aws_vpc.NAME` stands for the main table of its network."""
    own: list[str] = []
    part = several = "count" in subnet.body or "for_each" in subnet.body
    elsewhere: list[str] = []
    for one in subnet.module.of("aws_route_table_association"):
        subnets, raw = one.references("subnet_id"), str(one.body.get("subnet_id", ""))
        if "each." in raw and "each.value" in str(one.body.get("route_table_id", "")):
            elsewhere.append(
                f"the Terraform files do not show which subnet {one.address} associates with which route table"
            )
        elif subnet.address in subnets:
            own += one.references("route_table_id")
            part &= re.search(rf"{re.escape(subnet.address)}\[\s*\\?[\"\d]", raw) is not None
        elif any(name.startswith(OPEN) for name in subnets):
            elsewhere.append(
                f"the Terraform files do not show which subnets {one.address} associates with a route table"
            )
    doubts += [f"{table} is not declared in the Terraform files" for table in own if not table.startswith(_TABLES)]
    if not own or several:
        doubts += elsewhere
    found = [table for table in own if table.startswith(_TABLES)]
    return list(dict.fromkeys([*found, *(_main_tables(subnet, doubts) if not own or part else ())]))


def _main_tables(subnet: Resource, doubts: list[str]) -> list[str]:
    """The main route tables of a subnet's network, which apply to subnets without an association."""
    networks = subnet.references("vpc_id")
    declared = {one.address for one in subnet.module.of("aws_vpc")}
    if not networks or not set(networks) <= declared:
        doubts.append("the main route table of the subnet's network is not declared in the Terraform files")
    main = [
        table
        for one in subnet.module.of("aws_main_route_table_association")
        if _same(one.references("vpc_id"), networks)
        for table in one.references("route_table_id")
    ]
    doubts += [
        f"{table}, the main table, is not declared in the Terraform files"
        for table in main
        if not table.startswith(_TABLES)
    ]
    default = [
        one.address
        for one in subnet.module.of("aws_default_route_table")
        if _same(one.references("default_route_table_id"), networks)
    ]
    return [*(main or default), *networks]


def _same(ones: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two references may name the same network: one that is not declared may name any."""
    known = [one for one in (*ones, *others) if one.startswith("aws_vpc.")]
    return len(known) < 2 or bool(set(ones) & set(others))


def _routes_in(files: Terraform, subnet: Resource, tables: Sequence[str], doubts: list[str]) -> Iterator[bool]:
    """Whether each route of these tables leads to an internet gateway; routes whose table or target is unknown are added to `doubts`."""
    for table in subnet.module.of("aws_route_table", "aws_default_route_table"):
        if table.address in tables:
            yield from _own_routes(table, doubts)
    for module in files.modules.values():
        for route in module.of("aws_route"):
            towards = route.references("route_table_id")
            here = module is subnet.module and bool(set(towards) & set(tables))
            leads = _leads_out(route, route.body)
            if here and leads is None:
                doubts.append(f"the Terraform files do not show where {route.address} leads")
            elif not here and leads is not False and any(one.startswith((*OPEN, "rtb-")) for one in towards):
                doubts.append(f"the Terraform files do not show which route table {route.address} is in")
            yield here and leads is True


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
    names = resource.module.references(raw, resource.body.get("for_each"))
    if any(name.startswith(_INTERNET) for name in names):
        return True
    return False if names and all(name.startswith(_OTHERS) for name in names) else None
