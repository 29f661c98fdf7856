"""Uptime: health probes of a door that were answered, and the time without an outage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.indicators import in_time, steady_window
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.measures import Case, bounded, held
from harness.judgement.receipts.watch import BLIND_SHARE, blind_share, watch_receipt, watcher_of
from harness.judgement.recovery import answered
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.downtime import downtime_of, looks_needed, outages_of, uptime_by_seconds
from harness.judgement.stats.statistics import needed
from harness.model import Evidence, Figure, LimitRule, Measure, Objective, Phase, Receipt
from harness.model.table import Ints


def uptimes(case: Case) -> Iterable[Measure]:
    """Health probes of the entry (or of one region): the share that was answered, and the share of the time without an outage.

    An outage lasts from the first failed probe sent to the first good one sent after it; blind time counts neither way.
    """
    objective = case.objective
    window = steady_window(case, "uptime")
    if isinstance(window, Measure):
        yield window
        return
    subject = objective.scope.subject or "entry"
    watcher = watcher_of(subject)
    span, limit = window.span, case.scaled.in_unit("ratio")
    probes = case.evidence.probes.between("due_ns", *span)
    probes = probes.where(probes.words["subject"].equals(subject) & probes.words["kind"].equals("health"))
    ok, sent_ns = answered(probes), probes.ints["sent_ns"]
    down, lost = downtime_of(sent_ns, ~ok, span), int((~ok).sum())
    receipts = {"watch": _uptime_receipt(case.evidence, watcher, sent_ns, span)}
    scope = {"traffic": window.traffic, "phase": objective.scope.phase.value, "subject": subject}
    for name, bounds, seen, enough in (
        (
            "uptime",
            share_in_time(in_time(probes, "due_ns", window).slots(ok), objective.confidence),
            f"{lost} of {len(probes)} probes failed",
            needed(lost, 1 - limit, objective.confidence),
        ),
        (
            "uptime by seconds down",
            uptime_by_seconds(down, objective.confidence),
            f"{float(down.seconds.sum()):.3g} s down, {outages_of(down)}",
            looks_needed(down, 1 - limit, objective.confidence),
        ),
    ):
        yield bounded(
            case,
            name,
            bounds,
            held(objective.op, bounds, limit),
            unit="ratio",
            subject=f"{name} of {subject} ({seen})",
            n_needed=enough,
            scope=scope,
            receipts=receipts,
            files=(f"watch/{watcher}.parquet",),
        )


def _uptime_receipt(evidence: Evidence, watcher: str, sent_ns: Ints, span: tuple[int, int]) -> Receipt:
    receipt, blind = watch_receipt(evidence, watcher, sent_ns, span), blind_share(sent_ns, span)
    if receipt.ok and blind > BLIND_SHARE:
        return Receipt(ok=False, why=f"the watcher {watcher!r} was blind for {blind:.0%} of the window")
    return receipt


def _files(case: Case) -> Iterable[str]:
    yield from (f"watch/{watcher_of(case.objective.scope.subject)}.", "history/watch.")


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    return failures_tolerated(1 - objective.limit.base, offered.probes, objective)


SPEC: Final = Spec(
    figure=Figure.UPTIME,
    judge=uptimes,
    limit=LimitRule(dimension="ratio", most=1),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=_files,
    numbers=_numbers,
)
