"""Attempts at experiments: which attempt counts, which faults were sent, and how long each fault had effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.restore import undone
from harness.judgement.receipts.load import planned_journeys
from harness.judgement.recovery.users import ROUTE, rates_of
from harness.judgement.recovery.usual import promised_ms
from harness.model import SAMPLES, Evidence, Experiment, Plan, Table, Window, fault_free_name
from harness.model.observations import RolloutStarted
from harness.units import NS_PER_MS

_UNPROMISED_MS: Final = 1000.0
_EXPECTED: Final = 20
"""A route that got no request under a fault, although at least this many were expected, is not shown to have been served."""


def counted_attempt(plan: Plan, evidence: Evidence, name: str, traffic: str | None = None) -> Experiment | None:
    """The attempt at an experiment that counts, chosen by its receipts before any of its figures is read.

    It is the last attempt with a fault receipt that is ok and a restored target; without such an attempt the last attempt with a fault receipt that is
    ok; else the last attempt. If a traffic is given and attempts were made under it, only these are considered.
    """
    attempts = _under(evidence, name, traffic) or evidence.experiments.get(name, ())
    in_place = [a for a in attempts if fault_receipt(plan, evidence, a).ok]
    restored = [a for a in in_place if undone(a)[0]]
    return next((group[-1] for group in (restored, in_place, attempts) if group), None)


def _under(evidence: Evidence, name: str, traffic: str | None) -> tuple[Experiment, ...]:
    """The attempts whose fault was applied under a traffic; all attempts if no traffic is given."""
    attempts = evidence.experiments.get(name, ())
    if traffic is None:
        return tuple(attempts)
    windows = [(attempt, evidence.fault_window(name, attempt.attempt)) for attempt in attempts]
    return tuple(attempt for attempt, window in windows if window is not None and window.traffic == traffic)


def harmful_attempts(plan: Plan, evidence: Evidence, name: str, traffic: str | None = None) -> tuple[Experiment, ...]:
    """All attempts with a sent fault, of any traffic, except the attempt that counts: they can only fail an objective."""
    counted = counted_attempt(plan, evidence, name, traffic)
    return tuple(a for a in evidence.experiments.get(name, ()) if a is not counted and a.fault.sent_ns is not None)


def quiet_windows(evidence: Evidence, traffic: str | None) -> tuple[Window, ...]:
    """The windows before the first fault: of one traffic, or of every traffic if none is given."""
    return tuple(w for w in evidence.fault_free(traffic) if w.name == fault_free_name(w.traffic))


def spared_ns(plan: Plan, evidence: Evidence) -> Mapping[str, int]:
    """Time in flight at the end of each window that a fault or a candidate ended, in ns, by name of the window.

    Requests that were due within this time (`on_its_way_ns`) before the end of the window and failed after it do not count for the window.
    """
    begun = {(window.traffic, window.start_ns) for window in evidence.windows.values() if not window.fault_free}
    return {w.name: on_its_way_ns(plan) for w in evidence.fault_free() if (w.traffic, w.end_ns) in begun}


def on_its_way_ns(plan: Plan) -> int:
    """Longest expected time of a request in flight, in ns: the response time that the claims promise; without a promise one second."""
    return round((promised_ms(plan) or _UNPROMISED_MS) * NS_PER_MS)


def samples_due(evidence: Evidence, traffic: str | None, span: tuple[int, int]) -> Table:
    """The requests of a traffic that were due in a span, from all windows."""
    windows = [w for w in evidence.windows.values() if traffic in (None, w.traffic)]
    near = [w for w in windows if w.start_ns < span[1] and w.end_ns > span[0]]
    return Table.merged(SAMPLES, [window.samples.between("intended_ns", *span) for window in near])


def never_asked(
    plan: Plan, evidence: Evidence, traffic: str | None, span: tuple[int, int], operations: tuple[str, ...] = ()
) -> Iterable[tuple[str, float]]:
    """Routes that got no request in a span under a fault although requests were expected, with the expected number.

    The expected number comes from the second half of the window before the first fault, because users may request some routes only once, when they
    arrive. A traffic that sent no requests at all in the span has no such route.
    """
    for window in quiet_windows(evidence, traffic):
        under = samples_due(evidence, window.traffic, span)
        if not len(under):
            continue
        half = replace(window, start_ns=(window.start_ns + window.end_ns) // 2)
        ends_ns = max(w.end_ns for w in evidence.windows.values() if w.traffic == window.traffic)
        on = replace(window, start_ns=span[0], end_ns=min(span[1], ends_ns))
        times = planned_journeys(plan, on) / max(planned_journeys(plan, half), 1e-9)
        asked = rates_of(under, (), 1.0)
        for name, before in rates_of(half.samples.between("intended_ns", *half.span), operations, 1.0).items():
            if name.startswith(ROUTE) and name not in asked and before * times >= _EXPECTED:
                yield name.removeprefix(ROUTE), before * times


def answered_until_ns(evidence: Evidence, attempt: Experiment) -> int:
    """End of the attempt's effect, in ns: the restore; without a restore `known_until_ns`."""
    restore, sent_ns = attempt.restore, attempt.fault.sent_ns
    if restore.ok and restore.at_ns is not None:
        until_ns = restore.at_ns
    elif restore.ok is False and sent_ns is not None:
        until_ns = max(known_until_ns(evidence, attempt), attempt.observed_until_ns)
    else:
        until_ns = attempt.observed_until_ns
    return max(until_ns, sent_ns or until_ns)


def known_until_ns(evidence: Evidence, attempt: Experiment) -> int:
    """End of the records about this attempt, in ns: the next fault, the next rollout, or the end of its own traffic."""
    sent_ns = attempt.fault.sent_ns or attempt.observed_from_ns
    own = evidence.fault_window(attempt.name, attempt.attempt)
    windows = [window for window in evidence.windows.values() if own is None or window.traffic == own.traffic]
    later = [at_ns for at_ns in _sent(evidence) if at_ns > sent_ns]
    ends = [attempt.observed_until_ns, *(window.end_ns for window in windows)]
    return max(min([*later, max(ends)]), sent_ns)


def _sent(evidence: Evidence) -> Iterable[int]:
    """When each fault was sent, and each candidate of a rollout."""
    for attempts in evidence.experiments.values():
        yield from (attempt.fault.sent_ns for attempt in attempts if attempt.fault.sent_ns is not None)
    yield from (rollout.when_ns for rollout in evidence.every(RolloutStarted))
