"""The GitLab component: its inputs are put in as GitLab puts them in, and its script is run as its runner runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.ci.ci_runners import ROOT, SHA, checkout_at, command_below, expanded, paper, run_job

COMPONENT: Final = ROOT / "templates" / "readiness.yml"
HEAD: Final[dict[str, Any]] = next(yaml.safe_load_all(COMPONENT.read_text(encoding="utf-8")))["spec"]["inputs"]


def path_with(directory: Path) -> str:
    """PATH with a command `readiness` of this checkout."""
    return f"{command_below(directory)}:{os.environ['PATH']}"


@pytest.mark.parametrize(("end", "code"), [("pp", 0), ("pf", 1), ("", 10)])
def test_the_job_ends_with_the_decision_and_keeps_the_run(tmp_path: Path, end: str, code: int) -> None:
    """GO, NO-GO and INCONCLUSIVE; the paths of artifacts and JUnit report are those of the run, which `latest` is not."""
    paper(tmp_path / "checkout" / "shop", **{"unit": "pp", **({"end": end} if end else {})})
    job = expanded(COMPONENT, project="shop", requirements="")["readiness"]
    ended = run_job(job, tmp_path / "checkout", PATH=path_with(tmp_path), READINESS_STATE=str(tmp_path / "state"))
    assert ended.returncode == code, ended.stdout
    (kept,) = job["artifacts"]["paths"]
    (run,) = (tmp_path / "checkout").glob(kept)
    assert run.name.endswith(f"-{SHA}")
    (junit,) = (tmp_path / "checkout").glob(job["artifacts"]["reports"]["junit"])
    assert junit == run / "junit.xml"
    assert (job["stage"], job["image"], job["artifacts"]["when"]) == ("test", "python:3.12", "always")


def test_a_mistake_in_a_file_ends_the_job_with_4(tmp_path: Path) -> None:
    """Nothing is allowed to fail but what `warn-on` names."""
    project = paper(tmp_path / "checkout", unit="pp", end="pp")
    (project.root / "target.yaml").write_text("nam: shop\n", encoding="utf-8")
    job = expanded(COMPONENT, requirements="")["readiness"]
    ended = run_job(job, project.root, PATH=path_with(tmp_path / "tool"))
    assert (ended.returncode, job["allow_failure"]) == (4, {"exit_codes": []}), ended.stdout
    assert expanded(COMPONENT, warn_on=[10])["readiness"]["allow_failure"] == {"exit_codes": [10]}


def test_every_input_reaches_the_command(tmp_path: Path) -> None:
    """Several profiles and patterns one a line; nothing of an input is read as shell, and a variable of GitLab is put in."""
    there = tmp_path / "bin" / "readiness"
    there.parent.mkdir()
    there.write_text('#!/bin/sh\npwd\nprintf "<%s>\\n" "$@"\nexit 7\n')
    there.chmod(0o755)
    (tmp_path / "a b").mkdir()
    hostile = "`touch injected`; touch injected"
    job = expanded(
        COMPONENT,
        job="judge",
        project="a b",
        requirements="",
        target=hostile,
        profile="plain\nother\n",
        release="r-$CI_COMMIT_SHA",
        only="PL-*\nA",
        args="--seed=3\n--as\nstaging",
        baseline="x",
    )["judge"]
    ended = run_job(job, tmp_path, PATH=f"{there.parent}:{os.environ['PATH']}")
    expected = [
        *("run", f"--target={hostile}", "--profile=plain", "--profile=other", f"--release=r-{SHA}", "--baseline=x"),
        *("--only=PL-*", "--only=A", "--out=reports/runs", "--seed=3", "--as", "staging"),
    ]
    assert ended.stdout.splitlines() == [str(tmp_path / "a b"), *(f"<{word}>" for word in expected)]
    assert ended.returncode == 7
    assert list(tmp_path.rglob("injected")) == []


def test_inputs_reach_the_script_as_variables_only() -> None:
    """What is put into a line of the script would be code; each input is used."""
    body = [*yaml.safe_load_all(COMPONENT.read_text(encoding="utf-8"))][1]
    (job,) = body.values()
    assert [line for line in job["script"] if "$[[" in line] == []
    assert set(re.findall(r"inputs\.([\w-]+)", yaml.safe_dump(body))) == {*HEAD}


@pytest.mark.slow
def test_the_job_installs_what_the_project_requires(tmp_path: Path) -> None:
    """Into the Python of the image, with pip; here into an environment of its own, from a copy of this checkout."""
    project = paper(tmp_path / "checkout", unit="pp", end="pp")
    (project.root / "requirements.txt").write_text(f"{checkout_at(tmp_path / 'tool')}\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "image"], check=True)
    job = expanded(COMPONENT)["readiness"]
    ended = run_job(job, tmp_path / "checkout", PATH=f"{tmp_path}/image/bin:/usr/bin:/bin")
    assert ended.returncode == 0, ended.stdout
