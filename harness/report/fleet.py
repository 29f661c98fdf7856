"""The decision over a fleet, for a terminal, and its plan."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.model.judged.fleet import CellName
from harness.model.judged.outcome import DecisionOutcome
from harness.report.past import columns, one_line
from harness.report.view.wording import DECISION_MARKS, NOTHING
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.model.judged.fleet import CellResult, FleetCell, FleetDecision

_WORDS = {DecisionOutcome.NO_GO: "NO-GO", DecisionOutcome.INCONCLUSIVE: "inconclusive", DecisionOutcome.GO: "GO"}


def fleet_headline(decision: FleetDecision) -> str:
    """`INCONCLUSIVE for fleet shop · 6 cells · 1 inconclusive · 5 GO`."""
    counts = Counter(result.outcome for result in decision.cells)
    parts = [f"{counts[outcome]} {word}" for outcome, word in _WORDS.items() if counts[outcome]]
    return " · ".join([f"{decision.outcome} for fleet {decision.name}", counted(len(decision.cells), "cell"), *parts])


def render_fleet(decision: FleetDecision) -> str:
    """Lines with the table of services and regions, a cause for each cell that is not GO, and undeclared runs."""
    return "".join(f"{one_line(line)}\n" for line in _lines(decision))


def _lines(decision: FleetDecision) -> Iterator[str]:
    yield fleet_headline(decision)
    yield from (f"  {result.cell.name}: {cause(result)}" for result in worst_first(decision))
    yield ""
    cells = {result.cell.name: cell_words(result) for result in decision.cells}
    heads, rows = matrix(list(cells))
    table = [
        ("service", *heads),
        *((service, *(cells.get(name, NOTHING) for name in names)) for service, names in rows),
    ]
    yield from columns(table)
    if decision.undeclared:
        yield ""
        yield "Runs of no declared cell, which count for nothing"
        yield from (f"  {path}" for path in decision.undeclared)
    if not decision.judged:
        yield ""
        yield "Hashes were verified; the verdicts were not judged again (`check: digests`)"


def worst_first(decision: FleetDecision) -> list[CellResult]:
    """The cells that are not GO, NO-GO first, else in the order of their names."""
    order = list(_WORDS)
    bad = [result for result in decision.cells if result.outcome is not DecisionOutcome.GO]
    return sorted(bad, key=lambda result: order.index(result.outcome))


def cause(result: CellResult) -> str:
    """Why a cell is not GO, on one line: `INCONCLUSIVE, other release: the release of the run is 1, expected 2`."""
    fault = f", {result.fault}" if result.fault else ""
    return one_line(f"{result.outcome}{fault}: {result.why or 'the run gives no reason'}")


def cell_words(result: CellResult) -> str:
    """`✓ GO`, `✓ GO, 2 waived`, `✕ NO-GO`, or the fault of an inconclusive cell: `? missing`."""
    words = result.fault.value if result.fault else _WORDS[result.outcome]
    waived = sum(run.waived for run in result.runs) if result.outcome is DecisionOutcome.GO else 0
    return f"{DECISION_MARKS[result.outcome]} {words}{f', {waived} waived' if waived else ''}"


def matrix(names: Sequence[CellName]) -> tuple[list[str], list[tuple[str, list[CellName]]]]:
    """A column for each region and profile, and a row for each service with the names of its cells."""
    pairs = sorted({(name.region, name.profile) for name in names})
    several = len({profile for _, profile in pairs}) > 1
    heads = [f"{region} · {profile}" if several else region for region, profile in pairs]
    services = sorted({name.service for name in names})
    return heads, [(service, [CellName(service, *pair) for pair in pairs]) for service in services]


def fleet_plan(cells: Iterable[FleetCell]) -> dict[str, Any]:
    """The cells as the matrix of a CI system: `include` has one entry for each cell."""
    return {
        "include": [
            {
                "service": cell.name.service,
                "region": cell.name.region,
                "profile": cell.name.profile,
                "target": cell.target,
                "release": cell.release,
                "commit": cell.commit,
                "runs": cell.runs,
            }
            for cell in cells
        ]
    }


def render_fleet_plan(cells: Iterable[FleetCell]) -> str:
    """A line for each cell with what its run must be, and where it must be."""
    rows = [
        (*(str(one) for one in (cell.name.service, cell.name.region, cell.name.profile)), cell.target, cell.release, cell.commit or "any", cell.runs)
        for cell in cells
    ]  # fmt: skip
    table = columns([("service", "region", "profile", "target", "release", "commit", "runs"), *rows])
    return "".join(f"{line}\n" for line in [*table, counted(len(rows), "cell")])
