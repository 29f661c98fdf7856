"""What driver and judge of autoscaling share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.model.planned.plan import Demand

NEAR: Final = 0.06
"""Maximum difference of usage and level, as a share of the request: 60 % stays below a target of 70 %."""
HOLD: Final = "hold"
SPIKE: Final = "spike"
OBSERVE: Final = "observe"
RESIZE: Final = "resize"
REPLICATE: Final = "replicate"


def held_elsewhere(demand: Demand, demands: Mapping[str, Demand]) -> Iterator[Demand]:
    """The other demands of a plan that bring one service, which they name, to the levels to which this demand brings every service."""
    if demand.name != HOLD or "workload" in demand.params:
        return
    for other in demands.values():
        levels = {key: value for key, value in other.params.items() if key != "workload"}
        if (other.kind, other.name, levels) == (demand.kind, HOLD, dict(demand.params)) and other.key != demand.key:
            yield other
