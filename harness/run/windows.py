"""The windows of one traffic while it runs: they are contiguous, and their names say what they lie under."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.model import Phase
from harness.model.window import after_faults_name, after_name, fault_free_name, fault_name

if TYPE_CHECKING:
    from harness.model import Sink, TrafficPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class _Open:
    """The window that is open. experiment, attempt: of its fault, or of the fault that it follows."""

    start_ns: int
    phase: Phase
    experiment: str = ""
    attempt: int = 1


class WindowLog:
    """Cuts the time of one traffic where a fault is sent and where the target is restored.

    What follows a restore is recorded when it ends, because only then its name is known: it is `experiment:X/after` if another fault is
    sent, and `T/after-faults` if none is.
    """

    def __init__(self, traffic: TrafficPlan, history: Sink) -> None:
        self._traffic = traffic
        self._history = history
        self._open: _Open | None = None

    @property
    def since_ns(self) -> int:
        """When the window began that is open; 0 where none is."""
        return self._open.start_ns if self._open is not None else 0

    @property
    def faulty(self) -> bool:
        """Whether a fault was sent and the target was not restored since."""
        return self._open is not None and self._open.phase is Phase.FAULT

    @property
    def after_a_fault(self) -> bool:
        """Whether a fault was sent, and every fault was restored."""
        return self._open is not None and not self.faulty and bool(self._open.experiment)

    def begin(self, at_ns: int) -> None:
        """The first window begins: the target is steady, and nothing was broken yet."""
        self._open = _Open(start_ns=at_ns, phase=Phase.STEADY)
        self._opened(fault_free_name(self._traffic.name), self._open)

    def fault_sent(self, experiment: str, attempt: int, at_ns: int) -> None:
        """A fault was sent at that time: what was open ended there."""
        last = self._open
        if last is None:
            return
        self._close(last, at_ns, follows=after_name(last.experiment, last.attempt))
        self._open = _Open(start_ns=at_ns, phase=Phase.FAULT, experiment=experiment, attempt=attempt)
        self._opened(fault_name(experiment, attempt), self._open)

    def restored(self, at_ns: int) -> None:
        """The target was found to be as it was before the fault."""
        if self._open is not None and self.faulty:
            fault = self._open
            self._close(fault, at_ns)
            self._open = replace(fault, start_ns=at_ns, phase=Phase.STEADY)

    def end(self, at_ns: int) -> None:
        """The load ends. May be called again."""
        last, self._open = self._open, None
        if last is not None:
            self._close(last, at_ns, follows=after_faults_name(self._traffic.name))

    def _close(self, window: _Open, end_ns: int, follows: str = "") -> None:
        """Record that a window ends; one that follows a restore gets this name, and is recorded only now."""
        if window.phase is Phase.FAULT:
            name = fault_name(window.experiment, window.attempt)
        elif not window.experiment:
            name = fault_free_name(self._traffic.name)
        else:
            name = follows
            self._opened(name, window if name.startswith("experiment:") else replace(window, experiment=""))
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
