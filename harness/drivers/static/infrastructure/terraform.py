"""Terraform: what the files declare, without a provider, a state or a plan. A value that the files alone do not show is unknown, not wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown
from harness.drivers.static.infrastructure.hcl import blocks_of, is_terraform, labelled, parsed
from harness.errors import ConfigurationError

_NAMES: Final = re.compile(
    r"(?<![\w.])(?:(?P<resource>(?:data\.)?(?:[a-z][a-z0-9]*(?:_[a-z0-9]+)+|module)\.[\w-]+)"
    r"|(?P<setting>(?:var|local)\.[\w-]+)|(?P<each>each\.(?:value|key)|self\.\w+)|(?P<id>(?:subnet|igw|rtb)-\w+))"
)
_SETTING: Final = re.compile(r"(?P<of>var|local)\.(?P<name>[\w-]+)")
_INDEX: Final = re.compile(r"(?<=[\w\])*\"])\[[^\[\]]*\]")
_DEEPEST: Final = 10
"""Most references from one variable or local to the next that are followed."""
OPEN: Final = ("var.", "local.", "each.", "self.", "data.", "module.")
"""Beginnings of references whose value the files may not show."""


@dataclass(kw_only=True)
class TerraformModule:
    """The files of one directory, which know each other's names.

    Attributes:
        resources: declared there. settings: values of variables and locals, `var.a`, as they are written.
        calls: of other modules: name, and arguments. callers: the modules that call this one, each with its arguments.
    """

    resources: list[Resource] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    callers: list[tuple[TerraformModule, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def repeated(self) -> bool:
        """Whether the module may be created several times, or not at all."""
        return len(self.callers) > 1 or any("count" in body or "for_each" in body for _, body in self.callers)

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds; one whose count is 0 is left out."""
        return [one for one in self.resources if one.kind in kinds and self.value(one.body.get("count", 1)) != 0]

    def value(self, raw: Any, depth: int = 0) -> Any:
        """The value of an attribute: a text without quotes, a number, a boolean, a list; None if only a provider or a caller knows it."""
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
        if found is None or depth > _DEEPEST:
            return None
        own = self.value(self.settings[found[0]], depth + 1) if found[0] in self.settings else None
        if found["of"] == "local" or not self.callers:
            return own
        given = [
            caller.value(body[found["name"]], depth + 1) if found["name"] in body else own
            for caller, body in self.callers
        ]
        return given[0] if all(one == given[0] for one in given) else None

    def references(self, raw: Any, each: Any = None, depth: int = 0) -> list[str]:
        """The addresses that an expression refers to, such as `aws_subnet.private` or `module.vpc`; variables and locals are followed.

        A reference whose value the files do not show is listed as it is written: `var.subnets`, `each.value`, or the id of an object
        that is not declared.

        Args:
            raw: the expression.
            each: `for_each` of the resource, whose values `each.value` stands for.
            depth: number of variables and locals that were followed so far.
        """
        text, before = raw if isinstance(raw, str) else json.dumps(raw), ""
        while text != before:  # what picks one of several is not among them
            text, before = _INDEX.sub("", text), text
        found: list[str] = []
        for match in _NAMES.finditer(text):
            name, within = match[0], None
            if match["setting"] and not self._given(name):
                within = self.settings.get(name)
            elif match["each"] == "each.value":
                within = each
            through = self.references(within, None, depth + 1) if within is not None and depth <= _DEEPEST else None
            decided = through or (match["setting"] and within is not None and depth <= _DEEPEST)
            found += (through or []) if decided else [name]
        return list(dict.fromkeys(found))

    def _given(self, name: str) -> bool:
        """Whether a module that calls this one gives the variable a value."""
        return any(name.removeprefix("var.") in body for _, body in self.callers if name.startswith("var."))


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One `resource` block.

    Attributes:
        kind, name: its two labels. body: its attributes; a text is in quotes, an expression in `${}`. place: `file:line`.
        module: where it is declared.
    """

    kind: str
    name: str
    body: Mapping[str, Any]
    place: str
    module: TerraformModule

    @property
    def address(self) -> str:
        """`aws_subnet.private`."""
        return f"{self.kind}.{self.name}"

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """The nested blocks of this name, also if they are written as a list."""
        return list(blocks_of(self.body, name))

    def references(self, key: str) -> list[str]:
        """The addresses that an attribute refers to; none if the resource does not have the attribute."""
        raw = self.body.get(key)
        return [] if raw is None else self.module.references(raw, self.body.get("for_each"))

    def value(self, raw: Any) -> Any:
        """The value of an attribute; None if the files do not show it."""
        return self.module.value(raw)


class Terraform:
    """All Terraform files of a target; each directory is a module.

    Args:
        asked: the demand; its target names the files under `files.terraform`.

    Raises:
        ConfigurationError: there are no files, or one cannot be parsed.
    """

    def __init__(self, asked: Asked) -> None:
        self.where = f"{asked.target.file}: files.terraform"
        self.modules: dict[Path, TerraformModule] = {}
        given: dict[Path, list[tuple[tuple[bool, str], Mapping[str, Any]]]] = {}
        read = list(files_of(named(asked, "terraform"), is_terraform))
        for path in sorted(read, key=_is_override):
            if _of_opentofu(path) != path and _of_opentofu(path) in read:
                continue  # OpenTofu reads `main.tofu` in place of `main.tf`
            text, content = parsed(path)
            asked.keep(path)
            plain = path.name.removesuffix(".json")
            if plain.endswith(".tfvars"):
                if plain == "terraform.tfvars" or plain.endswith(".auto.tfvars"):
                    given.setdefault(path.parent, []).append(((plain != "terraform.tfvars", path.name), content))
                continue
            self._add(self.modules.setdefault(path.parent, TerraformModule()), content, text, shown(path, asked))
        if not any(module.resources for module in self.modules.values()):
            raise ConfigurationError("declares no resource", where=self.where, hint="name the directory of the `*.tf`")
        for directory, module in self.modules.items():
            self._call(directory, module)
        for directory, files in given.items():
            for _, content in sorted(files, key=lambda one: one[0]):  # a later one has the last word
                if directory in self.modules and not self.modules[directory].callers:
                    self.modules[directory].settings.update(_settings("var", content))

    def _add(self, module: TerraformModule, content: Mapping[str, Any], text: str, file: str) -> None:
        for kind, names in labelled(content, "resource"):
            for name, body in labelled({"resource": names}, "resource"):
                if name.startswith("__"):
                    continue
                line = _line(text, f'resource "{kind}" "{name}"')
                found = Resource(kind=kind, name=name, body=body, place=f"{file}:{line}", module=module)
                if _is_override(Path(file)):
                    _override(module, found)
                else:
                    module.resources.append(found)
        for name, body in labelled(content, "variable"):
            if "default" in body:
                module.settings[f"var.{name}"] = body["default"]
        for block in blocks_of(content, "locals"):
            module.settings.update(_settings("local", block))
        module.calls.update(labelled(content, "module"))

    def _call(self, directory: Path, module: TerraformModule) -> None:
        for body in module.calls.values():
            source = module.value(body.get("source"))
            if isinstance(source, str) and source.startswith("."):
                called = Path(_normal(directory / source))
                if called in self.modules and called != directory:
                    self.modules[called].callers.append((module, body))

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds."""
        return [one for module in self.modules.values() for one in module.of(*kinds)]

    def required(self, kind: str) -> list[Resource]:
        """The resources of a kind; raises ConfigurationError where none is declared."""
        found = self.of(kind)
        if not found:
            hint = "name every directory of the Terraform configuration"
            raise ConfigurationError(f"declares no `{kind}`", where=self.where, hint=hint)
        return found


