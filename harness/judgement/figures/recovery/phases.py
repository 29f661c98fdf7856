"""The windows during and after the fault of each experiment, and the windows after the switch of a rollout, with their receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from harness.judgement.figures.rollouts.history import ended_receipt, rolled
from harness.judgement.measures import HINTS, Case, inconclusive
from harness.judgement.receipts.faults.attempts import counted_attempt, harmful_attempts
from harness.judgement.receipts.faults.fault import claimed_fault_receipt, fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.records.missing import NONE_PLANNED
from harness.model import Evidence, Experiment, Measure, Outcome, Phase, Receipt, Window

Judged = Callable[[Sequence[Window], Mapping[str, Receipt]], Iterable[Measure]]
"""Makes the measures of some windows, given the receipts that they need in addition to their own."""
AttemptJudge = Callable[[Experiment, Mapping[str, str]], Iterable[Measure]]
"""Makes the measures of one attempt, given their scope."""


def in_phase(case: Case, name: str, judged: Judged) -> Iterable[Measure]:
    """The measures of the windows of the objective's phase: after each experiment, or after the switch of its rollout."""
    if case.objective.scope.phase is Phase.SWITCHED:
        yield from _after_switch(case, name, judged)
    else:
        yield from by_experiment(case, name, judged)


def _after_switch(case: Case, name: str, judged: Judged) -> Iterable[Measure]:
    history, scope = rolled(case, name), case.objective.scope
    if isinstance(history, Measure):
        yield history
        return
    mine = {"rollout": scope.rollout, "phase": scope.phase.value}
    own = (w for w in case.evidence.windows.values() if w.rollout == scope.rollout and w.phase is Phase.SWITCHED)
    windows = tuple(window for window in own if scope.traffic in (None, window.traffic))
    if not windows:
        why = f"no requests {scope.phase.value} of {scope.rollout} were recorded"
        yield inconclusive(case, name, why, HINTS["fault"], scope=mine)
        return
    receipts = {"restore": ended_receipt(history)}
    yield from (replace(one, scope={**one.scope, **mine}) for one in judged(windows, receipts))


def by_experiment(case: Case, name: str, judged: Judged) -> Iterable[Measure]:
    """The measures of each experiment of the objective; INCONCLUSIVE without a window.

    They are all measures of the attempt that counts, and the FAILs of other attempts whose fault was sent.
    """
    phase = case.objective.scope.phase
    if not case.experiments:
        why = NONE_PLANNED
        yield inconclusive(case, name, why, "add an experiment to `experiments/`")
    for experiment in case.experiments:
        scope = {"experiment": experiment, "phase": phase.value}
        attempt = counted_attempt(case.plan, case.evidence, experiment, case.objective.scope.traffic)
        windows = windows_in(case.evidence, phase, case.objective.scope.traffic, attempt)
        if attempt is None or not windows:
            yield inconclusive(
                case, name, f"no requests {phase.value} of {experiment} were recorded", HINTS["fault"], scope=scope
            )
            continue
        for harmful in harmful_attempts(case.plan, case.evidence, experiment, case.objective.scope.traffic):
            own = {**scope, "attempt": str(harmful.attempt)}
            broken = windows_in(case.evidence, phase, case.objective.scope.traffic, harmful)
            found = judged(broken, {}) if broken else ()  # a fault that was sent did harm, also if it was not confirmed
            yield from (replace(one, scope={**one.scope, **own}) for one in found if one.outcome is Outcome.FAIL)
        receipts = {
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "restore": restore_receipt(case.evidence, attempt),
        }
        yield from (replace(one, scope={**one.scope, **scope}) for one in judged(windows, receipts))


def of_each_attempt(
    case: Case,
    name: str,
    judged_by: AttemptJudge,
    *,
    add: str,
    nothing: tuple[str, str],
    of: Mapping[str, str] | None = None,
    unconfirmed: bool = False,
) -> Iterable[Measure]:
    """Measures of each experiment of the objective: of the attempt that counts, and FAILs of its other attempts (`also_failed`).

    Args:
        case: objective and evidence.
        name: name of a measure about missing evidence.
        judged_by: makes the measures of one attempt; no measure if the attempt shows nothing.
        add: action for the user if no experiment is planned; empty: the figure reports that itself.
        nothing: reason and hint for an `{experiment}` without a measure.
        of: scope in addition to the experiment; None: the phase.
        unconfirmed: see `also_failed`.
    """
    if not case.experiments and add:
        yield inconclusive(case, name, NONE_PLANNED, add)
    for experiment in case.experiments:
        scope = {"experiment": experiment, **({"phase": case.objective.scope.phase.value} if of is None else of)}
        attempt = counted_attempt(case.plan, case.evidence, experiment, case.objective.scope.traffic)
        found = [] if attempt is None else list(judged_by(attempt, scope))
        if not found:
            why, hint = (text.format(experiment=experiment) for text in nothing)
            yield inconclusive(case, name, why, hint, scope=scope)
        yield from found
        yield from also_failed(case, experiment, scope, judged_by, unconfirmed=unconfirmed)


def also_failed(
    case: Case,
    experiment: str,
    scope: Mapping[str, str],
    judged_by: AttemptJudge,
    *,
    unconfirmed: bool = False,
) -> Iterable[Measure]:
    """The FAILs of other attempts, which a PASS of the attempt that counts does not cover, such as attempts under another traffic.

    Only attempts with a confirmed fault count; with `unconfirmed`, for figures that judge harm by any fault, every attempt whose action was sent.
    """
    for other in harmful_attempts(case.plan, case.evidence, experiment, case.objective.scope.traffic):
        if unconfirmed or fault_receipt(case.plan, case.evidence, other).ok:
            found = judged_by(other, {**scope, "attempt": str(other.attempt)})
            yield from (one for one in found if one.outcome is Outcome.FAIL)


def windows_in(evidence: Evidence, phase: Phase, traffic: str | None, attempt: Experiment | None) -> tuple[Window, ...]:
    """The windows of one phase of an attempt at an experiment; empty without an attempt.

    They are the window `experiment:X/fault`, or the window that begins at its end.
    """
    fault = None if attempt is None else evidence.fault_window(attempt.name, attempt.attempt)
    if fault is None or traffic not in (None, fault.traffic):
        return ()
    if phase is Phase.FAULT:
        return (fault,)
    return tuple(w for w in evidence.fault_free(traffic) if (w.traffic, w.start_ns) == (fault.traffic, fault.end_ns))
