"""Which processes serve an address of this machine, and how long they waited for a processor."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.run.listeners import ProcessorTime, listeners, processor_times
from harness.run.machine import delay_ms


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_process_that_listens_is_found(family: socket.AddressFamily, host: str) -> None:
    """This one; and nobody any more once the socket is closed."""
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server:
        port = server.getsockname()[1]
        address = f"http://[{host}]:{port}/health" if ":" in host else f"http://{host}:{port}/health"
        assert listeners([address]) == {os.getpid()}
    assert listeners([address]) == frozenset()


def test_one_that_listens_everywhere_serves_the_loopback_too() -> None:
    """0.0.0.0 has every address of this machine."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert listeners([f"http://127.9.9.9:{server.getsockname()[1]}"]) == {os.getpid()}


@pytest.mark.parametrize("address", ["", "not an address", "http://no-such-host.invalid:1"])
def test_what_is_no_address_has_no_listener(address: str) -> None:
    """Nothing is searched for."""
    assert listeners([address]) == frozenset()


def test_a_process_that_worked_has_run_and_one_that_ended_is_left_out() -> None:
    """The kernel counts nanoseconds of every thread."""
    times = processor_times([os.getpid(), 2**22 + 1])
    assert list(times) == [os.getpid()]
    assert times[os.getpid()].ran_ns > 0


def test_a_kernel_that_does_not_count_is_no_error(tmp_path: Path) -> None:
    """No file, or one of another form."""
    (tmp_path / "7" / "task" / "7").mkdir(parents=True)
    assert processor_times([7], tmp_path) == {}
    (tmp_path / "7" / "task" / "7" / "schedstat").write_text("not told\n")
    assert processor_times([7], tmp_path) == {}


@given(st.dictionaries(st.integers(1, 5), st.tuples(*[st.integers(0, 10**12)] * 4)))
def test_the_delay_is_of_each_time_that_a_processor_was_given(times: dict[int, tuple[int, int, int, int]]) -> None:
    """In milliseconds, over all processes, and unknown where none was given."""
    before = {pid: ProcessorTime(0, waited, slices) for pid, (waited, slices, _, _) in times.items()}
    now = {pid: ProcessorTime(0, waited + more, slices + n) for pid, (waited, slices, more, n) in times.items()}
    waited, slices = sum(more for _, _, more, _ in times.values()), sum(n for *_, n in times.values())
    assert delay_ms(before, now) == (pytest.approx(waited / slices / 1e6) if slices else None)


def test_a_process_that_is_there_only_once_counts_for_nothing() -> None:
    """One began, one ended, and one waited 3 ms for two slices."""
    before = {1: ProcessorTime(0, 0, 5), 2: ProcessorTime(0, 7_000_000, 1)}
    now = {1: ProcessorTime(9, 3_000_000, 7), 3: ProcessorTime(0, 8_000_000, 1)}
    assert delay_ms(before, now) == 1.5
