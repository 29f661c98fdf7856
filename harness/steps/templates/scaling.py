"""What autoscalers did, and did not do.

Sentences under Then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from harness.errors import UsageError
from harness.model import DemandKind, Figure, Objective, Op, Phase, Quantity, Scope
from harness.model.planned.scaling import HOLD, OBSERVE, REPLICATE, RESIZE, SPIKE
from harness.steps.meaning import Keyword, Meaning
from harness.steps.slots import Values
from harness.steps.template import Noun, Template, form


def _rise(slots: Values) -> Meaning:
    params: dict[str, str] = {
        **({"workload": slots["workload"]} if "workload" in slots else {}),
        "resource": slots["resource"].lower(),
        "low": slots["low"],
        "high": slots["high"],
        "hold": slots["limit"],
    }
    return _claim(Figure.SCALED_OUT, Op.BELOW, slots.quantity("limit"), HOLD, params=params)


def _spaced(figure: Figure) -> Callable[[Values], Meaning]:
    return lambda slots: _claim(figure, Op.AT_LEAST, slots.quantity("limit"), SPIKE)


def _fewest(slots: Values) -> Meaning:
    limit = Quantity(value=float(slots["least"]), unit="")
    scope = Scope(phase=Phase.STEADY, subject=slots.get("autoscaler", ""))
    return _claim(Figure.FEWEST_REPLICAS, Op.AT_LEAST, limit, OBSERVE, scope=scope, params={"ready": slots["ready"]})


def _most(of: str, check: str) -> Callable[[Values], Meaning]:
    """The most replicas of what the slot `of` names."""

    def mean(slots: Values) -> Meaning:
        limit, scope = Quantity(value=float(slots["most"]), unit=""), Scope(phase=Phase.RUN, subject=slots[of])
        return _claim(Figure.MOST_REPLICAS, Op.HOLDS, limit, check, scope=scope)

    return mean


def _multiplied(check: str, *compared: str) -> Callable[[Values], Meaning]:
    """How many times as much is served; the slots `compared` are parameters too."""

    def mean(slots: Values) -> Meaning:
        params = {key: slots[key] for key in ("workload", "path", *compared)}
        return _claim(Figure.RESIZED, Op.AT_LEAST, Quantity(value=float(slots["limit"]), unit=""), check, params=params)

    return mean


def _replicated(slots: Values) -> Meaning:
    """Raises UsageError where the greater number of replicas is not the first."""
    if not 0 < int(slots["fewer"]) < int(slots["more"]):
        what = f"{slots['more']} replicas are not more than {slots['fewer']}, or those are none"
        raise UsageError(what, hint="name the greater number of replicas first, and at least 1 as the other")
    return _multiplied(REPLICATE, "fewer", "more")(slots)


def _claim(
    figure: Figure,
    op: Op,
    limit: Quantity,
    check: str,
    *,
    scope: Scope | None = None,
    params: Mapping[str, str] | None = None,
) -> Meaning:
    objective = Objective(
        figure=figure,
        scope=scope or Scope(phase=Phase.RUN),
        op=op,
        limit=limit,
        sentence="",
        check=check,
        demand=DemandKind.SCALE,
        params=params or {},
    )
    return Meaning(objective=objective)


_STRESS: Final = (
    "StressChaos brings the mean usage of the service's pods in the primary region to the lower share and then to the higher one, "
    "read from the metrics API; the replicas are those that its autoscaler asks for. Without a name it is every service "
    "that has an autoscaler, one after the other, those of `probes.services`, and each that a route needs."
)
_SPIKED: Final = (
    "StressChaos brings the CPU of the autoscaled service that asks for the least to 1.5 times its request, three times the half that "
    "it uses at ease, until it has grown three times, and then ends."
)
_READY: Final = "At every moment of the fault-free windows the ready pods"
_ASKED: Final = (
    "They are asked for the path in turn, with as many requests open at each copy at every moment; answers a second."
)
SCALING: Final = (
    Template(
        name="replicas-rise",
        keyword=Keyword.THEN,
        text=(
            'at a mean <resource> of <high:ratio> of the request the replicas[ of "<workload:name>"] rise within <limit:period>, '
            "at <low:ratio> they do not"
        ),
        about=_STRESS,
        example=(
            'at a mean CPU of 85 % of the request the replicas of "user-service" rise within 6 min, at 60 % they do not'
        ),
        mean=_rise,
    ),
    form(
        "fewest-replicas",
        "<autoscalers:noun> has a minimum of at least <least:count> and <targets:noun> under <ready:count> ready replicas, faults excluded",
        "The minimum of autoscalers, and the replicas that were ready.",
        Noun(
            ("every autoscaler", "no service is"),
            _fewest,
            f"The minimum of each autoscaler. {_READY} of its service, of each other service that was there beside it (label `app`) when they began, and of each that a route needs.",
            "every autoscaler has a minimum of at least 2 and no service is under 2 ready replicas, faults excluded",
        ),
        Noun(
            ('the autoscaler "<autoscaler:name>"', "its target is never"),
            _fewest,
            f"The minimum of the autoscaler. {_READY} of its target.",
            'the autoscaler "frontend-hpa" has a minimum of at least 3 and its target is never under 3 ready replicas, faults excluded',
        ),
    ),
    form(
        "most-replicas",
        "<replicas:noun> <most:count> replicas at any moment of the run[, <spike:noun>]",
        "The maximum of autoscalers, and the replicas that there were.",
        Noun(
            ('none of "<services:name>" has more than', "traffic spike included"),
            _most("services", SPIKE),
            f"The maximum of each autoscaler, and the replicas of its service. {_SPIKED}",
            'none of "user-service, track-service" has more than 10 replicas at any moment of the run, traffic spike included',
        ),
        Noun(
            ('the autoscaler "<autoscaler:name>" and its target have at most', ""),
            _most("autoscaler", OBSERVE),
            "The maximum of the autoscaler, and the replicas of its target.",
            'the autoscaler "frontend-hpa" and its target have at most 50 replicas at any moment of the run',
        ),
    ),
    Template(
        name="scale-ups-apart",
        keyword=Keyword.THEN,
        text="two scale-ups of one service are at least <limit:period> apart in every traffic spike",
        about=_SPIKED,
        example="two scale-ups of one service are at least 3 min apart in every traffic spike",
        mean=_spaced(Figure.SCALINGS_APART),
    ),
    Template(
        name="scale-down-after",
        keyword=Keyword.THEN,
        text="no scale-down comes sooner than <limit:period> after the traffic fell",
        about=_SPIKED,
        example="no scale-down comes sooner than 5 min after the traffic fell",
        mean=_spaced(Figure.SCALED_IN),
    ),
    form(
        "throughput-of-more",
        'the throughput of <path:name> of "<workload:name>" at <size:noun> is at least <limit:factor> times that at <than:noun>',
        "What more replicas, or more CPU, serve more.",
        Noun(
            ("<more:count> replicas", "<fewer:count>"),
            _replicated,
            f"Copies of the workload's pod in the primary region: the fewer and then the more of them, each held to its own CPU limit. {_ASKED}",
            'the throughput of /portal of "normaldance-frontend" at 4 replicas is at least 1.7 times that at 2',
        ),
        Noun(
            ("twice the CPU limit", "the first"),
            _multiplied(RESIZE),
            f"Copies of the workload's pod in the primary region: one with its own CPU limit and one with twice that. {_ASKED}",
            'the throughput of /portal of "normaldance-frontend" at twice the CPU limit is at least 1.5 times that at the first',
        ),
    ),
)
