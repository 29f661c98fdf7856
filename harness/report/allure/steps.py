"""A scenario as Allure steps: its Given and When sentences, and each Then sentence with its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, TypeVar

from allure_commons.model2 import Status, StatusDetails, TestStepResult

from harness.model import DemandKind, Outcome, worst_of
from harness.report.view.digest import measure_line
from harness.report.view.wording import NOTHING, clean

if TYPE_CHECKING:
    from harness.model import Claim, ClaimVerdict, Demand, Evidence, Measure, Plan

STATUS: Final[Mapping[Outcome, str]] = {
    Outcome.PASS: Status.PASSED,
    Outcome.WAIVED: Status.PASSED,
    Outcome.FAIL: Status.FAILED,
    Outcome.INCONCLUSIVE: Status.BROKEN,
    Outcome.NOT_ASSESSED: Status.SKIPPED,
}
"""INCONCLUSIVE becomes `broken`, because Allure leaves `skipped` and `unknown` out of success rates and gates."""
_FACTS: Final = (DemandKind.CHECK, DemandKind.STATIC, DemandKind.INGEST)
_FINISHED: Final = "finished"
_Made = TypeVar("_Made")


def ended(kind: Callable[..., _Made], name: str, status: str, **more: Any) -> _Made:
    """A finished Allure result or step; `more` has its other fields."""
    return kind(name=clean(name), status=status, stage=_FINISHED, **more)


def details(reason: str, hint: str) -> StatusDetails:
    """The message of a result or step: the reason and the hint."""
    return StatusDetails(message=clean(f"{reason}\n\nhint: {hint}" if hint else reason))


def steps_of(
    plan: Plan,
    evidence: Evidence,
    claim: Claim | None,
    said: ClaimVerdict,
    *,
    span_ms: tuple[int | None, int | None],
) -> list[TestStepResult]:
    """The steps of one scenario.

    Given and When steps are `passed` if the run recorded all demands of the scenario, else `broken`. A Then step has the status of its worst measure and
    one step below it for each measure. `span_ms` is the time span of the evidence, in milliseconds since 1970; Then steps have no duration.
    """
    asked = [step.line for step in said.scenario.steps if step.keyword != "then"]
    claimed = [step.line for step in said.scenario.steps if step.keyword == "then"]
    done = claim is not None and all(_done(evidence, plan.demand[key]) for key in claim.demands if key in plan.demand)
    first = [_step(text, Status.PASSED if done else Status.BROKEN) for text in asked]
    then = [
        _then(text, measures, plan.time_scale, said.outcome)
        for text, measures in zip_longest(claimed, said.measures, fillvalue=None)
        if text or measures
    ]
    _timed(first, span_ms)
    _timed(then, (span_ms[1], span_ms[1]))
    return first + then


def _timed(steps: Iterable[TestStepResult], span_ms: tuple[int | None, int | None]) -> None:
    for step in steps:
        step.start, step.stop = span_ms
        _timed(step.steps, span_ms)


def _done(evidence: Evidence, demand: Demand) -> bool:
    """Whether the run recorded that it did what the scenario asked for."""
    if demand.kind == DemandKind.TRAFFIC:
        return bool(evidence.fault_free(demand.name))
    if demand.kind == DemandKind.EXPERIMENT:
        return any(attempt.ran for attempt in evidence.experiments.get(demand.name, ()))
    if demand.kind in _FACTS:
        return bool(demand.key in evidence.checks and evidence.checks[demand.key].facts)
    return True


def _then(
    text: str | None, measures: tuple[Measure, ...] | None, time_scale: float, outcome: Outcome
) -> TestStepResult:
    """A Then step. Without measures it has the scenario's status, but INCONCLUSIVE instead of PASS."""
    if not measures:
        return _step(text or "Then", STATUS[Outcome.INCONCLUSIVE if outcome is Outcome.PASS else outcome])
    below = [_measure(measure, time_scale) for measure in measures]
    return _step(text or f"Then {measures[0].sentence}", STATUS[_worst(measures)], steps=below)


def _worst(measures: Iterable[Measure]) -> Outcome:
    """The worst outcome, in the order FAIL, INCONCLUSIVE, NOT ASSESSED, PASS."""
    outcomes = {measure.outcome for measure in measures}
    worst = worst_of(outcomes - {Outcome.NOT_ASSESSED, Outcome.WAIVED} or {Outcome.PASS})
    return Outcome.NOT_ASSESSED if worst is Outcome.PASS and Outcome.NOT_ASSESSED in outcomes else worst


def _measure(measure: Measure, time_scale: float) -> TestStepResult:
    line = measure_line(measure, time_scale)
    of = f" of {line.scope}" if line.scope else ""
    expected = f", expected {line.expected}" if line.expected != NOTHING else ""
    text = f"{line.name}{of}: {line.value}{expected}"
    return _step(text, STATUS[measure.outcome], statusDetails=details(measure.reason, measure.hint))


def _step(name: str, status: str, **more: Any) -> TestStepResult:
    return ended(TestStepResult, name, status, **more)
