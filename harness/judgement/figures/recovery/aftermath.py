"""Lasting damage by a fault: missing parts, a target that is not steady, manual steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.measures import Case, Figures, inconclusive, not_falsifiable
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.restore import is_last
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.shapes.facts import known
from harness.judgement.shapes.found import Found
from harness.model import Evidence, Experiment, Measure, Op, ReasonKind
from harness.model.observations import SteadySeen

POD: Final = "pod"
"""The excluded fault domain: the objective on the first request of a new pod covers missing pods."""
_STEADY: Final = "make the target steady without any fault, then run again"


def aftermath(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """A FAIL for parts of the target that were not restored within the limit, and one for an unsteady target.

    The target must be steady at the end of the load, after the last fault. The measure is INCONCLUSIVE if the target was not steady before the
    first fault either, because then the harm of the last fault is unknown. "Before" means at the start of the load, or before an experiment
    that was not run for this reason.
    """
    if attempt.domain != POD and (gone := came_back(case, attempt, scope)):
        yield gone
    end = case.evidence.steady_end
    if end is not None and not end.ok and is_last(case.evidence, attempt):
        why = f"{attempt.name} was the last fault, and the target was not steady at the end of the load: {end.why}"
        if unsteady := _unsteady_without_fault(case.evidence):
            why = f"{why}; it was not steady before the first fault either: {unsteady}"
            yield inconclusive(case, "steady at the end", why, _STEADY, kind=ReasonKind.UNSTEADY, scope=scope)
        else:  # no count that a bound could accept
            yield _failed(case, "steady at the end", why, attempt, scope, value=None)


def _unsteady_without_fault(evidence: Evidence) -> str:
    """Cause for which the target was found not to be steady before any fault was sent; empty if it was always steady."""
    if evidence.steady_start is not None and not evidence.steady_start.ok:
        return evidence.steady_start.why
    every_sent = [one.fault.sent_ns for attempts in evidence.experiments.values() for one in attempts]
    first_ns = min(sent_ns for sent_ns in every_sent if sent_ns is not None)
    seen = (one for one in evidence.every(SteadySeen) if not one.ok and one.when_ns < first_ns)
    return next((one.why for one in seen), "")


def came_back(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Measure | None:
    """A FAIL that names parts of the target that were not restored.

    None if no part is known to be missing.
    """
    missing = attempt.restore.missing
    if attempt.restore.ok is not False or not missing:
        return None
    some = ", ".join(missing[:3]) + ("…" if len(missing) > 3 else "")
    why = (
        f"{attempt.name}: {len(missing)} parts of the target were not restored in time: {some} ({attempt.restore.why})"
    )
    return _failed(case, "came back", why, attempt, scope, value=float(len(missing)))


def _failed(
    case: Case, name: str, why: str, attempt: Experiment, scope: Mapping[str, str], *, value: float | None
) -> Measure:
    found = Found(
        scope=scope,
        said="as before the fault",
        told=Op.HOLDS,
        method="read from the live target after the fault",
        files=(*attempt.files, "history/run.ndjson"),
    )
    return known(case, why, found, name, ok=False, figures=Figures(value=value))


def manual_steps(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Measure:
    """The number of manual steps; NOT ASSESSED if the run recorded none."""
    name, allowed = "manual steps", int(case.objective.params["manual_steps"])
    steps = attempt.manual_steps
    if steps is None:
        why = f"the run did not record the number of manual steps after {attempt.name}"
        return not_falsifiable(case, name, why, scope=scope)
    found = Amount(
        low=steps,
        high=steps,
        text=f"{attempt.name}: {steps} manual steps were needed",
        expected=str(allowed),
        limit=allowed,
        op=Op.AT_MOST,
        scope=scope,
        receipts={"fault": fault_receipt(case.plan, case.evidence, attempt)},
        said=str(allowed),
        told=Op.HOLDS,
        method="number of undo steps that were left to a person",
        files=attempt.files,
    )
    return amount(case, found, name)
