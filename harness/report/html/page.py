"""`readiness.html`: one page without scripts and without external files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.model import DecisionOutcome, Outcome
from harness.report.closing import counts_line
from harness.report.html.filters import SETTLED, contained, page_filters, places_of, slug
from harness.report.html.plot import LEFT, RIGHT, WIDTH, Plot, plot_of
from harness.report.html.rollout_plot import rollout_plot
from harness.report.view.basis import basis, in_trouble, receipt_line
from harness.report.view.causes import cause_head, causes, deciding_sentence, decisive, good_sentences
from harness.report.view.digest import closest, rows, unverified
from harness.report.view.experiments import experiment_views
from harness.report.view.moments import Moments
from harness.report.view.offered import lag_of, traffic_views, window_of
from harness.report.view.rollouts import rollout_views
from harness.report.view.sections import counts_of, documents
from harness.report.view.tables import document_tables
from harness.report.view.watched import ledger_facts, pipeline_facts, source_lines, watcher_lines
from harness.report.view.wording import DECISION_MARKS, MARKS, NOTHING, anchor, clean, duration, figure, found
from harness.report.view.worst import WORST_HEADS, worst_by_figure
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Evidence, Judgement, Plan
    from harness.report.view.digest import MeasureLine, Row
    from harness.report.view.experiments import ExperimentView

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MOST_REASONS: Final = 6
"""Maximum number of reasons on the first screen; further reasons are folded away."""
_MOST_CAUSES: Final = 12
"""Maximum number of causes that are listed; further causes are folded away."""
_MOST_IDS: Final = 6
"""Maximum number of requirements named for one reason; further ones are folded away."""
_MOST_LINES: Final = 40
"""Maximum number of passed figures listed in a row, and three times as many others; `verdict.json` has all."""
_MOST_OPEN: Final = 8
"""Maximum number of table rows; a longer table is folded away below its section."""
_LONG: Final = 220
"""Maximum length of a method in characters; the rest of a longer one is folded away."""
_HEAD: Final = 140
_GAUGE_FULL: Final = 1.5
"""A gauge ends at one and a half times the limit; the style sheet marks the limit at two thirds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FactGroup:
    """Facts of one requirement with the same expectation; each fact that is not as expected has its own group."""

    outcome: Outcome
    expected: str
    of: tuple[str, ...]
    sentence: str


def render_page(plan: Plan, evidence: Evidence, judgement: Judgement) -> bytes:
    """The page `readiness.html` as UTF-8. The same run gives the same bytes."""
    every, moments = rows(plan, judgement), Moments.of(evidence)
    parts, because = documents(plan, every), judgement.decision.because
    places = places_of(parts)
    text = environment().get_template("readiness.html.j2").render(
        plan=plan,
        decision=judgement.decision,
        what=_what(plan, evidence, moments),
        sentence=deciding_sentence(judgement, every),
        reasons=[reason for reason in decisive(because) if reason.outcome is not Outcome.NOT_ASSESSED],
        waiting=sum(reason.outcome is Outcome.NOT_ASSESSED for reason in because),
        most_reasons=_MOST_REASONS,
        causes=causes(every),
        most_causes=_MOST_CAUSES,
        closest=closest(every),
        good=good_sentences(every),
        basis=basis(judgement),
        unverified=unverified(plan, judgement, every),
        counts=counts_of(every),
        documents=parts,
        tables=document_tables(plan, every),
        places=places,
        filters=page_filters(every, parts),
        known=frozenset(row.requirement.id for row in every),
        experiments=[(view, _plot_of(evidence, view)) for view in experiment_views(evidence, judgement.experiments)],
        rollouts=[(view, rollout_plot(view)) for view in rollout_views(plan, evidence)],
        windows=judgement.windows,
        lost=judgement.unjudged,
        journeys=judgement.journeys,
        doors=judgement.doors,
        release=judgement.release,
        ledger=judgement.ledger,
        sources=() if judgement.ledger is None else tuple(source_lines(judgement.ledger, evidence)),
        pipeline=judgement.pipeline,
        traffics=tuple(traffic_views(plan.traffic, judgement.traffic)),
        watchers=tuple(watcher_lines(judgement.watchers, moments)),
    )  # fmt: skip
    return clean(text).encode()


def _plot_of(evidence: Evidence, view: ExperimentView) -> Plot | None:
    attempt = view.attempt
    return plot_of(evidence, attempt, view.result, view.events) if attempt is not None and attempt.ran else None


