"""Makes the same call for several objects at the same time, and runs reads in another thread."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST: Final = 8
"""Requests to one API server at the same time; its client keeps ten connections."""
T = TypeVar("T")
R = TypeVar("R")


def at_once(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of a call for each item, in the order of the items; the calls run concurrently.

    So all objects of a rollout begin at the same time, and their states are of nearly the same moment.

    Raises:
        Exception: of the first item whose call raised, once all have ended.
    """
    with ThreadPoolExecutor(MOST) as pool:
        return list(pool.map(call, items))


class Beside(Generic[R]):
    """Reads that run in another thread, one after the other; the caller's thread records the results in the order of the calls.

    Args:
        record: called with each result.
    """

    def __init__(self, record: Callable[[R], None]) -> None:
        self._record = record
        self._pool = ThreadPoolExecutor(1)
        self._in_vain = Event()
        self._asked: deque[Future[R]] = deque()

    @property
    def busy(self) -> bool:
        """Whether the result of a read is not recorded yet."""
        return bool(self._asked)

    def ask(self, read: Callable[[Callable[[], None]], R]) -> None:
        """Queue a read, which begins once those before it have ended.

        Args:
            read: is given a function to call before each further attempt; it raises once its result is not needed any more.
        """
        self._asked.append(self._pool.submit(read, self._go_on))

    def _go_on(self) -> None:
        if self._in_vain.is_set():
            raise CancelledError

    def record(self) -> None:
        """Record the results that have arrived since the last call.

        Raises:
            Exception: of a read that raised.
        """
        while self._asked and self._asked[0].done():
            self._record(self._asked.popleft().result())

    def close(self) -> None:
        """Wait for the reads in progress, and record their results.

        While an exception is being handled, results are not recorded, and an error of a read does not replace that exception.
        """
        if sys.exc_info()[0] is not None:
            self._in_vain.set()
            self._pool.shutdown(cancel_futures=True)
            return
        self._pool.shutdown()
        self.record()
