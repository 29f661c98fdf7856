"""Converts a judgement into the document `verdict.json`, field by field."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from harness.model import Outcome
from harness.model.rounding import rounded
from harness.report.document import load_records, parts, records, statements
from harness.report.document.document import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model import (
        ExperimentResult,
        Judgement,
        Measure,
        OperationRecovery,
        Plan,
        Receipt,
        Requirement,
        TrafficPlan,
        TrafficResult,
        Verdict,
    )

_RECEIPTS: Final = ("fault", "load", "watch", "restore")

_Made = TypeVar("_Made")


def document_of(plan: Plan, judgement: Judgement) -> Document:
    """The document of a judgement."""
    rows = {requirement.id: requirement for requirement in plan.requirements}
    outcomes = Counter(verdict.outcome for verdict in judgement.verdicts)
    decision = judgement.decision
    made = Document(
        schema=2,
        run_id=plan.run,
        decision=decision.outcome.value,
        profile=plan.profile,
        environment=plan.environment,
        target=plan.target,
        time_scale=plan.time_scale,
        stands_in=plan.stands_in,
        release=plan.release,
        release_receipt=_same(records.ReleaseRecord, judgement.release),
        headline=decision.headline,
        reasons=decision.reasons,
        counts=parts.Counts(**{outcome.name: outcomes[outcome] for outcome in Outcome}),
        score=decision.score,
        requirements=tuple(
            _requirement(plan, rows[v.requirement], v) for v in judgement.verdicts if v.requirement in rows
        ),
        experiments=tuple(_experiment(experiment) for experiment in judgement.experiments),
        windows=tuple(_like(load_records.WindowRecord, w, experiment=w.experiment or None) for w in judgement.windows),
        unjudged=tuple(_like(load_records.UnjudgedRecord, stretch) for stretch in judgement.unjudged),
        unjudged_seconds=sum(stretch.seconds for stretch in judgement.unjudged),
        journeys=tuple(_like(load_records.Journeys, journeys) for journeys in judgement.journeys),
        doors=tuple(_like(load_records.DoorRecord, door) for door in judgement.doors),
        traffic=tuple(_traffic(traffic, plan.traffic.get(traffic.name)) for traffic in judgement.traffic),
        machine=_same(records.MachineRecord, judgement.machine),
        unjudged_harm=tuple(
            records.HarmRecord(harm=one.harm.value, count=one.count) for one in judgement.unjudged_harm
        ),
        steady_end=_same(records.SteadyEnd, judgement.steady_end),
        ledger=_same(records.LedgerRecord, judgement.ledger),
        pipeline=_same(records.PipelineRecord, judgement.pipeline),
        watchers=tuple(_like(records.WatcherRecord, watcher) for watcher in judgement.watchers),
        waivers=tuple(_like(statements.WaiverRecord, waiver) for waiver in plan.waivers),
        attestations=tuple(
            _like(statements.AttestationRecord, one) for one in plan.attestations if one.vouches in rows
        ),
        shadowed=plan.shadowed,
        inputs=plan.inputs,
        deselected=plan.deselected,
        missing_evidence=judgement.missing,
    )
    return rounded(made)


def _like(made: type[_Made], source: object, **other: Any) -> _Made:
    """A document part: fields are copied by name, `other` gives the fields that differ."""
    names = [field.name for field in fields(cast("Any", made))]
    return made(**{name: other[name] if name in other else getattr(source, name) for name in names})


def _same(made: type[_Made], source: object | None) -> _Made | None:
    return None if source is None else _like(made, source)


def _requirement(plan: Plan, row: Requirement, verdict: Verdict) -> parts.RequirementRecord:
    return parts.RequirementRecord(
        id=row.id,
        profile=row.profile,
        title=row.title,
        criterion=row.criterion,
        gate=row.gate.value,
        form=row.form.value,
        verdict=_name(verdict.outcome),
        reason=verdict.reason,
        reason_kind=verdict.because.kind,
        hint=verdict.hint,
        kinds=tuple(cast("Any", kind.value) for kind in row.kinds),
        scenarios=tuple(claim.scenario.location for claim in verdict.claims),
        not_tried=plan.not_tried(row.id),
        attempts=verdict.attempts,
        measures=tuple(_measure(measure) for claim in verdict.claims for group in claim.measures for measure in group),
    )


def _name(outcome: Outcome) -> Any:
    return outcome.name


def _measure(measure: Measure) -> parts.MeasureRecord:
    return _like(
        parts.MeasureRecord,
        measure,
        verdict=_name(measure.outcome),
        reason_kind=measure.because.kind,
        receipts=_receipts(measure.receipts),
        times=tuple(_like(parts.LengthRecord, length) for length in measure.times),
        worst_requests=tuple(_like(parts.WorstRequestRecord, request) for request in measure.worst_requests),
    )


def _receipts(receipts: Mapping[str, Receipt]) -> parts.MeasureReceipts:
    return parts.MeasureReceipts(**{name: _same(parts.ReceiptRecord, receipts.get(name)) for name in _RECEIPTS})


def _experiment(experiment: ExperimentResult) -> records.ExperimentRecord:
    return _like(
        records.ExperimentRecord,
        experiment,
        verdict=_name(experiment.verdict),
        fault=parts.Fault(
            targets=experiment.hit,
            sent=experiment.sent,
            confirmed_after_s=experiment.confirmed_after_s,
            seen_by_client_after_s=experiment.seen_by_client_after_s,
        ),
        restore=parts.RestoreRecord(ok=experiment.restore_ok, after_s=experiment.restored_after_s),
        recovery_s=parts.Operations(reads=_recovery(experiment.reads), writes=_recovery(experiment.writes)),
        failed_probes=tuple(_like(parts.FailedProbes, probes) for probes in experiment.failed_probes),
        regions={region: _recovery(seen) for region, seen in experiment.regions.items()},
        users={group: _recovery(seen) for group, seen in experiment.users.items()},
    )


def _recovery(recovery: OperationRecovery | None) -> parts.Recovery | None:
    if recovery is None:
        return None
    return _like(
        parts.Recovery,
        recovery,
        resolution=recovery.resolution_s,
        observed=recovery.observed_s,
        way_back_observed=recovery.way_back_s,
    )


def _traffic(traffic: TrafficResult, planned: TrafficPlan | None) -> load_records.TrafficRecord:
    opened = planned is not None and planned.model == "open"
    return _like(
        load_records.TrafficRecord,
        traffic,
        experiment=traffic.experiment or None,
        route=traffic.route or None,
        model=planned and planned.model,
        arrivals=planned.arrivals if planned and opened else None,
        workers=tuple(_like(load_records.WorkerRecord, worker) for worker in traffic.workers),
    )
