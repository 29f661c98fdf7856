"""From measures to verdicts to the decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgement_builders import (
    CORE,
    check,
    claim,
    errors,
    evidence,
    failing,
    p95,
    plan,
    recovery,
    requirement,
    samples,
    share,
    with_experiment,
    with_load,
)

from harness.judgement import judge
from harness.judgement.decisions.decision import decide
from harness.judgement.decisions.verdicts import claim_verdict, worst
from harness.judgement.measures import because
from harness.judgement.whole import Whole
from harness.model import (
    Cut,
    DecisionOutcome,
    Gate,
    Judgement,
    Measure,
    Missing,
    NotAssessable,
    Op,
    Outcome,
    Reason,
    ReasonKind,
    Verdict,
    worst_of,
)
from tests.builders.scenarios import scenario

GIVEN = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)
some = st.lists(st.sampled_from((*GIVEN, Outcome.NOT_ASSESSED)), max_size=5)
BAD = with_load(failing(samples(0, 60), slice(0, None, 30)))

UNVERIFIED = "release not verified: no answer names a release, and no image, digest or version was read"


def outcomes(judgement: Judgement) -> dict[str, Outcome]:
    """Verdicts by requirement."""
    return {verdict.requirement: verdict.outcome for verdict in judgement.verdicts}


@given(some, some)
def test_worst_of_is_commutative_associative_and_idempotent(one: list[Outcome], other: list[Outcome]) -> None:
    """In any order and grouping; an empty set is INCONCLUSIVE."""
    assert worst([]) is worst_of([]) is Outcome.INCONCLUSIVE
    assert worst([*one, *other]) is worst([*other, *one])
    assert worst([*one, *one]) is worst(one)
    if one and other:
        assert worst([worst(one), worst(other)]) is worst([*one, *other])
    if one and Outcome.NOT_ASSESSED not in one:
        assert worst(one) is worst_of(one)


def test_a_healthy_run_is_go() -> None:
    """Every requirement passed, every figure has its evidence."""
    judgement = judge(plan(), evidence())
    assert set(outcomes(judgement).values()) == {Outcome.PASS}
    assert judgement.decision.outcome is DecisionOutcome.GO
    assert (
        judgement.decision.headline
        == "GO for sandbox · profile core · 1.0.0 · 13 passed · 0 not assessed · " + UNVERIFIED
    )
    assert (judgement.decision.reasons, judgement.decision.score) == ((), 1.0)
    assert judgement.missing == ()


def test_a_failure_that_does_not_gate_is_listed_and_no_more() -> None:
    """For the record, or gating elsewhere."""
    expected = {"R": share(), "S": errors()}
    for row in (requirement("S", Gate.RECORD), requirement("S", Gate.CRITICAL, ("production",))):
        judgement = judge(plan(expected, requirements=(requirement("R"), row)), BAD)
        assert judgement.decision.outcome is DecisionOutcome.GO
        assert judgement.decision.headline.endswith("1 failed · 1 passed · 0 not assessed · " + UNVERIFIED)
    none = judge(plan(expected, requirements=(requirement("R", Gate.RECORD),)), evidence())
    assert none.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert none.decision.reasons == ("no requirement of profile core gates in sandbox",)
    assert none.decision.score == 0.0


def test_a_major_failure_is_no_go() -> None:
    """Gating is gating."""
    judgement = judge(plan({"S": errors()}, requirements=(requirement("S", Gate.MAJOR),)), BAD)
    assert judgement.decision.outcome is DecisionOutcome.NO_GO


NO_DATABASE = Reason(kind=ReasonKind.NO_MEANS, text="the target has no database", hint="add `database:`")


def test_what_is_not_assessable_here_says_why_and_never_passes() -> None:
    """The target has no database; a row that gates is then undecided."""
    lack = NotAssessable(requirement="R", because=NO_DATABASE)
    judgement = judge(plan({"R": share()}, claims=(), not_assessable=(lack,)), evidence())
    (verdict,) = judgement.verdicts
    assert (verdict.outcome, verdict.reason, verdict.hint) == (Outcome.NOT_ASSESSED, NO_DATABASE.text, NO_DATABASE.hint)
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert judgement.decision.headline.endswith("0 passed · 1 not assessed · " + UNVERIFIED)
    partly = judge(plan({"R": share()}, not_assessable=(lack,)), evidence())
    assert outcomes(partly) == {"R": Outcome.NOT_ASSESSED}
    failed = judge(plan({"R": errors()}, not_assessable=(lack,)), BAD)
    assert outcomes(failed) == {"R": Outcome.FAIL}


def test_a_requirement_that_nobody_claims_is_not_assessed() -> None:
    """And the hint is a scenario."""
    (verdict,) = judge(plan({"R": share()}, claims=()), evidence()).verdicts
    assert (verdict.reason, verdict.hint) == ("no scenario claims it", "write a scenario tagged @R")


def test_a_filtered_run_never_decides() -> None:
    """Three of 13, all green."""
    kept = tuple(claim(name, CORE[name]) for name in ("R-P95", "R-ERRORS", "R-SHARE"))
    filtered = replace(plan(claims=kept, deselected=("a.feature:9: x",)), pytest_arguments=("-k", "p95 or share"))
    judgement = judge(filtered, evidence())
    assert judgement.decision.outcome is DecisionOutcome.PARTIAL
    assert judgement.decision.headline == "PARTIAL · 3 of 13 · no decision · " + UNVERIFIED
    assert "the filter `-k 'p95 or share'` left 1 scenarios out" in judgement.decision.reasons
    assert judgement.decision.because[-1].because.hint == "run without the filter: readiness run --release 1.0.0"
    assert not any("R-LAG" in reason for reason in judgement.decision.reasons)


def test_a_scenario_that_claims_nothing_is_inconclusive() -> None:
    """An empty set is never a pass."""
    (verdict,) = judge(plan({"R": share()}, claims=(claim("R"),)), evidence()).verdicts
    assert (verdict.outcome, verdict.reason) == (
        Outcome.INCONCLUSIVE,
        "the scenario has no Then sentence, so it tests no requirement",
    )
    assert verdict.hint == "write a Then sentence into the scenario"


def test_all_sentences_of_a_scenario_are_judged_and_the_worst_is_named() -> None:
    """The one nearest to its limit where all pass, the one furthest over where some fail."""
    (good,) = judge(plan({"R": share()}, claims=(claim("R", p95("1 s"), p95("100 ms")),)), evidence()).verdicts
    assert "expected below 100 ms (and 7 more as expected)" in good.reason
    (bad,) = judge(plan({"R": share()}, claims=(claim("R", check(), errors(), p95("10 ms")),)), BAD).verdicts
    assert bad.outcome is Outcome.FAIL
    assert bad.reason.startswith("error rate of all routes together")
    assert bad.reason.endswith("(and 4 more like it)")
    assert [len(of_one) for of_one in bad.claims[0].measures] == [1, 1, 4]


def test_many_scenarios_of_one_requirement_are_worst_wins() -> None:
    """One passes, one fails."""
    both = (claim("R", share()), replace(claim("R", errors()), scenario=scenario("R", file="b.feature")))
    (verdict,) = judge(plan({"R": share()}, claims=both), BAD).verdicts
    assert (verdict.outcome, len(verdict.claims)) == (Outcome.FAIL, 2)
    assert verdict.reason.startswith("error rate")


def test_evidence_that_is_not_whole_is_never_go() -> None:
    """A file that no figure stands on is gone; or the run broke off."""
    gone = replace(evidence(), missing=(Missing(file="target/events.ndjson", why="is gone"),))
    judgement = judge(plan(), gone)
    assert set(outcomes(judgement).values()) == {Outcome.PASS}
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert judgement.decision.reasons == judgement.missing == ("target/events.ndjson: is gone",)
    cut = judge(plan(), replace(evidence(), complete=False))
    assert cut.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert cut.decision.reasons == ("the run did not complete",)


@pytest.mark.parametrize(
    ("why", "hint"),
    [("interrupted", "let it run until it completes"), ("worker 1 of everyday: exit -9", "see reports/r/load")],
)
def test_what_cut_a_run_short_leads_its_reasons_and_hints(why: str, hint: str) -> None:
    """What was being done and when; not that the run was too short, which it was for that reason alone. A FAIL stays one."""
    cut = Cut(why=why, hint=hint, act="experiment:pod-loss", after_s=212.4)
    few = replace(evidence(), complete=False, cut=cut, windows={})
    planned = replace(plan({"R": errors()}), again=("--target", "my target.yaml", "--release", "1.0.0"))
    judgement = judge(replace(planned, pytest_arguments=("-k", "pod")), few)
    told = f"the run did not complete: {why} during experiment:pod-loss, 212 s after it began"
    again = "readiness run --target 'my target.yaml' --release 1.0.0 -- -k pod"
    (verdict,) = judgement.verdicts
    assert verdict.reason.startswith(f"{told}; ")
    assert verdict.hint == f"{hint}; run again: {again}"
    first = judgement.decision.because[0].because
    assert (first.text, first.hint) == (told, f"{hint}; run again: {again}")
    assert judge(plan({"R": errors()}), replace(BAD, complete=False, cut=cut)).verdicts[0].outcome is Outcome.FAIL


def test_a_waiver_stands_in_for_a_pass_and_never_raises_the_score() -> None:
    """It is said on the decision line."""
    waived = Verdict(requirement="R", outcome=Outcome.WAIVED, because=because(Outcome.WAIVED, "until May"), claims=())
    passed = Verdict(requirement="S", outcome=Outcome.PASS, because=because(Outcome.PASS, ""), claims=())
    decision = decide(plan({"R": share(), "S": share()}), [waived, passed], Whole())
    assert (decision.outcome, decision.score) == (DecisionOutcome.GO, 0.5)
    assert decision.headline == "GO for sandbox · profile core · 1.0.0 · 1 passed · 1 waived · 0 not assessed"
    assert decision.reasons == ("R WAIVED: until May",)


def a_measure(outcome: Outcome, reason: str, value: float | None, op: Op = Op.BELOW) -> Measure:
    """One figure held against 100."""
    return Measure(
        name="response time p95",
        scope={},
        sentence="",
        at="",
        value=value,
        unit="ms",
        op=op.value,
        limit="100 ms",
        scaled_limit=100.0,
        outcome=outcome,
        because=because(outcome, reason, f"hint {reason}"),
    )


@pytest.mark.parametrize(
    ("seen", "reason", "hint"),
    [
        ([(Outcome.PASS, "one", 5.0)], "one", "hint one"),
        ([(Outcome.PASS, "far", 5.0), (Outcome.PASS, "near", 99.0)], "near (and 1 more as expected)", "hint near"),
        ([(Outcome.FAIL, "over", 101.0), (Outcome.PASS, "in", 5.0)], "over", "hint over"),
        (
            [(Outcome.FAIL, "over", 101.0), (Outcome.FAIL, "far over", 900.0)],
            "far over (and 1 more like it)",
            "hint far over",
        ),
        (
            [(Outcome.FAIL, "over", 900.0), (Outcome.FAIL, "never answered", None)],
            "never answered (and 1 more like it)",
            "hint never answered",
        ),
        (
            [(Outcome.INCONCLUSIVE, "unknown", None), (Outcome.INCONCLUSIVE, "seen", 7.0)],
            "seen (and 1 more like it)",
            "hint seen",
        ),
    ],
)
def test_the_figure_nearest_to_its_limit_speaks_for_the_scenario(
    seen: list[tuple[Outcome, str, float | None]], reason: str, hint: str
) -> None:
    """One that has no value is nearest of all when it failed, and furthest when nothing is known."""
    verdict = claim_verdict(claim("R"), [[a_measure(*one) for one in seen]])
    assert (verdict.scenario, verdict.requirement) == (claim("R").scenario, "R")
    assert (verdict.reason, verdict.hint) == (reason, hint)


def test_a_figure_with_a_floor_is_as_near_to_it_as_one_with_a_ceiling() -> None:
    """The same order as on the page: by the bound on the bad side."""
    floor = a_measure(Outcome.PASS, "floor", 100.0, Op.AT_LEAST)
    ceiling = a_measure(Outcome.PASS, "ceiling", 1.0)
    assert claim_verdict(claim("R"), [[floor, ceiling]]).reason.startswith("floor")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pytest_arguments": ("-k", "share")}, "left out by the filter `-k share`"),
        ({"only": ("R-S*",)}, "left out by the filter `--only 'R-S*'`"),
        ({}, "left out by a filter"),
    ],
)
@pytest.mark.parametrize("cut", [None, Cut(why="interrupted", act="load", after_s=3.0)])
def test_what_a_filter_left_out_says_so_and_how_to_include_it(
    given: dict[str, Any], told: str, cut: Cut | None
) -> None:
    """Nothing about how long the run was, also where it was cut short: more of the same would not judge it."""
    kept = (claim("R-SHARE", CORE["R-SHARE"]),)
    filtered = replace(plan(claims=kept, deselected=("a.feature:9: x",)), again=("--target", "t.yaml"), **given)
    judgement = judge(filtered, replace(evidence(), cut=cut, complete=cut is None))
    lag = next(v for v in judgement.verdicts if v.requirement == "R-LAG")
    assert (lag.outcome, lag.because.kind, lag.reason) == (Outcome.NOT_ASSESSED, ReasonKind.FILTERED, told)
    assert lag.hint == "include the requirement: readiness run --target t.yaml --only R-LAG"


def test_attempts_are_those_of_the_experiments_that_a_requirement_names() -> None:
    """One where it names none, or one that left no record; two where the first attempt did not count."""
    sentences = {"R": recovery("30 s", "pod-loss"), "S": share(), "T": recovery("30 s", "never-run")}
    again = with_experiment([*evidence().experiments["pod-loss"], *evidence().experiments["pod-loss"]])
    attempts = {v.requirement: v.attempts for v in judge(plan(sentences), again).verdicts}
    assert attempts == {"R": 2, "S": 1, "T": 1}


def test_a_sandbox_that_stands_for_staging_is_named_in_the_decision() -> None:
    """Nobody takes it for a real staging; and a scale is allowed there, as in a sandbox, and nowhere else."""
    played = judge(plan(environment="staging", stands_in=True), evidence())
    assert " for sandbox (staging, simulated by the sandbox, RTO and RPO divided by 60) · " in played.decision.headline
    real = judge(plan(environment="staging"), evidence())
    assert " for sandbox (staging) · " in real.decision.headline
    assert "expected 1 in staging" in " ".join(verdict.reason for verdict in real.verdicts)
