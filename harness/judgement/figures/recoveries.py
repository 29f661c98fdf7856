"""Objectives of recovery: each experiment, reads and writes apart, by rule 8; and how many steps a person had to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.measures import HINTS, Case, Figures, inconclusive, measure, not_falsifiable, unmet
from harness.judgement.receipts.attempts import counted_attempt
from harness.judgement.receipts.fault import fault_receipt
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.null_runs import null_run_receipt
from harness.judgement.receipts.restore import restore_receipt
from harness.judgement.receipts.watch import GAP_NS, SHARE_OF_LIMIT, WATCHERS, looks_of, watch_receipt
from harness.judgement.recovery import SECOND, Looks, recovery_of
from harness.model import Evidence, Experiment, Measure, Op, OperationRecovery, Outcome, Plan, Receipt

METHOD: Final = (
    "first answer, after the last outage, of 5 s with at least 99 % successes; "
    "± the longest time between two looks and the slowest answer of the second after it"
)


def recoveries(case: Case) -> Iterable[Measure]:
    """One measure an experiment and operation, and one of the manual steps where the sentence speaks of them."""
    if not case.experiments:
        yield inconclusive(
            case, "recovery", "no experiment that the sentence speaks of was planned", "add one to `experiments/`"
        )
    for name in case.experiments:
        attempt = counted_attempt(case.plan, case.evidence, name)
        scope = {"experiment": name, "phase": case.objective.scope.phase.value}
        if attempt is None:
            hint = "run without a filter on experiments, then judge again"
            yield inconclusive(case, "recovery", f"{name} left no record", hint, scope=scope)
            continue
        for operation in case.objective.scope.operations:
            yield _recovery(case, attempt, operation, {**scope, "operation": operation})
        if "manual_steps" in case.objective.params:
            yield _manual_steps(case, attempt, scope)


def recovery_in(plan: Plan, evidence: Evidence, attempt: Experiment, operation: str) -> OperationRecovery | None:
    """How reads or writes came back in one attempt; None when its action was never sent or nobody looked."""
    return _came_back(attempt, operation, looks_of(evidence, operation), plan.probe_spacing_ms.get(operation, 0.0))


def regional_recovery(evidence: Evidence, attempt: Experiment, region: str) -> OperationRecovery | None:
    """How reads came back at the door of a region that the fault hit: described, for such a region can only come back on heal.

    None when the action was never sent or nobody looked there.
    """
    source = evidence.watchers.get("regions")
    if source is None:
        return None
    return _came_back(attempt, f"reads in {region}", Looks.reads(evidence.probes, region), source.spacing_ms)


def _came_back(attempt: Experiment, operation: str, looks: Looks, spacing_ms: float) -> OperationRecovery | None:
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None or not len(looks):
        return None
    return recovery_of(
        operation,
        looks,
        sent_ns=sent_ns,
        undone_ns=attempt.fault.undone_ns,
        until_ns=max(attempt.observed_until_ns, sent_ns),
        spacing_ms=spacing_ms,
    )


def _recovery(case: Case, attempt: Experiment, operation: str, scope: Mapping[str, str]) -> Measure:
    name, limit = f"recovery of {operation}", case.scaled.in_unit("s")
    planned = case.plan.experiments.get(attempt.name)
    if planned is None or planned.observe_s < limit:
        watched = planned.observe_s if planned else 0.0
        why = f"{attempt.name} would have watched for {watched:.4g} s, the limit is {limit:.4g} s"
        return not_falsifiable(case, name, why, scope=scope)
    region = case.objective.params.get("lost_region", "")
    if region and attempt.fault.hit and region not in {hit.region for hit in attempt.fault.hit}:
        hint = f"write an experiment that takes {region}, then run again"
        return inconclusive(case, name, f"{attempt.name} did not hit {region}", hint, scope=scope)
    seen = recovery_in(case.plan, case.evidence, attempt, operation)
    if seen is None:
        receipt = fault_receipt(case.plan, attempt)
        why = f"nobody looked at {operation}" if receipt.ok else receipt.why
        return inconclusive(case, name, why, HINTS["watch" if receipt.ok else "fault"], scope=scope)
    return _judged(case, attempt, seen, limit, scope)


def _judged(
    case: Case, attempt: Experiment, seen: OperationRecovery, limit: float, scope: Mapping[str, str]
) -> Measure:
    receipts = _receipts(case, attempt, seen, limit)
    low, high = _range(seen)
    spacing_s = case.plan.probe_spacing_ms.get(seen.operation, 0.0) / 1000
    watched_out = seen.seconds is None and seen.observed_s + spacing_s >= limit
    if high is not None and high < limit:
        outcome = Outcome.PASS
    elif low >= limit or watched_out:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.INCONCLUSIVE
    head = f"{attempt.name}: {_said(seen)}, wanted {case.wanted}"
    hint = ""
    null_run = null_run_receipt(case.evidence, case.objective.scope.traffic, seen.operation)
    if not null_run.ok:
        outcome, head = Outcome.INCONCLUSIVE, f"{head}, but {null_run.why}"
        hint = "make the target steady before it is broken, then run again"
    elif receipt := unmet(outcome, receipts, ("fault", "watch")):
        outcome, head, hint = Outcome.INCONCLUSIVE, f"{head}, but {receipts[receipt].why}", HINTS[receipt]
    elif outcome is Outcome.INCONCLUSIVE:
        hint = "watch longer and closer, then run again"
    return measure(
        case,
        f"recovery of {seen.operation}",
        outcome,
        head,
        scope=scope,
        hint=hint,
        figures=Figures(
            value=seen.seconds,
            low=low,
            high=high,
            scaled_limit=limit,
            resolution=seen.resolution_s,
            unit="s",
            method=METHOD,
            receipts=receipts,
            files=(*attempt.files, f"watch/{_FILES[seen.operation]}.parquet"),
        ),
    )


_FILES: Final = {"reads": "entry", "writes": "ledger-writes"}


def _range(seen: OperationRecovery) -> tuple[float, float | None]:
    """What the recovery can have been, within the resolution; not back: at least as long as was watched."""
    if seen.seconds is None:
        return seen.observed_s, None
    return max(seen.seconds - seen.resolution_s, 0.0), seen.seconds + seen.resolution_s


def _said(seen: OperationRecovery) -> str:
    if seen.seconds is None:
        heal = "; they came back only when the fault was undone" if seen.on_heal else ""
        return f"{seen.operation} were not served again in {seen.observed_s:.4g} s{heal} ({seen.why})"
    why = f" ({seen.why})" if seen.why else ""
    return f"{seen.operation} were served again after {seen.seconds:.4g} s ± {seen.resolution_s:.3g} s{why}"


def _receipts(case: Case, attempt: Experiment, seen: OperationRecovery, limit: float) -> dict[str, Receipt]:
    sent_ns = attempt.fault.sent_ns or 0
    span = (sent_ns, sent_ns + round(seen.observed_s * SECOND))
    watcher = WATCHERS[seen.operation]
    watch = watch_receipt(case.evidence, watcher, looks_of(case.evidence, seen.operation).sent_ns, span)
    if watch.ok and seen.resolution_s > max(GAP_NS / SECOND, SHARE_OF_LIMIT * limit):
        why = f"the resolution of {seen.resolution_s:.3g} s is over a tenth of the limit"
        watch = Receipt(ok=False, why=why)
    receipts = {"fault": fault_receipt(case.plan, attempt), "watch": watch, "restore": restore_receipt(attempt)}
    if case.objective.scope.traffic:
        window = case.evidence.fault_window(attempt.name, attempt.attempt)
        receipts["load"] = load_receipt(case.plan, window, latencies=False)
    return receipts


def _manual_steps(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Measure:
    allowed = int(case.objective.params["manual_steps"])
    receipts = {"fault": fault_receipt(case.plan, attempt)}
    outcome = Outcome.PASS if attempt.manual_steps <= allowed else Outcome.FAIL
    reason, hint = f"{attempt.name}: {attempt.manual_steps} manual steps, wanted {allowed}", ""
    if receipt := unmet(outcome, receipts):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", HINTS[receipt]
    return measure(
        case,
        "manual steps",
        outcome,
        reason,
        scope=scope,
        hint=hint,
        limit=str(allowed),
        op=Op.HOLDS,
        figures=Figures(
            value=attempt.manual_steps,
            scaled_limit=allowed,
            method="counted",
            receipts=receipts,
            files=attempt.files,
        ),
    )
