"""What a run recorded, as the judge reads it. Nothing here was judged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.fault import FaultWindow
from harness.model.observation import Observation
from harness.model.plan import Plan
from harness.model.schedule import NS_PER_S
from harness.model.table import LEDGER_FINAL, LEDGER_READS, LEDGER_WRITES, PIPELINE, PROBES, REPLICAS, SAMPLES, Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """One load generator process.

    Attributes:
        id: worker number.
        rows: rows in its file.
        closed: whether the file has its end row, that is: the worker ended in order.
        why: what is wrong with the file; empty when nothing is.
        cpu: in 95 % of the window's seconds it used at most this share of one core; None: it did not say.
        gc_ms, loop_ms: in 95 % of the seconds its longest pause for garbage, and lag of its event loop, was at most this.
        users: Locust's users, the fewest of any second; of a closed model those who travel.
        offset_ns: its clock was behind the run's by so much, at most; its rows were shifted by it.
        residual_ns: so far the shift may be wrong.
    """

    id: int
    rows: int
    closed: bool
    why: str = ""
    cpu: float | None = None
    gc_ms: float | None = None
    loop_ms: float | None = None
    users: int | None = None
    offset_ns: int = 0
    residual_ns: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A stretch of one traffic, with the samples due in it.

    Attributes:
        traffic: by name.
        experiment: the experiment it lies under; empty for the fault-free window.
        start_ns, end_ns: half open, by intended time.
        journeys_per_s: planned arrivals.
        requests_per_journey: planned.
        samples: the rows.
        workers: the generators.
        files: where the rows stand, relative to the run directory.
        begin_ns: time 0 of the schedule. stopped_ns: when the load was told to stop. None: nobody put it on record.
    """

    traffic: str
    experiment: str
    start_ns: int
    end_ns: int
    journeys_per_s: float
    requests_per_journey: int
    samples: Table = field(default_factory=lambda: Table.empty(SAMPLES))
    workers: tuple[Worker, ...] = ()
    files: tuple[str, ...] = ()
    begin_ns: int | None = None
    stopped_ns: int | None = None

    @property
    def span(self) -> tuple[int, int]:
        """From when until when, half open."""
        return self.start_ns, self.end_ns

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end_ns - self.start_ns) / NS_PER_S


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
    """One read of all ledger rows, straight from the database or through a region.

    Attributes:
        round: 1, 2…
        after: the experiment whose restore it follows; `end` for the last.
        complete: whether the read came to its end.
        at_ns: when it began: writes acknowledged before this must be in it.
        rows: how many rows it found.
        source: what was asked: `database` or a region.
        why: what went wrong.
    """

    round: int
    after: str
    complete: bool
    at_ns: int
    rows: int
    source: str = "database"
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """Whether the target was as before after an experiment.

    Attributes:
        ok: True, False, or None when nobody looked.
        at_ns: when it was found to be as before.
        why: what was not.
    """

    ok: bool | None
    at_ns: int | None = None
    why: str = ""


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
        journal: status, deviated, steady_before, steady_after and failed activities as the journal says; empty when there is no journal.
        manual_steps: steps that a person did.
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
    manual_steps: int = 0
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One thing a check looked at.

    Attributes:
        subject: `us-east-1/api-gateway`.
        wanted, seen: for people.
        ok: True as wanted, False not, None when it could not be read.
        attempts: how often it was asked; a fact is False only when every attempt was.
        at_ns: when it was last asked.
    """

    subject: str
    wanted: str
    seen: str
    ok: bool | None
    attempts: int
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What a check demand found. `why` says what kept it from looking; then there are no facts."""

    demand: str
    facts: tuple[Fact, ...]
    why: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PodChange:
    """A pod became ready, or unready, or was gone.

    Attributes:
        at_ns: when it was seen.
        what: `ready`, `unready`, `deleted`.
        name, namespace, uid, workload, region: of the pod; workload is the value of its label `app`.
    """

    at_ns: int
    what: str
    name: str
    namespace: str
    uid: str
    workload: str
    region: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchSource:
    """How one watcher fared.

    Attributes:
        name: `entry`, `regions`, `ledger`, `pipeline`, `replicas`, `pods`, `alerts`.
        spacing_ms: planned spacing of its looks.
        closed: whether it ended in order.
        why: what is wrong with its file; empty when nothing is.
    """

    name: str
    spacing_ms: float
    closed: bool
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A file that should be there whole, and is not: `file` relative to the run directory."""

    file: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """An earlier run that this one is compared with.

    Attributes:
        plan: of that run.
        windows: its fault-free windows by traffic.
    """

    plan: Plan
    windows: Mapping[str, Window]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that a run recorded.

    Attributes:
        windows: the fault-free window of each traffic under its name, the window under each experiment under `experiment:NAME`.
        probes: the entry prober and the region probers.
        replicas: looks at database members.
        ledger: writes, reads of them and final reads.
        pipeline: events sent into the pipeline, and what became of them.
        experiments: the attempts at each experiment, by name, first attempt first.
        checks: by demand key.
        pods: changes, in order of time.
        watchers: by name.
        observations: the whole history, merged and sorted by time.
        missing: files that are gone, cut short or edited.
        complete: whether the run came to its end and was sealed.
        baseline: the run that was given to compare with; None: none was.
    """

    windows: Mapping[str, Window] = field(default_factory=dict)
    probes: Table = field(default_factory=lambda: Table.empty(PROBES))
    replicas: Table = field(default_factory=lambda: Table.empty(REPLICAS))
    ledger: Ledger = field(default_factory=Ledger)
    pipeline: Table = field(default_factory=lambda: Table.empty(PIPELINE))
    experiments: Mapping[str, tuple[Experiment, ...]] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    pods: tuple[PodChange, ...] = ()
    watchers: Mapping[str, WatchSource] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()
    missing: tuple[Missing, ...] = ()
    complete: bool = True
    baseline: Baseline | None = None
