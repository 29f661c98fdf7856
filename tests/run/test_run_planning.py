"""What a plan says of rows that nothing claims."""

from __future__ import annotations

import pytest

from harness.catalogue import load_catalogue
from harness.model import Claim, NotAssessable, ReasonKind, Scenario
from harness.run.acts.driver import Library
from harness.run.planning import Compiled, make_plan
from harness.run.project import find_project
from harness.run.sandbox import needed_parts
from harness.run.settings import Settings
from tests.builders.core_plan import ROOT, sandbox_target


def left(requirement: str, *parts: str) -> NotAssessable:
    """What the plan says of one row when no scenario was written, for a target that has these parts."""
    plan = make_plan(
        "run-1",
        settings=Settings(project=find_project(ROOT)),
        target=sandbox_target().model_copy(update={"parts": parts}),
        requirements=[load_catalogue().requirement(requirement)],
        compiled=Compiled(claims=(), demands=()),
        library=Library(traffic={}, experiments={}),
    )
    (lack,) = plan.not_assessable
    return lack


def claimed(requirement: str) -> Claim:
    """A claim of nothing."""
    scenario = Scenario(file="any.feature", line=1, name=requirement, tags=(requirement,))
    return Claim(scenario=scenario, requirement=requirement, objectives=(), demands=())


def test_a_row_that_waits_for_a_part_names_it() -> None:
    """With what the part is, and what is decided once it is there."""
    lack = left("ND-PH1-EVENTBUS")
    assert (lack.requirement, lack.because.kind) == ("ND-PH1-EVENTBUS", ReasonKind.PART)
    assert lack.because.text == "waits for the part `bus` (event bus and its consumers)"
    assert lack.because.hint.startswith("with it: numbered events are followed")


def test_a_row_that_waits_for_several_parts_names_each() -> None:
    """In the order in which the platform gets them."""
    because = left("ND-PH2-IPFS").because
    assert because.text == (
        "waits for the parts `content` (uploads, IPFS, object store and CDN edge)"
        " and `external-services` (external services that can be made slow, failing or absent)"
    )
    assert because.hint.startswith("with them: uploads are read back by hash")


def test_a_part_that_the_target_has_is_not_waited_for() -> None:
    """Then the other is waited for, and where both are there, a scenario is missing."""
    assert left("ND-PH2-IPFS", "content").because.text.startswith("waits for the part `external-services` (")
    assert left("ND-PH2-IPFS", "content", "external-services").because.kind is ReasonKind.UNCLAIMED


def test_parts_are_deployed_for_claimed_rows_that_they_are_enough_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that needs what the sandbox lacks, or that nobody claims, has none deployed."""
    monkeypatch.setattr("harness.run.sandbox.names", lambda: ("bus", "content"))
    rows = [load_catalogue().requirement(name) for name in ("ND-PH1-EVENTBUS", "ND-PH2-IPFS", "ND-KPI-P95")]
    claims = [claimed(row.id) for row in rows]
    assert needed_parts(rows, claims) == ("bus",)
    assert needed_parts(rows, claims[1:]) == ()


def test_a_row_that_waits_for_nothing_is_told_where_its_scenario_belongs() -> None:
    """By document and section."""
    because = left("ND-KPI-P95").because
    assert (because.kind, because.text) == (ReasonKind.UNCLAIMED, "no scenario claims it")
    assert because.hint == "write a scenario tagged @ND-KPI-P95 into features/normaldance/technical-kpis.feature"
