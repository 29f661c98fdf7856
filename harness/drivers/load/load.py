"""Starts, supervises and stops the Locust processes of one traffic.

All processes start together, and none is left running.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness import clock
from harness.drivers.load.options import is_replaced, part_of, remarks_on, schedule_options
from harness.drivers.load.sources import are_ours
from harness.drivers.packages import module_directories, project_directory
from harness.errors import DriverError
from harness.files import has_room, last_lines, write_atomic
from harness.model import Sink, TrafficPlan
from harness.model.planned.plan import ENDED, JOIN_S
from harness.model.records.table import NOT_COMPARABLE
from harness.stops import stops_held
from harness.targets.child import ChildSettings
from harness.units import NS_PER_S

_FRAME: Final = re.compile(r'^  File "(.+)", line (\d+)', re.MULTILINE)
_STATISTICS: Final = "Type     Name"
"""Beginning of the table that Locust prints at the end, after the reason for the end of the load."""
_API: Final = "openapi"
"""File of the API description, beside the rows of the workers: the record has the text that answers were compared with."""
START_S: Final = 30.0
"""Seconds after which a worker without a row file has failed; an idle machine needs one second."""
AHEAD_S: Final = 0.2
"""Seconds from the readiness of all workers to the start of the schedules; workers learn the start time in them."""
FAR_AHEAD_S: Final = 2.0
"""Seconds to the start of the schedules with workers on other machines; their clocks are aligned meanwhile."""
WORKER_GRACE_S: Final = 5.0
"""Seconds after the drain after which the process group is killed."""
MASTER_GRACE_S: Final = 10.0
"""Seconds after the drain after which a master is killed; the master waits for its workers first."""

Say = Callable[[str], None]


def _unheard(_: str) -> None:
    """Ignore a message about the progress of a load."""


@dataclass(kw_only=True, slots=True)
class _LoadProcess:
    """One process: a worker, or the master of workers on other machines."""

    workers: tuple[int, ...]
    process: subprocess.Popen[bytes]
    rows: tuple[Path, ...]
    ended: bool = field(default=False)

    @property
    def name(self) -> str:
        """Name of the process for messages."""
        first, last = self.workers[0], self.workers[-1]
        return f"worker {first}" if first == last else f"the master of workers {first} to {last}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSettings:
    """The settings of a load: traffic, address and recorded data.

    Attributes:
        plan: traffic to offer.
        entry: address of the target.
        run_dir: run directory. Rows go to `load/<traffic>/samples-<worker>.rows`, output to
            `load/<traffic>/locust.log`.
        seed, run: seed of schedules and journeys, and id of the run, from which trace ids follow.
        drain_s: seconds that open requests may take at the end.
        release_header: response header with the release; empty: the release is not recorded.
        timing: metric of `Server-Timing` with the serving time; empty: the serving time is not recorded.
        api: API description that answers are compared with, as it was read; empty: they are not compared.
        api_trouble: why a description that is asked for cannot be read; empty: it was read, or is not asked for.
        variables: additional environment variables of the workers, such as the certificates of the target.
    """

    plan: TrafficPlan
    entry: str
    run_dir: Path
    seed: int
    drain_s: float = 5.0
    release_header: str = "x-release"
    timing: str = ""
    run: str = ""
    api: bytes = b""
    api_trouble: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


class Load:
    """The load of one traffic; `with` starts and stops it.

    The processes need seconds to load their modules: `spawn` starts them early, and `start` then finds them ready.
    Locust's exit codes are recorded and decide nothing.

    Args:
        settings: settings of the load.
        sink: receives `worker.started`, `load.begun`, `load.stopping` and `worker.ended`.
        say: shows a message to the user, for example to start workers on other machines.

    Attributes:
        begin_ns: time 0 of the schedule, in ns of CLOCK_MONOTONIC.
        stopping_ns: time of the request to stop; 0 before.
    """

    def __init__(self, settings: LoadSettings, sink: Sink, *, say: Say = _unheard) -> None:
        self._settings, self._plan = settings, settings.plan
        self._run_dir = settings.run_dir.resolve()
        self._directory = self._run_dir / "load" / settings.plan.name
        self._sink, self._say = sink, say
        self._go = self._directory / "begin"
        self._ours = are_ours(Path(settings.plan.locustfile))
        self._modules = ChildSettings(
            modules=tuple(map(str, module_directories(Path(settings.plan.locustfile)))),
            for_the_file={name: value for name, value in os.environ.items() if is_replaced(name)},
        )
        self.begin_ns = self.stopping_ns = 0
        self._children: list[_LoadProcess] = []
        self._problems: list[str] = []

    def spawn(self) -> None:
        """Start the processes of the workers, which send nothing before `start`; a second call does nothing."""
        if self._children:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        plan = self._plan
        if self._settings.api:
            write_atomic(self._directory / _API, self._settings.api)
        if trouble := self._settings.api_trouble:
            said = {"worker": 0, "code": NOT_COMPARABLE, "operation": "every operation", "what": trouble}
            self._sink.put("load.described", plan.name, at_ns=clock.now_ns(), **said)
        for remark in remarks_on(Path(plan.locustfile), self._settings.entry, os.environ, stock=plan.stock):
            self._say(f"{plan.name}: {remark}")
        self._spawn_all()

    def start(self) -> None:
        """Start the load; each worker sends its share of the rate until `stop`.

        Raises:
            DriverError: a worker ended, or wrote no row file within START_S (remote: JOIN_S).
        """
        with ExitStack() as failing:
            failing.callback(self.stop)
            self.spawn()
            self._wait_until_ready()
            self._begin()
            failing.pop_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def rows(self) -> tuple[Path, ...]:
        """The workers' row files."""
        return tuple(rows for child in self._children for rows in child.rows)

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(child.process.pid for child in self._children)

    def alive(self) -> bool:
        """Whether every worker runs; the call records a worker that ended unexpectedly."""
        for child in self._children:
            if not child.ended and child.process.poll() is not None:
                cause = _ended_by(_read_log(self._log()))
                said = f"{_how(child.process.returncode)}{self._last_words()}"
                self._ended(child, f"its locustfile ended it: {cause}" if cause else f"it ended unexpectedly: {said}")
        return not any(child.ended for child in self._children)

    @property
    def hint(self) -> str:
        """Advice for a load that its locustfile ended early; empty for other loads."""
        cause = _ended_by(_read_log(self._log()))
        if not cause:
            return ""
        lasts_s = self._plan.warm_up_s + self._plan.window_s + self._plan.after_s
        if "LoadTestShape" in cause:
            size = f"loadtests/{self._plan.name}.yaml"
            return f"let `tick` return users for {lasts_s:g} s (warm-up, window and `after` of {size}), then run again"
        return "correct or remove that line (a locustfile must not end the load), then run again"

    @property
    def problems(self) -> tuple[str, ...]:
        """Texts of the problems of workers so far."""
        return tuple(self._problems)

    def stop(self) -> None:
        """End all workers: interrupt them, wait for the drain and WORKER_GRACE_S more, then kill the group.

        The method may be called again.
        """
        self.alive()
        living = [child for child in self._children if not child.ended]
        if living:
            self.stopping_ns = clock.now_ns()
            self._sink.put("load.stopping", self._plan.name, at_ns=self.stopping_ns)
        for child in living:
            # not SIGTERM: while a shape runs, Locust dies of that without a word
            child.process.send_signal(signal.SIGINT)
        grace_s = MASTER_GRACE_S if self._plan.remote_workers else WORKER_GRACE_S
        deadline = clock.Deadline.after(self._settings.drain_s + grace_s)
        for child in living:
            try:
                child.process.wait(timeout=deadline.left_s)
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
                self._ended(child, f"it did not end within {self._settings.drain_s + grace_s:g} s and was killed")
            else:
                self._ended(child, "" if child.process.returncode == 0 else _how(child.process.returncode))

    def _spawn(self, workers: tuple[int, ...], role: Mapping[str, object]) -> None:
        rows = tuple(self._directory / f"samples-{worker}.rows" for worker in workers)
        with stops_held(), (self._directory / "locust.log").open("ab") as log:
            process = subprocess.Popen(
                self._command(workers[0], role),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._working_directory(),
                env={**_environment(self._run_dir), **self._modules.as_env(), **self._settings.variables},
                start_new_session=True,
            )
            self._children.append(_LoadProcess(workers=workers, process=process, rows=rows))
        for worker, file in zip(workers, rows, strict=True):
            relative = file.relative_to(self._run_dir).as_posix()
            self._sink.put("worker.started", self._plan.name, worker=worker, pid=process.pid, rows=relative)

    def _working_directory(self) -> Path:
        """The working directory of the workers: that of the traffic for journeys of the harness, else the project.

        Other locustfiles open and import files relative to the project.
        """
        return self._directory if self._ours else project_directory(Path(self._plan.locustfile))

    def _spawn_all(self) -> None:
        plan = self._plan
        here = range(1, plan.workers + 1)
        for worker in here:
            users = 1 if plan.model == "open" else part_of(round(plan.users), worker, plan.all_workers)
            # users of Locust's own arrive within half of the warm-up: together they would march in step
            per_s = users / max(plan.warm_up_s / 2, 1.0) if plan.model == "closed" and not self._ours else max(users, 1)
            self._spawn((worker,), {"--users": users, "--spawn-rate": per_s})
        if not plan.remote_workers:
            return
        elsewhere = tuple(range(plan.workers + 1, plan.all_workers + 1))
        users = sum(part_of(round(plan.users), worker, plan.all_workers) for worker in elsewhere)
        host, _, port = plan.remote_bind.rpartition(":")
        role = {
            "--users": users if plan.model == "closed" else len(elsewhere),
            "--spawn-rate": max(users, len(elsewhere)),
            "--master-bind-host": host,
            "--master-bind-port": port,
            "--expect-workers": len(elsewhere),
        }
        self._spawn(elsewhere, role)
        command = f"locust -f {plan.locustfile} --worker --master-host {host} --master-port {port}"
        self._say(f"waiting for {len(elsewhere)} load workers on other machines; start each of them with: {command}")

    def _command(self, worker: int, role: Mapping[str, object]) -> list[str]:
        plan = self._plan
        options = {
            "--locustfile": plan.locustfile,
            "--host": self._settings.entry,
            **role,
            "--loglevel": "WARNING",
            "--exit-code-on-error": 0,
            "--samples": self._directory / "samples",
            "--traffic": plan.name,
            "--model": plan.model,
            **schedule_options(plan),
            "--seed": self._settings.seed,
            "--worker-id": worker,
            "--load-workers": plan.all_workers,
            "--warm-up": plan.warm_up_s,
            "--drain": self._settings.drain_s,
            "--release-header": self._settings.release_header,
            "--timing": self._settings.timing,
            "--traceparent": self._settings.run if plan.traceparent else "",
            "--api": self._directory / _API if self._settings.api else "",
            "--go": self._go,
            "--parent": os.getpid(),
        }
        words = [str(word) for option in options.items() for word in option]
        master = ["--master"] if "--expect-workers" in role else []
        for option, tags in (("--tags", plan.tags), ("--exclude-tags", plan.exclude_tags)):
            words += [option, *tags] if tags else []
        return [sys.executable, "-m", "harness.locust", "--headless", "--only-summary", *master, *words]

    def _begin(self) -> None:
        """Tell all workers the moment at which their schedules begin."""
        ahead_s = FAR_AHEAD_S if self._plan.remote_workers else AHEAD_S
        self.begin_ns = begin_ns = clock.now_ns() + round(ahead_s * NS_PER_S)
        write_atomic(self._go, str(begin_ns).encode("ascii"))
        self._sink.put("load.begun", self._plan.name, begin_ns=begin_ns, model=self._plan.model)

    def _wait_until_ready(self) -> None:
        within_s, joined = (JOIN_S if self._plan.remote_workers else START_S), 0
        for _ in clock.Deadline.after(within_s).ticks(0.02):
            if not self.alive():
                raise self._not_begun()
            ready = sum(rows.exists() for rows in self.rows)
            if self._plan.remote_workers and ready > joined:
                self._say(f"{ready} of {len(self.rows)} load workers are ready")
            joined = ready
            if ready == len(self.rows):
                return
        raise DriverError(
            f"{joined} of {len(self.rows)} load generators were ready within {within_s:g} s",
            where=self._log(),
            hint="start the remote workers earlier" if self._plan.remote_workers else "read the log for the cause",
        )

    def _not_begun(self) -> DriverError:
        """Why a worker ended while it read its locustfile: by the line that raised, where a traceback names one of the project."""
        said = _read_log(self._log())
        place = raised_at(said, project_directory(Path(self._plan.locustfile)))
        if not place:
            return DriverError("a load process ended before the load began", where=self._log(), hint=self.problems[0])
        what = f"the load of {self._plan.name} could not begin: {last_lines(said)[:300]}"
        return DriverError(what, where=place, hint=f"correct the locustfile; the traceback is in {self._log()}")

    def _ended(self, child: _LoadProcess, why: str) -> None:
        child.ended = True
        for worker in child.workers:
            hint = {"hint": self.hint} if why and self.hint else {}
            code = child.process.returncode
            self._sink.put("worker.ended", self._plan.name, worker=worker, exit=code, why=why, **hint)
        if why:
            self._problems.append(f"{child.name} of {self._plan.name}: {why}")

    def _log(self) -> str:
        return str(self._directory / "locust.log")

    def _last_words(self) -> str:
        if said := last_lines(_read_log(self._log()).partition(_STATISTICS)[0]):
            return f"; its last output: {said[:300]}"
        return "" if has_room(self._directory) else "; the disk of the run directory is full"


