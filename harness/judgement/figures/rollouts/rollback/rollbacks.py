"""Compares triggers with the platform: a rollback soon after the condition was met, and no rollback below the limit.

The judge itself computes the condition, slice by slice, from the requests that the candidate served (`triggers.py`). The platform's own report
that a trigger fired, or that none did, proves nothing. A platform that names another cause did not act on this condition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.rollouts.history import (
    AGAIN,
    RolloutHistory,
    concluded,
    ended_receipt,
    files_of,
    load_of,
    rollout_spec,
    row_of,
    scope_of,
    untold,
)
from harness.judgement.figures.rollouts.rollback.causes import other_cause
from harness.judgement.figures.rollouts.rollback.conditions import (
    UNITS,
    condition_of,
    first_condition,
    series_of,
    served_by_candidate,
)
from harness.judgement.figures.rollouts.rollback.readings import both_reported, memory_slack_ns, report_fires
from harness.judgement.figures.rollouts.rollback.triggers import (
    SLICES,
    Firing,
    longest_above,
    longest_between,
    longest_seen,
    share_between,
)
from harness.judgement.measures import Case
from harness.judgement.shapes.every import Gap
from harness.judgement.shapes.until import Effect, until
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Quantity, ReasonKind, Receipt
from harness.model.observations import RolloutBack
from harness.model.planned.rollout import ReversedBy, percent
from harness.model.planned.trigger import Signal
from harness.units import NS_PER_S

_JUST_BELOW: Final = 0.95
"""Least ratio of a signal to the level at which it is kept, if it is kept just below a limit."""


def rollback_starts(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """The time from the moment at which the condition had been met for its complete window to the start of the rollback."""
    if "steps" in case.objective.params:
        yield from _at_steps(case, history)
        return
    signal = Signal(case.objective.params["signal"])
    if signal is Signal.REPORT:
        yield _started(case, history, report_fires(case, history))
        return
    window_ns = round((case.objective.window or _NO_TIME).at_scale(case.plan.time_scale).in_unit("ns"))
    limit = Quantity.parse(case.objective.params["above"]).in_unit(UNITS[signal])
    yield _started(case, history, condition_of(case, history, signal, limit, window_ns))


def _at_steps(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """Measures of the rollback from the step that this rollout reached, and of each named step that no rollout of the requirement reached.

    The condition may be the condition of any trigger of the rollout file.
    """
    fired = first_condition(case, history)
    last = history.steps[-1].share if history.steps else 0.0
    yield _started(case, history, fired, step=f"{percent(last)} %")
    if not (row := row_of(case, history)):
        return
    came_to = {percent(one.steps[-1].share) for one in row.values() if isinstance(one, RolloutHistory) and one.steps}
    for step in case.objective.params["steps"].split():
        if step not in came_to:
            text = f"no rollout of {', '.join(row)} was taken back at the {step} % step, expected one"
            yield untold(case, text, step=f"{step} %")


def _started(case: Case, history: RolloutHistory, fired: Firing, step: str = "") -> Measure:
    """The measure of the time from the condition, met for its complete window, to the rollback that the platform began."""
    back = history.back
    mine = back if back is not None and back.by == ReversedBy.PLATFORM else None
    low = high = None
    if mine is not None and fired.may_ns is not None:
        high = max(mine.when_ns - fired.may_ns, 0) / NS_PER_S
        full_ns = fired.full_ns or fired.must_ns
        low = max(mine.since_ns - full_ns, 0) / NS_PER_S if full_ns is not None else 0.0
    found = Effect(
        low=low,
        high=high,
        watched=0.0 if fired.must_ns is None else max(history.back_ns - fired.must_ns, 0) / NS_PER_S,
        names={"rollout": history.plan.name, "unclear": history.unclear, "why": mine.why if mine else ""},
        scope=scope_of(case, **({"step": step} if step else {})),
        receipts={"load": load_of(case)},
        method="the condition in 20 slices of the window, from the requests that the candidate served; the rollback from the status of the objects",
        files=files_of(case),
        unknown=_unknown(history, fired, mine),
        doubt=other_cause(history, _signals(case, history), mine) if mine else "",
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return until(case, found)


def _unknown(history: RolloutHistory, fired: Firing, mine: RolloutBack | None) -> str:
    """Why the time from the condition to the rollback is unknown; empty if it is known."""
    if fired.may_ns is None and fired.unseen:
        return "the condition of the trigger may have been met for its complete window, but less than half of the window was observed"
    if fired.may_ns is None:
        return "the condition of the trigger was never met for its complete window"
    if mine is None and fired.must_ns is None:
        text = "the platform started no rollback, and it is uncertain whether the condition of the trigger was met for its complete window"
        return text + history.unclear
    if mine is not None and mine.when_ns < fired.may_ns:
        return "the rollback started before the condition of the trigger was met for its complete window"
    return ""


def _signals(case: Case, history: RolloutHistory) -> frozenset[Signal]:
    """The signal that the sentence names, or else the signals of all triggers of the rollout file."""
    named = case.objective.params.get("signal")
    return frozenset([Signal(named)] if named else [one.signal for one in history.plan.triggers])


def no_rollbacks(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure: no rollback while the signal is above the limit for less than the window, or just below it for longer.

    Both conditions must have occurred.
    """
    signal = Signal(case.objective.params["signal"])
    tried = both_reported(case, history) if signal is Signal.REPORT else _both_held(case, history, signal)
    back = history.back
    mine = back if back is not None and back.by == ReversedBy.PLATFORM else None
    receipts = {"fault": tried, "load": load_of(case)}
    other, left = _other_cause(case, history, signal, mine) if mine is not None else "", ""
    if mine is None:
        receipts["restore"] = ended_receipt(history)
        if back is not None and back.by in (ReversedBy.HARNESS, ReversedBy.UNKNOWN):
            left = f"{history.plan.name}: the candidate did not keep its users ({back.why}), expected no rollback"
    said = f"the platform started a rollback ({mine.why})" if mine is not None else "the platform started no rollback"
    excuse = Gap(other, AGAIN, ReasonKind.TOO_FEW)
    text = f"{history.plan.name}: {said}, expected none"
    yield concluded(
        case,
        mine is not None,
        text,
        receipts,
        Gap(left, AGAIN, ReasonKind.TOO_FEW, alone=True),
        excuse=excuse,
        method="the condition in slices of its window, from the records of the candidate; the rollback from the status of the objects",
    )


