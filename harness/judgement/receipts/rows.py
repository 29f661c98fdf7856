"""Whether the rows of a window are each there once, all there, and possible.

A journey of ours numbers itself in its worker, and its requests from 1 on: what is missing among these numbers, or there twice, was not
recorded as it was sent, within a window and from one window of its traffic to the next. A user who gave up before a first request leaves a
number without a row. Rows of Locust's own users, and of other tools, have no numbers: of those rows only the answers are checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from harness.judgement.receipts.closed_load import AS_RECORDED, READ_LOG, Trouble
from harness.judgement.recovery import SERVER_ERROR
from harness.model import Evidence, Table, Window
from harness.model.table import Bools, Ints, distinct
from harness.units import NS_PER_S

_OK: Final = 200
EMPTY: Final = 0.1
"""More good answers without a byte than this are no answers of a service that is read, but of something in front of it."""
_STEP_BITS: Final = 16
_ARRIVAL_BITS: Final = 32
"""With a worker of 15 bits a request is one integer."""
NEAR_NS: Final = 60 * NS_PER_S
"""Arrivals of so long before and after the edge between two windows are compared."""
_GAVE_UP: Final = (
    "let each journey send a request, or find out from load/{traffic}/locust.log which gave up; then run again"
)
_EMPTY: Final = "see what answers there: a service that has nothing to say answers 204; then run again"
_STATUS: Final = (
    "see why the locustfile takes these answers for good: fail them, or name the expected `status`, then run again"
)


def row_troubles(samples: Table) -> list[Trouble]:
    """Defects of the rows of one window: none at all, an end before the begin, no route, twice, missing, not possible."""
    ints = samples.ints
    backwards = int(((ints["done_ns"] < ints["sent_ns"]) | (ints["done_ns"] < ints["intended_ns"])).sum())
    nameless = int(samples.words["name"].missing.sum())
    troubles = {
        Trouble("no request was sent", READ_LOG): not len(samples),
        Trouble(f"{backwards} samples end before they begin", AS_RECORDED): backwards,
        Trouble(f"{nameless} samples name no route", NAMELESS): nameless,
    }
    return [*(trouble for trouble, there in troubles.items() if there), *_numbers(samples), *_answers(samples)]


NAMELESS: Final = "give each request, and each event `request` that the locustfile fires, a `name`, then run again"


class _Numbered(NamedTuple):
    """The requests of journeys that number them: journey with its worker, number and due time of each, unsorted, and the pairs of both once each."""

    journey: Ints
    step: Ints
    due_ns: Ints
    requests: Ints


def _numbered(samples: Table) -> _Numbered:
    step, arrival = _steps(samples), samples.ints["arrival"]
    own = (arrival > 0) & (arrival < 1 << _ARRIVAL_BITS) & (step > 0) & (step < 1 << _STEP_BITS)
    step = step[own]
    journey = (samples.ints["worker"][own].astype(np.int64) << _ARRIVAL_BITS) | arrival[own]
    requests = distinct((journey << _STEP_BITS) | step)
    return _Numbered(journey=journey, step=step, due_ns=samples.ints["intended_ns"][own], requests=requests)


def _numbers(samples: Table) -> Iterable[Trouble]:
    own = samples.once(_numbered)
    if again := len(own.step) - len(own.requests):
        yield Trouble(
            f"{again} of {len(own.step)} requests are recorded twice, by worker, journey and step", AS_RECORDED
        )
    gaps = np.diff(own.requests)[np.diff(own.requests >> _STEP_BITS) == 0]
    if missing := int((gaps - 1).sum()):
        yield Trouble(f"{missing} requests between others of their journeys are not recorded", AS_RECORDED)
    first = own.step == 1
    if first.any() and (silent := _silent(own.journey[first], own.due_ns[first])):
        yield Trouble(f"{silent} journeys that arrived between others have no request", _GAVE_UP)


def between_windows(evidence: Evidence) -> Mapping[str, int]:
    """How many requests at the edges between windows are not recorded, by window: of journeys that go on in the next one, and of journeys that lack there.

    They count for the windows on both sides, and between.
    """
    found: dict[str, int] = {}
    for traffic in dict.fromkeys(window.traffic for window in evidence.windows.values()):
        own: list[Window] = []
        for window in sorted(evidence.windows.values(), key=lambda one: one.start_ns):
            if window.traffic == traffic and (not own or window.start_ns >= own[-1].end_ns):
                own.append(window)
        found |= {window.name: n for window, n in zip(own, _between(own), strict=True) if n}
    return found


def _between(windows: list[Window]) -> list[int]:
    ends = [window.samples.once(_ends) for window in windows]
    requests = np.concatenate([one for one in ends if len(one)] or [np.empty(0, dtype=np.int64)])
    where = np.repeat(np.arange(len(ends)), [len(one) for one in ends])
    order = np.argsort(requests, kind="stable")
    requests, where = requests[order], where[order]
    goes_on = (np.diff(requests >> _STEP_BITS) == 0) & (np.diff(where) != 0)
    missing = np.where(goes_on, np.maximum(np.diff(requests) - 1, 0), 0)
    counts = [0] * len(windows)
    for at in np.flatnonzero(missing).tolist():
        low, high = sorted((int(where[at]), int(where[at + 1])))
        for window in range(low, high + 1):
            counts[window] += int(missing[at])
    for at, (before, after) in enumerate(pairwise(windows)):
        skipped = _skipped(before, after)
        counts[at], counts[at + 1] = counts[at] + skipped, counts[at + 1] + skipped
    return counts


def _skipped(before: Window, after: Window) -> int:
    """How many journeys that arrived between the last ones of a window and the first ones of the next have no request."""
    parts = []
    for window, start_ns, end_ns in (
        (before, before.end_ns - NEAR_NS, before.end_ns),
        (after, after.start_ns, after.start_ns + NEAR_NS),
    ):
        own = window.samples.once(_numbered)
        first = (own.step == 1) & (own.due_ns >= start_ns) & (own.due_ns < end_ns)
        parts.append((own.journey[first], own.due_ns[first]))
    journeys, due_ns = (np.concatenate(each) for each in zip(*parts, strict=True))
    return max(_silent(journeys, due_ns) - sum(_silent(*part) for part in parts), 0)


def _ends(samples: Table) -> Ints:
    """The first and the last request of each journey."""
    requests = samples.once(_numbered).requests
    apart = np.diff(requests >> _STEP_BITS) != 0
    edge = np.concatenate([[True], apart]) | np.concatenate([apart, [True]])
    return np.asarray(requests[edge[: len(requests)]], dtype=np.int64)


def _steps(samples: Table) -> Ints:
    """The number of each request in its journey; 0 where it has none."""
    words = samples.words["step"]
    numbers = [int(word) if word.isdecimal() else 0 for word in words.names]
    return np.array([*numbers, 0], dtype=np.int64)[words.codes]  # the last is that of a missing word, which is coded -1


def _silent(journeys: Ints, due_ns: Ints) -> int:
    """How many numbers are missing among the journeys of each worker that began in the window.

    Who thinks before a first request comes later than who arrived after them: at the edges of the window as many seconds as that takes
    are left out.
    """
    missing = 0
    for worker in distinct(journeys >> _ARRIVAL_BITS).tolist():
        own = journeys >> _ARRIVAL_BITS == worker
        order = np.lexsort((journeys[own], due_ns[own]))
        number, at_ns = journeys[own][order], due_ns[own][order]
        highest = np.maximum.accumulate(number)
        overtaken_ns = at_ns - at_ns[np.searchsorted(highest, number, side="left")]
        late_ns = int(overtaken_ns.max())
        low = int(highest[np.searchsorted(at_ns, at_ns[0] + late_ns, side="right") - 1]) if late_ns else int(number[0])
        until = np.searchsorted(at_ns, at_ns[-1] - late_ns, side="left")
        high = int(number[until:].min()) if late_ns else int(number[-1])
        there = distinct(number[(number >= low) & (number <= high)])
        missing += max(high - low + 1, 0) - len(there)
    return missing


def _answers(samples: Table) -> Iterable[Trouble]:
    """Good answers of 5xx on a route that gives others too; and of what journeys read, answers of 200 without a byte."""
    good = samples.words["error"].missing
    broken: Bools = good & (samples.ints["status"] >= SERVER_ERROR)
    names = samples.words["name"].codes
    mixed = broken & np.isin(names, names[good & ~broken])
    if count := int(mixed.sum()):
        yield Trouble(
            f"{count} answers of status 5xx are recorded without an error, others of their routes too", _STATUS
        )
    read = (
        good & (samples.ints["status"] == _OK) & samples.words["method"].equals("GET") & (samples.ints["arrival"] > 0)
    )
    empty: Bools = read & (samples.ints["bytes"] <= 0)
    if (count := int(empty.sum())) > EMPTY * int(read.sum()):
        yield Trouble(f"{count} of {int(read.sum())} answers of status 200 to GET have no byte", _EMPTY)
