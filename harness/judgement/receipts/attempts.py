"""Attempts at experiments: which one counts, which were sent, and how long each had effect."""

from __future__ import annotations

from collections.abc import Iterable

from harness.judgement.receipts.fault import fault_receipt
from harness.judgement.receipts.restore import undone
from harness.model import SAMPLES, Evidence, Experiment, Plan, Table, Window, fault_free_name
from harness.model.observations import RolloutStarted, every


def counted_attempt(plan: Plan, evidence: Evidence, name: str, traffic: str | None = None) -> Experiment | None:
    """The attempt that counts, chosen by its receipts before any of its figures is read.

    The last one whose fault receipt is ok and that left the target as before, else the last one whose fault receipt is ok, else the last one:
    of those under the traffic that is asked for, where there is one.
    """
    attempts = _under(evidence, name, traffic) or evidence.experiments.get(name, ())
    in_place = [a for a in attempts if fault_receipt(plan, evidence, a).ok]
    restored = [a for a in in_place if undone(a)[0]]
    return next((group[-1] for group in (restored, in_place, attempts) if group), None)


def _under(evidence: Evidence, name: str, traffic: str | None) -> tuple[Experiment, ...]:
    """The attempts whose fault went in under a traffic; all of them where none is asked for."""
    attempts = evidence.experiments.get(name, ())
    if traffic is None:
        return tuple(attempts)
    windows = [(attempt, evidence.fault_window(name, attempt.attempt)) for attempt in attempts]
    return tuple(attempt for attempt, window in windows if window is not None and window.traffic == traffic)


def harmful_attempts(plan: Plan, evidence: Evidence, name: str, traffic: str | None = None) -> tuple[Experiment, ...]:
    """The other attempts whose action was sent, whatever the traffic: they can only fail an objective."""
    counted = counted_attempt(plan, evidence, name, traffic)
    return tuple(a for a in evidence.experiments.get(name, ()) if a is not counted and a.fault.sent_ns is not None)


def quiet_windows(evidence: Evidence, traffic: str | None) -> tuple[Window, ...]:
    """The window before the first fault of each traffic, or of one traffic."""
    return tuple(w for w in evidence.fault_free(traffic) if w.name == fault_free_name(w.traffic))


def samples_due(evidence: Evidence, traffic: str | None, span: tuple[int, int]) -> Table:
    """The requests of a traffic that were due in a span, in any window."""
    windows = [w for w in evidence.windows.values() if traffic in (None, w.traffic)]
    near = [w for w in windows if w.start_ns < span[1] and w.end_ns > span[0]]
    return Table.merged(SAMPLES, [window.samples.between("intended_ns", *span) for window in near])


def answered_until_ns(evidence: Evidence, attempt: Experiment) -> int:
    """End of the attempt's effect: the restore, or `known_until_ns` if there was no restore."""
    restore, sent_ns = attempt.restore, attempt.fault.sent_ns
    if restore.ok and restore.at_ns is not None:
        until_ns = restore.at_ns
    elif restore.ok is False and sent_ns is not None:
        until_ns = max(known_until_ns(evidence, attempt), attempt.observed_until_ns)
    else:
        until_ns = attempt.observed_until_ns
    return max(until_ns, sent_ns or until_ns)


def known_until_ns(evidence: Evidence, attempt: Experiment) -> int:
    """End of what shows this attempt: the next action sent, the next rollout started, or the end of its own traffic."""
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
    yield from (rollout.when_ns for rollout in every(RolloutStarted, evidence.observations))
