"""Merges the runs of a fleet: GO only if the run of every declared cell counts and is GO.

No change of evidence makes the decision better: a run that is gone, older or of another release leaves its cell
INCONCLUSIVE, never GO. A NO-GO counts only while its run does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.model.judged.fleet import CellFault, CellResult, FleetDecision
from harness.model.judged.outcome import DecisionOutcome
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.model.judged.fleet import CellName, FleetCell, FleetRun, FleetTerms, WallTime

CLOCKS_APART_S: Final = 60
"""Maximum seconds by which the clock of another machine may be ahead; the machine of a run and this machine are not the same."""
_WORST_FIRST: Final = (DecisionOutcome.NO_GO, DecisionOutcome.INCONCLUSIVE, DecisionOutcome.GO)
_Fault = tuple[CellFault, str]
_COMMON: Final[Sequence[tuple[CellFault, str, Callable[[CellResult], tuple[str, ...]]]]] = (
    (CellFault.OTHER_ENVIRONMENT, "the environment", lambda one: (one.runs[0].environment,)),
    (CellFault.OTHER_COMMIT, "the commit", lambda one: (one.cell.name.service, one.cell.release, one.runs[0].commit)),
    (
        CellFault.OTHER_PROFILE,
        "the hash of the profile's requirements",
        lambda one: (one.cell.name.profile, one.runs[0].rules),
    ),
)
"""What runs must have in common, though the file declares none: the last value of those whose other values are equal, where it is known."""


def merge_fleet(
    name: str,
    cells: Iterable[FleetCell],
    found: Mapping[CellName, Sequence[FleetRun]],
    *,
    undeclared: Iterable[str],
    terms: FleetTerms,
    at: WallTime,
    judged: bool,
) -> FleetDecision:
    """Decide over all declared cells; runs of other cells are named in `undeclared` and count for nothing.

    Args:
        name: name of the fleet.
        cells: declared cells.
        found: what was found for each cell.
        undeclared: paths of runs of no declared cell.
        terms: conditions that every run must meet.
        at: time of the decision.
        judged: whether each run was judged again.
    """
    declared = sorted(cells, key=lambda cell: cell.name)
    uses = Counter(run.run for cell in declared for run in found.get(cell.name, ()) if run.run)
    results = _agreeing([_cell(cell, found.get(cell.name, ()), uses, terms, at) for cell in declared])
    return FleetDecision(
        name=name,
        outcome=_worst(result.outcome for result in results),
        at=at,
        terms=terms,
        judged=judged,
        cells=tuple(results),
        undeclared=tuple(sorted(undeclared)),
    )


def _worst(outcomes: Iterable[DecisionOutcome]) -> DecisionOutcome:
    """NO-GO over INCONCLUSIVE over GO; INCONCLUSIVE without outcomes."""
    return min(outcomes, key=_WORST_FIRST.index, default=DecisionOutcome.INCONCLUSIVE)


def _cell(
    cell: FleetCell, runs: Sequence[FleetRun], uses: Mapping[str, int], terms: FleetTerms, at: WallTime
) -> CellResult:
    runs = tuple(sorted(runs, key=lambda run: (run.path, run.run)))
    faults = [_fault(cell, run, terms, at) for run in runs]
    counting = [run for run, fault in zip(runs, faults, strict=True) if fault is None]
    fault: _Fault | None = None
    outcome, why = DecisionOutcome.INCONCLUSIVE, ""
    if failed := [run for run in counting if run.decision is DecisionOutcome.NO_GO]:
        outcome, why = DecisionOutcome.NO_GO, failed[0].why or failed[0].headline
    elif not runs:
        fault = CellFault.MISSING, f"no run was found at {cell.runs}"
    elif len(runs) > 1:
        named = ", ".join(run.path for run in runs)
        fault = CellFault.TWICE, f"{len(runs)} runs were found, expected one: {named}"
    elif faults[0] is not None:
        fault = faults[0]
    elif uses[runs[0].run] > 1:
        fault = CellFault.TWICE, f"the run {runs[0].run} was found for {uses[runs[0].run]} cells, expected one"
    elif counting[0].decision is DecisionOutcome.GO:
        outcome = DecisionOutcome.GO
    else:  # PARTIAL too: a filtered run decides nothing
        why = counting[0].why or counting[0].headline
    if fault is not None:
        why = fault[1]
    return CellResult(cell=cell, outcome=outcome, fault=fault[0] if fault else None, why=why, runs=runs)


def _agreeing(results: Sequence[CellResult]) -> Sequence[CellResult]:
    """The results; a GO of a run that differs from the others in what they must have in common is INCONCLUSIVE.

    What most have is taken as usual, so that few cells are named; the fleet is INCONCLUSIVE whichever are.
    """
    results = list(results)
    for fault, what, common in _COMMON:
        groups: dict[tuple[str, ...], list[tuple[int, str]]] = {}
        for at, result in enumerate(results):
            if result.outcome is DecisionOutcome.GO and (value := common(result)[-1]):
                groups.setdefault(common(result)[:-1], []).append((at, value))
        for group in groups.values():
            usual = Counter(value for _, value in group).most_common(1)[0][0]
            first = next(results[at].cell.name for at, value in group if value == usual)
            for at, value in group:
                if value != usual:
                    why = f"{what} of the run is {value[:12]}, expected {usual[:12]} as of {first}"
                    results[at] = replace(results[at], outcome=DecisionOutcome.INCONCLUSIVE, fault=fault, why=why)
    return results


def _fault(cell: FleetCell, run: FleetRun, terms: FleetTerms, at: WallTime) -> _Fault | None:
    """Why a run does not count for a cell; None if it counts."""
    if run.fault is not None:
        return run.fault, f"{run.path}: {run.why}"
    expected = (
        (CellFault.OTHER_TARGET, "target", run.target, cell.target),
        (CellFault.OTHER_PROFILE, "profile", run.profile, cell.name.profile),
        (CellFault.OTHER_ENVIRONMENT, "environment", run.environment, terms.environment or run.environment),
        (CellFault.OTHER_RELEASE, "release", run.release, cell.release),
        (CellFault.OTHER_COMMIT, "commit", run.commit, cell.commit or run.commit),
    )
    for fault, key, value, right in expected:
        if value != right:
            return fault, f"the {key} of the run is {value or 'not recorded'}, expected {right}"
    return _time_fault(run, terms, at)


def _time_fault(run: FleetRun, terms: FleetTerms, at: WallTime) -> _Fault | None:
    """Why the times of a run do not count; None if they do."""
    began, ended = run.began, run.ended
    if began is None or ended is None:
        return CellFault.UNFINISHED, "the run did not record when it began and ended"
    if ended.ns > at.ns + CLOCKS_APART_S * NS_PER_S or ended.ns < began.ns:
        return (
            CellFault.FUTURE,
            f"the run began at {began.text} and ended at {ended.text}, expected an end before {at.text}",
        )
    if terms.not_before is not None and began.ns < terms.not_before.ns:
        return CellFault.OLD, f"the run began at {began.text}, expected not before {terms.not_before.text}"
    if terms.max_age_s is not None and at.ns - began.ns > terms.max_age_s * NS_PER_S:
        hours = (at.ns - began.ns) / NS_PER_S / 3600
        return (
            CellFault.OLD,
            f"the run began {hours:.3g} h ago, expected at most {terms.max_age_s / 3600:.3g} h ({began.text})",
        )
    if terms.deadline is not None and ended.ns > terms.deadline.ns:
        return CellFault.LATE, f"the run ended at {ended.text}, expected by {terms.deadline.text}"
    return None
