"""Runs in memory: of profile core, those of `tests/judgement`, and those of the sentences that other profiles have beside them.

`rollout` has the sentences on canaries, switches and what takes them back; `atomos`, `integration-platform` and `normaldance` those on alerts, metrics,
connections and queries. Each is a plan with one requirement a sentence, and all that such a run recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from judgement_builders import plan, requirement
from test_judgement_golden import RUNS
from test_judgement_removed import rooms

from harness.model import Claim, Evidence, Objective, Plan
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.rollout_runs import objective_of, planned
from tests.builders.scenarios import scenario
from tests.honesty.forgeries import requests_counted, with_counts


def runs() -> Mapping[str, tuple[Plan, Evidence]]:
    """By name."""
    of_judgement = {name: RUNS[name] for name in ("healthy", "failing", "rough", "rough-beside", "cut")}
    others = {**of_judgement, **dict(_of_sentences())}
    return {
        "core": (core_plan(), with_counts(core_evidence())),
        **{name: (asked, requests_counted(run)) for name, (asked, run) in others.items()},
    }


def _of_sentences() -> Iterable[tuple[str, tuple[Plan, Evidence]]]:
    for name, (run, asks) in rooms().items():
        given: list[tuple[Any, ...]] = [getattr(ask, "args", ()) for ask in asks]
        if all(given) and isinstance(given[0][0], Objective):
            yield name, (plan({f"ROW-{number}": asked for number, (asked,) in enumerate(given)}), run)
        elif all(given):
            objectives = [objective_of(sentence) for sentence, _ in given]
            yield name, (_claiming(planned(objectives[0], given[0][1]), objectives), run)


def _claiming(base: Plan, objectives: Iterable[Objective]) -> Plan:
    claims = [
        Claim(scenario=scenario(row), requirement=row, objectives=(one,), demands=())
        for row, one in ((f"ROW-{number}", one) for number, one in enumerate(objectives))
    ]
    return replace(base, claims=tuple(claims), requirements=tuple(requirement(one.requirement) for one in claims))
