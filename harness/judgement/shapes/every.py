"""Things that must each be as expected: how many are not, and of which nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.judgement.measures import Case, Figures, because, not_falsifiable, settled
from harness.judgement.shapes.found import Found, made
from harness.model import Measure, Outcome, ReasonKind


class Gap(NamedTuple):
    """Why it is not known of all things that they are as expected.

    Attributes:
        why: follows the text of what was found; empty: nothing is missing.
        hint: what to do about it; empty: as of a failure. kind: of the reason.
        alone: whether it is all of the text.
    """

    why: str
    hint: str
    kind: ReasonKind = ReasonKind.NO_RECORD
    alone: bool = False


_NONE: Final = Gap("", "let the run record some, then run again")
NOTHING: Final = Gap("", "")
"""No gap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Things(Found):
    """What a figure found of things that must each be as expected.

    Attributes:
        bad: how many are not, of the `n` that are known; of none nothing is claimed.
        text: both, and what is expected, in words.
        gaps: what is missing of them; the first one that is says why nothing is decided. none: of no things at all.
        excuse: why those that are bad prove nothing.
        value: of the measure; None: `bad`, but where it is `mixed`, as no bound on one number would cover all that is bad.
        scaled_limit: of the measure.
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
    """FAIL where one is bad, after its receipts INCONCLUSIVE where something is missing or there are none, else PASS."""
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
