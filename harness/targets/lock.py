"""One run a target: a file lock that the kernel lets go when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
from types import TracebackType
from typing import Self

from harness import clock
from harness.errors import Refused, UsageError
from harness.targets.state import STATE_VARIABLE, state_directory


class TargetLock:
    """Held from `with` to its end. A second holder is refused, with the name of the first."""

    def __init__(self, target: str, run: str) -> None:
        self._target = target
        self._run = run
        self._path = state_directory() / "locks" / f"{target}.lock"
        self._fd = -1

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(
                f"the lock of {self._target} cannot be taken: {error.strerror}",
                where=str(self._path),
                hint=f"name a directory that can be written to in {STATE_VARIABLE}",
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 4096).decode(errors="replace")
            os.close(fd)
            raise Refused(
                f"{self._target} is in use by {_holder(holder)}",
                where=str(self._path),
                hint="wait for it, or stop it: the lock goes with its process",
            ) from error
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps({"pid": os.getpid(), "run": self._run, "since": clock.wall_text()}).encode())
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)
        self._fd = -1


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"run {holder['run']} (process {holder['pid']}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another run"
