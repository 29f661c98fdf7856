"""What the run to report on recorded: drawn from a fixed seed, the same each time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from report_plan import BOOT_NS, BROKEN, HOME, REGIONS, ROUTES, TITLES, Broken, S, check_of, ns, pod

from harness.model import (
    LEDGER_WRITES,
    PROBES,
    SAMPLES,
    Check,
    Evidence,
    EvidenceKind,
    Experiment,
    Fact,
    FaultWindow,
    FinalRead,
    Ledger,
    Observation,
    Phase,
    PodChange,
    Restore,
    Schema,
    Table,
    Window,
    Words,
    Worker,
    fault_free_name,
    fault_name,
)


def table(schema: Schema, n: int, **columns: Any) -> Table:
    """A table of n rows; a column is one value for all rows, or one a row."""
    ints = {c: np.array(np.broadcast_to(np.asarray(columns.get(c, 0), dtype=np.int64), n)) for c in schema.ints}
    words = {}
    for c in schema.words:
        value = columns.get(c)
        words[c] = Words.of([value] * n if value is None or isinstance(value, str) else value)
    return Table(schema=schema, ints=ints, words=words)


def _out(at: Any, outages: Sequence[tuple[float, float]]) -> Any:
    return np.logical_or.reduce(
        [np.zeros(len(at), dtype=bool), *((at >= start) & (at < end) for start, end in outages)]
    )


def _samples(start: float, end: float, broken: Broken | None, seed: int) -> Table:
    """A hundred requests a second. While something is out, the share of them that the fault takes fails or is slow."""
    draw = np.random.default_rng(seed)
    n = round((end - start) * 100)
    due = np.sort(draw.uniform(start, end, n))
    ms = draw.lognormal(np.log(18), 0.5, n)
    failed = np.zeros(n, dtype=bool)
    if broken is not None:
        at, hit = due - broken.sent, draw.random(n) < broken.share
        writing = draw.random(n) < 0.5
        away = (_out(at, broken.reads) & ~writing) | (_out(at, broken.writes) & writing)
        failed = away & hit
        ms = np.where(
            failed, draw.choice([35.0, 1000.0, 3000.0], n), np.where((at > 0) & (at < broken.gone), ms * 2.5, ms)
        )
    due_ns = BOOT_NS + (due * S).astype(np.int64)
    return table(
        SAMPLES,
        n,
        intended_ns=due_ns,
        sent_ns=due_ns + 400_000,
        done_ns=due_ns + (ms * 1e6).astype(np.int64),
        status=np.where(failed, 503, 200),
        name=[ROUTES[i % 4] for i in range(n)],
        served_region=[REGIONS[i % 10] for i in range(n)],
        error=["status 503" if bad else None for bad in failed.tolist()],
    )


def _window(name: str, start: float, end: float, seed: int) -> Window:
    directory = f"chaos/{name}/load" if name else "load/everyday"
    return Window(
        name=fault_name(name) if name else fault_free_name("everyday"),
        phase=Phase.FAULT if name else Phase.STEADY,
        traffic="everyday",
        experiment=name,
        start_ns=ns(start),
        end_ns=ns(end),
        journeys_per_s=25,
        requests_per_journey=4,
        samples=_samples(start, end, BROKEN.get(name), seed),
        workers=(Worker(id=0, rows=60_000, closed=True),),
        files=(f"{directory}/samples-0.parquet",),
    )


def _looks(operation: str, per_s: float) -> tuple[Any, Any]:
    """When it was looked, and which of the looks failed."""
    at = np.arange(25, 380, 1 / per_s)
    away = [(b.sent + s, b.sent + e) for b in BROKEN.values() for s, e in getattr(b, operation)]
    return BOOT_NS + (at * S).astype(np.int64), _out(at, away)


def _pods(broken: Broken) -> list[PodChange]:
    gone = [h for h in broken.hit if h.kind == "pod"] or [pod("api-gateway-5c9f-b"), pod("track-service-5c9f-d")]
    back = broken.gone - 0.4
    return [
        PodChange(
            at_ns=ns(broken.sent + at + 0.05 * i),
            what=what,
            name=hit.name if what == "deleted" or "postgres" in hit.name else f"{hit.name[:-1]}z",
            namespace=hit.namespace,
            uid=hit.uid if what == "deleted" else f"{hit.uid}-new",
            workload=hit.workload,
            region=hit.region,
        )
        for what, at in (("deleted", 0.06), ("ready", back))
        for i, hit in enumerate(gone)
    ]


def _observation(seq: int, at: float, kind: str, subject: str, **fields: Any) -> Observation:
    wall = f"2026-03-01T14:{5 + int(at + 9) // 60:02d}:{(at + 9) % 60:06.3f}+00:00"
    return Observation(
        source="run", seq=seq, clock="boot", mono_ns=ns(at), wall=wall, kind=kind, subject=subject, fields=fields
    )


def _observations() -> tuple[Observation, ...]:
    leaders = [(b.sent + at, before, after) for b in BROKEN.values() for at, before, after in b.leaders]
    lines: list[tuple[float, str, str, dict[str, Any]]] = [
        (0, "run.started", "", {}),
        (384, "run.ended", "", {"ok": True}),
    ]
    lines.append((24, "leader.changed", "us-east-1/main", {"from": "", "to": HOME, "at_ns": ns(24)}))
    for at, before, after in leaders:
        lines.append((at, "leader.changed", "us-east-1/main", {"from": before, "to": after, "at_ns": ns(at)}))
        lines.append((at + 0.2, "role.changed", after, {"from": "replica", "to": "primary", "at_ns": ns(at + 0.2)}))
    fault = BROKEN["node-loss"].sent
    for at, kind in ((6.0, "pending"), (9.0, "firing"), (25.0, "resolved")):
        lines.append((fault + at, f"alert.{kind}", "HighErrorRate", {"at_ns": ns(fault + at), "state": kind}))
    return tuple(
        _observation(i, at, kind, subject, **fields)
        for i, (at, kind, subject, fields) in enumerate(sorted(lines, key=lambda line: line[0]))
    )


def _attempt(name: str, broken: Broken) -> Experiment:
    return Experiment(
        manual_steps=0,
        name=name,
        domain=broken.domain,
        attempt=1,
        ran=True,
        fault=FaultWindow(
            experiment=name,
            domain=broken.domain,
            sent_ns=ns(broken.sent),
            confirmed_ns=ns(broken.sent + 0.4),
            undone_ns=None if broken.undone is None else ns(broken.sent + broken.undone),
            gone_ns=ns(broken.sent + broken.gone),
            held=None if broken.undone is None else True,
            hit=broken.hit,
        ),
        restore=Restore(ok=True, at_ns=ns(broken.sent + broken.until - 2)),
        observed_from_ns=ns(broken.sent - 4),
        observed_until_ns=ns(broken.sent + broken.until),
        journal={"status": "completed"},
        files=(f"chaos/{name}/journal.json", f"chaos/{name}/chaos.log"),
    )


@cache
def evidence() -> Evidence:
    """What the run recorded."""
    reads_ns, reads_failed = _looks("reads", 20)
    writes_ns, writes_failed = _looks("writes", 30)
    windows = {"everyday/fault-free": _window("", 30, 158, 1)}
    for seed, (name, b) in enumerate(BROKEN.items(), start=2):
        windows[fault_name(name)] = _window(name, b.sent - 4, b.sent + b.until, seed)
    return Evidence(
        windows=windows,
        probes=table(
            PROBES,
            len(reads_ns),
            due_ns=reads_ns,
            sent_ns=reads_ns,
            done_ns=reads_ns + 3_000_000,
            subject="entry",
            kind="read",
            error=["timeout" if bad else None for bad in reads_failed.tolist()],
        ),
        ledger=Ledger(
            writes=table(
                LEDGER_WRITES,
                len(writes_ns),
                id=np.arange(len(writes_ns)),
                made_ns=writes_ns,
                accepted_ns=writes_ns + 5_000_000,
                outcome=["refused" if bad else "accepted" for bad in writes_failed.tolist()],
            ),
            final_reads=(
                FinalRead(round=1, after="pod-loss", complete=True, at_ns=ns(184), rows=4_000),
                FinalRead(round=2, after="end", complete=True, at_ns=ns(381), rows=9_321),
                FinalRead(round=2, after="end", complete=True, at_ns=ns(381), rows=9_321, source="us-east-1"),
                FinalRead(
                    round=2,
                    after="end",
                    complete=False,
                    at_ns=ns(381),
                    rows=0,
                    source="eu-west-1",
                    why="no answer in 10 s",
                ),
            ),
        ),
        experiments={name: (_attempt(name, b),) for name, b in BROKEN.items()},
        checks={
            check_of(key).key: Check(
                demand=check_of(key).key,
                facts=(Fact(subject=key, expected="200", observed="200", ok=True, attempts=1, at_ns=ns(20)),),
            )
            for key, row in TITLES.items()
            if row[2] is EvidenceKind.CHECK
        },
        pods=tuple(sorted((c for b in BROKEN.values() for c in _pods(b)), key=lambda c: c.at_ns)),
        observations=_observations(),
    )
