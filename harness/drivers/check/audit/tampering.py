"""`audit-tampering`: checks that the audit log's own check reports an entry that was changed or removed, and reports nothing while it is intact.

The entry is changed in the database, by a role that may; it is on disk before, and is put back at the end.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from harness.drivers.check.audit.audited import AUDIT
from harness.drivers.check.audit.entries import audit_of, found_at
from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import within
from harness.drivers.check.planted.calls import CallMaker
from harness.drivers.check.sql.asking import CONNECT_S, STATEMENT_MS, database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError, HarnessError, TargetUnreachable
from harness.targets import Target, platform_of
from harness.targets.files.audit import AuditCheck, AuditTampering
from harness.targets.files.reference import Reference
from harness.targets.files.values import schema_and_name
from harness.targets.kubernetes import Cluster
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg import sql as SQL  # noqa: N812 - the module

_COMMAND_S: Final = 60.0
_NO: Final = subprocess.DEVNULL
_INTACT, _TAMPERED = "reported intact", "reported as tampered with"
_WORDS: Final[Mapping[bool | None, str]] = {True: _INTACT, False: _TAMPERED}
How = Literal["changed", "removed"]


class Tampering(NamedTuple):
    """What is done to which entry: `place` is `a middle` or `the newest`."""

    how: How
    place: str


_TRIALS: Final = (
    Tampering("changed", "a middle"),
    Tampering("removed", "a middle"),
    Tampering("changed", "the newest"),
    Tampering("removed", "the newest"),
)
_COLUMNS: Final = (
    "SELECT attname, attidentity = 'a' FROM pg_attribute WHERE attrelid = to_regclass({}) AND attnum > 0 "
    "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
)
"""Columns that may be written, and whether only with OVERRIDING SYSTEM VALUE, which UPDATE does not have."""
_EXACT: Final = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1 -c timezone=UTC"
"""Settings by which the text of a row is read as the same row: JSON would change numbers, and JSON within it."""
_KEY: Final = (
    "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
    "WHERE i.indrelid = to_regclass({}) AND i.indisprimary"
)


@claim(
    "an audit entry changed or removed is reported by the log's own check",
    needs=(
        AUDIT,
        within("audit.tampering", "an entry is changed and removed, and put back"),
        within("audit.check", "the log's own check must report it"),
    ),
    when=When.AFTER_TRAFFIC,
    seconds=10.0,
    touches=("database",),
    consent="audit-tampering",
    again=False,
)
def audit_tampering(target: Target, params: Mapping[str, str]) -> FactProbe:  # noqa: ARG001 - the sentence has no slots
    """An entry in the middle and the newest one are changed and removed, one after the other, each put back before the next; the log's own check is asked before, with each, and after each."""
    audit = audit_of(target)
    if audit.tampering is None or audit.check is None:
        hint = "write `audit: {tampering: {table: …, column: …}, check: {sql: …}}`"
        raise ConfigurationError("does not say how", where=f"{target.file}: audit", hint=hint)
    tampering, check = audit.tampering, audit.check
    dsn = tampering.dsn or database_in(target).dsn

    def probe() -> Sequence[FactReading]:
        said = CheckSaid(target, check)
        facts = [said.fact("the log before", intact=True)]
        for trial in _TRIALS if facts[0].ok else ():
            with _tampered(target, tampering, dsn, trial) as done:
                subject = f"{trial.place} entry {trial.how}"
                if done.why:
                    facts.append(FactReading(subject=subject, expected=_TAMPERED, observed=done.why, ok=None))
                else:
                    facts.append(said.fact(subject, intact=False))
            after = said.fact(f"the log with {trial.place} entry put back, that was {trial.how}", intact=True)
            facts.append(_after_others(after, done.written))
            if not after.ok:
                break  # what follows would be reported as tampered with in any case
        return facts

    return probe


@dataclass(kw_only=True, slots=True)
class TamperedEntry:
    """An entry while it is tampered with: `why` it is not, empty if it is; and how many entries were `written` meanwhile."""

    why: str = ""
    written: int = 0


def _after_others(fact: FactReading, written: int) -> FactReading:
    """The fact that the log is intact again: an entry that others wrote meanwhile may be chained to the one before the removed."""
    if fact.ok is not False or not written:
        return fact
    why = f"{written} entries were written by others while the entry was tampered with, and may be chained around it"
    return replace(fact, observed=f"{fact.observed}; {why}: repeat it where nothing else writes to the log", ok=None)


