"""An alert at two shares of failed answers, and what its text says: each boundary at both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judgement_builders import FAULTS, evidence, failing, measures, ns, objective, observation, plan, samples, window

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Observation, Op, Outcome, Phase, Quantity, WatchSource, fault_name

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
MANY, FEW = "database-loss", "region-loss"
"""Of the first a tenth of the answers fails, sent at 111 s and undone at 145 s; of the other three of a hundred, from 161 to 195 s."""
SENT, FEW_SENT = 111.0, 161.0
LABELS = {"alertname": "HighErrorRate", "severity": "critical"}
TIMES = {"silent for": Quantity.parse("12 min", scaled=True)}
PARAMS = {"alert": "HighErrorRate", "fails": "10 %", "quiet": "3 %"}


def fires(*experiments: str) -> Any:
    """Within 12 min at 10 %, silent for 12 min at 3 %: 12 s here."""
    found = objective(
        Figure.ALERT_AT_ERRORS,
        Op.BELOW,
        "12 min",
        experiments=experiments,
        phase=Phase.FAULT,
        params=PARAMS,
        times=TIMES,
    )
    return replace(found, limit=replace(found.limit, scaled=True))


TEXT = objective(
    Figure.ALERT_TEXT,
    Op.WITHIN,
    "10 %",
    tolerance="2 points",
    experiments=(MANY,),
    phase=Phase.FAULT,
    params={"alert": "HighErrorRate"},
)


def alert(what: str, at: float) -> Observation:
    """A change of the alert."""
    fields = {"labels": LABELS, "state": "firing", "at_ns": ns(at), "since_ns": ns(at - 0.25)}
    return observation(f"alert.{what}", "HighErrorRate", at, "alerts", **fields)


def notice(words: str, at: float = SENT + 9) -> Observation:
    """A notice with this description."""
    told = {"labels": LABELS, "annotations": {"description": words}, "status": "firing", "starts_ns": ns(at - 0.4)}
    return observation(
        "notice.received", "receiver", at, "notices", number=round(at), status="firing", at_ns=ns(at), alerts=[told]
    )


RULE = observation("alert.rule", "HighErrorRate", 0.5, "alerts", labels={}, health="ok", error="")


def run(*history: Observation, many: float = 0.1, few: float = 0.03, undone: float = 195.0) -> Evidence:
    """A run in which these shares of the users' requests failed."""
    base, windows = evidence(), {}
    for name, share in ((MANY, many), (FEW, few)):
        rows = samples(*FAULTS[name])
        counted = np.floor(np.arange(1, len(rows) + 1) * share + 1e-6)
        rows = failing(rows, np.diff(counted, prepend=0.0) > 0)
        windows[fault_name(name)] = window(rows, *FAULTS[name], name)
    attempt = base.experiments[FEW][0]
    shorter = replace(attempt, fault=replace(attempt.fault, undone_ns=ns(undone), gone_ns=ns(undone + 1)))
    watchers = {name: WatchSource(name=name, spacing_ms=250, closed=True) for name in ("alerts", "notices")}
    return replace(
        base,
        windows={**base.windows, **windows},
        experiments={**base.experiments, FEW: (shorter,)},
        watchers={**base.watchers, **watchers},
        observations=(*base.observations, RULE, *history),
    )


def judged(sentence: Any, recorded: Evidence) -> list[Measure]:
    """The measures of one sentence."""
    return measures(judge(plan({"R": sentence}), recorded))


FIRED = (alert("firing", SENT + 9), alert("resolved", 150))


@pytest.mark.parametrize(
    ("fired", "outcome"), [(SENT + 11.9, PASS), (SENT + 12.1, INCONCLUSIVE), (SENT + 12.3, FAIL), (None, FAIL)]
)
def test_it_fires_in_time_at_a_tenth(fired: float | None, outcome: Outcome) -> None:
    """Twelve minutes are twelve seconds here; between two answers of Prometheus it is not known when."""
    history = () if fired is None else (alert("firing", fired), alert("resolved", 150))
    at_10, at_3 = judged(fires(MANY, FEW), run(*history))
    assert at_10.outcome is outcome, at_10.reason
    assert (at_10.scope["failed"], at_3.scope["failed"]) == ("10 %", "3 %")
    assert at_3.outcome is PASS, at_3.reason


