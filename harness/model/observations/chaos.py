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
        activity: name of the action.
        gone_by: probe that confirms the end of the fault; empty: none is named.
    """

    activity: Word = ""
    gone_by: Word = ""


@written("fault.confirmed", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultConfirmed(Timed):
    """A probe of the target showed the fault; `hit` has the hit objects.

    Attributes:
        probe: name of the probe.
        hit: hit objects.
        inferred: True if the hits are known only from ended objects, since no action reported them.
        decisions_read: whether the autoscalers' decisions were read before and after, so that pods that they ended are left out.
    """

    probe: Word = ""
    hit: ManyFields = ()
    inferred: YesOrNo = False
    decisions_read: YesOrNo = True


@written("fault.held", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultHeld(Timed):
    """The confirming probe ran again at the end of the fault; `ok` tells whether the fault was still active."""

    probe: Word = ""
    ok: YesOrNo


@written("fault.restarted", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRestarted(Timed):
    """The action `restarted_by` was sent, which restarts the stopped parts as part of the measurement."""

    activity: Word = ""


@written("fault.restored_from", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRestoredFrom(Timed):
    """The action `restarted_by` ended, and said what the platform restored, such as the name of a backup."""

    what: Word


@written("fault.undone", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultUndone(Timed):
    """The undo of the fault was sent."""

    activity: Word = ""


@written("fault.gone", by=["chaos-*"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultGone(Timed):
    """A probe of the target no longer showed the fault."""

    probe: Word = ""


@written("fault.stays", by=["chaos-*"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultStays(Timed):
    """The last run of the probe after the rollbacks did not confirm the end of the fault."""

    probe: Word = ""


@written("steady.again", by=["chaos-*"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyAgain(Timed):
    """The steady-state hypothesis was not met after the method, and was met after the rollbacks."""


@written("fault.why", by=["chaos-*"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWhy(Recorded):
    """A problem with the fault."""

    why: Word


@written("activity", by=["chaos-*"], read=always("ActivityDone", "figures.database.promotion:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityDone(Recorded):
    """One activity of an experiment file.

    Attributes:
        name: name of the activity.
        type: `action` or `probe`.
        part: part of the experiment.
        started_ns: start time in ns.
        ended_ns: end time in ns.
        status: status in Chaos Toolkit.
        ok: whether the activity succeeded and reported no failure; None in an older record.
        output: output of the activity.
        answers: number of its own reads at the entry, by status.
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
