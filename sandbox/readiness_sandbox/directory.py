"""The directory of one sandbox.

Its layout, its lock, and what a dead predecessor has left in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness import clock
from harness.errors import Refused
from readiness_sandbox import marker, processes

SOCKETS = Path("/tmp")  # noqa: S108 - where the programs of pods make them
GONE_WITHIN_S = 5.0
PATIENCE_S = 0.2
"""`holder` takes the lock for a moment to see whether it is free."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Paths below the directory of a sandbox."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives; tells its pid."""
        return self.root / "lock"

    @property
    def target(self) -> Path:
        """What the harness needs to know of the platform."""
        return self.root / "target.yaml"

    @property
    def kubeconfig(self) -> Path:
        """What a Kubernetes client needs."""
        return self.root / "kubeconfig"

    @property
    def pods(self) -> Path:
        """What pods lose when they end."""
        return self.root / "pods"

    @property
    def claims(self) -> Path:
        """What pods keep."""
        return self.root / "claims"

    @property
    def logs(self) -> Path:
        """Container logs, and `sandbox.log`; they stay when a sandbox has failed."""
        return self.root / "logs"

    @property
    def log(self) -> Path:
        """What the sandbox's own processes say."""
        return self.logs / "sandbox.log"

    @property
    def audit(self) -> Path:
        """Who asked the API server what."""
        return self.logs / "audit.log"

    @property
    def flows(self) -> Path:
        """The log of connections; its backups are beside it."""
        return self.root / "flows" / "events.log"

    @property
    def secrets(self) -> Path:
        """Files that target.yaml refers to, and the API server's key."""
        return self.root / "secrets"

    @property
    def candidates(self) -> Path:
        """What the candidates of rollouts make of the Rollouts, a file each."""
        return self.root / "candidates"

    @property
    def repository(self) -> Path:
        """The platform's own files, with their history in git."""
        return self.root / "repository"

    @property
    def kubecache(self) -> Path:
        """Where kubectl may cache what this API serves."""
        return self.root / "kubecache"

    def make(self) -> None:
        """Make what a starting sandbox needs."""
        for each in (self.root, self.pods, self.claims, self.logs, self.secrets):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)

    def sweep(self, *, logs: bool = True) -> int:
        """Kill what a dead sandbox left running, remove its files; the number of processes killed.

        The lock must be held.

        Raises:
            Refused: the directory is not a sandbox's.
        """
        if not marker.is_claimed(self.root):
            raise Refused(
                "this is not the directory of a sandbox, since its marker file is missing", where=str(self.root)
            )
        killed: set[int] = set()
        for _ in clock.Deadline.after(GONE_WITHIN_S).ticks(0.02):
            left = processes.rooted_in(self.pods.resolve(), self.claims.resolve())
            if not left:
                break
            for pid in left:
                processes.kill(pid)
            killed.update(left)
        for each in (
            self.pods,
            self.claims,
            self.secrets,
            self.kubecache,
            self.repository,
            self.flows.parent,
            self.candidates,
            *([self.logs] if logs else []),
        ):
            shutil.rmtree(each, ignore_errors=True)
        for file in (self.target, self.kubeconfig):
            file.unlink(missing_ok=True)
        _sweep_sockets()
        return len(killed)


class Lock:
    """The right to run a sandbox in a directory.

    An flock, gone with its holder whatever happens to it.
    """

    def __init__(self, directory: Directory) -> None:
        self._root = directory.root
        self._path = directory.lock
        self._fd = -1

    def take(self) -> None:
        """Take it; an empty or new directory becomes a sandbox's.

        Raises:
            Refused: another sandbox has it, or the directory is not a sandbox's. Nothing was changed then.
        """
        patience = clock.Deadline.after(PATIENCE_S)
        while not self._taken():
            if patience.over:
                raise Refused(
                    f"a sandbox already runs in this directory (pid {holder(Directory(self._root)) or 'unknown'})",
                    where=str(self._root),
                    hint="stop it with `readiness sandbox down`, or start another sandbox with `--dir DIR`",
                )
            clock.sleep(0.02)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps({"pid": os.getpid(), "start": processes.start_ticks(os.getpid())}).encode(), 0)

    def _taken(self) -> bool:
        """Whether it was free, and directory and file are still there.

        Its last holder removes both.
        """
        try:
            marker.claim(self._root)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Refused(f"the lock cannot be opened: {error.strerror}", where=str(self._path)) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            return False
        if self._path.exists() and os.fstat(self._fd).st_ino == self._path.stat().st_ino:
            if marker.is_claimed(self._root):
                return True
            self._path.unlink()
        os.close(self._fd)
        return False

    def release(self) -> None:
        """Give it back and leave nothing of ours; a directory with anything else in it stays."""
        self._path.unlink(missing_ok=True)
        with suppress(OSError):
            marker.unclaim(self._root)
        os.close(self._fd)


def _sweep_sockets() -> None:
    """Remove sockets that a dead object store has left in the directory of temporary files: who connects to one is refused."""
    for left in SOCKETS.glob("seaweedfs-*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
            try:
                probe.connect(str(left))
            except ConnectionRefusedError:
                left.unlink()


def holder(directory: Directory) -> int | None:
    """The pid of the sandbox that runs in a directory, None when none does."""
    try:
        fd = os.open(directory.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _recorded(directory)
    finally:
        os.close(fd)
    return None


def _recorded(directory: Directory) -> int | None:
    """The pid in the lock, if the process that wrote it is still that one."""
    try:
        record = json.loads(directory.lock.read_text())
    except (OSError, ValueError):
        return None
    match record:
        case {"pid": int(pid), "start": int(start)} if processes.start_ticks(pid) == start:
            return pid
    return None