def raised_at(log: str, project: Path) -> str:
    """The `file:line` of the project at which the last traceback of a log was raised; empty if there is none.

    Packages below the project's directory do not count as project files.
    """
    _, found, traceback = log.rpartition("Traceback (most recent call last):")
    frames = _FRAME.findall(traceback) if found else []
    ours = (f"{file}:{line}" for file, line in reversed(frames) if _is_of(project, Path(file)))
    return next(ours, "")


def _ended_by(log: str) -> str:
    """The reason in a log if its locustfile ended the load; empty otherwise."""
    said = [line.removeprefix(ENDED) for line in log.splitlines() if line.startswith(ENDED)]
    return said[-1][:300] if said else ""


def _is_of(project: Path, file: Path) -> bool:
    package = Path(__file__).parents[2]
    return file.is_relative_to(project) and not file.is_relative_to(package) and "site-packages" not in file.parts


def _read_log(path: str) -> str:
    return Path(path).read_text(encoding="utf-8", errors="replace")


def _environment(run_dir: Path) -> Mapping[str, str]:
    """The environment of the workers: without settings of Locust, which the size has, and without a proxy between load and target."""
    kept = {
        key: value for key, value in os.environ.items() if not is_replaced(key) and not key.lower().endswith("_proxy")
    }
    return {**kept, "NO_PROXY": "*", "READINESS_RUN": str(run_dir)}


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
