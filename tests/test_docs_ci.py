"""The page on CI: each block is run or put together as its system does it, and its table has every exit code."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import harness
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.errors import Exit
from tests.ci.ci_runners import CACHED, ROOT, Job, command_below, expanded, paper, run_job

PAGE: Final = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS: Final[dict[str, Any]] = {
    heading: (kind, text)
    for heading, kind, text in re.findall(
        r"^## (.+)\n(?:(?!## |```).*\n)*^```(\w*)\n((?:(?!```).*\n)*)^```$", PAGE, re.MULTILINE
    )
}


def block(heading: str) -> Any:
    """The YAML of the section of this heading."""
    kind, text = BLOCKS[heading]
    assert kind == "yaml"
    return yaml.safe_load(text)


def test_the_workflow_runs_with_the_action(tmp_path: Path) -> None:
    """Its inputs are the action's, its outputs reach the next step."""
    (job,) = block("GitHub")["jobs"].values()
    action, told = next(step for step in job["steps"] if "OWNER" in step.get("uses", "")), job["steps"][-1]
    assert action["uses"].partition("@")[2] == f"v{harness.__version__}"
    paper(tmp_path / "repository" / "shop", unit="pp", end="pf")
    command_below(tmp_path / "temporary" / "readiness")
    run = Job(workspace=tmp_path / "repository", temporary=tmp_path / "temporary")
    outputs = run.use(ROOT, skip=("install the tool",), **action["with"])
    assert run.code == 1, run.log
    run.outputs[action["id"]] = outputs
    run.step(told)
    assert run.log.splitlines()[-1] == "NO-GO, exit code 1"


def test_the_component_is_included_with_its_inputs(tmp_path: Path) -> None:
    """The job of the page adds to it, and the script runs after its own."""
    page = block("GitLab")
    (included,) = page["include"]
    place, _, ref = included["component"].partition("@")
    assert (place.rpartition("/")[2], ref) == ("readiness", f"v{harness.__version__}")
    inputs = {key.replace("-", "_"): value for key, value in included["inputs"].items()}
    jobs = expanded(ROOT / "templates" / "readiness.yml", **inputs)
    job = {**jobs["readiness"], **page["readiness"]}
    assert job["allow_failure"] == {"exit_codes": [Exit.INCONCLUSIVE.value]}
    project = paper(tmp_path / "shop", unit="pp", end="pp")
    (project.root / "requirements.txt").write_text("", encoding="utf-8")
    job["script"] = [*job["before_script"], *job["script"]]
    path = f"{command_below(tmp_path / 'tool')}:{os.environ['PATH']}"
    ended = run_job(job, tmp_path, PATH=path, READINESS_STATE=str(tmp_path / "state"))
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.startswith("write here what starts the service")


@pytest.mark.parametrize(
    ("end", "code", "said"), [("pp", 0, "GO"), ("pf", 1, "stopped with 1"), ("", 10, "not decided")]
)
def test_the_lines_for_any_shell_end_with_the_decision(tmp_path: Path, end: str, code: int, said: str) -> None:
    """And the file that they name is there."""
    kind, text = BLOCKS["Any other system"]
    assert kind == "sh"
    project = paper(tmp_path / "shop", unit="pp", **({"end": end} if end else {}))
    path = f"{command_below(tmp_path / 'tool')}:{os.environ['PATH']}"
    environment = {"PATH": path, "RELEASE": "1.0.0", "READINESS_STATE": str(tmp_path / "state"), "HOME": str(tmp_path)}
    environment |= CACHED
    for report in project.root.glob("*.xml"):
        report.write_text(re.sub(r'(name="release" value=")\w+', r"\g<1>1.0.0", report.read_text()), encoding="utf-8")
    ended = subprocess.run(
        ["sh", "-e", "-c", text], cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    last = ended.stdout.splitlines()[-1]
    assert last.startswith(said)
    if named := re.search(r"reports/\S+", last):
        assert (project.root / named[0]).is_file()


def test_the_hook_of_the_page_is_one() -> None:
    """By its id, at the version of the package."""
    (repository,) = block("Before each commit")["repos"]
    known = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [one["id"] for one in repository["hooks"]] == [one["id"] for one in known]
    assert repository["rev"] == f"v{harness.__version__}"


def test_every_block_is_run_here_or_typed_by_the_test_of_commands() -> None:
    """A block that is new is run, too."""
    assert [*BLOCKS] == ["GitHub", "GitLab", "Any other system", "Before each commit", "Judge again, elsewhere"]
    assert 2 * len(BLOCKS) == len(re.findall(r"^```", PAGE, re.MULTILINE))


def test_the_table_has_every_exit_code() -> None:
    """And no other."""
    rows = re.findall(r"^\| ([\d ·]+) \| ", PAGE, re.MULTILINE)
    assert sorted(int(code) for row in rows for code in row.split(" · ")) == sorted(Exit)


def test_the_files_that_it_names_are_written_by_init(tmp_path: Path) -> None:
    """And what it says of them is in them."""
    write_project(tmp_path, ProjectAnswers(name="shop", entry="http://127.0.0.1:8080"))
    for name in (".github/workflows/readiness.yml", ".gitlab-ci.yml", "deploy/nightly.yaml", "Dockerfile"):
        assert f"`{name}`" in PAGE
        assert (tmp_path / name).is_file()
    nightly = (tmp_path / "deploy/nightly.yaml").read_text(encoding="utf-8")
    assert "concurrencyPolicy: Forbid" in nightly
    assert "claimName: readiness-shop" in nightly
    assert "FROM python:3.12-slim" in (tmp_path / "Dockerfile").read_text(encoding="utf-8")
    assert "cache-dependency-path" in (tmp_path / ".github/workflows/readiness.yml").read_text(encoding="utf-8")
