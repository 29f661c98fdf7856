"""Delays a stop during a short step, such as the start of a child process, which must be known before it can be ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals of a stop: Ctrl-C, SIGTERM of a supervisor, a closed terminal."""


@contextmanager
def stops_held() -> Iterator[None]:
    """A context that no stop interrupts; a stop that arrives meanwhile is delivered at its end.

    Python may handle a signal between the start of a child and the assignment of the result of `Popen`; the child would then never be
    ended. In other threads the context does nothing, since signals do not interrupt them. An ignored signal stays ignored, also in
    children.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, hold) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in held:
            signal.raise_signal(late)
