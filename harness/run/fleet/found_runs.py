"""Finds and reads the runs of a fleet: each must be complete, unchanged since its end, and its verdict its own."""

from __future__ import annotations

import gc
import hashlib
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import datetime
from functools import partial
from glob import escape
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.ingest.formats.earlier import earlier_run
from harness.errors import EvidenceError, HarnessError, MissingEvidence, RunInProgress, UsageError
from harness.evidence import RunDirectory
from harness.evidence.histories.history import read_history
from harness.evidence.manifest import MANIFEST, verify
from harness.evidence.past_runs import past_run, run_names
from harness.judgement.decisions.fleet import merge_fleet
from harness.model import DecisionOutcome
from harness.model.judged.fleet import CellFault, FleetRun
from harness.run.deciding import decide, require_figures, require_same_verdict
from harness.run.fleet.fleet_file import wall_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model import Missing, Plan
    from harness.model.judged.fleet import FleetDecision, WallTime
    from harness.run.fleet.fleet_file import Fleet

_OF_A_RUN: Final = ("plan.json", "running.json", MANIFEST, "verdict.json")
"""Files of which a run has at least one."""
_FEW: Final = 8
"""Runs that are read in this process: further processes would take longer to start."""


def decide_fleet(fleet: Fleet) -> FleetDecision:
    """Read every run of a fleet and decide over all of them."""
    paths = {cell.name: run_paths(fleet.root / cell.runs) for cell in fleet.cells}
    every = list(dict.fromkeys(path for own in paths.values() for path in own))
    runs = dict(zip(every, _read_all(every, judged=fleet.judged), strict=True))
    found = {name: tuple(runs[path] for path in own) for name, own in paths.items()}
    at = wall_time(clock.wall())
    return merge_fleet(
        fleet.name, fleet.cells, found, undeclared=undeclared(fleet), terms=fleet.terms, at=at, judged=fleet.judged
    )


