"""Observations of autoscalers, and of the load that their services get."""

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
    """The status of an autoscaler (the subject, `NAMESPACE/NAME`), recorded when anything except its usage changed.

    Attributes:
        target: name of what it scales. least, most: replicas that it keeps between. current, desired: replicas.
        active: whether its metrics can be read. why: its message about that.
        usage: by resource, in percent of the request.
    """

    target: Word = ""
    least: Count = 0
    most: Count = 0
    current: Count = 0
    desired: Count = 0
    active: YesOrNo = False
    why: Word = ""
    usage: Fields = field(default_factory=dict)


@written("scale.begun", "scale.reached", "scale.ended", by=["scale"], read=always("LoadHeld", SCALED))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadHeld(Timed):
    """A service (the subject, `NAMESPACE/NAME`) gets load, has reached the requested level, or no longer gets load.

    Attributes:
        demand: key of the demand that it serves. resource: `cpu` or `memory`.
        level: requested mean usage of its pods, divided by their resource request. pods: pods that get the load.
        mean, lowest, highest: usage divided by the request, when the level was reached or from then to the end.
        cpu_scale: factor by which reported CPU usage exceeds real usage.
        ok: whether the level was reached and kept. why: the reason if not.
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
    """A demand (the subject) was not done, with the reason."""

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
    """One turn in which copies of a workload's pod were loaded: at every moment `in_flight` requests were open at each copy.

    The subject is the workload.

    Attributes:
        demand: key of the demand that it serves. limit: cores that a copy may use. copies: how many were loaded together.
        seconds: how long the turn lasted. answers, failed: requests that were answered, and that failed.
        in_flight: requests that were open at each copy. busy: share of a core that the asking itself took.
        used: the most cores that a copy used in a window of the metrics API inside of the turn, of each copy that was measured.
        since_ns: when the turns of its demand began; they had ended when it was recorded.
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
