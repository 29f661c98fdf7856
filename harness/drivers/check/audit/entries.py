"""Reads the entries of an audit log: by a query, from an operation page by page, or from log files with JSON lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from harness.drivers.check.calls.together import CallPlan, send_together
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.audit import AuditFields, AuditPages, AuditSettings
from harness.units import NS_PER_S

MOST: Final = 200_000
"""Greatest number of entries that are read."""
_PAGES: Final = 1000
_WITHIN_S: Final = 10.0
_NUMBER: Final = re.compile(r"\d{9,19}(\.\d+)?")
_UNITS: Final = ((1e17, 1), (1e14, 1e3), (1e11, 1e6))
"""By the least number since 1970 that is in them: nanoseconds, microseconds and milliseconds of this century; smaller numbers are seconds."""
_FIELDS: Final = ("who", "what", "when", "whence", "request")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One entry; a field that it does not say is empty.

    Attributes:
        who, what, whence, request: texts.
        at_ns: its time in ns since 1970; None: it says none that can be read.
    """

    who: str
    what: str
    whence: str
    request: str
    at_ns: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EntriesRead:
    """What was read.

    Attributes:
        entries: the entries since the moment.
        unread: places of what could not be read as an entry.
        twice: entries that were on two pages, of which one is among `entries`: the log grew while it was read, or it has them twice.
        oldest_ns: time of the oldest entry of operation or files, before the moment too; None: it is not known.
    """

    entries: Sequence[AuditEntry]
    unread: Sequence[str] = ()
    twice: Sequence[AuditEntry] = ()
    oldest_ns: int | None = None


def audit_of(target: Target) -> AuditSettings:
    """The section `audit` of the target file.

    Raises:
        ConfigurationError: there is none.
    """
    if target.audit is None:
        hint = "write `audit: {sql: …, fields: {who: …, what: …, when: …}}`"
        raise ConfigurationError("names no audit log", where=f"{target.file}: audit", hint=hint)
    return target.audit


def read_entries(target: Target, since_ns: int, token: Callable[[], str]) -> EntriesRead:
    """The entries since a moment, in ns since 1970, and those whose time cannot be read; `token` is that of the user.

    Raises:
        DriverError: they cannot be read, or there are more than `MOST`.
        TargetUnreachable: the database does not answer.
    """
    audit, unread, twice = audit_of(target), list[str](), list[Mapping[str, Any]]()
    times: Iterator[int | None] = iter(())
    if audit.sql:
        raw = _of_query(target, audit, since_ns)
    elif audit.operation is not None:
        raw = list(_of_pages(target, audit.operation, token, twice))
        times = (_when(one, audit.fields) for one in raw)
    else:
        log = _LogFiles(fields=audit.fields, since_ns=since_ns)
        log.read(target, audit.files)
        raw, unread, times = log.found, log.unread, iter([log.oldest_ns])
    if len(raw) > MOST:
        hint = "let the query, the operation or the files give the newest entries only"
        raise DriverError(f"there are more than {MOST} entries", where=f"{target.file}: audit", hint=hint)
    _require_fields(target, audit.fields, raw)
    found = [_entry(one, audit.fields) for one in raw]
    if found and all(one.at_ns is None for one in found):
        what = f"no entry has a time that can be read, such as `{str(_at(raw[0], audit.fields.when))[:40]}`"
        hint = "log ISO 8601 or a number since 1970, or name another field"
        raise DriverError(what, where=f"{target.file}: audit.fields.when", hint=hint)
    return EntriesRead(
        entries=[one for one in found if one.at_ns is None or one.at_ns >= since_ns],
        unread=unread,
        twice=[_entry(one, audit.fields) for one in twice],
        oldest_ns=min((one for one in times if one is not None), default=None),
    )


