"""Label and field selectors: parsing, matching, and writing them back.

Grammar of https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors .
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster.statuses import Object, bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONGEST = 4096
"""Characters of a selector in a query."""
_PARTS = re.compile(r"(?:^|,)((?:[^,(]|\([^()]*+\)|\()*+)")
"""What is between commas outside of parentheses, of what is empty too."""
_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s!=<>]+)\s*(?P<operator>==|!=|=)\s*(?P<value>[^\s!=]*)$")
_EXISTS = re.compile(r"^(?P<negation>!?)\s*(?P<key>[^\s!=<>(),]+)$")
_ORDER = re.compile(r"^(?P<key>[^\s!=<>]+)\s*(?P<operator>[<>])\s*(?P<value>[+-]?[0-9]{1,18})$")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": ">", "Lt": "<"}


@dataclass(frozen=True, slots=True)
class SelectorTerm:
    """One condition: `operator` is `in`, `notin`, `exists`, `!`, `>` or `<`.

    Equality is `in` with one value; the last two compare whole numbers, with one value.
    """

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet the condition; `notin` and `!=` are met by an absent key too."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case ">" | "<":
                return self._ordered(value)
            case _:
                return value is None

    def _ordered(self, value: str | None) -> bool:
        """Whether a value is on that side of the bound; where one of them is no number it is not."""
        bound = next(iter(self.values), "")
        if value is None or not (_NUMBER.fullmatch(value) and _NUMBER.fullmatch(bound)):
            return False
        return int(value) > int(bound) if self.operator == ">" else int(value) < int(bound)

    def __str__(self) -> str:
        match self.operator:
            case "in" | "notin" if len(self.values) == 1:
                return f"{self.key}{'=' if self.operator == 'in' else '!='}{next(iter(self.values))}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
            case ">" | "<":
                return f"{self.key}{self.operator}{next(iter(self.values))}"
            case "exists":
                return self.key
            case _:
                return f"!{self.key}"


@dataclass(frozen=True, slots=True)
class Selector:
    """All of its requirements must be met; without any it selects everything."""

    requirements: tuple[SelectorTerm, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read `app=web,tier in (a,b),!old`. Raises StatusError 400."""
        if len(text) > LONGEST:
            raise bad_request(f"the selector is longer than {LONGEST} characters")
        return cls(tuple(map(_requirement, _parts(text))) if text.strip() else ())

    @classmethod
    def of(cls, spec: Object | None) -> Selector:
        """Read a `LabelSelector` object (`matchLabels`, `matchExpressions`).

        An empty one selects everything.
        """
        spec = spec or {}
        equal = [SelectorTerm(key, "in", frozenset({value})) for key, value in (spec.get("matchLabels") or {}).items()]
        expressions = [
            SelectorTerm(each["key"], _OPERATORS.get(each["operator"], "!"), frozenset(each.get("values") or ()))
            for each in spec.get("matchExpressions") or ()
        ]
        return cls((*equal, *expressions))

    @classmethod
    def equal(cls, labels: Mapping[str, str]) -> Selector:
        """Read a plain map of labels, as `Service.spec.selector` is."""
        return cls(tuple(SelectorTerm(key, "in", frozenset({value})) for key, value in labels.items()))

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether these labels (or field values) are selected."""
        return all(requirement.matches(labels or {}) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)


def parse_fields(text: str, allowed: Iterable[str]) -> Selector:
    """Read a fieldSelector (only `=`, `==`, `!=`); empty parts are passed over, as a genuine server does with fields alone.

    Raises StatusError 400 when it names a path that is not `allowed`.
    """
    selector = Selector.parse(",".join(filter(None, _parts(text))))
    permitted = {"metadata.name", "metadata.namespace", *allowed}
    for requirement in selector.requirements:
        if requirement.operator not in ("in", "notin") or len(requirement.values) != 1:
            raise bad_request(f"invalid field selector {text!r}: only =, == and != are supported")
        if requirement.key not in permitted:
            listed = ", ".join(f'"{path}"' for path in ("metadata.name", "metadata.namespace"))
            only = f'"{requirement.key}" is not a known field selector: only {listed}'
            raise bad_request(f"field label not supported: {requirement.key}" if [*allowed] else only)
    return selector


def field_values(obj: Object, paths: Iterable[str]) -> dict[str, str]:
    """What a field selector sees of an object.

    An absent value is the empty string, as in Kubernetes.
    """
    return {path: _at(obj, path) for path in paths}


def _at(obj: Any, path: str) -> str:
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    if obj is None:
        return ""
    return str(obj).lower() if isinstance(obj, bool) else str(obj)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _PARTS.findall(text)]


def _requirement(text: str) -> SelectorTerm:
    if found := _SET.match(text):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return SelectorTerm(found["key"], found["operator"], values)
    if found := _EQUALITY.match(text):
        return SelectorTerm(found["key"], "notin" if found["operator"] == "!=" else "in", frozenset({found["value"]}))
    if found := _EXISTS.match(text):
        return SelectorTerm(found["key"], "!" if found["negation"] else "exists")
    if found := _ORDER.match(text):
        return SelectorTerm(found["key"], found["operator"], frozenset({found["value"]}))
    raise bad_request(f"unable to parse requirement: {text!r} is not a selector")
