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
        about="Each pod of a workload of the regions is an active target of Prometheus whose last scrape succeeded.",
        example="every pod of every service is a scrape target and is up in the steady state",
        mean=check("pods-scraped"),
    ),
    Template(
        name="scrape-schedule",
        keyword=Keyword.THEN,
        text="every annotated pod is scraped every <every:duration> ± <tolerance:duration> and no other is",
        about=(
            "The mean time between the last twelve scrapes of each pod with `prometheus.io/scrape`, as Prometheus recorded them, divided by the "
            "target's `scrape_scale`; a pod without the annotation must not be a target."
        ),
        example="every annotated pod is scraped every 15 s ± 3 s and no other is",
        mean=check("scrape-schedule", every="<every>", tolerance="<tolerance>"),
    ),
    Template(
        name="alert-rules-loaded",
        keyword=Keyword.THEN,
        text='the alert rules "<first:name>" and "<second:name>" are loaded and every rule evaluates without error',
        about="As Prometheus lists its rules and the health of each.",
        example='the alert rules "HighErrorRate" and "DatabaseDown" are loaded and every rule evaluates without error',
        mean=check("alert-rules", first="<first>", second="<second>"),
    ),
    Template(
        name="alert-rules-severity",
        keyword=Keyword.THEN,
        text='the rules "<first:name>" and "<second:name>" carry severity critical',
        about="The label `severity` of each rule of that name.",
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
        name="dashboard-data",
        keyword=Keyword.THEN,
        text="every panel of every dashboard has data younger than <age:duration>[ in the steady state]",
        about="Each query of each dashboard in a ConfigMap with the label `grafana_dashboard` has a number, of samples younger than that.",
        example="every panel of every dashboard has data younger than 60 s in the steady state",
        mean=check("dashboard-data", age="<age>"),
    ),
)
