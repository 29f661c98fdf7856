r"""The format of every stored backup: AES-256-GCM in chunks, so that a file is neither cut, nor joined, nor moved to another name unnoticed.

    normaldance-backup-1\\n   KEY (8 bytes)   PREFIX (7 bytes)   chunks

KEY is the begin of the key's SHA-256. Each chunk is a mebibyte, the last one may be shorter or empty, and is followed by its tag. Its nonce is the
prefix, its number and whether it is the last one; the name of the object goes with it as additional data.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"normaldance-backup-1\n"
CHUNK = 1 << 20
_ID, _PREFIX, _TAG = 8, 7, 16


class UnreadableBackup(Exception):
    """What is stored is no backup, or cannot be decrypted; the text says why."""


@dataclass(frozen=True, slots=True)
class BackupKey:
    """The key of all backups: 32 bytes."""

    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, encoded: str) -> BackupKey:
        """The key of its text in base64."""
        return cls(base64.b64decode(encoded))

    @property
    def id(self) -> bytes:
        """What tells which key a file was encrypted with."""
        return hashlib.sha256(self.secret).digest()[:_ID]

    def seal(self, content: bytes, name: str) -> bytes:
        """The content, encrypted for the object of that name."""
        prefix, cipher = os.urandom(_PREFIX), AESGCM(self.secret)
        parts = [MAGIC, self.id, prefix]
        last = max(0, -(-len(content) // CHUNK) - 1)
        for number in range(last + 1):
            chunk = content[number * CHUNK : (number + 1) * CHUNK]
            parts.append(cipher.encrypt(_nonce(prefix, number, last=number == last), chunk, name.encode()))
        return b"".join(parts)

    def open(self, stored: bytes, name: str) -> bytes:
        """The content of the object of that name.

        Raises:
            UnreadableBackup: it is no backup, is of another key or name, or was changed.
        """
        if not stored.startswith(MAGIC):
            raise UnreadableBackup(f"{name} has not the format of an encrypted backup")
        head = len(MAGIC)
        if stored[head : head + _ID] != self.id:
            raise UnreadableBackup(f"{name} was encrypted with another key")
        prefix, body = stored[head + _ID : head + _ID + _PREFIX], memoryview(stored)[head + _ID + _PREFIX :]
        cipher, step = AESGCM(self.secret), CHUNK + _TAG
        last = max(0, -(-len(body) // step) - 1)
        try:
            return b"".join(
                cipher.decrypt(
                    _nonce(prefix, number, last=number == last),
                    body[number * step : (number + 1) * step],
                    name.encode(),
                )
                for number in range(last + 1)
            )
        except InvalidTag:
            raise UnreadableBackup(f"{name} was changed, or is another object") from None


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\1" if last else b"\0")
