"""The windows of one traffic while it runs.

The windows are contiguous, and each name says which fault or rollout the window belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.model import Phase
from harness.model.records.window import after_faults_name, after_name, fault_free_name, fault_name, rollout_window_name

if TYPE_CHECKING:
    from harness.model import Sink, TrafficPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class _Open:
    """The window that is open.

    `experiment` and `attempt` name its fault or the fault before it; `rollout` and `part` its rollout or the one before it.
    """

    start_ns: int
    phase: Phase
    experiment: str = ""
    attempt: int = 1
    rollout: str = ""
    part: str = ""

    @property
    def disturbed(self) -> bool:
        """Whether a fault is active, or a rollout in progress."""
        return self.phase is not Phase.STEADY

    @property
    def name(self) -> str:
        """The name of the window, during a fault or rollout, or between two of them."""
        if self.rollout:
            return rollout_window_name(self.rollout, self.part if self.disturbed else "after")
        return (
            fault_name(self.experiment, self.attempt) if self.disturbed else after_name(self.experiment, self.attempt)
        )


class WindowLog:
    """Divides the time of one traffic into windows: at each fault, at each step of a rollout, and at each restore.

    The window after a restore is recorded when it ends, since its name is known only then. It is `experiment:X/after` or `rollout:R/after`
    if another fault or rollout follows, else `T/after-faults`.
    """

    def __init__(self, traffic: TrafficPlan, history: Sink) -> None:
        self._traffic = traffic
        self._history = history
        self._open: _Open | None = None

    @property
    def since_ns(self) -> int:
        """When the open window began, in ns; 0 if no window is open."""
        return self._open.start_ns if self._open is not None else 0

    @property
    def faulty(self) -> bool:
        """Whether a fault was sent, or a rollout started, and the target was not restored since."""
        return self._open is not None and self._open.disturbed

    @property
    def after_a_fault(self) -> bool:
        """Whether a fault was sent, and every fault was restored."""
        return self._open is not None and not self.faulty and bool(self._open.experiment or self._open.rollout)

    def begin(self, at_ns: int) -> None:
        """Begin the first window: the target is steady, and no fault was sent yet."""
        self._open = _Open(start_ns=at_ns, phase=Phase.STEADY)
        self._opened(fault_free_name(self._traffic.name), self._open)

    def fault_sent(self, experiment: str, attempt: int, at_ns: int) -> None:
        """End the open window and begin the window of a fault, at the time at which the fault was sent."""
        self._disturbed(_Open(start_ns=at_ns, phase=Phase.FAULT, experiment=experiment, attempt=attempt))

    def rollout_reached(self, rollout: str, part: str, phase: Phase, at_ns: int) -> None:
        """End the open window and begin the window of the next part of a rollout."""
        self._disturbed(_Open(start_ns=at_ns, phase=phase, rollout=rollout, part=part))

    def _disturbed(self, following: _Open) -> None:
        if (last := self._open) is not None:
            self._close(last, following.start_ns, follows=last.name)
            self._open = following
            self._opened(following.name, following)

    def restored(self, at_ns: int) -> None:
        """End the window of a fault or rollout, since the target is restored."""
        if self._open is not None and self.faulty:
            fault = self._open
            self._close(fault, at_ns)
            self._open = replace(fault, start_ns=at_ns, phase=Phase.STEADY)

    def end(self, at_ns: int) -> None:
        """End the last window when the load ends; a second call does nothing."""
        last, self._open = self._open, None
        if last is not None:
            self._close(last, at_ns, follows=after_faults_name(self._traffic.name))

    def _close(self, window: _Open, end_ns: int, follows: str = "") -> None:
        """Record the end of a window.

        A window after a restore gets this name, and is recorded only now.
        """
        if window.disturbed:
            name = window.name
        elif not (window.experiment or window.rollout):
            name = fault_free_name(self._traffic.name)
        else:
            name = follows
            self._opened(name, window if name == window.name else replace(window, experiment=""))
        self._history.put("window.closed", name, end_ns=max(end_ns, window.start_ns))

    def _opened(self, name: str, window: _Open) -> None:
        self._history.put(
            "window.opened",
            name,
            traffic=self._traffic.name,
            experiment=window.experiment,
            phase=window.phase.value,
            start_ns=window.start_ns,
            journeys_per_s=self._traffic.journeys_per_s,
            requests_per_journey=self._traffic.requests_per_journey,
        )
