"""Decides a recorded run: verdicts, exit code and reports, from the files of the run only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import harness
from harness.errors import EvidenceError, Exit, HarnessError, UsageError
from harness.evidence import RunDirectory
from harness.evidence.reading import load_evidence
from harness.figures import figures_of, is_known
from harness.files import write_atomic
from harness.judgement import judge
from harness.model import IN_ORDER, OF_THE_CHOICE, DecisionOutcome, Outcome
from harness.model.judged.outcome import DECISION_EXITS
from harness.run.which import run_path
from harness.words import some

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Evidence, Judgement, Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A run with its evidence and judgement."""

    directory: RunDirectory
    plan: Plan
    evidence: Evidence
    judgement: Judgement


def decide(directory: RunDirectory) -> Decided:
    """Judge a run from its files.

    Raises:
        MissingEvidence: the run has no plan.
        UsageError: a figure of the plan is defined by a package or project that cannot be loaded.
    """
    plan = directory.read_plan()
    evidence = load_evidence(directory)
    return Decided(directory=directory, plan=plan, evidence=evidence, judgement=judge(plan, evidence, figures_of(plan)))


def decide_recorded(run: Path) -> Decided:
    """Judge a recorded run, named by its directory or by its name below the directory of the runs.

    Raises:
        HarnessError: the path is not a run, or an error of `decide`.
    """
    return decide(RunDirectory.open(run_path(run)))


def exit_of(judgement: Judgement, *, no_decision: bool = False) -> Exit:
    """The exit code of the decision.

    With `no_decision`, a filtered run has the code of the worst selected verdict. The code is 0 only if every selected verdict is PASS or
    WAIVED, no harm was found that no sentence judges, and no evidence is missing.
    """
    if no_decision and judgement.decision.outcome is DecisionOutcome.PARTIAL:
        selected = {verdict.outcome for verdict in judgement.verdicts if verdict.claims}
        found = Exit.GO if selected and selected <= IN_ORDER else Exit.INCONCLUSIVE
        if Outcome.FAIL in selected:
            found = Exit.NO_GO
        alone = [reason.because.kind for reason in judgement.decision.because if not reason.requirement]
        return Exit.INCONCLUSIVE if found is Exit.GO and not OF_THE_CHOICE.issuperset(alone) else found
    return DECISION_EXITS[judgement.decision.outcome]


def require_figures(plan: Plan) -> None:
    """Refuse to judge a sentence about a figure that is not defined here, since its recorded verdict would be lost.

    Raises:
        UsageError: a figure is not defined here.
    """
    for claim in plan.claims:
        for objective in claim.objectives:
            if not is_known(objective.figure):
                raise UsageError(
                    f"the figure {objective.figure.value!r} of {claim.requirement} is not defined here, so nothing was written or compared",
                    hint="call the command in the directory of the project that defines the figure, or install the package that has it",
                )


def write_verdict(decided: Decided) -> None:
    """Write `verdict.json` and every report beside it.

    Raises:
        EvidenceError: a file cannot be written.
    """
    from harness.report import render_verdict, write_reports  # a replay writes none, and starts quicker without

    try:
        write_atomic(decided.directory.path / "verdict.json", render_verdict(decided.plan, decided.judgement))
        write_reports(decided.directory.path, decided.plan, decided.evidence, decided.judgement)
    except OSError as error:
        raise EvidenceError(
            f"the verdict cannot be written: {error.strerror or error}",
            where=str(error.filename or decided.directory.path),
            hint="make the directory of the run writable, or judge a copy of the run; `readiness judge RUN --check` writes nothing",
        ) from error


def write_allure_report(decided: Decided, *, exit_code: int) -> Path:
    """Make Allure's own report of the run, which shows this exit code; returns its path.

    Raises:
        HarnessError: the report cannot be made or written, see `write_site`.
    """
    from harness.report.allure.site import write_site  # of an extra

    path = decided.directory.path
    return write_site(path, decided.plan, decided.evidence, decided.judgement, exit_code=exit_code)


def require_same_verdict(decided: Decided) -> None:
    """Refuse a stored `verdict.json` that differs from the verdict that is judged now.

    Raises:
        EvidenceError: there is no stored verdict to compare with.
        HarnessError: the bytes differ; the message names the requirements whose verdict or reason differs.
    """
    from harness.report import render_verdict

    stored = decided.directory.path / "verdict.json"
    judged = render_verdict(decided.plan, decided.judgement)
    try:
        if stored.stat().st_size == len(judged) and stored.read_bytes() == judged:
            return
    except OSError as error:
        raise EvidenceError(
            "the run has no stored verdict to compare with",
            where=str(stored),
            hint="run `readiness judge` without --check first",
        ) from error
    before, now = _answers(_document(stored)), _answers(json.loads(judged))
    differ = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    named = f"the verdict or its reason differs for {some(differ)}"
    raise HarnessError(
        f"the stored verdict.json differs from the verdict of this evidence: {named if differ else 'only texts differ'}",
        where=str(stored),
        hint="the file was edited, or written by another version of the harness "
        f"(this is {harness.__version__}); `readiness judge RUN` writes the file again",
    )


def _document(stored: Path) -> object:
    """The JSON of a stored verdict; None if it cannot be read."""
    try:
        return json.loads(stored.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _answers(document: object) -> dict[str, tuple[object, ...]]:
    """Verdict and reason of each requirement, and the decision."""
    if not isinstance(document, dict):
        return {}
    found: dict[str, tuple[object, ...]] = {"the decision": (document.get("decision"),)}
    entries = document.get("requirements")
    for one in entries if isinstance(entries, list) else []:
        if isinstance(one, dict):
            found[str(one.get("id"))] = (one.get("verdict"), one.get("reason"))
    return found
