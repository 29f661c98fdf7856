"""The recorded history of alerts, of their rules and of their notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.judgement.figures.recovery.phases import also_failed
from harness.judgement.figures.spec import Need
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.attempts import answered_until_ns, counted_attempt, known_until_ns
from harness.judgement.receipts.watch import Span, blind_spells
from harness.model import Evidence, Experiment, Measure, Plan, ReasonKind, Receipt, Window
from harness.model.observations import AlertRuleLoaded, AlertSeen, NoticeReceived
from harness.model.planned.domain import NO_FAULT
from harness.units import NS_PER_S

ALERTS: Final = "history/alerts.ndjson"
NOTICES: Final = "history/notices.ndjson"
PER_S: Final = 4.0
"""Readings of alerts and notices per second, if a claim needs them."""
FIRING: Final = "firing"
OF_ATTACKS: Final = "security"
"""The label `part` of a rule that watches for attacks, which no fault causes."""
WATCHER: Final = "alerts"
ANSWERED_NS: Final = NS_PER_S
"""Longest time from a request to its answer, in ns."""
UNSENT: Final = "not every fault of the sentence was sent"
UNDELIVERED: Final = "make sure that the rules match these faults and that Alertmanager sends to `alerting.receiver` of the target file, then run again"
"""The hint if no notice arrived."""
BROKEN: Final = "err"
"""The health of a rule that cannot be evaluated."""
_CORRECT: Final = "see the error of the rule at /api/v1/rules of Prometheus, correct the rule, then run again"
_END_NS: Final = 2**63
Labels = frozenset[tuple[str, str]]

PROMETHEUS: Final = Need(
    key="prometheus", why="alerts are read from Prometheus", hint="add `prometheus: http://…` to the target file"
)
RECEIVER: Final = Need(
    key="alerting",
    why="notices are read from their receiver",
    hint="add `alerting: {receiver: http://…}` to the target file",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fired:
    """One alert from the time it fires until it is resolved.

    Attributes:
        name: name of the rule.
        labels: all labels of the alert.
        since_ns: last time at which the alert certainly did not fire; None: it fired already when the watch began.
        at_ns: time of the first reading in which it fires.
        resolved_ns: time of the first reading without it; None: every later reading has it.
        there_ns: last time at which it was certainly present; None: no later reading lacks it.
        pending_ns: time of the first reading in which it is pending; None: no reading.
    """

    name: str
    labels: Labels
    since_ns: int | None
    at_ns: int
    resolved_ns: int | None
    there_ns: int | None = None
    pending_ns: int | None = None

    @property
    def text(self) -> str:
        """Name and labels for people."""
        more = ", ".join(f"{key}={value}" for key, value in sorted(self.labels) if key != "alertname")
        return f"{self.name} ({more})" if more else self.name


def not_yet_ns(evidence: Evidence, blind: Iterable[Span], seen: AlertSeen) -> int | None:
    """Last time at which an alert was certainly in another state than this reading shows, in ns.

    None: it was in this state at the first answer.
    A record of an older release has no such time; then one interval between readings and the longest answer time are subtracted. A time without
    answers (`blind`) before the reading is always included.
    """
    if seen.kind == "alert.present":
        return None
    source = evidence.watchers.get(WATCHER)
    spacing_ms = source.spacing_ms if source and source.spacing_ms else 1e3 / PER_S
    unrecorded_ns = seen.when_ns - round(spacing_ms * 1e6) - ANSWERED_NS
    before_ns = unrecorded_ns if seen.since_ns is None else seen.since_ns
    return min(
        [before_ns, *(from_ns for from_ns, until_ns in blind if from_ns < seen.when_ns and until_ns > before_ns)]
    )


def fired(evidence: Evidence) -> list[Fired]:
    """Every alert that fired, in order of its beginning."""
    blind = list(blind_spells(evidence, WATCHER))

    def ended(first: AlertSeen, labels: Labels, gone: AlertSeen | None, pending_ns: int | None) -> Fired:
        return Fired(
            name=first.subject,
            labels=labels,
            since_ns=not_yet_ns(evidence, blind, first),
            at_ns=first.when_ns,
            resolved_ns=None if gone is None else gone.when_ns,
            there_ns=None if gone is None else not_yet_ns(evidence, blind, gone),
            pending_ns=pending_ns,
        )

    found: list[Fired] = []
    open_at: dict[Labels, AlertSeen] = {}
    pending: dict[Labels, int] = {}
    for seen in sorted(evidence.every(AlertSeen), key=lambda seen: seen.when_ns):
        labels = alert_labels(seen)
        begins = seen.kind == "alert.firing" or (seen.kind == "alert.present" and seen.state == FIRING)
        if begins:
            open_at.setdefault(labels, seen)
            continue
        if (first := open_at.pop(labels, None)) is not None:
            found.append(ended(first, labels, seen, pending.pop(labels, None)))
        if seen.kind == "alert.pending":
            pending.setdefault(labels, seen.when_ns)
        else:
            pending.pop(labels, None)
    found += [ended(first, labels, None, pending.get(labels)) for labels, first in open_at.items()]
    return sorted(found, key=lambda one: (one.at_ns, one.text))


def rules(evidence: Evidence) -> dict[str, AlertRuleLoaded]:
    """The loaded alert rules by name, as first read.

    Of several rules with one name, the rule that cannot fire.
    """
    found: dict[str, AlertRuleLoaded] = {}
    for rule in evidence.every(AlertRuleLoaded):
        is_first = rule.since_ns is None
        if rule.subject not in found or (is_first and _badness(found[rule.subject]) <= _badness(rule)):
            found[rule.subject] = rule
    return found


def _badness(rule: AlertRuleLoaded) -> tuple[bool, bool]:
    return rule.health == BROKEN, bool(rule.unfed)


def could_not_fire(evidence: Evidence, spans: Iterable[Span], names: frozenset[str] | None = None) -> Receipt | None:
    """A receipt that is not ok if one of the named rules could not have fired in a part of these spans.

    None: every rule could.
    With `names` None every rule is checked. A changed state counts from the reading before the change, as the change happened between the two.
    """
    stretches = list(spans)
    known: dict[tuple[str, str, Labels], list[AlertRuleLoaded]] = {}
    for rule in evidence.every(AlertRuleLoaded):
        if names is None or rule.subject in names:
            labels = frozenset((key, str(value)) for key, value in rule.labels.items())
            known.setdefault((rule.group, rule.subject, labels), []).append(rule)
    for said in known.values():
        for from_ns, until_ns, why in _unable(said):
            if any(from_ns < end_ns and start_ns < until_ns for start_ns, end_ns in stretches):
                return Receipt(ok=False, why=why, hint=_CORRECT, files=(ALERTS,))
    return None


def _unable(said: Sequence[AlertRuleLoaded]) -> Iterator[tuple[int, int, str]]:
    """The times in which one rule could not fire, as start and end in ns and the reason."""
    later = sorted((one for one in said if one.since_ns is not None), key=lambda one: one.recorded_ns)
    if len(later) == len(said):
        yield 0, later[0].recorded_ns, f"the rule {later[0].subject} was not yet loaded"
    for one in said:
        until_ns = next((o.recorded_ns for o in later if o.recorded_ns > one.recorded_ns), _END_NS)
        if not one.loaded:
            yield one.since_ns or 0, until_ns, f"the rule {one.subject} was no longer loaded"
        elif one.health == BROKEN:
            error = f": {one.error}" if one.error else ""
            yield one.since_ns or 0, until_ns, f"the rule {one.subject} could not be evaluated{error}"
        elif one.unfed:
            why = f"the rule {one.subject} reads the recording rule {one.unfed[0]}, which could not be evaluated"
            yield one.since_ns or 0, until_ns, why


def rules_of(evidence: Evidence, part: str) -> frozenset[str]:
    """The names of the rules with the given value of the label `part`."""
    loaded = evidence.every(AlertRuleLoaded)
    return frozenset(rule.subject for rule in loaded if rule.labels.get("part") == part)


def notices(evidence: Evidence, start_ns: int = 0, end_ns: int = 2**63) -> list[NoticeReceived]:
    """The notices that arrived in a span of time, in order of arrival, without repetitions."""
    unique: dict[tuple[str, int], NoticeReceived] = {}
    for notice in evidence.every(NoticeReceived):
        if start_ns <= notice.when_ns < end_ns:
            unique.setdefault((notice.subject, notice.number), notice)
    return sorted(unique.values(), key=lambda notice: notice.when_ns)


def alert_labels(seen: AlertSeen) -> Labels:
    """The labels that identify an alert."""
    return frozenset((key, str(value)) for key, value in seen.labels.items())


def labels_of(alert: Mapping[str, object]) -> Labels:
    """The labels of an alert in a notice: its labels in Prometheus and the `external_labels` of Prometheus."""
    labels = alert.get("labels")
    return (
        frozenset((str(key), str(value)) for key, value in labels.items())
        if isinstance(labels, Mapping)
        else frozenset()
    )


def name_of(alert: Mapping[str, object]) -> str:
    """The name of the rule of an alert in a notice."""
    labels = alert.get("labels")
    return str(labels.get("alertname", "")) if isinstance(labels, Mapping) else ""


def text_of(alert: Mapping[str, object]) -> str:
    """The annotations of an alert in a notice, as its receiver reads them."""
    words = alert.get("annotations")
    return " · ".join(map(str, words.values())) if isinstance(words, Mapping) else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One fault, with the times to which alerts are compared.

    Attributes:
        attempt: attempt at the experiment.
        sent_ns: time at which the fault was sent.
        restored_ns: time at which the target was restored, or the watch ended.
        known_ns: time at which the next fault was sent, or the record ended.
    """

    attempt: Experiment
    sent_ns: int
    restored_ns: int
    known_ns: int

    def during(self, alerts: Iterable[Fired]) -> list[Fired]:
        """The alerts that were first read as firing from the fault to the restore."""
        return [one for one in alerts if self.sent_ns <= one.at_ns <= self.restored_ns and one.since_ns is not None]

    def maybe_before(self, alerts: Iterable[Fired]) -> list[Fired]:
        """The alerts that were first read as firing during the fault, but may have begun before it."""
        return [
            one
            for one in alerts
            if self.sent_ns <= one.at_ns <= self.restored_ns and (one.since_ns is None or one.since_ns < self.sent_ns)
        ]

    def fired_before(self, alerts: Iterable[Fired], subject: str = "it") -> str:
        """Why alerts during the fault do not prove that the fault caused them: an alert fired before it, or may have; empty if none did."""
        known = list(alerts)
        if any(one.at_ns < self.sent_ns < (one.resolved_ns or self.restored_ns) for one in known):
            return f"{subject} fired already before the fault"
        return f"{subject} may have fired before the fault" if self.maybe_before(known) else ""


