"""Recovery of the users' own requests after one attempt; the worst route or region decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from harness.judgement.figures.indicators import failed_or_late
from harness.judgement.figures.recovery.recovered import (
    UNRESOLVED,
    head,
    judged,
    latest_of,
    may_be,
    not_back,
    outcome_of,
    proofs,
    way_back_bounds,
    way_back_text,
    way_may_be,
)
from harness.judgement.measures import Case, Figures, inconclusive
from harness.judgement.once import once_a_run
from harness.judgement.receipts.faults.attempts import (
    answered_until_ns,
    known_until_ns,
    never_asked,
    quiet_windows,
    samples_due,
)
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.receipts.watch import SHARE_OF_LIMIT
from harness.judgement.recovery import Promise, Requests, Users, users_recovery
from harness.judgement.recovery.users import ALL, ROUTE, grouped, longest_outage_s, rates_of, rows_of, usual_of
from harness.judgement.shapes.found import Found
from harness.judgement.shapes.until import too_short
from harness.judgement.worst import worst_requests
from harness.model import (
    SAMPLES,
    Evidence,
    Experiment,
    Measure,
    OperationRecovery,
    Outcome,
    Plan,
    ReasonKind,
    Receipt,
    Table,
)
from harness.model.judged.outcome import SEVERITY

METHOD: Final = (
    "the users' own requests by route and by serving region, counted from their due time: in the group that recovered last, the first answer of "
    "the first 5 s in which no more requests failed or were late than before the fault, or than promised"
)
WAY_BACK: Final = "the users' own requests by route and by serving region: the longest outage that began between the undo and the restore"
_ASK: Final = "see the log of the load generator for the cause, or request this route in a journey that does not end when an earlier request fails, then run again"
_MORE: Final = "raise the rate of the traffic, then run again"
_MORE_OF_IT: Final = (
    "raise the rate of the traffic to at least 2 requests/s on this route or in this region, then run again"
)
_OutcomeOf = Callable[[Users, str, float], Outcome]
"""Computes the outcome of one group, by its name, under a limit in seconds."""


def users_in(
    plan: Plan,
    evidence: Evidence,
    attempt: Experiment,
    traffic: str | None,
    operations: tuple[str, ...] = (),
    *,
    as_sent: bool = False,
) -> Users | None:
    """Recovery of the users' requests in one attempt; None if no action or request was recorded.

    Each request counts from its due time; with `as_sent` from the time it was sent, if that is later.
    """
    # the only traffic is all traffic, and both operations are all operations: computed once, however a sentence says it
    if {traffic} == {*plan.traffic, *(window.traffic for window in evidence.windows.values())}:
        traffic = None
    return _users_in(plan, evidence, attempt, traffic, operations if len(operations) == 1 else (), as_sent=as_sent)


@once_a_run
def _users_in(
    plan: Plan,
    evidence: Evidence,
    attempt: Experiment,
    traffic: str | None,
    operations: tuple[str, ...],
    *,
    as_sent: bool,
) -> Users | None:
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None:
        return None
    known_ns = known_until_ns(evidence, attempt)
    samples = samples_due(evidence, traffic, (sent_ns, known_ns))
    if not len(samples):
        return None
    if as_sent:
        begun_ns = np.maximum(samples.ints["intended_ns"], samples.ints["sent_ns"])
        samples = replace(samples, ints={**samples.ints, "intended_ns": begun_ns})
    return users_recovery(
        samples,
        operations=operations,
        sent_ns=sent_ns,
        undone_ns=attempt.fault.undone_ns,
        until_ns=answered_until_ns(evidence, attempt),
        known_ns=known_ns,
        promise=Promise.of(plan),
        quiet=_quiet_requests(plan, evidence, traffic, operations),
        rates=_rates(plan, evidence, traffic, operations),
    )


class _Worst(NamedTuple):
    """The route or region with the worst recovery of users.

    Attributes:
        users: recovery of all routes and regions.
        outcomes: outcome of each route or region, by its name.
        name: name of the worst route or region.
        summary: text about the worst route or region.
        outcome_in: computes the outcome of a route or region.
        span: time in which its requests were not served, in ns.
    """

    users: Users
    outcomes: Mapping[str, Outcome]
    name: str
    summary: str
    outcome_in: _OutcomeOf
    span: tuple[int, int]


@once_a_run
def _quiet_requests(
    _plan: Plan, evidence: Evidence, traffic: str | None, operations: tuple[str, ...]
) -> Mapping[str, Requests]:
    """The requests of each group before the first fault."""
    windows = quiet_windows(evidence, traffic)
    return grouped(Table.merged(SAMPLES, [window.samples for window in windows]), operations) if windows else {}


@once_a_run
def _rates(plan: Plan, evidence: Evidence, traffic: str | None, operations: tuple[str, ...]) -> dict[str, float]:
    """Requests per second of each group without a fault: measured before the first fault, else as planned."""
    rates = dict[str, float]()
    for window in quiet_windows(evidence, traffic):
        for name, per_s in rates_of(window.samples, operations, window.seconds).items():
            rates[name] = max(rates.get(name, 0.0), per_s)
    for planned in (each for each in plan.traffic.values() if traffic in (None, each.name)):
        for name, share in planned.routes.items():
            rates.setdefault(f"{ROUTE}{name}", share * planned.requests_per_s)
    return rates


def recovered_users(case: Case, attempt: Experiment, scope: Mapping[str, str], *, proves: bool) -> Iterable[Measure]:
    """Measures of the recovery and of the outages after the undo, each of the worst route or region.

    No measure if no fault was sent.
    """
    objective = case.objective
    if attempt.fault.sent_ns is None or too_short(case, attempt):
        return
    scope = {**scope, "operation": "users"}
    users = users_in(case.plan, case.evidence, attempt, objective.scope.traffic, objective.scope.operations)
    if users is None or not users.groups:
        why = f"{attempt.name}: too few requests of users were recorded from the fault to the restore"
        yield inconclusive(case, "recovery of users", why, _MORE, kind=ReasonKind.TOO_FEW, scope=scope)
        return
    yield _recovery(case, attempt, users, scope, proves=proves)
    span = (attempt.fault.sent_ns, answered_until_ns(case.evidence, attempt))
    unasked = never_asked(case.plan, case.evidence, objective.scope.traffic, span, objective.scope.operations)
    for route, expected in unasked if proves else ():
        why = (
            f"{attempt.name}: {ROUTE}{route} was not requested during the fault, expected about {expected:.0f} requests"
        )
        yield inconclusive(case, "recovery of users", why, _ASK, scope={**scope, "group": f"{ROUTE}{route}"})
    if attempt.fault.undone_ns is not None:
        yield _way_back(case, attempt, users, scope, proves=proves)


def bounds_of(seen: OperationRecovery) -> tuple[float, float | None]:
    """Bounds of a group's recovery time in s: time of its last failure, and time of the first answer after it."""
    if seen.seconds is None:
        return (seen.observed_s if seen.since_s is None else seen.since_s) if seen.outages else 0.0, None
    if not seen.outages:
        high = latest_of(seen, 0.0)
        return 0.0, None if high is None else max(high, seen.resolution_s)
    earliest = seen.seconds if seen.since_s is None else min(seen.seconds, seen.since_s)
    return max(earliest - seen.resolution_s, 0.0), latest_of(seen, 0.0)


