"""Whether the windows of a traffic cover its time up to the end of the load, including the planned time after the last fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.model import Evidence, Plan, Reason, ReasonKind, Window, after_faults_name
from harness.units import NS_PER_S

EARLY_S: Final = 1.0
"""How much earlier than planned the window after the faults may end, and the last window before the end of the load, in s, as clocks are read near the edges."""

_COMPLETE: Final = "run again, do not interrupt the run, and do not change its files"
_FINISH: Final = "run again, and do not interrupt the run"
_RESTORE: Final = "correct the cause for which the target was not restored, then run again"


def unrecorded(plan: Plan, evidence: Evidence, traffic: str | None = None) -> Iterable[Reason]:
    """Reasons about times of one traffic, or of all traffics, that belong to no window."""
    for name in dict.fromkeys(window.traffic for window in evidence.windows.values()):
        if traffic in (None, name):
            own = sorted(
                (w for w in evidence.windows.values() if w.traffic == name), key=lambda w: (w.start_ns, w.name)
            )
            yield from (Reason(kind=ReasonKind.NO_RECORD, text=why, hint=_COMPLETE) for why in _gaps(own))
            yield from cut_short(plan, evidence, name)


def _gaps(windows: list[Window]) -> Iterable[str]:
    last = windows[0]
    for window in windows[1:]:
        if window.start_ns > last.end_ns:
            yield f"{_s(window.start_ns - last.end_ns)} s between the windows {last.name} and {window.name} belong to no window"
        last = max(last, window, key=lambda one: one.end_ns)
    stopped_ns = max(window.stopped_ns or window.end_ns for window in windows)
    if stopped_ns - last.end_ns > EARLY_S * NS_PER_S:
        yield f"{_s(stopped_ns - last.end_ns)} s from the end of window {last.name} to the end of the load belong to no window"


def cut_short(plan: Plan, evidence: Evidence, traffic: str) -> Iterable[Reason]:
    """The reason that a traffic ended too early after its last fault, so that later effects of the fault were not observed."""
    planned = plan.traffic.get(traffic)
    last = evidence.windows.get(after_faults_name(traffic))
    seconds = last.seconds if last else 0.0
    own = [window for window in evidence.windows.values() if window.traffic == traffic]
    if planned and any(not window.fault_free for window in own) and seconds < planned.after_s - EARLY_S:
        left = _unrestored(evidence)
        why = f", because the target was not restored after {left}" if left else ""
        text = f"{traffic} traffic ended {seconds:.4g} s after the last fault, expected {planned.after_s:g} s{why}"
        yield Reason(kind=ReasonKind.NO_RECORD, text=text, hint=_RESTORE if left else _FINISH)


def _unrestored(evidence: Evidence) -> str:
    """The last experiment after which the target was not as before, which ends the traffic early; empty if it was after each."""
    left = [one for attempts in evidence.experiments.values() for one in attempts if one.restore.ok is False]
    return max(left, key=lambda one: one.observed_from_ns).name if left else ""


def _s(ns: int) -> str:
    return f"{ns / NS_PER_S:.4g}"
