"""Checks of the live target as acts. They touch nothing, so several run side by side."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.model import Act, DemandKind
from harness.model.window import after_faults_name, fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredKey, consent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model import Demand
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access

_SECONDS: Final = 0.8
"""What a check takes of a run; four run side by side."""
_TOUCHES: Final = {
    "network-policy": ("workloads",),
    "gateway-only": ("workloads",),
    "network-ports": ("workloads",),
    "pending-pod-runs": ("workloads", "nodes"),
    "pool-burst": ("entry",),
    "sign-ins": ("entry",),
    "region-serves": ("entry",),
    "migrated-and-back": ("database",),
    **dict.fromkeys(("flag-off", "flag-page", "flag-metrics"), ("entry",)),
}
"""Checks with pods of their own, or with so much load that nothing else is measured."""
_LASTS_S: Final = {
    "sign-ins": 8.0,
    "pool-burst": 3.0,
    "region-serves": 3.0,
    "gateway-only": 3.0,
    "network-ports": 4.0,
    "migrated-and-back": 8.0,
    "pending-pod-runs": 15.0,
    "flag-off": 24.0,
    "flag-page": 13.0,
    "flag-metrics": 5.0,
}
_DATABASE: Final = RequiredKey("database", "the check asks the database")
_MONITOR: Final = RequiredKey("prometheus", "Prometheus is asked what it scrapes and evaluates")
_CLUSTER: Final = RequiredKey("kubernetes", "the pods are found through the Kubernetes API")
_NO_ENTRIES: Final = ("region with an `entry`", "add `entry:` to each region of `regions:`")
_ENTRIES: Final = RequiredKey("doors", "the entry of every region is asked", *_NO_ENTRIES)
_READS: Final = {
    "gateway-reads": RequiredKey("regions", "the gateway of every region is asked"),
    "database-version": _DATABASE,
    "database-primary": _DATABASE,
    "database-standbys": _DATABASE,
    "database-settings": _DATABASE,
    "password-hashes": _DATABASE,
    "pool-burst": _DATABASE,
    "production-subset": _DATABASE,
    "values-masked": _DATABASE,
    "migrated-and-back": _DATABASE,
    **dict.fromkeys(("flag-off", "flag-page", "flag-metrics"), RequiredKey("flags", "a feature flag is switched")),
    "region-serves": _ENTRIES,
    "sign-ins": RequiredKey("sign_in", "users sign in"),
    "written-and-read": RequiredKey("ledger", "writes go to the ledger's path"),
    "portal-links": RequiredKey("portal", "the portal and what it links to are requested"),
    "page-assets": RequiredKey("website", "its pages and what they load are requested"),
    "documentation": RequiredKey("documentation", "the documentation is requested"),
    "quality-report": RequiredKey("quality_report", "the newest quality report is requested"),
    "grafana-panels": RequiredKey("grafana", "Grafana is asked what its panels show"),
    "cpu-profiles": RequiredKey("profiles", "every service is asked for a CPU profile"),
    "dns-records": RequiredKey("dns", "the public names are resolved"),
    "dns-servers": RequiredKey("dns", "the zone's servers are asked for the public names"),
    **dict.fromkeys(
        (
            "pods-scraped",
            "scrape-schedule",
            "alert-rules",
            "service-series",
            "dashboard-data",
            "pod-usage",
            "service-memory",
            "service-quantiles",
            "test-alert",
            "alert-runbooks",
            "restart-counts",
            "page-timings",
            "metric-panels",
            "pod-resources",
            "store-queries",
        ),
        _MONITOR,
    ),
}
_ALSO: Final = {
    "sign-ins": (RequiredKey("may_write", "failed sign-ins may lock the accounts of users"),),
    "exposed-metrics": (RequiredKey("metrics", "the metrics of every pod are read"),),
    "network-ports": (RequiredKey("callers", "a declared caller connects to the backend"),),
    "written-and-read": (RequiredKey("doors", "one region is written to, another is read", *_NO_ENTRIES),),
    "pods-scraped": (_CLUSTER,),
    "scrape-schedule": (_CLUSTER,),
    "service-series": (_CLUSTER, RequiredKey("metrics", "the metrics of services are named")),
    "service-quantiles": (_CLUSTER, RequiredKey("metrics", "the metrics of services are named")),
    "store-queries": (_DATABASE, RequiredKey("metrics", "the metrics of queries are named")),
    "cpu-profiles": (_CLUSTER,),
    "pod-usage": (_CLUSTER,),
    "pod-resources": (_CLUSTER,),
    "service-memory": (_CLUSTER,),
    "migrated-and-back": (
        _CLUSTER,
        RequiredKey("migration", "the database is migrated to a candidate's schema and back"),
    ),
    "flag-off": (_CLUSTER, _ENTRIES),
    "flag-page": (_CLUSTER,),
    "flag-metrics": (_CLUSTER, RequiredKey("metrics", "the metrics of every pod are read")),
    "test-alert": (RequiredKey("alerting", "an alert is posted to Alertmanager and found at its receiver"),),
    "documentation": (RequiredKey("kubernetes", "the newest ReplicaSet says when the switch was"),),
    "restart-counts": (_CLUSTER,),
    "page-timings": (
        RequiredKey("website", "its pages are found by links"),
        RequiredKey("metrics", "the metrics of pages are named"),
    ),
    "metric-panels": (RequiredKey("kubernetes", "the dashboards are ConfigMaps of the cluster"),),
    "dashboard-data": (RequiredKey("kubernetes", "the dashboards are ConfigMaps of the cluster"),),
}
"""Keys beside that one."""
_AT_THE_END: Final = frozenset({"secrets-hidden", "restart-counts", "migrated-and-back"})
"""What it reads grows during the run, is of what was recovered, or is changed by it: it is done when the traffic has ended."""
_BESIDE_USERS: Final = frozenset({"flag-off", "flag-page", "flag-metrics"})
"""Done one at a time while the traffic goes on, after its faults and rollouts: they change what users get."""
BREAKING: Final = {"migrated-and-back": "migration", **dict.fromkeys(_BESIDE_USERS, "feature-flags")}
"""Checks that change what users have, by the name that `may_break` has for them."""
_UNDER_TRAFFIC: Final = frozenset(
    {
        "pods-scraped",
        "scrape-schedule",
        "service-series",
        "dashboard-data",
        "pod-usage",
        "service-memory",
        "service-quantiles",
        "page-timings",
        "metric-panels",
        "grafana-panels",
        "cpu-profiles",
        "pod-resources",
        "store-queries",
    }
)
"""What it reads is of the steady state.

