"""Evidence written down as a run leaves it: histories, row files, the seal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness import clock
from harness.evidence import RowWriter, RunDirectory
from harness.evidence.histories.history import clock_name
from harness.evidence.seal import seal
from harness.model import LEDGER_READS, PIPELINE, SAMPLES, Evidence, Plan, Table
from tests.fake_clock import BEGUN_S, FakeClock, S

END = 220
WELL: Mapping[str, Any] = {"cpu": 0.2, "gc_ms": 1.0, "loop_ms": 2.0}
"""How a generator fares that is in good order."""
BEGUN = datetime(2026, 1, 31, tzinfo=UTC)
"""What the wall clock said when the monotonic one began."""
AFTER_NS = 10**12
"""When the run ended: after everything that is on record."""
FILES = {
    "entry": "entry",
    "regions": "regions",
    "replicas": "replicas",
    "ledger": "ledger-writes",
    "pipeline": "pipeline",
    "pods": "",
}

ROWS = {
    "journey-writes": "load/everyday/journeys-0",
    "journey-repeats": "load/everyday/repeats-0",
    "journey-reads": "load/everyday/journey-reads",
}
"""Where the tables are that the evidence has no field of its own for."""

Line = tuple[int, str, str, dict[str, Any]]
"""Time, kind, subject and fields of an observation."""


def ns(seconds: float) -> int:
    """Seconds as nanoseconds."""
    return round(seconds * 1e9)


def record(path: Path, plan: Plan, evidence: Evidence, *, workers: Sequence[Table] | None = None) -> RunDirectory:
    """A run that ended and is not sealed yet; the samples of each load worker may be given, else all are one worker's."""
    directory = RunDirectory.create(path, plan.run)
    directory.write_plan(plan)
    write_samples(directory, evidence, workers)
    for name, table in (
        ("entry", evidence.probes.where(evidence.probes.words["subject"].equals("entry"))),
        ("regions", evidence.probes.where(~evidence.probes.words["subject"].equals("entry"))),
        ("replicas", evidence.replicas),
        ("ledger-writes", evidence.ledger.writes),
        ("ledger-final", evidence.ledger.final),
        ("ledger-reads", evidence.ledger.reads),
        ("pipeline", evidence.pipeline),
    ):
        planned = f"watch/{name}.rows" in plan.records
        if len(table) or planned or table.schema not in (LEDGER_READS, PIPELINE):  # a smaller run has none
            write_rows(directory.path / "watch" / f"{name}.rows", table)
    for name, table in evidence.recorded.items():
        write_rows(directory.path / f"{ROWS[name]}.rows", table)
    histories = {
        "run": _run(evidence),
        "watch": _watch(evidence),
        "checks": _checks(evidence),
        "pods": _pods(evidence),
        **{f"chaos-{name}": _chaos(evidence, name) for name in evidence.experiments},
    }
    for source, lines in histories.items():
        write_history(directory, source, lines)
    for source in sorted({o.source for o in evidence.observations if o.kind != "load.health"} - {*histories}):
        own = [o for o in evidence.observations if o.source == source]
        write_history(directory, source, [(o.mono_ns, o.kind, o.subject, dict(o.fields)) for o in own])
    directory.end()
    return directory


def sealed(path: Path, plan: Plan, evidence: Evidence) -> RunDirectory:
    """A run that ended and is sealed."""
    directory = record(path, plan, evidence)
    seal_after(directory, plan)
    return directory


def seal_after(directory: RunDirectory, plan: Plan) -> None:
    """Seal it on the clocks of the run, after its end: this machine may have been started a moment ago."""
    after = FakeClock(AFTER_NS / S)
    after.apart_ns = BEGUN_S * S
    with patch.object(clock, "time", after):
        seal(directory, plan)


