"""Response times of the regions that remain after a region was lost: they must be below a limit some time after the loss, until its undo.

The time is that of the first second from which on the quantile of all requests of the region, until the fault was undone, is proven below the
limit. A failed request counts as over any limit; one that no region answered counts for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import counted_ms, failed, timed, waited_ms
from harness.judgement.figures.recovery.phases import of_each_attempt, windows_in
from harness.judgement.figures.spec import Basis, Spec, until_the_limit
from harness.judgement.measures import HINTS, Case
from harness.judgement.receipts.faults.attempts import samples_due
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.shapes.until import Effect, too_short, until
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import needed, quantile_of
from harness.judgement.wording import formatted
from harness.model import (
    ONLY_BELOW,
    Experiment,
    Figure,
    LimitRule,
    Measure,
    Phase,
    ReasonKind,
    Table,
)
from harness.units import NS_PER_S

_NAME: Final = Figure.REMAINING_TIME.value
_ANSWERS: Final = 400
"""A region that serves 15 % of them has enough to prove its 95th percentile: 59, if none is slow. A longer loss does harm of its own."""
BELOW: Final = "below"
"""Key among the objective's times: the limit of the response time."""
_Span = tuple[int, int]
_AGAIN: Final = "let the experiment hold the loss for longer, or send more requests, then run again"


def remaining_times(case: Case) -> Iterable[Measure]:
    """One measure per experiment and remaining region."""
    nothing = ("the run has no record that {experiment} took a region of the target file", HINTS["fault"])
    add = "add an experiment that makes a region unavailable to `experiments/`"
    return of_each_attempt(case, _NAME, partial(_regions, case), add=add, nothing=nothing)


def _regions(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measures of one attempt; none without a confirmed loss of a region under the traffic."""
    lost = {hit.region for hit in attempt.fault.hit if hit.kind == "node"} & {*case.plan.regions}
    windows = windows_in(case.evidence, Phase.FAULT, case.objective.scope.traffic, attempt)
    sent_ns, until_ns = attempt.fault.sent_ns, attempt.fault.undone_ns or attempt.fault.gone_ns
    if not lost or not windows or sent_ns is None or until_ns is None:
        return
    span = (sent_ns, min(until_ns, windows[0].end_ns))
    rows = timed(samples_due(case.evidence, windows[0].traffic, span))
    receipts = {
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "restore": restore_receipt(case.evidence, attempt),
        "load": joined_load_receipt(case.plan, windows, latencies=True),
    }
    for region in sorted({*case.plan.regions} - lost):
        served = rows.words["served_region"]
        own = rows.where(served.equals(region) | (served.missing & failed(rows)))
        found = _below(case, attempt, {**scope, "traffic": windows[0].traffic, "region": region}, own, span)
        yield until(case, replace(found, receipts=receipts, files=(*found.files, *windows[0].files)))


def _below(case: Case, attempt: Experiment, scope: Mapping[str, str], rows: Table, span: _Span) -> Effect:
    """When the response time of one region was below the limit, without receipts."""
    region = scope["region"]
    limit_ms = case.objective.times[BELOW].in_unit("ms")
    limit_s, watched_s = case.scaled.in_unit("s"), (span[1] - span[0]) / NS_PER_S
    seconds = range(int(watched_s))
    high = next((float(at) for at in seconds if _is_below(case, rows, limit_ms, _from(span, at))), None)
    late_s = watched_s / 2 if high is None else limit_s
    late = (span[0] + round(late_s * NS_PER_S), span[1] if high is None else _from(span, int(high))[0])
    slow = late[1] > late[0] and _is_below(case, rows, limit_ms, late) is False
    low = None if high is None else limit_s if slow and high >= limit_s else 0.0
    unknown = "" if high is not None or slow else "too few requests prove a response time on either side of the limit"
    if not rows.words["served_region"].equals(region).any():
        unknown = "no answer names this region as the one that served it"
    last = rows.between("intended_ns", *_from(span, int(high or late_s)))
    p95 = quantile_of(np.sort(waited_ms(last)), case.quantile) if len(last) else float("nan")
    return Effect(
        low=low,
        high=high,
        watched=watched_s,
        names={
            "attempt": attempt.name,
            "region": region,
            "below": str(case.objective.times[BELOW]),
            "quantile": f"p{case.quantile * 100:g}",
            "last": f"{formatted(p95, 'ms')} of {len(last)} requests from then on",
        },
        scope=scope,
        needs=("fault", "load"),
        method="the quantile of the region's requests, from each second after the loss on until its undo; from the intended send time",
        files=attempt.files,
        n=len(rows),
        resolution=1.0,
        unknown=unknown,
        short=too_short(case, attempt) if high is None else "",
        hint=_AGAIN,
        kind=ReasonKind.TOO_FEW,
    )


def _from(span: _Span, at_s: int) -> _Span:
    return span[0] + at_s * NS_PER_S, span[1]


def _is_below(case: Case, rows: Table, limit_ms: float, span: _Span) -> bool | None:
    """Whether the quantile of the requests due in a span is below the limit, with every failure over it; not below by the slow ones alone.

    None: neither is proven.
    """
    due = rows.between("intended_ns", *span)
    ms, confidence = np.where(failed(due), np.inf, waited_ms(due)), case.objective.confidence
    if len(due) < (needed(0, 1 - case.quantile, confidence) or 1):
        return None
    timeline = Timeline.of(due.ints["intended_ns"], span)
    bounds = quantile_in_time(ms, timeline, case.quantile, limit_ms, confidence, claim=True)
    if bounds.n and bounds.high < limit_ms:
        return True
    slow, counted = counted_ms(due, limit_ms, quick_failures=True)
    timeline = Timeline.of(due.ints["intended_ns"][counted], span)
    bounds = quantile_in_time(slow, timeline, case.quantile, limit_ms, confidence, claim=True)
    return False if bounds.n and bounds.fail_low >= limit_ms else None


SPEC: Final = Spec(
    figure=Figure.REMAINING_TIME,
    judge=remaining_times,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=load_files,
    watched=until_the_limit,
    answers_served=_ANSWERS,
)
