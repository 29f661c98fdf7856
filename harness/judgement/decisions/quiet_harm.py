"""Harm in fault-free time that the watch recorded, although users' requests need not show it.

Probes of the entry, the ledger, each region's own entry, health paths and services are compared with the promises of the claims. It is harm if the
share of failures is proven above the promised error rate, or the share of late answers above the share that the promised p95 allows.

Under a fault, outages of regions that the fault did not hit are compared with the recovery limit. Module `invariants` has violations by the platform's
own objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from harness.judgement.receipts.faults.attempts import answered_until_ns
from harness.judgement.recovery import Promise, Requests, served_in
from harness.judgement.recovery.usual import LATE, promised_failures, promised_ms
from harness.judgement.special import bdtrc
from harness.judgement.stats.statistics import BY_CHANCE
from harness.model import Evidence, Experiment, Figure, Plan, Window
from harness.model.judged.harm import Harm
from harness.model.records.recorded import SERVICE
from harness.units import NS_PER_S

UNPROMISED: Final = 0.01
"""If no error rate is promised, a greater share of failures than this is harm."""

_FAILED: Final = frozenset(
    {
        Harm.READS_FAILED,
        Harm.WRITES_FAILED,
        Harm.REGION_READS_FAILED,
        Harm.HEALTH_FAILED,
        Harm.SERVICES_FAILED,
    }
)
_LATE: Final = frozenset({Harm.READS_LATE, Harm.WRITES_LATE, Harm.REGION_READS_LATE})
QUIET_HARM: Final = {Figure.ERROR_RATE: _FAILED, Figure.UPTIME: _FAILED, Figure.RESPONSE_TIME: _LATE}
"""By figure: the kinds of harm that a failed requirement with this figure has reported already."""

Windows = Sequence[Window]


def quiet_harm(plan: Plan, evidence: Evidence) -> Iterable[tuple[Harm, int]]:
    """Number of cases of each kind of harm without a cause: in windows without fault and rollout, and in regions that a fault did not hit."""
    windows = [window for window in evidence.fault_free() if not window.rollout]
    if not windows:
        return
    reads = Requests.reads(evidence.probes)
    yield from _unserved(plan, reads, windows, Harm.READS_FAILED, Harm.READS_LATE)
    yield from _unserved(plan, Requests.writes(evidence.ledger.writes), windows, Harm.WRITES_FAILED, Harm.WRITES_LATE)
    for door in plan.doors:
        doors = Requests.reads(evidence.probes, door)
        yield from _unserved(plan, doors, windows, Harm.REGION_READS_FAILED, Harm.REGION_READS_LATE)
    for subject in ("entry", *plan.doors):
        health = Requests.reads(evidence.probes, subject, "health")
        yield from _unserved(plan, health, windows, Harm.HEALTH_FAILED)
    services = evidence.probes.where(evidence.probes.words["kind"].equals(SERVICE))
    for subject in services.words["subject"].present:
        yield from _unserved(plan, Requests.reads(services, subject, SERVICE), windows, Harm.SERVICES_FAILED)
    yield Harm.REGION_READS_OUT, _out_elsewhere(plan, evidence, windows)


def _unserved(
    plan: Plan, requests: Requests, windows: Windows, failed: Harm, late: Harm | None = None
) -> Iterable[tuple[Harm, int]]:
    own = [_judged(requests.between(*window.span), window) for window in windows]
    n, answered = sum(map(len, own)), sum(int(one.ok.sum()) for one in own)
    yield failed, _beyond(n - answered, n, promised_failures(plan) or UNPROMISED)
    promised = promised_ms(plan)
    if promised is not None and late is not None:
        over = sum(int((one.ok & ~one.served(promised)).sum()) for one in own)
        yield late, _beyond(over, answered, LATE)


def _judged(requests: Requests, window: Window) -> Requests:
    return requests.where(~window.spares(requests.sent_ns, requests.done_ns, ~requests.ok))


def _beyond(bad: int, n: int, share: float) -> int:
    """The number of bad requests if it proves a share above `share`; else 0."""
    return bad if bad and bdtrc(bad - 1, n, share) < BY_CHANCE else 0


def _out_elsewhere(plan: Plan, evidence: Evidence, windows: Windows) -> int:
    """Number of outages of reads at the entries of regions that a fault did not hit, from the fault to the recovery, each longer than the recovery limit."""
    found = 0
    for door in plan.doors:
        reads = Requests.reads(evidence.probes, door)
        usual = Promise.of(plan).usual(reads.between(*window.span) for window in windows)
        for attempt in chain.from_iterable(evidence.experiments.values()):
            sent_ns, until_ns = attempt.fault.sent_ns, answered_until_ns(evidence, attempt)
            limit_ns = _recovery_ns(plan, attempt.name)
            if sent_ns is None or limit_ns is None or _may_cut(attempt, door):
                continue
            outages = served_in(reads.between(sent_ns, until_ns), until_ns, usual).proven
            found += sum((one.end_ns or until_ns) - one.start_ns > limit_ns for one in outages)
    return found


def _may_cut(attempt: Experiment, region: str) -> bool:
    """Whether a fault may cut off a whole region: one that it hit, or any region, by a fault of the network, of a host or of an unknown domain."""
    if attempt.domain in {"zone", "region"}:
        return region in {hit.region for hit in attempt.fault.hit}
    return attempt.domain in {"network", "host", "unknown"}


def _recovery_ns(plan: Plan, experiment: str) -> int | None:
    """The tightest limit of a recovery from this experiment in the claims, scaled; None where none is claimed."""
    limits = [
        objective.limit.at_scale(plan.time_scale).in_unit("s")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.RECOVERY and experiment in objective.scope.experiments
    ]
    return round(min(limits) * NS_PER_S) if limits else None
