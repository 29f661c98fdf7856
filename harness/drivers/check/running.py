"""Runs a check by name and records what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Final

from harness.drivers.check.around import gateway_only
from harness.drivers.check.calls.pool import pool_burst
from harness.drivers.check.calls.regions import region_serves
from harness.drivers.check.calls.sign_in import sign_ins
from harness.drivers.check.declared import declared_fields, declared_workloads
from harness.drivers.check.deployments import deployment_size
from harness.drivers.check.dns import dns_records, dns_servers
from harness.drivers.check.exposition import exposed_metrics
from harness.drivers.check.flags.exposed import flag_metrics
from harness.drivers.check.flags.served import flag_off, flag_page
from harness.drivers.check.gateways import gateway_reads
from harness.drivers.check.health import health_of_pods
from harness.drivers.check.links.assets import page_assets
from harness.drivers.check.links.published import documentation, quality_report
from harness.drivers.check.links.runbooks import alert_runbooks
from harness.drivers.check.monitor.grafana import grafana_panels
from harness.drivers.check.monitor.notices import posted_alert
from harness.drivers.check.monitor.pages import page_timings
from harness.drivers.check.monitor.profiles import cpu_profiles
from harness.drivers.check.monitor.resources import pod_resources
from harness.drivers.check.monitor.restarts import restart_counts
from harness.drivers.check.monitor.rules import alert_rules
from harness.drivers.check.monitor.series import dashboard_data, metric_panels, service_series
from harness.drivers.check.monitor.targets import pods_scraped, scrape_schedule
from harness.drivers.check.monitor.usage import pod_usage, service_memory, service_quantiles
from harness.drivers.check.pending import pending_pod_runs
from harness.drivers.check.policies import network_policy
from harness.drivers.check.portal import portal_links
from harness.drivers.check.ports import network_ports
from harness.drivers.check.secrets.scan import secrets_hidden
from harness.drivers.check.sql.hashes import password_hashes
from harness.drivers.check.sql.members import database_primary, database_standbys, database_version
from harness.drivers.check.sql.migrated import migrated_and_back
from harness.drivers.check.sql.queries import store_queries
from harness.drivers.check.sql.settings import database_settings
from harness.drivers.check.sql.staging import production_subset, values_masked
from harness.drivers.check.state.declared import annotation_of_account, state_of_containers, state_of_workloads
from harness.drivers.check.state.service import service_endpoints
from harness.drivers.check.state.versions import api_version
from harness.drivers.check.state.workload import (
    autoscaler_target,
    container_environment,
    container_probes,
    container_user,
)
from harness.drivers.check.writing import written_and_read
from harness.drivers.facts import FactProbe, record_facts, settled
from harness.errors import DriverError, UsageError
from harness.model import Check, Demand, Fact, Sink
from harness.targets import Target

Params = Mapping[str, str]


def _plain(
    make: Callable[[Target, Params], FactProbe],
) -> Callable[[Target, Params], AbstractContextManager[FactProbe]]:
    """A check that needs nothing put in place first."""

    @wraps(make)
    def placed(target: Target, params: Params) -> AbstractContextManager[FactProbe]:
        return nullcontext(make(target, params))

    return placed


CHECKS: Final[Mapping[str, Callable[[Target, Params], AbstractContextManager[FactProbe]]]] = {
    "declared-fields": _plain(declared_fields),
    "declared-workloads": _plain(declared_workloads),
    "health-of-pods": _plain(health_of_pods),
    "deployment-size": _plain(deployment_size),
    "gateway-reads": _plain(gateway_reads),
    "network-policy": network_policy,
    "state-of-containers": _plain(state_of_containers),
    "state-of-workloads": _plain(state_of_workloads),
    "container-user": _plain(container_user),
    "container-environment": _plain(container_environment),
    "container-probes": _plain(container_probes),
    "autoscaler-target": _plain(autoscaler_target),
    "annotation-of-account": _plain(annotation_of_account),
    "api-version": _plain(api_version),
    "database-version": _plain(database_version),
    "database-primary": _plain(database_primary),
    "database-standbys": _plain(database_standbys),
    "database-settings": _plain(database_settings),
    "password-hashes": _plain(password_hashes),
    "secrets-hidden": _plain(secrets_hidden),
    "gateway-only": gateway_only,
    "pool-burst": _plain(pool_burst),
    "sign-ins": _plain(sign_ins),
    "region-serves": _plain(region_serves),
    "production-subset": _plain(production_subset),
    "values-masked": _plain(values_masked),
    "network-ports": network_ports,
    "migrated-and-back": migrated_and_back,
    "pending-pod-runs": pending_pod_runs,
    "flag-off": flag_off,
    "flag-page": flag_page,
    "flag-metrics": flag_metrics,
    "exposed-metrics": _plain(exposed_metrics),
    "written-and-read": _plain(written_and_read),
    "portal-links": _plain(portal_links),
    "dns-records": _plain(dns_records),
    "dns-servers": _plain(dns_servers),
    "pods-scraped": _plain(pods_scraped),
    "scrape-schedule": _plain(scrape_schedule),
    "alert-rules": _plain(alert_rules),
    "service-series": _plain(service_series),
    "dashboard-data": _plain(dashboard_data),
    "grafana-panels": _plain(grafana_panels),
    "cpu-profiles": _plain(cpu_profiles),
    "pod-usage": _plain(pod_usage),
    "service-memory": _plain(service_memory),
    "service-quantiles": _plain(service_quantiles),
    "test-alert": _plain(posted_alert),
    "alert-runbooks": _plain(alert_runbooks),
    "documentation": _plain(documentation),
    "quality-report": _plain(quality_report),
    "page-assets": _plain(page_assets),
    "service-endpoints": _plain(service_endpoints),
    "restart-counts": _plain(restart_counts),
    "page-timings": _plain(page_timings),
    "store-queries": _plain(store_queries),
    "pod-resources": _plain(pod_resources),
    "metric-panels": _plain(metric_panels),
}
"""Every check: what its name stands for, given a target and the demand's parameters."""


def run_check(demand: Demand, target: Target, sink: Sink, run_directory: Path | None = None) -> Check:
    """Do what a check demand asks for, and record what it found."""
    return record_facts(demand, lambda: _facts(demand, target), sink, run_directory)


def _facts(demand: Demand, target: Target) -> tuple[Fact, ...]:
    if demand.name not in CHECKS:
        raise UsageError(f"unknown check `{demand.name}`", hint=f"known are {', '.join(sorted(CHECKS))}")
    with CHECKS[demand.name](target, demand.params) as probe:
        facts = settled(probe)
    if not facts:
        raise DriverError(
            "there is nothing to check", where=target.name, hint="check the namespaces in the target file"
        )
    return facts
