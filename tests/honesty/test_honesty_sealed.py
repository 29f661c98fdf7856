"""The same healthy run on disk: read back it is a GO; what is of another run, or was edited since, is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness import clock
from harness.evidence import RunDirectory
from harness.evidence.manifest import write_manifest
from harness.evidence.reading import load_evidence
from harness.judgement import judge
from harness.model import DecisionOutcome, Evidence, Judgement, ReasonKind
from tests.builders.core_course import ns
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.recorder import record, seal_after
from tests.honesty.edits import changed, one_in, requests

FEATURE = "inputs/features/normaldance/technical-kpis.feature"


def by_one_worker() -> Evidence:
    """The healthy run, its load by the worker that the recorder writes down: number 0."""
    run = requests(core_evidence(), lambda rows: changed(rows, one_in(1.1), worker=0))
    windows = {name: replace(w, workers=tuple(replace(o, id=0) for o in w.workers)) for name, w in run.windows.items()}
    wrote = {name: changed(run.recorded[name], one_in(1.1), by=0) for name in ("journey-writes", "journey-repeats")}
    return replace(run, windows=windows, recorded={**run.recorded, **wrote})


def judged(directory: RunDirectory) -> Judgement:
    """What is decided of a run on disk."""
    return judge(directory.read_plan(), load_evidence(directory))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The run, sealed, with the feature that it was made from."""
    directory = record(tmp_path_factory.mktemp("runs"), core_plan(), by_one_worker())
    kept = directory.path / FEATURE
    kept.parent.mkdir(parents=True)
    shutil.copyfile(Path(__file__).parents[2] / FEATURE.removeprefix("inputs/"), kept)
    seal_after(directory, core_plan())
    return directory


