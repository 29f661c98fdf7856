"""The switch to the new release and the rollback: the release that answered, and the requests that failed around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from harness.judgement.figures.indicators import errors_by_kind, failed
from harness.judgement.figures.rollouts.history import (
    AGAIN,
    RolloutHistory,
    concluded,
    ended_receipt,
    files_of,
    load_of,
    rollout_spec,
    scope_of,
    untold,
    way_back_s,
)
from harness.judgement.figures.rollouts.rollback.causes import other_cause, unmeasured
from harness.judgement.figures.rollouts.rollback.conditions import first_condition
from harness.judgement.figures.rollouts.rollback.triggers import Firing
from harness.judgement.measures import Case
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.shapes.until import Effect, until
from harness.judgement.wording import formatted
from harness.model import (
    ONLY_BELOW,
    Figure,
    Length,
    LimitRule,
    Measure,
    Objective,
    Phase,
    ReasonKind,
    Table,
)
from harness.model.observations import RolloutBack
from harness.model.planned.rollout import ReversedBy, taken_back_words
from harness.model.records.table import Bools
from harness.units import NS_PER_S

_FEWEST: Final = 20
"""Least number of answers after the last answer of the other release; fewer are no proof that the other release no longer answers."""
_TIMEOUTS: Final = (502, 503, 504)
NEW_CONNECTIONS: Final = "new connections"
EVERY_REQUEST: Final = "every request"
"""Requests that a sentence may be about, if it is not about all answers."""
_CALLED: Final = {"switch": "switch", "way back": "rollback"}
"""The name of a switch in messages; scopes use the other name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSwitch:
    """A change from one release to the other for all users: the switch to the candidate, or the rollback.

    Attributes:
        name: `switch` or `way back` (the rollback).
        begun_ns: earliest time at which the first object may have switched.
        since_ns, at_ns: the last object switched between these two times.
        until_ns: end of the observation.
        old: release that must no longer answer.
        new: only release that may answer.
    """

    name: str
    begun_ns: int
    since_ns: int
    at_ns: int
    until_ns: int
    old: str
    new: str


def release_switches(case: Case, history: RolloutHistory) -> list[ReleaseSwitch]:
    """The switch and the rollback, if they were recorded."""
    found = []
    if (step := history.switched) is not None:
        found.append(
            ReleaseSwitch(
                name="switch",
                begun_ns=step.begun_ns,
                since_ns=step.since_ns,
                at_ns=step.at_ns,
                until_ns=step.left_ns,
                old=case.plan.release,
                new=history.plan.candidate,
            )
        )
    if (back := history.back) is not None:
        found.append(
            ReleaseSwitch(
                name="way back",
                begun_ns=back.since_ns,
                since_ns=back.since_ns,
                at_ns=back.when_ns,
                until_ns=history.until_ns,
                old=history.plan.candidate,
                new=case.plan.release,
            )
        )
    return found


