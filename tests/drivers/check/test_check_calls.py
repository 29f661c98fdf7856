"""Sign-ins, bursts and regions, against a real HTTP server that can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from claims.database.pool import pool_burst
from harness import clock
from harness.drivers.check.calls.regions import region_serves
from harness.drivers.check.calls.sign_in import sign_ins
from harness.drivers.check.calls.together import CallAnswer, CallPlan, _sent
from harness.drivers.facts import settled
from harness.errors import ConfigurationError
from harness.targets import Target
from tests.builders.addresses import NET
from tests.drivers.check.check_builders import Answers, secret, shop_of


class Shop(ThreadingHTTPServer):
    """Signs in users of the form `test-N` whose password is `open-test-N`, and serves reads with so many at once.

    Attributes:
        folds_case: whether the case of a password does not matter.
        lets_in: how many more wrong sign-ins are let in.
        places: reads that are served at once; the others wait for one at most `patience_s`, then get `refusal`.
        region: that answers name.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: str) -> None:
        super().__init__((address, 8080), _ShopHandler)
        self.folds_case = False
        self.lets_in = 0
        self.places = threading.Semaphore(5)
        self.patience_s = 2.0
        self.refusal = 503
        self.region = "north"
        self.token = "a-token"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class Tickets(threading.Semaphore):
    """Places that are not given back: so many reads are served in all."""

    def release(self, n: int = 1) -> None:
        """None comes back."""


