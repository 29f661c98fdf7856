"""The times of all requests of a report: whether they are possible, in order, without a gap, and there once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from harness.drivers.ingest.load.protocol import LoadSample
from harness.drivers.ingest.load.stream import ReportStream
from harness.units import NS_PER_S

_EARLIEST_NS: Final = 946_684_800 * NS_PER_S
"""The year 2000: a time before it has another unit than the tool's."""
_LONGEST_S: Final = 86_400
"""Longest time of one request."""
_BACK_NS: Final = 10 * NS_PER_S
"""Lines are not in order of time by so much where several threads write them; more is a clock that was set back, or a second run."""
_OPENING: Final = 16
"""First requests of a file by which it is known again; so many in a row, of the same names and times, are no chance."""
_MOMENTS: Final = 8
"""Least number of times at which the requests of an opening were sent: many users may begin in one millisecond."""
_LONGEST_OPENING: Final = 1 << 12
_Opening = list[tuple[int, int, str]]


@dataclass(slots=True)
class _Openings:
    """The first requests of each file, found again anywhere after them.

    Attributes:
        again: line of the file at which the requests of an opening are all there again; 0: they are not.
    """

    again: int = 0
    _known: dict[int, list[_Opening]] = field(default_factory=dict)
    _own: _Opening = field(default_factory=list)
    _opened: bool = False
    _followed: list[tuple[_Opening, int]] = field(default_factory=list)

    def begin(self) -> None:
        """Begin a file."""
        self.again, self._opened, self._own, self._followed = 0, False, [], []

    def add(self, sample: LoadSample) -> None:
        """Add a request."""
        if self._followed or sample.sent_ns in self._known:
            self._follow(sample)
        if self._opened:
            return
        self._own.append((sample.sent_ns, sample.done_ns, sample.name))
        if len(self._own) >= _OPENING and len({sent_ns for sent_ns, _, _ in self._own}) >= _MOMENTS:
            self._known.setdefault(self._own[0][0], []).append(self._own)
            self._opened = True
        elif len(self._own) > _LONGEST_OPENING:  # a file of one moment has no opening
            self._opened = True

    def _follow(self, sample: LoadSample) -> None:
        key = (sample.sent_ns, sample.done_ns, sample.name)
        begun = [(opening, 0) for opening in self._known.get(sample.sent_ns, ())]
        self._followed = [(opening, at + 1) for opening, at in (*self._followed, *begun) if opening[at] == key]
        if any(at == len(opening) for opening, at in self._followed):
            self.again, self._followed = sample.line, []


@dataclass(kw_only=True, slots=True)
class Reach:
    """Times of one file: the latest that was sent, and the largest step back."""

    sent_ns: int = 0
    back_ns: int = 0
    line: int = 0


@dataclass(slots=True)
class TimesSeen:
    """The times of all requests: whether they are possible, in order, and without a gap."""

    today: datetime
    from_ns: int = 0
    until_ns: int = 0
    ended_ns: int = 0
    busy: dict[int, int] = field(default_factory=dict)
    _reach: Reach = field(default_factory=Reach)
    _openings: _Openings = field(default_factory=_Openings)
    _latest_ns: int = 0

    def __post_init__(self) -> None:
        """The latest time that a request may have been sent: clocks of other machines may be ahead."""
        self._latest_ns = round((self.today + timedelta(days=1)).timestamp()) * NS_PER_S

    def begin(self) -> None:
        """Begin a file."""
        self._reach, self.ended_ns = Reach(), 0
        self._openings.begin()

    def add(self, sample: LoadSample, source: ReportStream) -> None:
        """Add a request; raises DriverError for one whose times are impossible."""
        sent_ns, done_ns = sample.sent_ns, sample.done_ns
        if not _EARLIEST_NS <= sent_ns <= self._latest_ns:
            what = f"a request was sent {sent_ns / NS_PER_S:.0f} s after 1970, expected a time from 2000 to today"
            raise source.refuse(
                what, "check the unit of the times and the clock of the load generator", line=sample.line
            )
        if not 0 <= done_ns - sent_ns <= _LONGEST_S * NS_PER_S:
            what = f"a request took {(done_ns - sent_ns) / NS_PER_S:g} s, expected 0 to {_LONGEST_S} s"
            raise source.refuse(
                what, "check the unit of the times and the clock of the load generator", line=sample.line
            )
        self.from_ns = min(self.from_ns or sent_ns, sent_ns)
        self.until_ns, self.ended_ns = max(self.until_ns, done_ns), max(self.ended_ns, done_ns)
        first, last = sent_ns // NS_PER_S, done_ns // NS_PER_S
        if self.busy.get(first, -1) < last:
            self.busy[first] = last
        reach = self._reach
        if reach.sent_ns - done_ns > reach.back_ns:
            reach.back_ns, reach.line = reach.sent_ns - done_ns, sample.line
        reach.sent_ns = max(reach.sent_ns, sent_ns)
        self._openings.add(sample)

    def doubts(self, where: str) -> Iterator[str]:
        """Whether times run backwards in the file."""
        if self._reach.back_ns > _BACK_NS:
            back = f"{where}:{self._reach.line}: times run back by {self._reach.back_ns / NS_PER_S:.4g} s"
            yield f"{back}: a clock was set back, or the file is of two runs"
        if self._openings.again:
            yield f"{where}:{self._openings.again}: requests are there twice, as in a file that was copied twice or during the load"

    @property
    def longest_gap_s(self) -> float:
        """Longest time in whole seconds in which no request was under way."""
        gap, last = 0, min(self.busy, default=0)
        for first in sorted(self.busy):
            gap, last = max(gap, first - last), max(last, self.busy[first])
        return float(gap)
