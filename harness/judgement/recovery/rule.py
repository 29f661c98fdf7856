"""The outage rule (rule 8): when a service is out, and when it is served again.

A *good stretch* is five seconds that begin with a request that was served, in which at least 99 % of the requests succeeded and 95 %
were served within the time that the platform promises, without a blind second. The promised time is the loosest response-time limit
that a claim of the plan states; without such a claim latency does not count. In a good stretch one failed request between two
good ones is noise, and so is an answer that came late. Every other failed or late request belongs to an *outage*: two failures in a
row are one, however short, which at a spacing of 40 ms is 80 ms. An outage begins when its first request was sent and ends with the
first answer of the next good stretch. That answer is never before the service was back, and after it by at most the time from one
request to the next and the time that an answer takes: the figure is late by half a spacing on average, and never early.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.judgement.recovery.requests import Requests
from harness.model import Figure, Phase, Plan
from harness.model.table import Bools, Ints
from harness.units import NS_PER_S

STRETCH_NS: Final = 5_000_000_000
"""How long requests must be served without interruption."""
SUCCEED_PERCENT: Final = 99
IN_TIME_PERCENT: Final = 95
BLIND_SECOND_NS: Final = 1_000_000_000
"""A stretch with a longer gap than this, a blind second, proves nothing.

