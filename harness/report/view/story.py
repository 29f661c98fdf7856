"""The events of an experiment in order of time: the fault, its effect on clients, roles and pods, and the recovery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.model import Evidence, Experiment, ExperimentResult, OperationRecovery, PodChange, domain_of
from harness.report.view.wording import figure, give_or_take
from harness.units import NS_PER_S
from harness.words import counted, some

_ALERTS: Final = {"alert.pending": "is pending", "alert.firing": "fires", "alert.resolved": "is resolved"}
_PODS: Final = {"deleted": "gone", "ready": "ready", "unready": "not ready"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineEvent:
    """One event of an experiment.

    Attributes:
        at_s: time in seconds from the fault.
        lane: `fault`, `clients`, `database`, `pods` or `alerts`.
        what: kind of the event.
        text: description of the event.
        count: number of affected objects.
    """

    at_s: float
    lane: str
    what: str
    text: str
    count: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Reign:
    """A period in which one member led the database; an empty `leader` means that no member led it."""

    leader: str
    start_s: float
    end_s: float


def zero_of(attempt: Experiment) -> int:
    """The moment of 0 s of an attempt, in ns: the time of its fault; if no fault was sent, the start of the watch."""
    return attempt.observed_from_ns if attempt.fault.sent_ns is None else attempt.fault.sent_ns


def story(evidence: Evidence, attempt: Experiment, result: ExperimentResult) -> tuple[TimelineEvent, ...]:
    """Every event of an attempt, in order of time."""
    zero_ns = zero_of(attempt)
    events = [
        *_fault(attempt, zero_ns),
        *_clients(result),
        *_lost(evidence, attempt, result),
        *_database(evidence, attempt, zero_ns),
        *_pods(evidence.pods, attempt, zero_ns),
        *_alerts(evidence, attempt, zero_ns),
    ]
    return tuple(sorted(events, key=lambda event: event.at_s))


def _seconds(at_ns: int, zero_ns: int) -> float:
    return (at_ns - zero_ns) / NS_PER_S


def _fault(attempt: Experiment, zero_ns: int) -> Iterable[TimelineEvent]:
    fault, restore = attempt.fault, attempt.restore
    hit = some([item.name for item in fault.hit])
    whole = domain_of(attempt.domain).every_copy
    began = "the platform's procedure is started" if whole else "what is gone is started again"
    moments: Mapping[str, tuple[int | None, str]] = {
        "sent": (fault.sent_ns, "the fault is sent"),
        "confirmed": (fault.confirmed_ns, f"the target shows the fault{f': {hit}' if hit else ''}"),
        "restarted": (fault.restarted_ns, began),
        "restored from": (fault.restored_ns, f"restored from {fault.restored_from}"),
        "undone": (fault.undone_ns, "the fault is undone"),
        "gone": (fault.gone_ns, "the target no longer shows the fault"),
        "restored": (restore.at_ns if restore.ok else None, "the target is restored"),
    }
    for what, (at_ns, text) in moments.items():
        if at_ns is not None:
            yield TimelineEvent(at_s=_seconds(at_ns, zero_ns), lane="fault", what=what, text=text)


def _clients(result: ExperimentResult) -> Iterable[TimelineEvent]:
    for seen in (result.reads, result.writes):
        if seen is not None:
            yield from _outages(seen)


def oldest_lost(evidence: Evidence, attempt: Experiment, result: ExperimentResult) -> tuple[float, float] | None:
    """Age of the oldest lost write at the fault, and the time since the write before it, which is not lost; in s. None: nothing is lost.

    So the loss begins at an age between the first figure and the sum of both.
    """
    if result.loss_window_s is None:
        return None
    at_ns = zero_of(attempt) - round(result.loss_window_s * NS_PER_S)
    writes = evidence.ledger.writes
    accepted_ns = writes.ints["accepted_ns"][writes.words["outcome"].equals("accepted")]
    before = accepted_ns[accepted_ns < at_ns]
    return result.loss_window_s, (at_ns - int(before.max())) / NS_PER_S if len(before) else 0.0


def _lost(evidence: Evidence, attempt: Experiment, result: ExperimentResult) -> Iterable[TimelineEvent]:
    if (oldest := oldest_lost(evidence, attempt, result)) is not None:
        text = f"the oldest of {counted(result.writes_lost or 1, 'lost write')} {give_or_take(oldest[1], 's')}"
        yield TimelineEvent(at_s=-oldest[0], lane="clients", what="lost", text=text)


def _outages(seen: OperationRecovery) -> Iterable[TimelineEvent]:
    for start_s, end_s in seen.outages:
        yield TimelineEvent(at_s=start_s, lane="clients", what=f"{seen.operation} fail", text=f"{seen.operation} fail")
        if seen.seconds is not None and abs(end_s - seen.seconds) > 1e-6:
            yield TimelineEvent(
                at_s=end_s, lane="clients", what="back", text=f"{seen.operation} succeed, and fail again later"
            )
    for start_s, end_s in seen.way_back:
        text = f"{seen.operation} fail after the undo"
        yield TimelineEvent(at_s=start_s, lane="clients", what=text, text=f"{text}, for {figure(end_s - start_s, 's')}")
    if seen.seconds:
        text = f"{seen.operation} recovered"
        yield TimelineEvent(at_s=seen.seconds, lane="clients", what=f"{seen.operation} back", text=text)


def _database(evidence: Evidence, attempt: Experiment, zero_ns: int) -> Iterable[TimelineEvent]:
    for o in evidence.observations:
        at_ns = int(o.fields.get("at_ns", o.mono_ns))
        if not attempt.observed_from_ns <= at_ns < attempt.observed_until_ns:
            continue
        before, after = str(o.fields.get("from") or "none"), str(o.fields.get("to") or "none")
        if o.kind == "leader.changed":
            text = f"database leader: {before} → {after}"
            yield TimelineEvent(at_s=_seconds(at_ns, zero_ns), lane="database", what="leader", text=text)
        elif o.kind == "role.changed":
            text = f"{o.subject}: {before} → {after}"
            yield TimelineEvent(at_s=_seconds(at_ns, zero_ns), lane="database", what="role", text=text)


def _pods(changes: Iterable[PodChange], attempt: Experiment, zero_ns: int) -> Iterable[TimelineEvent]:
    """Changes of one kind in one second are one event."""
    own = [change for change in changes if attempt.observed_from_ns <= change.at_ns < attempt.observed_until_ns]

    def second(change: PodChange) -> tuple[str, int]:
        return change.what, (change.at_ns - zero_ns) // NS_PER_S

    for (what, _), group in groupby(sorted(own, key=lambda change: (*second(change), change.at_ns)), key=second):
        together = list(group)
        at_s = _seconds(together[0].at_ns, zero_ns)
        text = f"{_names(together)} {'is' if len(together) == 1 else 'are'} {_PODS.get(what, what)}"
        yield TimelineEvent(at_s=at_s, lane="pods", what=what, text=text, count=len(together))


def _alerts(evidence: Evidence, attempt: Experiment, zero_ns: int) -> Iterable[TimelineEvent]:
    for o in evidence.observations:
        at_ns = int(o.fields.get("at_ns", o.mono_ns))
        if o.kind in _ALERTS and attempt.observed_from_ns <= at_ns < attempt.observed_until_ns:
            text = f"alert {o.subject} {_ALERTS[o.kind]}"
            yield TimelineEvent(at_s=_seconds(at_ns, zero_ns), lane="alerts", what=o.kind, text=text)


def _names(changes: list[PodChange]) -> str:
    """A text for pods: one pod by its name, several by workload and region."""
    if len(changes) == 1:
        return f"pod {changes[0].name}"
    counts = Counter((change.workload or "unnamed", change.region or change.namespace) for change in changes)
    kinds = (
        f"{n} of {workload} in {where}" if n > 1 else f"{workload} in {where}"
        for (workload, where), n in counts.items()
    )
    return f"{len(changes)} pods ({', '.join(kinds)})"


def reigns(evidence: Evidence, zero_ns: int, start_s: float, end_s: float) -> tuple[Reign, ...]:
    """The periods of database leaders between two times; empty if no watcher ran."""
    changes = sorted(
        (
            _seconds(int(o.fields.get("at_ns", o.mono_ns)), zero_ns),
            str(o.fields.get("to") or ""),
            str(o.fields.get("from") or ""),
        )
        for o in evidence.observations
        if o.kind == "leader.changed"
    )
    inside = [(at_s, to) for at_s, to, _ in changes if start_s < at_s < end_s]
    before = [to for at_s, to, _ in changes if at_s <= start_s]
    first = before[-1] if before else next((was for at_s, _, was in changes if start_s < at_s < end_s), "")
    starts = [(start_s, first), *inside]
    ends = [at_s for at_s, _ in inside] + [end_s]
    found = (Reign(leader=leader, start_s=at_s, end_s=end) for (at_s, leader), end in zip(starts, ends, strict=True))
    return tuple(reign for reign in found if reign.leader)