class _ShopHandler(Answers, BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.sent())
        given, right = body["password"], f"open-{body['user']}"
        if self.server.folds_case:
            given, right = given.lower(), right.lower()
        good = body["user"].startswith("test-") and given == right
        if not good and self.server.lets_in:
            self.server.lets_in -= 1
            good = True
        self._answer(201 if good else 401, {"token": self.server.token} if good else {"error": "no"})

    def do_GET(self) -> None:
        if not self.server.places.acquire(timeout=self.server.patience_s):
            self._answer(self.server.refusal, {})
            return
        try:
            self._answer(200, {"id": 1})
        finally:
            self.server.places.release()

    def _answer(self, status: int, content: dict[str, object]) -> None:
        self.say(status, content, **{"x-served-region": self.server.region})


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A server at an address of this process."""
    server = Shop(f"{NET}101")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shopped(tmp_path: Path) -> Target:
    """The target that is this server."""
    return described(tmp_path, "test-*")


def described(tmp_path: Path, users: str) -> Target:
    """A target file with sign-in, pool and one region, which allows these users to be written."""
    url, password = f"http://{NET}101:8080", secret(tmp_path, "password", "open-{user}")
    pool = {"connections": 5, "read": "/items/1"}
    return shop_of(
        tmp_path,
        entry=url,
        regions={"north": {"entry": url}},
        database={"dsn": secret(tmp_path, "dsn", f"host={NET}109"), "pool": pool},
        sign_in={"path": "/sessions", "user": "test-{n}", "users": 7, "password": password},
        may_write=[{"users": users}],
    )


def test_right_sign_ins_get_a_token_and_wrong_ones_401(shop: Shop, shopped: Target) -> None:
    """Fifty of each; no password is in the facts."""
    right, wrong = sign_ins(shopped, {"count": "50"})()
    assert (right.ok, right.subject, right.observed) == (True, "50 right sign-ins", "50 got a token")
    assert (wrong.ok, wrong.subject, wrong.observed) == (True, "50 wrong sign-ins", "50 got status 401")
    assert "open-" not in repr((right, wrong))


def test_a_sign_in_that_ignores_the_case_is_found(shop: Shop, shopped: Target) -> None:
    """One wrong one in six has the password in another case."""
    shop.folds_case = True
    _, wrong = sign_ins(shopped, {"count": "30"})()
    assert (wrong.ok, wrong.observed) == (False, "let in: 5 with the password in another case")


def test_one_that_was_let_in_once_counts_though_it_is_refused_afterwards(shop: Shop, shopped: Target) -> None:
    """A fact is read three times; harm is not forgiven."""
    shop.lets_in = 1
    facts = {fact.subject: fact for fact in settled(sign_ins(shopped, {"count": "20"}))}
    wrong = facts["20 wrong sign-ins"]
    assert (wrong.ok, wrong.attempts) == (False, 3)
    assert wrong.observed.startswith("let in: 1 with ")


def test_a_right_sign_in_without_a_token_is_none(shop: Shop, shopped: Target) -> None:
    """201 with an empty text."""
    shop.token = ""
    right, _ = sign_ins(shopped, {"count": "10"})()
    assert (right.ok, right.observed) == (False, "10 got none")


def test_users_that_may_not_be_written_are_not_tried(shop: Shop, tmp_path: Path) -> None:
    """Failed sign-ins may lock them."""
    other = described(tmp_path, "robot-*")
    with pytest.raises(ConfigurationError, match="not among those that `may_write` allows"):
        sign_ins(other, {"count": "10"})


def test_a_burst_over_the_pool_is_answered_or_refused_in_time(shop: Shop, shopped: Target) -> None:
    """Fifty at once, five places; then most of them are refused with 503."""
    [served] = pool_burst(shopped, {"within": "30 s"})()
    assert (served.ok, served.subject) == (True, "50 requests at once, with 5 connections to the database")
    assert served.observed.startswith("50 answered; the slowest took ")
    shop.places, shop.patience_s = Tickets(5), 0.1
    [refused] = pool_burst(shopped, {"within": "30 s"})()
    assert refused.ok
    assert refused.observed.startswith("45 refused with 503, 5 answered; ")


def test_a_burst_that_nobody_answers_shows_no_pool(shop: Shop, shopped: Target) -> None:
    """All fifty are refused: an outage; four of five connections answer: it cannot be told."""
    shop.places, shop.patience_s = threading.Semaphore(0), 0.1
    [outage] = pool_burst(shopped, {"within": "30 s"})()
    assert (outage.ok, outage.observed.split(";")[0]) == (False, "50 refused with 503")
    shop.places = Tickets(4)
    [few] = pool_burst(shopped, {"within": "30 s"})()
    assert (few.ok, few.observed.split(";")[0]) == (None, "46 refused with 503, 4 answered")


def test_a_burst_that_failed_once_counts_though_the_next_is_answered(shop: Shop, shopped: Target) -> None:
    """A fact is read three times; a failed burst is not forgiven."""
    shop.places, shop.patience_s, shop.refusal = Tickets(49), 0.05, 500
    probe = pool_burst(shopped, {"within": "30 s"})
    probe()
    shop.places, shop.patience_s = threading.Semaphore(5), 30.0
    [fact] = settled(probe)
    assert (fact.ok, fact.attempts) == (False, 3)
    assert fact.observed.startswith("50 answered; the slowest took ")
    assert "; 49 answered, 1 refused with 500; " in fact.observed
    assert fact.observed.endswith(" in an earlier burst")


def test_a_burst_that_waits_for_ever_or_fails_is_found(shop: Shop, shopped: Target) -> None:
    """No place and no end of patience; then another status than 503."""
    shop.places, shop.patience_s = threading.Semaphore(0), 15.0
    [waits] = pool_burst(shopped, {"within": "0.5 s"})()
    assert (waits.ok, waits.observed.split(";")[0]) == (False, "50 no answer within 0.5 s")
    shop.patience_s, shop.refusal = 0.05, 500
    [fails] = pool_burst(shopped, {"within": "30 s"})()
    assert (fails.ok, fails.observed.split(";")[0]) == (False, "50 refused with 500")


def test_an_answer_that_came_while_the_harness_was_stopped_is_an_answer(shop: Shop) -> None:
    """For longer than it waits."""

    async def asked() -> CallAnswer:
        async with httpx.AsyncClient(base_url=f"http://{NET}101:8080", timeout=30, trust_env=False) as client:
            call = asyncio.create_task(_sent(client, CallPlan(method="GET", path="/items/1"), 1.0, 1024))
            for _ in range(5):
                await clock.asleep(0)
            clock.sleep(1.2)  # stops the loop
            return await call

    assert asyncio.run(asked()).status == 200


def test_a_region_serves_its_own_requests(shop: Shop, shopped: Target) -> None:
    """All in the north; then all of them in the south, which is found; then nobody says where."""
    [own] = region_serves(shopped, {"at_least": "95 %"})()
    assert (own.ok, own.observed) == (True, "200 of 200 north")
    shop.region = "south"
    [other] = region_serves(shopped, {"at_least": "95 %"})()
    assert (other.ok, other.observed) == (False, "200 of 200 south")
