"""Summaries of traffic and experiments for the reports; they decide nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain

from harness.judgement.figures.indicators import errors_by_kind, failed, timed, waited_ms
from harness.judgement.figures.ledger.loss import read_back
from harness.judgement.figures.recovery.recovered import recovery_in, regional_recovery
from harness.judgement.figures.recovery.recovered_users import users_in
from harness.judgement.ledger.account import Account
from harness.judgement.ledger.excuses import struck_ns
from harness.judgement.receipts.faults.attempts import counted_attempt, harmful_attempts
from harness.judgement.receipts.faults.fault import fault_receipt, not_run
from harness.judgement.receipts.faults.hits import proven_hits
from harness.judgement.receipts.faults.met import UNMET, unmet
from harness.judgement.receipts.faults.null_runs import NONE, failed_probes, null_run
from harness.judgement.receipts.faults.restore import confirmed, restore_receipt
from harness.judgement.receipts.load import lag_limit_ms, lag_p99_ms, load_receipt, offered_rps
from harness.judgement.receipts.watch import WATCHERS, probes_of
from harness.judgement.routes import routes_called
from harness.judgement.stats.statistics import quantiles_of
from harness.model import (
    Evidence,
    Experiment,
    ExperimentResult,
    OperationRecovery,
    Outcome,
    Plan,
    Table,
    TrafficResult,
    Window,
    fault_free_name,
)
from harness.units import NS_PER_S


def traffic_results(plan: Plan, window: Window) -> Iterable[TrafficResult]:
    """The results of one window: all routes together, then each route.

    A request that was cut off or got no answer counts as slower than any answered request.
    """
    receipt = load_receipt(plan, window, latencies=True)
    planned = plan.traffic[window.traffic].routes if window.traffic in plan.traffic else {}
    shares = _shares_of(planned, window.samples)
    for route, samples in chain([("", window.samples)], window.samples.apart("name").items()):
        offered = offered_rps(plan, window) * (shares.get(route, 0.0) if route else 1.0)
        why = "" if receipt.ok else receipt.why
        result = _traffic(window, route, samples, offered=offered, why=why)
        yield replace(
            result,
            lag_limit_ms=lag_limit_ms(plan, window.traffic),
            warm_up_s=None if window.begin_ns is None else (window.start_ns - window.begin_ns) / NS_PER_S,
            workers=() if route else window.workers,
        )


def _shares_of(planned: Mapping[str, float], samples: Table) -> dict[str, float]:
    """The planned share of each route; routes of several methods divide the share that is planned for their common name by their requests."""
    counts, shares = samples.words["name"].counts, dict[str, float]()
    for name, share in planned.items():
        routes = routes_called(name, samples)
        n = sum(counts.get(route, 0) for route in routes)
        shares |= {route: share * counts[route] / n if len(routes) > 1 else share for route in routes}
    return shares


def _traffic(window: Window, route: str, samples: Table, *, offered: float, why: str) -> TrafficResult:
    seconds = max(window.seconds, 1e-9)
    p50, p95, p99 = quantiles_of(waited_ms(timed(samples)), 0.50, 0.95, 0.99)
    return TrafficResult(
        name=window.traffic,
        window=window.name,
        experiment=window.experiment,
        route=route,
        offered_rps=offered,
        achieved_rps=len(samples) / seconds,
        n=len(samples),
        errors=int(failed(samples).sum()),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        lag_ms_p99=samples.once(lag_p99_ms),
        valid=not why,
        why=why,
    )


def unknown_traffic(window: Window, why: str) -> TrafficResult:
    """The result of a window without data, with the reason."""
    return TrafficResult(
        name=window.traffic,
        window=window.name,
        experiment=window.experiment,
        route="",
        offered_rps=0.0,
        achieved_rps=0.0,
        n=0,
        errors=0,
        p50_ms=None,
        p95_ms=None,
        p99_ms=None,
        lag_ms_p99=None,
        valid=False,
        why=why,
    )


def experiment_results(plan: Plan, evidence: Evidence, name: str, account: Account) -> Iterable[ExperimentResult]:
    """The result of every attempt whose fault was sent; the attempt for the verdicts comes last.

    PASS means that the receipts of the attempt are ok; the result is never FAIL.
    """
    counted = counted_attempt(plan, evidence, name)
    for attempt in harmful_attempts(plan, evidence, name):
        yield _attempt_result(plan, evidence, attempt, account)
    if counted is None:
        yield absent(
            name, plan.experiments[name].domain if name in plan.experiments else "", "the experiment was not recorded"
        )
    else:
        yield _attempt_result(plan, evidence, counted, account)


def _attempt_result(plan: Plan, evidence: Evidence, attempt: Experiment, account: Account) -> ExperimentResult:
    name, reason = attempt.name, _trouble(plan, evidence, attempt)
    if not attempt.ran and attempt.fault.sent_ns is None:  # it has no figures: no write was lost by what was not run
        return replace(absent(name, attempt.domain, reason), attempt=attempt.attempt)
    is_unmet = not reason and attempt.domain != NONE and bool(unmet(plan, evidence, attempt))
    reads, writes = (recovery_in(plan, evidence, attempt, operation) for operation in ("reads", "writes"))
    window = evidence.fault_window(name, attempt.attempt)
    users = users_in(plan, evidence, attempt, None)
    fault = attempt.fault
    span = (attempt.observed_from_ns, attempt.observed_until_ns)
    checked, stale = read_back(evidence.ledger.reads.between("seen_ns", *span))
    return ExperimentResult(
        name=name,
        domain=attempt.domain,
        attempt=attempt.attempt,
        verdict=Outcome.INCONCLUSIVE if reason else Outcome.PASS,
        reason=reason or ("its receipts are ok, and " + UNMET if is_unmet else "its receipts are ok"),
        hit=tuple(item.name for item in proven_hits(evidence, attempt)),
        sent=fault.sent_ns is not None,
        confirmed_after_s=_after(fault.sent_ns, fault.confirmed_ns),
        seen_by_client_after_s=_after(fault.sent_ns, _first_failure(evidence, attempt)),
        restore_ok=confirmed(evidence, attempt)[0],
        restored_after_s=_after(fault.sent_ns, attempt.restore.at_ns),
        reads=reads,
        writes=writes,
        writes_acknowledged=len(account.acknowledged.during(attempt)),
        writes_lost=account.counted(account.lost.during(attempt)),
        writes_unsure=account.left(account.unsure.during(attempt)),
        loss_window_s=_loss_window(evidence, attempt, account),
        share=_shares(evidence, window) if window else {},
        errors=errors_by_kind(window.samples) if window else {},
        writes_wrong=account.counted(account.wrong.during(attempt)),
        writes_recovered=account.counted(account.recovered.during(attempt)),
        writes_twice=account.counted(account.twice.during(attempt)),
        writes_unexpected=account.counted(account.unexpected.during(attempt)),
        writes_why="" if account.searched else account.trouble,
        reads_checked=checked,
        reads_stale=stale if checked else None,
        failed_probes=tuple(failed_probes(evidence, attempt, operation) for operation in WATCHERS),
        regions=_regions(plan, evidence, attempt),
        users=users.groups if users else {},
        users_thin={name: group.per_s for name, group in users.thin.items()} if users else {},
        unmet=is_unmet,
    )


def absent(name: str, domain: str, reason: str) -> ExperimentResult:
    """The result of an experiment without data, with the reason."""
    return ExperimentResult(
        name=name,
        domain=domain,
        attempt=0,
        verdict=Outcome.INCONCLUSIVE,
        reason=reason,
        hit=(),
        sent=False,
        confirmed_after_s=None,
        seen_by_client_after_s=None,
        restore_ok=None,
        restored_after_s=None,
        reads=None,
        writes=None,
        writes_acknowledged=0,
        writes_lost=None,
        writes_unsure=None,
        loss_window_s=None,
        writes_why=reason,
    )


def _trouble(plan: Plan, evidence: Evidence, attempt: Experiment) -> str:
    """The first receipt that is not ok; empty if all are. A null run must have been steady instead."""
    if attempt.domain == NONE:
        if not attempt.ran:
            return not_run(attempt)
        receipts = [null_run(plan, evidence, None, operation).receipt for operation in ("reads", "writes")]
    else:
        receipts = [fault_receipt(plan, evidence, attempt), restore_receipt(evidence, attempt)]
    return next((receipt.why for receipt in receipts if not receipt.ok), "")


def _after(sent_ns: int | None, at_ns: int | None) -> float | None:
    return None if sent_ns is None or at_ns is None else (at_ns - sent_ns) / NS_PER_S


def _first_failure(evidence: Evidence, attempt: Experiment) -> int | None:
    """When the watchers' first read or write failed under the fault."""
    start_ns = attempt.fault.sent_ns or attempt.observed_from_ns
    first = []
    for operation in ("reads", "writes"):
        probes = probes_of(evidence, operation).between(start_ns, attempt.observed_until_ns)
        first += probes.sent_ns[~probes.ok][:1].tolist()
    return min(first, default=None)


