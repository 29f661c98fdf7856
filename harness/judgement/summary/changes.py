"""Differences between judged runs: verdicts, and figures by two-sample bounds. A figure is called worse only if this is proven."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from harness.judgement.stats.comparisons import difference_of, ratio_of
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import Op
from harness.model.judged.past import (
    Change,
    FigureChange,
    FigureTrend,
    PastFigure,
    PastRow,
    PastRun,
    RowChange,
    RunComparison,
    TrendPoint,
)

_ORDER: Final = list(Change)
_LENGTHS: Final = frozenset({"ms", "s"})
"""Units of figures that are compared by their ratio; shares and rates are compared by their difference."""


def compared(before: PastRun, after: PastRun) -> RunComparison:
    """The differences between two runs; figures are compared only if both runs have the same target, environment and time scale."""
    why_not = ""
    if before.series != after.series:
        first, second = (f"{run.target} ({run.environment}, time scale {run.time_scale:g})" for run in (before, after))
        why_not = f"the runs have different targets: {first} and {second}"
    figures = [] if why_not else _figures(before, after)
    return RunComparison(
        before=before,
        after=after,
        rows=tuple(_rows(before, after)),
        figures=tuple(sorted(figures, key=lambda change: _ORDER.index(change.change))),
        inputs=tuple(_inputs(before, after)),
        why_not=why_not,
    )


def _rows(before: PastRun, after: PastRun) -> Iterable[RowChange]:
    old, new = before.rows, after.rows
    for id_ in dict.fromkeys([*new, *old]):
        first, second = old.get(id_), new.get(id_)
        was, is_ = (row.verdict if row else "" for row in (first, second))
        if was != is_:
            yield RowChange(id=id_, before=was, after=is_, reason=second.reason if second else "")


def _inputs(before: PastRun, after: PastRun) -> Iterable[str]:
    for name in sorted({*before.inputs, *after.inputs}):
        if name not in before.inputs:
            yield f"new {name}"
        elif name not in after.inputs:
            yield f"gone {name}"
        elif before.inputs[name] != after.inputs[name]:
            yield f"changed {name}"


def _figures(before: PastRun, after: PastRun) -> list[FigureChange]:
    old = before.rows
    return [
        figure_change(row.id, first, second)
        for row in after.requirements
        if row.id in old
        for first, second in _pairs(old[row.id], row)
    ]


def _pairs(before: PastRow, after: PastRow) -> Iterable[tuple[PastFigure, PastFigure]]:
    old = before.comparable
    yield from ((old[key], figure) for key, figure in after.comparable.items() if key in old)


def figure_change(requirement: str, before: PastFigure, after: PastFigure) -> FigureChange:
    """The change of one figure between two runs, proven at the confidence of a FAIL on either side."""
    first, second = _bounds(before), _bounds(after)
    if before.unit != after.unit:
        why = f"the units differ: {before.unit or 'none'} and {after.unit or 'none'}"
        return FigureChange(requirement=requirement, before=before, after=after, change=Change.UNTESTED, why=why)
    if _is_observed(before) and _is_observed(after):
        return _observed(requirement, before, after)
    if first is None or second is None:
        why = "at least one run has no 99.75 % bounds for this figure"
        return FigureChange(requirement=requirement, before=before, after=after, change=Change.UNTESTED, why=why)
    grows = after.unit in _LENGTHS and first.value > 0 < second.value
    of, unchanged = ("ratio", 1.0) if grows else ("difference", 0.0)
    bounds = ratio_of(second, first) if grows else difference_of(second, first)
    return FigureChange(
        requirement=requirement,
        before=before,
        after=after,
        change=_proven(after, bounds, unchanged),
        of=of,
        value=_finite(bounds.value),
        low=_finite(bounds.fail_low),
        high=_finite(bounds.fail_high),
        confidence=FAIL_CONFIDENCE,
        why=bounds.why or bounds.method,
    )


def _is_observed(figure: PastFigure) -> bool:
    """Whether a figure is a length of time that was observed once, such as a recovery: its bounds are those of the observation."""
    return figure.unit == "s" and figure.confidence is None and figure.low is not None


def _observed(requirement: str, before: PastFigure, after: PastFigure) -> FigureChange:
    """The change of a length of time that was observed once in each run, from the bounds of both observations."""
    low = (after.low or 0.0) - (math.inf if before.high is None else before.high)
    high = (math.inf if after.high is None else after.high) - (before.low or 0.0)
    return FigureChange(
        requirement=requirement,
        before=before,
        after=after,
        change=_direction(after, low, high, 0.0),
        of="difference",
        value=None if before.value is None or after.value is None else after.value - before.value,
        low=_finite(low),
        high=_finite(high),
        why="observed once in each run",
    )


def _proven(figure: PastFigure, bounds: Bounds, unchanged: float) -> Change:
    """Which way the figure went, if both bounds are on one side."""
    return _direction(figure, bounds.fail_low, bounds.fail_high, unchanged)


def _direction(figure: PastFigure, low: float, high: float, unchanged: float) -> Change:
    if not (low > unchanged or high < unchanged):
        return Change.UNPROVEN
    if figure.op not in (Op.BELOW, Op.AT_MOST, Op.AT_LEAST):
        return Change.DIFFERENT
    grew = low > unchanged
    return Change.WORSE if grew is (figure.op in (Op.BELOW, Op.AT_MOST)) else Change.BETTER


def _bounds(figure: PastFigure) -> Bounds | None:
    """The recorded bounds of a figure, infinite on a side without a bound; None if it has no bounds at all."""
    if figure.value is None or figure.confidence is None or (figure.fail_low is None and figure.fail_high is None):
        return None
    return Bounds(
        value=figure.value,
        low=-math.inf if figure.low is None else figure.low,
        high=math.inf if figure.high is None else figure.high,
        fail_low=-math.inf if figure.fail_low is None else figure.fail_low,
        fail_high=math.inf if figure.fail_high is None else figure.fail_high,
        confidence=figure.confidence,
        n=figure.n or 0,
        method="the recorded bounds",
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def trends(runs: Sequence[PastRun]) -> tuple[FigureTrend, ...]:
    """The figures with bounds of the latest run, with their values in the earlier runs of its series, oldest first.

    The latest value is compared with the value of the run before. `runs` must be in order of time, oldest first.
    """
    if not runs:
        return ()
    series = [(run, {row.id: row.figures for row in run.requirements}) for run in runs if run.series == runs[-1].series]
    found = []
    for row in runs[-1].requirements:
        for key, latest in row.figures.items():
            if latest.low is not None or latest.high is not None:
                points = tuple(
                    TrendPoint(run=run.run, release=run.release, figure=rows[row.id][key])
                    for run, rows in series
                    if key in rows.get(row.id, ())
                )
                found.append(_trend(row, key, points))
    return tuple(found)


def _trend(row: PastRow, key: tuple[str, str], points: tuple[TrendPoint, ...]) -> FigureTrend:
    change = figure_change(row.id, points[-2].figure, points[-1].figure) if len(points) > 1 else None
    return FigureTrend(requirement=row.id, title=row.title, name=key[0], of=key[1], points=points, change=change)
