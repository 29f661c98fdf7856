"""The embedded target for a run: a child that says when it is ready and ends when we do."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from harness import clock
from harness.errors import SandboxError
from harness.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from harness.targets import Target

_GONE_WITHIN_S: Final = 8.0


class SandboxChild:
    """`readiness sandbox up --hold`: alive from `with` to its end, and not a second longer than this process.

    The child holds the other end of a pipe: when it closes, for whatever reason, the sandbox takes itself down.
    """

    def __init__(self, release: str, say: Callable[[str], None], directory: Path | None = None) -> None:
        self._command = [sys.executable, "-m", "harness", "sandbox", "up", "--hold", "--release", release]
        if directory is not None:
            self._command += ["--dir", str(directory)]
        self._say = say
        self._child: subprocess.Popen[str] | None = None
        self.target_file = Path()

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._child.stdout is not None  # noqa: S101 - it was asked for one line above
        for line in self._child.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "ready":
                self.target_file = Path(rest)
                return self
            self._say(line.rstrip())
        raise SandboxError(
            f"the sandbox did not come up (exit code {self._child.wait()})",
            mend="what it said stands above; `readiness doctor` shows what this machine lacks",
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        child = self._child
        if child is None or child.stdin is None:
            return
        child.stdin.close()
        deadline = clock.Deadline.after(_GONE_WITHIN_S)
        for _ in deadline.ticks(0.05):
            if child.poll() is not None:
                break
        else:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def described_sandbox(release: str) -> Target:
    """The target that the sandbox would be with this release, without starting it; its addresses are of no use.

    Raises:
        SandboxError: the sandbox cannot be described: an unknown release, or parts that are not installed.
    """
    command = [sys.executable, "-m", "harness", "sandbox", "describe", "--release", release]
    described = subprocess.run(command, capture_output=True, text=True, check=False)
    if described.returncode:
        raise SandboxError(described.stderr.strip() or "the sandbox cannot be described")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "target.yaml"
        file.write_text(described.stdout, encoding="utf-8")
        return load_target(file)
