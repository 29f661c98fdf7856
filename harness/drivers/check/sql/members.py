"""`database-version`, `database-primary`, `database-standbys`: check what each database member reports about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.check.state.versions import VERSION, version_fact
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, TargetUnreachable
from harness.targets import Target
from harness.targets.files.parts import Member

_VERSION: Final = "SELECT current_setting('server_version')"
_ROLE: Final = "SELECT pg_is_in_recovery()"
_RECEIVER: Final = "SELECT status FROM pg_stat_wal_receiver"
_WRITE: Final = "CREATE TEMPORARY TABLE readiness_write_probe (n int)"
"""A write to test a member: a standby refuses it; on a primary it is rolled back."""
_MEMBERS: Final = within("database.members", "each member of the database is queried")


@claim(
    VERSION,
    "database",
    example="the database of every region reports version 15.4 or newer",
    fixed={"at_least": "<version>"},
    needs=(DATABASE,),
)
def database_version(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The server version of every member of the database."""
    database, least = database_in(target), params["at_least"]
    servers = {f"database member {name}": member.dsn for name, member in database.members.items()}

    def probe() -> Sequence[FactReading]:
        asked = servers or {"database": database.dsn}
        return [version_fact(name, str(rows_of(dsn, _VERSION)[0][0]), least) for name, dsn in asked.items()]

    return probe


OF_MEMBERS: Final = SentenceForm(
    "members-of-the-database",
    "the database has <members:noun>[ in the steady state]",
    "Every member is asked for its role.",
)


@claim(
    OF_MEMBERS,
    "its primary in <region>",
    example="the database has its primary in us-east-1 in the steady state",
    needs=(DATABASE, _MEMBERS),
)
def database_primary(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every member is asked whether it is in recovery; one is not, and it is in that region.

    A member without an answer might be a second primary.
    """
    members, region = _members(target), params["region"]

    def probe() -> Sequence[FactReading]:
        primaries, silent = [], []
        for name, member in members.items():
            try:
                [(recovering,)] = rows_of(member.dsn, _ROLE)
            except TargetUnreachable:
                silent.append(name)
            else:
                primaries += [] if recovering else [name]
        seen = ", ".join(f"{name} in {members[name].region or 'no region'}" for name in primaries) or "no primary"
        right = [members[name].region for name in primaries] == [region]
        unknown = f"; {', '.join(silent)} did not answer" if silent else ""
        return [
            FactReading(
                subject="database primary",
                expected=f"one, in {region}",
                observed=f"{seen}{unknown}",
                ok=None if silent and (right or not primaries) else right,
            )
        ]

    return probe


@claim(
    OF_MEMBERS,
    "at least <count> member in <region> that streams from the primary and refuses writes",
    example="the database has at least 1 member in eu-west-1 that streams from the primary and refuses writes in the steady state",
    fixed={"at_least": "<count>"},
    needs=(DATABASE, _MEMBERS),
)
def database_standbys(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each member there is asked for its receiver's state, and is given a write, which it must refuse.

    A member that does not answer, or whose state the role may not read, might be one of them, so the fact may be unknown.
    """
    members, region, least = _members(target), params["region"], int(params["at_least"])
    here = {name: member for name, member in members.items() if member.region == region}

    def probe() -> Sequence[FactReading]:
        states = {name: _standby(member) for name, member in here.items()}
        good = sum(one.ok is True for one in states.values())
        unknown = sum(one.ok is None for one in states.values())
        return [
            FactReading(
                subject=f"database members in {region}",
                expected=f"at least {least} that stream from the primary and refuse writes",
                observed="; ".join(f"{name}: {one.words}" for name, one in states.items()) or "no member",
                ok=good >= least or (None if good + unknown >= least else False),
            )
        ]

    return probe


class _Standby(NamedTuple):
    """The state of a member as text, and whether it is a working standby; None if not known."""

    words: str
    ok: bool | None


_HIDDEN: Final = _Standby("its role may not read whether it streams (GRANT pg_read_all_stats)", ok=None)


def _standby(member: Member) -> _Standby:
    import psycopg

    try:
        receiving = rows_of(member.dsn, _RECEIVER)
        [(recovering,)] = rows_of(member.dsn, _ROLE)
        if not recovering:
            return _Standby("is a primary", ok=False)
        status = receiving[0][0] if receiving else "no receiver"
        if status != "streaming":
            return _Standby(f"does not stream ({status})", ok=False) if status else _HIDDEN
        rows_of(member.dsn, _WRITE, raises=True)
    except TargetUnreachable:
        return _Standby("does not answer", ok=None)
    except psycopg.errors.ReadOnlySqlTransaction:
        return _Standby("streams, refuses writes", ok=True)
    except psycopg.ProgrammingError:  # a statement that was done has no rows to fetch
        return _Standby("takes writes", ok=False)
    return _Standby("takes writes", ok=False)


def _members(target: Target) -> Mapping[str, Member]:
    database = database_in(target)
    if not database.members:
        raise ConfigurationError(
            "names no member of the database",
            where=f"{target.file}: database.members",
            hint="write `members: {NAME: {dsn: {env: …}, region: …}}`",
        )
    return database.members
