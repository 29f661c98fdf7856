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
        strategy: strategy of the rollout.
        stable: old release.
        candidate: new release.
        objects: objects that the rollout changes.
        unchanged: objects that already run the candidate.
    """

    strategy: Word
    stable: Word
    candidate: Word
    objects: Names
    unchanged: Names = ()


@written("rollout.skipped", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSkipped(Recorded):
    """A rollout (the subject) was not started; `why` is the reason."""

    why: Word


@written("rollout.status", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStatus(Timed):
    """The status of an object (the subject), recorded when it changed.

    Attributes:
        rollout: name of the rollout.
        share: share of users or replicas of the current template.
        since_ns: time of the last reading with another status; the change was between this time and the observation.
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
        measured: smallest number of measurements of its metrics.
        metrics: name, phase, counts and last values of each metric; `dry_run` marks a metric that decides nothing.
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
    """A rollout (the subject) reached a step: the candidate has about this share at every object.

    Attributes:
        share: share in the rollout file.
        given: smallest share that the objects report.
        since_ns: time of the last observation before the step.
    """

    share: Size
    given: Size
    since_ns: Whole


@written("rollout.promoted", by=["rollouts"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPromoted(Timed):
    """The harness promoted a rollout (the subject) after this number of the candidate's answers in the step."""

    share: Size
    answers: Count


@written("rollout.back", by=["rollouts"], read=always("RolloutBack", "figures.rollouts.rollback.rollbacks:START"))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutBack(Timed):
    """A rollout (the subject) is being rolled back, by a command or, as observed, by the platform.

    Attributes:
        by: `platform`, `hand` (as planned), `harness` (since nothing else ended it) or `unknown`.
        why: reason as text.
        failed: error of the rollback command; empty if it worked.
        since_ns: first sending of the command, or last observation of a rollout that goes forward.
    """

    by: Word
    why: Word = ""
    failed: Word = ""
    since_ns: Whole


@written("rollout.ended", by=["rollouts"], read=always("RolloutStep", OF_ROLLOUTS))
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutEnded(Timed):
    """A rollout (the subject) ended; `release` is the release of all objects, or empty with the reason in `why`."""

    ok: YesOrNo
    release: Word = ""
    why: Word = ""
    statuses: Fields = field(default_factory=dict)