def answered_by_new(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """The time after the switch in which the old release still answered.

    For new connections also that time after the rollback.
    """
    new_only = case.objective.params.get("of") == NEW_CONNECTIONS
    expected = ("switch", "way back") if new_only else ("switch",)
    found = {switch.name: switch for switch in release_switches(case, history)}
    back = history.back
    unswitched = "switch" not in found and back is not None and back.by != ReversedBy.HAND
    for each in expected:
        if each in found and not unswitched:
            yield until(case, _gone(case, history, found[each], new_connections=new_only))
        elif back is not None and back.by == ReversedBy.PLATFORM and not new_only:
            yield _not_switched(case, history, back, each)
        else:
            text = (
                f"{history.plan.name}: no {_CALLED[each]} was recorded"
                if each not in found
                else _before_its_switch(history)
            )
            yield untold(case, text, switch=each)


def _before_its_switch(history: RolloutHistory) -> str:
    return f"{history.plan.name} was taken back before a switch was recorded, so there was no switch to undo"


def _not_switched(case: Case, history: RolloutHistory, back: RolloutBack, each: str) -> Measure:
    """The measure of a rollout that the platform took back before the switch: a FAIL, unless its analyses could not measure."""
    text = f"{history.plan.name}: the platform took the candidate back before the {_CALLED[each]} ({back.why}), so {history.plan.candidate} did not take over"
    cause = unmeasured(history, back)
    excuse = Gap(cause, AGAIN)
    return concluded(case, 1, text, {"load": load_of(case)}, excuse=excuse, switch=each)


def answered_by_old(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """The time after the rollback in which the candidate still answered, and whether the party in the sentence took the candidate back.

    If that party is the platform, also the time after the condition of its trigger, which must have been met.
    """
    by = case.objective.params["by"]
    switch = next((one for one in release_switches(case, history) if one.name == "way back"), None)
    if switch is None or history.back is None:
        text = f"{history.plan.name}: no rollback was recorded"
        yield untold(case, text)
    elif history.back.failed:
        text = f"{history.plan.name}: the command for the rollback failed: {history.back.failed}"
        yield concluded(case, 1, text, {})
    elif history.back.by != by:
        yield _by_another(case, history, history.back)
    else:
        yield until(case, _gone(case, history, switch))
        if by == ReversedBy.PLATFORM:
            yield _from_trigger(case, history, switch, history.back)


def _by_another(case: Case, history: RolloutHistory, back: RolloutBack) -> Measure:
    """The measure of a rollback by another party than the sentence names: a FAIL if the condition had been met for as long as the limit."""
    by, taken = case.objective.params["by"], f"{taken_back_words(back.by)} ({back.why})"
    fired, unknown = first_condition(case, history), ""
    if by != ReversedBy.PLATFORM or back.by == ReversedBy.UNKNOWN:
        unknown = taken
    elif fired.may_ns is None:
        unknown = f"{taken}, although {_absent(fired)}"
    found = Effect(
        watched=0.0 if fired.may_ns is None else (back.since_ns - fired.may_ns) / NS_PER_S,
        names={"rollout": history.plan.name, "taken": taken},
        scope=scope_of(case),
        method="",
        files=files_of(case),
        words="by another",
        expected=f"to be {taken_back_words(by)}",
        unknown=unknown,
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return until(case, found)


def _absent(fired: Firing) -> str:
    return f"the condition of its rollback trigger was {'not observed' if fired.unseen else 'never met'} for its complete window"


def _from_trigger(case: Case, history: RolloutHistory, switch: ReleaseSwitch, back: RolloutBack) -> Measure:
    """The measure of the time in which the candidate still answered after the condition of its trigger was met.

    A platform reacts in seconds that are not scaled, so the limit of the sentence is used; the time after the rollback is compared with the scaled limit.
    """
    limit, fired = case.objective.limit, first_condition(case, history)
    last_ns = _last_of_old(_sent_after(case, history, switch), switch)
    low = high = None
    unknown = f"the rollout was taken back ({back.why}), although {_absent(fired)}"
    if fired.may_ns is not None and back.when_ns < fired.may_ns:
        unknown = f"the rollout was taken back ({back.why}) before the condition of its rollback trigger was met for its complete window"
    elif fired.may_ns is not None:
        full_ns, unknown = fired.full_ns or fired.must_ns, ""
        high = (max(last_ns, switch.at_ns) - fired.may_ns) / NS_PER_S
        low = 0.0 if full_ns is None else max(last_ns - full_ns, 0) / NS_PER_S
    found = Effect(
        low=low,
        high=high,
        names={"rollout": history.plan.name, "old": switch.old, "why": back.why},
        scope=scope_of(case, of="its trigger"),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        method="from the condition, in 20 slices of its window of requests to the candidate, to the last request that the candidate answered",
        files=files_of(case),
        words="its trigger",
        expected=f"within {limit}",
        limit_s=limit.in_unit("s"),
        unknown=unknown,
        doubt=other_cause(history, {one.signal for one in history.plan.triggers}, back),
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    used = Length(name="limit", said=str(limit), scaled=False, used_s=limit.in_unit("s"))
    return replace(until(case, found), times=(used,))


def _gone(case: Case, history: RolloutHistory, switch: ReleaseSwitch, *, new_connections: bool = False) -> Effect:
    """The effect: the time after a switch in which another release than the new one answered requests that were sent after the switch.

    Answers of a third release count too.
    """
    sent = _sent_after(case, history, switch)
    if new_connections:
        sent = sent.where(_on_new_connections(case, sent, switch))
    rows = sent.where(~sent.words["release"].missing)
    old, last_ns = ~rows.words["release"].equals(switch.new), _last_of_old(rows, switch)
    low, high = (max(last_ns - since_ns, 0) / NS_PER_S for since_ns in (switch.at_ns, switch.since_ns))
    others = int((~old & (rows.ints["sent_ns"] > last_ns)).sum())
    few = f"only {others} answers of {switch.new} came later, expected at least {_FEWEST}" if others < _FEWEST else ""
    return Effect(
        low=low,
        high=high,
        watched=(switch.until_ns - switch.at_ns) / NS_PER_S,
        names={
            "gave": " and ".join(sorted(set(rows.where(old).words["release"].present))) or switch.old,
            "old": int(old.sum()),
            "n": len(rows),
            "what": "new connections" if new_connections else "answers",
            "switch": _CALLED[switch.name],
            "known": high - low,
        },
        scope=scope_of(case, switch=switch.name),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        method="the release in each answer, by the time its request was sent",
        files=files_of(case),
        n=len(rows),
        resolution=(switch.at_ns - switch.since_ns) / NS_PER_S,
        ends=True,
        doubt=few or _untried(case, history, switch) or _unknown_later(case, sent, switch),
        hint=AGAIN,
    )


def _sent_after(case: Case, history: RolloutHistory, switch: ReleaseSwitch) -> Table:
    """The requests that were sent after a switch."""
    rows = history.samples(case.evidence, case.objective.scope.traffic, switch.since_ns, switch.until_ns)
    return rows.where(rows.ints["sent_ns"] > switch.since_ns)


def _untried(case: Case, history: RolloutHistory, switch: ReleaseSwitch) -> str:
    """Why the silence of a release is no proof: it had not answered before the switch either; empty if it had."""
    rows = history.samples(case.evidence, case.objective.scope.traffic, 0, switch.at_ns)
    answered = rows.words["release"].equals(switch.old).any()
    return "" if answered else f"{switch.old} had not answered any request before the {_CALLED[switch.name]}"


def _unknown_later(case: Case, sent: Table, switch: ReleaseSwitch) -> str:
    """Why it is unknown which release answers after the limit; empty if it is known.

    An answer without a release may be from any release. A request without an answer was not served.
    """
    limit = case.scaled.in_unit("s")
    later = sent.where(sent.ints["sent_ns"] >= switch.at_ns + round(limit * NS_PER_S))
    nameless = later.words["release"].missing
    if case.objective.params.get("of") != EVERY_REQUEST:
        nameless &= later.ints["status"] > 0
    if count := int(nameless.sum()):
        return f"{count} requests sent more than {formatted(limit, 's')} after the change of release have no answer that names a release"
    if not later.words["release"].equals(switch.new).any():
        return f"{switch.new} answered no request sent more than {formatted(limit, 's')} after the change of release"
    return ""


def _last_of_old(rows: Table, switch: ReleaseSwitch) -> int:
    """Time at which the last request was sent that another release than the new one answered, in ns; by default the time of the switch."""
    old = ~rows.words["release"].missing & ~rows.words["release"].equals(switch.new)
    return int(rows.ints["sent_ns"][old].max()) if old.any() else switch.since_ns


def _on_new_connections(case: Case, rows: Table, switch: ReleaseSwitch) -> Bools:
    """Requests on connections without a request before the switch."""
    every = [w.samples for w in case.evidence.windows.values() if w.traffic == case.objective.scope.traffic]
    before = [s.where((s.ints["sent_ns"] <= switch.since_ns) & (s.ints["sent_ns"] > 0)) for s in every]
    known = np.unique(np.concatenate([_connections(table) for table in before])) if before else np.array([])
    return np.asarray(~np.isin(_connections(rows), known) & (rows.ints["connection"] > 0), dtype=np.bool_)


def _connections(rows: Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Each connection as one number."""
    return np.asarray(rows.ints["worker"].astype(np.int64) << 40 | rows.ints["connection"], dtype=np.int64)


def failures(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """Requests that failed around the switch and around the rollback; a single failure is a FAIL."""
    found = {switch.name: switch for switch in release_switches(case, history)}
    for each in ("switch", "way back"):
        if each not in found:
            text = f"{history.plan.name}: no {_CALLED[each]} was recorded"
            yield untold(case, text, switch=each)
        else:
            yield _around(case, history, found[each])


def _around(case: Case, history: RolloutHistory, switch: ReleaseSwitch) -> Measure:
    around = case.objective.times.get("around")
    seconds = around.at_scale(case.plan.time_scale).in_unit("s") if around else 0.0
    end_ns = switch.at_ns + round(seconds * NS_PER_S) if around else switch.until_ns
    rows = history.samples(case.evidence, case.objective.scope.traffic, switch.begun_ns, min(end_ns, switch.until_ns))
    bad = failed(rows)
    if case.objective.params.get("of") == "gateway errors":
        bad &= np.isin(rows.ints["status"], _TIMEOUTS) | (rows.ints["status"] <= 0)
    kinds = ", ".join(f"{kind} {n}" for kind, n in errors_by_kind(rows.where(bad)).items())
    observed_s = (switch.until_ns - switch.at_ns) / NS_PER_S
    brief = f"only {observed_s:.3g} s were observed, expected {seconds:.3g} s" if switch.until_ns < end_ns else ""
    few = f"only {len(rows)} requests were sent, expected at least {_FEWEST}" if len(rows) < _FEWEST else ""
    found = Things(
        bad=int(bad.sum()),
        n=len(rows),
        text=f"{int(bad.sum())} of {len(rows)} requests failed around the {_CALLED[switch.name]}{f' ({kinds})' if kinds else ''}, expected none",
        scope=scope_of(case, switch=switch.name),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        gaps=(Gap(brief, AGAIN, ReasonKind.TOO_FEW), Gap(few, AGAIN, ReasonKind.TOO_FEW)),
        scaled_limit=None,
        method="number of failed requests that were due after the last observation before the first object switched",
        files=files_of(case),
    )
    return every_one(case, found)


def _there_and_back_s(objective: Objective, scale: float) -> float:
    """New connections are judged after the rollback too, all requests only after the switch."""
    return way_back_s(objective, scale) if objective.params.get("of") == NEW_CONNECTIONS else 0.0


_UNTIL: Final = LimitRule(dimension="time", ops=ONLY_BELOW)
NEW: Final = rollout_spec(
    Figure.ANSWERED_BY_NEW,
    answered_by_new,
    limit=_UNTIL,
    unit="s",
    phase=Phase.SWITCHED,
    timed=True,
    of_way_back=True,
    left_alone=_there_and_back_s,
)
OLD: Final = rollout_spec(
    Figure.ANSWERED_BY_OLD,
    answered_by_old,
    limit=_UNTIL,
    unit="s",
    phase=Phase.SWITCHED,
    timed=True,
    of_way_back=True,
    left_alone=way_back_s,
)
FAILURES: Final = rollout_spec(
    Figure.AROUND_SWITCH, failures, phase=Phase.SWITCHED, timed=True, of_way_back=True, left_alone=way_back_s
)
