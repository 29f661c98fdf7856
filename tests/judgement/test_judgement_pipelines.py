"""Events accepted should become visible once and whole: described for the whole run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import evidence, measures, ns, objective, observation, plan, table, with_ints, with_words

from harness.drivers.watch.writes.pipeline import OVERDUE_S
from harness.judgement import judge
from harness.judgement.decisions.harm import unjudged_harm
from harness.judgement.figures.ledger.pipelines import FOLLOWED_S, pipeline_receipt, pipeline_result
from harness.model import (
    PIPELINE,
    ClockStep,
    Evidence,
    Figure,
    Measure,
    Missing,
    Objective,
    Op,
    Outcome,
    Phase,
    PipelineResult,
    Quantity,
    Table,
    WatchSource,
)
from harness.model.judged.harm import Harm
from harness.model.rounding import rounded

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE

WATCHED = {"pipeline": WatchSource(name="pipeline", spacing_ms=1000, closed=True)}
ENDED = (observation("watch.closed", "pipeline", 200, "watch"),)


def events(n: int = 100) -> Table:
    """Events sent each second, accepted 10 ms later, visible after 1 ms, 2 ms, 3 ms… more, which is known to a microsecond."""
    turn = np.arange(n)
    seen_ns = ns(1) * turn + 10_000_000 + 1_000_000 * (turn + 1)
    return table(
        PIPELINE,
        n,
        id=turn,
        made_ns=ns(1) * turn,
        accepted_ns=ns(1) * turn + 10_000_000,
        seen_ns=seen_ns,
        unseen_ns=seen_ns - 1_000,
        copies=1,
        status=202,
        outcome="accepted",
        state="found",
    )


def described(rows: Table) -> PipelineResult:
    """What is said of them, by a watch that ended at 200 s."""
    result = pipeline_result(plan(), Evidence(pipeline=rows, watchers=WATCHED, observations=ENDED))
    assert result is not None
    return rounded(result)


def test_a_healthy_pipeline_shows_each_event_once_and_whole() -> None:
    """The 50th and the 95th of 100."""
    assert described(events()) == PipelineResult(
        sent=100, accepted=100, lost=0, twice=0, wrong=0, unsure=0, visible_p50_s=0.05, visible_p95_s=0.095
    )


def test_of_events_of_which_none_was_accepted_nothing_is_verified() -> None:
    """As where the path of the events is misspelt: neither lost nor kept, and never 0."""
    rows = with_words(with_ints(events(), slice(None), seen_ns=0, copies=0), slice(None), outcome="refused", state=None)
    found = described(rows)
    assert (found.sent, found.accepted, found.why) == (100, 0, "no event was accepted")
    assert (found.lost, found.twice, found.wrong) == (None, None, None)


def test_what_went_wrong_is_told_apart() -> None:
    """Lost, twice, with another value; refused ones claim nothing; unknown and gone is unsure."""
    rows = with_words(with_ints(events(), [1, 2], seen_ns=0, copies=0), [1, 2], state="absent")
    rows = with_words(with_ints(rows, [5, 6, 7], copies=2), [5, 6], state="twice")
    rows = with_words(with_words(rows, 7, state="wrong"), 8, state="wrong")
    rows = with_words(with_ints(rows, [10, 11], seen_ns=0), [10, 11], outcome="unknown", state="absent")
    rows = with_words(with_ints(rows, 12, seen_ns=0), 12, outcome="refused", state=None)
    rows = with_words(with_ints(rows, [13, 14], seen_ns=0), [13, 14], state=None)
    rows = with_words(rows, 14, outcome="unknown")
    found = described(rows)
    assert (found.sent, found.accepted, found.lost, found.twice, found.wrong, found.unsure) == (100, 96, 2, 3, 2, 4)


WITHIN_30_S = objective(Figure.DELIVERED, Op.AT_LEAST, "99.5 %", times={"within": Quantity.parse("30 s")})


@pytest.mark.parametrize(
    ("sentences", "ended_s", "lost", "unsure"),
    [
        ({}, 159.011, 1, 0),
        ({}, 159.009, 0, 1),
        ({"R": WITHIN_30_S}, 129.011, 1, 0),
        ({"R": WITHIN_30_S}, 129.009, 0, 1),
        ({"R": WITHIN_30_S, "S": objective(Figure.EVENTS, Op.BELOW, "40 s", phase=Phase.RUN)}, 139.009, 0, 1),
    ],
)
def test_an_event_is_lost_once_it_was_followed_for_as_long_as_one_may_take(
    sentences: dict[str, Objective], ended_s: float, lost: int, unsure: int
) -> None:
    """The last one, accepted at 99.01 s, is absent: 60 s later, or after the longest time of a claim, it is lost; before that it may be on its way."""
    rows = with_words(with_ints(events(), 99, seen_ns=0, copies=0), 99, state="absent")
    ended = (observation("watch.closed", "pipeline", ended_s, "watch"),)
    run = Evidence(pipeline=rows, watchers=WATCHED, observations=ended)
    found = pipeline_result(plan(sentences), run)
    assert found is not None
    assert (found.lost, found.twice, found.unsure) == (lost, 0, unsure)
    harm = [(one.harm, one.count) for one in unjudged_harm(plan(sentences), run) if one.count]
    assert harm == ([(Harm.EVENTS_LOST, 1)] if lost and len(sentences) < 2 else [])


def test_where_the_end_of_the_watch_is_not_recorded_it_is_the_last_that_was() -> None:
    """Absent are the events of 10 s and of 80 s; the last one was accepted at 99.01 s: only the first was followed for 60 s."""
    rows = with_words(with_ints(events(), [10, 80], seen_ns=0, copies=0), [10, 80], state="absent")
    found = pipeline_result(plan({}), Evidence(pipeline=rows, watchers=WATCHED))
    assert found is not None
    assert (found.lost, found.unsure) == (1, 1)


def test_the_watcher_polls_an_event_for_as_long_as_the_judge_takes_it_to() -> None:
    """The rooms do not know each other."""
    assert OVERDUE_S == FOLLOWED_S


def test_an_event_that_was_never_seen_took_for_ever() -> None:
    """Six of a hundred: the 95th is one of them, the 50th is not."""
    seen = with_words(with_ints(events(), slice(0, 6), seen_ns=0), slice(0, 6), state="absent")
    found = rounded(described(seen))
    assert (found.visible_p50_s, found.visible_p95_s) == (0.056, None)


@pytest.mark.parametrize(("seen_ns", "state"), [(0, "found"), (ns(99.1), "fine"), (ns(99.1), None)])
def test_of_an_event_that_contradicts_itself_nobody_knows(seen_ns: int, state: str | None) -> None:
    """Whole and never visible, or in a state that is none: it did not fail, and does not pass."""
    rows = with_words(with_ints(events(), 99, seen_ns=seen_ns), 99, state=state)
    measure = judged(rows)
    assert measure.outcome is INCONCLUSIVE
    assert "Not decided: the outcome of 1 events is unknown" in measure.reason


def test_an_event_seen_before_its_acceptance_was_known_took_no_time() -> None:
    """The answer was slower than the pipeline."""
    found = described(with_ints(events(), slice(None), seen_ns=1))
    assert (found.visible_p50_s, found.visible_p95_s) == (0, 0)


def test_where_nothing_was_sent_and_nobody_watched_there_is_nothing() -> None:
    """And a watcher without an event says so."""
    assert pipeline_result(plan(), Evidence()) is None
    assert rounded(described(Table.empty(PIPELINE))) == PipelineResult(why="no event was recorded")
    assert judge(plan(), evidence()).pipeline is None


@pytest.mark.parametrize(
    ("sources", "rows", "why"),
    [
        ({}, events(), "the watcher 'pipeline' wrote no record"),
        (
            {"pipeline": WatchSource(name="pipeline", spacing_ms=1, closed=False)},
            events(),
            "its file is incomplete: the writer did not close it",
        ),
        ({"pipeline": WatchSource(name="pipeline", spacing_ms=1, closed=True, why="cut")}, events(), "cut"),
        (WATCHED, events().where(np.arange(100) != 9), "the record of events lacks 1 numbers"),
        (WATCHED, with_ints(events(), 9, id=8), "the record of events contains 1 numbers twice"),
    ],
)
def test_a_record_that_is_not_whole_is_said(sources: dict[str, WatchSource], rows: Table, why: str) -> None:
    """Described all the same."""
    run = replace(evidence(), pipeline=rows, watchers=sources)
    result = judge(plan(), run).pipeline
    assert result is not None
    assert result.why.endswith(why)
    assert result.accepted == len(rows)
    assert pipeline_receipt(run).ok is False


def test_a_pipeline_that_cannot_be_told_says_why() -> None:
    """Columns are missing: nothing else is taken down."""
    broken = replace(evidence(), pipeline=Table(schema=PIPELINE, ints={"id": np.zeros(1, dtype=np.int64)}, words={}))
    result = judge(plan(), broken).pipeline
    assert result == PipelineResult(why="the judge could not compute this figure: KeyError: 'outcome'")


@given(st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99)), st.permutations(range(100)))
@settings(max_examples=30)
def test_planted_losses_and_duplicates_are_found_in_any_order(
    lost: set[int], twice: set[int], order: list[int]
) -> None:
    """Set arithmetic, nothing else."""
    rows = with_words(with_ints(events(), sorted(lost), seen_ns=0, copies=0), sorted(lost), state="absent")
    again = sorted(twice - lost)
    rows = with_words(with_ints(rows, again, copies=2), again, state="twice")
    shuffled = Table(
        schema=PIPELINE,
        ints={name: column[order] for name, column in rows.ints.items()},
        words={name: replace(words, codes=words.codes[order]) for name, words in rows.words.items()},
    )
    found = described(shuffled)
    assert (found.lost, found.twice, found.why) == (len(lost), len(again), "")


SENTENCE = objective(Figure.EVENTS, Op.BELOW, "1 s", phase=Phase.RUN)


def judged(rows: Table, limit: str = "1 s", **fields: object) -> Measure:
    """What the sentence about these events comes to."""
    given = {"watchers": WATCHED, "observations": ENDED, **fields}
    run = replace(evidence(), pipeline=rows, **given)  # type: ignore[arg-type]
    (found,) = measures(judge(plan({"R": replace(SENTENCE, limit=Quantity.parse(limit))}), run))
    return found


def test_events_that_are_visible_in_time_once_and_whole_pass() -> None:
    """The slowest of a hundred took 100 ms."""
    measure = judged(events())
    assert (measure.outcome, measure.value, measure.unit, measure.scaled_limit, measure.n) == (PASS, 0.1, "s", 1, 100)
    assert measure.reason == "none of 100 accepted events failed, expected every event once and complete within 1 s"
    assert set(measure.receipts) == {"watch"}
    assert measure.files == ("watch/pipeline.parquet",)


@pytest.mark.parametrize(("limit", "outcome"), [("100 ms", PASS), ("99 ms", FAIL), ("6 s", PASS)])
def test_an_event_may_take_as_long_as_the_limit_says(limit: str, outcome: Outcome) -> None:
    """100 ms are within 100 ms; a limit under a minute is not scaled."""
    assert judged(events(), limit).outcome is outcome


@pytest.mark.parametrize(
    ("unseen", "outcome"),
    [(0.0, INCONCLUSIVE), (5.0, INCONCLUSIVE), (5.01, INCONCLUSIVE), (5.0101, FAIL), (5.4, FAIL)],
)
def test_an_event_is_late_where_a_request_after_the_limit_did_not_show_it(unseen: float, outcome: Outcome) -> None:
    """It was accepted at 4.01 s and seen at 5.5 s: by the requests between these it is known, or not, whether a second was enough."""
    measure = judged(with_ints(events(), 4, seen_ns=ns(5.5), unseen_ns=ns(unseen)))
    assert measure.outcome is outcome
    assert ("Not decided: the outcome of 1 events is unknown" in measure.reason) is (outcome is INCONCLUSIVE)


@pytest.mark.parametrize(("at", "outcome"), [(20, INCONCLUSIVE), (500, PASS)])
def test_an_event_on_its_way_while_the_machine_slept_may_have_taken_longer(at: float, outcome: Outcome) -> None:
    """Events are followed from 0 to 200 s; one that was lost is lost, whatever the clocks say."""
    slept = ClockStep(from_ns=ns(at), until_ns=ns(at + 1), ahead_s=40.0, slept=True)
    assert judged(events(), clock_steps=(slept,)).outcome is outcome
    lost = with_words(with_ints(events(), 1, seen_ns=0, copies=0), 1, state="absent")
    assert judged(lost, clock_steps=(slept,)).outcome is FAIL


def test_what_fails_an_event_is_said() -> None:
    """Gone, twice, another value, late: each once."""
    rows = with_words(with_ints(events(), 1, seen_ns=0, copies=0), 1, state="absent")
    rows = with_words(with_words(with_ints(rows, 2, copies=2), 2, state="twice"), 3, state="wrong")
    measure = judged(with_ints(rows, 4, seen_ns=ns(5.5), unseen_ns=ns(5.2)))
    assert (measure.outcome, measure.value) == (FAIL, None)
    assert measure.reason == (
        "4 of 100 accepted events failed: 1 never became visible, 1 became visible twice, 1 had another value, "
        "1 came too late, expected every event once and complete within 1 s"
    )
    assert measure.hint == "`readiness why R` shows the evidence; fix the platform, then run again"
    twice = judged(with_ints(events(), 4, copies=2))
    assert (twice.outcome, twice.value) == (FAIL, None)  # no waiver of a time covers it


@pytest.mark.parametrize(("ended", "outcome"), [(100.01, FAIL), (100.009, INCONCLUSIVE)])
def test_an_event_that_was_accepted_shortly_before_the_end_is_not_known(ended: float, outcome: Outcome) -> None:
    """The last one was accepted at 99.01 s and never seen: gone once a second was watched."""
    rows = with_words(with_ints(events(), 99, seen_ns=0, copies=0), 99, state="absent")
    measure = judged(rows, observations=(observation("watch.closed", "pipeline", ended, "watch"),))
    assert measure.outcome is outcome
    assert ("Not decided: the outcome of 1 events is unknown" in measure.reason) is (outcome is INCONCLUSIVE)
    other = (observation("watch.closed", "entry", 200, "watch"), observation("watch.started", "pipeline", 200, "watch"))
    assert judged(rows, observations=other).outcome is INCONCLUSIVE


def test_events_that_nobody_could_look_for_are_not_known() -> None:
    """The last looks were not answered; of a failure beside it that says nothing."""
    rows = with_words(with_ints(events(), 7, seen_ns=0, copies=0), 7, state=None)
    assert judged(rows).outcome is INCONCLUSIVE
    assert (
        judged(rows).hint
        == "make sure that the path `visible` of `pipeline` (target file) answers until the end of the run, then run again"
    )
    assert judged(with_words(rows, 8, state="wrong")).outcome is FAIL


def test_only_accepted_events_are_claimed() -> None:
    """Refused and unknown ones promise nothing; where none was accepted nothing is known."""
    rows = with_words(with_ints(events(), [1, 2], seen_ns=0), [1, 2], outcome="unknown", state="absent")
    assert (judged(rows).outcome, judged(rows).n) == (PASS, 98)
    none = judged(with_words(events(), slice(None), outcome="refused"))
    assert (none.outcome, none.value, none.n) == (INCONCLUSIVE, None, 0)
    assert none.reason.endswith("no event was accepted")


def test_without_its_watcher_no_event_passes_and_a_lost_one_fails() -> None:
    """The receipt is needed for a pass."""
    assert judged(events(), watchers={}).outcome is INCONCLUSIVE
    assert judged(events(), watchers={}).reason.endswith("Not decided: the watcher 'pipeline' wrote no record")
    assert judged(with_words(events(), 8, state="wrong"), watchers={}).outcome is FAIL
    assert judged(Table.empty(PIPELINE)).reason.endswith("Not decided: no event was recorded")
    missing = (Missing(file="watch/pipeline.parquet", why="is gone"),)
    assert judged(events(), missing=missing).reason == "watch/pipeline.parquet is missing or incomplete: is gone"


def followed(rows: Table) -> Measure:
    """What a sentence without traffic comes to in the healthy run with these events."""
    closed = observation("watch.closed", "pipeline", 200, "watch", probes=100)
    run = evidence()
    run = replace(run, pipeline=rows, watchers={**run.watchers, **WATCHED}, observations=(*run.observations, closed))
    asked = objective(Figure.EVENTS, Op.BELOW, "10 s", traffic=None, phase=Phase.RUN)
    (found,) = measures(judge(plan({"R-EVENTS": asked}), run))
    return found


@pytest.mark.parametrize(
    ("state", "copies", "told"),
    [
        ("twice", 2, "3 became visible twice"),
        ("found", 2, "3 became visible twice"),
        ("wrong", 1, "3 had another value"),
    ],
)
def test_events_of_unknown_outcome_are_not_twice_nor_changed(state: str, copies: int, told: str) -> None:
    """Of 100, three whose acceptance is unknown: what became visible of them counts as of the others, and the row tells it."""
    found = followed(
        with_words(with_ints(events(), [5, 6, 7], copies=copies), [5, 6, 7], state=state, outcome="unknown")
    )
    assert (found.outcome, found.value) == (FAIL, None)
    assert f"none of 97 accepted events failed; of the events without an acknowledgement, {told}" in found.because.text


def test_an_event_of_unknown_outcome_may_be_gone_or_late() -> None:
    """Nobody was told that it was accepted."""
    rows = with_words(with_ints(events(), [5], seen_ns=0, copies=0), [5], state="absent", outcome="unknown")
    rows = with_words(with_ints(rows, [6], seen_ns=ns(90)), [6], outcome="unknown")
    assert followed(rows).outcome is PASS


@pytest.mark.parametrize(
    ("refused", "outcome", "why"),
    [
        (slice(1, None), INCONCLUSIVE, "the pipeline did not accept 99 of 100 events"),
        (slice(0, 6), INCONCLUSIVE, "the pipeline did not accept 6 of 60 events"),
        (slice(0, 1), PASS, ""),
        (slice(61, 100), PASS, ""),
        (slice(49, 100), INCONCLUSIVE, "the pipeline did not accept 51 of 100 events"),
    ],
    ids=["all but one", "a tenth without a fault", "one without a fault", "under faults", "more than are accepted"],
)
def test_the_events_that_are_accepted_do_not_speak_for_those_that_are_not(
    refused: slice, outcome: Outcome, why: str
) -> None:
    """A hundred were sent, 60 of them before the first fault."""
    found = judged(with_words(with_ints(events(), refused, seen_ns=0), refused, outcome="refused", state=None))
    assert (found.outcome, why in found.reason) == (outcome, True), found.reason