@cache
def environment() -> Environment:
    """The templates of the pages, with their filters."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        figure=figure,
        clean=clean,
        quoted=_quoted,
        counted=counted,
        found=found,
        slug=slug,
        anchor=anchor,
        contained=contained,
        shown=_shown,
        fact_groups=_fact_groups,
        cause_head=cause_head,
        counts_words=counts_line,
        requirement_facts=_requirement_facts,
        parted=_parted,
        lag=lag_of,
        window=window_of,
        in_trouble=in_trouble,
        receipt_line=receipt_line,
        worst_by_figure=worst_by_figure,
    )
    environment.globals.update(
        MARKS=MARKS,
        DECISION_MARKS=DECISION_MARKS,
        NOTHING=NOTHING,
        GO=DecisionOutcome.GO,
        PASS=Outcome.PASS,
        WORST_HEADS=WORST_HEADS,
        SETTLED=SETTLED,
        ledger_facts=ledger_facts,
        pipeline_facts=pipeline_facts,
        gauge_full=_GAUGE_FULL,
        most_open=_MOST_OPEN,
        most_ids=_MOST_IDS,
        plot_width=WIDTH,
        plot_left=LEFT,
        plot_right=WIDTH - RIGHT,
    )
    return environment


def _quoted(text: str) -> list[str]:
    """A text cut at its backticks, so that each second part is a command; whole where one is not closed."""
    parts = text.split("`")
    return parts if len(parts) % 2 else [text]


def _parted(text: str) -> tuple[str, str]:
    """A long text split after the last word that fits; a short text and an empty string."""
    if len(text) <= _LONG:
        return text, ""
    words = text[:_HEAD].rpartition(" ")[0] or text[:_HEAD]
    return f"{words} …", f"… {text[len(words) :].lstrip()}"


def _shown(lines: Sequence[MeasureLine]) -> tuple[tuple[MeasureLine, ...], int]:
    """The figures of a row that the page lists, in order, and the number of figures left out."""
    bad = [line for line in lines if line.outcome is not Outcome.PASS][: _MOST_LINES * 3]
    good = [line for line in lines if line.outcome is Outcome.PASS][:_MOST_LINES]
    listed = {id(line) for line in (*bad, *good)}
    return tuple(line for line in lines if id(line) in listed), len(lines) - len(listed)


def _fact_groups(lines: Sequence[MeasureLine]) -> list[FactGroup]:
    """Facts grouped by expectation; each fact that is not as expected comes first, in a group of its own."""
    good: dict[str, list[str]] = {}
    found = []
    for line in lines:
        of = line.scope or line.name
        if line.outcome is Outcome.PASS:
            good.setdefault(line.expected if line.expected != NOTHING else line.name, []).append(of)
        else:
            found.append(FactGroup(outcome=line.outcome, expected="", of=(of,), sentence=line.because.sentence))
    alike = (FactGroup(outcome=Outcome.PASS, expected=key, of=tuple(of), sentence="") for key, of in good.items())
    return [*found, *alike]


def _requirement_facts(row: Row) -> list[tuple[str, str]]:
    """Further details of a requirement: where it is claimed, its times, its attempts, its owner."""
    requirement, attempts = row.requirement, row.verdict.attempts
    return [
        *([("In part", row.in_part)] if row.in_part else []),
        *row.people,
        *(("Scenario", scenario) for scenario in row.scenarios),
        *(("Time", words) for words in row.times),
        *([("Attempts", str(attempts))] if attempts > 1 else []),
        *([("Owner", requirement.owner)] if requirement.owner else []),
        *([("Document says", requirement.says)] if requirement.says else []),
    ]


def _what(plan: Plan, evidence: Evidence, moments: Moments) -> dict[str, str]:
    """Settings that the decision depends on beside release and target, in a few words each."""
    seconds = moments.seconds
    scale = "1" if plan.time_scale == 1 else f"{plan.time_scale:g}: RTO, RPO and windows are divided by it"
    baseline = None if evidence.baseline is None else evidence.baseline.plan
    what = {
        "Environment": plan.environment,
        "Profile": plan.profile,
        "Time scale": scale,
        "Traffic scale": ""
        if plan.traffic_scale == 1
        else f"{plan.traffic_scale:g}: every traffic's rate is multiplied by it",
        "Baseline": "" if baseline is None else f"release {baseline.release}, run {baseline.run}",
        "Run": plan.run,
        "Started": moments.text(moments.start_ns),
        "Took": "" if seconds is None else duration(seconds),
    }
    return {key: value for key, value in what.items() if value}
