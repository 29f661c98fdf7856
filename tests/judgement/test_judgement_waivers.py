"""A waiver covers what it names and no more; it is on the decision line and raises no score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    CHECK,
    check,
    claim,
    down,
    errors,
    evidence,
    failing,
    health,
    ledger,
    measures,
    no_loss,
    p95,
    plan,
    reads,
    recovery,
    requirement,
    samples,
    share,
    uptime,
    with_experiment,
    with_load,
    with_words,
    writes,
)

from harness.judgement import judge
from harness.judgement.decisions.waivers import accepted_harm, waived
from harness.model import (
    PROBES,
    SAMPLES,
    Attestation,
    Check,
    DecisionOutcome,
    Evidence,
    Fact,
    FactAmount,
    FactTable,
    Figure,
    Judgement,
    Measure,
    NotAssessable,
    Objective,
    Op,
    Outcome,
    Plan,
    Quantity,
    Reason,
    ReasonKind,
    Table,
    Verdict,
    Waiver,
    Words,
)
from harness.model.judged.harm import Harm, UnjudgedHarm
from tests.builders.recorder import ns

WAIVER = Waiver(
    waives="R-P95",
    by="A. Person",
    reason="cold cache",
    link="https://example.test/1",
    date="2026-05-01",
    expires="2026-07-01",
    release="1.0.0",
    file="waivers/R-P95.yaml",
)
SLOW = with_load(samples(0.0, 60.0, latency_ms=250.0))


def judged(waiver: Waiver, **sentences: Objective) -> Judgement:
    """The run whose answers take 250 ms, under a plan with this waiver."""
    asked = {"R-P95": p95(), "R-ERRORS": errors(), **sentences}
    return judge(plan(asked, waivers=(waiver,)), SLOW)


def test_a_bound_that_covers_every_figure() -> None:
    """GO with the waiver on the decision line; the score counts it as not passed."""
    judgement = judged(replace(WAIVER, bound="300 ms"))
    assert judgement.verdicts[0].outcome is Outcome.WAIVED
    assert judgement.verdicts[0].because.kind is ReasonKind.WAIVED
    assert judgement.decision.outcome is DecisionOutcome.GO
    assert judgement.decision.score == 0.5
    sentence = "waived: R-P95: A. Person accepts the bound 300 ms until 2026-07-01 (cold cache)"
    assert sentence in judgement.decision.headline


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"bound": "240 ms"}, "is not proven within 240 ms"),
        ({"bound": "1 %"}, "has another unit"),
        ({"bound": "300 ms", "void": "it expired on 2026-05-31"}, "it expired on 2026-05-31"),
        ({"outcome": "INCONCLUSIVE"}, "the verdict is FAIL, and the waiver accepts INCONCLUSIVE"),
        ({"outcome": "NOT ASSESSED"}, "the verdict is FAIL, and the waiver accepts NOT ASSESSED"),
        (
            {"subjects": ("response time p95",)},
            "is FAIL because of a figure, which a waiver accepts with `--bound`, not with `--subject`",
        ),
    ],
)
def test_what_a_waiver_does_not_cover_stays_as_it_was(fields: dict[str, object], why: str) -> None:
    """NO-GO, and the reason says what the waiver lacks."""
    judgement = judged(replace(WAIVER, **fields))  # type: ignore[arg-type]  # fields of a waiver
    assert judgement.verdicts[0].outcome is Outcome.FAIL
    assert "The waiver waivers/R-P95.yaml does not cover this verdict: " in judgement.verdicts[0].reason
    assert why in judgement.verdicts[0].reason
    assert judgement.decision.outcome is DecisionOutcome.NO_GO


def test_a_bound_excuses_no_evidence_that_is_not_in_order() -> None:
    """20 ms are within 300 ms, but the requests were sent late: nobody knows what users would have waited."""
    late = with_load(samples(0.0, 60.0, lag_ms=400.0))
    verdict = judge(plan({"R-P95": p95()}, waivers=(replace(WAIVER, bound="10 s"),)), late).verdicts[0]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "is INCONCLUSIVE for another reason" in verdict.reason


@pytest.mark.parametrize(("complete", "expected"), [(True, Outcome.WAIVED), (False, Outcome.FAIL)])
def test_a_bound_excuses_no_loss_that_is_the_least_there_is(*, complete: bool, expected: Outcome) -> None:
    """3 changed writes were found and 3 are accepted; where the last read broke off, there may be more."""
    run = replace(evidence(), ledger=ledger(writes(), wrong=[600, 601, 602], complete=complete))
    waiver = replace(WAIVER, waives="R", bound="3")
    verdict = judge(plan({"R": no_loss("pod-loss")}, waivers=(waiver,)), run).verdicts[0]
    assert verdict.outcome is expected
    assert ("lost writes was not recorded as planned: the final ledger read did not" in verdict.reason) is not complete


@pytest.mark.parametrize(
    ("asked", "subject", "expected"),
    [
        ({"R": check()}, "us-east-1/api-gateway", Outcome.WAIVED),
        ({"R": check()}, "eu-west-1/api-gateway", Outcome.FAIL),
        ({"R": uptime()}, "entry", Outcome.FAIL),
    ],
)
def test_a_subject_accepts_facts_and_no_figure(asked: dict[str, Objective], subject: str, expected: Outcome) -> None:
    """Whoever accepts 98.9 % of the entry did not accept 3 %; a replica too few is what it is."""
    few = Fact(subject="us-east-1/api-gateway", expected="3", observed="2", ok=False, attempts=1, at_ns=ns(1))
    dead = Table.merged(PROBES, [reads(), down(health(), 0, 60)])
    run = replace(evidence(), probes=dead, checks={CHECK.key: Check(demand=CHECK.key, facts=(few,))})
    waiver = replace(WAIVER, waives="R", subjects=(subject,))
    verdict = judge(plan(asked, waivers=(waiver,)), run).verdicts[0]
    assert verdict.outcome is expected


def reported(*facts: Fact) -> Evidence:
    """The healthy run, in which the check of `check()` found these facts."""
    return replace(evidence(), checks={CHECK.key: Check(demand=CHECK.key, facts=facts)})


def a_count(value: float, unit: str = "", *, at_least: bool = False, ok: bool | None = False) -> Fact:
    """What a report counts, or the share of it."""
    amount = FactAmount(value=value, unit=unit, at_least=at_least)
    return Fact(subject="found", expected="none", observed="some", ok=ok, attempts=1, at_ns=ns(1), amount=amount)


def test_a_fact_that_is_a_count_or_a_share_is_accepted_within_a_bound(subtests: pytest.Subtests) -> None:
    """One accepted finding does not excuse forty of tomorrow's scan."""
    for found, bound, why in [
        (a_count(1), "1", ""),
        (a_count(0), "1", ""),
        (a_count(40), "1", "found is 40, and the waiver accepts at most 1"),
        (
            a_count(1),
            "",
            'found is a number, for which the waiver needs a bound: `--subject "found" --bound "1"` accepts the measured number',
        ),
        (a_count(1), "1 %", "found has another unit: 1 % is a ratio"),
        (a_count(1, ok=None), "1", "found is INCONCLUSIVE"),
        (a_count(89, "%", at_least=True), "85 %", ""),
        (a_count(20, "%", at_least=True), "85 %", "found is 20 %, and the waiver accepts at least 85 %"),
        (a_count(2 / 3, "ratio", at_least=True), "66.66 %", ""),
        (a_count(2 / 3, "ratio", at_least=True), "", '--bound "66.66 %"` accepts the measured number'),
        (a_count(1 / 3, "ratio"), "", '--bound "33.34 %"` accepts the measured number'),
        (a_count(0.29, "ratio", at_least=True), "", '--bound "29 %"` accepts the measured number'),
        (a_count(1, "parsec"), "1", "found has another unit: unknown unit 'parsec'"),
    ]:
        with subtests.test(why, found=found, bound=bound):
            waiver = replace(WAIVER, waives="R", subjects=("found",), bound=bound)
            judgement = judge(plan({"R": check()}, waivers=(waiver,)), reported(found))
            (verdict,) = judgement.verdicts
            assert (verdict.outcome is Outcome.WAIVED) is (not why), verdict.reason
            assert why in verdict.reason
            if not why:
                assert f"accepts the facts of found within the bound {bound} until" in judgement.decision.headline


