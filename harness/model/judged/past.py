"""Earlier runs, read from their `verdict.json`, and the differences between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class PastFigure:
    """One figure of one requirement in an earlier run, with the names of `measures` in `verdict.json`.

    Attributes:
        name: name of the figure, such as `response time p95`.
        verdict: outcome of this figure.
        scope: scope of the figure by word, such as route or region.
        value: measured value in `unit`; None for facts and without a measurement.
        unit: unit of the value.
        op: comparison with the limit.
        limit: limit as written.
        scaled_limit: applied limit in `unit`; None for facts.
        tolerance: half the width of the limit for `is within`.
        low: lower bound at `confidence`; None: no bound.
        high: upper bound at `confidence`; None: no bound.
        fail_low: lower bound at 99.75 %; None: no bound.
        fail_high: upper bound at 99.75 %; None: no bound.
        confidence: confidence of `low` and of `high`.
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
        """The scope of the figure as text, equal in every run: `read-track`, or `pod-loss, reads`."""
        return ", ".join(value for key, value in sorted(self.scope.items()) if key != "traffic")


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRow:
    """One requirement in an earlier run."""

    id: str
    verdict: str
    title: str = ""
    gate: str = ""
    reason: str = ""
    not_tried: tuple[str, ...] = ()
    measures: tuple[PastFigure, ...] = ()

    @property
    def figures(self) -> Mapping[tuple[str, str], PastFigure]:
        """The figures with a value by name and scope; of equal keys the first figure counts."""
        return {key: figure for key, figure in self.comparable.items() if figure.value is not None}

    @property
    def comparable(self) -> Mapping[tuple[str, str], PastFigure]:
        """The figures with a value or a lower bound, such as a recovery that did not end; of equal keys the first figure counts."""
        found: dict[tuple[str, str], PastFigure] = {}
        for figure in self.measures:
            if figure.value is not None or figure.low is not None:
                found.setdefault((figure.name, figure.of), figure)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """One earlier run.

    Attributes:
        run: name of the directory.
        run_id: id of the run in its verdict; a copy has another directory name.
        requirements: requirements of the verdict; empty if only its head was read.
        inputs: SHA-256 of every feature, experiment, load test and catalogue file by name; empty if only the head was
            read.
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
    """Result of the comparison of two figures."""

    WORSE = "worse"
    BETTER = "better"
    DIFFERENT = "different"
    """The share changed; for a share with limits on both sides no direction is better."""
    UNPROVEN = "no difference proven"
    UNTESTED = "not tested"


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureChange:
    """One figure in two runs.

    Attributes:
        requirement: id of the requirement.
        before: figure in the earlier run.
        after: figure in the later run.
        change: proven change at `confidence`.
        of: meaning of `value`, `low` and `high`: `ratio` (after divided by before) or `difference` (after minus before,
            in the figure's unit); empty without a test.
        value: change of the figure; None if one of the runs has no value, such as a recovery that did not end.
        low: lower bound of the change at `confidence`.
        high: upper bound of the change at `confidence`.
        confidence: confidence of `low` and of `high`; None: the figure was observed once in each run, between its bounds.
        why: reason for a missing test, or the method of the bounds.
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
    """A requirement with different verdicts; `before` or `after` is empty if the run lacks the requirement."""

    id: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """The differences between two runs.

    Attributes:
        before: earlier run.
        after: later run.
        rows: requirements with different verdicts, or in only one of the runs.
        figures: figures that both runs have, changed figures first.
        inputs: differing files, as `changed NAME`, `new NAME` or `gone NAME`.
        why_not: reason why figures were not compared; empty if they were compared.
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
        change: change from the previous to the latest point; None for a single point.
    """

    requirement: str
    title: str
    name: str
    of: str
    points: tuple[TrendPoint, ...]
    change: FigureChange | None
