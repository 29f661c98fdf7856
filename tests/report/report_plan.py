"""What the run to report on set out to prove, and what it broke: profile core on the sandbox, four experiments.

Times are seconds from the start of the run unless they end in _ns. Everything is made up, and made the same each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.model import (
    Claim,
    Demand,
    DemandKind,
    EvidenceKind,
    ExperimentPlan,
    Figure,
    Gate,
    Hit,
    Objective,
    Op,
    Plan,
    Quantity,
    Requirement,
    Scope,
    TrafficPlan,
)
from tests.builders.scenarios import scenario

S = 1_000_000_000
BOOT_NS = 5_000 * S
ROUTES = ("create-track", "play-track", "read-track", "sign-in")
REGIONS = ("us-east-1",) * 6 + ("eu-west-1",) * 3 + ("ap-southeast-1",)
REPLICAS = ("postgres-eu-west-1-0", "postgres-eu-west-1-1")
SINGLE = ("pod-loss", "node-loss", "database-primary-loss")
DISASTERS = ("database-primary-loss", "region-loss")
EVERYDAY = Demand(kind=DemandKind.TRAFFIC, name="everyday")
LOOKED = 'when: "everyday" traffic has run'


def ns(seconds: float) -> int:
    """Seconds of the run as nanoseconds of its clock."""
    return BOOT_NS + round(seconds * S)


@dataclass(frozen=True, kw_only=True)
class Broken:
    """How one experiment went. Seconds from the fault but `sent`, which is from the start of the run."""

    domain: str
    sent: float
    until: float
    hit: tuple[Hit, ...]
    undone: float | None
    gone: float
    reads: tuple[tuple[float, float], ...]
    writes: tuple[tuple[float, float], ...]
    share: float
    leaders: tuple[tuple[float, str, str], ...] = ()
    lost: int = 0
    on_heal: bool = False


def pod(name: str, region: str = "us-east-1") -> Hit:
    """A pod that was hit."""
    workload = name.rsplit("-", 2)[0] if "postgres" not in name else "postgres"
    return Hit(kind="pod", name=name, namespace=region, uid=f"uid-{name}", region=region, workload=workload)


EAST = tuple(
    pod(f"{w}-5c9f-{c}")
    for w, n in (("api-gateway", 3), ("user-service", 2), ("track-service", 5))
    for c in "abcde"[:n]
)
HOME, AWAY = "postgres-us-east-1-0", "postgres-eu-west-1-0"
BROKEN: Mapping[str, Broken] = {
    "pod-loss": Broken(
        domain="pod",
        sent=165,
        until=17,
        hit=(pod("track-service-7d4b-k2x9q"), pod("track-service-7d4b-p81mz")),
        undone=None,
        gone=1.3,
        reads=(),
        writes=((0.02, 0.31),),
        share=0.05,
    ),
    "node-loss": Broken(
        domain="node",
        sent=194,
        until=34,
        hit=(Hit(kind="node", name="us-east-1b", region="us-east-1"),),
        undone=14.2,
        gone=16.1,
        reads=((0.12, 3.94),),
        writes=((0.09, 4.02),),
        share=0.35,
    ),
    "database-primary-loss": Broken(
        domain="database",
        sent=245,
        until=50,
        hit=(pod(HOME),),
        undone=26.4,
        gone=33.0,
        reads=(),
        writes=((0.03, 20.71),),
        share=0.5,
        leaders=((20.42, HOME, AWAY), (41.8, AWAY, HOME)),
    ),
    "region-loss": Broken(
        domain="region",
        sent=312,
        until=62,
        hit=(*EAST, pod(HOME), Hit(kind="node", name="us-east-1a"), Hit(kind="node", name="us-east-1b")),
        undone=28.6,
        gone=40.0,
        reads=((0.06, 2.3), (3.1, 4.87)),
        writes=((0.04, 22.4),),
        share=0.62,
        leaders=((21.9, HOME, AWAY), (54.0, AWAY, HOME)),
    ),
}

_CRITICAL, _MAJOR = Gate.CRITICAL, Gate.MAJOR
_L, _X, _C = EvidenceKind.LOAD, EvidenceKind.EXPERIMENT, EvidenceKind.CHECK
TITLES: Mapping[str, tuple[str, Gate, EvidenceKind, str, str]] = {
    # id: title, gate, kind, feature file, Then sentence
    "ND-KPI-P95": ("API response time", _CRITICAL, _L, "normaldance/technical-kpis", "the response time p95 of every route is below 200 ms in the steady state"),
    "ND-KPI-ERRORS": ("error rate", _CRITICAL, _L, "normaldance/technical-kpis", "the error rate is below 0.1 % in the steady state"),
    "ND-KPI-UPTIME": ("system uptime", _CRITICAL, _L, "normaldance/technical-kpis", "the uptime of the entry is at least 99.9 % in the steady state"),
    "ND-DEP-HEALTH": ("health checks passing", _CRITICAL, _C, "normaldance/deployment-checklist", "the health path of every pod of every service in every region answers 200 within 1 s"),
    "ND-ARCH-GATEWAY": ("api-gateway size", _MAJOR, _C, "size", 'deployment "api-gateway" has 3 ready replicas with cpu 500m and memory 512Mi in the steady state'),
    "ND-ARCH-USER": ("user-service size", _MAJOR, _C, "size", 'deployment "user-service" has 2 ready replicas with cpu 250m and memory 256Mi in the steady state'),
    "ND-ARCH-TRACK": ("track-service size", _MAJOR, _C, "size", 'deployment "track-service" has 5 ready replicas with cpu 1000m and memory 1Gi in the steady state'),
    "ND-PH1-GATEWAY": ("API gateway deployed", _CRITICAL, _C, "normaldance/phases", "every service is reached through the api-gateway of every region with status 200"),
    "ND-PH1-DISCOVERY": ("service discovery", _MAJOR, _X, "normaldance/phases", "a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s"),
    "ND-RISK-DATALOSS": ("backups and replication", _CRITICAL, _X, "normaldance/risks", "no acknowledged write is lost in any experiment of domain pod, node or network"),
    "DA-GEO-PRIMARY": ("us-east-1 takes 60 %", _MAJOR, _L, "normaldance/regions", "the share of answers of region us-east-1 is 60 % ± 5 points in the steady state"),
    "DA-GEO-SECONDARY": ("eu-west-1 takes 30 %", _MAJOR, _L, "normaldance/regions", "the share of answers of region eu-west-1 is 30 % ± 5 points in the steady state"),
    "DA-GEO-TERTIARY": ("ap-southeast-1 takes 10 %", _MAJOR, _L, "normaldance/regions", "the share of answers of region ap-southeast-1 is 10 % ± 5 points in the steady state"),
    "DA-GEO-LOSS-PRIMARY": ("losing us-east-1", _CRITICAL, _X, "normaldance/region-failover", "reads and writes are served again within 50 s of the loss of us-east-1"),
    "DA-DR-RTO": ("RTO 4 h", _CRITICAL, _X, "normaldance/disaster-recovery", "reads and writes are served again within 4 h of every disaster"),
    "DA-DR-RPO": ("RPO 1 h", _CRITICAL, _X, "normaldance/disaster-recovery", "no acknowledged write older than 1 h is lost in any disaster experiment"),
    "DA-DR-REPLICATION": ("multi-region replication", _CRITICAL, _C, "normaldance/disaster-recovery", "the replication lag p99 of every replica is below 10 s in the steady state"),
    "DA-DR-FAILOVER": ("automated failover", _CRITICAL, _X, "normaldance/disaster-recovery", "writes are served again within 45 s of the primary's death with 0 manual steps"),
    "DA-NET-POLICY": ("backend allows only its callers", _CRITICAL, _C, "normaldance/network-and-secrets", "TCP 8080 of the backend accepts its declared callers and refuses every other workload"),
    "AT-PERF-P95": ("< 1000 ms for 95 % of requests", _CRITICAL, _L, "atomos/performance-criteria", "the response time p95 of every route is below 1000 ms in the steady state"),
    "AT-PERF-USERS": ("> 100 concurrent users", _CRITICAL, _L, "atomos/performance-criteria", "the response time p95 of every route is below 1000 ms with 101 users at once for 10 min"),
    "AT-STB-ERRORS": ("< 1 % application errors", _CRITICAL, _L, "atomos/stability-criteria", "the error rate of every route is below 1 % in the steady state"),
    "AT-STB-RECOVERY": ("< 30 s to recover", _CRITICAL, _X, "atomos/stability-criteria", "reads and writes are served again within 30 s of every single-fault experiment"),
}  # fmt: skip

EXPERIMENTS: Mapping[str, tuple[str, ...]] = {
    "ND-PH1-DISCOVERY": ("pod-loss",),
    "ND-RISK-DATALOSS": ("pod-loss", "node-loss"),
    "DA-GEO-LOSS-PRIMARY": ("region-loss",),
    "DA-DR-RTO": DISASTERS,
    "DA-DR-RPO": DISASTERS,
    "DA-DR-FAILOVER": ("database-primary-loss",),
    "AT-STB-RECOVERY": SINGLE,
}


def demand_of(experiment: str) -> Demand:
    """An experiment under everyday traffic."""
    return Demand(kind=DemandKind.EXPERIMENT, name=experiment, params={"traffic": "everyday"})


def check_of(requirement: str) -> Demand:
    """The check of a requirement."""
    return Demand(kind=DemandKind.CHECK, name=requirement.lower())


def _demands(requirement: str) -> tuple[Demand, ...]:
    kind = TITLES[requirement][2]
    if kind is EvidenceKind.EXPERIMENT:
        return tuple(demand_of(name) for name in EXPERIMENTS[requirement])
    return (EVERYDAY,) if kind is EvidenceKind.LOAD or requirement == "DA-DR-REPLICATION" else (check_of(requirement),)


def _claim(line: int, requirement: str) -> Claim:
    title, _, kind, file, sentence = TITLES[requirement]
    given = {
        EvidenceKind.EXPERIMENT: 'when: the experiments have run under "everyday" traffic',
        EvidenceKind.CHECK: "when: the deployed platform has been inspected",
    }
    at = f"features/{file}.feature:{line + 3}"
    missing = ("all database members",) if requirement == "DA-DR-RTO" else ()
    objective = Objective(
        figure=Figure.RECOVERY if missing else Figure.CHECK,
        scope=Scope(traffic="everyday", experiments=EXPERIMENTS.get(requirement, ()), missing_experiments=missing),
        op=Op.HOLDS,
        limit=Quantity(value=0, unit=""),
        sentence=sentence,
        at=at,
    )
    return Claim(
        scenario=scenario(
            title,
            given.get(kind, LOOKED),
            f"then: {sentence}",
            file=f"features/{file}.feature",
            line=line,
            tag=requirement,
        ),
        requirement=requirement,
        objectives=(objective,),
        demands=tuple(demand.key for demand in _demands(requirement)),
    )


def plan(*, release: str = "slow", time_scale: float = 60) -> Plan:
    """Profile core on the sandbox: 23 requirements, a scenario each."""
    demands = {d.key: d for requirement in TITLES for d in _demands(requirement)}
    return Plan(
        run="2026-03-01T14-05-09",
        target="sandbox",
        environment="sandbox",
        time_scale=time_scale,
        durability="quorum",
        release=release,
        profile="core",
        seed=20260301,
        requirements=tuple(
            Requirement(
                id=key,
                profile={"ND": "normaldance", "DA": "normaldance", "AT": "atomos"}[key[:2]],
                title=title,
                criterion=sentence,
                kinds=(kind,),
                gate=gate,
                environments=("sandbox", "staging", "production"),
                source="003 deployment architecture" if key.startswith("DA") else "000 integration strategy: KPIs",
            )
            for key, (title, gate, kind, _, sentence) in TITLES.items()
        ),
        claims=tuple(_claim(5 + 6 * i, key) for i, key in enumerate(TITLES)),
        demands=tuple(demands),
        demand=demands,
        traffic={
            "everyday": TrafficPlan(
                name="everyday",
                locustfile="loadtests/everyday.py",
                journeys_per_s=25,
                requests_per_journey=4,
                warm_up_s=10,
                window_s=128,
                routes=dict.fromkeys(ROUTES, 0.25),
                users=150,
            )
        },
        experiments={
            name: ExperimentPlan(
                name=name,
                file=f"experiments/{name}.yaml",
                domain=b.domain,
                within_s=15,
                hold_s=25,
                observe_s=240,
                seconds=60,
            )
            for name, b in BROKEN.items()
        },
        primary_region="us-east-1",
        regions={"us-east-1": 0.6, "eu-west-1": 0.3, "ap-southeast-1": 0.1},
        deselected=(),
        not_assessable=(),
        probe_spacing_ms={"reads": 50.0, "writes": 33.3},
    )


def in_part(requirement: str, *, on: tuple[str, ...], left_out: tuple[str, ...]) -> Plan:
    """The same by a profile that gates a requirement on some parts of its criterion."""
    given = plan()

    def of(claim: Claim) -> Claim:
        scopes = [replace(one.scope, missing_experiments=(), left_out=left_out) for one in claim.objectives]
        parted = tuple(replace(one, scope=scope) for one, scope in zip(claim.objectives, scopes, strict=True))
        return replace(claim, objectives=parted) if claim.requirement == requirement else claim

    rows = tuple(replace(row, in_part=on) if row.id == requirement else row for row in given.requirements)
    return replace(given, requirements=rows, claims=tuple(map(of, given.claims)))
