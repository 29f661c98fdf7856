"""Observations that watchers record in addition to their tables."""

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
    """A watcher (the subject) began; the record has the planned spacing of its probes and its file."""

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
    """A watcher sent no probe or received no data for a period."""

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
        spacing_ms: planned time between two probes, in ms.
        file: written file, relative to the run directory.
        probes: number of probes or events.
        blind: number of lines `watch.blind` of the watcher.
        first_ns: time of the first probe or event in ns.
        last_ns: time of the last probe or event in ns.
        longest_gap_ms: longest time between two probes in ms.
        first_answer_ns: time of the first request with a valid answer in ns; None: there was none, or the watcher does
            not count answers.
        last_answer_ns: time at which the last valid answer was complete in ns; None as for `first_answer_ns`.
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
    """A database has a new primary; the subject is the object that names the primary."""

    from_: Word = ""
    to: Word = ""


@written(
    "role.changed",
    by=["pods"],
    read=always("RoleSeen", ForPeople(why="each role and its time are also in the table of replicas, which is judged")),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class RoleSeen(Timed):
    """A database member (the subject) has a new role."""

    from_: Word = ""
    to: Word = ""


@written("alert.rule", by=["alerts"], read=under_fault("AlertRuleLoaded", ALERTED, "figures.alerting.firing:QUIET"))
@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRuleLoaded(Recorded):
    """An alerting rule (the subject) of Prometheus and its health, recorded at the first reading and after a change.

    Attributes:
        labels: labels of the rule.
        health: health of its evaluation.
        error: error of its evaluation.
        for_s: seconds for which its condition must be true before it fires.
        keep_s: minimum time in s for which it fires.
        interval_s: time in s between two evaluations of its group.
        group: group of the rule.
        loaded: whether the rule was loaded; if not, the other fields have their last values.
        unfed: names of the recording rules that were not evaluated and that its expression reads, directly or through
            others.
        since_ns: request time of the last reading with other values, in ns; None: first reading.
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
        ForPeople(why="a notice without a fault belongs to a firing alert, and the alert is judged"),
    ),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeReceived(Timed):
    """A notification of Alertmanager reached its receiver (the subject) at `at_ns`, a time of the receiver's clock.

    Attributes:
        number: number of the notice at its receiver.
        status: `firing` or `resolved`.
        alerts: labels, status, annotations and `starts_ns` (the time at which the alert began to fire, from Prometheus)
            of each alert.
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
        labels: labels of the alert.
        state: state of the alert.
        active_at: time since which it is active, from Prometheus.
        since_ns: request time of the last valid answer without the change, in ns; None: first answer, or not recorded.
    """

    labels: Fields = field(default_factory=dict)
    state: Word = ""
    active_at: Word = ""
    since_ns: Whole | None = None


@written("statements.grown", by=["statements"], read=always("StatementsGrown", "figures.database.query_time:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class StatementsGrown(Timed):
    """The statements that a database member has run since the previous reading.

    The subject is the member; it is empty for the database. The first reading has all statements.

    The entries have the keys of `statements.read`, with counts since the first call.
    """

    statements: ManyFields = ()
    why: Word = ""


@written("backups.listed", by=["backups"], read=always("BackupsListed", "figures.backups.age:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class BackupsListed(Timed):
    """One reading of the place of some backups (the subject); `at_ns` is its end. A reading has what changed since the one before.

    Attributes:
        reading: number of complete readings before it.
        sent_ns: begin of the reading.
        store_ns: time of the store in its first answer, in ns since 1970.
        answered_ns: end of that answer.
        step_ns: the store's time is cut to steps of this length.
        machine_ns: time of this machine at the end of that answer, in ns since 1970, if times in names are held against it; else 0.
        removed_within_s: time after which an expired backup is gone, as the target file says.
        backups: number of finished backups that are there.
        appeared: `name`, `what` it is, `saved_ns`, `modified_ns`, `size`, `early` if the store's time is before the name's, and `of`, the
            name of the backup that a verification is of.
        gone: `name`, and `why` if something of that name is still there: `replaced`, `written` (a file was changed where it is) or
            `uploaded again` (its content is still there, under this name or another, saved at the same time); `alike` if a backup that
            was saved at another time has its content.
        why: why it could not be read; then there are no other fields.
    """

    reading: Count = 0
    sent_ns: Whole = 0
    store_ns: Whole = 0
    answered_ns: Whole = 0
    step_ns: Whole = 0
    machine_ns: Whole = 0
    removed_within_s: Size = 0.0
    backups: Count = 0
    appeared: ManyFields = ()
    gone: ManyFields = ()
    why: Word = ""


@written("migration.begun", by=["migrations"], read=always("MigrationBegun", "figures.backups.migrations:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationBegun(Timed):
    """A Job that migrates the database (the subject, `NAMESPACE/NAME`) was seen for the first time.

    Attributes:
        number: number of Jobs that were recorded before it.
        since_ns: the Job had not begun before this time, in ns.
        backup: name of the backups that a migration needs, in the target file.
    """

    number: Count = 0
    since_ns: Whole = 0
    backup: Word = ""
