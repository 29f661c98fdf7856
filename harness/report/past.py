"""`readiness history`: earlier runs, trends and differences between two runs, for a terminal and for machines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from harness.model.judged.past import Change
from harness.report.view.wording import NOTHING, figure, span
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.model.judged.past import (
        FigureChange,
        FigureTrend,
        PastFigure,
        PastRun,
        RunComparison,
        TrendPoint,
        UnreadRun,
    )

_SHOWN_POINTS: Final = 5
_COUNTS: Final = ("PASS", "FAIL", "INCONCLUSIVE", "WAIVED", "NOT_ASSESSED")
_TOLD: Final = (Change.WORSE, Change.BETTER, Change.DIFFERENT)
_PHASES: Final = ("in the ", "during the ", "after the ", "at the ", "on the ")
"""First words of the names of phases."""


def render_history(
    runs: Sequence[PastRun], unread: Sequence[UnreadRun], trends: Sequence[FigureTrend], left_out: int
) -> str:
    """Lines with the decision of each run, the unreadable run directories, and the trend of each figure; latest run last."""
    return _text(_history_lines(runs, unread, trends, left_out))


def _history_lines(
    runs: Sequence[PastRun], unread: Sequence[UnreadRun], trends: Sequence[FigureTrend], left_out: int
) -> Iterator[str]:
    if not runs and not unread:
        yield "no runs"
        return
    yield from columns(
        [
            ("run", "decision", "target", "release", "profile", "passed", *(name.lower() for name in _COUNTS[1:])),
            *(_run_cells(run) for run in runs),
        ]
    )
    if left_out:
        yield f"{counted(left_out, 'earlier run')} not shown; --last {len(runs) + len(unread) + left_out} shows all"
    if unread:
        yield ""
        yield "Run directories that cannot be read"
        yield from (f"  {one.run}: {one.why}" for one in unread)
    if trends:
        target, environment, scale = runs[-1].series
        yield ""
        yield f"Figures of target {target} ({environment}, time scale {scale:g}), the latest last, with lower and upper bounds in brackets"
        for trend in trends:
            yield from _trend_lines(trend)


def _run_cells(run: PastRun) -> tuple[str, ...]:
    return (
        run.run,
        run.decision,
        run.target,
        run.release,
        run.profile,
        *(str(run.counts.get(name, 0)) for name in _COUNTS),
    )


def _trend_lines(trend: FigureTrend) -> Iterator[str]:
    latest = trend.points[-1].figure
    yield f"  {trend.requirement}  {_named(trend.name, trend.of)}, {_expected(latest)}"
    shown = trend.points[-_SHOWN_POINTS:]
    more = f"{len(trend.points) - len(shown)} earlier, " if len(trend.points) > len(shown) else ""
    yield f"    {more}{' → '.join(_value(point.figure) for point in shown)}"
    if trend.change is not None:
        yield f"    latest run compared with the run before: {_change(trend.change)}"


def _named(name: str, of: str) -> str:
    """Name and scope of a figure: `response time p95 of read-track`, or `response time p95 in the steady state` for a phase."""
    if not of:
        return name
    return f"{name} {of}" if of.startswith(_PHASES) else f"{name} of {of}"


def _expected(figure_: PastFigure) -> str:
    return f"{figure_.op.removeprefix('is ')} {figure_.limit}"


def _value(seen: PastFigure) -> str:
    bounds = span(seen.low, seen.high, seen.unit)
    if seen.value is None:
        return f"at least {figure(seen.low, seen.unit)}"
    return figure(seen.value, seen.unit) + (f" [{bounds}]" if bounds != NOTHING else "")


def _change(change: FigureChange) -> str:
    """`worse: 1.18 times, between 1.09 and 1.27 times (99.75 % each)`."""
    if change.change is Change.UNTESTED:
        return f"{change.change.value}: {change.why}"
    surely = change.why if change.confidence is None else f"{figure(change.confidence, 'ratio')} each"
    return f"{change.change.value}: {_how_much(change)} ({surely})"


def _how_much(change: FigureChange) -> str:
    """The ratio, or the difference in the figure's unit, with its bounds."""
    times = change.of == "ratio"
    unit = "times" if times else change.after.unit
    if change.value is None:
        return span(change.low, change.high, unit)
    value = figure(change.value, unit)
    if change.low is None and change.high is None:
        return f"{value}, without bounds"
    return f"{value}, {span(change.low, change.high, unit)}"


def render_comparison(comparison: RunComparison) -> str:
    """Lines that compare two runs: decisions, requirements with different verdicts, proven differences of figures, input files."""
    return _text(_comparison_lines(comparison))


