"""What the run itself, its checks and the seal record."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model.observations.kinds import (
    Count,
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


@written("run.started", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RunBegan(Recorded):
    """The run began; the subject is its id. The plan and the manifest must name the same."""

    target: Word = ""
    release: Word = ""
    environment: Word = ""
    time_scale: Size = 0.0
    seed: Whole = 0


@written("run.ended", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnded(Recorded):
    """The run ended, in order or not: what cut it short, and what to do about that."""

    ok: YesOrNo
    why: Word = ""
    hint: Word = ""


@written("machine.seen", by=["machine"])
@dataclass(frozen=True, kw_only=True, slots=True)
class MachineSeen(Timed):
    """Sleep of the machine and, where the target runs on it too, its CPU figures since the last such record; shares from 0 to 1, None where unknown.

    Attributes:
        asleep_ns: how long the machine has slept since it booted: CLOCK_BOOTTIME less CLOCK_MONOTONIC.
        waited: of the time, in which some task waited for a processor. stolen: of the processor time, taken by other machines of the host.
        stalled: of the time, in which no work at all went on, as all of it waited for disks or for memory.
        target: of all processors, had by the target. harness: by the harness and the rest of a sandbox. others: by everything else,
            other machines of the host included. yielding: of the others', had by programs that yield.
    """

    waited: Size | None = None
    stolen: Size | None = None
    stalled: Size | None = None
    target: Size | None = None
    harness: Size | None = None
    others: Size | None = None
    yielding: Size | None = None
    asleep_ns: Count | None = None


@written("window.opened", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowOpened(Recorded):
    """A window began; the subject is its name."""

    traffic: Word
    phase: PhaseWord
    start_ns: Whole
    journeys_per_s: Size
    requests_per_journey: Size
    experiment: Word = ""


@written("window.closed", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowClosed(Recorded):
    """A window ended; the subject is its name."""

    end_ns: Whole


@written("steady", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class SteadySeen(Timed):
    """Whether the target was steady, before an act (the subject), at the `start` or the `end` of the load."""

    ok: YesOrNo
    why: Word = ""
    waited_s: Size = 0.0


@written("release.read", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSeen(Timed):
    """Which release the target named, `before` or `after` the load (the subject)."""

    workloads: Fields
    version: Word = ""
    why: Word = ""


@written("experiment.started", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentStarted(Recorded):
    """An attempt at an experiment (the subject) began."""

    attempt: Count = 1
    domain: Word = ""
    observed_from_ns: Whole | None = None


@written("experiment.skipped", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentSkipped(Recorded):
    """An experiment was not attempted, and why."""

    attempt: Count = 1
    domain: Word = ""
    why: Word = ""


@written("experiment.ended", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentEnded(Recorded):
    """An attempt at an experiment ended."""

    observed_until_ns: Whole
    attempt: Count = 1
    journal: Fields = field(default_factory=dict)
    why: Word = ""
    exit: Whole = 0


@written("manual-steps.watched", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ManualStepsWatched(Recorded):
    """After an attempt at an experiment (the subject): so many of its undo steps were left to a person."""

    count: Count
    attempt: Count = 1


@written("hold.released", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class HoldReleased(Recorded):
    """A held fault was let go, and why."""

    why: Word


@written("act.started", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ActStarted(Recorded):
    """An act (the subject) began."""


@written("act.skipped", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ActSkipped(Recorded):
    """An act (the subject) was not done, and why."""

    why: Word


@written("restore", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class Restored(Timed):
    """Whether the target was as before after an attempt at an experiment (the subject)."""

    ok: YesNoOrUnknown = None
    attempt: Count = 1
    why: Word = ""
    missing: Names = ()


@written("final-read", by=["run"])
@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRead(Timed):
    """One read of all ledger rows; the subject is its number."""

    subject: Numeral
    at_ns: Whole
    after: Word
    complete: YesOrNo
    rows: Count
    source_: Word = "database"
    why: Word = ""


@written("check.fact", by=["checks"])
@dataclass(frozen=True, kw_only=True, slots=True)
class CheckFact(Recorded):
    """One fact that a check found of its subject.

    `value` is there where the fact is a count or a share, with its unit and whether more of it is better.
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


