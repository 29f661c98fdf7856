"""The rate of probes while a fault may be active: as high as the shortest recovery in the sentences requires."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from harness.drivers.watch import Rates, usual_rates
from harness.model import Claim, Figure

A_RECOVERY: Final = 50.0
"""Probes within the shortest claimed recovery, so that their spacing is a fifth of the allowed resolution."""
MOST_PER_S: Final = 25.0
"""Highest number of probes per second: probes are load as well, and a target under a fault can take little load."""
OF_A_REGION: Final = 0.5
"""Rate of the probes at the entry of each region, divided by the rate at the platform's entry."""


def rates_of(claims: Iterable[Claim], *, scale: float, broken: bool) -> Rates:
    """The requests per second of the watch.

    Args:
        claims: claims of the plan.
        scale: time scale, by which the platform's times are divided.
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
