"""Terraform: what the files declare, without a provider, a state or a plan. What they do not decide is unknown, not wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown, text_of
from harness.errors import ConfigurationError

_LARGEST: Final = 1 << 19
"""Characters of one file: the parser is a hundred times slower than reading."""
_REFERENCE: Final = re.compile(
    r"(?<![\w.])(?P<data>data\.)?(?P<type>[a-z][a-z0-9]*(?:_[a-z0-9]+)+|module)\.(?P<name>[\w-]+)"
)
_SETTING: Final = re.compile(r"(?P<of>var|local)\.(?P<name>[\w-]+)")
_DEEPEST: Final = 10
"""Variables and locals that refer to each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One `resource` block.

    Attributes:
        kind, name: its two labels. body: its attributes; a text is in quotes, an expression in `${}`. place: `file:line`.
    """

    kind: str
    name: str
    body: Mapping[str, Any]
    place: str

    @property
    def address(self) -> str:
        """`aws_subnet.private`."""
        return f"{self.kind}.{self.name}"

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """Its nested blocks of that name, also where they are written as a list."""
        listed = self.body.get(name)
        return [block for block in listed if isinstance(block, dict)] if isinstance(listed, list) else []


class Terraform:
    """What the `*.tf` and `*.tfvars` of a target declare together.

    Args:
        asked: its target names them under `files.terraform`.

    Raises:
        ConfigurationError: there are none, or one cannot be parsed.
    """

    def __init__(self, asked: Asked) -> None:
        self.where = f"{asked.target.file}: files.terraform"
        self.resources: list[Resource] = []
        self._settings: dict[str, Any] = {}
        given: dict[str, Any] = {}
        roots = named(asked, "terraform")
        for path in files_of(roots, lambda path: path.name.endswith((".tf", ".tfvars"))):
            text, content = _parsed(path)
            asked.keep(path)
            if path.suffix == ".tfvars":
                if path.name == "terraform.tfvars" or path.name.endswith(".auto.tfvars"):
                    given.update({f"var.{name}": value for name, value in content.items() if not name.startswith("__")})
                continue
            self._add(content, text, shown(path, asked))
        if not self.resources:
            raise ConfigurationError("declares no resource", where=self.where, hint="name the directory of the `*.tf`")
        self._settings.update(given)

    def _add(self, content: Mapping[str, Any], text: str, file: str) -> None:
        for block in content.get("resource", []):
            for kind, named_ in block.items():
                for name, body in named_.items():
                    label = f"resource {kind} {name}"
                    self.resources.append(
                        Resource(
                            kind=kind.strip('"'), name=name.strip('"'), body=body, place=f"{file}:{_line(text, label)}"
                        )
                    )
        for block in content.get("variable", []):
            for name, body in block.items():
                if "default" in body:
                    self._settings[f"var.{name.strip(chr(34))}"] = body["default"]
        for block in content.get("locals", []):
            self._settings.update(
                {f"local.{name}": value for name, value in block.items() if not name.startswith("__")}
            )

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds."""
        return [one for one in self.resources if one.kind in kinds]

    def required(self, kind: str) -> list[Resource]:
        """The resources of a kind; raises ConfigurationError where none is declared."""
        found = self.of(kind)
        if not found:
            raise ConfigurationError(
                f"declares no `{kind}`", where=self.where, hint="name all directories it is made of"
            )
        return found

    def value(self, raw: Any, depth: int = 0) -> Any:
        """What an attribute is: a text without quotes, a number, a truth value, a list; None where only a provider or a caller knows."""
        if isinstance(raw, list):
            return [self.value(item, depth) for item in raw]
        if not isinstance(raw, str):
            return raw
        if len(raw) > 1 and raw[0] == raw[-1] == '"':
            inner = raw[1:-1]
            return _unquoted(raw) if "${" not in inner else self._interpolated(inner, depth)
        return self._setting(_bare(raw), depth)

    def _interpolated(self, text: str, depth: int) -> Any:
        whole = re.fullmatch(r"\$\{([^{}]*)\}", text)
        return self._setting(whole[1].strip(), depth) if whole else None

    def _setting(self, expression: str, depth: int) -> Any:
        found = _SETTING.fullmatch(expression)
        if found is None or depth > _DEEPEST or found[0] not in self._settings:
            return None
        return self.value(self._settings[found[0]], depth + 1)

    def references(self, raw: Any, depth: int = 0) -> list[str]:
        """The addresses that an expression speaks of, `aws_subnet.private`, `module.vpc`, `data.aws_subnets.all`; through locals."""
        text = json.dumps(raw) if not isinstance(raw, str) else raw
        found = [f"{match['data'] or ''}{match['type']}.{match['name']}" for match in _REFERENCE.finditer(text)]
        for setting in _SETTING.finditer(text):
            if depth <= _DEEPEST and setting[0] in self._settings:
                found += self.references(self._settings[setting[0]], depth + 1)
        return list(dict.fromkeys(found))


