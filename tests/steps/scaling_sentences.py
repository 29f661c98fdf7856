"""Sentences on autoscalers, and what each means."""

from __future__ import annotations

from typing import Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope

_RUN: Final = Scope(phase=Phase.RUN)
_UP: Final = {"workload": "user-service", "hold": "6 min"}


def _claim(figure: Figure, op: Op, limit: Quantity, check: str, scope: Scope = _RUN, **params: str) -> Objective:
    return Objective(
        figure=figure,
        scope=scope,
        op=op,
        limit=limit,
        check=check,
        demand="scale",
        params=params,
        sentence="",
    )


def _count(number: int) -> Quantity:
    return Quantity(value=number, unit="")


def _spike(figure: Figure, limit: Quantity, workload: str = "", **times: Quantity) -> Objective:
    return Objective(
        figure=figure,
        quantile=0.95 if times else None,
        scope=Scope(subject=workload),
        op=Op.BELOW,
        limit=limit,
        params={"height": "3"},
        times=times,
        sentence="",
    )


def _scaled(text: str) -> Quantity:
    return Quantity.parse(text, scaled=True)


SCALING_SENTENCES: Final = {
    'at a mean CPU of 85 % of the request the replicas of "user-service" rise within 6 min, at 60 % they do not': _claim(
        Figure.SCALED_OUT, Op.BELOW, _scaled("6 min"), "hold", _RUN, resource="cpu", low="60 %", high="85 %", **_UP
    ),
    'at a mean memory of 95 % of the request the replicas of "user-service" rise within 6 min, at 70 % they do not': _claim(
        Figure.SCALED_OUT, Op.BELOW, _scaled("6 min"), "hold", _RUN, resource="memory", low="70 %", high="95 %", **_UP
    ),
    "at a mean CPU of 85 % of the request the replicas rise within 6 min, at 60 % they do not": _claim(
        Figure.SCALED_OUT,
        Op.BELOW,
        _scaled("6 min"),
        "hold",
        _RUN,
        resource="cpu",
        low="60 %",
        high="85 %",
        hold="6 min",
    ),
    "every autoscaler has a minimum of at least 2 and no service is under 3 ready replicas, faults excluded": _claim(
        Figure.FEWEST_REPLICAS, Op.AT_LEAST, _count(2), "observe", Scope(phase=Phase.STEADY), ready="3"
    ),
    'the autoscaler "web" has a minimum of at least 3 and its target is never under 2 ready replicas, faults excluded': _claim(
        Figure.FEWEST_REPLICAS, Op.AT_LEAST, _count(3), "observe", Scope(phase=Phase.STEADY, subject="web"), ready="2"
    ),
    'none of "a, b" has more than 10 replicas at any moment of the run, traffic spike included': _claim(
        Figure.MOST_REPLICAS, Op.HOLDS, _count(10), "spike", Scope(phase=Phase.RUN, subject="a, b")
    ),
    'the autoscaler "web" and its target have at most 50 replicas at any moment of the run': _claim(
        Figure.MOST_REPLICAS, Op.HOLDS, _count(50), "observe", Scope(phase=Phase.RUN, subject="web")
    ),
    "two scale-ups of one service are at least 3 min apart in every traffic spike": _claim(
        Figure.SCALINGS_APART, Op.AT_LEAST, _scaled("3 min"), "spike"
    ),
    "no scale-down comes sooner than 5 min after the traffic fell": _claim(
        Figure.SCALED_IN, Op.AT_LEAST, _scaled("5 min"), "spike"
    ),
    'the replicas of "web" rise within 3 min of a spike to 3 times the traffic and the response time p95 is below 500 ms within 5 min': _spike(
        Figure.SPIKE_RISE, _scaled("3 min"), "web", below=Quantity.parse("500 ms"), settled=_scaled("5 min")
    ),
    'the replicas of "web" are back within 15 min after a spike to 3 times the traffic and no request failed meanwhile': _spike(
        Figure.SPIKE_BACK, _scaled("15 min"), "web"
    ),
    "the response time p95 is below 200 ms again within 10 min of a spike to 3 times everyday traffic": _spike(
        Figure.SPIKE_TIME, Quantity.parse("200 ms"), settled=_scaled("10 min")
    ),
    'the throughput of /cart of "web" at twice the CPU limit is at least 1.5 times that at the first': _claim(
        Figure.RESIZED, Op.AT_LEAST, Quantity(value=1.5, unit=""), "resize", workload="web", path="/cart"
    ),
    'the throughput of /cart of "web" at 6 replicas is at least 1.7 times that at 3': _claim(
        Figure.RESIZED,
        Op.AT_LEAST,
        Quantity(value=1.7, unit=""),
        "replicate",
        workload="web",
        path="/cart",
        fewer="3",
        more="6",
    ),
}
