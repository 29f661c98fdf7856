"""The baseline run: opens it, compares it with the plan, and copies its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.evidence import RunDirectory
from harness.evidence.baseline import keep_baseline
from harness.evidence.reading import load_evidence
from harness.figures import spec_of
from harness.judgement.figures.trends.improvement import unlike

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Plan


def compared_traffic(plan: Plan) -> tuple[str, ...]:
    """The sorted names of the traffics that claims of the plan compare with a baseline."""
    objectives = (objective for claim in plan.claims for objective in claim.objectives)
    named = {
        o.scope.traffic or "" for o in objectives if any(need.key == "baseline" for need in spec_of(o.figure).needs(o))
    }
    return tuple(sorted(named - {""}))


def check_baseline(path: Path, plan: Plan) -> str:
    """Check before anything is started whether a run can be the baseline of a plan; returns a line that describes it.

    Raises:
        HarnessError: the path is not a run, the evidence is not complete, or target, time scale or traffic differs.
    """
    directory = RunDirectory.open(path)
    earlier, evidence = directory.read_plan(), load_evidence(directory)
    where = f"--baseline {path}"
    if evidence.missing or not evidence.complete:
        why = (
            f"{evidence.missing[0].file}: {evidence.missing[0].why}" if evidence.missing else "the run did not complete"
        )
        raise UsageError(
            f"the run cannot be a baseline: {why}", where=where, hint="name a run whose evidence is complete"
        )
    traffic = compared_traffic(plan)
    difference = unlike(plan, earlier, traffic)
    if difference:
        hint = "name a run with the target and the traffic of this one, or make such a run first"
        raise UsageError(f"the run cannot be a baseline for this one: {difference}", where=where, hint=hint)
    used = (
        f"for {' and '.join(traffic)} traffic"
        if traffic
        else "not used, since no selected scenario compares with a baseline"
    )
    return f"the baseline is {earlier.run}, release {earlier.release}: {used}"


def copy_baseline(path: Path, plan: Plan, run: RunDirectory) -> None:
    """Copy the evidence of the baseline that the plan's claims compare with into the run directory.

    Nothing is copied if no claim compares with the baseline.
    """
    traffic = compared_traffic(plan)
    if traffic:
        keep_baseline(RunDirectory.open(path), run, traffic)
