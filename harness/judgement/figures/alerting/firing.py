"""Alerts that fire during their fault, and not without a fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import (
    ALERTS,
    BROKEN,
    OF_ATTACKS,
    PER_S,
    PROMETHEUS,
    UNSENT,
    Fired,
    Trial,
    could_not_fire,
    fired,
    quiet_broken,
    rules,
    rules_of,
    steady,
    trial_by,
    trials,
    unsent,
    unsent_of,
)
from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Basis, Spec, until_spec
from harness.judgement.measures import Case, because, inconclusive
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.hits import SCALED_DOWN, SCALED_DOWN_HINT, proven_hits
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.shapes.until import Effect, until
from harness.judgement.wording import formatted
from harness.model import NOT_DECIDED, Experiment, Figure, Hit, Measure, Outcome, Phase, ReasonKind, Receipt
from harness.model.planned.domain import DOMAINS
from harness.units import NS_PER_S

_AGAIN: Final = "see history/alerts.ndjson for the times of the alerts, then run again"
_UNREAD: Final = "make sure that `prometheus` of the target file answers /api/v1/rules, then run again"
_FIRES: Final = "from the fault to the first answer of Prometheus with the firing alert"
_QUIET: Final = "the alerts that Prometheus reported as firing in the windows without a fault"


def fires(case: Case) -> Iterable[Measure]:
    """One measure per experiment, and one for the windows without a fault."""
    name, (alert, names) = Figure.ALERT_FIRES.value, _selected(case)
    alerts = [one for one in fired(case.evidence) if one.name in names]
    nothing, of = ("{experiment}: the fault was not sent", unsent("{experiment}")), {"alert": alert}
    yield from of_each_attempt(case, name, partial(_fires_after, case, alerts), add="", nothing=nothing, of=of)
    yield _silent(case, name, alerts, {"alert": alert, "phase": Phase.STEADY.value}, names)


def _fires_after(case: Case, alerts: list[Fired], attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measure of one attempt; no measure if no fault was sent.

    If the only alert in time names a pod that was not proven to be hit, a missing alert for the other pods is INCONCLUSIVE, not a FAIL.
    """
    if (trial := trial_by(case.evidence, attempt)) is not None:
        fault = claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective)
        proven = proven_hits(case.evidence, attempt)
        found = after(case, trial, _of_its_pod(case, proven, alerts), scope, fault)
        doubtful = _of_its_pod(case, attempt.fault.hit, alerts)
        if found.outcome is Outcome.FAIL and after(case, trial, doubtful, scope, fault).outcome is not Outcome.FAIL:
            unproven = sorted(
                hit.name for hit in {*attempt.fault.hit} - {*proven} if _of_its_pod(case, [hit], doubtful)
            )
            text = f"{found.because.text}{NOT_DECIDED}an alert names {', '.join(unproven)}, {SCALED_DOWN}"
            why = because(Outcome.INCONCLUSIVE, text, SCALED_DOWN_HINT, kind=ReasonKind.FAULT)
            found = replace(found, outcome=Outcome.INCONCLUSIVE, because=why)
        yield found


def _selected(case: Case) -> tuple[str, frozenset[str]]:
    """The alert in the sentence, and the names of its rules: the rule of that name, or the rules with the `part` in the sentence."""
    if name := case.objective.params.get("alert", ""):
        return name, frozenset({name})
    part = case.objective.params["part"]
    return part, rules_of(case.evidence, part)


def _of_its_pod(case: Case, hits: Iterable[Hit], alerts: list[Fired]) -> list[Fired]:
    """The alerts whose labels name one of the hits, if the sentence is about one pod; else all alerts."""
    if "part" not in case.objective.params:
        return alerts
    hit = {one.name for one in hits}
    return [one for one in alerts if hit & {value for _, value in one.labels}]


