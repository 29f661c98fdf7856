"""Worse evidence is no milder verdict: a request more that fails or is slow, an outage more, a record less. `benchmarks/worsenings.py` asks more of it."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from harness.judgement.judging import decided
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.worsenings import HARMS, REMOVALS, drawn, drop_requests, fail_some, improvements


@pytest.mark.parametrize("seed", range(8))
def test_no_worsening_of_a_run_makes_a_verdict_better(seed: int) -> None:
    """Six on top of each other, drawn."""
    rng = np.random.default_rng(seed)
    plan, run, done = core_plan(), core_evidence(), []
    before = decided(plan, run)
    for _ in range(6):
        what, run, removed = drawn(run, rng)
        done.append(what)
        after = decided(plan, run)
        assert improvements(before, after, removed=removed) == [], done
        before = after


def test_each_way_changes_a_run() -> None:
    """Within a few draws: a worsening that changes nothing shows nothing."""
    run = core_evidence()
    whole = pickle.dumps(replace(run))  # a copy has no memory of what was asked of it
    for way in {*HARMS, *REMOVALS}:
        rng = np.random.default_rng(1)
        assert any(pickle.dumps(replace(way(run, rng)[1])) != whole for _ in range(20)), way


def test_who_removes_what_failed_is_seen() -> None:
    """A fifth of a minute fails; its rows are gone, and the numbers of journeys and requests say so."""
    plan, rng = core_plan(), np.random.default_rng(5)
    failed = fail_some(core_evidence(), rng)[1]
    before = decided(plan, failed)
    for seed in range(12):
        what, gone = drop_requests(failed, np.random.default_rng(seed))
        assert improvements(before, decided(plan, gone), removed=True) == [], what
