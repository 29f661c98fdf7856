"""Registers: lists of entries that people keep, and whether each entry has its required attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static import existing, nouns
from harness.drivers.static.files import named, shown
from harness.drivers.static.noun_files import REGISTERS, Attribute, attributes_of
from harness.errors import ConfigurationError, UsageError
from harness.model import Quantity
from harness.yamlfile import YamlDocument, read_document

_MOST: Final = 2_000
"""Entries of one register."""
_FORMS: Final = {"duration": "5 min", "count": "3"}
"""How a value is written, for the hints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of a register.

    Attributes:
        name: unique in its register.
        values: as written.
        place: `file:line`, the file from where the target file is.
    """

    name: str
    values: Mapping[str, Any]
    place: str


def register_file(asked: Asked, file: str) -> Path:
    """`FILE.yaml` in the directories of `files.registers`; raises ConfigurationError if none has it."""
    roots = named(asked, "registers")
    found = [root / f"{file}.yaml" for root in roots if (root / f"{file}.yaml").is_file()]
    if not found:
        hint = f"keep the register as `{file}.yaml` in {' or '.join(shown(root, asked) for root in roots)}"
        raise ConfigurationError(
            f"there is no register `{file}.yaml`", where=f"{asked.target.file}: files.registers", hint=hint
        )
    return found[0]


def entries(asked: Asked, file: str, key: str) -> tuple[Entry, ...]:
    """The entries of a register.

    Raises:
        ConfigurationError: there is no such register, it has no such list, the list is empty, or an entry has no name or one that is taken.
    """
    path = register_file(asked, file)
    document = read_document(path)
    asked.keep(path)
    listed = document.data.get(key) if isinstance(document.data, dict) else None
    if not isinstance(listed, list) or not listed:
        hint = f"begin the file with `{key}:` and list the entries, each with a `name`"
        raise ConfigurationError(f"has no entries under `{key}`", where=document.where(()), hint=hint)
    if len(listed) > _MOST:
        raise ConfigurationError(f"has more than {_MOST} entries", where=document.where((key,)))
    found: dict[str, Entry] = {}
    for index, values in enumerate(listed):
        entry = _entry(asked, document, (key, index), values)
        if entry.name in found:
            raise ConfigurationError(
                f"two entries are named `{entry.name}`",
                where=document.where((key, index, "name")),
                hint=f"rename one; the first is at {found[entry.name].place}",
            )
        found[entry.name] = entry
    return tuple(found.values())


def _entry(asked: Asked, document: YamlDocument, location: tuple[str | int, ...], values: object) -> Entry:
    name = values.get("name") if isinstance(values, dict) else None
    if not isinstance(values, dict) or not isinstance(name, str) or not name.strip():
        raise ConfigurationError("the entry has no name", where=document.where(location), hint="add `name: …`")
    return Entry(name=name, values=values, place=f"{shown(document.path, asked)}:{document.line(location)}")


def _asked_attributes(params: Mapping[str, str]) -> list[Attribute]:
    """The attributes that a sentence asks for; raises UsageError if an entry of this register has no such attribute."""
    known = {one.words: one for one in REGISTERS[params["entry"]].attributes}
    names = attributes_of(params["names"])
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            f"the {params['entry']} does not name {' or '.join(unknown)}", hint=f"it names {', '.join(known)}"
        )
    return [known[name] for name in names]


@claim(
    "every <entry>[ in the register] names <names:attributes>",
    needs=("files.registers",),
    further=lambda params: [key for one in _asked_attributes(params) for key in existing.keys_of(one)],
    parse=_asked_attributes,
    example="every rollback procedure names its command, its owner and its time limit",
    name="register-names",
)
def register(asked: Asked) -> Sequence[FactReading]:
    """One fact per entry of a register and attribute: the entry has a valid value for it, and a scenario or test that it names exists."""
    noun, attributes = REGISTERS[asked.params["entry"]], _asked_attributes(asked.params)
    there = {one.name: existing.names(asked, one) for one in attributes if existing.keys_of(one)}
    return [
        _named(entry, attribute, there.get(attribute.name))
        for entry in entries(asked, noun.file, noun.key)
        for attribute in attributes
    ]


def _named(entry: Entry, attribute: Attribute, there: AbstractSet[str] | None) -> FactReading:
    value = entry.values.get(attribute.written)
    if there is not None:
        return _existing(f"{entry.place} {entry.name}: {attribute.name}", attribute, texts(value), there)
    ok = _fits(value, attribute)
    hint = not_read(_FORMS[attribute.value]) if ok is None else ""
    return FactReading(
        subject=f"{entry.place} {entry.name}: {attribute.name}",
        expected=_expected(attribute),
        observed=f"no `{attribute.written}`" if is_blank(value) else f"`{value}`{hint}",
        ok=ok,
    )


def _existing(subject: str, attribute: Attribute, listed: Sequence[str], there: AbstractSet[str]) -> FactReading:
    """The fact that what an entry names exists: every one of its scenarios, or one of its tests."""
    absent = [one for one in listed if one not in there]
    ok = bool(listed) and (len(absent) < len(listed) if attribute.value == "tests" else not absent)
    seen = "; ".join(one for one in listed if one in there) if ok else "it names none"
    if listed and not ok:
        seen = f"`{absent[0]}`, which {'did not run' if attribute.value == 'tests' else 'is not there'}"
    return FactReading(subject=subject, expected=attribute.words, observed=seen, ok=ok)


def _expected(attribute: Attribute) -> str:
    forms = {"duration": "a length of time", "count": "a number", "texts": "at least one"}
    return f"one of {', '.join(attribute.of)}" if attribute.of else forms.get(attribute.value, "a value")


def _fits(value: object, attribute: Attribute) -> bool | None:
    """Whether a value is one of the attribute; None if it has a number in a form that is not understood, such as `PT5M`."""
    match attribute.value:
        case "count":
            whole = isinstance(value, int) and not isinstance(value, bool)
            return value >= 0 if whole and isinstance(value, int) else _or_unknown(value)
        case "texts":
            return bool(texts(value))
        case "choice":
            return value in attribute.of
        case "duration":
            return is_quantity(value, "time")
        case _:
            return isinstance(value, (str, int, float)) and not is_blank(value)


def is_quantity(value: object, dimension: str = "") -> bool | None:
    """Whether a value is a number above 0 with a unit, of a dimension if one is given; None if it has a number in another form."""
    try:
        quantity = Quantity.parse(value) if isinstance(value, str) else None
    except UsageError:
        quantity = None
    if quantity is None or (dimension and not quantity.unit):
        return _or_unknown(value)
    return quantity.value > 0 and dimension in ("", quantity.dimension)


def not_read(example: str) -> str:
    """What to add to a value that has a number in a form that is not understood."""
    return f", in a form that is not understood; hint: write it like `{example}`"


def _or_unknown(value: object) -> bool | None:
    """None for what has a number, False for anything else."""
    return None if not isinstance(value, bool) and re.search(r"[0-9]", str(value)) else False


def texts(value: object) -> list[str]:
    """The texts of a list, or the one text; blank ones and placeholders are left out."""
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, str) and not is_blank(one)]


def is_blank(value: object) -> bool:
    """Whether a value is blank: missing, an empty list, or a placeholder such as `TBD`."""
    return (
        value is None or value in ([], {}) or (isinstance(value, str) and value.strip().lower() in nouns.PLACEHOLDERS)
    )
