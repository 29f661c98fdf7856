"""Terraform: what the files declare, and what only a module, a provider or a caller knows."""

from __future__ import annotations

import json

import pytest

from harness.errors import ConfigurationError
from tests.together.static.conftest import PaperPlatform

SUBNETS = "every subnet of the cluster is private: 0 routes to an internet gateway"
CAPACITY = "the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units"
RESERVED = "the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a"

CLUSTER = """
resource "aws_eks_cluster" "c" {
  vpc_config {
    subnet_ids = %s
  }
}
resource "aws_vpc" "v" {
}
resource "aws_internet_gateway" "g" {
}
resource "aws_subnet" "a" {
  vpc_id = aws_vpc.v.id
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


DYNAMIC = 'dynamic "route" {{\n    for_each = var.routes\n    content {{\n      {}\n    }}\n  }}'
MAIN = 'resource "aws_main_route_table_association" "m" {\n  vpc_id = aws_vpc.v.id\n  route_table_id = %s\n}\n'
TIED = (
    'resource "aws_route_table_association" "x" {{\n  for_each = var.s\n  subnet_id = {}\n  route_table_id = {}\n}}\n'
)


def route(table: str) -> str:
    """A route to the internet in a table."""
    return f'resource "aws_route" "r" {{\n  route_table_id = {table}\n  gateway_id = aws_internet_gateway.g.id\n}}\n'


def only(platform: PaperPlatform, text: str, **more: str) -> None:
    """The only Terraform file there is, and others beside it."""
    for path in (platform.root / "terraform").glob("*.*"):
        if path.is_file():
            path.unlink()
    platform.write("terraform/main.tf", text)
    for name, content in more.items():
        platform.write(f"terraform/{name}", content)


def test_routes_of_a_subnet(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Through its table, the main table, locals; a subnet of a module is unknown."""
    for subnets, rest, oks in [
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
        ("[aws_subnet.a.id]", TABLE % DYNAMIC.format("gateway_id = route.value.gateway"), [None]),
        ("[aws_subnet.a.id]", TABLE % DYNAMIC.format("nat_gateway_id = route.value.nat"), [True]),
        ("[aws_subnet.a.id]", TABLE % "route {\n    gateway_id = each.value.gateway\n  }", [None]),
        ("[aws_subnet.a.id]", TABLE % 'route {\n    gateway_id = local.g\n  }\n}\nlocals {\n  g = "igw-1"', [False]),
        ("[aws_subnet.a.id]", TABLE % 'route {\n    gateway_id = "local"\n  }', [True]),
        ("[aws_subnet.a.id]", TABLE % "route = concat(var.a, var.b)", [None]),
        ("[aws_subnet.a.id]", TABLE.replace("aws_route_table.t.id", "data.aws_route_table.t.id") % "", [None]),
        ("[aws_subnet.a.id]", TABLE % "" + route("aws_route_table.t.id"), [False]),
        ("[aws_subnet.a.id]", TABLE % "" + route("each.value"), [None]),
        ("[aws_subnet.a.id]", route("aws_vpc.v.main_route_table_id"), [False]),
        ("[aws_subnet.a.id]", route("aws_vpc.v.default_route_table_id"), [False]),
        ("[aws_subnet.a.id]", TABLE % "" + route("aws_vpc.v.main_route_table_id"), [True]),
        ("[aws_subnet.a.id]", MAIN % "data.aws_route_table.p.id", [None]),
        ("[aws_subnet.a.id]", MAIN % "aws_route_table.t.id" + TIED.format("var.more", "aws_route_table.t.id"), [None]),
        ("[aws_subnet.a.id]", TIED.format("each.value", "aws_route_table.t.id"), [None]),
        ("concat([aws_subnet.a.id], var.more)", "", [True, None]),
        ('[aws_subnet.a.id, "subnet-123"]', "", [True, None]),
        (
            "[aws_subnet.a.id]",
            'resource "aws_eks_node_group" "n" {\n  cluster_name = aws_eks_cluster.c.name\n  subnet_ids = var.nodes\n}\n',
            [True, None],
        ),
    ]:
        with subtests.test(subnets=subnets, rest=rest):
            only(platform, CLUSTER % subnets + rest)
            assert [fact.ok for fact in platform.find(SUBNETS)] == oks


