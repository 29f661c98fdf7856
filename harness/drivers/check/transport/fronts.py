"""`redirects-to-https`, `answers-its-host`, `refuses-attacks`: check what a public listener does with HTTP requests."""

from __future__ import annotations

import http.client
import re
import secrets
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.transport.attacks import ATTACKS, Attack
from harness.drivers.check.transport.listeners import (
    LISTENERS,
    NEEDS,
    READS,
    NamedListener,
    chosen,
    listeners_of,
    read_each,
    undeclared,
)
from harness.drivers.check.transport.wire import WITHIN_S, handshaken
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.ports import port_of
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.files.listeners import TlsListener, place_of
from harness.targets.http import tls_context

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_METHODS: Final = ("GET", "HEAD")
_MOST_S: Final = 10.0
"""Time for an answer, in s."""
_NO_EVIDENCE: Final = frozenset({0, 429, 502, 503, 504})


_POD: Final = re.compile(r"-\d+|(?:-[b-df-hj-np-tv-z0-9]{1,10})?-[b-df-hj-np-tv-z0-9]{5}")
"""What the name of a pod has after that of its StatefulSet, Deployment or DaemonSet: a number, or words of Kubernetes, which have no vowels."""


class FrontAnswer(NamedTuple):
    """The answer to one HTTP request; `status` 0: there is none, and `words` say why."""

    status: int
    words: str
    headers: Mapping[str, str] = {}


def _sent(
    connection: socket.socket, listener: TlsListener, method: str, path: str, headers: Mapping[str, str] | None = None
) -> FrontAnswer:
    """Send one request on a connection, the path as it is."""
    client = http.client.HTTPConnection(listener.host, listener.port, timeout=WITHIN_S)
    client.sock = connection
    given = {"Host": listener.authority, "Connection": "close", **(headers or {})}
    client.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        client.putheader(name, value)
    client.endheaders()
    with _cut_off(connection):
        answer = client.getresponse()
        answer.read(1 << 16)
    found = {name.lower(): value for name, value in answer.getheaders()}
    return FrontAnswer(answer.status, f"status {answer.status}", found)


@contextmanager
def _cut_off(connection: socket.socket) -> Iterator[None]:
    """Context in which a connection is ended after a time, even if its answer comes byte by byte.

    Raises:
        TimeoutError: it was ended.
    """
    cut = threading.Event()

    def end() -> None:
        cut.set()
        with suppress(OSError):  # the other side may have ended it
            same.shutdown(socket.SHUT_RDWR)

    with socket.fromfd(connection.fileno(), connection.family, connection.type) as same:
        timer = threading.Timer(_MOST_S, end)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
    if cut.is_set():
        raise TimeoutError(f"the answer did not end within {_MOST_S:g} s")


def asked(
    listener: TlsListener,
    context: ssl.SSLContext,
    path: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
) -> FrontAnswer:
    """The answer to a request with TLS; it never raises."""
    try:
        with handshaken(listener, context) as inside:
            return _sent(inside, listener, method, path, headers)
    except ssl.SSLCertVerificationError as error:
        return FrontAnswer(0, f"its certificate is not valid: {error.verify_message}")
    except (OSError, http.client.HTTPException) as error:
        return FrontAnswer(0, str(error) or type(error).__name__)


def _paths(target: Target, listener: TlsListener) -> list[str]:
    """Paths whose answers are compared: those of the listener, the reads of the probes, and one that does not exist."""
    reads = [target.probes.health, target.probes.read.path, *(read.path for read in target.probes.services.values())]
    own = reads if listener.public else []
    return [*dict.fromkeys([listener.path, *listener.paths, *own, f"/readiness-{secrets.token_hex(4)}"])]


