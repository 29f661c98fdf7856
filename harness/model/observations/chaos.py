"""What the child process of an experiment records."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.observations.kinds import ManyFields, Recorded, Timed, Whole, Word, YesOrNo, written


@written("fault.sent", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultSent(Timed):
    """The first action of an experiment (the subject) was sent.

    Attributes:
        activity: its name. gone_by: the probe that its file names to see the fault end; empty where it names none.
    """

    activity: Word = ""
    gone_by: Word = ""


@written("fault.confirmed", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultConfirmed(Timed):
    """The fault was read from the target as in, with what it hit.

    Attributes:
        inferred: nothing but its end says that something was hit; no action reported it.
        decisions_read: whether the autoscalers' decisions were read before and after, so that the pods that they ended are left out.
    """

    probe: Word = ""
    hit: ManyFields = ()
    inferred: YesOrNo = False
    decisions_read: YesOrNo = True


@written("fault.held", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultHeld(Timed):
    """The confirming probe was asked once more at the end of the hold: whether the fault was still in."""

    probe: Word = ""
    ok: YesOrNo


@written("fault.restarted", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRestarted(Timed):
    """The action was sent that starts again what the fault ended, and that its file declares to be part of what is measured."""

    activity: Word = ""


@written("fault.undone", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultUndone(Timed):
    """The undo was sent."""

    activity: Word = ""


@written("fault.gone", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultGone(Timed):
    """The fault was read from the target as out."""

    probe: Word = ""


@written("fault.stays", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultStays(Timed):
    """After the rollbacks the probe that sees the fault end was asked for the last time, and did not."""

    probe: Word = ""


@written("steady.again", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyAgain(Timed):
    """The steady-state hypothesis of the file, which was not met after the method, was met after the rollbacks."""


@written("fault.why", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWhy(Recorded):
    """What went wrong with the fault."""

    why: Word


@written("activity", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityDone(Recorded):
    """One activity of an experiment's file.

    Attributes:
        status: of Chaos Toolkit. ok: whether it succeeded, and does not say itself that it failed; None in an older record.
    """

    name: Word = ""
    type: Word = ""
    part: Word = ""
    started_ns: Whole
    ended_ns: Whole
    status: Word = ""
    ok: YesOrNo | None = None
    output: Word = ""
