"""Runs one experiment with `chaos run` in a child process, controls its fault, and reads its journal."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.drivers.chaos.environment import child_environment
from harness.drivers.chaos.experiments import read_experiment
from harness.drivers.chaos.forkserver import ForkedProcess, ForkServer
from harness.drivers.chaos.journal import read_journal
from harness.drivers.chaos.receipts import ChildHistory
from harness.drivers.chaos.scratch import Scratch
from harness.drivers.packages import project_directory
from harness.errors import DriverError
from harness.files import last_lines
from harness.model import NO_FAULT, ExperimentPlan
from harness.model.planned.domain import UNKNOWN
from harness.targets import Target, guard_experiment, guard_target
from harness.targets.child import ChildSettings

JOURNAL_GRACE_S: Final = 120.0
"""Time in s for a child to undo and restore before it is killed; the undo log then undoes the remaining changes."""
_KILLED_S: Final = 60.0
"""Time in s to wait for a killed process to end."""
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
"""Matches terminal colours, which Chaos Toolkit also writes into its log file."""
_INTERRUPTED: Final = "the experiment was interrupted"
SETTINGS: Final = Path(__file__).with_name("settings.yaml")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosResult:
    """The result of a run of an experiment.

    Attributes:
        exit_code: exit code of the child; it never decides a verdict.
        journal: status, deviated, steady_before, steady_after and failed activities from the journal.
        confirmed: whether the fault was confirmed; also True for an experiment without a fault and for a file without a
            `harness` block.
        acted: whether an action of the method ran; also True for a killed child, whose record is incomplete.
        rolled_back: whether every rollback of the file ended without a failure.
        why: error of the run; empty if there was none.
    """

    exit_code: int
    journal: Mapping[str, str]
    confirmed: bool
    acted: bool = True
    rolled_back: bool = False
    why: str


class ChaosRun:
    """One run of an experiment.

    Its files are `chaos/<experiment>/{experiment.yaml,journal.json,chaos.log}`; earlier attempts are in `attempt-<n>/`.

    Args:
        experiment: the experiment to run.
        target: the target.
        run_dir: the run directory.
        server: the fork server that starts the child.
        attempt: number of the attempt, 1 or 2.
        allow_target: name of the target as typed by the user; required if the target is not disposable.
    """

    def __init__(
        self,
        experiment: ExperimentPlan,
        target: Target,
        run_dir: Path,
        server: ForkServer,
        *,
        attempt: int = 1,
        allow_target: str = "",
    ) -> None:
        self.experiment = experiment
        self._target = target
        self._run_dir = run_dir
        self._server = server
        self._attempt = attempt
        self._allow_target = allow_target
        self._directory = run_dir / "chaos" / experiment.name
        self._hold = self._directory / "released"
        self._history = ChildHistory(run_dir / "history" / f"chaos-{experiment.name}.ndjson")
        self._child: ForkedProcess | None = None
        self._scratch = Scratch()
        self._rollbacks = 0
        self._released = False
        self._interrupted = ""

    def start(self) -> None:
        """Start the child.

        Raises:
            Refused: the target does not allow the experiment.
            ConfigurationError: the experiment file is invalid.
            DriverError: the child cannot be started.
        """
        guard_target(self._target, self._allow_target)
        guard_experiment(self._target, self.experiment)
        file = read_experiment(Path(self.experiment.file))
        self._rollbacks = file.rollbacks
        copy = self._prepare_directory(Path(self.experiment.file))
        env = child_environment(file, self._target, self._run_dir, hold=self._hold, allow_target=self._allow_target)
        env |= ChildSettings(observe_s=self.experiment.observe_s).as_env()
        env["TMPDIR"] = str(self._scratch.make())
        # its settings are ours, so no controls or notifications of the user's run
        arguments = ["--no-version-check", "--no-log-file", "--settings", str(SETTINGS)]
        arguments += ["run", "--rollback-strategy", "always", "--journal-path", str(self._journal), str(copy)]
        try:
            self._child = self._server.fork(arguments, env, project_directory(Path(self.experiment.file)), self._log)
        except DriverError:
            self._scratch.remove()
            raise

    def alive(self) -> bool:
        """Whether the child is still running."""
        return self._child is not None and self._child.returncode is None

    def sent_ns(self) -> int | None:
        """Time at which the fault was sent; None before."""
        return self._history.first_ns("fault.sent")

    def confirmed_ns(self) -> int | None:
        """Time at which the fault was confirmed; None before."""
        return self._history.first_ns("fault.confirmed")

    def release(self) -> None:
        """Let the child end the fault."""
        self._hold.touch()
        self._released = True

    def interrupt(self, why: str = _INTERRUPTED) -> None:
        """Ask the child to stop: it stops the method and runs its rollbacks.

        Args:
            why: reason for the result; the reason of the first request counts.
        """
        if self.alive() and self._child is not None and not self._interrupted:
            self._child.interrupt()
            self._interrupted = why

    def finish(self, grace_s: float = JOURNAL_GRACE_S) -> ChaosResult:
        """Wait for the end, and return the result.

        A child whose fault is still active is interrupted first. After `grace_s` seconds the child is killed. The
        harness calls this also after an exception.
        """
        if self._child is None:
            return ChaosResult(exit_code=-1, journal={}, confirmed=False, why="the experiment was not started")
        if not self._released:
            self.interrupt()
        killed = False
        try:
            self._child.wait(grace_s)
        except subprocess.TimeoutExpired:
            killed = True
        finally:
            # also when Ctrl-C ends the waiting: the group is of this child alone
            if self._child.returncode is None:
                self._child.kill()
                self._child.wait(_KILLED_S)
            self._scratch.remove()
        self._hold.unlink(missing_ok=True)
        self._log.write_bytes(_COLOURS.sub(b"", self._log.read_bytes()))
        return self._result(self._child.wait(0), killed=killed, grace_s=grace_s)

    @property
    def _log(self) -> Path:
        return self._directory / "chaos.log"

    @property
    def _journal(self) -> Path:
        return (self._directory / "journal.json").absolute()

    def _prepare_directory(self, source: Path) -> Path:
        """Move an earlier attempt's files away, and copy the experiment file as it is run."""
        self._directory.mkdir(parents=True, exist_ok=True)
        earlier = [path for path in self._directory.iterdir() if path.is_file()]
        if earlier and self._attempt > 1:
            kept = self._directory / f"attempt-{self._attempt - 1}"
            kept.mkdir(exist_ok=True)
            for path in earlier:
                path.replace(kept / path.name)
        copy = self._directory / f"experiment{source.suffix}"
        shutil.copyfile(source, copy)
        return copy.absolute()

    def _result(self, exit_code: int, *, killed: bool, grace_s: float) -> ChaosResult:
        journal = read_journal(self._journal)
        silent = self.experiment.domain in {NO_FAULT.name, UNKNOWN.name}
        confirmed = silent or self.confirmed_ns() is not None
        whys = [*self._history.whys]
        if killed:
            whys.append(f"the experiment did not end within {grace_s:g} s and was killed")
        elif self._interrupted:
            whys.append(self._interrupted)
        if journal.status == "none":
            said = last_lines(self._log.read_text(encoding="utf-8", errors="replace"))
            whys.append(f"{journal.why}: {said or 'and the log is empty'}")
        elif journal.why and not whys:
            whys.append(journal.why)
        return ChaosResult(
            exit_code=exit_code,
            journal=journal.words,
            confirmed=confirmed,
            acted=killed or journal.status == "none" or self._history.acted,
            rolled_back=self._history.rolled_back(self._rollbacks),
            why="; ".join(whys),
        )