def write_rows(path: Path, table: Table) -> None:
    """A row file, closed in order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = RowWriter(path, table.schema)
    ints = [table.ints[name].tolist() for name in table.schema.ints]
    words = [table.words[name].text() for name in table.schema.words]
    for row in zip(zip(*ints, strict=True), zip(*words, strict=True), strict=True):
        writer.put(*row)
    writer.close()


def write_samples(directory: RunDirectory, evidence: Evidence, workers: Sequence[Table] | None) -> None:
    """A row file a load worker, which holds what it sent in all windows, and the start of each."""
    every = [Table.merged(SAMPLES, [window.samples for window in evidence.windows.values()])]
    parts = list(workers or every)
    seconds = range(1, max([END, *(-(-window.end_ns // ns(1)) for window in evidence.windows.values())]) + 1)
    for number, rows in enumerate(parts):
        write_rows(directory.path / f"load/everyday/samples-{number}.rows", rows)
        fares = [(ns(t), "load.health", "everyday", {"at_ns": ns(t), "worker": number, **WELL}) for t in seconds]
        told = [
            (o.mono_ns, o.kind, o.subject, dict(o.fields)) for o in evidence.observations if o.kind == "load.health"
        ]
        write_history(directory, f"load-health-{number}", fares + told)
    lines: list[Line] = [(0, "worker.started", "everyday", {"worker": n}) for n in range(len(parts))]
    for window in list(evidence.windows.values())[:1]:
        if window.begin_ns is not None:
            lines.append((window.begin_ns, "load.begun", "everyday", {"begin_ns": window.begin_ns}))
        if window.stopped_ns is not None:
            lines.append((window.stopped_ns, "load.stopping", "everyday", {"at_ns": window.stopped_ns}))
    write_history(directory, "load", lines)


def write_history(directory: RunDirectory, source: str, lines: Iterable[Line]) -> None:
    """A history with these lines, in order of time; the wall clock was never set."""
    text = ""
    for seq, (at_ns, kind, subject, fields) in enumerate(sorted(lines, key=lambda line: line[0])):
        line = {"seq": seq, "clock": clock_name(), "mono_ns": at_ns, "kind": kind, "subject": subject}
        line["wall"] = clock.wall_text(BEGUN + timedelta(microseconds=at_ns // 1000))
        text += json.dumps({**line, "fields": fields}) + "\n"
    (directory.path / "history" / f"{source}.ndjson").write_text(text, encoding="utf-8")


def _run(evidence: Evidence) -> Iterable[Line]:
    if (began := evidence.started) is not None:
        told = asdict(began)
        yield 0, "run.started", told.pop("run"), told
    for name, window in evidence.windows.items():
        sizes = {"journeys_per_s": window.journeys_per_s, "requests_per_journey": window.requests_per_journey}
        named = {"traffic": window.traffic, "experiment": window.experiment, "phase": window.phase.value}
        start = {**named, "start_ns": window.start_ns, **sizes}
        yield window.start_ns, "window.opened", name, start
        yield window.end_ns, "window.closed", name, {"end_ns": window.end_ns}
    for name, attempts in evidence.experiments.items():
        for attempt in attempts:
            from_ns, until_ns, which = attempt.observed_from_ns, attempt.observed_until_ns, {"attempt": attempt.attempt}
            yield from_ns, "experiment.started", name, {**which, "domain": attempt.domain, "observed_from_ns": from_ns}
            yield until_ns, "restore", name, {**which, **asdict(attempt.restore)}
            yield until_ns, "manual-steps.watched", name, {**which, "count": attempt.manual_steps or 0}
            ended = {**which, "observed_until_ns": until_ns, "journal": dict(attempt.journal)}
            yield until_ns, "experiment.ended", name, ended
    for read in evidence.ledger.final_reads:
        yield read.at_ns, "final-read", str(read.round), asdict(read)
    if evidence.started is not None:
        fields = asdict(evidence.started)
        yield 0, "run.started", fields.pop("run"), fields
    for release in evidence.release_reads:
        fields = asdict(release)
        yield release.at_ns, "release.read", fields.pop("when"), fields
    if evidence.steady_end is not None:
        yield evidence.steady_end.at_ns, "steady", "end", asdict(evidence.steady_end)
    yield AFTER_NS + ns(60), "run.ended", "run", {"ok": True}  # before it is sealed by the clocks of today


def _chaos(evidence: Evidence, name: str) -> Iterable[Line]:
    for fault in (attempt.fault for attempt in evidence.experiments[name]):
        times = {
            "sent": fault.sent_ns,
            "confirmed": fault.confirmed_ns,
            "undone": fault.undone_ns,
            "gone": fault.gone_ns,
        }
        for kind, at_ns in times.items():
            if at_ns is not None:
                hit = {"hit": [asdict(hit) for hit in fault.hit]} if kind == "confirmed" else {}
                yield at_ns, f"fault.{kind}", name, {"at_ns": at_ns, **hit}
        if fault.restored_ns is not None:
            said = {"at_ns": fault.restored_ns, "what": fault.restored_from}
            yield fault.restored_ns, "fault.restored_from", name, said
        if fault.held is not None and fault.undone_ns is not None:
            yield fault.undone_ns - 1, "fault.held", name, {"at_ns": fault.undone_ns - 1, "ok": fault.held}


def _watch(evidence: Evidence) -> Iterable[Line]:
    for name, source in evidence.watchers.items():
        fields = {"spacing_ms": source.spacing_ms, "file": FILES[name] and f"watch/{FILES[name]}.rows"}
        yield 0, "watch.started", name, fields
        yield AFTER_NS, "watch.closed", name, fields


def _checks(evidence: Evidence) -> Iterable[Line]:
    for demand, check in evidence.checks.items():
        for fact in check.facts:
            fields = asdict(fact)
            yield fact.at_ns, "check.fact", fields.pop("subject"), {"demand": demand, **fields}
        yield AFTER_NS, "check.done", demand, {"demand": demand, "facts": len(check.facts)}


def _pods(evidence: Evidence) -> Iterable[Line]:
    for change in evidence.pods:
        fields = asdict(change)
        yield change.at_ns, f"pod.{fields.pop('what')}", fields.pop("name"), fields
    for node in evidence.nodes:
        fields = asdict(node)
        yield node.at_ns, f"node.{fields.pop('what')}", fields.pop("name"), fields
    for leader in evidence.leaders:
        named = {"from": leader.before, "to": leader.after, "at_ns": leader.at_ns}
        yield leader.at_ns, "leader.changed", leader.subject, named
