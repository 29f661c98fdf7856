"""Observations recorded by watchers beside their tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.model.observations.kinds import (
    Count,
    Fields,
    ManyFields,
    Names,
    Number,
    Recorded,
    Size,
    Timed,
    Whole,
    Word,
    YesNoOrUnknown,
    YesOrNo,
    written,
)
from harness.model.observations.readers import (
    ALERTED,
    INVARIANTS,
    RESTORED_BY,
    SAID,
    WATCHED,
    ForPeople,
    ReadBy,
    always,
    under_fault,
)


@written("watch.started", by=["watch"], read=always("watchers", WATCHED))
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchStarted(Recorded):
    """A watcher (the subject) began, with the planned spacing of its probes and its file."""

    spacing_ms: Size
    file: Word = ""


@written("watch.respaced", by=["watch"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchRespaced(Recorded):
    """A watcher changed the spacing of its probes."""

    spacing_ms: Size


@written("watch.blind", by=["watch"], read=always("WatchBlind", WATCHED))
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchBlind(Recorded):
    """A watcher sent no probe for a period."""

    from_ns: Whole
    until_ns: Whole
    of_: Word = ""


@written("watch.trouble", by=["watch"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchTrouble(Recorded):
    """A reason why a watcher cannot watch."""

    why: Word


@written("watch.closed", by=["watch"], read=always("WatchClosed", "receipts.records.counted:trusted"))
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchClosed(Recorded):
    """A watcher ended normally, with its receipt.

    Attributes:
        first_answer_ns, last_answer_ns: when the first valid answer was asked for, and the last one complete; None: none came, or the
            watcher does not count them.
        blind: number of lines `watch.blind` of the watcher.
    """

    spacing_ms: Size = 0.0
    file: Word = ""
    probes: Count = 0
    blind: Count = 0
    first_ns: Whole | None = None
    last_ns: Whole | None = None
    longest_gap_ms: Size | None = None
    first_answer_ns: Whole | None = None
    last_answer_ns: Whole | None = None


@written(
    "pod.present",
    "pod.ready",
    "pod.unready",
    "pod.restarted",
    "pod.deleted",
    by=["pods"],
    read=ReadBy(at="pods", quiet=INVARIANTS, held=INVARIANTS, back=RESTORED_BY, last=INVARIANTS),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class PodSeen(Timed):
    """A change of a pod (the subject)."""

    namespace: Word = ""
    uid: Word = ""
    workload: Word = ""
    region: Word = ""
    ready: YesNoOrUnknown = None


@written(
    "node.present",
    "node.ready",
    "node.unready",
    by=["pods"],
    read=ReadBy(at="nodes", quiet=INVARIANTS, held=INVARIANTS, back=RESTORED_BY, last=INVARIANTS),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class NodeSeen(Timed):
    """A change of a node (the subject)."""

    region: Word = ""
    ready: YesNoOrUnknown = None


@written(
    "leader.changed",
    by=["pods"],
    read=ReadBy(at="leaders", quiet=INVARIANTS, held=INVARIANTS, back=RESTORED_BY, last=INVARIANTS),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderSeen(Timed):
    """A database has a new primary; the subject is the object that names it."""

    from_: Word = ""
    to: Word = ""


@written(
    "role.changed",
    by=["pods"],
    read=always(
        "RoleSeen", ForPeople(why="each role and its time is also in the table of replicas, from which it is judged")
    ),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class RoleSeen(Timed):
    """A database member (the subject) has a new role."""

    from_: Word = ""
    to: Word = ""


@written("alert.rule", by=["alerts"], read=under_fault("AlertRuleLoaded", ALERTED, "figures.alerting.firing:QUIET"))
@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRuleLoaded(Recorded):
    """An alerting rule (the subject) that Prometheus had loaded, with the health of its evaluation; again where that, or a time of it, changed.

    Attributes:
        group: of the rule. loaded: whether it was there; if not, all else is as it was last.
        since_ns: when the last reading that said otherwise was asked for; None: it is of the first reading.
        for_s: so long its condition must hold before it fires. keep_s: so long it fires at least.
        interval_s: time between two evaluations of its group.
        unfed: names of the recording rules that did not evaluate and that its expression reads, itself or through other recording rules.
    """

    labels: Fields = field(default_factory=dict)
    health: Word = ""
    error: Word = ""
    for_s: Number = 0.0
    keep_s: Number = 0.0
    interval_s: Number = 0.0
    group: Word = ""
    loaded: YesOrNo = True
    unfed: Names = ()
    since_ns: Whole | None = None


@written(
    "notice.received",
    by=["notices"],
    read=under_fault(
        "NoticeReceived",
        "figures.alerting.reaching:DELIVERED",
        ForPeople(why="a notice without a fault belongs to a firing alert, which is judged itself"),
    ),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeReceived(Timed):
    """A notification of Alertmanager reached its receiver (the subject) at `at_ns` by the receiver's clock.

    Attributes:
        number: of the notice at its receiver. status: `firing` or `resolved`.
        alerts: labels, status, annotations, and `starts_ns`, when Prometheus says that each began to fire.
    """

    number: Count
    status: Word
    alerts: ManyFields = ()


@written(
    "alert.present",
    "alert.pending",
    "alert.firing",
    "alert.inactive",
    "alert.resolved",
    by=["alerts"],
    read=under_fault("AlertSeen", ALERTED, "figures.alerting.firing:QUIET"),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class AlertSeen(Timed):
    """A change of an alert (the subject).

    Attributes:
        since_ns: when the last valid answer without the change was asked for: it changed between the two. None: it was so at the first
            answer, or that is not recorded.
    """

    labels: Fields = field(default_factory=dict)
    state: Word = ""
    active_at: Word = ""
    since_ns: Whole | None = None


@written("statements.grown", by=["statements"], read=always("StatementsGrown", "figures.database.query_time:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class StatementsGrown(Timed):
    """The statements that a member of the database (the subject; empty: the database) has run since the reading before; at the first one all of them.

    Each has what those of `statements.read` have: counts since it was first counted.
    """

    statements: ManyFields = ()
    why: Word = ""
