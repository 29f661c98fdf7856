"""Active users: how many the platform's own metrics say there are, against those whom the traffic signed in.

A user is active for a time after signing in, which the target file names. The traffic records who signed in and when, so the true number is
known at every moment. What Prometheus says may be a little older than the moment it is asked at: platforms count now and then, and pods are scraped
now and then. So it is held against the true numbers of the last seconds, up to a tenth of that time, and the age at which both agree best is
taken for all readings alike.
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
from harness.judgement.receipts.accounted import HINT, unaccounted
from harness.judgement.receipts.load import load_receipt
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
from harness.model.observations import ActiveUsersRead, every
from harness.model.table import Bools, Ints
from harness.units import NS_PER_S

NAME: Final = Figure.ACTIVE_USERS.value
_OLDEST: Final = 0.1
"""What the platform says may be so old, as a share of the time for which users are active."""
_AGES: Final = 21
"""Ages that are tried, from 0 to the oldest."""
_LONGEST_GAP: Final = 1 / 3
"""Longest time without a reading, as a share of the time for which users are active."""
_FILES: Final = ("history/active-users.ndjson",)
_AGAIN: Final = "let Prometheus be asked during the complete window, then run again"
_SIGN: Final = "let journeys call `journey.signed_in(user, answer)` after each sign-in, on workers of this machine"


class _NotTold(Exception):
    """It cannot be told; with what to do about it."""

    def __init__(self, why: str, hint: str, kind: ReasonKind = ReasonKind.NO_RECORD) -> None:
        super().__init__(why)
        self.hint = hint
        self.kind = kind


@dataclass(frozen=True, kw_only=True, slots=True)
class _Readings:
    """What Prometheus said, and how long a user is active, in ns."""

    at_ns: Ints
    users: Floats
    within_ns: int

    @property
    def oldest_ns(self) -> int:
        return round(_OLDEST * self.within_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    """How far the readings are from the true numbers, on average, as a share of these.

    Attributes:
        least, most: with the numbers that agree best, and worst, of those that may be true.
        users: the true number on average, without sign-ins whose outcome is unknown.
        age_s: at which they agree best.
    """

    least: float
    most: float
    users: float
    age_s: float


def active_users(case: Case) -> Iterable[Measure]:
    """One measure."""
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
    """Those of moments at which every sign-in that counts was this traffic's own."""
    reads = [read for read in every(ActiveUsersRead, case.evidence.observations) if read.traffic == window.traffic]
    told = [read for read in reads if not read.why]
    failed = next((read.why for read in reads if read.why), "")
    if not told:
        raise _NotTold(failed or "Prometheus was not asked for the number of active users", _AGAIN)
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
        why = f"the readings that can be compared cover {covered_s:.3g} s, and users are active for {within_s:g} s"
        needed_s = (2 + _OLDEST) * within_s
        hint = f"let the fault-free window last {needed_s:g} s and more, then run again"
        raise _NotTold(f"{why}{f'; {failed}' if failed else ''}", hint, ReasonKind.TOO_FEW)
    moments = np.array([first_ns, *at_ns.tolist(), window.end_ns], dtype=np.int64)
    if (gap_s := float(np.diff(moments).max()) / NS_PER_S) > _LONGEST_GAP * within_s:
        raise _NotTold(f"there is no reading for {gap_s:.3g} s{f': {failed}' if failed else ''}", _AGAIN)
    users = np.array([users for _, users in inside], dtype=np.float64)
    return _Readings(at_ns=at_ns, users=users, within_ns=within_ns)


def _sign_ins(case: Case, window: Window) -> Table:
    """The sign-ins of all journeys but those that were refused."""
    rows = case.evidence.tables.get(SIGN_INS.name, Table.empty(SIGN_INS))
    silent = sorted({worker.id for worker in window.workers} - set(rows.ints["by"].tolist()))
    if silent or not len(rows):
        of = f"worker {silent[0]} of {window.traffic}" if silent else window.traffic
        raise _NotTold(f"{of} recorded no sign-ins", _SIGN)
    return rows.where(~rows.words["outcome"].equals("refused"))


def _counted(readings: _Readings, sign_ins: Table, *, fewest: float) -> _Counted:
    """Compared at each age, with the sign-ins whose outcome is unknown and without them: the true number lies between. So many users are needed."""
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
        why = f"{best.users:.3g} active users on average are too few: one of them is more than the limit"
        raise _NotTold(why, "let more users arrive, then run again", ReasonKind.TOO_FEW)
    return _Counted(least=min(one.least for one in found), most=best.most, users=best.users, age_s=best.age_s)


def _ratio(off: Floats, of: Floats) -> float:
    return float(off.mean() / of.mean()) if of.any() else float(off.any())


def _active(sign_ins: Table, which: Bools, at_ns: Ints, within_ns: int) -> Floats:
    """How many users had signed in in that time before each moment. A user who signed in again is active on, and one user still."""
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
            f"exposed are {formatted(float(readings.users.mean()), '')} active users on average of {len(readings.users)} readings, the traffic signed in "
            f"{formatted(counted.users, '')} within {readings.within_ns / NS_PER_S:g} s (compared with {counted.age_s:.2g} s before each reading): {apart} apart on average"
        ),
        unit="ratio",
        scope={"traffic": window.traffic, "phase": case.objective.scope.phase.value},
        receipts={
            "load": load_receipt(case.plan, window, latencies=False),
            "watch": Receipt(ok=True, why=f"Prometheus was asked {len(readings.users)} times", files=_FILES),
        },
        needs=("load",),
        method="mean difference between what Prometheus says and the users who signed in, over their mean",
        files=(*_FILES, *_sign_in_files(window), *window.files),
        n=len(readings.users),
        shows=True,
        between=f"of {unknown} sign-ins it is not known whether they succeeded",
        unknown=differs,
        hint=HINT if differs else "see to the sign-ins without an answer, then run again",
    )
    return amount(case, found)


def _sign_in_files(window: Window) -> Sequence[str]:
    return [f"load/{window.traffic}/sign-ins-{worker.id}.parquet" for worker in window.workers]


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"within {objective.limit} of those that the traffic signed in")


SPEC: Final = Spec(
    figure=Figure.ACTIVE_USERS,
    judge=active_users,
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.AT_MOST})),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: ("history/active-users.", *load_files(case)),
    needs=lambda _objective: (
        Need(key="prometheus", why="Prometheus is asked how many users are active"),
        Need(
            key="active_users",
            why="the platform says how many users are active",
            hint="add `metrics: {active_users: {query: QUERY, within: TIME}}` to the target file",
            lacks="key `metrics.active_users`",
        ),
    ),
    words=_in_words,
    clocked=True,
)
