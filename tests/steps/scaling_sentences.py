"""Sentences on autoscalers, and what each means."""

from __future__ import annotations

from typing import Final

from harness.model import Figure, Phase, Scope
from tests.steps.objectives import RUN, at_least, below, holds, scaled

SCALING_SENTENCES: Final = {
    'at a mean CPU of 85 % of the request the replicas of "user-service" rise within 6 min, at 60 % they do not': below(
        Figure.SCALED_OUT,
        scaled("6 min"),
        RUN,
        check="hold",
        demand="scale",
        params={"resource": "cpu", "low": "60 %", "high": "85 %", "workload": "user-service", "hold": "6 min"},
    ),
    'at a mean memory of 95 % of the request the replicas of "user-service" rise within 6 min, at 70 % they do not': below(
        Figure.SCALED_OUT,
        scaled("6 min"),
        RUN,
        check="hold",
        demand="scale",
        params={"resource": "memory", "low": "70 %", "high": "95 %", "workload": "user-service", "hold": "6 min"},
    ),
    "at a mean CPU of 85 % of the request the replicas rise within 6 min, at 60 % they do not": below(
        Figure.SCALED_OUT,
        scaled("6 min"),
        RUN,
        check="hold",
        demand="scale",
        params={"resource": "cpu", "low": "60 %", "high": "85 %", "hold": "6 min"},
    ),
    "every autoscaler has a minimum of at least 2 and no service is under 3 ready replicas, faults excluded": at_least(
        Figure.FEWEST_REPLICAS, "2", check="observe", demand="scale", params={"ready": "3"}
    ),
    'the autoscaler "web" has a minimum of at least 3 and its target is never under 2 ready replicas, faults excluded': at_least(
        Figure.FEWEST_REPLICAS, "3", Scope(subject="web"), check="observe", demand="scale", params={"ready": "2"}
    ),
    'none of "a, b" has more than 10 replicas at any moment of the run, traffic spike included': holds(
        Figure.MOST_REPLICAS, Scope(subject="a, b", phase=Phase.RUN), limit="10", check="spike", demand="scale"
    ),
    'the autoscaler "web" and its target have at most 50 replicas at any moment of the run': holds(
        Figure.MOST_REPLICAS, Scope(subject="web", phase=Phase.RUN), limit="50", check="observe", demand="scale"
    ),
    "two scale-ups of one service are at least 3 min apart in every traffic spike": at_least(
        Figure.SCALINGS_APART, scaled("3 min"), RUN, check="spike", demand="scale"
    ),
    "no scale-down comes sooner than 5 min after the traffic fell": at_least(
        Figure.SCALED_IN, scaled("5 min"), RUN, check="spike", demand="scale"
    ),
    'the replicas of "web" rise within 3 min of a spike to 3 times the traffic and the response time p95 is below 500 ms within 5 min': below(
        Figure.SPIKE_RISE,
        scaled("3 min"),
        Scope(subject="web"),
        quantile=0.95,
        params={"height": "3"},
        times={"below": "500 ms", "settled": scaled("5 min")},
    ),
    'the replicas of "web" are back within 15 min after a spike to 3 times the traffic and no request failed meanwhile': below(
        Figure.SPIKE_BACK, scaled("15 min"), Scope(subject="web"), params={"height": "3"}
    ),
    "the response time p95 is below 200 ms again within 10 min of a spike to 3 times everyday traffic": below(
        Figure.SPIKE_TIME, "200 ms", quantile=0.95, params={"height": "3"}, times={"settled": scaled("10 min")}
    ),
    'the throughput of /cart of "web" at twice the CPU limit is at least 1.5 times that at the first': at_least(
        Figure.RESIZED, "1.5", RUN, check="resize", demand="scale", params={"workload": "web", "path": "/cart"}
    ),
    'the throughput of /cart of "web" at 6 replicas is at least 1.7 times that at 3': at_least(
        Figure.RESIZED,
        "1.7",
        RUN,
        check="replicate",
        demand="scale",
        params={"workload": "web", "path": "/cart", "fewer": "3", "more": "6"},
    ),
}
