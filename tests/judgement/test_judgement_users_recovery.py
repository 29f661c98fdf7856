"""Recovery is judged on the users' own requests too, per route and per serving region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judgement_builders import (
    SPANS,
    evidence,
    experiment,
    failing,
    measures,
    ns,
    p95,
    plan,
    recovery,
    samples,
    with_experiment,
    with_ints,
    with_words,
)

from harness.judgement import judge
from harness.judgement.recovery import Promise, Users, still_out, users_recovery
from harness.model import SAMPLES, Evidence, Measure, Outcome, ReasonKind, Table

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
DATABASE = experiment("database-loss", *SPANS["database-loss"])


def within(rows: Table, start: float, end: float) -> Any:
    """Which requests were due in [start, end)."""
    due = rows.ints["intended_ns"]
    return (due >= ns(start)) & (due < ns(end))


def of(rows: Table, column: str, word: str) -> Any:
    """Which requests have this word."""
    return rows.words[column].equals(word)


def under(change: Any, base: Evidence | None = None) -> Evidence:
    """The evidence with the users' requests under the database's loss changed."""
    base = base or evidence()
    window = base.windows["experiment:database-loss/fault"]
    changed = replace(window, samples=change(window.samples))
    return replace(base, windows={**base.windows, "experiment:database-loss/fault": changed})


def judged(limit: str, run: Evidence, **fields: Any) -> dict[str, Measure]:
    """The measures of the users after the database's loss, by name."""
    found = measures(judge(plan({"R": recovery(limit, "database-loss", **fields)}), run))
    return {m.name: m for m in found if m.scope.get("operation") == "users"}


def test_a_generator_that_stood_still_is_no_outage_of_the_target() -> None:
    """Everything that was due from 112 s to 147 s was sent at its end, and answered at once."""

    def late(rows: Table) -> Table:
        due = within(rows, 112, 147)
        lasted = rows.ints["done_ns"] - rows.ints["sent_ns"]
        sent = np.where(due, ns(147), rows.ints["sent_ns"])
        return replace(rows, ints={**rows.ints, "sent_ns": sent, "done_ns": sent + lasted})

    found = measures(judge(plan({"R": recovery("30 s", "database-loss"), "P": p95("1 s")}), under(late)))
    measure = next(one for one in found if one.name == "recovery of users")
    assert (measure.outcome, "the load generator was late" in measure.reason) == (INCONCLUSIVE, True), measure.reason


def test_one_route_that_stays_away_fails_and_is_named() -> None:
    """Three of four routes are well."""
    run = under(lambda rows: failing(rows, of(rows, "name", "play-track") & within(rows, 111, 150)))
    measure = judged("30 s", run)["recovery of users"]
    assert (measure.outcome, measure.scope["group"]) == (FAIL, "route play-track")
    assert "the users' requests (route play-track) did not recover in 34 s" in measure.reason


def test_a_time_without_a_fault_of_which_requests_are_not_recorded_shows_no_failures_that_are_as_before() -> None:
    """One request of a route in 80 fails from the fault on, none of 1500 did before: without the record of those, 1 % would be as before."""

    def rarely(rows: Table) -> Table:
        turn = np.arange(len(rows)) // 4 % 80
        bad = of(rows, "name", "play-track") & (turn == 1)
        return with_words(failing(rows, bad), bad, served_region=None)

    run = under(rarely)
    quiet = run.windows["everyday/fault-free"]
    gone = replace(quiet, samples=quiet.samples.where(~of(quiet.samples, "name", "play-track")))
    for each in (quiet, gone):
        found = judged("20 s", replace(run, windows={**run.windows, quiet.name: each}))
        assert found["recovery of users"].outcome is not PASS, found["recovery of users"].reason


