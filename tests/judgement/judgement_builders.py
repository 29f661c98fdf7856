"""Runs to judge: a healthy one of a small platform, and the ways to spoil it. Times are seconds from 0 unless they end in _ns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.judgement.judging import decided
from harness.model import (
    LEDGER_FINAL,
    LEDGER_WRITES,
    PROBES,
    REPLICAS,
    SAMPLES,
    Check,
    Claim,
    Demand,
    DemandKind,
    Evidence,
    EvidenceKind,
    Experiment,
    ExperimentPlan,
    Fact,
    FaultWindow,
    Figure,
    FinalRead,
    Gate,
    Hit,
    Judgement,
    LeaderChange,
    Ledger,
    Measure,
    NodeChange,
    Objective,
    Observation,
    Op,
    Per,
    Phase,
    Plan,
    PodChange,
    Quantity,
    Requirement,
    Restore,
    RunStarted,
    Schema,
    Scope,
    Steady,
    Table,
    TrafficPlan,
    WatchSource,
    Window,
    Words,
    Worker,
    fault_free_name,
    fault_name,
)
from harness.model.rounding import rounded
from tests.builders.core_course import words_of
from tests.builders.recorder import END, WELL, ns
from tests.builders.scenarios import scenario

__all__ = ["END", "WELL", "ns"]
S = 1_000_000_000
ROUTES = ("sign-in", "read-track", "create-track", "play-track")
REGIONS = ("us-east-1",) * 6 + ("eu-west-1",) * 3 + ("ap-southeast-1",)
CHECK = Demand(kind=DemandKind.CHECK, name="deployment-size", params={"deployment": "api-gateway"})


def table(schema: Schema, n: int, **columns: Any) -> Table:
    """A table of n rows; a column is one value for all rows, or one a row."""
    assert columns.keys() <= {*schema.ints, *schema.words}
    ints = {
        name: np.array(np.broadcast_to(np.asarray(columns.get(name, 0), dtype=np.int64), n)) for name in schema.ints
    }
    words = {name: words_of(columns.get(name), n) for name in schema.words}
    return Table(schema=schema, ints=ints, words=words)


def every(start: float, end: float, per_s: float) -> npt.NDArray[np.int64]:
    """When looks are due."""
    return np.arange(ns(start), ns(end), round(S / per_s), dtype=np.int64)


def samples(start: float, end: float, *, latency_ms: float = 20.0, lag_ms: float = 0.5, per_s: float = 100.0) -> Table:
    """Requests at an even rate, routes and regions in turn, all answered."""
    due = every(start, end, per_s)
    n = len(due)
    turn = np.arange(n)
    return table(
        SAMPLES,
        n,
        intended_ns=due,
        sent_ns=due + round(lag_ms * 1e6),
        done_ns=due + np.round((latency_ms + turn % 10) * 1e6).astype(np.int64),
        status=200,
        name=[ROUTES[i % 4] for i in range(n)],
        journey="listen",
        step=[str(i % 4 + 1) for i in range(n)],
        region="home",
        served_region=[REGIONS[i % 10] for i in range(n)],
        served_pod=["track-old" if t < ns(75) else "track-new" for t in due.tolist()],
    )


def with_ints(rows: Table, at: Any, **columns: Any) -> Table:
    """The rows with other numbers where `at` says."""
    ints = {name: column.copy() for name, column in rows.ints.items()}
    for name, value in columns.items():
        ints[name][at] = value
    return replace(rows, ints=ints)


def with_words(rows: Table, at: Any, **columns: str | None) -> Table:
    """The rows with other words where `at` says."""
    words = dict(rows.words)
    for name, value in columns.items():
        text = np.array(words[name].text(), dtype=object)
        text[at] = value
        words[name] = Words.of(text.tolist())
    return replace(rows, words=words)


def failing(rows: Table, at: Any, status: int = 503, error: str = "status 503") -> Table:
    """The rows with failures where `at` says."""
    return with_words(with_ints(rows, at, status=status), at, error=error)


def down(rows: Table, start: float, end: float, column: str = "error", word: str = "timeout") -> Table:
    """Looks that failed because they were sent in [start, end)."""
    sent = rows.ints["made_ns" if "made_ns" in rows.ints else "sent_ns"]
    return with_words(rows, (sent >= ns(start)) & (sent < ns(end)), **{column: word})


def reads(start: float = 0.0, end: float = END, per_s: float = 20.0) -> Table:
    """Read probes of the entry, answered in 3 ms."""
    due = every(start, end, per_s)
    kept = {"subject": "entry", "kind": "read", "connection": "kept", "status": 200}
    return table(PROBES, len(due), due_ns=due, sent_ns=due, done_ns=due + 3_000_000, **kept)


def health(start: float = 0.0, end: float = 60.0, per_s: float = 65.0) -> Table:
    """Health probes of the entry, answered in 1 ms."""
    due = every(start, end, per_s)
    kept = {"subject": "entry", "kind": "health", "connection": "kept", "status": 200}
    return table(PROBES, len(due), due_ns=due, sent_ns=due, done_ns=due + 1_000_000, **kept)


def writes(start: float = 0.0, end: float = END, per_s: float = 30.0) -> Table:
    """Ledger writes of one client, acknowledged in 5 ms."""
    due = every(start, end, per_s)
    n = len(due)
    return table(
        LEDGER_WRITES,
        n,
        by=1,
        id=np.arange(n),
        intended_ns=due,
        made_ns=due,
        accepted_ns=due + 5_000_000,
        status=201,
        again=np.where(np.arange(n) % 10 == 0, 201, 0),
        outcome="accepted",
    )


def ledger(rows: Table, lost: Sequence[int] = (), wrong: Sequence[int] = (), *, complete: bool = True) -> Ledger:
    """The ledger after one final read that found all written rows but the lost ones."""
    written = rows.where(~rows.words["outcome"].equals("refused"))
    found = written.where(~np.isin(written.ints["id"], list(lost)))
    at_ns = ns(END + 5)
    final = table(
        LEDGER_FINAL,
        len(found),
        by=found.ints["by"],
        id=found.ints["id"],
        round=1,
        seen_ns=at_ns,
        place="database",
        state=["wrong" if n in wrong else "found" for n in found.ints["id"].tolist()],
    )
    read = FinalRead(round=1, after="end", complete=complete, at_ns=at_ns, rows=len(found))
    return Ledger(writes=rows, final=final, final_reads=(read,), files=("watch/ledger-writes.parquet",))


def lags(start: float = 0.0, end: float = 62.0, ms: float = 40.0) -> Table:
    """Looks at a primary and two replicas, five a second."""
    due = every(start, end, 5.0)
    members = [("pg-0", "primary", -1), ("pg-1", "replica", round(ms * 1e6)), ("pg-2", "replica", round(ms * 1e6))]
    parts = [table(REPLICAS, len(due), at_ns=due, lag_ns=lag, member=m, role=role) for m, role, lag in members]
    return Table.merged(REPLICAS, parts)


HITS = {
    "pod": Hit(kind="pod", name="track-old", namespace="us-east-1", uid="u-old", region="us-east-1", workload="track"),
    "database": Hit(kind="pod", name="pg-0", namespace="us-east-1", uid="u-pg", region="us-east-1", workload="pg"),
    "region": Hit(kind="node", name="us-east-1a", region="us-east-1"),
}
"""What a fault of each domain hits."""


def experiment(name: str, domain: str, start: float, end: float, **fields: Any) -> Experiment:
    """An attempt in good order: sent 1 s after the start, confirmed 1 s later; a held fault is undone 5 s before the end."""
    held = domain != "pod"
    fault = FaultWindow(
        experiment=name,
        domain=domain,
        sent_ns=ns(start + 1),
        confirmed_ns=ns(start + 2),
        undone_ns=ns(end - 5) if held else None,
        gone_ns=ns(end - 4) if held else None,
        held=True if held else None,
        hit=(HITS.get(domain, HITS["pod"]),),
    )
    return Experiment(
        name=name,
        domain=domain,
        ran=True,
        fault=fields.pop("fault", fault),
        restore=fields.pop("restore", Restore(ok=True, at_ns=ns(end))),
        observed_from_ns=ns(start),
        observed_until_ns=ns(end),
        journal=fields.pop("journal", {"status": "completed"}),
        attempt=fields.pop("attempt", 1),
        manual_steps=fields.pop("manual_steps", 0),
        files=(f"chaos/{name}/journal.json",),
        **fields,
    )


def window(rows: Table, start: float, end: float, experiment: str = "") -> Window:
    """A window of everyday traffic with one worker."""
    return Window(
        name=fault_name(experiment) if experiment else fault_free_name("everyday"),
        phase=Phase.FAULT if experiment else Phase.STEADY,
        traffic="everyday",
        experiment=experiment,
        start_ns=ns(start),
        end_ns=ns(end),
        journeys_per_s=25.0,
        requests_per_journey=4,
        samples=rows,
        workers=(Worker(id=0, rows=len(rows), closed=True, **WELL),),
        files=("load/everyday/samples-0.parquet",),
    )


def pod(at: float, what: str, name: str, uid: str) -> PodChange:
    """Something became of a pod of track-service."""
    return PodChange(
        at_ns=ns(at), what=what, name=name, namespace="us-east-1", uid=uid, workload="track", region="us-east-1"
    )


def node(at: float, what: str, name: str = "us-east-1a", region: str = "us-east-1") -> NodeChange:
    """Something became of a node."""
    return NodeChange(at_ns=ns(at), what=what, name=name, region=region, ready=what != "unready")


def observation(kind: str, subject: str, at: float, source: str, **fields: Any) -> Observation:
    """One line of a history."""
    return Observation(
        source=source, seq=0, clock="boot", mono_ns=ns(at), wall="", kind=kind, subject=subject, fields=fields
    )


def users(count: int = 150, start: float = 0.0, end: float = 61.0, worker: int = 0) -> tuple[Observation, ...]:
    """A worker's count of journeys in progress, each second."""
    return tuple(
        observation("load.users", "everyday", t, f"load-users-{worker}", at_ns=ns(t), users=count)
        for t in np.arange(start, end).tolist()
    )


