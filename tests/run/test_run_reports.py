"""What a sentence about a report needs of the target file, said when the run is planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.model import Demand, DemandKind
from harness.run.acts.paper import IngestDriver, StaticDriver
from harness.targets import load_target

HEAD = "name: paper\nenvironment: production\nfiles: {dockerfiles: docker}\n"


def test_what_a_report_needs(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """The report itself, the record that it is held against, the register that it covers."""
    for name, params, evidence, lacks in [
        ("tests-passed", {}, "{}", "evidence.junit.unit"),
        ("tests-passed", {}, "{sarif: {unit: a.sarif}}", "evidence.junit.unit"),
        ("tests-passed", {}, "{junit: {unit: a.xml}}", None),
        ("tests-passed", {"record": "deploys"}, "{junit: {unit: a.xml}}", "evidence.records.deploys"),
        ("tests-passed", {"record": "deploys"}, "{junit: {unit: a.xml}, records: {deploys: d.yaml}}", None),
        ("tests-passed", {"register": "workflows"}, "{junit: {unit: a.xml}}", "files.registers"),
        ("findings-open", {"register": "workflows"}, "{sarif: {unit: a.sarif}}", "files.registers"),
        ("findings-open", {}, "{sarif: {unit: a.sarif}}", None),
    ]:
        with subtests.test(name, params=params, evidence=evidence):
            file = tmp_path / "target.yaml"
            file.write_text(f"{HEAD}evidence: {evidence}\n", encoding="utf-8")
            asked = {"format": "junit", "report": "unit", "of": "commit", **params}
            demand = Demand(kind=DemandKind.INGEST, name=name, params=asked)
            lack = IngestDriver().lack(demand, load_target(file))
            assert (lack.key if lack else None) == lacks


@pytest.mark.parametrize(
    ("written", "missing"),
    [("here", ""), ("[here, there]", "there"), ("'*.d'", "*.d"), ("/not/yet/there", "")],
)
def test_a_plan_says_which_file_of_the_platform_is_not_there(tmp_path: Path, written: str, missing: str) -> None:
    """A path of the target file, or a pattern that nothing fits; an absolute one may come with the start of the target."""
    (tmp_path / "here").mkdir()
    file = tmp_path / "target.yaml"
    file.write_text(f"name: paper\nenvironment: production\nfiles: {{terraform: {written}}}\n", encoding="utf-8")
    demand = Demand(kind=DemandKind.STATIC, name="subnets-private")
    lack = StaticDriver().lack(demand, load_target(file))
    assert (lack.lacks if lack else "") == (f"existing file: `{missing}` is missing" if missing else "")
