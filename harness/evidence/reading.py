"""Reads a run directory into the values that the judge uses.

Incomplete files are listed as missing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from harness.errors import MissingEvidence
from harness.evidence.baseline import BASELINE, baseline_directory
from harness.evidence.histories import facts
from harness.evidence.histories.checks import read_checks
from harness.evidence.histories.clock_steps import clock_steps
from harness.evidence.histories.experiments import read_experiments
from harness.evidence.histories.generators import Generators
from harness.evidence.histories.history import read_history
from harness.evidence.histories.windows import spans
from harness.evidence.manifest import untied, verify
from harness.evidence.required import unbegun, unrecorded
from harness.evidence.soundness import Known
from harness.evidence.tables import Tables
from harness.model import (
    LEDGER_FINAL,
    LEDGER_READS,
    LEDGER_WRITES,
    PIPELINE,
    PROBES,
    REPLICAS,
    Baseline,
    Evidence,
    FinalRead,
    Ledger,
    Missing,
    Observation,
    Table,
    WatchSource,
    Window,
    Worker,
    fault_free_name,
)
from harness.model.observations import (
    ExperimentSkipped,
    ExperimentStarted,
    LedgerRead,
    RowsSealed,
    RunEnded,
    WatchClosed,
    WatchStarted,
    WindowOpened,
    WorkerStarted,
    every,
    unusable,
)
from harness.model.records.recorded import RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory

MOST_OPENED: Final = 4096
"""Maximum number of windows and attempts at experiments in a run; a normal run has a few dozen."""


def load_evidence(directory: RunDirectory) -> Evidence:
    """Read all records of a run.

    A file that is missing, truncated, edited or contradicts another file is listed in `missing`, and its contents are
    not used. MissingEvidence is raised only if an observation of a known kind cannot be parsed, the run has another
    format, or the run has more windows and experiments than MOST_OPENED.
    """
    try:
        return _load(directory)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MissingEvidence(
            f"the history contains an observation that cannot be parsed: {error}", where=f"{directory.path}/history"
        ) from error


def _load(directory: RunDirectory) -> Evidence:
    manifest, missing = verify(directory)
    spoilt = {item.file for item in missing}
    observations: list[Observation] = []
    for path in sorted((directory.path / "history").glob("*.ndjson")):
        if directory.relative(path) in spoilt and manifest is not None:
            continue
        read, faults = read_history(path)
        usable, useless = _apart(read)
        observations += usable
        missing += [*faults, *useless]
    missing += _on_other_clocks(observations)
    observations.sort(key=lambda o: (o.mono_ns, o.source, o.seq))
    _refuse_many(observations, directory)
    started = facts.started(observations)
    releases = tuple(facts.release_reads(observations))
    missing += untied(manifest or {}, started, releases)
    reader = Tables(directory=directory, spoilt=spoilt, missing=missing)
    _count(reader, observations)
    complete = manifest is not None and _ended_well(observations)
    if complete:
        missing += [*unrecorded(directory), *unbegun(observations)]
    tables = reader.recorded()
    return Evidence(
        windows={window.name: window for window in _windows(reader, observations)},
        probes=tables.pop(PROBES.name),
        replicas=tables.pop(REPLICAS.name),
        pipeline=tables.pop(PIPELINE.name),
        ledger=_ledger(tables, observations),
        recorded=tables,
        experiments=read_experiments(observations, directory, spoilt),
        checks={check.demand: check for check in read_checks(observations, reader)},
        pods=tuple(facts.pods(observations)),
        nodes=tuple(facts.nodes(observations)),
        leaders=tuple(facts.leaders(observations)),
        started=started,
        release_reads=releases,
        steady_start=facts.steady_at("start", observations),
        steady_end=facts.steady_at("end", observations),
        watchers={source.name: source for source in _watchers(observations, sealed=manifest is not None)},
        observations=tuple(observations),
        baseline=_baseline(directory, missing),
        missing=tuple(_unique(missing)),
        complete=complete,
        cut=facts.cut(observations),
        clock_steps=clock_steps(observations),
    )


def _refuse_many(observations: Sequence[Observation], directory: RunDirectory) -> None:
    """Each window and each attempt at an experiment is compared with much else: a history of nothing but them would take days."""
    kinds = {*WindowOpened.KINDS, *ExperimentStarted.KINDS, *ExperimentSkipped.KINDS}
    if (opened := sum(o.kind in kinds for o in observations)) > MOST_OPENED:
        what = f"the run has {opened} windows and experiments, expected at most {MOST_OPENED}"
        raise MissingEvidence(what, where=f"{directory.path}/history")


def _ledger(tables: dict[str, Table], observations: Sequence[Observation]) -> Ledger:
    """The tables of the ledger, removed from all tables."""
    writes, final, reads = (tables.pop(schema.name) for schema in (LEDGER_WRITES, LEDGER_FINAL, LEDGER_READS))
    names = [LEDGER_WRITES.name, LEDGER_FINAL.name, *([LEDGER_READS.name] if len(reads) else [])]
    return Ledger(
        writes=writes,
        final=final,
        reads=reads,
        final_reads=tuple(_final_reads(observations)),
        files=tuple(f"watch/{name}.parquet" for name in names),
    )


def _apart(observations: Sequence[Observation]) -> tuple[list[Observation], list[Missing]]:
    """The usable observations, and the reasons why others are invalid."""
    usable, missing = list[Observation](), list[Missing]()
    for o in observations:
        if why := unusable(o):
            missing.append(Missing(file=f"history/{o.source}.ndjson", why=f"line {o.seq + 1}: {why}"))
        else:
            usable.append(o)
    return usable, missing


def _on_other_clocks(observations: Sequence[Observation]) -> Iterable[Missing]:
    """Reports histories whose times cannot be compared with those of the run."""
    own = next((o.clock for o in observations if o.source == "run"), None)
    for o in observations:
        if own is not None and o.clock != own:
            why = f"the history uses clock {o.clock}, the run used {own}, so timestamps are not comparable"
            yield Missing(file=f"history/{o.source}.ndjson", why=why)


def _count(reader: Tables, observations: Sequence[Observation]) -> None:
    """Compare the number of rows found with the number recorded at the end of the run, by row file.

    Samples were cut into their windows.
    """
    windows = spans(observations)
    if any(item.file == "history/run.ndjson" for item in reader.missing):
        return  # it records what was cut, and its own damage is listed already
    for sealed in every(RowsSealed, observations):
        rows = PurePosixPath(sealed.subject)
        cut = [w.directory() for w in windows if rows.name.startswith("samples-") and w.traffic == rows.parent.name]
        files = [f"{directory}/{rows.stem}.parquet" for directory in cut]
        rest = rows.with_name(rows.name.replace("samples-", "rest-")).with_suffix(".parquet")
        reader.expect(sealed.rows, [*files, str(rest)])


def _ended_well(observations: Iterable[Observation]) -> bool:
    """Whether the run completed according to all records of its end."""
    ends = [end.ok for end in every(RunEnded, observations)]
    return bool(ends) and all(ends)


def _baseline(directory: RunDirectory, missing: list[Missing]) -> Baseline | None:
    """The baseline stored in the run; None if there is none, or it cannot be read."""
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
            window.traffic: replace(window, files=tuple(f"{BASELINE}/{file}" for file in window.files))
            for window in windows.values()
            if window.name == fault_free_name(window.traffic)
        },
    )


def _unique(missing: Iterable[Missing]) -> list[Missing]:
    return list({item.file: item for item in reversed(list(missing))}.values())[::-1]


def _windows(reader: Tables, observations: Sequence[Observation]) -> Iterable[Window]:
    workers = _workers(observations)
    traffics: dict[str, Generators] = {}
    until_ns = next((end.recorded_ns for end in every(RunEnded, observations)), None)
    counts = {file: n for sealed in every(RowsSealed, observations) for file, n in sealed.parts.items()}
    for span in spans(observations):
        within = (span.start_ns, span.end_ns)
        generators = traffics.get(span.traffic) or Generators.of(span.traffic, observations)
        traffics[span.traffic] = generators
        files = {
            f"{span.directory()}/samples-{worker}.parquet": Known(worker=worker, span=within, until_ns=until_ns)
            for worker in sorted(workers.get(span.traffic, {}))
        }
        yield Window(
            name=span.name,
            phase=span.phase,
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
            counted=sum(counts[file] for file in files) if counts.keys() >= files.keys() else None,
        )


def _workers(observations: Sequence[Observation]) -> dict[str, dict[int, Worker]]:
    """Workers by traffic and number.

    Each has what was started, and whether its row file was complete at the seal.
    """
    started = Counter((worker.subject, worker.worker) for worker in every(WorkerStarted, observations))
    sealed = {rows.subject: rows for rows in every(RowsSealed, observations)}
    workers: dict[str, dict[int, Worker]] = {}
    for (traffic, number), times in started.items():
        worker = _worker(number, times, sealed.get(f"load/{traffic}/samples-{number}.rows"))
        workers.setdefault(traffic, {})[number] = worker
    return workers


def _worker(number: int, times: int, sealed: RowsSealed | None) -> Worker:
    """One worker that was started so many times, and the seal of its row file."""
    open_end = "the end of the run has no count of its rows" if sealed is None else _why_no_end(sealed, "worker")
    why = f"{times} workers had this number" if times > 1 else open_end
    return Worker(id=number, rows=sealed.rows if sealed else 0, closed=not open_end, why=why)


def _why_no_end(sealed: RowsSealed, writer: str) -> str:
    """What the seal of a row file says against its end.

    It lists bytes of an incomplete last row, or a missing end record.
    """
    if lost := sealed.truncated_bytes:
        return f"the {writer} did not close its file: the last {lost} bytes are not a complete row"
    return "" if sealed.closed else f"the {writer} did not close its file"


def _final_reads(observations: Iterable[Observation]) -> Iterable[FinalRead]:
    for read in every(LedgerRead, observations):
        yield FinalRead(
            round=int(read.subject),
            after=read.after,
            complete=read.complete,
            at_ns=read.at_ns,
            rows=read.rows,
            source=read.source_,
            why=read.why,
        )


def _watchers(observations: Sequence[Observation], *, sealed: bool) -> Iterable[WatchSource]:
    closed = {watcher.subject for watcher in every(WatchClosed, observations)}
    ends = {rows.subject: _why_no_end(rows, "watcher") for rows in every(RowsSealed, observations)}
    for watcher in every(WatchStarted, observations):
        why = _why_not_whole(watcher, ends) if sealed or ends else ""
        why = why or ("" if watcher.subject in closed else "the watcher did not close its file")
        yield WatchSource(name=watcher.subject, spacing_ms=float(watcher.spacing_ms), closed=not why, why=why)


def _why_not_whole(watcher: WatchStarted, ends: Mapping[str, str]) -> str:
    """What is wrong with the row files of a watcher.

    They are the one that it named, and those of the tables that are declared to be its own.
    """
    needed = {watcher.file: watcher.file.endswith(".rows")}
    needed |= {f"{table.files}.rows": table.needed for table in RECORDED if table.watcher == watcher.subject}
    whys = (
        ends.get(file, "the end of the run has no count of its rows" if must else "") for file, must in needed.items()
    )
    return next(filter(None, whys), "")