def trial_of(plan: Plan, evidence: Evidence, experiment: str, traffic: str | None = None) -> Trial | None:
    """The trial of the attempt that counts under a traffic; None if no fault was sent."""
    return trial_by(evidence, counted_attempt(plan, evidence, experiment, traffic))


def trial_by(evidence: Evidence, attempt: Experiment | None) -> Trial | None:
    """The trial of one attempt; None if no fault was sent."""
    if attempt is None or attempt.fault.sent_ns is None:
        return None
    return Trial(
        attempt=attempt,
        sent_ns=attempt.fault.sent_ns,
        restored_ns=answered_until_ns(evidence, attempt),
        known_ns=known_until_ns(evidence, attempt),
    )


def trials(case: Case) -> list[Trial]:
    """One trial for each experiment of the sentence whose fault was sent, in the order of the sentence."""
    return [
        trial
        for each in case.experiments
        if (trial := trial_of(case.plan, case.evidence, each, case.objective.scope.traffic)) is not None
    ]


def every_trial(case: Case) -> list[Trial]:
    """The trials of `trials`, and one for each other experiment of the run, as their faults may raise alerts too."""
    found = [trial_of(case.plan, case.evidence, each, case.objective.scope.traffic) for each in _others(case)]
    return [*trials(case), *(trial for trial in found if trial is not None)]


