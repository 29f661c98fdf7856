"""`store-queries`: checks that every query counted by the database is also counted and timed in the services' metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from harness import clock
from harness.drivers.check.cache.commands import CommandFacts
from harness.drivers.check.claim import When, claim
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.monitor.exposed import EXPOSED, Freshness
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.needs import DATABASE, MONITOR, within
from harness.drivers.check.sql.statements import read_statements
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.model.planned.need import RequiredKey
from harness.model.records.queries import is_query, without_values
from harness.targets import Target

_QUERY: Final = re.compile(r"(?:SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE)\b", re.IGNORECASE)
"""First word of a query; other statements begin or end transactions, or change settings."""


@claim(
    EXPOSED,
    "the count and p95 of every query of every store are",
    example="the count and p95 of every query of every store are exposed and at most 60 s old",
    needs=(
        MONITOR,
        DATABASE,
        RequiredKey("metrics", "the names of the queries' metrics are needed"),
        within("database.roles", "statements of the services' own roles are counted"),
    ),
    when=When.UNDER_TRAFFIC,
)
def store_queries(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each query that a member of the database has counted for the services' roles (`pg_stat_statements`) is found by its text in the label `metrics.query` of `metrics.query_seconds`.

    A query is recognised by its text without values. The database counts since its own start, a process since its start: a query that
    was exposed by processes that no longer exist, and has not run since the first reading, counts as exposed. A cache that the target file
    names is a store whose queries are the commands that its servers have run (`INFO commandstats`), with the series of redis_exporter.
    """
    names, fresh = metrics_of(target), Freshness.of(params)
    label, series = names.query, names.query_seconds
    queries = {
        "count": f"sum by ({label}) ({series}_count)",
        "p95": f"histogram_quantile(0.95, sum by ({label}, le) ({series}_bucket))",
        "age": f"time() - max by ({label}) (timestamp({series}_count))",
    }
    before = f"max by ({label}) (last_over_time({series}_count[1h]))"

    commands = CommandFacts(target, fresh)
    first: dict[str, int] = {}

    def read() -> tuple[list[FactReading], dict[str, int]]:
        calls = _counted(target)
        since = {text: count - first[text] for text, count in calls.items() if text in first}
        with prometheus_of(target) as prometheus:
            found = {what: _by_text(prometheus, query, label) for what, query in queries.items()}
            gone = _by_text(prometheus, before, label)
        facts = [_of_the_gone(text, found, gone, since.get(text)) or _exposed(text, found, fresh) for text in calls]
        return facts, calls

    def probe() -> Sequence[FactReading]:
        facts, calls = read()
        if not first and any(fact.ok is None for fact in facts):
            first.update(calls)
            clock.sleep(fresh.seconds)
            facts, _ = read()
        return [*facts, *commands.read()]

    return probe


def _counted(target: Target) -> dict[str, int]:
    """Number of runs of each query on all members together; raises DriverError if a member could not be read."""
    texts: dict[str, int] = {}
    for read in read_statements(target):
        if read.why:
            raise DriverError(f"the queries were not read: {read.why}", where=read.member)
        for one in read.statements:
            if one["calls"] and _QUERY.match(str(one["text"])):
                texts[str(one["text"])] = texts.get(str(one["text"]), 0) + int(one["calls"])
    return texts


def _by_text(prometheus: PrometheusClient, query: str, label: str) -> dict[str, float]:
    return {without_values(labels.get(label, "")): value for labels, value in prometheus.vector(query)}


def _of_the_gone(
    text: str, found: Mapping[str, Mapping[str, float]], gone: Mapping[str, float], since: int | None
) -> FactReading | None:
    """The fact on a query that only earlier processes exposed and that has not run `since` the first reading; else None."""
    counted = _of_query(text, gone)
    if counted is None or since or any(_of_query(text, by_text) is not None for by_text in found.values()):
        return None
    said = f"{counted:g} times by a process that is gone, and {'perhaps' if since is None else 'not'} run since"
    return FactReading(subject=text, expected="not run since", observed=said, ok=None if since is None else True)


def _exposed(text: str, found: Mapping[str, Mapping[str, float]], fresh: Freshness) -> FactReading:
    values = {what: _of_query(text, by_text) for what, by_text in found.items()}
    expected = f"count and p95, {fresh}"
    missing = [what for what, value in values.items() if value is None or math.isnan(value)]
    if missing:
        return FactReading(subject=text, expected=expected, observed=f"no {' and no '.join(missing)}", ok=False)
    count, p95, age = (values[what] or 0.0 for what in ("count", "p95", "age"))
    said = f"{count:g} times, p95 {1000 * p95:.3g} ms, {max(age, 0.0):.1f} s old"
    return FactReading(subject=text, expected=expected, observed=said, ok=fresh.met(age))


def _of_query(text: str, by_text: Mapping[str, float]) -> float | None:
    return next((value for known, value in by_text.items() if is_query(text, known)), None)
