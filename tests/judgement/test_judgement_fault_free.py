"""KPIs on all fault-free windows: pooled to pass, guarded one by one, after compared with before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    S,
    errors,
    every,
    evidence,
    failing,
    health,
    lag,
    lags,
    measures,
    ns,
    p95,
    plan,
    samples,
    share,
    window,
)

from harness.judgement import judge
from harness.judgement.figures.fault_free import GuardedWindow, GuardRule, _guards, guards, slots_of
from harness.judgement.measures import Case
from harness.judgement.stats.guards import guard_confidence
from harness.model import (
    PROBES,
    Claim,
    Evidence,
    Measure,
    Objective,
    Op,
    Outcome,
    Phase,
    Table,
    Window,
    Words,
    after_faults_name,
    after_name,
    fault_name,
)
from harness.model.judged.overview import LEAST_REQUESTS
from tests.builders.scenarios import scenario

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BEFORE = samples(0, 60)
IN_FLIGHT = frozenset(np.flatnonzero(BEFORE.ints["done_ns"] >= ns(60)).tolist())
"""Requests that were not answered yet when the window ended."""
AFTER = samples(100, 160)


def later(rows: Table, start: float, end: float, name: str, experiment: str = "") -> Window:
    """A fault-free window after a fault."""
    return replace(window(rows, start, end), name=name, experiment=experiment, phase=Phase.STEADY)


def run(before: Table = BEFORE, after: Table = AFTER, **changes: Any) -> Evidence:
    """A minute before the first fault, and a minute after the last restore."""
    windows = {
        "everyday/fault-free": window(before, 0, 60),
        fault_name("pod-loss"): window(samples(60, 100), 60, 100, "pod-loss"),
        after_faults_name("everyday"): later(after, 100, 160, after_faults_name("everyday")),
    }
    probes = Table.merged(PROBES, [health(0, 60), health(100, 160)])
    return replace(evidence(), windows=windows, probes=probes, replicas=lags(0, 170), **changes)


def judged(objective: Objective, found: Evidence) -> list[Measure]:
    """The measures of one objective."""
    return measures(judge(plan({"R": objective}), found))


def where(rows: Table, **words: str) -> Any:
    """Rows that have these words."""
    found = np.ones(len(rows), dtype=np.bool_)
    for column, word in words.items():
        found &= rows.words[column].equals(word)
    return found


def some(rows: Table, share: float) -> Any:
    """So many of the rows, by chance."""
    return np.random.default_rng(7).random(len(rows)) < share


def only_fail(found: Sequence[Measure]) -> Measure:
    """The one measure that fails."""
    (measure,) = (m for m in found if m.outcome is FAIL)
    return measure


def test_a_kpi_passes_on_all_fault_free_windows_taken_together() -> None:
    """Ten thousand requests bear what six thousand do not: one bound over both windows, and it says so."""
    found = judged(errors("0.04 %"), run())
    assert [m.outcome for m in found] == [PASS]
    assert found[0].n == 12_000
    assert found[0].reason.endswith(
        "over 2 fault-free windows, 120 s; by route: create-track 0 of 3000, play-track 0 of 3000, "
        "read-track 0 of 3000, sign-in 0 of 3000"
    )
    alone = replace(run(), windows={"everyday/fault-free": window(BEFORE, 0, 60)})
    assert [m.outcome for m in judged(errors("0.04 %"), alone)] == [INCONCLUSIVE]


def test_blind_side_2_a_short_window_in_which_all_fail_does_not_hide_in_the_others() -> None:
    """Four of 124 s: 3 % of all requests and within the limit of 5 %; alone they are all of them."""
    base = run()
    rows = samples(70, 74)
    gone = failing(rows, np.ones(len(rows), dtype=np.bool_))
    name = after_name("pod-loss")
    found = judged(errors("5 %"), replace(base, windows={**base.windows, name: later(gone, 70, 74, name, "pod-loss")}))
    guard = only_fail(found)
    assert (guard.scope["guard"], guard.value, guard.n) == (name, 1.0, 400)
    assert guard.reason.startswith(
        "error rate after the fault of pod-loss is 100 % (n 400), expected below 5 %. The miss is proven with 99.9"
    )


@pytest.mark.parametrize(("seconds", "each"), [(2.9, 1), (4, 10)], ids=["too short", "too few"])
def test_a_guard_of_a_moment_or_of_a_handful_is_silent(seconds: float, each: int) -> None:
    """Every request of a window failed: of one under 3 s, or of 40 requests. The KPI over all windows counts them."""
    base, name = run(), after_name("pod-loss")
    rows = samples(70, 70 + seconds)
    rows = rows.where(np.arange(len(rows)) % each == 0)
    gone = failing(rows, np.ones(len(rows), dtype=np.bool_))
    window_after = later(gone, 70, 70 + seconds, name, "pod-loss")
    found = judged(errors("5 %"), replace(base, windows={**base.windows, name: window_after}))
    assert not [m for m in found if "guard" in m.scope]
    assert found[0].n == 12_000 + len(rows)


def test_a_release_that_half_of_the_answers_name_is_guarded_alone() -> None:
    """A canary that fails one in ten, within 8 % of all."""
    rows = [
        replace(r, words={**r.words, "release": Words.of(["1.1.0" if i // 4 % 2 else "1.0.0" for i in range(len(r))])})
        for r in (BEFORE, AFTER)
    ]
    rows = [failing(r, where(r, release="1.1.0") & (np.arange(len(r)) % 10 == 5)) for r in rows]
    found = judged(errors("8 %"), run(*rows))
    assert found[0].outcome is PASS
    assert "release 1.1.0" in {m.scope["guard"] for m in found if m.outcome is FAIL}


def test_the_share_of_a_region_is_guarded_in_each_window() -> None:
    """45 % over both windows, within 60 ± 17 %; 30 % in one of them alone."""
    shifted = replace(
        AFTER,
        words={
            **AFTER.words,
            "served_region": Words.of(["us-east-1" if east else "eu-west-1" for east in some(AFTER, 0.3)]),
        },
    )
    assert {m.outcome for m in judged(share(), run())} == {PASS}
    found = judged(share(tolerance="17 points"), run(after=shifted))
    assert only_fail(found).scope["guard"] == "everyday/after-faults"


def test_the_turns_of_a_balancer_prove_nothing_of_half_a_second() -> None:
    """It sends 40 requests after another to the other region; between two faults there is no time for more."""
    brief = samples(70, 70.4)
    elsewhere = replace(brief, words={**brief.words, "served_region": Words.of(["eu-west-1"] * len(brief))})
    name = after_name("pod-loss")
    base = run()
    windows = {**base.windows, name: later(elsewhere, 70, 70.4, name)}
    assert {m.outcome for m in judged(share(), replace(base, windows=windows))} == {PASS}


def test_a_replica_that_lags_after_the_faults_fails() -> None:
    """Half of the run it was close; p40 over the whole would pass."""
    rows = lags(0, 170)
    ints = dict(rows.ints)
    ints["lag_ns"] = np.where((ints["at_ns"] >= ns(100)) & (ints["lag_ns"] > 0), 20 * S, ints["lag_ns"])
    found = judged(lag(quantile=0.4), replace(run(), replicas=replace(rows, ints=ints)))
    assert FAIL in {m.outcome for m in found}


def test_worse_after_the_faults_than_before_is_inconclusive_with_both_figures() -> None:
    """None before, 12 of 6000 after: 0.1 % over both windows, but what came after alone is at the limit."""
    at = np.isin(np.arange(len(AFTER)), np.arange(12) * 490)
    found = judged(errors("0.2 %"), run(after=failing(AFTER, at)))
    (worse,) = (m for m in found if m.name == "error rate of all routes together after the faults")
    assert worse.outcome is INCONCLUSIVE
    assert worse.reason == (
        "error rate of all routes together is worse after the faults (0.2 %) than before (0 %), expected below 0.2 %. "
        "Not decided: the time after the faults alone does not prove a PASS"
    )


def test_worse_after_the_faults_and_still_within_the_limit_passes() -> None:
    """What came after is enough to pass by itself."""
    at = np.isin(np.arange(len(AFTER)), np.arange(12) * 490)
    assert [m.outcome for m in judged(errors("1 %"), run(after=failing(AFTER, at)))] == [PASS]


def test_a_late_generator_after_the_faults_is_no_proof_against_the_target() -> None:
    """Its requests were sent 300 ms late in the second window and answered at once."""
    late = samples(100, 160, lag_ms=300)
    assert {m.outcome for m in judged(p95(), run(after=late))} == {INCONCLUSIVE}


CASE = Case(
    plan=plan({"R": errors("5 %")}),
    evidence=run(),
    claim=Claim(scenario=scenario(), requirement="R", objectives=(errors("5 %"),), demands=()),
    objective=errors("5 %"),
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1)), min_size=1, max_size=4),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_property_of_guards(windows: list[tuple[int, float]], words: int, chance: Any) -> None:
    """Every guard that fails was measured beyond the limit, has its own rows, and no guard ever says anything but FAIL."""
    parts = []
    for number, (n, bad) in enumerate(windows):
        names = [f"w{chance.randrange(words)}" for _ in range(n)]
        at_ns = np.sort(np.array([chance.randrange(10 * S) for _ in range(n)], dtype=np.int64)) + number * 10 * S
        parts.append(
            GuardedWindow(
                window=f"window-{number}",
                span=(number * 10 * S, (number + 1) * 10 * S),
                at_ns=at_ns,
                bad=np.array([chance.random() < bad for _ in range(n)], dtype=np.bool_),
                words={"route": Words.of(names)},
            )
        )
    rule = GuardRule(limit=0.05)
    every_guard = list(_guards(parts, "", together=True))
    found = list(guards(CASE, "error rate", parts, rule))

    assert {m.outcome for m in found} <= {FAIL}
    assert all(m.value is not None and m.value >= 0.05 for m in found)
    assert all(m.confidence == guard_confidence(len(every_guard)) for m in found)
    assert sum(len(guard.parts[0].at_ns) for guard in every_guard if guard.window and not guard.word) == (
        sum(n for n, _ in windows if n >= LEAST_REQUESTS) if len(windows) > 1 else 0
    )
    if not any(part.bad.any() for part in parts):
        assert found == []


@settings(max_examples=40)
@given(st.lists(st.integers(0, 12_000 - 1).filter(lambda one: one not in IN_FLIGHT), max_size=60, unique=True))
def test_property_of_the_pooled_rule(bad: list[int]) -> None:
    """The pooled figure is that of all requests, wherever they are; where the whole fails, no guard is needed to say so.

    One that was in flight when the fault came is the fault's.
    """
    at = np.isin(np.arange(12_000), bad)
    found = judged(errors("0.3 %"), run(failing(BEFORE, at[:6000]), failing(AFTER, at[6000:])))
    assert found[0].value == pytest.approx(len(bad) / 12_000, rel=1e-5)
    assert found[0].n == 12_000
    if found[0].outcome is FAIL:
        assert all("guard" not in m.scope for m in found)
    if found[0].outcome is PASS:
        assert len(bad) < 0.003 * 12_000


def test_slots_of_several_windows_have_no_gap_between_them() -> None:
    """40 s without a window are not 40 s without a failure."""
    parts = [
        GuardedWindow(
            window=str(start),
            span=(ns(start), ns(start + 10)),
            at_ns=every(start, start + 10, 100),
            bad=np.zeros(1000, dtype=np.bool_),
        )
        for start in (0, 50)
    ]
    assert slots_of(parts).seconds == pytest.approx(20.0)
    assert GuardRule(limit=0.5, op=Op.AT_LEAST).may_be_beyond(0.4)
