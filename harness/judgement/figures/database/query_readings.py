"""The p95 of every database query over time, from the statement statistics of the database members.

At each reading the p95 is computed for the newest calls, at least `FEWEST` of them, since a p95 of fewer calls has no meaning. The
statistics contain no times of single calls, so the p95 is only known between two bounds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.spec import Need
from harness.judgement.stats.quantile_moments import KnownMoments
from harness.model import Evidence, Receipt
from harness.model.observations import StatementsGrown

FILE: Final = "history/statements.ndjson"
FILES: Final = ("history/statements.", "history/watch.")
PER_S: Final = 2.0
"""Readings per second of each member, if a claim needs these times."""
WATCHER: Final = "statements"
FEWEST: Final = 20
_QUANTILE: Final = 0.95
_NONE: Final = KnownMoments(n=0, total=0.0, squares=0.0, least=math.inf, most=0.0)
DATABASE: Final = Need(
    key="database",
    why="query times are read from the statistics of the database",
    hint="add `database: {dsn: …, roles: [ROLE]}` to the target file",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryP95:
    """The p95 of one query at one reading of the statistics.

    Attributes:
        query: text of the query, without values.
        since_ns, until_ns: the newest of these calls ended between these two times.
        n: number of calls.
        low_ms, high_ms: lower and upper bound of the p95.
    """

    query: str
    since_ns: int
    until_ns: int
    n: int
    low_ms: float
    high_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Calls:
    """Calls of one query on one member that ended between two readings."""

    since_ns: int
    until_ns: int
    moments: KnownMoments


def query_times(evidence: Evidence, longest_s: float) -> list[QueryP95]:
    """The p95 of each query at each reading of the statistics, in order of time.

    Args:
        evidence: records of the run.
        longest_s: maximum age of a call, in s; older calls are ignored, and a query without enough recent calls is left out.
    """
    texts, called = _calls_in(evidence)
    found = [time for one, calls in called.items() for time in _newest(texts[one], calls, round(longest_s * 1e9))]
    return sorted(found, key=lambda time: (time.until_ns, time.query))


def calls_within(evidence: Evidence, span: tuple[int, int]) -> tuple[Mapping[str, str], Mapping[str, KnownMoments]]:
    """Text and call times of each query, by id: the calls on all members that ended in a span of time."""
    texts, called = _calls_in(evidence)
    within = {
        one: [each.moments for each in calls if span[0] <= each.since_ns and each.until_ns <= span[1]]
        for one, calls in called.items()
    }
    return texts, {one: joined(parts) for one, parts in within.items() if parts}


def read_receipt(evidence: Evidence, span: tuple[int, int], members: Collection[str] = ()) -> Receipt:
    """Whether every member reported its statement statistics throughout a span of time.

    Args:
        evidence: records of the run.
        span: start and end, in ns.
        members: names of the database members in the plan; if no member was read by name, the database was read as one.
    """
    reads = _by_member(evidence)
    if not reads:
        return Receipt(ok=False, why="the statement statistics of the database were not read")
    if missing := unread_members(reads, members):
        return Receipt(ok=False, why=f"the statement statistics of {missing[0]} were not read", files=(FILE,))
    for member, mine in sorted(reads.items()):
        failed = next((one for one in mine if one.why and span[0] <= one.when_ns <= span[1]), None)
        name = member or "the database"
        if failed is not None:
            return Receipt(ok=False, why=f"{name} did not report its statement statistics: {failed.why}", files=(FILE,))
        if not mine[0].when_ns <= span[0] or not mine[-1].when_ns >= span[1]:
            return Receipt(
                ok=False, why=f"the statement statistics of {name} were read only for a part of the time", files=(FILE,)
            )
    return watched(evidence, WATCHER, [span])


def unread_members(reads: Collection[str], members: Collection[str]) -> list[str]:
    """The members of a database that were not read; empty if no member was read by name."""
    return sorted({*members} - {*reads}) if {*members} & {*reads} else []


def _calls_in(evidence: Evidence) -> tuple[Mapping[str, str], Mapping[str, Sequence[_Calls]]]:
    """By id of the statement, its text, and its calls on all members in order of time."""

    def found() -> tuple[dict[str, str], dict[str, list[_Calls]]]:
        texts: dict[str, str] = {}
        called: dict[str, list[_Calls]] = defaultdict(list)
        for reads in _by_member(evidence).values():
            for one, calls in _grown(reads, texts):
                called[one].append(calls)
        return texts, {one: sorted(calls, key=lambda each: each.until_ns) for one, calls in called.items()}

    return evidence.once(_calls_in, found)


def _by_member(evidence: Evidence) -> Mapping[str, Sequence[StatementsGrown]]:
    found: dict[str, list[StatementsGrown]] = defaultdict(list)
    for read in evidence.every(StatementsGrown):
        found[read.subject].append(read)
    return {member: sorted(mine, key=lambda one: one.when_ns) for member, mine in found.items()}


def _grown(reads: Sequence[StatementsGrown], texts: dict[str, str]) -> Iterable[tuple[str, _Calls]]:
    """By id of the statement, the calls between two readings; calls at the first reading came before, and a count that fell was reset to 0."""
    told = [read for read in reads if not read.why]
    counted: dict[str, KnownMoments] = {}
    for number, read in enumerate(told):
        texts |= {str(one["id"]): str(one["text"]) for one in read.statements}
        for one, now in counted_of(read.statements).items():
            before, counted[one] = counted.get(one, _NONE), now
            if now.n < before.n:
                before = _NONE
            n = now.n - before.n
            if number and n > 0:
                moments = replace(
                    now, n=n, total=max(now.total - before.total, 0.0), squares=max(now.squares - before.squares, 0.0)
                )
                yield one, _Calls(since_ns=told[number - 1].when_ns, until_ns=read.when_ns, moments=moments)


def counted_of(statements: Iterable[Mapping[str, Any]]) -> Mapping[str, KnownMoments]:
    """The call times of each statement at a reading.

    A statement that several roles run has one entry per role.
    """
    found: dict[str, list[KnownMoments]] = defaultdict(list)
    for one in statements:
        calls, total = int(one["calls"]), float(one["total_ms"])
        squares = calls * float(one["stddev_ms"]) ** 2 + (total**2 / calls if calls else 0.0)
        least, most = float(one["least_ms"]), float(one["most_ms"])
        found[str(one["id"])].append(KnownMoments(n=calls, total=total, squares=squares, least=least, most=most))
    return {one: joined(parts) for one, parts in found.items()}


def joined(parts: Sequence[KnownMoments]) -> KnownMoments:
    """The call times of several parts, joined."""
    return KnownMoments(
        n=sum(part.n for part in parts),
        total=sum(part.total for part in parts),
        squares=sum(part.squares for part in parts),
        least=min(part.least for part in parts),
        most=max(part.most for part in parts),
    )


def _newest(query: str, calls: Sequence[_Calls], longest_ns: int) -> Iterable[QueryP95]:
    """The p95 of the newest calls at each reading."""
    for last, one in enumerate(calls):
        own, n = list[KnownMoments](), 0
        for earlier in reversed(calls[: last + 1]):
            if earlier.until_ns <= one.until_ns - longest_ns or n >= FEWEST:
                break
            own.append(earlier.moments)
            n += earlier.moments.n
        if n >= FEWEST:
            together = joined(own)
            rank = max(math.ceil(round(_QUANTILE * together.n, 9)), 1)
            low, high = together.at_least(rank), together.at_most(rank)
            yield QueryP95(
                query=query, since_ns=one.since_ns, until_ns=one.until_ns, n=together.n, low_ms=low, high_ms=high
            )
