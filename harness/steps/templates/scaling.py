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
from harness.steps.template import Template


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
    """Raises UsageError where the replicas of every service are claimed of one autoscaler, or of one service of all autoscalers."""
    limit, subject = Quantity(value=float(slots["least"]), unit=""), slots["autoscalers"].partition('"')[2].rstrip('"')
    if bool(subject) is (slots["targets"] == "no service is"):
        hint = "write `no service is` of every autoscaler, and `its target is never` of one"
        raise UsageError(f"`{slots['targets']}` does not fit {slots['autoscalers']}", hint=hint)
    scope = Scope(phase=Phase.STEADY, subject=subject)
    return _claim(Figure.FEWEST_REPLICAS, Op.AT_LEAST, limit, OBSERVE, scope=scope, params={"ready": slots["ready"]})


def _most(slots: Values) -> Meaning:
    limit, subject = Quantity(value=float(slots["most"]), unit=""), slots.get("autoscaler") or slots["services"]
    scope = Scope(phase=Phase.RUN, subject=subject)
    return _claim(Figure.MOST_REPLICAS, Op.HOLDS, limit, OBSERVE if "autoscaler" in slots else SPIKE, scope=scope)


def _multiplied(slots: Values) -> Meaning:
    """Raises UsageError where the number of replicas is not named twice, the greater one first."""
    more, fewer = slots["more"].removesuffix(" replicas"), slots["fewer"]
    params = {key: slots[key] for key in ("workload", "path")}
    limit = Quantity(value=float(slots["limit"]), unit="")
    if (more, fewer) == ("twice the CPU limit", "the first"):
        return _claim(Figure.RESIZED, Op.AT_LEAST, limit, RESIZE, params=params)
    if not (more.isdecimal() and fewer.isdecimal() and 0 < int(fewer) < int(more)):
        raise UsageError(
            f"{slots['more']} are not more than {fewer}, or those are none",
            hint="name the greater number of replicas first, and at least 1 as the other; twice the CPU limit is compared with the first",
        )
    return _claim(Figure.RESIZED, Op.AT_LEAST, limit, REPLICATE, params={**params, "fewer": fewer, "more": more})


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
    "read from the metrics API; the replicas are those that its autoscaler asks for. Without a name it is every service of "
    "`probes.services`, one after the other, and each that a route needs must be among them."
)
_SPIKED: Final = (
    "StressChaos brings the CPU of the autoscaled service that asks for the least to 1.5 times its request, three times the half that "
    "it uses at ease, until it has grown three times, and then ends."
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
    Template(
        name="fewest-replicas",
        keyword=Keyword.THEN,
        text="<autoscalers> has a minimum of at least <least:count> and <targets> under <ready:count> ready replicas, faults excluded",
        about=(
            "The minimum of each autoscaler, or of one, and at every moment of the fault-free windows the ready pods of its service; with every "
            "autoscaler also of each other service that was there beside it (label `app`) when they began, and of each that a route needs."
        ),
        example="every autoscaler has a minimum of at least 2 and no service is under 2 ready replicas, faults excluded",
        mean=_fewest,
    ),
    Template(
        name="most-replicas",
        keyword=Keyword.THEN,
        text=(
            'none of "<services:name>" has more than <most:count> replicas at any moment of the run, traffic spike included'
        ),
        about=f"The maximum of each autoscaler, and the replicas of its service. {_SPIKED}",
        example=(
            'none of "user-service, track-service" has more than 10 replicas at any moment of the run, traffic spike included'
        ),
        mean=_most,
    ),
    Template(
        name="most-replicas-of-one",
        keyword=Keyword.THEN,
        text='the autoscaler "<autoscaler:name>" and its target have at most <most:count> replicas at any moment of the run',
        about="The maximum of the autoscaler, and the replicas of its target.",
        example='the autoscaler "frontend-hpa" and its target have at most 50 replicas at any moment of the run',
        mean=_most,
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
    Template(
        name="throughput-of-more",
        keyword=Keyword.THEN,
        text='the throughput of <path:name> of "<workload:name>" at <more:copies> is at least <limit:factor> times that at <fewer>',
        about=(
            "Copies of the workload's pod in the primary region: one with its own CPU limit and one with twice that, or the fewer and then the more of them, each held to its own "
            "CPU limit. They are asked for the path in turn, with as many requests open at each copy at every moment; answers a second."
        ),
        example='the throughput of /portal of "normaldance-frontend" at 4 replicas is at least 1.7 times that at 2',
        mean=_multiplied,
    ),
)
