"""Active users: the number in the platform's own metrics, compared with the number of users whom the traffic signed in.

A user counts as active for a time after the sign-in, which the target file names. The traffic records each sign-in, so the true number is known
at every moment. A number from Prometheus may be older than its reading, because the platform counts its users, and Prometheus scrapes the pods,
only at intervals. So each reading is compared with the true numbers of the seconds before it, up to a tenth of the active time. The age at
which both agree best is used for all readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import steady_window
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.records.accounted import HINT, unaccounted
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.stats.statistics import Floats
from harness.judgement.wording import formatted
from harness.model import (
    SIGN_INS,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Op,
    Phase,
    ReasonKind,
    Receipt,
    Table,
    Window,
)
from harness.model.observations import ActiveUsersRead
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

NAME: Final = Figure.ACTIVE_USERS.value
_OLDEST: Final = 0.1
"""Greatest age of a number from Prometheus, as a share of the time for which a user counts as active."""
_AGES: Final = 21
"""Number of tried ages, from 0 to the greatest."""
_LONGEST_GAP: Final = 1 / 3
"""Longest time without a reading, as a share of the time for which users are active."""
_FILES: Final = ("history/active-users.ndjson",)
_AGAIN: Final = "make sure that Prometheus answers queries during the complete fault-free window, then run again"
_SIGN: Final = (
    "let journeys call `journey.signed_in(user, answer)` after each sign-in, on workers of this machine, then run again"
)


class _NotTold(Exception):
    """The number of active users cannot be compared; the text is the cause and `hint` the action for the user."""

    def __init__(self, why: str, hint: str, kind: ReasonKind = ReasonKind.NO_RECORD) -> None:
        super().__init__(why)
        self.hint = hint
        self.kind = kind


@dataclass(frozen=True, kw_only=True, slots=True)
class _Readings:
    """Numbers of active users from Prometheus, the times of their readings, and the time for which a user counts as active, in ns."""

    at_ns: Ints
    users: Floats
    within_ns: int

    @property
    def oldest_ns(self) -> int:
        return round(_OLDEST * self.within_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    """Mean difference between the readings and the true numbers, as a share of the true numbers.

    Attributes:
        least, most: smallest and greatest possible difference, as the outcome of some sign-ins is unknown.
        users: mean of the true numbers, without sign-ins of unknown outcome.
        age_s: age of the readings at which both agree best, in s.
    """

    least: float
    most: float
    users: float
    age_s: float


def active_users(case: Case) -> Iterable[Measure]:
    """One measure: the mean difference between the active users that Prometheus reports and the users who signed in."""
    window = steady_window(case, NAME)
    if isinstance(window, Measure):
        yield window
        return
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value}
    try:
        readings = _readings(case, window)
        sign_ins = _sign_ins(case, window)
        counted = _counted(readings, sign_ins, fewest=1 / case.objective.limit.in_unit("ratio"))
    except _NotTold as unknown:
        yield inconclusive(case, NAME, str(unknown), unknown.hint, kind=unknown.kind, scope=scope)
        return
    yield _measured(case, window, readings, counted, unknown=int(sign_ins.words["outcome"].equals("unknown").sum()))


def _readings(case: Case, window: Window) -> _Readings:
    """The readings at moments for which this traffic made every sign-in that still counts.

    Raises:
        _NotTold: there are too few readings.
    """
    reads = [read for read in case.evidence.every(ActiveUsersRead) if read.traffic == window.traffic]
    told = [read for read in reads if not read.why]
    failed = next((read.why for read in reads if read.why), "")
    if not told:
        raise _NotTold(failed or "Prometheus was not queried for the number of active users", _AGAIN)
    within_s = float(told[0].within_s)
    within_ns, oldest_ns = round(within_s * NS_PER_S), round(_OLDEST * within_s * NS_PER_S)
    begin_ns = window.start_ns if window.begin_ns is None else window.begin_ns
    first_ns = max(begin_ns + within_ns + oldest_ns, window.start_ns)
    inside = sorted(
        (read.when_ns, read.users if read.users is not None else 0.0)
        for read in told
        if first_ns <= read.when_ns < window.end_ns
    )
    at_ns = np.array([at for at, _ in inside], dtype=np.int64)
    covered_s = (int(at_ns[-1]) - int(at_ns[0])) / NS_PER_S if inside else 0.0
    if covered_s < within_s:
        why = f"the comparable readings cover only {covered_s:.3g} s, expected at least the {within_s:g} s for which a user counts as active"
        needed_s = (2 + _OLDEST) * within_s
        hint = f"let the traffic run for at least {needed_s:g} s before the first fault, then run again"
        raise _NotTold(f"{why}{f'; {failed}' if failed else ''}", hint, ReasonKind.TOO_FEW)
    moments = np.array([first_ns, *at_ns.tolist(), window.end_ns], dtype=np.int64)
    if (gap_s := float(np.diff(moments).max()) / NS_PER_S) > _LONGEST_GAP * within_s:
        raise _NotTold(
            f"Prometheus reported no number of active users for {gap_s:.3g} s{f': {failed}' if failed else ''}", _AGAIN
        )
    users = np.array([users for _, users in inside], dtype=np.float64)
    return _Readings(at_ns=at_ns, users=users, within_ns=within_ns)


def _sign_ins(case: Case, window: Window) -> Table:
    """The sign-ins of all journeys, except refused sign-ins; raises _NotTold if a worker recorded none."""
    rows = case.evidence.tables.get(SIGN_INS.name, Table.empty(SIGN_INS))
    silent = sorted({worker.id for worker in window.workers} - set(rows.ints["by"].tolist()))
    if silent or not len(rows):
        of = f"worker {silent[0]} of {window.traffic}" if silent else window.traffic
        raise _NotTold(f"{of} recorded no sign-in of a user", _SIGN)
    return rows.where(~rows.words["outcome"].equals("refused"))


def _counted(readings: _Readings, sign_ins: Table, *, fewest: float) -> _Counted:
    """The difference at the best age; sign-ins of unknown outcome count once as successful and once as failed.

    Raises:
        _NotTold: fewer than `fewest` users were active on average.
    """
    known = sign_ins.words["outcome"].equals("accepted")
    found = []
    for age_ns in np.linspace(0, readings.oldest_ns, _AGES):
        at_ns = readings.at_ns - round(float(age_ns))
        few, many = (
            _active(sign_ins, which, at_ns, readings.within_ns)
            for which in (known, np.ones_like(known, dtype=np.bool_))
        )
        off = np.maximum(np.maximum(few - readings.users, readings.users - many), 0.0)
        far = np.maximum(np.abs(readings.users - few), np.abs(readings.users - many))
        found.append(
            _Counted(
                least=_ratio(off, many),
                most=_ratio(far, few),
                users=float(few.mean()),
                age_s=float(age_ns) / NS_PER_S,
            )
        )
    best = min(found, key=lambda one: one.most)
    if best.users < fewest:
        why = f"{best.users:.3g} users were active on average, too few for a comparison: a difference of one user exceeds the limit"
        raise _NotTold(why, "raise the rate of the traffic, then run again", ReasonKind.TOO_FEW)
    return _Counted(least=min(one.least for one in found), most=best.most, users=best.users, age_s=best.age_s)


def _ratio(off: Floats, of: Floats) -> float:
    return float(off.mean() / of.mean()) if of.any() else float(off.any())


def _active(sign_ins: Table, which: Bools, at_ns: Ints, within_ns: int) -> Floats:
    """Number of users who signed in within `within_ns` before each moment; a user who signed in several times counts once."""
    users, came_ns = (sign_ins.ints[column][which] for column in ("id", "accepted_ns"))
    order = np.lexsort((came_ns, users))
    users, came_ns = users[order], came_ns[order]
    until_ns = came_ns + within_ns
    again = users[1:] == users[:-1]
    until_ns[:-1] = np.where(again, np.minimum(until_ns[:-1], came_ns[1:]), until_ns[:-1])
    began = np.searchsorted(np.sort(came_ns), at_ns, side="right")
    ended = np.searchsorted(np.sort(until_ns), at_ns, side="right")
    return np.asarray(began - ended, dtype=np.float64)


def _measured(case: Case, window: Window, readings: _Readings, counted: _Counted, *, unknown: int) -> Measure:
    differs = unaccounted(case.plan, case.evidence).get(SIGN_INS.name, "")
    apart = " to ".join(dict.fromkeys(formatted(share, "ratio") for share in (counted.least, counted.most)))
    found = Amount(
        low=counted.least,
        high=counted.most,
        text=(
            f"Prometheus reports {formatted(float(readings.users.mean()), '')} active users (mean of {len(readings.users)} readings), and the traffic signed in "
            f"{formatted(counted.users, '')} within {readings.within_ns / NS_PER_S:g} s (counted {counted.age_s:.2g} s before each reading); the mean difference is {apart}"
        ),
        unit="ratio",
        scope={"traffic": window.traffic, "phase": case.objective.scope.phase.value},
        receipts={
            "load": load_receipt(case.plan, window, latencies=False),
            "watch": Receipt(ok=True, why=f"Prometheus was queried {len(readings.users)} times", files=_FILES),
        },
        needs=("load",),
        method="mean difference between the active users that Prometheus reports and the users who signed in, divided by the mean of the latter",
        files=(*_FILES, *_sign_in_files(window), *window.files),
        n=len(readings.users),
        shows=True,
        between=f"the outcome of {unknown} sign-ins is unknown",
        unknown=differs,
        hint=HINT
        if differs
        else "see the requests of the sign-in route in load/, correct the cause of the missing answers, then run again",
    )
    return amount(case, found)


def _sign_in_files(window: Window) -> Sequence[str]:
    return [f"load/{window.traffic}/sign-ins-{worker.id}.parquet" for worker in window.workers]


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"within {objective.limit} of the number of users that the traffic signed in")


SPEC: Final = Spec(
    figure=Figure.ACTIVE_USERS,
    judge=active_users,
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.AT_MOST})),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: ("history/active-users.", *load_files(case)),
    needs=lambda _objective: (
        Need(key="prometheus", why="the number of active users is read from Prometheus"),
        Need(
            key="active_users",
            why="the platform reports the number of active users",
            hint="add `metrics: {active_users: {query: QUERY, within: TIME}}` to the target file",
            lacks="key `metrics.active_users`",
        ),
    ),
    words=_in_words,
    clocked=True,
)
