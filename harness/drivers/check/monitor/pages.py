"""`page-timings`: checks that load times of every page of the website in browsers are exposed and recent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from harness.drivers.check.claim import When, claim
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.links.answers import WITHIN_S
from harness.drivers.check.links.website import pages_of, website_of
from harness.drivers.check.monitor.exposed import EXPOSED, Freshness
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.drivers.check.needs import MONITOR
from harness.drivers.facts import FactProbe, FactReading
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.http import http_client


@claim(
    EXPOSED,
    "the page timing of every page is",
    example="the page timing of every page is exposed and at most 60 s old in the steady state",
    needs=(
        MONITOR,
        RequiredKey("website", "its pages are found by links"),
        RequiredKey("metrics", "the names of the pages' metrics are needed"),
    ),
    when=When.UNDER_TRAFFIC,
)
def page_timings(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every page that `website` of the target file leads to has a series of `metrics.page_seconds`, to which a timing was added in that time.

    For a series younger than `age` the count itself is used, since `increase` ignores the start at 0; after a pod was replaced only
    `increase` is right.
    """
    first, names, age_s = website_of(target), metrics_of(target), Freshness.of(params).seconds
    series = f"{names.page_seconds}_count"
    counts = f"sum by ({names.page}) ({series})"
    added = f"sum by ({names.page}) (increase({series}[{round(age_s * 1000)}ms]))"
    before = f"sum by ({names.page}) ({series} offset {round(age_s * 1000)}ms)"

    def probe() -> Sequence[FactReading]:
        with http_client(target, first, timeout_s=WITHIN_S) as client:
            pages = [urlsplit(page.url).path or "/" for page in pages_of(client, first)]
        with prometheus_of(target) as prometheus:
            known, grown, earlier = (
                {labels.get(names.page, ""): value for labels, value in prometheus.vector(query)}
                for query in (counts, added, before)
            )
        new = {page: max(grown.get(page, 0.0), count - earlier.get(page, 0.0)) for page, count in known.items()}
        return [_timed(page, known.get(page), new.get(page, 0.0), age_s) for page in pages]

    return probe


def _timed(page: str, count: float | None, added: float, age_s: float) -> FactReading:
    expected = f"a timing of the last {age_s:g} s"
    if count is None:
        return FactReading(subject=page, expected=expected, observed="not exposed", ok=False)
    said = f"{added:.3g} of {count:g}" if added > 0 else f"none of {count:g}"
    return FactReading(subject=page, expected=expected, observed=f"{said} timings", ok=added > 0)
