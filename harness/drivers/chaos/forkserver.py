"""A server process that has imported Chaos Toolkit and forks each `chaos run` quickly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from harness import clock
from harness.drivers.chaos.environment import target_environment
from harness.errors import DriverError
from harness.files import last_lines
from harness.stops import stops_held
from harness.targets import Target
from harness.targets.child import ChildSettings
from harness.targets.kubernetes import CLIENT_MODULES

_IMPORTED: Final = ("chaostoolkit.cli", "harness.chaos.control")
_OF_A_CLUSTER: Final = ("harness.chaos.actions", "harness.chaos.probes", *CLIENT_MODULES)
_START_S: Final = 60.0
"""Maximum start time of the server in s, enough for the imports on a busy machine."""
_END_S: Final = 10.0


class ForkedProcess:
    """A process of the fork server, with an interface like `subprocess.Popen`."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid

    @property
    def returncode(self) -> int | None:
        """Exit code of the process; the negative signal number if a signal ended it; None while it runs."""
        return self._server.exit_code(self.pid)

    def wait(self, timeout: float) -> int:
        """Wait for the end of the process.

        Raises:
            subprocess.TimeoutExpired: the process runs longer than `timeout` seconds.
        """
        code = self._server.exit_code(self.pid, timeout)
        if code is None:
            raise subprocess.TimeoutExpired("chaos run", timeout)
        return code

    def interrupt(self) -> None:
        """Send SIGINT to the process, as Ctrl-C does."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill the process and all processes that it started."""
        if self.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)


class ForkServer:
    """Client of the fork server. The server starts at the first request or at `start`, and ends with `close` or with this process.

    Args:
        target: target of the experiments; some variables must be set before modules are imported.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._server: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None
        self._said: IO[bytes] | None = None
        self._exits: dict[int, int | None] = {}  # by process id; None: it runs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server, also after it died. The start takes one to two seconds, without a wait.

        Raises:
            DriverError: the server cannot be started.
        """
        while self._receive(0.0):
            pass  # the end of the channel is seen where it is read
        if self._channel is not None:
            return
        self.close()
        own, others = Pipe()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server lives
        modules = (*_IMPORTED, *(_OF_A_CLUSTER if self._target.kubernetes else ()))
        # -P: no module of the current directory replaces one that is installed
        command = [sys.executable, "-P", "-m", "harness.chaos", "serve", str(others.fileno()), *modules]
        try:
            with stops_held():
                self._server = subprocess.Popen(
                    command,
                    env=target_environment(self._target) | ChildSettings(parent=os.getpid()).as_env(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._said,
                    pass_fds=[others.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            own.close()
            raise DriverError(f"Chaos Toolkit could not be started: {error.strerror}") from error
        finally:
            others.close()
        self._channel = own

    def fork(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> ForkedProcess:
        """Start `chaos` with these arguments in its own session; its output goes to `log`.

        Raises:
            DriverError: the server does not answer, or the log cannot be written.
        """
        where = " ".join(arguments[-1:])
        try:
            log.touch()
        except OSError as error:
            raise DriverError(f"Chaos Toolkit could not be started: {error.strerror}", where=str(log)) from error
        self.start()
        request = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd), "log": str(log.absolute())}
        deadline = clock.Deadline.after(_START_S)
        with ExitStack() as given_up:
            given_up.callback(self.close)
            given_up.callback(self._kill)  # first: it may have read the request already
            self._send(request)
            while message := self._receive(deadline.left_s):
                if "exit" not in message:
                    given_up.pop_all()
                    self._exits[message["pid"]] = None
                    return ForkedProcess(self, message["pid"])
            why = f"did not answer within {_START_S:g} s" if self._channel else f"ended{self._last_words()}"
            raise DriverError(f"Chaos Toolkit could not be started: its process {why}", where=where)

    def _kill(self) -> None:
        if self._server is not None:
            self._server.kill()

    def _last_words(self) -> str:
        """The last line that the server printed, after a colon; may be empty."""
        if self._said is None:
            return ""
        self._said.seek(0)
        said = last_lines(self._said.read().decode("utf-8", "replace"))
        return f": {said}" if said else ""

    def exit_code(self, pid: int, timeout_s: float = 0.0) -> int | None:
        """The exit code of a process of the server; None if the process did not end within `timeout_s` seconds."""
        deadline = clock.Deadline.after(timeout_s)
        while self._exits[pid] is None and self._receive(deadline.left_s):
            pass  # what it receives it remembers
        return self._exits[pid]

    def close(self) -> None:
        """End the server."""
        self._hang_up()
        if self._server is not None:
            try:
                self._server.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None
        if self._said is not None:
            self._said.close()
            self._said = None

    def _send(self, request: Mapping[str, object]) -> None:
        if self._channel is not None:
            try:
                self._channel.send_bytes(json.dumps(request).encode())
            except ConnectionError:
                self._hang_up()

    def _receive(self, timeout_s: float) -> dict[str, int]:
        """Wait for the next message for at most that time; the end of a process is recorded."""
        if self._channel is None:
            return {}
        try:
            if not self._channel.poll(timeout_s):
                return {}
            message: dict[str, int] = json.loads(self._channel.recv_bytes())
        except (EOFError, ConnectionError):
            self._hang_up()
            return {}
        if "exit" in message:
            self._exits[message["pid"]] = message["exit"]
        return message

    def _hang_up(self) -> None:
        """Record that the server has ended; the kernel kills its processes with it."""
        self._exits.update((pid, -signal.SIGKILL) for pid, code in self._exits.items() if code is None)
        if self._channel is not None:
            self._channel.close()
            self._channel = None
