"""A load report that the reader reads and the judge judges, without a run around them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.drivers.facts import once
from harness.drivers.ingest.registry import ENGINES
from harness.errors import HarnessError
from harness.evidence.rows import read_rows
from harness.figures import spec_of
from harness.judgement.measures import Case
from harness.model import REPORTED, Check, Claim, Demand, Evidence, Measure, Table
from harness.steps.grammar import read
from tests.builders.asked import COMMIT, asked
from tests.builders.plans import plan
from tests.builders.records import Records
from tests.builders.scenarios import scenario

WHEN = 'the load report "it" of this commit has been read'
ORIGIN = f"commit: {COMMIT}\ncreated: 2025-02-20T00:00:00Z\n"


def recorded(
    directory: Path, tool: str, files: Mapping[str, bytes | str], then: str, **keys: Any
) -> tuple[Demand, Evidence]:
    """What the reader records of these files, as the judge reads it; the demand has the report of the When step."""
    for name, body in files.items():
        (directory / name).write_bytes(body if isinstance(body, bytes) else body.encode())
        beside = directory / f"{name}.origin.yaml"
        if not beside.exists():
            dated = tool in ("oha", "wrk2") or "summary" in name or name.endswith("_stats.csv")
            beside.write_text(ORIGIN if dated else ORIGIN.partition("\n")[0] + "\n")
    evidence = {"load": {"it": {"tool": tool, "files": [*files], **keys}}}
    name, given = asked(directory, WHEN, then, evidence)
    demand = Demand(kind="ingest", name=name, params=given.params)
    sink, run = Records("checks"), Path(tempfile.mkdtemp(dir=directory))
    try:
        facts, why = once(ENGINES[name](replace(given, directory=run, sink=sink))), ""
    except HarnessError as error:
        facts, why = (), str(error)
    tables = [read_rows(path, REPORTED).table for path in sorted(run.glob("reported/*.rows"))]
    check = Check(demand=demand.key, facts=facts, why=why, files=("history/checks.ndjson",))
    rows = {REPORTED.name: Table.merged(REPORTED, tables)}
    return demand, Evidence(checks={demand.key: check}, observations=tuple(sink.kept), recorded=rows)


def case_of(demand: Demand, evidence: Evidence, then: str) -> Case:
    """The sentence as a case of the judge."""
    objective = read(then).objective
    assert objective is not None
    own = replace(objective, params=demand.params)
    claim = Claim(scenario=scenario("R"), requirement="R", objectives=(own,), demands=(demand.key,))
    known = plan(demand={demand.key: demand}, claims=(claim,), time_scale=1.0)
    return Case(plan=known, evidence=evidence, claim=claim, objective=own)


def measured(directory: Path, tool: str, files: Mapping[str, bytes | str], then: str, **keys: Any) -> list[Measure]:
    """The measures of a sentence about a report of these files."""
    demand, evidence = recorded(directory, tool, files, then, **keys)
    case = case_of(demand, evidence, then)
    return list(spec_of(case.objective.figure).judge(case))
