"""Figures of the load: of the fault-free windows, or of the phase that the sentence names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from harness.errors import UsageError
from harness.model import Figure, Op, Per, Phase, Quantity
from harness.steps.meaning import Keyword, Meaning
from harness.steps.nouns import LATENCIES, WHILE_GONE, WHILE_PODS_DIE, WITHOUT_A_SERVICE
from harness.steps.objectives import measured, throughput
from harness.steps.slots import Values
from harness.steps.template import Noun, Template, form


def _latency(slots: Values) -> Meaning:
    """Of requests, of database queries, or of replicas.

    Raises:
        UsageError: what is measured and of what do not belong together, or users are named with what no user requests.
    """
    figure = LATENCIES.get(slots.get("calls", ""), Figure.RESPONSE_TIME)
    of_replicas = figure is Figure.REPLICATION_LAG
    if of_replicas is not (slots["latency"] == "replication lag"):
        raise UsageError(
            f"the {slots['latency']} is not one of {slots.get('calls', 'all requests')}",
            hint="only every replica has a replication lag",
        )
    if figure is not Figure.RESPONSE_TIME and "users" in slots:
        raise UsageError(f"{slots['calls']} has no users at once", hint="leave out the users, or name a route")
    return _of_routes(figure, slots.get("calls", ""), per=Per.REPLICA if of_replicas else Per.ALL)(slots)


def _failing(slots: Values) -> Meaning:
    """Of requests, of those that do not need what is gone, or of journeys.

    Raises:
        UsageError: a service is named without the time in which it is gone, or that time without it.
    """
    failing, gone = slots["failing"], slots.get("phase") == WHILE_GONE
    if gone is not (failing == WITHOUT_A_SERVICE):
        hint = f"write: the {WITHOUT_A_SERVICE} is below {slots['limit']} {WHILE_GONE}"
        raise UsageError(f"a service is gone, or `{failing}` is of every time", hint=hint)
    if gone:
        return measured(Figure.COUPLING)(slots)
    hit = {"hit": "each service"} if slots.get("phase") == WHILE_PODS_DIE else {}
    return _of_routes(Figure.TROUBLED_JOURNEYS if "journeys" in failing else Figure.ERROR_RATE, failing, params=hit)(
        slots
    )


def _of_routes(
    figure: Figure, named: str, *, per: Per = Per.ALL, params: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Values], Meaning]:
    """A figure of every route, or of one, where the sentence names them."""
    route = named.partition('"')[2].rstrip('"')
    return measured(figure, params=params, per=Per.ROUTE if "route" in named else per, subject=route)


def _at_step(figure: Figure, op: Op) -> Callable[[Values], Meaning]:
    """A share of the users at the step that the sentence names, in percent."""

    def mean(slots: Values) -> Meaning:
        step = f"{Quantity.parse(slots['step']).in_unit('%'):.6g}"
        return measured(figure, op, params={"step": step}, phase=Phase.STEP)(slots)

    return mean


_CENSUS: Final = (
    "A census: of all known users, who was answered by the candidate, each counted by the first request in the step."
)
KPIS: Final = (
    Template(
        name="latency",
        keyword=Keyword.THEN,
        text=(
            "the <latency> <quantile>[ of <calls>] is below <limit:duration>"
            "[ with <users:count> users at once for <window:period>][ <phase>]"
        ),
        about=(
            "A quantile of the response times, from the intended send time: of each route, of one, or of all together. With users: over a window in "
            "every second of which at least so many journeys were in progress. Of database queries: of each statement of the services' roles, over all "
            "members; mean, deviation, least and greatest of `pg_stat_statements` bound any quantile, and one that ran too rarely to tell is named if "
            "none of its calls was slow. Of replicas: how far each is behind the primary."
        ),
        example="the response time p95 of every route is below 200 ms in the steady state",
        mean=_latency,
    ),
    Template(
        name="failing",
        keyword=Keyword.THEN,
        text="the <failing> is below <limit:ratio>[ <phase:moment>]",
        about=(
            "Failed requests over all requests: of each route, of one, or of all together. While pods are killed in turn: from the first pod killed to the "
            "target restored; a pod of every workload there must have been hit. While a service is gone: of the routes that do not need it, from the loss to "
            "the target restored; every service that a route needs, as the target file's `routes` say, must have been gone as a whole, and a route that is no "
            "longer requested in the second half of the fault, as where journeys end at a failed request before it, is undecided. Journeys in trouble have a "
            "failed request, or one that waited over the longest response time that the run's claims allow."
        ),
        example="the error rate of every route is below 0.1 % in the steady state",
        mean=_failing,
    ),
    Template(
        name="throughput",
        keyword=Keyword.THEN,
        text="the entry serves at least <rate:count> requests/s with a response time <quantile> below <limit:duration>[ in the steady state]",
        about="Requests answered as expected over the length of the fault-free windows, of a traffic that offers so many, and a quantile of their response times.",
        example="the entry serves at least 1000 requests/s with a response time p95 below 200 ms in the steady state",
        mean=throughput,
    ),
    form(
        "share",
        "the <share:noun> is <bound:noun>",
        "A share of all events, or of all users.",
        Noun(
            (
                "share of accepted events delivered whole within <within:reaction>",
                "at least <limit:ratio>[ in the steady state]",
            ),
            measured(Figure.DELIVERED, Op.AT_LEAST, times={"within": "within"}),
            "Events accepted in the fault-free windows that are visible in time, once and with their value, over all that were accepted there.",
            "the share of accepted events delivered whole within 30 s is at least 99.5 % in the steady state",
        ),
        Noun(
            ("share of users on the new release", "<limit:ratio> ± <tolerance:points> at the <step:ratio> step"),
            _at_step(Figure.USER_SHARE, Op.WITHIN),
            _CENSUS,
            "the share of users on the new release is 25 % ± 5 points at the 25 % step",
        ),
        Noun(
            ("share of users on the new release", "<limit:ratio> at the <step:ratio> step"),
            _at_step(Figure.USER_SHARE, Op.AT_LEAST),
            _CENSUS,
            "the share of users on the new release is 100 % at the 100 % step",
        ),
        Noun(
            ("share of users who met an error of a bad release", "at most <limit:ratio> at the <step:ratio> step"),
            _at_step(Figure.USERS_HIT, Op.AT_MOST),
            "A census: of all known users, those of whom a request failed from the step's beginning to the end of the rollout, or to the next step.",
            "the share of users who met an error of a bad release is at most 8 % at the 5 % step",
        ),
    ),
)
