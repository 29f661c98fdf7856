"""Observations of autoscalers, and of the load on their services."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model.observations.kinds import (
    Count,
    Fields,
    Numbers,
    Recorded,
    Size,
    Timed,
    Whole,
    Word,
    YesOrNo,
    written,
)
from harness.model.observations.readers import INVARIANTS, SCALED, always


@written(
    "autoscaler.present",
    "autoscaler.changed",
    "autoscaler.deleted",
    by=["autoscalers"],
    read=always("AutoscalerSeen", INVARIANTS),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class AutoscalerSeen(Timed):
    """The status of an autoscaler (the subject, `NAMESPACE/NAME`), recorded when it changed, except for its usage.

    Attributes:
        target: name of the scaled workload.
        least: minimum number of replicas.
        most: maximum number of replicas.
        current: present number of replicas.
        desired: requested number of replicas.
        active: whether its metrics can be read.
        why: its message about the metrics.
        usage: usage by resource, in percent of the request.
        aims: mean usage to which it scales, by resource, in percent of the request.
    """

    target: Word = ""
    least: Count = 0
    most: Count = 0
    current: Count = 0
    desired: Count = 0
    active: YesOrNo = False
    why: Word = ""
    usage: Fields = field(default_factory=dict)
    aims: Fields = field(default_factory=dict)


@written("scale.begun", "scale.reached", "scale.ended", by=["scale"], read=always("LoadHeld", SCALED))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadHeld(Timed):
    """A service (the subject, `NAMESPACE/NAME`) gets load, has reached the requested level, or no longer gets load.

    Attributes:
        demand: key of the demand.
        resource: `cpu` or `memory`.
        level: requested mean usage of the pods, divided by their resource request.
        pods: number of pods that get load.
        mean: mean usage divided by the request.
        lowest: lowest usage divided by the request.
        highest: highest usage divided by the request.
        cpu_scale: factor by which reported CPU usage exceeds real usage.
        ok: whether the level was reached and kept.
        why: reason if `ok` is False.
    """

    demand: Word
    resource: Word
    level: Size
    pods: Count = 0
    mean: Size | None = None
    lowest: Size | None = None
    highest: Size | None = None
    cpu_scale: Size = 1.0
    ok: YesOrNo = True
    why: Word = ""


@written("scale.failed", by=["scale"], read=always("LoadFailed", "figures.scaling.resized:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFailed(Recorded):
    """A demand (the subject) was not done; `why` is the reason."""

    why: Word


@written("scale.usage", by=["scale"], read=always("LoadHeld", SCALED))
@dataclass(frozen=True, kw_only=True, slots=True)
class UsageRead(Timed):
    """Mean usage of a service's pods (the subject) divided by their request, and the number of pods."""

    demand: Word
    resource: Word
    usage: Size
    pods: Count
    replicas: Count


@written("scale.served", by=["scale"], read=always("LoadFailed", "figures.scaling.resized:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Served(Recorded):
    """One turn in which copies of a workload's pod (the subject is the workload) got requests.

    Attributes:
        demand: key of the demand.
        limit: CPU limit of a copy, in cores.
        copies: number of copies that got requests at the same time.
        seconds: length of the turn in s.
        answers: number of answered requests.
        failed: number of failed requests.
        in_flight: number of open requests at each copy at every moment.
        busy: CPU use of the requesting program, as a share of a core.
        used: maximum CPU use in cores of each measured copy in a window of the metrics API inside the turn.
        since_ns: begin of the demand's turns, in ns; they had ended at the time of recording.
    """

    demand: Word
    limit: Size
    copies: Count = 1
    seconds: Size
    answers: Count
    failed: Count = 0
    in_flight: Count = 0
    busy: Size = 0.0
    used: Numbers = ()
    since_ns: Whole | None = None