def _comparison_lines(comparison: RunComparison) -> Iterator[str]:
    for run in (comparison.before, comparison.after):
        yield f"{run.run}: {run.headline}"
    yield ""
    if comparison.rows:
        yield f"{counted(len(comparison.rows), 'requirement')} with a different verdict"
        yield from columns(
            [(f"  {row.id}", row.before or "missing", "→", row.after or "missing") for row in comparison.rows],
            last=[row.reason for row in comparison.rows],
        )
    else:
        yield "every requirement has the same verdict"
    yield ""
    yield from _figures_lines(comparison)
    if comparison.inputs:
        yield ""
        yield f"{counted(len(comparison.inputs), 'file')} of features, experiments, loadtests and catalogue differ"
        yield from (f"  {name}" for name in comparison.inputs)


def _figures_lines(comparison: RunComparison) -> Iterator[str]:
    if comparison.why_not:
        yield f"figures were not compared: {comparison.why_not}"
        return
    counts = Counter(change.change for change in comparison.figures)
    tested = ", ".join(f"{counts[kind]} {kind.value}" for kind in Change if counts[kind])
    yield f"{counted(len(comparison.figures), 'figure')} in both runs{f': {tested}' if tested else ''}"
    for change in comparison.figures:
        if change.change in _TOLD or _is_observed(change):
            named = _named(change.after.name, change.after.of)
            yield f"  {change.requirement}  {named}: {_value(change.before)} → {_value(change.after)}"
            yield f"    {_change(change)}"


def _is_observed(change: FigureChange) -> bool:
    """Whether the figures were observed once in each run, as recoveries are: both are shown, whatever they prove."""
    return change.change is not Change.UNTESTED and change.confidence is None


def columns(rows: Sequence[Sequence[str]], last: Sequence[str] = ()) -> Iterator[str]:
    """Table rows with aligned columns; `last` gives a text that is added to each row unaligned."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield (f"{padded}  {last[number]}" if last else padded).rstrip()


def one_line(text: str) -> str:
    """The text as one line of printable characters, since it may come from an untrusted run."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _text(lines: Iterable[str]) -> str:
    return "\n".join(map(one_line, lines)) + "\n"


def history_document(
    runs: Sequence[PastRun], unread: Sequence[UnreadRun], trends: Sequence[FigureTrend], left_out: int
) -> dict[str, Any]:
    """The history as plain values for JSON; `docs/reference.md` describes the keys."""
    return {
        "runs": [_run_document(run) for run in runs],
        "unread": [{"run": one.run, "why": one.why} for one in unread],
        "left_out": left_out,
        "trends": [
            {
                "requirement": trend.requirement,
                "title": trend.title,
                "name": trend.name,
                "of": trend.of,
                "points": [_point_document(point) for point in trend.points],
                "change": None if trend.change is None else _change_document(trend.change),
            }
            for trend in trends
        ],
    }


def comparison_document(comparison: RunComparison) -> dict[str, Any]:
    """The comparison as plain values for JSON; `docs/reference.md` describes the keys."""
    return {
        "before": _run_document(comparison.before),
        "after": _run_document(comparison.after),
        "verdicts": [
            {"id": row.id, "before": row.before or None, "after": row.after or None, "reason": row.reason}
            for row in comparison.rows
        ],
        "figures": [
            {
                "requirement": change.requirement,
                "name": change.after.name,
                "of": change.after.of,
                "before": _figure_document(change.before),
                "after": _figure_document(change.after),
                "change": _change_document(change),
            }
            for change in comparison.figures
        ],
        "figures_not_compared": comparison.why_not or None,
        "inputs": list(comparison.inputs),
    }


def _run_document(run: PastRun) -> dict[str, Any]:
    names = ("run", "decision", "headline", "release", "target", "environment", "profile", "time_scale", "score")
    return {**{name: getattr(run, name) for name in names}, "counts": dict(run.counts)}


def _point_document(point: TrendPoint) -> dict[str, Any]:
    return {"run": point.run, "release": point.release, **_figure_document(point.figure)}


def _figure_document(seen: PastFigure) -> dict[str, Any]:
    names = ("verdict", "value", "unit", "op", "limit", "low", "high", "fail_low", "fail_high", "confidence", "n")
    return {name: getattr(seen, name) for name in names}


def _change_document(change: FigureChange) -> dict[str, Any]:
    return {
        "proven": change.change.value,
        "of": change.of or None,
        "value": change.value,
        "low": change.low,
        "high": change.high,
        "confidence": change.confidence,
        "why": change.why,
    }
