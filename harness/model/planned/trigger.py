"""Rollback triggers: the signal of the new release, its limit, and the time above the limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from harness.model.planned.quantity import Quantity


class Signal(StrEnum):
    """Signals of the new release that a trigger reads."""

    RESPONSE_TIME = "response time p95"
    ERROR_RATE = "error rate"
    MEMORY = "memory share"
    """Working set divided by the container's own limit, of any pod."""
    QUERY_TIME = "query p95"
    """p95 of any query of the new release."""
    REPORT = "critical report"


_DIMENSIONS: Final[Mapping[Signal, str]] = {
    Signal.RESPONSE_TIME: "time",
    Signal.ERROR_RATE: "ratio",
    Signal.MEMORY: "ratio",
    Signal.QUERY_TIME: "time",
}
_NOTHING: Final = Quantity(value=0, unit="")
_AT_ONCE: Final = Quantity(value=0, unit="s")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """Condition for a rollback of a release.

    Attributes:
        name: name in sentences.
        signal: signal that it reads.
        above: limit; it fires while the signal is above the limit. 0 for a report.
        window: time for which the signal must be above the limit. 0 for a report.
    """

    name: str
    signal: Signal
    above: Quantity = _NOTHING
    window: Quantity = _AT_ONCE

    @property
    def limit(self) -> float:
        """The limit in the unit of the signal: ms for a time, else a ratio from 0 to 1."""
        return self.above.in_unit("ms") if _DIMENSIONS.get(self.signal) == "time" else self.above.base

    def window_ns(self, time_scale: float) -> int:
        """The window in ns at a time scale."""
        return round(self.window.at_scale(time_scale).in_unit("ns"))

    def __str__(self) -> str:
        if self.signal is Signal.REPORT:
            return f"{self.name}: a {self.signal.value}"
        return f"{self.name}: {self.signal.value} above {self.above} for {self.window}"


class Misfit(NamedTuple):
    """An error of a trigger: the key of its file, the error, and the correction."""

    key: str
    what: str
    hint: str


_SWAPPED: Final = "the limit and the window are swapped"


def misfit(trigger: Trigger) -> Misfit | None:
    """The error that keeps a trigger from firing; None if there is none.

    Limit and window may be swapped, a unit may be wrong, or no signal can exceed the limit.
    """
    return None if trigger.signal is Signal.REPORT else next(iter(_misfits(trigger)), None)


def _misfits(trigger: Trigger) -> Iterator[Misfit]:
    above, window, dimension = trigger.above, trigger.window, _DIMENSIONS[trigger.signal]
    hint = f"write a limit like `{'2000 ms' if dimension == 'time' else '5 %'}`"
    if above.dimension != dimension:
        swapped = above.dimension == "time" and window.dimension == dimension
        why = _SWAPPED if swapped else f"the {trigger.signal.value} is a {dimension}"
        yield Misfit("above", f"{above} is a {above.dimension}: {why}", hint)
    if window.dimension != "time" or window.value <= 0:
        yield Misfit("for", f"{window} is not a time above 0", "write it like `5 min`")
    if above.value < 0:
        yield Misfit("above", f"a {trigger.signal.value} is never below 0", hint)
    if dimension == "ratio" and above.base >= 1:
        yield Misfit("above", f"no reading can be above {above}", hint)
    if dimension == "time" and above.base >= window.base:
        what = f"a limit of {above} is not below the window of {window}: {_SWAPPED}, or a unit is wrong"
        yield Misfit("above", what, "write `above: 2000 ms` and `for: 5 min`")
