"""The possible outcomes of requirements and the possible decisions of runs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from harness.errors import Exit


class Outcome(StrEnum):
    """Outcome of a requirement."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    WAIVED = "WAIVED"
    NOT_ASSESSED = "NOT ASSESSED"


IN_ORDER = frozenset({Outcome.PASS, Outcome.WAIVED})
"""Outcomes that do not prevent GO."""
SEVERITY = {Outcome.FAIL: 3, Outcome.INCONCLUSIVE: 2, Outcome.WAIVED: 1, Outcome.PASS: 0}
"""Severity of each outcome; the worst of several outcomes decides."""


def worst_of(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst outcome in the order FAIL, INCONCLUSIVE, WAIVED, PASS; INCONCLUSIVE without outcomes.

    Other outcomes are not allowed.
    """
    return max(outcomes, key=SEVERITY.__getitem__, default=Outcome.INCONCLUSIVE)


class DecisionOutcome(StrEnum):
    """The decision on a release."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"
    PARTIAL = "PARTIAL"
    """A filter left scenarios out, so there is no decision."""


DECISION_EXITS = {
    DecisionOutcome.GO: Exit.GO,
    DecisionOutcome.NO_GO: Exit.NO_GO,
    DecisionOutcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
    DecisionOutcome.PARTIAL: Exit.INCONCLUSIVE,
}
"""The exit codes of the decisions, for the command and for pytest."""
