"""A release that is worse than the old one: the platform itself takes it back, and it is never promoted.

A release that was taken back for another cause, or because an analysis could not measure, proves nothing about these sentences.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.figures.indicators import failed, timed, waited_ms
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
from harness.judgement.measures import Case
from harness.judgement.shapes.every import Gap
from harness.judgement.shapes.until import Effect, until
from harness.judgement.stats.statistics import quantile_of
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Quantity, ReasonKind, Receipt, Table
from harness.model.observations import RolloutBack, RolloutStatus
from harness.model.planned.rollout import ReversedBy
from harness.model.planned.trigger import Signal
from harness.units import NS_PER_S

_POINTS: Final = 0.02
"""Allowed difference between the share of failed answers of the candidate and the share in the sentence."""
_REST: Final = 0.05
"""Greatest share of a route's requests that a release which refuses them may grant, and that one which grants them may refuse."""
_FEWEST: Final = 20
"""Least number of answers of each release for a comparison."""
_HEALTHY: Final = "Healthy"
_TRIED: Final = (
    "name a candidate that is as bad as the sentence asks (`candidate:` in the rollout file), then run again"
)
_CRITERIA: Final = {
    "p95": "response time p95 relative to the old release",
    "errors": "error rate minus the error rate of the old release",
}
_SIGNALS: Final = {"p95": Signal.RESPONSE_TIME, "errors": Signal.ERROR_RATE}


