"""Greenlets that run one journey after another.

A new greenlet per journey would cost five times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent import Greenlet

from harness import clock

Broken = Callable[[Any], None]
"""Called with the greenlet of a journey that raised an error."""


class SentAway(gevent.GreenletExit):  # type: ignore[misc]  # gevent has no types
    """Ends a journey because the load ends; locustfiles do not raise it."""


class Crew:
    """Runs journeys concurrently, without a limit on their number."""

    def __init__(self) -> None:
        self._busy: set[_Hand] = set()
        self._idle: list[_Hand] = []

    def __len__(self) -> int:
        """How many journeys are in progress."""
        return len(self._busy)

    def spawn(self, run: Callable[..., object], *arguments: Any, broken: Broken) -> None:
        """Start `run(*arguments)` at the next turn of the event loop.

        Args:
            run: function of the journey.
            arguments: arguments of the function.
            broken: called if the journey raises an error, in addition to gevent's traceback.
        """
        task = (run, arguments, broken)
        if self._idle:
            hand = self._idle.pop()
            hand.go_on(task)
        else:
            hand = _Hand(task, self._done)
            hand.link(self._gone)
            hand.start()
        self._busy.add(hand)

    def join(self, timeout: float) -> None:
        """Wait for at most `timeout` seconds until no journey is in progress."""
        deadline = clock.Deadline.after(timeout)
        while self._busy and not deadline.over:
            gevent.sleep(min(0.01, deadline.left_s))

    def kill(self) -> None:
        """End all journeys in progress, without waiting."""
        gevent.killall(list(self._busy), exception=SentAway, block=False)

    def _done(self, hand: _Hand) -> None:
        self._busy.discard(hand)
        self._idle.append(hand)

    def _gone(self, hand: _Hand) -> None:
        self._busy.discard(hand)
        if hand.exception is not None:
            hand.broken(hand)


class _Hand(Greenlet):  # type: ignore[misc]  # gevent has no types
    def __init__(self, task: _Task, done: Callable[[_Hand], None]) -> None:
        super().__init__()
        self._task: _Task | None = task
        self._done = done
        self._hub = gevent.get_hub()
        self.broken = task[2]

    def go_on(self, task: _Task) -> None:
        """Run the next task at the next turn of the event loop."""
        self._task, self.broken = task, task[2]
        self._hub.loop.run_callback(self.switch)

    def _run(self) -> None:
        while True:
            if self._task is None:
                self._hub.switch()
                continue
            run, arguments, _ = self._task
            run(*arguments)
            self._task = None
            self._done(self)


_Task = tuple[Callable[..., object], tuple[Any, ...], Broken]
