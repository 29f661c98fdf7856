"""The plan of a run: the requirements and the steps that give their evidence."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from harness.model.judged.reason import Reason
from harness.model.planned.document_table import DocumentTable
from harness.model.planned.experiment import ExperimentPlan
from harness.model.planned.objective import Objective, Phase, Requirement
from harness.model.planned.rollout import RolloutPlan
from harness.model.planned.scenario import Scenario
from harness.model.planned.schedule import ArrivalTrace, RateCurve, StopRule
from harness.model.planned.statement import Attestation, Waiver
from harness.units import NS_PER_S


class DemandKind(StrEnum):
    """Kinds of demands with a driver in the harness; a driver of another package adds its own kind."""

    CHECK = "check"
    """Facts of the live target."""
    TRAFFIC = "traffic"
    EXPERIMENT = "experiment"
    STATIC = "static"
    """Facts of the platform's files."""
    INGEST = "ingest"
    """Facts of other tools' reports."""
    ROLLOUT = "rollout"
    """A rollout of a candidate and its rollback, with traffic."""
    SCALE = "scale"
    """Load, or no load, on services whose autoscalers are observed."""
    EXPOSE = "expose"
    """The platform's own metrics or its database's statistics, read repeatedly during traffic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """A task that is done once in a run, for all scenarios that need it.

    Attributes:
        kind: kind of the driver: a `DemandKind`, or the kind of another package.
        name: name of the traffic, experiment or check.
        params: parameters that distinguish demands with equal names, such as a check's `deployment`.
        release: release of the target for the demand; empty: the release of the run.
    """

    kind: str
    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    release: str = ""

    @property
    def key(self) -> str:
        """A text that is equal for equal demands, such as `check deployment-size deployment=api-gateway replicas=3`."""
        words = [str(self.kind), self.name, *(f"{k}={v}" for k, v in sorted(self.params.items()))]
        if self.release:
            words.append(f"release={self.release}")
        return " ".join(words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One scenario with its claims about one requirement.

    Attributes:
        scenario: scenario of the feature file, with a unique id in the plan.
        requirement: id of the requirement.
        objectives: parsed Then sentences.
        demands: keys of the required demands.
    """

    scenario: Scenario
    requirement: str
    objectives: tuple[Objective, ...]
    demands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NotAssessable:
    """A requirement that this run cannot assess, with the reason and a hint."""

    requirement: str
    because: Reason


MOST_READ_BACK: Final = 1000
"""Maximum number of items of one account that are read back; of more items an even sample is read."""

NEWEST_S: Final = 2.0
"""Seconds before a fault in which acknowledged rows count as the newest rows, which are all read back."""

JOIN_S: Final = 300.0
"""Seconds for load workers on other machines to join after a person has started them."""

