"""`client-certificates`: checks that a listener takes a right client certificate, and no connection without one."""

from __future__ import annotations

import http.client
import select
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from harness import extras
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.transport.hello import shown_bytes
from harness.drivers.check.transport.listeners import LISTENERS, NamedListener, chosen, read_each, remembered
from harness.drivers.check.transport.wire import (
    WITHIN_S,
    handshaken,
    read_until,
    request_of,
    sql_state,
    startup,
    status_of,
)
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.listeners import Keypair, TlsListener
from harness.targets.http import tls_context

_ALERT_WITHIN_S: Final = 0.3
"""Seconds that a server of TLS 1.3 has for its alert, which comes after the client's handshake, before anything is sent."""
_REFUSING: Final = frozenset(
    {
        *("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED"),
        *("CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE"),
        "DECRYPT_ERROR",
    }
)
"""Alerts by which a server refuses a certificate, or that there is none; OpenSSL's names end so."""
_NO_CERTIFICATE: Final = "28000"
"""SQLSTATE of PostgreSQL for a connection without the client certificate that pg_hba.conf asks for."""
_BY_USER: Final = f"refused with SQLSTATE {_NO_CERTIFICATE}"
_NO_DATABASE: Final = "3D000"
"""SQLSTATE of PostgreSQL for a connection that was let in and then names no database."""
_RIGHT: Final = "right"


_OF_NGINX: Final = b"ssl certificate"
"""Words of nginx to who has no certificate, or a wrong one: an application that answers 400 has been reached."""


class LetIn(StrEnum):
    """What became of a connection with a client certificate, or without."""

    YES = "let in"
    NO = "refused"
    CLOSED = "closed"
    UNCLEAR = "unclear"


class ClientAnswer(NamedTuple):
    """What a listener did with a client certificate, and what was received."""

    let_in: LetIn
    words: str


Cases = Mapping[str, ssl.SSLContext | str]
"""By case: with which certificate the client comes, or why the case could not be made."""