def test_a_bound_alone_covers_no_fact() -> None:
    """It would be that of failed and of passed tests at once; the options that cover it are named."""
    waiver = replace(WAIVER, waives="R", bound="3")
    (verdict,) = judge(plan({"R": check()}, waivers=(waiver,)), reported(a_count(3))).verdicts
    assert verdict.outcome is Outcome.FAIL
    assert 'found is a fact, for which the waiver needs a subject: `--subject "found" --bound "3"`' in verdict.reason


def test_a_bound_with_a_subject_covers_a_plain_fact_and_no_figure() -> None:
    """A fact without a size is what it is; a figure is accepted by a bound alone."""
    plain = replace(a_count(1), amount=None)
    waiver = replace(WAIVER, waives="R", subjects=("found",), bound="300 ms")
    assert judge(plan({"R": check()}, waivers=(waiver,)), reported(plain)).verdicts[0].outcome is Outcome.WAIVED
    (verdict,) = judge(plan({"R": p95()}, waivers=(waiver,)), SLOW).verdicts
    assert verdict.outcome is Outcome.FAIL
    assert "because of a figure, which a waiver accepts with `--bound`, not with `--subject`" in verdict.reason


@pytest.mark.parametrize(
    ("unread", "covered", "bound", "expected"),
    [
        (0, 200, "3", Outcome.WAIVED),
        (0, 200, "2", Outcome.FAIL),
        (120, 80, "3", Outcome.FAIL),
        (0, 80, "3", Outcome.FAIL),
        (1, 200, "200", Outcome.FAIL),
    ],
)
def test_a_bound_covers_a_table_of_facts_that_were_all_read(
    unread: int, covered: int, bound: str, expected: Outcome
) -> None:
    """3 of 200 are not as expected: those that were not read may be more of them."""
    oks = [False] * 3 + [None] * unread + [True] * (197 - unread)
    facts = tuple(replace(a_count(1, ok=ok), subject=f"call {n}", amount=None) for n, ok in enumerate(oks))
    table = Check(demand=CHECK.key, facts=(), matrix=FactTable.made(facts, covered, 200))
    waiver = replace(WAIVER, waives="R", bound=bound)
    run = replace(evidence(), checks={CHECK.key: table})
    (verdict,) = judge(plan({"R": check()}, waivers=(waiver,)), run).verdicts
    assert verdict.outcome is expected
    assert ("has no bound to compare with the bound of the waiver" in verdict.reason) is (bool(unread) or covered < 200)


