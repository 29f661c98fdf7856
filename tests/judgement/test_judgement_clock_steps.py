"""A harness whose machine slept, or whose wall clock was set, knows no length of time across that moment: no figure of it is PASS or FAIL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import (
    evidence,
    ledger,
    measures,
    no_loss,
    p95,
    plan,
    recovery,
    with_load,
)
from judgement_builders import samples as requests
from test_judgement_containers import UNREADY, run, served
from test_judgement_scaling import APART, CPU, held, judged, load, said

from harness.figures import spec_of
from harness.judgement import judge
from harness.judgement.receipts.machine import AWAKE, machine_result
from harness.model import ClockStep, Evidence, Figure, Measure, Objective, Outcome, ReasonKind
from tests.builders.recorder import ns

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BACK = recovery("1 h", "database-loss", operations=("writes",), traffic=None)


def step(at: float, ahead_s: float = 40.0, *, slept: bool | None = True) -> ClockStep:
    """One within a second."""
    return ClockStep(from_ns=ns(at), until_ns=ns(at + 1), ahead_s=ahead_s, slept=slept)


def only(objective: Objective, given: Evidence, *steps: ClockStep, environment: str = "sandbox") -> Measure:
    """The first measure of an objective, in a run whose clocks parted."""
    scale = 60.0 if environment == "sandbox" else 1.0
    asked = plan({"R": objective}, environment=environment, time_scale=scale)
    return measures(judge(asked, replace(given, clock_steps=steps)))[0]


def test_a_recovery_across_a_sleep_is_neither_pass_nor_fail(subtests: pytest.Subtests) -> None:
    """The primary was lost at 111 s: it reads as back after seconds, and was out for as long as the machine slept as well."""
    for environment, limit in [("sandbox", "1 h"), ("staging", "30 s")]:
        for name, steps, outcome in [
            ("never", (), PASS),
            ("under the fault", (step(113),), INCONCLUSIVE),
            ("long before it", (step(20),), PASS),
            ("twice", (step(20), step(113)), INCONCLUSIVE),
        ]:
            with subtests.test(name, environment=environment):
                back = recovery(limit, "database-loss", operations=("writes",), traffic=None)
                assert only(back, evidence(), *steps, environment=environment).outcome is outcome


def test_a_figure_in_doubt_says_what_became_of_the_clocks_and_what_to_do() -> None:
    """Which of the two it was, if that is known; the longest of several."""
    texts = {
        "the machine of the harness slept for 40 s meanwhile, and its clock did not count this time": [step(113)],
        "the wall clock of the harness went 40 s ahead meanwhile: its machine was paused, or the clock was set": [
            step(113, slept=False)
        ],
        "the wall clock of the harness was set 2 s back meanwhile": [step(113, -2.0, slept=None)],
        "the wall clock of the harness went 40 s ahead meanwhile: its machine slept or was paused, or the clock was set": [
            step(113, slept=None)
        ],
        "the machine of the harness slept for 3 s meanwhile, and its clock did not count this time (and 1 more)": [
            step(113, 3.0),
            step(114, -9.0, slept=False),
        ],
    }
    for text, steps in texts.items():
        found = only(BACK, evidence(), *steps)
        assert found.because.text.endswith(f". Not decided: {text}")
        assert (found.because.kind, found.because.hint) == (ReasonKind.MACHINE, AWAKE)


def test_a_window_is_in_doubt_only_where_the_clocks_parted_in_it() -> None:
    """From 0 to 60 s, with 15 s around it before a PASS is believed; a FAIL is one of those seconds alone."""
    slow = with_load(requests(0, 60, latency_ms=400.0))
    for at, passed, failed in ((30, INCONCLUSIVE, INCONCLUSIVE), (59.9, INCONCLUSIVE, INCONCLUSIVE), (90, PASS, FAIL)):
        assert only(p95(), evidence(), step(at)).outcome is passed
        assert only(p95(), slow, step(at)).outcome is failed


def test_the_machine_of_a_sandbox_is_not_in_order_where_it_slept() -> None:
    """Whenever that was; a target elsewhere has a machine of its own, of which this one says nothing."""
    slept = replace(evidence(), clock_steps=(step(113),))
    found = machine_result(plan(), slept)
    assert found is not None
    assert (found.ok, found.why) == (
        False,
        "the machine of the harness slept for 40 s meanwhile, and its clock did not count this time; the watch sent probes over 50 ms late in 0 of 220 s",
    )
    assert machine_result(plan(environment="staging", time_scale=1.0), slept) is None


@pytest.mark.parametrize(
    ("lost", "at", "outcome"),
    [((110,), 105, INCONCLUSIVE), ((110,), 20, PASS), ((), 105, PASS), ((20,), 105, FAIL)],
    ids=["excused by an age that is not known", "before the RPO", "nothing to excuse", "lost, however old"],
)
def test_a_write_is_excused_only_by_an_age_that_is_known(lost: tuple[int, ...], at: float, outcome: Outcome) -> None:
    """An RPO of an hour, 60 s at scale 60, before the disaster at 111 s: 40 s that the clock did not count may be more than it."""
    rows = evidence().ledger.writes
    numbers = [int((rows.ints["made_ns"] < ns(second)).sum()) for second in lost]
    books = replace(evidence(), ledger=ledger(rows, lost=numbers))
    assert only(no_loss("database-loss", older_than="1 h"), books, step(at)).outcome is outcome


@pytest.mark.parametrize("at", [35, 200])
def test_what_has_no_window_is_in_doubt_whenever_the_clocks_parted(at: float) -> None:
    """An autoscaler that rises in time, and scale-ups that are far enough apart."""
    ups = [said(1, 2), load("begun", 10, 0.85, APART), said(12, 3), said(16, 4), load("ended", 20, 0.85, APART)]
    for sentence, lines in ((CPU, held()), (APART, ups)):
        for steps, outcome in (((), PASS), ((step(at),), INCONCLUSIVE)):
            found = judged(sentence, *lines, base=replace(evidence(), clock_steps=steps))
            assert {one.outcome for one in found} == {outcome}


def test_figures_that_no_clock_step_puts_in_doubt_hold_no_length_of_time_or_see_to_it_themselves() -> None:
    """A new figure is held against the clocks unless it stands here."""
    themselves = {Figure.SERVICE_HEALTH, Figure.RESTARTED, Figure.LAST_REQUEST}
    reported = {
        Figure.REPORTED_TIME,
        Figure.REPORTED_MEAN,
        Figure.REPORTED_ERRORS,
        Figure.REPORTED_REQUESTS,
        Figure.REPORTED_RATE,
    }  # by the clock of the tool that wrote the report
    timeless = {
        Figure.AS_DESCRIBED,
        Figure.COPIES,
        Figure.READ_BACK,
        Figure.PARTS,
        Figure.ATTESTATION,
        Figure.NEWEST_ROWS,
        Figure.CONNECTIONS,
        Figure.POOLING,
        Figure.ALERT_TEXT,
        Figure.ROLLOUT_STEPS,
        Figure.STEP_VERDICT,
        Figure.USERS_HIT,
        Figure.NOT_PROMOTED,
        Figure.MOST_REPLICAS,
    }
    free = {figure for figure in Figure if not (spec_of(figure).timed or spec_of(figure).clocked)}
    assert free == themselves | timeless | reported
    assert {figure for figure in timeless if spec_of(figure).unit in ("s", "ms")} == set()


def test_what_a_pod_does_in_time_is_in_doubt_as_well() -> None:
    """It answered its last request in time, by a clock that missed 40 s."""
    assert only(UNREADY, run("unready", served(115))).outcome is PASS
    assert only(UNREADY, run("unready", served(115)), step(113)).outcome is INCONCLUSIVE
