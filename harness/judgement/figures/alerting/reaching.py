"""Alerts that are resolved after the recovery, and notices that reach their receiver: all of them, soon, and not too many."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import (
    ALERTS,
    FIRING,
    NOTICES,
    PER_S,
    PROMETHEUS,
    RECEIVER,
    UNDELIVERED,
    UNSENT,
    Fired,
    Trial,
    every_trial,
    failed_by_others,
    fired,
    labels_of,
    notices,
    trials,
    unsent,
    unsent_of,
)
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, Figures, because, inconclusive, measure, settled
from harness.judgement.receipts.fault import claimed_fault_receipt
from harness.judgement.receipts.hits import SCALED_DOWN, SCALED_DOWN_HINT, proven_hits
from harness.judgement.receipts.restore import restore_receipt
from harness.judgement.shapes.until import within
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, Hit, LimitRule, Measure, Outcome, Phase, ReasonKind
from harness.model.observations import NoticeReceived
from harness.units import NS_PER_S

_NONE: Final = "no alert fired in any of the faults"
_ALL_BRIEF: Final = "every alert that fired was resolved before its notice was due, and no notice came"
_LONGER: Final = "hold a fault for longer than the alert's `for` and the limit together, then run again"
_MATCH: Final = (
    "check in Prometheus that the rules are loaded and that their expressions match these faults, then run again"
)
_AGAIN: Final = "read the histories of alerts and notices, then run again"
_EARLY_NS: Final = 2 * NS_PER_S
"""A notice may reach its receiver so long before the alert is next read as firing, and a cluster's clock may be so far behind."""


def resolved(case: Case) -> Iterable[Measure]:
    """One measure per experiment of the run during which an alert fired, named or not: that which was resolved last decides."""
    name, limit_s = Figure.ALERTS_RESOLVED.value, case.scaled.in_unit("s")
    alerts, tried = fired(case.evidence), every_trial(case)
    if lacking := unsent_of(case, tried):
        yield inconclusive(case, name, UNSENT, unsent(*lacking))

    def of_its_alerts(trial: Trial) -> Iterable[Measure]:
        if mine := _last_of_each(trial, alerts, trial.restored_ns + round(limit_s * NS_PER_S)):
            yield _resolved(case, trial, mine, limit_s)

    found = [one for trial in tried for one in of_its_alerts(trial)]
    yield from found
    if not found:
        yield inconclusive(case, name, _NONE, _MATCH)
    yield from failed_by_others(case, of_its_alerts)


def _last_of_each(trial: Trial, alerts: Iterable[Fired], until_ns: int) -> list[Fired]:
    """Of the alerts that began to fire from the fault until then, or the next fault, each that fired last under its labels.

    One that comes back after the restore, or comes only then, was not resolved by the recovery.
    """
    until_ns = min(until_ns, trial.known_ns)
    mine = [one for one in alerts if trial.sent_ns <= one.at_ns < until_ns and one.since_ns is not None]
    return list({one.labels: one for one in mine}.values())


def _resolved(case: Case, trial: Trial, mine: list[Fired], limit_s: float) -> Measure:
    attempt = trial.attempt

    def after_s(at_ns: int) -> float:
        return max(at_ns - trial.restored_ns, 0) / NS_PER_S

    def least_s(one: Fired) -> float:
        return after_s(trial.known_ns if one.there_ns is None else min(one.there_ns, trial.known_ns))

    def most_s(one: Fired) -> float:
        return after_s(trial.known_ns if one.resolved_ns is None else one.resolved_ns)

    last = max(mine, key=lambda one: (one.resolved_ns is None, least_s(one) >= limit_s, most_s(one)))
    low_s, late_s = least_s(last), most_s(last)
    ended = last.resolved_ns is not None and last.resolved_ns <= trial.known_ns
    outcome = within(limit_s, low=low_s, high=late_s if ended else None, watched=low_s)
    if ended:
        text = f"of {len(mine)} alerts the last, {last.text}, was resolved {formatted(late_s, 's')} after the recovery"
    else:
        text = f"{last.text} was not resolved in the {formatted(low_s, 's')} that were watched after the recovery"
    receipts = {
        "restore": restore_receipt(case.evidence, attempt),
        "watch": watched(case.evidence, "alerts", [(trial.restored_ns, trial.restored_ns + round(limit_s * NS_PER_S))]),
    }
    kind = ReasonKind.NO_RECORD if outcome is Outcome.INCONCLUSIVE else None
    expected = case.expected.replace("below", "within")
    own = because(outcome, f"{attempt.name}: {text}, expected {expected}", _AGAIN, kind=kind)
    outcome, reason = settled(outcome, own, receipts, ("restore", "watch"))
    figures = Figures(
        value=late_s if ended else None,
        low=low_s,
        high=late_s if ended else None,
        scaled_limit=limit_s,
        n=len(mine),
        unit="s",
        resolution=1 / PER_S,
        method="from the restore to the first answer of Prometheus without the alert",
        receipts=receipts,
        files=(*attempt.files, ALERTS),
    )
    return measure(
        case, Figure.ALERTS_RESOLVED.value, outcome, reason, scope={"experiment": attempt.name}, figures=figures
    )


