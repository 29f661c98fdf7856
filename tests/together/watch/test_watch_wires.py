"""One request on one connection: what came of it, in a word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import clock
from harness.drivers.watch.entry.probers import wrong
from harness.drivers.watch.entry.wires import ProbeResponse, Wires
from harness.drivers.watch.writes.ledger import found, outcome
from readiness_sandbox.cluster.tls import Authority

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service

TLS = ssl.create_default_context()


def ask(url: str, *, within_s: float = 30.0, fresh: tuple[bool, ...] = (False,)) -> list[ProbeResponse]:
    """One request after the other."""

    async def asking() -> list[ProbeResponse]:
        wires = Wires(url, TLS)
        answers = [await wires.ask("GET", "/tracks/1", within_s=within_s, fresh=new) for new in fresh]
        await wires.close()
        return answers

    return asyncio.run(asking())


def test_a_connection_is_kept_until_a_new_one_is_asked_for(service: Service) -> None:
    """The second request uses the first one's connection; a fresh one opens another, and the next keeps that."""
    answers = ask(service.url, fresh=(True, False, True, False))
    assert [answer.kept for answer in answers] == [False, True, False, True]
    assert [wrong(answer, {}) for answer in answers] == [None] * 4
    assert service.connections == 2


def test_a_status_and_a_broken_body_are_named(service: Service) -> None:
    """A 503 is `status 503`; JSON that is none is `wrong body`."""
    service.mode = "503"
    assert [wrong(answer, {}) for answer in ask(service.url)] == ["status 503"]
    service.mode = "garbage"
    assert [wrong(answer, {}) for answer in ask(service.url)] == ["wrong body"]


@pytest.mark.parametrize("body", [b"[" * 100_000, b"null", b'{"error": "unavailable"}', b'{"rows": [[Infinity, ""]]}'])
def test_no_body_ends_the_watch(body: bytes) -> None:
    """Nested without end, or with a number that is none: to a read, and to a read of the ledger."""
    answer = ProbeResponse(sent_ns=1, done_ns=2, status=200, body=body, is_json=True)
    assert wrong(answer, {}) == (None if body.startswith(b'{"rows"') else "wrong body")
    assert found(answer, 1, 1) == ("unknown", "wrong body")


def test_an_empty_body_is_right_for_a_health_path_only() -> None:
    """JSON that says nothing is none; a `null` is an answer, and a wrong one."""
    empty, null = (ProbeResponse(sent_ns=1, done_ns=2, status=200, body=body, is_json=True) for body in (b"", b"null"))
    assert (wrong(empty, {}), wrong(empty, {}, silent=True)) == ("wrong body", None)
    assert wrong(null, {}, silent=True) == "wrong body"


def test_a_kept_connection_that_is_cut_is_a_reset_and_the_read_is_not_sent_again(service: Service) -> None:
    """A client that quietly asks again on a new connection would hide what a user's browser may not."""

    async def asking() -> list[ProbeResponse]:
        wires = Wires(service.url, TLS)
        first = await wires.ask("GET", "/tracks/1", within_s=30.0)
        service.mode = "cut"
        second = await wires.ask("GET", "/tracks/1", within_s=30.0)
        await wires.close()
        return [first, second]

    first, second = asyncio.run(asking())
    assert (first.error, second.error, outcome(second)) == (None, "reset", "unknown")
    assert (second.kept, second.on_the_way) == (True, True)
    assert service.connections == 1


async def answered(raw: bytes, *, hang_up: bool) -> tuple[list[ProbeResponse], int]:
    """Two requests, one after the other, to a server that says just this to each; the answers, and how many connections came."""
    connections, served = 0, asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(raw)
                await writer.drain()
                if hang_up:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        served.release()

    async with await asyncio.start_server(serve, "127.95.0.4") as server:
        host, port = server.sockets[0].getsockname()
        wires = Wires(f"http://{host}:{port}", TLS)
        answers = [await wires.ask("GET", "/", within_s=30.0) for _ in range(2)]
        await wires.close()
        for _ in range(connections):
            await served.acquire()
    return answers, connections


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nhi", (200, b"hi", None, 1)),
        (b"HTTP/1.1 204 X\r\n\r\n", (204, b"", None, 1)),
        (
            b"HTTP/1.1 103 X\r\nlink: x\r\n\r\nHTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
            (200, b"hi", None, 1),
        ),
        (b"HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", (200, b"hi", None, 2)),
        (b"HTTP/1.0 200 X\r\ncontent-length: 2\r\n\r\nhi", (200, b"hi", None, 2)),
        (b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nhi, and more than was said", (0, b"", "protocol", 2)),
        (b"HELO\r\n\r\n", (0, b"", "protocol", 2)),
    ],
)
def test_an_answer_is_read_to_its_end_and_its_connection_kept_if_both_sides_may(
    raw: bytes, told: tuple[int, bytes, str | None, int]
) -> None:
    """Status, body, error of both requests, and the connections opened for them."""
    answers, connections = asyncio.run(answered(raw, hang_up=False))
    assert {(answer.status, answer.body, answer.error, connections) for answer in answers} == {told}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"HTTP/1.1 200 X\r\n\r\nhi", (200, b"hi", None)),
        (b"HTTP/1.1 200 X\r\ncontent-length: 3\r\n\r\nhi", (0, b"", "reset")),
        (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n", (0, b"", "reset")),
        (b"HTTP/1.1 200 X\r\n", (0, b"", "reset")),
    ],
)
def test_an_answer_that_ends_with_its_connection_is_whole_only_without_a_length(
    raw: bytes, told: tuple[int, bytes, str | None]
) -> None:
    """What says how long it is, and is shorter, is a reset; each request has a connection of its own."""
    answers, connections = asyncio.run(answered(raw, hang_up=True))
    assert ({(answer.status, answer.body, answer.error) for answer in answers}, connections) == ({told}, 2)


