"""Judges whether an effect came within a limit of its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.judgement.measures import Case, Figures, not_falsifiable
from harness.judgement.shapes.found import Found, shown
from harness.judgement.shapes.words import UNTIL, UntilWords
from harness.model import NOT_DECIDED, Experiment, Measure, Outcome, ReasonKind


def within(limit: float, *, low: float | None, high: float | None, watched: float) -> Outcome:
    """The outcome of an effect that must come within a limit.

    All times are in one unit, counted from the cause.
    PASS: the effect came before the limit. FAIL: the effect came later, or did not come before the limit was over. INCONCLUSIVE: the
    limit is between the last observation without the effect and the first with it, or the observation ended before the limit.

    Args:
        limit: limit of the sentence.
        low: last moment known to be without the effect; None: equal to `high`, for changes that are reported as they happen.
        high: first moment with the effect; None: the effect was not observed.
        watched: end of the observation; used only if the effect was not observed.
    """
    if high is None:
        return Outcome.FAIL if watched >= limit else Outcome.INCONCLUSIVE
    if high < limit:
        return Outcome.PASS
    return Outcome.FAIL if (high if low is None else low) >= limit else Outcome.INCONCLUSIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect(Found):
    """An effect that must come within the limit of its sentence, as a figure found it.

    Attributes:
        low, high, watched: see `within`; in s after the cause.
        names: values for the templates.
        words: key of the templates, if the figure has several; or the templates of a figure from a package.
        expected: expectation in words; empty: the words of the objective.
        limit_s: limit in s; None: the limit of the objective, divided by the time scale.
        ends: whether the effect is the end of something, which is proven only if it was watched up to the limit.
        seen: whether anything was observed; if not, `high` is the time of the cause and is not shown as a value.
        broken: why the sentence fails at whatever time the effect came; empty: there is no such cause.
        excuse: why an effect that is late or missing is no failure; empty: it is a failure.
    """

    low: float | None = None
    high: float | None = None
    watched: float = 0.0
    names: Mapping[str, object]
    words: str | UntilWords = ""
    expected: str = ""
    limit_s: float | None = None
    ends: bool = False
    seen: bool = True
    broken: str = ""
    excuse: str = ""
    unit: str = "s"


def until(case: Case, found: Effect, name: str = "") -> Measure:
    """The measure of an effect; `name` is the name of the measure if it differs from the name of the figure."""
    limit = found.limit_s or case.scaled.in_unit("s")
    outcome, what, note, kind = _decided(case, found, limit)
    if outcome is Outcome.INCONCLUSIVE and found.short:
        return not_falsifiable(case, name or case.objective.figure.value, found.short, scope=found.scope)
    text = f"{what}, expected {found.expected or case.expected.replace('below', 'within')}{note}"
    high = None if found.low is None else found.high
    figures = Figures(value=found.high if found.seen else None, low=found.low, high=high, scaled_limit=limit)
    return shown(case, replace(found, kind=kind), outcome, text, figures, name=name)


def _decided(case: Case, found: Effect, limit: float) -> tuple[Outcome, str, str, ReasonKind | None]:
    """The outcome before its receipts; its text, the text after the expectation, and the kind of its reason if it is undecided."""
    words = found.words if isinstance(found.words, UntilWords) else UNTIL[found.words or case.objective.figure]
    said = {**found.names, "low": found.low or 0.0, "high": found.high, "watched": found.watched}
    head = words.head.format(**said)
    if found.broken or found.unknown:
        outcome = Outcome.FAIL if found.broken else Outcome.INCONCLUSIVE
        return outcome, head + (found.broken or found.unknown), "", found.kind
    outcome = within(limit, low=found.low, high=found.high, watched=found.watched)
    late = words.late if outcome is Outcome.FAIL else ""
    text = head + (words.missing if found.high is None else late or words.came).format(**said)
    if why := _unsure(found, outcome, limit):
        return Outcome.INCONCLUSIVE, text, f"{NOT_DECIDED}{why}", found.kind
    if outcome is Outcome.INCONCLUSIVE and found.high is not None:
        note = f"{NOT_DECIDED}{words.between.format(**said)}" if words.between else ""
        return outcome, text, note, ReasonKind.RESOLUTION
    return (
        outcome,
        text,
        f". {words.proof.format(**said)}" if words.proof and outcome is Outcome.PASS else "",
        found.kind,
    )


def _unsure(found: Effect, outcome: Outcome, limit: float) -> str:
    """Why the times alone prove neither PASS nor FAIL; empty: they do."""
    if outcome is not Outcome.PASS:
        return found.excuse if outcome is Outcome.FAIL else ""
    brief = found.ends and found.watched < limit
    doubts = [
        found.doubt,
        f"the observation lasted {found.watched:.3g} s, expected at least {limit:.3g} s" if brief else "",
    ]
    return "; ".join(filter(None, doubts))


def too_short(case: Case, attempt: Experiment) -> str:
    """Why an attempt could not show a late effect: its planned observation is shorter than the limit.

    Empty: it could.
    """
    planned, limit = case.plan.experiments.get(attempt.name), case.scaled.in_unit("s")
    watched = planned.observe_s if planned else 0.0
    return (
        ""
        if watched >= limit
        else f"{attempt.name} is planned with {watched:.4g} s of observation, expected at least {limit:.4g} s"
    )
