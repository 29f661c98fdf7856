"""From a sealed run to a decision and its reports. Needs nothing but the run's files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import EvidenceError
from harness.evidence import load_evidence
from harness.files import write_atomic
from harness.judgement import judge

if TYPE_CHECKING:
    from harness.evidence import RunDirectory
    from harness.model import Evidence, Judgement, Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A run with its evidence and judgement."""

    directory: RunDirectory
    plan: Plan
    evidence: Evidence
    judgement: Judgement


def decide(directory: RunDirectory) -> Decided:
    """Judge a run from its files; raises MissingEvidence when there is no plan to judge by."""
    plan = directory.read_plan()
    evidence = load_evidence(directory)
    return Decided(directory=directory, plan=plan, evidence=evidence, judgement=judge(plan, evidence))


def write_verdict(decided: Decided) -> None:
    """Write `verdict.json` and every report beside it.

    Raises:
        EvidenceError: they cannot be written there.
    """
    from harness.report import render_verdict, write_reports  # a replay writes none, and starts quicker without

    try:
        write_atomic(decided.directory.path / "verdict.json", render_verdict(decided.plan, decided.judgement))
        write_reports(decided.directory.path, decided.plan, decided.evidence, decided.judgement)
    except OSError as error:
        raise EvidenceError(
            f"the verdict cannot be written: {error.strerror or error}",
            where=str(error.filename or decided.directory.path),
            hint="make the run's directory writable, or judge a copy of it; `readiness judge RUN --check` writes nothing",
        ) from error


def same_verdict(decided: Decided) -> bool:
    """Whether the stored `verdict.json` has the bytes that are judged now.

    Raises:
        EvidenceError: there is no stored verdict to compare with.
    """
    from harness.report import render_verdict

    stored = decided.directory.path / "verdict.json"
    try:
        judged = render_verdict(decided.plan, decided.judgement)
        return stored.stat().st_size == len(judged) and stored.read_bytes() == judged
    except OSError as error:
        raise EvidenceError(
            "there is no stored verdict", where=str(stored), hint="run `readiness judge` without --check first"
        ) from error
