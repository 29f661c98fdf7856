"""A project with one row for each experiment that comes with the package, and a sandbox that stays up for many runs of it."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from harness import clock
from harness.files import bundled
from harness.targets.files.target import MARKER
from tests.kills.aftermath import intended, left_over, locked, outlived
from tests.plain.plain_project import Project, descendants

EXPERIMENTS: Final = tuple(sorted(file.stem for file in bundled("experiments").glob("*.yaml")))
FULL: Final = "full-traffic"
"""The everyday traffic at its full rate, without an experiment."""
DRILL: Final = "drill"
"""The restore of a backup, of a platform that has some."""
TARGET: Final = "target/target.yaml"
UP_TRIES: Final = 3
UP_WITHIN_S: Final = 600.0
"""So long a start may take before it is given up: a machine with much other work needs minutes, and says so itself earlier."""
WHOLE_WITHIN_S: Final = 180.0
"""So long the platform may take to be as it was, once the undo was sent: databases rejoin last, and a busy machine is slow."""

WATCHED: Final = "12 s"
_SETTINGS: Final = (
    '[tool.harness]\nprofiles = ["kills"]\ncatalogue = ["catalogue"]\nfeatures = ["features"]\n'
    'loadtests = ["loadtests"]\nrollouts = ["rollouts"]\n'
)
_SERVED: Final = "the error rate is below 50 % in the steady state"
_RESTORED: Final = (
    "a copy of database restored from the newest backup has equal row counts and checksums for every table"
)
_SCENARIO: Final = """
  @{row}
  Scenario: {subject}
    When {asked}
    Then {expected}
"""


def row(subject: str) -> str:
    """The requirement that runs an experiment, or the full traffic."""
    return f"KILL-{subject.upper()}"


def made(root: Path, rollouts: Sequence[str] = ()) -> Project:
    """The project in an empty directory, with a row for each of these rollouts, which are watched for `WATCHED` at all users.

    Its `brief` traffic is that of every day, over in seconds.
    """
    for name in ("catalogue", "features/kills", "rollouts", "target"):
        (root / name).mkdir(parents=True)
    shutil.copytree(bundled("loadtests"), root / "loadtests", ignore=shutil.ignore_patterns("__pycache__"))
    size = yaml.safe_load((root / "loadtests/everyday.yaml").read_text(encoding="utf-8"))
    brief = {**size, "rate": "10/s", "warm_up": "2 s", "for": "3 s", "after": "1 s"}
    (root / "loadtests/brief.yaml").write_text(yaml.safe_dump(brief), encoding="utf-8")
    for name in rollouts:
        rollout = yaml.safe_load((bundled("rollouts") / f"{name}.yaml").read_text(encoding="utf-8"))
        text = yaml.safe_dump({**rollout, "watched": WATCHED}, sort_keys=False)
        (root / f"rollouts/{name}.yaml").write_text(text, encoding="utf-8")
    (root / "pyproject.toml").write_text(_SETTINGS, encoding="utf-8")
    asked = {name: f'the experiment "{name}" has run under "brief" traffic' for name in EXPERIMENTS}
    asked[FULL] = '"everyday" traffic has run'
    asked |= {name: f'the rollout "{name}" has run under "census" traffic' for name in rollouts}
    asked[DRILL] = "the deployed platform has been inspected"
    expected = {**dict.fromkeys(asked, _SERVED), DRILL: _RESTORED}
    rows = [
        {
            "id": row(name),
            "title": name,
            "criterion": expected[name],
            "kinds": ["X" if name == DRILL else "L"],
            "gate": "major",
            "falsified_by": "a table is left out" if name == DRILL else "half of the requests fail",
        }
        for name in asked
    ]
    sections = [{"source": "this project", "requirements": rows}]
    content = {"profile": "kills", "title": "Runs to be killed", "sections": sections}
    (root / "catalogue/kills.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    scenarios = (
        _SCENARIO.format(row=row(name), subject=name, asked=words, expected=expected[name])
        for name, words in asked.items()
    )
    text = "Feature: Runs to be killed\n" + "".join(scenarios)
    (root / "features/kills/kills.feature").write_text(text, encoding="utf-8")
    return Project(root=root, name="kills")


@contextmanager
def kept_sandbox(project: Project, parts: Iterable[str] = ()) -> Iterator[None]:
    """A sandbox of the project's own with these parts, up from `with` to its end, and its target file as `TARGET`.

    Raises:
        AssertionError: it did not come up or did not go down.
    """
    for _ in range(UP_TRIES):  # a machine with much other work may be too slow for one
        words = (word for part in parts for word in ("--part", part))
        up = project.start("sandbox", "up", *words).wait(UP_WITHIN_S)
        if up.code == 0:
            break
    try:
        assert up.code == 0, up.said
        shutil.copyfile(project.root / "state/sandbox/target.yaml", project.root / TARGET)
        if (candidates := project.root / "state/sandbox/candidates").is_dir():
            shutil.copytree(candidates, (project.root / TARGET).with_name("candidates"))
        (project.root / TARGET).with_name(MARKER).touch()  # what it leads to is still a sandbox
        yield
    finally:
        down = project.do("sandbox", "down")
    assert down.code == 0, down.said
    assert not (project.root / "state/sandbox").exists(), down.said


def sandbox_processes(project: Project) -> set[int]:
    """The processes of the sandbox that is up; none when none is."""
    try:
        pid = json.loads((project.root / "state/sandbox/lock").read_text(encoding="utf-8"))["pid"]
    except (OSError, ValueError, KeyError):
        return set()
    return {pid, *descendants(pid)}


def left_behind(project: Project, temporary: Path) -> tuple[str, ...]:
    """Processes, temporary files, locks and intents of a run that has ended, beside those of the sandbox that is up."""
    root = project.root
    processes = outlived(root, but=sandbox_processes(project))
    return (*processes, *left_over(temporary, root), *locked(root), *intended(root))


def broken(project: Project, within_s: float = WHOLE_WITHIN_S) -> tuple[str, ...]:
    """What of the platform is not as after its start, as the sandbox itself and a reader at each entry see it."""
    found: tuple[str, ...] = ()
    for _ in clock.Deadline.after(within_s).ticks(0.5):
        found = (*_unready(project), *_unread(project))
        if not found:
            break
    return found


def _unready(project: Project) -> Iterable[str]:
    told = project.do("sandbox", "status", "--json")
    if told.code:
        return [f"sandbox status: {told.said[-200:]}"]
    return unready(json.loads(told.out))


def unready(status: dict[str, Any]) -> list[str]:
    """What `sandbox status --json` says that is not as it must be."""
    nodes = [f"node {name} is {state}" for name, state in status["nodes"].items() if state != "Ready"]
    return nodes + [
        f"{one['namespace']}/{one['name']} has {one['ready']} of {one['desired']}"
        for one in status["workloads"]
        if one["ready"] != one["desired"]
    ]


def _unread(project: Project) -> Iterator[str]:
    target = yaml.safe_load((project.root / TARGET).read_text(encoding="utf-8"))
    entries = [target["entry"], *(region["entry"] for region in target["regions"].values())]
    for entry in entries:
        url = f"{entry}{target['probes']['read']['path']}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a loopback address of ours
                answer.read()
        except (urllib.error.URLError, OSError) as error:
            yield f"{url}: {error}"