def test_looks_that_overlap_have_a_connection_each_and_their_own_time(service: Service) -> None:
    """Five at once at a service that hangs: five connections, five time-outs after the wait."""
    service.mode = "hang"

    async def asking() -> list[ProbeResponse]:
        wires = Wires(service.url, TLS)
        answers = await asyncio.gather(*(wires.ask("GET", "/tracks/1", within_s=0.3) for _ in range(5)))
        await wires.close()
        return answers

    answers = asyncio.run(asking())
    assert [answer.error for answer in answers] == ["timeout"] * 5
    assert all(0.29e9 < answer.done_ns - answer.sent_ns < 20e9 for answer in answers)  # the service hangs for 30 s
    assert service.connections == 5


def test_an_answer_that_came_while_the_watch_was_stopped_is_an_answer(service: Service) -> None:
    """For longer than it waits: not one error of the target is made of it, and its time says that it was read late."""

    async def asking() -> ProbeResponse:
        wires = Wires(service.url, TLS)
        await wires.ask("GET", "/tracks/1", within_s=30.0)
        asked = asyncio.create_task(wires.ask("GET", "/tracks/1", within_s=0.3))
        for _ in range(5):
            await clock.asleep(0)
        clock.sleep(0.6)  # stops the loop
        answer = await asked
        await wires.close()
        return answer

    answer = asyncio.run(asking())
    assert (answer.error, answer.status) == (None, 200)
    assert answer.done_ns - answer.sent_ns > 0.6e9


def test_a_proxy_is_asked_for_the_whole_address(service: Service) -> None:
    """A plain request goes to the proxy, which is given the target's address."""

    async def asking() -> ProbeResponse:
        wires = Wires("http://nowhere.example.test:8080", TLS, proxy=service.url)
        answer = await wires.ask("GET", "/tracks/1", within_s=30.0)
        await wires.close()
        return answer

    answer = asyncio.run(asking())
    assert (answer.error, answer.status) == (None, 200)
    assert service.asked[-1] == "http://nowhere.example.test:8080/tracks/1"


def test_a_name_that_nobody_knows_is_told_as_one() -> None:
    """Not `refused`: nobody was there to refuse."""
    [answer] = ask("http://nowhere.invalid:8080")
    assert answer.error == "name"
    assert outcome(answer) == "refused"


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


def test_outcomes_of_statuses() -> None:
    """201 acknowledges, client errors refuse, all else leaves it open."""
    outcomes = {
        status: outcome(ProbeResponse(sent_ns=0, done_ns=1, status=status))
        for status in (201, 200, 400, 404, 409, 500, 503)
    }
    assert outcomes == {
        201: "accepted",
        200: "unknown",
        400: "refused",
        404: "refused",
        409: "unknown",
        500: "unknown",
        503: "unknown",
    }


@pytest.fixture
def secured(service: Service, tmp_path: Path) -> Iterator[tuple[str, ssl.SSLContext, ssl.SSLContext]]:
    """A TLS door in front of the service: its address, a context that trusts it, and one that does not."""
    authority = Authority("tests")
    pair = authority.issue("127.84.0.9", addresses=["127.84.0.9"])
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    (tmp_path / "pair.pem").write_bytes(pair.key + pair.certificate)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(tmp_path / "pair.pem")
    door = type(service)("127.84.0.9")
    door.socket = own.wrap_socket(door.socket, server_side=True)
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield door.url.replace("http://", "https://"), ssl.create_default_context(cafile=str(tmp_path / "ca.pem")), TLS
    door.ended.set()
    door.shutdown()
    thread.join()
    door.server_close()


def test_over_tls_a_connection_is_kept_and_a_stranger_is_not_trusted(
    secured: tuple[str, ssl.SSLContext, ssl.SSLContext],
) -> None:
    """With the authority of the target's: answers, new and kept. With another: `tls`, and nothing was sent."""
    url, trusting, stranger = secured

    async def asking() -> list[ProbeResponse]:
        known, unknown = Wires(url, trusting), Wires(url, stranger)
        answers = [await known.ask("GET", "/tracks/1", within_s=30.0) for _ in range(2)]
        answers.append(await unknown.ask("GET", "/tracks/1", within_s=30.0))
        await known.close()
        await unknown.close()
        return answers

    new, kept, refused = asyncio.run(asking())
    assert [(answer.error, answer.kept) for answer in (new, kept)] == [(None, False), (None, True)]
    assert (refused.error, refused.on_the_way, outcome(refused)) == ("tls", False, "refused")
