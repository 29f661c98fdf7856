"""Password hashes: scrypt with small parameters, about a millisecond. The parameters stand in each hash, so they can grow."""

from __future__ import annotations

import hashlib
import hmac
import os

COST, BLOCK, PARALLEL = 256, 8, 1


def hashed(password: str) -> str:
    """A salted hash: `scrypt$cost$block$parallel$salt$key`."""
    salt = os.urandom(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK, p=PARALLEL, dklen=32)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${salt.hex()}${key.hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether this is the password that was hashed; compared in constant time."""
    _, cost, block, parallel, salt, key = stored.split("$")
    given = hashlib.scrypt(
        password.encode(), salt=bytes.fromhex(salt), n=int(cost), r=int(block), p=int(parallel), dklen=32
    )
    return hmac.compare_digest(given, bytes.fromhex(key))
