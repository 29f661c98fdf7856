"""Recognises encrypted values by how they begin, and the cipher that each names. Nothing is decrypted.

JWE (RFC 7516, compact and JSON: the header's `enc`), OpenPGP (RFC 9580 section 5.3: the algorithm of a packet for a symmetric key, as
`pgp_sym_encrypt` writes it), Fernet (AES-128), and the formats that the target file declares.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.targets.files.stored import ValueFormat

HEAD: Final = 1024
"""Characters or bytes of a value that are read; a JWE's header has fewer."""
_JWE: Final = re.compile(r"(?P<header>eyJ[A-Za-z0-9_-]{8,})\.")
_FERNET: Final = re.compile(r"gAAAAA[A-Za-z0-9_-]{60,}={0,2}")
_ARMOR: Final = re.compile(r"-----BEGIN PGP MESSAGE-----\s(?:[^\n]*: [^\n]*\n)*\s*(?P<body>[A-Za-z0-9+/=\n\r]{8,})")
_PGP_CIPHERS: Final[Mapping[int, str]] = {
    1: "IDEA",
    2: "TripleDES",
    3: "CAST5",
    4: "Blowfish",
    7: "AES-128",
    8: "AES-192",
    9: "AES-256",
    10: "Twofish",
    11: "Camellia-128",
    12: "Camellia-192",
    13: "Camellia-256",
}
_S2K: Final[Mapping[int, int]] = {0: 4, 1: 12, 3: 13, 4: 22}
"""Ways of making a key of a password (RFC 9580 section 3.7.1), and the bytes up to the end of what describes them."""
_ARGON: Final = 4
_HASHES: Final = frozenset({1, 2, 3, 8, 9, 10, 11, 12, 14})
_PUBLIC: Final = frozenset({1, 2, 16, 18, 25, 26})
"""Algorithms of hashes, and of public keys that encrypt (RFC 9580, sections 9.5 and 9.1)."""
_SKESK: Final = 3
_PKESK: Final = 1
_AFTER: Final = frozenset({_PKESK, _SKESK, 9, 18, 20})
"""Packets that follow an encrypted session key: another one, or encrypted data (section 10.3)."""
_CUT: Final = 500
"""Bytes of a value that may have been read in part: in hex, `HEAD` has so many."""
_UNSTATED: Final = ""


@dataclass(frozen=True, slots=True)
class EncryptedValue:
    """What an encrypted value says of itself.

    Attributes:
        format: its format.
        cipher: the cipher that it names; empty: its format does not say.
        key: id of its key, as the format names it; empty: it names none.
    """

    format: str
    cipher: str
    key: str = ""


class ValueReader:
    """Recognises encrypted values.

    Args:
        formats: formats that the target file declares, by name; they come before the known ones.
    """

    def __init__(self, formats: Mapping[str, ValueFormat]) -> None:
        self._declared = [(name, re.compile(one.pattern), one.cipher) for name, one in formats.items()]

    def read(self, value: str | bytes) -> EncryptedValue | None:
        """What the beginning of a value (`HEAD`) says; None if it is in no format."""
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        for name, pattern, cipher in self._declared:
            if found := pattern.match(text):
                groups = found.groupdict()
                return EncryptedValue(name, cipher or groups.get("cipher") or _UNSTATED, groups.get("key") or "")
        return _jwe(text) or _fernet(text) or _pgp(value if isinstance(value, bytes) else _unarmored(value))


def is_cipher(named: str, expected: str) -> bool:
    """Whether the name of a cipher, as `A256GCM`, `aes256` or `AES-256-CBC`, is that of the expected one, as `AES-256`."""
    return _normal(named).startswith(_normal(expected))


def _normal(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"^a(?=\d{3}(gcm|cbc|ctr|kw))", "aes", plain)


def _jwe(text: str) -> EncryptedValue | None:
    """A JWE in compact form, or as JSON with its header under `protected`."""
    if found := _JWE.match(text):
        header = _header(found["header"])
    elif text.startswith("{") and (quoted := re.search(r'"protected"\s*:\s*"(eyJ[A-Za-z0-9_-]+)"', text)):
        header = _header(quoted[1])
    else:
        return None
    if header is None or not isinstance(header.get("enc"), str):
        return None
    return EncryptedValue("JWE", header["enc"], str(header.get("kid", "")))


def _header(encoded: str) -> dict[str, Any] | None:
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def _fernet(text: str) -> EncryptedValue | None:
    return EncryptedValue("Fernet", "AES-128-CBC") if _FERNET.match(text) else None


def _unarmored(text: str) -> bytes:
    """The bytes of a text that is an armored OpenPGP message, or bytes in hex as PostgreSQL writes them; none of any other text."""
    try:
        if found := _ARMOR.match(text):
            body = "".join(found["body"].split())
            return base64.b64decode(body[: len(body) // 4 * 4])
        if text.startswith("\\x"):
            return bytes.fromhex(text[2 : 2 + len(text[2:]) // 2 * 2])
    except (binascii.Error, ValueError):
        pass
    return b""


def _pgp(value: bytes) -> EncryptedValue | None:
    """An OpenPGP message: the packet of an encrypted session key, and what may follow it, as random bytes often begin like the first alone."""
    packet = _packet(value)
    if packet is None:
        return None
    tag, body, rest = packet
    if _tag(rest) not in _AFTER if rest else len(value) < _CUT:
        return None
    if (
        tag == _PKESK and len(body) > 10 and body[0] == 3 and body[9] in _PUBLIC
    ):  # its cipher is within what is encrypted
        return EncryptedValue("OpenPGP", _UNSTATED, body[1:9].hex().upper())
    if tag == _SKESK and len(body) >= 4 and body[0] == 4 and body[1] in _PGP_CIPHERS and body[2] in _S2K:
        if len(body) > _S2K[body[2]]:  # the key follows, encrypted with this cipher, and names that of the data within
            return EncryptedValue("OpenPGP", _UNSTATED)
        return EncryptedValue("OpenPGP", _PGP_CIPHERS[body[1]]) if body[2] == _ARGON or body[3] in _HASHES else None
    return None


def _tag(value: bytes) -> int:
    """The tag of a packet; -1: none begins here."""
    if not value or not value[0] & 0x80:
        return -1
    return value[0] & 0x3F if value[0] & 0x40 else (value[0] >> 2) & 0x0F


def _packet(value: bytes) -> tuple[int, bytes, bytes] | None:
    """Tag and body of the first packet, and what follows it; nothing follows what was read in part."""
    if len(value) < 6 or (tag := _tag(value)) < 0:
        return None
    if value[0] & 0x40:
        size, at = value[1], 2
        if size >= 192:
            size, at = (size - 192) * 256 + value[2] + 192, 3
    else:
        kind = value[0] & 3
        width = (1, 2, 4)[kind] if kind < 3 else 0
        if not width:
            return None
        size, at = int.from_bytes(value[1 : 1 + width]), 1 + width
    return (tag, value[at : at + size], value[at + size :]) if 0 < size < 4096 else None
