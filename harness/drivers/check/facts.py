"""Facts, and how often they are asked before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from harness import clock
from harness.model import Fact

ATTEMPTS: Final = 3
"""A fact that is not as expected is read twice more, and counts only when all three agree."""

PAUSE_S: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One fact as one look found it; the words mean what they mean in `Fact`."""

    subject: str
    expected: str
    seen: str
    ok: bool | None


Look = Callable[[], Sequence[Seen]]
"""Looks at everything the check is about."""


def settled(look: Look) -> tuple[Fact, ...]:
    """Read everything, and again while something is not as expected, at most `ATTEMPTS` times.

    What was as expected once stays so; what a later reading no longer finds is no longer part of the check.
    """
    facts: dict[str, Fact] = {}
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            clock.sleep(PAUSE_S)
        facts = _merged(facts, look())
        if all(fact.ok for fact in facts.values()):
            break
    return tuple(facts.values())


def _merged(before: dict[str, Fact], seen: Sequence[Seen]) -> dict[str, Fact]:
    facts = {subject: fact for subject, fact in before.items() if fact.ok}
    for one in seen:
        if one.subject not in facts:
            earlier = before[one.subject].attempts if one.subject in before else 0
            facts[one.subject] = Fact(
                subject=one.subject,
                expected=one.expected,
                seen=one.seen,
                ok=one.ok,
                attempts=earlier + 1,
                at_ns=clock.now_ns(),
            )
    return facts
