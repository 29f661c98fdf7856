"""Windows: contiguous, and named by what they lie under."""

from __future__ import annotations

from harness.run.load.windows import WindowLog
from tests.builders.plans import traffic
from tests.builders.records import Records

Row = tuple[str, str, str, int, int]


def cut(records: Records) -> list[Row]:
    """Name, experiment, phase, start and end of each window."""
    ends = {str(closed["subject"]): int(closed["end_ns"]) for closed in records.of("window.closed")}
    return [
        (str(o["subject"]), str(o["experiment"]), str(o["phase"]), int(o["start_ns"]), ends[str(o["subject"])])
        for o in records.of("window.opened")
    ]


def test_windows_of_a_run_with_faults_are_contiguous() -> None:
    """From the first window's start to the end of the load every nanosecond belongs to exactly one window."""
    records = Records()
    log = WindowLog(traffic(), records)
    log.begin(100)
    log.fault_sent("pod-loss", 1, 200)
    log.restored(250)
    log.fault_sent("region-loss", 1, 300)
    log.restored(400)
    log.end(500)
    steady, fault = "in the steady state", "during the fault"
    assert cut(records) == [
        ("everyday/fault-free", "", steady, 100, 200),
        ("experiment:pod-loss/fault", "pod-loss", fault, 200, 250),
        ("experiment:pod-loss/after", "pod-loss", steady, 250, 300),
        ("experiment:region-loss/fault", "region-loss", fault, 300, 400),
        ("everyday/after-faults", "", steady, 400, 500),
    ]


def test_a_run_without_faults_has_one_window() -> None:
    """It lasts until the load ends, and names the planned arrivals: journeys a second and requests a journey."""
    records = Records()
    log = WindowLog(traffic(journeys_per_s=5.0), records)
    log.begin(100)
    log.end(500)
    log.end(600)
    assert cut(records) == [("everyday/fault-free", "", "in the steady state", 100, 500)]
    opened = records.of("window.opened")[0]
    assert (opened["traffic"], opened["journeys_per_s"], opened["requests_per_journey"]) == ("everyday", 5.0, 4)
