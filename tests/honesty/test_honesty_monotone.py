"""Worse evidence is no milder verdict: a request more that fails or is slow, an outage more, a record less. `benchmarks/worsenings.py` asks more of it."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from harness.judgement.judging import decided
from harness.model import Outcome
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import both, one_in, requests, word
from tests.honesty.forgeries import requests_counted
from tests.honesty.worsenings import HARMS, REMOVALS, drawn, drop_requests, fail_some, improvements


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 8))])
def test_no_worsening_of_a_run_makes_a_verdict_better(seed: int) -> None:
    """Six on top of each other, drawn."""
    rng = np.random.default_rng(seed)
    plan, run, done = core_plan(), core_evidence(), []
    before = decided(plan, run)
    for _ in range(6):
        what, run, removed = drawn(run, rng)
        done.append(what)
        after = decided(plan, run)
        assert improvements(plan, before, after, removed=removed) == [], done
        before = after


def test_each_way_changes_a_run() -> None:
    """Within a few draws: a worsening that changes nothing shows nothing."""
    run = core_evidence()
    whole = pickle.dumps(replace(run))  # a copy has no memory of what was asked of it
    for way in {*HARMS, *REMOVALS}:
        rng = np.random.default_rng(1)
        assert any(pickle.dumps(replace(way(run, rng)[1])) != whole for _ in range(20)), way


def test_last_requests_of_journeys_that_failed_and_are_gone_are_missing() -> None:
    """No number comes after them: the count of requests when the run was closed has them."""
    plan, run = core_plan(), requests_counted(core_evidence())
    last = max(run.windows["everyday/fault-free"].samples.words["step"].present, key=int)
    for journeys in (0.01, 1.0):
        gone = requests(run, lambda rows: rows.where(~both(word("step", last), one_in(journeys))(rows)))  # noqa: B023 - called at once
        rows = {one.requirement: one for one in decided(plan, gone).verdicts}
        assert rows["ND-KPI-ERRORS"].outcome is Outcome.INCONCLUSIVE
        assert "requests or journeys of the window were not recorded" in rows["ND-KPI-ERRORS"].reason


def test_who_removes_what_failed_is_seen() -> None:
    """A fifth of a minute fails; its rows are gone, and the numbers of journeys and requests say so."""
    plan, rng = core_plan(), np.random.default_rng(5)
    failed = fail_some(core_evidence(), rng)[1]
    before = decided(plan, failed)
    for seed in range(12):
        what, gone = drop_requests(failed, np.random.default_rng(seed))
        assert improvements(plan, before, decided(plan, gone), removed=True) == [], what