def after(case: Case, trial: Trial, alerts: list[Fired], scope: Mapping[str, str], fault: Receipt) -> Measure:
    """The measure of the time from the fault until the first of these alerts fires.

    `scope` names the alert.
    """
    attempt, before = trial.attempt, trial.fired_before(alerts)
    first = None if before else next(iter(trial.during(alerts)), None)
    until_ns = trial.sent_ns + round(case.scaled.in_unit("s") * NS_PER_S)
    if first is not None:
        until_ns = min(until_ns, first.at_ns)  # a later gap does not matter, as the alert fired before it
    found = Effect(
        low=None if first is None else max((first.since_ns or trial.sent_ns) - trial.sent_ns, 0) / NS_PER_S,
        high=None if first is None else (first.at_ns - trial.sent_ns) / NS_PER_S,
        watched=(trial.restored_ns - trial.sent_ns) / NS_PER_S,
        names={"alert": scope["alert"], "attempt": attempt.name},
        scope=scope,
        receipts={"fault": fault, "watch": watched(case.evidence, "alerts", [(trial.sent_ns, until_ns)])},
        needs=("fault", "watch"),
        method=_FIRES,
        files=(*attempt.files, ALERTS),
        resolution=1 / PER_S,
        unknown=before,
        hint=_AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return until(case, found)


def quiet(case: Case) -> Iterable[Measure]:
    """One measure: no alert of any name fires in the windows without a fault, while every rule can be evaluated."""
    scope = {"phase": Phase.STEADY.value}
    yield _silent(case, Figure.ALERTS_QUIET.value, fired(case.evidence), scope)


def _silent(
    case: Case, name: str, alerts: Iterable[Fired], scope: Mapping[str, str], names: frozenset[str] | None = None
) -> Measure:
    """The measure of the windows without a fault; `names` are the rules that must be silent; None: all loaded rules."""
    windows = steady(case.evidence, case.objective.scope.traffic)
    if not windows:
        why = "the run has no window without a fault"
        return inconclusive(case, name, why, "let the traffic run longer, then run again", scope=scope)
    broken = quiet_broken(alerts, windows)
    seconds = sum(window.seconds for window in windows)
    loaded = rules(case.evidence)
    named, spans = scope.get("alert", ""), [window.span for window in windows]
    if loaded if names is None else names & loaded.keys():
        watch = could_not_fire(case.evidence, spans, names) or watched(case.evidence, "alerts", spans)
    else:
        why, hint = (
            f"the rule {named} was not loaded in Prometheus" if named else "Prometheus had no alert rule",
            "load the alert rules into Prometheus, then run again",
        )
        watch = Receipt(ok=False, why=why, hint=hint)
    said = f"{broken[0].text} fired without a fault" if broken else f"none of {len(loaded)} rules fired"
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    found = Things(
        bad=len(broken),
        n=len(loaded),
        text=f"{named or 'alerts'}: {said}{more} in {formatted(seconds, 's')} without a fault, expected silence",
        scope=scope,
        receipts={"watch": watch},
        mixed=True,
        scaled_limit=None,
        said="silent",
        method=_QUIET,
        files=(ALERTS,),
    )
    return every_one(case, found, name)


def rules_fire(case: Case) -> Iterable[Measure]:
    """One measure per rule: it is loaded, can be evaluated, and fires in one of the faults.

    A rule whose label `part` is a fault domain must fire in a fault of that domain. One whose label says `security` is for attacks, which no fault
    causes: it is judged only where the sentence names it.
    """
    name = Figure.ALERT_RULES_FIRE.value
    loaded, alerts = rules(case.evidence), fired(case.evidence)
    tried = trials(case)
    if len(tried) < len(case.experiments) or not tried:
        yield inconclusive(case, name, UNSENT, unsent(*unsent_of(case, tried)))
        return
    if not loaded:
        yield inconclusive(case, name, "the rules of Prometheus were not read", _UNREAD)
        return
    for_faults = sorted(name for name, rule in loaded.items() if rule.labels.get("part") != OF_ATTACKS)
    for rule in dict.fromkeys((*case.objective.params["declared"].split(), *for_faults)):
        part = loaded[rule].labels.get("part") if rule in loaded else None
        its = [trial for trial in tried if trial.attempt.domain == part] if part in DOMAINS else tried
        named = [one for one in alerts if one.name == rule]
        maybe = [trial for trial in its if trial.maybe_before(named)]
        sure = [trial for trial in its if set(trial.during(named)) - set(trial.maybe_before(named))]
        broken = "" if rule in loaded else "the rule is not loaded in Prometheus"
        if rule in loaded and loaded[rule].health == BROKEN:
            broken = f"the rule cannot be evaluated: {loaded[rule].error}"
        unknown = "" if its else f"no fault of the run has the domain {part}"
        if maybe and not sure:
            unknown = f"the alert may have fired before the fault of {maybe[0].attempt.name}"
        text = f"the alert fired in none of {', '.join(trial.attempt.name for trial in its)}"
        if sure:
            text = f"the alert fired during {sure[0].attempt.name}"
        # a gap elsewhere does not matter, as the alert fired
        spans = [] if sure and not broken else [(trial.sent_ns, trial.restored_ns) for trial in tried]
        receipts = {"watch": watched(case.evidence, "alerts", spans)}
        for trial in tried:
            fault = claimed_fault_receipt(case.plan, case.evidence, trial.attempt, case.objective)
            receipts.setdefault("fault", fault)
            receipts["fault"] = receipts["fault"] if not receipts["fault"].ok else fault
        expected = "expected a loaded rule that fires during its fault"
        found = Things(
            bad=bool(broken) or not (sure or unknown),
            text=f"{rule}: {broken or text}, {expected}",
            scope={"alert": rule},
            receipts=receipts,
            needs=() if rule not in loaded else ("fault", "watch"),
            gaps=(Gap(f"{rule}: {unknown}, {expected}" if unknown else "", "", ReasonKind.TOO_FEW, alone=True),),
            mixed=True,
            scaled_limit=None,
            method=_FIRES,
            files=(ALERTS,),
        )
        yield every_one(case, found)


_FILES: Final = ("history/alerts.", "history/watch.", "history/chaos-")
FIRES: Final = until_spec(Figure.ALERT_FIRES, fires, _FILES, PROMETHEUS, rates={"alerts": PER_S})
RULES_FIRE: Final = Spec(
    figure=Figure.ALERT_RULES_FIRE,
    judge=rules_fire,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: _FILES,
    needs=lambda _objective: (PROMETHEUS,),
    rates={"alerts": PER_S},
    timed=True,
)
QUIET: Final = Spec(
    figure=Figure.ALERTS_QUIET,
    judge=quiet,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("history/alerts.", "history/watch.", "history/run"),
    needs=lambda _objective: (PROMETHEUS,),
    rates={"alerts": PER_S},
    timed=True,
)
