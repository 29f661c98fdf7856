"""Passwords that must be refused: too short ones of every length, and common ones from a list."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("common_passwords.txt")
LEAST: Final = 12
"""Characters that a password has at least. Source: NIST SP 800-63B asks for 8 at least; the sentence says 12."""
_KINDS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#%+-?")
_WIDE: Final = "äöüßéèñçøåæ"


class WeakPassword(NamedTuple):
    """A password that must be refused: why, and itself, which is printed only if it is a common one."""

    why: str
    text: str


def good_password(drawn: random.Random) -> str:
    """A password of 24 characters of every kind, which must be accepted."""
    return _drawn(drawn, 2 * LEAST)


def weak_passwords(drawn: random.Random) -> Iterator[WeakPassword]:
    """Every weak password that is tried.

    Of each length under 12 a random one of every kind of characters, one of 11 characters that are more bytes, and every one of the
    list of common passwords.
    """
    for length in range(1, LEAST):
        yield WeakPassword(f"of {length} characters", _drawn(drawn, length))
    yield WeakPassword("of 11 characters that are 18 bytes", _drawn(drawn, 4) + "".join(drawn.sample(_WIDE, 7)))
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield WeakPassword(f"`{line}`", line)


def _drawn(drawn: random.Random, length: int) -> str:
    """Characters of every kind by turns, in another order."""
    found = [drawn.choice(_KINDS[n % len(_KINDS)]) for n in range(length)]
    drawn.shuffle(found)
    return "".join(found)
