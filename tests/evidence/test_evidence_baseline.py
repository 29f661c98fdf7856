"""What a run keeps of the run that it is compared with, and what is read back of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.errors import EvidenceError
from harness.evidence import RowWriter, RunDirectory
from harness.evidence.baseline import keep_baseline
from harness.evidence.reading import load_evidence
from harness.evidence.seal import seal
from harness.model import SAMPLES, Phase, Plan
from tests.builders import plans
from tests.builders.plans import traffic


def plan(run: str) -> Plan:
    """A plan with two kinds of traffic, and nothing else."""
    return plans.plan(
        run=run, release=f"release of {run}", traffic={name: traffic(name) for name in ("everyday", "rush")}
    )


def begun(path: Path, run: str, took_ns: int) -> RunDirectory:
    """A run with a window of each traffic, and one under an experiment; not sealed yet."""
    directory = RunDirectory.create(path, run)
    directory.write_plan(plan(run))
    history, load = directory.history("run"), directory.history("load")
    words = ("j", "1", "read", "GET", None, "r", "p", "1.0.0", None)
    for name, subject, start in (
        ("everyday", "everyday/fault-free", 100),
        ("rush", "rush/fault-free", 100),
        ("everyday", "experiment:x/fault", 300),
    ):
        if not subject.startswith("experiment:"):
            rows = directory.path / "load" / name / "samples-1.rows"
            rows.parent.mkdir()
            load.put("worker.started", name, worker=1, pid=1, rows=directory.relative(rows))
            writer = RowWriter(rows, SAMPLES)
            for at in (99, 100, 150, 199, 200, 350):
                writer.put((at, at, at + took_ns, 200, 10, 1, 0, 0, 0, 0, 0), words)
            writer.close()
        under = subject.startswith("experiment:")
        named = {"traffic": name, "phase": Phase.FAULT if under else Phase.STEADY, "experiment": "x" if under else ""}
        history.put("window.opened", subject, **named, start_ns=start, journeys_per_s=1.0, requests_per_journey=2)
        history.put("window.closed", subject, end_ns=start + 100)
    directory.history("checks").put("check.failed", "c", why="not kept")
    history.put("run.ended", run, ok=True)
    return directory


def ended(directory: RunDirectory, run: str) -> RunDirectory:
    """The run sealed."""
    seal(directory, plan(run))
    directory.end()
    return directory


@pytest.fixture
def earlier(tmp_path: Path) -> RunDirectory:
    """A whole run whose requests took 7 ns."""
    return ended(begun(tmp_path, "earlier", 7), "earlier")


@pytest.fixture
def later(tmp_path: Path, earlier: RunDirectory) -> RunDirectory:
    """A whole run whose requests took 3 ns, with the earlier one as its baseline."""
    directory = begun(tmp_path, "later", 3)
    keep_baseline(earlier, directory, ["everyday"])
    return ended(directory, "later")


def test_the_windows_of_the_compared_traffic_are_kept_and_nothing_else(later: RunDirectory) -> None:
    """Plan, manifest, history of windows and workers, samples of the fault-free window."""
    kept = later.path / "baseline"
    assert {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()} == {
        "plan.json",
        "manifest.json",
        "history/run.ndjson",
        "history/load.ndjson",
        "history/seal.ndjson",
        "load/everyday/samples-1.parquet",
    }


def test_a_baseline_is_read_with_the_run(later: RunDirectory, earlier: RunDirectory) -> None:
    """Its plan, and its windows with their samples and workers as that run has them; the evidence is whole. A run alone has none."""
    assert load_evidence(earlier).baseline is None
    evidence = load_evidence(later)
    assert (evidence.missing, evidence.complete) == ((), True)
    assert evidence.baseline is not None
    assert evidence.baseline.plan == plan("earlier")
    window, original = (
        evidence.baseline.windows["everyday"],
        load_evidence(earlier).windows["everyday/fault-free"],
    )
    took = window.samples.ints["done_ns"] - window.samples.ints["intended_ns"]
    assert took.tolist() == [7, 7, 7]
    assert window.files == ("baseline/load/everyday/samples-1.parquet",)
    assert (window.workers, window.start_ns, window.end_ns) == (original.workers, 100, 200)
    assert all(not w.experiment for w in evidence.baseline.windows.values())
    mine = evidence.windows["everyday/fault-free"].samples.ints
    assert (mine["done_ns"] - mine["intended_ns"]).tolist() == [3, 3, 3]


@pytest.mark.parametrize("name", ["plan.json", "manifest.json", "history/load.ndjson"])
def test_a_baseline_that_is_gone_or_edited_is_named(later: RunDirectory, name: str) -> None:
    """By the run's own manifest."""
    file = later.path / "baseline" / name
    file.write_bytes(file.read_bytes() + b" ")
    edited = {item.file: item.why for item in load_evidence(later).missing}
    file.unlink()
    gone = {item.file: item.why for item in load_evidence(later).missing}
    told = edited[f"baseline/{name}"], gone[f"baseline/{name}"]
    assert told == ("the file was edited after the run ended", "the file is missing")


def test_a_baseline_without_a_plan_is_none(later: RunDirectory) -> None:
    """It is named, and nothing is compared with it."""
    (later.path / "baseline" / "plan.json").write_text(json.dumps({"run": 1}))
    evidence = load_evidence(later)
    assert evidence.baseline is None
    assert [item.file for item in evidence.missing] == ["baseline/plan.json"]


def test_what_cannot_be_copied_is_said(earlier: RunDirectory, tmp_path: Path) -> None:
    """A file is in the way."""
    directory = begun(tmp_path, "third", 1)
    (directory.path / "baseline").write_text("in the way")
    with pytest.raises(EvidenceError, match="the files of the baseline run cannot be copied: ") as caught:
        keep_baseline(earlier, directory, ["everyday"])
    assert caught.value.where == str(earlier.path)


def test_a_baseline_moves_with_its_run(later: RunDirectory, earlier: RunDirectory, tmp_path: Path) -> None:
    """The earlier run may be gone."""
    shutil.rmtree(earlier.path)
    moved = RunDirectory.open(shutil.copytree(later.path, tmp_path / "elsewhere"))
    baseline = load_evidence(moved).baseline
    assert baseline is not None
    assert len(baseline.windows["everyday"].samples) == 3