It is done while the fault-free window of a traffic goes on, where there is one.
"""
_AT_ITS_END: Final = frozenset({"pod-resources"})
"""Of those what is read of the last minute, when the window ends."""
_AGAINST_FILES: Final = frozenset({"declared-fields", "declared-workloads"})
"""Checks that hold the live objects against the manifests."""
_AGAINST_PRODUCTION: Final = frozenset({"production-subset", "values-masked"})
"""Checks that hold the database of staging against production's."""


class CheckDriver(Driver):
    """Runs the checks of `harness.drivers.check`."""

    kind = DemandKind.CHECK.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """What the check reads: regions, the database, else a cluster."""
        own = _READS.get(demand.name, RequiredKey("kubernetes", "the check reads the Kubernetes API"))
        return [own, *_ALSO.get(demand.name, ())]

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:
        """The manifests, or the register of production's database, that a check compares with; consent to one that changes data."""
        breaks = BREAKING.get(demand.name, "")
        if breaks and not (target.breakable or any(entry.experiment == breaks for entry in target.may_break)):
            return consent(breaks, "what users have is changed and changed back")
        if demand.name in _AGAINST_FILES and not target.files.manifests:
            return RequiredKey("files.manifests", f"{demand.name} compares with the manifests")
        if demand.name in _AGAINST_PRODUCTION and target.database and target.database.production is None:
            return RequiredKey("database.production", "the database is compared with production's")
        return None

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the protocol's
        """What is declared beside the check."""
        from harness.drivers.check import CHECKS
        from harness.targets.access import accesses_of

        return accesses_of(CHECKS.get(demand.name), target, demand.params) or ()

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """One act a check: before the traffic, or after it."""
        if demand.name in _UNDER_TRAFFIC and library.traffic:
            window = fault_free_name(library.ordinary)
            return [Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=0.0, beside=window)]
        touches, after = _TOUCHES.get(demand.name, ()), tuple[str, ...]()
        if demand.name in _AT_THE_END:
            ends = [(fault_free_name(name), after_faults_name(name)) for name in library.traffic]
            after = tuple(name for both in ends for name in both)
        seconds = _LASTS_S.get(demand.name, _SECONDS)
        if demand.name in _BESIDE_USERS and library.traffic:
            traffic = library.ordinary
            faults = (fault_free_name(traffic), *(f"experiment:{name}" for name in library.experiments))
            after = (*faults, *(f"rollout:{name}" for name in library.rollouts))
            act = Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=seconds, touches=touches, after=after)
            return [replace(act, traffic=traffic)]
        return [Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=seconds, touches=touches, after=after)]

    @contextmanager
    def beside(self, act: Act, context: Context) -> Iterator[None]:
        """Do it once while the other act goes on, or when it ends."""
        if context.plan.demand[act.demand].name in _AT_ITS_END:
            yield
            self.run(act, context)
            return
        reader = threading.Thread(target=self.run, args=(act, context), daemon=True)
        reader.start()
        try:
            yield
        finally:
            reader.join()

    def run(self, act: Act, context: Context) -> None:
        """Record what the check finds."""
        from harness.drivers.check import run_check

        source = context.target.release
        release = source.model_copy(update={"version": source.version or context.plan.release})
        target = context.target.model_copy(update={"release": release})
        run_check(context.plan.demand[act.demand], target, context.sink("checks"), context.directory.path)
