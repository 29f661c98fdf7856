"""What a spike of the traffic does: replicas that follow it, and response times in it. Sentences under Then."""

from __future__ import annotations

from functools import partial
from typing import Final

from harness.model import Figure
from harness.steps.objectives import measured
from harness.steps.template import Noun, form

_spike = partial(measured, params={"height": "<height>"})
SPIKES: Final = (
    form(
        "spike",
        "<effect:noun> a spike to <height:count> times <traffic:noun>",
        "What follows a spike that the traffic's file has, to at least so many times what it offers before.",
        Noun(
            (
                'the replicas of "<workload:name>" rise within <limit:period> of',
                "the traffic and the response time <quantile> is below <below:duration> within <settled:period>",
            ),
            _spike(Figure.SPIKE_RISE, subject="<workload>", times={"below": "below", "settled": "settled"}),
            "The traffic's file has a spike to at least so many times what it offers before. Replicas are those that the workload's autoscaler asks for; the "
            "quantile is of the requests due from that time after the spike's begin until it ends.",
            'the replicas of "normaldance-frontend" rise within 3 min of a spike to 3 times the traffic and the response time p95 is below 500 ms within 5 min',
        ),
        Noun(
            (
                'the replicas of "<workload:name>" are back within <limit:period> after',
                "the traffic and no request failed meanwhile",
            ),
            _spike(Figure.SPIKE_BACK, subject="<workload>"),
            "As few as before the spike, and the requests due in that time after its end.",
            'the replicas of "normaldance-frontend" are back within 15 min after a spike to 3 times the traffic and no request failed meanwhile',
        ),
        Noun(
            (
                "the response time <quantile> is below <limit:duration> again within <settled:period> of",
                "everyday traffic",
            ),
            _spike(Figure.SPIKE_TIME, times={"settled": "settled"}),
            "A quantile of all response times from that time after the spike's begin until it ends. The traffic's file says what is everyday before it.",
            "the response time p95 is below 200 ms again within 10 min of a spike to 3 times everyday traffic",
        ),
    ),
)
