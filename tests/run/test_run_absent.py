"""Experiments that need what a target file does not name are left out of every experiment of their domain, and said to be untried."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue import load_catalogue
from harness.drivers.chaos import find_experiments
from harness.model import Claim
from harness.run.plan.absent import absent_on, without
from harness.targets.files.drills import DatabaseRestore
from tests.builders.core_plan import ROOT, core_claims, core_plan, sandbox_target

LOSS = "database-members-loss"
KIND = "loss of all database members"


def of_disasters(*, restore: bool) -> dict[str, Claim]:
    """The claims of the two rows on every disaster, on a target whose file names a procedure or none."""
    experiments = find_experiments([ROOT / "experiments"])
    claims, demands = core_claims(experiments.domains)
    target = sandbox_target()
    assert target.database is not None
    procedure = DatabaseRestore(command=("true",)) if restore else None
    target = target.model_copy(update={"database": target.database.model_copy(update={"restore": procedure})})
    absent = absent_on(target, experiments.plans)
    left = without(claims, {one.key: one for one in demands}, absent, load_catalogue().profile(("core",)))
    return {one.requirement: one for one in left if one.requirement in {"DA-DR-RTO", "DA-DR-RPO"}}


def test_a_target_with_a_procedure_has_every_disaster() -> None:
    """The loss of all members is among those that run."""
    for claim in of_disasters(restore=True).values():
        (objective,) = claim.objectives
        assert LOSS in objective.scope.experiments
        assert any(LOSS in key for key in claim.demands)
        assert (objective.scope.left_out, objective.scope.missing_experiments) == ((), ())


def test_without_a_procedure_it_is_not_run_and_named() -> None:
    """Profile core gates on the other two."""
    for claim in of_disasters(restore=False).values():
        (objective,) = claim.objectives
        assert LOSS not in objective.scope.experiments
        assert not any(LOSS in key for key in claim.demands)
        assert (objective.scope.left_out, objective.scope.missing_experiments) == ((KIND,), ())


def test_a_profile_that_gates_on_all_three_is_not_decided_without_it() -> None:
    """The kind is missing, not left out."""
    experiments = find_experiments([ROOT / "experiments"])
    claims, demands = core_claims(experiments.domains)
    rows = [replace(row, in_part=()) for row in load_catalogue().profile(("core",))]
    left = without(claims, {one.key: one for one in demands}, {LOSS}, rows)
    (claim,) = (one for one in left if one.requirement == "DA-DR-RTO")
    assert claim.objectives[0].scope.missing_experiments == (KIND,)


def test_the_plan_of_the_sandbox_without_backups_has_two_disasters() -> None:
    """As its description names no procedure."""
    assert LOSS not in core_plan().experiments
