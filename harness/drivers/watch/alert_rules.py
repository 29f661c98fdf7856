"""The alerting rules that Prometheus has loaded, and whether each evaluates: read at the begin, and again now and then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import clock
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.drivers.watch.wires import ProbeResponse
    from harness.model import Sink

RULES: Final = "/api/v1/rules?type=alert"
EVERY_S: Final = 10.0
"""Between two readings: the answer has every rule with its expression, and is long where there are many."""
_BROKEN_EVERY_S: Final = 1.0
"""While one does not evaluate: how long it could not fire is known so closely."""
_UNKNOWN: Final = "unknown"
"""The health of a rule that was not evaluated yet, as after a restart of Prometheus."""
_BROKEN: Final = "err"
_Key = tuple[str, str, frozenset[tuple[str, str]]]
"""Group, name and labels: of several such rules one that does not evaluate is kept."""
_Rule = Mapping[str, Any]
"""What is recorded of a rule."""


class _RulesModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class _LoadedRule(_RulesModel):
    name: str
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
    """Records every rule of the first reading as `alert.rule`, and again where one is gone, is new, or evaluates no more, or again.

    A reading counts once each rule was evaluated. Later a rule that was not evaluated yet is as it was before. `since_ns` of a later record is when the
    last reading before it was asked for.
    """

    def __init__(self, history: Sink) -> None:
        self._history = history
        self._known: dict[_Key, _Rule] | None = None
        self._read_ns = 0
        self._due_ns = 0

    def due(self) -> bool:
        """Whether they are to be read: every time until they were read once, then every `EVERY_S`, more often while one does not evaluate."""
        if clock.now_ns() < self._due_ns:
            return False
        self._next()
        return True

    def take(self, answer: ProbeResponse) -> None:
        """Record what an answer says otherwise than the one before; one that is no list of rules is passed over."""
        if answer.error is not None or answer.status != 200 or answer.sent_ns <= self._read_ns:
            return
        try:
            groups = _RulesResponse.model_validate_json(answer.body).data.groups
        except ValidationError:
            return
        now: dict[_Key, _Rule] = {}
        for key, rule in _rules(groups):
            if key not in now or now[key]["health"] != _BROKEN:
                now[key] = rule
        if self._known is None:
            if all(rule["health"] != _UNKNOWN for rule in now.values()):
                self._begin(now, answer.sent_ns)
            return
        self._tell(self._known, now, answer.sent_ns)

    def _begin(self, now: dict[_Key, _Rule], sent_ns: int) -> None:
        for key, rule in now.items():
            self._put(key, rule)
        self._known, self._read_ns = now, sent_ns
        self._next()

    def _next(self) -> None:
        if self._known is not None:
            broken = any(rule["loaded"] and rule["health"] == _BROKEN for rule in self._known.values())
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


def _rules(groups: tuple[_RuleGroup, ...]) -> Iterator[tuple[_Key, _Rule]]:
    for group in groups:
        for rule in group.rules:
            yield (
                (group.name, rule.name, frozenset(rule.labels.items())),
                {
                    "health": rule.health,
                    "error": rule.error,
                    "for_s": rule.for_s,
                    "keep_s": rule.keep_s,
                    "interval_s": group.interval_s,
                    "loaded": True,
                },
            )


def _said(rule: _Rule | None) -> _Rule | None:
    """A rule without the text of its error, which names other series each time."""
    return None if rule is None else {name: value for name, value in rule.items() if name != "error"}
