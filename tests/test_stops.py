"""A stop that comes while a child is being started: it comes right after, when the child is known."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from harness.stops import SIGNALS, stops_held

_IN_A_CHILD = "import signal, sys; sys.exit(int(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN))"


def _start(started: list[str]) -> None:
    with stops_held():
        signal.raise_signal(signal.SIGINT)
        started.append("child")


def test_a_stop_in_the_block_comes_after_it() -> None:
    """What the block assigns is assigned, and then the interrupt is raised."""
    started: list[str] = []

    with pytest.raises(KeyboardInterrupt):
        _start(started)

    assert started == ["child"]


def test_without_a_stop_nothing_changes() -> None:
    """The handlers are those of before."""
    before = [signal.getsignal(number) for number in SIGNALS]

    with stops_held():
        assert [signal.getsignal(number) for number in SIGNALS] != before

    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_terminal_that_may_close_may_close_for_children_too() -> None:
    """Under `nohup` SIGHUP is ignored, by a child that starts in the block as well."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stops_held():
            child = subprocess.run([sys.executable, "-c", _IN_A_CHILD], check=False)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert child.returncode == 1


def test_a_thread_holds_nothing() -> None:
    """No stop interrupts it, and only the main thread may set handlers."""
    handlers = []

    def work() -> None:
        with stops_held():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert handlers == [signal.getsignal(signal.SIGINT)]
