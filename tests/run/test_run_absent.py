"""Experiments that need what a target file does not name are left out of every experiment of their domain, and said to be untried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.catalogue import load_catalogue
from harness.drivers.chaos import find_experiments
from harness.run.plan.absent import absent_on, without
from harness.targets.files.drills import DatabaseRestore
from tests.builders.core_plan import ROOT, core_claims, core_plan, sandbox_target

LOSS = "database-members-loss"
KIND = "loss of all database members"


@pytest.mark.parametrize(("restore", "left_out"), [(True, ()), (False, (KIND,))])
def test_the_loss_of_all_members_is_run_where_there_is_a_procedure_and_else_named(
    *, restore: bool, left_out: tuple[str, ...]
) -> None:
    """Profile core gates on the other two. The file of a target names a procedure, or none."""
    experiments = find_experiments([ROOT / "experiments"])
    claims, demands = core_claims(experiments.domains)
    target = sandbox_target()
    assert target.database is not None
    procedure = DatabaseRestore(command=("true",)) if restore else None
    target = target.model_copy(update={"database": target.database.model_copy(update={"restore": procedure})})
    absent = absent_on(target, experiments.plans)
    left = without(claims, {one.key: one for one in demands}, absent, load_catalogue().profile(("core",)))
    disasters = {one.requirement: one for one in left if one.requirement in {"DA-DR-RTO", "DA-DR-RPO"}}
    for claim in disasters.values():
        (objective,) = claim.objectives
        assert (LOSS in objective.scope.experiments) is restore
        assert any(LOSS in key for key in claim.demands) is restore
        assert (objective.scope.left_out, objective.scope.missing_experiments) == (left_out, ())


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
