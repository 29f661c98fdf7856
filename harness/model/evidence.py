"""What a run recorded, as the judge reads it. Nothing here was judged yet."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from harness.model.facts import Check
from harness.model.fault import FaultWindow
from harness.model.items import LEDGER_FINAL, LEDGER_READS, LEDGER_WRITES, PIPELINE
from harness.model.observation import Observation
from harness.model.plan import Plan
from harness.model.table import PROBES, REPLICAS, Table
from harness.model.window import Window, fault_name

_Known = TypeVar("_Known")

DATABASE: Final = "database"
ENTRY: Final = "entry"
"""Sources of a final read of the ledger; any other is a region by name. The database decides, or the entry where none is named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """Every write of the ledger clients, and what reads right after a write and final reads found. Files are relative to the run directory."""

    writes: Table = field(default_factory=lambda: Table.empty(LEDGER_WRITES))
    final: Table = field(default_factory=lambda: Table.empty(LEDGER_FINAL))
    reads: Table = field(default_factory=lambda: Table.empty(LEDGER_READS))
    final_reads: tuple[FinalRead, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalRead:
    """One read of all ledger rows: straight from the database, through the entry, or through a region's own.

    Attributes:
        round: 1, 2…
        after: the experiment whose restore it follows; `end` for the last.
        complete: whether the read completed.
        at_ns: when it began: writes acknowledged before this must be in it.
        rows: how many rows it found.
        source: what was asked: `database`, `entry` or a region.
        why: what went wrong.
    """

    round: int
    after: str
    complete: bool
    at_ns: int
    rows: int
    source: str = DATABASE
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """Whether the target was as before after an experiment.

    Attributes:
        ok: True, False, or None where it was not verified.
        at_ns: when it was found to be as before, or was given up.
        why: what was not.
        missing: the pods, nodes and members that did not come back, by name.
    """

    ok: bool | None
    at_ns: int | None = None
    why: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One attempt at one experiment.

    Attributes:
        name, domain: as in the plan.
        attempt: 1 or 2.
        ran: whether its method was started; False with `why` when the target was not steady or the file would not load.
        why: what went wrong, for people.
        fault: when it was in, and what it hit.
        restore: whether the target was as before afterwards.
        observed_from_ns: the recovery watch starts here (before the action is sent).
        observed_until_ns: watchers' rows up to here belong to it.
        journal: status, deviated, steady_before, steady_after, the unmet probe and failed activities as the journal says; empty when there is no journal.
        steady_again: whether the file's hypothesis, not met after the method, was met after the rollbacks.
        manual_steps: undo steps that were left to a person; None: not recorded.
        files: journal, log and histories, relative to the run directory.
    """

    name: str
    domain: str
    attempt: int
    ran: bool
    why: str = ""
    fault: FaultWindow
    restore: Restore
    observed_from_ns: int
    observed_until_ns: int
    journal: Mapping[str, str] = field(default_factory=dict)
    steady_again: bool = False
    manual_steps: int | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PodChange:
    """A pod was there when the watch began, became ready, or unready, had a container started again, or was gone.

    Attributes:
        at_ns: when it was observed.
        what: `present`, `ready`, `unready`, `restarted`, `deleted`.
        name, namespace, uid, workload, region: of the pod; workload is the value of its label `app`.
        ready: whether it is ready now; None where that was not recorded, as of one that is gone.
    """

    at_ns: int
    what: str
    name: str
    namespace: str
    uid: str
    workload: str
    region: str
    ready: bool | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the pod is ready from then on; of one whose container was started again, where that was recorded."""
        if self.what == "restarted":
            return self.ready is True
        return self.what == "ready" or (self.what == "present" and self.ready is not False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeChange:
    """A node was there when the watch began, or became ready or unready.

    Attributes:
        at_ns: when it was observed.
        what: `present`, `ready`, `unready`.
        name, region: of the node.
        ready: whether it is ready now.
    """

    at_ns: int
    what: str
    name: str
    region: str
    ready: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderChange:
    """A database has another primary.

    Attributes:
        at_ns: when it was observed.
        subject: the object that names the leader, `namespace/name`.
        before, after: member names; empty where there is none.
    """

    at_ns: int
    subject: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRead:
    """Which release the target named when it was asked, apart from the answers to requests.

    Attributes:
        when: `before` or `after` the load.
        at_ns: when it was read.
        workloads: the images or digests of each workload, by `namespace/Kind/name`.
        version: what the version path answered; empty where there is none, or it could not be read.
        why: what could not be read; empty when all was.
    """

    when: str
    at_ns: int
    workloads: Mapping[str, tuple[str, ...]]
    version: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Steady:
    """Whether the target was steady at one moment.

    Attributes:
        ok: whether it was.
        at_ns: when that was known.
        why: what was measured last.
    """

    ok: bool
    at_ns: int
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What cut a run short.

    Attributes:
        why: `interrupted`, `worker 1 of everyday: …`. hint: what to do about it; empty where nothing is known.
        act: what was being done; empty: nothing yet. after_s: seconds since the run began.
    """

    why: str
    hint: str = ""
    act: str = ""
    after_s: float = 0.0

    def __str__(self) -> str:
        during = f" during {self.act}" if self.act else ""
        return f"the run did not complete: {self.why}{during}, {self.after_s:.0f} s after it began"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockStep:
    """The clocks of the machine of the run parted between two records, so lengths of time across it are not known.

    Attributes:
        from_ns, until_ns: the records before and after it.
        ahead_s: by how much the other clock went ahead of CLOCK_MONOTONIC; negative: it was set back.
        slept: True: the machine slept; False: it did not, so it was paused, or its wall clock was set; None: unknown.
    """

    from_ns: int
    until_ns: int
    ahead_s: float
    slept: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """What the run itself recorded that it is, when it began. The plan and the manifest must name the same."""

    run: str
    target: str
    release: str
    environment: str
    time_scale: float
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchSource:
    """The record of one watcher.

    Attributes:
        name: as in `watch.started`: `entry`, `regions`, …, or that of a package's own.
        spacing_ms: planned spacing of its probes; 0 of a stream.
        closed: whether it ended in order.
        why: what is wrong with its file; empty when nothing is.
    """

    name: str
    spacing_ms: float
    closed: bool
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A file that should be complete, and is not: `file` relative to the run directory."""

    file: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """An earlier run that this one is compared with.

    Attributes:
        plan: of that run.
        windows: its window before the first fault, by traffic.
    """

    plan: Plan
    windows: Mapping[str, Window]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that a run recorded.

    Attributes:
        windows: by name, in order of time.
        probes: the entry prober and the region probers.
        replicas: probes of database members.
        ledger: writes, reads of them and final reads.
        pipeline: events sent into the pipeline, and what became of them.
        experiments: the attempts at each experiment, by name, first attempt first.
        checks: by demand key.
        recorded: tables that have no field of their own here, by name.
        pods, nodes, leaders: changes, in order of time.
        started: what the run recorded that it is; None: it recorded nothing.
        release_reads: which release the target named, before and after.
        steady_start, steady_end: whether the target was steady at the start and the end of the load; None: not recorded.
        watchers: by name.
        observations: the whole history, merged and sorted by time.
        missing: files that are gone, cut short or edited.
        complete: whether the run completed and was sealed. cut: what cut it short, where that was recorded.
        baseline: the run that was given to compare with; None: none was.
        clock_steps: when the machine slept or was paused, or its wall clock was set, in order of time.
    """

    windows: Mapping[str, Window] = field(default_factory=dict)
    probes: Table = field(default_factory=lambda: Table.empty(PROBES))
    replicas: Table = field(default_factory=lambda: Table.empty(REPLICAS))
    ledger: Ledger = field(default_factory=Ledger)
    pipeline: Table = field(default_factory=lambda: Table.empty(PIPELINE))
    experiments: Mapping[str, tuple[Experiment, ...]] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    recorded: Mapping[str, Table] = field(default_factory=dict)
    pods: tuple[PodChange, ...] = ()
    nodes: tuple[NodeChange, ...] = ()
    leaders: tuple[LeaderChange, ...] = ()
    started: RunStarted | None = None
    release_reads: tuple[ReleaseRead, ...] = ()
    steady_start: Steady | None = None
    steady_end: Steady | None = None
    watchers: Mapping[str, WatchSource] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()
    missing: tuple[Missing, ...] = ()
    complete: bool = True
    cut: Cut | None = None
    baseline: Baseline | None = None
    clock_steps: tuple[ClockStep, ...] = ()
    _known: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, key: Hashable, ask: Callable[[], _Known]) -> _Known:
        """The answer to what is asked of this evidence more than once; it does not change, so it is found once."""
        if key not in self._known:
            self._known[key] = ask()
        answer: _Known = self._known[key]
        return answer

    @property
    def tables(self) -> Mapping[str, Table]:
        """Every recorded table beside the samples, by name."""
        return {
            PROBES.name: self.probes,
            REPLICAS.name: self.replicas,
            LEDGER_WRITES.name: self.ledger.writes,
            LEDGER_FINAL.name: self.ledger.final,
            LEDGER_READS.name: self.ledger.reads,
            PIPELINE.name: self.pipeline,
            **self.recorded,
        }

    @property
    def streams(self) -> Mapping[str, tuple[int, ...]]:
        """When each change that a stream reported came, by watcher. A stream has no schedule: its silence says nothing."""
        scalers = tuple(o.mono_ns for o in self.observations if o.kind.startswith("autoscaler."))
        return {"pods": tuple(change.at_ns for change in self.pods), "autoscalers": scalers}

    def pods_before(self, at_ns: int) -> tuple[PodChange, ...]:
        """The last change of every pod that was there just before a moment."""
        last = {change.uid: change for change in self.pods if change.at_ns < at_ns}
        return tuple(change for change in last.values() if change.what != "deleted")

    def fault_free(self, traffic: str | None = None) -> tuple[Window, ...]:
        """The windows without a fault of one traffic, or of all, in order of time."""
        own = (w for w in self.windows.values() if w.fault_free and traffic in (None, w.traffic))
        return tuple(sorted(own, key=lambda w: (w.start_ns, w.name)))

    def fault_window(self, experiment: str, attempt: int = 1) -> Window | None:
        """The window from the fault sent to the target restored; None: no fault of that attempt was sent."""
        return self.windows.get(fault_name(experiment, attempt))
