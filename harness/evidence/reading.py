"""A run directory read back into the values that the judge takes; what is not whole is named, never guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.errors import MissingEvidence
from harness.evidence import facts
from harness.evidence.baseline import BASELINE, baseline_directory
from harness.evidence.experiments import read_experiments
from harness.evidence.fields import unusable
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
    Table,
    WatchSource,
    Window,
    Worker,
    fault_free_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory


_LEDGER_FILES = ("ledger-writes", "ledger-final", "ledger-reads")


def load_evidence(directory: RunDirectory) -> Evidence:
    """Read everything a run recorded.

    A file that is gone, cut short, edited or at odds with another is listed in `missing`, and what it held is not used.
    Raises MissingEvidence only when nothing can be made of an observation that has all that its kind has.
    """
    try:
        return _load(directory)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MissingEvidence(
            f"holds an observation that nothing can be made of: {error}", where=f"{directory.path}/history"
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
    reader = Tables(directory=directory, spoilt=spoilt, missing=missing)
    _count(reader, observations)
    tables = {name: reader.watched(name, schema) for name, schema in WATCH_TABLES.items()}
    return Evidence(
        windows={window.name: window for window in _windows(reader, observations)},
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
        pods=tuple(facts.pods(observations)),
        nodes=tuple(facts.nodes(observations)),
        leaders=tuple(facts.leaders(observations)),
        started=facts.started(observations),
        release_reads=tuple(facts.release_reads(observations)),
        steady_end=facts.steady_end(observations),
        watchers={source.name: source for source in _watchers(observations, sealed=manifest is not None)},
        observations=tuple(observations),
        baseline=_baseline(directory, missing),
        missing=tuple(_unique(missing)),
        complete=manifest is not None and _ended_well(observations),
    )


def _apart(observations: Sequence[Observation]) -> tuple[list[Observation], list[Missing]]:
    """What can be reckoned with, and what cannot."""
    usable, missing = list[Observation](), list[Missing]()
    for o in observations:
        if why := unusable(o):
            missing.append(Missing(file=f"history/{o.source}.ndjson", why=f"line {o.seq + 1}: {why}"))
        else:
            usable.append(o)
    return usable, missing


def _on_other_clocks(observations: Sequence[Observation]) -> Iterable[Missing]:
    """Histories whose times do not compare with those of the run."""
    own = next((o.clock for o in observations if o.source == "run"), None)
    for o in observations:
        if own is not None and o.clock != own:
            why = f"was written by the clock {o.clock}, the run went by {own}: their times do not compare"
            yield Missing(file=f"history/{o.source}.ndjson", why=why)


def _count(reader: Tables, observations: Sequence[Observation]) -> None:
    """Hold the rows that are there against those that were sealed, by row file; samples were cut into their windows."""
    windows = spans(observations)
    if any(item.file == "history/run.ndjson" for item in reader.missing):
        return  # it says what was cut, and that it does not say it whole is told already
    for o in observations:
        if o.kind == "rows.sealed":
            rows = PurePosixPath(o.subject)
            cut = [w.directory() for w in windows if rows.parts[0] == "load" and w.traffic == rows.parent.name]
            files = [f"{directory}/{rows.stem}.parquet" for directory in cut]
            whole = rows.name if rows.parts[0] != "load" else rows.name.replace("samples-", "rest-")
            reader.expect(o.fields["rows"], [*files, str(rows.with_name(whole).with_suffix(".parquet"))])


def _ended_well(observations: Iterable[Observation]) -> bool:
    """Whether the run came to its end, and no record of that says otherwise."""
    ends = [o.fields["ok"] for o in observations if o.kind == "run.ended"]
    return bool(ends) and all(ends)


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
            window.traffic: replace(window, files=tuple(f"{BASELINE}/{file}" for file in window.files))
            for window in windows.values()
            if window.name == fault_free_name(window.traffic)
        },
    )


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
    open_end = "its rows were not sealed" if sealed is None else _why_no_end(sealed, "worker")
    why = f"{times} workers had this number" if times > 1 else open_end
    return Worker(id=number, rows=sealed.fields["rows"] if sealed else 0, closed=not open_end, why=why)


def _why_no_end(sealed: Observation, writer: str) -> str:
    """What the seal of a row file says against its end: bytes of a last row that was never whole, no end record."""
    if lost := sealed.fields["truncated_bytes"]:
        return f"the {writer} did not end in order: {lost} bytes at its end are no whole row"
    return "" if sealed.fields["closed"] else f"the {writer} did not end in order"


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
    found: dict[str, list[Fact]] = {}
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
            found.setdefault(str(o.fields["demand"]), []).append(fact)
        elif o.kind == "check.failed":
            whys[o.subject] = str(o.fields["why"])
        elif o.kind == "check.done" and int(o.fields["facts"]) != len(found.get(o.subject, [])):
            whys[o.subject] = f"{o.fields['facts']} facts were found, {len(found.get(o.subject, []))} are on record"
    for demand in sorted({*found, *whys}):
        yield Check(
            demand=demand,
            facts=() if demand in whys else tuple(found[demand]),
            why=whys.get(demand, ""),
            files=("history/checks.ndjson",),
        )


def _watchers(observations: Sequence[Observation], *, sealed: bool) -> Iterable[WatchSource]:
    closed = {o.subject for o in observations if o.kind == "watch.closed"}
    ends = {o.subject: _why_no_end(o, "watcher") for o in observations if o.kind == "rows.sealed"}
    for o in observations:
        if o.kind == "watch.started":
            why = _why_not_whole(str(o.fields.get("file", "")), ends) if sealed or ends else ""
            why = why or ("" if o.subject in closed else "the watcher did not end in order")
            yield WatchSource(name=o.subject, spacing_ms=float(o.fields["spacing_ms"]), closed=not why, why=why)


def _why_not_whole(file: str, ends: Mapping[str, str]) -> str:
    """What is wrong with the row files of a watcher; the reads of a ledger stand beside its writes."""
    beside = file.replace("-writes.", "-reads.")
    why = ends.get(file, "its rows were not sealed" if file.endswith(".rows") else "")
    return why or ends.get(beside, "")
