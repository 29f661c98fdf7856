"""The recorded evidence of a run, as the judge reads it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from harness.model.observations.kinds import Recorded, every
from harness.model.planned.plan import Plan
from harness.model.records.facts import Check
from harness.model.records.fault import FaultWindow
from harness.model.records.items import LEDGER_FINAL, LEDGER_READS, LEDGER_WRITES, PIPELINE
from harness.model.records.observation import Observation
from harness.model.records.table import PROBES, REPLICAS, Table
from harness.model.records.window import Window, fault_name

_Known = TypeVar("_Known")
_Kind = TypeVar("_Kind", bound=Recorded)

DATABASE: Final = "database"
ENTRY: Final = "entry"
"""Sources of a final read of the ledger; others are regions. The database decides or, without one, the entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """Every write of the ledger clients, with the reads right after writes and the final reads. Files are relative to the run directory."""

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
        at_ns: when it began; writes acknowledged before this must be in it.
        rows: number of rows that it found.
        source: what was read: `database`, `entry` or a region.
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
    """Whether the target was restored after an experiment.

    Attributes:
        ok: True, False, or None if not verified.
        at_ns: when it was found to be restored, or when the wait was given up.
        why: what was not restored.
        missing: names of the pods, nodes and members that did not return.
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
        ran: whether its method was started; False with `why` if the target was not steady or the file could not be loaded.
        why: what went wrong, for people.
        fault: when the fault was active, and what it hit.
        restore: whether the target was restored afterwards.
        observed_from_ns: start of the observation of the recovery, before the action is sent.
        observed_until_ns: end of the observation; watchers' rows up to here belong to the attempt.
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
    """A pod existed when the watch began, became ready or unready, had a container restarted, or was deleted.

    Attributes:
        at_ns: when it was observed.
        what: `present`, `ready`, `unready`, `restarted`, `deleted`.
        name, namespace, uid, workload, region: of the pod; workload is the value of its label `app`.
        ready: whether it is ready now; None if not recorded, for example for a deleted pod.
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
        """Whether the pod is ready from then on; after the restart of a container only if recorded."""
        if self.what == "restarted":
            return self.ready is True
        return self.what == "ready" or (self.what == "present" and self.ready is not False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeChange:
    """A node existed when the watch began, or became ready or unready.

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
    """The release that the target reported when it was read before or after the load.

    Attributes:
        when: `before` or `after` the load.
        at_ns: when it was read.
        workloads: the images or digests of each workload, by `namespace/Kind/name`.
        version: answer of the version path; empty if there is no such path or it could not be read.
        why: what could not be read; empty if everything was read.
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
        ok: whether the target was steady.
        at_ns: when that was known.
        why: the last measurement.
    """

    ok: bool
    at_ns: int
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """Why a run ended before it was complete.

    Attributes:
        why: the cause, `interrupted` or `worker 1 of everyday: …`. hint: what to do about it; may be empty.
        act: the step of the run that was in progress; empty: none yet. after_s: seconds since the run began.
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
    """The clocks of the run's machine diverged between two records, so lengths of time across this period are not known.

    Attributes:
        from_ns, until_ns: times of the records before and after the divergence.
        ahead_s: by how much the other clock advanced beyond CLOCK_MONOTONIC; negative: it was set back.
        slept: True: the machine slept; False: it did not, so it was paused, or its wall clock was set; None: unknown.
    """

    from_ns: int
    until_ns: int
    ahead_s: float
    slept: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """The identity of the run, recorded at its start; plan and manifest must agree with it."""

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
        name: name as in `watch.started`: `entry`, `regions`, …, or the name of a package's watcher.
        spacing_ms: planned spacing of its probes; 0 for a stream.
        closed: whether it ended normally.
        why: what is wrong with its file; empty if nothing is wrong.
    """

    name: str
    spacing_ms: float
    closed: bool
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A file that should be complete but is not; `file` is relative to the run directory."""

    file: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """The earlier run (baseline) that this run is compared with.

    Attributes:
        plan: of that run.
        windows: its window before the first fault, by traffic.
    """

    plan: Plan
    windows: Mapping[str, Window]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All evidence that a run recorded.

    Attributes:
        windows: by name, in order of time.
        probes: the entry prober and the region probers.
        replicas: probes of database members.
        ledger: writes, reads of them and final reads.
        pipeline: events sent into the pipeline, and their outcomes.
        experiments: the attempts at each experiment, by name, in order.
        checks: results of checks by demand key.
        recorded: other tables by name.
        pods, nodes, leaders: changes, in order of time.
        started: identity that the run recorded; None: not recorded.
        release_reads: the releases that the target reported, before and after the load.
        steady_start, steady_end: whether the target was steady at the start and the end of the load; None: not recorded.
        watchers: by name.
        observations: the whole history, merged and sorted by time.
        missing: files that are missing, truncated or edited.
        complete: whether the run completed and its files were recorded in the manifest. cut: why it ended early, if recorded.
        baseline: the earlier run to compare with; None: none was given.
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
        """A cached result computed from this evidence, which never changes."""
        if key not in self._known:
            self._known[key] = ask()
        answer: _Known = self._known[key]
        return answer

    def every(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """The observations of one class, in order of time."""
        return self.once((kind,), lambda: tuple(every(kind, self.observations)))

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
        """Times of the changes that streams reported, by watcher. A stream has no schedule, so silence has no meaning."""
        scalers = tuple(o.mono_ns for o in self.observations if o.kind.startswith("autoscaler."))
        return {"pods": tuple(change.at_ns for change in self.pods), "autoscalers": scalers}

    def pods_before(self, at_ns: int) -> tuple[PodChange, ...]:
        """The last change of every pod that existed just before a moment."""
        last = {change.uid: change for change in self.pods if change.at_ns < at_ns}
        return tuple(change for change in last.values() if change.what != "deleted")

    def fault_free(self, traffic: str | None = None) -> tuple[Window, ...]:
        """The windows without a fault of one traffic, or of all, in order of time."""
        own = (w for w in self.windows.values() if w.fault_free and traffic in (None, w.traffic))
        return tuple(sorted(own, key=lambda w: (w.start_ns, w.name)))

    def fault_window(self, experiment: str, attempt: int = 1) -> Window | None:
        """The window from the fault sent to the target restored; None: no fault of that attempt was sent."""
        return self.windows.get(fault_name(experiment, attempt))
