"""Samples in memory, for as long as rules and dashboards read back."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple

from .promql.patterns import compiled
from .promql.values import NAME, STALE, Labels, is_stale

_TRIM_EACH: Final = 256
"""A series is shortened when so many samples have been added, not at each."""


class LabelMatcher(NamedTuple):
    """One condition of a selector; `op` is `=`, `!=`, `=~` or `!~`."""

    name: str
    op: str
    value: str

    def test(self) -> Callable[[str], bool]:
        """Whether the value of a label meets it; a label that is not there has an empty value.

        Raises:
            PromqlError: its regular expression cannot be read.
        """
        if self.op in ("=", "!="):
            return lambda value: (value == self.value) is (self.op == "=")
        pattern = compiled(self.value)
        return lambda value: (pattern.fullmatch(value) is not None) is (self.op == "=~")


@dataclass(slots=True, eq=False)
class StoredSeries:
    """One series: its samples in the order of time."""

    labels: Labels
    times_s: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, at_s: float, value: float, retention_s: float) -> None:
        """Add a sample; dropped when it is too old, or not younger than the last."""
        times = self.times_s
        if times and at_s <= times[-1]:
            return
        times.append(at_s)
        self.values.append(value)
        if len(times) % _TRIM_EACH == 0:
            old = bisect_right(times, at_s - retention_s)
            del times[:old]
            del self.values[:old]

    def within(self, start_s: float, end_s: float) -> tuple[Sequence[float], Sequence[float]]:
        """Times and values after `start_s`, up to `end_s`, without stale markers."""
        if not self.times_s or self.times_s[-1] <= start_s:
            return (), ()  # most series of a pod that is gone
        low, high = bisect_right(self.times_s, start_s), bisect_right(self.times_s, end_s)
        times, values = self.times_s[low:high], self.values[low:high]
        if not math.isnan(sum(values)):  # no NaN among them, so no marker
            return times, values
        kept = [at for at, value in enumerate(values) if not is_stale(value)]
        return [times[at] for at in kept], [values[at] for at in kept]

    @property
    def ended(self) -> bool:
        """Whether its last sample says that nothing follows."""
        return not self.values or is_stale(self.values[-1])

    def end(self, at_s: float, retention_s: float) -> None:
        """Mark it stale; once."""
        if not self.ended:
            self.add(at_s, STALE, retention_s)


class _Selection:
    """The series that meet all conditions of a selector, in the order of their labels."""

    def __init__(self, matchers: Iterable[LabelMatcher]) -> None:
        conditions = list(matchers)
        self.metric = next((each.value for each in conditions if each.name == NAME and each.op == "="), "")
        self._tests = [(each.name, each.test()) for each in conditions]
        self.chosen: list[StoredSeries] = []

    def offer(self, one: StoredSeries) -> None:
        """Add a series that meets them."""
        labels = dict(one.labels)
        if all(test(labels.get(name, "")) for name, test in self._tests):
            insort(self.chosen, one, key=attrgetter("labels"))


class Storage:
    """All series, by the name of their metric.

    Args:
        retention_s: how long samples are kept.
    """

    def __init__(self, retention_s: float = 900.0) -> None:
        self.retention_s = retention_s
        self._series: dict[Labels, StoredSeries] = {}
        self._named: dict[str, list[StoredSeries]] = {}
        self._selected: dict[tuple[LabelMatcher, ...], _Selection] = {}

    def series(self, labels: Labels) -> StoredSeries:
        """The series with these labels, a new one where there is none."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = StoredSeries(labels)
            metric = dict(labels).get(NAME, "")
            self._named.setdefault(metric, []).append(found)
            for selection in self._selected.values():
                if selection.metric in ("", metric):
                    selection.offer(found)
        return found

    def add(self, labels: Labels, at_s: float, value: float) -> None:
        """Add one sample."""
        self.series(labels).add(at_s, value, self.retention_s)

    def end(self, labels: Labels, at_s: float) -> None:
        """Mark a series stale, where there is one."""
        if labels in self._series:
            self._series[labels].end(at_s, self.retention_s)

    def select(self, matchers: Sequence[LabelMatcher]) -> list[StoredSeries]:
        """The series that meet all conditions, in the order of their labels."""
        key = tuple(matchers)
        if key not in self._selected:
            made = self._selected[key] = _Selection(key)
            for one in self._named.get(made.metric, []) if made.metric else self._series.values():
                made.offer(one)
        return self._selected[key].chosen

    def forget(self, now_s: float) -> None:
        """Drop the series that have ended longer ago than samples are kept."""
        since = now_s - self.retention_s
        gone = {labels for labels, one in self._series.items() if not one.times_s or one.times_s[-1] < since}
        if not gone:
            return
        self._series = {labels: one for labels, one in self._series.items() if labels not in gone}
        for metric in {dict(labels).get(NAME, "") for labels in gone}:
            self._named[metric] = [one for one in self._named[metric] if one.labels not in gone]
        for selection in self._selected.values():
            selection.chosen = [one for one in selection.chosen if one.labels not in gone]
