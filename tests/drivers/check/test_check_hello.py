"""The hand-made ClientHello, and what the bytes of a server are read as."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.check.transport.handshakes import offered, refusals, version_of
from harness.drivers.check.transport.hello import (
    TLS_1_3,
    VERSIONS,
    HelloAnswer,
    HelloOutcome,
    client_hello,
    read_flight,
)
from harness.drivers.check.transport.listeners import NamedListener
from harness.errors import UsageError
from harness.targets.files.listeners import TlsListener
from readiness_sandbox.cluster.tls import Authority

ALERT = bytes.fromhex("15030300020246")
"""protocol_version, fatal."""
HELLO_1_2 = bytes.fromhex("160303002a 02000026 0303") + bytes(32) + bytes.fromhex("00 c02f 00")
DONE = bytes.fromhex("1603030004 0e000000")


def last(received: bytes) -> HelloAnswer | None:
    """What all these bytes say."""
    return next(reversed([*read_flight(received)]), None)


def test_a_server_that_completes_its_flight_has_accepted() -> None:
    """Its ServerHello alone is not enough before TLS 1.3: a server may choose a version and then find no key for it."""
    chosen = last(HELLO_1_2)
    assert chosen is not None
    assert (chosen.outcome, chosen.version) == (HelloOutcome.UNCLEAR, 0x0303)
    assert last(HELLO_1_2 + DONE) == HelloAnswer(HelloOutcome.ACCEPTED, "TLS 1.2 accepted", 0x0303)
    broken = last(HELLO_1_2 + bytes.fromhex("15030300020250"))
    assert broken is not None
    assert (broken.outcome, broken.words) == (
        HelloOutcome.REFUSED,
        "TLS 1.2 was chosen, then ended by the alert internal_error",
    )


def test_an_alert_of_another_trouble_is_no_refusal() -> None:
    """A server that is broken refuses nothing."""
    assert last(ALERT) == HelloAnswer(HelloOutcome.REFUSED, "ended by the alert protocol_version")
    assert last(bytes.fromhex("15030300020250")) == HelloAnswer(
        HelloOutcome.UNCLEAR, "ended by the alert internal_error"
    )


def test_another_protocol_is_named() -> None:
    """Its first bytes are in the answer."""
    answer = last(b"SSH-2.0-OpenSSH_9.2\r\n")
    assert answer == HelloAnswer(HelloOutcome.UNCLEAR, 'answered "SSH-2.0-OpenSSH_9.2", which is not TLS')


@given(st.binary(max_size=400))
def test_no_bytes_are_read_as_accepted_by_accident(received: bytes) -> None:
    """And none raises an error: only a handshake record with a ServerHello is an acceptance."""
    for answer in read_flight(received):
        assert answer.outcome is not HelloOutcome.ACCEPTED or received[:1] == b"\x16"


@given(st.integers(min_value=0, max_value=len(HELLO_1_2 + DONE)))
def test_a_flight_in_pieces_says_what_it_says_at_once(cut: int) -> None:
    """Nothing is decided before the last message."""
    answer = last((HELLO_1_2 + DONE)[:cut])
    complete = cut == len(HELLO_1_2 + DONE)
    assert (answer is not None and answer.outcome is HelloOutcome.ACCEPTED) is complete


@given(
    st.sets(st.sampled_from([*VERSIONS]), min_size=1),
    st.from_regex(r"[a-z]{8,20}(\.[a-z]{8,20}){0,3}", fullmatch=True) | st.just("127.0.0.1"),
)
def test_a_hello_has_the_lengths_that_it_says(versions: set[int], name: str) -> None:
    """Record, handshake and extensions, with the name of a host and without one."""
    hello = client_hello([*versions], name)
    kind, _, length = struct.unpack_from("!BHH", hello)
    assert (kind, length) == (22, len(hello) - 5)
    assert int.from_bytes(hello[6:9], "big") == length - 4
    assert (name.encode() in hello) is (name != "127.0.0.1" and max(versions) > 0x0300)


def test_versions_are_written_as_numbers() -> None:
    """A sentence with another one is refused."""
    assert version_of("1.3") == TLS_1_3
    with pytest.raises(UsageError, match=r"unknown version of TLS: 1\.4"):
        version_of("1.4")


@contextmanager
def served(answer: bytes, *, tls: ssl.SSLContext | None = None) -> Iterator[NamedListener]:
    """A server that gives every connection these bytes and ends it; with a context every second connection has TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(listening, answer, tls))
        thread.start()
        yield NamedListener("web", TlsListener(address=f"127.0.0.1:{port}"))
        with socket.create_connection(("127.0.0.1", port)) as ending:
            ending.sendall(b"end")
        thread.join()


def _serve(listening: socket.socket, answer: bytes, tls: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listening.accept()
        with connection:
            begin = connection.recv(1, socket.MSG_PEEK)
            if begin == b"e":
                return
            if tls is not None and begin == b"\x16":
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                inside = tls.wrap_bio(incoming, outgoing, server_side=True)
                incoming.write(connection.recv(1 << 14))
                try:
                    inside.do_handshake()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                except ssl.SSLError:
                    continue  # closed without an alert, as some balancers do
                connection.recv(1 << 14)
            else:
                connection.recv(1 << 14)
                connection.sendall(answer)


def test_a_server_that_closes_without_an_alert_refuses_between_two_controls(tmp_path: Path) -> None:
    """The same end of a server that takes no offer at all proves nothing."""
    Authority().issue("web").write(tmp_path / "web.crt", tmp_path / "web.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tmp_path / "web.crt", tmp_path / "web.key")
    with served(b"", tls=context) as listener:
        assert {fact.ok for fact in refusals(listener, TLS_1_3)} == {True}
    with served(b"") as listener:
        assert {fact.ok for fact in refusals(listener, TLS_1_3)} == {None}


def test_a_listener_of_another_protocol_decides_nothing() -> None:
    """Neither plain text nor a handshake was refused."""
    with served(b"SSH-2.0-OpenSSH_9.2\r\n") as listener:
        assert {fact.ok for fact in refusals(listener, TLS_1_3)} == {None}


def test_a_name_without_an_address_is_named() -> None:
    """The resolver says why."""
    answer = offered(NamedListener("web", TlsListener(address="shop.invalid:443")), [TLS_1_3])
    assert answer.words.startswith("the name shop.invalid has no address")


def test_a_server_without_tls_says_so_in_its_own_protocol() -> None:
    """PostgreSQL answers SSLRequest with N; another letter is another protocol."""
    for given_, words in ((b"N", "it has no TLS"), (b"X", "it is not PostgreSQL")):
        with served(given_) as listener:
            at = listener.at.model_copy(update={"protocol": "postgresql"})
            assert words in offered(NamedListener("db", at), [TLS_1_3]).words
