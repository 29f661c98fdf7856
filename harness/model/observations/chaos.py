"""Observations recorded by the child process of an experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model.observations.kinds import Counts, ManyFields, Recorded, Timed, Whole, Word, YesOrNo, written
from harness.model.observations.readers import STARTED, UNDONE, always


@written("fault.sent", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultSent(Timed):
    """The first action of an experiment (the subject) was sent.

    Attributes:
        activity: its name. gone_by: the probe in the file that confirms the end of the fault; empty if none is named.
    """

    activity: Word = ""
    gone_by: Word = ""


@written("fault.confirmed", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultConfirmed(Timed):
    """A reading of the target showed the fault, with the objects that it hit.

    Attributes:
        inferred: True if the hits follow only from what ended, since no action reported them.
        decisions_read: whether the autoscalers' decisions were read before and after, so that pods that they ended are left out.
    """

    probe: Word = ""
    hit: ManyFields = ()
    inferred: YesOrNo = False
    decisions_read: YesOrNo = True


@written("fault.held", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultHeld(Timed):
    """The confirming probe was run again at the end of the fault: whether the fault was still active."""

    probe: Word = ""
    ok: YesOrNo


@written("fault.restarted", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRestarted(Timed):
    """The action was sent that restarts what the fault had stopped; its file declares it as part of the measurement."""

    activity: Word = ""


@written("fault.undone", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultUndone(Timed):
    """The undo was sent."""

    activity: Word = ""


@written("fault.gone", by=["chaos-*"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultGone(Timed):
    """A reading of the target no longer showed the fault."""

    probe: Word = ""


@written("fault.stays", by=["chaos-*"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultStays(Timed):
    """After the rollbacks, the last run of the probe did not confirm the end of the fault."""

    probe: Word = ""


@written("steady.again", by=["chaos-*"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyAgain(Timed):
    """The file's steady-state hypothesis was not met after the method, but was met after the rollbacks."""


@written("fault.why", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWhy(Recorded):
    """A problem with the fault."""

    why: Word


@written("activity", by=["chaos-*"], read=always("ActivityDone", "figures.database.promotion:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityDone(Recorded):
    """One activity of an experiment's file.

    Attributes:
        status: status in Chaos Toolkit. ok: whether it succeeded and did not report a failure itself; None in an older record.
        answers: by status, how many reads at the entry it made itself.
    """

    name: Word = ""
    type: Word = ""
    part: Word = ""
    started_ns: Whole
    ended_ns: Whole
    status: Word = ""
    ok: YesOrNo | None = None
    output: Word = ""
    answers: Counts = field(default_factory=dict)
