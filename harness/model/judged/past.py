"""Earlier runs, read from their `verdict.json`, and the differences between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class PastFigure:
    """One figure of one requirement in an earlier run; the names are those of `measures` in `verdict.json`.

    Attributes:
        name: `response time p95`. scope: of what and when.
        verdict: of this figure alone.
        value: in `unit`; None where nothing was measured, and for facts.
        op, limit, scaled_limit: what it was held against. tolerance: of `is within`.
        low, high: bounds at `confidence` each. fail_low, fail_high: at 99.75 %. None where there is none.
        n: number of samples.
    """

    name: str
    verdict: str
    scope: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    unit: str = ""
    op: str = ""
    limit: str = ""
    scaled_limit: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    fail_low: float | None = None
    fail_high: float | None = None
    confidence: float | None = None
    n: int | None = None

    @property
    def of(self) -> str:
        """The scope of the figure: `read-track`, `pod-loss, reads`; equal in every run."""
        return ", ".join(value for key, value in sorted(self.scope.items()) if key != "traffic")


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRow:
    """One requirement in an earlier run."""

    id: str
    verdict: str
    title: str = ""
    gate: str = ""
    reason: str = ""
    measures: tuple[PastFigure, ...] = ()

    @property
    def figures(self) -> Mapping[tuple[str, str], PastFigure]:
        """Its figures with a value, by name and scope; the first one if several are alike."""
        found: dict[tuple[str, str], PastFigure] = {}
        for figure in self.measures:
            if figure.value is not None:
                found.setdefault((figure.name, figure.of), figure)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """One earlier run.

    Attributes:
        run: name of its directory.
        run_id: as its verdict says; another name than its directory's is that of a copy.
        requirements: empty where only the head of the verdict was read.
        inputs: SHA-256 of every feature, experiment, loadtest and catalogue file, by name; likewise.
    """

    run: str = ""
    schema: int
    run_id: str
    decision: str
    headline: str
    profile: str
    environment: str
    target: str
    time_scale: float
    release: str
    score: float
    counts: Mapping[str, int]
    requirements: tuple[PastRow, ...] = ()
    reasons: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def series(self) -> tuple[str, str, float]:
        """Key of runs whose figures may be compared: target, environment and time scale."""
        return self.target, self.environment, self.time_scale

    @property
    def rows(self) -> Mapping[str, PastRow]:
        """The requirements by id."""
        return {row.id: row for row in self.requirements}


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadRun:
    """A directory that cannot be read as a run, with the reason."""

    run: str
    why: str


class Change(StrEnum):
    """What is proven about the difference of two figures."""

    WORSE = "worse"
    BETTER = "better"
    DIFFERENT = "different"
    """The share changed; for a share that must stay within limits, no direction is better."""
    UNPROVEN = "no difference proven"
    UNTESTED = "not tested"


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureChange:
    """One figure in two runs.

    Attributes:
        requirement: that it belongs to. before, after: the figure in the earlier and the later run.
        change: what is proven at `confidence`.
        of: what `value`, `low` and `high` are: `ratio` (after over before) or `difference` (after less before, in the figure's unit);
            empty where nothing was tested.
        low, high: bounds at `confidence` each.
        why: why nothing was tested; how the bounds are made.
    """

    requirement: str
    before: PastFigure
    after: PastFigure
    change: Change
    of: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowChange:
    """A requirement whose verdict differs; `before` or `after` is empty where that run has no such requirement."""

    id: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """The differences between two runs.

    Attributes:
        rows: requirements whose verdict differs, or that only one of them has.
        figures: every figure that both have, changes first.
        inputs: files that differ, as `changed NAME`, `new NAME`, `gone NAME`.
        why_not: why figures were not compared; empty where they were.
    """

    before: PastRun
    after: PastRun
    rows: tuple[RowChange, ...]
    figures: tuple[FigureChange, ...]
    inputs: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrendPoint:
    """One figure in one run."""

    run: str
    release: str
    figure: PastFigure


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureTrend:
    """One figure over the runs of one series, the oldest first.

    Attributes:
        change: the latest against the one before it; None of a single point.
    """

    requirement: str
    title: str
    name: str
    of: str
    points: tuple[TrendPoint, ...]
    change: FigureChange | None
