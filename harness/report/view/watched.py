"""The watch as texts: the watchers, the ledger of writes, and the pipeline of events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model.records.evidence import DATABASE
from harness.report.view.wording import NOTHING, figure, found
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.model import Evidence, LedgerResult, PipelineResult, WatcherResult
    from harness.report.view.moments import Moments


@dataclass(frozen=True, kw_only=True, slots=True)
class WatcherLine:
    """One watcher as texts.

    Attributes:
        name: name of the watcher.
        spacing: planned time between probes.
        probes: number of probes.
        first: time of the first probe, from the start of the run.
        last: time of the last probe, from the start of the run.
        gap: longest time between two probes.
        blind_for: total length of gaps.
        blind: whether it had gaps.
        ended: whether it ended normally.
        why: defect of its record; may be empty.
    """

    name: str
    spacing: str
    probes: str
    first: str
    last: str
    gap: str
    blind_for: str
    blind: bool
    ended: str
    why: str


def watcher_lines(watchers: Iterable[WatcherResult], moments: Moments) -> Iterable[WatcherLine]:
    """Every watcher of the run, in the order of the judgement."""
    for watcher in watchers:
        yield WatcherLine(
            name=watcher.name,
            spacing=figure(watcher.spacing_ms, "ms") if watcher.spacing_ms else NOTHING,
            probes=str(watcher.n),
            first=_since_start(watcher.first_ns, moments),
            last=_since_start(watcher.last_ns, moments),
            gap=figure(watcher.longest_gap_ms, "ms"),
            blind_for=figure(watcher.blind_s, "s"),
            blind=watcher.blind_s > 0,
            ended="normally" if watcher.closed else "not normally",
            why=watcher.why,
        )


def _since_start(at_ns: int | None, moments: Moments) -> str:
    if at_ns is None or moments.start_ns is None:
        return NOTHING
    return f"{(at_ns - moments.start_ns) / NS_PER_S:.1f} s"


def ledger_facts(ledger: LedgerResult) -> Iterable[tuple[str, str]]:
    """Labels and figures of the ledger of writes."""
    yield "Writes attempted", str(ledger.attempted)
    yield "Acknowledged", str(ledger.acknowledged)
    yield "Acknowledged writes that are lost", found(ledger.lost)
    if ledger.wrong:
        yield "Writes with another value", str(ledger.wrong)
    yield "Writes of unknown outcome: found / missing", f"{found(ledger.recovered)} / {found(ledger.unsure)}"
    yield "Refused writes that exist", found(ledger.unexpected)
    yield "Writes with more than one row", found(ledger.twice)
    if ledger.reads:
        yield "Reads right after a write / stale", f"{ledger.reads} / {found(ledger.stale)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLine:
    """The result of the last final read of one source: the database, the entry or a region."""

    name: str
    rows: str
    whole: str
    missing: str


def source_lines(ledger: LedgerResult, evidence: Evidence) -> Iterable[SourceLine]:
    """The sources that were read, or in which writes are missing; the database first."""
    last = {read.source: read for read in evidence.ledger.final_reads}
    for name in sorted({*last, *ledger.missing}, key=lambda name: (name != DATABASE, name)):
        read = last.get(name)
        state = "not read" if read is None else "complete" if read.complete else f"not complete: {read.why}"
        yield SourceLine(
            name=name,
            rows=NOTHING if read is None else str(read.rows),
            whole=state,
            missing=str(ledger.missing.get(name, NOTHING)),
        )


def pipeline_facts(pipeline: PipelineResult) -> Iterable[tuple[str, str]]:
    """Labels and figures of the pipeline of events."""
    yield "Events sent", str(pipeline.sent)
    yield "Accepted", str(pipeline.accepted)
    yield "Accepted events that are lost", found(pipeline.lost)
    yield "Visible twice", found(pipeline.twice)
    yield "Visible with another value", found(pipeline.wrong)
    yield "Events of unknown outcome", found(pipeline.unsure)
    yield "Time to visible, p50", figure(pipeline.visible_p50_s, "s")
    yield "Time to visible, p95", figure(pipeline.visible_p95_s, "s")
