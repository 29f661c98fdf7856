"""Offers one version or key exchange of TLS in a hand-made ClientHello, and reads the server's first messages.

OpenSSL of this machine may refuse to offer old versions and not know new key exchanges, so the bytes are made here. No key is derived:
a server that sends its part of the handshake to the end has accepted the offer.
Sources: RFC 6101 (SSL 3.0), RFC 2246, RFC 4346, RFC 5246, RFC 8446; groups: draft-ietf-tls-ecdhe-mlkem.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from harness.clock import Deadline

SSL_3: Final = 0x0300
TLS_1_2: Final = 0x0303
TLS_1_3: Final = 0x0304
VERSIONS: Final = MappingProxyType(
    {SSL_3: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", TLS_1_2: "TLS 1.2", TLS_1_3: "TLS 1.3"}
)
"""The versions that are offered, from the oldest."""
HYBRID_GROUPS: Final = MappingProxyType(
    {0x11EC: "X25519MLKEM768", 0x11EB: "SecP256r1MLKEM768", 0x11ED: "SecP384r1MLKEM1024"}
)
"""Key exchanges that are secure while either of their two parts is: an elliptic curve and ML-KEM (FIPS 203)."""
ALERTS: Final = MappingProxyType(
    {
        0: "close_notify",
        10: "unexpected_message",
        40: "handshake_failure",
        47: "illegal_parameter",
        50: "decode_error",
        70: "protocol_version",
        71: "insufficient_security",
        80: "internal_error",
        86: "inappropriate_fallback",
        109: "missing_extension",
        112: "unrecognized_name",
        116: "certificate_required",
        120: "no_application_protocol",
    }
)
_REFUSING: Final = frozenset({40, 47, 70, 71, 86, 109, 112})
"""Alerts by which a server says that it does not take what is offered, as SSL 3.0, which has no name; any other is of another trouble."""
_CLASSIC_GROUPS: Final = (0x001D, 0x0017, 0x0018, 0x0019)
_RETRY: Final = hashlib.sha256(b"HelloRetryRequest").digest()
"""The random value by which a ServerHello is a HelloRetryRequest (RFC 8446, 4.1.3)."""
_SUITES_1_3: Final = (0x1301, 0x1302, 0x1303)
_SUITES: Final = (
    *(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC023, 0xC027, 0xC024, 0xC028, 0xC009, 0xC013, 0xC00A, 0xC014),
    *(0x009E, 0x009F, 0xCCAA, 0x0067, 0x006B, 0x0033, 0x0039, 0x009C, 0x009D, 0x003C, 0x003D, 0x002F, 0x0035),
    *(0xC008, 0xC012, 0x0016, 0x000A, 0xC007, 0xC011, 0x0005, 0x0004),
    *(0xC018, 0xC019, 0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0x00A7, 0xC006, 0xC010, 0x003B, 0x0002, 0x0001),
)
"""Suites of TLS 1.2 and before with every authentication, those without encryption or authentication last."""
_SIGNATURES: Final = (
    *(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0807, 0x0808),
    *(0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0402, 0x0202),
)
_ALERT: Final = 21
_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_SERVER_HELLO_DONE: Final = 14
_MOST_BYTES: Final = 1 << 18
"""Maximum length of a server's first messages."""
_MOST_S: Final = 10.0
"""Time for them, in s."""
_RECORD_MOST: Final = (1 << 14) + 2048


class HelloOutcome(StrEnum):
    """What became of an offer."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The server ended the handshake with an alert that says so."""
    CLOSED = "closed"
    """The connection was closed without an alert: a refusal only of a server that takes other offers before and after."""
    UNCLEAR = "unclear"
    """No answer in time, an alert of another trouble, or bytes that are not TLS."""


class HelloAnswer(NamedTuple):
    """The answer to a ClientHello.

    Attributes:
        outcome: what became of the offer. words: what was received.
        version: that the server chose; 0: none. group: key exchange that it chose; 0: it said none.
    """

    outcome: HelloOutcome
    words: str
    version: int = 0
    group: int = 0


def client_hello(versions: Sequence[int], name: str = "", groups: Sequence[int] = _CLASSIC_GROUPS) -> bytes:
    """A ClientHello, in its record.

    Args:
        versions: those that are offered, of `VERSIONS`; of the versions before 1.3 the newest one, as the format says no more.
        name: of the server; an IP address is not sent, as RFC 6066 asks.
        groups: key exchanges that are offered. TLS 1.3 gets a share of X25519 alone, if it is among them, and is asked to choose else.
    """
    older = [version for version in versions if version < TLS_1_3]
    stated = max(older) if older else TLS_1_2
    new = TLS_1_3 in versions
    suites = [*(_SUITES_1_3 if new else ()), *(_SUITES if older else ())]
    begin = struct.pack("!H", stated) + os.urandom(32) + _short(os.urandom(32) if new else b"")
    body = begin + _long(b"".join(struct.pack("!H", suite) for suite in [*suites, 0x00FF])) + _short(b"\x00")
    if new or stated > SSL_3:  # SSL 3.0 has no extensions
        body += _long(b"".join(_extensions(versions, stated, name, groups)))
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", _HANDSHAKE, min(stated, 0x0301), len(message)) + message