@pytest.mark.parametrize(("bad", "expected"), [(3, Outcome.WAIVED), (1500, Outcome.INCONCLUSIVE)])
def test_who_accepts_what_is_not_decided_accepts_no_figure_beyond_its_limit(bad: int, expected: Outcome) -> None:
    """3 of 6000 requests failed, or 15 s without an answer: neither is decided; the first is named with its bounds, the second is not covered."""
    waiver = replace(WAIVER, waives="R", outcome="INCONCLUSIVE")
    run = with_load(failing(samples(0, 60), slice(2000, 2000 + bad)))
    judgement = judge(plan({"R": errors("1 %" if bad > 3 else "0.1 %")}, waivers=(waiver,)), run)
    (verdict,) = judgement.verdicts
    assert verdict.outcome is expected, verdict.reason
    named = "error rate 0.05 % (from 0.002565 % to 0.7997 %, is below 0.1 %)" if bad == 3 else "error rate 25 % ("
    assert named in verdict.reason
    assert ("was measured beyond its limit, which only a waiver with a bound can accept" in verdict.reason) is (bad > 3)
    assert (named in judgement.decision.headline) is (bad == 3)


def test_a_pass_is_not_waived() -> None:
    """A waiver that nobody needs changes nothing."""
    judgement = judge(plan({"R-P95": p95()}, waivers=(replace(WAIVER, bound="300 ms"),)), evidence())
    assert judgement.verdicts[0].outcome is Outcome.PASS
    assert "waived" not in judgement.decision.headline


@pytest.mark.parametrize(("count", "covered"), [(34, True), (33, False)])
def test_a_harm_up_to_a_count(count: int, *, covered: bool) -> None:
    """34 lost writes are not 33."""
    harm = UnjudgedHarm(harm=Harm.WRITES_LOST, count=34)
    waiver = replace(WAIVER, waives="writes-lost", count=count)
    assert (harm in accepted_harm([harm], plan({}, waivers=(waiver,)))) is covered
    assert accepted_harm([harm], plan({}, waivers=(replace(waiver, void="expired"),))) == {}


def parts(*ids: str) -> Objective:
    """These requirements pass."""
    limit = Quantity(value=1, unit="")
    return Objective(figure=Figure.PARTS, op=Op.HOLDS, limit=limit, params={"parts": " ".join(ids)}, sentence="")


