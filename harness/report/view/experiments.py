"""One experiment as texts: the hit objects, its effect on clients by operation, and the failures attributed to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.report.view.story import TimelineEvent, oldest_lost, story
from harness.report.view.wording import NOTHING, came_back, figure, found, give_or_take, recovered
from harness.words import counted, some

if TYPE_CHECKING:
    from harness.model import Evidence, Experiment, ExperimentResult, FailedProbeShares, OperationRecovery


LATE: Final = "answered late"
FAILED: Final = "failed"
_MOST_INLINE: Final = 3
"""Maximum number of outages in a cell; more have a table of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WayBack:
    """The recovery of reads, writes, a region at its own entry, or a group of users, as texts.

    Attributes:
        of: name of the operation or group, such as `reads`, `reads at the entry of us-east-1` or `users, route read-track`.
        back: time to recovery, `20.71 s`, or `no outage`.
        why: further remarks.
        resolution: measurement uncertainty of `back`.
        watched: length of the observation.
        outages: start and end of the first outages.
        way_back: outages after the undo.
        null_run: share of failed probes without a fault.
        under_fault: share of failed probes from the fault to the restore.
        charged: difference of the two shares, attributed to the fault.
    """

    of: str
    back: str
    why: str
    resolution: str
    watched: str
    outages: str
    way_back: str
    null_run: str
    under_fault: str
    charged: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutageRow:
    """A period of failed or late probes, with times as texts, counted from the fault.

    Attributes:
        of: name of the operation or group, as in `WayBack`.
        what: `failed` or `answered late`.
        start: start of the period.
        end: end of the period.
        lasted: length of the period.
    """

    of: str
    what: str
    start: str
    end: str
    lasted: str

    @property
    def aside(self) -> str:
        """The remark after the times; empty for an outage."""
        return f" ({LATE})" if self.what == LATE else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentView:
    """One attempt at one experiment as texts.

    Attributes:
        result: result of the attempt.
        attempt: record of the attempt; None if it was not started.
        title: `pod-loss`; of several attempts `pod-loss, attempt 1`.
        counts: whether this attempt counts for the receipts; harm of every attempt counts.
        thin: routes and regions with so few requests that consecutive failures are judged instead of a share.
        longest_way_back: the longest outage after the undo.
        facts: labels and figures for the list above the plot.
        reads: recovery of reads.
        writes: recovery of writes.
        ways_back: recovery of each operation and group.
        stretches: periods of failed or late probes, if `ways_back` does not list all.
        tally: number of these periods, `1 outage and 6 late periods`.
        events: events in order of time.
    """

    result: ExperimentResult
    attempt: Experiment | None
    title: str
    counts: bool
    thin: str
    longest_way_back: str
    facts: tuple[tuple[str, str], ...]
    reads: str
    writes: str
    ways_back: tuple[WayBack, ...]
    stretches: tuple[OutageRow, ...]
    tally: str
    events: tuple[TimelineEvent, ...]


def experiment_views(evidence: Evidence, results: Sequence[ExperimentResult]) -> tuple[ExperimentView, ...]:
    """Every attempt at every experiment, in the order of the judgement; the last attempt of a name counts."""
    attempts = Counter(result.name for result in results)
    last = {result.name: result.attempt for result in results}
    return tuple(
        replace(
            experiment_view(evidence, result),
            title=f"{result.name}, attempt {result.attempt}" if attempts[result.name] > 1 else result.name,
            counts=result.attempt == last[result.name],
        )
        for result in results
    )


def experiment_view(evidence: Evidence, result: ExperimentResult) -> ExperimentView:
    """One attempt as texts for the page and `readiness why`."""
    attempt = _recorded(evidence, result)
    shares = {each.operation: each for each in result.failed_probes}
    every = list(_recoveries(result))
    flapping = any(len(seen.outages) + len(seen.stalls) > _MOST_INLINE for _, seen in every)
    stretches = [stretch for of, seen in every for stretch in _stretches(of, seen)]
    out = sum(stretch.what == FAILED for stretch in stretches)
    return ExperimentView(
        result=result,
        attempt=attempt,
        title=result.name,
        counts=True,
        thin=some([f"{name} ({figure(per_s, '/s')})" for name, per_s in result.users_thin.items()]),
        longest_way_back=longest_way_back(result),
        facts=tuple(_facts(evidence, attempt, result)),
        reads=recovered(result.reads),
        writes=recovered(result.writes),
        ways_back=tuple(_way_back(of, seen, shares.get(of)) for of, seen in every),
        stretches=tuple(stretches) if flapping else (),
        tally=f"{counted(out, 'outage')} and {counted(len(stretches) - out, 'late period')}",
        events=story(evidence, attempt, result) if attempt is not None and attempt.ran else (),
    )


def _recorded(evidence: Evidence, result: ExperimentResult) -> Experiment | None:
    attempts = evidence.experiments.get(result.name, ())
    return next((attempt for attempt in attempts if attempt.attempt == result.attempt), None)


