"""Modules of Terraform and their resources: how often each is created, and which values the files show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .hcl import blocks_of

_NAMES: Final = re.compile(
    r"(?<![\w.])(?:(?P<resource>(?:data\.)?(?:[a-z][a-z0-9]*(?:_[a-z0-9]+)+|module)\.[\w-]+)"
    r"|(?P<setting>(?:var|local)\.[\w-]+)|(?P<each>each\.(?:value|key)|self\.\w+)|(?P<id>(?:subnet|igw|rtb)-\w+))"
)
_SETTING: Final = re.compile(r"(?P<of>var|local)\.(?P<name>[\w-]+)")
_INDEX: Final = re.compile(r"(?<=[\w\])*\"])\[[^\[\]]*\]")
_CALL: Final = re.compile(r"(?P<does>toset|length)\((?P<of>[^()]*)\)", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_DEEPEST: Final = 10
"""Most references from one variable or local to the next that are followed."""
OPEN: Final = ("var.", "local.", "each.", "self.", "data.", "module.")
"""Beginnings of references whose value the files may not show."""


@dataclass(kw_only=True, eq=False)
class TerraformModule:
    """The files of one directory, which know each other's names.

    Attributes:
        resources: declared there. settings: values of variables and locals, `var.a`, as they are written.
        calls: of other modules: name, and arguments. callers: the modules that call this one, each with its arguments.
        applied: whether it is created where none calls it.
        otherwise: settings to which a file that Terraform does not load by itself gives another value, with that file.
    """

    resources: list[Resource] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    callers: list[tuple[TerraformModule, Mapping[str, Any]]] = field(default_factory=list)
    applied: bool = False
    otherwise: dict[str, str] = field(default_factory=dict)

    def times(self, body: Mapping[str, Any], depth: int = 0) -> int | None:
        """How often a resource or call of this module is created: 0, 1, or more; None if the files do not show it.

        It is by its `count` or `for_each`, and by all that call the module.
        """
        if "for_each" in body:
            each = self.value(body["for_each"], depth)
            own = len(each) if isinstance(each, (dict, list)) else None
        else:
            count = number(self.value(body.get("count", 1), depth))
            own = None if count is None else int(count)
        if own == 0:
            return 0
        if depth > _DEEPEST:
            return None
        calls = [caller.times(call, depth + 1) for caller, call in self.callers] or [1 if self.applied else None]
        known = [one for one in calls if one is not None]
        if len(known) == len(calls) and not sum(known):
            return 0
        return None if own is None or len(known) < len(calls) else own * sum(known)

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds; one that is not created is left out."""
        return [one for one in self.resources if one.kind in kinds and one.times != 0]

    def value(self, raw: Any, depth: int = 0) -> Any:
        """The value of an attribute: a text without quotes, a number, a boolean, a list; None if only a provider or a caller knows it."""
        if isinstance(raw, list):
            return [self.value(item, depth) for item in raw]
        if not isinstance(raw, str):
            return raw
        if len(raw) > 1 and raw[0] == raw[-1] == '"':
            inner = raw[1:-1]
            return _unquoted(raw) if "${" not in inner else self._interpolated(inner, depth)
        called = _CALL.fullmatch(_bare(raw))
        return self._setting(_bare(raw), depth) if called is None else self._called(called, depth)

    def _called(self, call: re.Match[str], depth: int) -> Any:
        """What `length` and `toset` make of a list; None if the files do not show it."""
        listed = _list_of(call["of"])
        listed = self.value(f"${{{call['of'].strip()}}}", depth) if listed is None else listed
        if call["does"] == "length":
            return len(listed) if isinstance(listed, (list, dict)) else None
        fits = isinstance(listed, list) and all(isinstance(one, (str, int)) for one in listed)
        return list(dict.fromkeys(listed)) if fits else None

    def _interpolated(self, text: str, depth: int) -> Any:
        whole = re.fullmatch(r"\$\{([^{}]*)\}", text)
        return self._setting(whole[1].strip(), depth) if whole else None

    def _setting(self, expression: str, depth: int) -> Any:
        found = _SETTING.fullmatch(expression)
        if found is None or depth > _DEEPEST or found[0] in self.otherwise:
            return None
        own = self.value(self.settings[found[0]], depth + 1) if found[0] in self.settings else None
        if found["of"] == "local" or not self.callers:
            return own
        given = [
            caller.value(body[found["name"]], depth + 1) if found["name"] in body else own
            for caller, body in self.callers
            if caller.times(body, depth + 1) != 0
        ] or [own]
        return given[0] if all(one == given[0] for one in given) else None

    def doubts(self, raw: Any, depth: int = 0) -> Iterator[str]:
        """Why the value of an expression is not known: which files give its variables another value."""
        for match in _NAMES.finditer(str(raw)) if depth <= _DEEPEST else ():
            name = match[0]
            if name in self.otherwise:
                yield (
                    f"`{self.otherwise[name]}` gives `{name.removeprefix('var.')}` another value, and Terraform does not load "
                    "that file by itself; hint: name the file that is applied under `files.terraform`, or call it `*.auto.tfvars`"
                )
            yield from self.doubts(self.settings.get(name, ""), depth + 1)
            for caller, body in self.callers:
                yield from caller.doubts(body.get(name.removeprefix("var."), ""), depth + 1)

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
            if match["setting"] and not self._given(name) and name not in self.otherwise:
                within = self.settings.get(name)
            elif match["each"] == "each.value":
                within = each
            through = self.references(within, None, depth + 1) if within is not None and depth <= _DEEPEST else None
            decided = through or (match["setting"] and within is not None and depth <= _DEEPEST)
            found += (through or []) if decided else [name]
        return list(dict.fromkeys(found))

    def traced(self, raw: Any, each: Any = None, depth: int = 0) -> list[tuple[TerraformModule, str]]:
        """The references of an expression, each with its module: what a caller gives a variable is a reference of the caller.

        Args:
            raw: the expression.
            each: `for_each` of the resource, whose values `each.value` stands for.
            depth: number of callers that were followed so far.
        """
        found: list[tuple[TerraformModule, str]] = []
        for name in self.references(raw, each):
            calls = [one for one in self.callers if one[0].times(one[1]) != 0] if self._given(name) else []
            if name in self.otherwise or not calls or depth > _DEEPEST:
                found.append((self, name))
                continue
            argument = name.removeprefix("var.")
            for caller, body in calls:
                if argument in body:
                    found += caller.traced(body[argument], body.get("for_each"), depth + 1)
                else:
                    found += [(self, one) for one in self.references(self.settings.get(name, ""))]
        return list(dict.fromkeys(found))

    def says(self, raw: Any, words: str) -> bool:
        """Whether these words are in an expression, or in a variable or local of it as it is written here or by a caller."""
        seen: set[tuple[TerraformModule, str]] = set()
        open_ = [(self, str(raw))]
        while open_:
            module, text = open_.pop()
            if words in text:
                return True
            for match in _NAMES.finditer(text):
                if match["setting"] and (module, match[0]) not in seen:
                    seen.add((module, match[0]))
                    argument = match[0].removeprefix("var.")
                    open_ += [(caller, str(body.get(argument, ""))) for caller, body in module.callers]
                    open_.append((module, str(module.settings.get(match[0], ""))))
        return False

    def chooses(self, raw: Any) -> bool:
        """Whether an expression has a condition."""
        return self.says(raw, "?")

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

    def traced(self, key: str) -> list[tuple[TerraformModule, str]]:
        """The references of an attribute, each with the module where it is declared; none if the resource does not have it."""
        raw = self.body.get(key)
        return [] if raw is None else self.module.traced(raw, self.body.get("for_each"))

    def value(self, raw: Any) -> Any:
        """The value of an attribute; None if the files do not show it."""
        return self.module.value(raw)

    def perhaps(self, *keys: str, beside: Resource | None = None) -> str:
        """Why it may be there or not, or may refer to something else by one of these attributes; empty if neither.

        Args:
            keys: the attributes.
            beside: another resource: with the same `count` or `for_each` this one is there where that one is.
        """
        how = [one and [one.body.get(key) for key in ("count", "for_each")] for one in (self, beside)]
        if self.times is None and (beside is None or how[0] != how[1] or beside.module is not self.module):
            return self.unsettled
        chosen = next((key for key in keys if self.module.chooses(self.body.get(key, ""))), "")
        return f"a condition decides what `{chosen}` of {self.address} is" if chosen else ""

    @property
    def times(self) -> int | None:
        """How often it is created; None if the files do not show it."""
        return self.module.times(self.body)

    @property
    def unsettled(self) -> str:
        """Why it is not known how often it is created, and what to do."""
        how = {key: self.body[key] for key in ("count", "for_each") if key in self.body}
        if why := next(self.module.doubts(how), ""):
            return why
        words = f"the Terraform files do not show whether {self.address} is created"
        if how or self.module.callers or self.module.applied:
            return f"{words}; hint: give the variables of its `count` or `for_each` plain values in a file that Terraform loads"
        return f"{words}: no file calls its module; hint: name under `files.terraform` each directory that is applied"


def number(value: Any) -> float | None:
    """A number, also one in quotes, which Terraform converts; None for anything else."""
    return float(value) if not isinstance(value, bool) and _NUMBER.fullmatch(str(value)) else None


def _list_of(text: str) -> list[Any] | None:
    """The values of a list of texts and numbers as it is written; None of another one."""
    try:
        listed = json.loads(text)
    except ValueError:
        return None
    return listed if isinstance(listed, list) else None


def _bare(expression: str) -> str:
    return expression[2:-1].strip() if expression.startswith("${") and expression.endswith("}") else expression


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]