def delivered(case: Case) -> Iterable[Measure]:
    """One measure per experiment of the run, named or not: the alert whose notice came last, counted from the moment at which it fired.

    An alert that was resolved within the limit, and of which no notice came, is left out: Alertmanager sends none of what is over when its
    `group_wait` ends.
    """
    name, limit_s = Figure.ALERTS_DELIVERED.value, case.scaled.in_unit("s")
    alerts, told, tried = fired(case.evidence), notices(case.evidence), every_trial(case)
    if lacking := unsent_of(case, tried):
        yield inconclusive(case, name, UNSENT, unsent(*lacking))

    def of_its_alerts(trial: Trial) -> Iterable[Measure]:
        took = {one: _arrived_s(one, told, alerts, trial.sent_ns) for one in trial.during(alerts)}
        due = {one: seconds for one, seconds in took.items() if seconds is not None or not _brief(one, limit_s)}
        if due:
            yield _delivered(case, trial, due)

    found = [one for trial in tried for one in of_its_alerts(trial)]
    yield from found
    if not found:
        was_any = any(trial.during(alerts) for trial in tried)
        yield inconclusive(case, name, *((_ALL_BRIEF, _LONGER) if was_any else (_NONE, _MATCH)))
    yield from failed_by_others(case, of_its_alerts)


def _brief(one: Fired, limit_s: float) -> bool:
    """Whether an alert was certainly resolved within the limit."""
    return one.since_ns is not None and (one.resolved_ns or 2**62) - one.since_ns < limit_s * NS_PER_S


def _arrived_s(one: Fired, told: Iterable[NoticeReceived], alerts: Collection[Fired], sent_ns: int) -> float | None:
    """From firing, as Prometheus says, to the receiver, negative where their clocks differ; None: no notice of it came.

    A notice has the labels of its alert and the `external_labels` of Prometheus. It is of the alert with the most labels that it has: not of
    this one, where it has all of another one that has more.

    It began under the fault, and after an alert with these labels was last there before: how long before this one was read as firing says nothing.
    Of two replicas of Prometheus one may evaluate its rules up to an interval sooner, and Alertmanager keeps the earlier start. One that says
    that it began after the alert was read as firing is counted from that reading, but for what clocks may differ.
    """
    until_ns = (one.resolved_ns or 2**62) + _EARLY_NS
    more = [other.labels for other in alerts if one.labels < other.labels]
    over = [other.there_ns for other in alerts if other.labels == one.labels and other.at_ns < one.at_ns]
    earliest_ns = max([sent_ns - _EARLY_NS, *(each for each in over if each is not None)])
    found: list[tuple[int, float]] = []
    for notice in told:
        for alert in notice.alerts:
            began_ns, labels = int(alert.get("starts_ns", 0)), labels_of(alert)
            same = one.labels <= labels and not any(others <= labels for others in more)
            fresh = began_ns > earliest_ns and notice.when_ns < until_ns
            if same and fresh and alert.get("status") == FIRING:
                since_ns = min(began_ns, one.at_ns + _EARLY_NS)
                found.append((len(labels - one.labels), (notice.when_ns - since_ns) / NS_PER_S))
    # the first that came of those with the fewest labels beyond its own
    return min(found, key=lambda each: each[0])[1] if found else None


def _delivered(case: Case, trial: Trial, took: Mapping[Fired, float | None]) -> Measure:
    limit_s, attempt = case.scaled.in_unit("s"), trial.attempt
    missing = [one for one, seconds in took.items() if seconds is None]
    longest_s = max((seconds for seconds in took.values() if seconds is not None), default=None)
    if missing:
        waited_s = min((trial.known_ns - one.at_ns) / NS_PER_S for one in missing)
        outcome = within(limit_s, low=None, high=None, watched=waited_s)
        text = f"no notice of {missing[0].text} came"
    elif any(seconds is not None and seconds * NS_PER_S < -_EARLY_NS for seconds in took.values()):
        outcome = Outcome.INCONCLUSIVE
        text = "a notice came before its alert began to fire: the clocks of Prometheus and the receiver differ"
    else:
        outcome = within(limit_s, low=None, high=longest_s, watched=limit_s)
        text = f"notices of {len(took)} alerts came within {formatted(max(longest_s or 0.0, 0.0), 's')}"
    # after the restore an alert is no longer one of those whose notices are expected
    until_ns = trial.restored_ns if outcome is Outcome.PASS else trial.known_ns
    read = [
        watched(case.evidence, "notices", [(trial.sent_ns, trial.known_ns)]),
        watched(case.evidence, "alerts", [(trial.sent_ns, until_ns)]),
    ]
    receipts = {"watch": next((each for each in read if not each.ok), read[0])}
    kind = ReasonKind.NO_RECORD if outcome is Outcome.INCONCLUSIVE else None
    expected = case.expected.replace("below", "within")
    own = because(outcome, f"{attempt.name}: {text}, expected {expected}", _AGAIN, kind=kind)
    outcome, reason = settled(outcome, own, receipts, ("watch",))
    figures = Figures(
        value=None if missing else longest_s,
        scaled_limit=limit_s,
        n=len(took),
        unit="s",
        method="from the moment at which the alert fires, as its notice says, to its arrival, as the receiver says",
        receipts=receipts,
        files=(*attempt.files, ALERTS, NOTICES),
    )
    return measure(
        case, Figure.ALERTS_DELIVERED.value, outcome, reason, scope={"experiment": attempt.name}, figures=figures
    )


