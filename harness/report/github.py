"""Lines of a GitHub job's log that GitHub shows as annotations, at the scenarios of requirements that failed or are inconclusive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from harness.model import DecisionOutcome, Outcome
from harness.report.view.causes import decisive
from harness.report.view.digest import rows
from harness.report.view.wording import clean
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.model import Judgement, Plan
    from harness.report.view.digest import Row

MOST: Final = 10
"""Maximum number of annotations of one level that GitHub shows of a step; the others are dropped without a word."""
_PLACE: Final = re.compile(r"(?P<file>[^\n:]+):(?P<line>[0-9]+)(?=:|\n|$)")
_SHOWN: Final = (Outcome.FAIL, Outcome.INCONCLUSIVE)


def annotation(level: str, message: str, *, title: str = "", file: str = "", line: int = 0) -> str:
    """One annotation as a line of the log.

    Args:
        level: `error`, `warning` or `notice`.
        message: text of the annotation, of one or several lines.
        title: heading of the annotation.
        file: file at which it is shown, relative to the repository; empty: it is shown at no file.
        line: line in the file, from 1; 0: no line is named.
    """
    given = {"file": file, "line": str(line) if file and line else "", "title": title}
    properties = ",".join(f"{key}={found}" for key, value in given.items() if (found := _property(value)))
    return f"::{level} {properties}".rstrip() + f"::{_data(message)}"


def render_annotations(plan: Plan, judgement: Judgement, place: Callable[[str], str]) -> tuple[str, ...]:
    """An annotation for each requirement that failed or is inconclusive: an error if it gates this release, else a warning.

    If no gating requirement has one and the decision is not GO, one annotation gives the decision with its reasons. If there are more
    annotations than GitHub shows, the last is a warning with the number of the others.

    Args:
        plan: plan of the run.
        judgement: judgement of the run.
        place: path of a feature file relative to the repository, or an empty text if the repository does not have the file.
    """
    bad = [row for row in rows(plan, judgement) if row.outcome in _SHOWN]
    errors = [_of_row("error", row, place) for row in bad if row.gating] or [*_of_decision(judgement)]
    warnings = [_of_row("warning", row, place) for row in bad if not row.gating]
    return _capped(errors, warnings, "requirement")


def render_problems(problems: Sequence[str], place: Callable[[str], str]) -> tuple[str, ...]:
    """An annotation for each problem of the user's files, at its place if the text begins with `file:line`.

    Args:
        problems: texts of the problems, with or without a place.
        place: as for `render_annotations`.
    """
    return _capped([_of_problem(text, place) for text in problems], [], "problem")


def _of_problem(text: str, place: Callable[[str], str]) -> str:
    found = _PLACE.match(text)
    if found is None or not (file := place(found["file"])):
        return annotation("error", text, title="Readiness")
    return annotation("error", text[found.end() :].lstrip(": "), title="Readiness", file=file, line=int(found["line"]))


def _capped(errors: Sequence[str], warnings: Sequence[str], what: str) -> tuple[str, ...]:
    """The annotations that GitHub shows; the last one gives the number of the others."""
    kept = (*errors[:MOST], *warnings[: MOST - 1])
    left = len(errors) + len(warnings) - len(kept)
    more = f"GitHub shows {MOST} annotations of a step; this step has {counted(left, f'more {what}')}: see its log and summary"
    return (*kept, annotation("warning", more, title="Readiness")) if left else kept


def _of_row(level: str, row: Row, place: Callable[[str], str]) -> str:
    claims = sorted(row.verdict.claims, key=lambda claim: claim.outcome is not row.outcome)
    file = place(claims[0].scenario.file) if claims else ""
    hint = f"\nhint: {row.verdict.hint}" if row.verdict.hint else ""
    return annotation(
        level,
        f"{row.requirement.title}: {row.verdict.reason}{hint}",
        title=f"{row.requirement.id} {row.outcome.value}",
        file=file,
        line=claims[0].scenario.line if claims else 0,
    )


def _of_decision(judgement: Judgement) -> Iterator[str]:
    """The decision with its reasons, unless it is GO; a filtered run, which has no decision, is a notice."""
    decision = judgement.decision
    if decision.outcome is DecisionOutcome.GO:
        return
    reasons = [reason.sentence for reason in decisive(decision.because)[:MOST]]
    level = "notice" if decision.outcome is DecisionOutcome.PARTIAL else "error"
    yield annotation(level, "\n".join([decision.headline, *reasons]), title=f"Readiness {decision.outcome.value}")


def _data(text: str) -> str:
    """A message with the escapes that GitHub's runner takes back: `%` first, since the others bring one."""
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of an annotation: as a message, without what separates properties, and without white space around it, which is trimmed."""
    return _data(clean(text).strip()).replace(":", "%3A").replace(",", "%2C")