SPANS = {
    "pod-loss": ("pod", 70.0, 100.0),
    "database-loss": ("database", 110.0, 150.0),
    "region-loss": ("region", 160.0, 200.0),
}


FAULTS = {"pod-loss": (60.0, 110.0), "database-loss": (110.0, 160.0), "region-loss": (160.0, 200.0)}
"""The windows of the faults: each begins where the one before ends."""

STARTED = RunStarted(run="run-1", target="sandbox", release="1.0.0", environment="sandbox", time_scale=60, seed=1)
"""What the run recorded that it is."""


@cache
def evidence() -> Evidence:
    """All that a healthy run recorded: the database is out for 20 s, the region for 10 s, the pod is not missed."""
    probes = down(down(Table.merged(PROBES, [reads(), health()]), 111.5, 131.5), 161.5, 171.5)
    written = down(down(writes(), 111.5, 131.5, "outcome", "unknown"), 161.5, 171.5, "outcome", "unknown")
    windows = {"everyday/fault-free": window(samples(0, 60), 0, 60)}
    for name, (start, end) in FAULTS.items():
        windows[fault_name(name)] = window(samples(start, end), start, end, name)
    fact = Fact(subject="us-east-1/api-gateway", expected="3 ready", observed="3 ready", ok=True, attempts=1, at_ns=1)
    return Evidence(
        windows=windows,
        probes=probes,
        replicas=lags(),
        ledger=ledger(written),
        experiments={name: (experiment(name, *span),) for name, span in SPANS.items()},
        checks={CHECK.key: Check(demand=CHECK.key, facts=(fact,))},
        pods=(
            pod(1, "ready", "track-old", "u-old"),
            pod(71.5, "deleted", "track-old", "u-old"),
            pod(73, "ready", "track-new", "u-new"),
            replace(pod(111.5, "deleted", "pg-0", "u-pg"), workload="pg"),
        ),
        nodes=(node(0, "present"), node(161.5, "unready"), node(195.5, "ready")),
        leaders=(LeaderChange(at_ns=ns(0.5), subject="us-east-1/pg", before="", after="pg-0"),),
        steady_end=Steady(ok=True, at_ns=ns(END)),
        watchers={
            n: WatchSource(name=n, spacing_ms=50, closed=True)
            for n in ("entry", "ledger", "replicas", "pods", "regions")
        },
        observations=users(),
        started=STARTED,
    )