@written("check.done", by=["checks"])
@dataclass(frozen=True, kw_only=True, slots=True)
class CheckDone(Recorded):
    """A check ended, with so many facts; the subject is the key of its demand.

    Many facts are in a row file of their own, with how many of the things that the check speaks of they cover.
    """

    facts: Count
    demand: Word = ""
    file: Word = ""
    covered: Count = 0
    of_: Count = 0


@written("check.failed", by=["checks"])
@dataclass(frozen=True, kw_only=True, slots=True)
class CheckFailed(Recorded):
    """A check could not be done, and why."""

    why: Word
    demand: Word = ""


@written("rows.sealed", by=["seal"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RowsSealed(Recorded):
    """A row file (the subject) became Parquet."""

    rows: Count
    closed: YesOrNo
    truncated_bytes: Count


@written("rows.unreadable", by=["seal"])
@dataclass(frozen=True, kw_only=True, slots=True)
class RowsUnreadable(Recorded):
    """A row file could not be read and stays as it was left."""

    why: Word


@written("statements.read", by=["queries"])
@dataclass(frozen=True, kw_only=True, slots=True)
class StatementCounts(Timed):
    """What a member of the database (the subject; empty: the database) counted of its statements, read under a traffic.

    Each of `statements` has `id`, `text`, `calls`, and in ms `total_ms`, `stddev_ms`, `least_ms`, `most_ms`, since it was first counted.
    `forgotten` counts how often the member dropped some to make room.
    """

    traffic: Word = ""
    statements: ManyFields = ()
    forgotten: Count = 0
    why: Word = ""


@written("flows.read", by=["connections"])
@dataclass(frozen=True, kw_only=True, slots=True)
class FlowsSeen(Timed):
    """What the log of connections had in it since the last reading under a traffic.

    Each of `connections` has `source_namespace`, `source`, `namespace`, `destination`, `port`, `verdict` and how often it was begun, `n`. `before`:
    they were begun before the first reading, by pods that ran still. `names` has what the target file declares.
    """

    traffic: Word = ""
    before: YesOrNo = False
    connections: ManyFields = ()
    lines: Count = 0
    names: Fields = field(default_factory=dict)
    why: Word = ""


@written("metrics.read", by=["metrics"])
@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsRead(Timed):
    """The metrics of a pod (the subject; empty: of none, and `why` says why) were read under a traffic, or under the fault of an experiment.

    `buckets` holds, by route, pairs of an upper end in s and how many took at most so long; `requests`, by route, answers by status; `names`
    says what the target file calls the route of the reading probe, and the counters and routes of what users do.
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
    why: Word = ""


@written("users.read", by=["active-users"])
@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveUsersRead(Timed):
    """Prometheus was asked under a traffic how many users are active (`why` says why there is no answer).

    `users` is null where its answer has no number. A user counts as active for `within_s` after signing in.
    """

    traffic: Word = ""
    query: Word = ""
    within_s: Size = 0.0
    users: Number | None = None
    why: Word = ""


@written("memory.read", by=["memory"])
@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRead(Timed):
    """Prometheus was asked under a traffic, or during a rollout, for the resident memory of a container (the subject; empty: of none, and `why` says why).

    Of each new sample `at_s` has the seconds from the reading to it, negative, `taken_s` its time as Prometheus has it, and `bytes` what it says.
    """

    traffic: Word = ""
    rollout: Word = ""
    workload: Word = ""
    at_s: Numbers = ()
    taken_s: Numbers = ()
    bytes_: Numbers = ()
    why: Word = ""


@written("pod.read", by=["pod-reads"])
@dataclass(frozen=True, kw_only=True, slots=True)
class PodAsked(Timed):
    """A pod (the subject; empty: of none, and `why` says why) was asked for its metrics during a rollout, and answered after `asked_ns`.

    `health` is how often it has answered on its health, null where it does not say; `release` is what its answer names.
    """

    rollout: Word
    namespace: Word = ""
    uid: Word = ""
    workload: Word = ""
    asked_ns: Whole = 0
    health: Size | None = None
    release: Word = ""
    why: Word = ""


@written("series.read", by=["series"])
@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesRead(Timed):
    """Prometheus was asked for the new samples of a workload (the subject, `NAMESPACE/NAME`; empty: of none, and `why` says why).

    `metrics` has, by the name of a metric, `first_ns` and `last_ns` of its samples, and the longest time between two, `gap_ns`, which began
    at `gap_from_ns`.
    """

    rollout: Word
    metrics: Fields = field(default_factory=dict)
    why: Word = ""
