"""Requests for several objects at the same time."""

from __future__ import annotations

from threading import Barrier, Event

import pytest

from harness.run.acts.at_once import Beside, at_once


def test_calls_run_at_the_same_time_and_answer_in_order() -> None:
    """Each of six waits until all six have begun."""
    begun = Barrier(6, timeout=30.0)

    def call(number: int) -> int:
        begun.wait()
        return number * 10

    assert at_once(call, range(6)) == [0, 10, 20, 30, 40, 50]


def test_the_first_error_is_raised_once_all_have_ended() -> None:
    """The second of three fails; the third has been called all the same."""
    called = list[int]()

    def call(number: int) -> None:
        called.append(number)
        if number == 1:
            raise LookupError("number 1")

    with pytest.raises(LookupError, match="number 1"):
        at_once(call, range(3))
    assert sorted(called) == [0, 1, 2]
    assert at_once(call, []) == []


def test_what_is_read_beside_the_caller_is_recorded_by_the_caller_in_order() -> None:
    """Nothing is recorded while the first read runs; the second waits for it."""
    recorded, release = list[str](), Event()
    beside = Beside(recorded.append)

    def slow() -> str:
        assert release.wait(timeout=30.0)
        return "slow"

    beside.ask(slow)
    beside.ask(lambda: "quick")
    beside.record()
    assert (recorded, beside.busy) == ([], True)
    release.set()
    beside.close()
    assert (recorded, beside.busy) == (["slow", "quick"], False)


def test_an_error_of_a_read_is_raised_where_it_is_recorded() -> None:
    """Not in a thread that no caller sees."""
    beside = Beside(list[str]().append)
    beside.ask(lambda: str(1 // 0))
    with pytest.raises(ZeroDivisionError):
        beside.close()
