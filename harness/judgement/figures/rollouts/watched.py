"""Records of every pod and every metric during a rollout: reads of health, the release after the switch, gaps in samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from harness.judgement.figures.rollouts.history import (
    AGAIN,
    RolloutHistory,
    ended_receipt,
    rollout_spec,
    scope_of,
    untold,
)
from harness.judgement.figures.spec import Need
from harness.judgement.measures import Case
from harness.judgement.receipts.watch import Span, pods_receipt
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.wording import formatted
from harness.model import Figure, LimitRule, Measure, Op, ReasonKind, Receipt
from harness.model.observations import PodAsked, RolloutStarted, SeriesRead
from harness.units import NS_PER_S

_PODS: Final = ("history/pod-reads.ndjson", "history/pods.ndjson", "history/rollouts.ndjson")
_SERIES: Final = ("history/series.ndjson", "history/rollouts.ndjson")
_AGAIN: Final = "see history/pods.ndjson for the pods of the rollout, then run again"
_SELECTOR: Final = "Service"
"""The kind of object whose name may differ from the name of the workload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Longest:
    """The longest time in which the health of a pod was not read.

    Attributes:
        pod: `NAMESPACE/NAME`.
        low_ns, high_ns: smallest and greatest possible length, as the counts were read only at intervals.
        reads: number of readings of the pod's count.
    """

    pod: str
    low_ns: int
    high_ns: int
    reads: int


