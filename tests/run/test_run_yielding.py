"""Checks beside the platform yield the processors to it."""

from __future__ import annotations

import os
import threading

from harness.run.acts.yielding import yield_processors


def nice() -> int:
    """The nice value of this thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_only_the_thread_that_yields_has_a_lower_priority() -> None:
    """What it starts has it too; the thread that started it has not."""
    found: list[int] = []

    def yields() -> None:
        yield_processors()
        found.append(nice())
        started = threading.Thread(target=lambda: found.append(nice()))
        started.start()
        started.join()

    before = nice()
    thread = threading.Thread(target=yields)
    thread.start()
    thread.join()
    assert found == [max(before, 10)] * 2
    assert nice() == before
