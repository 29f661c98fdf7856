"""Handles interrupts: Ctrl-C, SIGTERM of a supervisor, a terminal that is closed.

After the first signal the target is restored, and further signals are ignored. Ctrl-Z has no effect.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final, Self

from harness.stops import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType


_OWN: Final = signal.SIGTERM
"""The signal of `need`: one of those that short steps delay (`harness.stops`)."""


class Stopping:
    """A context in which the first signal raises KeyboardInterrupt.

    Further signals have no effect, and SIGTSTP is ignored.

    Attributes:
        asked: whether a person or a supervisor requested a stop.
        needed: whether the run itself must stop, see `need`.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False
        self.needed = False
        self._shielded = False
        self._say = say
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    @property
    def stopped(self) -> bool:
        """Whether the run is to stop, for whatever reason."""
        return self.asked or self.needed

    def need(self) -> None:
        """Stop the run from another thread, as a signal does, since it must not go on."""
        self.needed = True
        # to this thread, whose call in progress would not be interrupted by a signal that another thread takes
        signal.pthread_kill(threading.main_thread().ident or 0, _OWN)

    def shield(self) -> None:
        """Ignore signals from now on: the remaining steps are short, and must not be interrupted."""
        self._shielded = True

    def __enter__(self) -> Self:
        heard = [number for number in SIGNALS if not _without_terminal(number)]
        self._before = {number: signal.signal(number, self._hear) for number in heard}
        # Ctrl-Z would hold this process while load and fault go on; that it is ignored is inherited by what it starts
        self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        again, self.asked = self.asked, self.asked or number != _OWN or not self.needed
        if self._shielded:
            self._say(
                "already stopping: checks in progress are completed first, then the target is restored"
                if again
                else "stopping as soon as the evidence is kept"
            )
            return
        self._shielded = True
        raise KeyboardInterrupt


def _without_terminal(number: signal.Signals) -> bool:
    """Whether the process was started with `nohup`, so that it survives a closed terminal."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
