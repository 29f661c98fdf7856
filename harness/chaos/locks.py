"""Locks rows or tables of a database repeatedly, so that queries wait.

Locked rows delay changes of the rows; locked tables also delay reads.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.chaos.confirmation.hits import HITS, Hits, pod_hits, remembered
from harness.chaos.session import ChaosSession, session
from harness.clock import Deadline
from harness.errors import FaultNotInjected, TargetUnreachable
from harness.targets.access import LOCK, access, accesses
from harness.targets.database import LEADER, leader_of
from harness.targets.undo import undoable, undoes

if TYPE_CHECKING:
    from psycopg import sql

    from harness.model import Hit
    from harness.targets.files.target import Target
    from harness.targets.kubernetes import Cluster

SESSION: Final = "readiness-lock"
"""Application name of the locking session, by which it is found and ended."""
LONGEST_S: Final = 120.0
"""Seconds after which the locking session ends; it also ends with its process."""
_CONNECT_S: Final = 3
_LOCK_MS: Final = 5000
_ENDED: Final = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
_END: Final = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"
_WAIT: Final = (
    "SELECT count(*) FROM pg_stat_activity a WHERE a.wait_event_type = 'Lock' "
    "AND clock_timestamp() - a.query_start > make_interval(secs => %s) "
    "AND EXISTS (SELECT FROM pg_stat_activity h WHERE h.application_name = %s AND h.pid = ANY (pg_blocking_pids(a.pid)))"
)


def _unlock(_cluster: Cluster | None, target: Target, *, table: str) -> None:  # noqa: ARG001 - for people
    _asked(target, _END)


@undoable("unlock-rows", undo=_unlock)
def hold_locks(target: Target, what: str, query: sql.Composed, held_s: float, free_s: float) -> None:
    """Start a thread that repeats a locking transaction of `held_s`; returns after the first lock."""
    lock = _Lock(target, query, held_s, free_s)
    threading.Thread(target=lock.run, name=SESSION, daemon=True).start()
    if not lock.held.wait(_CONNECT_S + _LOCK_MS / 1000) or lock.why:
        raise FaultNotInjected(f"{what} could not be locked: {lock.why or 'no answer from the database'}")


@dataclass
class _Lock:
    """One session that holds what a query locks for some time, again and again."""

    target: Target
    query: sql.Composed
    held_s: float
    free_s: float
    held: threading.Event = field(default_factory=threading.Event)
    why: str = ""

    def run(self) -> None:
        """Lock until the session is ended, or the maximum time has passed."""
        import psycopg  # here and below: an experiment without a database needs no driver of it
        from psycopg import sql

        try:
            with psycopg.connect(_address(self.target, SESSION), autocommit=True) as connection:
                connection.execute(sql.SQL("SET lock_timeout = {}").format(_LOCK_MS))
                deadline = Deadline.after(LONGEST_S)
                while not deadline.over:
                    with connection.transaction():
                        connection.execute(self.query)
                        self.held.set()
                        clock.sleep(self.held_s)
                    clock.sleep(self.free_s)
        except psycopg.Error as error:  # it was ended, or never began
            self.why = " ".join(str(error).split()) or type(error).__name__
            self.held.set()


@accesses(*access("get pods", at=LOCK), *HITS, *LEADER)
def lock_rows(table: str, held_s: float = 1.0, free_s: float = 0.1) -> Hits:
    """Lock all rows of a table repeatedly for `held_s` seconds, with pauses of `free_s` seconds, so that changes wait.

    The role of `database.dsn` needs the permission for SELECT FOR UPDATE: UPDATE of at least one column.

    Args:
        table: name of the table, with its schema if it is not in the search path.
        held_s: length of a lock in s; use less than the timeout of the services.
        free_s: pause in s in which waiting queries continue.

    Raises:
        FaultNotInjected: the target names no database, or the rows were not locked.
    """
    from psycopg import sql

    # readers go on; who waits for a row does so while the query runs, so that the database counts it (of a table it does not)
    query = sql.SQL("SELECT FROM {} FOR NO KEY UPDATE").format(_name(table))
    return _locked(f"the rows of {table}", [table], query, float(held_s), float(free_s))


@accesses(*access("get pods", at=LOCK), *HITS, *LEADER)
def lock_tables(tables: Sequence[str], held_s: float = 2.0, free_s: float = 0.5) -> Hits:
    """Lock tables repeatedly for `held_s` seconds, with pauses of `free_s` seconds, like a migration.

    Reads and changes of the tables wait, also on standbys.

    If `held_s` is longer than the database timeout of a service, the service answers with an error. The role of
    `database.dsn` needs the permission for LOCK TABLE in mode ACCESS EXCLUSIVE: MAINTAIN (from version 17) or UPDATE of
    the table.

    Args:
        tables: names of the tables, with the schema if it is not in the search path.
        held_s: length of a lock in s; use more than the timeout of the services if they are to fail.
        free_s: pause in s in which waiting queries continue.

    Raises:
        FaultNotInjected: the target names no database, or the tables were not locked.
    """
    from psycopg import sql

    names = list(tables)
    query = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(map(_name, names)))
    return _locked(f"the tables {', '.join(names)}", names, query, float(held_s), float(free_s))


def _locked(what: str, tables: Sequence[str], query: sql.Composed, held_s: float, free_s: float) -> Hits:
    here = session()
    if here.target.database is None:
        raise FaultNotInjected(f"{here.target.name} has no `database`")
    hits = _primary(here)
    here.destructive(hits)
    here.intend(hold_locks, f"lock {what}", table=", ".join(tables))
    hold_locks(here.target, what, query, held_s, free_s)
    here.locked.extend(tables)
    return remembered(here, hits, stays=True)


def _name(table: str) -> sql.Composed:
    from psycopg import sql

    return sql.SQL(".").join(map(sql.Identifier, table.split(".")))


@undoes(hold_locks)
@accesses()
def release_rows() -> list[str]:
    """End every session of the harness that locks rows or tables; returns the names of the tables."""
    return session().undo(hold_locks)


def queries_wait(target: Target, for_s: float) -> bool:
    """Whether a query has waited longer than `for_s` seconds for a lock of the harness. Raises TargetUnreachable."""
    return _asked(target, _WAIT, for_s) > 0


def rows_free(target: Target) -> bool:
    """Whether no session of the harness locks rows or tables. Raises TargetUnreachable."""
    return _asked(target, _ENDED) == 0


def _primary(here: ChaosSession) -> list[Hit]:
    """The pod of the database's leader, where the target says how to find it."""
    database = here.target.database
    if database is None or database.leader is None:
        return []
    pod = here.cluster.pod(database.leader.namespace, leader_of(here.cluster, here.target))
    return pod_hits(here, [pod]) if pod is not None else []


def _address(target: Target, name: str) -> str:
    from psycopg.conninfo import make_conninfo

    if target.database is None:
        raise TargetUnreachable(f"{target.name} has no `database`", where=str(target.file))
    return make_conninfo(target.database.dsn.resolve(), connect_timeout=_CONNECT_S, application_name=name)


def _asked(target: Target, query: str, *values: object) -> int:
    """A number that a query of the primary returns; the query's last value is the name of the locking session."""
    import psycopg

    try:
        with psycopg.connect(_address(target, "readiness-chaos"), autocommit=True) as connection:
            row = connection.execute(query.encode(), (*values, SESSION)).fetchone()
    except psycopg.Error as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnreachable(f"the database gave no answer: {what}", where=str(target.file)) from error
    return int(row[0]) if row else 0
