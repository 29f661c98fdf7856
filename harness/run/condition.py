"""Whether the target is steady, and as it was before the first fault.

Only the parts that an act touches are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.model.domain import ENTRY, PartsState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from harness.drivers.chaos import Restorer, TargetSnapshot
    from harness.run.shares import Shares
    from harness.run.steady import Steadiness

STEADY_WITHIN_S: Final = 20.0
"""So long a target that is steady and as before is waited for."""
_CONDITION_POLL_S: Final = 0.1


def awaited(
    now: Callable[[], PartsState], within_s: float, every_s: float, alive: Callable[[], None] | None = None
) -> tuple[PartsState, float]:
    """Ask until it is ok: the last state, and the seconds it took.

    Args:
        now: how it is now.
        within_s: so long, in seconds.
        every_s: the time between two requests, in seconds.
        alive: raises when waiting is pointless.
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
        steadiness: of reads and writes at the entry.
        shares: of the regions in the answers.
        restorer: knows how the cluster was; None: the target has none.
    """

    def __init__(self, steadiness: Steadiness, shares: Shares, restorer: Restorer | None) -> None:
        self._steadiness = steadiness
        self._shares = shares
        self._restorer = restorer

    def baseline(self) -> TargetSnapshot | None:
        """How the cluster was before the first fault; None where the target has none.

        From the first call on `as before` means as then; later calls change nothing, so that no damage becomes normal.
        """
        return None if self._restorer is None else self._restorer.baseline()

    def hit(self, nodes: Iterable[str]) -> None:
        """From now on these nodes must be as before, too, whatever ran there: a fault hit them."""
        if self._restorer is not None:
            self._restorer.hit(nodes)

    def now(self, touches: Collection[str]) -> PartsState:
        """Whether these parts are steady and as before. What costs least is asked first."""
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
        """The same, with every reason and every name, also where the entry is reason enough."""
        here = [self.now([part]) for part in touches]
        whys = [state.why for state in here if not state.ok]
        missing = tuple(name for state in here for name in state.missing)
        return PartsState(ok=not whys, why="; ".join(whys), missing=missing)

    def wait(
        self, touches: Collection[str], within_s: float = STEADY_WITHIN_S, alive: Callable[[], None] | None = None
    ) -> tuple[PartsState, float]:
        """Wait until they are: the last state, and the seconds it took.

        `alive` raises when waiting is pointless.
        """
        return awaited(lambda: self.now(touches), within_s, _CONDITION_POLL_S, alive)

    def quiet(self, start_ns: int, end_ns: int) -> None:
        """In this span no fault was in: reads and writes are as before when they fail no more than then."""
        self._steadiness.quiet(start_ns, end_ns)

    def back_since(self, since_ns: int) -> bool:
        """Whether reads and writes are served again after a fault that was sent then."""
        return self._steadiness.back_since(since_ns)

    def as_before(self, parts: Collection[str]) -> PartsState:
        """Whether these parts of the cluster are as before, while a fault may still be in.

        They are where nothing is asked, or there is no cluster.
        """
        return self._restorer.restored(parts) if self._restorer is not None and parts else PartsState(ok=True, why="")

    def down(self) -> str:
        """What failed where the target is down; empty where it serves."""
        return self._steadiness.down()

    def entry_steady(self, within_s: float) -> tuple[PartsState, float]:
        """Wait for steady reads and writes: what was observed last, and the seconds it took."""
        return self._steadiness.wait(within_s)
