"""The zygote: a process with the heavy imports done, which starts every container.

The platform's own services (`python -m normaldance.…`) are forked from it: 10 ms to the first answer instead of 100. Any
other command is executed inside a container of its own (`containment`). Single-threaded, without event loop, thread or TLS context.

    {"start": id, "argv": […], "env": {…}, "cwd": path, "log": path, "owned": [path…], "binds": {path: path}, "module": name | null}
        answered {"started": id, "pid": pid}, and once it has ended {"ended": id, "code": code}
    {"terminate": id}   SIGTERM to the container's first process
    {"kill": id}        SIGKILL to all of it

Started as `python -m readiness_sandbox.cluster.kubelet.zygote FD MODULE…`, with its end of `messages.pair` and what to import.
It ends when the other end closes, and all containers with it.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TYPE_CHECKING

from readiness_sandbox import messages, processes
from readiness_sandbox.cluster.kubelet import containment
from readiness_sandbox.cluster.kubelet.containment import Way
from readiness_sandbox.cluster.kubelet.ending import LastStep

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class _ForkedChild:
    number: int
    contained: bool


@dataclass(frozen=True, slots=True)
class Module:
    """What a forked container goes on to run."""

    name: str
    argv: list[str]

    def run(self) -> None:
        """Be `python -m NAME ARGS`."""
        sys.argv = self.argv
        runpy.run_module(self.name, run_name="__main__", alter_sys=True)


class Zygote:
    """The loop: obey messages, report ends."""

    def __init__(self, end: socket.socket, way: Way) -> None:
        self._end = end
        self._way = way
        self._children: dict[int, _ForkedChild] = {}
        self._pids: dict[int, int] = {}
        self._wake, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> Module | None:
        """Obey until the other end closes; in a forked container, return what it has to run."""
        while True:
            ready, _, _ = select.select([self._end.fileno(), self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._report()
            if self._end.fileno() in ready:
                message, _ = messages.receive(self._end)
                if message is None:
                    return None
                module = self._obey(message)
                if module is not None:
                    return module

    def _obey(self, message: messages.Message) -> Module | None:
        match message:
            case {"start": int(number)}:
                return self._start(number, message)
            case {"terminate": int(number)}:
                self._signal(number, signal.SIGTERM)
            case {"kill": int(number)}:
                self._signal(number, signal.SIGKILL)
        return None

    def _start(self, number: int, launch: messages.Message) -> Module | None:
        module = launch["module"]
        way = self._way
        try:
            pid = os.fork() if module else containment.fork(way)
        except OSError as error:
            messages.send(self._end, {"started": number, "pid": 0})
            messages.send(self._end, {"ended": number, "code": 128, "why": str(error)})
            return None
        if pid == 0:
            _be_container(launch)
            if module:
                return _be_forked(launch)
            containment.be_init(way, launch["argv"], launch["env"], launch["owned"], launch["binds"])
        self._children[pid] = _ForkedChild(number, contained=not module)
        self._pids[number] = pid
        messages.send(self._end, {"started": number, "pid": pid})
        return None

    def _signal(self, number: int, requested: signal.Signals) -> None:
        pid = self._pids.get(number)
        if pid is None:
            return
        if requested is signal.SIGKILL and self._children[pid].contained:
            processes.kill(pid, containment.END_ALL)
        elif requested is signal.SIGKILL:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            processes.kill(pid)
        else:
            processes.kill(pid, requested)

    def _report(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid)
            del self._pids[child.number]
            messages.send(self._end, {"ended": child.number, "code": containment.exit_code(status)})


def _be_container(launch: messages.Message) -> None:
    """In the fork: a session, a log, a directory of its own, and nothing of the zygote's."""
    processes.die_with_parent()
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(launch["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, 4096)
    os.chdir(launch["cwd"])


def _be_forked(launch: messages.Message) -> Module:
    """In the fork that stays Python: its own environment and randomness."""
    os.environ.clear()
    os.environ.update(launch["env"])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=True)
    random.seed()
    return Module(launch["module"], launch["argv"])


def main(fd: int, preload: Sequence[str]) -> None:
    """Import, freeze, serve."""
    last = LastStep()
    for name in preload:
        with suppress(ImportError):
            importlib.import_module(name)
    way = containment.best()
    with socket.socket(fileno=fd) as end:
        gc.collect()
        gc.freeze()
        messages.send(end, {"way": way.value})
        module = Zygote(end, way).serve()
        if module is not None:
            end.detach()
    if module is not None:
        last.of(module.run)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
