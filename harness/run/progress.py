"""Prints the progress of a run.

Each step is one line; on a terminal the current line is updated.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console

from harness import clock

if TYPE_CHECKING:
    from types import TracebackType

    from rich.status import Status

_QUIET_S: Final = 10.0
"""Without a terminal the current step is a line too where there was no other for so long: a log shows what a run waits for."""


class _Unheeded(Console):
    """A console whose output pipe may be closed.

    `rich` would end the program then, and the target would not be restored.
    """

    def on_broken_pipe(self) -> None:
        """Stop the output."""
        self.quiet = True


class Progress:
    """Prints the steps of a run, with the seconds since the start.

    On a terminal the current step is updated in place; elsewhere it is a line where there was none for ten seconds. Output that cannot
    be written, such as to a closed pipe or a full disk, does not end a run.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _Unheeded(file=sys.stderr, highlight=False, soft_wrap=True)
        self._began = self._said_s = clock.now_s()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            with suppress(OSError):
                self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            with suppress(OSError):
                self._status.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._said_s = clock.now_s()
        with suppress(OSError):
            self._console.print(f"[{self._said_s - self._began:6.1f} s] {text}", markup=False)

    def now(self, text: str) -> None:
        """Show the current step."""
        if self._status is not None:
            with suppress(OSError):
                self._status.update(f"[{clock.now_s() - self._began:6.1f} s] {text}")
        elif clock.now_s() - self._said_s >= _QUIET_S:
            self.say(text)
