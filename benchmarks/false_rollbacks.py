"""How often a healthy release is taken back: one run of `readiness` in which it takes over many times, under the traffic of the census.

Each time users are given 5, 25, 50 and 100 % by analyses of every step and of the whole, as in profile `rollout`, and the harness takes
the release back by hand once all users have it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import click
import yaml

import harness
from harness.files import bundled
from harness.model.observations import RolloutAnalysis, RolloutBack, RolloutEnded, RolloutStep, every

PROFILE: Final = "rollouts"
SETTINGS: Final = f"""[tool.harness]
target = "sandbox"
profiles = ["{PROFILE}"]
catalogue = ["catalogue"]
features = ["features"]
rollouts = ["rollouts"]
"""
SCENARIO: Final = """
  @ROLLOUT-{number}
  Scenario: The candidate takes over, number {number}
    When the rollout "healthy-{number}" has run under "census" traffic
    Then the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order
"""


@click.command()
@click.option("--times", default=30, show_default=True, help="How often it takes over: a minute each.")
@click.option("--candidate", default="1.1.0", show_default=True, help="The release that takes over.")
def main(times: int, candidate: str) -> None:
    """Print how many rollouts of a healthy release were taken back by the platform; exit 1 when one was, or did not come to all users."""
    with tempfile.TemporaryDirectory(prefix="rollouts-") as directory:
        project(Path(directory), times, candidate)
        words = [sys.executable, "-m", "harness", "run", "--only", "ROLLOUT-*"]
        subprocess.run(words, cwd=directory, check=False)  # its exit code says less than what is read below
        runs = [one for one in (Path(directory) / "reports/runs").glob("*") if not one.is_symlink()]
        if len(runs) != 1:
            raise click.ClickException("the run did not begin")
        whole = summary(runs[0], times)
    raise SystemExit(0 if whole else 1)


def project(root: Path, times: int, candidate: str) -> None:
    """A project with one row and one rollout file for each time; a second at all users is enough."""
    for name in ("catalogue", "features", "rollouts"):
        (root / name).mkdir()
    (root / "pyproject.toml").write_text(SETTINGS)
    canary = yaml.safe_load((bundled("rollouts") / "canary.yaml").read_text(encoding="utf-8"))
    rows = []
    for number in range(1, times + 1):
        own = {**canary, "watched": "1 s", "candidate": candidate}
        (root / f"rollouts/healthy-{number}.yaml").write_text(yaml.safe_dump(own, sort_keys=False))
        rows.append(
            {
                "id": f"ROLLOUT-{number}",
                "title": f"rollout {number}",
                "criterion": "the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order",
                "kinds": ["X"],
                "gate": "major",
                "needs": ["rollout"],
                "falsified_by": "it is taken back",
            }
        )
    sections = [{"source": "this benchmark", "requirements": rows}]
    content = {"profile": PROFILE, "title": "Healthy rollouts", "sections": sections}
    (root / f"catalogue/{PROFILE}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    scenarios = (SCENARIO.format(number=number) for number in range(1, times + 1))
    (root / f"features/{PROFILE}.feature").write_text("Feature: Healthy rollouts\n" + "".join(scenarios))


def summary(run: Path, times: int) -> bool:
    """Print what became of the rollouts; whether all of them came to all users and none was taken back by the platform."""
    _, evidence = harness.open_run(run)
    observations = evidence.observations
    full = {step.subject for step in every(RolloutStep, observations) if step.share == 1.0}
    backs = list(every(RolloutBack, observations))
    ended = Counter(end.release for end in every(RolloutEnded, observations))
    false = [back for back in backs if back.by != "hand"]
    analyses = {one.subject: one for one in every(RolloutAnalysis, observations)}
    phases = Counter(one.phase for one in analyses.values())
    measured = sum(one.measured for one in analyses.values())
    print(f"{len(backs)} of {times} rollouts ended, {len(full)} at all users; ended on {dict(ended)}")
    print(f"{len(analyses)} analyses with {measured} measurements or more of each metric: {dict(phases)}")
    for back in false:
        print(f"  {back.subject} was taken back by {back.by}: {back.why}")
    print(f"{len(false)} false rollbacks in {len(backs)}, goal 0 in {times}")
    return not false and len(full) == len(backs) == times


if __name__ == "__main__":
    main()
