"""The recorded evidence of a run in the form that the judge reads."""

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
"""Sources of a final read of the ledger, besides regions; the database decides or, without it, the entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """Every write of the ledger clients, the reads after writes, the final reads, and the files with them."""

    writes: Table = field(default_factory=lambda: Table.empty(LEDGER_WRITES))
    final: Table = field(default_factory=lambda: Table.empty(LEDGER_FINAL))
    reads: Table = field(default_factory=lambda: Table.empty(LEDGER_READS))
    final_reads: tuple[FinalRead, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalRead:
    """One read of all ledger rows, from the database, through the entry, or through a region's own entry.

    Attributes:
        round: number of the read of its source, from 1.
        after: experiment whose restore it follows; `end` for the last read.
        complete: whether the read completed.
        at_ns: begin of the read in ns; it must contain all writes acknowledged before.
        rows: number of rows found.
        source: source of the read: `database`, `entry` or a region.
        why: error of the read.
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
        ok: whether the target was restored; None: not verified.
        at_ns: time of the restore, or of the end of the wait, in ns.
        why: parts that were not restored.
        missing: names of pods, nodes and members that did not return.
    """

    ok: bool | None
    at_ns: int | None = None
    why: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One attempt at one experiment.

    Attributes:
        name, domain: name and fault domain in the plan.
        attempt: number of the attempt, 1 or 2.
        ran: whether the method was started; False with `why` if the target was not steady or the file was invalid.
        why: problem of the attempt, for people.
        fault: times of the fault, and the hit objects.
        restore: whether the target was restored afterwards.
        observed_from_ns: begin of the observation in ns, before the action is sent.
        observed_until_ns: end of the observation in ns; earlier rows of watchers belong to the attempt.
        journal: status, steady states, unmet probe and failed activities from the journal; empty without a journal.
        steady_again: whether the hypothesis was met after the rollbacks and not after the method.
        manual_steps: number of undo steps that remained for a person; None: not recorded.
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
    """A change of a pod: it existed at the begin, became ready or unready, had a restart, or was deleted.

    Attributes:
        at_ns: time of the observation in ns.
        what: `present`, `ready`, `unready`, `restarted` or `deleted`.
        name, namespace, uid, workload, region: identity of the pod; `workload` is its label `app`.
        ready: whether the pod is ready now; None: not recorded, for example for a deleted pod.
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
        """Whether the pod is ready from now on; after a restart of a container only if this is recorded."""
        if self.what == "restarted":
            return self.ready is True
        return self.what == "ready" or (self.what == "present" and self.ready is not False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeChange:
    """A change of a node: it existed at the begin, or became ready or unready.

    Attributes:
        at_ns: time of the observation in ns.
        what: `present`, `ready` or `unready`.
        name, region: name and region of the node.
        ready: whether the node is ready now.
    """

    at_ns: int
    what: str
    name: str
    region: str
    ready: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderChange:
    """A change of the primary of a database.

    Attributes:
        at_ns: time of the observation in ns.
        subject: object that names the leader, `namespace/name`.
        before, after: names of the members; empty: none.
    """

    at_ns: int
    subject: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRead:
    """The release that the target reported before or after the load.

    Attributes:
        when: `before` or `after` the load.
        at_ns: time of the reading in ns.
        workloads: images or digests of each workload, by `namespace/Kind/name`.
        version: answer of the version path; empty: there is no such path, or it could not be read.
        why: error of the reading; empty if everything was read.
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
        at_ns: time of the measurement in ns.
        why: result of the last measurement.
    """

    ok: bool
    at_ns: int
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """Why a run ended before it was complete.

    Attributes:
        why: cause, such as `interrupted` or `worker 1 of everyday: …`.
        hint: what to do; may be empty.
        act: step of the run in progress; empty: none.
        after_s: seconds since the run began.
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
    """A divergence of the machine's clocks between two records: times across this period are not known.

    Attributes:
        from_ns, until_ns: times of the records before and after it, in ns.
        ahead_s: seconds by which the other clock advanced more than CLOCK_MONOTONIC; negative: it was set back.
        slept: True: the machine slept; False: it was paused, or its wall clock was set; None: unknown.
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
        name: name in `watch.started`: `entry`, `regions`, …, or the name of a package's watcher.
        spacing_ms: planned time between two probes in ms; 0 for a stream, and where each subject has its own.
        closed: whether the watcher ended normally.
        why: error of its file; empty if there is none.
    """

    name: str
    spacing_ms: float
    closed: bool
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A file that should be complete and is not; `file` is relative to the run directory."""

    file: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """The earlier run with which this run is compared.

    Attributes:
        plan: plan of the earlier run.
        windows: its window before the first fault, by traffic.
    """

    plan: Plan
    windows: Mapping[str, Window]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All recorded evidence of a run.

    Attributes:
        windows: windows by name, ordered by time.
        probes: probes of the entry and of the regions.
        replicas: probes of the database members.
        ledger: writes, reads of writes, and final reads.
        pipeline: events sent into the pipeline, and their outcomes.
        experiments: attempts at each experiment in order, by name.
        checks: results of checks, by key of the demand.
        recorded: other tables, by name.
        pods, nodes, leaders: changes, ordered by time.
        started: recorded identity of the run; None: not recorded.
        release_reads: releases that the target reported before and after the load.
        steady_start, steady_end: whether the target was steady at the start and the end of the load; None: not recorded.
        watchers: watchers by name.
        observations: merged histories, ordered by time.
        missing: files that are missing, truncated or edited.
        complete: whether the run completed and the manifest lists its files.
        cut: reason for an early end; None: not recorded.
        baseline: earlier run to compare with; None: none was given.
        clock_steps: sleeps and pauses of the machine, and changes of its wall clock, ordered by time.
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
        """A result that is computed once from this evidence and then cached."""
        if key not in self._known:
            self._known[key] = ask()
        answer: _Known = self._known[key]
        return answer

    def every(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """The observations of one class, ordered by time."""
        return self.once((kind,), lambda: tuple(every(kind, self.observations)))

    @property
    def tables(self) -> Mapping[str, Table]:
        """Every recorded table except the samples, by name."""
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
        """Times of the changes that streams reported, by watcher; a stream without changes may still be alive."""
        scalers = tuple(o.mono_ns for o in self.observations if o.kind.startswith("autoscaler."))
        migrations = tuple(o.mono_ns for o in self.observations if o.kind == "migration.begun")
        pods = tuple(change.at_ns for change in self.pods)
        return {"pods": pods, "autoscalers": scalers, "migrations": migrations}

    def pods_before(self, at_ns: int) -> tuple[PodChange, ...]:
        """The last change of every pod that existed just before a moment."""
        last = {change.uid: change for change in self.pods if change.at_ns < at_ns}
        return tuple(change for change in last.values() if change.what != "deleted")

    def fault_free(self, traffic: str | None = None) -> tuple[Window, ...]:
        """The windows without a fault of one traffic, or of all traffic, ordered by time."""
        own = (w for w in self.windows.values() if w.fault_free and traffic in (None, w.traffic))
        return tuple(sorted(own, key=lambda w: (w.start_ns, w.name)))

    def fault_window(self, experiment: str, attempt: int = 1) -> Window | None:
        """The window from the fault to the restore; None if the attempt sent no fault."""
        return self.windows.get(fault_name(experiment, attempt))
