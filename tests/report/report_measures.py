"""What a healthy release measures, requirement by requirement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from report_plan import BROKEN, EXPERIMENTS, REGIONS, REPLICAS, ROUTES, TITLES

from harness.judgement.measures import because
from harness.model import (
    Length,
    Measure,
    Outcome,
    Receipt,
)

GOOD = {
    "load": Receipt(
        ok=True, why="1 worker recorded until the end, lag p99 0.61 ms", files=("load/everyday/samples-0.parquet",)
    ),
    "watch": Receipt(ok=True, why="8319 probes, longest gap 31 ms"),
    "fault": Receipt(ok=True, why="seen on the target after 0.4 s"),
    "restore": Receipt(ok=True, why="as before"),
}
QUANTILE = (
    "raw samples from the intended send time, open model; order statistics give 45.9 to 48.1 ms, 20 time batches of 6.4 s 45.6 to 48.4 ms:"
    " clustered (18 episodes, longest 1.2 s), so the wider of the two bounds counts; exact at the limit"
)
SHARE = "exact binomial bounds (Clopper-Pearson)"
RECOVERY = "first success, after the last outage, of 5 s with at least 99 % successes; ± the longest gap between looks"
HINT = "`readiness why {}` shows the evidence; fix the platform, then run again"


def measure(requirement: str, name: str, scope: Mapping[str, str], **fields: Any) -> Measure:
    """A measure of a requirement's sentence; PASS with a short reason unless told otherwise."""
    _, _, _, file, sentence = TITLES[requirement]
    known: dict[str, Any] = {
        "value": None,
        "unit": "",
        "op": "is below",
        "limit": "",
        "outcome": Outcome.PASS,
        "reason": f"{name} is as expected",
        "sentence": sentence,
        "at": f"features/{file}.feature:8",
    }
    known |= fields
    outcome, text, hint = known["outcome"], known.pop("reason"), known.pop("hint", "")
    return Measure(name=name, scope=dict(scope), because=because(outcome, text, hint), **known)


def response(requirement: str, route: str, ms: float, limit: float, **fields: Any) -> Measure:
    """The response time p95 of one route, told by 3204 requests."""
    return measure(
        requirement,
        "response time p95",
        {"traffic": "everyday", "phase": "in the steady state", "route": route},
        value=ms,
        unit="ms",
        limit=f"{limit:g} ms",
        scaled_limit=limit,
        low=ms * 0.97,
        high=ms * 1.03,
        confidence=0.95,
        n=3204,
        n_needed=59,
        method=QUANTILE,
        receipts={"load": GOOD["load"]},
        files=("load/everyday/samples-0.parquet",),
        **{"reason": f"response time p95 of {route} is {ms:.4g} ms, expected below {limit:g} ms", **fields},
    )


def share(requirement: str, name: str, scope: Mapping[str, str], value: float, **fields: Any) -> Measure:
    """A share of 12816 requests."""
    half = 1.65 * (value * (1 - value) / 12816) ** 0.5
    known: dict[str, Any] = {
        "value": value,
        "unit": "ratio",
        "low": value - half,
        "high": value + half,
        "confidence": 0.95,
        "n": 12816,
        "n_needed": 2994,
        "method": SHARE,
        "receipts": {"load": GOOD["load"]},
    }
    return measure(requirement, name, scope, **{**known, **fields})


def _recovered(requirement: str, experiment: str, operation: str, limit: str, scaled: float) -> Measure:
    outages = getattr(BROKEN[experiment], operation)
    seconds = outages[-1][1] if outages else 0.0
    return measure(
        requirement,
        f"recovery of {operation}",
        {"experiment": experiment, "operation": operation, "phase": "during the fault"},
        value=seconds,
        unit="s",
        limit=limit,
        scaled_limit=scaled,
        times=(Length(name="limit", said=limit, scaled=limit == "4 h", used_s=scaled),),
        low=max(seconds - 0.05, 0),
        high=seconds + 0.05,
        resolution=0.05,
        method=RECOVERY,
        receipts=GOOD,
        reason=f"{experiment}: {operation} were served again after {seconds:.4g} s ± 0.05 s, expected below {limit}",
        files=(f"chaos/{experiment}/journal.json", "watch/entry.parquet"),
    )


def _facts(requirement: str) -> list[Measure]:
    return [
        measure(
            requirement,
            TITLES[requirement][0],
            {"subject": subject},
            op="holds",
            limit="status 200 within 1 s",
            n=1,
            method="read from the live target",
            reason=f"{subject}: status 200 after 0.012 s, expected status 200 within 1 s",
        )
        for subject in (f"{region}/{TITLES[requirement][0]}" for region in dict.fromkeys(REGIONS))
    ]