def test_a_network_that_is_declared_elsewhere(platform: PaperPlatform) -> None:
    """Its main table may lead anywhere; a table of one's own is all there is."""
    elsewhere = CLUSTER.replace("aws_vpc.v.id", "data.aws_vpc.v.id") % "[aws_subnet.a.id]"
    only(platform, elsewhere)
    assert [fact.ok for fact in platform.find(SUBNETS)] == [None]
    only(platform, elsewhere + TABLE % "")
    assert [fact.ok for fact in platform.find(SUBNETS)] == [True]


def test_what_is_written_in_json_counts_too(platform: PaperPlatform) -> None:
    """A route, a database and values of variables."""
    leads = {"route_table_id": "${aws_route_table.t.id}", "gateway_id": "${aws_internet_gateway.g.id}"}
    text = json.dumps({"resource": {"aws_route": {"r": leads}}})
    only(platform, CLUSTER % "[aws_subnet.a.id]" + TABLE % "", **{"routes.tf.json": text})
    assert [fact.ok for fact in platform.find(SUBNETS)] == [False]
    scaling = {"serverlessv2_scaling_configuration": {"min_capacity": 2, "max_capacity": "${var.most}"}}
    text = json.dumps({"resource": {"aws_rds_cluster": {"d": scaling}}, "variable": {"most": {"default": 8}}})
    only(platform, "", **{"d.tf.json": text, "terraform.tfvars.json": '{"most": 16}'})
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    only(platform, "", **{"d.tf.json": "[1"})
    with pytest.raises(ConfigurationError, match="is not JSON"):
        platform.find(CAPACITY)


def test_a_module_has_the_values_of_its_caller(platform: PaperPlatform) -> None:
    """Not its own defaults; and a route that it may make in a table that it is given is not decided."""
    body = DATABASE % (SCALING % "var.most")
    only(platform, 'module "d" {\n  source = "./d"\n  most = 16\n}\n')
    platform.write("terraform/d/main.tf", body)
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    platform.edit("terraform/main.tf", "most = 16", "most = 4")
    platform.edit("terraform/d/main.tf", "default = 8", "default = 16")
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, False]
    platform.edit("terraform/main.tf", "most = 4", "most = var.other")
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, None]
    platform.write("terraform/d/main.tf", route("var.table").replace("aws_internet_gateway.g.id", "var.gateway"))
    platform.write(
        "terraform/main.tf", CLUSTER % "[aws_subnet.a.id]" + TABLE % "" + 'module "d" {\n  source = "./d"\n}\n'
    )
    assert [fact.ok for fact in platform.find(SUBNETS)] == [None]


DATABASE = 'resource "aws_rds_cluster" "d" {\n  %s\n}\nvariable "most" {\n  default = 8\n}\nvariable "open" {\n}\n'
SCALING = "serverlessv2_scaling_configuration {\n    min_capacity = 2\n    max_capacity = %s\n  }"


