"""Subnets of a cluster: nodes of any module, and what is there or leads out only by a value that the files do not show."""

from __future__ import annotations

import pytest

from tests.together.static.conftest import PaperPlatform

SUBNETS = "every subnet of the cluster is private: 0 routes to an internet gateway"


def block(kind: str, name: str, **attributes: str) -> str:
    """One resource, or one call of a module."""
    head = f'resource "{kind}" "{name}"' if kind != "module" else f'module "{name}"'
    return f"{head} {{\n" + "".join(f"  {key} = {value}\n" for key, value in attributes.items()) + "}\n"


NETWORK = "".join(
    [
        'provider "aws" {\n}\nvariable "on" {\n  default = false\n}\n',
        block("aws_vpc", "v") + block("aws_internet_gateway", "g"),
        *(block("aws_subnet", name, vpc_id="aws_vpc.v.id") for name in ("inner", "outer")),
        block("aws_route_table", "inner"),
        'resource "aws_route_table" "outer" {\n  route {\n    gateway_id = aws_internet_gateway.g.id\n  }\n}\n',
        *(
            block(
                "aws_route_table_association",
                name,
                subnet_id=f"aws_subnet.{name}.id",
                route_table_id=f"aws_route_table.{name}.id",
            )
            for name in ("inner", "outer")
        ),
        'resource "aws_eks_cluster" "c" {\n  name = "shop"\n',
        "  vpc_config {\n    subnet_ids = [aws_subnet.inner.id]\n  }\n}\n",
    ]
)
OUTER = "[aws_subnet.outer.id]"
CONDITION = "var.on ? 1 : 0"
MAIN = block("aws_main_route_table_association", "m", vpc_id="aws_vpc.v.id", route_table_id="aws_route_table.outer.id")
TAG = "  tag {\n    key = %s\n  }\n}\n"


def nodes(cluster: str, subnets: str = OUTER, kind: str = "aws_eks_node_group", **more: str) -> str:
    """A node group."""
    return block(kind, "n", cluster_name=cluster, subnet_ids=subnets, **more)


def machines(tag: str) -> str:
    """A group of machines with a tag."""
    return block("aws_autoscaling_group", "n", vpc_zone_identifier=OUTER).removesuffix("}\n") + TAG % tag


def route(gateway: str, **more: str) -> str:
    """A route in the table of the inner subnet."""
    return block("aws_route", "r", route_table_id="aws_route_table.inner.id", gateway_id=gateway, **more)


GATEWAY = "aws_internet_gateway.g.id"


def test_what_may_be_there_or_not_is_unknown(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Nodes, their cluster, routes and where they lead; what is private either way passes."""
    platform.name(terraform="repository/own")
    for more, ok in [
        ("", True),
        (nodes("aws_eks_cluster.c.name"), False),
        (nodes('"shop"'), False),
        (nodes('"other"'), True),
        (nodes("var.name"), None),
        (nodes("aws_eks_cluster.c.name", count=CONDITION), None),
        (nodes("aws_eks_cluster.c.name", "[aws_subnet.inner.id]", count=CONDITION), True),
        (nodes("aws_eks_cluster.c.name", "[]"), None),
        (nodes("aws_eks_cluster.c.name", "var.on ? aws_subnet.outer[*].id : aws_subnet.inner[*].id"), None),
        (machines('"kubernetes.io/cluster/shop"'), None),
        (machines("local.tag") + 'locals {\n  tag = "kubernetes.io/cluster/shop"\n}\n', None),
        (machines('"Name"'), True),
        (route(GATEWAY), False),
        (route(GATEWAY, count=CONDITION), None),
        (route(GATEWAY, count="length(var.none)"), None),
        (route(f"var.on ? {GATEWAY} : null"), None),
        (route("local.g") + f"locals {{\n  g = var.on ? null : {GATEWAY}\n}}\n", None),
        (MAIN, True),
    ]:
        with subtests.test(more=more):
            platform.write("own/main.tf", NETWORK + more)
            found = {fact.ok for fact in platform.find(SUBNETS)}
            assert (False if False in found else None if None in found else True) is ok


@pytest.mark.parametrize(
    ("old", "new", "ok"),
    [
        ('association" "inner" {', f'association" "inner" {{\n  count = {CONDITION}', None),
        ("= aws_route_table.inner.id", "= var.on ? aws_route_table.inner.id : aws_route_table.outer.id", None),
        ("= aws_route_table.inner.id", "= aws_route_table.outer.id", False),
    ],
)
def test_an_association_that_may_not_be_there_leaves_the_main_table(
    platform: PaperPlatform, old: str, new: str, *, ok: bool | None
) -> None:
    """Which leads out here."""
    assert old in NETWORK
    platform.write("own/main.tf", NETWORK.replace(old, new, 1) + MAIN)
    platform.name(terraform="repository/own")
    assert [fact.ok for fact in platform.find(SUBNETS)] == [ok]


@pytest.mark.parametrize(
    ("call", "module", "ok"),
    [
        ({"c": "aws_eks_cluster.c.name", "s": OUTER}, nodes("var.c", "var.s"), [True, False]),
        ({"c": "aws_eks_cluster.c.name", "s": OUTER, "count": CONDITION}, nodes("var.c", "var.s"), [True, None]),
        ({"c": "var.name", "s": OUTER}, nodes("var.c", "var.s"), [True, None]),
        (
            {"c": "aws_eks_cluster.c.id", "s": "each.value", "for_each": "{ a = aws_subnet.outer.id }"},
            nodes("var.c", "[var.s]", "aws_eks_fargate_profile"),
            [True, False],
        ),
        (
            {"t": "aws_route_table.inner.id", "g": GATEWAY},
            block("aws_route", "r", route_table_id="var.t", gateway_id="var.g"),
            [False],
        ),
        (
            {"s": "aws_subnet.inner.id", "t": "aws_route_table.outer.id"},
            block("aws_route_table_association", "a", subnet_id="var.s", route_table_id="var.t"),
            [False],
        ),
    ],
)
def test_what_a_called_module_is_given_is_followed(
    platform: PaperPlatform, call: dict[str, str], module: str, ok: list[bool | None]
) -> None:
    """Nodes of the cluster, routes of its tables and associations of its subnets in another directory."""
    platform.write("own/main.tf", NETWORK + block("module", "m", source='"./m"', **call))
    platform.write("own/m/main.tf", module)
    platform.name(terraform="repository/own")
    assert [fact.ok for fact in platform.find(SUBNETS)] == ok