def _others(case: Case) -> list[str]:
    """The experiments of the run that have a fault and are not named in the sentence."""
    faults = [name for name, planned in case.plan.experiments.items() if planned.domain != NO_FAULT.name]
    return [name for name in faults if name not in case.experiments]


def failed_by_others(case: Case, judged: Callable[[Trial], Iterable[Measure]]) -> Iterable[Measure]:
    """The FAILs of other attempts than those of `trials`, if their fault was confirmed."""

    def of_one(attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
        if (trial := trial_by(case.evidence, attempt)) is not None:
            yield from (replace(one, scope={**one.scope, **scope}) for one in judged(trial))

    for each in case.experiments:
        yield from also_failed(case, each, {}, of_one)


def untried(case: Case, name: str, tried: Iterable[Trial]) -> Iterable[Measure]:
    """INCONCLUSIVE measures if a fault of the sentence was not sent, or if another experiment of the run has no record."""
    if lacking := unsent_of(case, tried):
        yield inconclusive(case, name, UNSENT, unsent(*lacking))
    if gone := [each for each in _others(case) if not case.evidence.experiments.get(each)]:
        said = f"the run has no record of {', '.join(gone)}, so the alerts of {'this fault' if len(gone) == 1 else 'these faults'} are unknown"
        yield inconclusive(case, name, said, unsent(*gone), kind=ReasonKind.NO_RECORD)


def unsent_of(case: Case, tried: Iterable[Trial]) -> list[str]:
    """The experiments of the sentence whose fault was not sent."""
    sent = {trial.attempt.name for trial in tried}
    return [each for each in case.experiments if each not in sent]


def unsent(*experiments: str) -> str:
    """The hint if the faults of these experiments were not sent."""
    if not experiments:
        return "add an experiment with a fault to the scenario, then run again"
    logs = ", ".join(f"chaos/{each}/chaos.log" for each in experiments)
    return f"see {logs} for the error, correct it, then run again"


def steady(evidence: Evidence, traffic: str | None) -> list[Window]:
    """The windows without a fault, in order of time."""
    return sorted(evidence.fault_free(traffic), key=lambda window: window.start_ns)


def quiet_broken(alerts: Iterable[Fired], windows: Iterable[Window]) -> list[Fired]:
    """Alerts that fired in a window without a fault: their condition began in it, or they fired when the first window began."""
    ordered = sorted(windows, key=lambda window: window.start_ns)
    found = []
    for one in alerts:
        first = ordered[0] if ordered else None
        since_ns = one.at_ns
        if one.pending_ns is not None and first is not None and one.pending_ns >= first.start_ns:
            since_ns = one.pending_ns  # an alert that was pending before all windows was not caused by a fault
        begun = any(window.start_ns <= since_ns < window.end_ns for window in ordered)
        there = first is not None and one.at_ns < first.start_ns < (one.resolved_ns or first.end_ns)
        if begun or there:
            found.append(one)
    return found
