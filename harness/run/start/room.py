"""Checks whether this machine is fast enough for the run and its sandbox; the run ends if it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import DriverError
from harness.evidence import RowTail
from harness.judgement.receipts.machine import HINT
from harness.judgement.receipts.processors import LATE_MS, TAKEN, control_witness, left_over, needed, scarcity
from harness.model import Table
from harness.model.records.table import CONTROL
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.model.observations import MachineSeen
    from harness.run.start.machine import MachineLog

ENOUGH: Final = 1.2
"""Processors that are needed, as a multiple of what the traffic uses, so that some are left for the faults; with fewer, a warning is given."""
LEAST: Final = 1.0
"""With fewer the traffic cannot be carried, and the run ends where the control suffers: it would prove nothing."""
MEASURED: Final = 5
"""Number of readings, one per second, that count at the end of the warm-up."""
STARVED_AT_MOST: Final = 0.3
"""Share of the counted seconds that may be starved: what was measured in the others is judged."""
AMONG_S: Final = 400.0
"""Shortest span, in seconds, in which starved seconds are counted: as long as a run of profile `core`."""
_FEWEST_S: Final = 3
_EACH_S: Final = 2.0


def carries(seen: Sequence[MachineSeen]) -> float | None:
    """The processors left for harness and sandbox, as a multiple of what they need; None if the kernel does not count."""
    needs = {one.when_ns: need for one in seen if (need := needed(one)) is not None}
    left = sum(left_over(one) for one in seen if one.when_ns in needs)
    return left / sum(needs.values()) if any(needs.values()) else None


class Room:
    """Counts the seconds in which the machine was starved, by the rule of the judge.

    Args:
        log: readings of the machine.
        run_directory: directory in which the watch writes.
        decides: whether the target is a sandbox on this machine; otherwise the machine is not judged.
        planned_s: expected length of the run in seconds: a longer one has more seconds without shortage, in which it is judged.
    """

    def __init__(self, log: MachineLog, run_directory: Path, *, decides: bool, planned_s: float = 0.0) -> None:
        self._log = log
        self._decides = decides
        self._among_s = round(max(AMONG_S, planned_s))
        self._rows = RowTail(run_directory / "watch" / "control.rows", CONTROL)
        self._control = Table.empty(CONTROL)
        self._due = clock.Deadline.after(0)

    def said(self) -> str:
        """A warning for the end of the warm-up; empty if the machine is fast enough.

        Raises:
            DriverError: the machine is too slow, and the control service was late.
        """
        seen = self._log.seen[-MEASURED:]
        ratio = carries(seen) if self._decides else None
        if ratio is None or ratio >= ENOUGH:
            return ""
        text = f"this machine has {ratio:.1f} times the processors that the run uses, expected {ENOUGH:g} times"
        since_ns = seen[0].when_ns - NS_PER_S
        taken = 1 - sum(map(left_over, seen)) / len(seen)
        hint = _CROWDED if taken > TAKEN else _SMALL
        if ratio < LEAST and sum(second * NS_PER_S >= since_ns for second in self._starved()) >= _FEWEST_S:
            late = f"the control, a service that does nothing but answer, took over {LATE_MS:g} ms"
            raise DriverError(f"{text}; {late}", hint=hint)
        return f"{text} (if the run ends INCONCLUSIVE: {hint})"

    def check(self) -> None:
        """Count the starved seconds again, every two seconds at most.

        Raises:
            DriverError: the machine was starved for too long.
        """
        if not self._decides or not self._due.over:
            return
        self._due = clock.Deadline.after(_EACH_S)
        since_s = clock.now_ns() // NS_PER_S - self._among_s
        starved = {second for second in self._starved() if second >= since_s}
        if len(starved) >= STARVED_AT_MOST * self._among_s:
            scarce = scarcity(self._log.seen)
            taken = len(starved & scarce.by_others) if scarce else 0
            raise DriverError(
                f"the machine was too slow in {len(starved)} of the last {self._among_s} s: the control, a service that does nothing but answer, "
                f"took over {LATE_MS:g} ms, and processors were scarce (because of other programs in {taken} of these seconds)",
                hint=HINT if taken >= len(starved) / 2 else _SMALL,
            )

    def _starved(self) -> set[int]:
        self._control = Table.merged(CONTROL, [self._control, self._rows.poll()])
        if not len(self._control):
            return set()
        late = set(control_witness(self._control).late.tolist())
        scarce = scarcity(self._log.seen)
        return late if scarce is None else late & scarce.every


_SMALL: Final = "the machine is too small for this run: give a smaller `--traffic-scale`, choose fewer requirements with `--only`, or use a faster one"
_CROWDED: Final = "close other programs, or give a smaller `--traffic-scale`"
