"""Defects that bad releases switch on: the harness's own test data, planted to prove that it is caught.

All are off unless the pod's environment says otherwise; release 1.0.0 sets none of these variables. One in n is counted,
not drawn: each route of each pod has a counter, and each counter starts elsewhere, so that all pods together fail their
share in any window, and no more than their share.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class Defects:
    """Which answers of this pod go wrong. One in 0 means never."""

    pod: str = ""
    slow_route: str = ""
    slow_s: float = 0.0
    fail_one_in: int = 0
    forget_one_in: int = 0
    forget_routes: frozenset[str] = frozenset()
    refuses_all: bool = False
    _answers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_env(cls) -> Defects:
        """The defects this pod was deployed with."""
        env = os.environ
        return cls(
            pod=env.get("POD_NAME", ""),
            slow_route=env.get("DEFECT_SLOW_ROUTE", ""),
            slow_s=float(env.get("DEFECT_SLOW_MS", "0")) / 1000,
            fail_one_in=int(env.get("DEFECT_FAIL_ONE_IN", "0")),
            forget_one_in=int(env.get("DEFECT_FORGET_ONE_IN", "0")),
            forget_routes=frozenset(env.get("DEFECT_FORGET_ROUTES", "").split()),
            refuses_all=env.get("DEFECT_REFUSES_ALL", "") == "yes",
        )

    def delay_s(self, route: str) -> float:
        """Seconds by which an answer of this route comes late."""
        return self.slow_s if route == self.slow_route else 0.0

    def fails(self, route: str) -> bool:
        """Whether this answer is replaced by a failure."""
        return self._one_in(self.fail_one_in, f"fail {route}")

    def forgets(self, route: str) -> bool:
        """Whether this write is acknowledged and rolled back."""
        return route in self.forget_routes and self._one_in(self.forget_one_in, f"forget {route}")

    def _one_in(self, n: int, counter: str) -> bool:
        if n == 0:
            return False
        start = zlib.crc32(f"{self.pod} {counter}".encode())
        self._answers[counter] = self._answers.get(counter, start) + 1
        return self._answers[counter] % n == 0
