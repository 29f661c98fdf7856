"""After a lost region has its power back, every region gives its declared share again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import REGIONS, evidence, experiment, measures, node, ns, objective, plan, samples, window

from harness.judgement import judge
from harness.model import (
    Evidence,
    Figure,
    Measure,
    Op,
    Outcome,
    Phase,
    Plan,
    Quantity,
    Restore,
    Table,
    Words,
    after_faults_name,
    fault_name,
)

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENTENCE = objective(
    Figure.RETURNED_SHARE,
    Op.WITHIN,
    "0 points",
    tolerance="5 points",
    times={"after": Quantity.parse("50 s")},
    experiments=("region-loss",),
    phase=Phase.RECOVERED,
)


def answers(back: float) -> Table:
    """Requests from 160 s to 320 s; until `back` the primary region gives none, and the others share them."""
    rows = samples(160, 320)
    away = rows.ints["intended_ns"] < ns(back)
    served = np.where(np.arange(len(rows)) % 4 == 0, "ap-southeast-1", "eu-west-1")
    words = np.array([REGIONS[i % 10] for i in range(len(rows))], dtype=object)
    words[away] = served[away]
    return replace(rows, words={**rows.words, "served_region": Words.of(words.tolist())})


def run(back: float, *, restored: float = 212.0, ok: bool = True) -> Evidence:
    """Power was back at 195 s, the nodes ready at 195.5 s, and the target as before at 212 s; the load ended at 320 s."""
    base, rows = evidence(), answers(back)
    attempt = experiment("region-loss", "region", 160, 200, restore=Restore(ok=ok, at_ns=ns(restored)))
    attempt = replace(attempt, observed_until_ns=ns(restored))
    under = window(rows.between("intended_ns", ns(160), ns(restored)), 160, restored, "region-loss")
    last = replace(
        window(rows.between("intended_ns", ns(restored), ns(320)), restored, 320), name=after_faults_name("everyday")
    )
    windows = {"everyday/fault-free": base.windows["everyday/fault-free"], fault_name("region-loss"): under}
    return replace(
        base,
        windows={**windows, last.name: last},
        experiments={"region-loss": (attempt,)},
        nodes=(node(0, "present"), node(161.5, "unready"), node(195.5, "ready")),
    )


def judged(given: Evidence) -> dict[str, Measure]:
    """The measures by region."""
    return {one.scope["region"]: one for one in measures(judge(plan({"R": SENTENCE}), given))}


def outcomes(given: Evidence) -> dict[str, Outcome]:
    """Their outcomes."""
    return {region: one.outcome for region, one in judged(given).items()}


def with_a_small_traffic() -> Plan:
    """The plan of 30 requests/s."""
    known = plan({"R": SENTENCE})
    small = {name: replace(one, journeys_per_s=30 / one.requests_per_journey) for name, one in known.traffic.items()}
    return replace(known, traffic=small)


def test_a_small_traffic_is_judged_for_longer() -> None:
    """1 800 answers at 30 requests/s take 60 s."""
    found = measures(judge(with_a_small_traffic(), run(196)))
    assert "the answers of 60 s from 50 s after the return" in found[-1].reason


def test_a_region_that_returns_long_after_the_limit_fails() -> None:
    """After 100 s of the 50 s that it may take; what follows does not make up for it."""
    assert outcomes(run(295))["us-east-1"] is FAIL


@pytest.mark.parametrize(("back", "outcome"), [(196.0, PASS), (214.9, INCONCLUSIVE), (219.5, FAIL)])
def test_where_the_next_fault_comes_early_the_last_answers_before_it_count(back: float, outcome: Outcome) -> None:
    """Another fault at 220 s, 25 s after the return; of a region that took its share in the last of these seconds 20 s do not tell its level."""
    given = run(back)
    other = experiment("pod-loss", "pod", 219, 240)
    given = replace(given, experiments={**given.experiments, "pod-loss": (other,)})
    found = judged(given)["us-east-1"]
    assert found.outcome is outcome
    assert "the answers before the next fault, from 4.5 s after the return" in found.reason


@pytest.mark.parametrize(("back", "found"), [(196.0, "PASS from 16.5 s"), (246.0, "INCONCLUSIVE from 50 s")])
def test_where_too_few_answers_follow_the_limit_those_before_it_may_prove_a_pass(back: float, found: str) -> None:
    """The next fault comes 24 s after the limit; of a region that was back after the limit those before it prove nothing."""
    given, name = run(back), after_faults_name("everyday")
    last = given.windows[name]
    last = replace(last, samples=last.samples.where(np.arange(len(last.samples)) % 13 == 0))
    other = experiment("pod-loss", "pod", 270, 290)
    given = replace(
        given, windows={**given.windows, name: last}, experiments={**given.experiments, "pod-loss": (other,)}
    )
    one = next(one for one in measures(judge(with_a_small_traffic(), given)) if one.scope["region"] == "us-east-1")
    assert f"{one.outcome} {one.reason[one.reason.index('from ') :]}".startswith(found)


def test_an_early_fault_after_a_target_that_was_not_as_before_leaves_nothing_to_judge() -> None:
    """The shares were never as before, and the limit was not over when the next fault came."""
    given = run(320, ok=False)
    other = experiment("pod-loss", "pod", 214, 240)
    given = replace(given, experiments={**given.experiments, "pod-loss": (other,)})
    assert outcomes(given)["us-east-1"] is INCONCLUSIVE
