"""`cache-returns`: checks that each server of each cache returns a key some time after it was written."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from harness import clock
from harness.drivers.check.cache.memory import SERVERS
from harness.drivers.check.claim import claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError, TargetUnreachable
from harness.model import Quantity
from harness.targets import Target
from harness.targets.caches import (
    CACHE,
    MAY_WRITE,
    CacheConnection,
    CommandRefused,
    connected,
    key_in,
    members_of,
    require_keys,
    servers_of,
)
from harness.targets.files.cache import CacheServer

_EXPIRES_S: Final = 60.0
"""Time after which a key is gone in any case, beyond the time that it is kept for the check."""


@claim(
    "the cache of every region that declares one answers and returns a key <after:duration> after it was written",
    example="the cache of every region that declares one answers and returns a key 1 s after it was written",
    needs=(CACHE, SERVERS, MAY_WRITE),
    seconds=4.0,
)
def cache_returns(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A key is written to each primary of every cache, read after the time, and removed. It expires after a minute in any case."""
    require_keys(target)
    servers, after_s = servers_of(target), Quantity.parse(params["after"]).base

    def probe() -> Sequence[FactReading]:
        return [fact for name, server in servers.items() for fact in _of(target, name, server, after_s)]

    return probe


def _of(target: Target, name: str, server: CacheServer, after_s: float) -> Iterator[FactReading]:
    try:
        nodes = [one for one in members_of(target, server) if not one.primary and one.slots]
    except DriverError as error:
        yield FactReading(subject=name, expected=_expected(after_s), observed=error.what, ok=None)
        return
    if not nodes:
        with connected(target, server) as connection:
            yield _trip(connection, name, key_in(None, secrets.token_hex(8)), after_s)
        return
    for node in nodes:
        if node.state == "fail":
            observed = "gone, as the other servers agree, and no replica took its place"
            yield FactReading(subject=f"{name} {node.at}", expected=_expected(after_s), observed=observed, ok=False)
            continue
        with connected(target, server, node.at) as connection:
            yield _trip(connection, f"{name} {node.at}", key_in(node.ranges[0][0], secrets.token_hex(8)), after_s)


def _expected(after_s: float) -> str:
    return f"takes a key, and returns it after {after_s:g} s"


def _trip(connection: CacheConnection, subject: str, key: str, after_s: float) -> FactReading:
    def fact(observed: str, *, ok: bool | None) -> FactReading:
        return FactReading(subject=subject, expected=_expected(after_s), observed=observed, ok=ok)

    value, kept_ms, written = secrets.token_hex(8), int(1000 * (after_s + _EXPIRES_S)), False
    try:
        connection.ask("SET", key, value, "PX", kept_ms)
        written = True
        clock.sleep(after_s)
        found = connection.ask("GET", key)
    except CommandRefused as error:
        return fact(error.what, ok=False if error.decides else None)
    except TargetUnreachable as error:
        return fact(f"{error.what}{', after it took the key' if written else ''}", ok=None)
    finally:
        _remove(connection, key)
    if found is None:
        return fact(f"the key is not there after {after_s:g} s", ok=False)
    return fact("returned" if found == value else "another value", ok=found == value)


def _remove(connection: CacheConnection, key: str) -> None:
    with suppress(TargetUnreachable, CommandRefused):  # it expires
        connection.ask("DEL", key)
