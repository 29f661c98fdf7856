"""Which passwords a user may have: NIST SP 800-63B 5.1.1.2 with a minimum of 12 characters.

`common-passwords.txt` has the passwords of 12 and more characters among the 30 000 most frequent ones of zxcvbn 4.5.0 (MIT,
https://github.com/dwolfhub/zxcvbn-python), each as the first 16 hexadecimal digits of its SHA-256.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

SHORTEST, LONGEST = 12, 128
FEWEST: Final = 5
"""Different characters that a password has at least."""
_LIST: Final = Path(__file__).with_name("common-passwords.txt")


def objection(password: str, user: str) -> str:
    """What speaks against this password of a user; empty: nothing."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"a password has {SHORTEST} to {LONGEST} characters"
    if len(set(password)) < FEWEST:
        return f"a password has at least {FEWEST} different characters"
    if password.isdigit() or password in (password + password)[1:-1]:
        return "a password is not of digits alone, and not a shorter one repeated"
    if user.lower() in password.lower():
        return "the user's name is in the password"
    if marked(password.lower()) in common():
        return "the password is one of the common ones"
    return ""


def marked(password: str) -> str:
    """A password as the list has it."""
    return hashlib.sha256(password.encode()).hexdigest()[:16]


@cache
def common() -> frozenset[str]:
    """The list."""
    return frozenset(_LIST.read_text("ascii").split())
