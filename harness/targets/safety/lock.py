"""Allows one run at a time on a platform, with file locks that the kernel releases when their process ends."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Self

from harness import clock
from harness.errors import Refused, UsageError
from harness.targets.safety.platform import Platform, digest
from harness.targets.safety.synced import write_all
from harness.targets.state import STATE_VARIABLE, state_directory

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class TargetLock:
    """Context manager that holds the lock; a second run on the same API server or entry is refused."""

    def __init__(self, platform: Platform, run: str) -> None:
        self._platform = platform
        self._run = run
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for part in sorted(self._platform.parts):
                fd = self._taken(self._file(part))
                stack.callback(_release, fd)
            self._held = stack.pop_all()
        return self

    def refuse_if_held(self) -> None:
        """Raise Refused if another run holds the lock; nothing is locked or written."""
        for part in sorted(self._platform.parts):
            path = self._file(part)
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue  # no run has held it yet, or it cannot be read, which a run reports
            with closing(os.fdopen(fd)) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise self._in_use(path, file.read(4096)) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    @staticmethod
    def _file(part: str) -> Path:
        return state_directory() / "locks" / f"{digest(part)}.lock"

    def _in_use(self, path: Path, holder: str) -> Refused:
        return Refused(
            f"{self._platform.name} is in use by {self._holder(holder)}",
            where=str(path),
            hint="wait for the other run, or stop it: the lock is released when its process ends",
        )

    def _taken(self, path: Path) -> int:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(
                f"the lock of {self._platform.name} cannot be taken: {error.strerror}",
                where=str(path),
                hint=f"set {STATE_VARIABLE} to a directory that can be written to",
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 4096).decode(errors="replace")
            os.close(fd)
            raise self._in_use(path, holder) from error
        os.ftruncate(fd, 0)
        here = {
            "pid": os.getpid(),
            "run": self._run,
            "since": clock.wall_text(),
            "target": self._platform.name,
            "platform": list(self._platform.parts),
        }
        try:
            write_all(fd, json.dumps(here).encode())
        except OSError as error:
            os.close(fd)
            raise UsageError(
                f"the lock of {self._platform.name} cannot be written: {error.strerror}",
                where=str(path),
                hint="free disk space there",
            ) from error
        return fd

    def _holder(self, text: str) -> str:
        """The run that holds the lock, with its name of the target if that differs."""
        try:
            holder = json.loads(text)
            alias = holder.get("target", "")
            target = f" as target {alias}" if alias not in ("", self._platform.name) else ""
            return f"run {holder['run']}{target} (process {holder['pid']}, since {holder['since']})"
        except (ValueError, KeyError, TypeError, AttributeError):
            return "another run"


def _release(fd: int) -> None:
    os.ftruncate(fd, 0)
    os.close(fd)
