"""An audit log behind an operation, read page by page from a genuine server while others write to it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harness import clock
from harness.drivers.check.audit.audited import audit_of_planted
from harness.drivers.check.audit.entries import read_entries
from harness.drivers.facts import FactReading
from harness.targets import Target
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, secret, shop_of

PAGE = 7


class Log:
    """The log of a shop, the newest entry first."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def write(self, who: str, what: str, trace: str, times: int = 1) -> None:
        """An entry, or several that are equal."""
        at = clock.wall_ns(clock.wall()) // 1_000_000  # ms, as many platforms write it
        one = {"who": who, "what": what, "at": at, "from": "127.0.0.1", "trace": trace}
        self.entries[:0] = [one] * times


Page = Callable[[Log, dict[str, str]], dict[str, Any]]


def by_offset(log: Log, query: dict[str, str]) -> dict[str, Any]:
    """A page from an offset on."""
    begin = int(query.get("offset") or 0)
    return {"entries": log.entries[begin : begin + PAGE]}


def growing(log: Log, query: dict[str, str]) -> dict[str, Any]:
    """Another client's order comes before every page."""
    log.write("other", "order.created", f"other-{len(log.entries)}")
    return by_offset(log, query)


def by_cursor(log: Log, query: dict[str, str]) -> dict[str, Any]:
    """A page after a cursor, whose text has `+`, `/` and `=`."""
    after = query.get("after", "")
    begin = int(base64.b64decode(after)[3:]) if after else 0
    cursor = base64.b64encode(b"\xfb\xff\xbe%d" % (begin + PAGE)).decode()
    return {"entries": log.entries[begin : begin + PAGE], "next": cursor if begin + PAGE < len(log.entries) else ""}


def newest(log: Log, query: dict[str, str]) -> dict[str, Any]:
    """The newest entries alone, however many there are."""
    return {"entries": log.entries[: PAGE * 2]}


@contextmanager
def shop(directory: Path, page: Page, call: str, *, twice: int = 0) -> Iterator[tuple[Target, Log]]:
    """A shop with an audit log: its target. Of one order in `twice` two equal entries are written."""
    log = Log()
    log.write("system", "start", "")

    class Handler(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            self.say(200, page(log, query))

        def do_POST(self) -> None:
            self.sent()
            trace = self.headers["traceparent"].split("-")[1]
            right = self.headers.get("authorization") == "Bearer a.b.right"
            if self.path == "/sessions":
                log.write("test-9", "sign-in", trace)
                self.say(200, {"token": "a.b.right"})
            elif right:
                number = sum(one["what"] == "order.created" for one in log.entries)
                log.write("test-9", "order.created", trace, 2 if twice and number % twice == 0 else 1)
                self.say(201, {})
            else:
                log.write("", "order.refused", trace)
                self.say(401, {})

    sign_in = {"path": "/sessions", "user": "test-9", "password": secret(directory, "password", "p")}
    audit = {
        "operation": {"call": call, "entries": "entries", "next": "next" if "{after}" in call else ""},
        "fields": {"who": "who", "what": "what", "when": "at", "whence": "from", "request": "trace"},
        "client": ["127.0.0.1"],
        "user": "test-9",
        "changes": [{"call": "POST /orders", "body": {"item": "{fresh}"}, "what": "order.created"}],
        "refusals": [{"call": "POST /orders", "by": "none", "body": {}, "what": "order.refused"}],
        "within": "2 s",
    }
    may_write = [{"operations": "POST /orders"}]
    with serving(Handler) as url:
        yield shop_of(directory, entry=url, may_write=may_write, sign_in=sign_in, audit=audit), log


def wrong(facts: list[FactReading]) -> list[tuple[bool | None, str]]:
    """What is not as expected."""
    return [(one.ok, one.observed) for one in facts if not one.ok]


@pytest.mark.parametrize(("page", "call"), [(by_offset, "GET /a?offset={offset}"), (by_cursor, "GET /a?after={after}")])
def test_a_log_in_pages_has_each_entry(tmp_path: Path, page: Page, call: str) -> None:
    """By offset, and by a cursor that an address cannot have as it is; times are milliseconds."""
    with shop(tmp_path, page, call) as (target, _):
        assert wrong([*audit_of_planted(target, {"calls": "24"})()]) == []


def test_entries_that_move_to_the_next_page_are_not_two(tmp_path: Path) -> None:
    """Others write while the log is read, so that the last entry of a page is the first of the next: no call has two entries."""
    with shop(tmp_path, growing, "GET /a?offset={offset}") as (target, log):
        found = wrong([*audit_of_planted(target, {"calls": "24"})()])
        assert [one for one in found if one[0] is False] == []
        assert all("are on two pages: the log grew while it was read" in said for _, said in found)
        read = read_entries(target, 0, lambda: "a.b.right")
        assert len({*map(repr, read.entries)}) == len(read.entries)
        assert len(read.twice) >= len(log.entries) // PAGE - 1


def test_two_entries_of_one_call_fail_in_pages_too(tmp_path: Path) -> None:
    """Of each second order two equal entries are written."""
    with shop(tmp_path, by_offset, "GET /a?offset={offset}", twice=2) as (target, _):
        assert (False, "2 entries") in wrong([*audit_of_planted(target, {"calls": "24"})()])


def test_an_operation_that_gives_the_newest_entries_alone_decides_nothing(tmp_path: Path) -> None:
    """Entries of planted calls are missing, and so are those that were read before: the platform may have written all of them."""
    with shop(tmp_path, newest, "GET /a") as (target, _):
        found = wrong([*audit_of_planted(target, {"calls": "40"})()])
    assert {ok for ok, _ in found} == {None}
    assert "no entry, but entries that were read before are gone" in found[0][1]
