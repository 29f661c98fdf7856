"""Runs event loops in their own threads, so that Ctrl-C interrupts the waiting thread and never a callback."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
_Begun = tuple[asyncio.AbstractEventLoop, "asyncio.Task[Any]"]


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` and return its result; a KeyboardInterrupt of the caller cancels `work` and is raised at its end.

    In the main thread's own loop a signal would be raised in any running callback, and be reported as the failure of a
    task.
    """
    begun: Future[_Begun] = Future()

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: `asyncio.run` makes one
        begun.set_result((asyncio.get_running_loop(), task))
        return await work

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, run())
        try:
            return done.result()
        except KeyboardInterrupt:
            loop, task = begun.result()
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(task.cancel)
            raise
