"""The alerting rules that Prometheus has loaded, whether each rule is evaluated, and which metrics it depends on.

The rules are read at the begin of the watch and then repeatedly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import clock
from harness.drivers.watch.monitor.recording_rules import QueriedMetrics, origins
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.drivers.watch.entry.wires import ProbeResponse
    from harness.model import Sink

RULES: Final = "/api/v1/rules"
"""API path of alerting and recording rules; an alert is silent if a recording rule that it reads is not evaluated."""
EVERY_S: Final = 10.0
"""Seconds between two readings; the answer is long if there are many rules."""
_BROKEN_EVERY_S: Final = 1.0
"""Seconds between two readings while a rule is not evaluated; they are the precision of the time without that rule."""
_UNKNOWN: Final = "unknown"
"""The health of a rule that was not evaluated yet, for example after a restart of Prometheus."""
_BROKEN: Final = "err"
_RECORDS: Final = "recording"
_Key = tuple[str, str, frozenset[tuple[str, str]]]
"""Group, name and labels of an alerting rule."""
_Rule = Mapping[str, Any]
"""Recorded content of a rule."""


class _RulesModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class _LoadedRule(_RulesModel):
    name: str
    type: str = "alerting"
    query: str = ""
    labels: Mapping[str, str] = Field(default_factory=dict)
    health: str = ""
    error: str = Field(default="", alias="lastError")
    for_s: float = Field(default=0.0, alias="duration")
    keep_s: float = Field(default=0.0, alias="keepFiringFor")


class _RuleGroup(_RulesModel):
    name: str = ""
    interval_s: float = Field(default=0.0, alias="interval")
    rules: tuple[_LoadedRule, ...]


class _RuleGroups(_RulesModel):
    groups: tuple[_RuleGroup, ...]


class _RulesResponse(_RulesModel):
    status: str = Field(pattern="^success$")
    data: _RuleGroups


class AlertRules:
    """Records every alerting rule of the first reading as `alert.rule`, and later each change of a rule.

    A rule changes when it is added or removed, fails or recovers, or when a recording rule that it depends on fails or
    recovers (`unfed`). The first reading counts when each rule has been evaluated once. A rule that is not evaluated in
    a later reading keeps its state. `since_ns` of a later record is the time of the request for the previous reading.
    """

    def __init__(self, history: Sink) -> None:
        self._history = history
        self._known: dict[_Key, _Rule] | None = None
        self._failed: frozenset[str] = frozenset()
        self._read_ns = 0
        self._due_ns = 0

    def due(self) -> bool:
        """Whether the rules are to be read now.

        They are read at every call until the first reading, then every `EVERY_S`, and more often while a rule fails.
        """
        if clock.now_ns() < self._due_ns:
            return False
        self._next()
        return True

    def take(self, answer: ProbeResponse) -> None:
        """Record the changes since the previous answer; an answer that is not a list of rules is ignored."""
        if answer.error is not None or answer.status != 200 or answer.sent_ns <= self._read_ns:
            return
        try:
            groups = _RulesResponse.model_validate_json(answer.body).data.groups
        except ValidationError:
            return
        failed = _recorders(groups, _BROKEN)
        unknown = _recorders(groups, _UNKNOWN) - failed
        if self._known is None:
            now = _alerting(groups, failed)
            if _UNKNOWN not in {rule["health"] for rule in now.values()} and not _unfed(groups, unknown):
                self._failed = failed
                self._begin(now, answer.sent_ns)
            return
        self._failed = failed | (self._failed & unknown)
        self._tell(self._known, _alerting(groups, self._failed), answer.sent_ns)

    def _begin(self, now: dict[_Key, _Rule], sent_ns: int) -> None:
        for key, rule in now.items():
            self._put(key, rule)
        self._known, self._read_ns = now, sent_ns
        self._next()

    def _next(self) -> None:
        if self._known is not None:
            broken = any(rule["loaded"] and _fails(rule) for rule in self._known.values())
            self._due_ns = clock.now_ns() + round((_BROKEN_EVERY_S if broken else EVERY_S) * NS_PER_S)

    def _tell(self, known: dict[_Key, _Rule], now: dict[_Key, _Rule], sent_ns: int) -> None:
        for key, rule in known.items():
            if key not in now and rule["loaded"]:
                known[key] = {**rule, "loaded": False}
                self._put(key, {**known[key], "since_ns": self._read_ns})
        for key, rule in now.items():
            if rule["health"] != _UNKNOWN and _said(known.get(key)) != _said(rule):
                known[key] = rule
                self._put(key, {**rule, "since_ns": self._read_ns})
        self._read_ns = sent_ns
        self._next()

    def _put(self, key: _Key, rule: _Rule) -> None:
        group, name, labels = key
        self._history.put("alert.rule", name, labels=dict(sorted(labels)), group=group, **rule)


def _alerting(groups: tuple[_RuleGroup, ...], failed: frozenset[str]) -> dict[_Key, _Rule]:
    """The alerting rules if these recording rules fail; of several equal rules the one that fails or depends on a failed one."""
    found: dict[_Key, _Rule] = {}
    unfed = _unfed(groups, failed)
    for group in groups:
        for rule in (one for one in group.rules if one.type != _RECORDS):
            key = (group.name, rule.name, frozenset(rule.labels.items()))
            told = {
                "health": rule.health,
                "error": rule.error,
                "for_s": rule.for_s,
                "keep_s": rule.keep_s,
                "interval_s": group.interval_s,
                "loaded": True,
                "unfed": sorted(unfed.get(rule.query, ())),
            }
            if key not in found or _badness(found[key]) < _badness(told):
                found[key] = told
    return found


def _recorders(groups: tuple[_RuleGroup, ...], health: str) -> frozenset[str]:
    """The names of the recording rules of this health."""
    return frozenset(
        rule.name for group in groups for rule in group.rules if (rule.type, rule.health) == (_RECORDS, health)
    )


def _unfed(groups: tuple[_RuleGroup, ...], failed: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """By expression of each alerting rule: the failed recording rules on which it depends."""
    if not failed:
        return {}
    rules = [rule for group in groups for rule in group.rules]
    absent = origins(((rule.name, QueriedMetrics(rule.query)) for rule in rules if rule.type == _RECORDS), failed)
    found = {rule.query: QueriedMetrics(rule.query).of(absent) for rule in rules if rule.type != _RECORDS}
    return {query: frozenset().union(*(absent[name] for name in read)) for query, read in found.items() if read}


def _badness(rule: _Rule) -> tuple[bool, bool]:
    return rule["health"] == _BROKEN, bool(rule["unfed"])


def _fails(rule: _Rule) -> bool:
    """Whether a rule does not evaluate, or depends on a rule that does not."""
    return any(_badness(rule))


def _said(rule: _Rule | None) -> _Rule | None:
    """A rule without the text of its error, which names different series each time."""
    return None if rule is None else {name: value for name, value in rule.items() if name != "error"}