def _regions(plan: Plan, evidence: Evidence, attempt: Experiment) -> dict[str, OperationRecovery]:
    """The recovery of each region that the fault hit, as observed at the region's own entry."""
    hit = sorted({item.region for item in proven_hits(evidence, attempt) if item.region})
    seen = {region: regional_recovery(plan, evidence, attempt, region) for region in hit}
    return {region: recovery for region, recovery in seen.items() if recovery is not None}


def _loss_window(evidence: Evidence, attempt: Experiment, account: Account) -> float | None:
    """Age of the oldest lost write at the moment of the fault, in s.

    Writes before the end of an earlier experiment belong to that experiment.
    """
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None:
        return None
    every = [a for attempts in evidence.experiments.values() for a in attempts]
    since_ns = max((a.observed_until_ns for a in every if a.observed_until_ns <= sent_ns), default=0)
    at_ns = account.lost.where(~account.lost.among(account.wrong)).at_ns
    own = at_ns[(at_ns >= since_ns) & (at_ns < max(attempt.observed_until_ns, sent_ns))]
    return max(struck_ns(account.lost, attempt) - int(own.min()), 0) / NS_PER_S if len(own) else None


def _shares(evidence: Evidence, during: Window) -> dict[str, float]:
    """Share of the answers of each region in the fault-free window (`before`) and in the given window (`during`)."""
    before = evidence.windows.get(fault_free_name(during.traffic))
    shares: dict[str, float] = {}
    for phase, window in (("before", before), ("during", during)):
        served = window.samples.words["served_region"] if window else None
        n = int((~served.missing).sum()) if served else 0
        for region in served.present if served else ():
            share = int(served.equals(region).sum()) / n if served else 0.0
            shares[f"{region} {phase}"] = share
    return shares