def _came_back(users: Users, name: str, limit: float) -> Outcome:
    """Whether a group recovered in time. A group without a failure had no outage, but too few requests do not prove that it was served.

    A group with too few requests for five good seconds was out until the last of enough consecutive requests without service.
    """
    seen = users.seen(name)
    if name in users.thin:
        if not seen.outages and seen.resolution_s >= limit:  # without a request for so long, service is not proven
            return Outcome.INCONCLUSIVE
        low = max((end for _, end in users.thin[name].runs), default=0.0)
        return outcome_of(low, seen.seconds if seen.outages else 0.0, limit)
    if seen.seconds is None and not seen.outages:
        return Outcome.INCONCLUSIVE
    low, high = bounds_of(seen)
    is_over = seen.seconds is None and seen.since_s is None and seen.observed_s >= limit
    return outcome_of(low, high, limit, is_over=is_over)


def _back_in_time(users: Users, name: str, limit: float) -> Outcome:
    """Whether no outage of a group after the undo was longer than the limit."""
    seen = users.seen(name)
    _, low, high = way_back_bounds(seen)
    if name in users.thin:
        low = max((end - start for start, end in users.thin[name].way_runs), default=0.0)
        high = high if seen.way_back else 0.0
    return outcome_of(low, high, limit)


def _recovery(case: Case, attempt: Experiment, users: Users, scope: Mapping[str, str], *, proves: bool) -> Measure:
    limit = case.scaled.in_unit("s")
    out = [name for name, group in users.thin.items() if group.seen.outages or group.seen.resolution_s >= limit]
    outcomes = {name: _came_back(users, name, limit) for name in (*users.groups, *out)}

    def badness(name: str) -> tuple[int, bool, bool, float, float]:
        seen = users.seen(name)
        out_s = sum(end - start for start, end in seen.outages)
        return SEVERITY[outcomes[name]], name != ALL, seen.seconds is None, seen.seconds or 0.0, out_s

    name = max(outcomes, key=badness)
    seen = users.seen(name)
    if seen.seconds is None and not seen.outages:
        summary = f"too few requests of users ({name}) were recorded in {seen.observed_s:.4g} s"
    elif seen.seconds is None:
        summary = (
            f"the users' requests ({name}) did not recover in {seen.observed_s:.4g} s{not_back(seen)} ({seen.why})"
        )
    elif not seen.outages and outcomes[name] is Outcome.INCONCLUSIVE:
        summary = f"users sent no request ({name}) for {seen.resolution_s:.4g} s, so an outage in that time cannot be excluded"
    elif not seen.outages:
        summary = f"users had no outage on any route or in any serving region{may_be(seen)}"
    else:
        summary = f"the users' requests ({name}, the last group to recover) recovered after {seen.seconds:.4g} s{may_be(seen)} ({seen.why})"
    low, _ = bounds_of(seen)
    high = _highest(bounds_of(users.seen(each))[1] for each in _short(outcomes, name))
    worst = _Worst(users, outcomes, name, summary, _came_back, _span(case, attempt))
    found = Found(method=METHOD, files=_files(case, attempt), scope=scope, resolution=seen.resolution_s)
    figures = Figures(value=seen.seconds, low=low, high=high)
    return _measured(case, attempt, "recovery of users", worst, found, figures=figures, proves=proves)


