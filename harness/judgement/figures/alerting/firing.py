"""Alerts that fire on their fault, and on nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.figures.alerting.history import (
    ALERTS,
    PER_S,
    PROMETHEUS,
    Fired,
    Trial,
    fired,
    quiet_broken,
    rules,
    steady,
    trial_of,
    watched,
)
from harness.judgement.figures.spec import Basis, Spec, until_the_limit
from harness.judgement.measures import Case, Figures, because, formatted, inconclusive, measure, settled
from harness.judgement.receipts.fault import claimed_fault_receipt
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Outcome, Phase, ReasonKind, Receipt
from harness.model.schedule import NS_PER_S

_AGAIN: Final = "read the history of the alerts, then run again"
_FIRES: Final = "from the fault sent to the first answer of Prometheus in which the alert fires"
_QUIET: Final = "the alerts that Prometheus gave as firing, in the windows without a fault"


def fires(case: Case) -> Iterable[Measure]:
    """One measure per experiment, and one of the windows without a fault."""
    name, alert = Figure.ALERT_FIRES.value, case.objective.params["alert"]
    alerts = [one for one in fired(case.evidence) if one.name == alert]
    for experiment in case.experiments:
        scope = {"experiment": experiment, "alert": alert}
        trial = trial_of(case.plan, case.evidence, experiment)
        if trial is None:
            yield inconclusive(case, name, f"{experiment}: no fault was sent", _AGAIN, scope=scope)
        else:
            yield _after(case, trial, alerts, scope)
    yield _silent(case, name, alerts, {"alert": alert, "phase": Phase.STEADY.value})


def _after(case: Case, trial: Trial, alerts: list[Fired], scope: Mapping[str, str]) -> Measure:
    limit_s = case.scaled.in_unit("s")
    attempt, mine = trial.attempt, trial.during(alerts)
    low = high = None
    watched_s = (trial.restored_ns - trial.sent_ns) / NS_PER_S
    already = [one for one in alerts if one.at_ns < trial.sent_ns < (one.resolved_ns or trial.restored_ns)]
    outcome = Outcome.INCONCLUSIVE
    if already:
        text = "it fired already before the fault"
    elif not mine:
        outcome = Outcome.FAIL if watched_s >= limit_s else Outcome.INCONCLUSIVE
        text = f"it did not fire in the {formatted(watched_s, 's')} that were watched"
    else:
        high = (mine[0].at_ns - trial.sent_ns) / NS_PER_S
        low = max((mine[0].since_ns or trial.sent_ns) - trial.sent_ns, 0) / NS_PER_S
        outcome = Outcome.PASS if high < limit_s else Outcome.FAIL if low >= limit_s else Outcome.INCONCLUSIVE
        text = f"it fired {formatted(high, 's')} after the fault at the latest"
    receipts = {
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "watch": watched(case.evidence, "alerts", [(trial.sent_ns, trial.sent_ns + round(limit_s * NS_PER_S))]),
    }
    expected = case.expected.replace("below", "within")
    kind = ReasonKind.NO_RECORD if outcome is Outcome.INCONCLUSIVE else None
    own = because(outcome, f"{scope['alert']}, {attempt.name}: {text}, expected {expected}", _AGAIN, kind=kind)
    outcome, reason = settled(outcome, own, receipts, ("fault", "watch"))
    figures = Figures(
        value=high,
        low=low,
        high=high,
        scaled_limit=limit_s,
        unit="s",
        resolution=1 / PER_S,
        method=_FIRES,
        receipts=receipts,
        files=(*attempt.files, ALERTS),
    )
    return measure(case, Figure.ALERT_FIRES.value, outcome, reason, scope=scope, figures=figures)


def quiet(case: Case) -> Iterable[Measure]:
    """No alert of any name in the windows without a fault."""
    scope = {"phase": Phase.STEADY.value}
    yield _silent(case, Figure.ALERTS_QUIET.value, fired(case.evidence), scope)


def _silent(case: Case, name: str, alerts: Iterable[Fired], scope: Mapping[str, str]) -> Measure:
    windows = steady(case.evidence, case.objective.scope.traffic)
    if not windows:
        why = "there is no window without a fault"
        return inconclusive(case, name, why, "let the traffic run longer, then run again", scope=scope)
    broken = quiet_broken(alerts, windows)
    seconds = sum(window.seconds for window in windows)
    loaded = rules(case.evidence)
    named = scope.get("alert", "")
    receipts = {
        "watch": watched(case.evidence, "alerts", [window.span for window in windows])
        if loaded and (not named or named in loaded)
        else Receipt(
            ok=False, why=f"Prometheus had no rule {named or 'that alerts'}", hint="load the rules, then run again"
        )
    }
    outcome = Outcome.FAIL if broken else Outcome.PASS
    said = f"{broken[0].text} fired without a fault" if broken else f"none of {len(loaded)} rules fired"
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    text = f"{named or 'alerts'}: {said}{more} in {formatted(seconds, 's')} without a fault, expected silence"
    outcome, reason = settled(outcome, because(outcome, text), receipts)
    figures = Figures(n=len(broken), method=_QUIET, receipts=receipts, files=(ALERTS,))
    return measure(case, name, outcome, reason, scope=scope, figures=figures, limit="silent")


def rules_fire(case: Case) -> Iterable[Measure]:
    """Every rule that is declared is loaded, evaluates, and fires in one of the faults."""
    name = Figure.ALERT_RULES_FIRE.value
    loaded, alerts = rules(case.evidence), fired(case.evidence)
    trials = [trial for each in case.experiments if (trial := trial_of(case.plan, case.evidence, each)) is not None]
    if len(trials) < len(case.experiments) or not trials:
        yield inconclusive(case, name, "not every fault was sent", _AGAIN)
        return
    if not loaded:
        yield inconclusive(case, name, "the rules of Prometheus were not read", _AGAIN)
        return
    for rule in dict.fromkeys((*case.objective.params["declared"].split(), *sorted(loaded))):
        mine = [(trial, one) for trial in trials for one in trial.during(alerts, [rule])]
        if rule not in loaded:
            outcome, text = Outcome.FAIL, "no rule of that name is loaded"
        elif loaded[rule].health == "err":
            outcome, text = Outcome.FAIL, f"it does not evaluate: {loaded[rule].error}"
        elif not mine:
            outcome, text = Outcome.FAIL, f"it fired in none of {', '.join(trial.attempt.name for trial in trials)}"
        else:
            outcome, text = Outcome.PASS, f"it fired during {mine[0][0].attempt.name}"
        receipts = {"watch": watched(case.evidence, "alerts", [(trial.sent_ns, trial.restored_ns) for trial in trials])}
        for trial in trials:
            fault = claimed_fault_receipt(case.plan, case.evidence, trial.attempt, case.objective)
            receipts.setdefault("fault", fault)
            receipts["fault"] = receipts["fault"] if not receipts["fault"].ok else fault
        own = because(outcome, f"{rule}: {text}, expected loaded and firing during the fault it is for")
        outcome, reason = settled(outcome, own, receipts, () if rule not in loaded else ("fault", "watch"))
        figures = Figures(method=_FIRES, receipts=receipts, files=(ALERTS,))
        yield measure(case, name, outcome, reason, scope={"alert": rule}, figures=figures)


FIRES: Final = Spec(
    figure=Figure.ALERT_FIRES,
    judge=fires,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/alerts.", "history/watch.", "history/chaos-"),
    needs=lambda _objective: (PROMETHEUS,),
    watched=until_the_limit,
    rates={"alerts": PER_S},
    timed=True,
)
RULES_FIRE: Final = Spec(
    figure=Figure.ALERT_RULES_FIRE,
    judge=rules_fire,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/alerts.", "history/watch.", "history/chaos-"),
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