def _bare(expression: str) -> str:
    return expression[2:-1].strip() if expression.startswith("${") and expression.endswith("}") else expression


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


def _line(text: str, label: str) -> int:
    pattern = r"\s+".join(re.escape(word) for word in label.split())
    found = re.search(rf"^[ \t]*{pattern}", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _parsed(path: Path) -> tuple[str, Mapping[str, Any]]:
    import hcl2  # a tenth of a second, and only where Terraform is read
    from lark.exceptions import LarkError, UnexpectedInput

    text = text_of(path)
    if len(text) > _LARGEST:
        raise ConfigurationError(f"is larger than {_LARGEST} characters", where=str(path), hint="split it")
    try:
        content: Mapping[str, Any] = hcl2.loads(text)
    except UnexpectedInput as error:
        line = error.line if isinstance(error.line, int) and error.line > 0 else text.count("\n") + 1
        raise ConfigurationError(
            "is not Terraform", where=f"{path}:{line}", hint="`terraform fmt` names the place too"
        ) from error
    except (LarkError, ValueError, RecursionError, KeyError, TypeError) as error:
        why = str(error).partition("\n")[0]
        raise ConfigurationError(f"cannot be read as Terraform: {why}", where=str(path)) from error
    return text, content


def subnets_private(asked: Asked) -> Sequence[FactReading]:
    """`subnets-private`: how many routes to an internet gateway each subnet of each cluster has."""
    files = Terraform(asked)
    return [seen for cluster in files.required("aws_eks_cluster") for seen in _subnets_of(files, cluster)]


def _subnets_of(files: Terraform, cluster: Resource) -> Iterator[FactReading]:
    blocks = cluster.blocks("vpc_config")
    listed = [reference for block in blocks for reference in files.references(block.get("subnet_ids", ""))]
    if not listed:
        yield _unknown(cluster, "subnets", "its `vpc_config.subnet_ids` names no subnet of these files")
    declared = {one.address: one for one in files.of("aws_subnet")}
    for reference in listed:
        if reference in declared:
            yield _routes(files, cluster, declared[reference])
        elif not reference.startswith(("aws_vpc.", "data.aws_availability_zones.")):
            yield _unknown(cluster, reference, "it is not declared in these files")


_NO_GATEWAY: Final = "0 routes to an internet gateway"


def _unknown(resource: Resource, what: str, why: str) -> FactReading:
    return FactReading(
        subject=f"{resource.place} {resource.address}: {what}", expected=_NO_GATEWAY, observed=why, ok=None
    )


def _routes(files: Terraform, cluster: Resource, subnet: Resource) -> FactReading:
    tables = _tables_of(files, subnet)
    gateways = [files.references(route.get("gateway_id", "")) or _literal(route) for route in _routes_in(files, tables)]
    count = sum(any(name.startswith(("aws_internet_gateway.", "igw-")) for name in names) for names in gateways)
    unclear = [name for names in gateways for name in names if name.startswith(("data.", "module.", "var."))]
    through = f" through {', '.join(tables)}" if tables else ": it is in no route table of these files"
    return FactReading(
        subject=f"{subnet.place} {subnet.address} of {cluster.address}",
        expected=_NO_GATEWAY,
        observed=f"{count} routes{through}" + (f", and one to {unclear[0]}" if unclear else ""),
        ok=count == 0 if count or not unclear else None,
    )


def _literal(route: Mapping[str, Any]) -> list[str]:
    """What a gateway is that no resource of these files is: an id as it is written, or a variable."""
    raw = route.get("gateway_id")
    return [_bare(str(raw)).strip('"')] if raw else []


def _tables_of(files: Terraform, subnet: Resource) -> list[str]:
    own = [
        table
        for association in files.of("aws_route_table_association")
        if subnet.address in files.references(association.body.get("subnet_id", ""))
        for table in files.references(association.body.get("route_table_id", ""))
        if table.startswith(("aws_route_table.", "aws_default_route_table."))
    ]
    main = [
        table
        for association in files.of("aws_main_route_table_association")
        for table in files.references(association.body.get("route_table_id", ""))
        if table.startswith("aws_route_table.")
    ]
    return list(dict.fromkeys(own or [*main, *(one.address for one in files.of("aws_default_route_table"))]))


def _routes_in(files: Terraform, tables: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for resource in files.of("aws_route_table", "aws_default_route_table"):
        if resource.address in tables:
            yield from resource.blocks("route")
    for route in files.of("aws_route"):
        if set(files.references(route.body.get("route_table_id", ""))) & set(tables):
            yield route.body


def database_capacity(asked: Asked) -> Sequence[FactReading]:
    """`database-capacity`: the least and the most capacity units of each database cluster."""
    files = Terraform(asked)
    seen = []
    for cluster in files.required("aws_rds_cluster"):
        blocks = cluster.blocks("serverlessv2_scaling_configuration") or cluster.blocks("scaling_configuration")
        for key, expected in (("min_capacity", asked.params["least"]), ("max_capacity", asked.params["most"])):
            raw = blocks[0].get(key) if blocks else None
            value = files.value(raw)
            unknown = raw is not None and value is None
            seen.append(
                FactReading(
                    subject=f"{cluster.place} {cluster.address}: {key}",
                    expected=f"{expected} capacity units",
                    observed="not declared"
                    if raw is None
                    else f"{raw} is not decided by these files"
                    if unknown
                    else f"{value}",
                    ok=None if unknown else _is_number(value, expected),
                )
            )
    return seen


def _is_number(value: Any, expected: str) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and float(value) == float(expected)


def capacity_reservation(asked: Asked) -> Sequence[FactReading]:
    """`capacity-reservation`: how many instances of one type, platform and zone all reservations cover together."""
    files = Terraform(asked)
    expected = {
        "instance_type": asked.params["instance"],
        "instance_platform": {"Linux": "Linux/UNIX"}.get(asked.params["platform"], asked.params["platform"]),
        "availability_zone": asked.params["zone"],
    }
    total, unknown, others = 0, "", []
    for one in files.required("aws_ec2_capacity_reservation"):
        found = {key: files.value(one.body.get(key)) for key in expected}
        count, times = files.value(one.body.get("instance_count")), files.value(one.body.get("count", 1))
        if None in found.values() or not isinstance(count, int) or not isinstance(times, int) or "for_each" in one.body:
            unknown = f"{one.address} is not decided by these files"
        elif found == expected:
            total += count * times
        else:
            others.append(f"{count} of {' '.join(map(str, found.values()))}")
    elsewhere = f", and {' and '.join(others)}" if others else ""
    return [
        FactReading(
            subject=f"{asked.params['instance']} on {asked.params['platform']} in {asked.params['zone']}",
            expected=f"{asked.params['count']} reserved instances",
            observed=f"{total}{elsewhere}" + (f"; {unknown}" if unknown else ""),
            ok=None if unknown else total == int(asked.params["count"]),
        )
    ]
