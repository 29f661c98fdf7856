"""Envelope encryption: a value is encrypted with a data key, and the data key with the master key, which the database never has.

    enc:v1:CIPHER:KEY:BASE64 of nonce and what was sealed

A value names its cipher and the id of its key, so keys can be changed one after the other. The name of the column goes with it as
additional data: a value that is moved to another column cannot be opened.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = "enc:v1"
_NONCE = 12
MASTER = "master-1"
AES_256, AES_128 = "AES-256-GCM", "AES-128-GCM"
_BYTES = {AES_256: 32, AES_128: 16}


class SealError(Exception):
    """A value cannot be opened."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key with its id."""

    id: str
    secret: bytes = field(repr=False)

    def seal(self, text: str, column: str) -> str:
        """The text, encrypted for that column."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self.secret).encrypt(nonce, text.encode(), column.encode())
        return f"{_FORMAT}:AES-{8 * len(self.secret)}-GCM:{self.id}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, value: str, column: str) -> str:
        """The text of a value of that column.

        Raises:
            SealError: it is of another key or column, or no such value.
        """
        try:
            _, _, _, key, encoded = value.split(":")
            sealed = base64.b64decode(encoded, validate=True)
            if key != self.id:
                raise SealError(f"it is of the key {key}")
            return AESGCM(self.secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], column.encode()).decode()
        except (ValueError, InvalidTag) as error:
            raise SealError("it cannot be opened") from error


def master_key(encoded: str) -> SealingKey:
    """The master key of its text in base64."""
    return SealingKey(MASTER, base64.b64decode(encoded))


def new_data_key(number: int, cipher: str = AES_256) -> SealingKey:
    """A random data key."""
    return SealingKey(f"data-{number}", os.urandom(_BYTES[cipher]))


def wrapped(key: SealingKey, master: SealingKey) -> str:
    """A data key as it is kept in the database."""
    return master.seal(base64.b64encode(key.secret).decode(), "data_keys.wrapped")


def unwrapped(id_: str, value: str, master: SealingKey) -> SealingKey:
    """A data key from the database. Raises SealError."""
    return SealingKey(id_, base64.b64decode(master.open(value, "data_keys.wrapped")))
