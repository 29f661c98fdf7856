"""Bounded waits: what a process finds that was stopped meanwhile."""

from __future__ import annotations

import asyncio
import socket

import pytest

from harness import clock
from harness.clock import Deadline
from tests.fake_clock import FakeClock


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The time of this test."""
    return FakeClock.installed(monkeypatch)


def test_what_came_true_while_the_process_was_stopped_is_found(fake: FakeClock) -> None:
    """The first request is answered, then the process is stopped past its deadline: it asks once more."""
    answers = iter([False, True])

    def ask() -> bool:
        answer = next(answers)
        fake.sleep(2.0)
        return answer

    assert any(ask() for _ in Deadline.after(1.0).ticks(0.1))


@pytest.mark.parametrize(
    ("within_s", "takes_s", "asked_at_s"),
    [
        (0.0, 0.0, [0.0]),
        (0.0, 5.0, [0.0]),
        (1.0, 0.0, [0.0, 0.4, 0.8, 1.0]),
        (1.0, 0.3, [0.0, 0.7, 1.0]),
        (1.0, 0.9, [0.0, 1.0]),
        (1.0, 2.0, [0.0, 2.0]),
    ],
)
def test_the_last_request_is_at_the_deadline_or_after_it(
    fake: FakeClock, within_s: float, takes_s: float, asked_at_s: list[float]
) -> None:
    """Once, each 0.4 s before that; where the time is over at once, there is one."""
    began_ns, asked = fake.now_ns, list[float]()
    for _ in Deadline.after(within_s).ticks(0.4):
        asked.append((fake.now_ns - began_ns) / 1e9)
        fake.sleep(takes_s)
    assert asked == pytest.approx(asked_at_s)


def test_what_came_while_the_process_was_stopped_is_read_before_it_is_given_up() -> None:
    """The answer is there after a moment, the process is stopped for longer than there was, and needs a moment to read it."""
    ours, theirs = socket.socketpair()

    async def read() -> bytes:
        answer = await asyncio.get_running_loop().sock_recv(ours, 1)
        await clock.asleep(0.01)
        return answer

    async def asked() -> bytes:
        answer = asyncio.create_task(clock.within(1.0, read()))
        await clock.asleep(0)
        theirs.send(b"x")
        clock.sleep(1.2)  # stops the loop
        return await answer

    with ours, theirs:
        ours.settimeout(0)
        assert asyncio.run(asked()) == b"x"


def test_what_never_comes_is_given_up_and_cancelled() -> None:
    """After its time, or with the one who waits for it."""
    ended: list[str] = []

    async def never(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def waiting() -> None:
        with pytest.raises(TimeoutError):
            await clock.within(0.05, never("late"))
        task = asyncio.create_task(clock.within(600, never("left")))
        await clock.asleep(0)
        await clock.asleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(waiting())
    assert ended == ["late", "left"]


def test_what_fails_in_time_raises_its_own_error() -> None:
    """As it would without a limit."""

    async def fails() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(clock.within(60, fails()))
