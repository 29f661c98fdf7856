"""A readiness project of its own for a test: a copy of this folder, its own service, target, state and runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from harness import clock
from tests.builders.preloaded import WITHIN_S, command

HERE: Final = Path(__file__).parent
_numbers = count(1)
_started: list[subprocess.Popen[str]] = []


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command of ours ended.

    Attributes:
        project: where it ran. code: exit code. out, err: what it said.
        ran: the directory of its run; None when there is none.
    """

    project: Project
    code: int
    out: str
    err: str
    ran: Path | None = None

    @property
    def said(self) -> str:
        """Both streams."""
        return self.out + self.err

    @property
    def run(self) -> Path:
        """The directory of its run."""
        assert self.ran is not None, self.said
        return self.ran

    @property
    def verdict(self) -> dict[str, Any]:
        """Its `verdict.json`."""
        read: dict[str, Any] = json.loads((self.run / "verdict.json").read_bytes())
        return read

    def reasons(self) -> dict[str, str]:
        """Why, by requirement."""
        return {row["id"]: row["reason"] for row in self.verdict["requirements"]}

    def outcomes(self) -> dict[str, str]:
        """Verdict by requirement."""
        return {row["id"]: row["verdict"] for row in self.verdict["requirements"]}


@dataclass(kw_only=True)
class Running:
    """A command under way."""

    project: Project
    process: subprocess.Popen[str]
    before: frozenset[Path]
    ended: Finished | None = None

    @property
    def run(self) -> Path | None:
        """The directory of its run, once there is one."""
        return next(iter(self.project.run_directories() - self.before), None)

    def history(self, source: str) -> list[dict[str, Any]]:
        """What a history says so far; a line under way is left out."""
        path = self.run / "history" / f"{source}.ndjson" if self.run else None
        text = path.read_text(encoding="utf-8") if path and path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, source: str, kind: str) -> dict[str, Any]:
        """The first observation of this kind, as soon as it is there."""
        for _ in clock.Deadline.after(WITHIN_S).ticks(0.05):
            ended = self.process.poll() is not None  # before its history is read, which may grow until then
            for line in self.history(source):
                if line["kind"] == kind:
                    return line
            assert not ended, f"it ended before {kind}: {self.wait().said}"
        raise AssertionError(f"there was no {kind}")

    def wait(self, within_s: float = WITHIN_S) -> Finished:
        """Its end."""
        if self.ended is None:
            out, err = self.process.communicate(timeout=within_s)
            code = self.process.returncode
            self.ended = Finished(project=self.project, code=code, out=out, err=err, ran=self.run)
        return self.ended

    def children(self) -> set[int]:
        """Process ids of whatever it started, and of what those started, that lives."""
        return descendants(self.process.pid)


@dataclass(kw_only=True)
class Project:
    """A copy of the plain project."""

    root: Path
    name: str
    _started: list[Running] = field(default_factory=list)

    @classmethod
    def copy(cls, root: Path, entry: str, *, traffic: str = "") -> Project:
        """Copy it to `root` for the service at `entry`; `traffic` overrides its size in the target file."""
        shutil.copytree(
            HERE,
            root,
            ignore=shutil.ignore_patterns(
                "__pycache__", "*.py[cod]", "service.py", "restarts.py", "scenes.py", Path(__file__).name
            ),
        )
        name = f"plain-{os.getpid()}-{next(_numbers)}"
        project = cls(root=root, name=name)
        project.edit("target.yaml", "name: plain", f"name: {name}")
        project.edit("target.yaml", "http://127.0.0.1:18080", entry)
        if traffic:
            project.append("target.yaml", f"traffic: {{browse: {traffic}}}\n")
        return project

    def edit(self, file: str, old: str, new: str) -> None:
        """Put one text in place of another, which must be there."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{file} has no {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")

    def append(self, file: str, text: str) -> None:
        """Add text at the end of a file."""
        path = self.root / file
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    @property
    def runs(self) -> Path:
        """Where its runs are kept."""
        return self.root / "reports" / "runs"

    def run_directories(self) -> frozenset[Path]:
        """The runs there are."""
        if not self.runs.is_dir():
            return frozenset()
        return frozenset(path for path in self.runs.iterdir() if path.is_dir() and not path.is_symlink())

    def start(self, *arguments: object, module: str = "harness", **environment: str) -> Running:
        """Start `readiness …`, or another module, in the project's directory."""
        words = [sys.executable, "-m", module, *map(str, arguments)]
        before = self.run_directories()
        process = subprocess.Popen(
            words,
            cwd=self.root,
            env=_environment(self.root, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running = Running(project=self, process=process, before=before)
        self._started.append(running)
        _started.append(process)
        return running

    def do(self, *arguments: object, module: str = "harness", **environment: str) -> Finished:
        """Run `readiness …`, or another module, to its end."""
        before = self.run_directories()
        ended = command(module, *map(str, arguments), cwd=self.root, environment=_environment(self.root, environment))
        ran = next(iter(self.run_directories() - before), None)
        return Finished(project=self, code=ended.returncode, out=ended.stdout, err=ended.stderr, ran=ran)

    def clean(self) -> None:
        """End what still runs."""
        for running in self._started:
            if running.process.poll() is None:
                for pid in (*running.children(), running.process.pid):
                    kill(pid)
                running.process.communicate()


def _environment(root: Path, more: dict[str, str]) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("READINESS_", "PYTEST_", "COV_", "GITHUB_"))
    }
    return {**kept, "READINESS_STATE": str(root / "state"), **more}


def free_address() -> tuple[str, int]:
    """An address of loopback that nobody uses, and a port there that is free."""
    host = f"127.97.{os.getpid() % 250 + 1}.{next(_numbers) % 250 + 1}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        return host, int(probe.getsockname()[1])


@contextmanager
def service(*arguments: object) -> Iterator[str]:
    """The plain service with these defects; its entry."""
    host, port = free_address()
    words = [sys.executable, str(HERE / "service.py"), "--host", host, "--port", str(port), *map(str, arguments)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield f"http://{host}:{port}"
        finally:
            process.kill()


def kill_all() -> None:
    """End every command that was started here and still runs; what it started ends with it."""
    for process in _started:
        if process.poll() is None:
            kill(process.pid)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def descendants(pid: int) -> set[int]:
    """Living processes below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := re.search(r"^PPid:\s+(\d+)", _status(entry), re.MULTILINE)):
            parents[int(entry.name)] = int(found[1])
    below: set[int] = set()
    newest = {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest} - below
        below |= newest
    return {child for child in below if alive(child)}


def _status(entry: Path) -> str:
    try:
        return (entry / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def gone(pids: Sequence[int] | set[int], within_s: float) -> bool:
    """Whether all of them end in time."""
    return any(not any(map(alive, pids)) for _ in clock.Deadline.after(within_s).ticks(0.05))
