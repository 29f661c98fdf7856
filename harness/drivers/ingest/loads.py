"""Load reports of other tools: their requests are recorded for the figures of the judge, with facts about the report."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest import load
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.load.protocol import (
    ALL,
    LoadFormat,
    LoadRemarks,
    LoadSample,
    LoadSummary,
    RouteSummary,
    route_fields,
)
from harness.drivers.ingest.load.stream import ReportStream
from harness.drivers.ingest.load.times import TimesSeen
from harness.drivers.ingest.reports import YOUNGER, at_least_one, completed, files_of, key_of, provenance
from harness.drivers.paper import Asked
from harness.errors import DriverError
from harness.evidence.rows import RowWriter
from harness.model import REPORTED, Demand, DemandKind
from harness.modules import modules_below, values_in
from harness.targets.files.paper import LoadReports
from harness.units import NS_PER_S
from harness.words import some

MOST_SAMPLES: Final = 1 << 24
"""Requests of one report; the judge needs about a gigabyte of memory for them."""
MOST_NAMES: Final = 10_000
"""Different names of requests in one report."""
_MOST_ERRORS: Final = 1_000
"""Different kinds of failures; further ones are recorded as `others`."""
_LONGEST_NAME: Final = 200
_FLUSH: Final = 1 << 14
"""Rows after which the buffer is written."""
_LEAST_GAP_S: Final = 5.0
_ROUNDED: Final = 0.01
"""Largest relative error of a stated time or mean."""
_BY_CHANCE: Final = 1e-4
"""Chance of a gap of random arrivals that is called one."""


@cache
def formats_of_load() -> tuple[LoadFormat, ...]:
    """Every format, from the modules of `harness.drivers.ingest.load`."""
    return tuple(value for _, _, value in values_in(modules_below(load), LoadFormat))


@claim(
    "the load report is complete" + YOUNGER,
    needs=("evidence.load.<report>",),
    example="the load report is complete, younger than 7 d",
)
def load_report(asked: Asked) -> Sequence[FactReading]:
    """Facts about a load report: it has requests, no gap in time, no dropped iterations beyond what is declared, and does not contradict itself.

    The requests are recorded for the figures of the report.
    """
    section = asked.target.evidence.load.get(asked.params["report"])
    files = files_of(asked, "load")
    if section is None:  # pragma: no cover - files_of has refused it
        raise DriverError("is not in the target file", where=key_of(asked), hint="name its path there")
    demand = Demand(kind=DemandKind.INGEST, name="load-report", params=dict(asked.params)).key
    with _recording(asked, demand) as book:
        for path in files:
            book.read(path, section.tool)
        rows = book.rows
    facts = [
        *provenance(asked, book.origins),
        at_least_one("requests", rows or book.whole.routes[0].n),
        _left_out(book, section),
        _gap(book, section),
        _consistent(book),
    ]
    if section.warm_up_s and book.summaries:
        seen = f"the {section.tool} report is a summary, which counts it"
        facts.append(
            FactReading(subject="warm-up", expected=f"{section.warm_up_s:g} s cut off", observed=seen, ok=None)
        )
    if asked.sink is not None:
        _say(asked, demand, book, section)
    return facts


class _LoadBook:
    """What the files of one report say, while they are read."""

    def __init__(self, asked: Asked, demand: str, writer: RowWriter | None) -> None:
        self._asked, self._demand, self._writer = asked, demand, writer
        self.origins: list[tuple[Path, Provenance]] = []
        self.summaries: list[LoadSummary] = []
        self.remarks = LoadRemarks()
        self.rows = 0
        self.times = TimesSeen(asked.today)
        self._digests: dict[str, Path] = {}
        self._names: dict[str, str] = {}
        self._errors: set[str] = set()

    @property
    def whole(self) -> LoadSummary:
        """All summaries as one; of several, counts add up, and times are not known."""
        own = [one for one in self.summaries if not one.beside]
        if len(own) == 1:
            beside = [one.seconds for one in self.summaries if one.beside and one.seconds]
            return replace(own[0], seconds=own[0].seconds or (beside[0] if len(beside) == 1 else None))
        names = dict.fromkeys([ALL, *(route.name for one in own for route in one.routes)])
        return LoadSummary(routes=tuple(_added(name, own) for name in names))

    def read(self, path: Path, tool: str) -> None:
        """Read one file; raises DriverError for a file of another tool, a second copy, and what its reader refuses."""
        source, remarks = ReportStream(path), LoadRemarks()
        kind = _format_of(source, tool)
        if (self.rows and kind.summary) or (self.summaries and kind.samples):
            hint = "name the single requests or the summary, not both"
            raise DriverError(f"is {kind.what}, and another file of the report is not", where=str(path), hint=hint)
        self._asked.keep(path)
        if kind.samples is not None:
            self.times.begin()
            before = self.rows
            for sample in kind.samples(source, remarks):
                self._add(sample, source)
            self.remarks.doubts += self.times.doubts(source.where)
            remarks.doubts += ["has no request"] if self.rows == before else []
            remarks.ended_s = self.times.ended_ns / NS_PER_S if self.times.ended_ns else None
        elif kind.summary is not None:
            self.summaries.append(kind.summary(source, remarks))
        other = self._digests.setdefault(source.digest, path)
        if other != path:
            what = f"has the same contents as {other.name}, so its requests would count twice"
            raise DriverError(what, where=str(path), hint="name one of them")
        self._merge(remarks, path)

    def _add(self, sample: LoadSample, source: ReportStream) -> None:
        self.times.add(sample, source)
        name = self._names.get(sample.name)
        if name is None:
            name = "".join(char if char.isprintable() else " " for char in sample.name)
            if len(name) > _LONGEST_NAME:  # two long names stay two
                name = f"{name[:_LONGEST_NAME]}… {hashlib.sha256(name.encode()).hexdigest()[:8]}"
            self._names[sample.name] = name
        self._errors.add(sample.error if len(self._errors) < _MOST_ERRORS else "others")
        self.rows += 1
        if len(self._names) > MOST_NAMES or self.rows > MOST_SAMPLES:
            what = (
                f"has more than {MOST_NAMES} names of requests"
                if self.rows <= MOST_SAMPLES
                else f"has more than {MOST_SAMPLES} requests"
            )
            hint = "let requests of one kind have one name, and name the tool's summary of a longer load"
            raise source.refuse(what, hint, line=sample.line)
        if self._writer is not None:
            error = None if not sample.error else sample.error if sample.error in self._errors else "others"
            self._writer.put((sample.sent_ns, sample.done_ns, sample.answered), (self._demand, name, error))
            if not self.rows % _FLUSH:
                self._writer.flush()

    def _merge(self, remarks: LoadRemarks, path: Path) -> None:
        own = self.remarks
        own.dropped += remarks.dropped
        own.doubts += [f"{path.name}: {doubt}" for doubt in remarks.doubts]
        own.notes += remarks.notes
        own.longest_gap_s = max(own.longest_gap_s, remarks.longest_gap_s)
        for key, values in remarks.origin.items():
            if len(values) > 1:
                own.doubts.append(f"{path.name}: names several values of `{key}`: {some(sorted(map(shown, values)))}")
        told = {key: min(values) if len(values) == 1 else "" for key, values in remarks.origin.items()}
        made = None if remarks.ended_s is None else Moment.at_epoch(remarks.ended_s, str(path))
        own_origin = Provenance(
            release=told.get("release", ""),
            commit=told.get("commit", ""),
            environment=told.get("environment", ""),
            target=told.get("target", ""),
            made=made,
        )
        origin, _ = completed(self._asked, path, own_origin)
        self.origins.append((path, origin))


def _added(name: str, parts: Sequence[LoadSummary]) -> RouteSummary:
    own = [route for one in parts for route in one.routes if route.name == name]
    n, failed, unknown = (sum(getattr(one, key) for one in own) for key in ("n", "failed", "unknown"))
    return RouteSummary(name=name, n=n, failed=failed, unknown=unknown, timed=0)


@contextmanager
def _recording(asked: Asked, demand: str) -> Iterator[_LoadBook]:
    """A book whose rows are in the run directory if all files could be read, and nowhere otherwise."""
    if asked.directory is None:
        yield _LoadBook(asked, demand, None)
        return
    path = asked.directory / _file_of(demand)
    path.parent.mkdir(exist_ok=True)
    writer, read = RowWriter(path, REPORTED), False
    try:
        yield _LoadBook(asked, demand, writer)
        read = True
    finally:
        writer.close()
        if not read:
            path.unlink()


def _file_of(demand: str) -> str:
    return f"reported/{hashlib.sha256(demand.encode()).hexdigest()[:16]}.rows"


def _format_of(source: ReportStream, tool: str) -> LoadFormat:
    """The format of a file of this tool; raises DriverError where it is of none, or of another tool."""
    found = [one for one in formats_of_load() if one.recognises(source.head)]
    own = [one for one in found if one.tool == tool]
    if own:
        return own[0]
    known = ", ".join(one.what for one in formats_of_load() if one.tool == tool)
    seen = f"is {found[0].what}" if found else "begins like no format"
    hint = f"write `tool: {found[0].tool}` in the target file" if found else f"name {known}"
    raise DriverError(f"{seen}, expected {known}", where=source.where, hint=hint)


def _left_out(book: _LoadBook, section: LoadReports) -> FactReading:
    dropped, most = book.remarks.dropped, section.dropped
    seen = f"{dropped}: {section.tool} did not send them, so the load was less than planned" if dropped else "0"
    ok = True if dropped <= most else None
    return FactReading(subject="dropped iterations", expected=f"at most {most}", observed=seen, ok=ok)


def _gap(book: _LoadBook, section: LoadReports) -> FactReading:
    """The fact that the load had no time without a request, beyond what is declared or chance explains."""
    gap_s = max(book.times.longest_gap_s, book.remarks.longest_gap_s)
    most_s = section.longest_gap_s
    if most_s is None:
        apart_s = (book.times.until_ns - book.times.from_ns) / NS_PER_S / max(book.rows, 1)
        most_s = max(_LEAST_GAP_S, apart_s * (math.log(max(book.rows, 1)) - math.log(_BY_CHANCE)))
    seen = f"{gap_s:g} s" if book.rows or book.remarks.longest_gap_s else "not stated by the summary"
    subject, expected = "longest time without a request", f"at most {most_s:.4g} s (`longest_gap`)"
    return FactReading(subject=subject, expected=expected, observed=seen, ok=True if gap_s <= most_s else None)


def _consistent(book: _LoadBook) -> FactReading:
    doubts = list(book.remarks.doubts)
    if book.summaries:
        total = sum(one.routes[0].n for one in book.summaries if not one.beside)
        doubts += [
            f"the course counts {one.routes[0].n} requests, the summary {total}"
            for one in book.summaries
            if one.beside and one.routes[0].n > total
        ]
        doubts += _doubts_of([one for one in book.summaries if not one.beside])
        if all(one.beside for one in book.summaries):
            doubts.append("only the course of the counts is there, and not the summary")
    seen = some(doubts) if doubts else "it agrees with itself"
    return FactReading(
        subject="report", expected="complete, and agrees with itself", observed=seen, ok=None if doubts else True
    )


def _doubts_of(summaries: Sequence[LoadSummary]) -> Iterator[str]:
    """Means that are not between the least and the greatest time, and summaries of one load."""
    for route in (route for one in summaries for route in one.routes):
        ends = [time for time in route.times if time.quantile in (0, 1)]
        if route.mean_ms is None or len(ends) < 2:
            continue
        least, most = min(time.low_ms for time in ends), max(time.high_ms for time in ends)
        if not least * (1 - _ROUNDED) <= route.mean_ms <= most * (1 + _ROUNDED):
            name = f" of {route.name}" if route.name else ""
            yield f"the mean{name} is {route.mean_ms:.4g} ms, the times are from {least:.4g} to {most:.4g} ms"
    if len({one.routes[0] for one in summaries if one.routes[0].n}) < sum(one.routes[0].n > 0 for one in summaries):
        yield "two of its files state the same figures, so they are of one load"


def _say(asked: Asked, demand: str, book: _LoadBook, section: LoadReports) -> None:
    """Record what the figures of the judge need beside the rows."""
    assert asked.sink is not None  # noqa: S101 - for the type checker
    whole = book.whole if book.summaries else LoadSummary(routes=())
    notes = list(book.remarks.notes)
    if sum(not one.beside for one in book.summaries) > 1:
        notes.append("its summaries are of several files, whose percentiles are not averaged")
    asked.sink.put(
        "load.reported",
        demand,
        tool=section.tool,
        rows=book.rows,
        file=_file_of(demand),
        from_ns=book.times.from_ns,
        until_ns=book.times.until_ns,
        warm_up_s=section.warm_up_s,
        seconds=whole.seconds,
        routes=[route_fields(route) for route in whole.routes],
        notes=notes,
    )