(The blind time of uptime begins at `receipts.watch.GAP_NS`.)
"""


def promised_ms(plan: Plan) -> float | None:
    """The loosest response-time limit for the steady state in the claims, in ms; None without one.

    Limits during or after a fault are looser and do not define what is served.
    """
    limits = [
        objective.limit.at_scale(plan.time_scale).in_unit("ms")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.RESPONSE_TIME
        and objective.limit.dimension == "time"
        and objective.scope.phase is Phase.STEADY
    ]
    return max(limits, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """An outage: when its first request was sent, and the first answer of the next good stretch.

    The end is None if no good stretch followed.
    """

    start_ns: int
    end_ns: int | None


def good_stretches(
    requests: Requests, until_ns: int, promised: float | None = None, *, blind_ns: int = BLIND_SECOND_NS
) -> Bools:
    """A mask of the requests that begin a good stretch.

    Args:
        requests: in the order of sending.
        until_ns: end of the recorded requests.
        promised: the promised time in ms; None: latency does not count.
        blind_ns: a longer time without a request proves nothing.
    """
    sent, n = requests.sent_ns, len(requests)
    served = requests.served(promised)
    starts, ends = np.arange(n), np.searchsorted(sent, sent + STRETCH_NS, side="left")
    of = ends - starts
    succeed = 100 * _counted(requests.ok, starts, ends) >= SUCCEED_PERCENT * of
    in_time = 100 * _counted(served, starts, ends) >= IN_TIME_PERCENT * of
    seen = _counted(np.diff(np.append(sent, until_ns)) > blind_ns, starts, ends) == 0
    return np.asarray(served & succeed & in_time & seen & (sent + STRETCH_NS <= until_ns), dtype=np.bool_)


def _counted(mask: Bools, starts: Ints, ends: Ints) -> Ints:
    """Number of true values in each range [start, end)."""
    sums = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(sums[ends] - sums[starts], dtype=np.int64)


def outages(
    requests: Requests, until_ns: int, promised: float | None = None, *, blind_ns: int = BLIND_SECOND_NS
) -> tuple[Outage, ...]:
    """Every outage among these requests, in order; the arguments are those of `good_stretches`.

    Requests after the last complete five seconds are left out, as they prove neither.
    """
    good = np.flatnonzero(good_stretches(requests, until_ns, promised, blind_ns=blind_ns))
    served = requests.served(promised)
    bad = np.flatnonzero(~served & (requests.sent_ns < _horizon(requests, until_ns)))
    first = _first_of_runs(served)
    found: list[Outage] = []
    back = -1
    for index in bad[~_noise(requests, bad, good)].tolist():
        if index < back:
            continue
        start_ns = int(requests.sent_ns[first[index]])
        after = int(np.searchsorted(good, index))
        if after == len(good):
            return (*found, Outage(start_ns=start_ns, end_ns=None))
        back = int(good[after])
        found.append(Outage(start_ns=start_ns, end_ns=int(requests.done_ns[back:][served[back:]].min())))
    return tuple(found)


def since_undo(found: Iterable[Outage], undone_ns: int, until_ns: int) -> tuple[Outage, ...]:
    """Of the outages of a whole record those on the way back; of one that began before the undo, the rest.

    They are found in all that was recorded, so that a late answer just after the undo is noise in the good stretch that the undo divides.
    """
    return tuple(
        replace(outage, start_ns=max(outage.start_ns, undone_ns))
        for outage in found
        if outage.start_ns < until_ns and (outage.end_ns is None or outage.end_ns > undone_ns)
    )


def _noise(requests: Requests, bad: Ints, good: Ints) -> Bools:
    """A mask of noise: in a good stretch, late requests and single failures between successes."""
    padded = np.concatenate([[True], requests.ok, [True]])
    may = requests.ok[bad] | (padded[bad] & padded[bad + 2])
    before = np.searchsorted(good, bad) - 1
    noise = np.zeros(len(bad), dtype=np.bool_)
    known = may & (before >= 0)
    noise[known] = requests.sent_ns[bad[known]] - requests.sent_ns[good[before[known]]] < STRETCH_NS
    return noise


def _horizon(requests: Requests, until_ns: int) -> int:
    complete = requests.sent_ns[requests.sent_ns + STRETCH_NS <= until_ns]
    return int(complete[-1]) + STRETCH_NS if len(complete) else until_ns


def _first_of_runs(served: Bools) -> Ints:
    """For each request, the first of the run of requests not served that it ends."""
    last = np.maximum.accumulate(np.where(served, np.arange(len(served)), -1))
    return np.asarray(last + 1, dtype=np.int64)


def longest_gap_ns(requests: Requests, start_ns: int, end_ns: int) -> int:
    """The longest time without a request from `start_ns` to `end_ns`; all of it without requests."""
    sent = requests.between(start_ns, end_ns).sent_ns
    return int(np.diff(np.concatenate([[start_ns], sent, [end_ns]])).max())


def is_steady(
    times_ns: npt.ArrayLike,
    ok: npt.ArrayLike,
    until_ns: int,
    *,
    done_ns: npt.ArrayLike | None = None,
    promised: float | None = None,
) -> tuple[bool, str]:
    """Whether the five seconds before `until_ns` were served, with the counts or the reason.

    Args:
        times_ns: when each request was sent, CLOCK_MONOTONIC, in any order.
        ok: whether its answer was the expected one.
        until_ns: the moment to judge; requests after it do not count.
        done_ns: when each answer was complete; required with `promised`.
        promised: the promised time in ms; None: latency does not count.
    """
    requests = _live(times_ns, ok, done_ns).between(until_ns - STRETCH_NS, until_ns)
    gap = longest_gap_ns(requests, until_ns - STRETCH_NS, until_ns)
    if gap > BLIND_SECOND_NS:
        return False, f"no request was recorded for {gap / NS_PER_S:.1f} s of the last 5 s"
    n, succeeded, in_time = len(requests), int(requests.ok.sum()), int(requests.served(promised).sum())
    text = f"{succeeded} of {n} requests of the last 5 s succeeded"
    if promised is not None:
        text += f", {in_time} within {promised:g} ms"
    return 100 * succeeded >= SUCCEED_PERCENT * n and 100 * in_time >= IN_TIME_PERCENT * n, text


def recovered_at(
    times_ns: npt.ArrayLike,
    ok: npt.ArrayLike,
    since_ns: int,
    until_ns: int,
    *,
    done_ns: npt.ArrayLike | None = None,
    promised: float | None = None,
) -> int | None:
    """The first answer of a good stretch after the last outage since `since_ns`.

    Args:
        times_ns: when each request was sent, in any order.
        ok: whether its answer was the expected one.
        since_ns: when the action was sent.
        until_ns: end of the recorded requests; now during a run.
        done_ns: when each answer was complete; required with `promised`. Without it an answer counts as immediate.
        promised: the promised time in ms; None: latency does not count.

    Returns:
        Nanoseconds; `since_ns` without an outage in at least five seconds of requests; None if no recovery was observed.
    """
    return back_at(_live(times_ns, ok, done_ns).between(since_ns, until_ns), since_ns, until_ns, promised)


def back_at(
    requests: Requests,
    since_ns: int,
    until_ns: int,
    promised: float | None = None,
    *,
    blind_ns: int = BLIND_SECOND_NS,
) -> int | None:
    """As `recovered_at`, for requests sent since `since_ns`."""
    if not good_stretches(requests, until_ns, promised, blind_ns=blind_ns).any():
        return None
    found = outages(requests, until_ns, promised, blind_ns=blind_ns)
    return found[-1].end_ns if found else since_ns


def longest_ns(found: Iterable[Outage], until_ns: int) -> int:
    """Length of the longest outage in ns; one that did not end lasts until `until_ns`."""
    return max(((outage.end_ns or until_ns) - outage.start_ns for outage in found), default=0)


def _live(times_ns: npt.ArrayLike, ok: npt.ArrayLike, done_ns: npt.ArrayLike | None) -> Requests:
    times = np.asarray(times_ns, dtype=np.int64)
    done = times if done_ns is None else np.asarray(done_ns, dtype=np.int64)
    return Requests.of(times, done, np.asarray(ok, dtype=np.bool_))
