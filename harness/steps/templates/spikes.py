"""What a spike of the traffic does: replicas that follow it, and response times in it. Sentences under Then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.model import Figure, Objective, Op, Scope
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import quantile_named
from harness.steps.slots import Values
from harness.steps.template import Template


def _claim(figure: Figure) -> Callable[[Values], Meaning]:
    def mean(slots: Values) -> Meaning:
        times = {name: slots.quantity(name) for name in ("below", "settled") if name in slots}
        quantile = quantile_named(slots["quantile"]) if "quantile" in slots else None
        objective = Objective(
            figure=figure,
            quantile=quantile,
            scope=Scope(subject=slots.get("workload", "")),
            op=Op.BELOW,
            limit=slots.quantity("limit"),
            params={"height": slots["height"]},
            times=times,
            sentence="",
        )
        return Meaning(objective=objective)

    return mean


SPIKES: Final = (
    Template(
        name="replicas-rise-in-a-spike",
        keyword=Keyword.THEN,
        text=(
            'the replicas of "<workload:name>" rise within <limit:period> of a spike to <height:count> times the traffic and the response time <quantile> '
            "is below <below:duration> within <settled:period>"
        ),
        about=(
            "The traffic's file has a spike to at least so many times what it offers before. Replicas are those that the workload's autoscaler asks for; the "
            "quantile is of the requests due from that time after the spike's begin until it ends."
        ),
        example=(
            'the replicas of "normaldance-frontend" rise within 3 min of a spike to 3 times the traffic and the response time p95 is below 500 ms within 5 min'
        ),
        mean=_claim(Figure.SPIKE_RISE),
    ),
    Template(
        name="replicas-back-after-a-spike",
        keyword=Keyword.THEN,
        text='the replicas of "<workload:name>" are back within <limit:period> after a spike to <height:count> times the traffic and no request failed meanwhile',
        about="As few as before the spike, and the requests due in that time after its end.",
        example='the replicas of "normaldance-frontend" are back within 15 min after a spike to 3 times the traffic and no request failed meanwhile',
        mean=_claim(Figure.SPIKE_BACK),
    ),
    Template(
        name="response-time-in-a-spike",
        keyword=Keyword.THEN,
        text=(
            "the response time <quantile> is below <limit:duration> again within <settled:period> of a spike to <height:count> times "
            "everyday traffic"
        ),
        about=(
            "A quantile of all response times from that time after the spike's begin until it ends. The traffic's file says what is everyday before it."
        ),
        example="the response time p95 is below 200 ms again within 10 min of a spike to 3 times everyday traffic",
        mean=_claim(Figure.SPIKE_TIME),
    ),
)
