"""Holds a stop back while something is done by halves: a child that is started must be known before it can be ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor's stop, a terminal that is closed."""


@contextmanager
def stops_held() -> Iterator[None]:
    """A context in which no stop interrupts; one that arrives meanwhile is delivered at its end.

    A signal is handled between two instructions of the main thread, so also between the start of a child and the assignment of
    what `Popen` returns: an interrupt there leaves a child that is never ended. In other threads nothing is held, as nothing interrupts
    them. A signal that is ignored stays ignored, in the children too.
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