def test_capacity_of_a_database(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Numbers, variables by their defaults and values; a block that the provider does not know declares nothing."""
    for body, more, oks in [
        (SCALING % "16", {}, [True, True]),
        (SCALING % "16.0", {}, [True, True]),
        (SCALING % '"16"', {}, [True, True]),
        (SCALING % '"16 ACU"', {}, [True, False]),
        (SCALING % "var.most", {}, [True, False]),
        (SCALING % "var.most", {"terraform.tfvars": "most = 16\n"}, [True, True]),
        (SCALING % "var.most", {"other.tfvars": "most = 16\n"}, [True, None]),
        (SCALING % "local.m", {"l.tf": "locals {\n  m = var.most\n}\n", "other.tfvars": "most = 16\n"}, [True, None]),
        (SCALING % "var.most", {"terraform.tfvars": "most = 16\n", "other.tfvars": "most = 16\n"}, [True, True]),
        (SCALING % "var.most", {"terraform.tfvars": "most = 16\n", "envs/prod.tfvars": "most = 8\n"}, [True, None]),
        ("count = var.most\n  " + SCALING % "16", {"other.tfvars": "most = 0\n"}, [None, None]),
        (SCALING % '"${var.most}"', {"a.auto.tfvars": "most = 16\n"}, [True, True]),
        (SCALING % "var.open", {}, [True, None]),
        (SCALING % "var.most", {"terraform.tfvars": "most = 16\n", "a.auto.tfvars": "most = 4\n"}, [True, False]),
        ("count = var.open ? 1 : 0\n  " + SCALING % "16", {}, [None, None]),
        (
            'dynamic "serverlessv2_scaling_configuration" {\n    for_each = var.a\n    content {\n    }\n  }',
            {},
            [None, None],
        ),
        ('dynamic "timeouts" {\n    for_each = []\n    content {\n    }\n  }', {}, [False, False]),
        ("count = length(local.two)\n  " + SCALING % "16", {"l.tf": 'locals {\n  two = ["a", "b"]\n}\n'}, [True, True]),
        (SCALING % "var.most * 2", {}, [True, None]),
        ("serverlessv2_config {\n    max_capacity = 16\n  }", {}, [False, False]),
        ("", {}, [False, False]),
    ]:
        with subtests.test(body=body, more=more):
            (platform.root / "terraform/envs/prod.tfvars").unlink(missing_ok=True)
            only(platform, DATABASE % body, **more)
            assert [fact.ok for fact in platform.find(CAPACITY)] == oks


def reservation(name: str, count: str, zone: str = "us-east-1a", more: str = "") -> str:
    """One reservation."""
    return (
        f'resource "aws_ec2_capacity_reservation" "{name}" {{\n  instance_type = "m5.large"\n  instance_platform = "Linux/UNIX"\n'
        f'  availability_zone = "{zone}"\n  instance_count = {count}\n{more}}}\n'
    )


def test_reserved_instances(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """All of one type, platform and zone together."""
    for text, ok in [
        (reservation("a", "10"), True),
        (reservation("a", "4") + reservation("b", "6"), True),
        (reservation("a", "5", more="  count = 2\n"), True),
        (reservation("a", "10") + reservation("b", "3", zone="us-east-1b"), True),
        (reservation("a", "10", zone="us-east-1b"), False),
        (reservation("a", "11"), False),
        (reservation("a", "var.n"), None),
        (reservation("a", "10", more="  for_each = var.zones\n"), None),
    ]:
        with subtests.test(text):
            only(platform, text)
            [fact] = platform.find(RESERVED)
            assert fact.ok is ok


def test_what_is_declared_and_not_made(platform: PaperPlatform) -> None:
    """A count of 0, a set without a member, and a module that is there twice."""
    for none in ("count = 0", "for_each = {}", "for_each = toset([])", "for_each = local.none"):
        only(platform, DATABASE % (none + "\n  " + SCALING % "16") + "locals {\n  none = {}\n}\n")
        with pytest.raises(ConfigurationError, match="declares no `aws_rds_cluster`"):
            platform.find(CAPACITY)
    only(platform, 'module "a" {\n  source = "./r"\n}\nmodule "b" {\n  source = "./r"\n}\n')
    platform.write("terraform/r/main.tf", reservation("a", "10"))
    [fact] = platform.find(RESERVED)
    assert (fact.observed, fact.ok) == ("20", False)


@pytest.mark.parametrize(
    ("call", "ok"),
    [
        ("", True),
        ("count = 1", True),
        ('for_each = toset(["a", "b"])', True),
        ("for_each = { a = 1 }", True),
        ("count = var.on ? 1 : 0", None),
        ("for_each = var.on ? { a = 1 } : {}", None),
    ],
)
def test_a_database_in_a_module_is_there_as_often_as_it_is_called(
    platform: PaperPlatform, call: str, *, ok: bool | None
) -> None:
    """By `count` and `for_each` of the call, through a module between; what these files do not decide is named, of a subnet as well."""
    between = f'module "d" {{\n  source = "../d"\n  {call}\n}}\n'
    only(platform, 'variable "on" {\n  default = true\n}\nmodule "b" {\n  source = "./b"\n}\n')
    platform.write("terraform/b/main.tf", between)
    platform.write("terraform/d/main.tf", DATABASE % (SCALING % "16") + CLUSTER % "[aws_subnet.a.id]")
    facts = [*platform.find(CAPACITY), *platform.find(SUBNETS)]
    assert [fact.ok for fact in facts] == [ok, ok, ok]
    assert ok or "the Terraform files do not show whether aws_rds_cluster.d is created; hint:" in facts[0].observed
    platform.edit("terraform/main.tf", 'source = "./b"', 'source = "./b"\n  count = 0')
    with pytest.raises(ConfigurationError, match="declares no `aws_rds_cluster`"):
        platform.find(CAPACITY)


def test_a_module_that_no_file_calls_is_perhaps_not_there(platform: PaperPlatform) -> None:
    """It is where it has a provider or a state of its own, or where the target file names its directory."""
    only(platform, 'resource "aws_vpc" "v" {\n}\n')
    body = DATABASE % (SCALING % "16")
    platform.write("terraform/modules/db/main.tf", body)
    facts = platform.find(CAPACITY)
    assert [fact.ok for fact in facts] == [None, None]
    assert facts[0].observed.endswith("name under `files.terraform` each directory that is applied")
    for more in ('provider "aws" {\n}\n', 'terraform {\n  backend "s3" {\n  }\n}\n'):
        platform.write("terraform/modules/db/main.tf", body + more)
        assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    platform.write("terraform/modules/db/main.tf", body)
    platform.name(terraform=["repository/terraform", "repository/terraform/modules/db"])
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]


def test_a_file_of_values_that_the_target_file_names_is_applied(platform: PaperPlatform) -> None:
    """After those that Terraform loads by itself; without its name the value is unknown, and the file is named."""
    values = {"terraform.tfvars": "most = 4\n", "prod.tfvars": "most = 16\n", "staging.tfvars": "most = 2\n"}
    only(platform, DATABASE % (SCALING % "var.most"), **values)
    fact = platform.find(CAPACITY)[1]
    assert (fact.ok, "prod.tfvars` gives `most` another value" in fact.observed) == (None, True)
    platform.name(terraform=["repository/terraform", "repository/terraform/prod.tfvars"])
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]


def test_a_module_of_a_registry_is_not_in_the_files(platform: PaperPlatform) -> None:
    """The message names it and says what to do."""
    only(platform, 'resource "aws_vpc" "v" {\n}\nmodule "a" {\n  source = "acme/aurora/aws"\n}\n')
    with pytest.raises(ConfigurationError, match=r"module `a` \(acme/aurora/aws\) is not in these files") as raised:
        platform.find(CAPACITY)
    assert raised.value.hint.startswith("run `terraform get`")


def test_beside_a_good_database_a_module_may_declare_another(platform: PaperPlatform) -> None:
    """Until its code is named, as `terraform get` brings it; its examples and their values are not applied."""
    call = 'module "a" {\n  source = "acme/aurora/aws%s"\n}\n'
    only(platform, DATABASE % (SCALING % "16") + call % "")
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True, None]
    installed = "terraform/.terraform/modules/a"
    platform.write(f"{installed}/main.tf", 'resource "aws_vpc" "v" {\n}\n')
    platform.write(f"{installed}/other/main.tf", DATABASE.replace('"d"', '"e"') % (SCALING % "8"))
    platform.write(f"{installed}/examples/all/main.tf", 'module "a" {\n  source = "../.."\n}\n')
    platform.write(f"{installed}/examples/all/terraform.tfvars", "most = 4\n")
    platform.name(terraform=["repository/terraform", f"repository/{installed}"])
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    for source, oks in (("//other", [True, False]), ("//more", [None])):
        only(platform, DATABASE % (SCALING % "16") + call % source)
        assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True, *oks]
    only(platform, DATABASE % (SCALING % "16") + (call % "//more").replace("{\n", "{\n  count = 0\n"))
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]


def test_what_a_module_of_a_registry_calls(platform: PaperPlatform) -> None:
    """`terraform get` brings it beside its caller, under the names of both."""
    only(platform, DATABASE % (SCALING % "16") + 'module "a" {\n  source = "acme/aurora/aws"\n}\n')
    modules = "terraform/.terraform/modules"
    platform.write(f"{modules}/a/main.tf", 'module "b" {\n  source = "git::https://example.test/b.git//c?ref=v1"\n}\n')
    platform.write(f"{modules}/a.b/c/main.tf", DATABASE.replace('"d"', '"e"') % (SCALING % "8"))
    platform.name(terraform=["repository/terraform", f"repository/{modules}"])
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True, True, False]


def test_a_reservation_that_has_ended_reserves_nothing(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """By its end; one that these files do not say is unknown."""
    platform.name(terraform="repository/own")
    for end, ok in [
        ("", True),
        ('end_date_type = "unlimited"', True),
        ('end_date_type = "limited"\n  end_date = "2024-01-01T00:00:00Z"', False),
        ('end_date_type = "limited"\n  end_date = "2999-01-01T00:00:00Z"', True),
        ('end_date = "2024-01-01"', False),
        ('end_date_type = "limited"', None),
        ('end_date_type = "limited"\n  end_date = var.end', None),
        ("end_date_type = var.kind", None),
    ]:
        with subtests.test(end=end):
            platform.write("own/main.tf", reservation("r", "10", more=f"  {end}\n"))
            assert [fact.ok for fact in platform.find(RESERVED)] == [ok]


CLUSTER_OF_FOUR = """
resource "aws_rds_cluster" "c" {
  engine = "aurora-postgresql"
  serverlessv2_scaling_configuration {
    min_capacity = 2
    max_capacity = 4
  }
}
"""


@pytest.mark.parametrize("name", ["override.tf", "size_override.tf"])
def test_an_override_file_is_merged_over_the_others(platform: PaperPlatform, name: str) -> None:
    """A block of it takes the place of those of its kind; it is no second cluster."""
    platform.write("own/main.tf", CLUSTER_OF_FOUR)
    platform.write(
        f"own/{name}", CLUSTER_OF_FOUR.replace('  engine = "aurora-postgresql"\n', "").replace("= 4", "= 16")
    )
    platform.name(terraform="repository/own")
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    platform.write(f"own/{name}", CLUSTER_OF_FOUR.replace('"c"', '"d"'))
    with pytest.raises(ConfigurationError, match=r"overrides aws_rds_cluster.d, which no other file declares"):
        platform.find(CAPACITY)


def test_a_file_of_opentofu_takes_the_place_of_terraforms(platform: PaperPlatform) -> None:
    """`main.tofu` is read and `main.tf` beside it is not; another file is."""
    platform.write("own/main.tofu", CLUSTER_OF_FOUR.replace("= 4", "= 16"))
    platform.name(terraform="repository/own")
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    platform.write("own/main.tf", CLUSTER_OF_FOUR)
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True]
    platform.write("own/more.tf", CLUSTER_OF_FOUR.replace('"c"', '"d"'))
    assert [fact.ok for fact in platform.find(CAPACITY)] == [True, True, True, False]
