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

    All objects of a rollout therefore begin at the same time, and their states are read at nearly the same time.

    Raises:
        Exception: a call raised; if several did, the exception of the first item. It is raised once all calls have ended.
    """
    with ThreadPoolExecutor(MOST) as pool:
        return list(pool.map(call, items))


class Beside(Generic[R]):
    """Runs reads one after the other in another thread; the caller's thread records the results in the order of the calls.

    Args:
        record: function that is called with each result.
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
        """Queue a read, which begins once the earlier reads have ended.

        Args:
            read: function that reads. It gets a function to call before each further attempt, which raises once the result is not needed any more.
        """
        self._asked.append(self._pool.submit(read, self._go_on))

    def _go_on(self) -> None:
        if self._in_vain.is_set():
            raise CancelledError

    def record(self) -> None:
        """Record the results that have arrived since the last call.

        Raises:
            Exception: a read raised it.
        """
        while self._asked and self._asked[0].done():
            self._record(self._asked.popleft().result())

    def close(self) -> None:
        """Wait for the reads in progress, and record their results.

        While an exception is being handled, results are not recorded, and an error of a read does not replace the exception.
        """
        if sys.exc_info()[0] is not None:
            self._in_vain.set()
            self._pool.shutdown(cancel_futures=True)
            return
        self._pool.shutdown()
        self.record()
