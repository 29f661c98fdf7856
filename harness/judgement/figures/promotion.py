"""A promotion by hand: the chosen member is the only primary, at the latest a limit after the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

from harness.judgement.figures.phases import also_failed
from harness.judgement.figures.spec import Basis, Need, Spec, until_the_limit
from harness.judgement.measures import Case, Figures, because, inconclusive, measure, not_falsifiable, settled
from harness.judgement.receipts.attempts import counted_attempt, known_until_ns
from harness.judgement.receipts.fault import claimed_fault_receipt
from harness.judgement.receipts.missing import NONE_PLANNED
from harness.judgement.receipts.restore import restore_receipt
from harness.judgement.shapes.until import within
from harness.model import (
    ONLY_BELOW,
    Evidence,
    Experiment,
    Figure,
    LimitRule,
    Measure,
    Outcome,
    Phase,
    Receipt,
    Table,
)
from harness.model.observations import ActivityDone, every
from harness.units import NS_PER_S

ORDER: Final = "order-promotion"
"""Name of the activity that orders it; what the activity returns is the chosen member."""
METHOD: Final = "the role that each member gives of itself, from the order until the old primary may come back"
_REFUSED: Final = "refused"
"""The error of a probe whose connection was refused."""
_RESOLUTION_S: Final = 1.0
"""Longest gap between two probes of a member that is still a watch."""


class _Order(NamedTuple):
    at_ns: int
    member: str


def promotions(case: Case) -> Iterable[Measure]:
    """One measure per experiment in which a promotion was ordered."""
    name = "promotion by hand"
    if not case.experiments:
        yield inconclusive(case, name, NONE_PLANNED, "add one that orders it")
    for experiment in case.experiments:
        scope = {"experiment": experiment, "phase": case.objective.scope.phase.value}
        attempt = counted_attempt(case.plan, case.evidence, experiment, case.objective.scope.traffic)
        order = _order(case.evidence, attempt) if attempt else None
        if attempt is None or order is None:
            why = f"{experiment} left no record of an order: its activity `{ORDER}` did not succeed"
            yield inconclusive(case, name, why, "read the experiment's chaos.log, then run again", scope=scope)
        else:
            yield _judged(case, name, attempt, order, {**scope, "member": order.member})
        # an order that was given is one, whether the fault before it was confirmed or not
        yield from also_failed(case, experiment, scope, partial(_other, case, name), unconfirmed=True)


def _other(case: Case, name: str, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measure of an attempt that does not count; none where nothing was ordered."""
    if (order := _order(case.evidence, attempt)) is not None:
        yield _judged(case, name, attempt, order, {**scope, "member": order.member})


def _order(evidence: Evidence, attempt: Experiment) -> _Order | None:
    """When the promotion of which member was ordered, by the last activity of that name in the attempt."""
    found = None
    for done in every(ActivityDone, evidence.observations):
        here = attempt.observed_from_ns <= done.recorded_ns <= attempt.observed_until_ns
        if here and done.subject == attempt.name and done.name == ORDER and done.status == "succeeded":
            found = _Order(done.started_ns, done.output)
    return found


