"""What is recorded of a rollout."""

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


@written("rollout.started", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStarted(Timed):
    """The candidate was sent to every object of a rollout (the subject).

    Attributes:
        objects: that it changes. unchanged: those for which the candidate is what runs already.
    """

    strategy: Word
    stable: Word
    candidate: Word
    objects: Names
    unchanged: Names = ()


@written("rollout.skipped", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSkipped(Recorded):
    """A rollout (the subject) was not begun, and why."""

    why: Word


@written("rollout.status", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStatus(Timed):
    """What an object (the subject) said of itself, recorded when it changed.

    Attributes:
        rollout: by name. share: of users or replicas that its current template is given.
        since_ns: when it last said something else: it changed between the two.
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


@written("rollout.analysis", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutAnalysis(Timed):
    """An analysis (the subject) of a rollout, recorded when it changed.

    Attributes:
        measured: fewest measurements of any of its metrics.
        metrics: name, phase, counts and the last values of each; `dry_run` where it is one, which decides nothing.
    """

    rollout: Word
    object: Word
    type: Word = ""
    step: Count | None = None
    phase: Word
    message: Word = ""
    measured: Count
    metrics: ManyFields = ()


@written("rollout.step", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStep(Timed):
    """A rollout (the subject) came to a step: every object gives the candidate about this share.

    Attributes:
        share: as the rollout file expects it. given: as the objects say it, the smallest of them.
        since_ns: when it was last seen before the step.
    """

    share: Size
    given: Size
    since_ns: Whole


@written("rollout.promoted", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPromoted(Timed):
    """The harness promoted a rollout (the subject) out of a pause, after so many answers of the candidate in the step."""

    share: Size
    answers: Count


@written("rollout.back", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutBack(Timed):
    """A rollout (the subject) was taken back: the order was answered, or the platform was first seen to go back.

    Attributes:
        by: `platform`, `hand` (as planned), `harness` (because nothing else ended it) or `unknown`. why: for people.
        failed: what the command for the way back answered; empty where it worked.
        since_ns: when the order was first sent, or it was last seen going on.
    """

    by: Word
    why: Word = ""
    failed: Word = ""
    since_ns: Whole


@written("rollout.ended", by=["rollouts"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutEnded(Timed):
    """A rollout (the subject) ended: which release every object is at rest on; empty where that was not seen, and `why` says why."""

    ok: YesOrNo
    release: Word = ""
    why: Word = ""
    statuses: Fields = field(default_factory=dict)
