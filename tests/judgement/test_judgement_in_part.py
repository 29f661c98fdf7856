"""A row that the profile gates on some parts of its criterion: proven in part, said so wherever the decision is, and by no part a pass of the whole."""

from __future__ import annotations

from dataclasses import replace

from judgement_builders import claim, objective, requirement

from harness.judgement import judge
from harness.model import Claim, DecisionOutcome, EvidenceKind, Figure, Judgement, Op, Outcome, Plan
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence

NETWORK, MEMBERS, CALLS = (
    "experiments of domain network",
    "loss of all database members",
    "calls of every write operation",
)
ROWS = ("ND-RISK-DATALOSS", "DA-DR-RTO", "DA-DR-RPO", "IP-BP-IDEMPOTENT")


def outcomes(judged: Judgement) -> dict[str, tuple[Outcome, str]]:
    """What came of each row, and why."""
    return {verdict.requirement: (verdict.outcome, verdict.because.text) for verdict in judged.verdicts}


def whole(plan: Plan) -> Plan:
    """The same scenarios by a profile that gates every row whole: what it leaves out is missing."""

    def of(one: Claim) -> Claim:
        scopes = [(o, replace(o.scope, missing_experiments=o.scope.left_out, left_out=())) for o in one.objectives]
        return replace(one, objectives=tuple(replace(o, scope=scope) for o, scope in scopes))

    return replace(plan, claims=tuple(map(of, plan.claims)))


def test_core_says_go_and_what_it_has_not_tried() -> None:
    """Four rows are proven by the parts that core tries."""
    judged = judge(core_plan(), core_evidence())
    assert judged.decision.outcome is DecisionOutcome.GO
    assert (
        f"4 requirements proven in part: {', '.join(ROWS)}; not tried: {NETWORK}, {MEMBERS}, {CALLS}"
        in judged.decision.headline
    )
    assert {outcomes(judged)[name][0] for name in ROWS} == {Outcome.PASS}


def test_a_profile_that_gates_the_row_whole_has_it_not_assessed() -> None:
    """The same evidence: what nothing tried keeps the row from PASS, and the release from GO."""
    judged = judge(whole(core_plan()), core_evidence())
    assert judged.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert "in part" not in judged.decision.headline
    assert outcomes(judged)["DA-DR-RTO"] == (Outcome.NOT_ASSESSED, f"{MEMBERS}: not tried in this run")
    assert outcomes(judged)["DA-DR-RPO"] == (Outcome.NOT_ASSESSED, f"{MEMBERS}: not tried in this run")
    assert outcomes(judged)["ND-RISK-DATALOSS"] == (Outcome.NOT_ASSESSED, f"{NETWORK}: not tried in this run")


def test_a_row_that_is_not_passed_is_proven_in_no_part() -> None:
    """Without the record of the region's loss two of them are not decided."""
    evidence = core_evidence()
    gone = {name: attempts for name, attempts in evidence.experiments.items() if name != "region-loss"}
    judged = judge(core_plan(), replace(evidence, experiments=gone))
    assert outcomes(judged)["DA-DR-RTO"][0] is not Outcome.PASS
    left = f"2 requirements proven in part: ND-RISK-DATALOSS, IP-BP-IDEMPOTENT; not tried: {NETWORK}, {CALLS}"
    assert left in judged.decision.headline


def test_a_row_made_of_others_is_not_passed_by_one_that_is_proven_in_part() -> None:
    """`DA-DR-RTO passes` is not so while a part of it was not tried."""
    made = objective(Figure.PARTS, Op.HOLDS, "1", params={"parts": "ND-KPI-P95 DA-DR-RTO"})
    row = replace(requirement("SUM-1"), kinds=(EvidenceKind.DERIVED,), criterion="ND-KPI-P95 and DA-DR-RTO pass")
    plan = core_plan()
    plan = replace(plan, requirements=(*plan.requirements, row), claims=(*plan.claims, claim("SUM-1", made)))
    judged = judge(plan, core_evidence())
    assert outcomes(judged)["SUM-1"] == (
        Outcome.NOT_ASSESSED,
        f"DA-DR-RTO is proven only in part, not tried: {MEMBERS}",
    )
