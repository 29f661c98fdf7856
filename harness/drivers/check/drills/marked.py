"""Writes of the ledger with the times of their acknowledgements, and the clock of the database on which a moment is chosen."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import clock
from harness.drivers.check.drills.checksums import connected
from harness.drivers.check.sql.asking import rows_of
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.parts import LedgerSettings
from harness.targets.files.reference import Reference
from harness.targets.http import http_client
from harness.units import NS_PER_MS, NS_PER_S

_NS_PER_US: Final = 1000
_ASKED: Final = 5
"""Readings of the clock, of which each makes the difference better known."""
_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, inet_server_addr()::text, pg_postmaster_start_time()::text"
_AROUND_S: Final = 3.0
"""Seconds of writes before the moment, and after it."""
_EVERY_S: Final = 0.1
_WITHIN_S: Final = 2.0
_ACCEPTED: Final = frozenset({200, 201})

_TABLE: Final = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass({})"
"""Schema and name of a table as the search path of the session finds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseClock:
    """By how much the clock of a database (ns since 1970) is ahead of this machine's monotonic one: at least, and at most."""

    least_ns: int
    most_ns: int
    server: tuple[str, str] = ("", "")

    def and_then(self, later: DatabaseClock) -> DatabaseClock:
        """What holds for the time between two readings.

        Raises:
            DriverError: another server answered, whose clock is another one.
        """
        if later.server != self.server:
            what = "another server became the primary, or the primary was started again, while the writes were made"
            raise DriverError(what, hint="run again while no member of the database changes its role")
        least_ns, most_ns = min(self.least_ns, later.least_ns), max(self.most_ns, later.most_ns)
        return DatabaseClock(least_ns=least_ns, most_ns=most_ns, server=self.server)

    def __str__(self) -> str:
        mono_ns, wall = clock.both()
        ahead_ms = ((self.least_ns + self.most_ns) / 2 + mono_ns - clock.wall_ns(wall)) / NS_PER_MS
        known_ms = (self.most_ns - self.least_ns) / 2 / NS_PER_MS
        side = "ahead of" if ahead_ms >= 0 else "behind"
        return f"{abs(ahead_ms):.1f} ms {side} this machine's, ± {known_ms:.1f} ms"


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedWrite:
    """A write: its number, when it was sent and answered (ns of this machine's monotonic clock), and whether it was acknowledged."""

    number: int
    sent_ns: int
    done_ns: int
    acknowledged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedWrites:
    """Writes around a moment.

    Attributes:
        client: number of the client whose writes they are.
        table: schema and name of the ledger's table.
        moment_s: the moment, in s since 1970 on the database's clock.
        database: that clock.
        every: the writes, in order.
    """

    client: int
    table: tuple[str, ...]
    moment_s: int
    database: DatabaseClock
    every: Sequence[MarkedWrite]

    @property
    def before(self) -> Sequence[MarkedWrite]:
        """Those acknowledged before the moment, whatever the clocks' difference is within its bounds."""
        until_ns = self.moment_s * NS_PER_S - self.database.most_ns
        return [one for one in self.every if one.acknowledged and one.done_ns < until_ns]

    @property
    def after(self) -> Sequence[MarkedWrite]:
        """Those that were begun after it."""
        since_ns = self.moment_s * NS_PER_S - self.database.least_ns
        return [one for one in self.every if one.sent_ns > since_ns]

    def early_s(self, one: MarkedWrite) -> float:
        """Seconds from the acknowledgement of a write to the moment."""
        middle_ns = (self.database.least_ns + self.database.most_ns) / 2
        return (self.moment_s * NS_PER_S - middle_ns - one.done_ns) / NS_PER_S

    def late_s(self, one: MarkedWrite) -> float:
        """Seconds from the moment to when a write was sent."""
        middle_ns = (self.database.least_ns + self.database.most_ns) / 2
        return (one.sent_ns - self.moment_s * NS_PER_S + middle_ns) / NS_PER_S


