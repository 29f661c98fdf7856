"""Work in an event loop of a thread: what it returns, what it raises, and how Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from harness import clock
from harness.targets.loops import run_in_loop


async def _doubled(number: int) -> int:
    if number < 0:
        raise ValueError(number)
    return 2 * number


def test_what_the_work_returns_or_raises_is_the_callers() -> None:
    """Each time in a new loop."""
    assert [run_in_loop(_doubled(number)) for number in (1, 2)] == [2, 4]
    with pytest.raises(ValueError, match="-1"):
        run_in_loop(_doubled(-1))


def test_ctrl_c_cancels_the_work_and_is_raised_by_who_waits() -> None:
    """The work hears of it as of any cancellation, and its loop is closed in order."""
    heard: list[str] = []

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await clock.asleep(30)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run_in_loop(work())
    assert heard == ["cancelled"]
