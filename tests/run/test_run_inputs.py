"""What a run was made from is kept with it, byte by byte but for passwords."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.errors import EvidenceError
from harness.evidence import RunDirectory
from harness.files import bundled
from harness.model import Claim
from harness.run.inputs import keep_inputs
from harness.run.project import find_project
from harness.targets import Target, load_target
from tests.builders.plans import experiment, plan, traffic
from tests.builders.scenarios import scenario


def write(root: Path, *names: str) -> None:
    """Files that hold their own name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")


def target_of(root: Path) -> Target:
    """A target of which nothing but its entry is known."""
    file = root / "target.yaml"
    file.write_text("name: shop\nenvironment: staging\nentry: http://127.0.0.1:1\n", encoding="utf-8")
    return load_target(file)


def kept(run: RunDirectory) -> list[str]:
    """What is below `inputs/`, but for the catalogue that comes with the package."""
    base = run.path / "inputs"
    files = (path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.startswith("harness/"))


def test_features_experiments_loadtests_and_catalogue_are_kept(tmp_path: Path) -> None:
    """Only what was used: another feature and another experiment are left out."""
    project = tmp_path / "project"
    write(project, "features/mine/a.feature", "features/mine/other.feature", "experiments/pod-loss.yaml")
    write(project, "experiments/other.yaml", "loadtests/rush.py", "loadtests/rush.yaml", "loadtests/steps/buy.py")
    write(project, "catalogue/mine.yaml", "recorded/arrivals.csv", "claims/nouns.yaml", "claims/shelves.py")
    table = '[tool.harness]\ncatalogue = ["catalogue"]\nclaims = ["claims"]\n'
    (project / "pyproject.toml").write_text(table, encoding="utf-8")
    claims = [
        Claim(scenario=scenario(file=place), requirement="MY-ROW", objectives=(), demands=())
        for place in ("features/mine/a.feature", "features/normaldance/technical-kpis.feature")
    ]
    planned = plan(
        claims=tuple(claims),
        experiments=[experiment("pod-loss", file=str(project / "experiments" / "pod-loss.yaml"))],
        traffic={
            "rush": traffic(
                "rush",
                locustfile=str(project / "loadtests" / "rush.py"),
                trace=str(project / "recorded" / "arrivals.csv"),
            )
        },
    )
    run = RunDirectory.create(tmp_path / "runs", "run-1")
    told = keep_inputs(planned, find_project(project), target_of(tmp_path), run).inputs

    assert [name for name in told if not name.startswith("harness/")] == kept(run)
    assert told["loadtests/rush.py"] == hashlib.sha256(b"loadtests/rush.py").hexdigest()
    assert kept(run) == [
        "catalogue/mine.yaml",
        "claims/nouns.yaml",
        "claims/shelves.py",
        "experiments/pod-loss.yaml",
        "features/mine/a.feature",
        "features/normaldance/technical-kpis.feature",
        "loadtests/rush.py",
        "loadtests/rush.yaml",
        "loadtests/steps/buy.py",
        "recorded/arrivals.csv",
    ]
    assert (run.path / "inputs/loadtests/rush.py").read_text(encoding="utf-8") == "loadtests/rush.py"
    name = "normaldance/technical-kpis.feature"
    assert (run.path / "inputs/features" / name).read_bytes() == (bundled("features") / name).read_bytes()
    assert (run.path / "inputs/harness/catalogue/profiles.yaml").is_file()


def test_a_file_that_is_gone_meanwhile_is_named(tmp_path: Path) -> None:
    """The run is not begun without what it is made from."""
    run = RunDirectory.create(tmp_path / "runs", "run-1")
    planned = plan(experiments=[experiment("pod-loss", file=str(tmp_path / "gone.yaml"))], traffic={})
    with pytest.raises(EvidenceError, match=r"gone\.yaml: the file cannot be kept with the run"):
        keep_inputs(planned, find_project(tmp_path), target_of(tmp_path), run)


@pytest.mark.parametrize(
    ("proxy", "kept_as"),
    [
        ("http://user:s3cret@proxy.example.test:3128", "http://***@proxy.example.test:3128"),
        ("http://user:s3c@ret@proxy.example.test:3128", "http://***@proxy.example.test:3128"),
        ("http://proxy.example.test:3128", "http://proxy.example.test:3128"),
    ],
)
def test_a_password_in_an_address_is_not_kept(tmp_path: Path, proxy: str, kept_as: str) -> None:
    """A target file beside the locustfile is kept, and evidence is handed on; what is no UTF-8 stays as it is."""
    (tmp_path / "rush.py").write_text("", encoding="utf-8")
    (tmp_path / "other.yaml").write_bytes(f"entry: x  # \u00e4\nproxy: {proxy}\n".encode("latin-1"))
    run = RunDirectory.create(tmp_path / "runs", "run-1")
    planned = plan(traffic={"rush": traffic("rush", locustfile=str(tmp_path / "rush.py"))})
    told = keep_inputs(planned, find_project(tmp_path), target_of(tmp_path / "runs"), run).inputs
    there = (run.path / "inputs" / "other.yaml").read_bytes()
    assert there == f"entry: x  # \u00e4\nproxy: {kept_as}\n".encode("latin-1")
    assert told["other.yaml"] == hashlib.sha256(there).hexdigest()
