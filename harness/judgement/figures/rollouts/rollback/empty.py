"""Analyses that passed although they read no values: the metrics that decided something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from harness.model.observations import RolloutAnalysis

NO_VALUE: Final = (
    "make sure that the series which the analysis reads are exported, and write the condition of one of its metrics so that an empty answer fails it,"
    " then run again"
)
NO_WORDS: Final = (
    "make sure that the series which the metric reads is exported; if its answer may be empty, allow for that in its condition,"
    " such as `len(result) == 0 || result[0] < 0.1`, then run again"
)
_NOTHING: Final = frozenset({"", "nan", "null"})
_OF_EMPTY: Final = re.compile(r"\blen\s*\(\s*result\s*\)|\b(default|isNil)\s*\(|\bnil\b")
_OF_NAN: Final = re.compile(r"\bisNaN\s*\(")


def has_values(run: RolloutAnalysis) -> bool:
    """Whether any metric of an analysis read a value, in the measurements that are kept.

    An empty answer passes a condition such as `len(result) == 0 || result[0] < 0.1`. Metrics without a text, such as metrics of a Job, may have values.
    """
    every = _that_count(run)
    return not every or not all(_is_empty(_values(one)) for one in every)


def of_nothing(runs: Iterable[RolloutAnalysis]) -> str:
    """The first metric that read no value although its condition does not allow for that.

    Empty unless each analysis has such a metric.
    A metric without conditions decides nothing whatever it reads. A metric whose conditions were not recorded is not named.
    """
    found = [next((str(one.get("name", "")) for one in _that_count(run) if _is_unfed(one)), "") for run in runs]
    return found[0] if found and all(found) else ""


def _that_count(run: RolloutAnalysis) -> list[Mapping[str, Any]]:
    return [one for one in run.metrics if not one.get("dry_run")]


def _is_unfed(metric: Mapping[str, Any]) -> bool:
    conditions = " ".join(str(one) for one in metric.get("conditions") or ())
    values = _values(metric)
    if not conditions.strip() or not _is_empty(values):
        return False
    words = _OF_NAN if any("nan" in value.lower() for value in values) else _OF_EMPTY
    return words.search(conditions) is None


def _values(metric: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in metric.get("values") or ()]


def _is_empty(values: Sequence[str]) -> bool:
    """Whether values were read and each of them is an empty answer, or an answer that contains only `NaN`."""
    said = [value.strip() for value in values if value.strip()]
    return bool(said) and all(_is_nothing(value) for value in said)


def _is_nothing(value: str) -> bool:
    """Whether a value is empty, such as `[]`, `[NaN,NaN]`, `NaN` or `null`."""
    return all(piece.strip().lower() in _NOTHING for piece in value.removeprefix("[").removesuffix("]").split(","))
