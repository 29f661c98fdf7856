"""Work of controllers and kubelets that can wait, in turns: between two of them the event loop serves requests."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import TYPE_CHECKING, Final

from harness import clock

if TYPE_CHECKING:
    from collections.abc import Callable

TURN_S: Final = 0.0025
"""Seconds of the processor that one turn takes, all of this work together; a step that has begun is completed."""


class Turns:
    """A queue of short steps. One event loop has one of these, or its turns add up."""

    def __init__(self) -> None:
        self._steps: deque[Callable[[], None]] = deque()
        self._due = False
        self._failed: BaseException | None = None
        """What the first step that failed has raised."""

    def raise_failed(self) -> None:
        """Raise what the first step that failed has raised; the event loop only logs it, and goes on with the other steps."""
        if self._failed is not None:
            raise self._failed

    def add(self, step: Callable[[], None]) -> None:
        """Call `step` once, after the steps that wait already; it may add itself again."""
        self._steps.append(step)
        self._call_later()

    def _call_later(self) -> None:
        if self._steps and not self._due:
            self._due = True
            # A timer and not `call_soon`: the loop runs timers after what has arrived, and requests come before this work.
            asyncio.get_running_loop().call_later(0, self._turn)

    def _turn(self) -> None:
        until_s = clock.worked_s() + TURN_S
        try:
            while self._steps and clock.worked_s() < until_s:
                self._steps.popleft()()
        finally:
            self._failed = self._failed or sys.exception()
            self._due = False
            self._call_later()
