"""Writes and reads the facts of checks: few facts as observations, many facts as a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from harness.evidence.rows import RowWriter
from harness.model import FACTS, Check, Fact, FactAmount, FactTable
from harness.model.observations import CheckDone, CheckFact, CheckFailed, every

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.evidence.tables import Tables
    from harness.model import Observation

MANY: Final = 100
"""Maximum number of facts recorded as observations; more facts go into a table."""
_WORDS: Final[Mapping[bool | None, str]] = {True: "yes", False: "no", None: "unknown"}


def write_facts(run_directory: Path, demand: str, facts: Iterable[Fact]) -> str:
    """Write the facts of a check to a separate row file.

    Returns the name of the file, relative to the run directory.

    Raises:
        EvidenceError: the file cannot be written, because the disk is full or the check was recorded before.
    """
    file = f"checks/{re.sub(r'[^A-Za-z0-9]+', '-', demand).strip('-')}.rows"
    path = run_directory / file
    path.parent.mkdir(exist_ok=True)
    writer = RowWriter(path, FACTS)
    for fact in facts:
        writer.put((fact.at_ns, fact.attempts), (fact.subject, fact.expected, fact.observed, _WORDS[fact.ok]))
    writer.close()
    return file


def read_checks(observations: Sequence[Observation], reader: Tables) -> Iterable[Check]:
    """The results of checks, by the name of the demand."""
    found: dict[str, list[Fact]] = {}
    for seen in every(CheckFact, observations):
        fact = Fact(
            subject=seen.subject,
            expected=seen.expected,
            observed=seen.observed,
            ok=seen.ok,
            attempts=seen.attempts,
            at_ns=seen.at_ns,
            amount=None if seen.value is None else FactAmount(value=seen.value, unit=seen.unit, at_least=seen.at_least),
        )
        found.setdefault(seen.demand, []).append(fact)
    whys = {failed.subject: failed.why for failed in every(CheckFailed, observations)}
    matrices: dict[str, tuple[FactTable, str]] = {}
    for done in every(CheckDone, observations):
        there = len(found.get(done.subject, []))
        if done.file:
            rows, file = reader.one(done.file, FACTS)
            there = len(rows)
            matrices[done.subject] = FactTable(rows=rows, covered=done.covered, of=done.of_), file
        if done.facts != there:
            whys[done.subject] = f"{done.facts} facts were found, {there} are recorded"
    for demand in sorted({*found, *matrices, *whys}):
        failed = demand in whys
        matrix, file = matrices.get(demand, (None, ""))
        yield Check(
            demand=demand,
            facts=() if failed else tuple(found.get(demand, ())),
            matrix=None if failed else matrix,
            why=whys.get(demand, ""),
            files=("history/checks.ndjson", *([file] if file else [])),
        )
