"""What users do, as counters of the metrics: signed in, played."""

from __future__ import annotations

import asyncio

from prometheus_client import Counter


class UserCounter:
    """A counter of the metrics.

    Args:
        name: of the counter, ending in `_total`.
        about: what it counts.
        every_s: how often what was counted is added; 0: at once. Anything else is a planted defect.
    """

    def __init__(self, name: str, about: str, every_s: float = 0.0) -> None:
        self.counter = Counter(name, about, registry=None)
        self._every_s = every_s
        self._held = 0
        self._since: float | None = None

    def add(self) -> None:
        """Count one."""
        self._held += 1
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._every_s:
            self.counter.inc(self._held)
            self._held, self._since = 0, now
