"""Ends exchanges that take too long, without a timer for each exchange."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from gevent import getcurrent

from harness import clock
from harness.locust.schedule.alarm import Alarm


class GaveUp(BaseException):
    """The exchange took too long; raised in the greenlet that waits for it."""


class Deadlines:
    """The deadlines of all exchanges with one timeout.

    The first exchange that began times out first, so the alarm is set for this exchange only.

    Args:
        alarm: calls back when the first exchange may have timed out.
        length_ns: timeout in ns.
    """

    def __init__(self, alarm: Alarm, length_ns: int) -> None:
        self._alarm = alarm
        self._length_ns = length_ns
        self._under_way: OrderedDict[Any, int] = OrderedDict()
        self._watched = False

    def start(self) -> None:
        """Begin an exchange in the current greenlet.

        GaveUp is raised in the greenlet after the timeout.
        """
        self._under_way[getcurrent()] = at_ns = clock.now_ns() + self._length_ns
        if not self._watched:
            self._watched = True
            self._alarm.call_at(at_ns, self._fire)

    def stop(self) -> None:
        """End the exchange of the current greenlet."""
        self._under_way.pop(getcurrent(), None)

    def _fire(self) -> None:
        while self._under_way:
            waiting, at_ns = next(iter(self._under_way.items()))
            if at_ns > clock.now_ns():
                self._alarm.call_at(at_ns, self._fire)
                return
            del self._under_way[waiting]
            waiting.throw(GaveUp)
        self._watched = False
