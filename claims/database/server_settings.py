"""`database-settings`: checks that the settings are as declared, and that standbys are synchronous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.check.sql.members import OF_MEMBERS
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target

_SHOWN: Final = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)"
_STANDBYS: Final = "SELECT application_name, state, sync_state FROM pg_stat_replication"
_SYNCHRONOUS: Final = ("sync", "quorum")


@claim(
    OF_MEMBERS,
    "the declared settings and <count> synchronous standby",
    example="the database has the declared settings and 1 synchronous standby",
    fixed={"synchronous": "<count>"},
    needs=(DATABASE, within("database.settings", "the declared settings of the database are compared")),
)
def database_settings(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each setting of `database.settings` of the target file as a new session has it; at least so many standbys are synchronous.

    They are read from the primary.
    """
    database, least = database_in(target), int(params["synchronous"])
    if not database.settings:
        raise ConfigurationError(
            "declares no settings of the database",
            where=f"{target.file}: database.settings",
            hint="write `settings: {statement_timeout: 30s, ssl: on}`, as `SHOW` writes them",
        )

    def probe() -> Sequence[FactReading]:
        shown = _shown(target, list(database.settings))
        seen = [
            _fact(name, value, shown[name]) if name in shown else _of_few(target, name, value)
            for name, value in database.settings.items()
        ]
        standbys = rows_of(database.dsn, _STANDBYS)
        known = [(name, kind) for name, state, kind in standbys if state == "streaming"]
        good, hidden = sum(kind in _SYNCHRONOUS for _, kind in known), sum(state is None for _, state, _ in standbys)
        there = ", ".join(f"{name} {kind}" for name, kind in known) or ("" if hidden else "no standby streams")
        unread = f"{hidden} standbys that the role may not read (GRANT pg_read_all_stats)" if hidden else ""
        return [
            *seen,
            FactReading(
                subject="standbys of the primary",
                expected=f"at least {least} synchronous",
                observed=", ".join(filter(None, [there, unread])),
                ok=good >= least or (None if good + hidden >= least else False),
            ),
        ]

    return probe


def _fact(name: str, declared: str, shown: str | None) -> FactReading:
    return FactReading(
        subject=f"setting {name}",
        expected=declared,
        observed="no such setting" if shown is None else shown,
        ok=shown is not None and (shown == declared or _milliseconds(shown) == _milliseconds(declared) is not None),
    )


def _of_few(target: Target, name: str, declared: str) -> FactReading:
    """The fact of a setting that is not listed: there is none, or the role may not see it."""
    try:
        [(shown,)] = rows_of(database_in(target).dsn, "SELECT current_setting(%s, true)", [name], plain=True)
    except DriverError as error:
        observed = f"{error.what} (GRANT pg_read_all_settings)"
        return FactReading(subject=f"setting {name}", expected=declared, observed=observed, ok=None)
    return _fact(name, declared, shown)


def _shown(target: Target, names: list[str]) -> dict[str, str]:
    """The value of each setting in a new session."""
    rows = rows_of(database_in(target).dsn, _SHOWN, [names], plain=True)
    return {str(name): str(value) for name, value in rows}


def _milliseconds(text: str) -> float | None:
    """A length of time as PostgreSQL writes it; None for anything else."""
    units = {"ms": 1.0, "s": 1000.0, "min": 60_000.0, "h": 3_600_000.0}
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :]
    if not digits.strip().isdigit() or (unit not in units and float(digits) != 0):
        return None
    return float(digits) * units.get(unit, 1.0)
