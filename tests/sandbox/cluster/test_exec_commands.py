"""A command beside a container: how much of its output is held, and what ends it."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import aclosing
from typing import Any, cast

from harness import clock
from readiness_sandbox.cluster.executing import Executing
from readiness_sandbox.cluster.kubelet.commands import RunningCommand

BYTES = 20_000_000


def started(*argv: str) -> subprocess.Popen[bytes]:
    """A command, as a pod's worker starts it."""
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdout=pipe, stderr=pipe, start_new_session=True)


def test_a_command_waits_for_a_client_that_is_slow() -> None:
    """It writes no more than the pipe and a few pieces hold; all of it comes once it is read."""
    process = started("head", "-c", str(BYTES), "/dev/zero")

    async def run() -> tuple[int, int]:
        command = RunningCommand(process)
        async with aclosing(command.output()) as output:
            got = len((await anext(output))[1])
            waiting = clock.Deadline.after(0.5)
            while process.poll() is None and not waiting.over:
                await clock.asleep(0.01)
            assert process.poll() is None
            got += sum([len(piece) async for _, piece in output])
        return got, await command.code()

    assert asyncio.run(run()) == (BYTES, 0)


class Gone:
    """A client that is gone before the handshake is answered."""

    scope: dict[str, Any] = {"subprotocols": []}  # noqa: RUF012 - never changed

    async def accept(self, subprotocol: str | None = None) -> None:
        """As the server's protocol says it."""
        raise OSError


class Leaving(Gone):
    """A client that sends something, and goes."""

    def __init__(self) -> None:
        self.messages = ["websocket.receive", "websocket.disconnect"]

    async def accept(self, subprotocol: str | None = None) -> None:
        """It is taken."""

    async def receive(self) -> dict[str, Any]:
        """As the server's protocol says it."""
        return {"type": self.messages.pop(0)}


def test_a_silent_command_ends_with_its_connection() -> None:
    """It writes nothing, so that no failed message would tell of the client's end."""
    process = started("sleep", "60")
    executing = Executing(cast("Any", None), cast("Any", None))
    asyncio.run(asyncio.wait_for(executing.serve(cast("Any", Leaving()), RunningCommand(process)), 10))
    assert process.returncode == -9


def test_a_command_whose_client_went_before_the_handshake_is_ended() -> None:
    """The process and its pipes."""
    process = started("sleep", "60")
    executing = Executing(cast("Any", None), cast("Any", None))
    asyncio.run(executing.serve(cast("Any", Gone()), RunningCommand(process)))
    assert process.returncode == -9
    assert process.stdout is not None
    assert process.stderr is not None
    assert (process.stdout.closed, process.stderr.closed) == (True, True)
