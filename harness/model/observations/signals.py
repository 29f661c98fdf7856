"""Observations of the signals of rollout triggers other than requests: memory and user reports."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.observations.kinds import Size, Timed, Word, YesOrNo, written
from harness.model.observations.readers import always


@written("rollout.memory", by=["rollouts"], read=always("RolloutMemory", "figures.rollouts.rollback.rollbacks:START"))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutMemory(Timed):
    """Working set of a pod (the subject) divided by its limit, for the container that is closest to its limit.

    Attributes:
        rollout: name of the rollout.
        release: release of the pod.
        share: working set divided by the limit.
        at_ns: time of the measurement, from the metrics API.
        window_s: length in s of the window that ended then; 0 in records of an older version, whose time is that of the
            reading.
    """

    rollout: Word
    release: Word
    share: Size
    window_s: Size = 0.0


@written(
    "rollout.reported", by=["rollouts"], read=always("RolloutReported", "figures.rollouts.rollback.rollbacks:START")
)
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutReported(Timed):
    """The run sent a user report during a rollout (the subject); `accepted` tells whether it was recorded."""

    severity: Word
    release: Word
    accepted: YesOrNo
    why: Word = ""