def objective(figure: Figure, op: Op, limit: str, **fields: Any) -> Objective:
    """An objective; what is not a field of Objective goes into its scope, under everyday traffic."""
    own = {"quantile", "tolerance", "window", "older_than", "check", "params", "times", "confidence", "sentence"}
    given = {key: fields.pop(key) for key in tuple(fields) if key in own}
    for key in {"tolerance", "window", "older_than"} & given.keys():
        given[key] = Quantity.parse(given[key], scaled=key in {"older_than", "window"})
    scope = Scope(**{"traffic": "everyday", **fields})
    sentence = given.pop("sentence", f"{figure} {op} {limit}")
    return Objective(
        figure=figure, op=op, limit=Quantity.parse(limit), scope=scope, sentence=sentence, at="a.feature:3", **given
    )


def p95(limit: str = "200 ms", **fields: Any) -> Objective:
    """The response time p95 of every route."""
    return objective(Figure.RESPONSE_TIME, Op.BELOW, limit, **{"quantile": 0.95, "per": Per.ROUTE, **fields})


def errors(limit: str = "0.1 %", **fields: Any) -> Objective:
    """The error rate."""
    return objective(Figure.ERROR_RATE, Op.BELOW, limit, **fields)


def uptime(limit: str = "99.9 %", **fields: Any) -> Objective:
    """The uptime of the entry."""
    return objective(Figure.UPTIME, Op.AT_LEAST, limit, **{"subject": "entry", **fields})


