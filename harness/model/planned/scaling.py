"""What driver and judge of autoscaling have in common."""

from __future__ import annotations

from typing import Final

NEAR: Final = 0.06
"""A usage is at a level when it differs by no more, over the request: 60 % stays below a target of 70 %, 85 % above it with its tolerance."""
HOLD: Final = "hold"
SPIKE: Final = "spike"
OBSERVE: Final = "observe"
RESIZE: Final = "resize"
REPLICATE: Final = "replicate"
