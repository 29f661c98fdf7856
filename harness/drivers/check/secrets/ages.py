"""`key-ages`: checks that no key in use is older than a limit. Times and names of keys are read, never a key."""

from __future__ import annotations

import glob
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.check.state.paths import ObjectPath
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError, HarnessError
from harness.model import FactAmount, Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import Access, access, accesses, resource_of
from harness.targets.files.stored import KeyObject, KeySource
from harness.targets.http import http_client
from harness.targets.kubernetes import Cluster

_WITHIN_S: Final = 30.0
_AHEAD: Final = timedelta(minutes=5)
"""How far a time may be ahead of this machine's clock; one further ahead is no age."""
_DAY_S: Final = 86_400.0
Times = Iterator[tuple[str, object]]
"""Name of each key, and its time as the source has it."""


def _accesses(target: Target, _params: Mapping[str, str]) -> tuple[Access, ...]:
    """API permissions for the sources that are objects."""
    found: list[Access] = []
    for source in target.secrets.keys.values() if target.secrets is not None else ():
        if (one := source.object) is not None:
            verb = "get" if one.name else "list"
            found += access(f"{verb} {resource_of(one.version, one.kind)}", at=one.namespace, name=one.name)
    return tuple(found)


@claim(
    "no key in use is older than <age:duration>",
    example="no key in use is older than 31 d",
    needs=(
        RequiredKey("secrets", "the ages of keys are read"),
        within("secrets.keys", "the ages of keys are read"),
    ),
    seconds=2.0,
)
@accesses(by=_accesses)
def key_ages(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The time of every key that the sources in `secrets.keys` give: queries, commands, files, objects in the Kubernetes API, JSON Web Key Sets.

    A source that gives no key, a key without a time and a time in the future are unknown.
    """
    limit_s = Quantity.parse(params["age"]).base
    sources = target.secrets.keys if target.secrets is not None else {}

    def probe() -> Sequence[FactReading]:
        return [fact for name, source in sources.items() for fact in _of_source(target, name, source, limit_s)]

    return probe


def _of_source(target: Target, name: str, source: KeySource, limit_s: float) -> list[FactReading]:
    expected = f"at most {limit_s / _DAY_S:g} d old"
    try:
        found = list(_times(target, source))
    except HarnessError as error:
        return [FactReading(subject=name, expected=expected, observed=error.what, ok=None)]
    if not found:
        return [FactReading(subject=name, expected=expected, observed="the source gives no key", ok=None)]
    return [_aged(f"{name}: {key}", expected, given, limit_s) for key, given in found]


def _aged(subject: str, expected: str, given: object, limit_s: float) -> FactReading:
    """The fact of one key, from the time that its source gives."""
    at, now = _moment(given), clock.wall()
    if at is None:
        return FactReading(subject=subject, expected=expected, observed="no time that can be read", ok=None)
    if at > now + _AHEAD:
        observed = f"made at {clock.wall_text(at)}, which is in the future: compare the clocks"
        return FactReading(subject=subject, expected=expected, observed=observed, ok=None)
    age_s = max(0.0, (now - at).total_seconds())
    return FactReading(
        subject=subject,
        expected=expected,
        observed=f"{age_s / _DAY_S:.1f} d old",
        ok=age_s <= limit_s,
        amount=FactAmount(value=age_s / _DAY_S, unit="d"),
    )


def _moment(given: object) -> datetime | None:
    """A time as a source has it: a date or datetime, a text in ISO 8601, or seconds since 1970."""
    try:
        if isinstance(given, str):
            given = datetime.fromisoformat(given.strip())
        if isinstance(given, int | float | Decimal) and not isinstance(given, bool):
            return datetime.fromtimestamp(float(given), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if isinstance(given, date) and not isinstance(given, datetime):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    if not isinstance(given, datetime):
        return None
    return given if given.tzinfo is not None else given.replace(tzinfo=UTC)


def _times(target: Target, source: KeySource) -> Times:
    """The keys of a source with their times.

    Raises:
        HarnessError: the source cannot be read.
    """
    if source.sql:
        return _of_query(target, source)
    if source.command:
        return _of_command(source.command)
    if source.files:
        return _of_files(target, source.files)
    if source.object is not None:
        return _of_objects(target, source.object)
    return _of_jwks(target, source)


def _of_query(target: Target, source: KeySource) -> Times:
    from psycopg import sql

    dsn = source.dsn or database_in(target).dsn
    for row in rows_of(dsn, sql.SQL(source.sql)):
        if len(row) < 2:
            raise ConfigurationError("the query gives rows of one column; a name and a time were expected")
        yield str(row[0]), row[1]


def _of_command(command: Sequence[str]) -> Times:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_WITHIN_S, check=False)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise DriverError(f"`{command[0]}` did not end within {_WITHIN_S:g} s") from error
    except OSError as error:
        raise DriverError(f"`{command[0]}` could not be run: {error.strerror or type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise DriverError(f"`{command[0]}` printed no JSON; exit code {done.returncode}") from error
    if done.returncode or not isinstance(found, dict):
        raise DriverError(f"`{command[0]}` gave no JSON object of times; exit code {done.returncode}")
    yield from found.items()


def _of_files(target: Target, files: Sequence[str]) -> Times:
    for name in files:
        pattern = str(target.beside(str(Path(name).expanduser())))
        paths = [pattern]
        if glob.has_magic(pattern):
            paths = glob.glob(pattern, recursive=True) or [pattern]  # noqa: PTH207 - pathlib's has no absolute patterns
        for path in sorted(paths):
            try:
                yield Path(path).name, Path(path).stat().st_mtime
            except OSError as error:
                yield Path(path).name, error.strerror or ""


def _of_objects(target: Target, place: KeyObject) -> Times:
    cluster, path = Cluster.of(target), ObjectPath.parse(place.time)
    found: Sequence[Any]
    if place.name:
        one = cluster.read(place.version, place.kind, place.name, place.namespace)
        if one is None:
            raise DriverError(f"there is no {place.kind} {place.namespace}/{place.name}")
        found = [one]
    else:
        found = cluster.objects(place.version, place.kind, place.namespace) or ()
    for one in found:
        for value in path.values(one, {}) or [None]:
            yield f"{place.kind} {place.namespace}/{one['metadata']['name']}", value


def _of_jwks(target: Target, source: KeySource) -> Times:
    import httpx

    try:
        with http_client(target, source.jwks, timeout_s=5.0) as client:
            keys = client.get(source.jwks).raise_for_status().json()["keys"]
        yield from ((str(key.get("kid", "without an id")), key.get(source.member)) for key in keys)
    except (httpx.HTTPError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DriverError(f"{source.jwks} gives no key set ({type(error).__name__})") from error
