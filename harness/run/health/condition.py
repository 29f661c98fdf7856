"""Checks whether the target is steady and in its state before the first fault.

Only the state of the parts that an act touches is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.model.planned.domain import ENTRY, PartsState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from harness.drivers.chaos import Restorer, TargetSnapshot
    from harness.run.health.shares import Shares
    from harness.run.health.steady import Steadiness

STEADY_WITHIN_S: Final = 20.0
"""Seconds for which a run waits until the target is steady and restored."""
_CONDITION_POLL_S: Final = 0.1


def awaited(
    now: Callable[[], PartsState], within_s: float, every_s: float, alive: Callable[[], None] | None = None
) -> tuple[PartsState, float]:
    """Repeat a check until it is ok or the time is over; returns the last state, and the seconds it took.

    Args:
        now: check that returns the present state.
        within_s: longest time to wait, in seconds.
        every_s: time between two checks, in seconds.
        alive: function that raises if waiting is pointless.
    """
    began = clock.now_s()
    state = PartsState(ok=False, why="")
    for _ in clock.Deadline.after(within_s).ticks(every_s):
        if alive is not None:
            alive()
        state = now()
        if state.ok:
            break
    return state, clock.now_s() - began


class Condition:
    """The state of one target under one traffic.

    Args:
        steadiness: check of reads and writes at the entry.
        shares: check of the regions' shares of the answers.
        restorer: comparison of the cluster with its state before the first fault; None: the target has no cluster.
    """

    def __init__(self, steadiness: Steadiness, shares: Shares, restorer: Restorer | None) -> None:
        self._steadiness = steadiness
        self._shares = shares
        self._restorer = restorer

    def baseline(self) -> TargetSnapshot | None:
        """The state of the cluster before the first fault; None if the target has no cluster.

        The first call reads it; later calls return the same state, so that damage never becomes normal.
        """
        return None if self._restorer is None else self._restorer.baseline()

    def hit(self, nodes: Iterable[str]) -> None:
        """Also compare these nodes from now on, since a fault hit them, even if no pod of the target ran on them."""
        if self._restorer is not None:
            self._restorer.hit(nodes)

    def now(self, touches: Collection[str]) -> PartsState:
        """Whether these parts are steady and restored; the cheapest checks are made first."""
        state = PartsState(ok=True, why="")
        if ENTRY in touches:
            for probe in (self._shares.now, self._steadiness.now):
                state = probe()
                if not state.ok:
                    return state
        if self._restorer is not None and not (restored := self._restorer.restored(touches)).ok:
            return restored
        return state

    def in_full(self, touches: Collection[str]) -> PartsState:
        """Like `now`, but with the reasons of all parts: `now` stops at the first part that is not restored."""
        here = [self.now([part]) for part in touches]
        whys = [state.why for state in here if not state.ok]
        missing = tuple(name for state in here for name in state.missing)
        return PartsState(ok=not whys, why="; ".join(whys), missing=missing)

    def wait(
        self, touches: Collection[str], within_s: float = STEADY_WITHIN_S, alive: Callable[[], None] | None = None
    ) -> tuple[PartsState, float]:
        """Wait until these parts are steady and restored; returns the last state, and the seconds it took.

        `alive` raises if waiting is pointless.
        """
        return awaited(lambda: self.now(touches), within_s, _CONDITION_POLL_S, alive)

    def quiet(self, start_ns: int, end_ns: int) -> None:
        """Use a span without a fault as reference: reads and writes have recovered if they fail no more often than in it."""
        self._steadiness.quiet(start_ns, end_ns)

    def back_since(self, since_ns: int) -> bool:
        """Whether reads and writes are served again after a fault that was sent at this time."""
        return self._steadiness.back_since(since_ns)

    def as_before(self, parts: Collection[str]) -> PartsState:
        """Whether these parts of the cluster are in their state before the fault, while a fault may still be active.

        The state is ok if no part is named, or if the target has no cluster.
        """
        return self._restorer.restored(parts) if self._restorer is not None and parts else PartsState(ok=True, why="")

    def down(self) -> str:
        """The failing probe if the target is down; empty if the target is up."""
        return self._steadiness.down()

    def entry_steady(self, within_s: float) -> tuple[PartsState, float]:
        """Wait for steady reads and writes; returns the last state, and the seconds it took."""
        return self._steadiness.wait(within_s)
