"""Judges a set of which every item must be as expected: counts the bad items, and names items that are unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.judgement.measures import Case, Figures, because, not_falsifiable, settled
from harness.judgement.shapes.found import Found, made
from harness.model import NOT_DECIDED, Measure, Outcome, ReasonKind


class Gap(NamedTuple):
    """Why it is unknown whether every item is as expected.

    Attributes:
        why: cause, which follows `Things.text` as a sentence of its own; empty: nothing is unknown.
        hint: action for the user; empty: the usual hint of the kind.
        kind: kind of the reason.
        alone: whether `why` replaces `Things.text`.
    """

    why: str
    hint: str
    kind: ReasonKind = ReasonKind.NO_RECORD
    alone: bool = False


_NONE: Final = Gap("", "make sure that the run records at least one, then run again")
NOTHING: Final = Gap("", "")
"""Nothing is unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Things(Found):
    """A set of items that a figure found, of which every one must be as expected.

    Attributes:
        bad: number of the `n` known items that are not as expected; if `n` is 0 nothing is decided.
        text: both numbers and the expectation, in words.
        gaps: reasons why some items may be unknown; the first with a text makes the measure INCONCLUSIVE.
        none: reason if there are no items.
        excuse: why the bad items prove no failure.
        value: value of the measure; None: `bad`, or no value if the bad items are `mixed`.
        mixed: whether the bad items are of several kinds, so that one number does not describe them.
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
    """The measure of a set: FAIL if an item is bad, INCONCLUSIVE if items are unknown or there are none, else PASS.

    It is also INCONCLUSIVE if a receipt is not ok.
    """
    outcome = Outcome.FAIL if found.bad else Outcome.PASS
    outcome, reason = settled(outcome, because(outcome, found.text), found.receipts, found.needs)
    missing = [gap for gap in found.gaps if gap.why] + ([found.none] if found.n == 0 else [])
    if outcome is Outcome.FAIL:
        missing = [found.excuse] if found.excuse.why else []
    if missing and outcome is not Outcome.INCONCLUSIVE:
        gap, outcome = missing[0], Outcome.INCONCLUSIVE
        follows = f"{NOT_DECIDED}{gap.why}" if gap.why else ""
        text = gap.why if gap.alone else f"{found.text}{follows}"
        reason = because(outcome, text, gap.hint, kind=gap.kind)
    elif found.short and outcome is Outcome.PASS:
        return not_falsifiable(case, name or case.objective.figure.value, found.short, scope=found.scope)
    value = float(found.bad) if found.value is None and not found.mixed else found.value
    return made(case, found, outcome, reason, Figures(value=value, scaled_limit=found.scaled_limit), name=name)