def _is_override(path: Path) -> bool:
    """Whether a file is merged over the others of its directory."""
    return path.name.partition(".")[0] == "override" or path.name.partition(".")[0].endswith("_override")


def _of_opentofu(path: Path) -> Path:
    return path.with_name(re.sub(r"\.tf(?=$|\.json$)", ".tofu", path.name))


def _override(module: TerraformModule, over: Resource) -> None:
    """Merge a resource of an override file over the declared one: its arguments, and all blocks of one kind together, replace those."""
    for at, one in enumerate(module.resources):
        if one.address == over.address:
            module.resources[at] = replace(one, body={**one.body, **over.body})
            return
    hint = "an override file only changes resources that another file declares"
    raise ConfigurationError(f"overrides {over.address}, which no other file declares", where=over.place, hint=hint)


def _settings(of: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{of}.{name}": value for name, value in content.items() if not name.startswith("__")}


def _normal(path: Path) -> str:
    import os.path

    return os.path.normpath(path)


def _bare(expression: str) -> str:
    return expression[2:-1].strip() if expression.startswith("${") and expression.endswith("}") else expression


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


def _line(text: str, label: str) -> int:
    pattern = r"\s+".join(re.escape(word) for word in label.split())
    kind, name = (re.escape(word) for word in label.split()[1:])
    found = re.search(rf"^[ \t]*{pattern}", text, re.MULTILINE) or re.search(rf"{kind}\s*:[^}}]*?{name}\s*:", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


@claim(
    "the database cluster is declared with a minimum of <least:count> and a maximum of <most:count> capacity units",
    needs=("files.terraform",),
    example="the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units",
)
def database_capacity(asked: Asked) -> Sequence[FactReading]:
    """Two facts per `aws_rds_cluster` in Terraform: its minimum and its maximum capacity."""
    files = Terraform(asked)
    seen = []
    for cluster in files.required("aws_rds_cluster"):
        blocks = cluster.blocks("serverlessv2_scaling_configuration") or cluster.blocks("scaling_configuration")
        open_count = "count" in cluster.body and not isinstance(cluster.value(cluster.body["count"]), int)
        for key, expected in (("min_capacity", asked.params["least"]), ("max_capacity", asked.params["most"])):
            raw = blocks[0].get(key) if blocks else None
            value = cluster.value(raw)
            dynamic = raw is None and bool(cluster.blocks("dynamic"))
            unknown = dynamic or (raw is not None and value is None)
            declared = (
                "its scaling is in a dynamic block, whose values the Terraform files do not show"
                if dynamic
                else "not declared"
            )
            observed = (
                declared
                if raw is None
                else f"{raw}, whose value the Terraform files do not show"
                if unknown
                else f"{value}"
            )
            ok = None if unknown else _is_number(value, expected)
            if ok and open_count:
                ok, observed = None, f"{observed}, but the Terraform files do not show whether the cluster is created"
            seen.append(
                FactReading(
                    subject=f"{cluster.place} {cluster.address}: {key}",
                    expected=f"{expected} capacity units",
                    observed=observed,
                    ok=ok,
                )
            )
    return seen


def _is_number(value: Any, expected: str) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and float(value) == float(expected)


@claim(
    "the capacity reservation covers <count> instances of <instance> on <platform> in <zone:region>",
    needs=("files.terraform",),
    example="the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a",
)
def capacity_reservation(asked: Asked) -> Sequence[FactReading]:
    """The number of instances that all `aws_ec2_capacity_reservation` of that type, platform and zone reserve together."""
    files = Terraform(asked)
    expected = {
        "instance_type": asked.params["instance"],
        "instance_platform": {"Linux": "Linux/UNIX"}.get(asked.params["platform"], asked.params["platform"]),
        "availability_zone": asked.params["zone"],
    }
    total, unknown, others = 0, "", list[str]()
    for one in files.required("aws_ec2_capacity_reservation"):
        found = {key: one.value(one.body.get(key)) for key in expected}
        count, times = one.value(one.body.get("instance_count")), one.value(one.body.get("count", 1))
        repeated = "for_each" in one.body or one.module.repeated
        numbers = {"instance_count": count, "count": None if repeated else times}
        read = {**found, **{key: value if isinstance(value, int) else None for key, value in numbers.items()}}
        if hidden := [key for key, value in read.items() if value is None]:
            unknown = f"the Terraform files do not show {' or '.join(f'`{key}`' for key in hidden)} of {one.address}"
        elif (ended := _has_ended(one, asked.today)) is not False:
            unknown = unknown if ended else f"the Terraform files do not show when {one.address} ends"
            others += (
                [f"{count} of {one.address}, which has ended ({one.value(one.body.get('end_date'))})"] if ended else []
            )
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


def _has_ended(reservation: Resource, today: datetime) -> bool | None:
    """Whether a reservation has ended; None if the files do not show it."""
    limited = reservation.value(reservation.body.get("end_date_type", '"unlimited"'))
    written = reservation.body.get("end_date")
    if written is None and limited == "unlimited":
        return False
    end = reservation.value(written)
    try:
        moment = datetime.fromisoformat(end) if isinstance(end, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) <= today