def unasked(route: str, run: Evidence) -> list[str]:
    """What is said of a route after the database's loss, apart from the worst group."""
    found = measures(judge(plan({"R": recovery("30 s", "database-loss")}), run))
    own = [m for m in found if m.scope.get("group") == f"route {route}"]
    return [f"{m.name} {m.outcome.value}: {m.reason}" for m in own]


def test_a_route_that_is_never_requested_under_the_fault_is_not_shown_to_be_served() -> None:
    """25 requests a second before the first fault, none in the 39 s from the fault to the restore: INCONCLUSIVE, and named."""
    never = "recovery of users INCONCLUSIVE: database-loss: route play-track was not requested during the fault, expected about 975 requests"
    run = under(lambda rows: rows.where(~of(rows, "name", "play-track")))
    assert unasked("play-track", run) == [never]
    once = under(lambda rows: rows.where(~of(rows, "name", "play-track") | within(rows, 130, 130.05)))
    assert never not in unasked("play-track", once)


def test_what_was_hardly_requested_before_or_is_of_a_traffic_that_was_off_is_not_missed_under_the_fault() -> None:
    """18 requests of a route were to be expected; users ask for another only as they arrive; the traffic ended before the fault."""
    base = evidence()
    quiet = base.windows["everyday/fault-free"]

    def before(per_s: float, until: float) -> Evidence:
        own = with_words(samples(0, until, per_s=per_s), slice(None), name="checkout")
        rows = Table.merged(SAMPLES, [quiet.samples, own])
        return replace(base, windows={**base.windows, quiet.name: replace(quiet, samples=rows)})

    assert unasked("checkout", before(18 / 39, 60)) == []
    assert unasked("checkout", before(5, 29)) == []
    assert len(unasked("checkout", before(5, 60))) == 1
    other = replace(quiet, name="nightly/fault-free", traffic="nightly")
    assert unasked("sign-in", replace(base, windows={**base.windows, other.name: other})) == []


def test_one_serving_region_that_answers_late_fails_and_is_named() -> None:
    """One of five answers of ap-southeast-1 takes 7 s, the platform promises 1000 ms: at most 4 % of a route."""

    def slow(rows: Table) -> Table:
        changed = with_ints(rows, slice(None))
        turn = np.arange(len(rows)) // 10 % 5
        late = of(rows, "served_region", "ap-southeast-1") & within(rows, 111, 150) & (turn < 1)
        changed.ints["done_ns"][late] += ns(7)
        return changed

    sentences = {"R": recovery("30 s", "database-loss"), "P": p95("1000 ms")}
    found = measures(judge(plan(sentences), under(slow)))
    measure = next(m for m in found if m.name == "recovery of users")
    assert (measure.outcome, measure.scope["group"]) == (FAIL, "region ap-southeast-1")
    promised_nothing = judged("30 s", under(slow))["recovery of users"]
    assert promised_nothing.outcome is PASS


def test_users_who_are_served_again_in_time_pass() -> None:
    """Reads of a track fail from 112 s to 121 s: back 10 s after the fault, all routes but one never out."""
    run = under(lambda rows: failing(rows, of(rows, "name", "read-track") & within(rows, 112, 121)))
    found = judged("30 s", run)
    measure = found["recovery of users"]
    assert (measure.outcome, measure.scope["group"]) == (PASS, "route read-track")
    assert measure.value == pytest.approx(10.0, abs=0.1)
    assert measure.high == measure.value
    assert found["outage of users after the undo"].outcome is PASS
    result = next(e for e in judge(plan(), run).experiments if e.name == "database-loss")
    ((start, end),) = result.users["route read-track"].outages
    assert (round(start, 1), end) == (1.0, measure.value)
    assert result.users["route sign-in"].outages == ()


