"""Password hashes: scrypt with small parameters, about a millisecond.

The parameters are part of each hash, so they can grow.
DEFECT_PASSWORD_HASH=sha256 stores a salted SHA-256 in its place: a planted defect, as those of `defects`.
"""

from __future__ import annotations

import hashlib
import hmac
import os

COST, BLOCK, PARALLEL = 256, 8, 1


def hashed(password: str) -> str:
    """A salted hash: `scrypt$cost$block$parallel$salt$key`."""
    salt = os.urandom(16)
    if os.environ.get("DEFECT_PASSWORD_HASH") == "sha256":
        return f"sha256${salt.hex()}${hashlib.sha256(salt + password.encode()).hexdigest()}"
    key = hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK, p=PARALLEL, dklen=32)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${salt.hex()}${key.hex()}"


def digest(secret: str) -> str:
    """What is kept of a secret that was drawn, of which there is no list to try: its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(password: str, stored: str) -> bool:
    """Whether this is the password that was hashed; compared in constant time."""
    if stored.startswith("sha256$"):
        _, salt, key = stored.split("$")
        quick = hashlib.sha256(bytes.fromhex(salt) + password.encode()).digest()
        return hmac.compare_digest(quick, bytes.fromhex(key))
    _, cost, block, parallel, salt, key = stored.split("$")
    given = hashlib.scrypt(
        password.encode(), salt=bytes.fromhex(salt), n=int(cost), r=int(block), p=int(parallel), dklen=32
    )
    return hmac.compare_digest(given, bytes.fromhex(key))
