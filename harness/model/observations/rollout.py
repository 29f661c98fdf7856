"""Observations of a rollout."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model.observations.kinds import (
    Count,
    Fields,
    ManyFields,
    Names,
    Recorded,
    Size,
    Timed,
    Whole,
    Word,
    YesOrNo,
    written,
)
from harness.model.observations.readers import OF_ROLLOUTS, SAID, always


@written("rollout.started", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStarted(Timed):
    """The candidate was sent to every object of a rollout (the subject).

    Attributes:
        objects: objects that it changes. unchanged: objects that already run the candidate.
    """

    strategy: Word
    stable: Word
    candidate: Word
    objects: Names
    unchanged: Names = ()


@written("rollout.skipped", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSkipped(Recorded):
    """A rollout (the subject) was not begun, and why."""

    why: Word


@written("rollout.status", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStatus(Timed):
    """The status of an object (the subject), recorded when it changed.

    Attributes:
        rollout: name of the rollout. share: share of users or replicas that its current template gets.
        since_ns: when the last different status was read; the change was between that and the observation.
    """

    rollout: Word
    phase: Word
    message: Word = ""
    share: Size | None = None
    step: Count | None = None
    current: Word = ""
    stable: Word = ""
    pause: Word = ""
    aborted: YesOrNo = False
    since_ns: Whole


@written("rollout.analysis", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutAnalysis(Timed):
    """An analysis (the subject) of a rollout, recorded when it changed.

    Attributes:
        measured: smallest number of measurements among its metrics.
        metrics: name, phase, counts and last values of each metric; `dry_run` for a metric that decides nothing.
    """

    rollout: Word
    object: Word
    type: Word = ""
    step: Count | None = None
    phase: Word
    message: Word = ""
    measured: Count
    metrics: ManyFields = ()


@written("rollout.step", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStep(Timed):
    """A rollout (the subject) reached a step: every object gives the candidate about this share.

    Attributes:
        share: share in the rollout file. given: smallest share that the objects report.
        since_ns: when it was last observed before the step.
    """

    share: Size
    given: Size
    since_ns: Whole


@written("rollout.promoted", by=["rollouts"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPromoted(Timed):
    """The harness promoted a rollout (the subject) out of a pause, after this number of the candidate's answers in the step."""

    share: Size
    answers: Count


@written("rollout.back", by=["rollouts"], read=always("RolloutBack", "figures.rollouts.rollback.rollbacks:START"))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutBack(Timed):
    """A rollout (the subject) is being rolled back: the command was answered, or the platform was observed to roll back.

    Attributes:
        by: `platform`, `hand` (as planned), `harness` (because nothing else ended it) or `unknown`. why: the reason as text.
        failed: error of the rollback command; empty if it worked.
        since_ns: when the command was first sent, or when the rollout was last observed going forward.
    """

    by: Word
    why: Word = ""
    failed: Word = ""
    since_ns: Whole


@written("rollout.ended", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutEnded(Timed):
    """A rollout (the subject) ended: the release on which every object is at rest; empty if not observed, with the reason in `why`."""

    ok: YesOrNo
    release: Word = ""
    why: Word = ""
    statuses: Fields = field(default_factory=dict)