def test_a_derived_row_names_the_part_that_decides() -> None:
    """The worst of its parts, whatever the others are; a part of another profile lets nothing pass."""
    asked = {"R-ALL": parts("R-P95", "R-ERRORS"), "R-GOOD": parts("R-ERRORS"), "R-MORE": parts("R-ERRORS", "R-ELSE")}
    found = {v.requirement: v for v in judged(WAIVER, **asked).verdicts}
    assert found["R-ALL"].outcome is Outcome.FAIL
    assert found["R-ALL"].reason.startswith("R-P95 FAIL: response time p95")
    assert found["R-GOOD"].outcome is Outcome.PASS
    assert found["R-MORE"].outcome is Outcome.NOT_ASSESSED
    assert found["R-MORE"].reason == "R-ELSE is not judged in this run"


def test_a_waived_part_is_no_pass() -> None:
    """The derived row is WAIVED as its part is."""
    judgement = judged(replace(WAIVER, bound="300 ms"), **{"R-ALL": parts("R-P95", "R-ERRORS")})
    assert judgement.verdicts[2].outcome is Outcome.WAIVED
    assert judgement.decision.outcome is DecisionOutcome.GO


ATTESTATION = Attestation(
    vouches="R-SIGNED",
    by="A. Person",
    role="security-lead",
    reason="reviewed",
    link="https://example.test/1",
    date="2026-05-01",
    expires="2026-07-01",
    release="1.0.0",
    file="attestations/R-SIGNED.yaml",
    age_days=31,
)


def signed(*attestations: Attestation) -> Plan:
    """A plan that asks for a signature not older than 90 days."""
    limit = Quantity(value=1, unit="")
    asked = Objective(
        figure=Figure.ATTESTATION,
        op=Op.HOLDS,
        limit=limit,
        params={"role": "security-lead", "at_most": "90 d"},
        sentence="",
    )
    row = requirement("R-SIGNED")
    return plan({}, requirements=(row,), claims=(claim("R-SIGNED", asked),), attestations=attestations)


@pytest.mark.parametrize(
    ("attestations", "outcome", "why"),
    [
        ((), Outcome.NOT_ASSESSED, "no attestation of this requirement by a security-lead was found, expected one"),
        ((ATTESTATION,), Outcome.PASS, "A. Person, security-lead, vouches for the requirement since 2026-05-01"),
        ((replace(ATTESTATION, void="it expired on 2026-05-31"),), Outcome.INCONCLUSIVE, "it expired on 2026-05-31"),
        (
            (replace(ATTESTATION, role="architect"),),
            Outcome.INCONCLUSIVE,
            "the attestation is by role architect, expected security-lead",
        ),
        (
            (replace(ATTESTATION, age_days=91),),
            Outcome.INCONCLUSIVE,
            "the attestation is 91 days old, expected at most 90 d",
        ),
        ((replace(ATTESTATION, age_days=90),), Outcome.PASS, "until 2026-07-01: reviewed"),
        ((replace(ATTESTATION, void="expired"), ATTESTATION), Outcome.PASS, "vouches for the requirement"),
    ],
)
def test_who_vouches(attestations: tuple[Attestation, ...], outcome: Outcome, why: str) -> None:
    """In the role, for the release, recently enough; one good one is enough."""
    verdict = judge(signed(*attestations), evidence()).verdicts[0]
    assert (verdict.outcome, why in verdict.reason) == (outcome, True), verdict.reason


def test_a_waiver_of_a_figure_does_not_cover_the_part_that_nobody_could_assess() -> None:
    """Two scenarios of one requirement: one is within the bound, for the other this target lacks the means."""
    bounded = replace(WAIVER, bound="300 ms")
    lacking = NotAssessable(
        requirement="R-P95", because=Reason(kind=ReasonKind.NO_MEANS, text="the target names no database")
    )
    asked = plan({"R-P95": p95()}, waivers=(bounded,))
    assert judge(asked, SLOW).verdicts[0].outcome is Outcome.WAIVED
    verdict = judge(replace(asked, not_assessable=(lacking,)), SLOW).verdicts[0]
    assert verdict.outcome is Outcome.FAIL
    why = "a part of the requirement was not assessed: the target names no database"
    assert f"The waiver waivers/R-P95.yaml does not cover this verdict: {why}" in verdict.reason


