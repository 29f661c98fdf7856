"""What a decision rests on, in a line each: the load, the faults, the writes, the events, the watchers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.model import Outcome
from harness.report.view.wording import counted, figure, recovered, some

if TYPE_CHECKING:
    from harness.model import ExperimentResult, Judgement


def basis(judgement: Judgement) -> tuple[tuple[str, str], ...]:
    """Label and sentence; only of what there is."""
    return tuple(
        line
        for line in (_load(judgement), _faults(judgement), _writes(judgement), _events(judgement), _watch(judgement))
        if line is not None
    )


def _load(judgement: Judgement) -> tuple[str, str] | None:
    quiet = [window for window in judgement.traffic if not window.experiment and not window.route]
    if not quiet:
        return None
    n, errors = sum(window.n for window in quiet), sum(window.errors for window in quiet)
    late = some([window.name for window in quiet if not window.valid])
    health = f"response times of {late} do not count" if late else "the generators kept their schedule"
    return "Load", f"{counted(n, 'request')} without a fault, {errors} failed; {health}"


def _faults(judgement: Judgement) -> tuple[str, str] | None:
    every = judgement.experiments
    if not every:
        return None
    bad = some([result.name for result in every if result.verdict is not Outcome.PASS])
    held = f"receipts of {bad} do not hold" if bad else "all receipts hold"
    return "Faults", f"{counted(len(every), 'experiment')}, {held}{_slowest(every)}"


def _slowest(every: Iterable[ExperimentResult]) -> str:
    """The longest recovery; one that never came is longer than any."""
    seen = [(result.name, way) for result in every for way in (result.reads, result.writes) if way is not None]
    if not seen:
        return ""
    name, way = max(seen, key=lambda one: (one[1].seconds is None, one[1].seconds or 0.0))
    if way.seconds == 0:
        return "; no client felt any"
    return f"; slowest to come back: {way.operation} after {name}, {recovered(way)}"


def _writes(judgement: Judgement) -> tuple[str, str] | None:
    ledger = judgement.ledger
    if ledger is None:
        return None
    gone = ", ".join(f"{n} from {source}" for source, n in ledger.missing.items() if n)
    unsure = f", {ledger.unsure} unsure" if ledger.unsure else ""
    trouble = f"; {ledger.why}" if ledger.why else ""
    lost = f"{ledger.lost} lost{f' ({gone})' if gone else ''}"
    return "Writes", f"{ledger.acknowledged} acknowledged, {lost}{unsure}{trouble}"


def _events(judgement: Judgement) -> tuple[str, str] | None:
    events = judgement.pipeline
    if events is None:
        return None
    trouble = f"; {events.why}" if events.why else ""
    after = "" if events.visible_p95_s is None else f", visible within {figure(events.visible_p95_s, 's')} (p95)"
    return "Events", (
        f"{events.accepted} accepted, {events.lost} lost, {events.twice} twice, {events.wrong} wrong{after}{trouble}"
    )


def _watch(judgement: Judgement) -> tuple[str, str] | None:
    every = judgement.watchers
    if not every:
        return None
    blind = sum(watcher.blind_s for watcher in every)
    where = some([watcher.name for watcher in every if watcher.blind_s])
    bad = some([watcher.name for watcher in every if watcher.why])
    gaps = f"blind for {figure(blind, 's')} in all ({where})" if blind else "none of them blind"
    return "Watch", f"{counted(len(every), 'watcher')}, {gaps}{f'; trouble with {bad}' if bad else ''}"