def _judged(case: Case, name: str, attempt: Experiment, order: _Order, scope: Mapping[str, str]) -> Measure:
    limit = case.scaled.in_unit("s")
    until_ns = attempt.fault.undone_ns or known_until_ns(case.evidence, attempt)
    watched_s = (until_ns - order.at_ns) / NS_PER_S
    probes = case.evidence.replicas.between("at_ns", order.at_ns, until_ns)
    led = {member: _first_as_primary(rows) for member, rows in probes.apart("member").items()}
    at_ns = led.get(order.member)
    others = sorted(member for member, first_ns in led.items() if first_ns is not None and member != order.member)
    seconds = None if at_ns is None else (at_ns - order.at_ns) / NS_PER_S
    low = None if at_ns is None else (_last_before(probes, order, at_ns) - order.at_ns) / NS_PER_S
    outcome = Outcome.FAIL if others else within(limit, low=low, high=seconds, watched=watched_s)
    if others:
        found = f"{' and '.join(others)} led after the order"
    elif seconds is not None:
        found = f"it was the only primary after {seconds:.3g} s"
        if outcome is Outcome.INCONCLUSIVE:
            found += f", and was not yet {low or 0.0:.3g} s after it"
    else:
        found = f"it did not lead in the {watched_s:.3g} s that were watched"
    planned = case.plan.experiments.get(attempt.name)
    if outcome is Outcome.INCONCLUSIVE and planned is not None and planned.observe_s < limit:
        why = f"{attempt.name} would have watched for {planned.observe_s:.4g} s, the limit is {limit:.4g} s"
        return not_falsifiable(case, name, why, scope=scope)
    expected = case.expected.replace("below", "within")
    receipts = {
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "watch": _watch(case.evidence, probes, attempt, order, until_ns, alone=outcome is Outcome.PASS),
        "restore": restore_receipt(case.evidence, attempt),
    }
    own = because(outcome, f"{attempt.name}: {order.member} was ordered to lead, and {found}, expected {expected}")
    outcome, reason = settled(outcome, own, receipts, () if others else ("watch",))
    return measure(
        case,
        name,
        outcome,
        reason,
        scope=scope,
        figures=Figures(
            value=None if others else seconds,
            low=None if others else low,
            high=None if others else seconds,
            scaled_limit=limit,
            n=len(probes),
            unit="s",
            method=METHOD,
            receipts=receipts,
            files=(*attempt.files, "watch/replicas.parquet"),
        ),
    )


def _first_as_primary(rows: Table) -> int | None:
    """When a member first gave its role as primary."""
    led = rows.ints["at_ns"][rows.words["role"].equals("primary")]
    return int(led.min()) if len(led) else None


def _last_before(probes: Table, order: _Order, at_ns: int) -> int:
    """When the chosen member last gave another role, before it first gave its role as primary; when it was ordered, if it never did."""
    own = probes.where(probes.words["member"].equals(order.member) & ~probes.words["role"].missing)
    return int(own.ints["at_ns"][own.ints["at_ns"] < at_ns].max(initial=order.at_ns))


def _watch(
    evidence: Evidence, probes: Table, attempt: Experiment, order: _Order, until_ns: int, *, alone: bool
) -> Receipt:
    """Whether the chosen member was asked for its role all the time; `alone`: and every other one that was not hit.

    One that refuses connections leads nothing; of one that is silent all the time nothing is known.
    """
    source = evidence.watchers.get("replicas")
    if source is None or source.why or not source.closed:
        why = source.why if source else ""
        return Receipt(ok=False, why=f"the watcher 'replicas' {f': {why}' if why else 'left no complete record'}")
    known = evidence.replicas.words["member"].present
    others = sorted(set(known) - {order.member}) if alone else []
    if alone and not others:
        return Receipt(ok=False, why=f"no member beside {order.member} was asked for its role")
    hit = {one.name for one in attempt.fault.hit}
    for member in (order.member, *(one for one in others if one not in hit)):
        own = probes.where(probes.words["member"].equals(member))
        times = sorted([order.at_ns, *own.ints["at_ns"].tolist(), until_ns])
        gap_s = max(later - earlier for earlier, later in pairwise(times)) / NS_PER_S
        if gap_s > _RESOLUTION_S:
            return Receipt(ok=False, why=f"{member} was not asked for its role for {gap_s:.3g} s")
        told = ~own.words["role"].missing | own.words["error"].equals(_REFUSED)
        if member in others and not told.any():
            return Receipt(ok=False, why=f"{member} gave no role and refused no connection")
    return Receipt(ok=True, why=f"{len(probes)} probes of the members", files=("watch/replicas.parquet",))


SPEC: Final = Spec(
    figure=Figure.PROMOTION,
    judge=promotions,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("watch/replicas.", "history/watch.", "history/chaos-"),
    needs=lambda _objective: (
        Need(
            key="database",
            why="a member of the database is promoted",
            hint="add `database:` with `members` and `leader`",
        ),
    ),
    watched=until_the_limit,
)
