"""Traffic, experiments, demands and plans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.model import Act, Demand, DemandKind, ExperimentPlan, Phase, Plan, TrafficPlan

EVERYDAY = Demand(kind=DemandKind.TRAFFIC, name="everyday")


def traffic(name: str = "everyday", **fields: Any) -> TrafficPlan:
    """25 journeys of 4 requests a second: 10 s of warm-up, 128 s without a fault, 60 s after the last one."""
    given: dict[str, Any] = {
        "name": name,
        "locustfile": f"{name}.py",
        "journeys_per_s": 25.0,
        "requests_per_journey": 4,
        "warm_up_s": 10.0,
        "window_s": 128.0,
        "routes": {"read-track": 1.0},
        "users": 150.0,
    }
    return TrafficPlan(**{**given, **fields})


def experiment(name: str, domain: str = "pod", **fields: Any) -> ExperimentPlan:
    """An experiment that is not held and is observed for 30 s."""
    given: dict[str, Any] = {
        "name": name,
        "file": f"{name}.yaml",
        "domain": domain,
        "within_s": 10.0,
        "hold_s": 0.0,
        "observe_s": 30.0,
        "seconds": 20.0,
    }
    return ExperimentPlan(**{**given, **fields})


def breaks(name: str, under: str = "everyday") -> Demand:
    """The demand that an experiment is run under some traffic."""
    return Demand(kind=DemandKind.EXPERIMENT, name=name, params={"traffic": under})


def act(name: str, kind: str = "check", **fields: Any) -> Act:
    """An act that takes a second and touches nothing."""
    return Act(**{"name": name, "kind": kind, "demand": name, "seconds": 1.0, **fields})


def fault(name: str, **fields: Any) -> Act:
    """The act of an experiment on pods under everyday traffic."""
    given: dict[str, Any] = {
        "demand": breaks(name).key,
        "phase": Phase.FAULT,
        "touches": ("entry", "workloads"),
        "needs_steady": True,
        "traffic": "everyday",
    }
    return act(f"experiment:{name}", "experiment", **{**given, **fields})


def plan(
    *,
    acts: Iterable[Act] = (),
    demands: Iterable[Demand] = (),
    experiments: Iterable[ExperimentPlan] = (),
    **fields: Any,
) -> Plan:
    """A plan on the sandbox under everyday traffic."""
    asked = tuple(demands)
    given: dict[str, Any] = {
        "run": "run-1",
        "target": "sandbox",
        "environment": "sandbox",
        "time_scale": 1.0,
        "durability": "",
        "release": "1.0.0",
        "profile": "core",
        "seed": 1,
        "requirements": (),
        "claims": (),
        "demands": tuple(demand.key for demand in asked),
        "demand": {demand.key: demand for demand in asked},
        "acts": tuple(acts),
        "traffic": {"everyday": traffic()},
        "experiments": {one.name: one for one in experiments},
        "primary_region": "",
        "regions": {},
        "deselected": (),
        "not_assessable": (),
        "probe_spacing_ms": {"reads": 20.0, "writes": 33.0},
    }
    return Plan(**{**given, **fields})