def share(limit: str = "60 %", region: str = "us-east-1", **fields: Any) -> Objective:
    """The share of answers of a region."""
    return objective(Figure.REGION_SHARE, Op.WITHIN, limit, **{"tolerance": "5 points", "subject": region, **fields})


def lag(limit: str = "10 s", **fields: Any) -> Objective:
    """The replication lag p99 of every replica."""
    return objective(Figure.REPLICATION_LAG, Op.BELOW, limit, **{"quantile": 0.99, "per": Per.REPLICA, **fields})


def recovery(limit: str, *experiments: str, **fields: Any) -> Objective:
    """Reads and writes are served again; a limit of hours is an RTO and scaled."""
    given = {"experiments": experiments, "operations": ("reads", "writes"), "phase": Phase.FAULT, **fields}
    made = objective(Figure.RECOVERY, Op.BELOW, limit, **given)
    return replace(made, limit=replace(made.limit, scaled=limit.endswith(" h")))


def no_loss(*experiments: str, **fields: Any) -> Objective:
    """No acknowledged write is lost."""
    given = {"experiments": experiments, "operations": ("writes",), "phase": Phase.FAULT, **fields}
    return objective(Figure.LOST_WRITES, Op.HOLDS, "0", **given)


def first_request(limit: str = "10 s", **fields: Any) -> Objective:
    """A new pod has its first request soon, a killed pod none later."""
    times = {"killed none later than": Quantity.parse("10 s")}
    given = {"experiments": ("pod-loss",), "times": times, "phase": Phase.FAULT, **fields}
    return objective(Figure.FIRST_REQUEST, Op.BELOW, limit, **given)


def check(**fields: Any) -> Objective:
    """A fact of the live target."""
    given = {"check": CHECK.name, "params": CHECK.params, "traffic": None, **fields}
    return objective(Figure.CHECK, Op.HOLDS, "1", **given)