def grouped(case: Case) -> Iterable[Measure]:
    """One measure per experiment: how many notices of firing alerts it sent, and what the first one names."""
    name, tried = Figure.NOTICES.value, trials(case)
    if len(tried) < len(case.experiments):
        yield inconclusive(case, name, UNSENT, unsent(*unsent_of(case, tried)))

    def of_its_notices(trial: Trial) -> Iterable[Measure]:
        if mine := [one for one in notices(case.evidence, trial.sent_ns, trial.known_ns) if one.status == FIRING]:
            yield _grouped(case, trial, mine)

    found = [one for trial in tried for one in of_its_notices(trial)]
    yield from found
    if not found:
        yield inconclusive(case, name, "no fault sent a notice", UNDELIVERED)
    yield from failed_by_others(case, of_its_notices)


def _grouped(case: Case, trial: Trial, mine: list[NoticeReceived]) -> Measure:
    attempt, most = trial.attempt, int(case.objective.params["most"])
    words = " ".join(_words(mine[0]))
    parts = {attempt.domain, *_parts(proven_hits(case.evidence, attempt))} - {""}
    names = _named(parts, words)
    unproven = [] if names else _named(_parts(attempt.fault.hit), words)
    outcome = Outcome.PASS if names else Outcome.INCONCLUSIVE if unproven else Outcome.FAIL
    first = f"names {', '.join(names)}" if names else f"names none of {', '.join(sorted(parts))}: {words}"
    if unproven:
        first = f"names only {', '.join(unproven)}, {SCALED_DOWN}"
    if len(mine) > most:
        outcome = Outcome.FAIL
    undecided = outcome is Outcome.INCONCLUSIVE
    receipts = {
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "watch": watched(case.evidence, "notices", [(trial.sent_ns, trial.known_ns)]),
    }
    text = f"{attempt.name}: {len(mine)} notices of firing alerts came, the first {first}, expected at most {most}"
    own = because(outcome, text, SCALED_DOWN_HINT, kind=ReasonKind.FAULT) if undecided else because(outcome, text)
    outcome, reason = settled(outcome, own, receipts)
    figures = Figures(
        value=float(len(mine)) if names else None,  # no number of notices makes up for what they do not name
        n=len(mine),
        method="notices of status firing from the fault to the next one; labels and texts of the first",
        receipts=receipts,
        files=(*attempt.files, NOTICES),
    )
    scope = {"experiment": attempt.name}
    return measure(case, Figure.NOTICES.value, outcome, reason, scope=scope, figures=figures, limit=f"at most {most}")


def _parts(hits: Iterable[Hit]) -> set[str]:
    return {word for hit in hits for word in (hit.name, hit.workload, hit.namespace, hit.region)} - {""}


def _named(parts: Iterable[str], words: str) -> list[str]:
    return sorted(part for part in parts if re.search(rf"(?<![\w-]){re.escape(part)}(?!\w)", words))


def _words(notice: NoticeReceived) -> Iterable[str]:
    for alert in notice.alerts:
        for key in ("labels", "annotations"):
            texts = alert.get(key)
            yield from map(str, texts.values()) if isinstance(texts, Mapping) else ()


_FILES: Final = ("history/alerts.", "history/notices.", "history/watch.", "history/chaos-")

RESOLVED: Final = Spec(
    figure=Figure.ALERTS_RESOLVED,
    judge=resolved,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: _FILES,
    needs=lambda _objective: (PROMETHEUS,),
    afterwards=lambda objective, scale: objective.limit.at_scale(scale).base,
    rates={"alerts": PER_S},
    timed=True,
)
DELIVERED: Final = Spec(
    figure=Figure.ALERTS_DELIVERED,
    judge=delivered,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: _FILES,
    needs=lambda _objective: (PROMETHEUS, RECEIVER),
    rates={"alerts": PER_S},
    timed=True,
)
GROUPED: Final = Spec(
    figure=Figure.NOTICES,
    judge=grouped,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: _FILES,
    needs=lambda _objective: (RECEIVER,),
    timed=True,
)
