"""Probes per second of a run: as many as recoveries need where something is broken, else few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from harness.drivers.watch import Rates
from harness.run import gathering
from harness.run.gathering import rates_for
from tests.builders.plans import experiment, plan
from tests.builders.rollout_runs import objective_of, planned


def test_a_run_without_experiments_asks_the_copies_less_often() -> None:
    """No copy falls behind where nothing is broken, unless a sentence asks for it; the uptime's probes are as many as ever."""
    calm, broken = rates_for(plan()), rates_for(plan(experiments=[experiment("pod-loss")]))
    assert broken == Rates()
    lag = rates_for(planned(objective_of("the replication lag p99 of every replica is below 10 s in the steady state")))
    assert (calm.member, broken.member, lag.member) == (2.0, 5.0, 5.0)
    assert calm.health_in_window == broken.health_in_window == 50.0


def test_a_short_recovery_is_watched_closely() -> None:
    """A limit of 2 s has a request every 40 ms under faults, one of 10 s and more the usual one every 100 ms, and none has more."""

    def per_s(limit: str, of: str = "the loss of us-east-1", scale: float = 1.0) -> tuple[float, float, float]:
        sentence = f"reads and writes are served again within {limit} of {of}"
        rates = rates_for(replace(planned(objective_of(sentence)), time_scale=scale))
        return rates.read_in_fault, rates.ledger_in_fault, rates.region_in_fault

    assert per_s("2 s") == (25.0, 25.0, 12.5)
    assert per_s("4 s") == (12.5, 12.5, 6.25)
    assert per_s("10 s") == (10.0, 10.0, 5.0)
    assert per_s("0.1 s") == (25.0, 25.0, 12.5)
    assert per_s("4 h", of="every disaster", scale=7200) == (25.0, 25.0, 12.5)


def test_a_traffic_says_how_many_health_probes_its_window_takes() -> None:
    """99.9 % in half a minute needs more than those of every run; a traffic that asks for fewer gets the usual ones."""

    def health(per_s: float) -> float:
        made = plan()
        sizes = {name: replace(size, health_per_s=per_s) for name, size in made.traffic.items()}
        return rates_for(replace(made, traffic=sizes)).health_in_window

    assert (health(110.0), health(20.0)) == (110.0, 50.0)


def test_an_uptime_takes_the_health_probes_that_it_needs() -> None:
    """99.9 % takes 4 742 with one failed, 32/s of a window of 150 s; 99.99 % would take more than are sent at most."""

    def health(limit: str) -> float:
        uptime = objective_of(f"the uptime of the entry is at least {limit} in the steady state")
        asked = replace(uptime, scope=replace(uptime.scope, traffic="everyday"))
        made = planned(asked)
        size = replace(plan().traffic["everyday"], window_s=150.0)
        return rates_for(replace(made, traffic={"everyday": size})).health_in_window

    assert [health(limit) for limit in ("90 %", "99.9 %", "99.99 %")] == [5.0, 32.0, 50.0]


def test_the_watch_is_given_the_times_that_sentences_allow_an_event(tmp_path: Path) -> None:
    """It follows events that are on their way for so long at its end; of a plan without such a sentence, for as little as ever."""

    def followed_s(*sentences: str) -> float:
        files = cast("Any", SimpleNamespace(file=tmp_path / "target.yaml", path=tmp_path))
        planned_one = planned(objective_of(sentences[0])) if sentences else plan()
        return gathering._watch_settings(planned_one, files, files).follow_s

    sentence = "the share of accepted events delivered whole within 30 s is at least 99.5 % in the steady state"
    assert (followed_s(sentence), followed_s()) == (32.5, 3.0)
