"""Conditions of sentences on the fields of an object: `image tag other than latest and user id other than 0`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from harness.errors import UsageError
from harness.model import Quantity
from harness.targets.cluster.amounts import amount


class Comparison(StrEnum):
    """How a field is compared with the value in the sentence."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    OTHER_THAN = "other than"
    EQUAL = "equal to"
    LIKE = "like"
    """The value is a form: `#` is a digit and `*` any text."""
    STATED = "stated"
    """The field is stated by the object; the condition has no value."""


FIELD_NAME: Final = r"[A-Za-z][A-Za-z0-9-]{0,39}(?: [A-Za-z0-9-]{1,40}){0,5}"
_VALUE: Final = r"[A-Za-z0-9/#*][A-Za-z0-9._:/#*@+%-]{0,79}(?: (?:ms|s|min|h|d|%))?"
_HOW: Final = "|".join(how.value for how in Comparison if how is not Comparison.STATED)
_CONDITION: Final = rf"(?:{FIELD_NAME}) (?:stated|(?:{_HOW}) {_VALUE})"
CONDITIONS_PATTERN: Final = rf"{_CONDITION}(?:, {_CONDITION})*(?: and {_CONDITION})?"
"""Regular expression of the conditions in a sentence, without groups."""
_SEPARATED: Final = re.compile(rf"(?:, | and )(?={_CONDITION}(?:, | and |$))")
_ONE: Final = re.compile(rf"(?P<field>{FIELD_NAME}) (?:stated|(?P<how>{_HOW}) (?P<value>{_VALUE}))")


_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def text_of(value: object) -> str:
    """A value of an object as Kubernetes' JSON has it, text without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(text: str) -> float:
    """The number at the beginning of a value, in the unit of its field."""
    found = re.match(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?(?= |\Z)", text)
    if found is None:
        raise UsageError(f"`{text}` is not a number")
    return float(found[0])


def version_numbers(version: str) -> tuple[int, ...]:
    """`v1.33.0+pocket` → (1, 33, 0); empty without a number."""
    found = re.search(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _version(text: str) -> tuple[int, ...]:
    if re.match(r"v?[0-9]", text) is None:  # `k8s-1.2` has a number, and is not of version 8
        raise UsageError(f"`{text}` is not a version")
    numbers = version_numbers(text)
    return numbers[: max((place for place, number in enumerate(numbers, 1) if number), default=1)]


def _boolean(text: str) -> str:
    if text in {"true", "false"}:
        return text
    raise UsageError(f"`{text}` is not true or false")


def _share(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)%", text)
    if found is None:
        raise UsageError(f"`{text}` is not a share like `25%`")
    return float(found[1])


def _duration(text: str) -> float:
    """Seconds of a duration as Go and Kubernetes write it: `1h30m`, `500ms`; `m` is a minute."""
    found = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|h|m|s)", text)
    if not found or "".join(map("".join, found)) != text:
        raise UsageError(f"`{text}` is not a duration like `1h30m`")
    return math.fsum(float(number) * _SECONDS[unit] for number, unit in found)


VALUES: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "text": str,
        "boolean": _boolean,
        "number": _number,
        "amount": amount,
        "version": _version,
        "share": _share,
        "duration": _duration,
    }
)
"""What reads the values of a field, by what they are; each raises UsageError for another value."""
_UNITS: Final = {"share": "%", "duration": "s"}
"""Units of values that have theirs in the text."""
_EXAMPLES: Final = {
    "boolean": "`true`",
    "amount": "`512Mi`",
    "version": "`1.28`",
    "share": "`25 %`",
    "duration": "`30 s`",
}
ORDERED: Final = frozenset(VALUES) - {"text", "boolean"}
"""The values that `at least` and `at most` compare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldValue:
    """What the values of a field are.

    Attributes:
        kind: one of `VALUES`.
        unit: of a number, such as `s`; empty: none.
    """

    kind: str = "text"
    unit: str = ""

    def text_of(self, value: object) -> str:
        """A value of an object as text, with the unit.

        Raises:
            UsageError: it is not such a value, or a list or an object, which compares with nothing.
        """
        if isinstance(value, (Mapping, list)):
            raise UsageError(f"it is {'a list' if isinstance(value, list) else 'an object'}, and no value")
        text = text_of(value)
        if self.kind == "number" and " " in text:
            raise UsageError(f"`{text}` is not a number")
        VALUES[self.kind](text)
        return f"{text} {self.unit}".rstrip() if self.unit else text

    def read(self, text: str) -> Any:
        """The value of a sentence, in the unit of the field.

        Raises:
            UsageError: it is not such a value, or has a unit of another dimension.
        """
        if unit := self.unit or _UNITS.get(self.kind):
            quantity = Quantity.parse(text)
            return quantity.in_unit(unit) if quantity.unit or not self.unit else quantity.value
        if self.kind != "text" and " " in text:
            raise UsageError(f"`{text}` has a unit", hint=f"write it like `{text.partition(' ')[0]}`")
        return VALUES[self.kind](text)


