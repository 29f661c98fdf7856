"""What an answer to a call that must be refused, or must be let in, proves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from harness.drivers.check.calls.together import CallAnswer
from harness.drivers.facts import FactReading

NO_EVIDENCE: Final = frozenset({0, 408, 425, 429})
"""Statuses that say nothing about a credential, besides those of 500 and more; 0: no answer."""
UNAUTHENTICATED: Final = 401


def let_in(answer: CallAnswer) -> bool:
    """Whether a call was let in."""
    return 200 <= answer.status < 300


def proves_nothing(answer: CallAnswer) -> bool:
    """Whether an answer is no evidence."""
    return answer.status in NO_EVIDENCE or answer.status >= 500


def may_have_acted(answer: CallAnswer) -> bool:
    """Whether a call may have been carried out: its answer was lost."""
    silent = answer.status == 0 and answer.seconds > 0 and "Connect" not in answer.why
    return silent or answer.status in {502, 504}


def told(answer: CallAnswer) -> str:
    """An answer in words."""
    return f"status {answer.status}" if answer.status else answer.why or "no answer"


def refusal(
    subject: str, label: str, answer: CallAnswer, control: CallAnswer, expected: Collection[int]
) -> FactReading:
    """The fact of a call that must be refused.

    A call that was let in is proof by itself. A refusal is one if the same call with a right credential was let in; any other status than
    the expected is not the declared refusal. An answer like that to the right credential is no refusal, whatever its status.

    Args:
        subject: operation.
        label: what is wrong with the credential.
        answer: answer to the call.
        control: answer to the same call with a right credential.
        expected: statuses of a refusal.
    """
    words = f"refused with {' or '.join(map(str, sorted(expected)))}"
    seen = f"{label}: {told(answer)}"
    ok: bool | None
    if let_in(answer):
        ok, seen = False, f"{label}: let in, {told(answer)}"
    elif proves_nothing(answer):
        slower = ": write a lower `authorisation.rate`" if answer.status == 429 else ""
        ok, seen = None, f"{seen}, which proves nothing{slower}"
    elif not let_in(control):
        ok, seen = None, f"{seen}, but the same call with a right credential got {told(control)}, so it proves nothing"
    else:
        ok = answer.status in expected
    return FactReading(subject=subject, expected=words, observed=seen, ok=ok)


def admission(subject: str, label: str, answer: CallAnswer, expected: Collection[int] = ()) -> FactReading:
    """The fact of a call that must be let in.

    Args:
        subject: operation.
        label: whose call it is.
        answer: answer to the call.
        expected: statuses that the target file declares; empty: any of 2xx.
    """
    words = f"answered with {' or '.join(map(str, sorted(expected)))}" if expected else "let in (2xx)"
    good = answer.status in expected if expected else let_in(answer)
    ok = True if good else False if answer.status in {401, 403} or (expected and let_in(answer)) else None
    return FactReading(subject=subject, expected=words, observed=f"{label}: {told(answer)}", ok=ok)
