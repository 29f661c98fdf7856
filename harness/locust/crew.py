"""Greenlets that take one journey after another: a new one for each would cost five times as much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent import Greenlet

from harness import clock

Broken = Callable[[Any], None]
"""Told the greenlet of a journey that raised."""


class Crew:
    """Runs journeys beside each other, as many as there are."""

    def __init__(self) -> None:
        self._busy: set[_Member] = set()
        self._idle: list[_Member] = []

    def __len__(self) -> int:
        """How many journeys are in progress."""
        return len(self._busy)

    def spawn(self, run: Callable[..., object], *arguments: Any, broken: Broken) -> None:
        """Let `run(*arguments)` begin at the next turn of the loop.

        Args:
            run: the journey.
            arguments: of it.
            broken: told when the journey raises, beside the traceback that gevent prints.
        """
        task = (run, arguments, broken)
        if self._idle:
            member = self._idle.pop()
            member.go_on(task)
        else:
            member = _Member(task, self._done)
            member.link(self._gone)
            member.start()
        self._busy.add(member)

    def join(self, timeout: float) -> None:
        """Wait until no journey is in progress, or so many seconds."""
        deadline = clock.Deadline.after(timeout)
        while self._busy and not deadline.over:
            gevent.sleep(min(0.01, deadline.left_s))

    def kill(self) -> None:
        """End all journeys that are in progress, without waiting for it."""
        gevent.killall(list(self._busy), block=False)

    def _done(self, member: _Member) -> None:
        self._busy.discard(member)
        self._idle.append(member)

    def _gone(self, member: _Member) -> None:
        self._busy.discard(member)
        if member.exception is not None:
            member.broken(member)


class _Member(Greenlet):  # type: ignore[misc]  # gevent has no types
    def __init__(self, task: _Task, done: Callable[[_Member], None]) -> None:
        super().__init__()
        self._task: _Task | None = task
        self._done = done
        self._hub = gevent.get_hub()
        self.broken = task[2]

    def go_on(self, task: _Task) -> None:
        """Take up the next task at the next turn of the loop."""
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
