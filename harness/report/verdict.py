"""`verdict.json`: what machines read. The same judgement gives the same bytes."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from harness.model import Outcome

if TYPE_CHECKING:
    from harness.model import (
        ExperimentResult,
        FailedLooks,
        Judgement,
        LedgerResult,
        Measure,
        OperationRecovery,
        PipelineResult,
        Plan,
        Receipt,
        Requirement,
        TrafficPlan,
        TrafficResult,
        Verdict,
        WatcherResult,
        Worker,
    )

SCHEMA: Final = 1
_RECEIPTS: Final = ("fault", "load", "watch", "restore")


def render_verdict(plan: Plan, judgement: Judgement) -> bytes:
    """The document as UTF-8, keys in the order of the schema, figures with 6 significant digits."""
    return (json.dumps(verdict_document(plan, judgement), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8", "replace"
    )


def verdict_document(plan: Plan, judgement: Judgement) -> dict[str, Any]:
    """The document as plain values; `docs/verdict.schema.json` describes it."""
    rows = {requirement.id: requirement for requirement in plan.requirements}
    outcomes = Counter(verdict.outcome for verdict in judgement.verdicts)
    return {
        "schema": SCHEMA,
        "run_id": plan.run,
        "decision": judgement.decision.outcome.value,
        "profile": plan.profile,
        "environment": plan.environment,
        "target": plan.target,
        "time_scale": six(plan.time_scale),
        "release": plan.release,
        "headline": judgement.decision.headline,
        "reasons": list(judgement.decision.reasons),
        "counts": {outcome.name: outcomes[outcome] for outcome in Outcome},
        "score": six(judgement.decision.score),
        "requirements": [_requirement(rows[v.requirement], v) for v in judgement.verdicts if v.requirement in rows],
        "experiments": [_experiment(experiment) for experiment in judgement.experiments],
        "traffic": [_traffic(traffic, plan.traffic.get(traffic.name)) for traffic in judgement.traffic],
        "ledger": _ledger(judgement.ledger),
        "pipeline": _pipeline(judgement.pipeline),
        "watchers": [_watcher(watcher) for watcher in judgement.watchers],
        "waivers": [],
        "attestations": [],
        "deselected": list(plan.deselected),
        "missing_evidence": list(judgement.missing),
    }


def six(value: float | None) -> float | None:
    """Six significant digits; what is no finite number is null."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")


def _requirement(row: Requirement, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": row.id,
        "profile": row.profile,
        "title": row.title,
        "criterion": row.criterion,
        "gate": row.gate.value,
        "verdict": verdict.outcome.name,
        "reason": verdict.reason,
        "hint": verdict.hint,
        "kinds": [kind.value for kind in row.kinds],
        "scenarios": [claim.scenario for claim in verdict.claims],
        "attempts": verdict.attempts,
        "measures": [_measure(measure) for claim in verdict.claims for group in claim.measures for measure in group],
    }


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "scope": dict(measure.scope),
        "sentence": measure.sentence,
        "at": measure.at,
        "verdict": measure.outcome.name,
        "reason": measure.reason,
        "value": six(measure.value),
        "unit": measure.unit,
        "op": measure.op,
        "limit": measure.limit,
        "scaled_limit": six(measure.scaled_limit),
        "low": six(measure.low),
        "high": six(measure.high),
        "confidence": six(measure.confidence),
        "n": measure.n,
        "n_needed": measure.n_needed,
        "resolution": six(measure.resolution),
        "method": measure.method,
        "receipts": {name: _receipt(measure.receipts.get(name)) for name in _RECEIPTS},
        "files": list(measure.files),
    }


def _receipt(receipt: Receipt | None) -> dict[str, Any] | None:
    return None if receipt is None else {"ok": receipt.ok, "why": receipt.why, "files": list(receipt.files)}


