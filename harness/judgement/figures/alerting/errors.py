"""An alert at two shares of failed answers: it must fire at the first, stay silent at the second, and name the share in its text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.figures.alerting.firing import after
from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import (
    ALERTS,
    FIRING,
    NOTICES,
    PER_S,
    PROMETHEUS,
    RECEIVER,
    UNDELIVERED,
    Fired,
    Trial,
    could_not_fire,
    failed_by_others,
    fired,
    name_of,
    notices,
    rules,
    text_of,
    trials,
)
from harness.judgement.figures.indicators import failed
from harness.judgement.figures.spec import Basis, Spec, until_spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.attempts import samples_due
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.wording import formatted
from harness.model import Figure, LimitRule, Measure, Op, Phase, Quantity, ReasonKind, Receipt
from harness.units import NS_PER_S

_AGAIN: Final = "see history/alerts.ndjson for the times of the alerts, then run again"
_SHARE: Final = "correct the share of failing answers in the experiment file, then run again"
_POINTS: Final = 0.01
_ERRORS: Final = 3.0
"""Allowed difference between the measured and the expected share of failed requests.

One percentage point, or three standard errors for that number of independent requests if that is more. With a thousand requests at 10 % the
measured share differs by more than a point in 29 of 100 runs."""
_ROUNDING: Final = 1e-9
_RATE: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) ?%")
_FEWEST: Final = 100
"""Least number of requests for a share."""


def at_errors(case: Case) -> Iterable[Measure]:
    """One measure per experiment: the alert fires if the first share of the answers failed, and is silent if the second share failed."""
    name, params = Figure.ALERT_AT_ERRORS.value, case.objective.params
    levels = {key: Quantity.parse(params[key]).base for key in ("fails", "quiet")}
    alerts = [one for one in fired(case.evidence) if one.name == params["alert"]]

    def at_its_share(trial: Trial) -> Iterable[Measure]:
        share, n = _failed_share(case, trial)
        level = min(levels, key=lambda key: abs(levels[key] - share))
        fault = _fault(case, trial, levels[level], share, n)
        scope = {"experiment": trial.attempt.name, "alert": params["alert"], "failed": params[level]}
        fires = level == "fails"
        yield after(case, trial, alerts, scope, fault) if fires else _silent(case, trial, alerts, scope, fault)

    found = [one for trial in trials(case) for one in at_its_share(trial)]
    for key in levels:
        mine = [one for one in found if one.scope["failed"] == params[key]]
        yield from mine
        if not mine:
            why = f"no experiment made {params[key]} of the answers fail"
            yield inconclusive(case, name, why, _SHARE, scope={"alert": params["alert"], "failed": params[key]})
    yield from failed_by_others(case, at_its_share)


def _span(trial: Trial) -> tuple[int, int]:
    fault = trial.attempt.fault
    return fault.confirmed_ns or trial.sent_ns, fault.undone_ns or trial.restored_ns


def _failed_share(case: Case, trial: Trial) -> tuple[float, int]:
    """The share of the users' requests that failed while the fault was active, and the number of requests."""
    rows = samples_due(case.evidence, case.objective.scope.traffic, _span(trial))
    return (float(failed(rows).mean()) if len(rows) else 0.0), len(rows)


def _fault(case: Case, trial: Trial, level: float, share: float, n: int) -> Receipt:
    """The fault receipt; not ok if the share of failed requests differs from the share in the sentence."""
    receipt = claimed_fault_receipt(case.plan, case.evidence, trial.attempt, case.objective)
    if not receipt.ok:
        return receipt
    why = f"{trial.attempt.name}: {formatted(share, 'ratio')} of {n} requests failed"
    error = math.sqrt(level * (1 - level) / n) if n else 0.0
    ok = n >= _FEWEST and abs(share - level) <= max(_POINTS, _ERRORS * error) + _ROUNDING
    return Receipt(
        ok=ok, why=why if ok else f"{why}, expected about {formatted(level, 'ratio')}", hint=_SHARE, files=receipt.files
    )


