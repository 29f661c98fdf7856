"""The closing lines on the terminal: the decision, its reasons, missing evidence, and counts by document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.model import DecisionOutcome, Outcome
from harness.report.view.causes import cause_line, causes, deciding_sentence, decisive
from harness.report.view.digest import rows
from harness.report.view.sections import documents
from harness.report.view.tables import document_tables
from harness.report.view.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.model import Judgement, Plan
    from harness.report.view.causes import Decisive
    from harness.report.view.digest import Row

MOST_REASONS: Final = 12
"""Maximum number of reasons that are printed, worst first."""
MOST_CAUSES: Final = 6
SMALL: Final = 40
"""Counts by document are printed only for more requirements than this."""
WORDS: Final = {
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.NOT_ASSESSED: "not assessed",
    Outcome.WAIVED: "waived",
    Outcome.PASS: "passed",
}
"""The order of counts, worst first."""


def closing_lines(plan: Plan, judgement: Judgement) -> tuple[str, ...]:
    """The headline, the deciding reasons with hints, and missing evidence; with many requirements also counts by document."""
    every = rows(plan, judgement)
    return tuple(clean(" ".join(line.split("\n"))) for line in _lines(plan, judgement, every))


def _lines(plan: Plan, judgement: Judgement, every: Sequence[Row]) -> Iterator[str]:
    yield judgement.decision.headline
    reasons = decisive(judgement.decision.because)
    waiting = sum(reason.outcome is Outcome.NOT_ASSESSED for reason in judgement.decision.because)
    if len(reasons) <= MOST_REASONS and waiting <= MOST_REASONS:
        yield from _reasons(reasons)
    else:
        if judgement.decision.outcome is not DecisionOutcome.NO_GO:  # else the first reason says the same
            yield f"  {deciding_sentence(judgement, every)}"
        assessed = [reason for reason in reasons if reason.outcome is not Outcome.NOT_ASSESSED]
        yield from _reasons(assessed[:MOST_REASONS])
        yield from _left_out(len(assessed) - MOST_REASONS)
        missing = [f"  {cause_line(cause)}" for cause in causes(every) if cause.outcome is Outcome.NOT_ASSESSED]
        if missing:
            yield "  not assessed"
            yield from (f"  {line}" for line in missing[:MOST_CAUSES])
            yield from _left_out(len(missing) - MOST_CAUSES)
    if len(every) > SMALL:
        parts = documents(plan, every)
        widest = max(len(part.name) for part in parts)
        yield from (f"  {part.name:<{widest}}  {counts_line(part.counts)}" for part in parts)
    for one in document_tables(plan, every):
        yield f"  {one.title}"
        widths = [max(map(len, column)) for column in zip(*one.cells, strict=True)]
        yield from ("    " + "  ".join(map(str.ljust, cells, widths)).rstrip() for cells in one.cells)
    if any(reason.requirements for reason in reasons):
        yield "  more about one requirement: readiness why ID"


def _reasons(reasons: Iterable[Decisive]) -> Iterator[str]:
    """Each reason with its hint below it; a hint that concerns the whole run is printed once."""
    of_run: set[str] = set()
    for reason in reasons:
        yield f"  {reason.sentence}"
        if reason.because.hint and reason.because.hint not in of_run:
            yield f"    hint: {reason.because.hint}"
        if not reason.outcome:
            of_run.add(reason.because.hint)


def _left_out(more: int) -> Iterator[str]:
    if more > 0:
        yield f"  and {more} more reasons: see readiness.html and summary.md"


def counts_line(counts: Mapping[Outcome, int]) -> str:
    """`1 failed · 3 not assessed · 20 passed`, worst first."""
    return " · ".join(f"{counts[outcome]} {word}" for outcome, word in WORDS.items() if counts.get(outcome))
