"""What was recorded of alerts and of their notices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.spec import Need
from harness.judgement.measures import Case
from harness.judgement.receipts.attempts import answered_until_ns, counted_attempt, known_until_ns
from harness.judgement.receipts.watch import Span, blind_spells, followed
from harness.model import Evidence, Experiment, Plan, Receipt, Window
from harness.model.observations import AlertRuleLoaded, AlertSeen, NoticeReceived, every
from harness.model.schedule import NS_PER_S

ALERTS: Final = "history/alerts.ndjson"
NOTICES: Final = "history/notices.ndjson"
PER_S: Final = 4.0
"""So often alerts and notices are asked for where a figure of theirs is claimed."""
FIRING: Final = "firing"
_WATCHER: Final = "alerts"
_ANSWERED_NS: Final = NS_PER_S
"""So long after a request its answer came at the latest."""
BROKEN: Final = "err"
"""The health of a rule that does not evaluate."""
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
    """One alert from firing to resolved.

    Attributes:
        name: of its rule. labels: all of them.
        since_ns: when it did not fire yet; None: it fired already when the watch began.
        at_ns: when it was first read as firing. resolved_ns: first read as gone; None: never.
        pending_ns: when it was first read as pending; None: never.
    """

    name: str
    labels: Labels
    since_ns: int | None
    at_ns: int
    resolved_ns: int | None
    pending_ns: int | None = None

    @property
    def text(self) -> str:
        """Name and labels for people."""
        more = ", ".join(f"{key}={value}" for key, value in sorted(self.labels) if key != "alertname")
        return f"{self.name} ({more})" if more else self.name


def fired(evidence: Evidence, spacing_ns: int = round(1e9 / PER_S)) -> list[Fired]:
    """Every alert that fired, in the order in which they began."""
    blind = list(blind_spells(evidence, _WATCHER))

    def ended(first: AlertSeen, labels: Labels, resolved_ns: int | None, pending_ns: int | None) -> Fired:
        before_ns = first.when_ns - spacing_ns
        unread = [from_ns for from_ns, until_ns in blind if from_ns < first.when_ns and until_ns > before_ns]
        return Fired(
            name=first.subject,
            labels=labels,
            since_ns=None if first.kind == "alert.present" else min([before_ns, *unread]),
            at_ns=first.when_ns,
            resolved_ns=resolved_ns,
            pending_ns=pending_ns,
        )

    found: list[Fired] = []
    open_at: dict[Labels, AlertSeen] = {}
    pending: dict[Labels, int] = {}
    for seen in sorted(every(AlertSeen, evidence.observations), key=lambda seen: seen.when_ns):
        labels = frozenset((key, str(value)) for key, value in seen.labels.items())
        begins = seen.kind == "alert.firing" or (seen.kind == "alert.present" and seen.state == FIRING)
        if begins:
            open_at.setdefault(labels, seen)
            continue
        if (first := open_at.pop(labels, None)) is not None:
            found.append(ended(first, labels, seen.when_ns, pending.pop(labels, None)))
        if seen.kind == "alert.pending":
            pending.setdefault(labels, seen.when_ns)
        else:
            pending.pop(labels, None)
    found += [ended(first, labels, None, pending.get(labels)) for labels, first in open_at.items()]
    return sorted(found, key=lambda one: (one.at_ns, one.text))


def rules(evidence: Evidence) -> dict[str, AlertRuleLoaded]:
    """The alerting rules that were loaded, by name; of several of one name one that does not evaluate."""
    found: dict[str, AlertRuleLoaded] = {}
    for rule in every(AlertRuleLoaded, evidence.observations):
        if rule.subject not in found or found[rule.subject].health != BROKEN:
            found[rule.subject] = rule
    return found


def rules_of(evidence: Evidence, part: str) -> frozenset[str]:
    """The names of the rules with this label `part`."""
    loaded = every(AlertRuleLoaded, evidence.observations)
    return frozenset(rule.subject for rule in loaded if rule.labels.get("part") == part)


def notices(evidence: Evidence, start_ns: int = 0, end_ns: int = 2**63) -> list[NoticeReceived]:
    """The notices that came in a stretch of time, in the order in which they came; each number once."""
    unique: dict[tuple[str, int], NoticeReceived] = {}
    for notice in every(NoticeReceived, evidence.observations):
        if start_ns <= notice.when_ns < end_ns:
            unique.setdefault((notice.subject, notice.number), notice)
    return sorted(unique.values(), key=lambda notice: notice.when_ns)


def labels_of(alert: Mapping[str, object]) -> Labels:
    """The labels of an alert in a notice."""
    labels = alert.get("labels")
    return (
        frozenset((str(key), str(value)) for key, value in labels.items())
        if isinstance(labels, Mapping)
        else frozenset()
    )


def watched(evidence: Evidence, watcher: str, spans: Iterable[Span]) -> Receipt:
    """Whether a watcher of alerts, notices or statements missed no answer in these stretches that could have shown something."""
    hides = _hiding_alerts(evidence) if watcher == _WATCHER else lambda _: True
    return followed(evidence, watcher, spans, longest_ns=0, hides=hides, files=(f"history/{watcher}.ndjson",))


def _hiding_alerts(evidence: Evidence) -> Callable[[Span], bool]:
    """Whether an alert could have fired, or ended, in a time in which nothing was read, and be known by no answer or a late one.

    Not where the time is shorter than the `for` of its rule, and no alert of the rule had changed at its end: what was not pending when
    it began would have had to hold for so long first. Nor where it is shorter than `keep_firing_for`, or half an evaluation interval.
    """
    loaded = list(every(AlertRuleLoaded, evidence.observations))
    changes = [(one.when_ns, one.subject) for one in every(AlertSeen, evidence.observations)]

    def hides(blind: Span) -> bool:
        from_ns, until_ns = blind
        seconds = (until_ns - from_ns) / NS_PER_S
        changed = {name for at_ns, name in changes if from_ns < at_ns <= until_ns + _ANSWERED_NS}
        return not loaded or any(
            rule.subject in changed or seconds >= max(rule.for_s, rule.keep_s, rule.interval_s / 2) for rule in loaded
        )

    return hides


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One fault as alerts are held against it.

    Attributes:
        attempt: at the experiment. sent_ns: the fault. restored_ns: the target was as before, or what was watched ended.
        known_ns: until the next fault, or the end.
    """

    attempt: Experiment
    sent_ns: int
    restored_ns: int
    known_ns: int

    def during(self, alerts: Iterable[Fired], names: Collection[str] = ()) -> list[Fired]:
        """Those that began to fire from the fault to the restore, of these names or of any."""
        return [
            one
            for one in alerts
            if self.sent_ns <= one.at_ns <= self.restored_ns
            and one.since_ns is not None
            and (not names or one.name in names)
        ]