def _of_query(target: Target, audit: AuditSettings, since_ns: int) -> list[Mapping[str, Any]]:
    from psycopg import sql

    names = [name for key in _FIELDS if (name := getattr(audit.fields, key))]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    query = sql.SQL("SELECT {} FROM ({}) AS entries WHERE {} >= to_timestamp({}) LIMIT {}").format(
        columns,
        sql.SQL(audit.sql.strip().rstrip(";").replace("%", "%%")),  # of the target file
        sql.Identifier(audit.fields.when),
        sql.Literal(since_ns // NS_PER_S),
        sql.Literal(MOST + 1),
    )
    rows = rows_of(audit.dsn or database_in(target).dsn, query, utc=True, whole=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _of_pages(
    target: Target, pages: AuditPages, token: Callable[[], str], twice: list[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The entries of all pages; those that an earlier page has too, because the log grew meanwhile, are added to `twice` instead."""
    method, _, path = pages.call.partition(" ")
    headers = {name: secret.resolve() for name, secret in pages.headers.items()}
    if pages.by == "user":
        headers["authorization"] = f"Bearer {token()}"
    read, after, first, known = 0, "", None, set[str]()
    for _ in range(_PAGES):
        place = path.replace("{offset}", str(read)).replace("{after}", quote(after, safe=""))
        plan = CallPlan(method=method, path=place, headers=headers)
        answer = send_together(target, target.entry, [plan], at_once=1, within_s=_WITHIN_S, whole=True)[0]
        where = f"{target.entry}{place}"
        if answer.status != 200:
            raise DriverError(f"the audit log was not read: {answer.why or f'status {answer.status}'}", where=where)
        body = _json(answer.body, where)
        entries = found_at(body, pages.entries)
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            hint = "correct `audit.operation.entries` of the target file"
            raise DriverError(f"`{pages.entries}` is not a list of objects", where=where, hint=hint)
        if entries and entries == first:
            hint = "write `{offset}` or `{after}` into `audit.operation.call` as the operation pages"
            raise DriverError("two pages are equal", where=where, hint=hint)
        first = entries if first is None else first
        texts = [json.dumps(one, sort_keys=True) for one in entries]
        for one, text in zip(entries, texts, strict=True):
            if text not in known:
                yield one
            else:
                twice.append(one)
        ended = len(entries) < len(first) and known.issuperset(texts)  # moved by what was written meanwhile
        known.update(texts)
        read += len(entries)
        after = str(found_at(body, pages.next) or "") if pages.next else ""
        if not entries or ended or read > MOST or not (after or "{offset}" in path):
            return
    raise DriverError(f"there are more than {_PAGES} pages", where=f"{target.entry}{path}")


def _json(body: bytes, where: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DriverError("the answer is not JSON", where=where) from error


@dataclass(kw_only=True, slots=True)
class _LogFiles:
    """The entries of log files, read line by line.

    Attributes:
        fields: of an entry. since_ns: earlier entries are not kept, but the first.
        found: the entries. unread: places of lines that are no entry. oldest_ns: time of the oldest entry.
    """

    fields: AuditFields
    since_ns: int
    found: list[Mapping[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    oldest_ns: int | None = None

    def read(self, target: Target, files: Sequence[str]) -> None:
        """Read the files. Raises DriverError if there is none, or one cannot be read."""
        paths = sorted({path for name in files for path in _matching(target.beside(name))})
        if not paths:
            raise DriverError(
                "there is no such file", where=f"{target.file}: audit.files", hint=f"correct {', '.join(files)}"
            )
        for path in paths:
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    for number, line in enumerate(file, start=1):
                        if line.strip() and len(self.found) <= MOST:
                            self._take(line, f"{path}:{number}")
            except OSError as error:
                raise DriverError(f"the file cannot be read: {error.strerror}", where=str(path)) from error

    def _take(self, line: str, where: str) -> None:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            if line.endswith("\n"):  # else it is being written
                self.unread.append(where)
            return
        at_ns = _when(value, self.fields)
        if at_ns is not None:
            self.oldest_ns = at_ns if self.oldest_ns is None else min(at_ns, self.oldest_ns)
        if not self.found or at_ns is None or at_ns >= self.since_ns:
            self.found.append(value)


def _matching(path: Path) -> Iterator[Path]:
    """The files of a path with `*` in it."""
    return Path(path.anchor).glob(str(path.relative_to(path.anchor)))


def found_at(value: Any, key: str) -> Any:
    """The value at a key with dots; None: there is none. An empty key is the value itself."""
    for part in key.split(".") if key else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _require_fields(target: Target, fields: AuditFields, raw: Sequence[Mapping[str, Any]]) -> None:
    """Raise DriverError if no entry at all has a field: its name in the target file is wrong."""
    for key in _FIELDS:
        name = getattr(fields, key)
        if name and raw and all(found_at(one, name) is None and name not in one for one in raw):
            hint = f"the fields of an entry are {', '.join(map(str, raw[0]))}"
            raise DriverError(f"no entry has the field `{name}`", where=f"{target.file}: audit.fields.{key}", hint=hint)


def _at(raw: Mapping[str, Any], name: str) -> Any:
    return raw.get(name, found_at(raw, name)) if name else None


def _when(raw: Mapping[str, Any], fields: AuditFields) -> int | None:
    return moment_ns(_at(raw, fields.when))


def _entry(raw: Mapping[str, Any], fields: AuditFields) -> AuditEntry:
    def text(name: str) -> str:
        value = _at(raw, name)
        return "" if value is None else str(value)

    return AuditEntry(
        who=text(fields.who),
        what=text(fields.what),
        whence=text(fields.whence),
        request=text(fields.request),
        at_ns=_when(raw, fields),
    )


def moment_ns(value: Any) -> int | None:
    """A time of an entry in ns since 1970; None: another value.

    Args:
        value: a datetime, ISO 8601, without a zone UTC; or a number since 1970 of s, ms, µs or ns, as a text too.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, int | float | Decimal):
        return _of_number(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(aware.timestamp() * NS_PER_S)


def _of_number(value: float | Decimal) -> int | None:
    if not math.isfinite(value):
        return None
    unit_ns = next((ns for least, ns in _UNITS if value >= least), NS_PER_S)
    return round(Decimal(value) * Decimal(unit_ns))
