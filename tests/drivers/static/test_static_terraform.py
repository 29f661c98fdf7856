"""Terraform: what the files declare, and what only a module, a provider or a caller knows."""

from __future__ import annotations

import pytest

from tests.drivers.static.conftest import PaperPlatform

SUBNETS = "every subnet of the cluster is private: 0 routes to an internet gateway"
CAPACITY = "the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units"
RESERVED = "the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a"

CLUSTER = """
resource "aws_eks_cluster" "c" {
  vpc_config {
    subnet_ids = %s
  }
}
resource "aws_internet_gateway" "g" {
}
resource "aws_subnet" "a" {
}
"""
TABLE = """
resource "aws_route_table_association" "x" {
  subnet_id      = aws_subnet.a.id
  route_table_id = aws_route_table.t.id
}
resource "aws_route_table" "t" {
  %s
}
"""


def only(platform: PaperPlatform, text: str, **more: str) -> None:
    """The only Terraform file there is, and others beside it."""
    for path in (platform.root / "terraform").iterdir():
        path.unlink()
    platform.write("terraform/main.tf", text)
    for name, content in more.items():
        platform.write(f"terraform/{name}", content)


@pytest.mark.parametrize(
    ("subnets", "rest", "oks"),
    [
        ("[aws_subnet.a.id]", "", [True]),
        ("[aws_subnet.a.id]", TABLE % "", [True]),
        ("[aws_subnet.a.id]", TABLE % "route {\n    gateway_id = aws_internet_gateway.g.id\n  }", [False]),
        ("[aws_subnet.a.id]", TABLE % 'route {\n    gateway_id = "igw-123"\n  }', [False]),
        ("[aws_subnet.a.id]", TABLE % "route {\n    gateway_id = var.gateway\n  }", [None]),
        ("[aws_subnet.a.id]", TABLE % "route {\n    nat_gateway_id = aws_nat_gateway.n.id\n  }", [True]),
        ("[aws_subnet.a.id]", TABLE % "route = [{ gateway_id = aws_internet_gateway.g.id }]", [False]),
        (
            "[aws_subnet.a.id]",
            'resource "aws_default_route_table" "d" {\n  route {\n    gateway_id = aws_internet_gateway.g.id\n  }\n}\n',
            [False],
        ),
        ("local.nodes", "locals {\n  nodes = [aws_subnet.a.id]\n}\n", [True]),
        ("module.vpc.private_subnets", "", [None]),
        ("[aws_subnet.b.id]", "", [None]),
        ('["subnet-1"]', "", [None]),
        ("var.subnets", "", [None]),
    ],
)
def test_routes_of_a_subnet(platform: PaperPlatform, subnets: str, rest: str, oks: list[bool | None]) -> None:
    """Through its table, the main table, locals; a subnet of a module is unknown."""
    only(platform, CLUSTER % subnets + rest)
    assert [fact.ok for fact in platform.find(SUBNETS)] == oks


DATABASE = 'resource "aws_rds_cluster" "d" {\n  %s\n}\nvariable "most" {\n  default = 8\n}\nvariable "open" {\n}\n'
SCALING = "serverlessv2_scaling_configuration {\n    min_capacity = 2\n    max_capacity = %s\n  }"


@pytest.mark.parametrize(
    ("body", "more", "oks"),
    [
        (SCALING % "16", {}, [True, True]),
        (SCALING % "16.0", {}, [True, True]),
        (SCALING % "var.most", {}, [True, False]),
        (SCALING % "var.most", {"terraform.tfvars": "most = 16\n"}, [True, True]),
        (SCALING % "var.most", {"other.tfvars": "most = 16\n"}, [True, False]),
        (SCALING % '"${var.most}"', {"a.auto.tfvars": "most = 16\n"}, [True, True]),
        (SCALING % "var.open", {}, [True, None]),
        (SCALING % "var.most * 2", {}, [True, None]),
        ("serverlessv2_config {\n    max_capacity = 16\n  }", {}, [False, False]),
        ("", {}, [False, False]),
    ],
)
def test_capacity_of_a_database(
    platform: PaperPlatform, body: str, more: dict[str, str], oks: list[bool | None]
) -> None:
    """Numbers, variables by their defaults and values; a block that the provider does not know declares nothing."""
    only(platform, DATABASE % body, **more)
    assert [fact.ok for fact in platform.find(CAPACITY)] == oks


def reservation(name: str, count: str, zone: str = "us-east-1a", more: str = "") -> str:
    """One reservation."""
    return (
        f'resource "aws_ec2_capacity_reservation" "{name}" {{\n  instance_type = "m5.large"\n  instance_platform = "Linux/UNIX"\n'
        f'  availability_zone = "{zone}"\n  instance_count = {count}\n{more}}}\n'
    )


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        (reservation("a", "10"), True),
        (reservation("a", "4") + reservation("b", "6"), True),
        (reservation("a", "5", more="  count = 2\n"), True),
        (reservation("a", "10") + reservation("b", "3", zone="us-east-1b"), True),
        (reservation("a", "10", zone="us-east-1b"), False),
        (reservation("a", "11"), False),
        (reservation("a", "var.n"), None),
        (reservation("a", "10", more="  for_each = var.zones\n"), None),
    ],
)
def test_reserved_instances(platform: PaperPlatform, text: str, *, ok: bool | None) -> None:
    """All of one type, platform and zone together."""
    only(platform, text)
    [fact] = platform.find(RESERVED)
    assert fact.ok is ok
