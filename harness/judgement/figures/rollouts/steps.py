"""The steps of a rollout: their order, how long each lasted, and whether each had a verdict before the next one began."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Final

from harness.judgement.figures.rollouts.history import (
    RolloutHistory,
    StepTaken,
    concluded,
    ended_receipt,
    load_of,
    rolled,
    rollout_spec,
)
from harness.judgement.measures import Case, Figures, formatted
from harness.judgement.receipts.watch import SHARE_OF_LIMIT
from harness.model import Figure, Length, LimitRule, Measure, Op, Outcome, ReasonKind, Receipt
from harness.model.observations import RolloutAnalysis
from harness.model.rollout import percent
from harness.model.schedule import NS_PER_S

_SUCCESSFUL: Final = "Successful"
_METHOD: Final = "what every object says of its own share, read ten times a second"


def orders(case: Case) -> Iterable[Measure]:
    """Whether the rollout went through the steps that the sentence names, in their order."""
    name = Figure.ROLLOUT_STEPS.value
    history = rolled(case, name)
    if isinstance(history, Measure):
        yield history
        return
    expected = tuple(case.objective.params["steps"].split())
    taken = tuple(percent(step.share) for step in history.steps)
    said = f"{history.plan.name} went through {_listed(taken)} of the users, expected {_listed(expected)}"
    outcome = Outcome.PASS if taken == expected else Outcome.FAIL
    if taken != expected and taken == expected[: len(taken)]:
        outcome, said = Outcome.INCONCLUSIVE, f"{said}: it was taken back before the others"
    receipts = {"restore": ended_receipt(history)}
    yield concluded(
        case, name, outcome, said, Figures(receipts=receipts, method=_METHOD), kind=_unless_decided(outcome)
    )


def lengths(case: Case) -> Iterable[Measure]:
    """How long every step lasted; the dwell has a scale of its own, which the rollout file says and the figure names."""
    name = Figure.STEP_LENGTH.value
    history = rolled(case, name)
    if isinstance(history, Measure):
        yield history
        return
    limit_s = case.objective.limit.base / (history.plan.dwell_scale or 1.0)
    lasted = [((step.end_ns - step.at_ns) / NS_PER_S, step) for step in history.steps]
    if len(lasted) < len(history.plan.steps):
        text = f"{len(lasted)} of {len(history.plan.steps)} steps were taken"
        yield concluded(case, name, Outcome.INCONCLUSIVE, text, Figures(), kind=ReasonKind.NO_RECORD)
        return
    seconds, shortest = min(lasted, key=lambda one: one[0])
    resolution_s = max((step.at_ns - step.since_ns) / NS_PER_S for step in history.steps)
    outcome = Outcome.PASS if seconds >= limit_s - resolution_s else Outcome.FAIL
    scale = f"{case.objective.limit} ({limit_s:g} s at {history.plan.dwell_scale:g}, the scale of the dwell)"
    text = f"the shortest step, {shortest.name}, lasted {formatted(seconds, 's')}, expected at least {scale}"
    figures = Figures(
        value=seconds,
        scaled_limit=limit_s,
        resolution=resolution_s,
        unit="s",
        method=_METHOD,
        receipts={"restore": ended_receipt(history), "watch": _closely(resolution_s, limit_s)},
    )
    used = Length(name="limit", said=str(case.objective.limit), scaled=True, used_s=limit_s)
    yield replace(concluded(case, name, outcome, text, figures), times=(used,))


def _closely(resolution_s: float, limit_s: float) -> Receipt:
    """Whether the steps were read often enough to tell how long they lasted."""
    why = f"the beginning of each step is known to {formatted(resolution_s, 's')}"
    close = resolution_s <= SHARE_OF_LIMIT * limit_s
    return Receipt(ok=close, why=why if close else f"{why}, over a tenth of the limit")


def verdicts(case: Case) -> Iterable[Measure]:
    """Whether an analysis of every object passed in each step before the next one began.

    An analysis that was ended early is Successful whatever it measured, so one without a measurement is no verdict. A step in which the
    candidate gave no answer has nothing to be analysed.
    """
    name = Figure.STEP_VERDICT.value
    history = rolled(case, name)
    if isinstance(history, Measure):
        yield history
        return
    objects = sorted({*history.objects, *(one.subject for one in history.statuses)})
    without = [
        (step, subject)
        for step, following in pairwise(history.steps)
        for subject in objects
        if not _has_verdict(history, subject, step, following.at_ns)
    ]
    silent = [step.name for step in history.steps if not _answers(case, history, step)]
    receipts = {"load": load_of(case), "restore": ended_receipt(history)}
    figures = Figures(receipts=receipts, method="the AnalysisRuns of every object", n=len(history.analyses))
    if silent:
        text = f"the candidate gave no answer at {', '.join(silent)}: there was nothing to analyse"
        yield concluded(case, name, Outcome.INCONCLUSIVE, text, figures, kind=ReasonKind.NO_RECORD)
    elif without:
        step, subject = without[0]
        text = f"{subject} went on from {step.name} without a verdict ({len(without)} of {len(objects) * (len(history.steps) - 1)})"
        yield concluded(case, name, Outcome.FAIL, text, figures)
    elif not objects or len(history.steps) < max(len(history.plan.steps), 2):
        text = f"{len(history.steps)} of {len(history.plan.steps)} steps of {len(objects)} objects were recorded: there was no next step, or nothing that took it"
        yield concluded(case, name, Outcome.INCONCLUSIVE, text, figures, kind=ReasonKind.NO_RECORD)
    else:
        text = f"each of {len(history.steps) - 1} steps of {len(objects)} objects had a verdict before the next"
        yield concluded(case, name, Outcome.PASS, text, figures)


def _has_verdict(history: RolloutHistory, subject: str, step: StepTaken, until_ns: int) -> bool:
    last: dict[str, RolloutAnalysis] = {}
    first: dict[str, int] = {}
    for one in history.analyses:
        if one.object == subject and one.when_ns <= until_ns:
            last[one.subject] = one
            first.setdefault(one.subject, one.when_ns)
    return any(
        one.phase == _SUCCESSFUL and one.measured > 0 and one.type == "Step" and first[run] >= step.since_ns
        for run, one in last.items()
    )


def _answers(case: Case, history: RolloutHistory, step: StepTaken) -> int:
    """Answers of the candidate to requests due in the step."""
    rows = history.samples(case.evidence, case.objective.scope.traffic, step.at_ns, step.left_ns)
    return int(rows.words["release"].equals(history.plan.candidate).sum())


def _listed(shares: tuple[str, ...]) -> str:
    return ", ".join(f"{share} %" for share in shares) or "no step"


def _unless_decided(outcome: Outcome) -> ReasonKind | None:
    return ReasonKind.NO_RECORD if outcome is Outcome.INCONCLUSIVE else None


ORDER: Final = rollout_spec(Figure.ROLLOUT_STEPS, orders)
LENGTH: Final = rollout_spec(
    Figure.STEP_LENGTH, lengths, limit=LimitRule(dimension="time", ops=frozenset({Op.AT_LEAST})), unit="s"
)
VERDICT: Final = rollout_spec(Figure.STEP_VERDICT, verdicts)