def test_users_who_are_out_on_the_way_back_are_charged_with_its_length() -> None:
    """Undone at 145 s, out from 146 s to 149 s."""
    longer = samples(110, 160)
    base = evidence()
    key = "experiment:database-loss/fault"
    run = replace(base, windows={**base.windows, key: replace(base.windows[key], end_ns=ns(160), samples=longer)})
    run = under(lambda rows: failing(rows, within(rows, 146, 149)), run)
    found = judged("2 s", run)
    assert found["outage of users after the undo"].outcome is FAIL
    assert found["outage of users after the undo"].value == pytest.approx(3, abs=0.1)
    assert judged("30 s", run)["outage of users after the undo"].outcome is PASS


def test_a_route_with_too_few_requests_is_named_and_judged_with_the_others() -> None:
    """One request in two seconds: it is said so, and what fails of it counts in all routes together."""

    def thin(rows: Table) -> Table:
        turn = np.arange(len(rows))
        return with_words(rows, turn % 200 == 1, name="rare")

    run = under(thin)
    measure = judged("30 s", run)["recovery of users"]
    assert measure.outcome is PASS
    assert measure.reason.endswith(
        ". Routes and regions with less than 2 requests/s are judged by consecutive failures: route rare 0.49/s"
    )
    result = next(e for e in judge(plan(), run).experiments if e.name == "database-loss")
    assert (set(result.users_thin), "all routes" in result.users) == ({"route rare"}, True)


def checkout(per_s: float, bad: Any, *, quiet_per_s: float | None = None) -> Evidence:
    """A run with one more route, with so many requests a second; those that `bad` picks by their due time in s fail under the fault."""

    def joined(rows: Table, start: float, end: float, rate: float) -> Table:
        own = with_words(samples(start, end, per_s=rate), slice(None), name="checkout", served_region=None)
        due = own.ints["intended_ns"] / 1e9 - ns(0) / 1e9
        return Table.merged(SAMPLES, [rows, failing(own, np.array([bool(bad(at)) for at in due]))])

    base = evidence()
    quiet, fault = base.windows["everyday/fault-free"], base.windows["experiment:database-loss/fault"]
    rows = joined(fault.samples, 110, 160, per_s)
    free = joined(quiet.samples, 0, 60, per_s if quiet_per_s is None else quiet_per_s)
    windows = {
        quiet.name: replace(quiet, samples=with_words(free, slice(None), error=None)),
        fault.name: replace(fault, samples=rows),
    }
    return replace(base, windows={**base.windows, **windows})


def test_a_route_with_few_requests_is_judged_by_its_failures_in_succession(subtests: pytest.Subtests) -> None:
    """The fault is sent at 111 s, undone at 145 s, restored at 150 s; the record of it ends at 160 s."""
    for name, per_s, bad, limit, recovery_is, way_back_is in [
        ("out to the end", 0.8, lambda at: at >= 112, "30 s", FAIL, INCONCLUSIVE),
        ("out to the end, ten requests", 0.3, lambda at: at >= 112, "30 s", INCONCLUSIVE, INCONCLUSIVE),
        ("back at 19 s", 0.8, lambda at: at < 130, "30 s", PASS, PASS),
        ("back on heal", 0.8, lambda at: 112 <= at < 146, "30 s", FAIL, PASS),
        (
            "two of three fail to the end",
            0.8,
            lambda at: at >= 135 and round(at / 1.25) % 3,
            "30 s",
            INCONCLUSIVE,
            INCONCLUSIVE,
        ),
        ("two scattered failures", 0.8, lambda at: round(at / 1.25) in (100, 112), "30 s", PASS, PASS),
        ("healthy", 0.8, lambda _at: False, "30 s", PASS, PASS),
        ("healthy, one in 20 s", 0.05, lambda _at: False, "30 s", PASS, PASS),
        ("one in 20 s, and it failed", 0.05, lambda at: at >= 112, "30 s", INCONCLUSIVE, INCONCLUSIVE),
        ("out on the way back", 0.8, lambda at: 146 <= at < 154, "2 s", PASS, INCONCLUSIVE),
    ]:
        with subtests.test(name):
            found = judged(limit, checkout(per_s, bad))
            outcomes = [found[name].outcome for name in ("recovery of users", "outage of users after the undo")]
            assert outcomes == [recovery_is, way_back_is], [measure.reason for measure in found.values()]
            for measure in found.values():
                # all routes together show what two of three of one route do not show alone
                assert measure.outcome is PASS or measure.scope["group"] in ("route checkout", "all routes"), (
                    measure.reason
                )
                if measure.outcome is INCONCLUSIVE:
                    assert measure.because.kind is ReasonKind.TOO_FEW


