"""Recovery of the users' own requests after one attempt: the worst route or region decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.figures.recovered import head, judged, outcome_of, proofs, way_back_bounds, way_back_text
from harness.judgement.measures import Case, Figures, inconclusive
from harness.judgement.receipts.attempts import answered_until_ns, known_until_ns, quiet_windows, samples_due
from harness.judgement.receipts.watch import SHARE_OF_LIMIT
from harness.judgement.recovery import Users, promised_ms, users_recovery
from harness.judgement.recovery.users import grouped, longest_outage_s
from harness.model import Evidence, Experiment, Measure, OperationRecovery, Outcome, Plan, ReasonKind, Receipt

METHOD: Final = (
    "the users' own requests, each route and each serving region from the moment they were due: the latest first answer of 5 s in which "
    "at least 99 % succeeded and 95 % came within the promised time"
)
WAY_BACK: Final = "the users' own requests, each route and each serving region: the longest outage that began between the undo and the restore"
_MORE: Final = "offer more traffic, then run again"
_OutcomeOf = Callable[[OperationRecovery], Outcome]
_BADNESS: Final = {Outcome.FAIL: 2, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 0}


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

    Each counts from when it was due; `as_sent`: from when it was sent, where that is later.
    """
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
        promised=promised_ms(plan),
    )


def recovered_users(case: Case, attempt: Experiment, scope: Mapping[str, str], *, proves: bool) -> Iterable[Measure]:
    """One measure of the recovery and one of the way back, of the worst group; none without action."""
    limit, objective = case.scaled.in_unit("s"), case.objective
    planned = case.plan.experiments.get(attempt.name)
    if attempt.fault.sent_ns is None or planned is None or planned.observe_s < limit:
        return
    scope = {**scope, "operation": "users"}
    users = users_in(case.plan, case.evidence, attempt, objective.scope.traffic, objective.scope.operations)
    if users is None or not users.groups:
        why = f"{attempt.name}: too few of the users' requests were recorded from the fault to the restore"
        yield inconclusive(case, "recovery of users", why, _MORE, kind=ReasonKind.TOO_FEW, scope=scope)
        return
    yield _recovery(case, attempt, users, scope, proves=proves)
    if attempt.fault.undone_ns is not None:
        yield _way_back(case, attempt, users, scope, proves=proves)


def bounds_of(seen: OperationRecovery) -> tuple[float, float | None]:
    """Bounds of a group's recovery time: from its last failure to its first answer."""
    if seen.seconds is None:
        return seen.observed_s, None
    if not seen.outages:
        return 0.0, max(seen.seconds, seen.resolution_s)
    return max(seen.seconds - seen.resolution_s, 0.0), seen.seconds


def _recovery(case: Case, attempt: Experiment, users: Users, scope: Mapping[str, str], *, proves: bool) -> Measure:
    limit = case.scaled.in_unit("s")

    def outcome(seen: OperationRecovery) -> Outcome:
        low, high = bounds_of(seen)
        return outcome_of(low, high, limit, is_over=seen.seconds is None and seen.observed_s >= limit)

    def badness(name: str) -> tuple[int, bool, float, float]:
        seen = users.groups[name]
        out_s = sum(end - start for start, end in seen.outages)
        return _BADNESS[outcome(seen)], seen.seconds is None, seen.seconds or 0.0, out_s

    name = max(users.groups, key=badness)
    seen = users.groups[name]
    low, high = bounds_of(seen)
    if seen.seconds is None:
        heal = "; they came back only when the fault was undone" if seen.on_heal else ""
        summary = f"the users' requests ({name}) were not served again in {seen.observed_s:.4g} s{heal} ({seen.why})"
    elif not seen.outages:
        summary = "no route and no serving region was out for the users"
    else:
        summary = f"the users' requests ({name}, the last) were served again after {seen.seconds:.4g} s ({seen.why})"
    late = _generator(case, attempt, name, outcome(seen), outcome)
    return judged(
        case,
        "recovery of users",
        outcome(seen),
        f"{head(attempt, proves=proves)}: {summary}, expected {case.expected}{_more(map(outcome, users.groups.values()))}{_thin(users)}",
        quiet=_quiet(case, name, outcome(seen)),
        scope={**scope, "group": name},
        figures=Figures(
            value=seen.seconds,
            low=low,
            high=high,
            scaled_limit=limit,
            resolution=seen.resolution_s,
            unit="s",
            method=METHOD,
            receipts={**proofs(case, attempt, proves=proves), **late},
            files=_files(case, attempt),
        ),
        fail_needs=tuple(late),
    )


