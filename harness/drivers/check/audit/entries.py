"""Reads the entries of an audit log: by a query, from an operation page by page, or from log files with JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

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
    """What was read: the entries, and what could not be read as one, in words."""

    entries: Sequence[AuditEntry]
    unread: Sequence[str] = ()


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
    audit, unread = audit_of(target), list[str]()
    if audit.sql:
        raw = _of_query(target, audit, since_ns)
    elif audit.operation is not None:
        raw = list(_of_pages(target, audit.operation, token))
    else:
        raw, unread = _of_files(target, audit.files)
    if len(raw) > MOST:
        hint = "let the query, the operation or the files give the newest entries only"
        raise DriverError(f"there are more than {MOST} entries", where=f"{target.file}: audit", hint=hint)
    _require_fields(target, audit.fields, raw)
    found = [_entry(one, audit.fields) for one in raw]
    return EntriesRead(entries=[one for one in found if one.at_ns is None or one.at_ns >= since_ns], unread=unread)


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
    rows = rows_of(audit.dsn or database_in(target).dsn, query)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _of_pages(target: Target, pages: AuditPages, token: Callable[[], str]) -> Iterator[Mapping[str, Any]]:
    method, _, path = pages.call.partition(" ")
    headers = {name: secret.resolve() for name, secret in pages.headers.items()}
    if pages.by == "user":
        headers["authorization"] = f"Bearer {token()}"
    read, after, before = 0, "", None
    for _ in range(_PAGES):
        place = path.replace("{offset}", str(read)).replace("{after}", after)
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
        if entries and entries == before:
            hint = "write `{offset}` or `{after}` into `audit.operation.call` as the operation pages"
            raise DriverError("two pages are equal", where=where, hint=hint)
        yield from entries
        before, read = entries, read + len(entries)
        after = str(found_at(body, pages.next) or "") if pages.next else ""
        if not entries or read > MOST or not (after or "{offset}" in path):
            return
    raise DriverError(f"there are more than {_PAGES} pages", where=f"{target.entry}{path}")


def _json(body: bytes, where: str) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise DriverError("the answer is not JSON", where=where) from error


def _of_files(target: Target, files: Sequence[str]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The objects of the lines, and the lines that have none."""
    paths = sorted({path for name in files for path in _matching(target.beside(name))})
    if not paths:
        raise DriverError(
            "there is no such file", where=f"{target.file}: audit.files", hint=f"correct {', '.join(files)}"
        )
    found: list[Mapping[str, Any]] = []
    unread: list[str] = []
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        _take(line, f"{path}:{number}", found, unread)
        except OSError as error:
            raise DriverError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    return found, unread


def _matching(path: Path) -> Iterator[Path]:
    """The files of a path with `*` in it."""
    return Path(path.anchor).glob(str(path.relative_to(path.anchor)))


def _take(line: str, where: str, found: list[Mapping[str, Any]], unread: list[str]) -> None:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if isinstance(value, dict):
        found.append(value)
    else:
        unread.append(where)


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


def _entry(raw: Mapping[str, Any], fields: AuditFields) -> AuditEntry:
    def text(name: str) -> str:
        value = raw.get(name, found_at(raw, name)) if name else None
        return "" if value is None else str(value)

    return AuditEntry(
        who=text(fields.who),
        what=text(fields.what),
        whence=text(fields.whence),
        request=text(fields.request),
        at_ns=moment_ns(raw.get(fields.when, found_at(raw, fields.when))),
    )


def moment_ns(value: Any) -> int | None:
    """A time of an entry in ns since 1970: a datetime, ISO 8601, or a number of seconds; without a zone it is UTC. None: another value."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return round(float(value) * NS_PER_S)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(aware.timestamp() * NS_PER_S)