def test_a_route_with_few_requests_that_nobody_asked_for_as_long_as_the_limit_is_not_shown_to_be_served() -> None:
    """0.8 requests a second before the fault, and under it one, after 29 s: at 28 s it may have been out, and not at 30 s."""
    run = checkout(1 / 30, lambda _at: False, quiet_per_s=0.8)
    measure = judged("28 s", run)["recovery of users"]
    assert (measure.outcome, measure.scope["group"]) == (INCONCLUSIVE, "route checkout")
    assert (
        "users sent no request (route checkout) for 29 s, so an outage in that time cannot be excluded"
        in measure.reason
    )
    assert judged("30 s", run)["recovery of users"].outcome is PASS


def test_what_lies_between_two_requests_of_users_is_not_known() -> None:
    """25 requests a second of each route, all answered: an outage of 40 ms may lie between two, and a shorter limit is undecided."""
    found = judged("30 s", evidence())["recovery of users"]
    assert (found.outcome, found.value) == (PASS, 0.0)
    assert found.resolution == pytest.approx(0.04)
    assert judged("0.03 s", evidence())["recovery of users"].outcome is INCONCLUSIVE


def test_an_undo_before_the_limit_leaves_a_route_with_few_requests_undecided() -> None:
    """All of its requests fail until the undo at 34 s, the limit is 240 s: nothing shows that it would have come back."""
    run = checkout(0.8, lambda at: 112 <= at < 145)
    longer = replace(DATABASE, observed_until_ns=ns(150))
    p = plan({"R": recovery("4 h", "database-loss")})
    found = measures(judge(p, with_experiment([longer], run)))
    measure = next(one for one in found if one.name == "recovery of users")
    assert (measure.outcome, measure.scope["group"]) == (INCONCLUSIVE, "route checkout"), measure.reason


def test_users_who_wait_for_time_outs_do_not_make_their_route_thin() -> None:
    """Three requests a second before; under the fault one in two seconds, and each fails."""
    measure = judged("30 s", checkout(0.5, lambda at: at >= 112, quiet_per_s=3.0))["recovery of users"]
    assert (measure.outcome, measure.scope["group"]) == (FAIL, "route checkout"), measure.reason


def test_a_route_that_users_no_longer_reach_is_not_out() -> None:
    """Three requests a second before; one under the fault, which was answered: neither served nor out."""
    measure = judged("30 s", checkout(1 / 30, lambda _at: False, quiet_per_s=3.0))["recovery of users"]
    assert (measure.outcome, measure.because.kind) == (INCONCLUSIVE, ReasonKind.TOO_FEW), measure.reason
    assert "too few requests of users (route checkout) were recorded in 34 s" in measure.reason


def test_a_read_sentence_asks_for_reads_only() -> None:
    """Writes of the users are another sentence's; a request without a method may be either."""

    def posts(rows: Table) -> Table:
        play = of(rows, "name", "play-track")
        method = with_words(with_words(rows, ~play, method="GET"), play, method="POST")
        return failing(method, play & within(rows, 111, 150))

    run = under(posts)
    assert judged("30 s", run, operations=("reads",))["recovery of users"].outcome is PASS
    assert judged("30 s", run, operations=("writes",))["recovery of users"].outcome is FAIL


