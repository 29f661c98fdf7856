"""What a machine did to a target beside the harness: who felt it, and who had the processors meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.model import Table
from harness.model.observations import MachineSeen
from harness.model.table import Bools, Ints
from harness.units import NS_PER_S

LATE_MS: Final = 50.0
"""A probe of the control is late that took longer than this from when it was due; one of the watch that was sent so long after."""
LATE_SHARE: Final = 0.25
"""The control suffers in a second in which so many of its probes are late."""
TAKEN: Final = 0.1
"""Others have the processors where they have more than this share of them; programs that yield leave theirs to whoever asks."""
STALLED: Final = 0.5
"""So do they where all work waits for disks, or for memory, for more than this share of a second."""
PER_HARNESS: Final = 1.5
"""A healthy release takes no more than so many times what the harness and the rest of the sandbox take: 1.4 times in profile `core`.

What a release takes beyond that is its own doing, and no want of processors.
"""
FULL: Final = 0.85
"""A machine is too small where harness and a healthy release take more than this share of it."""
QUIET_CONTROL: Final = 0.002
"""Starved seconds of a run on a machine to itself, as a share: 2 of 100 have a late control, and others are at work in fewer than 10."""
QUIET_WATCH: Final = 0.028
"""The most seconds with a late probe of the watch in runs on a machine to itself, as a share; beside other work it was 0.15."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """By whom the machine was felt: the control, else the watch.

    Attributes:
        watched: the seconds with a probe. late: of them those in which it suffered.
        quiet: starved seconds on a machine to itself, as a share.
        what: what it did in them.
    """

    watched: Ints
    late: Ints
    quiet: float
    what: str


def control_witness(control: Table) -> Witness:
    """What the control felt.

    A control of which no probe of a second was answered has been cut off by a fault, and tells nothing then; unless none was answered.
    """
    due, done = control.ints["due_ns"], control.ints["done_ns"]
    answered = control.words["error"].missing
    second, at = np.unique(due // NS_PER_S, return_inverse=True)
    subject = control.words["subject"]
    present = np.zeros((len(second), len(subject.names)), dtype=np.bool_)
    present[at[answered], subject.codes[answered]] = True
    silent: Bools = np.asarray(~present.any(axis=1), dtype=np.bool_)
    counted = present[at, subject.codes] | silent[at]
    slow = counted & ((done - due > LATE_MS * 1e6) | ~answered)
    of = np.bincount(at[counted], minlength=len(second))
    share = np.bincount(at[slow], minlength=len(second)) / np.maximum(of, 1)
    what = f"the control took over {LATE_MS:g} ms"
    return Witness(watched=second, late=second[share >= LATE_SHARE], quiet=QUIET_CONTROL, what=what)


def watch_witness(probes: Table) -> Witness:
    """What the watch felt, where there was no control: that its own probes were late."""
    due, sent = probes.ints["due_ns"], probes.ints["sent_ns"]
    second = due[sent > 0] // NS_PER_S
    late = np.unique(second[(sent - due)[sent > 0] > LATE_MS * 1e6])
    what = f"the watch sent probes over {LATE_MS:g} ms late"
    return Witness(watched=np.unique(second), late=late, quiet=QUIET_WATCH, what=what)


def needed(seen: MachineSeen) -> float | None:
    """The share of all processors that harness and a healthy release needed in that second; None where the kernel did not count."""
    if seen.harness is None or seen.target is None:
        return None
    return seen.harness + min(seen.target, PER_HARNESS * seen.harness)


def left_over(seen: MachineSeen) -> float:
    """The share of all processors that others left to them."""
    return 1 - max((seen.others or 0.0) - (seen.yielding or 0.0), 0.0)


def scarce_seconds(every: Iterable[MachineSeen]) -> set[int] | None:
    """The seconds in which others had the processors, or the machine was too small, or all work waited for disks or memory.

    None where the kernel did not count who had them.
    """
    scarce, counted, since_ns = set[int](), False, None
    for seen in every:
        if (need := needed(seen)) is not None:
            counted = True
            if left_over(seen) < 1 - TAKEN or need > FULL or (seen.stalled or 0.0) > STALLED:
                scarce |= set(range((since_ns or seen.when_ns - NS_PER_S) // NS_PER_S, seen.when_ns // NS_PER_S + 1))
        since_ns = seen.when_ns
    return scarce if counted else None
