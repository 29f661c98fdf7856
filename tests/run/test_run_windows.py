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
    """It lasts until the load ends."""
    records = Records()
    log = WindowLog(traffic(), records)
    log.begin(100)
    log.end(500)
    log.end(600)
    assert cut(records) == [("everyday/fault-free", "", "in the steady state", 100, 500)]


def test_a_fault_that_is_not_restored_lasts_to_the_end_of_the_load() -> None:
    """There is no window after the faults then."""
    records = Records()
    log = WindowLog(traffic(), records)
    log.begin(100)
    log.fault_sent("pod-loss", 1, 200)
    assert (log.faulty, log.after_a_fault) == (True, False)
    log.end(500)
    assert [(name, start, end) for name, _, _, start, end in cut(records)] == [
        ("everyday/fault-free", 100, 200),
        ("experiment:pod-loss/fault", 200, 500),
    ]


def test_a_second_attempt_has_windows_of_its_own() -> None:
    """Both attempts are windows: each attempt that was sent counts for harm."""
    records = Records()
    log = WindowLog(traffic(), records)
    log.begin(100)
    log.fault_sent("pod-loss", 1, 200)
    log.restored(250)
    log.fault_sent("pod-loss", 2, 300)
    log.restored(400)
    log.end(500)
    assert [(name, start, end) for name, _, _, start, end in cut(records)] == [
        ("everyday/fault-free", 100, 200),
        ("experiment:pod-loss/fault", 200, 250),
        ("experiment:pod-loss/after", 250, 300),
        ("experiment:pod-loss/fault#2", 300, 400),
        ("everyday/after-faults", 400, 500),
    ]


def test_an_opened_window_names_the_planned_arrivals() -> None:
    """Journeys a second and requests a journey, as planned."""
    records = Records()
    log = WindowLog(traffic(journeys_per_s=5.0), records)
    log.begin(100)
    log.end(500)
    opened = records.of("window.opened")[0]
    assert (opened["traffic"], opened["journeys_per_s"], opened["requests_per_journey"]) == ("everyday", 5.0, 4)
