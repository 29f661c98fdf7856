"""The two declared scales of the sandbox, each applied in one place and named beside every figure made under it."""

from __future__ import annotations

import os
from typing import Final

TIME_SCALE: Final = 60
"""Windows, schedules, RTO and RPO are divided by it: a minute of a rule is a second here."""
CPU_SCALE_VARIABLE: Final = "READINESS_SANDBOX_CPU_SCALE"
"""Environment variable of the control plane with the CPU scale, where a part of the platform names another."""
CPU_SCALE: Final = int(os.environ.get(CPU_SCALE_VARIABLE, "10"))
"""CPU time that the kubelets report is the real CPU time times this: a pod with 500m is full at 5 % of a real core."""