@claim(
    LISTENERS,
    "redirects 100 % of plain HTTP requests to HTTPS with a certificate that names the host",
    example="every public listener redirects 100 % of plain HTTP requests to HTTPS with a certificate that names the host",
    needs=NEEDS,
    seconds=2.0,
)
@accesses(*READS)
def redirects_to_https(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Plain HTTP requests to the port beside the listener's: `plain` of the listener, or port 80 if its own is 443.

    Each must be redirected to HTTPS of the same host, and a handshake there must show a certificate with its name.
    """
    listeners, context = chosen(target, params["listeners"]), tls_context(target, alternative_names=True)

    def probe() -> Sequence[FactReading]:
        return [
            *read_each(listeners, lambda one: _redirected(target, one, context)),
            *undeclared(target, params["listeners"]),
        ]

    return probe


def _redirected(target: Target, listener: NamedListener, context: ssl.SSLContext) -> Iterator[FactReading]:
    at = listener.at
    place = at.plain or (place_of(at.host, 80) if at.port == port_of(urlsplit("https://any")) else "")
    expected = "each redirected to HTTPS of the same host, with a certificate that names it"
    if not place:
        key = f"tls.listeners.{listener.name}.plain"
        words = f"its plain HTTP listener is not known: name it in `{key}` of the target file"
        yield FactReading(subject=f"plain HTTP beside {listener}", expected=expected, observed=words, ok=None)
        return
    plain = at.model_copy(update={"address": place})
    answers = [(_plainly(plain, method, path), path) for path in _paths(target, at) for method in _METHODS]
    seen = Counter(_redirect(answer, at, path) or "redirected" for answer, path in answers)
    unknown = sum(answer.status in _NO_EVIDENCE for answer, _ in answers)
    right = seen["redirected"]
    yield FactReading(
        subject=f"{len(answers)} plain HTTP requests to {place}",
        expected=expected,
        observed=", ".join(f"{n} {what}" for what, n in seen.most_common()),
        ok=True if right == len(answers) else (None if right + unknown == len(answers) else False),
    )
    if right:
        judged = asked(at, context, at.path)
        words_of = "it does" if judged.status else judged.words
        yield FactReading(
            subject=f"the certificate of {listener}",
            expected=f"names {at.called}",
            observed=words_of,
            ok=True if judged.status else (False if "certificate is not valid" in judged.words else None),
        )


def _plainly(plain: TlsListener, method: str, path: str) -> FrontAnswer:
    try:
        with socket.create_connection((plain.host, plain.port), WITHIN_S) as connection:
            return _sent(connection, plain.model_copy(update={"name": plain.called}), method, path)
    except (OSError, http.client.HTTPException) as error:
        return FrontAnswer(0, getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _redirect(answer: FrontAnswer, listener: TlsListener, path: str) -> str:
    """What is wrong with an answer that must be a redirect to HTTPS of the same host and path; empty: nothing."""
    if answer.status not in _REDIRECTS:
        return f"got {answer.words}"
    try:
        to = urlsplit(answer.headers.get("location", ""))
        port = port_of(to)
    except ValueError:
        return f"got {answer.words} to an invalid address"
    if to.scheme != "https" or (to.hostname or "").lower() != listener.called.lower():
        return f"got {answer.words} to another place than HTTPS of {listener.called}"
    if port != listener.port:
        return f"got {answer.words} to port {port}, which is not the listener's"
    return "" if to.path == path else f"got {answer.words} to another path"


@claim(
    LISTENERS,
    'of host "<host:name>" answers every path by "<workload:name>" and another host by 404',
    example='every public listener of host "api.example.com" answers every path by "api-gateway" and another host by 404',
    needs=(*NEEDS, within("tls.listeners", "the listener of the host is named there")),
    seconds=2.0,
)
@accesses(*READS)
def answers_its_host(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each known path and one that does not exist, with the host and with an unknown host.

    The header that `answered_by` of the listener names says which workload has answered.
    """
    host, workload = params["host"], params["workload"]
    every = chosen(target, params["listeners"])
    listeners, context = [one for one in every if one.at.called == host], tls_context(target)
    if not listeners:
        known = ", ".join(sorted({one.called for one in listeners_of(target).values()}))
        raise ConfigurationError(
            f"names no {params['listeners']} listener of host {host}",
            where=f"{target.file}: tls.listeners",
            hint=f"write `name: {host}` in its listener; known are {known}",
        )

    def probe() -> Sequence[FactReading]:
        return read_each(listeners, lambda one: _by_host(target, one, context, workload))

    return probe


def _by_host(target: Target, listener: NamedListener, context: ssl.SSLContext, workload: str) -> Iterator[FactReading]:
    header = listener.at.answered_by.lower()
    for path in _paths(target, listener.at):
        answer = asked(listener.at, context, path)
        by = answer.headers.get(header, "") if header else ""
        right = by == workload or bool(_POD.fullmatch(by.removeprefix(workload)))
        words = f"{answer.words} by {by}" if by else answer.words
        if not header:
            words += f"; hint: name the header that says who answered, in `tls.listeners.{listener.name}.answered_by`"
        unclear = answer.status in _NO_EVIDENCE or not header
        yield FactReading(
            subject=f"{listener.at.called}{'/…' if path.startswith('/readiness-') else path}",
            expected=f"an answer of {workload}",
            observed=words,
            ok=True if right else (None if unclear else False),
        )
    other = f"readiness-{secrets.token_hex(4)}.invalid"
    for path in (listener.at.path, "/"):
        answer = asked(listener.at, context, path, {"Host": other})
        yield FactReading(
            subject=f"another host, path {path}",
            expected="status 404",
            observed=answer.words,
            ok=None if answer.status in _NO_EVIDENCE else answer.status == http.client.NOT_FOUND,
            sure=200 <= answer.status < 400,
        )


@claim(
    LISTENERS,
    "refuses 100 % of requests with SQL injection, script injection and path traversal patterns with 403",
    example="every public listener refuses 100 % of requests with SQL injection, script injection and path traversal patterns with 403",
    needs=NEEDS,
    seconds=4.0,
)
@accesses(*READS)
def refuses_attacks(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Known patterns in query, path and headers of GET requests; the same requests with harmless values are the control.

    What is refused with 403 for another reason proves nothing: a control that gets 403 makes its kind of pattern unknown.
    """
    listeners, context = chosen(target, params["listeners"]), tls_context(target)

    def probe() -> Sequence[FactReading]:
        return [
            *read_each(listeners, lambda one: _attacked(one, context)),
            *undeclared(target, params["listeners"]),
        ]

    return probe


def _attacked(listener: NamedListener, context: ssl.SSLContext) -> Iterator[FactReading]:
    for kind, attacks in ATTACKS.items():
        controls = [_attack(listener.at, context, one.harmless) for one in attacks]
        answers = [_attack(listener.at, context, one) for one in attacks]
        let_in = [f"{one.pattern} ({got.words})" for one, got in zip(attacks, answers, strict=True) if _let_in(got)]
        unclear = sum(answer.status in _NO_EVIDENCE for answer in answers)
        refused = sum(answer.status == http.client.FORBIDDEN for answer in answers)
        control = sum(answer.status in (*_NO_EVIDENCE, http.client.FORBIDDEN) for answer in controls)
        words = f"{refused} of {len(attacks)} refused with 403"
        words += f"; not refused: {', '.join(let_in[:5])}" if let_in else ""
        words += f"; {control} of {len(controls)} harmless requests were refused or not answered" if control else ""
        all_refused = refused == len(attacks)
        yield FactReading(
            subject=f"{listener}: requests with {kind}",
            expected="each refused with 403",
            observed=words,
            ok=False if let_in else (True if all_refused and not control else (None if control or unclear else False)),
        )


def _let_in(answer: FrontAnswer) -> bool:
    return answer.status not in _NO_EVIDENCE and answer.status != http.client.FORBIDDEN


def _attack(listener: TlsListener, context: ssl.SSLContext, attack: Attack) -> FrontAnswer:
    return asked(listener, context, f"{attack.path or listener.path}{attack.query}", dict(attack.headers))
