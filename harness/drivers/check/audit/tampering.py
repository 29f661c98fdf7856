"""`audit-tampering`: checks that the audit log's own check reports an entry that was changed or removed, and reports nothing while it is intact.

The entry is changed in the database, by a role that may; it is on disk before, and is put back at the end.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from harness.targets.kubernetes import Cluster
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg import sql as SQL  # noqa: N812 - the module

_COMMAND_S: Final = 60.0
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
            with _tampered(target, tampering, dsn, trial) as why:
                subject = f"{trial.place} entry {trial.how}"
                if why:
                    facts.append(FactReading(subject=subject, expected=_TAMPERED, observed=why, ok=None))
                else:
                    facts.append(said.fact(subject, intact=False))
            facts.append(said.fact(f"the log with {trial.place} entry put back, that was {trial.how}", intact=True))
        return facts

    return probe


class CheckSaid:
    """Asks the log's own check."""

    def __init__(self, target: Target, check: AuditCheck) -> None:
        self._target, self._check = target, check

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
            sent = CallMaker(target=target, name=audit_of(target).user).send([check.call])[0]
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
        done = subprocess.run(command, capture_output=True, timeout=_COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriverError(f"the log's own check did not run: {type(error).__name__}", where=command[0]) from error
    if done.returncode not in {0, 1}:
        raise DriverError(f"the log's own check ended with {done.returncode}, expected 0 or 1", where=command[0])
    return done.returncode == 0


@contextmanager
def _tampered(target: Target, tampering: AuditTampering, dsn: Reference, trial: Tampering) -> Iterator[str]:
    """Context in which an entry is changed or removed; gives why it is not, empty if it is. The entry is put back at the end."""
    import psycopg

    with _session(dsn) as session:
        key = _key_of(session, tampering)
        row = _row(session, tampering, key, trial)
    if row is None:
        yield "the log has too few entries: at least 3 are needed"
        return
    undo = {"table": tampering.table, "key": key, "row": row, "dsn": dsn.model_dump()}
    what = f"{trial.how} {trial.place} entry of {tampering.table}"
    intent = _tamper.intend(platform_of(target), "check audit-tampering", what, **undo)
    why = ""
    try:
        try:
            _tamper(dsn, tampering, key, row, trial.how)
        except psycopg.Error as error:
            why = f"the database did not let the entry be {trial.how}: {' '.join(str(error).split())}"
        yield why
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
        connection = psycopg.connect(make_conninfo(info, options=f"-c statement_timeout={STATEMENT_MS}"))
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

    found = session.execute(sql.SQL(_KEY).format(sql.Literal(tampering.table))).fetchall()
    if not found:
        hint = "name the table of the entries, which needs a primary key, in `audit.tampering.table`"
        raise DriverError(f"{tampering.table} is not there, or has no primary key", where="audit.tampering", hint=hint)
    return [str(row[0]) for row in found]


def _row(
    session: Connection[Any], tampering: AuditTampering, key: Sequence[str], trial: Tampering
) -> dict[str, Any] | None:
    """The entry of a trial, as JSON; None: the log is too short."""
    from psycopg import sql

    order = sql.SQL(", ").join(map(sql.Identifier, key))
    count = session.execute(sql.SQL("SELECT count(*) FROM {}").format(_table(tampering.table))).fetchone()
    size = int(count[0]) if count else 0
    if size < 3:
        return None
    # the one before the newest stands for the middle: those of the run itself are at the end
    back = 0 if trial.place == "the newest" else min(size - 2, max(1, size // 2))
    query = sql.SQL("SELECT to_jsonb(entry) FROM {} AS entry ORDER BY ({}) DESC OFFSET {} LIMIT 1")
    found = session.execute(query.format(_table(tampering.table), order, sql.Literal(back))).fetchone()
    return dict(found[0]) if found else None


def _table(name: str) -> SQL.Composed:
    from psycopg import sql

    return sql.SQL(".").join(map(sql.Identifier, name.split(".")))


def _where(key: Sequence[str]) -> SQL.Composed:
    """The condition of the row: each column of the key as in a record of the table's own type."""
    from psycopg import sql

    return sql.SQL(" AND ").join(sql.SQL("entry.{0} = was.{0}").format(sql.Identifier(name)) for name in key)


def _put_back(
    _cluster: Cluster | None,
    _target: Target,
    *,
    table: str,
    key: Sequence[str],
    row: Mapping[str, Any],
    dsn: Mapping[str, str],
) -> None:
    """Write the row as it was: over the changed one, or again where it was removed."""
    from psycopg import sql
    from psycopg.types.json import Jsonb

    names = [name for name in row if name not in key]
    values = {"name": _table(table), "where": _where(key)}
    changed = sql.SQL(", ").join(sql.SQL("{0} = was.{0}").format(sql.Identifier(name)) for name in names)
    update = sql.SQL(
        "UPDATE {name} AS entry SET {changed} FROM jsonb_populate_record(NULL::{name}, %s) AS was WHERE {where}"
    )
    insert = sql.SQL(
        "INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT was.* FROM jsonb_populate_record(NULL::{name}, %s) AS was "
        "WHERE NOT EXISTS (SELECT FROM {name} AS entry WHERE {where})"
    )
    with _session(Reference.model_validate(dsn)) as session:
        session.execute(update.format(changed=changed, **values), [Jsonb(row)])
        session.execute(insert.format(**values), [Jsonb(row)])


@undoable("audit-entry", undo=_put_back)
def _tamper(dsn: Reference, tampering: AuditTampering, key: Sequence[str], row: Mapping[str, Any], how: How) -> None:
    """Change or remove an entry. Raises psycopg.Error if the database refuses it."""
    from psycopg import sql
    from psycopg.types.json import Jsonb

    values = {"name": _table(tampering.table), "where": _where(key), "column": sql.Identifier(tampering.column)}
    source = sql.SQL("jsonb_populate_record(NULL::{name}, %s) AS was").format(name=values["name"])
    statement = (
        sql.SQL("UPDATE {name} AS entry SET {column} = concat(entry.{column}, 'x') FROM {source} WHERE {where}")
        if how == "changed"
        else sql.SQL("DELETE FROM {name} AS entry USING {source} WHERE {where}")
    ).format(source=source, **values)
    with _session(dsn) as session:
        done = session.execute(statement, [Jsonb(dict(row))])
        if done.rowcount != 1:
            raise DriverError(f"{done.rowcount} entries were {how}, expected 1", where=tampering.table)
