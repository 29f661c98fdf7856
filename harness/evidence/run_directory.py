"""The layout of `reports/runs/<run-id>/`, and whether a process still writes there."""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import EvidenceError, MissingEvidence, RunInProgress, UsageError
from harness.evidence.foreign import read_bounded, read_json, refuse_strange
from harness.evidence.histories.history import History
from harness.files import write_atomic
from harness.model import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUNNING = "running.json"
_LONGEST = 255
"""Maximum number of characters of a file's name with directories; normal names have fifty."""
RUNS_LISTED = "list the runs with `readiness history`; if there is none yet, start one with `readiness run`"
FASTEST = 1e6
"""Maximum time scale, at which a day takes a tenth of a second."""

REPORTS = ("verdict.json", "summary.md", "junit.xml", "readiness.html", "allure-results", "allure-report", "reports")
"""Files and directories made from the evidence that are not evidence themselves; `reports` is for formats that packages and projects add."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One run's directory."""

    path: Path

    @classmethod
    def create(cls, runs: Path, run: str) -> RunDirectory:
        """Make the directory of a new run and mark it as being written by this process.

        Raises:
            UsageError: the directory cannot be created there.
            EvidenceError: it was created but cannot be written to, for example because the disk is full.
        """
        directory = cls(runs / run)
        try:
            directory.path.mkdir(parents=True)
        except FileExistsError as error:
            raise UsageError(
                "a run of this name exists", where=str(directory.path), hint="choose another --out"
            ) from error
        except OSError as error:
            raise UsageError(
                f"the run's directory cannot be made: {error.strerror}",
                where=str(directory.path),
                hint="choose another --out",
            ) from error
        owner = {"pid": os.getpid(), "started": _process_start(os.getpid())}
        with _writable(directory.path):
            for name in ("history", "load", "chaos", "watch", "target"):
                (directory.path / name).mkdir()
            (directory.path / _RUNNING).write_text(json.dumps(owner), encoding="utf-8")
        return directory

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """A recorded run.

        Raises:
            UsageError: there is no such run.
            EvidenceError: it contains entries that no run has, such as links and pipes; no file was opened.
            RunInProgress: the run is still being written.
        """
        try:
            directory = cls(path.resolve())
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a name that no file can have
            raise UsageError(f"there is no such run: {error}", where=str(path), hint=RUNS_LISTED) from error
        if not directory.path.is_dir():
            raise UsageError("there is no such run", where=str(path), hint=RUNS_LISTED)
        refuse_strange(directory.path)
        if directory.in_progress:
            raise RunInProgress("the run is still being written", where=str(path), hint="wait until it has ended")
        return directory

    @property
    def in_progress(self) -> bool:
        """Whether the process that writes the run is still running."""
        try:
            owner = read_json(self.path / _RUNNING)
            pid, mark = int(owner["pid"]), str(owner["started"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return False
        return _process_start(pid) == mark

    def end(self) -> None:
        """Remove the mark of the writing process and point `latest` to this run.

        Raises:
            EvidenceError: `latest` cannot be pointed here, as where another file of that name exists; the run has ended.
        """
        (self.path / _RUNNING).unlink(missing_ok=True)
        latest = self.path.parent / "latest"
        pointer = self.path.parent / f".latest-{self.path.name}"  # of its own: runs may end at the same time
        try:
            pointer.unlink(missing_ok=True)
            pointer.symlink_to(self.path.name)
            if not latest.is_symlink() and latest.exists():
                raise FileExistsError(errno.EEXIST, "a file of that name exists and is not a link")
            pointer.replace(latest)
        except OSError as error:
            pointer.unlink(missing_ok=True)
            raise EvidenceError(
                f"`latest` does not name this run: {error.strerror}",
                where=str(latest),
                hint=f"move it away; this run is {self.path.name}",
            ) from error

    def write_plan(self, plan: Plan) -> None:
        """Write `plan.json`, before anything is touched.

        Raises:
            EvidenceError: it cannot be written, as on a full disk.
        """
        with _writable(self.path / "plan.json"):
            self.write_json("plan.json", _plans().dump_python(plan, mode="json"))

    def read_plan(self) -> Plan:
        """Read `plan.json`; raises MissingEvidence when it is gone or no plan.

        Unknown newer fields are passed over.
        """
        path = self.path / "plan.json"
        try:
            text = read_bounded(path)
            plan = _plans().validate_json(text)
            why = _not_planned(plan)
        except OSError as error:
            raise MissingEvidence(f"cannot be read: {error.strerror}", where=str(path)) from error
        except ValidationError as error:
            first = error.errors()[0]
            why = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
        except ValueError as error:
            why = str(error)
        if why:
            hint = "it was cut short or edited: take another copy of the run"
            raise MissingEvidence(f"is not a plan: {why}", where=str(path), hint=hint)
        if plan.claims and plan.time_scale != 1 and b'"scaled"' not in text:
            raise MissingEvidence(
                f"does not state which lengths of time are divided by its time scale of {plan.time_scale:g}",
                where=str(path),
                hint="judge it with the version that recorded it, or run again",
            )
        return plan

    def history(self, source: str) -> History:
        """Open a history for writing; raises EvidenceError where it cannot be."""
        return History(self.path / "history" / f"{source}.ndjson", source)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file completely or not at all; keys in the order given."""
        write_atomic(self.path / name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())

    def file(self, name: str) -> Path | None:
        """The file or directory of that name, which may come from a foreign file.

        None where no such name is inside the run, or where it is another spelling of one: `./a` and `a//b` are none, so that
        a file has one name.
        """
        plain = PurePosixPath(name)
        if not plain.parts or plain.is_absolute() or ".." in plain.parts or name != plain.as_posix():
            return None
        return self.path / name if name.isprintable() and len(name) <= _LONGEST else None

    def has(self, name: str) -> bool:
        """Whether there is a file or directory of that name inside the run."""
        path = self.file(name)
        return path is not None and path.exists()

    def relative(self, path: Path) -> str:
        """A path as evidence names it: relative to the run directory, with slashes."""
        return path.relative_to(self.path).as_posix()


@cache
def _plans() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)  # made where a plan is read or written: most processes do neither


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """The error for a file of a new run that cannot be written."""
    try:
        yield
    except OSError as error:
        hint = "free disk space there, or choose another --out"
        raise EvidenceError(f"the run cannot be written: {error.strerror}", where=str(path), hint=hint) from error


def _not_planned(plan: Plan) -> str:
    """Values in a plan that no run can have, by key; may be empty."""
    if not 0 < plan.time_scale <= FASTEST:
        return f"time_scale: {plan.time_scale:g} is not above 0 and at most {FASTEST:g}"
    for at, claim in enumerate(plan.claims):
        for number, objective in enumerate(claim.objectives):
            if objective.scope.traffic not in (None, *plan.traffic):
                return f"claims.{at}.objectives.{number}.scope.traffic: `{objective.scope.traffic}` is not in `traffic`"
    return ""


def _process_start(pid: int) -> str | None:
    """The start time of a process: field 22 of /proc/PID/stat.

    It distinguishes a process from a later one with its number. None of one that has ended, also as a zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X", "x"} else fields[19]
