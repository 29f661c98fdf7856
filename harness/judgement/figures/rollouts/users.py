"""Users of a rollout, one by one: a census, so a share is a fact about all users and not an estimate from a sample.

The traffic goes through all known users in turn; a user is counted by the first request in the step. A user who was not met may be on either
release, so the share lies between two bounds, which are equal if every user was met.
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
"""How long the routes may need to follow an object that reports a step, in s."""
_FEWEST: Final = 20
"""Least number of users of the new release who are met again while both releases have users; fewer do not show that no user goes back."""
_METHOD: Final = "a census: every known user by the first request in the step"
_CENSUS: Final = "write `census: N`, the number of known users, into the traffic's file, and let each journey act as the user `journey.user`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """The users who were met in a span of time, and the release that answered them.

    Attributes:
        user: number of the user of each answer, in the order of their being due. new: whether the candidate gave it.
        known: how many users there are.
    """

    user: Ints
    new: Bools
    known: int

    @property
    def first(self) -> dict[int, bool]:
        """By user: whether the first answer came from the candidate."""
        users, at = np.unique(self.user, return_index=True)
        return dict(zip(users.tolist(), self.new[at].tolist(), strict=True))

    @property
    def both(self) -> int:
        """Number of users who met both releases."""
        return len(np.intersect1d(self.user[self.new], self.user[~self.new]))

    @property
    def twice(self) -> int:
        """Number of users of the candidate who were met more than once: only they can show that a user meets only one release."""
        users, count = np.unique(self.user, return_counts=True)
        return len(np.intersect1d(users[count > 1], self.user[self.new]))


def met(case: Case, history: RolloutHistory, step: StepTaken) -> Met:
    """The users who were met in a step while every object was at it, by answers that name a release.

    Answers of the old release to a user of the candidate in the first `SETTLES_S` are left out: the component that divides the users follows
    what the object reports, as in Argo Rollouts, and reads it a moment later.
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
    """The number of the user whose journey an arrival is: 1 to `known`, in turn. As `Journey.user` has it."""
    return (arrival - 1) % known + 1


def _counted(judge: RolloutJudge, case: Case, history: RolloutHistory) -> Iterator[Measure]:
    """The measures of a judge; one INCONCLUSIVE measure if the traffic does not count users."""
    traffic = case.plan.traffic.get(case.objective.scope.traffic or "")
    if traffic is None or not traffic.census:
        yield inconclusive(
            case,
            case.objective.figure.value,
            "the traffic has no `census`: it is not known how many users there are",
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
    text = f"{new} of {len(first)} users met were on {history.plan.candidate} at the {named} % step"
    if unmet:
        text = f"{text}; {unmet} of {seen.known} were not met, so their share is between {formatted(low, 'ratio')} and {formatted(high, 'ratio')}"
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
    """The share of all known users of whom a request failed on a bad release.

    A failure that names no release, such as that of a dead pod, may belong to the bad release or not: the share lies between two bounds.
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
    text = f"{hit} of {known} users met an error of {history.plan.candidate} at the {named} % step"
    found = Amount(
        low=hit / known,
        high=most / known,
        text=f"{text}, {most - hit} more users met an error that names no release" if most > hit else text,
        unit="ratio",
        limit=case.objective.limit.base,
        scope=scope_of(case, step=f"{named} %"),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        method="a census: every known user of whom a request failed",
        files=files_of(case),
        n=known,
        shows=True,
        doubt="" if hit else "the release caused no error, so the limit was not tested",
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    yield amount(case, found)


def stickiness(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """Users who met both releases within a step, and those who went back to the old one when the share grew.

    When all users are given the candidate no user can be on the other release. So a PASS needs users of the candidate who were met again while
    both releases had users: in a later step, or in the same step if the plan has only one such step.
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
    text = f"{both} users met both releases within a step, {back} went back to the old one, of {compared} met in {len(history.steps)} steps"
    where = "in a later step below 100 %" if several else "in a step below 100 %"
    few = f"; {again} users of the new release were met again {where}, {_FEWEST} are needed" if again < _FEWEST else ""
    whole = moved and len(history.steps) >= len(history.plan.steps)
    found = Things(
        bad=both + back,
        n=compared,
        text=text,
        scope=scope_of(case),
        receipts={"load": load_of(case), "restore": ended_receipt(history)},
        gaps=(Gap(few or ("" if whole else "; the candidate was not given to all users"), AGAIN),),
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
