"""The kubelet's end of the zygote: start a container, signal it, wait for its end."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import SandboxError
from readiness_sandbox import messages

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

FORKED = ("normaldance.", "monitor.")
"""Modules of these packages are forked from the zygote.

Any other command is executed in a container of its own.
"""
HELLO_WITHIN_S = 60.0
"""The zygote imports what pods need before it says a word.

A second, and much more where the machine is starved.
"""


class CannotStart(Exception):
    """The command of a container is not there; the text is what Kubernetes' status says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """A container to start; `owned` are the directories that are its own, `binds` what it sees at another path, by that path."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    owned: Sequence[Path] = ()
    binds: Mapping[str, str] = field(default_factory=dict)


class Process:
    """A container's process, as far as the zygote has told."""

    def __init__(self, launcher: Launcher, number: int) -> None:
        self._launcher = launcher
        self._number = number
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.pid = 0

    async def wait(self) -> int:
        """Its exit code, 128 + signal when it was killed; all of its processes are gone then."""
        return await asyncio.shield(self.ended)

    def terminate(self) -> None:
        """SIGTERM; nothing if it has ended."""
        self._launcher.signal("terminate", self._number)

    def kill(self) -> None:
        """SIGKILL to all its processes; nothing if it has ended."""
        self._launcher.signal("kill", self._number)


class Launcher:
    """All containers of the sandbox, by the zygote that runs them.

    `end` is the requesting end of `messages.pair`.
    """

    def __init__(self, end: socket.socket) -> None:
        hello = _hello(end)
        if hello is None:
            raise SandboxError(
                "the process that starts containers ended early", where="zygote", hint="see the sandbox's log"
            )
        self.way = str(hello["way"])
        self._end = end
        self._numbers = count(1)
        self._processes: dict[int, Process] = {}
        self._unsent: deque[messages.Message] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._on_readable)

    def start(self, launch: Launch) -> Process:
        """Start a container. Raises CannotStart when there is no such command."""
        argv = list(launch.argv)
        module = None
        if argv[0] in ("python", "python3"):
            argv[0] = sys.executable
            if len(argv) > 2 and argv[1] == "-m" and argv[2].startswith(FORKED):
                module, argv = argv[2], argv[2:]
        if module is None:
            argv[0] = _found(argv[0], launch)
        number = next(self._numbers)
        message = {
            "start": number,
            "argv": argv,
            "env": dict(launch.env),
            "cwd": str(launch.cwd),
            "log": str(launch.log),
            "owned": [str(each) for each in launch.owned],
            "binds": dict(launch.binds),
            "module": module,
        }
        if not messages.fits(message):
            raise CannotStart(f"exec: arguments and variables are longer than {messages.LONGEST} bytes")
        process = self._processes[number] = Process(self, number)
        self._send(message)
        return process

    def signal(self, what: str, number: int) -> None:
        """Pass `terminate` or `kill` on to a process that has not ended."""
        if number in self._processes:
            self._send({what: number})

    def _send(self, message: messages.Message) -> None:
        """Send in order; what the zygote has no room for, while it forks, waits without keeping the loop from others."""
        if self._unsent or not messages.send_now(self._end, message):
            if not self._unsent:
                self._loop.add_writer(self._end, self._on_writable)
            self._unsent.append(message)

    def _on_writable(self) -> None:
        while self._unsent and messages.send_now(self._end, self._unsent[0]):
            self._unsent.popleft()
        if not self._unsent:
            self._loop.remove_writer(self._end)

    def close(self) -> None:
        """Stop listening; the zygote ends when the socket closes."""
        self._loop.remove_reader(self._end)
        self._loop.remove_writer(self._end)
        self._end.close()

    def _on_readable(self) -> None:
        message, _ = messages.receive(self._end)
        match message:
            case None:
                self._loop.remove_reader(self._end)
            case {"started": int(number), "pid": int(pid)}:
                self._processes[number].pid = pid
            case {"ended": int(number), "code": int(code)}:
                process = self._processes.pop(number)
                if not process.ended.done():
                    process.ended.set_result(code)


def _hello(end: socket.socket) -> messages.Message | None:
    """What the zygote says when it has imported what pods need; None when it has ended."""
    end.settimeout(HELLO_WITHIN_S)
    try:
        return messages.receive(end)[0]
    except TimeoutError as error:
        what = f"the process that starts containers did not start within {HELLO_WITHIN_S:g} s"
        raise SandboxError(
            what, where="zygote", hint="`readiness doctor` shows whether this machine is busy"
        ) from error
    finally:
        end.settimeout(messages.PATIENCE_S)


def _found(command: str, launch: Launch) -> str:
    where = shutil.which(command, path=launch.env.get("PATH", "")) if "/" not in command else command
    if where is None:
        raise CannotStart(f'exec: "{command}": executable file not found in $PATH')
    if "/" in command and shutil.which(str(launch.cwd / command)) is None:
        raise CannotStart(f'exec: "{command}": stat {command}: no such file or directory, or it is not executable')
    return where
