"""Rule files of Prometheus: groups of alerting and recording rules, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from ..moments import seconds_of
from ..promql import PromqlError, PromqlQuery
from . import templates

_GROUP: Final = frozenset({"name", "interval", "limit", "rules"})
_RULE: Final = frozenset({"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"})
_ALERT_ONLY: Final = frozenset({"for", "keep_firing_for", "annotations"})
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class RuleFileError(Exception):
    """A rule file is invalid, or uses what is not supported here; with file and rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: of the alert or of the recorded metric. alerting: which of the two.
        query: its expression.
        for_s: how long the condition must last before the alert fires. keep_s: how long it fires on afterwards.
        labels: added to the result. annotations: of the alert.
    """

    name: str
    alerting: bool
    query: PromqlQuery
    for_s: float = 0.0
    keep_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleGroup:
    """Rules that are evaluated in order, every `interval_s`.

    `limit`: elements that a rule may return, 0 for any number.
    """

    name: str
    file: str
    interval_s: float
    limit: int
    rules: tuple[Rule, ...]


def read_groups(files: Iterable[Path], interval_s: float) -> tuple[RuleGroup, ...]:
    """The groups of rule files; those without an interval have the given one.

    Raises:
        RuleFileError: the first thing that is wrong.
    """
    groups = [group for file in files for group in _file(file, interval_s)]
    seen = set()
    for group in groups:
        if (group.file, group.name) in seen:
            raise RuleFileError(f'{group.file}: groupname: "{group.name}" is repeated in the same file')
        seen.add((group.file, group.name))
    return tuple(groups)


def _file(file: Path, interval_s: float) -> Iterable[RuleGroup]:
    try:
        content = yaml.safe_load(file.read_text("utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise RuleFileError(f"{file}: {error}") from error
    _known(content, frozenset({"groups"}), str(file))
    for group in content.get("groups") or ():
        where = f"{file}: group {group.get('name', '')!r}"
        _known(group, _GROUP, where)
        rules = tuple(_rule(rule, f"{where}, rule {at}") for at, rule in enumerate(group.get("rules") or (), 1))
        every = _duration(group, "interval", where) or interval_s
        yield RuleGroup(
            name=str(group["name"]), file=str(file), interval_s=every, limit=int(group.get("limit", 0)), rules=rules
        )


def _rule(rule: Mapping[str, Any], where: str) -> Rule:
    _known(rule, _RULE, where)
    name, alerting = rule.get("alert") or rule.get("record") or "", "alert" in rule
    where = f"{where} {name!r}"
    if ("alert" in rule) is ("record" in rule) or not name:
        raise RuleFileError(f"{where}: exactly one of 'record' and 'alert' must be set")
    if not alerting and (_ALERT_ONLY & rule.keys() or not _METRIC.fullmatch(name)):
        wrong = ", ".join(sorted(_ALERT_ONLY & rule.keys())) or f"name {name!r}"
        raise RuleFileError(f"{where}: invalid in a recording rule: {wrong}")
    labels = {str(key): str(value) for key, value in (rule.get("labels") or {}).items()}
    annotations = {str(key): str(value) for key, value in (rule.get("annotations") or {}).items()}
    try:
        for template in (*labels.values(), *annotations.values()) if alerting else ():
            templates.check(template)
        query = PromqlQuery(str(rule.get("expr", "")))
    except (PromqlError, templates.TemplateRefused) as error:
        raise RuleFileError(f"{where}: {error}") from error
    return Rule(
        name=name,
        alerting=alerting,
        query=query,
        for_s=_duration(rule, "for", where),
        keep_s=_duration(rule, "keep_firing_for", where),
        labels=labels,
        annotations=annotations,
    )


def _duration(content: Mapping[str, Any], key: str, where: str) -> float:
    try:
        return seconds_of(str(content.get(key, "0")))
    except ValueError as error:
        raise RuleFileError(f"{where}: {key}: {error}") from error


def _known(content: object, keys: frozenset[str], where: str) -> None:
    if not isinstance(content, dict):
        raise RuleFileError(f"{where}: must be a mapping")
    if unknown := sorted(map(str, content.keys() - keys)):
        raise RuleFileError(f"{where}: field {unknown[0]} not found")