def trial_of(plan: Plan, evidence: Evidence, experiment: str, traffic: str | None = None) -> Trial | None:
    """The attempt that counts, of those under a traffic; None: no fault was sent."""
    return trial_by(evidence, counted_attempt(plan, evidence, experiment, traffic))


def trial_by(evidence: Evidence, attempt: Experiment | None) -> Trial | None:
    """One attempt; None: no fault was sent."""
    if attempt is None or attempt.fault.sent_ns is None:
        return None
    return Trial(
        attempt=attempt,
        sent_ns=attempt.fault.sent_ns,
        restored_ns=answered_until_ns(evidence, attempt),
        known_ns=known_until_ns(evidence, attempt),
    )


def trials(case: Case) -> list[Trial]:
    """One for each experiment of the sentence of which a fault was sent, in their order."""
    return [
        trial
        for each in case.experiments
        if (trial := trial_of(case.plan, case.evidence, each, case.objective.scope.traffic)) is not None
    ]


def steady(evidence: Evidence, traffic: str | None) -> list[Window]:
    """The windows without a fault, in order."""
    return sorted(evidence.fault_free(traffic), key=lambda window: window.start_ns)


def quiet_broken(alerts: Iterable[Fired], windows: Iterable[Window]) -> list[Fired]:
    """Alerts that fired in a window without a fault: whose condition began there, or that were there when the first window began."""
    ordered = sorted(windows, key=lambda window: window.start_ns)
    found = []
    for one in alerts:
        first = ordered[0] if ordered else None
        since_ns = one.at_ns
        if one.pending_ns is not None and first is not None and one.pending_ns >= first.start_ns:
            since_ns = one.pending_ns  # what was pending before all windows is no fault's
        begun = any(window.start_ns <= since_ns < window.end_ns for window in ordered)
        there = first is not None and one.at_ns < first.start_ns < (one.resolved_ns or first.end_ns)
        if begun or there:
            found.append(one)
    return found