def _other_cause(case: Case, history: RolloutHistory, signal: Signal, back: RolloutBack) -> str:
    """Why a rollback is no evidence against this trigger: its condition may have been met, or another cause is named; empty: it is evidence.

    Unknown values may have been above the limit: a failure that names no release may belong to the candidate, and memory may not have been read.
    """
    if other := other_cause(history, {signal}, back):
        return other
    mine = [one for one in history.plan.triggers if one.signal is signal and signal in UNITS]
    for one in mine:
        window_ns = one.window_ns(case.plan.time_scale)
        slack_ns = memory_slack_ns(case, history) if signal is Signal.MEMORY else window_ns // SLICES
        series = series_of(case, history, signal, window_ns)
        held = [longest_above(each, one.limit) for each in series]
        if any(certain >= window_ns + slack_ns for certain, _ in held):
            return f"the condition of {one.name} had been met for its complete window"
        if signal is not Signal.MEMORY:
            held = [(0, longest_seen(each, one.limit)) for each in series]
        if any(possible > window_ns - slack_ns for _, possible in held):
            return f"the condition of {one.name} may have been met for its complete window"
    return ""


def _both_held(case: Case, history: RolloutHistory, signal: Signal) -> Receipt:
    """Whether the signal was above the limit for the shorter time, and just below it, but never above, for the longer time.

    A share of failures just below a limit is measured over a window of that length; other signals are read slice by slice.
    """
    params, scale = case.objective.params, case.plan.time_scale
    unit = UNITS[signal]
    above, at = (Quantity.parse(params[key]).in_unit(unit) for key in ("above", "at"))
    short_ns, long_ns = (
        round(case.objective.times[key].at_scale(scale).in_unit("ns")) for key in ("above for", "at for")
    )
    series = series_of(case, history, signal, short_ns)
    over = max((longest_above(each, above)[0] for each in series), default=0)
    if signal is Signal.ERROR_RATE:
        under = long_ns if share_between(served_by_candidate(case, history), long_ns, at * _JUST_BELOW, above) else 0
    else:
        slower = series_of(case, history, signal, long_ns)
        under = max((longest_between(each, at * _JUST_BELOW, above) for each in slower), default=0)
    tried = Receipt(ok=True, why="the candidate was above the limit and just below it for long enough")
    for what, held_ns, asked_ns in (("above the limit", over, short_ns), ("just below the limit", under, long_ns)):
        if held_ns < asked_ns * (1 - 2 / SLICES):
            why = f"the candidate was {what} for {held_ns / NS_PER_S:.3g} s, expected at least {asked_ns / NS_PER_S:.3g} s"
            tried = Receipt(
                ok=False,
                why=why,
                hint="name a candidate that keeps this condition for longer (`candidate:` in the rollout file), then run again",
            )
    return tried


_NO_TIME: Final = Quantity(value=0, unit="s")
START: Final = rollout_spec(
    Figure.ROLLBACK_START,
    rollback_starts,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    timed=True,
)
NONE: Final = rollout_spec(Figure.NO_ROLLBACK, no_rollbacks, timed=True)
