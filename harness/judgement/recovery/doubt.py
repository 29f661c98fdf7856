"""The second, stricter reading of a record of requests: the latest time until which a service may have been out.

The first reading (`rule`) alone is not monotone: a further outage or a missing record could shorten a measured outage. So a recovery passes only if it
also passes by this reading, in which

* requests failed in every gap that is longer than planned,
* the usual share of failures is the promised share, also if more requests failed before the fault,
* an outage lasts until the failures between it and the start and end of each later outage, and the end of the record, are as rare as usual; each five
  seconds count no more failed or late requests than can be noise.

With one more failure, or one record less, no outage of this reading ends earlier. No FAIL is based on it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.judgement.recovery.requests import GAP_NS, Requests
from harness.judgement.recovery.rule import (
    BLIND_SECOND_NS,
    STRETCH_NS,
    Outage,
    OutageSpan,
    RangeCounts,
    outages_apart,
    served_in,
    since_undo,
    timed,
)
from harness.judgement.recovery.usual import AS_BEFORE, NOISE, Usual
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

PLANNED: Final = 3.0
"""Gaps up to this multiple of the planned time between two probes are as planned, and up to GAP_NS."""
MOST: Final = 10_000
"""So many failed requests stand for one gap at most, however long it is and however close requests usually are."""


def planned_gap_ns(spacing_ms: float) -> int:
    """The longest gap in ns that counts as planned, for probes with this planned spacing."""
    return max(GAP_NS, round(PLANNED * spacing_ms * 1e6))


def latest_s(
    requests: Requests,
    span: tuple[int, int],
    until_ns: int,
    usual: Usual,
    *,
    gap_ns: int,
    blind_ns: int = BLIND_SECOND_NS,
) -> float | None:
    """Latest possible end of the outages, in s from the fault; 0: no outage is possible; None: they may last to the end of the record.

    Args:
        requests: requests from the fault to `until_ns`.
        span: from the fault to the undo or, without an undo, the end of the watch; outages and gaps that begin in it count.
        until_ns: end of the requests.
        usual: usual shares of failed and late requests.
        gap_ns: maximum length of a gap that cannot hide an outage.
        blind_ns: as in `served_in`.
    """
    out = _doubted(unseen_failed(requests, span, gap_ns), until_ns, usual, AS_BEFORE, blind_ns)
    promised = served_in(requests, until_ns, usual.granted, blind_ns=blind_ns).outages
    ends_ns = [one.end_ns for one in (*out, *promised) if one.start_ns < span[1]]
    known = [end_ns for end_ns in ends_ns if end_ns is not None]
    if len(known) < len(ends_ns):
        return None
    return (max(known) - span[0]) / NS_PER_S if known else 0.0


def way_longest_s(
    requests: Requests,
    span: tuple[int, int],
    until_ns: int,
    usual: Usual,
    *,
    gap_ns: int,
    blind_ns: int = BLIND_SECOND_NS,
) -> float | None:
    """Maximum possible length of an outage after the undo, in s; None: it may last to the end of the record.

    `span` is from the undo to the restore; the other arguments are as in `latest_s`.
    """
    filled = unseen_failed(
        requests, (span[0], until_ns), gap_ns
    )  # after the restore, too: there it stayed as before, or not
    out = _doubted(filled, until_ns, usual, NOISE, blind_ns)
    longest_ns = 0
    for one in since_undo(out, *span):
        if one.end_ns is None:
            return None
        longest_ns = max(longest_ns, one.end_ns - one.start_ns)
    return longest_ns / NS_PER_S


def may_last(requests: Requests, until_ns: int, usual: Usual, *, blind_ns: int) -> bool:
    """Whether an outage may last to the end of these requests, of which there is one at least; the arguments are as in `served_in`."""
    filled = unseen_failed(requests, (int(requests.sent_ns[0]), until_ns), blind_ns)
    return any(one.end_ns is None for one in _doubted(filled, until_ns, usual, NOISE, blind_ns))


def unseen_failed(requests: Requests, span: tuple[int, int], gap_ns: int) -> Requests:
    """The requests, with failed requests added in each gap of the span that is longer than `gap_ns`, at the usual spacing."""
    start_ns, end_ns = span
    marks = np.concatenate([[start_ns], requests.between(start_ns, end_ns).sent_ns, [max(start_ns, end_ns)]])
    times = np.diff(marks)
    gaps = np.flatnonzero(times > gap_ns)
    if not len(gaps):
        return requests
    others = times[times <= gap_ns]
    apart_ns = round(others.mean()) if len(others) else gap_ns
    added = np.concatenate(
        [_moments(int(marks[at]), int(marks[at + 1]), max(apart_ns, int(times[at]) // MOST)) for at in gaps.tolist()]
    )
    return Requests.of(
        np.concatenate([requests.sent_ns, added]),
        np.concatenate([requests.done_ns, added]),
        np.concatenate([requests.ok, np.zeros(len(added), dtype=np.bool_)]),
    )


def _moments(start_ns: int, end_ns: int, apart_ns: int) -> Ints:
    """The moments after the first and before the last one, `apart_ns` from each other."""
    return np.arange(start_ns + apart_ns, end_ns, apart_ns, dtype=np.int64)


def _doubted(requests: Requests, until_ns: int, usual: Usual, chance: float, blind_ns: int) -> tuple[Outage, ...]:
    """The outages of the second reading, at a level of chance."""
    usual = usual.granted
    if requests.served(usual.promised_ms).all():
        return ()
    apart, good = outages_apart(requests, until_ns, usual, blind_ns=blind_ns)
    ends = np.unique([*(at for span in apart for at in span if at is not None), len(requests)])
    record = _Capped(requests, usual)
    found: list[OutageSpan] = []
    for last in (OutageSpan(-1, 0), *apart):
        if found and (found[-1].back is None or last.first < found[-1].back):
            continue
        back = last.back
        if back is not None and not record.stays(np.array([back]), ends, chance)[0]:
            later = good[good >= back]
            later = later[record.stays(later, ends, chance)]
            back = int(later[0]) if len(later) else None
        if last.first >= 0 or back != 0:
            found.append(OutageSpan(last.first if last.first >= 0 else record.first_bad, back))
    return timed(requests, requests.served(usual.promised_ms), found)


class _Capped:
    """A record in which each five seconds have no more failed or late requests than can be noise in so many.

    The five seconds are those of the clock: such as begin with a request that was served would begin elsewhere where more failed.
    """

    def __init__(self, requests: Requests, usual: Usual) -> None:
        self._usual = usual
        self._edges = np.append(
            np.flatnonzero(np.diff(requests.sent_ns // STRETCH_NS, prepend=-1)), len(requests)
        ).astype(np.int64)
        sizes = np.diff(self._edges)
        self._bins = np.repeat(np.arange(len(sizes)), sizes)
        good = (requests.ok, requests.served(usual.promised_ms))
        self._sums = [np.concatenate([[0], np.cumsum(~each)]) for each in good]
        whole = np.full(
            len(sizes), sizes.max()
        )  # the last five seconds may be cut short; noise in them is in whole ones, too
        self._most = [usual.most_of(whole, late=late) for late in (False, True)]
        self.first_bad = int(np.argmin(good[1]))

    def stays(self, starts: Ints, ends: Ints, chance: float) -> Bools:
        """Where chance explains, at this level, what counts from each of these requests up to each of the ends after it."""
        stays = np.ones(len(starts), dtype=np.bool_)
        for end in ends.tolist():
            asked = stays & (starts < end)
            if asked.any():
                stays[asked] = self._usual.explains(*self._between(starts[asked], end), chance)
        return stays

    def _between(self, starts: Ints, end: int) -> RangeCounts:
        failed, bad = (self._of(sums, most, starts, end) for sums, most in zip(self._sums, self._most, strict=True))
        return RangeCounts(failed, bad, np.asarray(end - starts, dtype=np.int64))

    def _of(self, sums: Ints, most: Ints, starts: Ints, end: int) -> Ints:
        whole = np.concatenate([[0], np.cumsum(np.minimum(np.diff(sums[self._edges]), most))])
        first, last = self._bins[starts], int(self._bins[end - 1])
        own = np.minimum(sums[np.minimum(self._edges[first + 1], end)] - sums[starts], most[first])
        between = np.maximum(whole[last] - whole[first + 1], 0)
        rest = min(int(sums[end] - sums[self._edges[last]]), int(most[last]))
        return np.asarray(own + between + np.where(first < last, rest, 0), dtype=np.int64)