def health_read(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure per workload: the pod with the longest time between two reads of its health."""
    asked = _asked(case, history)
    if not asked:
        yield untold(
            case,
            _whys(case.evidence.every(PodAsked)) or "the run has no record of reads of a pod's health",
            _PODS,
            of="",
        )
        return
    lives = _lives(case, history, asked)
    by_workload: dict[str, list[_Longest]] = defaultdict(list)
    for (namespace, pod, uid, workload), spans in lives.items():
        reads = asked.get(uid, [])
        subject = f"{namespace}/{pod}"
        by_workload[workload] += [_longest(subject, reads, span) for span in spans]
    for workload, found in sorted(by_workload.items()):
        yield _of_workload(case, history, workload, found)
    followed = {(place, workload) for place, _, _, workload in lives}
    for place, workload in _objects(case, history) if history.plan.kind != _SELECTOR else ():
        if (place, workload) not in followed:
            subject = f"{place}/{workload}"
            yield untold(
                case, f"{subject}: no ready pod of this workload was recorded during the rollout", _PODS, of=subject
            )


def _asked(case: Case, history: RolloutHistory) -> dict[str, list[PodAsked]]:
    """The readings of each pod, by its uid, in order of time."""
    found: dict[str, list[PodAsked]] = defaultdict(list)
    for one in case.evidence.every(PodAsked):
        if one.rollout == history.plan.name and one.subject:
            found[one.uid].append(one)
    return {uid: sorted(reads, key=lambda one: one.when_ns) for uid, reads in found.items()}


def _whys(reads: Iterable[PodAsked | SeriesRead]) -> str:
    return "; ".join(dict.fromkeys(one.why for one in reads if one.why))


_PodKey = tuple[str, str, str, str]


def _lives(case: Case, history: RolloutHistory, asked: Mapping[str, Sequence[PodAsked]]) -> dict[_PodKey, list[Span]]:
    """The spans in which each pod of a workload was ready during the rollout, in the namespaces of the rollout's objects and of the read pods."""
    places = {place for place, _ in _objects(case, history)} | {o.namespace for reads in asked.values() for o in reads}
    begun = dict[_PodKey, int]()
    found: dict[_PodKey, list[Span]] = defaultdict(list)

    def end(key: _PodKey, at_ns: int) -> None:
        span = (max(begun.pop(key), history.began_ns), min(at_ns, history.until_ns))
        if span[0] < span[1]:
            found[key].append(span)

    for change in sorted(case.evidence.pods, key=lambda one: one.at_ns):
        key = (change.namespace, change.name, change.uid, change.workload)
        if change.namespace not in places or not change.workload:
            continue
        if change.ready and key not in begun:
            begun[key] = change.at_ns
        elif key in begun and (change.ready is False or change.what in ("unready", "deleted")):
            end(key, change.at_ns)
    for key in list(begun):
        end(key, history.until_ns)
    return found


def _longest(pod: str, reads: Sequence[PodAsked], span: Span) -> _Longest:
    """The longest time between two reads of a pod's health, or between a read and an end of the span."""
    counted = [one for one in reads if one.health is not None and not one.why]
    rises = [(before.asked_ns, now.when_ns) for before, now in _pairs(counted) if _rose(before, now)]
    inside = [(first, last) for first, last in rises if last > span[0] and first < span[1]]
    since_ns = max(counted[0].when_ns if counted else span[1], span[0])  # the time before its first reading is unknown
    known_ns = counted[-1].asked_ns if counted else span[0]
    low, high = 0, 0
    before = (span[0], since_ns)
    for rise in inside:
        low, high = max(low, rise[0] - before[1]), max(high, min(rise[1], span[1]) - before[0])
        before = (max(rise[0], span[0]), rise[1])
    low = max(low, min(known_ns, span[1]) - before[1])
    return _Longest(pod=pod, low_ns=low, high_ns=max(high, span[1] - before[0]), reads=len(counted))


def _pods(case: Case, history: RolloutHistory) -> Receipt:
    """Whether the pods were followed during the complete rollout."""
    return pods_receipt(case.evidence, (history.began_ns, history.until_ns), limit_s=case.scaled.in_unit("s"))


def _pairs(reads: Sequence[PodAsked]) -> Iterator[tuple[PodAsked, PodAsked]]:
    return pairwise(reads)


def _rose(before: PodAsked, now: PodAsked) -> bool:
    """Whether the pod's health was read between the two readings; the count of a restarted container begins at 0."""
    was, is_ = before.health or 0.0, now.health or 0.0
    return is_ > was or (is_ < was and is_ > 0)


def _of_workload(case: Case, history: RolloutHistory, workload: str, found: Sequence[_Longest]) -> Measure:
    limit_ns = round(case.scaled.in_unit("s") * NS_PER_S)
    worst = max(found, key=lambda one: (one.low_ns > limit_ns, one.high_ns))
    low, high = (formatted(ns / NS_PER_S, "s") for ns in (worst.low_ns, worst.high_ns))
    count = len({one.pod for one in found})
    between = high if low == high else f"between {low} and {high}"
    pod = f"{worst.pod}, one of {count} ready pods"
    text = f"{workload}: the longest time between two reads of a pod's health was {between} ({pod})"
    if not worst.reads:
        text = f"{workload}: {pod}, reported no number of health reads in {high}"
    longest = Amount(
        low=worst.low_ns / NS_PER_S,
        high=worst.high_ns / NS_PER_S,
        text=text,
        unit="s",
        scope=scope_of(case, of=workload),
        receipts={"watch": _pods(case, history), "restore": ended_receipt(history)},
        needs=("watch",),
        method="number of health requests that each pod reports, read every 2 s while the pod is ready",
        files=_PODS,
        n=count,
        shows=True,
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return amount(case, longest)


def deployed(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure per object: its ready pods run the new release before the rollback.

    And one per workload: gaps in its metrics.
    """
    yield from _releases(case, history)
    yield from _metrics(case, history)


def _objects(case: Case, history: RolloutHistory) -> list[tuple[str, str]]:
    """Namespace and name of the objects that the rollout changes, and of the objects that it left unchanged because nothing differs."""
    started = next(one for one in case.evidence.every(RolloutStarted) if one.subject == history.plan.name)
    subjects = [subject.rpartition(" ")[2] for subject in (*started.objects, *started.unchanged)]
    return sorted((place, name) for place, _, name in (subject.partition("/") for subject in subjects))


def _releases(case: Case, history: RolloutHistory) -> Iterator[Measure]:
    """One measure per object: the release that its ready pods last reported before the rollback."""
    switch = history.switched
    if switch is None:
        yield untold(case, f"{history.plan.name}: no switch was recorded", _PODS, of="releases")
        return
    until_ns = min(history.back_ns, switch.end_ns)
    asked = _asked(case, history)
    lives = _lives(case, history, asked)
    for place, workload in _objects(case, history):
        ready = {
            key: [one for one in asked.get(key[2], []) if switch.at_ns <= one.asked_ns and one.when_ns <= until_ns]
            for key, spans in lives.items()
            if (key[0], key[3]) == (place, workload) and any(begin < until_ns <= end for begin, end in spans)
        }
        yield _of_object(case, history, f"{place}/{workload}", ready)


def _of_object(
    case: Case, history: RolloutHistory, subject: str, ready: Mapping[_PodKey, Sequence[PodAsked]]
) -> Measure:
    candidate = history.plan.candidate
    said = {key[1]: next((one.release for one in reversed(reads) if one.release), "") for key, reads in ready.items()}
    other = {pod: release for pod, release in said.items() if release not in ("", candidate)}
    silent = sorted(pod for pod, release in said.items() if not release)
    text = f"{subject}: {len(said) - len(other) - len(silent)} of {len(said)} ready pods run {candidate}, expected all of them"
    if other:
        pod, release = min(other.items())
        text = f"{subject}: {len(other)} of {len(said)} ready pods did not run {candidate} before the rollback, for example {pod} ran {release}"
    between = "between switch and rollback"
    found = Things(
        bad=len(other),
        n=len(said),
        text=text,
        scope=scope_of(case, of=subject),
        receipts={"watch": _pods(case, history), "restore": ended_receipt(history)},
        needs=("watch",),
        gaps=(Gap(f"{silent[0]} did not report its release {between}" if silent else "", AGAIN),),
        none=Gap(f"no pod was ready {between}", AGAIN),
        mixed=True,
        scaled_limit=None,
        method="the release in the last answer of each pod before the rollback",
        files=_PODS,
    )
    return every_one(case, found)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gap:
    """The longest time without a sample of a metric, and when it began."""

    metric: str
    ns: int
    from_ns: int


def _metrics(case: Case, history: RolloutHistory) -> Iterator[Measure]:
    by_workload: dict[str, list[SeriesRead]] = defaultdict(list)
    mine = [one for one in case.evidence.every(SeriesRead) if one.rollout == history.plan.name]
    for read in sorted(mine, key=lambda one: one.when_ns):
        if read.subject:
            by_workload[read.subject].append(read)
    if not by_workload:
        yield untold(case, _whys(mine) or "Prometheus was not queried for its samples", _PODS, of="metrics")
    last_ns = max((one.when_ns for one in mine if one.subject), default=0)
    covered = Receipt(ok=True, why="Prometheus was queried until the rollout ended", files=_SERIES)
    if last_ns < history.until_ns or any(one.why for one in mine):
        why = _whys(mine) or "Prometheus was not queried until the rollout ended"
        covered = Receipt(ok=False, why=why, hint=_AGAIN, files=_SERIES)
    for subject in _unsampled(_objects(case, history), by_workload):
        yield untold(
            case,
            f"{subject}: no sample of its metrics was recorded, expected at least one",
            _PODS,
            of=f"metrics of {subject}",
        )
    for workload, reads in sorted(by_workload.items()):
        yield _of_metrics(case, history, workload, list(_gaps(reads, history)), covered)


def _unsampled(objects: Iterable[tuple[str, str]], sampled: Iterable[str]) -> Iterator[str]:
    """The objects without samples, as `NAMESPACE/NAME`, if others of that name, or none in the namespace, have samples.

    Metrics name a workload by a label, which may differ from the name of the object.
    """
    known = {(place, workload) for place, _, workload in (subject.rpartition("/") for subject in sampled)}
    places, names = {place for place, _ in known}, {workload for _, workload in known}
    for place, workload in objects if known else ():
        if (place, workload) not in known and (place not in places or workload in names):
            yield f"{place}/{workload}"


def _gaps(reads: Sequence[SeriesRead], history: RolloutHistory) -> Iterator[_Gap]:
    """The gaps of each metric between two samples, and to the end of the rollout if the metric existed before the rollout began."""
    last: dict[str, int] = {}
    there: set[str] = set()
    for read in reads:
        for metric, kept in read.metrics.items():
            first_ns, last_ns = int(kept["first_ns"]), int(kept["last_ns"])
            if first_ns <= history.began_ns:
                there.add(metric)
            begun_ns = max(last.get(metric, first_ns), history.began_ns if metric in there else 0)
            yield _Gap(metric=metric, ns=max(first_ns - begun_ns, 0), from_ns=begun_ns)
            within = int(kept["gap_from_ns"])
            if within + int(kept["gap_ns"]) > history.began_ns:
                yield _Gap(metric=metric, ns=int(kept["gap_ns"]), from_ns=within)
            last[metric] = max(last_ns, last.get(metric, 0))
    for metric in sorted(there):
        yield _Gap(metric=metric, ns=max(history.until_ns - last[metric], 0), from_ns=last[metric])


def _of_metrics(case: Case, history: RolloutHistory, workload: str, gaps: Sequence[_Gap], covered: Receipt) -> Measure:
    worst = max(gaps, key=lambda one: one.ns)
    n = len({one.metric for one in gaps})
    after = formatted((worst.from_ns - history.began_ns) / NS_PER_S, "s")
    longest = Amount(
        low=worst.ns / NS_PER_S,
        high=worst.ns / NS_PER_S,
        text=f"{workload}: the longest time without a sample was {formatted(worst.ns / NS_PER_S, 's')} ({worst.metric}, one of {n} metrics, from {after} after the rollout began)",
        unit="s",
        scope=scope_of(case, of=f"metrics of {workload}"),
        receipts={"watch": covered, "restore": ended_receipt(history)},
        needs=("watch",),
        method="times of the samples of every metric in Prometheus, over all pods of the workload",
        files=_SERIES,
        n=n,
    )
    return amount(case, longest)


_LIMIT: Final = LimitRule(dimension="time", ops=frozenset({Op.AT_MOST}))
_METRICS: Final = Need(
    key="metrics",
    why="the metrics of every pod are read",
    hint="add `metrics: {entry: WORKLOAD}` to the target file",
)
_PROMETHEUS: Final = Need(key="prometheus", why="Prometheus is queried for its samples")


_HEALTH: Final = rollout_spec(Figure.HEALTH_READ, health_read, limit=_LIMIT, unit="s", timed=True)
HEALTH: Final = replace(
    _HEALTH,
    needs=lambda objective: (*_HEALTH.needs(objective), _METRICS),
    evidence=lambda case: (*_HEALTH.evidence(case), "history/pod-reads.", "history/pods."),
)
_DEPLOYED: Final = rollout_spec(Figure.DEPLOYED, deployed, limit=_LIMIT, unit="s", timed=True)
DEPLOYED: Final = replace(
    _DEPLOYED,
    needs=lambda objective: (*_DEPLOYED.needs(objective), _METRICS, _PROMETHEUS),
    evidence=lambda case: (*_DEPLOYED.evidence(case), "history/pod-reads.", "history/pods.", "history/series."),
)
