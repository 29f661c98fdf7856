"""Reads pods, nodes, leaders, releases and the run itself from the histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import Cut, LeaderChange, NodeChange, PodChange, ReleaseRead, RunStarted, Steady
from harness.model.observations import (
    ActStarted,
    LeaderSeen,
    NodeSeen,
    PodSeen,
    ReleaseSeen,
    RunBegan,
    RunEnded,
    SteadySeen,
    every,
)
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Observation

_READY = {"ready": True, "unready": False, "deleted": None}


def pods(observations: Iterable[Observation]) -> Iterable[PodChange]:
    """Changes of pods, ordered by time."""
    for seen in every(PodSeen, observations):
        what = seen.kind.removeprefix("pod.")
        yield PodChange(
            at_ns=seen.when_ns,
            what=what,
            name=seen.subject,
            namespace=seen.namespace,
            uid=seen.uid,
            workload=seen.workload,
            region=seen.region,
            ready=_READY.get(what, seen.ready),
        )


def nodes(observations: Iterable[Observation]) -> Iterable[NodeChange]:
    """Changes of nodes, ordered by time."""
    for seen in every(NodeSeen, observations):
        what = seen.kind.removeprefix("node.")
        ready = what == "ready" or (what == "present" and seen.ready is True)
        yield NodeChange(at_ns=seen.when_ns, what=what, name=seen.subject, region=seen.region, ready=ready)


def leaders(observations: Iterable[Observation]) -> Iterable[LeaderChange]:
    """Changes of database leaders, ordered by time."""
    for seen in every(LeaderSeen, observations):
        yield LeaderChange(at_ns=seen.when_ns, subject=seen.subject, before=seen.from_, after=seen.to)


def release_reads(observations: Iterable[Observation]) -> Iterable[ReleaseRead]:
    """The releases that the target reported before and after the load."""
    for seen in every(ReleaseSeen, observations):
        workloads = {str(name): tuple(str(image) for image in images) for name, images in seen.workloads.items()}
        yield ReleaseRead(
            when=seen.subject, at_ns=seen.when_ns, workloads=workloads, version=seen.version, why=seen.why
        )


def started(observations: Iterable[Observation]) -> RunStarted | None:
    """The identity that the run recorded; None if there is no record."""
    for began in every(RunBegan, observations):
        if began.source == "run" and began.target:
            return RunStarted(
                run=began.subject,
                target=began.target,
                release=began.release,
                environment=began.environment,
                time_scale=began.time_scale,
                seed=began.seed,
            )
    return None


def cut(observations: Sequence[Observation]) -> Cut | None:
    """Why the run ended early; None if it completed or has no end record."""
    ended = next((end for end in every(RunEnded, observations) if not end.ok), None)
    if ended is None:
        return None
    began_ns = next((began.recorded_ns for began in every(RunBegan, observations)), ended.recorded_ns)
    acts = [act.subject for act in every(ActStarted, observations)]
    return Cut(
        why=ended.why or "no cause recorded",
        hint=ended.hint,
        act=acts[-1] if acts else "",
        after_s=(ended.recorded_ns - began_ns) / NS_PER_S,
    )


def steady_at(moment: str, observations: Sequence[Observation]) -> Steady | None:
    """Whether the target was steady at the `start` or the `end` of the load.

    The worst recorded state counts; None without a record.
    """
    ends = [o for o in every(SteadySeen, observations) if o.subject == moment and o.source == "run"]
    if not ends:
        return None
    worst = next((end for end in ends if not end.ok), ends[-1])
    return Steady(ok=worst.ok, at_ns=worst.when_ns, why=worst.why)
