"""The run as a whole: its release, whose run it is, its end, and its unjudged seconds (blind sides 4, 10, 19, 20)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import S, evidence, ns, plan, samples, share, window, with_words

from harness.judgement import judge
from harness.model import DecisionOutcome, Evidence, Outcome, Phase, Steady, Words, after_faults_name

WORDS = "release not verified: no answer names a release, and no image, digest or version was read"


def named(release: str | None, every: int = 1, other: str | None = None) -> Evidence:
    """The run with a release named by each answer of the first window, and another by each so many."""
    base = evidence()
    first = base.windows["everyday/fault-free"]
    rows = first.samples
    words = Words.of([other if other and i % every == 0 else release for i in range(len(rows))])
    changed = replace(first, samples=replace(rows, words={**rows.words, "release": words}))
    return replace(base, windows={**base.windows, first.name: changed})


def test_blind_side_4_another_release_answers() -> None:
    """One in a hundred answers names another release: every row is INCONCLUSIVE with the counts."""
    judgement = judge(plan(), named("1.0.0", 100, "0.9.0"))
    assert {v.outcome for v in judgement.verdicts} == {Outcome.INCONCLUSIVE}
    reason = "of 6000 answers that name a release 60 named 0.9.0, expected 1.0.0"
    assert {v.reason for v in judgement.verdicts} == {reason}
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert reason in judgement.decision.reasons
    assert judgement.release is not None
    assert (judgement.release.verified, dict(judgement.release.observed)) == (False, {"0.9.0": 60, "1.0.0": 5940})


def test_blind_side_4_a_target_that_names_no_release_is_reported_on_the_decision_line() -> None:
    """It decides nothing, and nobody can overlook it."""
    assert judge(plan(), evidence()).decision.headline.endswith(f" · {WORDS}")
    every = {
        name: replace(w, samples=with_words(w.samples, slice(None), release="1.0.0"))
        for name, w in evidence().windows.items()
    }
    verified = judge(plan(), replace(evidence(), windows=every)).decision
    assert (verified.outcome, "verified" in verified.headline) == (DecisionOutcome.GO, False)
    few = judge(plan(), named("1.0.0")).decision
    assert (few.outcome, "release not verified: 14000 of 20000 expected answers" in few.headline) == (
        DecisionOutcome.GO,
        True,
    )


@pytest.mark.parametrize("moment", ["start", "end"])
def test_blind_side_10_a_target_that_is_not_steady_at_the_start_or_the_end_is_never_go(moment: str) -> None:
    """Whatever its figures are."""
    unsteady = Steady(ok=False, at_ns=1, why="3 of 100 reads failed")
    start = replace(evidence(), steady_start=unsteady)
    run = start if moment == "start" else replace(evidence(), steady_end=unsteady)
    decision = judge(plan({"R": share()}), run).decision
    assert decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert decision.reasons == (f"the target was not steady at the {moment} of the load: 3 of 100 reads failed",)
    hints = [reason.because.hint for reason in decision.because]
    assert hints == [
        "check the health of the target and the paths in `probes`, and run again when reads and writes succeed"
    ]


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("run", "run-2", "the run recorded run run-1, expected run-2 by the plan"),
        ("environment", "production", "the time scale is 60, expected 1 in production"),
        ("time_scale", 0.01, "the time scale is 0.01, expected at least 1"),
    ],
)
def test_blind_side_20_evidence_under_another_plan_supports_nothing(field: str, value: object, why: str) -> None:
    """Another run, another environment, a scale that makes an RTO of 4 h one of 400 h."""
    judgement = judge(replace(plan(), **{field: value}), evidence())  # type: ignore[arg-type]  # one field of several types
    assert {v.outcome for v in judgement.verdicts} <= {Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED}
    assert judgement.verdicts[0].reason.startswith(why)


def test_a_run_that_did_not_record_what_it_is_is_never_go() -> None:
    """A history without its first line."""
    decision = judge(plan(), replace(evidence(), started=None)).decision
    assert decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert decision.reasons == ("the run did not record its plan",)
    assert [reason.because.hint for reason in decision.because] == ["judge the complete run directory, or run again"]


def test_a_run_that_did_not_complete_says_what_to_do() -> None:
    """It was ended before its last window."""
    decision = judge(plan(), replace(evidence(), complete=False)).decision
    found = [(reason.because.text, reason.because.hint) for reason in decision.because]
    assert ("the run did not complete", "run again, and do not interrupt the run") in found


def test_blind_side_19_seconds_that_no_window_covers_are_listed_and_over_3_percent_undecided() -> None:
    """A window after the faults that opens at once, 5 s later, and 20 s later, before a minute: no gap passes, and over 3 % are a reason of their own."""
    base, gap = (
        evidence(),
        "R INCONCLUSIVE: {} s between the windows experiment:region-loss/fault and everyday/after-faults belong to no window",
    )
    for late, outcome, reasons in (
        (0, DecisionOutcome.GO, ()),
        (5, DecisionOutcome.INCONCLUSIVE, (gap.format(5),)),
        (
            20,
            DecisionOutcome.INCONCLUSIVE,
            (
                gap.format(20),
                (
                    "20 of 280 s of everyday traffic belong to no judged window: 20 s between the windows experiment:region-loss/fault and "
                    "everyday/after-faults"
                ),
            ),
        ),
    ):
        start, name = 200 + late, after_faults_name("everyday")
        after = replace(window(samples(start, start + 60), start, start + 60), name=name, phase=Phase.STEADY)
        assert after.start_ns == ns(start)
        assert after.end_ns - after.start_ns == 60 * S
        judgement = judge(plan({"R": share()}), replace(base, windows={**base.windows, name: after}))
        assert (judgement.decision.outcome, judgement.decision.reasons) == (outcome, reasons)
        assert {one.because.hint for one in judgement.decision.because} <= {
            "run again, and do not interrupt the run",
            "run again, do not interrupt the run, and do not change its files",
        }
        assert [gap.seconds for gap in judgement.unjudged] == ([float(late)] if late else [])


def test_blind_side_17_shadowed_files_stand_on_the_decision_line() -> None:
    """The project replaces what came with the package."""
    headline = judge(
        replace(plan(), shadowed=("features/normaldance/technical-kpis.feature",)), evidence()
    ).decision.headline
    assert headline.endswith(
        " · the project replaces 1 files of the package: features/normaldance/technical-kpis.feature"
    )
