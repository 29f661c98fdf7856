"""The merge of a fleet: no order matters, no loss of evidence helps, and what is not declared counts for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.decisions.fleet import merge_fleet
from harness.model import DecisionOutcome
from harness.model.judged.fleet import CellFault, CellName, FleetCell, FleetDecision, FleetRun, FleetTerms, WallTime
from harness.units import NS_PER_S

GO, NO_GO, OPEN = DecisionOutcome.GO, DecisionOutcome.NO_GO, DecisionOutcome.INCONCLUSIVE
CELLS = tuple(
    FleetCell(
        name=CellName(service, region, "core"),
        target=f"{service}-{region}",
        release="2",
        commit="c",
        runs=f"{service}/{region}",
    )
    for service in ("a", "b")
    for region in ("x", "y")
)
Found = Mapping[CellName, tuple[FleetRun, ...]]


def at(seconds: float) -> WallTime:
    """A time of the test."""
    return WallTime(round(seconds * NS_PER_S), f"{seconds} s")


TERMS = FleetTerms(environment="staging", not_before=at(100), max_age_s=900, deadline=at(990))
NOW = at(1000)


def run_of(cell: FleetCell, decision: DecisionOutcome | None = GO, **more: object) -> FleetRun:
    """A run that counts for the cell."""
    run = FleetRun(
        path=cell.runs, run=cell.target, target=cell.target, environment="staging", profile="core", release="2", commit="c",
        began=at(500), ended=at(600), decision=decision, headline="headline", why="why",
    )  # fmt: skip
    return replace(run, **more)  # type: ignore[arg-type]


def merged(found: Found, undeclared: tuple[str, ...] = (), cells: tuple[FleetCell, ...] = CELLS) -> FleetDecision:
    """The decision at the time of the test."""
    return merge_fleet("shop", cells, found, undeclared=undeclared, terms=TERMS, at=NOW, judged=True)


FAULTS: Mapping[CellFault, dict[str, object]] = {
    CellFault.RUNNING: {"fault": CellFault.RUNNING, "decision": None},
    CellFault.UNFINISHED: {"ended": None},
    CellFault.OLD: {"began": at(99), "ended": at(600)},
    CellFault.LATE: {"ended": at(991)},
    CellFault.FUTURE: {"ended": at(1061)},
    CellFault.OTHER_RELEASE: {"release": "1"},
    CellFault.OTHER_COMMIT: {"commit": ""},
    CellFault.OTHER_TARGET: {"target": "other"},
    CellFault.OTHER_PROFILE: {"profile": "quick"},
    CellFault.OTHER_ENVIRONMENT: {"environment": "sandbox"},
    CellFault.EDITED: {"fault": CellFault.EDITED, "decision": None},
    CellFault.FOREIGN: {"fault": CellFault.FOREIGN, "decision": None},
}
ALL_GO: Found = {cell.name: (run_of(cell),) for cell in CELLS}


def test_every_cell_go_is_go() -> None:
    """And no cause is given."""
    decision = merged(ALL_GO)
    assert (decision.outcome, {cell.why for cell in decision.cells}) == (GO, {""})


def test_nothing_declared_is_not_a_go() -> None:
    """Of nothing: INCONCLUSIVE."""
    assert merged({}, cells=()).outcome is OPEN


def test_a_run_that_does_not_count_is_named(subtests: pytest.Subtests) -> None:
    """Each fault leaves its cell and the fleet INCONCLUSIVE, by its own word, and a NO-GO of such a run is none."""
    for fault, fields in FAULTS.items():
        with subtests.test(fault.value):
            for decided in (GO, NO_GO):
                decision = merged({**ALL_GO, CELLS[0].name: (run_of(CELLS[0], **{"decision": decided, **fields}),)})  # type: ignore[arg-type]
                assert (decision.outcome, decision.cells[0].fault, bool(decision.cells[0].why)) == (OPEN, fault, True)


def test_no_run_two_runs_and_one_run_for_two_cells() -> None:
    """Missing and twice; a NO-GO among two runs is NO-GO."""
    first, second = CELLS[:2]
    assert merged({**ALL_GO, first.name: ()}).cells[0].fault is CellFault.MISSING
    two = (run_of(first), run_of(first, run="again", path="p"))
    assert merged({**ALL_GO, first.name: two}).cells[0].fault is CellFault.TWICE
    shared = merged({**ALL_GO, second.name: (run_of(second, run=first.target),)})
    assert [cell.fault for cell in shared.cells[:2]] == [CellFault.TWICE] * 2
    assert merged({**ALL_GO, first.name: (run_of(first), run_of(first, NO_GO, run="again"))}).outcome is NO_GO


@pytest.mark.parametrize(
    ("field", "fault", "says"),
    [
        ("rules", CellFault.OTHER_PROFILE, "the hash of the profile's requirements of the run is odd, expected usual as of "),
        ("commit", CellFault.OTHER_COMMIT, "the commit of the run is odd, expected usual as of "),
        ("environment", CellFault.OTHER_ENVIRONMENT, "the environment of the run is odd, expected usual as of "),
    ],
)  # fmt: skip
def test_what_is_not_declared_must_be_common(field: str, fault: CellFault, says: str) -> None:
    """A GO of another version of the profile, of another commit or environment is named; a NO-GO stays one, and a run that does not record it differs from none."""
    cells = tuple(replace(cell, commit="") for cell in CELLS)

    def decided(*values: str, last: DecisionOutcome = GO) -> FleetDecision:
        runs = [
            run_of(cell, **{"environment": "e", "commit": "c", field: value})  # type: ignore[arg-type]
            for cell, value in zip(cells, values, strict=True)
        ]
        found = {
            cell.name: (run,) for cell, run in zip(cells, [*runs[:-1], replace(runs[-1], decision=last)], strict=True)
        }
        return merge_fleet(
            "shop", cells, found, undeclared=(), terms=replace(TERMS, environment=""), at=NOW, judged=True
        )

    decision = decided("usual", "usual", "usual", "odd")
    assert (decision.outcome, [one.fault for one in decision.cells]) == (OPEN, [None, None, None, fault])
    assert decision.cells[3].why.startswith(says)
    assert decided("usual", "usual", "usual", "odd", last=NO_GO).outcome is NO_GO
    assert decided("usual", "usual", "usual", "").outcome is GO


@pytest.mark.parametrize("decided", [OPEN, DecisionOutcome.PARTIAL])
def test_an_undecided_run_leaves_the_fleet_undecided(decided: DecisionOutcome) -> None:
    """A filtered run decides nothing either; one NO-GO is NO-GO."""
    found = {**ALL_GO, CELLS[0].name: (run_of(CELLS[0], decided),)}
    assert merged(found).outcome is OPEN
    assert merged({**found, CELLS[1].name: (run_of(CELLS[1], NO_GO),)}).outcome is NO_GO


@st.composite
def fleets(draw: st.DrawFn) -> Found:
    """Runs of the cells: none, one or two, of any decision, with and without a fault."""
    found = {}
    for cell in CELLS:
        many = draw(st.integers(0, 2))
        changes = st.sampled_from([{}, {}, *FAULTS.values()])
        found[cell.name] = tuple(
            run_of(
                cell,
                **{"decision": draw(st.sampled_from(DecisionOutcome)), "run": f"{cell.target}-{n}", **draw(changes)},
            )
            for n in range(many)
        )
    return found


@given(fleets(), st.randoms())
def test_the_order_of_cells_and_runs_does_not_matter(found: Found, random: object) -> None:
    """The same decision, cell by cell."""
    cells, items = list(CELLS), list(found.items())
    random.shuffle(cells)  # type: ignore[attr-defined]
    random.shuffle(items)  # type: ignore[attr-defined]
    assert merged({name: runs[::-1] for name, runs in items}, cells=tuple(cells)) == merged(found)


@given(fleets(), st.sampled_from(CELLS), st.sampled_from([None, *FAULTS.values()]))
def test_less_evidence_never_makes_a_decision_better(
    found: Found, cell: FleetCell, change: dict[str, object] | None
) -> None:
    """A cell whose runs are gone, older or of another release is never GO; only a NO-GO of this cell may become INCONCLUSIVE."""
    before = merged(found)
    runs = () if change is None else tuple(replace(run, **change) for run in found[cell.name])  # type: ignore[arg-type]
    after = merged({**found, cell.name: runs})
    own = next(result for result in after.cells if result.cell is cell)
    assert own.outcome is OPEN
    others = [result.outcome for result in before.cells if result.cell is not cell]
    assert after.outcome is (NO_GO if NO_GO in others else OPEN)


@given(fleets(), st.lists(st.text(min_size=1)))
def test_an_undeclared_run_changes_nothing_but_the_list(found: Found, paths: list[str]) -> None:
    """Also one that has the id of a declared run, or would be a NO-GO."""
    more = {**found, CellName("z", "z", "z"): (run_of(CELLS[0], NO_GO),)}
    assert replace(merged(more, tuple(paths)), undeclared=()) == merged(found)
    assert merged(more, tuple(paths)).undeclared == tuple(sorted(paths))