def _read_all(paths: Sequence[Path], *, judged: bool) -> list[FleetRun]:
    """Read each run; many are judged by a process for each processor.

    Raises:
        EvidenceError: such a process was ended.
    """
    read, processes = partial(read_run, judged=judged), min(len(os.sched_getaffinity(0)), len(paths))
    if not judged or processes < 2 or len(paths) < _FEW:
        return [read(path) for path in paths]
    # a fresh process each: threads of numerical libraries do not survive a fork
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin_process)
    try:
        return list(pool.map(read, paths))
    except BrokenProcessPool as error:
        hint = "see whether memory ran out; `check: digests` in the fleet file needs little, and judges no run again"
        raise EvidenceError("a process that judges the runs was ended, so nothing was decided", hint=hint) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_process() -> None:
    """Leave Ctrl-C to the first process, which ends the others, and what is loaded to no collection of garbage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def run_paths(path: Path) -> list[Path]:
    """The runs at a path: the path itself, or each directory in it; `latest` and hidden directories are not runs."""
    if path.name == "verdict.json":
        return [path.parent] if path.exists() else []
    try:
        if not path.is_dir() or any((path / name).exists() for name in _OF_A_RUN):
            return [path] if path.exists() or path.is_symlink() else []
        return [path / name for name in run_names(path)]
    except (OSError, UsageError):  # a directory that may not be listed: reading it as a run says why
        return [path]


def undeclared(fleet: Fleet) -> Iterator[str]:
    """Paths that fit the pattern of the runs and belong to no declared cell; a pattern without slots fits no other."""
    if "{" not in fleet.pattern:
        return
    declared = {os.path.realpath(fleet.root / cell.runs) for cell in fleet.cells}  # of a loop of links, too
    parts = escape(fleet.pattern.replace("{", "\0<").replace("}", ">\0")).split("\0")
    pattern = "".join("*" if part.startswith("<") else part for part in parts)
    root = Path(fleet.pattern).anchor or fleet.root
    relative = Path(pattern).relative_to(Path(pattern).anchor).as_posix() if Path(pattern).anchor else pattern
    for path in sorted(Path(root).glob(relative)):
        if os.path.realpath(path) not in declared and any(run_paths(path)):
            yield str(path)


def read_run(path: Path, *, judged: bool) -> FleetRun:
    """Read one run; what is wrong with it is its fault, never an exception.

    Args:
        path: directory of the run.
        judged: judge the run again, and refuse a stored verdict that differs.
    """
    try:
        return _read(path, judged=judged)
    except RunInProgress as error:
        return _faulty(path, CellFault.RUNNING, error.what)
    except (MissingEvidence, UsageError) as error:
        return _faulty(path, CellFault.FOREIGN, error.what)
    except EvidenceError as error:
        ours = (path / MANIFEST).exists() or (path / "plan.json").exists()
        return _faulty(path, CellFault.EDITED if ours else CellFault.FOREIGN, error.what)
    except OSError as error:
        return _faulty(path, CellFault.FOREIGN, f"the directory cannot be read: {error.strerror}")
    except HarnessError as error:  # the stored verdict is not the verdict of the evidence
        return _faulty(path, CellFault.EDITED, error.what)


def _faulty(path: Path, fault: CellFault, why: str) -> FleetRun:
    return FleetRun(path=str(path), fault=fault, why=why)


def _read(path: Path, *, judged: bool) -> FleetRun:
    directory = RunDirectory.open(path)
    if not any(directory.has(name) for name in _OF_A_RUN):
        return _faulty(path, CellFault.FOREIGN, "the directory is not a run")
    manifest, missing = verify(directory)
    if manifest is None and not directory.has(MANIFEST):
        why = "only verdict.json is here" if not directory.has("plan.json") else "the run has no manifest"
        return _faulty(
            path, CellFault.UNFINISHED, f"{why}, so its evidence cannot be verified; keep the run's directory"
        )
    if missing:
        return _faulty(path, CellFault.EDITED, _first(missing))
    return _verdict(path, directory, judged=judged)


def _verdict(path: Path, directory: RunDirectory, *, judged: bool) -> FleetRun:
    """The stored verdict of a run whose files have their hashes."""
    plan = directory.read_plan()
    stored = past_run(directory.path)
    began, ended = _times(directory)
    run = FleetRun(
        path=str(path),
        run=plan.run,
        target=plan.target,
        environment=plan.environment,
        profile=plan.profile,
        release=plan.release,
        commit=plan.release_commit,
        began=began,
        ended=ended,
        headline=stored.headline,
        rules=_rules(plan),
        waived=stored.counts.get("WAIVED", 0),
        why=next(iter(stored.reasons), ""),
    )
    verdict = directory.path / "verdict.json"
    earlier_run(
        verdict.read_bytes(), (directory.path / MANIFEST).read_bytes(), str(verdict)
    )  # it may contradict itself
    if stored.profile != run.profile:
        return replace(run, fault=CellFault.EDITED, why="verdict.json is the verdict of another run")
    if stored.decision not in set(DecisionOutcome):
        return replace(run, fault=CellFault.EDITED, why=f"the decision in verdict.json is {stored.decision!r}")
    if judged:
        decided = decide(directory)
        require_figures(decided.plan)
        require_same_verdict(decided)
        if decided.judgement.decision.outcome is DecisionOutcome.GO and decided.evidence.missing:
            return replace(run, fault=CellFault.UNFINISHED, why=_first(decided.evidence.missing))
    return replace(run, decision=DecisionOutcome(stored.decision))


def _rules(plan: Plan) -> str:
    """What the profile of a run was: what each requirement says, where and in which part it gates, and the evidence that it takes."""
    rows = sorted(
        (row.id, row.criterion, row.gate.value, *(",".join(map(str, own)) for own in (row.kinds, row.environments, row.in_part)))
        for row in plan.requirements
    )  # fmt: skip
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _first(missing: Sequence[Missing]) -> str:
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return f"{missing[0].file}: {missing[0].why}{more}"


def _times(directory: RunDirectory) -> tuple[WallTime | None, WallTime | None]:
    """When the run began and ended, by its own history, whose hash the manifest has."""
    path = directory.path / "history" / "run.ndjson"
    observations = read_history(path)[0] if path.exists() else []
    walls = {one.kind: one.wall for one in observations}
    return _time(walls.get("run.started", "")), _time(walls.get("run.ended", ""))


def _time(text: str) -> WallTime | None:
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else wall_time(found)
    except ValueError:
        return None
