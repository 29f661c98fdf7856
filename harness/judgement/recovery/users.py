"""Recovery of the users' own requests (rule 8), for each route and each serving region (a group).

Users arrive at random, so the times between two requests of a route vary:

* A group with fewer than two requests per second, without a fault and under the fault, is *thin*. It is listed, judged by consecutive failures, and
  included in the group of all routes.
* A gap between requests counts as blind only if it is over 20 times the mean gap; a shorter gap is chance.

A lost region serves no requests, so it has no failures. The usual shares of failures are measured for each group separately.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from harness.judgement.recovery.doubt import latest_s, may_last, way_longest_s
from harness.judgement.recovery.requests import Requests
from harness.judgement.recovery.rule import (
    BLIND_SECOND_NS,
    STRETCH_NS,
    Outage,
    ServiceRecord,
    longest_gap_ns,
    out_at,
    served_in,
    since_undo,
)
from harness.judgement.recovery.usual import Promise, Usual
from harness.judgement.recovery.way import MARGIN_NS, since_s
from harness.judgement.routes import by_method
from harness.model import OperationRecovery, Table
from harness.model.records.table import Bools
from harness.units import NS_PER_S

LEAST_PER_S: Final = 2.0
"""Minimum mean rate, in requests per second, of a group that is judged by rule 8."""
CHANCE: Final = 20.0
"""Gaps between requests up to this multiple of the mean are chance."""
IN_SUCCESSION: Final = 20
"""Fewest requests of a thin group in succession that were not served and are evidence of an outage."""
ALL: Final = "all routes"
ROUTE: Final = "route "
REGION: Final = "region "
_LONGEST_S: Final = 1000.0
"""No mean time between two requests counts as longer than this: a group may have none at all."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_Moments = tuple[int, int | None, int, int]
"""When the action was sent, when the undo was, when the target was restored, and the end of the recorded requests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThinGroup:
    """Recovery of a route or serving region with fewer than two requests per second.

    Attributes:
        per_s: number of requests per second.
        seen: recovery as of any group, except that a single failed or late request is noise if the 20 requests around it succeeded.
        runs: before the undo, each series of at least `IN_SUCCESSION` consecutive failures: due time of the first and the last, in s from the fault.
        way_runs: series of consecutive failures after the undo, like `runs`.
    """

    per_s: float
    seen: OperationRecovery
    runs: tuple[tuple[float, float], ...]
    way_runs: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Users:
    """Recovery of the users' own requests after one fault.

    Attributes:
        groups: recovery by group: `route read-track`, `region us-east-1`; also `all routes` if a route is thin.
        thin: recovery of the thin groups, by group.
    """

    groups: Mapping[str, OperationRecovery]
    thin: Mapping[str, ThinGroup]

    def seen(self, name: str) -> OperationRecovery:
        """The recovery of a group, thin or not."""
        return self.thin[name].seen if name in self.thin else self.groups[name]


def users_recovery(
    samples: Table,
    *,
    operations: tuple[str, ...],
    sent_ns: int,
    undone_ns: int | None,
    until_ns: int,
    known_ns: int,
    promise: Promise,
    quiet: Mapping[str, Requests] | None = None,
    rates: Mapping[str, float] | None = None,
) -> Users:
    """The recovery of each group of the users' requests.

    Args:
        samples: users' requests that were due from the fault to `known_ns`.
        operations: `reads`, `writes` or both; selects requests by their method.
        sent_ns: time at which the fault was sent.
        undone_ns: time at which the undo was sent; None: no undo.
        until_ns: time of the restore; without a restore the end of the watch.
        known_ns: end of the recorded requests.
        promise: promised response time and error rate.
        quiet: requests of each group without a fault, for the usual share of failures.
        rates: requests per second of each group without a fault, because users who wait for timeouts send fewer.
    """
    groups: dict[str, OperationRecovery] = {}
    thin: dict[str, ThinGroup] = {}
    seconds, at = max((until_ns - sent_ns) / NS_PER_S, 1e-9), (sent_ns, undone_ns, until_ns, known_ns)
    for name, requests in grouped(samples, operations).items():
        under = len(requests.between(sent_ns, until_ns)) / seconds
        per_s = max(under, (rates or {}).get(name, 0.0))
        usual = usual_of(name, promise, quiet or {})
        if per_s < LEAST_PER_S and name != ALL:
            thin[name] = _thin(name, requests, at, per_s=per_s, usual=usual)
        elif under:
            groups[name] = _came_back(name, requests, at, per_s=per_s, blind_ns=_blind_ns(per_s), usual=usual)
    if not any(name.startswith(ROUTE) for name in thin):
        groups.pop(ALL, None)
    return Users(groups=groups, thin=thin)


def usual_of(name: str, promise: Promise, quiet: Mapping[str, Requests]) -> Usual:
    """The usual shares of failed and late requests of one group."""
    return promise.usual([quiet[name]] if name in quiet else ())


def still_out(
    samples: Table, until_ns: int, rates: Mapping[str, float], promise: Promise, quiet: Mapping[str, Requests]
) -> str:
    """A text about the first route or region whose last outage had not ended, or may not have; empty if there is none.

    Args:
        samples: users' requests that were due before `until_ns`, at least twenty seconds of them.
        until_ns: end of the known requests.
        rates: planned requests per second of each route, which determine the length of a blind gap.
        promise: promised response time and error rate.
        quiet: requests of each group without a fault, for the usual share of failures.
    """
    for name, requests in grouped(by_method(samples), ()).items():
        own = requests.between(0, until_ns)
        if not len(own):
            continue
        start_ns = int(own.sent_ns[0])
        per_s = max(rates.get(name.removeprefix(ROUTE), 0.0), len(own) * NS_PER_S / max(until_ns - start_ns, 1))
        if per_s < LEAST_PER_S:
            continue
        blind_ns = _blind_ns(per_s)
        if name.startswith(REGION):
            own = _filled(own, start_ns, until_ns, blind_ns)
        usual = usual_of(name, promise, quiet)
        found = served_in(own, until_ns, usual, blind_ns=blind_ns).outages
        if (found and found[-1].end_ns is None) or may_last(own, until_ns, usual, blind_ns=blind_ns):
            return f"{name} was not served for five seconds after its last outage"
    return ""


def rates_of(samples: Table, operations: tuple[str, ...], seconds: float) -> dict[str, float]:
    """Requests per second of each route and each serving region, for samples of this many seconds."""
    own = _asked(samples, operations)
    counts = {f"{ROUTE}{name}": n for name, n in own.words["name"].counts.items()}
    counts |= {f"{REGION}{name}": n for name, n in own.words["served_region"].counts.items()}
    return {name: n / max(seconds, 1e-9) for name, n in counts.items()}


def grouped(samples: Table, operations: tuple[str, ...]) -> dict[str, Requests]:
    """The requests of each route and each serving region, and of all routes together."""
    own = _asked(samples, operations)
    parts = {f"{ROUTE}{name}": rows for name, rows in own.apart("name").items()}
    parts |= {f"{REGION}{name}": rows for name, rows in own.apart("served_region").items()}
    return {name: Requests.users(rows) for name, rows in (*parts.items(), (ALL, own))}


def rows_of(samples: Table, name: str, operations: tuple[str, ...]) -> Table:
    """The rows of one group of `grouped`."""
    own = _asked(samples, operations)
    if name == ALL:
        return own
    column, prefix = ("name", ROUTE) if name.startswith(ROUTE) else ("served_region", REGION)
    return own.where(own.words[column].equals(name.removeprefix(prefix)))


def _asked(samples: Table, operations: tuple[str, ...]) -> Table:
    """The requests of the operations; one without a method may be either."""
    if len(operations) != 1:
        return samples
    methods = samples.words["method"]
    reads = np.logical_or.reduce([methods.equals(word) for word in _SAFE])
    return samples.where((reads if operations == ("reads",) else ~reads) | methods.missing)


def _alone(bad: Bools, each_side: int) -> Bools:
    """A mask of the bad requests without another one among this many on each side."""
    sums = np.concatenate([[0], np.cumsum(bad)])
    at = np.arange(len(bad))
    low, high = np.maximum(at - each_side, 0), np.minimum(at + each_side + 1, len(bad))
    return np.asarray(bad & (sums[high] - sums[low] == 1), dtype=np.bool_)


def _thin(name: str, requests: Requests, at: _Moments, *, per_s: float, usual: Usual) -> ThinGroup:
    """The recovery of a thin group, with its failures in succession."""
    sent_ns, undone_ns, until_ns, known_ns = at
    end_ns = until_ns if undone_ns is None else min(undone_ns, until_ns)
    kept, chance_ns = _without_lone(requests.between(sent_ns, known_ns), usual), _chance_ns(per_s)
    every = _filled(kept, sent_ns, known_ns, chance_ns) if name.startswith(REGION) else kept
    return ThinGroup(
        per_s=per_s,
        seen=_came_back(name, kept, at, per_s=per_s, blind_ns=chance_ns, usual=usual),
        runs=tuple(_runs(every.between(sent_ns, end_ns), sent_ns, usual)),
        way_runs=tuple(_runs(every.between(end_ns, known_ns), sent_ns, usual)),
    )


def _without_lone(requests: Requests, usual: Usual) -> Requests:
    """The requests of a thin group without noise: the only bad one among 20, between two that were served."""
    at = np.arange(len(requests))
    lone = _alone(~requests.served(usual.promised_ms), IN_SUCCESSION // 2)
    return requests.where(~(lone & (at > 0) & (at < len(requests) - 1)))


def _runs(requests: Requests, sent_ns: int, usual: Usual) -> Iterable[tuple[float, float]]:
    """First and last of each succession of enough requests that were not served, in seconds from the action sent."""
    edges = np.diff(np.concatenate([[0], ~requests.served(usual.promised_ms), [0]]).astype(np.int8))
    for first, after in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        if after - first >= IN_SUCCESSION:
            start, end = requests.sent_ns[first], requests.sent_ns[after - 1]
            yield (int(start) - sent_ns) / NS_PER_S, (int(end) - sent_ns) / NS_PER_S


def _came_back(
    name: str, requests: Requests, at: _Moments, *, per_s: float, blind_ns: int, usual: Usual
) -> OperationRecovery:
    """As `recovery_of`, for requests that arrive at random.

    The first answer must come a second before the undo, and a good stretch must show it before the undo for a PASS. What fails later is on the way
    back, and no part of the recovery. An outage that had not ended at the undo leaves open whether it was back, whatever was out before.
    """
    sent_ns, undone_ns, until_ns, known_ns = at
    end_ns = until_ns if undone_ns is None else min(undone_ns, until_ns)
    chance_ns = _chance_ns(per_s)
    watched = requests.between(sent_ns, end_ns)
    every = requests.between(sent_ns, known_ns)
    if name.startswith(REGION):
        every = _filled(every, sent_ns, known_ns, blind_ns)
    service = served_in(every, known_ns, usual, blind_ns=blind_ns)
    moments = (known_ns,) if undone_ns is None else (end_ns, min(end_ns + STRETCH_NS, known_ns))
    held = _held(every, (sent_ns, end_ns), moments, usual, blind_ns)
    before, back, is_thin = held.service.outages, held.service.back_ns(sent_ns), per_s < LEAST_PER_S
    latest_ns = known_ns if undone_ns is None else end_ns - MARGIN_NS
    if back is not None and back > max(latest_ns, sent_ns):
        back = None
    if is_thin and held.is_hidden:
        before, back = (*before, *held.across), None
    # what is not proven of a thin group is undecided
    found = service.outages if is_thin else service.proven
    way = since_undo(found, end_ns, until_ns) if undone_ns is not None else ()
    bad = int((~watched.served(usual.promised_ms)).sum())
    return OperationRecovery(
        operation=name,
        seconds=None if back is None else (back - sent_ns) / NS_PER_S,
        resolution_s=_resolution_ns(every, before, (sent_ns, end_ns), chance_ns if is_thin else 0, usual) / NS_PER_S,
        observed_s=max(end_ns - sent_ns, 0) / NS_PER_S,
        on_heal=back is None and bool(before) and before[-1].end_ns is not None,
        outages=_spans(before, end_ns if back is None else known_ns, sent_ns, end_ns if back is None else known_ns),
        why=f"{bad} of {len(watched)} requests were not served",
        since_s=since_s(held.service, sent_ns, end_ns - MARGIN_NS),
        latest_s=held.latest_s,
        way_back=_spans(way, known_ns, sent_ns, known_ns),
        way_back_s=max(until_ns - end_ns, 0) / NS_PER_S,
        way_back_resolution_s=min(1 / max(per_s, 1e-9), _LONGEST_S),
        way_back_ended=all(outage.end_ns is not None for outage in way),
        way_longest_s=0.0
        if undone_ns is None
        else way_longest_s(every, (end_ns, until_ns), known_ns, usual, gap_ns=blind_ns, blind_ns=blind_ns),
    )


class _BeforeUndo(NamedTuple):
    """What is known of the time from the action to the undo.

    Attributes:
        service: by the requests until the moment that decides.
        across: an outage that the requests after the undo show to have begun before it, where those before it do not; else empty.
        is_hidden: whether it may have been out to the end, although `service` shows it back.
        latest_s: as of `OperationRecovery`.
    """

    service: ServiceRecord
    across: tuple[Outage, ...]
    is_hidden: bool
    latest_s: float | None


def _held(
    requests: Requests, span: tuple[int, int], moments: tuple[int, ...], usual: Usual, blind_ns: int
) -> _BeforeUndo:
    """What is known of the time from the action to the undo, by the requests until the first of these moments, or until the last.

    A failure after the undo is on the way back. Where the requests until the undo do not show it back, later requests may show when it was, but no
    recovery passes by them: they would only outweigh those that failed before it. So an outage more never has a recovery decided by other requests.
    """
    sent_ns, end_ns = span
    records = [requests.between(sent_ns, at_ns) for at_ns in moments]
    found = [
        served_in(own, at_ns, usual, blind_ns=blind_ns).begun_before(end_ns)
        for own, at_ns in zip(records, moments, strict=True)
    ]
    is_known = found[0].known and found[-1].known
    is_shown = is_known and not found[0].is_open and found[0].back_ns(sent_ns) is not None
    at = 0 if is_shown else len(moments) - 1
    across = None
    if at < len(moments) - 1:
        across = out_at(records[-1], end_ns, moments[-1], usual, blind_ns=blind_ns)
    is_hidden = across is not None or (at > 0 and any(one.outages for one in found))
    latest = latest_s(records[at], span, moments[at], usual, gap_ns=blind_ns, blind_ns=blind_ns)
    return _BeforeUndo(
        service=found[at],
        across=() if across is None else (across,),
        is_hidden=is_hidden,
        latest_s=None if is_hidden else latest,
    )


def longest_outage_s(name: str, requests: Requests, span: tuple[int, int], usual: Usual) -> float:
    """The longest outage of a group in a span, in s, by the rules of `users_recovery`."""
    own = requests.between(*span)
    per_s = len(own) * NS_PER_S / max(span[1] - span[0], 1)
    is_thin = per_s < LEAST_PER_S and name != ALL
    own = _without_lone(own, usual) if is_thin else own
    blind_ns = _chance_ns(per_s) if is_thin else _blind_ns(per_s)
    if name.startswith(REGION):
        own = _filled(own, *span, blind_ns)
    found = served_in(own, span[1], usual, blind_ns=blind_ns).outages
    return max(((outage.end_ns or span[1]) - outage.start_ns for outage in found), default=0) / NS_PER_S


def _chance_ns(per_s: float) -> int:
    """The longest gap of a group in ns that is chance."""
    return round(min(CHANCE / max(per_s, 1e-9), _LONGEST_S) * NS_PER_S)


def _blind_ns(per_s: float) -> int:
    """The blind time of a group in ns: a longer gap proves nothing and ends a good stretch."""
    return round(min(max(BLIND_SECOND_NS, CHANCE * NS_PER_S / max(per_s, 1e-9)), STRETCH_NS))


def _filled(requests: Requests, start_ns: int, end_ns: int, blind_ns: int) -> Requests:
    """The requests of a region, with one success per half second in gaps beyond chance.

    A region that serves no requests fails none.
    """
    marks = np.concatenate([[start_ns], requests.sent_ns, [end_ns]])
    quiet = np.flatnonzero(np.diff(marks) > blind_ns)
    fill = [np.arange(marks[at] + NS_PER_S // 2, marks[at + 1], NS_PER_S // 2, dtype=np.int64) for at in quiet.tolist()]
    added = np.concatenate([np.empty(0, dtype=np.int64), *fill])
    return Requests.of(
        np.concatenate([requests.sent_ns, added]),
        np.concatenate([requests.done_ns, added]),
        np.concatenate([requests.ok, np.ones(len(added), dtype=np.bool_)]),
    )


def _resolution_ns(
    requests: Requests, found: Sequence[Outage], span: tuple[int, int], chance_ns: int, usual: Usual
) -> int:
    """Time from the last request not served to the next answer; else the longest gap between two requests, if it is beyond chance."""
    if found and found[-1].end_ns is not None:
        bad = requests.sent_ns[~requests.served(usual.promised_ms) & (requests.sent_ns < found[-1].end_ns)]
        return found[-1].end_ns - int(bad.max())
    gap_ns = longest_gap_ns(requests, *span) if span[1] > span[0] else 0
    return gap_ns if gap_ns > chance_ns else 0


def _spans(found: Iterable[Outage], open_ns: int, sent_ns: int, most_ns: int) -> tuple[tuple[float, float], ...]:
    ends = ((o.start_ns, min(open_ns if o.end_ns is None else o.end_ns, most_ns)) for o in found)
    return tuple(((start - sent_ns) / NS_PER_S, (end - sent_ns) / NS_PER_S) for start, end in ends)
