"""Reads of a service with a cache: hits through every replica, and how old an answer may be. Each service has one defect at a time."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness import clock
from harness.drivers.check.cache.fresh import cache_fresh
from harness.drivers.check.cache.replicas import cached_for_all
from harness.errors import ConfigurationError
from harness.targets import Target
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, shop_of

PATHS = ["/tracks/901", "/tracks/902", "/tracks/903"]
READS = {"paths": PATHS, "header": "x-cache", "hit": "HIT"}
ROUTE = {
    "write": {"call": "PUT /tracks/1", "body": {"title": "{value}"}, "by": "none"},
    "read": {"call": "GET /tracks/1", "by": "none"},
    "ttl": "200 ms",
}


class Shelf:
    """The database of a service and the caches of its replicas: a cache for all, unless a replica has its own.

    Attributes:
        ttl_s: time to live of an entry, in s, by the name of a replica.
        own: replicas with a cache of their own.
        late_s: time until an entry is in the cache for all, in s.
        mute: replicas whose answers do not have the header.
    """

    def __init__(self) -> None:
        self.ttl_s: dict[str, float] = {}
        self.own, self.mute, self.broken = set[str](), set[str](), set[str]()
        self.late_s = 0.0
        self._rows: dict[str, str] = {}
        self._cached: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def read(self, replica: str, path: str) -> tuple[str, str]:
        """The answer to a read, and whether it is from the cache."""
        with self._lock:
            place, now_s = (replica if replica in self.own else "", path), clock.now_s()
            if place in self._cached:
                row, at_s = self._cached[place]
                if at_s <= now_s <= at_s + self.ttl_s.get(replica, 0.15):
                    return row, "hit"
            row = self._rows.get(path, "{}")
            if place not in self._cached or self._cached[place][1] <= now_s:
                self._cached[place] = (row, now_s + self.late_s)
            return row, "miss"

    def write(self, path: str, row: str) -> None:
        """Write a row; the caches are left as they are."""
        with self._lock:
            self._rows[path] = row


@contextmanager
def service(shelf: Shelf, names: list[str]) -> Iterator[dict[str, str]]:
    """A server for each replica: their addresses, by name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving(_handler(shelf, name))) for name in names}


