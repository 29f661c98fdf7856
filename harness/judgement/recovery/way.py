"""Recovery of one kind of request after one fault, and outages after the undo.

*Recovery* lasts from the fault to the first answer of the good stretch that ended the last outage before the undo. A recovery after the undo does not
count (`on_heal`). The length of an outage between the undo and the restore (`way_back`) is compared with the limit of the recovery.

If failures were as rare as usual at the end of the watch, and for less than five seconds, the end *cuts the figure off*: the service may have recovered
at `since_s`, and this is not proven. Less than a second proves nothing. The service may also have recovered at the end of an outage if failures after
it were more frequent than usual and not so frequent that chance explains none of them.

An outage may also be hidden by missing records or by a later outage. The recovery passes only if the maximum possible lengths (`latest_s`,
`way_longest_s`, see `doubt`) are within the limit.

The *resolution* is the longest time between two requests up to the recovery plus the slowest answer in the second after it. Requests overlap, so a
timeout does not widen it. Without a failure it is the longest time without an answer. A *stall* is a time of at least 100 ms without an answer in
which requests were answered late, within their timeout. It is listed, included in the resolution, and no outage.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.recovery.doubt import latest_s, planned_gap_ns, way_longest_s
from harness.judgement.recovery.requests import Requests
from harness.judgement.recovery.rule import Outage, ServiceRecord, longest_gap_ns, served_in, since_undo
from harness.judgement.recovery.usual import Usual
from harness.model import OperationRecovery
from harness.model.records.table import distinct
from harness.units import NS_PER_S

MARGIN_NS: Final = 1_000_000_000
"""Minimum time from a first answer to the undo, or the end, where five good seconds do not lie between them."""
STALL_NS: Final = 100_000_000
"""Minimum length of a stall: as long as a watch lets pass between two requests, so that the second of two that hang is late as well."""


def recovery_of(
    operation: str,
    requests: Requests,
    *,
    sent_ns: int,
    undone_ns: int | None,
    until_ns: int,
    spacing_ms: float,
    usual: Usual,
    known_ns: int | None = None,
) -> OperationRecovery:
    """The recovery of reads or writes after one action.

    Args:
        operation: name of the operation.
        requests: requests of the operation; requests before the fault are left out.
        sent_ns: time at which the fault was sent.
        undone_ns: time at which the undo was sent; None: no undo.
        until_ns: time of the restore; without a restore the end of the watch. An outage at that time is followed up to `known_ns`.
        spacing_ms: planned time between two requests; the minimum of the resolution.
        usual: usual shares of failed and late requests.
        known_ns: end of the recorded requests; None: `until_ns`.
    """
    end_ns = until_ns if undone_ns is None else min(undone_ns, until_ns)
    known_ns = max(until_ns, known_ns or until_ns)
    watched = requests.between(sent_ns, end_ns)
    heard_ns = end_ns if undone_ns is not None else known_ns
    heard = requests.between(sent_ns, heard_ns)
    service = served_in(heard, heard_ns, usual).begun_before(end_ns)
    found, back = service.outages, service.back_ns(sent_ns)
    silent = _silences(watched, found, sent_ns, end_ns)
    back_ns = back if found and back is not None else end_ns
    after = requests.between(end_ns, known_ns)
    known = requests.between(sent_ns, known_ns)
    every = served_in(known, known_ns, usual)
    way = since_undo(every.proven, end_ns, until_ns) if undone_ns is not None else ()
    on_heal = back is None and end_ns < until_ns and served_in(after, known_ns, usual).back_ns(end_ns) is not None
    return OperationRecovery(
        operation=operation,
        seconds=None if back is None else (back - sent_ns) / NS_PER_S,
        resolution_s=max(
            _resolution_ns(heard if back_ns > end_ns else watched, silent, sent_ns, back_ns) / NS_PER_S,
            spacing_ms / 1000,
        ),
        observed_s=max(end_ns - sent_ns, 0) / NS_PER_S,
        on_heal=on_heal,
        outages=_spans(found, end_ns, sent_ns),
        stalls=tuple((_after(a, sent_ns), _after(b, sent_ns)) for a, b in _stalls(watched, silent)),
        why=_why(watched, service, back, usual),
        since_s=since_s(service, sent_ns, end_ns - MARGIN_NS),
        latest_s=latest_s(heard, (sent_ns, end_ns), heard_ns, usual, gap_ns=planned_gap_ns(spacing_ms)),
        way_back=_spans(way, known_ns, sent_ns),
        way_back_s=max(until_ns - end_ns, 0) / NS_PER_S,
        way_back_resolution_s=max(_gap_ns(after, end_ns, until_ns) / NS_PER_S, spacing_ms / 1000),
        way_back_ended=all(outage.end_ns is not None for outage in way),
        way_longest_s=0.0
        if undone_ns is None
        else way_longest_s(known, (end_ns, until_ns), known_ns, usual, gap_ns=planned_gap_ns(spacing_ms)),
    )


def since_s(service: ServiceRecord, sent_ns: int, latest_ns: int) -> float | None:
    """Earliest possible time of the recovery, in s from the fault; None if it is not before the measured recovery, or after `latest_ns`."""
    back_ns, since_ns = service.back_ns(sent_ns), service.earliest_ns(sent_ns)
    if since_ns is None or not service.outages or since_ns == back_ns or since_ns > latest_ns:
        return None
    return (since_ns - sent_ns) / NS_PER_S


def _gap_ns(after: Requests, start_ns: int, end_ns: int) -> int:
    return longest_gap_ns(after, start_ns, end_ns) if end_ns > start_ns else 0


def _spans(found: Iterable[Outage], end_ns: int, sent_ns: int) -> tuple[tuple[float, float], ...]:
    return tuple((_after(o.start_ns, sent_ns), _after(o.end_ns or end_ns, sent_ns)) for o in found)


def _silences(requests: Requests, found: tuple[Outage, ...], start_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """The times between two successes, outside of outages, in which the service was not observed."""
    out = [(outage.start_ns, outage.end_ns or end_ns) for outage in found]
    answered = requests.done_ns[requests.ok & (requests.done_ns < end_ns)]
    marks = distinct(np.concatenate([[start_ns, end_ns], answered, np.ravel(np.array(out, dtype=np.int64))]))
    known = np.zeros(len(marks) - 1, dtype=np.bool_)
    for start, end in out:
        known |= (marks[:-1] >= start) & (marks[:-1] < end)
    return list(zip(marks[:-1][~known].tolist(), marks[1:][~known].tolist(), strict=True))


def _resolution_ns(requests: Requests, silent: list[tuple[int, int]], sent_ns: int, until_ns: int) -> int:
    longest = max((b - a for a, b in silent if a < until_ns), default=0)
    after = requests.between(until_ns, until_ns + NS_PER_S)
    answers = (after.done_ns - after.sent_ns)[after.ok]
    return max(longest, longest_gap_ns(requests, sent_ns, until_ns) + int(answers.max(initial=0)))


def _stalls(requests: Requests, silent: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """The silences in which at least two requests were sent, each from the first of them on."""
    for start_ns, end_ns in silent:
        if end_ns - start_ns >= STALL_NS:
            hung = requests.sent_ns[(requests.sent_ns >= start_ns) & (requests.sent_ns < end_ns)]
            if len(hung) > 1 and end_ns - hung[0] >= STALL_NS:
                yield int(hung[0]), end_ns


def _after(at_ns: int, sent_ns: int) -> float:
    return (at_ns - sent_ns) / NS_PER_S


def _why(requests: Requests, service: ServiceRecord, back: int | None, usual: Usual) -> str:
    served, found = requests.served(usual.promised_ms), service.outages
    failed, late = int((~requests.ok).sum()), int((requests.ok & ~served).sum())
    bad = f"{failed} of {len(requests)} requests failed"
    if late:
        bad += f", {late} were answered later than {usual.promised_ms:g} ms"
    if back is None:
        return f"{bad}, and no 5 s of successful requests followed while the fault was active"
    if found:
        return f"{len(found)} outages, the last outage counts" if len(found) > 1 else ""
    if failed or late:
        as_before = f", which chance explains with a usual share of {usual.failed * 100:.2g} %" if failed else ""
        return f"no outage: {bad}{as_before}"
    return "no client was affected"