class CheckSaid:
    """Asks the log's own check; who signs in for it does so once, before an entry is changed, since a sign-in may have an entry too."""

    def __init__(self, target: Target, check: AuditCheck) -> None:
        self._target, self._check = target, check
        self._maker = CallMaker(target=target, name=audit_of(target).user)

    def fact(self, subject: str, *, intact: bool) -> FactReading:
        """The fact that the check reports what is true.

        A false report of tampering, while nothing was done, makes its true ones worthless.
        """
        try:
            found, why = self._intact(), "no answer that is yes or no"
        except HarnessError as error:
            found, why = None, str(error)
        return FactReading(
            subject=subject,
            expected=_WORDS[intact],
            observed=_WORDS.get(found) or why,
            ok=None if found is None else found is intact,
        )

    def _intact(self) -> bool | None:
        check, target = self._check, self._target
        if check.sql:
            from psycopg import sql

            text = sql.SQL(check.sql.replace("%", "%%"))  # of the target file
            rows = rows_of(audit_of(target).dsn or database_in(target).dsn, text)
            value = rows[0][0] if rows else None
            return value if isinstance(value, bool) else None
        if check.call is not None:
            sent = self._maker.send([check.call])[0]
            if sent.answer.status != 200:
                raise DriverError(f"the log's own check got {sent.got}", where=check.call.call)
            try:
                value = found_at(json.loads(sent.answer.body), check.key)
            except ValueError:
                value = None
            return value if isinstance(value, bool) else None
        return _by_command(check.command)


