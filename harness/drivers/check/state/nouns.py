"""The nouns of sentences on objects of a cluster: things and their fields, from YAML files.

A thing is what `every THING has …` speaks of, a field what a condition compares. The harness's own nouns are in `nouns.yaml`; a
project adds its own in the directories that `claims` of its `[tool.harness]` names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from harness.drivers.check.state.conditions import FIELD_NAME, Comparison, FieldValue, conditions_of
from harness.drivers.check.state.paths import ObjectPath
from harness.drivers.check.state.readers import READERS, ThingReader, objects_reader
from harness.errors import ConfigurationError, UsageError
from harness.nearest import hint_with_nearest
from harness.targets.files.claims import ClaimsFile
from harness.targets.files.values import TargetSection, Word
from harness.validation import matching, validated
from harness.yamlfile import Location, YamlDocument

OWN: Final = Path(__file__).with_name("nouns.yaml")
HAS: Final = "<has:conditions>"
"""The slot of a sentence that takes conditions."""
_KIND: Final = r"(?:v1|[a-z0-9.-]+/v[0-9]+(?:(?:alpha|beta)[0-9]+)?) (?!Secret$)[A-Z][A-Za-z0-9]+"
_SLOT: Final = re.compile(r"<([a-z_]+)(?::[a-z]+)?>")
_RESERVED: Final = rf"(?!.*\b(?:and|{'|'.join(how.value for how in Comparison)})\b)"


def _reader(name: str) -> str:
    if name not in READERS:
        raise ValueError(f"one of the readers {', '.join(READERS)}")
    return name


def _paths(value: object) -> tuple[ObjectPath, ...]:
    texts = value if isinstance(value, list) and value else [value]
    try:
        return tuple(ObjectPath.parse(one if isinstance(one, str) else "") for one in texts)
    except UsageError as error:
        raise ValueError(f"a path: {error.what}; {error.hint}") from error


_ThingName = Annotated[
    str, matching(r"(?=.{1,60}$)[A-Za-z][A-Za-z0-9'-]*(?: [A-Za-z0-9'-]+)*", "words of letters, digits, `'` and `-`")
]
_FieldName = Annotated[
    str,
    matching(
        _RESERVED + FIELD_NAME,
        "words of letters, digits and `-`, without `and`, `like`, `stated` and other words of conditions",
    ),
]
_ApiKind = Annotated[
    str,
    matching(
        _KIND, "version and kind, like `apps/v1 Deployment`; Secrets are not read: the report would have their values"
    ),
]
_Reader = Annotated[str, AfterValidator(_reader)]
_CheckName = Annotated[str, matching(r"[a-z0-9]+(?:-[a-z0-9]+)*|", "a name like `state-of-ingress`")]


class SentenceEntry(TargetSection):
    """A sentence on a thing, in words of its own.

    Attributes:
        text: with typed slots, each a parameter of the demand; one of them is `<has:conditions>`, unless `has` says what holds.
        has: the conditions, where the words of the sentence fix them; `<user>` is the value of that slot.
        check: name of the check; that of the thing if none is given.
        read: what finds the things, where it is not that of the thing.
        name: of the sentence, where two sentences are of one check.
        about: what is read, where it is not what the thing says. example: a sentence that it matches.
    """

    text: Word
    has: str = ""
    check: _CheckName = ""
    read: _Reader | None = None
    name: _CheckName = ""
    about: str = ""
    example: Word

    @model_validator(mode="after")
    def _says_once_what_holds(self) -> Self:
        if (HAS in self.text) == bool(self.has):
            raise ValueError(f"{HAS} in the text of a sentence, or conditions under `has`")
        if unknown := {*_SLOT.findall(self.has)} - self.slots:
            raise ValueError(f"the slot <{min(unknown)}> of `has` in the text of a sentence, and not in `[…]`")
        if HAS in self.text and "has" not in self.slots:
            raise ValueError(f"{HAS} outside of `[…]`")
        names = _SLOT.findall(self.text)
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the slot <{min(twice)}> once in the text of a sentence")
        return self

    @property
    def slots(self) -> frozenset[str]:
        """The slots of the text that no sentence leaves out."""
        return frozenset(_SLOT.findall(re.sub(r"\[[^\]]*\]", "", self.text)))

    def names(self, field: str) -> bool:
        """Whether it may have a condition on this field."""
        return HAS in self.text or f" {field} " in f" {self.has} "


class ThingEntry(TargetSection):
    """A thing: objects of one kind in the Kubernetes API (`kind`), or what one of the readers finds (`read`).

    Attributes:
        kind: version and kind, as `apps/v1 Deployment`. selector: labels that the objects have.
        scope: `cluster` for a kind whose objects are in no namespace.
        sentences: those about it; if none is given, `every NAME has CONDITIONS`.
        check: name of the check; made of the thing's name if none is given.
    """

    name: _ThingName
    about: str = ""
    kind: _ApiKind | None = None
    selector: dict[str, str] = Field(default_factory=dict)
    scope: Literal["namespace", "cluster"] = "namespace"
    read: _Reader | None = None
    check: _CheckName = ""
    sentences: list[SentenceEntry] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_read_once(self) -> Self:
        if (self.kind is None) == (self.read is None):
            raise ValueError(f"one reading of `{self.name}`: `kind: apps/v1 Deployment`, or a reader under `read`")
        if self.read is not None and not self.model_fields_set.isdisjoint({"selector", "scope"}):
            raise ValueError(f"`selector` and `scope` of `{self.name}` together with `kind`, not with `read`")
        if len({one.check for one in self.sentences}) < len({(one.check, one.has, one.read) for one in self.sentences}):
            raise ValueError(
                f"a `check` of its own for each sentence of `{self.name}` whose `has` or `read` is another"
            )
        return self


class FieldEntry(TargetSection):
    """A field of a thing.

    Attributes:
        path: where its value is, as `.spec.replicas`; of several paths the first that is stated.
        read: a function of the thing's reader, in place of a path.
        value: what its values are. unit: of a number, as `s`.
        default: the value where the object that would hold the last key of the path is there without that key.
        example: a condition on it.
    """

    name: _FieldName
    of: Word
    about: Word
    path: Annotated[tuple[ObjectPath, ...], PlainValidator(_paths)] = ()
    read: str = ""
    value: Literal["text", "boolean", "number", "amount", "version", "share", "duration"] = "text"
    unit: Literal["", "ms", "s", "%"] = ""
    default: str | bool | int | float | None = None
    example: Word

    @model_validator(mode="after")
    def _is_read_once(self) -> Self:
        if bool(self.path) == bool(self.read):
            raise ValueError(f"one reading of `{self.name}`: `path: .spec.…`, or a function under `read`")
        if (self.unit and self.value != "number") or (self.read and self.default is not None):
            raise ValueError("`unit` beside `value: number`, and `default` beside `path` only")
        if self.default is not None:
            if not all(isinstance(path.steps[-1], str) for path in self.path):
                raise ValueError("`default` beside a path that ends with a key")
            try:
                self.compared.text_of(self.default)
            except UsageError as error:
                raise ValueError(f"a `default` that is {self.value}: {error.what}") from error
        return self

    @property
    def compared(self) -> FieldValue:
        """What its values are, for conditions."""
        return FieldValue(kind=self.value, unit=self.unit)


class NounFile(ClaimsFile):
    """The things and fields of one file."""

    things: list[ThingEntry] = Field(default_factory=list)
    fields: list[FieldEntry] = Field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class ThingNoun:
    """A thing that sentences may name.

    Attributes:
        name, about, check: of the thing; none of them is empty.
        fields: by their names. values: what the values of each are.
        reader: what finds the things.
        sentences: each with its file and line.
    """

    name: str
    about: str
    check: str
    fields: Mapping[str, FieldEntry]
    values: Mapping[str, FieldValue]
    reader: ThingReader
    sentences: tuple[tuple[SentenceEntry, str], ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """One entry with its place."""

    document: YamlDocument
    at: Location
    entry: Any

    def wrong(self, what: str, key: str, hint: str) -> ConfigurationError:
        """The error of a key of the entry."""
        return ConfigurationError(what, where=self.where(key), hint=hint)

    def where(self, *below: str | int) -> str:
        """File, line and key."""
        return self.document.where((*self.at, *below))


def load_nouns(paths: Iterable[Path] = ()) -> tuple[ThingNoun, ...]:
    """The harness's own nouns, and those of these files, and of the files in these directories.

    Raises:
        ConfigurationError: a noun cannot be used: it has no reading or two, its name is taken, a key or a reader is unknown, a path
            does not parse, or its example is no condition on it; with file and line.
    """
    things: dict[str, _Placed] = {}
    fields: dict[tuple[str, str], _Placed] = {}
    for document, file in validated((OWN, *paths), NounFile):
        for number, thing in enumerate(file.things):
            _add(things, thing.name, _Placed(document, ("things", number), thing), "things")
        for number, field in enumerate(file.fields):
            _add(
                fields, (field.of, field.name), _Placed(document, ("fields", number), field), f"fields of `{field.of}`"
            )
    for (of, _), placed in fields.items():
        if of not in things:
            raise placed.wrong(f"there is no thing `{of}`", "of", hint_with_nearest(of, things))
    return tuple(
        _noun(placed, {name: one for (of, name), one in fields.items() if of == thing})
        for thing, placed in things.items()
    )


def _add(known: dict[Any, _Placed], key: Any, placed: _Placed, what: str) -> None:
    if key in known:
        hint = f"rename one of them; the other is in {known[key].where()}"
        raise placed.wrong(f"two {what} are named `{placed.entry.name}`", "name", hint)
    known[key] = placed


def _noun(placed: _Placed, fields: Mapping[str, _Placed]) -> ThingNoun:
    entry: ThingEntry = placed.entry
    if not fields:
        hint = f"write one with `of: {entry.name}` under `fields:`"
        raise placed.wrong(f"`{entry.name}` has no field, so a sentence can say nothing of it", "name", hint)
    if entry.read is not None:
        reader = READERS[entry.read]
    else:
        version, _, kind = (entry.kind or "").partition(" ")
        reader = objects_reader(version, kind, entry.selector, everywhere=entry.scope == "cluster")
    values = {name: one.entry.compared for name, one in fields.items()}
    for one in fields.values():
        _require_read(one, reader, values)
    first = f"every {entry.name} has {next(iter(fields.values())).entry.example}"
    default = (SentenceEntry(text=f"every {entry.name} has {HAS}", example=first), placed.where())
    sentences = tuple((one, placed.where("sentences", at)) for at, one in enumerate(entry.sentences)) or (default,)
    for sentence, where in sentences:
        _require_slots(sentence, where, reader, fields)
    for one in fields.values():
        if not any(sentence.names(one.entry.name) for sentence, _ in sentences):
            hint = f"give `{entry.name}` a sentence with {HAS}, or write a thing of the project's own"
            raise one.wrong(f"no sentence on `{entry.name}` can name `{one.entry.name}`", "name", hint)
    return ThingNoun(
        name=entry.name,
        about=entry.about or f"Every {entry.kind} of the target, by the Kubernetes API.",
        check=entry.check or f"state-of-{re.sub('[^a-z0-9]+', '-', entry.name.lower())}",
        fields={name: one.entry for name, one in fields.items()},
        values=values,
        reader=reader,
        sentences=sentences,
    )


def _require_read(placed: _Placed, reader: ThingReader, values: Mapping[str, FieldValue]) -> None:
    """Refuse a field whose function the reader does not have, or whose example is no condition on it."""
    entry: FieldEntry = placed.entry
    if entry.read and entry.read not in reader.functions:
        hint = hint_with_nearest(entry.read, reader.functions)
        raise placed.wrong(f"`{entry.of}` has no function `{entry.read}`", "read", hint)
    if entry.read and entry.read != entry.name:  # what a reader reads for it is decided by its name in the sentence
        raise placed.wrong(f"a function reads the field of its name, `{entry.read}`", "name", "rename the field")
    try:
        named = [one.field for one in conditions_of(entry.of, values, entry.example)]
    except UsageError as error:
        raise placed.wrong(error.what, "example", error.hint) from error
    if entry.name not in named:
        hint = f"write it like `{entry.name} equal to …`"
        raise placed.wrong(f"the example does not name `{entry.name}`", "example", hint)


def _require_slots(sentence: SentenceEntry, where: str, reader: ThingReader, fields: Mapping[str, _Placed]) -> None:
    """Refuse a sentence with a slot that nothing reads, or without one that its reader or a field needs, or on things of another kind."""
    own = READERS[sentence.read] if sentence.read else reader
    if own.functions != reader.functions:
        hint = "add an entry of its own below `things` for this sentence"
        raise ConfigurationError(f"`{sentence.read}` finds things with other fields", where=where, hint=hint)
    paths = [path for one in fields.values() if sentence.names(one.entry.name) for path in one.entry.path]
    needed = own.slots.union(*(path.slots for path in paths))
    odd = ({*_SLOT.findall(sentence.text)} - {"has", *_SLOT.findall(sentence.has), *needed, *own.choices}) | (
        needed - sentence.slots
    )
    if odd:
        named = ", ".join(f"<{slot}>" for slot in sorted(odd))
        what = f"the sentence has a slot that nothing reads, or lacks one that its reader or a field needs: {named}"
        raise ConfigurationError(what, where=where, hint="a thing with a `kind` reads <name> and <region>")
