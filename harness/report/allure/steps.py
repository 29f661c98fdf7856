"""A scenario as steps: what it asked for, and each Then sentence with the figures that bear it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from harness.model import DemandKind, Outcome, worst_of
from harness.report.view.digest import measure_line
from harness.report.view.wording import NOTHING, clean

if TYPE_CHECKING:
    from harness.model import Claim, ClaimVerdict, Demand, Evidence, Measure, Plan

Json = dict[str, Any]
_SAME: Final = ("And", "But", "*")


def steps_of(
    plan: Plan, evidence: Evidence, claim: Claim | None, said: ClaimVerdict, status: Mapping[Outcome, str]
) -> list[Json]:
    """The steps of one scenario.

    A Given or When step is passed when everything that the scenario asked for was done, else broken. A Then step has the
    status of its worst measure, and its measures as steps below it.
    """
    lines = list(_lines(claim))
    asked = [text for is_then, text in lines if not is_then]
    claimed = [text for is_then, text in lines if is_then]
    done = claim is not None and all(_done(evidence, plan.demand[key]) for key in claim.demands if key in plan.demand)
    first = [_step(text, "passed" if done else "broken") for text in asked]
    return first + [
        _then(text, measures, plan.time_scale, said.outcome, status)
        for text, measures in zip_longest(claimed, said.measures, fillvalue=None)
        if text or measures
    ]


def _lines(claim: Claim | None) -> Iterator[tuple[bool, str]]:
    """Each line as written, and whether it claims something; made from demands and objectives where the plan kept no lines."""
    if claim is None:
        return
    if not claim.steps:
        yield from ((False, f"When {key} is there") for key in claim.demands)
        yield from ((True, f"Then {objective.sentence}") for objective in claim.objectives)
        return
    then = False
    for line in claim.steps:
        keyword = line.split(" ", 1)[0]
        then = then if keyword in _SAME else keyword == "Then"
        yield then, line


def _done(evidence: Evidence, demand: Demand) -> bool:
    """Whether the run has a record of what was asked for."""
    if demand.kind == DemandKind.TRAFFIC:
        return bool(evidence.fault_free(demand.name))
    if demand.kind == DemandKind.EXPERIMENT:
        return any(attempt.ran for attempt in evidence.experiments.get(demand.name, ()))
    if demand.kind == DemandKind.CHECK:
        return bool(demand.key in evidence.checks and evidence.checks[demand.key].facts)
    return True


def _then(
    text: str | None,
    measures: tuple[Measure, ...] | None,
    time_scale: float,
    outcome: Outcome,
    status: Mapping[Outcome, str],
) -> Json:
    """A Then step; one without measures has the scenario's own status, unless that would be a pass."""
    if not measures:
        return _step(text or "Then", status[Outcome.INCONCLUSIVE if outcome is Outcome.PASS else outcome])
    step = _step(text or f"Then {measures[0].sentence}", status[_worst(measures)])
    return {**step, "steps": [_measure(measure, time_scale, status) for measure in measures]}


def _worst(measures: Iterable[Measure]) -> Outcome:
    """FAIL over INCONCLUSIVE over NOT ASSESSED over PASS."""
    outcomes = {measure.outcome for measure in measures}
    worst = worst_of(outcomes - {Outcome.NOT_ASSESSED, Outcome.WAIVED} or {Outcome.PASS})
    return Outcome.NOT_ASSESSED if worst is Outcome.PASS and Outcome.NOT_ASSESSED in outcomes else worst


def _measure(measure: Measure, time_scale: float, status: Mapping[Outcome, str]) -> Json:
    line = measure_line(measure, time_scale)
    of = f" of {line.scope}" if line.scope else ""
    wanted = f", expected {line.expected}" if line.expected != NOTHING else ""
    details = f"{measure.reason}\n\nhint: {measure.hint}" if measure.hint else measure.reason
    step = _step(f"{line.name}{of}: {line.value}{wanted}", status[measure.outcome])
    return {**step, "statusDetails": {"message": clean(details)}}


def _step(name: str, status: str) -> Json:
    return {"name": clean(name), "status": status, "stage": "finished"}
