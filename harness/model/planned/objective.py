"""Objectives: a figure with its scope and limit, as read from a Then sentence; and requirements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.model.planned.quantity import Length, Quantity

UNFELT: Final = "unfelt"
"""Parameter of a recovery whose sentence says `or is not felt`: the fault may have affected no request."""


class Figure(StrEnum):
    """What is measured. Other names are figures of packages that register a spec under that name."""

    RESPONSE_TIME = "response time"
    ERROR_RATE = "error rate"
    UPTIME = "uptime"
    REGION_SHARE = "share of answers"
    REPLICATION_LAG = "replication lag"
    RECOVERY = "recovery"
    LOST_WRITES = "lost writes"
    COPIES = "writes there once"
    """Every acknowledged write exists exactly once: writes of the ledger and of journeys."""
    READ_BACK = "writes read back"
    """Every acknowledged write is read back equal in every region."""
    TROUBLED_JOURNEYS = "share of journeys in trouble"
    """Journeys with a failed request, or with a request slower than the highest response-time limit of the plan."""
    FIRST_REQUEST = "first request"
    EVENTS = "accepted events"
    """Each visible, once and complete."""
    CHECK = "check"
    PARTS = "parts"
    """Other requirements, all of which must pass."""
    ATTESTATION = "attestation"
    """A person vouches for it."""
    LAST_HOUR = "response time in the last hour over the first"
    """Of a soak."""
    VARIATION = "variation of the response time"
    """Between windows of one run."""
    BASELINE_FACTOR = "response time over the baseline's"
    RESTARTS = "pod restarts"
    REPLICA_SHARE = "share of replicas"
    """Of the answers of their workload, over an equal share."""
    REPLACED = "killed pods replaced"
    DELIVERED = "share of delivered events"
    """Accepted in a fault-free window and visible in time, once and complete."""
    RESCHEDULED = "pods ready again elsewhere"
    """Those that were lost with their node."""
    PROMOTION = "promotion by hand"
    """The chosen member of the database is its only primary."""
    EQUAL_COPIES = "copies equal after a partition"
    """Row by row, on every member of the database."""
    RETURNED_SHARE = "share of answers after the return"
    """Of every region, once a lost one has its power back."""
    SERVICE_HEALTH = "failing health of services"
    """What every service says of itself, once what it needs is gone."""
    NEWEST_ROWS = "newest rows"
    """What was acknowledged before a fault is there after it, in every table."""
    THROUGHPUT = "requests served"
    """Per second, with a quantile of their response times."""
    EXPOSED = "exposed metric"
    """What the platform's own metrics say, against what the traffic measured."""
    ACTIVE_USERS = "exposed active users"
    """How many, against those that the traffic signed in."""
    MEMORY_GROWTH = "growth of resident memory"
    """Of every service, over a soak."""
    CONNECTIONS = "connections between workloads"
    """Each of them is declared."""
    POOLING = "database connections opened per request"
    """By each service."""
    COUPLING = "error rate of routes that do not need a service"
    """While that service is gone."""
    QUERY_TIME = "response time of database queries"
    """As the database itself counts them."""
    DRIFT = "drift of the response time"
    """Growth in an hour."""
    IMPROVEMENT = "improvement of the response time"
    """How much lower than in the baseline run, as a share of it."""
    MORE_ERRORS = "errors above another release"
    """Error rate of one release less that of another, in one window."""
    SLOWDOWN = "response time above another release"
    """How much higher than that of another release in one window, as a share of it."""
    ALERT_FIRES = "alert after its fault"
    """And silent before any fault."""
    ALERT_AT_ERRORS = "alert at a share of failed answers"
    """It fires at one share, and is silent at another."""
    ALERT_TEXT = "rate in an alert's text"
    """Of a firing alert, as its receiver reads it."""
    QUERY_ALERT = "alert on a slow query"
    """After the p95 of the query has passed a limit; it names the query."""
    ALERT_RULES_FIRE = "alert rules during their faults"
    """Every one that is loaded."""
    ALERTS_QUIET = "alerts in the steady state"
    ALERTS_RESOLVED = "alerts resolved after the recovery"
    ALERTS_DELIVERED = "alerts at their receiver"
    """From the moment at which each fires."""
    NOTICES = "notices of one fault"
    ROLLOUT_STEPS = "steps of the rollout"
    STEP_LENGTH = "length of every step"
    STEP_VERDICT = "verdict of every step"
    USER_SHARE = "share of users on the new release"
    """Of all known users."""
    USERS_HIT = "share of users who met an error"
    """Of a bad release, of all known users."""
    STICKY = "one release a user"
    """Within a step, and never back to the old one."""
    ANSWERED_BY_NEW = "answers of the new release after the switch"
    AROUND_SWITCH = "failures around the switch"
    """And around the way back."""
    ANSWERED_BY_OLD = "answers of the old release after the way back"
    ROLLBACK_START = "start of the rollback"
    """After the condition that a trigger names was there for its window."""
    ROLLBACK_TOLD = "notice of a rollback"
    """With release, cause and time."""
    HEALTH_READ = "time between reads of a pod's health"
    """Of every pod, through the whole rollout."""
    DEPLOYED = "pods of the new release, and gaps of metrics"
    """After the switch, and through the whole rollout."""
    TAKEN_BACK = "rollback after the switch"
    """Of a release with errors, by no hand."""
    QUERIES_QUICK = "p95 of queries after a slow release"
    """Of every one, from the release's first users on."""
    NOT_PROMOTED = "promotion of a worse release"
    """Slower than the old one, or with more errors."""
    NO_ROLLBACK = "no rollback"
    """Below the boundary of a trigger."""
    SCALED_OUT = "replicas under load"
    """They rise above the target of their autoscaler, and do not below it."""
    FEWEST_REPLICAS = "fewest replicas"
    """Ready ones, and those that the autoscaler keeps at least."""
    MOST_REPLICAS = "most replicas"
    """At any moment, and those that the autoscaler may come to."""
    SCALINGS_APART = "time between two scale-ups"
    SCALED_IN = "first scale-down after the load"
    SPIKE_RISE = "replicas in a spike"
    """They rise soon after it begins, and the response time is then below a limit."""
    SPIKE_BACK = "replicas after a spike"
    """They are as few as before it, and no request failed meanwhile."""
    RESIZED = "throughput after scaling"
    """Of a pod with a higher CPU limit, or of more replicas, over that before."""
    SPIKE_TIME = "response time in a spike"
    """From some time after it began."""
    RESTARTED = "hung containers restarted"
    """By the cluster, and by no hand."""
    LAST_REQUEST = "last request of an unready pod"
    """From the moment at which it turned unready."""

    @classmethod
    def _missing_(cls, value: object) -> Figure | None:
        """The member of a figure of another package: equal values always give the same member."""
        if not isinstance(value, str) or not value:
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value]  # the map is typed for any Enum