def _way_back(case: Case, attempt: Experiment, users: Users, scope: Mapping[str, str], *, proves: bool) -> Measure:
    limit = case.scaled.in_unit("s")

    def outcome(seen: OperationRecovery) -> Outcome:
        _, low, high = way_back_bounds(seen)
        return outcome_of(low, high, limit)

    name = max(users.groups, key=lambda n: (_BADNESS[outcome(users.groups[n])], way_back_bounds(users.groups[n])[0]))
    seen = users.groups[name]
    value, low, high = way_back_bounds(seen)
    summary = "no route and no serving region was out for the users on the way back"
    if seen.way_back:
        summary = way_back_text(seen, f"the users' requests ({name})")
    late = _generator(case, attempt, name, outcome(seen), outcome)
    return judged(
        case,
        "way back of users",
        outcome(seen),
        f"{head(attempt, proves=proves)}: {summary}, expected {case.expected}{_more(map(outcome, users.groups.values()))}{_thin(users)}",
        quiet=_quiet(case, name, outcome(seen)),
        scope={**scope, "group": name},
        figures=Figures(
            value=value,
            low=low,
            high=high,
            scaled_limit=limit,
            resolution=seen.way_back_resolution_s,
            unit="s",
            method=WAY_BACK,
            receipts={**proofs(case, attempt, proves=proves), **late},
            files=_files(case, attempt),
        ),
        fail_needs=tuple(late),
    )


def _generator(case: Case, attempt: Experiment, name: str, outcome: Outcome, of: _OutcomeOf) -> dict[str, Receipt]:
    """Of a FAIL: whether it is one also where requests count from when they were sent; else the generator was late, not the target."""
    if outcome is not Outcome.FAIL:
        return {}
    scope = case.objective.scope
    users = users_in(case.plan, case.evidence, attempt, scope.traffic, scope.operations, as_sent=True)
    seen = users.groups.get(name) if users is not None else None
    if seen is not None and of(seen) is Outcome.FAIL:
        return {}
    return {
        "load": Receipt(ok=False, why="counted from when the requests were sent it is not over: the generator was late")
    }


def _quiet(case: Case, group: str, outcome: Outcome) -> Receipt:
    """Whether the same group was served before the first fault; if not, the fault is not the cause."""
    if outcome is Outcome.PASS:
        return Receipt(ok=True, why="")
    scope, most_s = case.objective.scope, SHARE_OF_LIMIT * case.scaled.in_unit("s")
    for window in quiet_windows(case.evidence, scope.traffic):
        own = grouped(window.samples, scope.operations).get(group)
        longest_s = longest_outage_s(group, own, window.span, promised_ms(case.plan)) if own is not None else 0.0
        if longest_s > most_s:
            why = f"without any fault the users' requests ({group}) were already out for {longest_s:.3g} s"
            return Receipt(ok=False, why=why)
    return Receipt(ok=True, why="")


def _more(outcomes: Iterable[Outcome]) -> str:
    """How many groups beside the worst one fail as well."""
    others = sum(outcome is Outcome.FAIL for outcome in outcomes) - 1
    return f" (and {others} more routes or regions beyond it)" if others > 0 else ""


def _thin(users: Users) -> str:
    """The groups with too few requests to be judged alone."""
    if not users.thin:
        return ""
    named = ", ".join(f"{name} {per_s:.2g}/s" for name, per_s in users.thin.items())
    return f"; too few requests to be judged alone, under 2 a second: {named}"


def _files(case: Case, attempt: Experiment) -> tuple[str, ...]:
    span = (attempt.fault.sent_ns or 0, answered_until_ns(case.evidence, attempt))
    near = (w for w in case.evidence.windows.values() if w.start_ns < span[1] and w.end_ns > span[0])
    return (*attempt.files, *dict.fromkeys(file for window in near for file in window.files))
