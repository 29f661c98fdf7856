"""Users of a rollout, one by one: a census, so a share is a fact about all users and not an estimate from a sample.

The traffic goes through all known users in turn. A user counts by the first request in the step. A user without an answer in the step may be on
either release, so the share lies between two bounds, which are equal if every user was observed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.indicators import failed
from harness.judgement.figures.rollouts.history import (
    AGAIN,
    RolloutHistory,
    RolloutJudge,
    StepTaken,
    ended_receipt,
    files_of,
    load_of,
    rollout_spec,
    scope_of,
    untold,
)
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.wording import formatted
from harness.model import Figure, LimitRule, Measure, Op, ReasonKind, Table
from harness.model.planned.rollout import percent
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

SETTLES_S: Final = 1.0
"""Time in s that the routes may need to follow an object that reports a step."""
_FEWEST: Final = 20
"""Least number of users of the new release who are observed again while both releases have users; fewer are no proof that no user goes back."""
_METHOD: Final = "a census: every known user by the first request in the step"
_CENSUS: Final = "write `census: N`, the number of known users, into the traffic's file, and let each journey act as the user `journey.user`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """The users who were observed in a span of time, and the release that answered them.

    Attributes:
        user: number of the user of each answer, in order of the due times.
        new: whether the candidate gave the answer.
        known: number of all users.
    """

    user: Ints
    new: Bools
    known: int

    @property
    def first(self) -> dict[int, bool]:
        """Whether the first answer came from the candidate, by user."""
        users, at = np.unique(self.user, return_index=True)
        return dict(zip(users.tolist(), self.new[at].tolist(), strict=True))

    @property
    def both(self) -> int:
        """Number of users whom both releases answered."""
        return len(np.intersect1d(self.user[self.new], self.user[~self.new]))

    @property
    def twice(self) -> int:
        """Number of users of the candidate with more than one answer.

        Only they can show that a user has only one release.
        """
        users, count = np.unique(self.user, return_counts=True)
        return len(np.intersect1d(users[count > 1], self.user[self.new]))


def met(case: Case, history: RolloutHistory, step: StepTaken) -> Met:
    """The users who were observed in a step while every object was at it, by answers that name a release.

    Answers of the old release to a user of the candidate in the first `SETTLES_S` are left out: as in Argo Rollouts, the component that divides the
    users reads the object's reported state a moment later.
    """
    traffic = case.objective.scope.traffic or ""
    known = case.plan.traffic[traffic].census
    rows: Table = history.samples(case.evidence, traffic, step.at_ns, step.left_ns).sorted_by("intended_ns")
    rows = rows.where(~rows.words["release"].missing & (rows.ints["arrival"] > 0))
    user, new = user_of(rows.ints["arrival"], known), rows.words["release"].equals(history.plan.candidate)
    settled = rows.ints["sent_ns"] >= step.at_ns + round(SETTLES_S * NS_PER_S)
    counts = settled | new | ~np.isin(user, user[new])
    return Met(user=user[counts], new=new[counts], known=known)


def user_of(arrival: Ints, known: int) -> Ints:
    """The number of the user of an arrival, from 1 to `known` in turn, as in `Journey.user`."""
    return (arrival - 1) % known + 1


def _counted(judge: RolloutJudge, case: Case, history: RolloutHistory) -> Iterator[Measure]:
    """The measures of a judge; one INCONCLUSIVE measure if the traffic does not count users."""
    traffic = case.plan.traffic.get(case.objective.scope.traffic or "")
    if traffic is None or not traffic.census:
        yield inconclusive(
            case,
            case.objective.figure.value,
            "the traffic has no `census`, so the number of users is unknown",
            _CENSUS,
        )
    else:
        yield from judge(case, history)


def user_shares(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """The share of all known users that the candidate served at one step."""
    named = case.objective.params["step"]
    step = next((one for one in history.steps if percent(one.share) == named), None)
    if step is None:
        text = f"{history.plan.name} did not reach the {named} % step"
        yield untold(case, text, step=f"{named} %")
        return
    seen = met(case, history, step)
    first = seen.first
    new, unmet = sum(first.values()), seen.known - len(first)
    low, high = new / seen.known, (new + unmet) / seen.known
    text = f"{new} of {len(first)} observed users were on {history.plan.candidate} at the {named} % step"
    if unmet:
        text = f"{text} ({unmet} of {seen.known} users were not observed, so the share is between {formatted(low, 'ratio')} and {formatted(high, 'ratio')})"
    tolerance = case.objective.tolerance
    found = Amount(
        low=low,
        high=high,
        text=text,
        unit="ratio",
        limit=case.objective.limit.base,
        tolerance=(tolerance.base if tolerance else 0.0) + _ROUNDING,
        scope=scope_of(case, step=f"{named} %"),
        receipts={"load": load_of(case, {f"step-{named}"}), "restore": ended_receipt(history)},
        method=_METHOD,
        files=files_of(case),
        n=len(first),
        n_needed=seen.known,
        shows=True,
        hint=AGAIN,
    )
    yield amount(case, found)


_ROUNDING: Final = 1e-9


def users_hit(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """The share of all known users with a failed request on a bad release.

    A failure that names no release, such as a failure of a dead pod, may belong to either release, so the share lies between two bounds.
    """
    named = case.objective.params["step"]
    step = next((one for one in history.steps if percent(one.share) == named), None)
    if step is None:
        text = f"{history.plan.name} did not reach the {named} % step"
        yield untold(case, text, step=f"{named} %")
        return
    known = case.plan.traffic[case.objective.scope.traffic or ""].census
    end_ns = history.until_ns if step is history.steps[-1] else step.end_ns
    rows = history.samples(case.evidence, case.objective.scope.traffic, step.begun_ns, end_ns)
    bad = rows.where(failed(rows) & (rows.ints["arrival"] > 0))
    own = bad.where(bad.words["release"].equals(history.plan.candidate))
    possible = bad.where(bad.words["release"].missing | bad.words["release"].equals(history.plan.candidate))
    hit, most = (len(np.unique(user_of(table.ints["arrival"], known))) for table in (own, possible))
    text = f"{hit} of {known} users received an error of {history.plan.candidate} at the {named} % step"
    found = Amount(
        low=hit / known,
        high=most / known,
        text=f"{text} ({most - hit} more users received an error that names no release)" if most > hit else text,
        unit="ratio",
        limit=case.objective.limit.base,
        scope=scope_of(case, step=f"{named} %"),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        method="a census: every known user with a failed request",
        files=files_of(case),
        n=known,
        shows=True,
        doubt="" if hit else "the release caused no error, so the limit was not tested",
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    yield amount(case, found)


def stickiness(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """Users whom both releases answered within a step, and users who went back to the old release when the share grew.

    When all users are on the candidate, no user can be on the other release. So a PASS needs users of the candidate who were observed again while both
    releases had users: in a later step, or in the same step if the plan has only one such step.
    """
    both, back, moved, compared, again = 0, 0, set[int](), 0, 0
    several = sum(share < 1 for share in history.plan.steps) > 1
    for step in history.steps:
        seen = met(case, history, step)
        first = seen.first
        both += seen.both
        compared += len(first)
        if step.share < 1:
            again += len(moved & first.keys()) if several else seen.twice
        back += sum(1 for user, new in first.items() if not new and user in moved)
        moved |= {user for user, new in first.items() if new}
    text = f"{both} users were answered by both releases within a step, {back} went back to the old release, of {compared} observed in {len(history.steps)} steps, expected none"
    where = "in a later step below 100 %" if several else "in a step below 100 %"
    few = (
        f"only {again} users of the new release were observed again {where}, expected at least {_FEWEST}"
        if again < _FEWEST
        else ""
    )
    whole = moved and len(history.steps) >= len(history.plan.steps)
    found = Things(
        bad=both + back,
        n=compared,
        text=text,
        scope=scope_of(case),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        gaps=(Gap(few or ("" if whole else "not all users received the candidate"), AGAIN),),
        scaled_limit=None,
        method=_METHOD,
        files=files_of(case),
    )
    yield every_one(case, found)


SHARE: Final = rollout_spec(
    Figure.USER_SHARE,
    partial(_counted, user_shares),
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.WITHIN, Op.AT_LEAST}), most=1),
    unit="ratio",
    timed=True,
)
HIT: Final = rollout_spec(
    Figure.USERS_HIT,
    partial(_counted, users_hit),
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.AT_MOST}), most=1),
    unit="ratio",
)
STICKY: Final = rollout_spec(Figure.STICKY, partial(_counted, stickiness), timed=True)