def _silent(case: Case, trial: Trial, alerts: list[Fired], scope: Mapping[str, str], fault: Receipt) -> Measure:
    sent_ns = trial.sent_ns
    quiet_s = case.objective.times["silent for"].at_scale(case.plan.time_scale).in_unit("s")
    until_ns = trial.attempt.fault.undone_ns or trial.restored_ns
    held_s, mine = (until_ns - sent_ns) / NS_PER_S, trial.during(alerts)
    what = f"the alert was silent for {formatted(held_s, 's')}"
    if mine:
        what = f"the alert fired {formatted((mine[0].at_ns - sent_ns) / NS_PER_S, 's')} after the fault"
    watch = watched(case.evidence, "alerts", [(sent_ns, until_ns)])
    if scope["alert"] not in rules(case.evidence):
        watch = Receipt(
            ok=False,
            why=f"the rule {scope['alert']} was not loaded in Prometheus",
            hint="load the alert rules into Prometheus, then run again",
        )
    elif not mine:
        watch = could_not_fire(case.evidence, [(sent_ns, until_ns)], frozenset({scope["alert"]})) or watch
    found = Amount(
        low=held_s,
        high=math.inf,  # the silence lasted at least for this time
        value=None if mine else held_s,
        text=f"{scope['alert']}, {trial.attempt.name}: {what} while {scope['failed']} of the answers failed",
        expected=f"silence for {formatted(quiet_s, 's')}",
        limit=quiet_s,
        op=Op.AT_LEAST,
        unit="s",
        scope=scope,
        receipts={"fault": fault, "watch": watch},
        needs=("fault", "watch"),
        said="silent",
        broken=bool(mine),
        unknown=trial.fired_before(alerts),
        method="the alerts that Prometheus reported as firing from the fault to its undo",
        files=(*trial.attempt.files, ALERTS),
        n=len(mine),
        hint=_AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return amount(case, found)


def text(case: Case) -> Iterable[Measure]:
    """One measure per experiment that caused notices of the alert: the notice whose text is furthest from the expected share."""
    name, alert, limit = Figure.ALERT_TEXT.value, case.objective.params["alert"], case.objective.limit

    def of_its_notices(trial: Trial) -> Iterable[Measure]:
        share, n = _failed_share(case, trial)
        told = [
            [one for one in notice.alerts if one.get("status") == FIRING and name_of(one) == alert]
            for notice in notices(case.evidence, trial.sent_ns, trial.restored_ns)
        ]
        if texts := [text_of(one) for alerts in told for one in alerts]:
            yield _told(case, trial, texts, _fault(case, trial, limit.base, share, n))

    found = [one for trial in trials(case) for one in of_its_notices(trial)]
    yield from found
    if not found:
        why = f"no notice of the firing alert {alert} arrived during the fault"
        yield inconclusive(case, name, why, UNDELIVERED, scope={"alert": alert})
    yield from failed_by_others(case, of_its_notices)


def _told(case: Case, trial: Trial, texts: list[str], fault: Receipt) -> Measure:
    limit, tolerance = case.objective.limit.base, case.objective.tolerance
    points = tolerance.base if tolerance is not None else 0.0
    named = [_rate(one) for one in texts]
    rates = [rate for rate in named if rate is not None]
    value = max(rates, key=lambda rate: abs(rate - limit), default=None)
    scope = {"experiment": trial.attempt.name, "alert": case.objective.params["alert"]}
    nameless = len(rates) < len(texts) or value is None
    said = (
        f"the text of a notice names no percentage: {texts[named.index(None)] or 'it is empty'}"
        if None in named
        else ""
    )
    if value is not None and not said:
        said = f"the text of a notice names {formatted(value, 'ratio')}: {texts[named.index(value)]}"
    found = Amount(
        low=math.nan if value is None else value,
        high=math.nan if value is None else value,
        text=f"{scope['alert']}, {trial.attempt.name}: {said}",
        limit=limit,
        tolerance=points + _ROUNDING,
        unit="ratio",
        scope=scope,
        receipts={"fault": fault, "watch": watched(case.evidence, "notices", [(trial.sent_ns, trial.restored_ns)])},
        needs=("fault",),
        broken=nameless,  # a text without a rate fails whatever rate another text names
        method="the first percentage in the annotations of each notice, as its receiver recorded it",
        files=(*trial.attempt.files, NOTICES),
        n=len(texts),
    )
    return amount(case, found)


def _rate(words: str) -> float | None:
    """The first percentage of a text as a share of 1; None if the text names no percentage."""
    seen = _RATE.search(words)
    return None if seen is None else float(seen[1]) / 100


_FILES: Final = ("history/alerts.", "history/watch.", "history/chaos-", "load/")

AT_ERRORS: Final = until_spec(Figure.ALERT_AT_ERRORS, at_errors, _FILES, PROMETHEUS, rates={"alerts": PER_S})
TEXT: Final = Spec(
    figure=Figure.ALERT_TEXT,
    judge=text,
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.WITHIN}), most=1),
    unit="ratio",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: (*_FILES, "history/notices."),
    needs=lambda _objective: (PROMETHEUS, RECEIVER),
    rates={"alerts": PER_S},
)
