"""Every outcome has one reason of a kind; of several the one closest to the cause leads, with its hint, everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import claim, errors, evidence, measures, p95, plan, samples, with_load

from harness.judgement import judge
from harness.judgement.decisions.verdicts import claim_verdict, requirement_verdict
from harness.judgement.measures import because, settled
from harness.model import Outcome, Reason, ReasonKind, Receipt, Worker

BROKE = Worker(
    id=0,
    rows=200,
    closed=True,
    why="7 journeys ended with an error in the locustfile, the first with KeyError: 'id'",
    hint="correct the error in the locustfile, then run again",
)
SOUND = Receipt(ok=True, why="as planned")
MUTE = Receipt(ok=None, why="nothing was recorded", hint="ask again")
BAD = replace(MUTE, ok=False)


def test_broken_journeys_lead_where_the_window_is_too_short_as_well() -> None:
    """More samples of a broken load would not decide: the load is the reason and its hint the hint, of the row and of the decision."""
    run = with_load(samples(0, 2), end_ns=2_000_000_000, workers=(BROKE,))
    judgement = judge(plan({"R": errors("1 %")}), run)
    (verdict,) = judgement.verdicts
    assert (verdict.outcome, verdict.because.kind) == (Outcome.INCONCLUSIVE, ReasonKind.LOAD)
    assert (
        "Not decided: worker 0: 7 journeys ended with an error in the locustfile, the first with KeyError: 'id'"
        in verdict.reason
    )
    assert verdict.hint == BROKE.hint
    assert judgement.decision.because[0].because == verdict.because
    assert (judgement.decision.because[0].requirement, judgement.decision.because[0].outcome) == ("R", verdict.outcome)


def test_too_few_samples_are_the_reason_where_nothing_else_is_wrong() -> None:
    """200 requests without a failure cannot prove 1 %."""
    run = with_load(samples(0, 2), end_ns=2_000_000_000, stopped_ns=2_000_000_000)
    whole = replace(run, windows={name: one for name, one in run.windows.items() if one.fault_free})
    (verdict,) = judge(plan({"R": errors("1 %")}), whole).verdicts
    assert (verdict.outcome, verdict.because.kind) == (Outcome.INCONCLUSIVE, ReasonKind.TOO_FEW)


def test_a_receipt_that_is_lacking_is_the_reason(subtests: pytest.Subtests) -> None:
    """Of a PASS and of what is INCONCLUSIVE each, of a FAIL those that it needs, but for a load that only the target may have slowed."""
    for outcome, receipts, fail_needs, kind in [
        (Outcome.PASS, {"watch": SOUND}, (), ReasonKind.AS_EXPECTED),
        (Outcome.PASS, {"watch": MUTE}, (), ReasonKind.WATCH),
        (Outcome.FAIL, {"load": MUTE}, (), ReasonKind.NOT_AS_EXPECTED),
        (Outcome.FAIL, {"load": MUTE}, ("load",), ReasonKind.NOT_AS_EXPECTED),
        (Outcome.FAIL, {"load": BAD}, ("load",), ReasonKind.LOAD),
        (Outcome.FAIL, {"watch": MUTE}, ("watch",), ReasonKind.WATCH),
        (Outcome.INCONCLUSIVE, {"fault": SOUND}, (), ReasonKind.TOO_FEW),
        (Outcome.INCONCLUSIVE, {"watch": SOUND, "restore": MUTE}, (), ReasonKind.RESTORE),
    ]:
        with subtests.test(outcome.value, kind=kind, receipts=receipts, fail_needs=fail_needs):
            found, reason = settled(outcome, because(outcome, "it is 3"), receipts, fail_needs)
            assert reason.kind is kind
            lacking = kind.value in receipts
            assert found is (Outcome.INCONCLUSIVE if lacking else outcome)
            assert (reason.text, reason.hint) == (
                ("it is 3. Not decided: nothing was recorded", "ask again") if lacking else ("it is 3", "")
            )


def test_the_reason_of_a_scenario_is_the_one_closest_to_the_cause() -> None:
    """Not that of the figure that is nearest to its limit, and the others are counted."""
    few, *_ = measures(judge(plan({"R": p95()}), with_load(samples(0, 2), end_ns=2_000_000_000)))
    load = replace(few, because=Reason(kind=ReasonKind.LOAD, text="it broke", hint="mend it"), value=1.0, high=2.0)
    said = claim_verdict(claim("R", p95()), [[few, replace(few, outcome=Outcome.PASS), load]])
    assert (said.because.kind, said.reason, said.hint) == (ReasonKind.LOAD, "it broke (and 1 more like it)", "mend it")


def test_the_reason_of_a_requirement_is_that_of_the_scenario_closest_to_the_cause() -> None:
    """Of two that are not decided; the other one's figure is nearer to its limit, and it is counted."""
    few, *_ = measures(judge(plan({"R": p95()}), with_load(samples(0, 2), end_ns=2_000_000_000)))
    load = replace(few, because=Reason(kind=ReasonKind.LOAD, text="it broke", hint="mend it"), value=1.0, high=2.0)
    requirement = plan({"R": p95()}).requirements[0]
    for order in ([few, load], [load, few]):
        claims = [claim_verdict(claim("R", p95()), [[one]]) for one in order]
        said = requirement_verdict(requirement, claims, plan({"R": p95()}), evidence())
        assert (said.because.kind, said.reason, said.hint) == (
            ReasonKind.LOAD,
            "it broke (and 1 more like it)",
            "mend it",
        )