def test_who_accepts_what_is_not_decided_did_not_accept_what_nobody_could_assess() -> None:
    """A check that was not done is INCONCLUSIVE: beside it the target lacks the means for a part, or a sentence could not have failed."""
    waiver = replace(WAIVER, waives="R", outcome="INCONCLUSIVE")
    asked = plan({"R": check(check="another")}, waivers=(waiver,))
    lack = NotAssessable(requirement="R", because=Reason(kind=ReasonKind.NO_MEANS, text="the target names no database"))
    verdict = judge(replace(asked, not_assessable=(lack,)), evidence()).verdicts[0]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason.endswith(
        "does not cover this verdict: a part of the requirement was not assessed: the target names no database"
    )
    both = replace(asked, claims=(*asked.claims, claim("R", recovery("300 s", "pod-loss"))))
    verdict = judge(both, evidence()).verdicts[0]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert (
        "does not cover this verdict: recovery of reads is NOT ASSESSED: this run could not have failed the sentence: pod-loss is planned with 240 s of observation, expected at least 300 s"
        in verdict.reason
    )
    assert judge(asked, evidence()).verdicts[0].outcome is Outcome.WAIVED


def test_who_accepts_what_is_not_assessed_accepts_each_part_of_it() -> None:
    """What the target lacks the means for, and a sentence that could not have failed; what is not decided is not among them."""
    waiver = replace(WAIVER, waives="R", outcome="NOT ASSESSED")
    lack = NotAssessable(requirement="R", because=Reason(kind=ReasonKind.NO_MEANS, text="the target names no database"))
    asked = plan({"R": recovery("300 s", "pod-loss")}, waivers=(waiver,), not_assessable=(lack,))
    assert judge(asked, evidence()).verdicts[0].outcome is Outcome.WAIVED
    both = replace(asked, claims=(*asked.claims, claim("R", check(check="another"))))
    assert (
        "the verdict is INCONCLUSIVE, and the waiver accepts NOT ASSESSED" in judge(both, evidence()).verdicts[0].reason
    )


def _share_of_us(one_in: int) -> Evidence:
    """One request of so many is served by us-east-1, of which 60 % ± 5 are expected."""
    rows = samples(0, 60)
    served = Words.of(["us-east-1" if number % one_in == 0 else "eu-west-1" for number in range(len(rows))])
    return with_load(replace(rows, words={**rows.words, "served_region": served}))


@pytest.mark.parametrize(
    ("bound", "one_in", "expected"),
    [("70 %", 10, Outcome.FAIL), ("10 %", 10, Outcome.FAIL), ("5 %", 10, Outcome.WAIVED), ("45 %", 2, Outcome.WAIVED)],
)
def test_a_bound_of_a_tolerance_holds_on_both_sides(bound: str, one_in: int, expected: Outcome) -> None:
    """70 % accepts what is 10 points from 60 %: not 10 %. A bound may be stated on either side: 5 % accepts what is 55 points away."""
    waiver = replace(WAIVER, waives="R-SHARE", bound=bound)
    verdict = judge(plan({"R-SHARE": share()}, waivers=(waiver,)), _share_of_us(one_in)).verdicts[0]
    assert verdict.outcome is expected


def region_loss_with(out: Mapping[str, tuple[float, float]], *, rare: float = 0.0) -> Evidence:
    """The region's loss, undone at 175 s: these routes fail in these times, all else is served. `rare`: requests a second of one more route."""
    run = evidence()
    windows = dict(run.windows)
    for name, start, end in (("everyday/fault-free", 0, 60), ("experiment:region-loss/fault", 160, 200)):
        rows = windows[name].samples
        if rare:
            more = with_words(samples(start, end, per_s=rare), slice(None), name="rare", served_region=None)
            rows = Table.merged(SAMPLES, [rows, more])
        due = rows.ints["intended_ns"]
        for route, (from_s, until_s) in out.items():
            rows = failing(rows, rows.words["name"].equals(route) & (due >= ns(from_s)) & (due < ns(until_s)))
        windows[name] = replace(windows[name], samples=rows)
    (attempt,) = run.experiments["region-loss"]
    attempt = replace(attempt, fault=replace(attempt.fault, undone_ns=ns(175), gone_ns=ns(176)))
    run = replace(run, windows=windows, ledger=ledger(writes()))
    return with_experiment([attempt], replace(run, probes=Table.merged(PROBES, [reads(), health()])))


