"""Loads containers of services so that their autoscalers act, and records the observations.

Nothing is judged here.
"""

from __future__ import annotations

from harness.drivers.scale.holding import Holding, hold_levels, spike
from harness.drivers.scale.served import SERVING, replicate, resize
from harness.drivers.scale.stress import STRESSING

__all__ = ["SERVING", "STRESSING", "Holding", "hold_levels", "replicate", "resize", "spike"]
