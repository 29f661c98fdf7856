"""Requests for several objects at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import closing
from threading import Barrier, Event

import pytest

from harness.errors import TargetGone, TargetSilent
from harness.run.acts.at_once import Beside, at_once
from harness.targets.cluster.patience import patiently


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

    def slow(_go_on: object) -> str:
        assert release.wait(timeout=30.0)
        return "slow"

    beside.ask(slow)
    beside.ask(lambda _go_on: "quick")
    beside.record()
    assert (recorded, beside.busy) == ([], True)
    release.set()
    beside.close()
    assert (recorded, beside.busy) == (["slow", "quick"], False)


def test_an_error_of_a_read_is_raised_where_it_is_recorded() -> None:
    """Not in a thread that no caller sees."""
    beside = Beside(list[str]().append)
    beside.ask(lambda _go_on: str(1 // 0))
    with pytest.raises(ZeroDivisionError):
        beside.close()


@pytest.mark.parametrize("error", [TargetGone("nothing of the target answers"), KeyboardInterrupt()])
def test_an_exception_under_way_ends_what_is_read_and_is_not_replaced(error: BaseException) -> None:
    """One read waits for an API server that stays silent, and another one is to follow: neither is recorded, nor read any longer."""
    recorded, began, ended = list[str](), Event(), Event()
    beside = Beside(recorded.append)

    def silence() -> None:
        began.set()
        raise TargetSilent("no answer from the API server")

    def silent(go_on: Callable[[], None]) -> str:
        try:
            patiently(silence, go_on, within_s=60.0)
        except CancelledError:
            ended.set()
            raise
        return "read"

    def run() -> None:
        with closing(beside):
            beside.ask(silent)
            beside.ask(lambda _go_on: "next")
            assert began.wait(timeout=30.0)
            raise error

    with pytest.raises(type(error)) as caught:
        run()
    assert (caught.value, ended.is_set(), recorded) == (error, True, [])
