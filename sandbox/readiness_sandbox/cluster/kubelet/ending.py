"""How a process ends that was forked from the zygote: at once, when all that it has to do is done.

An interpreter that takes its modules down writes to every page that it shares with the zygote, and the kernel copies each one: 25 ms of the
processor. Of twenty pods that end together, all others would wait for half a second.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class LastStep:
    """The last step of a process: registered before any other, it comes after all of them, and after the threads. The zygote itself ends as usual."""

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._leave)

    def of(self, run: Callable[[], None]) -> None:
        """Call `run`. What it raises goes on, so that the interpreter says it; the exit code is the one that it would have."""
        self._code = 1
        try:
            run()
            self._code = 0
        except SystemExit as asked:
            self._code = _code_of(asked)
            raise
        except KeyboardInterrupt:
            self._code = 128 + signal.SIGINT
            raise

    def _leave(self) -> None:
        if self._code is None:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # full, or closed
                stream.flush()
        os._exit(self._code)


def _code_of(asked: SystemExit) -> int:
    """As the interpreter reads it: nothing is 0, a text is 1."""
    if asked.code is None:
        return 0
    return asked.code & 0xFF if isinstance(asked.code, int) else 1
