"""`metric-panels`: checks that every success metric of document 002 has a panel with recent data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.monitor.series import BOARDS, WITH_DATA, PanelQuery, drawn, every_panel
from harness.drivers.check.needs import MONITOR
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import EVERYWHERE, access, accesses

SUCCESS_METRICS: Final = (
    *("response time", "throughput", "availability", "database performance"),
    *("feature completeness", "data accuracy", "user workflows", "integration health"),
    *("memory usage", "error rate", "recovery time", "data consistency"),
    *("authentication success", "data protection", "access control", "audit compliance"),
)
"""All success metrics of document 002: performance, functionality, stability and security."""


@claim(
    WITH_DATA,
    "every success metric of the document has a dashboard panel with",
    about=(
        "Of each metric a panel of any dashboard has the name as its title, in whatever case: response time, throughput, "
        "availability, database performance, feature completeness, data accuracy, user workflows, integration health, memory usage, "
        "error rate, recovery time, data consistency, authentication success, data protection, access control, audit compliance. "
        "Each of its queries has a number, of samples that young."
    ),
    example="every success metric of the document has a dashboard panel with data younger than 60 s",
    needs=(MONITOR, BOARDS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list configmaps", at=EVERYWHERE))
def metric_panels(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read the panels titled like `SUCCESS_METRICS`: each metric must have one, whose queries return data younger than `age`."""
    age_s = Quantity.parse(params["age"]).in_unit("s")

    def probe() -> Sequence[FactReading]:
        panels = every_panel(target)
        with prometheus_of(target) as prometheus:
            return [fact for metric in SUCCESS_METRICS for fact in _of_metric(prometheus, metric, panels, age_s)]

    return probe


def _of_metric(
    prometheus: PrometheusClient, metric: str, panels: Sequence[PanelQuery], age_s: float
) -> Iterator[FactReading]:
    own = [panel for panel in panels if panel.title.casefold() == metric.casefold()]
    if not own:
        yield FactReading(subject=metric, expected="a panel of that title", observed="no dashboard has one", ok=False)
    yield from (drawn(prometheus, panel, age_s) for panel in own)
