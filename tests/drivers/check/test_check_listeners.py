"""Listeners that are wrong in one way each, with genuine sockets: none of them passes, and a healthy one does not fail."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.drivers.check.registry import CHECKS
from harness.drivers.check.transport import clients, forged, fronts, hello, listeners, wire
from harness.drivers.check.transport.clients import LetIn
from harness.drivers.check.transport.hello import HelloAnswer, HelloOutcome
from harness.drivers.check.transport.listeners import remembered
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.files.listeners import TlsListener
from readiness_sandbox.cluster.tls import Authority, Pair

JSON_400 = (
    b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{"type": "https://tools.example/rfc7231", "title": "no id"}'
)
GO_400 = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with an authority and the certificates of a server and of a client."""
    authority = Authority("a shop")
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    issued = {
        "server": authority.issue("server", addresses=["127.0.0.1"], names=["shop.test"]),
        "ended": authority.issue("server", addresses=["127.0.0.1"], names=["shop.test"], lifetime=timedelta(hours=-1)),
        "client": authority.issue("job"),
        "client-ended": authority.issue("job", lifetime=timedelta(hours=-1)),
        "other-ended": Authority("another shop").issue("job", lifetime=timedelta(hours=-1)),
    }
    for name, pair in issued.items():
        pair.write(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")
    return tmp_path


def target_of(place: Path, listener: str, more: str = "") -> Target:
    """A target with this listener `web`."""
    (place / "target.yaml").write_text(
        "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"
        f"tls: {{ca_file: ca.crt, listeners: {{web: {{{listener}}}}}{more}}}\n"
    )
    return load_target(place / "target.yaml")


def facts(target: Target, check: str, **params: str) -> dict[str, FactReading]:
    """What a check finds, by what its subject says behind the listener."""
    with CHECKS[check].placed(target, {"listeners": "web", **params}) as probe:
        return {one.subject.partition("): ")[2] or one.subject: one for one in probe()}


@contextmanager
def both(  # noqa: PLR0917 - a server, and where it listens
    place: Path, plain: bytes, inside: bytes, certificate: str = "server", host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """A port that answers plain text with some bytes, and what comes inside TLS with others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / f"{certificate}.crt", place / f"{certificate}.key")
    with socket.create_server((host, port)) as listening:
        thread = threading.Thread(target=_answer, args=(listening, context, plain, inside))
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer(listening: socket.socket, context: ssl.SSLContext, plain: bytes, inside: bytes) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            try:
                if connection.recv(1, socket.MSG_PEEK) != b"\x16":
                    connection.recv(1 << 14)
                    connection.sendall(plain)
                    continue
                with context.wrap_socket(connection, server_side=True) as tls:
                    if tls.recv(1 << 14):
                        tls.sendall(inside)
            except OSError:
                continue


@pytest.mark.parametrize(
    ("plain", "inside", "refused"),
    [(JSON_400, JSON_400, None), (JSON_400, OK, True), (GO_400, JSON_400, True), (OK, OK, False)],
    ids=["application", "front", "go", "served"],
)
def test_status_400_of_an_application_is_no_refusal_of_plain_text(
    place: Path, plain: bytes, inside: bytes, refused: object
) -> None:
    """The same request with TLS tells who has answered, unless the words do."""
    with both(place, plain, inside) as port:
        found = facts(target_of(place, f"address: '127.0.0.1:{port}'"), "refuses-old-tls", least="1.0")
    assert found["plain text"].ok is refused


@pytest.mark.parametrize(
    ("answer", "refused"),
    [(b"-ERR 'Authorization Violation'\r\n", False), (b"-ERR 'Secure Connection - TLS Required'\r\n", True)],
)
def test_a_bus_that_asks_for_a_sign_in_has_taken_plain_text(answer: bytes, refused: object) -> None:
    """Only that TLS is required is a refusal."""
    assert wire._read_plain(TlsListener(address="bus:4222", protocol="nats"), answer).refused is refused


def test_a_common_name_alone_is_no_name_of_a_host(place: Path) -> None:
    """Browsers and Go refuse such a certificate, and OpenSSL takes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    model = x509.load_pem_x509_certificate((place / "server.crt").read_bytes())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(model.not_valid_before_utc)
        .not_valid_after(model.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    Pair(certificate=made.public_bytes(pem), key=private).write(place / "bare.crt", place / "bare.key")
    (place / "ca.crt").write_bytes(made.public_bytes(pem))
    with both(place, OK, OK, "bare") as port:
        [fact] = facts(
            target_of(place, f"address: '127.0.0.1:{port}', name: shop.test"), "valid-certificate", days="1"
        ).values()
    assert (fact.ok, fact.observed) == (
        False,
        "not valid: Hostname mismatch, certificate is not valid for 'shop.test'.",
    )


def test_each_address_of_a_name_is_judged(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the second one is a server whose certificate has expired; an address at which nothing listens is left out."""
    with both(place, OK, OK) as port, both(place, OK, OK, "ended", "127.0.0.2", port):
        found = [(socket.AF_INET, 1, 6, "", (f"127.0.0.{n}", port)) for n in (1, 2, 3)]
        known = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *_, **__: found if host == "shop.test" else known(host, *_, **__)
        )
        seen = facts(target_of(place, f"address: 'shop.test:{port}'"), "valid-certificate", days="1")
    assert {name: one.ok for name, one in seen.items()} == {
        f"web (127.0.0.1:{port})": True,
        f"web (127.0.0.2:{port})": False,
    }
    assert seen[f"web (127.0.0.2:{port})"].observed == "not valid: certificate has expired"


def reading(subject: str, *, ok: bool | None = True, sure: bool = False) -> FactReading:
    """A reading."""
    return FactReading(subject=subject, expected="this", observed=str(ok), ok=ok, sure=sure)


def test_a_proven_failure_is_not_outweighed_by_another_server_behind_the_same_address() -> None:
    """A failure that is no proof is read again."""
    answers: Iterator[Sequence[FactReading]] = iter(
        [[reading("old", ok=False, sure=True), reading("slow", ok=False)], [reading("old"), reading("slow")]]
    )
    probe = remembered(lambda: next(answers))
    probe()
    assert [one.ok for one in probe()] == [False, True]


def test_a_time_without_a_zone_is_read_as_utc(place: Path) -> None:
    """The header Date of a listener whose certificate has expired."""
    dated = b"HTTP/1.1 200 OK\r\nDate: Sat, 05 Jan 2019 10:00:00 -0000\r\nConnection: close\r\n\r\n"
    with both(place, OK, dated, "ended") as port:
        [fact] = facts(target_of(place, f"address: '127.0.0.1:{port}'"), "valid-certificate", days="1").values()
    assert fact.ok is None
    assert fact.observed.endswith("and the listener's 2019-01-05 10:00")


def test_an_answer_byte_by_byte_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the handshake never ends."""
    monkeypatch.setattr(hello, "_MOST_S", 0.0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x16\x03\x03")
        assert hello.hello_answer(ours) == HelloAnswer(HelloOutcome.UNCLEAR, "no further answer in time")


def test_a_page_byte_by_byte_ends(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is cut off after the time for an answer."""
    monkeypatch.setattr(fronts, "_MOST_S", 0.2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        with pytest.raises(TimeoutError, match=r"did not end within 0\.2 s"):
            fronts._sent(ours, TlsListener(address="shop.test:443"), "GET", "/")


def test_an_entry_with_an_ipv6_address_is_a_listener(tmp_path: Path) -> None:
    """Its brackets are kept, in the header Host too, and for the plain port beside it."""
    file = tmp_path / "target.yaml"
    file.write_text("name: shop\nenvironment: staging\nentry: 'https://[::1]'\n")
    at = listeners.listeners_of(load_target(file))["entry"]
    assert (at.address, at.host, at.authority) == ("[::1]:443", "::1", "[::1]")
    with CHECKS["redirects-to-https"].placed(load_target(file), {"listeners": "public"}) as probe:
        assert next(iter(probe())).subject == "6 plain HTTP requests to [::1]:80"


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".shop.test", "a b", "*.shop.test"])
def test_what_is_no_name_of_a_host_is_refused_with_its_line(place: Path, name: str) -> None:
    """A name of another alphabet is kept as certificates have it."""
    with pytest.raises(ConfigurationError, match=r"target.yaml:4.*name of a host"):
        target_of(place, f"address: '127.0.0.1:9', name: '{name}'")
    assert TlsListener(address="127.0.0.1:9", name="bücher.test").called == "xn--bcher-kva.test"


@pytest.mark.parametrize("to", ["https://shop.test:99999/", "https://[::1/", ""])
def test_a_redirect_to_what_is_no_address_is_named(to: str) -> None:
    """And raises nothing."""
    answer = fronts.FrontAnswer(301, "status 301", {"location": to})
    assert fronts._redirect(answer, TlsListener(address="shop.test:443"), "/").startswith("got status 301 to")


@pytest.mark.parametrize(
    ("by", "right"),
    [
        ("api", True),
        ("api-0", True),
        ("api-7d9f8b6c5d-x2x9k", True),
        ("api-x2x9k", True),
        ("api-gateway", False),
        ("api-gateway-7d9f8b6c5d-x2x9k", False),
        ("apis-0", False),
    ],
)
def test_a_pod_of_another_workload_is_another_workload(place: Path, by: str, *, right: bool) -> None:
    """Even where its name begins with that of the expected one."""
    said = f"HTTP/1.1 200 OK\r\nX-By: {by}\r\nConnection: close\r\n\r\nok".encode()
    with both(place, OK, said) as port:
        target = target_of(place, f"address: '127.0.0.1:{port}', name: shop.test, answered_by: x-by")
        found = facts(target, "answers-its-host", host="shop.test", workload="api")
    assert found["shop.test/"].ok is right


def postgresql_error(state: str) -> bytes:
    """An ErrorResponse."""
    return b"E\x00\x00\x00\x50SFATAL\x00C" + state.encode() + b"\x00Mwords\x00L4711\x00\x00"


def test_only_who_looked_at_certificates_has_refused_or_let_somebody_in(subtests: pytest.Subtests) -> None:
    """A database that is full says so before; status 400 of an application is no refusal by TLS, and the words of nginx are."""
    page = b"HTTP/1.1 400 Bad Request\r\n\r\n<html>400 No required SSL certificate was sent</html>"
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        for protocol, answer, let_in in [
            ("postgresql", b"R\x00\x00\x00\x17", LetIn.YES),
            ("postgresql", postgresql_error("3D000"), LetIn.YES),
            ("postgresql", postgresql_error("28000"), LetIn.NO),
            ("postgresql", postgresql_error("53300"), LetIn.UNCLEAR),
            ("https", page, LetIn.NO),
            ("https", JSON_400 + b'"no certificate"', LetIn.YES),
        ]:
            with subtests.test(answer=answer):
                listener = TlsListener.model_validate({"address": "shop.test:443", "protocol": protocol})
                assert clients._read(ours, listener, answer).let_in is let_in  # type: ignore[arg-type]


def test_an_alert_that_comes_late_is_a_refusal(place: Path) -> None:
    """On a slow line it takes longer than a server of this machine takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "server.crt", place / "server.key")
    context.load_verify_locations(place / "ca.crt")
    context.verify_mode, context.minimum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_refuse_late, args=(listening, context))
        thread.start()
        listener = TlsListener(address=f"127.0.0.1:{listening.getsockname()[1]}", protocol="tls")
        answer = clients._tried(listener, wire.unverified())
        thread.join()
    assert answer.let_in is LetIn.NO


def _refuse_late(listening: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listening.accept()
    with connection:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inside = context.wrap_bio(incoming, outgoing, server_side=True)
        try:
            while True:
                incoming.write(connection.recv(1 << 14))
                try:
                    inside.do_handshake()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
        except ssl.SSLError:
            threading.Event().wait(0.6)
            connection.sendall(outgoing.read())


CLIENTS = ", client_certificates: {{right: {{certificate: {right}.crt, key: {right}.key}}{more}}}"


@pytest.mark.parametrize(
    ("pairs", "case", "why"),
    [
        ({"expired": "client"}, "expired", "client.crt has not expired"),
        ({"expired": "other-ended"}, "expired", "other-ended.crt is not of the authority that issued client.crt"),
        ({"foreign": "other-ended"}, "foreign", "other-ended.crt is valid from"),
        ({"right": "client-ended"}, "right", "client-ended.crt is valid from"),
    ],
)
def test_a_client_certificate_that_does_not_make_its_case_decides_nothing(
    place: Path, pairs: Mapping[str, str], case: str, why: str
) -> None:
    """It would be refused, or let in, for another reason than the case says."""
    others = {name: file for name, file in pairs.items() if name != "right"}
    more = "".join(f", {name}: {{certificate: {file}.crt, key: {file}.key}}" for name, file in others.items())
    section = CLIENTS.format(right=pairs.get("right", "client"), more=more)
    with both(place, OK, OK) as port:
        found = facts(target_of(place, f"address: '127.0.0.1:{port}', mutual: true", section), "client-certificates")
    fact = found[f"{case} client certificate"]
    assert fact.ok is None
    assert fact.observed.startswith(f"the case could not be made: {why}")


def test_a_forged_certificate_is_wrong_in_its_signature_alone(place: Path) -> None:
    """Names and extensions are those of the right one."""
    pair = forged.forged(place / "client.crt", place)
    made, right = (
        x509.load_pem_x509_certificate(Path(one).read_bytes()) for one in (pair.certificate, place / "client.crt")
    )
    assert [one.value for one in made.extensions] == [one.value for one in right.extensions]
    assert (made.subject, made.issuer) == (right.subject, right.issuer)
    assert made.signature != right.signature


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(place: Path) -> None:
    """A run has no terminal."""
    key: Any = serialization.load_pem_private_key((place / "client.key").read_bytes(), None)
    (place / "client.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret-of-a-key"),
        )
    )
    target = target_of(place, "address: '127.0.0.1:9', mutual: true", CLIENTS.format(right="client", more=""))
    with (
        pytest.raises(ConfigurationError, match=r"(?s)client.key cannot be used.*not encrypted"),
        CHECKS["client-certificates"].placed(target, {"listeners": "web"}),
    ):
        pass
