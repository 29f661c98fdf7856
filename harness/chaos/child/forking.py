"""`python -m harness.chaos serve FD MODULE…`: imports Chaos Toolkit once, then forks a process for each experiment.

The imports take one to two seconds of processor time. If each experiment made them, they would delay answers of a
sandbox on the same machine between two faults. The client is `harness.drivers.chaos.forkserver`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection, wait
from types import SimpleNamespace
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1


def end_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; exit immediately if the parent is dead already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def end_processes_with_us() -> None:
    """Let the programs of `process` providers end with this process, however it ends.

    Otherwise an action in progress would continue after the recovery of a killed harness. Only the program itself ends:
    the kernel does not kill its children, so a program that it has started continues. With `sleep 9 | cat` this is true
    for both.
    """
    from chaoslib.provider import process

    process.subprocess = SimpleNamespace(  # as much of it as Chaos Toolkit's provider uses
        PIPE=subprocess.PIPE,
        TimeoutExpired=subprocess.TimeoutExpired,
        run=partial(subprocess.run, preexec_fn=partial(end_with, os.getpid())),
    )


def serve(connection: int, modules: Sequence[str]) -> None:
    """Fork a process for each request; returns in each new process, with its arguments, environment and files set.

    The server itself exits (SystemExit) when the client has closed the connection. An ended process is reported but not
    reaped, so that no other process gets its id while a signal may be sent to it.

    Args:
        connection: open file descriptor of the connection. Each request is a JSON object with `arguments`, `env`, `cwd` and `log`. Answers are
            `{"pid": …}`, and `{"pid": …, "exit": …}` at the end of the process.
        modules: modules to import first; the experiment reports a module that cannot be imported.
    """
    channel, server = Connection(connection), os.getpid()
    for module in modules:
        with suppress(ImportError):
            import_module(module)
    running: dict[int, int] = {}
    while True:
        for ready in wait([channel, *running]):
            try:
                if isinstance(ready, int):
                    _report(channel, ready, running.pop(ready))
                    continue
                request = json.loads(channel.recv_bytes())
                pid = os.fork()
                if pid == 0:
                    end_with(server)
                    channel.close()
                    for descriptor in running:
                        os.close(descriptor)
                    _become(request)
                    return
                running[os.pidfd_open(pid)] = pid
                channel.send_bytes(json.dumps({"pid": pid}).encode())
            except (EOFError, ConnectionError):
                sys.exit(0)


def _report(channel: Connection, descriptor: int, pid: int) -> None:
    ended = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT)
    os.close(descriptor)
    if ended is not None:
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        channel.send_bytes(json.dumps({"pid": pid, "exit": code}).encode())


def _become(request: dict[str, Any]) -> None:
    """Be the process that was asked for, as if it had been started so: a session of its own, files, directory, environment, arguments."""
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None  # it is remembered from the first question on
    sys.argv[1:] = request["arguments"]
