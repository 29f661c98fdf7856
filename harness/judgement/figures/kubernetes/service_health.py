"""Health of services: each service reports that it fails soon after a component that it needs is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Need, until_spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.attempts import known_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.machine import doubted, slept, starvation
from harness.judgement.receipts.records.missing import UNFILTERED
from harness.judgement.receipts.watch import watch_receipt
from harness.judgement.shapes.until import Effect, until
from harness.model import Experiment, Figure, Measure, Outcome, ReasonKind, Table
from harness.model.records.recorded import SERVICE
from harness.model.records.table import Bools
from harness.units import NS_PER_S

_NAME: Final = Figure.SERVICE_HEALTH.value
_METHOD: Final = "health answers of each service, from the fault to the first of two failing answers in succession"
_AGAIN: Final = "make sure that every service can be probed, then run again"
PER_S: Final = 1.5
"""Probes per second of each service. A service without its database takes seconds for each answer."""
_BEFORE_S: Final = 5.0
"""Time before the fault in which the service must have been healthy, in s."""
_TWICE: Final = 2


def service_health(case: Case) -> Iterable[Measure]:
    """One measure per service and experiment."""
    nothing = ("the run has no record of a fault by the experiment {experiment}", UNFILTERED)
    return of_each_attempt(
        case,
        _NAME,
        partial(_services, case),
        add="add an experiment that takes away a component of the services to `experiments/`",
        nothing=nothing,
    )


def _services(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    services = case.evidence.probes.where(case.evidence.probes.words["kind"].equals(SERVICE)).apart("subject")
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None:
        return
    if not services:
        yield inconclusive(case, _NAME, "no service was probed", _AGAIN, scope=scope)
    for service in sorted(services):
        rows = services[service].sorted_by("due_ns")
        found = until(case, _turned(case, attempt, sent_ns, rows, {**scope, "service": service}))
        yield _on_this_machine(case, attempt, found)


def _turned(case: Case, attempt: Experiment, sent_ns: int, rows: Table, scope: Mapping[str, str]) -> Effect:
    """The effect: the time from the fault to the first answer in which a service reports itself as failing."""
    limit, before_ns = case.scaled.in_unit("s"), sent_ns - round(_BEFORE_S * NS_PER_S)
    until_ns = attempt.fault.undone_ns or known_until_ns(case.evidence, attempt)
    before, during = rows.between("sent_ns", before_ns, sent_ns), rows.between("sent_ns", sent_ns, until_ns)
    low, high = _first_of_two(during, sent_ns)
    end_ns = min(until_ns, sent_ns + round((high if high is not None else limit) * NS_PER_S) + 1)
    span = (before_ns, max(end_ns, sent_ns + 1))
    well = len(before) and not _failing(before).any()
    return Effect(
        low=low,
        high=high,
        watched=(until_ns - sent_ns) / NS_PER_S,
        names={"service": scope["service"], "attempt": attempt.name},
        scope=scope,
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "watch": watch_receipt(case.evidence, "services", rows.ints["sent_ns"], span, limit_s=limit),
        },
        needs=("fault", "watch"),
        method=_METHOD,
        files=(*attempt.files, "watch/services.parquet"),
        n=len(during),
        resolution=1 / PER_S,
        unknown="" if well else "the service was not shown to be healthy before the fault",
        hint=_AGAIN,
        kind=ReasonKind.NO_RECORD,
    )


def _on_this_machine(case: Case, attempt: Experiment, found: Measure) -> Measure:
    """The measure; INCONCLUSIVE if the machine slept or was starved meanwhile: a service that waits for a processor seems to fail too.

    A service that stayed healthy all the time is no such case: waiting makes no healthy answer, and sleep only shortens the time that is counted.
    """
    always_well = found.outcome is Outcome.FAIL and found.value is None
    if always_well or found.outcome is Outcome.INCONCLUSIVE:
        return found
    spans = [(attempt.observed_from_ns, attempt.observed_until_ns)]
    return doubted(found, slept(case.evidence, spans) or starvation(case.plan, case.evidence, spans))


def _failing(rows: Table) -> Bools:
    """A mask of answers that report a failing service, and of probes without an answer."""
    return np.asarray(~rows.words["error"].missing, dtype=np.bool_)


def _first_of_two(rows: Table, sent_ns: int) -> tuple[float | None, float | None]:
    """Seconds from the fault to the last answer before the first two failing answers in succession, and to the first of these two; None: there are none.

    The last answer before counts from when it was requested, 0 if there is none: from then on the service may have failed.
    """
    failing = _failing(rows)
    if len(failing) < _TWICE:
        return None, None
    at = np.flatnonzero(failing[:-1] & failing[1:])
    if not len(at):
        return None, None
    asked_ns = int(rows.ints["sent_ns"][at[0] - 1]) if at[0] else sent_ns
    return (asked_ns - sent_ns) / NS_PER_S, float(rows.ints["done_ns"][at[0]] - sent_ns) / NS_PER_S


SPEC: Final = until_spec(
    Figure.SERVICE_HEALTH,
    service_health,
    ("watch/services.", "history/watch.", "history/chaos-"),
    Need(
        key="services",
        why="the health of each service is probed",
        hint="add `services: {NAME: ADDRESS}` to the target file",
    ),
    timed=False,
    rates={"service": PER_S},
)
