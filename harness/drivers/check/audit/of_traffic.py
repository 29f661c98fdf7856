"""The requests of the traffic that must have an audit entry, from the rows that the run recorded, by their trace ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import clock
from harness.drivers.check.audit.matching import Happened
from harness.drivers.check.planted.calls import SAFE
from harness.evidence.rows import RowFile
from harness.model import SAMPLES, Table
from harness.model.records.traces import TraceIds
from harness.targets.files.audit import AuditSettings

_OK: Final = range(200, 300)


@dataclass(kw_only=True, slots=True)
class TrafficRequests:
    """The requests of all traffic of a run.

    Attributes:
        changes, refusals: requests that must have an entry.
        undeclared: routes whose requests may change something, and of which the target file does not say what, with their number.
        read: number of rows.
    """

    changes: list[Happened] = field(default_factory=list)
    refusals: list[Happened] = field(default_factory=list)
    undeclared: Counter[str] = field(default_factory=Counter)
    read: int = 0


def traffic_requests(run_directory: Path, audit: AuditSettings) -> TrafficRequests:
    """The requests of the traffic that the run has recorded so far.

    Raises:
        MissingEvidence: a row file cannot be read.
    """
    found, shift_ns = TrafficRequests(), _shift_ns()
    for path in sorted(run_directory.glob("load/*/samples-*.rows")):
        for table in RowFile(path, SAMPLES):
            found.read += len(table)
            for row in _rows(table):
                _take(row, path.parent.name, run_directory.name, audit, found, shift_ns)
    return found


def _shift_ns() -> int:
    """What must be added to a time of the run's clock to have ns since 1970."""
    run_ns, wall = clock.both()
    return clock.wall_ns(wall) - run_ns


def _rows(table: Table) -> Iterator[Mapping[str, int | str]]:
    ints = {name: table.ints[name].tolist() for name in ("sent_ns", "done_ns", "status", "worker", "arrival")}
    words = {name: [word or "" for word in table.words[name].text()] for name in ("step", "name", "method")}
    columns: Mapping[str, list[int] | list[str]] = {**ints, **words}
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _take(  # noqa: PLR0917 - one caller
    row: Mapping[str, int | str], traffic: str, run: str, audit: AuditSettings, found: TrafficRequests, shift_ns: int
) -> None:
    route, method, status = str(row["name"]), str(row["method"]), int(row["status"])
    refused = status in audit.refused
    what = audit.traffic.get(route, "")
    changes = bool(what) and (status in _OK or status == 0 or status >= 500)
    if method not in SAFE and not what and route not in audit.unchanged:
        found.undeclared[route] += 1
    if not changes and not refused:
        return
    step = str(row["step"])
    ids = TraceIds.of(run, traffic, int(row["worker"]))
    id_ = ids.trace_id(int(row["arrival"]), int(step)) if step.isdecimal() and row["arrival"] else ""
    one = Happened(
        subject=f"{traffic}: request {step} of journey {row['arrival']} of worker {row['worker']}, {route}, status {status}",
        id=id_,
        who="",
        nameless=refused,
        what="" if refused else what,  # what a refusal is called is not known
        sent_ns=int(row["sent_ns"]) + shift_ns,
        done_ns=int(row["done_ns"]) + shift_ns,
        decided=refused or status in _OK,
    )
    (found.refusals if refused else found.changes).append(one)
