"""`readiness fleet` as it is typed, over runs on disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.cli import main
from harness.evidence import RunDirectory
from harness.evidence.manifest import write_manifest
from harness.model import DecisionOutcome
from harness.model.judged.fleet import CellName, CellResult, FleetCell, FleetRun
from harness.report.document.fleet import fleet_schema
from harness.report.fleet import cell_words
from tests.builders.fleets import FILE, PROFILE, RELEASE, named, recorded

Call = Callable[..., tuple[int, str]]
CELL = Path("runs") / "checkout" / "eu-west-1" / PROFILE
SCHEMA = Path(__file__).parents[2] / "docs" / "fleet.schema.json"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet of two cells, each with its healthy run; one directory has the run in it, as `readiness run --out` leaves it."""
    root = tmp_path_factory.mktemp("fleet")
    base = recorded(root / "base")
    named(base, root / CELL / "20261128T100000Z-checkout", "checkout-eu-west-1")
    named(base, root / "runs" / "checkout" / "us-east-1" / PROFILE, "checkout-us-east-1")
    shutil.rmtree(root / "base")
    return root


@pytest.fixture
def fleet(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """The command in this process, in a copy of the fleet, whose hashes alone are verified unless a test says otherwise."""
    shutil.copytree(original / "runs", tmp_path / "runs")
    (tmp_path / "fleet.yaml").write_text(f"{FILE}check: digests\n", "utf-8")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["readiness", "fleet", "fleet.yaml", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return call


def written() -> dict[str, object]:
    """`fleet.json`, which its schema describes."""
    document: dict[str, object] = json.loads(Path("reports/fleet/fleet.json").read_bytes())
    Draft202012Validator(fleet_schema()).validate(document)
    return document


def test_every_cell_go_is_go_and_its_page_links_to_the_runs(fleet: Call) -> None:
    """Judged again; exit code 0."""
    Path("fleet.yaml").write_text(FILE, "utf-8")
    page = Path("runs/checkout/us-east-1") / PROFILE / "readiness.html"
    page.write_text("page", "utf-8")
    code, said = fleet()
    assert (code, said.splitlines()[0]) == (0, "GO for fleet shop · 2 cells · 2 GO")
    assert (written()["decision"], written()["judged"]) == ("GO", True)
    html = Path("reports/fleet/fleet.html").read_text("utf-8")
    assert f'href="../../{page}"' in html
    assert "not judged again" not in html


def test_many_runs_are_judged_by_several_processes(fleet: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each named as before; and a pattern without a slot, as that of a single path, finds no other runs."""
    monkeypatch.setattr("harness.run.fleet.found_runs._FEW", 2)
    text = FILE.replace("services: {checkout: }", "services: {checkout: , search: }")
    Path("fleet.yaml").write_text(text, "utf-8")
    shutil.copytree(CELL, Path("runs/search/eu-west-1") / PROFILE)
    code, said = fleet()
    assert (code, said.splitlines()[0]) == (10, "INCONCLUSIVE for fleet shop · 4 cells · 3 inconclusive · 1 GO")
    assert "search · eu-west-1 · core: INCONCLUSIVE, other target: the target of the run is checkout-eu-west-1" in said
    only = f"cells: [{{service: checkout, region: us-east-1, profile: {PROFILE}, runs: runs/checkout/us-east-1/{PROFILE}}}]"
    Path("fleet.yaml").write_text(f'name: shop\nrelease: {RELEASE}\nruns: "/"\ncheck: digests\n{only}\n', "utf-8")
    assert fleet()[0] == 0


def test_a_run_of_another_version_of_the_profile_is_named(fleet: Call) -> None:
    """One with another limit in its requirements; which of two is meant is not known, and the first is taken."""
    run = RunDirectory(Path("runs/checkout/us-east-1") / PROFILE)
    first, *rest = run.read_plan().requirements
    eased = replace(run.read_plan(), requirements=(replace(first, criterion=f"{first.criterion}, at night"), *rest))
    run.write_plan(eased)
    write_manifest(run, eased)
    code, said = fleet()
    assert code == 10
    assert (
        "us-east-1 · core: INCONCLUSIVE, other profile: the hash of the profile's requirements of the run is " in said
    )
    assert f" as of checkout · eu-west-1 · {PROFILE}" in said


def test_a_waived_requirement_is_seen_beside_go() -> None:
    """In the table and on the page."""
    name = CellName("a", "x", "core")
    cell = FleetCell(name=name, target="a-x", release="2", commit="", runs="a")
    run = FleetRun(path="a", waived=2)
    result = CellResult(cell=cell, outcome=DecisionOutcome.GO, fault=None, why="", runs=(run,))
    assert cell_words(result) == "✓ GO, 2 waived"


def test_an_edited_verdict_is_found_by_judging_again(fleet: Call) -> None:
    """No hash covers `verdict.json`."""
    Path("fleet.yaml").write_text(FILE, "utf-8")
    verdict = CELL / "20261128T100000Z-checkout" / "verdict.json"
    verdict.write_bytes(verdict.read_bytes().replace(b'"score": 1.0', b'"score": 0.5', 1))
    code, said = fleet()
    assert code == 10
    assert "eu-west-1 · core: INCONCLUSIVE, edited: " in said
    assert "the stored verdict.json differs from the verdict of this evidence" in said


def test_what_hashes_alone_do_not_show_is_said(fleet: Call) -> None:
    """With `check: digests`."""
    code, said = fleet()
    assert (code, written()["judged"]) == (0, False)
    assert "were not judged again" in said


def _alone(run: Path) -> None:
    for path in run.iterdir():
        if path.name != "verdict.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _edited(run: Path) -> None:
    plan = run / "plan.json"
    plan.write_bytes(plan.read_bytes()[:-1] + b" ")


def _foreign(run: Path) -> None:
    shutil.rmtree(run)
    (run / "notes").mkdir(parents=True)


def _contradicting(run: Path) -> None:
    verdict = run / "verdict.json"
    verdict.write_bytes(verdict.read_bytes().replace(b'"decision": "GO"', b'"decision": "NO-GO"', 1))


def _looped(run: Path) -> None:
    shutil.rmtree(run.parent)
    run.parent.symlink_to(run.parent.name)


def _of_another(run: Path) -> None:
    shutil.copyfile(Path("runs/checkout/us-east-1") / PROFILE / "verdict.json", run / "verdict.json")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (shutil.rmtree, "missing"),
        (lambda run: shutil.copytree(run, run.with_name("20261128T110000Z-checkout")), "twice"),
        (lambda run: (run / "manifest.json").unlink(), "not finished"),
        (_alone, "not finished"),
        (_edited, "edited"),
        (_foreign, "foreign"),
        (lambda run: (run / "more").symlink_to("/"), "edited"),
        (_of_another, "edited"),
        (lambda run: (run / "verdict.json").write_text('{"schema": 2'), "edited"),
        (_contradicting, "edited"),
        (_looped, "foreign"),
    ],
)
def test_a_run_that_cannot_count_is_named(fleet: Call, change: Callable[[Path], object], fault: str) -> None:
    """The cell is INCONCLUSIVE by name, and the exit code is 10."""
    change(CELL / "20261128T100000Z-checkout")
    code, said = fleet()
    assert code == 10, said
    assert f"checkout · eu-west-1 · {PROFILE}: INCONCLUSIVE, {fault}: " in said
    assert written()["decision"] == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("commit: 3f9c2d1", "other commit"),
        ("environment: production", "other environment"),
        ("max_age: 30 min", "too old"),
        ("not_before: 2100-01-01T00:00:00Z", "too old"),
        ("deadline: 2001-01-01T00:00:00Z", "late"),
        ('target: "{service}-of-{region}"', "other target"),
    ],
)
def test_a_run_of_something_else_or_of_another_time_is_named(fleet: Call, line: str, fault: str) -> None:
    """What the file says of every run is read from the run."""
    Path("fleet.yaml").write_text(f"{FILE}check: digests\n{line}\n", "utf-8")
    code, said = fleet()
    assert code == 10
    assert f"INCONCLUSIVE, {fault}: " in said


def test_another_release_is_named(fleet: Call) -> None:
    """With both releases."""
    Path("fleet.yaml").write_text(FILE.replace(RELEASE, "9.9.9") + "check: digests\n", "utf-8")
    assert f"other release: the release of the run is {RELEASE}, expected 9.9.9" in fleet()[1]


def test_an_undeclared_run_is_named_and_counts_for_nothing(fleet: Call) -> None:
    """Even one that is broken."""
    other = Path("runs/search/eu-west-1") / PROFILE
    shutil.copytree(CELL, other)
    (other / "20261128T100000Z-checkout" / "verdict.json").unlink()
    code, said = fleet("--json")
    assert (code, json.loads(said)["undeclared"]) == (0, [f"../../{other}"])


def test_the_plan_is_a_matrix_and_reads_no_run(fleet: Call) -> None:
    """On one line, for the output of a job."""
    shutil.rmtree("runs")
    code, said = fleet("--plan", "--json")
    assert (code, said.count("\n")) == (0, 1)
    first = json.loads(said)["include"][0]
    assert (first["service"], first["target"], first["runs"]) == ("checkout", "checkout-eu-west-1", str(CELL))
    assert fleet("--plan")[1].splitlines()[-1] == "2 cells"
    assert not Path("reports").exists()


def test_a_wrong_file_is_one_message_with_its_line(fleet: Call, subtests: pytest.Subtests) -> None:
    """Exit code 4, and no page."""
    for old, new, says in [
        ("regions:", "region:", "unknown key `region`"),
        (f"release: {RELEASE}", "", "no release is declared for checkout"),
        ("name: shop", 'name: shop\nruns: "r/{servise}"', "expected a pattern"),
        ("name: shop", 'name: shop\nruns: "r/{service}"', "have the same path"),
        ("name: shop", 'name: shop\ntarget: "{service}"', "have the same target and profile"),
        ("name: shop", 'name: shop\nruns: "r\\0/{service}"', "a path of printable characters"),
        ("name: shop", f'name: shop\nruns: "{"r" * 300}/{{service}}"', "a path of printable characters"),
        ("name: shop", "name: shop\nexclude: [{service: serch}]", "this excludes no cell"),
        ("name: shop", "name: shop\nexclude: [{service: checkout}]", "declares no cell"),
        ("name: shop", "name: shop\nnot_before: 2026-11-28", "a time with its offset"),
        ("name: shop", "name: shop\nmax_age: soon", "a time like `24 h`"),
        ("us-east-1", "eu-west-1", "is listed twice"),
    ]:
        with subtests.test(new):
            Path("fleet.yaml").write_text(FILE.replace(old, new), "utf-8")
            code, said = fleet()
            assert (code, "fleet.yaml:" in said, "Traceback" in said) == (4, True, False)
            assert says in said or says.removeprefix("expected ") in said, said
            assert not Path("reports").exists()


def test_the_schema_is_made_from_the_types() -> None:
    """By `python -m harness.report.document fleet > docs/fleet.schema.json`."""
    assert json.loads(SCHEMA.read_text("utf-8")) == fleet_schema()