def taken_back(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure: the time from the switch to the rollback that the platform itself began."""
    yield until(case, _taken_back(case, history))


def _taken_back(case: Case, history: RolloutHistory) -> Effect:
    switched, mine, route = history.switched, _own(history), case.objective.params.get("route")
    low = high = None
    if switched is not None and mine is not None:
        high = (mine.when_ns - max(switched.since_ns, _last_old_ns(case, history, switched.at_ns))) / NS_PER_S
        low = max(mine.since_ns - switched.at_ns, 0) / NS_PER_S
    fault = _refuses(case, history, route) if route else _fails(case, history)
    return Effect(
        low=low,
        high=high,
        watched=(history.back_ns - switched.at_ns) / NS_PER_S if switched else 0.0,
        names={"rollout": history.plan.name, "unclear": history.unclear, "why": mine.why if mine else ""},
        scope=scope_of(case),
        receipts={"fault": fault, "load": load_of(case), "restore": ended_receipt(history)},
        needs=("fault",),
        method="from the last request before the switch that the old release answered, to the rollback in the status of the objects",
        files=files_of(case),
        unknown="" if switched else "the candidate never received all users",
        doubt=other_cause(history, {Signal.ERROR_RATE}, mine) if mine else "",
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )


def _last_old_ns(case: Case, history: RolloutHistory, until_ns: int) -> int:
    """Time at which the last request was sent that the old release answered before `until_ns`, in ns: until then not all users had switched."""
    rows = history.samples(case.evidence, case.objective.scope.traffic, history.began_ns, until_ns)
    sent_ns = rows.ints["sent_ns"][rows.words["release"].equals(case.plan.release)]
    return int(sent_ns.max(initial=history.began_ns))


def _own(history: RolloutHistory) -> RolloutBack | None:
    """The rollback, if the platform began it."""
    return history.back if history.back is not None and history.back.by == ReversedBy.PLATFORM else None


def _answers(case: Case, history: RolloutHistory, release: str, since_ns: int) -> Table:
    rows = history.samples(case.evidence, case.objective.scope.traffic, since_ns, history.back_ns)
    return rows.where(rows.words["release"].equals(release))


def _fails(case: Case, history: RolloutHistory) -> Receipt:
    """Whether the candidate failed the share of answers in the sentence, from the switch to the rollback."""
    level = Quantity.parse(case.objective.params["failed"]).base
    since_ns = history.switched.at_ns if history.switched is not None else history.back_ns
    served = _answers(case, history, history.plan.candidate, since_ns)
    share = float(failed(served).mean()) if len(served) else 0.0
    expected = f"expected {case.objective.params['failed']} ± {100 * _POINTS:g} points of at least {_FEWEST} answers"
    why = f"{formatted(share, 'ratio')} of {len(served)} answers of {history.plan.candidate} failed, {expected}"
    return Receipt(ok=len(served) >= _FEWEST and abs(share - level) <= _POINTS, why=why, hint=_TRIED)


def _refuses(case: Case, history: RolloutHistory, route: str) -> Receipt:
    """Whether the candidate refused the requests of a route that the old release had granted.

    The old release is the positive control: without it, the requests themselves may be wrong.
    """
    since_ns = history.switched.at_ns if history.switched is not None else history.back_ns
    found = []
    for release, from_ns in ((history.plan.candidate, since_ns), (case.plan.release, history.began_ns)):
        answers = _answers(case, history, release, from_ns)
        found.append(answers.where(answers.words["name"].equals(route)))
    new, old = found
    refused, wrong = (float(failed(rows).mean()) if len(rows) else 0.0 for rows in found)
    said = f"{formatted(refused, 'ratio')} of {len(new)} answers of {history.plan.candidate} to {route} failed, and {formatted(wrong, 'ratio')} of {len(old)} answers of {case.plan.release}"
    why = f"{said}; expected at least {1 - _REST:.0%} and at most {_REST:.0%} of at least {_FEWEST} answers each"
    tried = min(len(new), len(old)) >= _FEWEST and refused >= 1 - _REST and wrong <= _REST
    return Receipt(ok=tried, why=why, hint=_TRIED)


def not_promoted(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure per rollout; with the first rollout of the requirement also one per criterion that none of its releases exceeded."""
    worse = _worse(case, history)
    promoted = _promoted(history)
    mine = _own(history)
    said = ", ".join(worse.values()) or "the candidate exceeded neither criterion"
    text = (
        f"the candidate was taken back before it was promoted ({mine.why})"
        if mine
        else "the candidate was not promoted"
    )
    if promoted is not None:
        when = " after it was taken back" if promoted.when_ns >= history.back_ns else ""
        text = f"the candidate was promoted{when} ({promoted.subject})"
    other = other_cause(history, {_SIGNALS[one] for one in worse}, mine) if worse and mine else ""
    neither = f"{history.plan.name}: the candidate was neither promoted nor taken back by the platform{history.unclear}; {said}"
    fault = Receipt(ok=bool(worse), why=said, hint=_TRIED)
    yield concluded(
        case,
        promoted is not None,
        f"{history.plan.name}: {text}, expected no promotion; {said}",
        {"fault": fault, "load": load_of(case), "restore": ended_receipt(history)},
        Gap("" if mine else neither, AGAIN, alone=True),
        Gap(other, AGAIN),
        needs=("fault",),
        method="answers of both releases while both had users, and the status of the objects",
    )
    if not (row := row_of(case, history)):
        return
    tried = {key for one in row.values() if isinstance(one, RolloutHistory) for key in _worse(case, one)}
    for criterion in (one for one in _CRITERIA if one not in tried):  # in a fixed order, whatever the hash seed
        text = f"no release of {', '.join(row)} exceeded the limit of the {_CRITERIA[criterion]}, expected at least one"
        yield untold(case, text, criterion=criterion)


def _promoted(history: RolloutHistory) -> RolloutStatus | None:
    """The first status with all users on the candidate at rest; after the rollback only if the object reports the candidate as current."""
    candidates = {
        (one.subject, one.current)
        for one in history.statuses
        if one.share and one.current and one.when_ns < history.back_ns
    }
    at_rest = (one for one in history.statuses if one.phase == _HEALTHY and one.share == 1 and not one.aborted)
    return next(
        (one for one in at_rest if one.when_ns < history.back_ns or (one.subject, one.current) in candidates), None
    )


def _worse(case: Case, history: RolloutHistory) -> dict[str, str]:
    """The exceeded criteria, each with the values of both releases while both had users, in words."""
    factor, points = float(case.objective.params["factor"]), Quantity.parse(case.objective.params["points"]).base
    since_ns = history.steps[0].at_ns if history.steps else history.back_ns
    new, old = (_answers(case, history, one, since_ns) for one in (history.plan.candidate, case.plan.release))
    if min(len(new), len(old)) < _FEWEST:
        return {}
    found = {}
    slow, quick = (quantile_of(np.sort(waited_ms(timed(rows))), 0.95) for rows in (new, old))
    if slow > factor * quick:
        found["p95"] = (
            f"the p95 of the candidate was {formatted(slow, 'ms')}, and {formatted(quick, 'ms')} for the old release"
        )
    bad, good = (float(failed(rows).mean()) for rows in (new, old))
    if bad - good > points:
        found["errors"] = (
            f"{formatted(bad, 'ratio')} of the candidate's answers failed, and {formatted(good, 'ratio')} for the old release"
        )
    return found


TAKEN: Final = rollout_spec(
    Figure.TAKEN_BACK, taken_back, limit=LimitRule(dimension="time", ops=ONLY_BELOW), unit="s", timed=True
)
PROMOTED: Final = rollout_spec(Figure.NOT_PROMOTED, not_promoted)
