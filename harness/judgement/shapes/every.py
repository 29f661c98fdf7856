"""Sets of things that must each be as expected: how many are not, and whether some are unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.judgement.measures import Case, Figures, because, not_falsifiable, settled
from harness.judgement.shapes.found import Found, made
from harness.model import Measure, Outcome, ReasonKind


class Gap(NamedTuple):
    """Why it is unknown whether all things are as expected.

    Attributes:
        why: text that follows the text of what was found; empty: nothing is unknown.
        hint: what to do about it; empty: the usual hint. kind: of the reason.
        alone: whether `why` replaces the text of what was found.
    """

    why: str
    hint: str
    kind: ReasonKind = ReasonKind.NO_RECORD
    alone: bool = False


_NONE: Final = Gap("", "make the run record at least one, then run again")
NOTHING: Final = Gap("", "")
"""No gap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Things(Found):
    """A set of things that a figure found, each of which must be as expected.

    Attributes:
        bad: how many of the `n` known things are not as expected; if `n` is 0 nothing is decided.
        text: both numbers and what is expected, in words.
        gaps: reasons why some things may be unknown; the first with a text makes the measure INCONCLUSIVE. none: the reason if there are no things.
        excuse: why the bad things prove no failure.
        value: value of the measure; None: `bad`, or no value if the bad things are `mixed`, as a bound on one number would not cover all kinds.
        scaled_limit: limit of the measure.
    """

    bad: int
    text: str
    gaps: tuple[Gap, ...] = ()
    none: Gap = _NONE
    excuse: Gap = NOTHING
    value: float | None = None
    mixed: bool = False
    scaled_limit: float | None = 0.0


def every_one(case: Case, found: Things, name: str = "") -> Measure:
    """FAIL if a thing is bad, else INCONCLUSIVE if things are unknown or there are none, else PASS; receipts that are not ok make it INCONCLUSIVE."""
    outcome = Outcome.FAIL if found.bad else Outcome.PASS
    outcome, reason = settled(outcome, because(outcome, found.text), found.receipts, found.needs)
    missing = [gap for gap in found.gaps if gap.why] + ([found.none] if found.n == 0 else [])
    if outcome is Outcome.FAIL:
        missing = [found.excuse] if found.excuse.why else []
    if missing and outcome is not Outcome.INCONCLUSIVE:
        gap, outcome = missing[0], Outcome.INCONCLUSIVE
        text = gap.why if gap.alone else f"{found.text}{gap.why}"
        reason = because(outcome, text, gap.hint, kind=gap.kind)
    elif found.short and outcome is Outcome.PASS:
        return not_falsifiable(case, name or case.objective.figure.value, found.short, scope=found.scope)
    value = float(found.bad) if found.value is None and not found.mixed else found.value
    return made(case, found, outcome, reason, Figures(value=value, scaled_limit=found.scaled_limit), name=name)
