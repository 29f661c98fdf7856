"""Fleets on disk: copies of one recorded healthy run with the names of cells, each closed and judged anew."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from harness import clock
from harness.evidence import RunDirectory
from harness.evidence.manifest import write_manifest
from harness.files import write_atomic
from harness.report import render_verdict
from harness.run.deciding import decide
from tests.builders.core_plan import core_plan
from tests.builders.recorder import record, seal_after
from tests.honesty.test_honesty_sealed import FEATURE, by_one_worker

RELEASE = "1.0.0"
PROFILE = "core"
"""Of the recorded run."""
FILE = f"""name: shop
release: {RELEASE}
services: {{checkout: }}
regions: [eu-west-1, us-east-1]
profiles: [{PROFILE}]
"""


def recorded(directory: Path) -> Path:
    """The healthy run of profile core on disk."""
    run = record(directory, core_plan(), by_one_worker())
    kept = run.path / FEATURE
    kept.parent.mkdir(parents=True)
    shutil.copyfile(Path(__file__).parents[2] / FEATURE.removeprefix("inputs/"), kept)
    seal_after(run, core_plan())
    return run.path


def named(original: Path, to: Path, target: str, *, run: str = "", hours_ago: float = 1) -> Path:
    """A copy of a run, consistently of another target, with another id and another time of the wall clock."""
    shutil.copytree(original, to)
    directory = RunDirectory(to)
    plan = replace(directory.read_plan(), target=target, run=run or f"run-{target}")
    directory.write_plan(plan)
    later = clock.wall() - timedelta(hours=hours_ago) - _wall(to / "history" / "run.ndjson")
    for history in (to / "history").glob("*.ndjson"):
        lines = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
        for line in lines:
            line["wall"] = clock.wall_text(datetime.fromisoformat(line["wall"]) + later)
            if line["kind"] == "run.started":
                line["subject"] = plan.run
                line["fields"] = {**line["fields"], "target": target}
        history.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    write_manifest(directory, plan)
    decided = decide(directory)
    write_atomic(to / "verdict.json", render_verdict(decided.plan, decided.judgement))
    return to


def _wall(history: Path) -> datetime:
    """The time of the last line."""
    return datetime.fromisoformat(json.loads(history.read_text("utf-8").splitlines()[-1])["wall"])
