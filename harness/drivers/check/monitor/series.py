"""`service-series` and `dashboard-data`: check that series of services and dashboards exist and are recent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from harness.drivers.check.claim import When, claim
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.monitor.by_service import UNLABELLED, ByService, Service, by_service, service_of
from harness.drivers.check.monitor.exposed import EXPOSED, Freshness
from harness.drivers.check.monitor.grafana import MIXED, SHOWN_ELSEWHERE, objects_in, panels_in, unread_in, variables_in
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.needs import MONITOR, PODS, SERIES
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import EVERYWHERE, access, accesses
from harness.targets.kubernetes import Object, labels_of
from harness.targets.places import Clusters, is_of_workload, namespaces

_DASHBOARD: Final = "grafana_dashboard"
"""The label by which Grafana finds the ConfigMaps with dashboards."""
_OF_PROMETHEUS: Final = frozenset(
    {"", "prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource"}
)
"""Types of data sources that take PromQL; empty if the dashboard does not give the type."""
_ASK_GRAFANA: Final = "hint: name Grafana under `grafana` in the target file, and use the sentence on its panels"

BOARDS: Final = RequiredKey("kubernetes", "the dashboards are ConfigMaps of the cluster")


@claim(
    EXPOSED,
    "the request count, errors and duration of every service are",
    example="the request count, errors and duration of every service are exposed and at most 15 s old",
    needs=(MONITOR, PODS, SERIES),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list pods"))
def service_series(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Prometheus has the metrics of each workload of the regions: the counter of requests, by status, and their duration."""
    names, fresh = metrics_of(target), Freshness.of(params)
    selected = {
        "request count": names.requests,
        "errors": f'{names.requests}{{{names.status}=~".+"}}',
        "duration": f'{{__name__=~"{names.seconds}_(count|bucket)"}}',
    }

    def probe() -> Sequence[FactReading]:
        clusters = Clusters(target)
        pods = [
            pod
            for region, namespace in namespaces(target).items()
            for pod in clusters.of(region).pods(namespace)
            if is_of_workload(pod)
        ]
        with prometheus_of(target) as prometheus:
            ages = {what: _ages(prometheus, selector, pods) for what, selector in selected.items()}
        return [
            _young(service, what, ages[what], fresh)
            for service in sorted({service_of(pod) for pod in pods})
            for what in selected
        ]

    return probe


def _ages(prometheus: PrometheusClient, selector: str, pods: Sequence[Object]) -> ByService:
    """Seconds since the newest sample of each service."""
    return by_service(prometheus, lambda by: f"time() - max by ({by}) (timestamp({selector}))", pods, min)


def _young(service: Service, what: str, ages: ByService, fresh: Freshness) -> FactReading:
    seconds, unclear = ages.values.get(service), ages.is_unclear(service)
    seen = "not exposed" if seconds is None else f"{max(0.0, seconds):.1f} s old"
    return FactReading(
        subject=f"{service[0]}/{service[1]}: {what}",
        expected=str(fresh),
        observed=UNLABELLED if unclear else seen,
        ok=None if unclear else seconds is not None and fresh.met(seconds),
    )


class PanelQuery(NamedTuple):
    """One query of a panel of a dashboard; `unasked`: why it cannot be sent as it is written, empty if it can."""

    title: str
    subject: str
    query: str
    unasked: str = ""


WITH_DATA: Final = SentenceForm(
    "panels-with-data",
    "<panels:noun> data younger than <age:duration>[ in the steady state]",
    "The panels are there, in ConfigMaps with the label `grafana_dashboard`, and each of their queries has a number of samples that young.",
)


@claim(
    WITH_DATA,
    "every panel of every dashboard has",
    example="every panel of every dashboard has data younger than 60 s in the steady state",
    needs=(MONITOR, BOARDS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list configmaps", at=EVERYWHERE))
def dashboard_data(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each query of each dashboard in a ConfigMap with the label `grafana_dashboard` has a number, of samples younger than that."""
    age_s = Quantity.parse(params["age"]).in_unit("s")

    def probe() -> Sequence[FactReading]:
        panels = every_panel(target)
        with prometheus_of(target) as prometheus:
            return [drawn(prometheus, panel, age_s) for panel in panels]

    return probe


def every_panel(target: Target) -> list[PanelQuery]:
    """The queries of every panel of every dashboard in a ConfigMap."""
    clusters = Clusters(target).every()
    maps = [one for cluster in clusters for one in cluster.config_maps() if labels_of(one).get(_DASHBOARD) == "1"]
    return [panel for one in maps for panel in _panels(one)]


def _panels(config_map: Mapping[str, Any]) -> Iterator[PanelQuery]:
    for file, text in sorted((config_map.get("data") or {}).items()):
        where = f"{config_map['metadata']['name']}/{file}"
        try:
            dashboard = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DriverError(f"the dashboard is not JSON: {error}", where=where) from error
        if not isinstance(dashboard, dict):
            raise DriverError("the dashboard is not a JSON object", where=where, hint="save it again in Grafana")
        yield from _queries(str(dashboard.get("title", file)), dashboard)


def _queries(board: str, dashboard: Mapping[str, Any]) -> Iterator[PanelQuery]:
    """The visible queries of the panels of a dashboard, also in collapsed rows."""
    if why := unread_in(dashboard):
        yield PanelQuery("", board, "", why)
    for panel in panels_in(dashboard):
        title = str(panel.get("title", ""))
        if panel.get("libraryPanel") and not panel.get("targets"):
            yield PanelQuery(title, f"{board}, {title}", "", f"its queries are in Grafana's library; {_ASK_GRAFANA}")
        for at, query in enumerate(objects_in(panel.get("targets")), 1):
            source = _source_of(query.get("datasource")) or _source_of(panel.get("datasource"))
            if query.get("hide") or source in SHOWN_ELSEWHERE:
                continue
            expr = str(query.get("expr", ""))
            yield PanelQuery(title, f"{board}, {title}, query {at}", expr, _unasked(expr, source))


def _source_of(named: Any) -> str:
    """The type of a data source, empty if not given; for Grafana's own data sources the name."""
    own = str((named.get("uid") if isinstance(named, dict) else named) or "")
    if own in SHOWN_ELSEWHERE or own == MIXED:
        return own
    return str(named.get("type") or "") if isinstance(named, dict) else ""


def _unasked(expr: str, source: str) -> str:
    """Why a query cannot be sent to Prometheus as it is written; empty if it can."""
    if source not in _OF_PROMETHEUS or not (expr or source):
        return f"its data source is {source or 'not Prometheus'}; {_ASK_GRAFANA}"
    named = variables_in(expr)
    return f"Grafana fills in `{named[0]}`; {_ASK_GRAFANA}" if named else ""


def drawn(prometheus: PrometheusClient, panel: PanelQuery, age_s: float) -> FactReading:
    """The fact whether a panel's query returns a number from samples that are young enough."""
    if panel.unasked:
        return FactReading(subject=panel.subject, expected="data", observed=panel.unasked, ok=None)
    try:
        found = prometheus.vector(panel.query, lookback_s=age_s)
    except DriverError as error:
        return FactReading(subject=panel.subject, expected="data", observed=error.what, ok=False)
    numbers = [one for one in found if one.value == one.value]
    return FactReading(
        subject=panel.subject,
        expected=f"data younger than {age_s:g} s",
        observed=f"{len(numbers)} series" if numbers else ("no number" if found else "no data"),
        ok=bool(numbers),
    )
