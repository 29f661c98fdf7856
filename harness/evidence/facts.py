"""What the histories tell of pods, nodes, leaders, releases and the run itself, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import LeaderChange, NodeChange, PodChange, ReleaseRead, RunStarted, Steady

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Observation

_READY = {"ready": True, "unready": False, "deleted": None}


def pods(observations: Iterable[Observation]) -> Iterable[PodChange]:
    """What became of each pod, in order of time."""
    for o in observations:
        if o.kind in {"pod.present", "pod.ready", "pod.unready", "pod.deleted"}:
            what = o.kind.removeprefix("pod.")
            yield PodChange(
                at_ns=_at(o),
                what=what,
                name=o.subject,
                namespace=str(o.fields.get("namespace", "")),
                uid=str(o.fields.get("uid", "")),
                workload=str(o.fields.get("workload", "")),
                region=str(o.fields.get("region", "")),
                ready=_READY[what] if what in _READY else o.fields.get("ready"),
            )


def nodes(observations: Iterable[Observation]) -> Iterable[NodeChange]:
    """What became of each node, in order of time."""
    for o in observations:
        if o.kind in {"node.present", "node.ready", "node.unready"}:
            what = o.kind.removeprefix("node.")
            yield NodeChange(
                at_ns=_at(o),
                what=what,
                name=o.subject,
                region=str(o.fields.get("region", "")),
                ready=what == "ready" or o.fields.get("ready") is True,
            )


def leaders(observations: Iterable[Observation]) -> Iterable[LeaderChange]:
    """Who led each database, in order of time."""
    for o in observations:
        if o.kind == "leader.changed":
            before, after = (str(o.fields.get(key) or "") for key in ("from", "to"))
            yield LeaderChange(at_ns=_at(o), subject=o.subject, before=before, after=after)


def release_reads(observations: Iterable[Observation]) -> Iterable[ReleaseRead]:
    """Which release the target named before and after the load."""
    for o in observations:
        if o.kind == "release.read":
            workloads = {
                str(name): tuple(str(image) for image in images)
                for name, images in o.fields.get("workloads", {}).items()
            }
            yield ReleaseRead(
                when=o.subject,
                at_ns=_at(o),
                workloads=workloads,
                version=str(o.fields.get("version") or ""),
                why=str(o.fields.get("why") or ""),
            )


def started(observations: Iterable[Observation]) -> RunStarted | None:
    """What the run recorded that it is; None where it did not."""
    for o in observations:
        if o.kind == "run.started" and o.source == "run" and o.fields:
            return RunStarted(
                run=o.subject,
                target=str(o.fields.get("target", "")),
                release=str(o.fields.get("release", "")),
                environment=str(o.fields.get("environment", "")),
                time_scale=float(o.fields.get("time_scale", 0)),
                seed=int(o.fields.get("seed", 0)),
            )
    return None


def steady_end(observations: Iterable[Observation]) -> Steady | None:
    """Whether the target was steady when the load ended: the worst of what was recorded, None where nothing was."""
    ends = [o for o in observations if o.kind == "steady" and o.subject == "end" and o.source == "run"]
    if not ends:
        return None
    worst = next((o for o in ends if o.fields.get("ok") is not True), ends[-1])
    return Steady(ok=worst.fields.get("ok") is True, at_ns=_at(worst), why=str(worst.fields.get("why") or ""))


def _at(o: Observation) -> int:
    return int(o.fields.get("at_ns", o.mono_ns))
