"""One request on one connection: what came of it, in a word."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from harness.drivers.watch.ledger import outcome
from harness.drivers.watch.probers import wrong
from harness.drivers.watch.wires import Answer, Wires

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service

TLS = ssl.create_default_context()


def ask(url: str, *, within_s: float = 5.0, fresh: tuple[bool, ...] = (False,)) -> list[Answer]:
    """One request after the other."""

    async def asking() -> list[Answer]:
        wires = Wires(url, TLS)
        answers = [await wires.ask("GET", "/tracks/1", within_s=within_s, fresh=new) for new in fresh]
        await wires.close()
        return answers

    return asyncio.run(asking())


def test_a_connection_is_kept_until_a_new_one_is_asked_for(service: Service) -> None:
    """The second request uses the first one's connection; a fresh one opens another, and the next keeps that."""
    answers = ask(service.url, fresh=(True, False, True, False))
    assert [answer.kept for answer in answers] == [False, True, False, True]
    assert [wrong(answer) for answer in answers] == [None] * 4
    assert service.connections == 2


def test_a_status_and_a_broken_body_are_named(service: Service) -> None:
    """A 503 is `status 503`; JSON that is none is `wrong body`."""
    service.mode = "503"
    assert [wrong(answer) for answer in ask(service.url)] == ["status 503"]
    service.mode = "garbage"
    assert [wrong(answer) for answer in ask(service.url)] == ["wrong body"]


def test_a_server_that_hangs_is_a_timeout_after_the_wait(service: Service) -> None:
    """The wait ends when it is over, and the write may have been done."""
    service.mode = "hang"
    [answer] = ask(service.url, within_s=0.3)
    assert answer.error == "timeout"
    assert 0.29 < (answer.done_ns - answer.sent_ns) / 1e9 < 3
    assert outcome(answer) == "unknown"


def test_a_connection_cut_without_an_answer_is_a_reset(service: Service) -> None:
    """The request had left: the write is unknown."""
    service.mode = "cut"
    [answer] = ask(service.url)
    assert answer.error == "reset"
    assert outcome(answer) == "unknown"


def test_nobody_listening_is_refused_and_certainly_not_written() -> None:
    """Nothing was sent, so the ledger calls it refused."""
    with socket.socket() as free:
        free.bind(("127.95.0.2", 0))
        port = free.getsockname()[1]
    [answer] = ask(f"http://127.95.0.2:{port}")
    assert answer.error == "refused"
    assert outcome(answer) == "refused"


def test_a_listener_that_never_accepts_is_a_timeout_that_was_sent_or_not() -> None:
    """The kernel completes the handshake, so the request has left: unknown."""
    with socket.socket() as mute:
        mute.bind(("127.95.0.3", 0))
        mute.listen(1)
        [answer] = ask(f"http://127.95.0.3:{mute.getsockname()[1]}", within_s=0.2)
    assert (answer.error, outcome(answer)) == ("timeout", "unknown")


def test_plain_http_asked_for_tls_is_tls(service: Service) -> None:
    """A handshake that fails is named, and nothing was written."""
    [answer] = ask(service.url.replace("http://", "https://"))
    assert answer.error == "tls"
    assert outcome(answer) == "refused"


def test_outcomes_of_statuses() -> None:
    """201 acknowledges, client errors refuse, all else leaves it open."""
    outcomes = {
        status: outcome(Answer(sent_ns=0, done_ns=1, status=status)) for status in (201, 200, 400, 404, 409, 500, 503)
    }
    assert outcomes == {
        201: "ok",
        200: "unknown",
        400: "refused",
        404: "refused",
        409: "unknown",
        500: "unknown",
        503: "unknown",
    }
