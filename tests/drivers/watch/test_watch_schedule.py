"""Looks are due at absolute times, whatever the ones before do."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from harness import clock
from harness.drivers.watch.schedule import Schedule


def run(schedule: Schedule, seconds: float) -> None:
    """Run it for a while, then wait for its looks."""

    async def running() -> None:
        task = asyncio.create_task(schedule.run())
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            task.result()
        task.cancel()
        await schedule.finish(5)

    asyncio.run(running())


def test_a_look_that_waits_a_second_delays_no_other() -> None:
    """Each look takes 1 s, yet 50 a second begin, evenly spaced."""
    due: list[int] = []

    async def look(due_ns: int) -> None:
        due.append(due_ns)
        await clock.asleep(1.0)

    troubles: list[str] = []
    run(Schedule("test", 50, look, troubles.append), 1.0)
    assert len(due) >= 45 or troubles
    spacings = {later - sooner for sooner, later in itertools.pairwise(due)}
    assert all(spacing % 20_000_000 == 0 for spacing in spacings)


def test_looks_the_process_was_too_late_for_are_left_out_and_told() -> None:
    """A stall of 300 ms at 100 looks a second leaves a gap in the due times instead of a burst."""
    due: list[int] = []
    troubles: list[str] = []

    async def look(due_ns: int) -> None:
        due.append(due_ns)
        if len(due) == 3:
            clock.sleep(0.3)  # stalls the loop, as a starved process would be

    run(Schedule("test", 100, look, troubles.append), 0.6)
    gaps = [later - sooner for sooner, later in itertools.pairwise(due)]
    assert max(gaps) >= 290_000_000
    assert any("looks left out" in why for why in troubles)


def test_a_new_rate_counts_from_the_next_look_on() -> None:
    """From 10 looks a second to 100."""
    due: list[int] = []

    async def look(due_ns: int) -> None:
        due.append(due_ns)
        if len(due) == 2:
            schedule.set_rate(100)

    schedule = Schedule("test", 10, look, lambda _: None)
    run(schedule, 0.5)
    spacings = [later - sooner for sooner, later in itertools.pairwise(due)]
    assert spacings[0] == 100_000_000
    assert min(spacings[1:]) == 10_000_000


def test_a_look_that_raises_ends_the_schedule() -> None:
    """Looks record what goes wrong with the target; one that raises is a fault of ours, and must not be silent."""

    async def look(_due_ns: int) -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        run(Schedule("test", 50, look, lambda _: None), 1.0)
