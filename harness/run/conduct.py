"""The order of things in a live run: watch, checks, traffic, the fault-free window, experiments, the last read."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.chaos import Restorer
from harness.drivers.check import run_check
from harness.drivers.load import Load
from harness.drivers.watch import FinalReads, LiveView, Watch, ledger_clients, watch_settings
from harness.errors import DriverError
from harness.model import DemandKind
from harness.run.breaking import Breaking
from harness.run.shares import Shares
from harness.run.steady import Steadiness

if TYPE_CHECKING:
    from harness.evidence import History, RunDirectory
    from harness.model import ExperimentPlan, FinalRead, Plan, TrafficPlan
    from harness.run.progress import Progress
    from harness.targets import Target

_POLL_S: Final = 0.5
_AGAIN: Final = "run again; the evidence so far is kept, and is not enough"
NULL_DOMAIN: Final = "none"


class Conductor:
    """Conducts one plan on one target. Everything it learns goes to the run directory, nothing is judged.

    Args:
        plan: what to do, in order.
        target: where.
        directory: of the run, with the plan written.
        progress: where a person looks.
        allow_target: name typed in full for a target that is not disposable.
    """

    def __init__(
        self, plan: Plan, target: Target, directory: RunDirectory, progress: Progress, allow_target: str = ""
    ) -> None:
        self._plan = plan
        self._target = target
        self._directory = directory
        self._progress = progress
        self._allow_target = allow_target
        self._view = LiveView(directory.path)
        self._steadiness = Steadiness(self._view, writes=target.ledger is not None)

    def conduct(self) -> None:
        """Do all of it. An exception, Ctrl-C included, leaves with every child ended and every file closed."""
        with ExitStack() as stack:
            history = self._directory.history("run")
            stack.callback(history.close)
            history.put("run.started", self._plan.run)
            stack.push(lambda kind, error, _: self._ended(history, kind, error))
            settings = watch_settings(
                self._target.file, self._directory.path, clients=ledger_clients(self._plan.run, self._plan.seed)
            )
            self._progress.say(f"watching {self._target.name}")
            watch = stack.enter_context(Watch(settings))
            reads = FinalReads(self._target, settings)
            stack.callback(reads.close)
            self._checks()
            for traffic in self._plan.traffic.values():
                self._under_traffic(traffic, watch, history, reads)
            watch.stop()  # no write comes after the reads of all of them
            self._region_reads(reads, history)
            self._final_read(reads, "end", history)

    def _ended(self, history: History, kind: type[BaseException] | None, error: BaseException | None) -> None:
        """Put on record how it ended: in order, or with what went wrong."""
        why = "" if kind is None else str(error) or kind.__name__
        history.put("run.ended", self._plan.run, ok=kind is None, why=why)

    def _checks(self) -> None:
        demands = [d for d in map(self._plan.demand.__getitem__, self._plan.demands) if d.kind is DemandKind.CHECK]
        if not demands:
            return
        self._progress.say(f"{len(demands)} checks of the live target")
        history = self._directory.history("checks")
        try:
            for demand in demands:
                self._progress.now(demand.key)
                run_check(demand, self._target, history)
        finally:
            history.close()

    def _under_traffic(self, traffic: TrafficPlan, watch: Watch, history: History, reads: FinalReads) -> None:
        """One traffic: warm-up, fault-free window, then each experiment; the load runs on through all of it."""
        load_history = self._directory.history("load")
        with ExitStack() as stack:
            stack.callback(load_history.close)
            run_dir, seed = self._directory.path, self._plan.seed
            load = stack.enter_context(
                Load.start(
                    traffic,
                    entry=self._target.entry,
                    run_dir=run_dir,
                    seed=seed,
                    sink=load_history,
                    say=self._progress.say,
                )
            )
            self._progress.say(
                f"{traffic.name}: {traffic.requests_per_s:g} requests/s, {traffic.warm_up_s:g} s of warm-up"
            )
            begins_in_s = (load.begin_ns - clock.now_ns()) / clock.NS_PER_S  # the warm-up counts from there
            self._pass_time(begins_in_s + traffic.warm_up_s, "warm-up", load, watch)
            steady, why, waited_s = self._steadiness.wait()
            history.put("steady", "start", ok=steady, why=why, waited_s=waited_s)
            breaking = Breaking(
                self._plan,
                self._target,
                self._directory,
                progress=self._progress,
                steadiness=self._steadiness,
                history=history,
                allow_target=self._allow_target,
                shares=Shares(load.rows, self._target.shares, traffic.requests_per_s),
                alive=lambda: self._alive(load, watch),
                fault_window=watch.fault_window,
            )
            self._fault_free(traffic, breaking, load=load, watch=watch, history=history)
            restorer = Restorer(self._target) if self._target.kubernetes else None
            for experiment in self._experiments(traffic):
                breaking.run(experiment, traffic, restorer)
                self._final_read(reads, experiment.name, history)
            steady, why, waited_s = self._steadiness.wait(within_s=10.0)
            history.put("steady", "end", ok=steady, why=why, waited_s=waited_s)
            self._progress.say("ending the load")

    def _experiments(self, traffic: TrafficPlan) -> list[ExperimentPlan]:
        """The experiments that break something under this traffic, in the plan's order."""
        demands = [self._plan.demand[key] for key in self._plan.demands]
        asked = [d for d in demands if d.kind is DemandKind.EXPERIMENT and d.params.get("traffic") == traffic.name]
        return [plan for d in asked if (plan := self._plan.experiments[d.name]).domain != NULL_DOMAIN]

    def _fault_free(
        self, traffic: TrafficPlan, breaking: Breaking, *, load: Load, watch: Watch, history: History
    ) -> None:
        """The window that the KPIs are judged on, which is also the null run of every experiment."""
        start_ns = clock.now_ns()
        opening = {
            "traffic": traffic.name,
            "start_ns": start_ns,
            "journeys_per_s": traffic.journeys_per_s,
            "requests_per_journey": traffic.requests_per_journey,
        }
        history.put("window.opened", traffic.name, **opening)
        watch.health_window(is_open=True)
        self._progress.say(f"fault-free window of {traffic.window_s:g} s: {traffic.requests} requests")
        nulls = [plan for plan in self._plan.experiments.values() if plan.domain == NULL_DOMAIN]
        with breaking.null_runs(nulls, start_ns, traffic):
            self._pass_time(traffic.window_s, "fault-free window", load, watch)
        watch.health_window(is_open=False)
        history.put("window.closed", traffic.name, end_ns=start_ns + round(traffic.window_s * clock.NS_PER_S))

    def _pass_time(self, seconds: float, what: str, load: Load, watch: Watch) -> None:
        """Let time pass while load and watch are alive; raises DriverError when one of them died."""
        deadline = clock.Deadline.after(seconds)
        for _ in deadline.ticks(_POLL_S):
            self._view.poll()
            self._progress.now(f"{what}: {deadline.left_s:.0f} s left")
            self._alive(load, watch)

    def _alive(self, load: Load, watch: Watch) -> None:
        """Raise DriverError when load or watch have died."""
        if not watch.alive():
            log = str(self._directory.path / "watch" / "watch.log")
            raise DriverError("the watching process died", where=log, hint=_AGAIN)
        if not load.alive():
            raise DriverError(load.problems[0], where=str(self._directory.path / "load"), hint=_AGAIN)

    def _final_read(self, reads: FinalReads, after: str, history: History) -> None:
        if self._target.database is None or self._target.ledger is None:
            return
        self._put_read(reads.read(after), history)

    def _region_reads(self, reads: FinalReads, history: History) -> None:
        if self._target.ledger is not None and self._target.ledger.read:
            self._progress.say("reading the ledger through every region")
        for read in reads.read_regions("end"):
            self._put_read(read, history)

    def _put_read(self, read: FinalRead, history: History) -> None:
        history.put(
            "final-read",
            str(read.round),
            after=read.after,
            source=read.source,
            complete=read.complete,
            at_ns=read.at_ns,
            rows=read.rows,
            why=read.why,
        )
