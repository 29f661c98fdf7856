"""A fleet: runs of services, regions and profiles, and the one decision over them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.judged.outcome import DecisionOutcome


class CellFault(StrEnum):
    """Why a run does not count for its cell."""

    MISSING = "missing"
    RUNNING = "still running"
    UNFINISHED = "not finished"
    OLD = "too old"
    LATE = "late"
    FUTURE = "from the future"
    OTHER_RELEASE = "other release"
    OTHER_COMMIT = "other commit"
    OTHER_TARGET = "other target"
    OTHER_PROFILE = "other profile"
    OTHER_ENVIRONMENT = "other environment"
    TWICE = "twice"
    EDITED = "edited"
    FOREIGN = "foreign"


@dataclass(frozen=True, order=True, slots=True)
class CellName:
    """Name of a cell: one service in one region with one profile."""

    service: str
    region: str
    profile: str

    def __str__(self) -> str:
        """`checkout · eu-west-1 · core`."""
        return f"{self.service} · {self.region} · {self.profile}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetCell:
    """A declared cell, and what its run must be.

    Attributes:
        name: service, region and profile; the run must have this profile.
        target: target that the run must have.
        release: release that the run must have.
        commit: commit of the release that the run must have; empty: any.
        runs: path of the run or of the directory with the run.
    """

    name: CellName
    target: str
    release: str
    commit: str
    runs: str


@dataclass(frozen=True, slots=True)
class WallTime:
    """A time of the wall clock.

    Attributes:
        ns: nanoseconds since 1970.
        text: the time in RFC 3339.
    """

    ns: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetTerms:
    """Conditions that every run of a fleet must meet.

    Attributes:
        environment: environment of the runs; empty: any.
        not_before: time that no run may begin before; None: any.
        max_age_s: seconds that may have passed since a run began; None: any.
        deadline: time by which every run must have ended; None: any.
    """

    environment: str = ""
    not_before: WallTime | None = None
    max_age_s: float | None = None
    deadline: WallTime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetRun:
    """What was found at one path.

    Attributes:
        path: path of the directory.
        run: id of the run; empty if it cannot be read.
        began, ended: times of the wall clock that the run recorded; None: not recorded.
        decision: decision of the run; None if the run has a fault.
        headline: decision of the run on one line.
        rules: SHA-256 of the requirements that its profile had; empty if they cannot be read.
        waived: number of requirements that a waiver covers.
        why: the first reason of the decision, or the cause of the fault.
        fault: why the run counts for nothing, whatever was declared; None: it is complete and unchanged.
    """

    path: str
    run: str = ""
    target: str = ""
    environment: str = ""
    profile: str = ""
    release: str = ""
    commit: str = ""
    began: WallTime | None = None
    ended: WallTime | None = None
    decision: DecisionOutcome | None = None
    headline: str = ""
    rules: str = ""
    waived: int = 0
    why: str = ""
    fault: CellFault | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CellResult:
    """The outcome of one cell.

    Attributes:
        cell: declared cell.
        outcome: GO, NO-GO or INCONCLUSIVE.
        fault: why its run does not count; None if the run counts.
        why: cause of the outcome in one sentence; empty on GO.
        runs: what was found for the cell.
    """

    cell: FleetCell
    outcome: DecisionOutcome
    fault: CellFault | None
    why: str
    runs: tuple[FleetRun, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetDecision:
    """The one decision over all cells.

    Attributes:
        name: name of the fleet.
        outcome: GO, NO-GO or INCONCLUSIVE.
        at: time of the decision.
        terms: conditions of the decision.
        judged: whether each run was judged again; otherwise its stored verdict counts.
        cells: every declared cell, in the order of their names.
        undeclared: paths of runs of no declared cell, which count for nothing.
    """

    name: str
    outcome: DecisionOutcome
    at: WallTime
    terms: FleetTerms
    judged: bool
    cells: tuple[CellResult, ...]
    undeclared: tuple[str, ...]
