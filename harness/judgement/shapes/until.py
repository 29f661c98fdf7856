"""From a cause to its effect: what decides whether it came within a limit, and the measure of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.judgement.measures import Case, Figures, because, measure, not_falsifiable, settled
from harness.judgement.shapes.words import UNTIL
from harness.model import Experiment, Measure, Outcome, ReasonKind, Receipt


def within(limit: float, *, low: float | None, high: float | None, watched: float) -> Outcome:
    """The outcome of an effect that must come within a limit; all in one unit, from the cause on.

    PASS: it had come before the limit. FAIL: it had not come when the limit was over. INCONCLUSIVE: the limit is between the last
    observation without the effect and the first with it, or the watch ended before the limit.

    Args:
        limit: of the sentence.
        low: the last moment known to be without the effect; None: `high`, as what is pushed is known when it changes.
        high: the first moment with the effect; None: it was not seen.
        watched: until when the effect was watched for; used where it was not observed.
    """
    if high is None:
        return Outcome.FAIL if watched >= limit else Outcome.INCONCLUSIVE
    if high < limit:
        return Outcome.PASS
    return Outcome.FAIL if (high if low is None else low) >= limit else Outcome.INCONCLUSIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What a figure found of an effect that must come within the limit of its sentence.

    Attributes:
        low, high, watched: as of `within`, in s from the cause on.
        names: what the words of the figure name.
        scope, receipts, method, files, n, resolution: of the measure.
        needs: the receipts that a FAIL needs.
        ends: whether the effect is the end of something, which is shown only where it was watched up to the limit.
        words: key of the table, where the figure has several entries. expected, limit_s: in place of those of the objective.
        unknown: why nothing is known of the effect; empty: something is.
        broken: what fails the sentence whenever the effect came; empty: nothing does.
        doubt: why an effect within the limit proves nothing; empty: it does.
        short: why the run could not have failed; empty: it could.
        hint, kind: of what is not decided.
    """

    low: float | None = None
    high: float | None = None
    watched: float = 0.0
    names: Mapping[str, object]
    scope: Mapping[str, str]
    receipts: Mapping[str, Receipt]
    method: str
    files: tuple[str, ...]
    n: int | None = None
    resolution: float | None = None
    needs: tuple[str, ...] = ()
    ends: bool = False
    words: str = ""
    expected: str = ""
    limit_s: float | None = None
    unknown: str = ""
    broken: str = ""
    doubt: str = ""
    short: str = ""
    hint: str = ""
    kind: ReasonKind | None = None


def until(case: Case, found: Effect, name: str = "") -> Measure:
    """The measure of an effect; `name`: of the measure, where it is not that of the figure."""
    name, limit = name or case.objective.figure.value, found.limit_s or case.scaled.in_unit("s")
    outcome, what, kind = _decided(case, found, limit)
    if outcome is Outcome.INCONCLUSIVE and found.short:
        return not_falsifiable(case, name, found.short, scope=found.scope)
    undecided = outcome is Outcome.INCONCLUSIVE
    text = f"{what}, expected {found.expected or case.expected.replace('below', 'within')}"
    own = because(outcome, text, found.hint if undecided else "", kind=kind if undecided else None)
    outcome, reason = settled(outcome, own, found.receipts, () if found.broken else found.needs)
    figures = Figures(
        value=found.high,
        low=found.low,
        high=None if found.low is None else found.high,
        scaled_limit=limit,
        n=found.n,
        unit="s",
        resolution=found.resolution,
        method=found.method,
        receipts=found.receipts,
        files=found.files,
    )
    return measure(case, name, outcome, reason, scope=found.scope, figures=figures)


def _decided(case: Case, found: Effect, limit: float) -> tuple[Outcome, str, ReasonKind | None]:
    """The outcome by the times alone, in words, and the kind of a reason that does not decide."""
    words = UNTIL[found.words or case.objective.figure]
    said = {**found.names, "low": found.low or 0.0, "high": found.high, "watched": found.watched}
    head = words.head.format(**said)
    if found.broken or found.unknown:
        outcome = Outcome.FAIL if found.broken else Outcome.INCONCLUSIVE
        return outcome, head + (found.broken or found.unknown), found.kind
    outcome = within(limit, low=found.low, high=found.high, watched=found.watched)
    if found.high is None:
        return outcome, head + words.missing.format(**said), found.kind
    late = words.late if outcome is Outcome.FAIL else ""
    text = head + (late or words.came).format(**said)
    brief = found.ends and found.watched < limit
    doubts = [found.doubt, f"it was observed for {found.watched:.3g} s of {limit:.3g} s" if brief else ""]
    if outcome is Outcome.PASS and any(doubts):
        return Outcome.INCONCLUSIVE, f"{text}, but {'; '.join(filter(None, doubts))}", found.kind
    if outcome is Outcome.INCONCLUSIVE:
        return outcome, text + words.between.format(**said), ReasonKind.RESOLUTION
    return outcome, text + (words.proof.format(**said) if outcome is Outcome.PASS else ""), None


def too_short(case: Case, attempt: Experiment) -> str:
    """Why an attempt could not have shown that an effect came too late: it was planned to be watched for less than the limit; empty: it could."""
    planned, limit = case.plan.experiments.get(attempt.name), case.scaled.in_unit("s")
    watched = planned.observe_s if planned else 0.0
    return (
        "" if watched >= limit else f"{attempt.name} would have watched for {watched:.4g} s, the limit is {limit:.4g} s"
    )
