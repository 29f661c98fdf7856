"""Greenlets that take one journey after another."""

from __future__ import annotations

import gevent
import pytest

from harness.locust.schedule.crew import Crew


def test_a_greenlet_that_is_free_takes_the_next_journey() -> None:
    """Ten one after the other need one greenlet, ten at once need ten; each runs once with its own arguments."""
    crew, seen = Crew(), []

    def journey(number: int) -> None:
        gevent.sleep(0)
        seen.append((number, id(gevent.getcurrent())))

    for number in range(10):
        crew.spawn(journey, number, broken=seen.append)
        crew.join(60)
    assert [number for number, _ in seen] == list(range(10))
    assert len({greenlet for _, greenlet in seen}) == 1
    for number in range(10):
        crew.spawn(journey, number, broken=seen.append)
    assert len(crew) == 10
    crew.join(60)
    assert len({greenlet for _, greenlet in seen[10:]}) == 10
    assert len(crew) == 0


def test_a_journey_that_raises_is_told_and_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own `broken` is called, once; the greenlet is gone and the next journey finds another."""
    crew, told, done = Crew(), [], []
    crew.spawn(lambda: done.append(1), broken=lambda _: told.append("first"))
    crew.join(60)
    crew.spawn(lambda: done[9], broken=lambda greenlet: told.append(repr(greenlet.exception)))
    crew.join(60)
    crew.spawn(lambda: done.append(2), broken=lambda _: told.append("third"))
    crew.join(60)
    assert (told, done, len(crew)) == (["IndexError('list index out of range')"], [1, 2], 0)
    assert "IndexError" in capsys.readouterr().err


def test_those_who_are_killed_are_no_mistake_of_their_author() -> None:
    """All under way end, nobody is told, and the crew goes on."""
    crew = Crew()
    told: list[object] = []
    for _ in range(5):
        crew.spawn(gevent.sleep, 60, broken=told.append)
    gevent.sleep(0)
    crew.kill()
    crew.join(60)
    assert (len(crew), told) == (0, [])
    crew.spawn(told.append, 1, broken=told.append)
    crew.join(60)
    assert told == [1]
