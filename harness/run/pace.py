"""How closely a run is watched while a fault may be in: as closely as the shortest recovery that it claims needs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from harness.drivers.watch import Rates, usual_rates
from harness.model import Claim, Figure

A_RECOVERY: Final = 50.0
"""Requests in the shortest recovery that is claimed: the time between two is a fifth of the resolution that it may have."""
MOST_PER_S: Final = 25.0
"""The requests of the watch are load as well, and a fault leaves the least room for load: no run asks more often than this."""
OF_A_REGION: Final = 0.5
"""At the entry of each region, as a share of those at the entry of all."""


def rates_of(claims: Iterable[Claim], *, scale: float, broken: bool) -> Rates:
    """The requests per second of the watch.

    Args:
        claims: of the plan.
        scale: by which the platform's times are divided.
        broken: whether the run has an experiment.
    """
    limits_s = [
        objective.limit.at_scale(scale).in_unit("s")
        for claim in claims
        for objective in claim.objectives
        if objective.figure is Figure.RECOVERY
    ]
    usual, asked_per_s = usual_rates(broken=broken), A_RECOVERY / min(limits_s, default=math.inf)
    per_s = min(max(usual.read_in_fault, asked_per_s), MOST_PER_S)
    under = {"read_in_fault": per_s, "ledger_in_fault": per_s, "region_in_fault": OF_A_REGION * per_s}
    return usual.model_copy(update=under)
