"""Observations recorded by the run itself, its checks, and the closing of its files."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model.observations.kinds import (
    Count,
    Counts,
    Fields,
    ManyFields,
    Names,
    Number,
    Numbers,
    Numeral,
    PhaseWord,
    Recorded,
    Size,
    Timed,
    Whole,
    Word,
    YesNoOrUnknown,
    YesOrNo,
    written,
)
from harness.model.observations.readers import LOADED, SAID, STARTED, UNDONE, always


@written("run.started", by=["run"], read=always("started", "whole:whole_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class RunBegan(Recorded):
    """The run began; the subject is its id. Plan and manifest must agree with this record."""

    target: Word = ""
    release: Word = ""
    environment: Word = ""
    time_scale: Size = 0.0
    seed: Whole = 0


@written("run.ended", by=["run"], read=always("cut", "whole:whole_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnded(Recorded):
    """The run ended, completely or not; `why` and `hint` tell why it ended early and what to do."""

    ok: YesOrNo
    why: Word = ""
    hint: Word = ""


@written("machine.seen", by=["machine"], read=always("MachineSeen", "receipts.machine:machine_result"))
@dataclass(frozen=True, kw_only=True, slots=True)
class MachineSeen(Timed):
    """Sleep of the machine and, if it also runs the target, CPU figures since the previous record; None: unknown.

    Attributes:
        asleep_ns: total sleep since the machine booted, which is CLOCK_BOOTTIME minus CLOCK_MONOTONIC.
        waited: share of time in which a task waited for a processor.
        stolen: share of processor time taken by other machines of the host.
        stalled: share of time in which all work waited for disks or memory.
        target: share of all processors used by the target.
        harness: share of all processors used by the harness and the remaining parts of a sandbox.
        others: share of all processors used by other programs and other machines of the host.
        yielding: part of `others` used by low-priority programs.
    """

    waited: Size | None = None
    stolen: Size | None = None
    stalled: Size | None = None
    target: Size | None = None
    harness: Size | None = None
    others: Size | None = None
    yielding: Size | None = None
    asleep_ns: Count | None = None


@written("window.opened", by=["run"], read=always("windows", "whole:whole_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowOpened(Recorded):
    """A window began; the subject is its name."""

    traffic: Word
    phase: PhaseWord
    start_ns: Whole
    journeys_per_s: Size
    requests_per_journey: Size
    experiment: Word = ""


@written("window.closed", by=["run"], read=always("windows", "whole:whole_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowClosed(Recorded):
    """A window ended; the subject is its name."""

    end_ns: Whole


@written("steady", by=["run"], read=always("steady_end", "whole:whole_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class SteadySeen(Timed):
    """Whether the target was steady before a step of the run (the subject), or at the `start` or `end` of the load."""

    ok: YesOrNo
    why: Word = ""
    waited_s: Size = 0.0


@written("release.read", by=["run"], read=always("release_reads", "receipts.release:release_receipt"))
@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSeen(Timed):
    """The release that the target named `before` or `after` the load (the subject)."""

    workloads: Fields
    version: Word = ""
    why: Word = ""


@written("experiment.started", by=["run"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentStarted(Recorded):
    """An attempt at an experiment (the subject) began."""

    attempt: Count = 1
    domain: Word = ""
    observed_from_ns: Whole | None = None


@written("experiment.skipped", by=["run"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentSkipped(Recorded):
    """An experiment was not attempted; `why` is the reason."""

    attempt: Count = 1
    domain: Word = ""
    why: Word = ""


@written("experiment.ended", by=["run"], read=always("fault", STARTED))
@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentEnded(Recorded):
    """An attempt at an experiment ended."""

    observed_until_ns: Whole
    attempt: Count = 1
    journal: Fields = field(default_factory=dict)
    why: Word = ""
    exit: Whole = 0


@written("manual-steps.watched", by=["run"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class ManualStepsWatched(Recorded):
    """Number of undo steps that remained for a person after an attempt at an experiment (the subject)."""

    count: Count
    attempt: Count = 1


@written("hold.released", by=["run"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class HoldReleased(Recorded):
    """A fault that was kept active was ended; `why` is the reason."""

    why: Word


@written("act.started", by=["run"], read=always("cut", "whole:whole_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class ActStarted(Recorded):
    """A step of the run (the subject) began."""


@written("act.skipped", by=["run"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class ActSkipped(Recorded):
    """A step of the run (the subject) was skipped; `why` is the reason."""

    why: Word


@written("restore", by=["run"], read=always("restore", UNDONE))
@dataclass(frozen=True, kw_only=True, slots=True)
class Restored(Timed):
    """Whether the target was restored after an attempt at an experiment (the subject)."""

    ok: YesNoOrUnknown = None
    attempt: Count = 1
    why: Word = ""
    missing: Names = ()


@written("final-read", by=["run"], read=always("final_reads", "ledger.excuses:account_in"))
@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRead(Timed):
    """One read of all ledger rows; the subject is the number of the read."""

    subject: Numeral
    at_ns: Whole
    after: Word
    complete: YesOrNo
    rows: Count
    source_: Word = "database"
    why: Word = ""


@written("check.fact", by=["checks"], read=always("checks", "figures.checks:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class CheckFact(Recorded):
    """One fact that a check read about its subject.

    `value` is set if the fact is a count or a share, with its unit and whether a larger value is better (`at_least`).
    """

    demand: Word
    expected: Word
    observed: Word
    ok: YesNoOrUnknown
    attempts: Count
    at_ns: Whole
    value: Number | None = None
    unit: Word = ""
    at_least: YesOrNo = False


@written("check.done", by=["checks"], read=always("checks", "figures.checks:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class CheckDone(Recorded):
    """A check ended, with its number of facts; the subject is the key of its demand.

    Many facts are in a separate row file; `covered` of `of_` things have a fact there.
    """

    facts: Count
    demand: Word = ""
    file: Word = ""
    covered: Count = 0
    of_: Count = 0


@written("check.failed", by=["checks"], read=always("checks", "figures.checks:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class CheckFailed(Recorded):
    """A check could not be done; `why` is the reason."""

    why: Word
    demand: Word = ""


@written("rows.sealed", by=["seal"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class RowsSealed(Recorded):
    """A row file (the subject) was converted to Parquet; `parts` has the number of rows of each resulting file."""

    rows: Count
    closed: YesOrNo
    truncated_bytes: Count
    parts: Counts = field(default_factory=dict)


@written("rows.unreadable", by=["seal"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class RowsUnreadable(Recorded):
    """A row file could not be read and was left unchanged."""

    why: Word


@written("statements.read", by=["queries"], read=always("StatementCounts", "figures.database.query_time:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class StatementCounts(Timed):
    """Statement counts of a database member (the subject; empty: the database), read during a traffic.

    Each of `statements` has `id`, `text`, `calls`, and in ms `total_ms`, `stddev_ms`, `least_ms`, `most_ms`, since its
    first call. `forgotten` is the number of times that the member dropped statements to make room.
    """

    traffic: Word = ""
    statements: ManyFields = ()
    forgotten: Count = 0
    why: Word = ""


@written("flows.read", by=["connections"], read=always("FlowsSeen", "figures.kubernetes.connections:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class FlowsSeen(Timed):
    """Entries of the log of connections since the last reading during a traffic.

    Each of `connections` has `source_namespace`, `source`, `namespace`, `destination`, `port`, `verdict` and the number
    of times `n`. `before`: they were opened before the first reading, by pods that still run. `names` has the
    declarations of the target file.
    """

    traffic: Word = ""
    before: YesOrNo = False
    connections: ManyFields = ()
    lines: Count = 0
    names: Fields = field(default_factory=dict)
    why: Word = ""


@written("metrics.read", by=["metrics"], read=always("MetricsRead", "figures.monitor.exposed:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsRead(Timed):
    """The metrics of a pod (the subject; empty with `why` after a failure) were read during a traffic or a fault.

    `buckets` has by route pairs of an upper bound in s and the number of answers within it, `requests` the number of
    answers by route and status. `names` has the names in the target file for the reading probe's route and for users'
    counters, `routes` the services of each route. `probed` tells whether the probe of the pod's service reads the path
    of the reading probe.
    """

    traffic: Word = ""
    experiment: Word = ""
    workload: Word = ""
    region: Word = ""
    entry: YesOrNo = False
    buckets: Fields = field(default_factory=dict)
    requests: Fields = field(default_factory=dict)
    counters: Fields = field(default_factory=dict)
    names: Fields = field(default_factory=dict)
    routes: Fields = field(default_factory=dict)
    probed: YesOrNo = False
    why: Word = ""


@written("users.read", by=["active-users"], read=always("ActiveUsersRead", "figures.monitor.active_users:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveUsersRead(Timed):
    """Prometheus was queried during a traffic for the number of active users; `why` is the reason for a missing answer.

    `users` is null if the answer has no number. A user counts as active for `within_s` seconds after signing in.
    """

    traffic: Word = ""
    query: Word = ""
    within_s: Size = 0.0
    users: Number | None = None
    why: Word = ""


@written("memory.read", by=["memory"], read=always("MemoryRead", "figures.trends.memory_growth:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRead(Timed):
    """Memory samples of a container were read from Prometheus during a traffic or rollout.

    The subject is the container; it is empty with `why` after a failure. Of each new sample `at_s` is its time relative
    to the reading in s (negative), `taken_s` its time in Prometheus, `bytes` its value.
    """

    traffic: Word = ""
    rollout: Word = ""
    workload: Word = ""
    at_s: Numbers = ()
    taken_s: Numbers = ()
    bytes_: Numbers = ()
    why: Word = ""


@written("pod.read", by=["pod-reads"], read=always("PodAsked", "figures.rollouts.watched:HEALTH"))
@dataclass(frozen=True, kw_only=True, slots=True)
class PodAsked(Timed):
    """The metrics of a pod (the subject; empty with `why` after a failure) were read during a rollout.

    The pod answered after `asked_ns`. `health` is its number of answered health requests (null if not reported),
    `release` its release.
    """

    rollout: Word
    namespace: Word = ""
    uid: Word = ""
    workload: Word = ""
    asked_ns: Whole = 0
    health: Size | None = None
    release: Word = ""
    why: Word = ""


@written("series.read", by=["series"], read=always("SeriesRead", "figures.rollouts.watched:DEPLOYED"))
@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesRead(Timed):
    """New samples of a workload (the subject, `NAMESPACE/NAME`) were read from Prometheus.

    The subject is empty with `why` after a failure. `metrics` has by metric `first_ns` and `last_ns` of its samples,
    and the longest time between two samples, `gap_ns`, with its begin `gap_from_ns`.
    """

    rollout: Word
    metrics: Fields = field(default_factory=dict)
    why: Word = ""
