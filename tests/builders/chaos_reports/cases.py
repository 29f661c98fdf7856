"""Chaos reports of known truth: sound ones, ones whose probes failed, and ones that do not say all; each with the cause that must be named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.analyses import ANALYSES, MEASUREMENTS
from tests.builders.chaos_reports.case import AS_OF, BROKEN, ChaosCase, body_of, cases_of
from tests.builders.chaos_reports.journals import JOURNAL_ENDS, JOURNAL_PROBES, JOURNALS, several_journals
from tests.builders.chaos_reports.objects import MESH_FAULTS, STATUS_CHECKS, of_workflows
from tests.builders.chaos_reports.results import RESULT_PROBES, RESULTS
from tests.builders.chaos_reports.telemetries import TELEMETRIES, TELEMETRY_CHECKS
from tests.builders.chaos_reports.writers import EPOCH
from tests.builders.load_cases import COMMIT


def chaos_cases() -> tuple[ChaosCase, ...]:
    """Every case, in a fixed order."""
    return (
        *cases_of("chaostoolkit", "journal.json", w.journal(), (*JOURNALS, *JOURNAL_PROBES, *JOURNAL_ENDS)),
        *several_journals(),
        *cases_of("litmus", "result.yaml", w.chaos_result(), (*RESULTS, *RESULT_PROBES)),
        *cases_of("krkn", "telemetry.json", w.telemetry(), (*TELEMETRIES, *TELEMETRY_CHECKS)),
        *cases_of("chaos-mesh", "objects.yaml", w.mesh(), (*MESH_FAULTS, *STATUS_CHECKS)),
        *of_workflows(),
        *cases_of("argo-analysis", "analysis.yaml", w.analysis_run(), (*ANALYSES, *MEASUREMENTS)),
        *_everywhere(),
    )


def _everywhere() -> Iterator[ChaosCase]:
    """What may be the matter with a report of any tool."""
    sound: tuple[tuple[str, str, Any], ...] = (
        ("chaostoolkit", "journal.json", w.journal()),
        ("litmus", "result.yaml", w.chaos_result()),
        ("krkn", "telemetry.json", w.telemetry()),
        ("chaos-mesh", "objects.yaml", w.mesh()),
        ("argo-analysis", "analysis.yaml", w.analysis_run()),
    )
    for number, (kind, name, report) in enumerate(sound):
        body, other = body_of(name, report), sound[number - 1][2]

        def case(what: str, cause: str, text: bytes, **more: Any) -> ChaosCase:
            return ChaosCase(kind=kind, what=what, files={name: text}, truth=BROKEN, cause=cause, **more)  # noqa: B023

        yield case(
            "cut in the middle", "cut short|is missing|[Ff]ield required|not YAML|not an object", body[: len(body) // 2]
        )
        yield case("cut before the last character", "cut short|is not JSON", body.rstrip()[:-1])
        yield case("empty", "is empty", b" \n")
        yield case("no report", "is not|neither", b"All experiments passed.\n")
        yield case("of another tool", "is not|not read|not an object|have|has", body_of(name, other))
        yield case("of another commit", "is of commit", body, origin={"commit": "0" * 40})
        yield case("of no commit", "does not say of which commit", body, origin={"commit": ""})
        yield case("of another release", "is of release", body, origin={"release": "2.0.0"}, of="release")
        yield case("of no release", "does not say of which release", body, of="release")
        yield case("of another target", "is of target", body, origin={"target": "another"}, of="target")
        old = {"created": "2024-01-01T00:00:00Z"} if kind == "litmus" else {}
        year = body.replace(b"2025-02-20", b"2024-02-20").replace(str(EPOCH)[:8].encode(), b"17084214")
        yield case("too old", "d old", year, origin={**old, **({"created": "2024-02-20T12:00:00Z"} if old else {})})
        late = body.replace(b"2025-02-20", b"2025-03-20").replace(str(EPOCH)[:8].encode(), b"17424630")
        yield case("in the future", "in the future", late)
        files = {name: body, f"again-{name}": body}
        yield ChaosCase(kind=kind, what="twice", files=files, truth=BROKEN, cause="same contents")


def write_chaos_project(directory: Path, cases: tuple[ChaosCase, ...]) -> None:
    """A project with a requirement for each case; `readiness run` in it judges them."""
    evidence, rows, scenarios = {}, [], []
    for number, case in enumerate(cases):
        name, folder = f"c{number:03d}", directory / "reports" / f"{number:03d}"
        write_chaos_files(folder, case)
        evidence[name] = {
            "tool": case.kind,
            "files": [f"reports/{number:03d}/{one}" for one in case.files],
            **case.keys,
        }
        title, row = f"{case.kind}, {case.what}", f"CR-{number:03d}"
        rows.append({
            "id": row, "title": title, "criterion": case.then, "kinds": ["I"], "gate": "critical", "falsified_by": "another report",
        })  # fmt: skip
        when = f'When the chaos report "{name}" of this {case.of} has been read'
        scenarios.append(f"  @{row}\n  Scenario: {title}: {row}\n    {when}\n    Then {case.then}\n")
    release = {"version": "1.0.0", "commit": COMMIT}
    target = {
        "name": "shop",
        "environment": "staging",
        "release": release,
        "evidence": {"as_of": AS_OF, "chaos": json.loads(json.dumps(evidence))},
    }
    (directory / "target.yaml").write_text(yaml.safe_dump(target))
    (directory / "features").mkdir()
    (directory / "features" / "reports.feature").write_text("Feature: Chaos reports\n\n" + "\n".join(scenarios))
    section = {"source": "this project", "requirements": rows}
    catalogue = {"profile": "reports", "title": "Chaos reports", "sections": [section]}
    (directory / "reports.yaml").write_text(yaml.safe_dump(catalogue, width=1000))
    (directory / "pyproject.toml").write_text(
        '[tool.harness]\ntarget = "target.yaml"\nprofiles = ["reports"]\ncatalogue = ["reports.yaml"]\nfeatures = ["features"]\n'
    )


def write_chaos_files(folder: Path, case: ChaosCase) -> None:
    """The files of a report, and the file beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in case.files.items():
        (folder / name).write_bytes(body)
    origin = {key: value for key, value in {"commit": COMMIT, **case.origin}.items() if value}
    (folder / "origin.yaml").write_text(yaml.safe_dump(origin))
