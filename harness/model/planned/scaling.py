"""A constant that driver and judge of autoscaling share."""

from __future__ import annotations

from typing import Final

NEAR: Final = 0.06
"""Maximum difference of usage and level, as a share of the request: 60 % stays below a target of 70 %."""
HOLD: Final = "hold"
SPIKE: Final = "spike"
OBSERVE: Final = "observe"
RESIZE: Final = "resize"
REPLICATE: Final = "replicate"