def _way_back(case: Case, attempt: Experiment, users: Users, scope: Mapping[str, str], *, proves: bool) -> Measure:
    limit = case.scaled.in_unit("s")
    out = [name for name, group in users.thin.items() if group.seen.way_back]
    outcomes = {name: _back_in_time(users, name, limit) for name in (*users.groups, *out)}
    name = max(outcomes, key=lambda n: (SEVERITY[outcomes[n]], n != ALL, way_back_bounds(users.seen(n))[0]))
    seen = users.seen(name)
    value, low, _ = way_back_bounds(seen)
    high = _highest(way_back_bounds(users.seen(each))[2] for each in _short(outcomes, name))
    summary = f"users had no outage after the undo on any route or in any serving region{way_may_be(seen)}"
    if seen.way_back:
        summary = way_back_text(seen, f"the users' requests ({name})")
    worst = _Worst(users, outcomes, name, summary, _back_in_time, _span(case, attempt, undone=True))
    found = Found(method=WAY_BACK, files=_files(case, attempt), scope=scope, resolution=seen.way_back_resolution_s)
    figures = Figures(value=value, low=low, high=high)
    return _measured(case, attempt, "outage of users after the undo", worst, found, figures=figures, proves=proves)


def _short(outcomes: Mapping[str, Outcome], worst: str) -> Iterable[str]:
    """The worst group, and every other group that does not pass."""
    return (worst, *(name for name, outcome in outcomes.items() if outcome is not Outcome.PASS))


def _highest(highs: Iterable[float | None]) -> float | None:
    """The upper bound over these groups; None if a group has no upper bound, such as an outage that did not end."""
    given = list(highs)
    return None if None in given else max(high for high in given if high is not None)


def _measured(
    case: Case, attempt: Experiment, measure: str, worst: _Worst, found: Found, *, figures: Figures, proves: bool
) -> Measure:
    """The measure of the worst group, after its receipts."""
    users, outcomes, name, summary, outcome_in, span = worst
    outcome, seen = outcomes[name], users.seen(name)
    few = name in users.thin or (seen.seconds is None and not seen.outages)
    kind, hint = (ReasonKind.TOO_FEW, _MORE_OF_IT) if few else UNRESOLVED
    late = _generator(case, attempt, name, outcome, outcome_in)
    receipts = {**_proofs(case, attempt, proves=proves), **late}
    scope = {**found.scope, "group": name}
    found = replace(found, scope=scope, receipts=receipts, needs=tuple(late), kind=kind, hint=hint)
    text = f"{head(attempt, proves=proves)}: {summary}, expected {case.expected}"
    text = f"{text}{_more(outcomes.values())}{_listed(users)}"
    made = judged(case, measure, outcome, text, found, figures=figures, quiet=_quiet(case, name, outcome))
    if made.outcome is not Outcome.FAIL:
        return made
    return replace(made, worst_requests=worst_requests(case, _unserved(case, name, span)))


