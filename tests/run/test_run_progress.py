"""Who looks at a run may leave; the run goes on."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest
from rich.console import Console

from harness import clock
from harness.run.progress import Progress
from harness.run.stopping import Stopping


def _speak_to(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with Progress() as progress:
            progress.say("restored: the target")
            progress.say("closing the evidence")
            progress.now("nothing")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())  # what it still holds goes nowhere


def test_a_pipe_that_nobody_reads_any_more_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """`readiness run 2>&1 | head -1`: the rest is not said, and nothing raises."""
    read, write = os.pipe()
    os.close(read)
    _speak_to(write, monkeypatch)


def test_a_full_disk_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """`readiness run 2>/dev/full`."""
    _speak_to(os.open("/dev/full", os.O_WRONLY), monkeypatch)


def test_a_log_shows_what_a_run_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that begins within ten seconds of another line is not said; a later one is."""
    seconds = iter([100.0, 101.0, 105.0, 111.0, 111.0, 112.0])
    monkeypatch.setattr(clock, "now_s", lambda: next(seconds))
    said = io.StringIO()
    with Progress(Console(file=said)) as progress:
        progress.say("3 checks")
        progress.now("check of the session")
        progress.now("check of the layers")
        progress.now("check of the audit")
    assert said.getvalue() == "[   1.0 s] 3 checks\n[  11.0 s] check of the layers\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_the_next_ones_change_nothing(number: signal.Signals) -> None:
    """Ctrl-C, a supervisor, a terminal that is closed."""
    said: list[str] = []
    before = signal.signal(number, signal.default_int_handler)  # the tests themselves may run under nohup
    try:
        with Stopping(said.append) as stopping:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert (stopping.asked, said) == (
        True,
        ["already stopping: checks in progress are completed first, then the target is restored"],
    )


def test_what_nohup_keeps_from_a_run_is_not_heard() -> None:
    """`nohup readiness run` outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stopping(print) as stopping:
            signal.raise_signal(signal.SIGHUP)
        assert not stopping.asked
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_is_not_held_by_a_key() -> None:
    """Ctrl-Z would leave load and fault where they are; before and after a run it does what it did."""
    before = signal.getsignal(signal.SIGTSTP)
    with Stopping(print) as stopping:
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTSTP) is before
    assert not stopping.asked
