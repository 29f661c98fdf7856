"""Keys of the target file that checks of sessions need, and the sentence that they share."""

from __future__ import annotations

from typing import Final

from harness.drivers.check.needs import within
from harness.drivers.claim import SentenceForm
from harness.model.planned.need import RequiredKey

EVERY_SESSION: Final = SentenceForm(
    "every-session",
    "every session <rule:noun>",
    "Test users begin sessions at the entry of every region, as a browser does.",
)
SESSION: Final = (
    RequiredKey("identity", "test users begin sessions"),
    within("identity.session", "the operations and the cookie of a session are needed"),
    within("identity.users", "test users sign in"),
    RequiredKey("may_write", "test users sign in, and what they change is allowed there"),
)
"""What every check of sessions needs."""
