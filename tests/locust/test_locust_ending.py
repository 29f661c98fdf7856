"""What a load generator cannot do without ends it."""

from __future__ import annotations

import gevent
import pytest

from harness.locust.process.ending import lasting


def test_what_must_last_ends_the_process_when_it_fails() -> None:
    """A greenlet that cannot write any more is the end, with its error as the last word."""

    def flush() -> None:
        gevent.sleep(0.01)
        raise OSError("no room")

    lasting(flush)
    with pytest.raises(SystemExit, match="the load generator cannot continue: no room"):
        gevent.sleep(60)


def test_what_ends_by_itself_ends_nothing() -> None:
    """A task that is done is done."""
    done: list[int] = []
    lasting(lambda: done.append(1))
    gevent.sleep(0.05)
    assert done == [1]
