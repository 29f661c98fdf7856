"""Requests for several objects at the same time."""

from __future__ import annotations

from threading import Barrier

import pytest

from harness.run.acts.at_once import at_once


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
