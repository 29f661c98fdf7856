"""After the loss of a region the response times of the others are below a limit in time; each boundary at both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    REGIONS,
    evidence,
    experiment,
    failing,
    measures,
    node,
    ns,
    objective,
    plan,
    samples,
    window,
    with_words,
)

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Op, Outcome, Phase, Quantity, Table, fault_name

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENTENCE = objective(
    Figure.REMAINING_TIME,
    Op.BELOW,
    "20 s",
    quantile=0.95,
    times={"below": Quantity.parse("200 ms")},
    experiments=("region-loss",),
    domains=("region",),
    phase=Phase.FAULT,
)
BEGAN, UNDONE = 160, 220
"""Beginning of the experiment, and return of power, in s."""
Spoil = Callable[[Table], Table]


def slow(until: float, ms: float = 900.0, region: str = "eu-west-1") -> Spoil:
    """The requests of a region take so long until a time."""

    def spoil(rows: Table) -> Table:
        at = (rows.ints["intended_ns"] < ns(until)) & rows.words["served_region"].equals(region)
        done = np.where(at, rows.ints["intended_ns"] + round(ms * 1e6), rows.ints["done_ns"])
        return replace(rows, ints={**rows.ints, "done_ns": done})

    return spoil


def unanswered(until: float) -> Spoil:
    """Every request fails until a time, and no region is named."""

    def spoil(rows: Table) -> Table:
        at = np.flatnonzero(rows.ints["intended_ns"] < ns(until))
        return with_words(failing(rows, at, status=0, error="reset"), at, served_region=None)

    return spoil


def run(spoil: Spoil, undone: float = UNDONE) -> Evidence:
    """The primary region is lost at 161 s; the others share its requests until power is back."""
    base, rows = evidence(), samples(BEGAN, undone + 5)
    served = [one if one != "us-east-1" else ("eu-west-1", "ap-southeast-1")[i % 2] for i, one in enumerate(REGIONS)]
    rows = with_words(rows, slice(None), served_region="eu-west-1")
    for place, region in enumerate(served):
        rows = with_words(rows, np.arange(len(rows)) % 10 == place, served_region=region)
    attempt = experiment("region-loss", "region", BEGAN, undone + 5)
    under = window(spoil(rows), BEGAN, undone + 5, "region-loss")
    return replace(
        base,
        windows={"everyday/fault-free": base.windows["everyday/fault-free"], fault_name("region-loss"): under},
        experiments={"region-loss": (attempt,)},
        nodes=(node(0, "present"), node(161.5, "unready"), node(undone + 0.5, "ready")),
    )


def judged(given: Evidence) -> dict[str, Measure]:
    """The measures by region."""
    return {one.scope["region"]: one for one in measures(judge(plan({"R": SENTENCE}), given))}


@pytest.mark.parametrize(("until", "expected"), [(175, PASS), (181.5, INCONCLUSIVE), (195, FAIL), (230, FAIL)])
def test_a_region_is_quick_again_in_time(until: float, expected: Outcome) -> None:
    """It was slow for so long after the loss at 161 s; the limit is 20 s, and the other region stays quick."""
    found = judged(run(slow(until)))
    assert found["eu-west-1"].outcome is expected, found["eu-west-1"].because.text
    assert found["ap-southeast-1"].outcome is PASS


@pytest.mark.parametrize(("until", "expected"), [(170, PASS), (230, INCONCLUSIVE)])
def test_a_request_that_nobody_answered_may_be_of_each(until: float, expected: Outcome) -> None:
    """It is over every limit; where nothing else is there, no region is known to be slow."""
    found = judged(run(unanswered(until)))
    assert {one.outcome for one in found.values()} == {expected}


def test_a_loss_that_is_too_short_fails_nobody() -> None:
    """Power was back before the limit, and the region was slow until then."""
    assert judged(run(slow(230), undone=176))["eu-west-1"].outcome is INCONCLUSIVE


def test_without_the_name_of_the_region_nothing_is_known() -> None:
    """The answers do not say who served them."""
    found = judged(run(lambda rows: with_words(rows, slice(None), served_region=None)))
    assert {one.outcome for one in found.values()} == {INCONCLUSIVE}
    assert "no answer names this region" in found["eu-west-1"].because.text
