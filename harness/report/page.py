"""`readiness.html`: one page that holds everything it shows. No script, nothing fetched from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.model import DecisionOutcome, Outcome
from harness.report.digest import closest, rows, unverified
from harness.report.moments import Moments
from harness.report.plot import LEFT, RIGHT, WIDTH, Plot, plot_of
from harness.report.wording import DECISION_MARKS, MARKS, NOTHING, clean, counted, duration, figure, recovered, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Evidence, Experiment, ExperimentResult, Judgement, Plan
    from harness.report.digest import Row

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MOST_REASONS: Final = 6
"""The first screen holds so many reasons; the others fold away below them."""
_GAUGE_FULL: Final = 1.5
"""A gauge ends at one and a half times the limit; the style sheet marks the limit at two thirds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One of the decision's reasons; id and outcome are empty where it speaks of no requirement."""

    id: str
    outcome: Outcome | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The requirements that ended alike."""

    outcome: Outcome
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentView:
    """One experiment: its figures in words, and its plot where it left a record."""

    result: ExperimentResult
    facts: tuple[tuple[str, str], ...]
    reads: str
    writes: str
    plot: Plot | None


def render_page(plan: Plan, evidence: Evidence, judgement: Judgement) -> bytes:
    """The page as UTF-8. The same run gives the same bytes."""
    every, moments = rows(plan, judgement), Moments.of(evidence)
    text = _environment().get_template("readiness.html.j2").render(
        plan=plan,
        decision=judgement.decision,
        what=_what(plan, moments),
        reasons=tuple(_reasons(judgement.decision.reasons, every)),
        most_reasons=_MOST_REASONS,
        gating=sum(row.gating for row in every),
        closest=closest(every),
        unverified=unverified(plan, judgement, every),
        groups=tuple(_groups(every)),
        total=len(every),
        experiments=tuple(_experiment(evidence, result) for result in judgement.experiments),
        traffic=judgement.traffic,
    )  # fmt: skip
    return clean(text).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=figure, clean=clean, code=_code, counted=counted, slug=_slug)
    environment.globals.update(
        MARKS=MARKS,
        DECISION_MARKS=DECISION_MARKS,
        NOTHING=NOTHING,
        GO=DecisionOutcome.GO,
        PASS=Outcome.PASS,
        gauge_full=_GAUGE_FULL,
        plot_width=WIDTH,
        plot_left=LEFT,
        plot_right=WIDTH - RIGHT,
    )
    return environment


def _code(text: str) -> Markup:
    """Text in which commands stand between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def _slug(text: str) -> str:
    """`NO-GO` → `no-go`, `NOT ASSESSED` → `not-assessed`: names of classes and anchors."""
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())


def _what(plan: Plan, moments: Moments) -> dict[str, str]:
    """What was decided on beside release and target, in a few words each."""
    seconds = moments.seconds
    scale = "1" if plan.time_scale == 1 else f"{plan.time_scale:g}: limits of a minute and more are divided by it"
    what = {
        "Environment": plan.environment,
        "Profile": plan.profile,
        "Time scale": scale,
        "Run": plan.run,
        "Started": moments.text(moments.start_ns),
        "Took": "" if seconds is None else duration(seconds),
    }
    return {key: value for key, value in what.items() if value}


def _reasons(texts: Sequence[str], every: Sequence[Row]) -> Iterable[Reason]:
    """`ND-KPI-P95 FAIL: …` speaks of a requirement, anything else of the run."""
    outcomes = {row.requirement.id: row.outcome for row in every}
    for text in texts:
        head, _, rest = text.partition(": ")
        requirement = head.partition(" ")[0]
        outcome = outcomes.get(requirement)
        if outcome is not None and head == f"{requirement} {outcome.value}":
            yield Reason(id=requirement, outcome=outcome, text=rest)
        else:
            yield Reason(id="", outcome=None, text=text)


def _groups(every: Sequence[Row]) -> Iterable[Group]:
    for outcome in MARKS:
        if own := tuple(row for row in every if row.outcome is outcome):
            yield Group(outcome=outcome, rows=own)


def _experiment(evidence: Evidence, result: ExperimentResult) -> ExperimentView:
    attempt = _attempt(evidence, result)
    return ExperimentView(
        result=result,
        facts=tuple(_facts(result)),
        reads=recovered(result.reads),
        writes=recovered(result.writes),
        plot=plot_of(evidence, attempt, result) if attempt is not None and attempt.ran else None,
    )


def _attempt(evidence: Evidence, result: ExperimentResult) -> Experiment | None:
    attempts = evidence.experiments.get(result.name, ())
    return next((attempt for attempt in attempts if attempt.attempt == result.attempt), None)


def _facts(result: ExperimentResult) -> Iterable[tuple[str, str]]:
    """Label and figure, for the list beside the plot."""
    yield "Hit", some(result.hit, 3) or NOTHING
    yield "Seen on the target after", figure(result.confirmed_after_s, "s")
    yield "First felt by a client after", figure(result.seen_by_client_after_s, "s")
    yield "Reads back after", recovered(result.reads)
    yield "Writes back after", recovered(result.writes)
    yield "Writes acknowledged / lost / unsure", _writes(result)
    if result.loss_window_s is not None:
        yield "Oldest lost write, before the fault", figure(result.loss_window_s, "s")
    restored = {True: "as before", False: "not as before", None: "nobody looked"}[result.restore_ok]
    after = "" if result.restored_after_s is None else f" after {figure(result.restored_after_s, 's')}"
    yield "Afterwards", f"{restored}{after}"
    if result.errors:
        errors = ", ".join(f"{kind}: {n}" for kind, n in result.errors.items())
        yield "Failed requests, never charged to a KPI", errors
    if moved := ", ".join(_moved(result)):
        yield "Share of answers, before → during", moved


def _writes(result: ExperimentResult) -> str:
    return f"{result.writes_acknowledged} / {result.writes_lost} / {result.writes_unsure}"


def _moved(result: ExperimentResult) -> Iterable[str]:
    for region in dict.fromkeys(key.rpartition(" ")[0] for key in result.share):
        before, during = (figure(result.share.get(f"{region} {phase}", 0.0), "ratio") for phase in ("before", "during"))
        yield f"{region} {before} → {during}"
