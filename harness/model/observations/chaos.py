"""What the child process of an experiment records."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.observations.kinds import ManyFields, Recorded, Timed, Whole, Word, written


@written("fault.sent", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultSent(Timed):
    """The first action of an experiment (the subject) was sent."""

    activity: Word = ""


@written("fault.confirmed", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultConfirmed(Timed):
    """The fault was read from the target as in, with what it hit."""

    probe: Word = ""
    hit: ManyFields = ()


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


@written("fault.why", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWhy(Recorded):
    """What went wrong with the fault."""

    why: Word


@written("activity", by=["chaos-*"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityDone(Recorded):
    """One activity of an experiment's file."""

    name: Word = ""
    type: Word = ""
    part: Word = ""
    started_ns: Whole
    ended_ns: Whole
    status: Word = ""
    output: Word = ""
