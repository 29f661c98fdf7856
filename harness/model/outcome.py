"""How a requirement, and how a run, can end."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """The end of a requirement."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    WAIVED = "WAIVED"
    NOT_ASSESSED = "NOT ASSESSED"


IN_ORDER = frozenset({Outcome.PASS, Outcome.WAIVED})
"""Outcomes that keep no release from GO."""
_SEVERITY = {Outcome.FAIL: 3, Outcome.INCONCLUSIVE: 2, Outcome.WAIVED: 1, Outcome.PASS: 0}


def worst_of(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL over INCONCLUSIVE over WAIVED over PASS; of nothing: INCONCLUSIVE. Only these are given in."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.INCONCLUSIVE)


class DecisionOutcome(StrEnum):
    """The decision on a release."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"
    PARTIAL = "PARTIAL"
    """A filter left scenarios out: no decision."""
