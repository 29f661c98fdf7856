"""What the platform's own metrics say, held against what the traffic measured."""

from __future__ import annotations

from typing import Final

from harness.errors import UsageError
from harness.model import Figure, Objective, Op, Quantity
from harness.steps.meaning import Keyword, Meaning
from harness.steps.nouns import METRICS
from harness.steps.objectives import in_unit_of, measured, pooling
from harness.steps.slots import Values
from harness.steps.template import Template


def _exposed(slots: Values) -> Meaning:
    """A metric against what the traffic measured: an error rate in points, quantiles in percent or a time, others in percent.

    Raises:
        UsageError: the tolerance is not one of the metric.
    """
    metric, limit = slots["metric"], in_unit_of(slots, points=slots["metric"] == "an error rate")
    _, _, workload = metric.partition("p99 of the ")
    if bool(workload) is not ("least" in slots):
        raise UsageError(
            f"the tolerance is not one of {metric}", hint="write `5 % or 5 ms` of quantiles, and `5 %` of others"
        )
    if metric == "a number of active users":
        return Meaning(objective=Objective(figure=Figure.ACTIVE_USERS, op=Op.AT_MOST, limit=limit, sentence=""))
    params = {"what": METRICS.get(metric, "quantiles")}
    if workload:
        limit, params = slots.quantity("least"), {**params, "workload": workload, "share": slots["limit"]}
    return Meaning(objective=Objective(figure=Figure.EXPOSED, op=Op.WITHIN, limit=limit, sentence="", params=params))


def _errors_by_route(_slots: Values) -> Meaning:
    """The errors of each route, as the entry and every service count them, against those of the traffic."""
    limit, params = Quantity(value=0, unit="%"), {"what": "errors by route"}
    return Meaning(objective=Objective(figure=Figure.EXPOSED, op=Op.HOLDS, limit=limit, params=params, sentence=""))


EXPOSURES: Final = (
    Template(
        name="exposed-metric",
        keyword=Keyword.THEN,
        text="the metrics show <metric> within <limit:tolerance>[ or <least:duration>] of what the traffic measured[ in the steady state]",
        about=(
            "As the workload at the entry counts and times requests, against the traffic's own in the same seconds: quantiles reckoned from its buckets, against "
            "those of the answers, as each says itself in `Server-Timing`, else from sent to answered; the wider of the two tolerances counts. Plays per user are one counter over "
            "another, as the target file names them; active users are what Prometheus answers to `metrics.active_users.query`, against the users who had "
            "signed in within the time that the target file says, on average of all readings, of which each may be as old as a tenth of that time, and "
            "none counts as 0."
        ),
        example="the metrics show requests per second within 5 % of what the traffic measured in the steady state",
        mean=_exposed,
    ),
    Template(
        name="exposed-errors-by-route",
        keyword=Keyword.THEN,
        text="the error count of every service by route equals the failures that the traffic saw there over the run",
        about=(
            "Answers of 500 and above, route by route, as the workload at the entry counts them, and as each service does that `routes` names, against the answers "
            "that name a pod of it; one request at either end of the window is forgiven."
        ),
        example="the error count of every service by route equals the failures that the traffic saw there over the run",
        mean=_errors_by_route,
    ),
    Template(
        name="declared-connections",
        keyword=Keyword.THEN,
        text="every connection seen between services and stores is a declared dependency[ in the steady state]",
        about=(
            "Each pair of workloads of which one connected to the other in the window, or before it and still runs, is among `flows.dependencies`. "
            "What policy refused does not count."
        ),
        example="every connection seen between services and stores is a declared dependency",
        mean=measured(Figure.CONNECTIONS, params={"what": "dependencies"}),
    ),
    Template(
        name="data-access",
        keyword=Keyword.THEN,
        text="no workload outside the data access layer is connected to a store[ in the steady state]",
        about="Of all workloads only those of `flows.data_access`, and the stores themselves, connect to a workload of `flows.stores`.",
        example="no workload outside the data access layer is connected to a store in the steady state",
        mean=measured(Figure.CONNECTIONS, params={"what": "data access"}),
    ),
    Template(
        name="connection-pooling",
        keyword=Keyword.THEN,
        text="every service opens less than <count> database connection per <requests:count> requests[ in the steady state]",
        about="Connections that each service of the data access layer began to a store, over the traffic's requests of the routes that need the service.",
        example="every service opens less than 1 database connection per 100 requests in the steady state",
        mean=pooling,
    ),
)