@pytest.mark.parametrize(("undone", "outcome"), [(FEW_SENT + 11.99, INCONCLUSIVE), (FEW_SENT + 12.0, PASS)])
def test_it_is_silent_for_as_long_as_is_asked(undone: float, outcome: Outcome) -> None:
    """A fault that was in for a shorter time proves no silence."""
    _, at_3 = judged(fires(MANY, FEW), run(*FIRED, undone=undone))
    assert at_3.outcome is outcome, at_3.reason


def test_an_alert_at_three_of_a_hundred_is_red() -> None:
    """As a rule fires that divides each series by itself."""
    _, at_3 = judged(fires(MANY, FEW), run(*FIRED, alert("firing", FEW_SENT + 8)))
    assert at_3.outcome is FAIL, at_3.reason
    _, at_3 = judged(fires(MANY, FEW), run(alert("firing", SENT + 9), alert("resolved", FEW_SENT + 2)))
    assert at_3.outcome is INCONCLUSIVE, at_3.reason  # it fired already


@pytest.mark.parametrize(
    ("many", "few", "outcomes"),
    [
        (0.11, 0.04, [PASS, PASS]),
        (0.112, 0.03, [PASS, PASS]),  # by chance
        (0.13, 0.03, [INCONCLUSIVE, PASS]),
        (0.1, 0.042, [PASS, INCONCLUSIVE]),
        (0.1, 0.0, [PASS, INCONCLUSIVE]),
        (0.1, 0.1, [PASS, FAIL, INCONCLUSIVE]),  # twice a tenth: nothing was tried at three of a hundred
    ],
)
def test_the_share_is_the_one_that_failed(many: float, few: float, outcomes: list[Outcome]) -> None:
    """To a point, or to three standard errors: the alert at another share proves nothing of this one."""
    found = judged(fires(MANY, FEW), run(*FIRED, many=many, few=few))
    assert [one.outcome for one in found] == outcomes, [one.reason for one in found]


def test_without_the_rule_silence_proves_nothing() -> None:
    """Nor without an experiment."""
    recorded = run(*FIRED)
    mute = replace(recorded, observations=tuple(one for one in recorded.observations if one.kind != "alert.rule"))
    assert judged(fires(MANY, FEW), mute)[1].outcome is INCONCLUSIVE
    nothing = replace(recorded, experiments={})
    assert {one.outcome for one in judged(fires(MANY, FEW), nothing)} == {INCONCLUSIVE}


def test_the_text_names_the_share(subtests: pytest.Subtests) -> None:
    """Two points more or less, no more."""
    for words, outcome in [
        ("Error rate is 10.02%", PASS),
        ("Error rate is 12 %", PASS),
        ("Error rate is 12.01%", FAIL),
        ("Error rate is 8%", PASS),
        ("Error rate is 7.99%", FAIL),
        ("Error rate is 0.1002%", FAIL),  # the ratio, printed as per cent
        ("Error rate is high", FAIL),
        ("", FAIL),
    ]:
        with subtests.test(words):
            (found,) = judged(TEXT, run(*FIRED, notice(words)))
            assert found.outcome is outcome, found.reason


def test_every_text_counts_and_none_is_no_proof() -> None:
    """The one furthest from it; without a notice, or at another share, nothing is known."""
    (found,) = judged(TEXT, run(*FIRED, notice("10%"), notice("22%", SENT + 14)))
    assert (found.outcome, found.value) == (FAIL, 0.22), found.reason
    (found,) = judged(TEXT, run(*FIRED))
    assert found.outcome is INCONCLUSIVE
    (found,) = judged(TEXT, run(*FIRED, notice("7%"), many=0.07))
    assert found.outcome is INCONCLUSIVE, found.reason
