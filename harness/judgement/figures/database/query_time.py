"""Times of database queries: a quantile of the calls of each statement, from the statistics of the database itself.

A server keeps number, mean, standard deviation, minimum and maximum of the calls of each statement, but no times of single calls. The
difference of two readings bounds any quantile of the calls between them. Minimum and maximum cover all calls since the statement was first
counted, which only widens the bounds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from harness.judgement.figures.database.query_readings import (
    DATABASE,
    PER_S,
    calls_within,
    counted_of,
    joined,
    read_receipt,
    unread_members,
)
from harness.judgement.figures.database.query_readings import FILES as READ_FILES
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import steady_window
from harness.judgement.figures.recovery.phases import in_phase
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.quantile_moments import KnownMoments, quantile_by_moments
from harness.judgement.stats.statistics import needed
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Phase, Receipt, Window
from harness.model.observations import StatementCounts
from harness.units import NS_PER_S
from harness.words import some

_FILES: Final = ("history/queries.ndjson",)
_AGAIN: Final = "make sure that the statistics of every member can be read during the complete window, then run again"


class _Uncounted(Exception):
    """The statistics are not sufficient for a verdict; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Statements:
    """The statement statistics of a window.

    Attributes:
        texts: text of each statement, by id.
        calls: times of the calls of each statement, by id.
        seconds: length of the time that the statistics cover, in s.
    """

    texts: Mapping[str, str]
    calls: Mapping[str, KnownMoments]
    seconds: float


def query_times(case: Case) -> Iterable[Measure]:
    """One measure per statement that ran often enough in the window, or that was slow."""
    name = _name(case)
    if case.objective.scope.phase is Phase.SWITCHED:
        yield from in_phase(case, name, partial(_after_switch, case))
        return
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    try:
        counted, members = _statements(case, window)
    except _Uncounted as unknown:
        yield inconclusive(case, name, str(unknown), _AGAIN, scope={"traffic": window.traffic})
        return
    watch = Receipt(ok=True, why=f"the statistics of {members} cover {counted.seconds:.4g} s", files=_FILES)
    yield from _by_statement(case, window, counted, {"watch": watch})


def _name(case: Case) -> str:
    return f"p{case.quantile * 100:g} of a database query"


def _after_switch(case: Case, windows: Sequence[Window], receipts: Mapping[str, Receipt]) -> Iterable[Measure]:
    """The measures of the time in which all users were on the candidate release."""
    for window in windows:
        texts, calls = calls_within(case.evidence, window.span)
        watch = read_receipt(case.evidence, window.span, case.plan.members)
        counted = _Statements(texts=texts, calls=calls, seconds=window.seconds)
        yield from _by_statement(case, window, counted, {**receipts, "watch": watch})


def _by_statement(
    case: Case, window: Window, counted: _Statements, receipts: Mapping[str, Receipt]
) -> Iterable[Measure]:
    name, limit, texts = _name(case), case.objective.limit.in_unit("ms"), counted.texts
    enough = needed(0, 1 - case.quantile, case.objective.confidence) or 0
    rare = {one for one, of in counted.calls.items() if of.n < enough and min(of.most, of.total) < limit}
    if len(rare) == len(counted.calls):
        why = f"in {counted.seconds:.4g} s no statement of the services ran {enough} times, the minimum for a p{case.quantile * 100:g}"
        yield inconclusive(
            case, name, why, "let the traffic run longer, then run again", scope={"traffic": window.traffic}
        )
        return
    receipts = {**receipts, "load": load_receipt(case.plan, window, latencies=False)}
    for one in sorted(set(counted.calls) - rare, key=lambda one: -counted.calls[one].total):
        of = counted.calls[one]
        bounds = quantile_by_moments(of, case.quantile, case.objective.confidence)
        yield bounded(
            case,
            name,
            bounds,
            unit="ms",
            subject=f"the highest possible p{case.quantile * 100:g} of `{texts[one]}`",
            n_needed=enough,
            scope={"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": texts[one]},
            receipts=receipts,
            fail_needs=("load",),
            detail=f"mean {of.mean:.4g} ms, deviation {of.deviation:.4g} ms{_besides(texts, rare)}",
            files=(*receipts["watch"].files, *window.files),
            counted="calls",
        )


