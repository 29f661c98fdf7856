"""Defects on a schedule: they begin with the first user's request, each for its time and no longer."""

from __future__ import annotations

import asyncio

import pytest

from readiness_sandbox.platform.normaldance.schedule import Schedule

TEXT = "errors 0 2 1; errors 2 60 31; slow 4 8 2200; slow 8 20 1780; memory 1 22 182000"


def test_each_is_there_for_its_time(subtests: pytest.Subtests) -> None:
    """From its begin on, and not at its end any more."""
    for at_s, errors, slow, memory in [
        (0.0, 1, 0, 0),
        (1.99, 1, 0, 182000),
        (2.0, 31, 0, 182000),
        (4.0, 31, 2200, 182000),
        (8.0, 31, 1780, 182000),
        (20.0, 31, 0, 182000),
        (22.0, 31, 0, 0),
        (60.0, 0, 0, 0),
    ]:
        with subtests.test(at_s=at_s):
            schedule = Schedule(TEXT)
            assert [schedule.amount(what, at_s) for what in ("errors", "slow", "memory")] == [errors, slow, memory]


def test_it_begins_with_the_first_request_of_a_user() -> None:
    """Before it, and without a schedule, nothing goes wrong."""

    async def asked(text: str) -> tuple[bool, float, bool, float]:
        schedule = Schedule(text)
        before = schedule.errs(), schedule.delay_s("read-track")
        schedule.asked()
        return *before, schedule.errs(), schedule.delay_s("read-track")

    assert asyncio.run(asked("errors 0 2 1; slow 0 9 1500")) == (False, 0.0, True, 1.5)
    assert asyncio.run(asked("")) == (False, 0.0, False, 0.0)


def test_memory_that_is_held_longer_or_beside_more_is_never_let_go_meanwhile() -> None:
    """Only the difference is written or given back: the pod has at no moment less than both entries say."""
    schedule = Schedule(TEXT)
    schedule._hold(2000)
    first = schedule._held[0]
    schedule._hold(4500)
    assert schedule._held[0] is first
    assert len(b"".join(schedule._held)) == 5000 * 1024
    schedule._hold(0)
    assert schedule._held == []
