"""Observations of the signals that triggers of a rollout use beside requests: memory and user reports."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.observations.kinds import Size, Timed, Word, YesOrNo, written
from harness.model.observations.readers import always


@written("rollout.memory", by=["rollouts"], read=always("RolloutMemory", "figures.rollouts.rollback.rollbacks:START"))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutMemory(Timed):
    """The working set of a pod (the subject) over the limit of its container, of the container that is nearest to its own.

    Attributes:
        at_ns: when it was measured, as the metrics API says. window_s: length of the window that ended then; 0: of an older release, which recorded when it was read.
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
    """The run sent a user report on a release in a rollout (the subject), and the platform recorded or refused it."""

    severity: Word
    release: Word
    accepted: YesOrNo
    why: Word = ""
