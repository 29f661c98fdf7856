"""Figures of the load: of the fault-free windows, or of the phase that the sentence names."""

from __future__ import annotations

from typing import Final

from harness.errors import UsageError
from harness.model import Figure, Op, Per
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import steady, throughput, under_fault
from harness.steps.slots import Values
from harness.steps.template import Template


def _response_time(slots: Values) -> Meaning:
    """Of requests or of database queries.

    Raises:
        UsageError: users are named with queries.
    """
    of_queries = slots.get("calls") == "every database query"
    if of_queries and "users" in slots:
        raise UsageError("queries are not counted by users at once", hint="leave out the users, or name a route")
    return steady(Figure.QUERY_TIME if of_queries else Figure.RESPONSE_TIME, Op.BELOW)(slots)


KPIS: Final = (
    Template(
        name="response-time",
        keyword=Keyword.THEN,
        text=(
            "the response time <quantile>[ of <calls>] is below <limit:duration>"
            "[ with <users:count> users at once for <window:period>][ <phase>]"
        ),
        about=(
            "A quantile of the response times, from the intended send time: of each route, of one, or of all together. With users: over a window in "
            "every second of which at least so many journeys were in progress. Of database queries: of each statement of the services' roles, over all "
            "members; mean, deviation, least and greatest of `pg_stat_statements` bound any quantile, and one that ran too rarely to tell is named if "
            "none of its calls was slow."
        ),
        example="the response time p95 of every route is below 200 ms in the steady state",
        mean=_response_time,
    ),
    Template(
        name="error-rate",
        keyword=Keyword.THEN,
        text="the error rate[ of <routes>] is below <limit:ratio>[ <phase:moment>]",
        about=(
            "Failed requests over all requests: of each route, of one, or of all together. While pods are killed in turn: from the first pod killed to the "
            "target restored; a pod of every workload there must have been hit."
        ),
        example="the error rate of every route is below 0.1 % in the steady state",
        mean=steady(Figure.ERROR_RATE, Op.BELOW),
    ),
    Template(
        name="throughput",
        keyword=Keyword.THEN,
        text="the entry serves at least <rate:count> requests/s with a response time <quantile> below <limit:duration>[ in the steady state]",
        about="Requests answered as expected over the length of the fault-free windows, of a traffic that offers so many, and a quantile of their response times.",
        example="the entry serves at least 1000 requests/s with a response time p95 below 200 ms in the steady state",
        mean=throughput,
    ),
    Template(
        name="error-rate-without-a-service",
        keyword=Keyword.THEN,
        text="the error rate of routes that do not need a service is below <limit:ratio> while it is gone, each in turn",
        about=(
            "Failed requests over all requests of the routes that do not need what is gone, from the loss to the target restored; every service that a "
            "route needs, as the target file's `routes` say, must have been gone as a whole. A route that is no longer requested in the second half of "
            "the fault, as where journeys end at a failed request before it, is undecided."
        ),
        example="the error rate of routes that do not need a service is below 1 % while it is gone, each in turn",
        mean=under_fault(Figure.COUPLING, Op.BELOW),
    ),
    Template(
        name="journeys-in-trouble",
        keyword=Keyword.THEN,
        text="the share of journeys in trouble is below <limit:ratio>[ in the steady state]",
        about="Journeys with a failed request, or with one that waited over the longest response time that the run's claims allow.",
        example="the share of journeys in trouble is below 2 %",
        mean=steady(Figure.TROUBLED_JOURNEYS, Op.BELOW),
    ),
    Template(
        name="uptime",
        keyword=Keyword.THEN,
        text="the uptime of the entry is at least <limit:ratio>[ in the steady state]",
        about="Share of the watcher's probes of the entry that were answered, in the fault-free window.",
        example="the uptime of the entry is at least 99.9 % in the steady state",
        mean=steady(Figure.UPTIME, Op.AT_LEAST, subject="entry"),
    ),
    Template(
        name="region-share",
        keyword=Keyword.THEN,
        text="the share of answers of region <region> is <limit:ratio> ± <tolerance:points>[ in the steady state]",
        about="Answers that one region served over all answers.",
        example="the share of answers of region us-east-1 is 60 % ± 5 points in the steady state",
        mean=steady(Figure.REGION_SHARE, Op.WITHIN, subject="<region>"),
    ),
    Template(
        name="replication-lag",
        keyword=Keyword.THEN,
        text="the replication lag <quantile> of every replica is below <limit:duration>[ in the steady state]",
        about="A quantile of how far each replica is behind the primary; the worst replica decides.",
        example="the replication lag p99 of every replica is below 10 s in the steady state",
        mean=steady(Figure.REPLICATION_LAG, Op.BELOW, per=Per.REPLICA),
    ),
)
