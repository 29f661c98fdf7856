"""Who waits too long is given up at their time, whoever else waits."""

from __future__ import annotations

from typing import Any

import gevent
from gevent.event import Event

from harness import clock
from harness.locust.client.deadlines import Deadlines, GaveUp
from harness.locust.schedule.alarm import Alarm
from harness.units import NS_PER_MS, NS_PER_S

LENGTH_NS = 60 * NS_PER_MS
LONG_NS = NS_PER_S


def exchange(deadlines: Deadlines, answer: Any) -> tuple[str, int]:
    """How an exchange ended that waits for the answer, and after how many nanoseconds."""
    begun = clock.now_ns()
    deadlines.start()
    try:
        answer()
    except GaveUp:
        return "timeout", clock.now_ns() - begun
    finally:
        deadlines.stop()
    return "answered", clock.now_ns() - begun


def test_each_is_given_up_after_its_own_time() -> None:
    """Ten that begin 7 ms apart are never answered; the fifth one is, and none is given up early."""
    deadlines, never = Deadlines(Alarm(), LONG_NS), Event()
    exchanges = []
    for number in range(10):
        answer = (lambda: gevent.sleep(0)) if number == 4 else never.wait
        exchanges.append(gevent.spawn(exchange, deadlines, answer))
        gevent.sleep(0.007)
    ends = [one.get(timeout=60) for one in exchanges]
    assert [end for end, _ in ends] == ["timeout"] * 4 + ["answered"] + ["timeout"] * 5
    assert all(length >= LONG_NS for end, length in ends if end == "timeout")


def test_one_that_has_ended_is_left_alone() -> None:
    """The same greenlet goes on to wait for something else, longer than any exchange may take."""

    def journey() -> list[str]:
        ends = [exchange(deadlines, lambda: gevent.sleep(0))[0]]
        gevent.sleep(3 * LENGTH_NS / NS_PER_S)
        ends.append(exchange(deadlines, Event().wait)[0])
        return ends

    deadlines = Deadlines(Alarm(), LENGTH_NS)
    assert gevent.spawn(journey).get(timeout=60) == ["answered", "timeout"]


def test_one_that_is_killed_is_not_thrown_at_again() -> None:
    """Its time comes after its end, and the others have theirs."""
    deadlines, never = Deadlines(Alarm(), LENGTH_NS), Event()
    killed, other = (gevent.spawn(exchange, deadlines, never.wait) for _ in range(2))
    gevent.sleep(0)
    killed.kill()
    assert other.get(timeout=60)[0] == "timeout"
    assert killed.dead
