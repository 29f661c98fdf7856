"""Objectives: a figure with its scope and limit, as read from a Then sentence; and requirements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.model.planned.quantity import Length, Quantity

UNFELT: Final = "unfelt"
"""Parameter of a recovery whose sentence ends with `or is not felt`: the fault may have affected no request."""


class Figure(StrEnum):
    """Names of figures. Packages may register figures with other names."""

    RESPONSE_TIME = "response time"
    ERROR_RATE = "error rate"
    UPTIME = "uptime"
    REGION_SHARE = "share of answers"
    REPLICATION_LAG = "replication lag"
    RECOVERY = "recovery"
    LOST_WRITES = "lost writes"
    SIGNED_OUT = "signed-in users signed out"
    COPIES = "writes there once"
    """Every acknowledged write exists exactly once: writes of the ledger and of journeys."""
    READ_BACK = "writes read back"
    """Every acknowledged write is read back equal in every region."""
    AS_DESCRIBED = "answers as described"
    TROUBLED_JOURNEYS = "share of journeys in trouble"
    """Journeys with a failed request, or with a request slower than the highest response-time limit of the plan."""
    FIRST_REQUEST = "first request"
    EVENTS = "accepted events"
    """Each accepted event is visible once and unchanged."""
    REPORTED_TIME = "reported response time"
    """Of another load tool's report, as the next four."""
    REPORTED_MEAN = "reported mean response time"
    REPORTED_ERRORS = "reported error rate"
    REPORTED_RATE = "reported requests served per second"
    REPORTED_REQUESTS = "reported number of requests"
    CHECK = "check"
    PARTS = "parts"
    """Other requirements must all pass."""
    ATTESTATION = "attestation"
    """A person vouches for the requirement."""
    LAST_HOUR = "response time in the last hour over the first"
    """The traffic is a soak."""
    VARIATION = "variation of the response time"
    BASELINE_FACTOR = "response time over the baseline's"
    RESTARTS = "pod restarts"
    REPLICA_SHARE = "share of replicas"
    """Share of a replica in its workload's answers, compared with equal shares."""
    REPLACED = "killed pods replaced"
    DELIVERED = "share of delivered events"
    """Events accepted in a fault-free window that are visible in time, once and unchanged."""
    RESCHEDULED = "pods ready again elsewhere"
    """Pods that were lost with their node."""
    PROMOTION = "promotion by hand"
    BACKUP_AGE = "age of the newest backup"
    MIGRATION_BACKUP = "verified backup at the begin of a migration"
    BACKUPS_KEPT = "backups kept and removed"
    """No old backup lies in its place, and no young one was removed."""
    EQUAL_COPIES = "copies equal after a partition"
    REMAINING_TIME = "response time of the remaining regions"
    RETURNED_SHARE = "share of answers after the return"
    """Share of every region after a lost region has its power back."""
    SERVICE_HEALTH = "failing health of services"
    """Health reports of every service after the loss of a component that it needs."""
    NEWEST_ROWS = "newest rows"
    """Rows acknowledged before a fault exist after it, in every table."""
    THROUGHPUT = "requests served"
    """Requests per second, with a quantile of their response times."""
    EXPOSED = "exposed metric"
    """The platform's own metrics are compared with the measurements of the traffic."""
    ACTIVE_USERS = "exposed active users"
    """Their number is compared with the users that the traffic signed in."""
    MEMORY_GROWTH = "growth of resident memory"
    CONNECTIONS = "connections between workloads"
    """Each connection is declared."""
    POOLING = "database connections opened per request"
    COUPLING = "error rate of routes that do not need a service"
    """Error rate while the service is not available."""
    WITHOUT_SERVICE = "response time and failures without a service"
    QUERY_TIME = "response time of database queries"
    DRIFT = "drift of the response time"
    IMPROVEMENT = "improvement of the response time"
    """Decrease relative to the baseline run, as a share."""
    MORE_ERRORS = "errors above another release"
    """Error rate of one release minus the error rate of another, in one window."""
    SLOWDOWN = "response time above another release"
    """Increase relative to another release in one window, as a share."""
    ALERT_FIRES = "alert after its fault"
    """The alert is silent before any fault."""
    ALERT_AT_ERRORS = "alert at a share of failed answers"
    """The alert fires at one share, and is silent at another."""
    ALERT_TEXT = "rate in an alert's text"
    ALERT_DOWNTIME = "downtime in an alert's text"
    QUERY_ALERT = "alert on a slow query"
    """The alert fires after the p95 of the query has exceeded a limit, and names the query."""
    ALERT_RULES_FIRE = "alert rules during their faults"
    """Every loaded rule must fire."""
    ALERTS_QUIET = "alerts in the steady state"
    ALERTS_RESOLVED = "alerts resolved after the recovery"
    ALERTS_DELIVERED = "alerts at their receiver"
    """Time from the firing of each alert to its receiver."""
    NOTICES = "notices of one fault"
    ROLLOUT_STEPS = "steps of the rollout"
    STEP_LENGTH = "length of every step"
    STEP_VERDICT = "verdict of every step"
    USER_SHARE = "share of users on the new release"
    USERS_HIT = "share of users who met an error"
    """Share of all known users during a bad release."""
    STICKY = "one release a user"
    """A user stays on one release within a step, and never returns to the old release."""
    ANSWERED_BY_NEW = "answers of the new release after the switch"
    AROUND_SWITCH = "failures around the switch"
    """Failures around the switch and around the rollback."""
    ANSWERED_BY_OLD = "answers of the old release after the way back"
    ROLLBACK_START = "start of the rollback"
    """Time from the end of the trigger's window to the rollback."""
    ROLLBACK_TOLD = "notice of a rollback"
    """The notice has release, cause and time."""
    HEALTH_READ = "time between reads of a pod's health"
    """Time for every pod during the complete rollout."""
    DEPLOYED = "pods of the new release, and gaps of metrics"
    """Pods after the switch, and gaps during the complete rollout."""
    TAKEN_BACK = "rollback after the switch"
    """Automatic rollback of a release with errors."""
    QUERIES_QUICK = "p95 of queries after a slow release"
    """p95 of every query from the first users of the release on."""
    NOT_PROMOTED = "promotion of a worse release"
    """The release is slower than the old release, or has more errors."""
    NO_ROLLBACK = "no rollback"
    """The readings stay below the limit of a trigger."""
    SCALED_OUT = "replicas under load"
    """Replicas increase above the autoscaler's target, and do not increase below it."""
    FEWEST_REPLICAS = "fewest replicas"
    """Ready replicas, compared with the minimum of the autoscaler."""
    MOST_REPLICAS = "most replicas"
    """Replicas at any moment, compared with the maximum of the autoscaler."""
    SCALINGS_APART = "time between two scale-ups"
    SCALED_IN = "first scale-down after the load"
    SPIKE_RISE = "replicas in a spike"
    """Replicas increase soon after the begin, and the response time is then below a limit."""
    SPIKE_BACK = "replicas after a spike"
    """Replicas return to their earlier number, and no request fails meanwhile."""
    RESIZED = "throughput after scaling"
    """Throughput of a pod with a higher CPU limit, or of more replicas, divided by the earlier throughput."""
    SPIKE_TIME = "response time in a spike"
    """Response time from some time after the begin of the spike on."""
    RESTARTED = "hung containers restarted"
    """The cluster restarts the containers, without a person."""
    LAST_REQUEST = "last request of an unready pod"
    """Time from the moment at which the pod became unready."""

    @classmethod
    def _missing_(cls, value: object) -> Figure | None:
        """The member of a figure of another package: equal values always give the same member."""
        if not isinstance(value, str) or not value:
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value]  # the map is typed for any Enum