def _by_command(command: Sequence[str]) -> bool | None:
    """Whether the log is intact: exit code 0, not: 1; every other code means that the check itself failed."""
    try:
        done = subprocess.run(command, stdin=_NO, stdout=_NO, stderr=_NO, timeout=_COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriverError(f"the log's own check did not run: {type(error).__name__}", where=command[0]) from error
    if done.returncode not in {0, 1}:
        raise DriverError(f"the log's own check ended with {done.returncode}, expected 0 or 1", where=command[0])
    return done.returncode == 0


@contextmanager
def _tampered(target: Target, tampering: AuditTampering, dsn: Reference, trial: Tampering) -> Iterator[TamperedEntry]:
    """Context in which an entry is changed or removed, and is put back at the end."""
    import psycopg

    done = TamperedEntry()
    with _session(dsn) as session:
        key = _key_of(session, tampering)
        row = _row(session, tampering, key, trial)
        left = _size(session, tampering.table) - (trial.how == "removed")
    if row is None:
        done.why = "the log has too few entries: at least 3 are needed"
        yield done
        return
    undo = {"table": tampering.table, "key": key, "row": row, "dsn": dsn.model_dump()}
    what = f"{trial.how} {trial.place} entry of {tampering.table}"
    intent = _tamper.intend(platform_of(target), "check audit-tampering", what, **undo)
    try:
        try:
            _tamper(dsn, tampering, key, row, trial.how)
        except psycopg.Error as error:
            done.why = f"the database did not let the entry be {trial.how}: {' '.join(str(error).split())}"
        yield done
        if not done.why:
            with _session(dsn) as session:
                done.written = max(0, _size(session, tampering.table) - left)
    finally:
        undo_now(None, target, intent)


@contextmanager
def _session(dsn: Reference) -> Iterator[Connection[Any]]:
    """A connection whose triggers are silent where the role may silence them, as an attacker with that role would.

    Raises:
        TargetUnreachable: no connection; the message never contains the DSN.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        info = make_conninfo(dsn.resolve(), connect_timeout=CONNECT_S, application_name="readiness-check")
        connection = psycopg.connect(make_conninfo(info, options=f"-c statement_timeout={STATEMENT_MS} {_EXACT}"))
    except psycopg.ProgrammingError:
        raise ConfigurationError("this is not the address of a PostgreSQL database", where=str(dsn)) from None
    except psycopg.OperationalError as error:
        raise TargetUnreachable(f"no answer from the database ({type(error).__name__})", where=str(dsn)) from error
    with connection:
        superuser = connection.execute("SELECT current_setting('is_superuser') = 'on'").fetchone()
        if superuser and superuser[0]:
            connection.execute("SET session_replication_role = replica")
        yield connection


def _key_of(session: Connection[Any], tampering: AuditTampering) -> list[str]:
    from psycopg import sql

    named = sql.Identifier(*schema_and_name(tampering.table)).as_string(session)
    found = session.execute(sql.SQL(_KEY).format(sql.Literal(named))).fetchall()
    if not found:
        hint = "name the table of the entries, which needs a primary key, in `audit.tampering.table`"
        raise DriverError(f"{tampering.table} is not there, or has no primary key", where="audit.tampering", hint=hint)
    return [str(row[0]) for row in found]


def _row(session: Connection[Any], tampering: AuditTampering, key: Sequence[str], trial: Tampering) -> str | None:
    """The entry of a trial, as the text of its row; None: the log is too short."""
    from psycopg import sql

    order = sql.SQL(", ").join(map(sql.Identifier, key))
    size = _size(session, tampering.table)
    if size < 3:
        return None
    # the one before the newest stands for the middle: those of the run itself are at the end
    back = 0 if trial.place == "the newest" else min(size - 2, max(1, size // 2))
    query = sql.SQL("SELECT (entry.*)::text FROM {} AS entry ORDER BY ({}) DESC OFFSET {} LIMIT 1")
    found = session.execute(query.format(_table(tampering.table), order, sql.Literal(back))).fetchone()
    return str(found[0]) if found else None


def _size(session: Connection[Any], table: str) -> int:
    from psycopg import sql

    count = session.execute(sql.SQL("SELECT count(*) FROM {}").format(_table(table))).fetchone()
    return int(count[0]) if count else 0


def _table(name: str) -> SQL.Composed:
    from psycopg import sql

    return sql.Composed([sql.Identifier(*schema_and_name(name))])


def _was(name: SQL.Composed) -> SQL.Composed:
    """The row whose text is the parameter, as a record of the table's own type."""
    from psycopg import sql

    return sql.SQL("(SELECT (CAST(%s AS {})).*) AS was").format(name)


def _where(key: Sequence[str]) -> SQL.Composed:
    """The condition of the row: each column of the key as in the record."""
    from psycopg import sql

    return sql.SQL(" AND ").join(sql.SQL("entry.{0} = was.{0}").format(sql.Identifier(name)) for name in key)


def _put_back(
    _cluster: Cluster | None, _target: Target, *, table: str, key: Sequence[str], row: str, dsn: Mapping[str, str]
) -> None:
    """Write the row as it was: over the changed one, or again where it was removed.

    Raises:
        DriverError: the database refused it, or the row is another one afterwards, as a trigger may make it.
    """
    import psycopg
    from psycopg import sql

    place, now = (
        Reference.model_validate(dsn),
        sql.SQL("SELECT (entry.*)::text FROM {name} AS entry, {was} WHERE {where}"),
    )
    values = {"name": _table(table), "where": _where(key), "was": _was(_table(table))}
    hint = "write the entry back by hand, or repeat `readiness recover` as a role that may"
    try:
        with _session(place) as session:
            _written(session, table, key, row, values)
        with _session(place) as session:
            found = session.execute(now.format(**values), [row]).fetchall()
    except psycopg.Error as error:
        what = f"the database did not let the entry be put back: {' '.join(str(error).split())}"
        raise DriverError(what, where=table, hint=hint) from error
    if found != [(row,)]:
        raise DriverError("the entry that was put back is not as it was before", where=table, hint=hint)


def _written(
    session: Connection[Any], table: str, key: Sequence[str], row: str, values: Mapping[str, SQL.Composed]
) -> None:
    from psycopg import sql

    columns = session.execute(sql.SQL(_COLUMNS).format(sql.Literal(table))).fetchall()
    every = [sql.Identifier(name) for name, _ in columns]
    plain = [sql.Identifier(name) for name, always in columns if name not in key and not always]
    update = sql.SQL("UPDATE {name} AS entry SET {changed} FROM {was} WHERE {where}")
    insert = sql.SQL(
        "INSERT INTO {name} ({every}) OVERRIDING SYSTEM VALUE SELECT {theirs} FROM {was} "
        "WHERE NOT EXISTS (SELECT FROM {name} AS entry WHERE {where})"
    )
    if plain:
        changed = sql.SQL(", ").join(sql.SQL("{0} = was.{0}").format(one) for one in plain)
        session.execute(update.format(changed=changed, **values), [row])
    names, theirs = sql.SQL(", ").join(every), sql.SQL(", ").join(sql.SQL("was.{}").format(one) for one in every)
    session.execute(insert.format(every=names, theirs=theirs, **values), [row])


@undoable("audit-entry", undo=_put_back)
def _tamper(dsn: Reference, tampering: AuditTampering, key: Sequence[str], row: str, how: How) -> None:
    """Change or remove an entry. Raises psycopg.Error if the database refuses it."""
    from psycopg import sql

    name = _table(tampering.table)
    values = {"name": name, "where": _where(key), "column": sql.Identifier(tampering.column), "was": _was(name)}
    statement = (
        sql.SQL("UPDATE {name} AS entry SET {column} = concat(entry.{column}, 'x') FROM {was} WHERE {where}")
        if how == "changed"
        else sql.SQL("DELETE FROM {name} AS entry USING {was} WHERE {where}")
    ).format(**values)
    with _session(dsn) as session:
        done = session.execute(statement, [row])
        if done.rowcount != 1:
            raise DriverError(f"{done.rowcount} entries were {how}, expected 1", where=tampering.table)
