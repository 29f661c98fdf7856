"""What the platform's monitor scrapes, evaluates and shows."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

MONITOR: Final = (
    Template(
        name="pods-scraped",
        keyword=Keyword.THEN,
        text="every pod of every service is a scrape target and is up[ in the steady state]",
        about=(
            "Each pod of a workload of the regions is an active target of Prometheus whose last scrape succeeded: at the port of its annotation "
            "`prometheus.io/port`, else at one that its first container (or `kubectl.kubernetes.io/default-container`) declares, not a sidecar's alone."
        ),
        example="every pod of every service is a scrape target and is up in the steady state",
        mean=check("pods-scraped"),
    ),
    Template(
        name="scrape-schedule",
        keyword=Keyword.THEN,
        text="every annotated pod and service is scraped every <every:duration> ± <tolerance:duration> and no other is",
        about=(
            "The mean time between the last twelve scrapes of each pod with `prometheus.io/scrape`, or behind a Service with it, as Prometheus recorded them, "
            "divided by the target's `scrape_scale`; no other pod may be a target."
        ),
        example="every annotated pod and service is scraped every 15 s ± 3 s and no other is",
        mean=check("scrape-schedule", every="<every>", tolerance="<tolerance>"),
    ),
    Template(
        name="alert-rules-loaded",
        keyword=Keyword.THEN,
        text='the alert rules "<first:name>" and "<second:name>" are loaded in every region and every rule there evaluates without error',
        about="As each region's own Prometheus (`prometheus` of each of `regions`) lists its rules and the health of each.",
        example='the alert rules "HighErrorRate" and "DatabaseDown" are loaded in every region and every rule there evaluates without error',
        mean=check("alert-rules-of-regions", first="<first>", second="<second>"),
    ),
    Template(
        name="alert-rules-severity",
        keyword=Keyword.THEN,
        text='the rules "<first:name>" and "<second:name>" carry severity critical',
        about="The label `severity` of each rule of that name, and of the alerts and notices of it that the run recorded.",
        example='the rules "HighErrorRate" and "DatabaseDown" carry severity critical',
        mean=check("alert-rules", first="<first>", second="<second>", severity="critical"),
    ),
    Template(
        name="service-series",
        keyword=Keyword.THEN,
        text="the request count, errors and duration of every service are exposed and at most <age:duration> old",
        about="Prometheus has the metrics of each workload of the regions: the counter of requests, by status, and their duration.",
        example="the request count, errors and duration of every service are exposed and at most 15 s old",
        mean=check("service-series", age="<age>"),
    ),
    Template(
        name="service-quantiles",
        keyword=Keyword.THEN,
        text="the p50, p95, p99 and request rate of every service are exposed and at most <age:duration> old",
        about="Prometheus reckons the quantiles and the rate of each workload of the regions from samples of that age.",
        example="the p50, p95, p99 and request rate of every service are exposed and at most 15 s old",
        mean=check("service-quantiles", age="<age>"),
    ),
    *(
        Template(
            name=f"pod-{name}",
            keyword=Keyword.THEN,
            text=f"{what} of every pod {verb} exposed and younger than <age:duration>",
            about="Prometheus has cAdvisor's series of every pod of the target's namespaces; a CPU time that stays the same is not young.",
            example=f"{what} of every pod {verb} exposed and younger than 30 s",
            mean=check("pod-usage", what=what, age="<age>"),
        )
        for name, what, verb in (
            ("cpu", "CPU usage", "is"),
            ("memory", "memory usage", "is"),
            ("network", "bytes received and sent", "are"),
        )
    ),
    Template(
        name="store-disk",
        keyword=Keyword.THEN,
        text="bytes read and written of every database and IPFS pod are exposed and younger than <age:duration>",
        about="The same of the pods beside the database's leader, and of those whose label `app` names IPFS.",
        example="bytes read and written of every database and IPFS pod are exposed and younger than 30 s",
        mean=check("pod-usage", what="bytes read and written", of="stores", age="<age>"),
    ),
    Template(
        name="service-memory",
        keyword=Keyword.THEN,
        text="the resident memory of every service process is below <most:count> MB in the steady state",
        about="The largest working set of each pod of the regions' workloads in the last minute, as cAdvisor counts it.",
        example="the resident memory of every service process is below 300 MB in the steady state",
        mean=check("service-memory", most="<most>"),
    ),
    Template(
        name="dashboard-data",
        keyword=Keyword.THEN,
        text="every panel of every dashboard has data younger than <age:duration>[ in the steady state]",
        about="Each query of each dashboard in a ConfigMap with the label `grafana_dashboard` has a number, of samples younger than that.",
        example="every panel of every dashboard has data younger than 60 s in the steady state",
        mean=check("dashboard-data", age="<age>"),
    ),
    Template(
        name="grafana-panels",
        keyword=Keyword.THEN,
        text="Grafana answers healthy and every panel of every dashboard has data of the last <last:duration>",
        about=(
            "By Grafana's HTTP API (`grafana` of the target file): the health, and of each panel with queries that one of them has a value of that "
            "time and none fails; variables have the values with which the dashboard was saved."
        ),
        example="Grafana answers healthy and every panel of every dashboard has data of the last 5 min",
        mean=check("grafana-panels", last="<last>"),
    ),
    Template(
        name="cpu-profiles",
        keyword=Keyword.THEN,
        text='a CPU profile of <lasting:period> was obtained from every service under "<traffic>" traffic',
        about=(
            "Each ready pod of the regions' workloads but `profiles.stores` answers `profiles.path?seconds=N` with a gzip'ed profile of pprof of that "
            "length or more with samples of CPU time; a service that is declared and has no ready pod in a region has none. The time is divided by the target's time scale."
        ),
        example='a CPU profile of 30 s was obtained from every service under "everyday" traffic',
        mean=check("cpu-profiles", lasting="<lasting>"),
    ),
    Template(
        name="pod-resources",
        keyword=Keyword.THEN,
        text="the memory and CPU of every pod stay below <share:ratio> of their limits in the steady state",
        about=(
            "In the last minute of the fault-free window: the largest working set of each container over its memory limit, and its mean CPU "
            "over its CPU limit, as cAdvisor counts them, CPU divided by the target's `cpu_scale`. Without a limit it is unknown."
        ),
        example="the memory and CPU of every pod stay below 80 % of their limits in the steady state",
        mean=check("pod-resources", share="<share>"),
    ),
    Template(
        name="metric-panels",
        keyword=Keyword.THEN,
        text="every success metric of the document has a dashboard panel with data younger than <age:duration>",
        about=(
            "Of each metric a panel of any dashboard has the name as its title, in whatever case: response time, throughput, availability, "
            "database performance, feature completeness, data accuracy, user workflows, integration health, memory usage, error rate, recovery "
            "time, data consistency, authentication success, data protection, access control, audit compliance. Each of its queries has a "
            "number, of samples that young."
        ),
        example="every success metric of the document has a dashboard panel with data younger than 60 s",
        mean=check("metric-panels", age="<age>"),
    ),
    Template(
        name="page-timings",
        keyword=Keyword.THEN,
        text="the page timing of every page is exposed and at most <age:duration> old[ in the steady state]",
        about=(
            "Every page that `website` of the target file leads to has a series of `metrics.page_seconds`, to which a timing was added in that time."
        ),
        example="the page timing of every page is exposed and at most 60 s old in the steady state",
        mean=check("page-timings", age="<age>"),
    ),
    Template(
        name="restart-counts",
        keyword=Keyword.THEN,
        text="the exposed restart count of every pod equals that of the Kubernetes API after the recovery",
        about=(
            "When the traffic has ended, kube-state-metrics' count of each container in Prometheus against `restartCount` of the pod's status; "
            "counts that are all 0 prove nothing."
        ),
        example="the exposed restart count of every pod equals that of the Kubernetes API after the recovery",
        mean=check("restart-counts"),
    ),
)
