"""What the histories tell of pods, nodes, leaders, releases and the run itself, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import LeaderChange, NodeChange, PodChange, ReleaseRead, RunStarted, Steady
from harness.model.observations import LeaderSeen, NodeSeen, PodSeen, ReleaseSeen, RunBegan, SteadySeen, every

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Observation

_READY = {"ready": True, "unready": False, "deleted": None}


def pods(observations: Iterable[Observation]) -> Iterable[PodChange]:
    """What became of each pod, in order of time."""
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
    """What became of each node, in order of time."""
    for seen in every(NodeSeen, observations):
        what = seen.kind.removeprefix("node.")
        ready = what == "ready" or (what == "present" and seen.ready is True)
        yield NodeChange(at_ns=seen.when_ns, what=what, name=seen.subject, region=seen.region, ready=ready)


def leaders(observations: Iterable[Observation]) -> Iterable[LeaderChange]:
    """Who led each database, in order of time."""
    for seen in every(LeaderSeen, observations):
        yield LeaderChange(at_ns=seen.when_ns, subject=seen.subject, before=seen.from_, after=seen.to)


def release_reads(observations: Iterable[Observation]) -> Iterable[ReleaseRead]:
    """Which release the target named before and after the load."""
    for seen in every(ReleaseSeen, observations):
        workloads = {str(name): tuple(str(image) for image in images) for name, images in seen.workloads.items()}
        yield ReleaseRead(
            when=seen.subject, at_ns=seen.when_ns, workloads=workloads, version=seen.version, why=seen.why
        )


def started(observations: Iterable[Observation]) -> RunStarted | None:
    """What the run recorded that it is; None where it did not."""
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


def steady_end(observations: Sequence[Observation]) -> Steady | None:
    """Whether the target was steady when the load ended: the worst of what was recorded, None where nothing was."""
    ends = [o for o in every(SteadySeen, observations) if o.subject == "end" and o.source == "run"]
    if not ends:
        return None
    worst = next((end for end in ends if not end.ok), ends[-1])
    return Steady(ok=worst.ok, at_ns=worst.when_ns, why=worst.why)
