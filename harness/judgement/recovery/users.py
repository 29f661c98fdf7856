"""Recovery of the users' own requests (rule 8): of each route and each serving region.

Users arrive at random, so the times between two requests of a route vary. Three things follow. A group with fewer than two requests a
second on average is too thin to be judged alone: it is listed, and judged together with all others. In a group with fewer than 100
requests in five seconds a failed request is noise if it is the only one among the 100 around it, and a late one if it is the only one
among the 20 around it: the shares of rule 8, on as many requests as they need. And a time without a request is blind only if it is 20
times the mean: below that it is chance. A lost region serves no requests, so none of them fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from harness.judgement.recovery.requests import SECOND, Requests
from harness.judgement.recovery.rule import (
    BLIND_SECOND_NS,
    IN_TIME_PERCENT,
    STRETCH_NS,
    SUCCEED_PERCENT,
    Outage,
    good_stretches,
    longest_gap_ns,
    outages,
)
from harness.model import OperationRecovery, Table
from harness.model.table import Bools

LEAST_PER_S: Final = 2.0
"""Minimum mean rate, in requests per second, of a group that is judged alone."""
CHANCE: Final = 20.0
"""Gaps between requests up to this multiple of the mean are chance."""
MARGIN_NS: Final = 1_000_000_000
"""Minimum time from the first answer to the undo."""
ALL: Final = "all routes"
ROUTE: Final = "route "
REGION: Final = "region "
_SAFE: Final = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Users:
    """Recovery of the users' own requests after one fault.

    Attributes:
        groups: by name, `route read-track` or `region us-east-1`; `all routes` if some of them are thin.
        thin: the groups with too few requests, each with its requests per second.
    """

    groups: Mapping[str, OperationRecovery]
    thin: Mapping[str, float]


def users_recovery(
    samples: Table,
    *,
    operations: tuple[str, ...],
    sent_ns: int,
    undone_ns: int | None,
    until_ns: int,
    known_ns: int,
    promised: float | None,
) -> Users:
    """The recovery of each group of the users' requests.

    Args:
        samples: the users' requests from the action sent up to `known_ns`, by when they were due.
        operations: `reads`, `writes` or both: selects requests by their method.
        sent_ns: when the action was sent.
        undone_ns: when the undo was sent; None: there was none.
        until_ns: when the target was restored, or the end of the watch.
        known_ns: end of the recorded requests.
        promised: the promised time in ms; None: latency does not count.
    """
    groups: dict[str, OperationRecovery] = {}
    thin: dict[str, float] = {}
    seconds = max((until_ns - sent_ns) / SECOND, 1e-9)
    for name, requests in grouped(samples, operations).items():
        per_s = len(requests.between(sent_ns, until_ns)) / seconds
        if per_s < LEAST_PER_S and name != ALL:
            thin[name] = per_s
        elif per_s:
            groups[name] = _came_back(
                name,
                without_noise(requests, promised),
                (sent_ns, undone_ns, until_ns, known_ns),
                per_s=per_s,
                promised=promised,
            )
    if not any(name.startswith(ROUTE) for name in thin):
        groups.pop(ALL, None)
    return Users(groups=groups, thin=thin)


def still_out(samples: Table, until_ns: int, rates: Mapping[str, float], promised: float | None) -> str:
    """The first route or region whose last outage had not ended; empty where none was out.

    Args:
        samples: the users' requests that were due before `until_ns`, twenty seconds of them or more.
        until_ns: end of the known requests.
        rates: requests per second of each route, as planned: by these a time without a request is blind.
        promised: the promised time in ms; None: latency does not count.
    """
    for name, requests in grouped(samples, ()).items():
        own = requests.between(0, until_ns)
        if not len(own):
            continue
        start_ns = int(own.sent_ns[0])
        per_s = max(rates.get(name.removeprefix(ROUTE), 0.0), len(own) * SECOND / max(until_ns - start_ns, 1))
        if per_s < LEAST_PER_S:
            continue
        heard, blind_ns = without_noise(own, promised), _blind_ns(per_s)
        if name.startswith(REGION):
            heard = _filled(heard, start_ns, until_ns, blind_ns)
        found = outages(heard, until_ns, promised, blind_ns=blind_ns)
        if found and found[-1].end_ns is None:
            return f"{name} was not served for five seconds since it was out"
    return ""


def grouped(samples: Table, operations: tuple[str, ...]) -> dict[str, Requests]:
    """The requests of each route and each serving region, and of all routes together."""
    own = _asked(samples, operations)
    parts = {f"{ROUTE}{name}": rows for name, rows in own.apart("name").items()}
    parts |= {f"{REGION}{name}": rows for name, rows in own.apart("served_region").items()}
    return {name: Requests.users(rows) for name, rows in (*parts.items(), (ALL, own))}


def _asked(samples: Table, operations: tuple[str, ...]) -> Table:
    """The requests of the operations; one without a method may be either."""
    if len(operations) != 1:
        return samples
    methods = samples.words["method"]
    reads = np.logical_or.reduce([methods.equals(word) for word in _SAFE])
    return samples.where((reads if operations == ("reads",) else ~reads) | methods.missing)


def without_noise(requests: Requests, promised: float | None) -> Requests:
    """The requests of a thin group without single failed or late ones (the shares of rule 8)."""
    failed, late = ~requests.ok, requests.ok & ~requests.served(promised)
    noise = np.zeros(len(requests), dtype=np.bool_)
    for bad, percent in ((failed, SUCCEED_PERCENT), (late, IN_TIME_PERCENT)):
        around = 100 // (100 - percent)
        if _in_stretch(requests) < around:
            noise |= bad & _alone(bad, around // 2)
    return requests.where(~noise)


def _in_stretch(requests: Requests) -> float:
    """Mean number of requests in five seconds."""
    span = int(requests.sent_ns[-1] - requests.sent_ns[0]) if len(requests) else 0
    return len(requests) * STRETCH_NS / max(span, STRETCH_NS)


def _alone(bad: Bools, each_side: int) -> Bools:
    """A mask of the bad requests without another one among this many on each side."""
    sums = np.concatenate([[0], np.cumsum(bad)])
    at = np.arange(len(bad))
    low, high = np.maximum(at - each_side, 0), np.minimum(at + each_side + 1, len(bad))
    return np.asarray(bad & (sums[high] - sums[low] == 1), dtype=np.bool_)


def _came_back(
    name: str, requests: Requests, at: tuple[int, int | None, int, int], *, per_s: float, promised: float | None
) -> OperationRecovery:
    """As `recovery_of`, for requests that arrive at random.

    The first answer must come a second before the undo; the good stretch that it begins may end after the undo.
    """
    sent_ns, undone_ns, until_ns, known_ns = at
    end_ns = until_ns if undone_ns is None else min(undone_ns, until_ns)
    chance_ns = round(CHANCE / per_s * SECOND)
    blind_ns = _blind_ns(per_s)
    watched = requests.between(sent_ns, end_ns)
    every = requests.between(sent_ns, known_ns)
    if name.startswith(REGION):
        every = _filled(every, sent_ns, known_ns, blind_ns)
    found = outages(every, known_ns, promised, blind_ns=blind_ns)
    before = [outage for outage in found if outage.start_ns < end_ns]
    latest_ns = known_ns if undone_ns is None else end_ns - MARGIN_NS
    back = _back_ns(before, sent_ns) if good_stretches(every, known_ns, promised, blind_ns=blind_ns).any() else None
    if back is not None and back > max(latest_ns, sent_ns):
        back = None
    way = _way(found, end_ns, until_ns) if undone_ns is not None else []
    bad = int((~watched.served(promised)).sum())
    return OperationRecovery(
        operation=name,
        seconds=None if back is None else (back - sent_ns) / SECOND,
        resolution_s=_resolution_ns(every, before, (sent_ns, end_ns), chance_ns, promised) / SECOND,
        observed_s=max(end_ns - sent_ns, 0) / SECOND,
        on_heal=back is None and bool(before) and before[-1].end_ns is not None,
        outages=_spans(before, end_ns if back is None else known_ns, sent_ns, end_ns if back is None else known_ns),
        why=f"{bad} of {len(watched)} requests were not served",
        way_back=_spans(way, known_ns, sent_ns, known_ns),
        way_back_s=max(until_ns - end_ns, 0) / SECOND,
        way_back_resolution_s=1 / per_s,
        way_back_ended=all(outage.end_ns is not None for outage in way),
    )


def longest_outage_s(name: str, requests: Requests, span: tuple[int, int], promised: float | None) -> float:
    """The longest outage of a group in a span in s, by the same rule."""
    own = without_noise(requests.between(*span), promised)
    blind_ns = _blind_ns(len(own) * SECOND / max(span[1] - span[0], 1))
    if name.startswith(REGION):
        own = _filled(own, *span, blind_ns)
    found = outages(own, span[1], promised, blind_ns=blind_ns)
    return max(((outage.end_ns or span[1]) - outage.start_ns for outage in found), default=0) / SECOND


def _blind_ns(per_s: float) -> int:
    """The blind time of a group in ns: a longer gap proves nothing and ends a good stretch."""
    return round(min(max(BLIND_SECOND_NS, CHANCE * SECOND / max(per_s, 1e-9)), STRETCH_NS))


def _filled(requests: Requests, start_ns: int, end_ns: int, blind_ns: int) -> Requests:
    """The requests of a region, with one success per half second in gaps beyond chance.

    A region that serves no requests fails none.
    """
    marks = np.concatenate([[start_ns], requests.sent_ns, [end_ns]])
    quiet = np.flatnonzero(np.diff(marks) > blind_ns)
    fill = [np.arange(marks[at] + SECOND // 2, marks[at + 1], SECOND // 2, dtype=np.int64) for at in quiet.tolist()]
    added = np.concatenate([np.empty(0, dtype=np.int64), *fill])
    return Requests.of(
        np.concatenate([requests.sent_ns, added]),
        np.concatenate([requests.done_ns, added]),
        np.concatenate([requests.ok, np.ones(len(added), dtype=np.bool_)]),
    )


def _back_ns(before: list[Outage], sent_ns: int) -> int | None:
    return before[-1].end_ns if before else sent_ns


def _way(found: Iterable[Outage], undone_ns: int, until_ns: int) -> list[Outage]:
    """The outages on the way back; of one that began before the undo, the rest."""
    return [
        replace(outage, start_ns=max(outage.start_ns, undone_ns))
        for outage in found
        if outage.start_ns < until_ns and (outage.end_ns is None or outage.end_ns > undone_ns)
    ]


def _resolution_ns(
    requests: Requests, found: list[Outage], span: tuple[int, int], chance_ns: int, promised: float | None
) -> int:
    """Time from the last request not served to the next answer; else the longest gap beyond chance."""
    if found and found[-1].end_ns is not None:
        bad = requests.sent_ns[~requests.served(promised) & (requests.sent_ns < found[-1].end_ns)]
        return found[-1].end_ns - int(bad.max())
    gap_ns = longest_gap_ns(requests, *span) if span[1] > span[0] else 0
    return gap_ns if gap_ns > chance_ns else 0


def _spans(found: Iterable[Outage], open_ns: int, sent_ns: int, most_ns: int) -> tuple[tuple[float, float], ...]:
    ends = ((o.start_ns, min(open_ns if o.end_ns is None else o.end_ns, most_ns)) for o in found)
    return tuple(((start - sent_ns) / SECOND, (end - sent_ns) / SECOND) for start, end in ends)
