"""What the clients saw, second by second."""

from __future__ import annotations

import math

import numpy as np
from report_builders import no_go
from report_evidence import table
from report_plan import S, ns

from harness.model import SAMPLES, Evidence, Phase, Window
from harness.report.view.seconds import Bins, probes_in, traffic_in


def _window(due: list[float], ms: list[float], bad: list[bool]) -> Window:
    due_ns = np.array([round(at * S) for at in due])
    samples = table(
        SAMPLES,
        len(due),
        intended_ns=due_ns,
        done_ns=due_ns + np.array([round(one * 1e6) for one in ms]),
        status=200,
        error=["status 503" if one else None for one in bad],
    )
    return Window(
        name="experiment:x/fault",
        phase=Phase.FAULT,
        traffic="t",
        experiment="x",
        start_ns=0,
        end_ns=20 * S,
        journeys_per_s=1,
        requests_per_journey=1,
        samples=samples,
    )


def test_requests_fall_into_the_second_they_were_due_in_counted_from_the_fault() -> None:
    """The fault at 10.5 s begins a second: 10.4 s lies in the one before, 10.5 s in the first one after."""
    bins = Bins.between(round(10.5 * S), 10 * S, 13 * S)
    traffic = traffic_in(_window([10.4, 10.5, 11.4, 11.6], [10, 20, 30, 900], [False, True, False, False]), bins)
    assert (bins.start_s, bins.end_s) == (-1, 3)
    assert traffic.requests.tolist() == [1, 2, 1, 0]
    assert traffic.failed.tolist() == [0, 1, 0, 0]
    assert traffic.p95_ms.tolist()[:3] == [10, 30, 900]
    assert math.isnan(traffic.p95_ms[3])


def test_the_p95_is_the_nearest_rank() -> None:
    """Of 1 to 100 ms it is 95 ms."""
    values = [float(ms) for ms in range(1, 101)]
    traffic = traffic_in(_window([1.5] * 100, values, [False] * 100), Bins.between(0, S, 2 * S))
    assert traffic.p95_ms.tolist() == [95]


def test_a_long_watch_is_drawn_in_wider_steps_and_still_per_second() -> None:
    """An hour is drawn in steps of 6 s; ten requests in one of them are ten sixths a second."""
    bins = Bins.between(0, 0, 3600 * S)
    assert (bins.width_s, bins.count) == (6, 600)
    assert traffic_in(_window([1.0] * 10, [1.0] * 10, [False] * 10), bins).requests[0] == 10 / 6


def test_probes_of_the_entry_and_writes_of_the_ledger_are_told_apart() -> None:
    """The primary dies: writes fail for 20.7 s, reads do not."""
    _, evidence, _ = no_go()
    bins = Bins.between(ns(245), ns(243), ns(270))
    reads, writes = probes_in(evidence, "reads", bins), probes_in(evidence, "writes", bins)
    assert reads.failed.sum() == 0
    assert (writes.failed[:2].sum(), writes.failed[4], writes.failed[24:].sum()) == (0, 30, 0)
    assert probes_in(Evidence(), "writes", bins).seen.sum() == 0
