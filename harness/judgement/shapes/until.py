"""From a cause to its effect: what decides whether it came within a limit, and the measure of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.judgement.measures import Case, Figures, not_falsifiable
from harness.judgement.shapes.found import Found, shown
from harness.judgement.shapes.words import UNTIL, UntilWords
from harness.model import Experiment, Measure, Outcome, ReasonKind


def within(limit: float, *, low: float | None, high: float | None, watched: float) -> Outcome:
    """The outcome of an effect that must come within a limit; all in one unit, from the cause on.

    PASS: it had come before the limit. FAIL: it had not come when the limit was over. INCONCLUSIVE: the limit is between the last
    observation without the effect and the first with it, or the watch ended before the limit.

    Args:
        limit: of the sentence.
        low: the last moment known to be without the effect; None: the same as `high`, for changes that are reported as they happen.
        high: the first moment with the effect; None: the effect was not observed.
        watched: until when the effect was watched for; used where it was not observed.
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
        low, high, watched: see `within`, in s from the cause on.
        names: values for the templates. words: key of the templates, if the figure has several; or the templates of a package's own figure.
        expected, limit_s: expectation in words and limit, in place of those of the objective.
        ends: whether the effect is the end of something, which is proven only if it was watched up to the limit.
        seen: whether anything was observed; if not, `high` is the time of the cause and is not shown as a value.
        broken: why the sentence fails whenever the effect came; empty: it does not fail for that.
        excuse: why an effect that came too late, or did not come, is no failure; empty: it is a failure.
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
    """The measure of an effect; `name`: of the measure, where it is not that of the figure."""
    limit = found.limit_s or case.scaled.in_unit("s")
    outcome, what, kind = _decided(case, found, limit)
    if outcome is Outcome.INCONCLUSIVE and found.short:
        return not_falsifiable(case, name or case.objective.figure.value, found.short, scope=found.scope)
    text = f"{what}, expected {found.expected or case.expected.replace('below', 'within')}"
    high = None if found.low is None else found.high
    figures = Figures(value=found.high if found.seen else None, low=found.low, high=high, scaled_limit=limit)
    return shown(case, replace(found, kind=kind), outcome, text, figures, name=name)


def _decided(case: Case, found: Effect, limit: float) -> tuple[Outcome, str, ReasonKind | None]:
    """The outcome before its receipts, its text, and the kind of its reason if it is undecided."""
    words = found.words if isinstance(found.words, UntilWords) else UNTIL[found.words or case.objective.figure]
    said = {**found.names, "low": found.low or 0.0, "high": found.high, "watched": found.watched}
    head = words.head.format(**said)
    if found.broken or found.unknown:
        outcome = Outcome.FAIL if found.broken else Outcome.INCONCLUSIVE
        return outcome, head + (found.broken or found.unknown), found.kind
    outcome = within(limit, low=found.low, high=found.high, watched=found.watched)
    late = words.late if outcome is Outcome.FAIL else ""
    text = head + (words.missing if found.high is None else late or words.came).format(**said)
    if why := _unsure(found, outcome, limit):
        return Outcome.INCONCLUSIVE, f"{text}, but {why}", found.kind
    if outcome is Outcome.INCONCLUSIVE and found.high is not None:
        return outcome, text + words.between.format(**said), ReasonKind.RESOLUTION
    return outcome, text + (words.proof.format(**said) if outcome is Outcome.PASS else ""), found.kind


def _unsure(found: Effect, outcome: Outcome, limit: float) -> str:
    """Why a PASS or a FAIL by the times alone is no proof; empty: it is a proof."""
    if outcome is not Outcome.PASS:
        return found.excuse if outcome is Outcome.FAIL else ""
    brief = found.ends and found.watched < limit
    doubts = [
        found.doubt,
        f"the observation lasted {found.watched:.3g} s of the {limit:.3g} s that are needed" if brief else "",
    ]
    return "; ".join(filter(None, doubts))


def too_short(case: Case, attempt: Experiment) -> str:
    """Why an attempt could not show that an effect came too late: it was planned to be watched for less than the limit; empty: it could."""
    planned, limit = case.plan.experiments.get(attempt.name), case.scaled.in_unit("s")
    watched = planned.observe_s if planned else 0.0
    return (
        ""
        if watched >= limit
        else f"{attempt.name} was planned to be watched for {watched:.4g} s, less than the limit of {limit:.4g} s"
    )
