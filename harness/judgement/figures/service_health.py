"""Health of services: what each says of itself is failing soon after what it needs is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from harness.judgement.figures.phases import also_failed
from harness.judgement.figures.spec import Basis, Need, Spec, until_the_limit
from harness.judgement.measures import Case, Figures, because, inconclusive, measure, settled
from harness.judgement.receipts.attempts import counted_attempt, known_until_ns
from harness.judgement.receipts.fault import claimed_fault_receipt
from harness.judgement.receipts.machine import doubted, slept, starvation
from harness.judgement.receipts.missing import NONE_PLANNED, UNFILTERED
from harness.judgement.receipts.watch import watch_receipt
from harness.judgement.shapes.until import within
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Experiment, Figure, LimitRule, Measure, Outcome, Phase, ReasonKind, Table
from harness.model.recorded import SERVICE
from harness.model.table import Bools
from harness.units import NS_PER_S

_NAME: Final = Figure.SERVICE_HEALTH.value
_METHOD: Final = (
    "answers of each service about itself, from the fault sent to the first of two failing ones in succession"
)
_AGAIN: Final = "see to the watch of the services, then run again"
PER_S: Final = 1.5
"""Probes of each service: closer than a tenth of 10 s, with room for a late one. A service whose database is gone works on each for seconds."""
_BEFORE_S: Final = 5.0
"""So long before the fault the service must have read well."""
_TWICE: Final = 2


def service_health(case: Case) -> Iterable[Measure]:
    """One measure per service and experiment."""
    rows = case.evidence.probes.where(case.evidence.probes.words["kind"].equals(SERVICE))
    services = rows.apart("subject")
    if not case.experiments:
        yield inconclusive(case, _NAME, NONE_PLANNED, "add one")
    for experiment in case.experiments:
        scope = {"experiment": experiment, "phase": case.objective.scope.phase.value}
        attempt = counted_attempt(case.plan, case.evidence, experiment, case.objective.scope.traffic)
        if attempt is None or attempt.fault.sent_ns is None:
            why = f"{experiment} left no record of a fault"
            yield inconclusive(case, _NAME, why, UNFILTERED, scope=scope)
        elif not services:
            why = "no service was asked"
            yield inconclusive(case, _NAME, why, _AGAIN, kind=ReasonKind.NO_RECORD, scope=scope)
        else:
            yield from _services(case, attempt, services, scope)
            yield from also_failed(case, experiment, scope, lambda other, own: _services(case, other, services, own))


def _services(
    case: Case, attempt: Experiment, services: Mapping[str, Table], scope: Mapping[str, str]
) -> Iterable[Measure]:
    for service in sorted(services):
        own = services[service].sorted_by("due_ns")
        yield _on_this_machine(case, attempt, _judged(case, attempt, own, {**scope, "service": service}))


def _judged(case: Case, attempt: Experiment, rows: Table, scope: Mapping[str, str]) -> Measure:
    limit = case.scaled.in_unit("s")
    sent_ns = attempt.fault.sent_ns or 0
    until_ns = attempt.fault.undone_ns or known_until_ns(case.evidence, attempt)
    before = rows.between("sent_ns", sent_ns - round(_BEFORE_S * NS_PER_S), sent_ns)
    during = rows.between("sent_ns", sent_ns, until_ns)
    watched_s, (low, seconds) = (until_ns - sent_ns) / NS_PER_S, _first_of_two(during, sent_ns)
    kind = ReasonKind.NO_RECORD
    outcome = within(limit, low=low, high=seconds, watched=watched_s)
    if not len(before) or _failing(before).any():
        outcome, found = Outcome.INCONCLUSIVE, "it did not read well before the fault"
    elif seconds is not None:
        found = f"it read failing after {formatted(seconds, 's')}"
        if outcome is Outcome.INCONCLUSIVE:
            kind, found = (
                ReasonKind.RESOLUTION,
                f"{found}, and was last asked {formatted(low or 0.0, 's')} after the fault",
            )
    else:
        found = f"it read well in the {formatted(watched_s, 's')} that were watched"
    end_ns = min(until_ns, sent_ns + round((seconds if seconds is not None else limit) * NS_PER_S) + 1)
    span = (sent_ns - round(_BEFORE_S * NS_PER_S), max(end_ns, sent_ns + 1))
    receipts = {
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "watch": watch_receipt(case.evidence, "services", rows.ints["sent_ns"], span, limit_s=limit),
    }
    expected = case.expected.replace("below", "within")
    hint = _AGAIN if outcome is Outcome.INCONCLUSIVE else ""
    own = because(
        outcome, f"{scope['service']}, {attempt.name}: {found}, expected {expected}", hint, kind=kind if hint else None
    )
    outcome, reason = settled(outcome, own, receipts, ("fault", "watch"))
    return measure(
        case,
        _NAME,
        outcome,
        reason,
        scope=scope,
        figures=Figures(
            value=seconds,
            low=low,
            high=seconds,
            scaled_limit=limit,
            n=len(during),
            unit="s",
            resolution=1 / PER_S,
            method=_METHOD,
            receipts=receipts,
            files=(*attempt.files, "watch/services.parquet"),
        ),
    )


def _on_this_machine(case: Case, attempt: Experiment, found: Measure) -> Measure:
    """The measure, in doubt where the machine slept meanwhile, or was starved: a service that waits for a processor reads failing too.

    One that read well to the end is in no doubt: no queue makes a good answer, and a sleep only shortens the time that is counted.
    """
    always_well = found.outcome is Outcome.FAIL and found.value is None
    if always_well or found.outcome is Outcome.INCONCLUSIVE:
        return found
    spans = [(attempt.observed_from_ns, attempt.observed_until_ns)]
    return doubted(found, slept(case.evidence, spans) or starvation(case.plan, case.evidence, spans))


def _failing(rows: Table) -> Bools:
    """Which answers say that the service cannot do its work, or did not come."""
    return np.asarray(~rows.words["error"].missing, dtype=np.bool_)


def _first_of_two(rows: Table, sent_ns: int) -> tuple[float | None, float | None]:
    """Seconds from the fault to the last answer before the first two failing ones in succession, and to the first of them; None: there are none.

    The last one before counts from when it was asked for, 0 if there is none: from then on the service may have failed.
    """
    failing = _failing(rows)
    if len(failing) < _TWICE:
        return None, None
    at = np.flatnonzero(failing[:-1] & failing[1:])
    if not len(at):
        return None, None
    asked_ns = int(rows.ints["sent_ns"][at[0] - 1]) if at[0] else sent_ns
    return (asked_ns - sent_ns) / NS_PER_S, float(rows.ints["done_ns"][at[0]] - sent_ns) / NS_PER_S


SPEC: Final = Spec(
    figure=Figure.SERVICE_HEALTH,
    judge=service_health,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("watch/services.", "history/watch.", "history/chaos-"),
    needs=lambda _objective: (
        Need(
            key="services",
            why="each service is asked whether it can do its work",
            hint="add `services: {NAME: ADDRESS}` to the target file",
        ),
    ),
    watched=until_the_limit,
    rates={"service": PER_S},
)
