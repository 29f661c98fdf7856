"""Wakes greenlets on time.

gevent's own timers are up to a millisecond late, since epoll counts in milliseconds.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

import gevent
from gevent.hub import Waiter

from harness import clock
from harness.units import NS_PER_S

_READ: Final = 1
_MONOTONIC: Final = 1
_ABSOLUTE: Final = 1


class _When(ctypes.Structure):
    """`struct itimerspec` of timerfd_settime(2): an interval, which is 0 here, and a moment."""

    _fields_ = (("every", ctypes.c_long * 2), ("seconds", ctypes.c_long), ("ns", ctypes.c_long))


class Alarm:
    """Timers and sleeps of any number of greenlets, with one timerfd_create(2).

    Systems without timerfd use gevent's timers.
    """

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._calls: list[tuple[int, int, Callable[[], object]]] = []
        self._order = count()
        self._set_to_ns = 0
        self._libc = ctypes.PyDLL(None)  # nothing it is asked for waits
        self._when = _When()
        self._timer = -1
        if hasattr(self._libc, "timerfd_create"):
            self._timer = self._libc.timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer >= 0:
            self._watcher: Any = self._hub.loop.io(self._timer, _READ)
            self._watcher.start(self._ring)

    def sleep_until(self, at_ns: int) -> None:
        """Sleep until a moment of CLOCK_MONOTONIC.

        For a past moment the call lets other greenlets run once.
        """
        if at_ns <= clock.now_ns():
            gevent.sleep(0)
            return
        sleeper = Waiter(self._hub)
        self.call_at(at_ns, partial(sleeper.switch, None))
        sleeper.get()  # one that is killed meanwhile is left in the heap; to wake it does nothing

    def call_at(self, at_ns: int, call: Callable[[], object]) -> None:
        """Call a function at a moment of CLOCK_MONOTONIC in gevent's hub.

        The function must not wait.
        """
        heappush(self._calls, (at_ns, next(self._order), call))
        self._set()

    def _ring(self) -> None:
        self._set_to_ns = 0
        while self._calls and self._calls[0][0] <= clock.now_ns():
            heappop(self._calls)[2]()
        self._set()
        if not self._set_to_ns and self._timer >= 0:  # to set it anew is to silence it
            os.read(self._timer, 8)

    def _set(self) -> None:
        """Set the timer to the first moment of all, if it is not."""
        if not self._calls or self._set_to_ns == self._calls[0][0]:
            return
        self._set_to_ns = at_ns = self._calls[0][0]
        if self._timer < 0:
            self._watcher = self._hub.loop.timer(max(0.0, (at_ns - clock.now_ns()) / NS_PER_S))
            self._watcher.start(self._ring)
            return
        self._when.seconds, self._when.ns = divmod(at_ns, NS_PER_S)
        self._libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(self._when), None)
