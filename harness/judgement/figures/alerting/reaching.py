"""Alerts that are resolved after the recovery, and notices that reach their receiver: every notice, soon, and not too many."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import (
    ALERTS,
    FIRING,
    NOTICES,
    OF_ATTACKS,
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
    untried,
)
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.hits import SCALED_DOWN, SCALED_DOWN_HINT, proven_hits
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.shapes.until import Effect, until
from harness.model import ONLY_BELOW, Figure, Hit, LimitRule, Measure, Outcome, Phase, ReasonKind
from harness.model.observations import NoticeReceived
from harness.units import NS_PER_S

_NONE: Final = "no alert fired during a fault, expected at least one"
_ALL_BRIEF: Final = "every alert was resolved before its notice was due, and no notice arrived"
_LONGER: Final = "let the fault last longer than the `for` of the alert plus the limit (`at_least_s` of the activity `hold`), then run again"
_MATCH: Final = (
    "make sure that the rules are loaded in Prometheus and that their expressions match these faults, then run again"
)
_AGAIN: Final = "see history/alerts.ndjson and history/notices.ndjson, then run again"
_CLOCKS: Final = "a notice arrived before its alert fired, so the clocks of Prometheus and the receiver differ"
_NEVER: Final = 2**62
_EARLY_NS: Final = 2 * NS_PER_S
"""Allowed time in ns from a notice at the receiver to the next reading of its firing alert; also the allowed clock difference of a cluster."""


def resolved(case: Case) -> Iterable[Measure]:
    """One measure per experiment of the run during which an alert fired: the last alert that was resolved decides."""
    name, limit_s = Figure.ALERTS_RESOLVED.value, case.scaled.in_unit("s")
    alerts, tried = fired(case.evidence), every_trial(case)
    yield from untried(case, name, tried)

    def of_its_alerts(trial: Trial) -> Iterable[Measure]:
        if mine := _last_of_each(trial, alerts, trial.restored_ns + round(limit_s * NS_PER_S)):
            yield _resolved(case, trial, mine)

    found = [one for trial in tried for one in of_its_alerts(trial)]
    yield from found
    if not found:
        yield inconclusive(case, name, _NONE, _MATCH)
    yield from failed_by_others(case, of_its_alerts)


def _last_of_each(trial: Trial, alerts: Iterable[Fired], until_ns: int) -> list[Fired]:
    """The last alert of each set of labels, of alerts that began to fire between the fault and `until_ns` or the next fault.

    An alert that comes back after the restore, or fires only then, was not resolved by the recovery.
    """
    until_ns = min(until_ns, trial.known_ns)
    mine = [one for one in alerts if trial.sent_ns <= one.at_ns < until_ns and one.since_ns is not None]
    return list({one.labels: one for one in mine}.values())


def _resolved(case: Case, trial: Trial, mine: list[Fired]) -> Measure:
    """The measure of the time from the restore until the last of these alerts was resolved."""
    attempt, limit_ns = trial.attempt, round(case.scaled.in_unit("s") * NS_PER_S)

    def until_ns(at_ns: int | None) -> int:
        return min(at_ns or trial.known_ns, trial.known_ns)

    def after_s(at_ns: int | None) -> float:
        return max(until_ns(at_ns) - trial.restored_ns, 0) / NS_PER_S

    due_ns = trial.restored_ns + limit_ns
    last = max(mine, key=lambda one: (one.resolved_ns is None, until_ns(one.there_ns) >= due_ns, one.resolved_ns or 0))
    low = after_s(last.there_ns)
    found = Effect(
        low=low,
        high=after_s(last.resolved_ns) if (last.resolved_ns or _NEVER) <= trial.known_ns else None,
        watched=low,
        names={"attempt": attempt.name, "n": len(mine), "alert": last.text},
        scope={"experiment": attempt.name},
        receipts={
            "restore": restore_receipt(case.evidence, attempt),
            "watch": watched(case.evidence, "alerts", [(trial.restored_ns, due_ns)]),
        },
        needs=("restore", "watch"),
        method="from the restore to the first answer of Prometheus without the alert",
        files=(*attempt.files, ALERTS),
        n=len(mine),
        resolution=1 / PER_S,
        hint=_AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return until(case, found)


def delivered(case: Case) -> Iterable[Measure]:
    """One measure per experiment of the run: the alert with the latest notice decides, counted from the time the alert fired.

    An alert that was resolved within the limit without a notice is left out, since Alertmanager sends no notice of an alert that is over when
    its `group_wait` ends.
    """
    name, limit_s = Figure.ALERTS_DELIVERED.value, case.scaled.in_unit("s")
    alerts, told, tried = fired(case.evidence), notices(case.evidence), every_trial(case)
    yield from untried(case, name, tried)

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
    return one.since_ns is not None and (one.resolved_ns or _NEVER) - one.since_ns < limit_s * NS_PER_S


def _arrived_s(one: Fired, told: Iterable[NoticeReceived], alerts: Collection[Fired], sent_ns: int) -> float | None:
    """Seconds from an alert's start in Prometheus to the arrival of its notice; negative if their clocks differ; None: no notice arrived.

    A notice has the labels of its alert and the `external_labels` of Prometheus. It belongs to the alert with the most labels that are all in
    the notice. So it does not belong to this alert if the notice also has all labels of another alert with more labels.

    According to the notice, the alert must have begun during the fault and after the last earlier alert with these labels. Of two replicas of
    Prometheus one may evaluate its rules an interval earlier, and Alertmanager keeps the earlier start, so the time between that start and the
    reading does not matter. If the notice names a start after the alert was read as firing, the time counts from that reading, apart from a tolerance for clocks.
    """
    until_ns = (one.resolved_ns or _NEVER) + _EARLY_NS
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
    # the first to arrive of the notices with the fewest additional labels
    return min(found, key=lambda each: each[0])[1] if found else None


def _delivered(case: Case, trial: Trial, took: Mapping[Fired, float | None]) -> Measure:
    """The measure of the time from the start of each of these alerts to its notice.

    Alerts that fire after the restore need no notice. For a FAIL the alerts must have been read until the next fault, as an alert without a
    notice may have been resolved before its notice was due.
    """
    found = until(case, _to_notice(case, trial, took, trial.restored_ns))
    return found if found.outcome is Outcome.PASS else until(case, _to_notice(case, trial, took, trial.known_ns))


def _to_notice(case: Case, trial: Trial, took: Mapping[Fired, float | None], until_ns: int) -> Effect:
    attempt, missing = trial.attempt, [one for one, seconds in took.items() if seconds is None]
    known = [seconds for seconds in took.values() if seconds is not None]
    longest_s = max(known, default=0.0)
    read = [
        watched(case.evidence, "notices", [(trial.sent_ns, trial.known_ns)]),
        watched(case.evidence, "alerts", [(trial.sent_ns, until_ns)]),
    ]
    early = not missing and min(known, default=0.0) * NS_PER_S < -_EARLY_NS
    return Effect(
        high=None if missing else longest_s,
        watched=min(((trial.known_ns - one.at_ns) / NS_PER_S for one in missing), default=0.0),
        names={
            "attempt": attempt.name,
            "n": len(took),
            "alert": missing[0].text if missing else "",
            "longest": max(longest_s, 0.0),
        },
        scope={"experiment": attempt.name},
        receipts={"watch": next((each for each in read if not each.ok), read[0])},
        needs=("watch",),
        method="from the start of the alert, as named in its notice, to the arrival of the notice at the receiver",
        files=(*attempt.files, ALERTS, NOTICES),
        n=len(took),
        unknown=_CLOCKS if early else "",
        hint=_AGAIN,
        kind=ReasonKind.NO_RECORD,
    )


def grouped(case: Case) -> Iterable[Measure]:
    """One measure per experiment: the number of notices of firing alerts, apart from those on attacks, and the names in the first notice."""
    name, tried = Figure.NOTICES.value, trials(case)
    if len(tried) < len(case.experiments):
        yield inconclusive(case, name, UNSENT, unsent(*unsent_of(case, tried)))

    def of_its_notices(trial: Trial) -> Iterable[Measure]:
        told = notices(case.evidence, trial.sent_ns, trial.known_ns)
        if mine := [one for one in told if one.status == FIRING and not _is_of_attacks(one)]:
            yield _grouped(case, trial, mine)

    found = [one for trial in tried for one in of_its_notices(trial)]
    yield from found
    if not found:
        yield inconclusive(
            case, name, "no notice of a firing alert arrived during a fault, expected at least one", UNDELIVERED
        )
    yield from failed_by_others(case, of_its_notices)


def _grouped(case: Case, trial: Trial, mine: list[NoticeReceived]) -> Measure:
    attempt, most = trial.attempt, int(case.objective.params["most"])
    words = " ".join(_words(mine[0]))
    parts = {attempt.domain, *_parts(proven_hits(case.evidence, attempt))} - {""}
    names = _named(parts, words)
    unproven = [] if names else _named(_parts(attempt.fault.hit), words)
    first = f"names {', '.join(names)}" if names else f"does not name any of {', '.join(sorted(parts))}: {words}"
    if unproven:
        first = f"names only {', '.join(unproven)}"
    found = Things(
        bad=max(len(mine) - most, 0) + (not names and not unproven),
        n=len(mine),
        text=f"{attempt.name}: {len(mine)} notices of firing alerts arrived, expected at most {most}; the first notice {first}",
        scope={"experiment": attempt.name},
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "watch": watched(case.evidence, "notices", [(trial.sent_ns, trial.known_ns)]),
        },
        gaps=(
            Gap(
                f"the first notice names only pods {SCALED_DOWN}" if unproven else "",
                SCALED_DOWN_HINT,
                ReasonKind.FAULT,
            ),
        ),
        value=float(len(mine)) if names else None,  # a missing name fails whatever the number of notices is
        mixed=True,
        scaled_limit=None,
        said=f"at most {most}",
        method="number of notices of firing alerts that the receiver recorded from the fault to the next fault; labels and texts of the first notice",
        files=(*attempt.files, NOTICES),
    )
    return every_one(case, found)


def _is_of_attacks(one: NoticeReceived) -> bool:
    parts = [(alert.get("labels") or {}).get("part") for alert in one.alerts]
    return bool(parts) and all(part == OF_ATTACKS for part in parts)


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
