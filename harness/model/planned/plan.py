"""The plan of a run: what it must prove, and how."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from harness.model.judged.reason import Reason
from harness.model.planned.objective import Objective, Phase, Requirement
from harness.model.planned.rollout import RolloutPlan
from harness.model.planned.scenario import Scenario
from harness.model.planned.schedule import ArrivalTrace, RateCurve
from harness.model.planned.statement import Attestation, Waiver
from harness.units import NS_PER_S


class DemandKind(StrEnum):
    """The kinds of demands that the harness itself has drivers for; a driver of your own adds its own kind."""

    CHECK = "check"
    """Facts of the live target."""
    TRAFFIC = "traffic"
    EXPERIMENT = "experiment"
    STATIC = "static"
    """Facts of the platform's files."""
    INGEST = "ingest"
    """Facts of other tools' reports."""
    ROLLOUT = "rollout"
    """A candidate takes over and is taken back, under traffic."""
    SCALE = "scale"
    """Services get more load, or none, so that it can be observed whether their autoscalers act."""
    EXPOSE = "expose"
    """The platform's own metrics or its database's statistics, read repeatedly during traffic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """Something that must be done once in a run, for all scenarios that need it.

    Attributes:
        kind: the kind of its driver: a `DemandKind`, or that of a driver of your own.
        name: traffic, experiment or check by name.
        params: what else distinguishes it from its siblings (a check's `deployment`, an experiment's `traffic`).
        release: the release it is done on; empty: the run's own.
    """

    kind: str
    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    release: str = ""

    @property
    def key(self) -> str:
        """A text that is equal for equal demands: `check deployment-size deployment=api-gateway replicas=3`."""
        words = [str(self.kind), self.name, *(f"{k}={v}" for k, v in sorted(self.params.items()))]
        if self.release:
            words.append(f"release={self.release}")
        return " ".join(words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One scenario: what it claims of one requirement.

    Attributes:
        scenario: as read from its feature file; its id is unique in a plan.
        requirement: id in the catalogue.
        objectives: its Then sentences.
        demands: keys of the demands it needs.
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
"""Maximum number of items of one account that are read back; of more items, this many are drawn evenly over the run."""

NEWEST_S: Final = 2.0
"""Time in s before a fault in which acknowledged rows count as its newest rows, all of which are read back."""

JOIN_S: Final = 300.0
"""Time in s for load workers on other machines, started by a person, to join; workers on this machine wait for them."""

ENDED: Final = "the load was ended by its locustfile: "
"""Beginning of the log line with the reason why a load ended before it was stopped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountPlan:
    """Items that journeys write under one name, and how they are read back when the load has ended.

    Attributes:
        name: as journeys name it in `journey.wrote`.
        path: of one item, with `{id}` in it.
        fields: keys whose values must be read back as they were written.
        counts: key of a counter that every acknowledged write raises by one; empty: each write made an item of its own.
    """

    name: str
    path: str
    fields: tuple[str, ...] = ()
    counts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficPlan:
    """Traffic by name with its size.

    Attributes:
        name: `everyday`.
        locustfile: path as resolved.
        journeys_per_s: arrivals of journeys; where the rate changes, the mean of the window if it opens right after the warm-up.
            Of a closed model: what the users would reach if answers took no time.
        requests_per_journey: how many requests one journey makes, on average over its users' classes.
        warm_up_s: cut from the front.
        window_s: length of the fault-free window. window_grows: the plan may lengthen it to what its sentences need.
        after_s: how long it goes on at least after the last fault was restored.
        health_per_s: health probes of the entry per second of a fault-free window, where those of every run are too few; 0: they are not.
        routes: route names with the expected share of requests of each.
        users: journeys in progress at once, on average; of a closed model: users, always.
        workers: child processes on this machine.
        model: `open`: journeys arrive by a schedule, however slow the answers are; `closed`: each user begins the next journey after the one before.
        arrivals: `poisson`, `constant` or `trace`; of an open model.
        rates: journeys per second over time, as (seconds since the load began, per second); empty: `journeys_per_s` always.
        trace_ns: a trace's arrivals since the load began. trace: its file as resolved, empty for none.
        think_s: how long a user of a closed model waits between two journeys.
        accounts: what its journeys wrote, and how it is read back.
        census: so many known users there are, and its journeys are theirs in turn; 0: users are not counted.
        tags, exclude_tags: of Locust: only tasks with one of the first, and none with one of the second, are run; empty: all.
        entry: the key of the target file whose address the requests go to; empty: its `entry`.
        stock: whether its users are Locust's own. shaped: whether a `LoadTestShape` of theirs says how many there are.
        remote_workers: processes on other machines. remote_bind: the `address:port` where they are waited for.
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
    stock: bool = False
    shaped: bool = False

    def with_window(self, seconds: float) -> TrafficPlan:
        """The traffic with another window length; if the rate changes over time, its mean is computed again."""
        planned = self.journeys(self.warm_up_s, self.warm_up_s + seconds)
        mean = float(f"{planned / seconds:.12g}") if self.rates or self.trace_ns else self.journeys_per_s
        return replace(self, window_s=seconds, journeys_per_s=mean, window_grows=False)

    @property
    def requests_per_s(self) -> float:
        """Requests per second offered."""
        return self.journeys_per_s * self.requests_per_journey

    @property
    def requests(self) -> int:
        """Requests planned in the fault-free window."""
        return round(self.requests_per_s * self.window_s)

    @property
    def all_workers(self) -> int:
        """Number of load processes, on this and other machines."""
        return self.workers + self.remote_workers

    @property
    def curve(self) -> RateCurve:
        """The rate over time; for a trace its mean."""
        return RateCurve(points=self.rates) if self.rates else RateCurve.flat(self.journeys_per_s)

    def journeys(self, from_s: float, until_s: float) -> float:
        """Journeys planned between two times since the load began: the integral of the rate, or a count of the trace."""
        if self.trace_ns:
            trace = ArrivalTrace(offsets_ns=self.trace_ns)
            return trace.offered(round(until_s * NS_PER_S)) - trace.offered(round(from_s * NS_PER_S))
        return self.curve.offered(until_s) - self.curve.offered(from_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentPlan:
    """A planned experiment.

    Attributes:
        name: file name without `.yaml`.
        file: path as resolved.
        domain: pod, node, zone, database, region, service, process, host, external, network, or `none` for the null run.
        within_s: how long the fault may take to be confirmed.
        hold_s: at least so long the fault is held; 0: it is not held.
        observe_s: longest scaled limit of the objectives that name it: the fault is watched so long if nothing comes back.
        seconds: how long it is expected to take.
        watch_s: at least so long it is watched, from the fault confirmed, whatever comes back earlier.
        after_s: at least so long traffic runs on after the restore, before the next fault is sent.
        awaits: parts of the target that must be as before as well, before a held fault is let go.
        configuration: what the file's block `configuration` resolves to in this run, by variable.
        needs: keys of the target file without which its activities cannot run.
        actions: the actions of its method with their providers, for people.
        blast_radius: how far its fault may reach, for people; empty where the file does not say it.
    """

    name: str
    file: str
    domain: str
    within_s: float
    hold_s: float
    observe_s: float
    seconds: float
    watch_s: float = 0.0
    after_s: float = 0.0
    awaits: tuple[str, ...] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    blast_radius: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One step (act) of a run. Steps run one at a time in order, except steps that share another's time or touch nothing.

    Attributes:
        name: unique in a plan: `everyday/fault-free`, `experiment:pod-loss`, `rollout:canary`, `check health-of-pods`.
        kind: of the driver that does it.
        demand: key of the demand that it serves.
        phase: what the target goes through meanwhile.
        seconds: how long it is expected to take.
        touches: the parts of the target that it may change or disturb: `entry`, `workloads`, `nodes`, `database`, or names of your own.
        needs_steady: whether it is skipped while what it touches is not steady, or not as it was before the first fault.
        traffic: the traffic that runs meanwhile; empty: none.
        after: the acts that it directly follows.
        beside: the act whose time it shares; empty: it has its own.
    """

    name: str
    kind: str
    demand: str
    phase: Phase = Phase.STEADY
    seconds: float
    touches: tuple[str, ...] = ()
    needs_steady: bool = False
    traffic: str = ""
    after: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The complete plan, written to `plan.json` before the run acts. The judge knows only the plan and the evidence.

    Attributes:
        run: run id.
        target: name of the target. environment, time_scale, durability: as the target file says.
        release: version under test. release_commit: its commit, as the target file says; empty: unknown.
        profile: profile names, joined by `+`.
        seed: of every schedule.
        traffic_scale: the sizes in `traffic` are what their files say, multiplied by it.
        requirements: the rows of the profile, in catalogue order.
        claims: the scenarios, in the order collected.
        demands: keys in the order they are done. demand: the demands by key.
        acts: what is done, in order.
        traffic, experiments, rollouts: sizes by name.
        primary_region: region that holds the primary; empty where there is none.
        route_needs: of the traffic's routes, the services that each needs, as the target file says.
        regions: region names with the expected share of answers of each (0 to 1; empty when unknown).
        doors: the regions whose own entry is probed. members: the database members that are probed.
        deselected: scenarios left out by a filter, as `file:line: title`: such a run never decides.
        not_assessable: rows without means here.
        probe_spacing_ms: of the entry's read prober and of the write ledger, by `reads` and `writes`.
        shadowed: files of the project that hide one of the same name that came with the package.
        inputs: SHA-256 of every file that the run was made from and that is kept with it, by its path below `inputs/`.
        stands_in: whether the sandbox stands for that environment.
        live: whether an act of it needs the target itself; acts that read files do not.
        again: options of `readiness run` that repeat the run. only: patterns of its `--only`. pytest_arguments: what followed its `--`.
        attestations, waivers: what people vouch for and accept, also what does not count in this run.
        as_of: the day that ages were held against, where that is not the day of the run; empty: it is.
        records: files that the acts and watchers must have recorded, relative to the run directory; `.rows` are Parquet when sealed.
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
        """`traffic scale 0.5`; empty where every traffic is as large as its file says."""
        return "" if self.traffic_scale == 1 else f"traffic scale {self.traffic_scale:g}"

    def size_of(self, traffic: str | None) -> dict[str, str]:
        """The size of a traffic in the scope of a figure; empty if it is the size in its file, or there is no traffic."""
        return {"size": self.traffic_scaled} if traffic and self.traffic_scaled else {}

    @property
    def filter(self) -> str:
        """The filter that left scenarios out, as given; empty if it was a path."""
        return shlex.join([*_only(*self.only), *self.pytest_arguments])

    def lack_of(self, requirement: str) -> NotAssessable | None:
        """Why a requirement, or a part of it, cannot be assessed here; None if all of it can."""
        return next((one for one in self.not_assessable if one.requirement == requirement), None)

    def not_tried(self, requirement: str) -> tuple[str, ...]:
        """Kinds of experiments that the criterion names, the run does not try and the profile does not gate on; empty: all are tried."""
        objectives = (o for claim in self.claims if claim.requirement == requirement for o in claim.objectives)
        return tuple(dict.fromkeys(kind for objective in objectives for kind in objective.scope.left_out))

    def command(self, only: str = "", *, unfiltered: bool = False, release: str = "") -> str:
        """The command that repeats the run with all its options.

        Args:
            only: one requirement of it.
            unfiltered: without what left scenarios out.
            release: another release in place of the planned one.
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