def _span(case: Case, attempt: Experiment, *, undone: bool = False) -> tuple[int, int]:
    """The time from the fault to its undo, or from the undo to the end of the recorded requests, in ns."""
    fault, until_ns = attempt.fault, known_until_ns(case.evidence, attempt)
    middle_ns = until_ns if fault.undone_ns is None else fault.undone_ns
    return (middle_ns, until_ns) if undone else (fault.sent_ns or 0, middle_ns)


def _unserved(case: Case, name: str, span: tuple[int, int]) -> Iterable[tuple[str, Table]]:
    """The requests of a group that were not served as promised, by window."""
    scope, limit_ms = case.objective.scope, Promise.of(case.plan).ms
    for window in case.evidence.windows.values():
        if scope.traffic in (None, window.traffic):
            rows = rows_of(window.samples.between("intended_ns", *span), name, scope.operations)
            yield window.name, rows.where(failed_or_late(rows, limit_ms))


def _proofs(case: Case, attempt: Experiment, *, proves: bool) -> dict[str, Receipt]:
    """The receipts of every recovery. The load before the first fault must be complete too, as the recovery is compared with it."""
    made = proofs(case, attempt, proves=proves)
    quiet = quiet_windows(case.evidence, case.objective.scope.traffic)
    if quiet and "load" in made and made["load"].ok:
        before = joined_load_receipt(case.plan, quiet, latencies=False)
        made["load"] = before if before.ok is False else made["load"]
    return made


def _generator(case: Case, attempt: Experiment, name: str, outcome: Outcome, of: _OutcomeOf) -> dict[str, Receipt]:
    """A receipt that is not ok if the requests, counted from their send time, are no FAIL: then the load generator was late, not the target."""
    if outcome is not Outcome.FAIL:
        return {}
    scope = case.objective.scope
    users = users_in(case.plan, case.evidence, attempt, scope.traffic, scope.operations, as_sent=True)
    known = users is not None and (name in users.groups or name in users.thin)
    if users is not None and known and of(users, name, case.scaled.in_unit("s")) is Outcome.FAIL:
        return {}
    return {
        "load": Receipt(
            ok=False,
            why="the load generator was late: counted from the send time of the requests, the limit is met",
        )
    }


def _quiet(case: Case, group: str, outcome: Outcome) -> Receipt:
    """Whether the same group was served before the first fault; if not, the fault is not the cause."""
    if outcome is Outcome.PASS:
        return Receipt(ok=True, why="")
    scope, most_s = case.objective.scope, SHARE_OF_LIMIT * case.scaled.in_unit("s")
    quiet = _quiet_requests(case.plan, case.evidence, scope.traffic, scope.operations)
    usual = usual_of(group, Promise.of(case.plan), quiet)
    for window in quiet_windows(case.evidence, scope.traffic):
        own = grouped(window.samples, scope.operations).get(group)
        longest_s = longest_outage_s(group, own, window.span, usual) if own is not None else 0.0
        if longest_s > most_s:
            why = f"without any fault the users' requests ({group}) had already been out for {longest_s:.3g} s"
            return Receipt(ok=False, why=why)
    return Receipt(ok=True, why="")


def _more(outcomes: Iterable[Outcome]) -> str:
    """Number of other groups that fail too, in words; empty if there are none."""
    others = sum(outcome is Outcome.FAIL for outcome in outcomes) - 1
    return f" (and {others} more routes or regions beyond the limit)" if others > 0 else ""


def _listed(users: Users) -> str:
    """The groups with too few requests for five good seconds, in words."""
    if not users.thin:
        return ""
    named = ", ".join(f"{name} {group.per_s:.2g}/s" for name, group in users.thin.items())
    return f". Routes and regions with less than 2 requests/s are judged by consecutive failures: {named}"


def _files(case: Case, attempt: Experiment) -> tuple[str, ...]:
    span = (attempt.fault.sent_ns or 0, answered_until_ns(case.evidence, attempt))
    near = (w for w in case.evidence.windows.values() if w.start_ns < span[1] and w.end_ns > span[0])
    return (*attempt.files, *dict.fromkeys(file for window in near for file in window.files))
