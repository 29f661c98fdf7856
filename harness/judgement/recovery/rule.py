"""The outage rule (rule 8): when an outage of a service begins, and when the service has recovered.

The shares of failed and late requests are compared with the usual shares (`usual`): the promised share or the share measured without a fault,
whichever is greater. A *stretch* is a period of five seconds that begins with a successful request and has no blind second.

* A failed or late request in a stretch is *noise* if chance explains so many of them in the stretch, and it is in no run of failures that chance does
  not explain. Every other failed or late request belongs to an *outage*.
* An outage begins when its first request was sent. It ends with the first answer of the next *good stretch*, in which failures are as rare as usual by
  a stricter level. The failures in all requests after the last outage must be as rare as usual too; if they are not, the outage ends with the
  first good stretch for which they are.

The measured end of an outage is late by at most one request spacing plus the time of an answer; on average by half a spacing.

This rule decides the recovery, outages after the undo, outages without a fault, and whether a target is steady or restored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.judgement.recovery.requests import Requests
from harness.judgement.recovery.usual import AS_BEFORE, NOISE, UNKNOWN, Usual
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

STRETCH_NS: Final = 5_000_000_000
"""How long requests must be served without interruption."""
BLIND_SECOND_NS: Final = 1_000_000_000
"""A stretch with a longer gap than this, a blind second, proves nothing.

(The blind time of uptime begins at `receipts.watch.GAP_NS`.)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """An outage.

    Attributes:
        start_ns: send time of its first request.
        end_ns: time of the first answer of the next good stretch; None: no good stretch followed.
    """

    start_ns: int
    end_ns: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRecord:
    """The outages in a record of requests.

    Attributes:
        outages: outages in order; each lasts until failures up to the next outage, or the end of the record, are as rare as usual.
        proven: outages of which chance explains nothing; they end no later than `outages`.
        known: whether the record is long enough to show that the service was served.
        cut_ns: if the last outage did not end: earliest possible end that the end of the record left unproven; None: there is none.
        is_open: whether the last outage has no good stretch after it, so that a longer record may show its end.
    """

    outages: tuple[Outage, ...]
    proven: tuple[Outage, ...]
    known: bool
    cut_ns: int | None = None
    is_open: bool = False

    def begun_before(self, end_ns: int) -> ServiceRecord:
        """The record with only the outages that began before a moment."""
        found, proven = (
            tuple(outage for outage in every if outage.start_ns < end_ns) for every in (self.outages, self.proven)
        )
        cut_ns = self.cut_ns if len(found) == len(self.outages) else None
        return replace(self, outages=found, proven=proven, cut_ns=cut_ns)

    def back_ns(self, since_ns: int) -> int | None:
        """Time of the recovery after `since_ns`; without an outage `since_ns`; None: no recovery is known."""
        if not self.known:
            return None
        return self.outages[-1].end_ns if self.outages else since_ns

    def earliest_ns(self, since_ns: int) -> int | None:
        """Earliest possible time of the recovery after `since_ns`; without a proven outage `since_ns`; None: no recovery."""
        ended_ns = self.proven[-1].end_ns if self.proven else since_ns
        return self.cut_ns if ended_ns is None else ended_ns


class OutageSpan(NamedTuple):
    """An outage by the index of its first request and of the first request of the good stretch that ends it; None: it has no end."""

    first: int
    back: int | None


class RangeCounts(NamedTuple):
    """Counts in each of many ranges of a record.

    Attributes:
        failed: number of failed requests.
        bad: number of failed or late requests.
        of: number of all requests.
    """

    failed: Ints
    bad: Ints
    of: Ints


