"""Checks during the run, by rule 8 of the judge, whether users are served again after a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.evidence import RowTail
from harness.judgement.recovery import Promise, Requests, still_out
from harness.judgement.recovery.users import grouped
from harness.model import SAMPLES, Table
from harness.model.planned.domain import PartsState
from harness.run.health.condition import awaited
from harness.run.health.steady import WRITE_KNOWN_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SERVED_WITHIN_S: Final = 15.0
"""Seconds for which a run waits until users are served: a release that always fails some of them is judged, not waited for."""
_LAST_NS: Final = 25_000_000_000
"""Age in ns up to which requests count: an outage that ended before is over."""
_POLL_S: Final = 0.25


class UsersServed:
    """Follows the requests of one traffic while they are recorded.

    Args:
        rows: row files of the workers.
        rates: planned requests per second of each route.
        promise: the promised response time and share of failures, by the judge's rule.
    """

    def __init__(self, rows: Sequence[Path], rates: Mapping[str, float], promise: Promise) -> None:
        self._tails = [RowTail(path, SAMPLES) for path in rows]
        self._rates = rates
        self._promise = promise
        self._recent = Table.empty(SAMPLES)
        self._quiet: Mapping[str, Requests] | None = None
        self._served_once = False

    def quiet(self, start_ns: int, end_ns: int) -> None:
        """Use a span without a fault as reference: its rate of failures of a route or region counts as normal."""
        self._poll()
        self._quiet = grouped(self._recent.between("intended_ns", start_ns, end_ns), ())

    def now(self) -> PartsState:
        """Whether users are served; otherwise the route or region that is out, or that was not yet served for five recorded seconds.

        Results of requests are recorded as late as results of ledger writes, unless the target is down, which the probes show.
        """
        until_ns = clock.now_ns() - WRITE_KNOWN_NS
        self._poll()
        recent = self._recent.where(self._recent.ints["intended_ns"] >= until_ns - _LAST_NS)
        if self._quiet is not None:  # until then all of them are needed
            self._recent = recent
        why = still_out(recent, until_ns, self._rates, self._promise, self._quiet or {})
        self._served_once = self._served_once or not why
        return PartsState(ok=not why, why=why)

    def before_fault(self, alive: Callable[[], None]) -> bool:
        """Whether users are served before a fault. If they were so far, they are waited for: a slow answer is no reason not to watch them under the fault."""
        return self.wait(alive).ok if self._served_once else self.now().ok

    def _poll(self) -> None:
        self._recent = Table.merged(SAMPLES, [self._recent, *(tail.poll() for tail in self._tails)])

    def wait(self, alive: Callable[[], None], within_s: float = SERVED_WITHIN_S) -> PartsState:
        """Wait until users are served; returns the last state.

        Args:
            alive: function that raises if waiting is pointless.
            within_s: longest time to wait, in seconds.
        """
        return awaited(self.now, within_s, _POLL_S, alive)[0]