def _losses(requirement: str) -> list[Measure]:
    return [
        measure(
            requirement,
            "lost writes",
            {"experiment": name, "phase": "during the fault"},
            value=0.0,
            op="holds",
            limit="0",
            scaled_limit=0.0,
            n=1460,
            method="set arithmetic: acknowledged and not there at the end",
            receipts={k: GOOD[k] for k in ("watch", "fault", "restore")},
            reason="none of 9312 acknowledged writes is lost (14 of unknown outcome are not there, 9 are)",
        )
        for name in EXPERIMENTS[requirement]
    ]


def _steady(requirement: str) -> list[Measure]:
    """The figures of the fault-free window that are shares."""
    steady = {"traffic": "everyday", "phase": "in the steady state"}
    if requirement == "ND-KPI-ERRORS":
        return [share(requirement, "error rate", steady, 0.0002341, limit="0.1 %", scaled_limit=0.001)]
    if requirement == "AT-STB-ERRORS":
        of_route: dict[str, Any] = {"limit": "1 %", "scaled_limit": 0.01, "n": 3204}
        return [share(requirement, "error rate", {**steady, "route": r}, 0.0003, **of_route) for r in ROUTES]
    bounds: dict[str, Any] = {"low": 0.99943, "high": 0.99999, "n": 8320, "n_needed": 4742}
    limit: dict[str, Any] = {"op": "is at least", "limit": "99.9 %", "scaled_limit": 0.999}
    return [share(requirement, "uptime", steady, 0.99988, receipts={"watch": GOOD["watch"]}, **bounds, **limit)]


def _regions(requirement: str) -> list[Measure]:
    region, expected = {"P": ("us-east-1", 0.6), "S": ("eu-west-1", 0.3), "T": ("ap-southeast-1", 0.1)}[requirement[7]]
    limit: dict[str, Any] = {"op": "is within", "limit": f"{expected * 100:g} % ± 5 points", "scaled_limit": expected}
    return [
        share(requirement, "share of answers", {"traffic": "everyday", "region": region}, expected + 0.004, **limit)
    ]


def _lag(requirement: str) -> list[Measure]:
    known: dict[str, Any] = {
        "unit": "s",
        "limit": "10 s",
        "scaled_limit": 10.0,
        "n": 640,
        "n_needed": 299,
        "confidence": 0.95,
    }
    known |= {"value": 0.31, "low": 0.24, "high": 0.44, "receipts": {"watch": GOOD["watch"]}}
    return [measure(requirement, "replication lag p99", {"replica": replica}, **known) for replica in REPLICAS]


def _recoveries(requirement: str) -> list[Measure]:
    own = {"DA-DR-RTO": ("4 h", 240.0), "DA-GEO-LOSS-PRIMARY": ("50 s", 50.0), "DA-DR-FAILOVER": ("45 s", 45.0)}
    limit, scaled = own.get(requirement, ("30 s", 30.0))
    operations = ("writes",) if requirement == "DA-DR-FAILOVER" else ("reads", "writes")
    return [_recovered(requirement, name, o, limit, scaled) for name in EXPERIMENTS[requirement] for o in operations]


def _discovery(requirement: str) -> list[Measure]:
    scope = {"experiment": "pod-loss", "pod": "track-service-7d4b-z4wq1"}
    known: dict[str, Any] = {"value": 0.62, "unit": "s", "limit": "10 s", "scaled_limit": 10.0, "receipts": GOOD}
    return [measure(requirement, "first request of a new pod", scope, **known)]


def _responses(requirement: str) -> list[Measure]:
    limit = 200 if requirement == "ND-KPI-P95" else 1000
    return [response(requirement, route, 38.0 + 3 * i, limit) for i, route in enumerate(ROUTES)]


_HEALTHY: Mapping[str, Callable[[str], list[Measure]]] = {
    **dict.fromkeys(("ND-KPI-P95", "AT-PERF-P95", "AT-PERF-USERS"), _responses),
    **dict.fromkeys(("ND-KPI-ERRORS", "AT-STB-ERRORS", "ND-KPI-UPTIME"), _steady),
    **dict.fromkeys(("DA-GEO-PRIMARY", "DA-GEO-SECONDARY", "DA-GEO-TERTIARY"), _regions),
    **dict.fromkeys(("DA-DR-RTO", "DA-GEO-LOSS-PRIMARY", "DA-DR-FAILOVER", "AT-STB-RECOVERY"), _recoveries),
    **dict.fromkeys(("ND-RISK-DATALOSS", "DA-DR-RPO"), _losses),
    "DA-DR-REPLICATION": _lag,
    "ND-PH1-DISCOVERY": _discovery,
}


def healthy(requirement: str) -> list[Measure]:
    """What a healthy release gives for a requirement; a check gives facts."""
    return _HEALTHY.get(requirement, _facts)(requirement)
