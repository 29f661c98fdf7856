"""Relabelling as Prometheus does it: targets and samples to keep, and their labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..promql import PromqlError
from ..promql.functions import expanded
from ..promql.patterns import compiled

_ACTIONS: Final = frozenset({"replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep"})
_KEYS: Final = frozenset({"source_labels", "separator", "regex", "target_label", "replacement", "action"})


class ConfigRefused(Exception):
    """The configuration says what is not understood here; with the key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Relabel:
    """One rule of `relabel_configs`."""

    action: str
    pattern: re.Pattern[str]
    sources: tuple[str, ...] = ()
    separator: str = ";"
    target: str = ""
    replacement: str = "$1"

    @classmethod
    def parse(cls, content: Mapping[str, Any], where: str) -> Relabel:
        """Read one.

        Raises:
            ConfigRefused: an unknown key, action or regular expression.
        """
        known(content, _KEYS, where)
        action = str(content.get("action", "replace"))
        if action not in _ACTIONS:
            raise ConfigRefused(f"{where}: the relabel action {action} is not supported")
        try:
            pattern = compiled(str(content.get("regex", "(.*)")))
        except PromqlError as error:
            raise ConfigRefused(f"{where}: regex: {error}") from error
        return cls(
            action=action,
            pattern=pattern,
            sources=tuple(content.get("source_labels", ())),
            separator=str(content.get("separator", ";")),
            target=str(content.get("target_label", "")),
            replacement=str(content.get("replacement", "$1")),
        )

    def apply(self, labels: dict[str, str]) -> dict[str, str] | None:
        """The labels after it; None: what has them is dropped."""
        if self.action == "labelmap":
            mapped = ((self.pattern.fullmatch(name), value) for name, value in labels.items())
            return {**labels, **{expanded(self.replacement, found): value for found, value in mapped if found}}
        if self.action in ("labeldrop", "labelkeep"):
            keeps = self.action == "labelkeep"
            return {name: value for name, value in labels.items() if bool(self.pattern.fullmatch(name)) is keeps}
        found = self.pattern.fullmatch(self.separator.join(labels.get(name, "") for name in self.sources))
        if self.action in ("keep", "drop"):
            return labels if bool(found) is (self.action == "keep") else None
        if found is None:
            return labels
        value = expanded(self.replacement, found)
        return {name: each for name, each in {**labels, self.target: value}.items() if each}


def relabelled(labels: Mapping[str, str], rules: Iterable[Relabel]) -> dict[str, str] | None:
    """The labels after all rules; None: dropped by one."""
    current: dict[str, str] | None = dict(labels)
    for rule in rules:
        if current is None:
            return None
        current = rule.apply(current)
    return current


def known(content: object, keys: frozenset[str], where: str) -> None:
    """Refuse a key that is not read here.

    Raises:
        ConfigRefused: with the first of them.
    """
    if not isinstance(content, Mapping):
        raise ConfigRefused(f"{where}: must be a mapping")
    if unknown := sorted(map(str, content.keys() - keys)):
        raise ConfigRefused(f"{where}: {unknown[0]} is not supported")
