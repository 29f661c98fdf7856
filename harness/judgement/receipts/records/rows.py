"""Whether the rows of a window are complete, unique and possible.

Journeys of the harness are numbered per worker, and their requests from 1 on. If a number is missing or occurs twice, within a window or between two
windows of a traffic, the record was changed or is incomplete. A user who gave up before the first request has a number and no row.

Rows of Locust's own users and of other tools have no numbers, and a missing last request of a journey leaves no gap in the numbers. Such rows are
missing if a window has fewer rows than were counted when the run was closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from harness.judgement.receipts.closed_load import AS_RECORDED, READ_LOG, Trouble
from harness.judgement.recovery import SERVER_ERROR
from harness.model import Evidence, Table, Window
from harness.model.records.table import Bools, Ints, distinct
from harness.units import NS_PER_S

_OK: Final = 200
EMPTY: Final = 0.1
"""If more than this share of the good answers to reads have no content, they come from something in front of the service."""
EXPECTED: Final = 0.1
"""At most this share of the good answers may have a status 5xx: those of routes whose requests expect it."""
_STEP_BITS: Final = 16
_ARRIVAL_BITS: Final = 32
"""With a worker of 15 bits a request is one integer."""
_DIGITS: Final = 9
"""Most digits of a step: more are no number of a request, and do not fit into the integer."""
NEAR_NS: Final = 60 * NS_PER_S
"""How long before and after the edge between two windows arrivals are compared, in ns."""
_GAVE_UP: Final = (
    "send at least one request in each journey (load/{traffic}/locust.log shows journeys that gave up), then run again"
)
_EMPTY: Final = (
    "check which program answers these requests (an answer without content should have status 204), then run again"
)
_STATUS: Final = "count these answers as failures in the locustfile, or name the expected `status`, then run again"
_MANY: Final = (
    "count these answers as failures in the locustfile (requests that expect a status 5xx may be at most "
    f"{EXPECTED:.0%} of all), then run again"
)


def row_troubles(samples: Table) -> list[Trouble]:
    """Defects of the rows of one window: no rows, or rows that are missing, duplicate, without a route, or impossible."""
    ints = samples.ints
    backwards = int(((ints["done_ns"] < ints["sent_ns"]) | (ints["done_ns"] < ints["intended_ns"])).sum())
    nameless = int(samples.words["name"].missing.sum())
    troubles = {
        Trouble("no request was sent", READ_LOG): not len(samples),
        Trouble(f"{backwards} requests end before they begin", AS_RECORDED): backwards,
        Trouble(f"{nameless} requests have no name", NAMELESS): nameless,
    }
    return [*(trouble for trouble, there in troubles.items() if there), *_numbers(samples), *_answers(samples)]


NAMELESS: Final = "give each request, and each event `request` that the locustfile fires, a `name`, then run again"


class _Numbered(NamedTuple):
    """The requests of journeys that number them: journey (with worker), number and due time of each, unsorted, and each pair of journey and number once."""

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
        yield Trouble(f"{missing} requests in the middle of their journeys were not recorded", AS_RECORDED)
    first = own.step == 1
    if first.any() and (silent := _silent(own.journey[first], own.due_ns[first])):
        yield Trouble(f"no request was recorded for {silent} journeys that arrived in the window", _GAVE_UP)


def not_recorded(evidence: Evidence) -> Mapping[str, int]:
    """Number of missing rows of each window, by name of the window.

    It is the greater of two numbers: the counted requests minus the recorded rows, and the requests and complete journeys that are missing at the
    edges of the window. The latter count for the windows on both sides of the edge.
    """
    edges = _between_windows(evidence)
    fewer = {
        name: window.counted - len(window.samples)
        for name, window in evidence.windows.items()
        if window.counted is not None
    }
    return {name: n for name in evidence.windows if (n := max(edges.get(name, 0), fewer.get(name, 0))) > 0}


def _between_windows(evidence: Evidence) -> Mapping[str, int]:
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
    """Number of journeys without a request that arrived between the last journeys of a window and the first journeys of the next."""
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
    """The number of each request in its journey; 0 if it has none, or one that no journey reaches."""
    words = samples.words["step"]
    numbers = [int(word) if word.isdecimal() and len(word) <= _DIGITS else 0 for word in words.names]
    return np.array([*numbers, 0], dtype=np.int64)[words.codes]  # the last is that of a missing word, which is coded -1


def _silent(journeys: Ints, due_ns: Ints) -> int:
    """Number of missing journey numbers, by worker, among the journeys that began in the window.

    A user who pauses before the first request sends it later than users who arrived afterwards: so at the edges of the window a time as long as
    such a pause is left out.
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
    """Defects of answers: status 5xx counted as good, on a route with other good answers or by many; and reads of journeys answered with 200 but without content."""
    good = samples.words["error"].missing
    broken: Bools = good & (samples.ints["status"] >= SERVER_ERROR)
    names = samples.words["name"].codes
    mixed = broken & np.isin(names, names[good & ~broken])
    if (most := int(broken.sum())) > EXPECTED * (of := int(good.sum())):
        yield Trouble(f"{most} of {of} answers without an error have a status 5xx", _MANY)
    elif count := int(mixed.sum()):
        yield Trouble(f"{count} answers with a status 5xx were recorded without an error", _STATUS)
    read = (
        good & (samples.ints["status"] == _OK) & samples.words["method"].equals("GET") & (samples.ints["arrival"] > 0)
    )
    empty: Bools = read & (samples.ints["bytes"] <= 0)
    if (count := int(empty.sum())) > EMPTY * int(read.sum()):
        yield Trouble(f"{count} of {int(read.sum())} answers to GET with status 200 have no content", _EMPTY)
