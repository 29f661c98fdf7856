"""Checks during the run, by rule 8 of the judge, whether the target is steady or has recovered after a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.judgement.recovery import Promise, Requests, is_steady, recovered_at
from harness.judgement.recovery.rule import STRETCH_NS
from harness.model.planned.domain import PartsState
from harness.run.health.condition import STEADY_WITHIN_S, awaited

if TYPE_CHECKING:
    from harness.drivers.watch import LiveView
    from harness.drivers.watch.live import RecentRequests

_READ_KNOWN_NS: Final = 1_300_000_000
"""Delay after which the result of a read is recorded: its timeout of 1 s, and a flush of 0.25 s."""
WRITE_KNOWN_NS: Final = 2_300_000_000
"""Delay after which the result of a write, whose timeout is 2 s, is recorded."""
_STEADY_POLL_S: Final = 0.25
_SERVES: Final = 0.5
"""Share of successful probes below which a target counts as down."""


class Steadiness:
    """The steadiness of reads and, if the target has a ledger, of writes at the entry.

    Args:
        view: records of the watch so far.
        writes: whether the ledger's writes count.
        promise: the promised response time and share of failures, by the judge's rule.
    """

    def __init__(self, view: LiveView, *, writes: bool, promise: Promise) -> None:
        self._view = view
        self._writes = writes
        self._promise = promise
        self._quiet: dict[str, list[Requests]] = {"reads": [], "writes": []}

    def quiet(self, start_ns: int, end_ns: int) -> None:
        """Use a span without a fault as reference for the rest of the run: its rate of failures counts as normal."""
        self._view.poll()
        for name, recent in (("reads", self._view.reads()), ("writes", self._view.writes())):
            requests = Requests.of(recent.due_ns, recent.done_ns, recent.ok)
            self._quiet[name].append(requests.between(start_ns, end_ns))

    def now(self) -> PartsState:
        """Whether the last five recorded seconds were steady, with the observation in words."""
        self._view.poll()
        now = clock.now_ns()
        steady, why = self._steady("reads", self._view.reads(), now - _READ_KNOWN_NS)
        if not steady or not self._writes:
            return PartsState(ok=steady, why=f"reads: {why}")
        written, why_written = self._steady("writes", self._view.writes(), now - WRITE_KNOWN_NS)
        return PartsState(ok=written, why=f"reads: {why}; writes: {why_written}")

    def wait(self, within_s: float = STEADY_WITHIN_S) -> tuple[PartsState, float]:
        """Wait for a steady target; returns the last state, and the seconds it took."""
        return awaited(self.now, within_s, _STEADY_POLL_S)

    def down(self) -> str:
        """The failing probe if under half of the requests of the last five recorded seconds succeeded; else empty.

        A bad release fails some requests and is judged. A target that is down, or a probe that never succeeded, is not judged.
        """
        self._view.poll()
        now = clock.now_ns()
        asked = {"reads": (self._view.reads(), _READ_KNOWN_NS)}
        if self._writes:
            asked["writes"] = (self._view.writes(), WRITE_KNOWN_NS)
        for name, (requests, known_ns) in asked.items():
            recent = (requests.due_ns > now - known_ns - STRETCH_NS) & (requests.due_ns <= now - known_ns)
            n, succeeded = int(recent.sum()), int(requests.ok[recent].sum())
            if succeeded < _SERVES * n or not n:
                return f"{name}: {succeeded} of {n} requests of the last 5 s succeeded"
        return ""

    def back_since(self, since_ns: int) -> bool:
        """Whether reads and writes were served again for five recorded seconds after an action at `since_ns`."""
        self._view.poll()
        now = clock.now_ns()
        if not self._back("reads", self._view.reads(), since_ns, now - _READ_KNOWN_NS):
            return False
        return not self._writes or self._back("writes", self._view.writes(), since_ns, now - WRITE_KNOWN_NS)

    def _steady(self, name: str, requests: RecentRequests, until_ns: int) -> tuple[bool, str]:
        usual = self._promise.usual(self._quiet[name])
        return is_steady(requests.due_ns, requests.ok, until_ns, usual, done_ns=requests.done_ns)

    def _back(self, name: str, requests: RecentRequests, since_ns: int, until_ns: int) -> bool:
        usual = self._promise.usual(self._quiet[name])
        back_ns = recovered_at(requests.due_ns, requests.ok, since_ns, until_ns, usual, done_ns=requests.done_ns)
        return back_ns is not None
