"""A manual promotion: the chosen database member must be the only primary within a limit after the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Need, until_spec
from harness.judgement.measures import Case
from harness.judgement.receipts.faults.attempts import known_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.shapes.until import Effect, too_short, until
from harness.model import (
    Evidence,
    Experiment,
    Figure,
    Measure,
    Receipt,
    Table,
)
from harness.model.observations import ActivityDone
from harness.units import NS_PER_S

ORDER: Final = "order-promotion"
"""Name of the activity that orders the promotion; it returns the chosen member."""
_NAME: Final = "promotion by hand"
METHOD: Final = "the role that each member reports, from the order until the old primary may return"
_REFUSED: Final = "refused"
"""The error of a probe whose connection was refused."""
_RESOLUTION_S: Final = 1.0
"""Longest gap between two probes of a member, in s. After a longer gap the role of the member is unknown."""


class _Order(NamedTuple):
    at_ns: int
    member: str


def promotions(case: Case) -> Iterable[Measure]:
    """One measure per experiment in which a promotion was ordered."""
    why = f"{{experiment}}: no order to promote a member was recorded, because the activity `{ORDER}` did not succeed"
    return of_each_attempt(
        case,
        _NAME,
        partial(_of, case),
        add="add an experiment that orders a promotion",
        nothing=(why, "find the error in the chaos.log of the experiment, correct its cause, then run again"),
        unconfirmed=True,  # an order that was given is one, whether the fault before it was confirmed or not
    )


def _of(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measure of an attempt; no measure if no promotion was ordered."""
    if (order := _order(case.evidence, attempt)) is not None:
        yield until(case, _led(case, attempt, order, {**scope, "member": order.member}), _NAME)


def _order(evidence: Evidence, attempt: Experiment) -> _Order | None:
    """The last order of the attempt: its time and the member that was to be promoted."""
    found = None
    for done in evidence.every(ActivityDone):
        here = attempt.observed_from_ns <= done.recorded_ns <= attempt.observed_until_ns
        if here and done.subject == attempt.name and done.name == ORDER and done.status == "succeeded":
            found = _Order(done.started_ns, done.output)
    return found


def _led(case: Case, attempt: Experiment, order: _Order, scope: Mapping[str, str]) -> Effect:
    """The effect: the time from the order until the chosen member is the only primary."""
    until_ns = attempt.fault.undone_ns or known_until_ns(case.evidence, attempt)
    probes = case.evidence.replicas.between("at_ns", order.at_ns, until_ns)
    led = {member: _first_as_primary(rows) for member, rows in probes.apart("member").items()}
    others = sorted(member for member, first_ns in led.items() if first_ns is not None and member != order.member)
    at_ns = None if others else led.get(order.member)
    return Effect(
        low=None if at_ns is None else (_last_before(probes, order, at_ns) - order.at_ns) / NS_PER_S,
        high=None if at_ns is None else (at_ns - order.at_ns) / NS_PER_S,
        watched=(until_ns - order.at_ns) / NS_PER_S,
        names={"attempt": attempt.name, "member": order.member},
        scope=scope,
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "watch": _watch(case.evidence, probes, attempt, order, until_ns, alone=at_ns is not None),
            "restore": restore_receipt(case.evidence, attempt),
        },
        needs=() if others else ("watch",),  # another primary is a FAIL even if the watch has gaps
        method=METHOD,
        files=(*attempt.files, "watch/replicas.parquet"),
        n=len(probes),
        broken=f"another member was primary after the order: {' and '.join(others)}" if others else "",
        short=too_short(case, attempt),
    )


def _first_as_primary(rows: Table) -> int | None:
    """When a member first reported its role as primary, in ns."""
    led = rows.ints["at_ns"][rows.words["role"].equals("primary")]
    return int(led.min()) if len(led) else None


def _last_before(probes: Table, order: _Order, at_ns: int) -> int:
    """When the chosen member last reported another role before it became primary, in ns; by default the time of the order."""
    own = probes.where(probes.words["member"].equals(order.member) & ~probes.words["role"].missing)
    return int(own.ints["at_ns"][own.ints["at_ns"] < at_ns].max(initial=order.at_ns))


def _watch(
    evidence: Evidence, probes: Table, attempt: Experiment, order: _Order, until_ns: int, *, alone: bool
) -> Receipt:
    """Whether the role of the chosen member was read without a gap; with `alone` also of every other member that was not hit.

    A member that refuses connections is not primary. The role of a member that never answers is unknown.
    """
    source = evidence.watchers.get("replicas")
    if source is None or source.why or not source.closed:
        why = source.why if source else ""
        return Receipt(ok=False, why=f"the watcher 'replicas' {f': {why}' if why else 'wrote no complete record'}")
    known = evidence.replicas.words["member"].present
    others = sorted(set(known) - {order.member}) if alone else []
    if alone and not others:
        return Receipt(ok=False, why=f"only the role of {order.member} was read, expected the role of every member")
    hit = {one.name for one in attempt.fault.hit}
    for member in (order.member, *(one for one in others if one not in hit)):
        own = probes.where(probes.words["member"].equals(member))
        times = sorted([order.at_ns, *own.ints["at_ns"].tolist(), until_ns])
        gap_s = max(later - earlier for earlier, later in pairwise(times)) / NS_PER_S
        if gap_s > _RESOLUTION_S:
            return Receipt(
                ok=False,
                why=f"the role of {member} was not read for {gap_s:.3g} s, expected at most {_RESOLUTION_S:g} s",
            )
        told = ~own.words["role"].missing | own.words["error"].equals(_REFUSED)
        if member in others and not told.any():
            return Receipt(
                ok=False, why=f"{member} reported no role and accepted connections, so it may have been primary"
            )
    return Receipt(ok=True, why=f"{len(probes)} probes of the members", files=("watch/replicas.parquet",))


SPEC: Final = until_spec(
    Figure.PROMOTION,
    promotions,
    ("watch/replicas.", "history/watch.", "history/chaos-"),
    Need(
        key="database",
        why="the experiment promotes a member of the database",
        hint="add `database:` with `members` and `leader`",
    ),
)
