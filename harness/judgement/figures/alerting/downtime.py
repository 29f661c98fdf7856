"""The text of an alert on a database that is down: it must name the database, and for how long it has been down."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import (
    FIRING,
    NOTICES,
    RECEIVER,
    UNDELIVERED,
    Trial,
    name_of,
    notices,
    text_of,
    trial_by,
)
from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.recovery.recovered import recovery_in
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.hits import primary_at
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Experiment, Figure, LimitRule, Measure, Phase, ReasonKind
from harness.units import NS_PER_MS, NS_PER_S

_PRODUCT: Final = "PostgreSQL"
"""The only database that a target has; the document's own text calls it so."""
_UNITS: Final[Mapping[str, float]] = {
    "ms": 1e-3,
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
}
_PART: Final = rf"(\d+(?:\.\d+)?) ?({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?!\w)"
_PARTS: Final = re.compile(_PART)
_LENGTH: Final = re.compile(rf"(?<![\w.:-]){_PART}(?:(?:, | and |,| )?{_PART})*")
_SOONER: Final = "let Alertmanager send this alert sooner (`group_wait`), then run again"
_SAME_NS: Final = NS_PER_MS
"""Allowed difference between the starts of one alert in several notices, which are converted between clocks each time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertText:
    """The text of one alert in one notice.

    Attributes:
        text: annotations of the alert.
        starts_ns: time at which the alert began to fire, from Prometheus.
        at_ns: time at which the notice arrived.
    """

    text: str
    starts_ns: int
    at_ns: int


def downtime(case: Case) -> Iterable[Measure]:
    """One measure per experiment: the notice whose text differs most from the measured downtime."""
    alert = case.objective.params["alert"]
    nothing = (f"{{experiment}}: no notice of the firing alert {alert} arrived during the fault", UNDELIVERED)
    of, judged = {"alert": alert}, partial(_of_attempt, case)
    yield from of_each_attempt(case, Figure.ALERT_DOWNTIME.value, judged, add=UNDELIVERED, nothing=nothing, of=of)


def _of_attempt(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    trial = trial_by(case.evidence, attempt)
    if trial is not None and (told := _first_alert(case, trial)):
        yield _compared(case, trial, told, scope)


def _first_alert(case: Case, trial: Trial) -> list[AlertText]:
    """The texts of the alert that began to fire first after the fault, before writes were served again: a later one is about another time without a primary."""
    name = case.objective.params["alert"]
    found = [
        AlertText(text=text_of(alert), starts_ns=int(alert.get("starts_ns", 0)), at_ns=notice.when_ns)
        for notice in notices(case.evidence, trial.sent_ns, trial.restored_ns)
        for alert in notice.alerts
        if alert.get("status") == FIRING and name_of(alert) == name
    ]
    fresh = [one for one in found if trial.sent_ns <= one.starts_ns <= _served_ns(case, trial)]
    first_ns = min((one.starts_ns for one in fresh), default=0)
    return [one for one in fresh if one.starts_ns <= first_ns + _SAME_NS]


def _served_ns(case: Case, trial: Trial) -> float:
    """Latest time at which writes were served again; infinite where that is not known."""
    writes = recovery_in(case.plan, case.evidence, trial.attempt, "writes")
    if writes is None or writes.seconds is None or writes.latest_s is None:
        return math.inf
    return trial.sent_ns + (max(writes.seconds, writes.latest_s) + writes.resolution_s) * NS_PER_S


def _compared(case: Case, trial: Trial, told: list[AlertText], scope: Mapping[str, str]) -> Measure:
    """The measure of the worst text: one without a name or a time, else the one that differs most."""
    attempt, limit_s = trial.attempt, case.scaled.in_unit("s")
    primary = [hit for hit in attempt.fault.hit if hit.name in primary_at(case.evidence, trial.sent_ns)]
    names = {_PRODUCT, *(word for hit in primary for word in (hit.name, hit.workload) if word)}
    worst = max(told, key=lambda one: (_wrong(one, names) != "", _differences(trial, one)))
    wrong, (low, high) = _wrong(worst, names), _differences(trial, worst)
    least_s, most_s = _since(trial, worst.at_ns)
    stated = f"the text of a notice {wrong}: {worst.text}"
    if not wrong:
        stated = (
            f"the text of a notice names the database and {formatted(_stated_s(worst.text) or 0.0, 's')}; when it arrived the primary "
            f"had been down for {formatted(least_s, 's')} to {formatted(most_s, 's')}"
        )
    found = Amount(
        low=low,
        high=high,
        text=f"{scope['alert']}, {attempt.name}: {stated}",
        expected=f"the name of the database and its downtime within {formatted(limit_s, 's')}",
        unit="s",
        scope=scope,
        shows=not wrong,
        broken=bool(wrong),
        unknown="" if primary else "the primary of the database was not hit",
        between="the text was right when the alert began to fire and may no longer be so when its notice arrived",
        hint=_SOONER if primary else "",
        kind=ReasonKind.RESOLUTION if primary else ReasonKind.FAULT,
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "watch": watched(case.evidence, "notices", [(trial.sent_ns, trial.restored_ns)]),
        },
        needs=("fault",),
        method="the first length of time in the annotations of each notice, as its receiver recorded it, and the time from the fault to its arrival",
        files=(*attempt.files, NOTICES),
        n=len(told),
    )
    return amount(case, found)


def _wrong(told: AlertText, names: Iterable[str]) -> str:
    """What a text lacks; empty: nothing."""
    if not any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", told.text, re.IGNORECASE) for name in names):
        return "does not name the database"
    return "" if _stated_s(told.text) is not None else "names no length of time"


def _stated_s(text: str) -> float | None:
    """The first length of time in a text in seconds, such as `1m 15s` or `2 minutes`; None: the text names no length of time."""
    seen = _LENGTH.search(text)
    return None if seen is None else sum(float(n) * _UNITS[unit] for n, unit in _PARTS.findall(seen[0]))


def _since(trial: Trial, at_ns: int) -> tuple[float, float]:
    """Least and longest time in seconds for which the primary was down at a moment: it died between the action and its confirmation."""
    confirmed_ns = trial.attempt.fault.confirmed_ns or at_ns
    return max(at_ns - confirmed_ns, 0) / NS_PER_S, (at_ns - trial.sent_ns) / NS_PER_S


def _differences(trial: Trial, told: AlertText) -> tuple[float, float]:
    """Least and greatest difference in seconds between the stated and the measured downtime.

    The text was written between the start of the alert and the arrival of its notice: the least difference is that of the best of these moments, the
    greatest is that at the arrival.
    """
    stated_s = _stated_s(told.text) or 0.0
    (earliest_s, _), (least_s, most_s) = _since(trial, told.starts_ns), _since(trial, told.at_ns)
    nearest = max(earliest_s - stated_s, stated_s - most_s, 0.0)
    return nearest, max(abs(stated_s - least_s), abs(stated_s - most_s))


DOWNTIME: Final = Spec(
    figure=Figure.ALERT_DOWNTIME,
    judge=downtime,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/notices.", "history/pods.", "history/watch.", "history/chaos-"),
    needs=lambda _objective: (RECEIVER,),
    timed=True,
)
