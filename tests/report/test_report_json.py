"""What `--json` prints has the keys that the reference says, neither fewer nor more."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from report_builders import no_go
from report_plan import plan

from harness.judgement.summary.changes import compared, trends
from harness.model import Act
from harness.model.judged.past import UnreadRun
from harness.report import why_document
from harness.report.past import comparison_document, history_document
from harness.run.plan.outlook import outlook_document
from tests.builders.past import p95, past

REFERENCE: Final = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")


def documented(command: str) -> dict[str, set[str]]:
    """The keys of each object of a command's document, as the table has them; words in brackets are none."""
    section = REFERENCE.split("## JSON of the commands", 1)[1].split("\n## ", 1)[0]
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0] == f"`{command}`":
            keys = re.sub(r"\([^)]*\)", "", cells[2])
            found[cells[1].strip("`")] = set(re.findall(r"\w+", keys))
    return found


def reached(document: dict[str, Any], path: str) -> dict[str, Any]:
    """The object at `trends[].points[]`: of lists the first item."""
    found: Any = document
    for part in path.split(".") if path != "the document" else ():
        found = found[part.removesuffix("[]")]
        found = found[0] if part.endswith("[]") else found
    assert isinstance(found, dict)
    return found


def check(command: str, document: dict[str, Any]) -> None:
    """Every object of the table is in the document, with these keys."""
    objects = documented(command)
    assert "the document" in objects
    for path, keys in objects.items():
        assert set(reached(document, path)) == keys, path


def test_plan() -> None:
    """Of profile core; one of its rows has no means. What the command reads from the target: tests/cli/test_cli_init.py."""
    given, _, _ = no_go()
    act = Act(name="everyday/fault-free", kind="traffic", demand=given.demands[0], seconds=128)
    of_the_target: dict[str, Any] = {"cluster": "", "unready": [], "refused": [], "roles": {}, "undeclared": []}
    check("plan", {**outlook_document(replace(given, acts=(act,))), **of_the_target})


def test_why() -> None:
    """Of a row that somebody vouches for."""
    given, _, judged = no_go()
    found = why_document(given, judged, "DA-DR-RTO")
    found["people"] = [{"what": "attestation", "text": "…"}]
    check("why", found)
    assert found["requirement"]["id"] == "DA-DR-RTO"
    assert {one["name"] for one in found["experiments"]} == {"database-primary-loss", "region-loss"}
    assert found["again"].startswith("readiness run --release slow --only DA-DR-RTO")
    assert plan().run == found["run"]


def test_history() -> None:
    """Two runs and a directory that is none."""
    runs = [past("a", p95(100)), past("b", p95(300))]
    check("history", history_document(runs, [UnreadRun(run="x", why="y")], trends(runs), 0))


def test_two_runs() -> None:
    """One requirement failed."""
    failed = past("b", p95(300), requirements=(), inputs={"x": "1"})
    both = compared(past("a", p95(100)), past("b", p95(300)))
    document = comparison_document(both)
    document["verdicts"] = comparison_document(compared(past("a", p95(100)), failed))["verdicts"]
    check("history RUN RUN", document)