def _handler(shelf: Shelf, name: str) -> Callable[..., BaseHTTPRequestHandler]:
    class Replica(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            row, cached = shelf.read(name, self.path)
            headers: dict[str, str] = {} if name in shelf.mute else {"X-Cache": cached}
            self.say(503 if name in shelf.broken else 200, row.encode(), **headers)

        def do_PUT(self) -> None:
            shelf.write(self.path, self.sent().decode())
            self.say(200, {})

    return Replica


def target_of(directory: Path, entries: dict[str, str], cache: dict[str, Any]) -> Target:
    """A target with a region for each address."""
    regions = {name: {"entry": at} for name, at in entries.items()}
    may_write = [{"operations": "PUT /tracks/*"}]
    return shop_of(directory, entry=next(iter(entries.values())), regions=regions, may_write=may_write, cache=cache)


@pytest.fixture
def shelf() -> Shelf:
    """One without a defect."""
    return Shelf()


def shared(
    shelf: Shelf, directory: Path, paths: list[str] = PATHS, limit: str = "200 ms"
) -> dict[str, tuple[str, bool | None]]:
    """What the check of the replicas reads, by the number of the replica."""
    names = ["one", "two", "three"]
    with service(shelf, names) as at:
        reads = {**READS, "paths": paths, "replicas": [*at.values()]}
        target = target_of(directory, at, {"copies": reads})
        facts = cached_for_all(target, {"limit": limit})()
    by_address = {address: name for name, address in at.items()}
    return {by_address.get(one.subject, one.subject): (one.observed, one.ok) for one in facts}


def test_a_shared_cache_is_a_hit_through_every_replica(shelf: Shelf, tmp_path: Path) -> None:
    """The replica by which a value was cached is tried with the next value."""
    shelf.ttl_s = dict.fromkeys(("one", "two", "three"), 60.0)
    found = shared(shelf, tmp_path)
    assert [ok for _, ok in found.values()] == [True, True, True]
    assert found["two"][0] == "/tracks/901 after 0 s: x-cache: hit"
    assert found["one"][0] == "/tracks/902 after 0.1 s: x-cache: hit"


def test_a_cache_in_each_replica_is_no_hit(shelf: Shelf, tmp_path: Path) -> None:
    """Of the one replica that has it."""
    shelf.ttl_s = dict.fromkeys(("one", "two", "three"), 60.0)
    shelf.own = {"three"}
    found = shared(shelf, tmp_path, [*PATHS, "/tracks/904"])
    assert {name: ok for name, (_, ok) in found.items()} == {"one": True, "two": True, "three": False}
    assert found["three"][0] == "/tracks/904 after 0.19 s: x-cache: miss"


def test_a_cache_that_is_filled_within_the_time_is_a_hit(shelf: Shelf, tmp_path: Path) -> None:
    """At once it is none, later it is."""
    shelf.ttl_s, shelf.late_s = dict.fromkeys(("one", "two", "three"), 60.0), 0.1
    found = shared(shelf, tmp_path, limit="400 ms")
    assert [ok for _, ok in found.values()] == [True, True, True]


def test_what_is_not_known_of_a_replica_is_unknown(shelf: Shelf, tmp_path: Path) -> None:
    """No header, no 200, a value that was cached before, and one path, which is read too early."""
    shelf.ttl_s = dict.fromkeys(("one", "two", "three"), 60.0)
    shelf.mute, shelf.broken = {"two"}, {"three"}
    found = shared(shelf, tmp_path, PATHS[:1])
    assert found == {
        "one": ("it was the first to read every value: name more `paths`", None),
        "two": ("/tracks/901 after 0 s: no header x-cache", None),
        "three": ("/tracks/901 after 0 s: status 503", None),
    }
    again = shared(Shelf(), tmp_path, PATHS[:1], limit="1 ms")
    assert [ok for _, ok in again.values()] == [None, True, True]
    shelf.mute, shelf.broken = set(), set()
    words = "/tracks/901 through one: x-cache: hit, expected no hit"
    before = shared(shelf, tmp_path, PATHS[:1])
    assert {ok for _, ok in before.values()} == {None}
    assert before["two"][0].startswith("/tracks/901 through http://")
    assert before["two"][0].endswith(words.removeprefix("/tracks/901 through one"))


def aged(shelf: Shelf, directory: Path, route: dict[str, Any] | None = None) -> dict[str, tuple[str, bool | None]]:
    """What the check of the age reads, by region."""
    with service(shelf, ["eu", "us"]) as at:
        shelf.own = {"eu", "us"}
        target = target_of(directory, at, {"routes": {"track": route or ROUTE}})
        facts = cache_fresh(target, {})()
    return {one.subject: (one.observed, one.ok) for one in facts}


def test_an_answer_is_older_than_the_write_for_no_longer_than_it_may_live(shelf: Shelf, tmp_path: Path) -> None:
    """It is stale for a while, and the age is told: of an entry that lives so long that a slow machine reads it, too."""
    shelf.ttl_s = dict.fromkeys(("eu", "us"), 2.0)
    found = aged(shelf, tmp_path, {**ROUTE, "ttl": "3 s"})
    assert [ok for _, ok in found.values()] == [True, True]
    assert all("the older value was read up to " in observed for observed, _ in found.values())


def test_a_region_that_ignores_the_time_to_live_is_named(shelf: Shelf, tmp_path: Path) -> None:
    """Its entries live for ever, or longer than they may."""
    shelf.ttl_s = {"us": 60.0}
    found = aged(shelf, tmp_path)
    assert found["track in eu"][1] is True
    assert found["track in us"][1] is False
    assert re.search(r"in (\d\d) of \1 reads after the time to live", found["track in us"][0])


def test_a_region_that_had_an_older_value_and_keeps_it_is_named(shelf: Shelf, tmp_path: Path) -> None:
    """Before the first write, somebody read it there."""
    shelf.ttl_s, shelf.own = {"us": 3600.0}, {"eu", "us"}
    shelf.write("/tracks/1", '{"title": "old"}')
    shelf.read("us", "/tracks/1")
    found = aged(shelf, tmp_path)
    assert found == {"track in us": ("status 200 without the first write, 1.4 s after it", False)}


def test_a_write_that_is_never_read_is_unknown(shelf: Shelf, tmp_path: Path) -> None:
    """The route reads something else; the write was refused; an entry does not answer."""
    other = {**ROUTE, "read": {"call": "GET /tracks/2", "by": "none"}, "ttl": "10 ms"}
    assert {ok for _, ok in aged(shelf, tmp_path, other).values()} == {None}
    refused = {**ROUTE, "write": {**ROUTE["write"], "call": "POST /tracks/1"}}  # type: ignore[dict-item]
    with pytest.raises(ConfigurationError, match="`POST /tracks/1` is not allowed"):
        aged(shelf, tmp_path, refused)
    shelf.broken = {"us"}
    found = aged(shelf, tmp_path, {**ROUTE, "ttl": "10 ms"})
    assert found == {"track in us": ("status 503 without the first write, 1.02 s after it", None)}


def test_a_route_that_cannot_be_tried_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    """With what to write."""
    no_word = {**ROUTE, "write": {"call": "PUT /tracks/1", "body": {"title": "x"}}}
    with pytest.raises(ConfigurationError, match="the write has no"):
        aged(shelf, tmp_path, no_word)
    with pytest.raises(ConfigurationError, match="`PUT /tracks/1` changes something, a read was expected"):
        aged(shelf, tmp_path, {**ROUTE, "read": {"call": "PUT /tracks/1"}})