def served_in(requests: Requests, until_ns: int, usual: Usual, *, blind_ns: int = BLIND_SECOND_NS) -> ServiceRecord:
    """The outages in a record of requests.

    Requests after the last complete five seconds are left out, because they prove neither an outage nor a recovery.

    Args:
        requests: requests in the order of sending.
        until_ns: end of the recorded requests.
        usual: usual shares of failed and late requests.
        blind_ns: a longer time without a request proves nothing.
    """
    served = requests.served(usual.promised_ms)
    if served.all():  # as most routes and regions are; the rest of the rule would find the same
        return ServiceRecord(outages=(), proven=(), known=bool(_whole(requests, until_ns, usual, blind_ns).any()))
    calm, good = _stretches(requests, until_ns, usual, blind_ns)
    bad = _beyond_noise(requests, until_ns, usual, calm)
    apart = _apart(served, bad, good)
    found, proven = (_as_one(requests, usual, apart, good, chance) for chance in (AS_BEFORE, NOISE))
    is_out = bool(proven) and proven[-1].back is None
    return ServiceRecord(
        outages=timed(requests, served, found),
        proven=timed(requests, served, proven),
        known=bool(calm.any()),
        cut_ns=_since(requests, usual, int(bad[-1]) + 1 if len(bad) else 0) if is_out else None,
        is_open=bool(apart) and apart[-1].back is None,
    )


def outages_apart(
    requests: Requests, until_ns: int, usual: Usual, *, blind_ns: int = BLIND_SECOND_NS
) -> tuple[list[OutageSpan], Ints]:
    """The outages, each until the next good stretch, and the index of each request that begins a good stretch; see `served_in`."""
    calm, good = _stretches(requests, until_ns, usual, blind_ns)
    bad = _beyond_noise(requests, until_ns, usual, calm)
    return _apart(requests.served(usual.promised_ms), bad, good), good


def _beyond_noise(requests: Requests, until_ns: int, usual: Usual, calm: Bools) -> Ints:
    """The failed or late requests that are no noise."""
    served = requests.served(usual.promised_ms)
    bad = np.flatnonzero(~served & (requests.sent_ns < _horizon(requests, until_ns)))
    return bad[~_noise(requests, bad, np.flatnonzero(calm), usual)]


def _apart(served: Bools, bad: Ints, good: Ints) -> list[OutageSpan]:
    """An outage from each run of these requests to the next good stretch."""
    first = _first_of_runs(served)
    apart: list[OutageSpan] = []
    back: int | None = 0
    for index in bad.tolist():
        if back is None or index < back:
            continue
        after = int(np.searchsorted(good, index))
        back = int(good[after]) if after < len(good) else None
        apart.append(OutageSpan(int(first[index]), back))
    return apart


def _stretches(requests: Requests, until_ns: int, usual: Usual, blind_ns: int) -> tuple[Bools, Ints]:
    """A mask of the requests that begin a stretch in which failures are noise, and those of them that begin a good one."""
    starts, ends = np.arange(len(requests)), _ends(requests)
    counts = _counted(requests, usual, starts, ends)
    may = _whole(requests, until_ns, usual, blind_ns)
    return may & usual.explains(*counts, NOISE), np.flatnonzero(may & usual.explains(*counts, AS_BEFORE))


def _ends(requests: Requests) -> Ints:
    """For each request, the first one after the five seconds that it begins."""
    return np.searchsorted(requests.sent_ns, requests.sent_ns + STRETCH_NS, side="left")


def _whole(requests: Requests, until_ns: int, usual: Usual, blind_ns: int) -> Bools:
    """A mask of the requests that were served and begin five seconds that were recorded without a longer gap."""
    sent = requests.sent_ns
    gaps = np.concatenate([[0], np.cumsum(np.diff(np.append(sent, until_ns)) > blind_ns)])
    served = requests.served(usual.promised_ms)
    return np.asarray(
        served & (gaps[_ends(requests)] == gaps[: len(sent)]) & (sent + STRETCH_NS <= until_ns), dtype=np.bool_
    )


def _counted(requests: Requests, usual: Usual, starts: Ints, ends: Ints | int) -> RangeCounts:
    """The requests in each range [start, end)."""
    failed, bad = (
        np.concatenate([[0], np.cumsum(~good)]) for good in (requests.ok, requests.served(usual.promised_ms))
    )
    return RangeCounts(
        failed[ends] - failed[starts], bad[ends] - bad[starts], np.asarray(ends - starts, dtype=np.int64)
    )