def test_users_who_were_out_without_any_fault_are_no_measure_of_it() -> None:
    """One route failed all the time before, too."""
    base = evidence()
    quiet = base.windows["everyday/fault-free"]
    failed = replace(quiet, samples=failing(quiet.samples, of(quiet.samples, "name", "play-track")))
    run = under(
        lambda rows: failing(rows, of(rows, "name", "play-track")),
        replace(base, windows={**base.windows, "everyday/fault-free": failed}),
    )
    measure = judged("30 s", run)["recovery of users"]
    assert measure.outcome is INCONCLUSIVE
    assert (
        "Not decided: without any fault the users' requests (route play-track) had already been out for 60 s"
        in measure.reason
    )


def test_without_users_nothing_is_known_of_them() -> None:
    """No request was recorded under the fault; a sentence without traffic does not ask."""
    base = evidence()
    idle = replace(base, windows={"everyday/fault-free": base.windows["everyday/fault-free"]})
    measure = judged("30 s", idle)["recovery of users"]
    assert (measure.outcome, measure.reason) == (
        INCONCLUSIVE,
        "database-loss: too few requests of users were recorded from the fault to the restore",
    )
    assert judged("30 s", idle, traffic=None) == {}


def test_an_attempt_that_was_sent_and_not_confirmed_counts_for_harm() -> None:
    """The first attempt took everybody out for 34 s, the second did nothing: FAIL, and both are shown."""
    second_at = experiment("database-loss", "database", 160, 200, attempt=2)
    first = replace(DATABASE, fault=replace(DATABASE.fault, confirmed_ns=None))
    base = replace(evidence(), experiments={})
    run = with_experiment([first, second_at], under(lambda rows: failing(rows, within(rows, 111, 150)), base))
    found = measures(judge(plan({"R": recovery("30 s", "database-loss")}), run))
    harm = [m for m in found if m.scope.get("attempt") == "1"]
    assert {m.name: m.outcome for m in harm}["recovery of users"] is FAIL
    assert harm[0].reason.startswith(
        "database-loss, attempt 1 (the fault was sent, so its harm counts): reads recovered"
    )
    assert judge(plan({"R": recovery("30 s", "database-loss")}), run).decision.outcome == "NO-GO"
    shown = [(e.name, e.attempt) for e in judge(plan(), run).experiments if e.name == "database-loss"]
    assert shown == [("database-loss", 1), ("database-loss", 2)]


def users(rows: Table, *, undone: float | None = 30.0) -> Users:
    """Rule 8 on the users' requests: sent at 10 s, undone at 30 s, restored at 40 s, known to 60 s."""
    return users_recovery(
        rows.between("intended_ns", ns(10), ns(60)),
        operations=("reads", "writes"),
        sent_ns=ns(10),
        undone_ns=None if undone is None else ns(undone),
        until_ns=ns(40),
        known_ns=ns(60),
        promise=Promise(ms=1000),
    )


def test_a_region_that_serves_nobody_is_not_out() -> None:
    """us-east-1 is lost from 11 s to 35 s: its last answers fail, then the others serve everybody."""
    rows = samples(0, 60)
    lost = within(rows, 11, 35)
    moved = with_words(rows, lost, served_region="eu-west-1")
    dying = with_words(moved, within(rows, 11, 11.1), served_region="us-east-1")
    found = users(failing(dying, within(rows, 11, 11.1)))
    seen = found.groups["region us-east-1"]
    assert seen.seconds is not None
    assert seen.seconds < 2
    assert seen.way_back == ()


@pytest.mark.parametrize(
    ("failures", "out"), [([400], False), ([400, 404], False), ([400, 480], False), ([400, 404, 408], True)]
)
def test_of_a_route_that_may_fail_once_in_a_hundred_two_in_a_row_are_noise_and_three_are_not(
    failures: Sequence[int],
    out: bool,  # noqa: FBT001
) -> None:
    """Five requests a second of it; nothing is known of the time without a fault."""
    rows = samples(0, 60, per_s=20)
    seen = users(failing(rows, list(failures))).groups["route sign-in"]
    assert bool(seen.outages) is out