@pytest.fixture
def run(whole: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of it."""
    return RunDirectory(Path(shutil.copytree(whole.path, tmp_path / "run-1")))


def test_written_and_read_back_the_run_is_a_go(whole: RunDirectory) -> None:
    """Everything was written again and nothing changed; what it is made from is kept and hashed, and every second lies in a window."""
    judgement = judged(whole)
    assert judgement.missing == ()
    assert judgement.decision.outcome is DecisionOutcome.GO, judgement.decision.reasons
    assert judgement.unjudged == ()
    evidence = load_evidence(whole)
    manifest = json.loads((whole.path / "manifest.json").read_text())
    assert FEATURE in manifest["files"]
    assert [read["when"] for read in manifest["release_reads"]] == ["before", "after"]
    written = by_one_worker()
    assert evidence.nodes == written.nodes
    assert evidence.leaders == written.leaders
    assert evidence.release_reads == written.release_reads
    assert (evidence.started, evidence.steady_end) == (written.started, written.steady_end)
    assert _sizes(evidence) == _sizes(written)


def _sizes(evidence: Evidence) -> dict[str, int]:
    """How many rows each recorded table has."""
    return {name: len(table) for name, table in evidence.tables.items() if len(table)}


def of_another_plan(directory: RunDirectory) -> None:
    """The plan is for production, and the manifest was made to fit."""
    plan = replace(core_plan(), target="production", environment="production", time_scale=1.0)
    directory.write_plan(plan)
    write_manifest(directory, plan)


def of_another_release(directory: RunDirectory) -> None:
    """So it is for another release."""
    plan = replace(core_plan(), release="1.1.0")
    directory.write_plan(plan)
    write_manifest(directory, plan)


def a_feature_edited(directory: RunDirectory) -> None:
    """The limit in the feature that is kept with the run was raised."""
    file = directory.path / FEATURE
    file.write_text(file.read_text(encoding="utf-8").replace("200 ms", "900 ms"), encoding="utf-8")


def a_release_read_edited(directory: RunDirectory) -> None:
    """The manifest tells of other images than the history."""
    file = directory.path / "manifest.json"
    manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    manifest["release_reads"] = manifest["release_reads"][:1]
    file.write_text(json.dumps(manifest), encoding="utf-8")


def a_watch_never_began(directory: RunDirectory) -> None:
    """The line that a watch began is gone, the other lines are numbered anew, and the manifest was made again."""
    path = directory.path / "history" / "watch.ndjson"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [line for line in lines if (line["kind"], line["subject"]) != ("watch.started", "regions")]
    text = (json.dumps({**line, "seq": number}) for number, line in enumerate(kept))
    path.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    write_manifest(directory, core_plan())


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (of_another_plan, "history/run.ndjson: `target` is 'sandbox', in the manifest it is 'production'"),
        (of_another_release, "history/run.ndjson: `release` is '1.0.0', in the manifest it is '1.1.0'"),
        (a_feature_edited, f"{FEATURE}: the file was edited after the run ended"),
        (a_release_read_edited, "manifest.json: the readings of the release differ from those in the history"),
        (
            a_watch_never_began,
            "history/watch.ndjson: the history contains watch.closed of 'regions' without its watch.started, so lines are missing",
        ),
    ],
)
def test_what_is_of_another_run_or_was_edited_is_no_go(
    run: RunDirectory, edit: Callable[[RunDirectory], None], named: str
) -> None:
    """It is named, and nothing is decided by it."""
    edit(run)
    judgement = judged(run)
    assert named in judgement.missing
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE


def without(directory: RunDirectory, *files: str) -> Judgement:
    """What is decided when these files are gone, and the manifest was made again."""
    for file in files:
        (directory.path / file).unlink()
    write_manifest(directory, core_plan())
    return judged(directory)


@pytest.mark.parametrize(
    "file", ["watch/regions.parquet", "watch/ledger-reads.parquet", "load/everyday/journeys-0.parquet"]
)
def test_a_table_that_was_sealed_and_is_gone_is_missing_whoever_made_the_manifest_again(
    run: RunDirectory, file: str
) -> None:
    """The seal counted its rows."""
    judgement = without(run, file)
    assert any(item.startswith(f"{file}: the file is missing") for item in judgement.missing)
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "file", ["watch/regions.parquet", "watch/pipeline.parquet", "load/everyday/journey-reads.parquet"]
)
def test_a_table_that_the_plan_says_is_recorded_is_missing_even_without_a_record_of_the_seal(
    run: RunDirectory, file: str
) -> None:
    """No manifest and no seal tells of it: the plan does."""
    judgement = without(run, file, "history/seal.ndjson")
    assert f"{file}: the file is missing; the plan says that the run records it" in judgement.missing
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE


def apart_since(directory: RunDirectory, at_ns: int, seconds: float) -> None:
    """Every line of every history has a wall clock that went ahead by so much at this time."""
    for path in sorted((directory.path / "history").glob("*.ndjson")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if line["mono_ns"] >= at_ns:
                wall = datetime.fromisoformat(line["wall"]) + timedelta(seconds=seconds)
                line["wall"] = clock.wall_text(wall)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    write_manifest(directory, core_plan())


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [(0.9, DecisionOutcome.GO), (40.0, DecisionOutcome.INCONCLUSIVE), (-2.0, DecisionOutcome.INCONCLUSIVE)],
)
def test_clocks_that_parted_in_a_recovery_leave_it_undecided(
    run: RunDirectory, seconds: float, outcome: DecisionOutcome
) -> None:
    """From the wall times of the histories alone: 4 s after the database's primary was killed, whose recovery took 8 s, as it reads."""
    apart_since(run, ns(210), seconds)
    judgement = judged(run)
    assert judgement.missing == ()
    assert judgement.decision.outcome is outcome
    found = {verdict.requirement: verdict for verdict in judgement.verdicts}["DA-DR-FAILOVER"]
    assert (found.because.kind is ReasonKind.MACHINE) is (outcome is not DecisionOutcome.GO)