@claim(
    LISTENERS,
    "accepts a right client certificate, and none, an expired or a foreign one ended the handshake",
    example="every mutual listener accepts a right client certificate, and none, an expired or a foreign one ended the handshake",
    needs=(
        within("tls.listeners", "listeners that require a client certificate are named there, with `mutual: true`"),
        RequiredKey("tls.right", "a right client certificate is the control", "`tls.client_certificates.right`"),
    ),
    seconds=2.0,
)
@contextmanager
def client_certificates(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Connections with a right certificate, without one, with one that expired and with one of a foreign authority, and the right one again.

    A refusal of TLS 1.3 shows at the first read, so each connection asks for something. Without the right one, refusals prove nothing.
    """
    listeners = chosen(target, params["listeners"])
    with TemporaryDirectory(prefix="readiness-clients-") as directory:
        cases = _cases(target, Path(directory))

        def probe() -> Sequence[FactReading]:
            return read_each(listeners, lambda one: _facts(one, cases))

        yield remembered(probe)


def _cases(target: Target, directory: Path) -> Cases:
    """A TLS context for each case.

    Raises:
        ConfigurationError: there is no right certificate, or a file cannot be used.
    """
    right, declared = target.tls.right, target.tls.client_certificates
    if right is None:
        raise ConfigurationError(
            "names no right client certificate, and without one the refusal of others proves nothing",
            where=f"{target.file}: tls.client_certificates.right",
            hint="write `client_certificates: {right: {certificate: FILE, key: FILE}}`",
        )
    cases: dict[str, ssl.SSLContext | str] = {
        _RIGHT: _context(target, right, _RIGHT),
        "none": _context(target, None, "none"),
        "expired": "the target file names no `tls.client_certificates.expired`",
    }
    if declared.expired is not None:
        cases["expired"] = _context(target, declared.expired, "expired")
    if declared.foreign is not None:
        cases["foreign"] = _context(target, declared.foreign, "foreign")
    if lacking := extras.missing(extras.TRUST):
        install = extras.install(extras.TRUST)
        made = f"it is made with {', '.join(lacking)}, which is not installed; hint: {install}"
        return {"foreign": made, **cases}
    from harness.drivers.check.transport.forged import forged, unfit

    if declared.foreign is None:
        cases["foreign"] = _context(target, forged(target.beside(right.certificate), directory), "foreign")
    pairs = {_RIGHT: right, "expired": declared.expired, "foreign": declared.foreign}
    for case, pair in pairs.items():
        if pair and (why := unfit(case, target.beside(pair.certificate), target.beside(right.certificate))):
            cases[case] = why
    return cases


def _context(target: Target, pair: Keypair | None, case: str) -> ssl.SSLContext:
    bare = target.model_copy(update={"tls": target.tls.model_copy(update={"client_cert": "", "client_key": ""})})
    authorities = tls_context(bare)
    if pair is None:
        return authorities
    context = ssl.create_default_context(cafile=target.beside(target.tls.ca_file) if target.tls.ca_file else None)
    certificate, key = target.beside(pair.certificate), target.beside(pair.key)
    try:
        context.load_cert_chain(certificate, key, password="")  # else OpenSSL asks for that of an encrypted key
    except OSError as error:
        what = getattr(error, "reason", None) or error.strerror or str(error)
        raise ConfigurationError(
            f"the client certificate {certificate.name} and the key {key.name} cannot be used: {str(what).replace('_', ' ').lower()}",
            where=f"{target.file}: tls.client_certificates.{case}",
            hint="name a PEM file with the certificate, and one with its own key, not encrypted",
        ) from error
    return context


def _facts(listener: NamedListener, cases: Cases) -> Iterator[FactReading]:
    answers = {case: _tried(listener.at, context) for case, context in cases.items()}
    again = _tried(listener.at, cases[_RIGHT])
    alive = answers[_RIGHT].let_in is again.let_in is LetIn.YES
    for case, answer in answers.items():
        if case == _RIGHT:
            failed = answer if answer.let_in is not LetIn.YES else again
            by_user = failed.words == _BY_USER  # PostgreSQL says the same of a user that may not connect
            ok = True if alive else (False if failed.let_in is LetIn.NO and not by_user else None)
            expected, words = "accepted", answer.words if alive else failed.words
            words += f"; hint: name its user in `tls.listeners.{listener.name}.user`, and `database`" if by_user else ""
        else:
            expected, words = "refused", answer.words
            ok = _refused(answer, alive=alive)
        yield FactReading(
            subject=f"{listener}: {_shown(case)}", expected=expected, observed=words, ok=ok, sure=ok is False
        )


def _refused(answer: ClientAnswer, *, alive: bool) -> bool | None:
    if answer.let_in is LetIn.YES:
        return False
    return True if alive and answer.let_in in (LetIn.NO, LetIn.CLOSED) else None


def _shown(case: str) -> str:
    return "no client certificate" if case == "none" else f"{case} client certificate"


def _tried(listener: TlsListener, context: ssl.SSLContext | str) -> ClientAnswer:
    """What becomes of one connection; it never raises."""
    if isinstance(context, str):
        return ClientAnswer(LetIn.UNCLEAR, f"the case could not be made: {context}")
    try:
        with handshaken(listener, context) as inside:
            return _spoken(inside, listener)
    except OSError as error:
        return _of_error(error)


def _of_error(error: OSError) -> ClientAnswer:
    """What the end of a handshake, or of the first read, says."""
    reason = getattr(error, "reason", None) or ""
    alert = reason.partition("ALERT_")[2]
    if alert in _REFUSING:
        return ClientAnswer(LetIn.NO, f"the handshake was ended by the alert {alert.lower()}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return ClientAnswer(LetIn.UNCLEAR, f"the listener's own certificate is not valid: {error.verify_message}")
    if isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ClientAnswer(LetIn.CLOSED, "the connection was closed without an alert")
    if isinstance(error, TimeoutError):
        return ClientAnswer(LetIn.UNCLEAR, f"no answer within {WITHIN_S:g} s")
    return ClientAnswer(LetIn.UNCLEAR, reason or str(error) or type(error).__name__)


def _spoken(inside: ssl.SSLSocket, listener: TlsListener) -> ClientAnswer:
    """What the listener says inside TLS: its alert, or an answer in its protocol.

    Raises:
        OSError: an SSLError with the alert, or the connection ended.
    """
    inside.settimeout(0)
    try:
        # who is not asked for anything says nothing: its silence must last, as on a slow line the alert comes late
        select.select([inside], [], [], WITHIN_S if listener.protocol == "tls" else _ALERT_WITHIN_S)
        first = inside.recv(1 << 12)
    except (ssl.SSLWantReadError, BlockingIOError):
        first = None
    inside.settimeout(WITHIN_S)
    if first is None and listener.protocol == "tls":
        return ClientAnswer(LetIn.YES, "the handshake was completed and the connection stays open")
    if first is None:
        inside.sendall(_asked(listener))
        first = inside.recv(1 << 12)
    if not first:
        return ClientAnswer(LetIn.CLOSED, "the connection was closed without an alert")
    return _read(inside, listener, first)


def _asked(listener: TlsListener) -> bytes:
    if listener.protocol == "postgresql":
        return startup(listener)
    if listener.protocol in ("redis", "nats"):
        return b"PING\r\n"
    return request_of(listener)


def _read(inside: ssl.SSLSocket, listener: TlsListener, answer: bytes) -> ClientAnswer:
    """An answer inside TLS: nginx and PostgreSQL complete the handshake and refuse before they serve, by status 400 and SQLSTATE 28000."""
    if listener.protocol == "postgresql":
        state = sql_state(answer)
        if state == _NO_CERTIFICATE:
            return ClientAnswer(LetIn.NO, _BY_USER)
        if answer.startswith(b"R") or state == _NO_DATABASE:
            return ClientAnswer(LetIn.YES, "asked to sign in" if not state else f"answered SQLSTATE {state}")
        return ClientAnswer(LetIn.UNCLEAR, f"answered {f'SQLSTATE {state}' if state else shown_bytes(answer)}")
    if listener.protocol != "https":
        return ClientAnswer(LetIn.YES, "an answer inside TLS")
    status = status_of(answer)
    if status == http.client.BAD_REQUEST and _OF_NGINX not in answer.lower():
        answer += read_until(inside, b"</html>")
    if status == http.client.BAD_REQUEST and _OF_NGINX in answer.lower():
        return ClientAnswer(LetIn.NO, "the connection was ended with status 400 for its certificate")
    return ClientAnswer(LetIn.YES, f"answered with status {status}")
