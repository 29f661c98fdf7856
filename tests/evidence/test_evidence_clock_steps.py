"""Moments at which the clocks of a run parted: its machine slept, or its wall clock was set. What only drifts never did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import clock
from harness.evidence import History, read_history
from harness.evidence.histories.clock_steps import SLEW, STEP_NS, clock_steps, steps
from harness.model import ClockStep, Observation
from tests.fake_clock import FakeClock, S

BEGUN = datetime(2026, 1, 31, tzinfo=UTC)
WAITS = st.lists(st.integers(1, 3 * 3600 * S), min_size=1, max_size=30)
"""Nanoseconds from one record to the next: up to three hours."""
LATE = st.integers(0, STEP_NS // 2)
"""A second clock is read up to half of the limit after the first one."""


def readings(data: st.DataObject, waits: list[int]) -> list[tuple[int, int]]:
    """Two clocks at some times, one of which is slewed by up to 500 ppm, either way, and is read late."""
    times = list(accumulate(waits, initial=1000 * S))
    slews = [data.draw(st.floats(-SLEW, SLEW)) for _ in waits]
    ahead = accumulate([round(wait * slew) for wait, slew in zip(waits, slews, strict=True)], initial=10**18)
    return [(at, so_far + data.draw(LATE)) for at, so_far in zip(times, ahead, strict=True)]


@given(WAITS, st.data())
def test_what_drifts_below_the_limit_is_never_a_step(waits: list[int], data: st.DataObject) -> None:
    """However long it goes on, and however far the clocks are apart in the end."""
    assert list(steps(readings(data, waits))) == []


@given(WAITS, st.data())
def test_a_step_above_the_limit_is_always_found_where_it_was(waits: list[int], data: st.DataObject) -> None:
    """Ahead or back, of a second and what may be drift and delay, up to ten years: one step, between the two records around it."""
    found = readings(data, waits)
    at = data.draw(st.integers(1, len(waits)))
    least = round(1.5 * STEP_NS + 2 * SLEW * waits[at - 1]) + 2
    step = data.draw(st.integers(least, 10 * 365 * 86400 * S)) * data.draw(st.sampled_from([-1, 1]))
    stepped = [(when, ahead + (step if number >= at else 0)) for number, (when, ahead) in enumerate(found)]
    assert list(steps(stepped)) == [(stepped[at - 1], stepped[at])]


def seen(at_s: float, wall_s: float | None, asleep_s: float | None = None, **other: str) -> Observation:
    """A record at a monotonic time, with the wall clock since the run began, and how long the machine has slept."""
    wall = "" if wall_s is None else (BEGUN + timedelta(seconds=wall_s)).isoformat()
    fields = {} if asleep_s is None else {"at_ns": round(at_s * S), "asleep_ns": round(asleep_s * S)}
    kind = "act.started" if asleep_s is None else "machine.seen"
    given = {"source": "run" if asleep_s is None else "machine", "clock": "boot", **other}
    return Observation(seq=0, mono_ns=round(at_s * S), wall=wall, kind=kind, subject="machine", fields=fields, **given)


def step(from_s: float, until_s: float, ahead_s: float, *, slept: bool | None) -> ClockStep:
    """A step between two records."""
    return ClockStep(from_ns=round(from_s * S), until_ns=round(until_s * S), ahead_s=ahead_s, slept=slept)


SAMPLED = (seen(0, 0, 7), seen(1, 1, 7), seen(1.2, 1.2), seen(1.7, 41.7))
"""Of a machine that had slept for 7 s, the wall clock being 40 s ahead at last."""


def test_the_clocks_of_the_run_are_compared(subtests: pytest.Subtests) -> None:
    """Between which records they parted, by how much, and whether the machine slept, where it was sampled around it."""
    for name, records, found in [
        ("less than a second", [seen(0, 0), seen(1, 1), seen(5, 5.9)], []),
        ("ahead", [seen(0, 0), seen(1, 1), seen(5, 45)], [step(1, 5, 40, slept=None)]),
        ("back", [seen(0, 0), seen(1, 1), seen(5, -35)], [step(1, 5, -40, slept=None)]),
        ("slept", [*SAMPLED, seen(2, 42, 47)], [step(1, 2, 40, slept=True)]),
        ("set ahead", [*SAMPLED, seen(2, 42, 7)], [step(1.2, 1.7, 40, slept=False)]),
        (
            "before the machine was sampled",
            [seen(0, 0), seen(1, 41), seen(2, 42, 7), seen(3, 43, 7)],
            [step(0, 1, 40, slept=None)],
        ),
        (
            "slept, and was set back later",
            [seen(0, 0), seen(0, 0, 0), seen(1, 41, 40), seen(2, 42, 40), seen(3, 13, 40)],
            [step(0, 1, 40, slept=True), step(2, 3, -30, slept=False)],
        ),
        (
            "no wall time, or of another machine",
            [seen(0, 0), seen(1, None), seen(2, 99, clock="another"), seen(3, 3)],
            [],
        ),
        ("no wall time at all", [seen(0, None), seen(1, None)], []),
        ("no record of the run itself", [seen(0, 0, source="watch"), seen(1, 41, source="watch")], []),
    ]:
        with subtests.test(name):
            assert clock_steps(records) == tuple(found)


@pytest.mark.parametrize("slept", [True, False])
def test_a_machine_that_sleeps_is_told_from_a_clock_that_is_set(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slept: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """As histories are written: 40 s are missing between the third second and the fourth."""
    fake = FakeClock.installed(monkeypatch)
    run, machine = History(tmp_path / "run.ndjson", "run"), History(tmp_path / "machine.ndjson", "machine")
    for second in range(6):
        run.put("act.started", "a")
        machine.put("machine.seen", "machine", at_ns=clock.now_ns(), asleep_ns=clock.asleep_ns())
        if second == 3:
            (fake.suspend if slept else fake.set_wall)(40)
        fake.sleep(1)
    written = [o for path in tmp_path.iterdir() for o in read_history(path)[0]]
    assert clock_steps(written) == (step(1003, 1004, 40, slept=slept),)


class Stopped(FakeClock):
    """A clock of a process that is stopped for half a minute the first time that it asks for the wall clock."""

    def time_ns(self) -> int:
        """As `time.time_ns`, before the stop."""
        stop, self.stop_s, read = getattr(self, "stop_s", 30), 0, super().time_ns()
        self.sleep(stop)
        return read


def test_a_process_that_is_stopped_between_two_clocks_reads_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the clocks would seem to part by half a minute for one record."""
    fake = Stopped.installed(monkeypatch)
    mono_ns, wall = clock.both()
    assert (mono_ns, wall) == (1030 * S, BEGUN + timedelta(seconds=30))
    assert fake.now_ns == mono_ns


def test_a_system_without_a_clock_that_counts_sleep_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that it never slept."""
    fake = FakeClock.installed(monkeypatch)
    fake.suspend(40)
    assert clock.asleep_ns() == 40 * S
    monkeypatch.delattr(FakeClock, "CLOCK_BOOTTIME")
    assert clock.asleep_ns() is None
