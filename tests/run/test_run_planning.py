"""What a plan says of rows that nothing claims."""

from __future__ import annotations

from harness.catalogue import load_catalogue
from harness.model import NotAssessable, ReasonKind
from harness.run.acts.driver import Library
from harness.run.planning import Compiled, make_plan
from harness.run.project import find_project
from harness.run.settings import Settings
from tests.builders.core_plan import ROOT, sandbox_target


def left(requirement: str) -> NotAssessable:
    """What the plan says of one row when no scenario was written."""
    plan = make_plan(
        "run-1",
        settings=Settings(project=find_project(ROOT)),
        target=sandbox_target(),
        requirements=[load_catalogue().requirement(requirement)],
        compiled=Compiled(claims=(), demands=()),
        library=Library(traffic={}, experiments={}),
    )
    (lack,) = plan.not_assessable
    return lack


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


def test_a_row_that_waits_for_nothing_is_told_where_its_scenario_belongs() -> None:
    """By document and section."""
    because = left("ND-KPI-P95").because
    assert (because.kind, because.text) == (ReasonKind.UNCLAIMED, "no scenario claims it")
    assert because.hint == "write a scenario tagged @ND-KPI-P95 into features/normaldance/technical-kpis.feature"
