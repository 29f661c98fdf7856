"""The plan of profile core, compiled from the features that ship, for the sandbox as it describes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from harness.catalogue import load_catalogue
from harness.drivers.chaos import find_experiments
from harness.drivers.load.traffic import load_traffic
from harness.model import Claim, Demand, Plan
from harness.run.acts.driver import Library
from harness.run.plan.planning import Compiled, make_plan
from harness.run.project import find_project
from harness.run.settings import Settings
from harness.steps import compile_scenario, read_feature
from harness.targets import Target, load_target

ROOT = Path(__file__).parents[2]
RECORDED: Final = Path(__file__).with_name("core_target.yaml")
EVERYDAY: Final[Mapping[str, Any]] = {"journeys_per_s": 25.0, "users": 150.0, "traceparent": False}
"""The size that the recorded and built runs have, whatever is offered today; their requests carried no trace ids."""


@cache
def core_plan() -> Plan:
    """All scenarios of profile core on the sandbox, release 1.0.0, seed 1."""
    experiments = find_experiments([ROOT / "experiments"])
    claims, demands = core_claims(experiments.domains)
    target = sandbox_target()
    library = Library(
        traffic={"everyday": replace(load_traffic("everyday", [ROOT / "loadtests"], target.traffic), **EVERYDAY)},
        experiments=experiments.plans,
    )
    plan = make_plan(
        "run-1",
        settings=Settings(project=find_project(ROOT)),
        target=target,
        requirements=load_catalogue().profile(("core",)),
        compiled=Compiled(claims=claims, demands=demands),
        library=library,
    )
    return replace(plan, run="run-1")


def core_claims(experiments: Mapping[str, str]) -> tuple[tuple[Claim, ...], tuple[Demand, ...]]:
    """The claims of the scenarios by which profile core goes, its own in place of the others, and what they ask for."""
    catalogue = load_catalogue()
    rows = {row.id: row for row in catalogue.profile(("core",))}
    files = sorted((ROOT / "features").rglob("*.feature"))
    scenarios = [
        one for file in files for one in read_feature(file, ROOT) if not rows.keys().isdisjoint(one.requirements)
    ]
    own = {requirement for one in scenarios if "core" in one.profiles for requirement in one.requirements}
    chosen = [one for one in scenarios if "core" in one.profiles or not (one.profiles or own & {*one.requirements})]
    compiled = [compile_scenario(one, catalogue, experiments, rows[one.requirements[0]].in_part) for one in chosen]
    return tuple(claim for claim, _ in compiled), tuple(demand for _, asked in compiled for demand in asked)


@cache
def sandbox_target() -> Target:
    """The sandbox as it describes itself, at addresses where nobody listens: a recording, held against it by tests/together."""
    return load_target(RECORDED)
