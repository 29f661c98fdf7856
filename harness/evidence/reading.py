"""A run directory read back into the values that the judge takes; what is not whole is named, never guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import MissingEvidence
from harness.evidence.baseline import BASELINE, baseline_directory
from harness.evidence.experiments import read_experiments
from harness.evidence.generators import Generators
from harness.evidence.history import read_history
from harness.evidence.manifest import verify
from harness.evidence.seal import WATCH_TABLES, spans
from harness.evidence.soundness import Known
from harness.evidence.tables import Tables
from harness.model import (
    PROBES,
    Baseline,
    Check,
    Evidence,
    Fact,
    FinalRead,
    Ledger,
    Missing,
    Observation,
    PodChange,
    Table,
    WatchSource,
    Window,
    Worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory


_LEDGER_FILES = ("ledger-writes", "ledger-final", "ledger-reads")


def load_evidence(directory: RunDirectory) -> Evidence:
    """Read everything a run recorded.

    A file that is gone, cut short or edited is listed in `missing`, and what it held is not used. Raises
    MissingEvidence only when an observation lacks what every observation of its kind has.
    """
    try:
        return _load(directory)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MissingEvidence(
            f"holds an observation that lacks or misuses {error}", where=f"{directory.path}/history"
        ) from error


def _load(directory: RunDirectory) -> Evidence:
    manifest, missing = verify(directory)
    spoilt = {item.file for item in missing}
    observations: list[Observation] = []
    for path in sorted((directory.path / "history").glob("*.ndjson")):
        if directory.relative(path) in spoilt and manifest is not None:
            continue
        read, faults = read_history(path)
        observations += read
        missing += faults
    observations.sort(key=lambda o: (o.mono_ns, o.source, o.seq))
    reader = Tables(directory=directory, spoilt=spoilt, missing=missing)
    tables = {name: reader.watched(name, schema) for name, schema in WATCH_TABLES.items()}
    return Evidence(
        windows=_by_name(_windows(reader, observations)),
        probes=Table.merged(PROBES, [tables["entry"], tables["regions"]]),
        replicas=tables["replicas"],
        ledger=Ledger(
            writes=tables["ledger-writes"],
            final=tables["ledger-final"],
            final_reads=tuple(_final_reads(observations)),
            reads=tables["ledger-reads"],
            files=tuple(
                f"watch/{name}.parquet" for name in _LEDGER_FILES if name != "ledger-reads" or len(tables[name])
            ),
        ),
        pipeline=tables["pipeline"],
        experiments=read_experiments(observations, directory, spoilt),
        checks={check.demand: check for check in _checks(observations)},
        pods=tuple(_pods(observations)),
        watchers={source.name: source for source in _watchers(observations)},
        observations=tuple(observations),
        baseline=_baseline(directory, missing),
        missing=tuple(_unique(missing)),
        complete=manifest is not None
        and any(o.kind == "run.ended" and o.fields.get("ok") is True for o in observations),
    )


def _baseline(directory: RunDirectory, missing: list[Missing]) -> Baseline | None:
    """The baseline that the run keeps; None where it keeps none, or none that can be read."""
    kept = baseline_directory(directory)
    if not kept.path.is_dir():
        return None
    try:
        plan, windows = kept.read_plan(), _load(kept).windows
    except MissingEvidence as error:
        missing.append(Missing(file=f"{BASELINE}/plan.json", why=error.what))
        return None
    return Baseline(
        plan=plan,
        windows={
            name: replace(window, files=tuple(f"{BASELINE}/{file}" for file in window.files))
            for name, window in windows.items()
            if not window.experiment
        },
    )


def _by_name(windows: Iterable[Window]) -> dict[str, Window]:
    return {f"experiment:{window.experiment}" if window.experiment else window.traffic: window for window in windows}


def _unique(missing: Iterable[Missing]) -> list[Missing]:
    return list({item.file: item for item in reversed(list(missing))}.values())[::-1]


def _windows(reader: Tables, observations: Sequence[Observation]) -> Iterable[Window]:
    workers = _workers(observations)
    until_ns = next((o.mono_ns for o in observations if o.kind == "run.ended"), None)
    for span in spans(observations):
        within = (span.start_ns, span.end_ns)
        generators = Generators.of(span.traffic, observations)
        files = {
            f"{span.directory()}/samples-{worker}.parquet": Known(worker=worker, span=within, until_ns=until_ns)
            for worker in sorted(workers.get(span.traffic, {}))
        }
        yield Window(
            traffic=span.traffic,
            experiment=span.experiment,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            journeys_per_s=span.journeys_per_s,
            requests_per_journey=span.requests_per_journey,
            samples=reader.samples(files, span.traffic).between("intended_ns", span.start_ns, span.end_ns),
            workers=tuple(
                generators.described(
                    replace(
                        worker, why=worker.why or reader.why_spoilt(f"{span.directory()}/samples-{number}.parquet")
                    ),
                    *within,
                )
                for number, worker in sorted(workers.get(span.traffic, {}).items())
            ),
            files=tuple(files),
            begin_ns=generators.begin_ns,
            stopped_ns=generators.stopped_ns,
        )


def _workers(observations: Iterable[Observation]) -> dict[str, dict[int, Worker]]:
    """By traffic and number: what was started, and how whole its row file was at the seal."""
    started: Counter[tuple[str, int]] = Counter()
    sealed: dict[str, Observation] = {}
    for o in observations:
        if o.kind == "worker.started":
            started[o.subject, int(o.fields["worker"])] += 1
        elif o.kind == "rows.sealed":
            sealed[o.subject] = o
    workers: dict[str, dict[int, Worker]] = {}
    for (traffic, number), times in started.items():
        worker = _worker(number, times, sealed.get(f"load/{traffic}/samples-{number}.rows"))
        workers.setdefault(traffic, {})[number] = worker
    return workers


def _worker(number: int, times: int, sealed: Observation | None) -> Worker:
    """One worker that was started so many times, and the seal of its row file."""
    closed = sealed is not None and sealed.fields.get("closed") is True
    if times > 1:
        why = f"{times} workers had this number"
    elif sealed is None:
        why = "its rows were not sealed"
    else:
        why = "" if closed else "the worker did not end in order"
    return Worker(id=number, rows=int(sealed.fields["rows"]) if sealed else 0, closed=closed, why=why)


def _final_reads(observations: Iterable[Observation]) -> Iterable[FinalRead]:
    for o in observations:
        if o.kind == "final-read":
            yield FinalRead(
                round=int(o.subject),
                after=str(o.fields["after"]),
                complete=o.fields["complete"] is True,
                at_ns=int(o.fields["at_ns"]),
                rows=int(o.fields["rows"]),
                source=str(o.fields.get("source", "database")),
                why=str(o.fields.get("why", "")),
            )


def _checks(observations: Iterable[Observation]) -> Iterable[Check]:
    facts: dict[str, list[Fact]] = {}
    whys: dict[str, str] = {}
    for o in observations:
        if o.kind == "check.fact":
            fact = Fact(
                subject=o.subject,
                wanted=str(o.fields["wanted"]),
                seen=str(o.fields["seen"]),
                ok=o.fields["ok"],
                attempts=int(o.fields["attempts"]),
                at_ns=int(o.fields["at_ns"]),
            )
            facts.setdefault(str(o.fields["demand"]), []).append(fact)
        elif o.kind == "check.failed":
            whys[o.subject] = str(o.fields["why"])
        elif o.kind == "check.done" and int(o.fields["facts"]) != len(facts.get(o.subject, [])):
            whys[o.subject] = f"{o.fields['facts']} facts were found, {len(facts.get(o.subject, []))} are on record"
    for demand in sorted({*facts, *whys}):
        yield Check(
            demand=demand,
            facts=() if demand in whys else tuple(facts[demand]),
            why=whys.get(demand, ""),
            files=("history/checks.ndjson",),
        )


def _pods(observations: Iterable[Observation]) -> Iterable[PodChange]:
    for o in observations:
        if o.kind in {"pod.ready", "pod.unready", "pod.deleted"}:
            yield PodChange(
                at_ns=int(o.fields.get("at_ns", o.mono_ns)),
                what=o.kind.removeprefix("pod."),
                name=o.subject,
                namespace=str(o.fields.get("namespace", "")),
                uid=str(o.fields.get("uid", "")),
                workload=str(o.fields.get("workload", "")),
                region=str(o.fields.get("region", "")),
            )


def _watchers(observations: Sequence[Observation]) -> Iterable[WatchSource]:
    closed = {o.subject for o in observations if o.kind == "watch.closed"}
    sealed = {o.subject: o.fields.get("closed") is True for o in observations if o.kind == "rows.sealed"}
    for o in observations:
        if o.kind == "watch.started":
            why = _why_not_whole(str(o.fields.get("file", "")), sealed) if sealed else ""
            why = why or ("" if o.subject in closed else "the watcher did not end in order")
            yield WatchSource(name=o.subject, spacing_ms=float(o.fields["spacing_ms"]), closed=not why, why=why)


def _why_not_whole(file: str, sealed: Mapping[str, bool]) -> str:
    """What is wrong with the row files of a watcher; the reads of a ledger stand beside its writes."""
    beside = file.replace("-writes.", "-reads.")
    if not sealed.get(file, not file.endswith(".rows")):
        return "the watcher did not end in order" if file in sealed else "its rows were not sealed"
    return "" if sealed.get(beside, True) else "the watcher did not end in order"
