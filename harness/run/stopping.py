"""Ctrl-C, and a supervisor's SIGTERM, which is one: heard once, then the target is restored in peace."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """From `with` to its end the first signal raises KeyboardInterrupt; those that follow change nothing.

    Attributes:
        asked: whether somebody said stop.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False
        self._shielded = False
        self._say = say
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def shield(self) -> None:
        """From here on no signal interrupts: what is left is short, and half of it would be worse than none."""
        self._shielded = True

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if self._shielded:
            self._say("stopping already: the target is being restored" if again else "stopping as soon as all is kept")
            return
        self._shielded = True
        raise KeyboardInterrupt