class Op(StrEnum):
    """Comparison of a figure with its limit."""

    BELOW = "is below"
    AT_MOST = "is at most"
    AT_LEAST = "is at least"
    WITHIN = "is within"
    """The limit is `limit ± tolerance`, including both ends."""
    HOLDS = "holds"
    """A fact is as expected or not, for checks and for `no write is lost`."""


class Phase(StrEnum):
    """The phase of the run in which the figure is measured."""

    STEADY = "in the steady state"
    RUN = "in the whole run"
    FAULT = "during the fault"
    RECOVERED = "after the recovery"
    """Time from the restore to the next fault, or to the end of the load."""
    SWITCHED = "after the switch"
    STEP = "at the N % step"
    BACK = "on the way back"
    """Time from the begin of a rollback until the old release runs everywhere, and some seconds more."""

    @classmethod
    def of(cls, words: str) -> Phase:
        """The phase in a sentence; `at the 25 % step` is STEP. Raises ValueError for other words."""
        return cls.STEP if words.startswith("at the ") and words.endswith(" % step") else cls(words)


class Per(StrEnum):
    """The units for which a figure is computed separately; the worst unit decides."""

    ALL = "all together"
    ROUTE = "route"
    REPLICA = "replica"
    REGION = "region"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Scope of a figure: subject and time of the measurement.

    Attributes:
        traffic: name of the traffic that must run; None if none is needed.
        experiments: names of the experiments whose evidence is used; may be empty.
        missing_experiments: kinds of experiments in the criterion that the scenario does not run.
        left_out: kinds of experiments that the scenario does not run and the chosen profile does not gate.
        domains: fault domains that the sentence names (pod, node, database, region, network…).
        operations: `reads` and/or `writes`, or those of the caches, for recovery.
        per: units for which the figure is computed separately.
        subject: name of one region, route, service or entry; empty: all.
        phase: the phase of the run.
        users: minimum number of journeys in progress in every second of the window; 0: not required.
        rollout: name of the rollout whose evidence is used; may be empty.
    """

    traffic: str | None = None
    experiments: tuple[str, ...] = ()
    missing_experiments: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    per: Per = Per.ALL
    subject: str = ""
    phase: Phase = Phase.STEADY
    users: int = 0
    rollout: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """One Then sentence as parsed.

    Attributes:
        figure: figure that is measured.
        quantile: 0.95 for a p95; None if the figure is not a quantile.
        scope: scope of the figure.
        op: comparison of the figure with the limit.
        limit: limit in the document; a length of time tells whether it is `scaled`.
        tolerance: half the width of the limit for WITHIN.
        window: shortest sufficient window (`for 10 min`); None: window of the traffic.
        confidence: confidence of the worse bound.
        sentence: sentence as written.
        at: `file:line` of the sentence.
        older_than: for lost writes: minimum age at the disaster of acknowledged writes that count (the RPO).
        check: name of the check, for CHECK.
        demand: kind of the demand with the facts, for CHECK.
        params: parameters of the check, and other values in the sentence.
        times: other lengths of time in the sentence, by name.
    """

    figure: Figure
    quantile: float | None = None
    scope: Scope = field(default_factory=Scope)
    op: Op
    limit: Quantity
    tolerance: Quantity | None = None
    window: Quantity | None = None
    confidence: float = 0.95
    sentence: str
    at: str = ""
    older_than: Quantity | None = None
    check: str = ""
    demand: str = "check"
    params: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, Quantity] = field(default_factory=dict)

    def lengths(self, time_scale: float) -> tuple[Length, ...]:
        """Every length of time in the sentence, with the length at a time scale."""
        named = {"limit": self.limit, "older than": self.older_than, "window": self.window, **self.times}
        return tuple(
            Length(name=name, said=str(said), scaled=said.scaled, used_s=said.at_scale(time_scale).base)
            for name, said in named.items()
            if said is not None and said.dimension == "time"
        )


class EvidenceKind(StrEnum):
    """Kinds of evidence; the first kind of a requirement is its preferred kind."""

    LOAD = "L"
    EXPERIMENT = "X"
    CHECK = "C"
    INGESTED = "I"
    STATIC = "S"
    ATTESTED = "A"
    DERIVED = "D"


class Form(StrEnum):
    """How the verdict of a requirement is formed."""

    MEASURED = "measured"
    DERIVED = "derived"
    INGESTED = "ingested"
    ATTESTED = "attested"


_FORMS: Final = {
    EvidenceKind.DERIVED: Form.DERIVED,
    EvidenceKind.INGESTED: Form.INGESTED,
    EvidenceKind.ATTESTED: Form.ATTESTED,
}


class Gate(StrEnum):
    """Whether a requirement stops a release."""

    CRITICAL = "critical"
    MAJOR = "major"
    RECORD = "record"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformPart:
    """A component that a platform may lack; requirements about it cannot be assessed then.

    Attributes:
        name: name in `needs` of a requirement, such as `bus`.
        title: description in plain words.
        brings: what can be decided with the component, as a sentence without a full stop.
        stage: stage (2 or higher) of the sandbox's platform that adds it.
    """

    name: str
    title: str
    brings: str = ""
    stage: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One requirement of the catalogue.

    Attributes:
        id: id of the requirement, such as `ND-KPI-P95`.
        profile: catalogue file with the requirement.
        title: title in a few words.
        criterion: Then sentence.
        kinds: kinds of evidence, preferred kind first.
        gate: whether a FAIL stops a release.
        environments: environments in which it gates, of sandbox, staging and production.
        source: document and section.
        falsified_by: smallest defect that must cause a FAIL.
        owner: responsible person or team; may be empty.
        says: words of the document, if the criterion has other words.
        needs: components that it needs; without them, or without a scenario, it is not assessed.
        in_part: kinds of experiments in the criterion on which the chosen profile gates; empty: all.
    """

    id: str
    profile: str
    title: str
    criterion: str
    kinds: tuple[EvidenceKind, ...]
    gate: Gate
    environments: tuple[str, ...]
    source: str
    falsified_by: str = ""
    owner: str = ""
    says: str = ""
    needs: tuple[PlatformPart, ...] = ()
    in_part: tuple[str, ...] = ()

    @property
    def form(self) -> Form:
        """Form of the verdict of its preferred kind of evidence."""
        return _FORMS.get(self.kinds[0], Form.MEASURED)

    @property
    def parts(self) -> tuple[str, ...]:
        """Ids of the requirements of a derived requirement, `A, B and C pass`; empty for other requirements."""
        if self.form is not Form.DERIVED:
            return ()
        named = re.sub(r" pass(es)?$", "", re.sub(r" *\(interpretation.*", "", self.criterion))
        return tuple(re.split(r", | and ", named))

    def gates_in(self, environment: str) -> bool:
        """Whether a FAIL of the requirement stops a release in an environment."""
        return self.gate is not Gate.RECORD and environment in self.environments

    @property
    def document(self) -> str:
        """The source document, which is the text before the first colon of `source`; else the profile."""
        return self.source.partition(": ")[0].strip() or self.profile

    @property
    def section(self) -> str:
        """The section of the document; empty if `source` has none."""
        return self.source.partition(": ")[2].strip()