def _recoveries(result: ExperimentResult) -> Iterable[tuple[str, OperationRecovery]]:
    """Recoveries at the entry, then at the own entry of each region that was hit, then of users' requests."""
    for seen in (result.reads, result.writes):
        if seen is not None:
            yield seen.operation, seen
    for region, seen in result.regions.items():
        yield f"reads at the entry of {region}", seen
    for group, seen in result.users.items():
        yield f"users, {group}", seen


def _way_back(of: str, seen: OperationRecovery, shares: FailedProbeShares | None) -> WayBack:
    spans = [f"{stretch.start} to {stretch.end}{stretch.aside}" for stretch in _stretches(of, seen)]
    return WayBack(
        of=of,
        back=came_back(seen),
        why=seen.why,
        resolution=give_or_take(seen.resolution_s, "s"),
        watched=figure(seen.observed_s, "s"),
        outages=some(spans, _MOST_INLINE) or NOTHING,
        way_back=_way_back_text(seen),
        null_run=figure(shares.null_run if shares else None, "ratio"),
        under_fault=figure(shares.under_fault if shares else None, "ratio"),
        charged=_points(shares),
    )


def _way_back_text(seen: OperationRecovery) -> str:
    """Each outage that began after the undo, with its length: `38 s to 41 s (3 s)`."""
    if not seen.way_back:
        return "no outage" if seen.way_back_s else NOTHING
    spans = [f"{figure(start, 's')} to {figure(end, 's')} ({figure(end - start, 's')})" for start, end in seen.way_back]
    return some(spans, _MOST_INLINE) + (
        "" if seen.way_back_ended else "; the last outage lasted until the end of the observation"
    )


def longest_way_back(result: ExperimentResult) -> str:
    """The longest outage after the undo: `4.2 s (writes)`."""
    every = list(_recoveries(result))
    spans = [(end - start, of) for of, seen in every for start, end in seen.way_back]
    if not spans:
        return "no outage" if any(seen.way_back_s for _, seen in every) else NOTHING
    length, of = max(spans)
    return f"{figure(length, 's')} ({of})"


def _points(shares: FailedProbeShares | None) -> str:
    """Failures attributed to the fault, in percentage points: `+33.3 points`."""
    if shares is None or shares.difference is None:
        return NOTHING
    points = shares.difference * 100
    return f"{points:+.3g} points".replace("-", "\N{MINUS SIGN}") if points else "0 points"


def _stretches(of: str, seen: OperationRecovery) -> Iterable[OutageRow]:
    spans = [(*span, FAILED) for span in seen.outages] + [(*span, LATE) for span in seen.stalls]
    for start, end, what in sorted(spans):
        yield OutageRow(
            of=of, what=what, start=figure(start, "s"), end=figure(end, "s"), lasted=figure(end - start, "s")
        )


def _facts(evidence: Evidence, attempt: Experiment | None, result: ExperimentResult) -> Iterable[tuple[str, str]]:
    """Labels and figures for the list above the plot."""
    lost = oldest_lost(evidence, attempt, result) if attempt is not None else None
    unrestored = attempt.restore.why if attempt is not None else ""
    yield "Hit", some(result.hit, 3) or NOTHING
    yield "Confirmed on the target after", figure(result.confirmed_after_s, "s")
    yield "First failed request after", figure(result.seen_by_client_after_s, "s")
    yield "Writes acknowledged / lost / of unknown outcome", _writes(result)
    yield from _oddities(result)
    if lost is not None:
        yield "Oldest lost write, before the fault", f"{figure(lost[0], 's')} {give_or_take(lost[1], 's')}"
    if result.reads_checked:
        yield "Reads right after a write / stale", f"{result.reads_checked} / {found(result.reads_stale)}"
    restored = {True: "restored", False: "not restored", None: "not verified"}[result.restore_ok]
    after = "" if result.restored_after_s is None else f" after {figure(result.restored_after_s, 's')}"
    yield (
        "Target afterwards",
        f"{restored}{after}" + (f": {unrestored}" if unrestored and not result.restore_ok else ""),
    )
    if result.errors:
        errors = ", ".join(f"{kind}: {n}" for kind, n in result.errors.items())
        yield "Failed requests, not counted in a KPI", errors
    if moved := ", ".join(_moved(result)):
        yield "Share of answers, before → during", moved


def _writes(result: ExperimentResult) -> str:
    return f"{result.writes_acknowledged} / {found(result.writes_lost)} / {found(result.writes_unsure)}"


def _oddities(result: ExperimentResult) -> Iterable[tuple[str, str]]:
    """Labels and counts of harm to writes; only those that occurred."""
    seen = {
        "Writes with another value": result.writes_wrong,
        "Writes of unknown outcome that exist": result.writes_recovered,
        "Writes with more than one row": result.writes_twice,
        "Refused writes that exist": result.writes_unexpected,
    }
    yield from ((label, str(n)) for label, n in seen.items() if n)


def _moved(result: ExperimentResult) -> Iterable[str]:
    for region in dict.fromkeys(key.rpartition(" ")[0] for key in result.share):
        before, during = (figure(result.share.get(f"{region} {phase}", 0.0), "ratio") for phase in ("before", "during"))
        yield f"{region} {before} → {during}"
