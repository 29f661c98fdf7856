"""Records that people or pipelines keep, as YAML or JSON: steps, deployments, merges, audits, and lists of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.errors import DriverError
from harness.yamlfile import YamlDocument, read_document

HEAD: Final = ("release", "commit", "environment", "target", "created")
"""Keys at the top of every record, each of which may be left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedStep:
    """One thing that was done: its name, when it was finished, and where that is written; `proof` is a file that dates it."""

    name: str
    finished: Moment | None
    proof: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """One deployment of a release to an environment."""

    environment: str
    release: str
    commit: str
    began: Moment
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """One change that was merged, and who approved it."""

    name: str
    author: str
    approved_by: tuple[str, ...]
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """One audit and its findings: severity by name of the finding, those that are open."""

    at: Moment
    open: Mapping[str, str]
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainRecord:
    """A record before it is read as one of the kinds.

    Attributes:
        document: as read. origin: from the keys at its top.
    """

    document: YamlDocument
    origin: Provenance

    def steps(self) -> tuple[DatedStep, ...]:
        """`steps`: a list of `name` and `finished`, or `proof`."""
        return tuple(
            DatedStep(
                name=row.text("name"),
                finished=row.moment("finished") if row.has("finished") else None,
                proof=row.text("proof", required=False),
                where=row.where,
            )
            for row in self._rows("steps", ("name", "finished", "proof"))
        )

    def deployments(self) -> tuple[Deployment, ...]:
        """`deployments`: a list of `environment`, `began`, and `release` or `commit`."""
        return tuple(
            Deployment(
                environment=row.text("environment"),
                release=row.text("release", required=False),
                commit=row.text("commit", required=False),
                began=row.moment("began"),
                where=row.where,
            )
            for row in self._rows("deployments", ("environment", "release", "commit", "began", "ended", "link"))
        )

    def merges(self) -> tuple[Merge, ...]:
        """`merges`: a list of `name`, `author` and `approved_by`, a list."""
        return tuple(
            Merge(
                name=row.text("name"), author=row.text("author"), approved_by=row.texts("approved_by"), where=row.where
            )
            for row in self._rows("merges", ("name", "author", "approved_by", "merged", "link"))
        )

    def audits(self) -> tuple[Audit, ...]:
        """`audits`: a list of `at`, `by` and `findings`, each with `name`, `severity` and `open`."""
        return tuple(
            Audit(at=row.moment("at"), open=_open(row), where=row.where)
            for row in self._rows("audits", ("at", "by", "findings", "link"))
        )

    def _rows(self, key: str, known: Sequence[str]) -> list[_Row]:
        data = self.document.data
        for name in data:
            if name not in (*HEAD, key):
                raise _wrong(
                    self.document, (name,), f"unknown key `{shown(name)}`", f"known are {key}, {', '.join(HEAD)}"
                )
        if not isinstance(data.get(key), list) or not data[key]:
            raise _wrong(self.document, (key,), f"has no list `{key}`", f"write `{key}:` and a list below it")
        return [_row(self.document, (key, index), known) for index in range(len(data[key]))]


def plain_record(path: Path) -> PlainRecord:
    """Read a record.

    Raises:
        ConfigurationError: it is not YAML. DriverError: it is not a mapping, or a key at its top is wrong.
    """
    document = read_document(path)
    if not isinstance(document.data, dict):
        raise DriverError("must be a mapping", where=document.where(()), hint="a record starts with `release: …`")
    head = _Row(document=document, location=(), data=document.data)
    names = {key: head.text(key, required=False) for key in HEAD[:-1]}
    return PlainRecord(
        document=document,
        origin=Provenance(**names, made=head.moment("created") if head.has("created") else None, partly={}),
    )


def names_of(path: Path) -> tuple[str, ...]:
    """The names in a register: a list of names, of mappings with `name`, or a mapping with one such list.

    Raises:
        ConfigurationError: it is not YAML. DriverError: it has no names, or one of them twice.
    """
    document = read_document(path)
    data: Any = document.data
    location: tuple[str, ...] = ()
    if isinstance(data, dict):
        lists = [key for key, value in data.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise _wrong(document, (), "has no list of names", "write a list, or one key with a list below it")
        data, location = data[lists[0]], (lists[0],)
    if not isinstance(data, list) or not data:
        raise _wrong(document, (), "has no list of names", "write a line `- NAME` for each")
    names = []
    for index, item in enumerate(data):
        name = item.get("name") if isinstance(item, dict) else item
        if not isinstance(name, str) or not name.strip():
            raise _wrong(document, (*location, index), "has no name", "write `- NAME`, or `- name: NAME`")
        if name in names:
            raise _wrong(document, (*location, index), f"the name `{shown(name)}` is there twice", "keep one of them")
        names.append(name)
    return tuple(names)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A mapping of a record, and its place."""

    document: YamlDocument
    location: tuple[str | int, ...]
    data: Mapping[str, Any]

    @property
    def where(self) -> str:
        return self.document.where(self.location)

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str, *, required: bool = True) -> str:
        value = self.data.get(key)
        if value is None and not required:
            return ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            raise _wrong(
                self.document, (*self.location, key), f"`{key}` is missing or is not a text", f"write `{key}: …`"
            )
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong(
                self.document, (*self.location, key), f"`{key}` is not a list of texts", f"write `{key}: [A, B]`"
            )
        return tuple(value)

    def moment(self, key: str) -> Moment:
        if not self.has(key):
            raise _wrong(
                self.document, (*self.location, key), f"`{key}` is missing", f"write `{key}: 2026-11-20T09:30:00Z`"
            )
        return Moment.of(self.data[key], self.document.where((*self.location, key)))


def _row(document: YamlDocument, location: tuple[str | int, ...], known: Sequence[str]) -> _Row:
    data: Any = document.data
    for part in location:
        data = data[part]
    if not isinstance(data, dict):
        raise _wrong(document, location, "is not a mapping", f"it has the keys {', '.join(known)}")
    for key in data:
        if key not in known:
            raise _wrong(document, (*location, key), f"unknown key `{shown(key)}`", f"known are {', '.join(known)}")
    return _Row(document=document, location=location, data=data)


def _open(row: _Row) -> dict[str, str]:
    findings = row.data.get("findings")
    if not isinstance(findings, list):
        why = (
            "is not a list" if "findings" in row.data else "is missing: whether the audit found something is not known"
        )
        hint = "list what it found, or write `findings: []` where that was nothing"
        raise _wrong(row.document, (*row.location, "findings"), f"`findings` {why}", hint)
    found: dict[str, str] = {}
    for index in range(len(findings)):
        one = _row(row.document, (*row.location, "findings", index), ("name", "severity", "open", "link"))
        if not isinstance(one.data.get("open"), bool):
            raise _wrong(row.document, (*one.location, "open"), "`open` is not true or false", "write `open: false`")
        if one.data["open"]:
            if (name := one.text("name")) in found:
                raise _wrong(row.document, one.location, f"the finding `{shown(name)}` is there twice", "rename one")
            found[name] = one.text("severity")
    return found


def _wrong(document: YamlDocument, location: Sequence[str | int], what: str, hint: str) -> DriverError:
    return DriverError(what, where=document.where(location), hint=hint)
