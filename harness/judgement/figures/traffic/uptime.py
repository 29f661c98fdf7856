"""Uptime: the share of answered health probes of an entry, and the share of time without an outage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    fault_free_windows,
    guards,
    over_windows,
    slots_of,
    worsened,
)
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Numbers, Offered, Spec
from harness.judgement.measures import HINTS, Case, bounded, inconclusive
from harness.judgement.receipts.watch import BLIND_SHARE, LEAST_S, blind_share, watch_receipt, watcher_of
from harness.judgement.recovery import probed
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.downtime import downtime_of, joined, outages_of, probes_needed, uptime_by_seconds
from harness.judgement.stats.statistics import Bounds, needed
from harness.model import (
    PROBES,
    Evidence,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Op,
    Outcome,
    Phase,
    ReasonKind,
    Receipt,
    Table,
    Window,
)


def uptimes(case: Case) -> Iterable[Measure]:
    """Uptime of the target's entry, or of one region, by probes and by seconds, over all fault-free windows.

    An outage lasts from the first failed probe to the next successful one, by send times. Time without probes counts neither as up nor as down. The
    uptime of each region's own entry guards the uptime of the target's entry, since a load balancer that avoids a dead region does not repair it. If
    an entry was not probed, no uptime passes.
    """
    objective = case.objective
    windows = fault_free_windows(case, "uptime")
    if isinstance(windows, Measure):
        yield windows
        return
    subject = objective.scope.subject or "entry"
    doors = [subject, *sorted({*case.plan.regions, *case.plan.doors})] if subject == "entry" else [subject]
    probed = {door: [health_probes(case.evidence, door, window) for window in windows] for door in doors}

    def guarded() -> list[GuardedWindow]:
        return [
            _part(Table.merged(PROBES, [probed[door][i] for door in doors]), window) for i, window in enumerate(windows)
        ]

    rule = GuardRule(limit=case.scaled.in_unit("ratio"), op=Op.AT_LEAST)
    found = list(_of_door(case, subject, probed[subject], windows))
    yield from found
    yield from _unwatched(case, {door: rows for door, rows in probed.items() if door != subject}, windows)
    parts = [_part(probes, window) for probes, window in zip(probed[subject], windows, strict=True)]
    scope = {"traffic": windows[0].traffic, "phase": objective.scope.phase.value, "subject": subject}

    def bounds_of(some: Sequence[GuardedWindow]) -> Bounds:
        return share_in_time(slots_of(some), objective.confidence, claim=True)

    yield from worsened(case, f"uptime of {subject}", parts, rule, bounds_of, scope=scope)
    if not any(measure.outcome is Outcome.FAIL for measure in found):
        yield from guards(case, "uptime", guarded(), rule, together=False)


def health_probes(evidence: Evidence, door: str, window: Window) -> Table:
    """The health probes of one entry (`door`) that were due in a window."""
    probes = evidence.probes.between("due_ns", *window.span)
    own = probes.where(probes.words["subject"].equals(door) & probes.words["kind"].equals("health"))
    return own.where(~window.spares(own.ints["due_ns"], own.ints["done_ns"], ~probed(own)))


def _part(probes: Table, window: Window) -> GuardedWindow:
    """The probes of a window; answered probes are counted."""
    return GuardedWindow(
        window=window.name,
        span=window.span,
        at_ns=probes.ints["due_ns"],
        bad=probed(probes),
        words={"door of": probes.words["subject"]},
    )


def _of_door(case: Case, door: str, probed: Sequence[Table], windows: Sequence[Window]) -> Iterable[Measure]:
    objective, limit = case.objective, case.scaled.in_unit("ratio")
    watcher = watcher_of(door)
    parts = [_part(probes, window) for probes, window in zip(probed, windows, strict=True)]
    n, lost = sum(len(part.bad) for part in parts), sum(int((~part.bad).sum()) for part in parts)
    down = joined(
        [
            downtime_of(probes.ints["sent_ns"], ~part.bad, window.span)
            for probes, part, window in zip(probed, parts, windows, strict=True)
        ]
    )
    receipts = {"watch": _uptime_receipt(case.evidence, watcher, probed, windows)}
    scope = {"traffic": windows[0].traffic, "phase": objective.scope.phase.value, "subject": door}
    for name, bounds, seen, enough in (
        (
            "uptime",
            share_in_time(slots_of(parts), objective.confidence, claim=True),
            f"{lost} of {n} probes failed",
            needed(lost, 1 - limit, objective.confidence),
        ),
        (
            "uptime by seconds down",
            uptime_by_seconds(down, objective.confidence),
            f"{float(down.seconds.sum()):.3g} s without service, {outages_of(down)}",
            probes_needed(down, 1 - limit, objective.confidence),
        ),
    ):
        yield bounded(
            case,
            name,
            bounds,
            unit="ratio",
            subject=f"{name} of {door} ({seen})",
            n_needed=enough,
            scope=scope,
            receipts=receipts,
            counted="probes",
            detail=over_windows(windows),
            files=(f"watch/{watcher}.parquet",),
        )


def _unwatched(case: Case, probed: Mapping[str, Sequence[Table]], windows: Sequence[Window]) -> Iterable[Measure]:
    """One INCONCLUSIVE measure per region whose own entry was probed with gaps in a long window."""
    every = case.evidence.probes.words
    long = [at for at, window in enumerate(windows) if window.seconds >= LEAST_S]
    for door, rows in probed.items():
        known = door in case.plan.doors or (every["subject"].equals(door) & every["kind"].equals("health")).any()
        if long and known:
            own, watcher = [rows[at] for at in long], watcher_of(door)
            receipt = _uptime_receipt(case.evidence, watcher, own, [windows[at] for at in long])
            if receipt.ok is not True:
                why = f"probes of the entry of region {door} have gaps: {receipt.why}"
                scope = {"traffic": windows[0].traffic, "phase": case.objective.scope.phase.value, "subject": door}
                yield inconclusive(case, "uptime", why, HINTS["watch"], kind=ReasonKind.WATCH, scope=scope)


def _uptime_receipt(evidence: Evidence, watcher: str, probed: Sequence[Table], windows: Sequence[Window]) -> Receipt:
    """Whether the entry was probed without gaps in every window."""
    receipts = [_receipt_in(evidence, watcher, rows, window) for rows, window in zip(probed, windows, strict=True)]
    return next((receipt for receipt in receipts if receipt.ok is not True), receipts[0])


def _receipt_in(evidence: Evidence, watcher: str, probes: Table, window: Window) -> Receipt:
    sent_ns = probes.ints["sent_ns"]
    receipt, blind = watch_receipt(evidence, watcher, sent_ns, window.span), blind_share(sent_ns, window.span)
    if receipt.ok and blind > BLIND_SHARE:
        return Receipt(ok=False, why=f"the watcher {watcher!r} sent no probes in {blind:.0%} of the window")
    return receipt


def _files(case: Case) -> Iterable[str]:
    yield from (f"watch/{watcher_of(case.objective.scope.subject)}.", "history/watch.")


def _numbers(objective: Objective, offered: Offered) -> Numbers | None:
    return failures_tolerated(1 - objective.limit.base, offered.probes, objective)


SPEC: Final = Spec(
    figure=Figure.UPTIME,
    judge=uptimes,
    limit=LimitRule(dimension="ratio", most=1),
    timed=True,
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=_files,
    numbers=_numbers,
    sentences=(
        FigureSentence(
            text="the uptime of the entry is at least <limit:ratio>[ in the steady state]",
            example="the uptime of the entry is at least 99.9 % in the steady state",
            about="Share of the watcher's probes of the entry that were answered, in the fault-free window.",
            op=Op.AT_LEAST,
            subject="entry",
        ),
    ),
)