def _experiment(experiment: ExperimentResult) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "domain": experiment.domain,
        "attempt": experiment.attempt,
        "verdict": experiment.verdict.name,
        "reason": experiment.reason,
        "fault": {
            "targets": list(experiment.hit),
            "sent": experiment.sent,
            "confirmed_after_s": six(experiment.confirmed_after_s),
            "seen_by_client_after_s": six(experiment.seen_by_client_after_s),
        },
        "restore": {"ok": experiment.restore_ok, "after_s": six(experiment.restored_after_s)},
        "recovery_s": {"reads": _recovery(experiment.reads), "writes": _recovery(experiment.writes)},
        "writes_acknowledged": experiment.writes_acknowledged,
        "writes_lost": experiment.writes_lost,
        "writes_unsure": experiment.writes_unsure,
        "loss_window_s": six(experiment.loss_window_s),
        "share": {region: six(share) for region, share in experiment.share.items()},
        "errors": dict(experiment.errors),
        "writes_wrong": experiment.writes_wrong,
        "writes_recovered": experiment.writes_recovered,
        "writes_twice": experiment.writes_twice,
        "writes_unexpected": experiment.writes_unexpected,
        "reads_checked": experiment.reads_checked,
        "reads_stale": experiment.reads_stale,
        "failed_looks": [_failed_looks(looks) for looks in experiment.failed_looks],
        "regions": {region: _recovery(seen) for region, seen in experiment.regions.items()},
    }


def _failed_looks(looks: FailedLooks) -> dict[str, Any]:
    return {
        "operation": looks.operation,
        "null_run": six(looks.null_run),
        "under_fault": six(looks.under_fault),
        "difference": six(looks.difference),
    }


def _recovery(recovery: OperationRecovery | None) -> dict[str, Any] | None:
    if recovery is None:
        return None
    return {
        "seconds": six(recovery.seconds),
        "resolution": six(recovery.resolution_s),
        "observed": six(recovery.observed_s),
        "on_heal": recovery.on_heal,
        "outages": [[six(start), six(end)] for start, end in recovery.outages],
        "stalls": [[six(start), six(end)] for start, end in recovery.stalls],
        "why": recovery.why,
    }


def _traffic(traffic: TrafficResult, planned: TrafficPlan | None) -> dict[str, Any]:
    return {
        "name": traffic.name,
        "experiment": traffic.experiment or None,
        "route": traffic.route or None,
        "offered_rps": six(traffic.offered_rps),
        "achieved_rps": six(traffic.achieved_rps),
        "n": traffic.n,
        "errors": traffic.errors,
        "p50_ms": six(traffic.p50_ms),
        "p95_ms": six(traffic.p95_ms),
        "p99_ms": six(traffic.p99_ms),
        "lag_ms_p99": six(traffic.lag_ms_p99),
        "valid": traffic.valid,
        "why": traffic.why,
        "lag_limit_ms": six(traffic.lag_limit_ms),
        "model": None if planned is None else planned.model,
        "arrivals": None if planned is None or planned.model != "open" else planned.arrivals,
        "warm_up_s": six(traffic.warm_up_s),
        "workers": [_worker(worker) for worker in traffic.workers],
    }


def _worker(worker: Worker) -> dict[str, Any]:
    return {
        "id": worker.id,
        "rows": worker.rows,
        "closed": worker.closed,
        "why": worker.why,
        "cpu": six(worker.cpu),
        "gc_ms": six(worker.gc_ms),
        "loop_ms": six(worker.loop_ms),
        "users": worker.users,
        "offset_ns": worker.offset_ns,
        "residual_ns": worker.residual_ns,
    }


def _ledger(ledger: LedgerResult | None) -> dict[str, Any] | None:
    if ledger is None:
        return None
    return {
        "attempted": ledger.attempted,
        "acknowledged": ledger.acknowledged,
        "lost": ledger.lost,
        "wrong": ledger.wrong,
        "missing": dict(ledger.missing),
        "recovered": ledger.recovered,
        "unsure": ledger.unsure,
        "unexpected": ledger.unexpected,
        "twice": ledger.twice,
        "reads": ledger.reads,
        "stale": ledger.stale,
        "why": ledger.why,
    }


def _pipeline(pipeline: PipelineResult | None) -> dict[str, Any] | None:
    if pipeline is None:
        return None
    return {
        "sent": pipeline.sent,
        "accepted": pipeline.accepted,
        "lost": pipeline.lost,
        "twice": pipeline.twice,
        "wrong": pipeline.wrong,
        "unsure": pipeline.unsure,
        "visible_p50_s": six(pipeline.visible_p50_s),
        "visible_p95_s": six(pipeline.visible_p95_s),
        "why": pipeline.why,
    }


def _watcher(watcher: WatcherResult) -> dict[str, Any]:
    return {
        "name": watcher.name,
        "spacing_ms": six(watcher.spacing_ms),
        "n": watcher.n,
        "first_ns": watcher.first_ns,
        "last_ns": watcher.last_ns,
        "longest_gap_ms": six(watcher.longest_gap_ms),
        "blind_s": six(watcher.blind_s),
        "closed": watcher.closed,
        "why": watcher.why,
    }
