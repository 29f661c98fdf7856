"""Gives the processors first to what measures, and to the network and the control plane of a sandbox, and then to its pods."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_NICE: Final = -5
_AUTOGROUP: Final = Path("/proc/self/autogroup")


def go_first() -> None:
    """Raise the priority of this process, and of its session if it leads one; nothing changes where the kernel refuses, as to others than root.

    A generator or a watch without a processor would be late by itself, and record outages of its own. Source: sched(7): with autogroups sessions
    share the processors, and `nice` applies within a session only.
    """
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) > _NICE:
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        if os.getsid(0) == os.getpid():
            _AUTOGROUP.write_text(str(_NICE), encoding="ascii")
