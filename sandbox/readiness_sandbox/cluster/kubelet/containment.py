"""Containment of foreign programs.

Killing the container ends everything that it has started, wherever that moved to.

The ways, best first; `best` finds out by trying, never by reading settings:

    namespaces  user, pid and mount namespace with a /proc of its own: the end of its first process ends all. The program
                sees uid 1000, files stay the caller's; PostgreSQL, which refuses root, is content. Works for root and others.
    user        a user namespace only (a container that forbids mounting /proc, say, and the caller is root)
    step-down   uid 65534, when user namespaces are refused to root; its directories are given to it
    plain       as the caller, who is not root

In all but the first, an init process adopts orphans and kills the tree by walking it. Everything here runs in the zygote's forks: single-threaded, no event loop.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from readiness_sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_MS_BIND = 0x1000
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_LIBC = ctypes.CDLL(None, use_errno=True)

INSIDE = 1000
"""The uid and gid that a contained program sees."""
UNPRIVILEGED = 65534
"""The uid and gid of the user without any right."""
END_ALL = signal.SIGUSR1
"""What tells an init process to end its whole container."""
_HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, END_ALL)


class Way(StrEnum):
    """How foreign programs are contained."""

    NAMESPACES = "namespaces"
    USER = "user"
    STEP_DOWN = "step-down"
    PLAIN = "plain"


_FLAGS = {Way.NAMESPACES: _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNS, Way.USER: _CLONE_NEWUSER}


def best() -> Way:
    """The best way that works here and now; 5 ms."""
    if _works(Way.NAMESPACES):
        return Way.NAMESPACES
    if os.geteuid() != 0:
        return Way.PLAIN
    return Way.USER if _works(Way.USER) else Way.STEP_DOWN


def fork(way: Way) -> int:
    """Fork into what that way needs; 0 in the child, which must go on with `be_init`. Raises OSError when it is refused.

    The child begins with the signals blocked that its init waits for: the first process of a namespace ignores what it does not
    handle, so one that came before it waited would be lost, and the container would never end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    pid = -1
    try:
        pid = _forked(way)
    finally:
        if pid != 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _forked(way: Way) -> int:
    flags = _FLAGS.get(way)
    number = _SYS_CLONE.get(os.uname().machine)
    if flags is None:
        return os.fork()
    if number is None:
        raise OSError(0, "no clone on this machine")
    outside = (os.geteuid(), os.getegid())
    pid = int(_LIBC.syscall(number, flags | signal.SIGCHLD, 0, 0, 0, 0))
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if pid == 0:
        try:
            _settle(way, *outside)
        except OSError as error:
            print(f"cannot enter namespaces: {error}", file=sys.stderr)  # noqa: T201 - the container's log is all there is
            os._exit(126)
    return pid


def be_init(
    way: Way, argv: Sequence[str], env: dict[str, str], owned: Sequence[str], binds: Mapping[str, str]
) -> NoReturn:
    """Start the program, forward SIGTERM, and end with it and the whole container."""
    processes.die_with_parent()
    if way is Way.NAMESPACES and binds:
        _bind_all(binds)
    processes.adopt_orphans()
    pid = os.fork()
    if pid == 0:
        _become(way, argv, env, owned)
    code = 137
    while (heard := signal.sigwait(_HEARD)) is not END_ALL:
        if heard is not signal.SIGCHLD:
            processes.kill(pid, heard)
        elif (ended := _reaped(pid)) is not None:
            code = ended
            break
    if way is not Way.NAMESPACES:
        _end_tree()
    os._exit(code)


def exit_code(status: int) -> int:
    """An exit code from a wait status; 128 + signal for a killed process, as in Kubernetes."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _works(way: Way) -> bool:
    try:
        pid = fork(way)
    except OSError:
        return False
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _settle(way: Way, uid: int, gid: int) -> None:
    """Map the one uid there is, and see only the own processes."""
    with suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {gid} 1")
    if way is Way.NAMESPACES:
        _mount(None, "/", None, _MS_REC_PRIVATE)
        _mount(b"proc", "/proc", b"proc", 0)


def _mount(source: bytes | None, target: str, kind: bytes | None, flags: int) -> None:
    if _LIBC.mount(source, target.encode(), kind, flags, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def _bind_all(binds: Mapping[str, str]) -> None:
    """Let each directory be seen at its path below /var/run, of which nothing else is seen, so that no directory is made on the machine."""
    base = os.path.realpath("/var/run")
    try:
        opened = {target: os.open(source, os.O_PATH | os.O_DIRECTORY) for target, source in binds.items()}
        _mount(b"tmpfs", base, b"tmpfs", 0)
        for target, fd in opened.items():
            Path(target).mkdir(parents=True)
            _mount(f"/proc/self/fd/{fd}".encode(), target, None, _MS_BIND)
            os.close(fd)
    except OSError as error:
        print(f"cannot mount a volume: {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(126)


def _become(way: Way, argv: Sequence[str], env: dict[str, str], owned: Sequence[str]) -> NoReturn:
    try:
        processes.die_with_parent()
        if way is Way.STEP_DOWN:
            _step_down(owned)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        os.execvpe(argv[0], list(argv), env)  # noqa: S606 - a shell is the last thing needed here
    except OSError as error:
        print(f"cannot start {argv[0]}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(127)


def _step_down(owned: Sequence[str]) -> None:
    for root in owned:
        for directory, _, files in os.walk(root):
            for each in (directory, *(os.path.join(directory, name) for name in files)):  # noqa: PTH118 - a tree of strings
                os.chown(each, UNPRIVILEGED, UNPRIVILEGED)
    os.setgroups([])
    os.setgid(UNPRIVILEGED)
    os.setuid(UNPRIVILEGED)
    processes.die_with_parent()


def _reaped(child: int) -> int | None:
    """Reap what has ended; the exit code of `child` if it is among them."""
    found = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                found = exit_code(status)
    return found


def _end_tree() -> None:
    """Kill all descendants until there are none; orphans come to this process, so none escapes."""
    with suppress(ChildProcessError):
        while True:
            for pid in processes.descendants(os.getpid()):
                processes.kill(pid)
            os.waitpid(-1, 0)