ENDED: Final = "the load was ended by its locustfile: "
"""Begin of the log line with the reason why a load ended before it was stopped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountPlan:
    """Items that journeys write under one name, and how they are read back after the load.

    Attributes:
        name: name in `journey.wrote`.
        path: path of one item, with `{id}` in it.
        fields: keys whose values must be equal when read back.
        counts: key of a counter that each acknowledged write increases by one; empty: each write makes an item.
    """

    name: str
    path: str
    fields: tuple[str, ...] = ()
    counts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficPlan:
    """A traffic with its size.

    Attributes:
        name: name of the traffic.
        locustfile: resolved path of the locustfile.
        journeys_per_s: arrivals of journeys per second (the mean of the window); in a closed model the rate without
            waiting for answers.
        requests_per_journey: mean number of requests of a journey.
        warm_up_s: length of the warm-up in s, which is cut off.
        window_s: length of the fault-free window in s.
        window_grows: whether the plan may lengthen the window.
        after_s: minimum time in s of traffic after the last restore.
        health_per_s: health probes of the entry per second in a fault-free window; 0: the default rate.
        routes: expected share of requests of each route.
        users: mean number of journeys in progress; in a closed model the number of users.
        workers: number of processes on this machine.
        model: `open` (journeys start on schedule) or `closed` (each user waits for the end of the previous journey).
        arrivals: `poisson`, `constant` or `trace`, in an open model.
        rates: (seconds since the begin of the load, journeys per second) over time; empty: always `journeys_per_s`.
        trace_ns: arrivals of a trace since the begin of the load, in ns.
        trace: resolved path of the trace; empty: no trace.
        think_s: seconds between two journeys of a user of a closed model.
        accounts: written items that are read back.
        census: number of known users, who take turns; 0: users are not counted.
        tags, exclude_tags: Locust's tags of the tasks that are run, and of the tasks that are not run; empty: all are
            run.
        entry: key of the target file with the address for requests; empty: `entry`.
        traceparent: whether each request of a journey carries a trace id, in the header `traceparent`.
        stock, shaped: whether the users are Locust's own, and whether a `LoadTestShape` sets their number.
        stop_when: thresholds of which the first that is exceeded ends the load.
        remote_workers, remote_bind: number of processes on other machines, and the `address:port` at which they join.
    """

    name: str
    locustfile: str
    journeys_per_s: float
    requests_per_journey: float
    warm_up_s: float
    window_s: float
    routes: Mapping[str, float]
    users: float
    window_grows: bool = False
    after_s: float = 60.0
    health_per_s: float = 0.0
    workers: int = 1
    model: str = "open"
    arrivals: str = "poisson"
    rates: tuple[tuple[float, float], ...] = ()
    trace_ns: tuple[int, ...] = ()
    trace: str = ""
    think_s: float = 0.0
    remote_workers: int = 0
    remote_bind: str = ""
    accounts: tuple[AccountPlan, ...] = ()
    census: int = 0
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    entry: str = ""
    traceparent: bool = False
    stock: bool = False
    shaped: bool = False
    stop_when: tuple[StopRule, ...] = ()

    def with_window(self, seconds: float) -> TrafficPlan:
        """The traffic with another length of the window; the mean of a changing rate is computed again."""
        planned = self.journeys(self.warm_up_s, self.warm_up_s + seconds)
        mean = float(f"{planned / seconds:.12g}") if self.rates or self.trace_ns else self.journeys_per_s
        return replace(self, window_s=seconds, journeys_per_s=mean, window_grows=False)

    @property
    def requests_per_s(self) -> float:
        """Planned requests per second."""
        return self.journeys_per_s * self.requests_per_journey

    @property
    def requests(self) -> int:
        """Number of planned requests in the fault-free window."""
        return round(self.requests_per_s * self.window_s)

    @property
    def all_workers(self) -> int:
        """Number of load processes on this and other machines."""
        return self.workers + self.remote_workers

    @property
    def curve(self) -> RateCurve:
        """The rate over time; the mean rate of a trace."""
        return RateCurve(points=self.rates) if self.rates else RateCurve.flat(self.journeys_per_s)

    def journeys(self, from_s: float, until_s: float) -> float:
        """Planned journeys between two times since the begin of the load."""
        if self.trace_ns:
            trace = ArrivalTrace(offsets_ns=self.trace_ns)
            return trace.offered(round(until_s * NS_PER_S)) - trace.offered(round(from_s * NS_PER_S))
        return self.curve.offered(until_s) - self.curve.offered(from_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One step (act) of a run. Steps run in order, except steps that run during another step, touch nothing, or are shared.

    Attributes:
        name: unique name in the plan, such as `everyday/fault-free`, `experiment:pod-loss` or `check health-of-pods`.
        kind, demand: kind of the driver, and key of the demand.
        phase, seconds: state of the target during the step, and expected time in s.
        touches: parts of the target that it may disturb: `entry`, `workloads`, `nodes`, `database`, `workloads/NAME`, or own names.
        shared: whether it may run at the same time as other such steps, which touch none of its parts.
        needs_steady: whether it is skipped while a touched part is not steady or not restored.
        traffic: name of the traffic during the step; empty: none.
        after: names of the acts that it directly follows.
        beside: name of the act during which it runs; empty: none.
    """

    name: str
    kind: str
    demand: str
    phase: Phase = Phase.STEADY
    seconds: float
    touches: tuple[str, ...] = ()
    shared: bool = False
    needs_steady: bool = False
    traffic: str = ""
    after: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The complete plan, written to `plan.json` before the run acts. The judge uses only the plan and the evidence.

    Attributes:
        run: id of the run.
        target: name of the target.
        environment, time_scale, durability: values of the target file.
        release: version under test.
        release_commit: commit of the release in the target file; empty: unknown.
        profile: names of the profiles, joined by `+`.
        seed: seed of every schedule.
        traffic_scale: factor of the sizes in `traffic`, relative to their files.
        requirements: requirements of the profile, in the order of the catalogue.
        claims: scenarios, in the order of collection.
        demands, demand: keys of the demands in order, and the demands by key.
        acts: steps of the run, in order.
        traffic, experiments, rollouts: sizes by name.
        primary_region: region with the primary; empty: none. route_needs: services that each route of the traffic needs.
        regions: expected share of answers (0 to 1) by region; empty: unknown.
        doors, members: regions whose own entry is probed, and database members that are probed.
        deselected: scenarios that a filter left out, as `file:line: title`; such a run never decides.
        not_assessable: requirements without means in this run.
        probe_spacing_ms: time between two probes in ms, of the entry's reads (`reads`), of the write ledger (`writes`) and of the caches.
        shadowed: project files that hide a package file with an equal name.
        inputs: SHA-256 of every stored input file, by its path below `inputs/`.
        stands_in: whether the sandbox simulates the environment.
        live: whether a step needs the running target.
        again, only, pytest_arguments: options that repeat the run, patterns of `--only`, and arguments after `--`.
        attestations, waivers: statements of people, including those that do not count in this run.
        as_of: day for computing ages; empty: the day of the run.
        tables: tables of the source documents with requirements of this run.
        records: files that steps and watchers must record, relative to the run directory; `.rows` files become Parquet.
    """

    run: str
    target: str
    environment: str
    time_scale: float
    durability: str
    release: str
    profile: str
    seed: int
    requirements: tuple[Requirement, ...]
    claims: tuple[Claim, ...]
    demands: tuple[str, ...]
    demand: Mapping[str, Demand]
    traffic: Mapping[str, TrafficPlan]
    experiments: Mapping[str, ExperimentPlan]
    primary_region: str
    regions: Mapping[str, float]
    deselected: tuple[str, ...]
    not_assessable: tuple[NotAssessable, ...]
    probe_spacing_ms: Mapping[str, float]
    acts: tuple[Act, ...] = ()
    rollouts: Mapping[str, RolloutPlan] = field(default_factory=dict)
    shadowed: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    attestations: tuple[Attestation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    as_of: str = ""
    tables: tuple[DocumentTable, ...] = ()
    records: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    pytest_arguments: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    stands_in: bool = False
    live: bool = True
    route_needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doors: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    release_commit: str = ""
    traffic_scale: float = 1.0

    @property
    def traffic_scaled(self) -> str:
        """`traffic scale 0.5`; empty if every traffic has the size in its file."""
        return "" if self.traffic_scale == 1 else f"traffic scale {self.traffic_scale:g}"

    def size_of(self, traffic: str | None) -> dict[str, str]:
        """The size of a traffic in the scope of a figure; empty for the size in its file, and without a traffic."""
        return {"size": self.traffic_scaled} if traffic and self.traffic_scaled else {}

    @property
    def filter(self) -> str:
        """The filter that left scenarios out, as given; empty if the filter was a path."""
        return shlex.join([*_only(*self.only), *self.pytest_arguments])

    def lack_of(self, requirement: str) -> NotAssessable | None:
        """Why a requirement cannot be assessed completely in this run; None if it can."""
        return next((one for one in self.not_assessable if one.requirement == requirement), None)

    def not_tried(self, requirement: str) -> tuple[str, ...]:
        """Kinds of experiments in the criterion that the run does not try and the profile does not gate."""
        objectives = (o for claim in self.claims if claim.requirement == requirement for o in claim.objectives)
        return tuple(dict.fromkeys(kind for objective in objectives for kind in objective.scope.left_out))

    def command(self, only: str = "", *, unfiltered: bool = False, release: str = "") -> str:
        """The command that repeats the run with all its options.

        Args:
            only: id of one requirement to run.
            unfiltered: whether to omit the options that left scenarios out.
            release: release to run in place of the planned release.
        """
        patterns = _only(only) if only else () if unfiltered else _only(*self.only)
        rest = ("--", *self.pytest_arguments) if self.pytest_arguments and not unfiltered else ()
        again = self.again or ("--release", self.release)
        if release:
            at = again.index("--release") + 1
            again = (*again[:at], release, *again[at + 1 :])
        return shlex.join(["readiness", "run", *again, *patterns, *rest])


def _only(*patterns: str) -> tuple[str, ...]:
    return tuple(word for pattern in patterns for word in ("--only", pattern))