def recovered_under_a_waiver(limit: str, run: Evidence) -> Verdict:
    """The verdict of a recovery where 60 s are accepted."""
    waiver = replace(WAIVER, waives="R", bound="60 s")
    return judge(plan({"R": recovery(limit, "region-loss")}, waivers=(waiver,)), run).verdicts[0]


def test_a_bound_covers_no_outage_that_did_not_end_behind_a_longer_one_that_did() -> None:
    """One route is out for 9 s on the way back, another for the last 8 s of the record: where the longer one decides, the other is out still."""
    ended, open_end = {"sign-in": (176.0, 185.0)}, {"read-track": (192.0, 200.0)}
    verdict = recovered_under_a_waiver("3 s", region_loss_with({**ended, **open_end}))
    assert verdict.outcome is Outcome.FAIL
    assert "the users' requests (route sign-in) were out for 9" in verdict.reason
    assert "outage of users after the undo has no bound to compare with the bound of the waiver" in verdict.reason
    assert recovered_under_a_waiver("3 s", region_loss_with(ended)).outcome is Outcome.WAIVED


def test_a_bound_covers_no_users_who_never_came_back_behind_others_who_did() -> None:
    """One route is out for 6 s; of another, all 8 requests until the undo fail, too few for a FAIL of its own."""
    ended, open_end = {"sign-in": (162.0, 168.0)}, {"rare": (160.0, 175.0)}
    verdict = recovered_under_a_waiver("5 s", region_loss_with({**ended, **open_end}, rare=0.6))
    assert verdict.outcome is Outcome.FAIL
    assert "the users' requests (route sign-in, the last group to recover) recovered after 7" in verdict.reason
    assert "recovery of users has no bound to compare with the bound of the waiver" in verdict.reason
    assert recovered_under_a_waiver("5 s", region_loss_with(ended, rare=0.6)).outcome is Outcome.WAIVED


@pytest.mark.parametrize(("bound", "covered"), [("30 %", True), ("21 %", False)])
def test_a_bound_covers_a_guard_by_its_own_bound(bound: str, *, covered: bool) -> None:
    """A fifth of a route's requests fail: 20 % were measured, and by chance it may be some points more."""
    rows = samples(0, 60)
    own = rows.words["name"].equals("read-track")
    run = with_load(failing(rows, own & (np.cumsum(own) % 5 == 0)))
    waiver = replace(WAIVER, waives="R-ERRORS", bound=bound)
    asked = {"R-ERRORS": errors("12 %")}
    guards = [m for m in measures(judge(plan(asked), run)) if "guard" in m.scope]
    assert guards
    assert all(m.low is not None and m.high is not None and m.low < (m.value or 0) < m.high for m in guards)
    assert (judge(plan(asked, waivers=(waiver,)), run).verdicts[0].outcome is Outcome.WAIVED) == covered


def test_a_bound_covers_no_sentence_without_a_figure() -> None:
    """The other sentence of the scenario speaks of a coupling, and nothing of it was planned: it is among no figures that fell short."""
    bounded = replace(WAIVER, bound="300 ms")
    asked = plan({"R-P95": p95()}, waivers=(bounded,))
    coupling = replace(errors("1 %"), figure=Figure.COUPLING)
    both = replace(asked, claims=(claim("R-P95", p95(), coupling),))
    judgement = judge(both, SLOW)
    assert judgement.verdicts[0].outcome is Outcome.FAIL
    (found,) = judgement.verdicts[0].claims[0].measures[1]
    assert (found.outcome, found.reason) == (
        Outcome.INCONCLUSIVE,
        "no act that the sentence names was planned and recorded",
    )
    assert judgement.decision.outcome is DecisionOutcome.NO_GO


@pytest.mark.parametrize("measured", [(), ((),)])
def test_a_waiver_covers_no_claim_without_a_measure(measured: tuple[tuple[Measure, ...], ...]) -> None:
    """Beside a claim that it covers: one without sentences, and one of whose sentence nothing was measured."""
    asked = plan({"R-P95": p95()}, waivers=(replace(WAIVER, bound="300 ms"),))
    covered = judge(plan({"R-P95": p95()}), SLOW).verdicts[0]
    assert waived(covered, asked).outcome is Outcome.WAIVED
    bare = replace(covered, claims=(*covered.claims, replace(covered.claims[0], measures=measured)))
    found = waived(bare, asked)
    assert (
        found.outcome,
        "does not cover this verdict: a sentence of the scenario has no measured figure" in found.reason,
    ) == (
        Outcome.FAIL,
        True,
    )
