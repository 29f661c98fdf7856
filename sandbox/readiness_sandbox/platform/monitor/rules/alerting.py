"""Rules at work: what each evaluation makes of the alerts and of the recorded series.

Source: prometheus/prometheus rules/alerting.go and rules/group.go.

    no element ──▶ pending ──for──▶ firing ──keep_firing_for──▶ inactive (resolved, kept 15 min for receivers)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ..promql import Labels, QueryError
from ..promql.values import NAME, labels_of, unnamed
from ..storage import Storage
from . import templates
from .rulefiles import Rule, RuleGroup

State = Literal["inactive", "pending", "firing"]
RESOLVED_KEPT_S: Final = 900.0


@dataclass(kw_only=True, slots=True)
class ActiveAlert:
    """One alert: an element of its rule's result, by its labels.

    Attributes:
        labels: of the element, of the rule, and `alertname`.
        annotations, value: of the last evaluation that it was in.
        active_s: since when its condition holds. fired_s: since when it fires; 0: it never did. kept_s: since when it fires without it; 0: it does not.
        resolved_s: when it went inactive; 0: it has not. sent_s: when the receiver was last told.
    """

    labels: Labels
    annotations: Mapping[str, str]
    value: float
    active_s: float
    state: State = "pending"
    fired_s: float = 0.0
    kept_s: float = 0.0
    resolved_s: float = 0.0
    sent_s: float = 0.0

    def due(self, now_s: float, resend_s: float) -> bool:
        """Whether the receiver is to be told of it again."""
        if self.state == "pending":
            return False
        return self.resolved_s > self.sent_s or self.sent_s + resend_s <= now_s


@dataclass(slots=True)
class RuleState:
    """One rule, and how its last evaluation went.

    Attributes:
        active: alerts by labels, those that are resolved among them.
        error: of the last evaluation; empty: it went well.
        at_s: of the last evaluation; None: there was none. seconds: it took.
        series: that it wrote last.
    """

    rule: Rule
    active: dict[Labels, ActiveAlert] = field(default_factory=dict)
    error: str = ""
    at_s: float | None = None
    seconds: float = 0.0
    series: frozenset[Labels] = frozenset()

    @property
    def state(self) -> State | Literal["unknown"]:
        """The worst of its alerts; unknown before the first evaluation."""
        if self.at_s is None:
            return "unknown"
        states = {alert.state for alert in self.active.values()}
        return next((each for each in _WORST if each in states), "inactive")

    @property
    def alerts(self) -> list[ActiveAlert]:
        """Pending and firing ones."""
        return [alert for alert in self.active.values() if alert.state != "inactive"]


_WORST: Final[tuple[State, ...]] = ("firing", "pending")


class Group:
    """A group of rules, evaluated in order; what one records, the next ones see."""

    def __init__(self, group: RuleGroup, storage: Storage) -> None:
        self.group = group
        self.states = [RuleState(rule) for rule in group.rules]
        self.at_s: float | None = None
        self.seconds = 0.0
        self._storage = storage

    def evaluate(self, now_s: float) -> None:
        """Evaluate all rules as of one moment; one that fails keeps its alerts, and says why."""
        for _ in self.steps(now_s):
            pass

    def steps(self, now_s: float) -> Iterator[None]:
        """The same, a rule at each step: who shares a thread with it may do something else between two."""
        began = time.perf_counter()
        for state in self.states:
            start = time.perf_counter()
            try:
                samples = self._samples(state, now_s)
            except (QueryError, templates.TemplateRefused) as error:
                state.error, samples = str(error), {}
            else:
                state.error = ""
            for labels in state.series - samples.keys():
                self._storage.end(labels, now_s)
            for labels, value in samples.items():
                self._storage.add(labels, now_s, value)
            state.series, state.at_s, state.seconds = frozenset(samples), now_s, time.perf_counter() - start
            yield
        self.at_s, self.seconds = now_s, time.perf_counter() - began

    def _samples(self, state: RuleState, now_s: float) -> dict[Labels, float]:
        vector = state.rule.query.vector(self._storage, now_s)
        if self.group.limit and len(vector) > self.group.limit:
            state.active.clear()
            raise QueryError(f"exceeded limit of {self.group.limit} with {len(vector)} series")
        if state.rule.alerting:
            found = dict(_elements(state.rule, vector, now_s))
            _advance(state, found, now_s)
            return dict(_series(state.alerts))
        recorded = {
            labels_of({**dict(labels), **state.rule.labels, NAME: state.rule.name}): value for labels, value in vector
        }
        if len(recorded) != len(vector):
            raise QueryError("vector contains metrics with the same labelset after applying rule labels")
        return recorded


def _elements(rule: Rule, vector: Iterable[tuple[Labels, float]], now_s: float) -> Iterator[tuple[Labels, ActiveAlert]]:
    """The alerts that the result of a rule stands for."""
    seen = set()
    for sample, value in vector:
        there = dict(unnamed(sample))
        added = {name: templates.expand(text, there, value) for name, text in rule.labels.items()}
        labels = labels_of({**there, **added, "alertname": rule.name})
        if labels in seen:
            raise QueryError("vector contains metrics with the same labelset after applying alert labels")
        seen.add(labels)
        annotations = {name: templates.expand(text, there, value) for name, text in rule.annotations.items()}
        yield labels, ActiveAlert(labels=labels, annotations=annotations, value=value, active_s=now_s)


def _advance(state: RuleState, found: Mapping[Labels, ActiveAlert], now_s: float) -> None:
    """The alerts after an evaluation that found these."""
    for labels, alert in found.items():
        known = state.active.get(labels)
        if known is not None and known.state != "inactive":
            known.value, known.annotations = alert.value, alert.annotations
        else:
            state.active[labels] = alert
    for labels, alert in list(state.active.items()):
        if labels in found:
            alert.kept_s = 0.0
        elif not _kept(alert, state.rule.keep_s, now_s):
            if alert.state == "pending" or (alert.resolved_s and now_s - alert.resolved_s > RESOLVED_KEPT_S):
                del state.active[labels]
            elif alert.state == "firing":
                alert.state, alert.resolved_s = "inactive", now_s
            continue
        if alert.state == "pending" and now_s - alert.active_s >= state.rule.for_s:
            alert.state, alert.fired_s = "firing", now_s


def _kept(alert: ActiveAlert, keep_s: float, now_s: float) -> bool:
    """Whether it fires on though its condition does not hold."""
    if alert.state != "firing" or not keep_s:
        return False
    alert.kept_s = alert.kept_s or now_s
    return now_s - alert.kept_s < keep_s


def _series(alerts: Iterable[ActiveAlert]) -> Iterator[tuple[Labels, float]]:
    for alert in alerts:
        labels = dict(alert.labels)
        yield labels_of({**labels, NAME: "ALERTS", "alertstate": alert.state}), 1.0
        yield labels_of({**labels, NAME: "ALERTS_FOR_STATE"}), alert.active_s
