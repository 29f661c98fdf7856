"""`exposed-metrics`: checks that every pod exposes quantiles, an error rate and requests per second."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from harness.drivers.check.claim import claim
from harness.drivers.check.exposition import QUANTILES, Exposition, metrics_of, scrape
from harness.drivers.check.needs import API, EXPOSED
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.files.outside import Metrics


@claim(
    "every service exposes p50, p95, p99, error rate and requests per second",
    needs=(API, EXPOSED),
)
@accesses(*access("list pods", "get pods/proxy"))
def exposed_metrics(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Each pod's metrics are read: buckets or quantiles of the response time, and a counter of answers by status."""
    names = metrics_of(target)

    def probe() -> Sequence[FactReading]:
        return [seen for one in scrape(target) for seen in _told(one, names)]

    return probe


def _told(one: Exposition, names: Metrics) -> Iterator[FactReading]:
    subject = f"{one.region}/{one.pod}"
    if one.why:
        yield FactReading(subject=subject, expected="metrics", observed=one.why, ok=False)
        return
    for quantile in QUANTILES:
        whole = {route for route, counts in one.buckets.items() if any(math.isfinite(end) for end in counts)}
        told = whole | {route for route, known in one.summaries.items() if quantile in known}
        what = f"p{100 * quantile:g}"
        yield FactReading(
            subject=f"{subject} {what}",
            expected=f"{what} of `{names.seconds}`: a histogram with buckets, or a summary with this quantile",
            observed=f"of {len(told)} routes" if told else "of no route",
            ok=bool(told),
        )
    by_status = sorted({status for of_route in one.requests.values() for status in of_route} - {""})
    yield FactReading(
        subject=f"{subject} error rate",
        expected=f"`{names.requests}` by `{names.status}`",
        observed=f"status {', '.join(by_status)}" if by_status else f"no label `{names.status}`",
        ok=bool(by_status),
    )
    count = sum(value for of_route in one.requests.values() for value in of_route.values())
    yield FactReading(
        subject=f"{subject} requests per second",
        expected=f"the counter `{names.requests}`",
        observed=f"{count:g} requests" if one.requests else "no such counter",
        ok=bool(one.requests),
    )