def _extensions(versions: Sequence[int], stated: int, name: str, groups: Sequence[int]) -> Iterator[bytes]:
    if name and not _is_address(name):
        yield _extension(0, _long(b"\x00" + _long(name.encode("idna"))))
    yield _extension(10, _long(b"".join(struct.pack("!H", group) for group in groups)))
    yield _extension(11, b"\x01\x00")
    if stated >= TLS_1_2 or TLS_1_3 in versions:
        yield _extension(13, _long(b"".join(struct.pack("!H", one) for one in _SIGNATURES)))
    if TLS_1_3 in versions:
        newest_first = sorted(versions, reverse=True)
        yield _extension(43, _short(b"".join(struct.pack("!H", version) for version in newest_first)))
        share = struct.pack("!H", 0x001D) + _long(os.urandom(32)) if 0x001D in groups else b""
        yield _extension(51, _long(share))


def _extension(kind: int, content: bytes) -> bytes:
    return struct.pack("!H", kind) + _long(content)


def _long(content: bytes) -> bytes:
    return struct.pack("!H", len(content)) + content


def _short(content: bytes) -> bytes:
    return bytes([len(content)]) + content


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def hello_answer(connection: socket.socket) -> HelloAnswer:
    """Read the server's first messages: until it has accepted, refused or closed, or its time is over."""
    received, chosen, deadline = bytearray(), HelloAnswer(HelloOutcome.UNCLEAR, ""), Deadline.after(_MOST_S)
    while len(received) < _MOST_BYTES:
        for answer in read_flight(bytes(received)):
            chosen = answer
            if answer.outcome is not HelloOutcome.UNCLEAR or answer.words:
                return answer
        try:
            piece = None if deadline.over else connection.recv(1 << 16)
        except TimeoutError:
            piece = None
        except ConnectionError:
            piece = b""
        if piece is None:
            return chosen._replace(words=f"{_half(chosen)}no further answer in time")
        if not piece:
            return chosen._replace(outcome=HelloOutcome.CLOSED, words=f"{_half(chosen)}the connection was closed")
        received += piece
    return chosen._replace(words="more bytes than a handshake has")


def _half(chosen: HelloAnswer) -> str:
    return f"{VERSIONS.get(chosen.version, 'a version')} was chosen, then " if chosen.version else ""


def read_flight(received: bytes) -> Iterator[HelloAnswer]:
    """What the bytes of a server say so far, the last the most; nothing while the first message is incomplete.

    An answer that is UNCLEAR and has no words is a version that the server has chosen and has not yet confirmed.
    """
    handshake, rest, chosen = bytearray(), received, HelloAnswer(HelloOutcome.UNCLEAR, "")
    while len(rest) >= 5:
        kind, version, length = struct.unpack_from("!BHH", rest)
        if kind not in (_ALERT, _HANDSHAKE, 20, 23) or version >> 8 != 3 or length > _RECORD_MOST:
            yield HelloAnswer(HelloOutcome.UNCLEAR, f"answered {shown_bytes(received)}, which is not TLS")
            return
        content, rest = rest[5 : 5 + length], rest[5 + length :]
        if len(content) < length:
            return
        if kind == _ALERT and length >= 2:
            yield _alert(content[1], chosen)
            return
        if kind == _HANDSHAKE:
            handshake += content
            for message, body in _messages(bytes(handshake)):
                if message == _SERVER_HELLO and not chosen.version:
                    chosen = _server_hello(body)
                    yield chosen
                elif message == _SERVER_HELLO_DONE:
                    yield chosen._replace(
                        outcome=HelloOutcome.ACCEPTED, words=f"{VERSIONS.get(chosen.version)} accepted"
                    )
    if rest and not received.startswith((b"\x15", b"\x16")):
        yield HelloAnswer(HelloOutcome.UNCLEAR, f"answered {shown_bytes(received)}, which is not TLS")


def shown_bytes(received: bytes) -> str:
    """The first bytes of an answer, as text in quotation marks."""
    line = received[:40].split(b"\r\n")[0]
    return f'"{line.decode("ascii", errors="backslashreplace")}"'


def _alert(description: int, chosen: HelloAnswer) -> HelloAnswer:
    words = f"{_half(chosen)}ended by the alert {ALERTS.get(description, description)}"
    outcome = HelloOutcome.REFUSED if description in _REFUSING or chosen.version else HelloOutcome.UNCLEAR
    return chosen._replace(outcome=outcome, words=words)


def _messages(handshake: bytes) -> Iterator[tuple[int, bytes]]:
    while len(handshake) >= 4:
        length = int.from_bytes(handshake[1:4], "big")
        if len(handshake) < 4 + length:
            return
        yield handshake[0], handshake[4 : 4 + length]
        handshake = handshake[4 + length :]


def _server_hello(body: bytes) -> HelloAnswer:
    """The version and the group of a ServerHello. That of TLS 1.3 is an acceptance: what follows it is encrypted."""
    try:
        version, group = struct.unpack_from("!H", body)[0], 0
        at = 35 + body[34] + 3
        end = at + 2 + (struct.unpack_from("!H", body, at)[0] if len(body) >= at + 2 else 0)
        at += 2
        while at + 4 <= min(end, len(body)):
            kind, length = struct.unpack_from("!HH", body, at)
            if kind == 43:
                version = struct.unpack_from("!H", body, at + 4)[0]
            elif kind == 51:
                group = struct.unpack_from("!H", body, at + 4)[0]
            at += 4 + length
    except (struct.error, IndexError):
        return HelloAnswer(HelloOutcome.UNCLEAR, "answered a ServerHello that cannot be read")
    asks = " with another key share" if body[2:34] == _RETRY else ""
    if version == TLS_1_3:
        return HelloAnswer(HelloOutcome.ACCEPTED, f"TLS 1.3 accepted{asks}", version, group)
    return HelloAnswer(HelloOutcome.UNCLEAR, "", version, group)
