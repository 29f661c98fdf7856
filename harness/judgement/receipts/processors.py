"""Processor time on the machine that a target shares with the harness: when a service was slowed down, and which programs used the processors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.model import Table
from harness.model.observations import MachineSeen
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

LATE_MS: Final = 50.0
"""A probe of the control is late if it was answered more than this after it was due; a probe of the watch if it was sent so late."""
CALM_MS: Final = 30.0
"""A failure that a starved machine excuses is proven by requests of seconds alone in which the control answers within this.

On machines that were starved for over a minute in all, the healthy release had a p95 of 40 to 75 ms in such seconds, and of 70 to 85 ms in those within `LATE_MS`.
"""
LATE_SHARE: Final = 0.25
"""The control is slow in a second in which at least this share of its probes are late."""
TAKEN: Final = 0.1
"""Processors are scarce if other programs use more than this share of them; programs that yield are not counted."""
STALLED: Final = 0.5
"""Processors also count as scarce if all work waits for disks or memory for more than this share of a second."""
PER_HARNESS: Final = 1.4
"""A healthy release takes at most this many times the CPU time of the harness and the rest of the sandbox: up to 1.3 times in profile `core`, as the
median of a minute, and as much in `normaldance`, where all parts of the sandbox are at work.

If a release takes more, it causes the shortage of processors itself.
"""
MORE: Final = 0.3
"""A release that takes more than this share of all processors beyond its own has caused the shortage as well; beside others at work a healthy one took up to 0.23."""
READ_EACH_NS: Final = 1_900_000_000
"""The readings of the machine come each second: one that covers more than this follows others that are not recorded."""
FULL: Final = 0.92
"""A machine is too small if the harness and a healthy release take more than this share of it."""
QUIET_CONTROL: Final = 0.002
"""Share of starved seconds in runs on an idle machine: 2 of 100 seconds have a late control, and in fewer than 10 other programs are at work."""
QUIET_WATCH: Final = 0.028
"""Greatest share of seconds with a late probe of the watch in runs on an idle machine; beside other work it was 0.15."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """The service whose slowness shows a starved machine: the control, else the watch.

    Attributes:
        watched: seconds with a probe.
        late: seconds of `watched` in which the service was slow.
        quiet: share of starved seconds on an idle machine.
        what: description of the slowness in the late seconds, in words.
    """

    watched: Ints
    late: Ints
    quiet: float
    what: str


def control_witness(control: Table, late_ms: float = LATE_MS) -> Witness:
    """The seconds in which the control was slow: many of its answers took longer than `late_ms`.

    A control without an answered probe in a second was cut off by a fault and does not count in it, unless no control answered.
    """
    due, done = control.ints["due_ns"], control.ints["done_ns"]
    answered = control.words["error"].missing
    second, at = np.unique(due // NS_PER_S, return_inverse=True)
    subject = control.words["subject"]
    present = np.zeros((len(second), len(subject.names)), dtype=np.bool_)
    present[at[answered], subject.codes[answered]] = True
    silent: Bools = np.asarray(~present.any(axis=1), dtype=np.bool_)
    counted = present[at, subject.codes] | silent[at]
    slow = counted & ((done - due > late_ms * 1e6) | ~answered)
    of = np.bincount(at[counted], minlength=len(second))
    share = np.bincount(at[slow], minlength=len(second)) / np.maximum(of, 1)
    what = f"the control service, which only answers, took over {late_ms:g} ms"
    return Witness(watched=second, late=second[share >= LATE_SHARE], quiet=QUIET_CONTROL, what=what)


def watch_witness(probes: Table) -> Witness:
    """The seconds in which the watch sent its own probes late, for runs without a control."""
    due, sent = probes.ints["due_ns"], probes.ints["sent_ns"]
    second = due[sent > 0] // NS_PER_S
    late = np.unique(second[(sent - due)[sent > 0] > LATE_MS * 1e6])
    what = f"the watch sent probes over {LATE_MS:g} ms late"
    return Witness(watched=np.unique(second), late=late, quiet=QUIET_WATCH, what=what)


def needed(seen: MachineSeen) -> float | None:
    """The share of all processors that harness and healthy release needed in that second; None if the kernel recorded none."""
    if seen.harness is None or seen.target is None:
        return None
    return seen.harness + min(seen.target, PER_HARNESS * seen.harness)


def beyond(seen: MachineSeen) -> float:
    """The share of all processors that the release used in excess of a healthy release."""
    return max((seen.target or 0.0) - PER_HARNESS * (seen.harness or 0.0), 0.0)


def own_share(seen: MachineSeen) -> float:
    """The share of all processors that release, harness and sandbox used together."""
    return (seen.target or 0.0) + (seen.harness or 0.0)


def left_over(seen: MachineSeen) -> float:
    """The share of all processors that other programs left to the harness and the release."""
    return 1 - max((seen.others or 0.0) - (seen.yielding or 0.0), 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scarcity:
    """The seconds in which processors were scarce.

    Attributes:
        every: seconds in which other programs used the processors, the machine was too small, or all work waited for disks or memory.
        taken: seconds in which other programs used the processors.
        by_others: seconds of `taken` in which release and database are known to have used no more than their usual share.
    """

    every: set[int]
    taken: set[int]
    by_others: set[int]


def scarcity(every: Iterable[MachineSeen]) -> Scarcity | None:
    """The seconds with scarce processors, by the machine's records; None if the kernel recorded no processor use per program."""
    readings, found, since_ns = list(every), Scarcity(every=set(), taken=set(), by_others=set()), None
    usual = [own_share(seen) for seen in readings if needed(seen) is not None]
    most = float(np.median(usual)) + MORE if usual else 0.0
    for seen in readings:
        if (need := needed(seen)) is not None:
            start_ns = seen.when_ns - NS_PER_S if since_ns is None else since_ns
            seconds = range(start_ns // NS_PER_S, seen.when_ns // NS_PER_S + 1)
            taken = left_over(seen) < 1 - TAKEN
            if taken or need > FULL or (seen.stalled or 0.0) > STALLED:
                found.every.update(seconds)
            if taken:
                found.taken.update(seconds)
            if taken and seen.when_ns - start_ns <= READ_EACH_NS and beyond(seen) <= MORE and own_share(seen) <= most:
                found.by_others.update(seconds)
        since_ns = seen.when_ns
    return found if usual else None