def _besides(texts: Mapping[str, str], rare: Iterable[str]) -> str:
    """The statements that were never slow, but ran too rarely to judge their quantile, in words."""
    names = [f"`{name}`" for name in sorted(texts[one] for one in rare)]
    return f"; too few calls to judge, but no slow call: {some(names)}" if names else ""


def _statements(case: Case, window: Window) -> tuple[_Statements, str]:
    """The statistics of the window, and the names of the members that they come from.

    Raises:
        _Uncounted: the statistics are not sufficient.
    """
    reads = _readings(case, window)
    texts: dict[str, str] = {}
    found: dict[str, list[KnownMoments]] = defaultdict(list)
    spans = []
    for member, of in reads.items():
        first, last = min(of, key=lambda read: read.when_ns), max(of, key=lambda read: read.when_ns)
        spans.append((first.when_ns, last.when_ns))
        if last.forgotten > first.forgotten:
            setting = "the setting `pg_stat_statements.max` is too low"
            raise _Uncounted(f"{member or 'the database'} dropped statements to make room: {setting}")
        texts |= {str(one["id"]): str(one["text"]) for one in last.statements}
        for one, grown in _grown(counted_of(first.statements), counted_of(last.statements)).items():
            if grown is None or grown.n < 0:
                raise _Uncounted(f"the statistics of {member or 'the database'} were reset during the window")
            if grown.n:
                found[one].append(grown)
    seconds = (min(end for _, end in spans) - max(start for start, _ in spans)) / NS_PER_S
    if seconds * 2 < window.seconds:
        raise _Uncounted(
            f"the time for which all members have statistics covers only {max(seconds, 0):.3g} s of the window"
        )
    members = f"{len(reads)} members" if len(reads) > 1 else "the database"
    calls = {one: joined(parts) for one, parts in found.items()}
    return _Statements(texts=texts, calls=calls, seconds=seconds), members


def _readings(case: Case, window: Window) -> Mapping[str, Sequence[StatementCounts]]:
    """The readings under the window's traffic, by member; raises _Uncounted if a member was not read."""
    reads: dict[str, list[StatementCounts]] = defaultdict(list)
    for read in case.evidence.every(StatementCounts):
        if read.traffic == window.traffic:
            if read.why:
                raise _Uncounted(f"the statistics of {read.subject or 'the database'} could not be read: {read.why}")
            reads[read.subject].append(read)
    if not reads:
        raise _Uncounted("no statistics of the database were read in the window")
    if missing := unread_members(reads, case.plan.members):
        raise _Uncounted(f"the statistics of {missing[0]} were not read in the window")
    return reads


def _grown(first: Mapping[str, KnownMoments], last: Mapping[str, KnownMoments]) -> Mapping[str, KnownMoments | None]:
    """The calls between two readings, by statement; None for a statement that the server no longer counts."""
    none = KnownMoments(n=0, total=0.0, squares=0.0, least=math.inf, most=0.0)
    return {
        one: replace(
            now,
            n=now.n - first.get(one, none).n,
            total=now.total - first.get(one, none).total,
            squares=now.squares - first.get(one, none).squares,
        )
        if (now := last.get(one)) is not None
        else None
        for one in {**first, **last}
    }


SPEC: Final = Spec(
    figure=Figure.QUERY_TIME,
    judge=query_times,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="ms",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.SWITCHED}),
    evidence=lambda case: ("history/queries.", *READ_FILES, *load_files(case)),
    rates={"statements": PER_S},
    needs=lambda _objective: (DATABASE,),
)
