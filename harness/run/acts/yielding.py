"""Lets the platform and the load have the processors before checks beside them, where all are on one machine."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Final

_NICE: Final = 10


def yield_processors() -> None:
    """Lower the priority of this thread, and of the processes that it starts.

    Source: Linux, setpriority(2): the nice value belongs to a thread. Nothing changes where it is low already, or where the kernel refuses.
    """
    thread = threading.get_native_id()
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, thread) < _NICE:
            os.setpriority(os.PRIO_PROCESS, thread, _NICE)