def test_the_proof_of_five_good_seconds_may_reach_beyond_the_undo_but_not_the_first_answer() -> None:
    """Back at 27 s, undone at 30 s; back at 29.5 s is too near the undo to be told from a heal."""
    rows = samples(0, 60)
    assert users(failing(rows, within(rows, 11, 27))).groups["route sign-in"].seconds == pytest.approx(17, abs=0.1)
    late = users(failing(rows, within(rows, 11, 29.5))).groups["route sign-in"]
    assert (late.seconds, late.on_heal, late.way_back) == (None, True, ())
    healed = users(failing(rows, within(rows, 11, 33))).groups["route sign-in"]
    assert healed.seconds is None
    ((start, end),) = healed.way_back
    assert (start, round(end)) == (20.0, 23)


def test_what_fails_after_the_undo_is_no_part_of_a_recovery_that_was_whole_before_it() -> None:
    """Back at 20 s, undone at 30 s; the old primary takes over again at 32 s, and half a second of writes fails: that is on the way back."""
    rows = samples(0, 60)
    bad = within(rows, 11, 20) | within(rows, 32, 32.5)
    seen = users(failing(rows, bad)).groups["route sign-in"]
    assert seen.seconds == pytest.approx(10, abs=0.1)
    ((start, end),) = seen.way_back
    assert (round(start), round(end)) == (22, 23)


def test_of_a_fault_without_an_undo_all_is_recovery() -> None:
    """Out again at 35 s: 28 s after the fault it was over."""
    rows = samples(0, 60)
    seen = users(failing(rows, within(rows, 35, 38)), undone=None).groups["route sign-in"]
    assert seen.seconds == pytest.approx(28, abs=0.1)
    assert seen.way_back == ()


OUT = "route sign-in was not served for five seconds after its last outage"


@pytest.mark.parametrize(
    ("until", "why"),
    [(9.9, ""), (12.0, OUT), (16.9, OUT), (17.1, ""), (30.0, "")],
    ids=["before", "in it", "4.9 s after", "after", "long after"],
)
def test_users_are_still_out_until_five_seconds_were_served(until: float, why: str) -> None:
    """A route of 16 requests a second fails from 10 to 12 s."""
    rows = samples(0, 30, per_s=64)
    rows = failing(rows, within(rows, 10, 12) & of(rows, "name", "sign-in"))
    assert still_out(rows, ns(until), {"sign-in": 16.0}, Promise(), {}) == why


def test_a_time_without_requests_of_users_who_are_gone_is_no_service() -> None:
    """Their journeys ended with the outage: for 1.35 s nothing was asked, and the five seconds begin after it, as for the judge."""
    rows = samples(0, 30, per_s=64)
    rows = failing(rows, within(rows, 10, 12) & of(rows, "name", "sign-in"))
    rows = rows.where(~(within(rows, 13, 14.35) & of(rows, "name", "sign-in")))
    assert [still_out(rows, ns(until), {"sign-in": 16.0}, Promise(), {}) for until in (17.5, 19.3, 19.5)] == [
        OUT,
        OUT,
        "",
    ]


def test_a_route_with_too_few_requests_is_not_asked_alone() -> None:
    """One a second, which fails since 10 s, beside three others of that rate: a region that serves four requests in ten is."""
    rows = samples(0, 30, per_s=4)
    rows = failing(rows, within(rows, 10, 30) & of(rows, "name", "sign-in"))
    assert still_out(rows, ns(20), {}, Promise(), {}).startswith("region us-east-1")


def test_without_requests_nothing_is_still_out() -> None:
    """There is no user to wait for."""
    assert still_out(samples(0, 0), ns(20), {}, Promise(), {}) == ""
