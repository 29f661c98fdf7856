"""A chaos report that the engine reads, without a run around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.drivers.facts import FactReading
from harness.drivers.ingest.registry import ENGINES
from harness.errors import HarnessError
from harness.model import Outcome
from tests.builders.asked import asked
from tests.builders.chaos_reports.case import FAULT, ChaosCase
from tests.builders.chaos_reports.cases import write_chaos_files

WHEN = 'the chaos report "it" of this commit has been read'
THEN = datetime(2025, 2, 21, 23, 59, tzinfo=UTC)
"""When the cases are judged."""


def facts_of(
    directory: Path,
    tool: str,
    files: Sequence[str],
    sentence: str = FAULT,
    *,
    when: str = WHEN,
    today: datetime = THEN,
    **keys: object,
) -> Sequence[FactReading]:
    """The facts about the files of a report, which are there; raises HarnessError where it cannot be used."""
    evidence = {"chaos": {"it": {"tool": tool, "files": [*files], **keys}}}
    name, given = asked(directory, when, sentence, evidence)
    return ENGINES[name](replace(given, today=today))


def outcome_of(facts: Sequence[FactReading]) -> tuple[Outcome, str]:
    """What the facts come to, and the first of the worst, which the judge names."""
    worst = min(facts, key=lambda one: (one.ok is not False, one.ok is not None))
    outcome = {False: Outcome.FAIL, None: Outcome.INCONCLUSIVE, True: Outcome.PASS}[worst.ok]
    return outcome, f"{worst.subject}: {worst.observed}"


def judged_case(directory: Path, case: ChaosCase) -> tuple[Outcome, str]:
    """What a case comes to, and why."""
    write_chaos_files(directory, case)
    when = WHEN.replace("commit", case.of)
    try:
        return outcome_of(facts_of(directory, case.kind, [*case.files], case.then, when=when, **case.keys))
    except HarnessError as error:
        return Outcome.INCONCLUSIVE, str(error)
