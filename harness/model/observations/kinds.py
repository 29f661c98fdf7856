"""Declares kinds of observations as frozen dataclasses with the observation's fields and its writers.

A field without a default is required. A trailing underscore (`from_`) avoids a keyword or the name of a common field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, get_type_hints

from harness.model.observations.readers import ReadBy
from harness.model.planned.objective import Phase
from harness.model.records.observation import Observation

_MOST: Final = 2**63


def is_integer(value: object) -> bool:
    """Whether the value is a whole number that fits a column."""
    return type(value) is int and -_MOST <= value < _MOST


def _is_size(value: object) -> bool:
    return is_integer(value) or (type(value) is float and math.isfinite(value))


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected type of a value.

    Attributes:
        words: name of the type in messages.
        fits: test of a value.
    """

    words: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind of observation.

    Attributes:
        name: name of the attribute.
        key: key in the history.
        expected: expected type.
        needed: whether the field is required.
    """

    name: str
    key: str
    expected: Expected
    needed: bool


_COMMON: Final = frozenset({"subject", "kind", "source", "recorded_ns"})


def _objects(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value)


def _counts(value: object) -> bool:
    return isinstance(value, dict) and all(is_integer(count) and count >= 0 for count in value.values())


def _numbers(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_size, value))


Whole = Annotated[int, Expected("a whole number", is_integer)]
Count = Annotated[int, Expected("a count", lambda value: is_integer(value) and value >= 0)]
Size = Annotated[float, Expected("a number from 0 up", lambda value: _is_size(value) and value >= 0)]
Number = Annotated[float, Expected("a number", _is_size)]
Numbers = Annotated[Sequence[float], Expected("a list of numbers", _numbers)]
YesOrNo = Annotated[bool, Expected("true or false", lambda value: type(value) is bool)]
YesNoOrUnknown = Annotated[
    bool | None, Expected("true, false or null", lambda value: value is None or type(value) is bool)
]
Word = Annotated[str, Expected("a word", lambda value: isinstance(value, str))]
Numeral = Annotated[str, Expected("a number of a round", lambda value: str(value).isdecimal())]
PhaseWord = Annotated[str, Expected("a phase", lambda value: value in {phase.value for phase in Phase})]
Counts = Annotated[Mapping[str, int], Expected("counts by name", _counts)]
Names = Annotated[Sequence[str], Expected("a list", lambda value: isinstance(value, list | tuple))]
Fields = Annotated[Mapping[str, Any], Expected("an object", lambda value: isinstance(value, dict))]
ManyFields = Annotated[Sequence[Mapping[str, Any]], Expected("a list of objects", _objects)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """Base of all kinds of observations.

    Attributes:
        subject: object of the observation.
        kind: kind of the observation, one of `KINDS`.
        source: history that contains the observation.
        recorded_ns: time of recording, in ns.
    """

    KINDS: ClassVar[tuple[str, ...]] = ()
    WRITERS: ClassVar[tuple[str, ...]] = ()
    """Sources, which are names of histories; `*` matches any text (`chaos-*`)."""

    READ: ClassVar[ReadBy | None] = None
    """The rules of the judge that use it; None: it is a project's, whose own figure uses it."""

    subject: Word
    kind: str = ""
    source: str = ""
    recorded_ns: int = 0

    @classmethod
    def of(cls, o: Observation) -> Self:
        """The observation as this class; unknown fields are ignored."""
        there = (f for f in fields_of(cls) if f.needed or o.fields.get(f.key) is not None)
        given = {f.name: o.fields[f.key] for f in there}
        return cls(subject=o.subject, kind=o.kind, source=o.source, recorded_ns=o.mono_ns, **given)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed(Recorded):
    """An observation with a separate time, in addition to the time of recording."""

    at_ns: Whole | None = None

    @property
    def when_ns(self) -> int:
        """Time of the event in ns, else the time of recording."""
        return self.recorded_ns if self.at_ns is None else self.at_ns


_Kind = TypeVar("_Kind", bound=Recorded)
KINDS: Final[dict[str, type[Recorded]]] = {}
"""Classes of observations, by kind."""
_FIELDS: Final[dict[type[Recorded], tuple[Field, ...]]] = {}


def written(*kinds: str, by: Sequence[str], read: ReadBy | None = None) -> Callable[[type[_Kind]], type[_Kind]]:
    """Declare that a class describes these kinds, with the sources that write them and the rules that use them."""

    def declare(cls: type[_Kind]) -> type[_Kind]:
        cls.KINDS, cls.WRITERS, cls.READ = kinds, tuple(by), read
        KINDS.update(dict.fromkeys(kinds, cls))
        return cls

    return declare


def fields_of(kind: type[Recorded]) -> tuple[Field, ...]:
    """The fields of a class of observations, without the subject."""
    return _declared(kind)[1:]


def _declared(kind: type[Recorded]) -> tuple[Field, ...]:
    """The subject and the fields of a class; read when they are needed, since most processes need few."""
    if kind not in _FIELDS:
        expected = _hints(kind)
        own = (f for f in fields(kind) if f.name not in _COMMON)
        declared = (
            Field(f.name, f.name.rstrip("_"), expected[f.name], f.default is MISSING and f.default_factory is MISSING)
            for f in own
        )
        _FIELDS[kind] = (Field("subject", "subject", expected["subject"], needed=True), *declared)
    return _FIELDS[kind]


def every(kind: type[_Kind], observations: Iterable[Observation]) -> Iterator[_Kind]:
    """The observations of one class, in the given order."""
    kinds = frozenset(kind.KINDS)
    return (kind.of(o) for o in observations if o.kind in kinds)


def unusable(o: Observation) -> str:
    """The error of an observation with key, value and expected type; empty if there is none."""
    declared = KINDS.get(o.kind)
    if declared is None:
        return ""
    subject, *own = _declared(declared)
    for f in (subject, *own):
        value = o.subject if f is subject else o.fields.get(f.key)
        there = f is subject or (f.key in o.fields and (f.needed or value is not None))
        if there and not f.expected.fits(value):
            return f"`{o.kind}` has {value!r:.40} in `{f.key}`, expected {f.expected.words}"
    lacking = next((f.key for f in own if f.needed and f.key not in o.fields), "")
    return lacking and f"`{o.kind}` lacks `{lacking}`"


def _hints(cls: type[Recorded]) -> Mapping[str, Expected]:
    found: dict[str, Expected] = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        for one in (hint, *getattr(hint, "__args__", ())):  # of `Whole | None` the first
            for mark in getattr(one, "__metadata__", ()):
                found.setdefault(name, mark)
    return found
