"""Waking up on time: gevent's own timers are up to a millisecond late, for epoll counts in milliseconds."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

import gevent
from gevent.hub import Waiter

from harness import clock

_READ: Final = 1
_MONOTONIC: Final = 1
_ABSOLUTE: Final = 1


class _When(ctypes.Structure):
    """`struct itimerspec` of timerfd_settime(2): an interval, which is none here, and a moment."""

    _fields_ = (("every", ctypes.c_long * 2), ("seconds", ctypes.c_long), ("ns", ctypes.c_long))


class Alarm:
    """Wakes any number of greenlets, each at its moment, by one timer of the kernel (timerfd_create(2)).

    Where the system has none, gevent's timers do.
    """

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._sleepers: list[tuple[int, int, Any]] = []
        self._order = count()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timer = -1
        if hasattr(self._libc, "timerfd_create"):
            self._timer = self._libc.timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer >= 0:
            self._watcher = self._hub.loop.io(self._timer, _READ)
            self._watcher.start(self._ring)

    def sleep_until(self, at_ns: int) -> None:
        """Sleep until that moment of CLOCK_MONOTONIC; a moment that has passed lets the others run once."""
        left_ns = at_ns - clock.now_ns()
        if left_ns <= 0 or self._timer < 0:
            gevent.sleep(max(0.0, left_ns / clock.NS_PER_S))
            return
        sleeper = Waiter(self._hub)
        heappush(self._sleepers, (at_ns, next(self._order), sleeper))
        if self._sleepers[0][2] is sleeper:
            self._set(at_ns)
        sleeper.get()  # one that is killed meanwhile is left in the heap; to wake it does nothing

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it was set anew just after it rang
            os.read(self._timer, 8)
        while self._sleepers and self._sleepers[0][0] <= clock.now_ns():
            heappop(self._sleepers)[2].switch(None)
        if self._sleepers:
            self._set(self._sleepers[0][0])

    def _set(self, at_ns: int) -> None:
        seconds, ns = divmod(at_ns, clock.NS_PER_S)
        when = _When(seconds=seconds, ns=ns)
        self._libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(when), None)