@dataclass(frozen=True, kw_only=True, slots=True)
class StateCondition:
    """One field compared with a value.

    Attributes:
        field: its name.
        how: the comparison.
        value: as the sentence writes it, with its unit; empty for `stated`.
        of: what the field's values are.
    """

    field: str
    how: Comparison
    value: str = ""
    of: FieldValue = FieldValue()

    def __str__(self) -> str:
        return f"{self.field} {self.how.value} {self.value}".rstrip()

    def holds(self, stated: str | None) -> bool:
        """Whether a field with this text meets the condition; None is a field that the object does not state.

        Raises:
            UsageError: the text is not such a value, so that nothing is known.
        """
        if stated is None or self.how is Comparison.STATED:
            return stated is not None
        if self.how is Comparison.LIKE:
            return re.fullmatch(_form(self.value), stated, re.DOTALL) is not None
        value, limit = VALUES[self.of.kind](stated), self.of.read(self.value)
        if self.how is Comparison.OTHER_THAN:
            return bool(value != limit)
        if self.how is Comparison.EQUAL:
            return bool(value == limit)
        return bool(value >= limit if self.how is Comparison.AT_LEAST else value <= limit)


def _form(value: str) -> str:
    """The pattern of a form. A part between two `*` is searched for once, or a long text would be walked again and again."""
    first, *parts = (re.escape(part).replace("\\#", "[0-9]") for part in value.split("*"))
    between = "".join(f"(?>.+?{part})" for part in parts[:-1])
    return f"{first}{between}.+{parts[-1]}" if parts else first


def conditions_of(thing: str, fields: Mapping[str, FieldValue], text: str) -> tuple[StateCondition, ...]:
    """The conditions of a sentence.

    Args:
        thing: whose fields they are, for the message.
        fields: what the values of each field are.
        text: like `image tag other than latest and user id other than 0`.

    Raises:
        UsageError: it is not a list of conditions, there is no such field, or the field does not compare with the value.
    """
    if re.fullmatch(CONDITIONS_PATTERN, text) is None:
        raise UsageError(
            f"{text!r} is not a list of conditions",
            hint="write them like `image tag other than latest and user id other than 0`; a value has no quotation marks",
        )
    return tuple(_condition(thing, fields, one) for one in _SEPARATED.split(text))


def _condition(thing: str, fields: Mapping[str, FieldValue], text: str) -> StateCondition:
    one = _ONE.fullmatch(text)
    if one is None or one["field"] not in fields:
        name = one["field"] if one else text
        raise UsageError(f"`{thing}` has no field `{name}`", hint=f"its fields are: {', '.join(fields)}")
    of, how = fields[one["field"]], Comparison(one["how"] or "stated")
    if how in (Comparison.AT_LEAST, Comparison.AT_MOST) and of.kind not in ORDERED:
        hint = f"`{one['field']}` is {of.kind}: write `equal to`, `other than` or `stated`"
        raise UsageError(f"`{how.value}` compares numbers", where=text, hint=hint)
    if one["value"] and how is not Comparison.LIKE:
        try:
            of.read(one["value"])
        except UsageError as error:
            raise UsageError(
                error.what, where=text, hint=error.hint or f"it is {of.kind}, like {_EXAMPLES.get(of.kind, '`10`')}"
            ) from error
    return StateCondition(field=one["field"], how=how, value=one["value"] or "", of=of)