def ledger_in(target: Target) -> LedgerSettings:
    """The ledger of the target file. Raises ConfigurationError: it names none."""
    if target.ledger is None:
        hint = "write `ledger: {path: PATH, table: TABLE}`"
        raise ConfigurationError("names no ledger", where=f"{target.file}: ledger", hint=hint)
    return target.ledger


def clock_of(dsn: Reference) -> DatabaseClock:
    """Read the clock of a database a few times.

    Raises:
        TargetUnreachable: no connection. DriverError: the server refused the query.
    """
    import psycopg

    found: list[DatabaseClock] = []
    with connected(dsn) as connection:
        for _ in range(_ASKED):
            before_ns = clock.now_ns()
            try:
                row = connection.execute(_NOW).fetchone()
            except psycopg.Error as error:
                raise DriverError(f"the database refused a query ({type(error).__name__})", where=str(dsn)) from error
            after_ns = clock.now_ns()
            now_us, *server = row or (0, "", "")
            now_ns = now_us * _NS_PER_US
            found.append(
                DatabaseClock(
                    least_ns=now_ns - _NS_PER_US - after_ns,
                    most_ns=now_ns + _NS_PER_US - before_ns,
                    server=(str(server[0]), str(server[1])),
                )
            )
    return min(found, key=lambda one: one.most_ns - one.least_ns)


def write_around(target: Target, dsn: Reference) -> MarkedWrites:
    """Write rows of the ledger for a few seconds before a whole second of the database's clock, and for a few after it.

    Raises:
        TargetUnreachable: the database does not answer.
        DriverError: another server became the primary meanwhile.
    """
    import httpx

    ledger, client = ledger_in(target), uuid.uuid4().int >> 97  # a number that no watcher has, below 2**31
    table, first = ledger_table(dsn, ledger), clock_of(dsn)
    moment_s = -(-(clock.now_ns() + first.most_ns + round(_AROUND_S * NS_PER_S)) // NS_PER_S)
    until = clock.Deadline(moment_s * NS_PER_S - first.least_ns + round(_AROUND_S * NS_PER_S))
    done: list[MarkedWrite] = []
    with http_client(target, target.entry, timeout_s=_WITHIN_S) as http:
        for number, _ in enumerate(until.ticks(_EVERY_S)):
            body = {"client": client, "sequence": number, "checksum": checksum(client, number)}
            sent_ns = clock.now_ns()
            try:
                answer = http.post(ledger.path, json=body, headers={"idempotency-key": f"{client}-{number}"})
                acknowledged = answer.status_code in _ACCEPTED
            except httpx.HTTPError:
                acknowledged = False
            done.append(MarkedWrite(number=number, sent_ns=sent_ns, done_ns=clock.now_ns(), acknowledged=acknowledged))
    database = first.and_then(clock_of(dsn))
    return MarkedWrites(client=client, table=table, moment_s=moment_s, database=database, every=done)


def checksum(client: int, number: int) -> str:
    """The checksum in the row of a write, 16 hexadecimal digits."""
    return hashlib.sha256(f"{client}:{number}".encode()).hexdigest()[:16]


def ledger_table(dsn: Reference, ledger: LedgerSettings) -> tuple[str, ...]:
    """The ledger's table as the database that serves has it: with its schema, which another role may not have in its search path.

    Raises:
        TargetUnreachable: no connection. DriverError: the server refused the query.
    """
    from psycopg import sql

    named = tuple(ledger.table.split("."))
    query = sql.SQL(_TABLE).format(sql.Literal(sql.Identifier(*named).as_string(None)))
    return next(iter(rows_of(dsn, query)), named)


def numbers_in(dsn: Reference, made: MarkedWrites) -> Mapping[int, str]:
    """The rows of these writes in a database: checksum by number; none where the table is not there.

    Raises:
        TargetUnreachable: no connection. DriverError: the server refused the query.
    """
    import psycopg
    from psycopg import sql

    query = sql.SQL("SELECT sequence, checksum FROM {} WHERE client = %s").format(sql.Identifier(*made.table))
    try:
        return {int(number): str(held) for number, held in rows_of(dsn, query, (made.client,), raises=True, whole=True)}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return {}
    except psycopg.Error as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise DriverError(f"the ledger was not read: {what}", where=str(dsn)) from error
