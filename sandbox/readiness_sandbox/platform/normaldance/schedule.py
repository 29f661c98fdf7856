"""Defects on a schedule: from so many seconds after the first user's request to so many, and no longer.

`errors 0 2 1; slow 4 8 2200; memory 1 22 182000`: one in one answer fails for two seconds, answers of track reads are late by 2200 ms from the fourth
second to the eighth, 182000 kB are held from the first second to the twenty-second.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import dataclass
from functools import cache

_PIECE_KB = 1000


@dataclass(frozen=True, slots=True)
class Defect:
    """One entry: what, from when to when in seconds, and how much."""

    what: str
    begin_s: float
    end_s: float
    amount: float


class Schedule:
    """The defects of one pod by time; none where the variable DEFECT_SCHEDULE is not set."""

    def __init__(self, text: str = "") -> None:
        self._entries = [_entry(one) for one in filter(str.strip, text.split(";"))]
        self._began_s: float | None = None
        self._counts = itertools.count(1)
        self._held: list[bytes] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(tuple(self._entries))

    def asked(self) -> None:
        """A user's request came: with the first one it begins."""
        if not self._entries or self._began_s is not None:
            return
        loop = asyncio.get_running_loop()
        self._began_s = loop.time()
        for one in self._entries:
            if one.what == "memory":
                loop.call_later(one.begin_s, self._hold, int(one.amount))
                loop.call_later(one.end_s, self._hold, self.amount("memory", one.end_s))

    def amount(self, what: str, at_s: float | None = None) -> int:
        """How much there is of it now, or at a time; 0: nothing."""
        if at_s is None:
            if self._began_s is None:
                return 0
            at_s = asyncio.get_running_loop().time() - self._began_s
        return next(
            (int(one.amount) for one in self._entries if one.what == what and one.begin_s <= at_s < one.end_s), 0
        )

    def errs(self) -> bool:
        """Whether the answer at hand is replaced by an error."""
        one_in = self.amount("errors")
        return bool(one_in) and next(self._counts) % one_in == 0

    def delay_s(self, route: str) -> float:
        """Seconds by which the answer at hand comes late."""
        return self.amount("slow") / 1000 if route == "read-track" else 0.0

    def _hold(self, kilobytes: int) -> None:
        """Hold so much memory; the pages are written, so that they are in memory. What is held already stays: only the difference takes time."""
        pieces = -(-kilobytes // _PIECE_KB)
        del self._held[pieces:]
        self._held += [b"x" * 1024 * _PIECE_KB for _ in range(pieces - len(self._held))]


@cache
def deployed() -> Schedule:
    """The schedule that this pod was deployed with: one, whoever asks."""
    return Schedule(os.environ.get("DEFECT_SCHEDULE", ""))


def _entry(text: str) -> Defect:
    what, begin, end, amount = text.split()
    return Defect(what, float(begin), float(end), float(amount))
