"""`readiness why ID`: one requirement on a terminal, each figure with its limit and its evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from harness.model import Outcome
from harness.report.document import verdict_document
from harness.report.view.digest import measures_of, rows
from harness.report.view.experiments import experiment_view
from harness.report.view.wording import MARKS, NOTHING, clean
from harness.report.view.worst import worst_by_figure

if TYPE_CHECKING:
    from harness.model import Evidence, Judgement, Plan, Reason
    from harness.report.view.digest import Grounds, MeasureLine, Row
    from harness.report.view.experiments import ExperimentView


def render_why(plan: Plan, evidence: Evidence, judgement: Judgement, requirement: str) -> str:
    """Lines with the requirement, its reason, figures, evidence, experiment timelines, and the command that repeats its run.

    Raises:
        KeyError: the run has no verdict of this requirement.
    """
    row = {row.requirement.id: row for row in rows(plan, judgement)}[requirement]
    return clean("\n".join(_lines(plan, evidence, judgement, row))) + "\n"


def why_document(plan: Plan, judgement: Judgement, requirement: str) -> dict[str, Any]:
    """The requirement and its experiments as in `verdict.json`, and the command that repeats its run, as plain values.

    Raises:
        KeyError: the run has no verdict of this requirement.
    """
    row = {row.requirement.id: row for row in rows(plan, judgement)}[requirement]
    whole, named = verdict_document(plan, judgement), _experiments(row)
    return {
        "run": plan.run,
        "release": plan.release,
        "target": plan.target,
        "requirement": next(one for one in whole["requirements"] if one["id"] == requirement),
        "gates_here": row.gating,
        "source": row.requirement.source,
        "people": [{"what": label.lower(), "text": words} for label, words in row.people],
        "experiments": [one for one in whole["experiments"] if one["name"] in named],
        "again": _again(plan, row),
    }


def _experiments(row: Row) -> frozenset[str]:
    """The experiments that the requirement's figures come from."""
    scopes = (measure.scope for measure in measures_of(row.verdict))
    return frozenset(scope["experiment"] for scope in scopes if "experiment" in scope)


def _again(plan: Plan, row: Row) -> str:
    return plan.command(only=row.requirement.id, unfiltered=not row.verdict.claims)


def _lines(plan: Plan, evidence: Evidence, judgement: Judgement, row: Row) -> Iterable[str]:
    expected = row.requirement
    gate = expected.gate.value if row.gating else f"{expected.gate.value}, does not gate here"
    yield f"{expected.id} {row.outcome.value} · {expected.title} · gate {gate}"
    yield from _pairs(
        ("criterion", expected.criterion),
        ("source", expected.source),
        ("reason", row.verdict.reason),
        ("hint", row.verdict.hint.removeprefix(f"`readiness why {expected.id}` shows the evidence; ")),
        ("in part", row.in_part),
        ("says", expected.says),
        *((label.lower(), words) for label, words in row.people),
    )
    yield from _pairs(*(("time", words) for words in row.times))
    yield from _pairs(*(("scenario", scenario) for scenario in row.scenarios))
    yield from _pairs(*(("sentence", f"{line.sentence} ({line.at})") for line in _once(row.lines)))
    for line in row.lines:
        yield from _figure(line, row.leading)
    for of, requests in worst_by_figure(row.verdict).items():
        yield ""
        yield f"  requests that took longest, of {of}"
        yield from (f"    {'  '.join(cells)}" for cells in requests)
    for grounds in row.grounds:
        yield from _grounds(grounds)
    named = _experiments(row)
    for result in judgement.experiments:
        if result.name in named:
            yield from _timeline(experiment_view(evidence, result))
    yield ""
    yield from _pairs(("again", _again(plan, row)))


def _pairs(*pairs: tuple[str, str], indent: str = "  ") -> Iterable[str]:
    yield from (f"{indent}{label:<11} {text}" for label, text in pairs if text and text != NOTHING)


def _once(lines: Iterable[MeasureLine]) -> Iterable[MeasureLine]:
    """The first figure of each sentence."""
    return {(line.sentence, line.at): line for line in reversed(tuple(lines))}.values()


def _figure(line: MeasureLine, told: Reason) -> Iterable[str]:
    """Lines of one figure or fact. A reason that was already printed is left out."""
    yield ""
    yield f"  {MARKS[line.outcome]} {line.outcome.value}  {line.name}{f' of {line.scope}' if line.scope else ''}"
    if line.is_fact:
        yield from _pairs(("observed", line.because.sentence), indent="    ")
        return
    bounds = f"{line.bounds} ({line.confidence})" if line.confidence else line.bounds
    yield from _pairs(
        ("figure", line.value),
        ("low to high", bounds),
        ("expected", line.expected),
        ("n / needed", line.n),
        ("resolution", line.resolution),
        ("reason", "" if line.outcome is Outcome.PASS or line.because == told else line.because.sentence),
        indent="    ",
    )


def _grounds(grounds: Grounds) -> Iterable[str]:
    yield ""
    yield f"  measurement of {grounds.of or 'this requirement'}"
    yield from _pairs(("method", grounds.method), indent="    ")
    for receipt in grounds.receipts:
        yield from _pairs((f"{receipt.name} {receipt.word}", receipt.why), indent="    ")
    for file in grounds.files:
        yield from _pairs(("file", file), indent="    ")


def _timeline(view: ExperimentView) -> Iterable[str]:
    yield ""
    yield f"  {view.result.name}, seconds from the fault"
    for way in view.ways_back:
        out = "" if way.outages == NOTHING else f"; outages: {way.outages}"
        back = "" if way.way_back == NOTHING else f"; after the undo: {way.way_back}"
        yield f"    {way.of}: {way.back} {way.resolution}, observed for {way.watched}{out}{back}"
    for event in view.events:
        yield f"    {event.at_s:+8.2f}  {event.text}"
