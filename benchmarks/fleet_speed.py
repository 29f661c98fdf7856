"""How long `readiness fleet` takes for 50 services in 3 regions, each a copy of one recorded run with its own names.

The command runs as a child, as people run it; its time and its peak memory are those that the system counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script its own directory is there, not the checkout

from harness import clock
from harness.evidence import RunDirectory
from harness.evidence.manifest import write_manifest
from tests.builders.fleets import named

GOAL_S: Final = 60.0
GOAL_GIB: Final = 1.5
_REGIONS: Final = ("eu-west-1", "us-east-1", "ap-south-1")


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path), default="reports/runs/latest")
@click.option("--services", default=50, show_default=True, help="Number of services.")
def main(run: Path, services: int) -> None:
    """Print seconds and peak memory of the decision over copies of RUN."""
    plan = RunDirectory(run.resolve()).read_plan()
    names = [f"service-{number}" for number in range(services)]
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        first = named(run.resolve(), root / "first", "first-cell")
        for name in names:
            for region in _REGIONS:
                _renamed(first, root / "runs" / name / region / plan.profile, f"{name}-{region}")
        file = root / "fleet.yaml"
        file.write_text(
            f"name: many\nrelease: {plan.release}\nregions: [{', '.join(_REGIONS)}]\nprofiles: [{plan.profile}]\n"
            f"services: {{{', '.join(f'{name}: ' for name in names)}}}\n",
            encoding="utf-8",
        )
        began = clock.now_s()
        words = [sys.executable, "-m", "harness", "fleet", str(file), "--out", str(root / "out")]
        said = root / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(words, stdout=output)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        seconds, page = clock.now_s() - began, root / "out" / "fleet.html"
        print(said.read_text("utf-8").partition("\n")[0])
        print(
            f"{services * len(_REGIONS)} runs to a page of {page.stat().st_size / 1e3:.0f} kB: {seconds:.1f} s, goal {GOAL_S:g} s"
        )
        busy = usage.ru_utime + usage.ru_stime
        print(f"{busy:.1f} s of computing on {len(os.sched_getaffinity(0))} processors")
        print(
            f"peak memory of the largest process {usage.ru_maxrss / 2**20:.2f} GiB, goal {GOAL_GIB:g} GiB of all together"
        )


def _renamed(first: Path, to: Path, target: str) -> None:
    """A copy of a run whose files name another target; a name that was missed would be found when it is judged."""
    shutil.copytree(first, to)
    for path in [*to.glob("*.json"), *(to / "history").glob("*.ndjson")]:
        path.write_bytes(path.read_bytes().replace(b"first-cell", target.encode()))
    directory = RunDirectory(to)
    write_manifest(directory, directory.read_plan())


if __name__ == "__main__":
    main()
