"""The layout of a run directory `reports/runs/<run-id>/`, and its mark while a process writes the run."""

from __future__ import annotations

import errno
import json
import os
import stat
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
"""Maximum number of characters of a file name including directories; normal names have fifty."""
RUNS_LISTED = "list the runs with `readiness history`, or start a run with `readiness run`"
FASTEST = 1e6
"""Maximum time scale; a day then takes a tenth of a second."""

REPORTS = ("verdict.json", "summary.md", "junit.xml", "readiness.html", "allure-results", "allure-report", "reports")
"""Files and directories that are made from the evidence and are no evidence; `reports` is for additional formats."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The directory of one run."""

    path: Path

    @classmethod
    def create(cls, runs: Path, run: str) -> RunDirectory:
        """Create the directory of a new run, and mark it as being written by this process.

        Raises:
            UsageError: the directory cannot be created there.
            EvidenceError: the new directory cannot be written, for example because the disk is full.
        """
        directory = cls(runs / run)
        try:
            directory.path.mkdir(parents=True)
        except FileExistsError as error:
            raise UsageError(
                "a run with this name already exists",
                where=str(directory.path),
                hint="choose another directory with --out",
            ) from error
        except OSError as error:
            raise UsageError(
                f"the directory of the run cannot be created: {error.strerror}",
                where=str(directory.path),
                hint="choose another directory with --out",
            ) from error
        owner = {"pid": os.getpid(), "started": _process_start(os.getpid())}
        with _writable(directory.path):
            for name in ("history", "load", "chaos", "watch", "target"):
                (directory.path / name).mkdir()
            (directory.path / _RUNNING).write_text(json.dumps(owner), encoding="utf-8")
        return directory

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a recorded run.

        Raises:
            UsageError: the run does not exist.
            EvidenceError: the directory contains entries that no run has, such as links and pipes; no file was opened.
            RunInProgress: the run is still being written.
        """
        try:
            directory = cls(path.resolve())
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a name that no file can have
            raise UsageError(f"the run does not exist: {error}", where=str(path), hint=RUNS_LISTED) from error
        if not directory.path.is_dir():
            raise UsageError("the run does not exist", where=str(path), hint=RUNS_LISTED)
        refuse_strange(directory.path)
        if directory.in_progress:
            raise RunInProgress("the run is still being written", where=str(path), hint="wait until it has ended")
        return directory

    @property
    def in_progress(self) -> bool:
        """Whether the process that writes the run still exists."""
        try:
            owner = read_json(self.path / _RUNNING)
            pid, mark = int(owner["pid"]), str(owner["started"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return False
        return _process_start(pid) == mark

    def end(self) -> None:
        """Remove the mark of the writing process, and let `latest` point to this run.

        Raises:
            EvidenceError: the link `latest` cannot be set, for example because a file has this name; the run has ended.
        """
        (self.path / _RUNNING).unlink(missing_ok=True)
        latest = self.path.parent / "latest"
        pointer = self.path.parent / f".latest-{self.path.name}"  # of its own: runs may end at the same time
        try:
            pointer.unlink(missing_ok=True)
            pointer.symlink_to(self.path.name)
            if _is_no_link(latest):
                raise FileExistsError(errno.EEXIST, "a file with this name exists and is not a link")
            pointer.replace(latest)
        except OSError as error:
            pointer.unlink(missing_ok=True)
            raise EvidenceError(
                f"the link `latest` could not be set to this run: {error.strerror}",
                where=str(latest),
                hint=f"move `latest` away; this run is {self.path.name}",
            ) from error

    def write_plan(self, plan: Plan) -> None:
        """Write `plan.json` before the target is changed.

        Raises:
            EvidenceError: the file cannot be written, for example because the disk is full.
        """
        with _writable(self.path / "plan.json"):
            self.write_json("plan.json", _plans().dump_python(plan, mode="json"))

    def read_plan(self) -> Plan:
        """Read `plan.json`; raises MissingEvidence if it is missing or not a plan.

        Unknown fields of newer versions are ignored.
        """
        path = self.path / "plan.json"
        try:
            text = read_bounded(path)
            plan = _plans().validate_json(text)
            why = _not_planned(plan)
        except OSError as error:
            raise MissingEvidence(f"the plan cannot be read: {error.strerror}", where=str(path)) from error
        except ValidationError as error:
            first = error.errors()[0]
            why = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
        except ValueError as error:
            why = str(error)
        if why:
            hint = "the file was truncated or edited; judge another copy of the run"
            raise MissingEvidence(f"the file is not a plan: {why}", where=str(path), hint=hint)
        if plan.claims and plan.time_scale != 1 and b'"scaled"' not in text:
            raise MissingEvidence(
                f"the plan does not state which times are divided by its time scale of {plan.time_scale:g}",
                where=str(path),
                hint="judge the run with the version that recorded it, or run again",
            )
        return plan

    def history(self, source: str) -> History:
        """Open a history for writing; raises EvidenceError if that fails."""
        return History(self.path / "history" / f"{source}.ndjson", source)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file completely or not at all; the order of keys is kept."""
        write_atomic(self.path / name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())

    def file(self, name: str) -> Path | None:
        """The file or directory with the given name, which may come from a foreign file.

        None if the name is outside the run, or is another spelling of a name: `./a` and `a//b` are refused, so that
        each file has one name.
        """
        plain = PurePosixPath(name)
        if not plain.parts or plain.is_absolute() or ".." in plain.parts or name != plain.as_posix():
            return None
        return self.path / name if name.isprintable() and len(name) <= _LONGEST else None

    def has(self, name: str) -> bool:
        """Whether the run contains a file or directory with the given name."""
        path = self.file(name)
        return path is not None and path.exists()

    def relative(self, path: Path) -> str:
        """A path in the form of the evidence: relative to the run directory, with slashes."""
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
        hint = "free disk space there, or choose another directory with --out"
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


def _is_no_link(path: Path) -> bool:
    """Whether something with this name exists and is no link, read once: another run may set the link at any time."""
    try:
        return not stat.S_ISLNK(path.lstat().st_mode)
    except FileNotFoundError:
        return False


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
