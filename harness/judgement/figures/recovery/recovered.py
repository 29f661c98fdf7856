"""Recovery of reads or writes after one attempt, and the outages between its undo and the restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from harness.judgement.measures import HINTS, Case, Figures, inconclusive, not_falsifiable
from harness.judgement.once import once_a_run
from harness.judgement.receipts.faults.attempts import answered_until_ns, known_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt, fault_receipt
from harness.judgement.receipts.faults.met import TO_MEET, unmet
from harness.judgement.receipts.faults.null_runs import NullRun, null_run, usual_in
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import (
    SHARE_OF_LIMIT,
    probes_of,
    watch_receipt,
    watcher_for,
    watcher_of,
)
from harness.judgement.recovery import Requests, recovery_of
from harness.judgement.recovery.requests import GAP_NS
from harness.judgement.shapes.facts import known
from harness.judgement.shapes.found import Found, shown
from harness.judgement.shapes.until import too_short, within
from harness.model import (
    NOT_DECIDED,
    UNFELT,
    Evidence,
    Experiment,
    Measure,
    OperationRecovery,
    Outcome,
    Plan,
    ReasonKind,
    Receipt,
)
from harness.model.records.recorded import OF_CACHES
from harness.units import NS_PER_S

METHOD: Final = (
    "time of the first answer in the first 5 s after the last outage in which no more requests failed or were late than before the "
    "fault, or than promised; ± the longest time between two requests and the slowest answer of the second after it"
)
WAY_BACK: Final = (
    "the longest outage that began between the undo and the restore, from its first failed request to the first answer"
)
_FILES: Final = {"reads": "entry", "writes": "ledger-writes", **dict.fromkeys(OF_CACHES, "cache")}
_LONGER: Final = "let the traffic run longer after the fault on a quieter machine, then run again"
UNRESOLVED: Final = (ReasonKind.RESOLUTION, _LONGER)
"""Kind and hint of a reason if the limit lies within the resolution."""
_UNSHOWN: Final = "as the record has a gap, a later outage that hides earlier outages, or more failures than promised"
_STEADY: Final = "make the target steady without any fault, then run again"


@once_a_run
def recovery_in(plan: Plan, evidence: Evidence, attempt: Experiment, operation: str) -> OperationRecovery | None:
    """Recovery of reads or writes in one attempt; None if no action or no request was recorded."""
    spacing_ms = plan.probe_spacing_ms.get(operation, 0.0)
    requests = probes_of(evidence, operation)
    return _came_back(operation, requests, plan, evidence, attempt, spacing_ms=spacing_ms)


@once_a_run
def regional_recovery(plan: Plan, evidence: Evidence, attempt: Experiment, region: str) -> OperationRecovery | None:
    """Recovery of reads at a region's own entry.

    None if the action was never sent or the region was not probed.
    If the fault hit the complete region, the recovery is only shown, as the region can recover only after the undo.
    """
    source = evidence.watchers.get("regions")
    if source is None:
        return None
    probes = Requests.reads(evidence.probes, region)
    return _came_back("reads", probes, plan, evidence, attempt, spacing_ms=source.spacing_ms)


def _came_back(
    operation: str,
    requests: Requests,
    plan: Plan,
    evidence: Evidence,
    attempt: Experiment,
    *,
    spacing_ms: float,
) -> OperationRecovery | None:
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None or not len(requests):
        return None
    until_ns = answered_until_ns(evidence, attempt)
    if until_ns <= sent_ns:  # the record ends with the fault, for example because the run was killed
        return None
    return recovery_of(
        operation,
        requests,
        sent_ns=sent_ns,
        undone_ns=attempt.fault.undone_ns,
        until_ns=until_ns,
        known_ns=known_until_ns(evidence, attempt),
        spacing_ms=spacing_ms,
        usual=usual_in(plan, evidence, requests),
    )


def recovered(
    case: Case, attempt: Experiment, operation: str, scope: Mapping[str, str], *, proves: bool
) -> Iterable[Measure]:
    """One measure of the recovery, and one of the outages after the undo if a fault was undone.

    Args:
        case: objective and evidence.
        attempt: an attempt whose action was sent.
        operation: `reads` or `writes`.
        scope: scope of the measures.
        proves: whether a PASS of the experiment is based on this attempt; another attempt can only fail the experiment.
    """
    name, limit = f"recovery of {operation}", case.scaled.in_unit("s")
    if short := too_short(case, attempt):
        yield not_falsifiable(case, name, short, scope=scope)
        return
    door = _door(case, operation)
    if door:
        seen = regional_recovery(case.plan, case.evidence, attempt, door)
        scope = {**scope, "entry": door}
    else:
        seen = recovery_in(case.plan, case.evidence, attempt, operation)
    if seen is None:
        receipt = fault_receipt(case.plan, case.evidence, attempt)
        at = f" at the entry of {door}" if door else ""
        why = f"no probe of {operation}{at} was recorded" if receipt.ok else receipt.why
        lacking = "watch" if receipt.ok else "fault"
        hint = HINTS[lacking] if receipt.ok else receipt.hint or HINTS[lacking]
        yield inconclusive(case, name, why, hint, kind=ReasonKind(lacking), scope=scope)
        return
    quiet = null_run(case.plan, case.evidence, case.objective.scope.traffic, operation, limit_s=limit)
    seen = _widened(seen, quiet)
    yield _recovery(case, attempt, seen, quiet, scope=scope, proves=proves)
    if seen.way_back_s:
        yield _way_back(case, attempt, seen, quiet, scope=scope, proves=proves)


def _door(case: Case, operation: str) -> str:
    """The region whose own entry the objective names; empty: the target's entry. The only ledger writes at the target's entry."""
    return case.objective.params.get("entry", "") if operation == "reads" else ""


def _widened(seen: OperationRecovery, quiet: NullRun) -> OperationRecovery:
    """The recovery with a resolution of at least the longest outage without a fault."""
    return replace(
        seen,
        resolution_s=max(seen.resolution_s, quiet.longest_s),
        way_back_resolution_s=max(seen.way_back_resolution_s, quiet.longest_s),
    )


def _recovery(
    case: Case, attempt: Experiment, seen: OperationRecovery, quiet: NullRun, *, scope: Mapping[str, str], proves: bool
) -> Measure:
    low, high = bounds_of(seen)
    outcome = outcome_in(
        seen, case.scaled.in_unit("s"), spacing_s=case.plan.probe_spacing_ms.get(seen.operation, 0.0) / 1000
    )
    sent_ns = attempt.fault.sent_ns or 0
    span = (sent_ns, sent_ns + round(seen.observed_s * NS_PER_S))
    found = _found(
        case, attempt, seen.operation, METHOD, span, resolution_s=seen.resolution_s, scope=scope, proves=proves
    )
    text = f"{head(attempt, proves=proves)}: {_summary(seen)}, expected {case.expected}"
    figures = Figures(value=seen.seconds, low=low, high=high)
    return judged(case, f"recovery of {seen.operation}", outcome, text, found, figures=figures, quiet=quiet.receipt)


def _way_back(
    case: Case, attempt: Experiment, seen: OperationRecovery, quiet: NullRun, *, scope: Mapping[str, str], proves: bool
) -> Measure:
    value, low, high = way_back_bounds(seen)
    from_ns = (attempt.fault.sent_ns or 0) + round(seen.observed_s * NS_PER_S)
    span, resolution_s = (from_ns, from_ns + round(seen.way_back_s * NS_PER_S)), seen.way_back_resolution_s
    found = _found(case, attempt, seen.operation, WAY_BACK, span, resolution_s=resolution_s, scope=scope, proves=proves)
    text = f"{head(attempt, proves=proves)}: {way_back_text(seen, seen.operation)}, expected {case.expected}"
    figures = Figures(value=value, low=low, high=high)
    outcome = outcome_of(low, high, case.scaled.in_unit("s"))
    return judged(
        case, f"outage of {seen.operation} after the undo", outcome, text, found, figures=figures, quiet=quiet.receipt
    )


def outcome_in(seen: OperationRecovery, limit: float, *, spacing_s: float) -> Outcome:
    """Whether reads or writes recovered within a limit in s; probes are planned every `spacing_s`."""
    low, high = bounds_of(seen)
    watched_out = seen.seconds is None and seen.since_s is None and seen.observed_s + spacing_s >= limit
    return outcome_of(low, high, limit, is_over=watched_out)


def outcome_of(low: float, high: float | None, limit: float, *, is_over: bool = False) -> Outcome:
    """The outcome of a time with its bounds. A time without an end lasts at least `low`, and at least the limit if the watch `is_over`."""
    return within(limit, low=low, high=high, watched=limit if is_over else low)


def bounds_of(seen: OperationRecovery) -> tuple[float, float | None]:
    """Bounds of the recovery time in s, from the resolution.

    Without a recovery, the observed time or the earliest possible recovery.
    """
    if seen.seconds is None and seen.since_s is None:
        return seen.observed_s, None
    earliest = min(at for at in (seen.seconds, seen.since_s) if at is not None)
    return max(earliest - seen.resolution_s, 0.0), latest_of(seen, seen.resolution_s)


def latest_of(seen: OperationRecovery, resolution_s: float) -> float | None:
    """Latest possible end of the outage, in s after the action was sent; None: the end of the record."""
    if seen.seconds is None or seen.latest_s is None:
        return None
    return max(seen.seconds, seen.latest_s) + resolution_s


def way_back_bounds(seen: OperationRecovery) -> tuple[float, float, float | None]:
    """The longest outage after the undo and its bounds, in s.

    An outage that did not end has no upper bound.
    """
    longest = max((end - start for start, end in seen.way_back), default=0.0)
    low = max(longest - seen.way_back_resolution_s, 0.0)
    if not seen.way_back_ended or seen.way_longest_s is None:
        return longest, low, None
    return longest, low, max(longest + seen.way_back_resolution_s, seen.way_longest_s)


def head(attempt: Experiment, *, proves: bool) -> str:
    """The attempt, as the beginning of a reason."""
    return (
        attempt.name
        if proves
        else f"{attempt.name}, attempt {attempt.attempt} (the fault was sent, so its harm counts)"
    )


def way_back_text(seen: OperationRecovery, who: str) -> str:
    """The outages after the undo in words; `who` names the requests, in the plural."""
    if not seen.way_back:
        return f"{who} had no outage in the {seen.way_back_s:.4g} s from the undo to the restore{way_may_be(seen)}"
    spans = ", ".join(f"{start:.4g} to {end:.4g} s" for start, end in seen.way_back[:3])
    more = ", …" if len(seen.way_back) > 3 else ""
    longest, _, _ = way_back_bounds(seen)
    still = "" if seen.way_back_ended else ", the last outage to the end of the record"
    return f"{who} were out for {longest:.4g} s after the undo ({spans}{more} after the fault{still}){way_may_be(seen)}"


def way_may_be(seen: OperationRecovery) -> str:
    """Text that the outages after the undo may have been longer than the figure; empty if they cannot."""
    if not seen.way_back_ended:
        return ""
    if seen.way_longest_s is None:
        return f" (possibly to the end of the record, {_UNSHOWN})"
    if seen.way_longest_s > way_back_bounds(replace(seen, way_longest_s=0.0))[0] + seen.way_back_resolution_s:
        return f" (possibly an outage of {seen.way_longest_s:.4g} s, {_UNSHOWN})"
    return ""


def judged(
    case: Case, name: str, outcome: Outcome, text: str, found: Found, *, figures: Figures, quiet: Receipt
) -> Measure:
    """The measure after a check of its receipts; INCONCLUSIVE if there was an outage without a fault.

    A FAIL needs the receipts that `found` names. A fault that was sent did harm, also if it was not confirmed.
    """
    found, figures = replace(found, unit="s"), replace(figures, scaled_limit=case.scaled.in_unit("s"))
    if quiet.ok:
        return shown(case, found, outcome, text, figures, name=name)
    found = replace(found, hint=_STEADY, kind=ReasonKind.UNSTEADY)
    return known(case, f"{text}{NOT_DECIDED}{quiet.why}", found, name, ok=None, figures=figures)


def _summary(seen: OperationRecovery) -> str:
    if seen.seconds is None:
        return f"{seen.operation} did not recover in {seen.observed_s:.4g} s{not_back(seen)} ({seen.why})"
    why = f" ({seen.why})" if seen.why else ""
    return f"{seen.operation} recovered after {seen.seconds:.4g} s ± {seen.resolution_s:.3g} s{may_be(seen)}{why}"


def may_be(seen: OperationRecovery) -> str:
    """Text that the recovery may have come earlier or later than the figure; empty if it cannot."""
    text = ""
    if seen.since_s is not None:
        text = f" (possibly after {seen.since_s:.4g} s: more requests failed after that time than before the fault, which may be chance)"
    if seen.latest_s is None:
        return f"{text} (possibly not before the end of the record, {_UNSHOWN})"
    if seen.latest_s > (seen.seconds or 0.0) + seen.resolution_s:
        return f"{text} (possibly only after {seen.latest_s:.4g} s, {_UNSHOWN})"
    return text


def not_back(seen: OperationRecovery) -> str:
    """Why a recovery does not count, as the end of a sentence; empty if there was none."""
    if seen.since_s is not None:
        return f" (possibly they recovered after {seen.since_s:.4g} s, but the observation ended too early to tell)"
    return " and recovered only when the fault was undone" if seen.on_heal else ""


def proofs(case: Case, attempt: Experiment, *, proves: bool) -> dict[str, Receipt]:
    """The receipts that a PASS needs in addition to the receipt of the watch.

    Empty if the attempt proves nothing.
    """
    if not proves:
        return {}
    receipts = {
        "fault": _fault(case, attempt),
        "restore": restore_receipt(case.evidence, attempt),
    }
    if case.objective.scope.traffic:
        window = case.evidence.fault_window(attempt.name, attempt.attempt)
        receipts["load"] = load_receipt(case.plan, window, latencies=False)
    return receipts


def _fault(case: Case, attempt: Experiment) -> Receipt:
    """The receipt of the fault. A request must have met the fault, unless the sentence allows a fault that is not felt (rule 10)."""
    receipt = claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective)
    if not receipt.ok or UNFELT in case.objective.params:
        return receipt
    why = unmet(case.plan, case.evidence, attempt)
    return Receipt(ok=False, why=f"{attempt.name}: {why}", files=attempt.files, hint=TO_MEET) if why else receipt


def _found(
    case: Case,
    attempt: Experiment,
    operation: str,
    method: str,
    span: tuple[int, int],
    *,
    resolution_s: float,
    scope: Mapping[str, str],
    proves: bool,
) -> Found:
    """The fields of a measure of a time in `span`; a FAIL needs the receipt of the watch."""
    limit, door = case.scaled.in_unit("s"), _door(case, operation)
    probes = Requests.reads(case.evidence.probes, door) if door else probes_of(case.evidence, operation)
    watcher = watcher_of(door) if door else watcher_for(operation)
    watch = watch_receipt(case.evidence, watcher, probes.sent_ns, span, limit_s=limit)
    if watch.ok and resolution_s > max(GAP_NS / NS_PER_S, SHARE_OF_LIMIT * limit):
        watch = Receipt(ok=False, why=f"the resolution is {resolution_s:.3g} s, expected at most a tenth of the limit")
    kind, hint = UNRESOLVED
    return Found(
        method=method,
        files=(*attempt.files, f"watch/{_FILES[operation]}.parquet"),
        scope=scope,
        receipts={"watch": watch, **proofs(case, attempt, proves=proves)},
        needs=("watch",),
        resolution=resolution_s,
        hint=hint,
        kind=kind,
    )