CORE: Mapping[str, Objective] = {
    "R-P95": p95(),
    "R-USERS": p95("1000 ms", users=101, window="10 min"),
    "R-ERRORS": errors(),
    "R-ROUTE-ERRORS": errors("1 %", per=Per.ROUTE),
    "R-UPTIME": uptime(),
    "R-SHARE": share(),
    "R-LAG": lag(),
    "R-POD": recovery("30 s", "pod-loss"),
    "R-RTO": recovery("4 h", "database-loss", "region-loss", params={"manual_steps": "0"}),
    "R-RISK": no_loss(domains=("pod",)),
    "R-RPO": no_loss("database-loss", "region-loss", older_than="1 h"),
    "R-FIRST": first_request(),
    "R-CHECK": check(),
}


def requirement(name: str, gate: Gate = Gate.CRITICAL, environments: tuple[str, ...] = ("sandbox",)) -> Requirement:
    """A row of a catalogue."""
    return Requirement(
        id=name,
        profile="core",
        title=name,
        criterion="",
        kinds=(EvidenceKind.LOAD,),
        gate=gate,
        environments=environments,
        source="",
    )


def claim(name: str, *objectives: Objective) -> Claim:
    """One scenario."""
    return Claim(scenario=scenario(name), requirement=name, objectives=objectives, demands=(CHECK.key,))


def plan(sentences: Mapping[str, Objective] | None = None, **fields: Any) -> Plan:
    """A plan of one scenario a requirement; all of CORE where none is given."""
    expected = CORE if sentences is None else sentences
    planned = {
        name: ExperimentPlan(
            name=name,
            file=f"{name}.yaml",
            domain=domain,
            within_s=10,
            hold_s=0 if domain == "pod" else 25,
            observe_s=240,
            seconds=40,
        )
        for name, (domain, _, _) in SPANS.items()
    }
    traffic = TrafficPlan(
        name="everyday",
        locustfile="everyday.py",
        journeys_per_s=25.0,
        requests_per_journey=4,
        warm_up_s=10,
        window_s=60,
        routes=dict.fromkeys(ROUTES, 0.25),
        users=150,
        after_s=0,
    )
    given: dict[str, Any] = {
        "run": "run-1",
        "target": "sandbox",
        "environment": "sandbox",
        "time_scale": 60,
        "durability": "",
        "release": "1.0.0",
        "profile": "core",
        "seed": 1,
        "requirements": tuple(requirement(name) for name in expected),
        "claims": tuple(claim(name, one) for name, one in expected.items()),
        "demands": (CHECK.key,),
        "demand": {CHECK.key: CHECK},
        "traffic": {"everyday": traffic},
        "experiments": planned,
        "primary_region": "us-east-1",
        "regions": {"us-east-1": 0.6, "eu-west-1": 0.3, "ap-southeast-1": 0.1},
        "deselected": (),
        "not_assessable": (),
        "probe_spacing_ms": {"reads": 50.0, "writes": 1000 / 30},
    }
    return Plan(**{**given, **fields})


def with_load(rows: Table, base: Evidence | None = None, **fields: Any) -> Evidence:
    """The evidence with other samples in the fault-free window."""
    base = base or evidence()
    changed = replace(base.windows["everyday/fault-free"], samples=rows, **fields)
    return replace(base, windows={**base.windows, changed.name: changed})


def with_experiment(attempts: Sequence[Experiment], base: Evidence | None = None) -> Evidence:
    """The evidence with other attempts at one experiment; each later one has a window of its own, as the first one's."""
    base = base or evidence()
    name = attempts[0].name
    windows = dict(base.windows)
    for attempt in attempts:
        if attempt.attempt > 1 and fault_name(name) in windows:
            own = fault_name(name, attempt.attempt)
            windows[own] = replace(windows[fault_name(name)], name=own)
    return replace(base, windows=windows, experiments={**base.experiments, name: tuple(attempts)})


def verdicts_of(known: Plan, run: Evidence) -> Judgement:
    """What `judge` decides, without what reports show beside it: that is half of its time."""
    return rounded(decided(known, run))


def measures(judgement: Judgement) -> list[Measure]:
    """All measures, in order."""
    return [m for v in judgement.verdicts for c in v.claims for of_one in c.measures for m in of_one]