def _as_one(requests: Requests, usual: Usual, apart: list[OutageSpan], good: Ints, chance: float) -> list[OutageSpan]:
    """Each outage until all requests to the next one, or the end, are as before, taken together.

    Where they never are, it lasts until the next one ends. Where too many failed before the first one, they are an outage of their own.
    """
    bad = np.flatnonzero(~requests.served(usual.promised_ms))
    found: list[OutageSpan] = []
    open_since: int | None = None
    for last, following in pairwise([OutageSpan(-1, 0), *apart, OutageSpan(len(requests), None)]):
        start = last.first if open_since is None else open_since
        if last.back is None:
            return [*found, OutageSpan(start, None)]
        back, open_since = last.back, None
        if not _fits(requests, usual, np.array([back]), following.first, chance)[0]:
            start = start if start >= 0 else int(bad[np.searchsorted(bad, back)])
            later = good[(good >= back) & (good < following.first)]
            later = later[_fits(requests, usual, later, following.first, chance)]
            if not len(later):
                open_since = start
                continue
            back = int(later[0])
        if start >= 0:
            found.append(OutageSpan(start, back))
    return found if open_since is None else [*found, OutageSpan(open_since, None)]


def _fits(requests: Requests, usual: Usual, starts: Ints, end: int, chance: float) -> Bools:
    """Where chance explains, at this level, what failed from each of these requests up to the one before `end`."""
    return usual.explains(*_counted(requests, usual, starts, end), chance)


def timed(requests: Requests, served: Bools, spans: Iterable[OutageSpan]) -> tuple[Outage, ...]:
    """Outages with times instead of indexes; each ends with the first answer to a successful request after it."""
    return tuple(
        Outage(
            start_ns=int(requests.sent_ns[first]),
            end_ns=None if back is None else int(requests.done_ns[back:][served[back:]].min()),
        )
        for first, back in spans
    )


def _since(requests: Requests, usual: Usual, first: int) -> int | None:
    """When the earliest request from this one on was sent that was served and since which all is as before."""
    at = first + np.flatnonzero(requests.served(usual.promised_ms)[first:])
    since = at[_fits(requests, usual, at, len(requests), AS_BEFORE)]
    return int(requests.sent_ns[since[0]]) if len(since) else None


def since_undo(found: Iterable[Outage], undone_ns: int, until_ns: int) -> tuple[Outage, ...]:
    """The outages after the undo; an outage that began earlier is cut at the undo.

    Outages are computed from the complete record, so that a late answer just after the undo begins no outage if it is noise in its stretch.
    """
    return tuple(
        replace(outage, start_ns=max(outage.start_ns, undone_ns))
        for outage in found
        if outage.start_ns < until_ns and (outage.end_ns is None or outage.end_ns > undone_ns)
    )


def out_at(requests: Requests, at_ns: int, until_ns: int, usual: Usual, *, blind_ns: int) -> Outage | None:
    """The outage that began before this moment and ended after it; None: no outage. An outage ends with the next good stretch."""
    apart, _ = outages_apart(requests, until_ns, usual, blind_ns=blind_ns)
    found = timed(requests, requests.served(usual.promised_ms), apart)
    return next((one for one in found if one.start_ns < at_ns and (one.end_ns is None or one.end_ns > at_ns)), None)


def _noise(requests: Requests, bad: Ints, calm: Ints, usual: Usual) -> Bools:
    """A mask of noise: in a stretch in which chance explains the failures, late requests and runs of failures that it explains."""
    ok = requests.ok
    edges = np.flatnonzero(np.diff(ok, prepend=True, append=True))
    in_a_row = np.zeros(len(ok), dtype=np.int64)
    lengths = edges[1::2] - edges[::2]
    in_a_row[~ok] = np.repeat(lengths, lengths)
    may = usual.explains_run(in_a_row, len(ok))[bad]
    before = np.searchsorted(calm, bad) - 1
    noise = np.zeros(len(bad), dtype=np.bool_)
    known = may & (before >= 0)
    noise[known] = requests.sent_ns[bad[known]] - requests.sent_ns[calm[before[known]]] < STRETCH_NS
    return noise