class Op(StrEnum):
    """How the figure is compared with the limit."""

    BELOW = "is below"
    AT_MOST = "is at most"
    AT_LEAST = "is at least"
    WITHIN = "is within"
    """limit ± tolerance, both ends included."""
    HOLDS = "holds"
    """A fact, which is as expected or not: checks, and `no write is lost`."""


class Phase(StrEnum):
    """The phase of the run in which the figure is measured."""

    STEADY = "in the steady state"
    RUN = "in the whole run"
    FAULT = "during the fault"
    RECOVERED = "after the recovery"
    """From the target restored to the next fault, or to the end of the load."""
    SWITCHED = "after the switch"
    STEP = "at the N % step"
    BACK = "on the way back"
    """Rollback of a rollout: from the command, or the platform's own start, until the old release runs everywhere, and some seconds more."""

    @classmethod
    def of(cls, words: str) -> Phase:
        """The phase that a sentence names; `at the 25 % step` is STEP. Raises ValueError for other words."""
        return cls.STEP if words.startswith("at the ") and words.endswith(" % step") else cls(words)


class Per(StrEnum):
    """The units for which the figure is computed separately; the worst one decides."""

    ALL = "all together"
    ROUTE = "route"
    REPLICA = "replica"
    REGION = "region"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The scope of a figure: what is measured, and when.

    Attributes:
        traffic: name of the traffic that must run; None if none is needed.
        experiments: names of the experiments whose evidence is used; may be empty.
        missing_experiments: kinds of experiments that the criterion names but the scenario does not run.
        left_out: kinds of experiments that the scenario does not run and on which the chosen profile does not gate.
        domains: fault domains that the sentence names (pod, node, database, region, network…).
        operations: `reads` and/or `writes`, for recovery.
        per: the units for which the figure is computed separately.
        subject: name of one region, route, service or entry; empty: all of them.
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
    """One Then sentence as the harness reads it.

    Attributes:
        figure: what is measured.
        quantile: 0.95 for a p95; None if the figure is not a quantile.
        scope: what is measured, and when.
        op: how the figure is compared with the limit.
        limit: the limit as the document says it. Each length of time carries whether it is `scaled`.
        tolerance: half the width for WITHIN.
        window: the shortest sufficient window (`for 10 min`); None: the window of the traffic.
        confidence: confidence of the worse bound.
        sentence: the sentence as written.
        at: `file:line` of the sentence.
        older_than: for lost writes: only writes acknowledged longer than this before the disaster count (the RPO).
        check: name of the check for CHECK.
        demand: kind of the demand that provides the facts, for CHECK.
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
        """Every length of time in the sentence, with the length used at a time scale."""
        named = {"limit": self.limit, "older than": self.older_than, "window": self.window, **self.times}
        return tuple(
            Length(name=name, said=str(said), scaled=said.scaled, used_s=said.at_scale(time_scale).base)
            for name, said in named.items()
            if said is not None and said.dimension == "time"
        )


class EvidenceKind(StrEnum):
    """Kinds of evidence; the first kind of a requirement is preferred."""

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
    """A part that a platform may lack, so that requirements on it cannot be assessed yet.

    Attributes:
        name: `bus`, as in `needs` of a requirement.
        title: description in plain words.
        brings: what can be decided once it exists, a sentence without its full stop.
        stage: the later stage of the sandbox's platform that adds it, 2 or higher.
    """

    name: str
    title: str
    brings: str = ""
    stage: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One row of the catalogue.

    Attributes:
        id: `ND-KPI-P95`.
        profile: the catalogue file that defines it.
        title: a few words.
        criterion: a Then sentence.
        kinds: means of evidence, preferred first.
        gate: whether it stops a release.
        environments: where it gates: a subset of sandbox, staging, production.
        source: the document and section.
        falsified_by: the smallest defect that must make it FAIL.
        owner: person or team responsible for it; may be empty.
        says: the document's own words, if the criterion is worded differently.
        needs: parts of a platform that it is about; without them, or without a scenario that claims it, it is not assessed.
        in_part: kinds of experiments of its criterion on which the chosen profile gates; empty: all kinds.
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
        """The verdict form of its preferred kind of evidence."""
        return _FORMS.get(self.kinds[0], Form.MEASURED)

    @property
    def parts(self) -> tuple[str, ...]:
        """The ids of the requirements that a derived requirement consists of, `A, B and C pass`; empty for others."""
        if self.form is not Form.DERIVED:
            return ()
        named = re.sub(r" pass(es)?$", "", re.sub(r" *\(interpretation.*", "", self.criterion))
        return tuple(re.split(r", | and ", named))

    def gates_in(self, environment: str) -> bool:
        """Whether a FAIL of this requirement stops a release in an environment."""
        return self.gate is not Gate.RECORD and environment in self.environments

    @property
    def document(self) -> str:
        """The source document: the text before the first colon of `source`; the profile if there is no source."""
        return self.source.partition(": ")[0].strip() or self.profile

    @property
    def section(self) -> str:
        """The section of the document; empty if `source` names none."""
        return self.source.partition(": ")[2].strip()
