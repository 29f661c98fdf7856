"""The text of an alert on a database that is down: its name, and for how long it has been down."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Observation, Op, Outcome, Phase, Quantity, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
LOSS = "database-loss"
SENT, CONFIRMED = 111.0, 112.0
"""The primary pg-0 was hit between the two."""
FIRED = SENT + 3
LABELS = {"alertname": "DatabaseDown", "severity": "critical"}
SAYS = objective(
    Figure.ALERT_DOWNTIME, Op.BELOW, "30 s", experiments=(LOSS,), phase=Phase.FAULT, params={"alert": "DatabaseDown"}
)


def notice(words: str, at: float = FIRED + 1, began: float = FIRED, status: str = "firing") -> Observation:
    """A notice with this description."""
    texts = {"summary": "Database is down", "runbook_url": "http://127.0.0.1:9/runbooks/5", "description": words}
    told = {"labels": LABELS, "annotations": texts, "status": status, "starts_ns": ns(began)}
    return observation(
        "notice.received", "receiver", at, "notices", number=round(at * 10), status=status, at_ns=ns(at), alerts=[told]
    )


def run(*history: Observation, primary: bool = True) -> Evidence:
    """A run in which the primary was killed, or another member."""
    base = evidence()
    watcher = {"notices": WatchSource(name="notices", spacing_ms=250, closed=True)}
    return replace(
        base,
        leaders=base.leaders if primary else (replace(base.leaders[0], after="pg-1"),),
        watchers={**base.watchers, **watcher},
        observations=(*base.observations, *history),
    )


def judged(*history: Observation, says: object = SAYS, primary: bool = True) -> Measure:
    """The measure of the sentence."""
    (found,) = measures(judge(plan({"R": says}), run(*history, primary=primary)))  # type: ignore[dict-item]
    return found


def test_the_text_names_the_database_and_its_downtime(subtests: pytest.Subtests) -> None:
    """The notice arrived 3 to 4 s after the primary had died."""
    for words, outcome in [
        ("PostgreSQL has been down for 3.4s", PASS),
        ("pg-0 has been down for 3 seconds", PASS),
        ("no primary of pg for 32.9 s", PASS),  # 29.9 s more than the least, 28.9 s more than the longest
        ("no primary of pg for 33.5 s", INCONCLUSIVE),  # the primary died within a second
        ("no primary of pg for 34.1 s", FAIL),
        ("PostgreSQL has been down for more than 1 minute", FAIL),
        ("PostgreSQL has been down for 1m 3s", FAIL),
        ("PostgreSQL has been down for 0h 0m 3s", PASS),
        ("PostgreSQL is not responding", FAIL),
        ("The database has been down for 3s", FAIL),  # which one?
        ("pg-10 has been down for 3s", FAIL),
        ("", FAIL),
    ]:
        with subtests.test(words):
            found = judged(notice(words))
            assert found.outcome is outcome, found.reason


def test_the_difference_and_its_bounds_are_shown() -> None:
    """60 s, and 3 s to 4 s."""
    found = judged(notice("PostgreSQL has been down for 60 s"))
    assert (found.value, found.low, found.high, found.limit) == (56.0, 56.0, 57.0, "30 s")
    assert found.because.text == (
        "DatabaseDown, database-loss: the text of a notice names the database and 60 s; when it arrived the primary had been down for 3 s to 4 s, "
        "expected the name of the database and its downtime within 30 s"
    )


def test_a_text_that_was_right_once_is_not_known_to_be_right_at_its_arrival() -> None:
    """A notice that waited 34 s, or one that is repeated with the old text, is undecided; with a new text it passes."""
    late = judged(notice("PostgreSQL has been down for 2s", at=FIRED + 34))
    assert late.outcome is INCONCLUSIVE, late.reason
    assert "may no longer be so when its notice arrived" in late.reason
    said = notice("PostgreSQL has been down for 3s")
    assert judged(said, notice("PostgreSQL has been down for 3s", at=FIRED + 34)).outcome is INCONCLUSIVE
    assert judged(said, notice("PostgreSQL has been down for 36s", at=FIRED + 34)).outcome is PASS


def test_every_text_of_the_first_alert_counts_and_no_other() -> None:
    """A later alert is about another time without a primary, an earlier one about no fault, a resolved one says what was."""
    right, wrong = notice("PostgreSQL has been down for 3s"), "PostgreSQL has been down for 2 min"
    assert judged(right, notice(wrong, at=FIRED + 9, began=FIRED + 8)).outcome is PASS
    assert judged(right, notice(wrong, at=FIRED + 9, status="resolved")).outcome is PASS
    assert judged(right, notice(wrong, at=FIRED + 9)).outcome is FAIL
    before = notice("PostgreSQL has been down for 3s", at=SENT + 0.5, began=SENT - 1)
    assert judged(before).outcome is INCONCLUSIVE


def test_an_alert_that_began_after_writes_were_served_again_is_about_another_downtime() -> None:
    """The first one got lost; the second, of a switch back half a minute later, says what it should."""
    later = notice("PostgreSQL has been down for 2s", at=SENT + 42, began=SENT + 41)
    found = judged(later)
    assert found.outcome is INCONCLUSIVE, found.reason
    assert "no notice of the firing alert DatabaseDown arrived during the fault" in found.reason


def test_without_a_notice_or_the_primary_nothing_is_known() -> None:
    """Nor does a member that did not lead make a downtime."""
    assert judged().outcome is INCONCLUSIVE
    other = judged(notice("PostgreSQL has been down for 3s"), primary=False)
    assert other.outcome is INCONCLUSIVE, other.reason


def test_a_length_of_time_that_is_scaled_is_divided() -> None:
    """30 s of the document are half a second here, where times are divided by 60; only a sentence that says so is."""
    scaled = replace(SAYS, limit=replace(Quantity.parse("30 s"), scaled=True))
    assert judged(notice("PostgreSQL has been down for 5s"), says=scaled).outcome is FAIL