def _horizon(requests: Requests, until_ns: int) -> int:
    complete = requests.sent_ns[requests.sent_ns + STRETCH_NS <= until_ns]
    return int(complete[-1]) + STRETCH_NS if len(complete) else until_ns


def _first_of_runs(served: Bools) -> Ints:
    """For each request, the first of the run of requests not served that it ends."""
    last = np.maximum.accumulate(np.where(served, np.arange(len(served)), -1))
    return np.asarray(last + 1, dtype=np.int64)


def longest_gap_ns(requests: Requests, start_ns: int, end_ns: int) -> int:
    """The longest time without a request from `start_ns` to `end_ns`; without requests their distance."""
    sent = requests.between(start_ns, end_ns).sent_ns
    return int(np.diff(np.concatenate([[start_ns], sent, [end_ns]])).max())


def is_steady(
    times_ns: npt.ArrayLike,
    ok: npt.ArrayLike,
    until_ns: int,
    usual: Usual = UNKNOWN,
    *,
    done_ns: npt.ArrayLike | None = None,
) -> tuple[bool, str]:
    """Whether the five seconds before `until_ns` are good, with the counts or the reason.

    Args:
        times_ns: send time of each request, CLOCK_MONOTONIC, in any order.
        ok: whether each answer was as expected.
        until_ns: the moment to judge; later requests do not count.
        usual: usual shares of failed and late requests.
        done_ns: time of each complete answer; required if a time is promised. Without it answers count as immediate.
    """
    requests = _live(times_ns, ok, done_ns).between(until_ns - STRETCH_NS, until_ns)
    gap = longest_gap_ns(requests, until_ns - STRETCH_NS, until_ns)
    if gap > BLIND_SECOND_NS:
        return False, f"no request was recorded in {gap / NS_PER_S:.2g} of the last 5 s"
    counts = _counted(requests, usual, np.zeros(1, dtype=np.int64), len(requests))
    n, failed, bad = len(requests), int(counts.failed[0]), int(counts.bad[0])
    text = f"{n - failed} of {n} requests of the last 5 s succeeded"
    if usual.promised_ms is not None:
        text += f", {n - bad} within {usual.promised_ms:g} ms"
    return bool(usual.explains(*counts, AS_BEFORE)[0]), text


def recovered_at(
    times_ns: npt.ArrayLike,
    ok: npt.ArrayLike,
    since_ns: int,
    until_ns: int,
    usual: Usual = UNKNOWN,
    *,
    done_ns: npt.ArrayLike | None = None,
) -> int | None:
    """Time of the recovery after a fault: the first answer of a good stretch after the last outage.

    Args:
        times_ns: send time of each request, in any order.
        ok: whether each answer was as expected.
        since_ns: time at which the fault was sent.
        until_ns: end of the recorded requests; during a run the present time.
        usual: usual shares of failed and late requests.
        done_ns: time of each complete answer; required if a time is promised. Without it answers count as immediate.

    Returns:
        Time in ns; `since_ns` if at least five seconds of requests have no outage; None if no recovery was observed.
    """
    requests = _live(times_ns, ok, done_ns).between(since_ns, until_ns)
    return served_in(requests, until_ns, usual).back_ns(since_ns)


def _live(times_ns: npt.ArrayLike, ok: npt.ArrayLike, done_ns: npt.ArrayLike | None) -> Requests:
    times = np.asarray(times_ns, dtype=np.int64)
    done = times if done_ns is None else np.asarray(done_ns, dtype=np.int64)
    return Requests.of(times, done, np.asarray(ok, dtype=np.bool_))
