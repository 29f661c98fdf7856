"""`python -m harness.chaos serve FD MODULE…`: imports Chaos Toolkit once, then forks a process for each experiment.

The imports take one to two seconds of a processor. Made by each experiment, they fell in the seconds between two faults, and a sandbox that
shares the machine answered its users late in them. The other side is `harness.drivers.chaos.forkserver`.
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
    """Ask the kernel to kill this process when its parent dies; leave at once when it is dead already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def end_processes_with_us() -> None:
    """Let the programs that `process` providers start end with this one, however it ends.

    Else an action that is under way when the harness is killed would go on after the recovery. Only the program itself ends: the kernel
    kills no children of it, so what it has started, in the foreground too, goes on until that ends. Of `sleep 9 | cat` that is both.
    """
    from chaoslib.provider import process

    process.subprocess = SimpleNamespace(  # as much of it as Chaos Toolkit's provider uses
        PIPE=subprocess.PIPE,
        TimeoutExpired=subprocess.TimeoutExpired,
        run=partial(subprocess.run, preexec_fn=partial(end_with, os.getpid())),
    )


def serve(connection: int, modules: Sequence[str]) -> None:
    """Fork a process for each request that comes in; returns in each of these, with its arguments, environment and files set.

    The server itself leaves (SystemExit) when the other side has closed. A process that has ended is reported and not reaped, so that its
    id is that of no other process for as long as a signal may be sent to it.

    Args:
        connection: its open file descriptor. Each request is a JSON object of `arguments`, `env`, `cwd` and `log`; answers are
            `{"pid": …}` for it, and `{"pid": …, "exit": …}` at the end of the process.
        modules: what is imported before; one that cannot be is left to the experiment, which says so.
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
