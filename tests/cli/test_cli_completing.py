"""Completion of the shell, by click's own protocol and by bash itself: values of the project, and never an error."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.ci.ci_runners import command_below, paper
from tests.plain.plain_project import Project

ROOT: Final = Path(__file__).parents[2]
_CALL: Final = "import sys; sys.argv[0] = 'readiness'; from harness.__main__ import main; main()"


_EACH: Final = """
import json, os, sys
sys.argv = ["readiness"]
from harness.__main__ import main
import harness.cli
for cwd, variables in json.loads(sys.stdin.read()):
    sys.stdout.flush()
    if not (pid := os.fork()):
        os.chdir(cwd)
        os.environ.update(variables)
        main()
    assert os.waitpid(pid, 0)[1] == 0
    print("\\0", flush=True)
"""


def each_completed(asked: Sequence[tuple[Sequence[str], Path]], shell: str = "bash") -> list[list[str]]:
    """What click answers to a shell for these words, of which the last is not complete; one start, then a process for each."""
    calls = []
    for words, cwd in asked:
        variables = {"COMP_WORDS": " ".join(("readiness", *words)), "COMP_CWORD": str(len(words))}
        if shell == "fish":
            variables = {"COMP_WORDS": " ".join(("readiness", *words[:-1])), "COMP_CWORD": words[-1]}
        calls.append((str(cwd), {"_READINESS_COMPLETE": f"{shell}_complete", **variables}))
    ended = subprocess.run(
        [sys.executable, "-c", _EACH],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ended.stderr == ""
    return [[line for line in answer.splitlines() if line] for answer in ended.stdout.split("\0\n")[:-1]]


def completed(words: Sequence[str], cwd: Path, shell: str = "bash") -> list[str]:
    """What click answers to a shell once."""
    (answer,) = each_completed([(words, cwd)], shell)
    return answer


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with two runs."""
    project = paper(tmp_path_factory.mktemp("completing") / "shop", unit="pp", end="pf")
    for _ in range(2):
        assert project.do("run", "--release", "a").ran is not None
    return project


def test_values_of_the_project_are_completed(project: Project) -> None:
    """Commands, profiles, requirements, runs, names of schemas; paths are the shell's own."""
    expected = {
        ("cat",): ["plain,catalogue"],
        ("run", "--profile", "pl"): ["plain,plain"],
        ("run", "--only", "PL-"): ["plain,PL-UNIT", "plain,PL-END"],
        ("run", "--profile", "core", "--only", "ND-KPI-P"): ["plain,ND-KPI-P95"],
        ("attest", "PL-E"): ["plain,PL-END"],
        ("catalogue", "show", "IP-PERF-POO"): ["plain,IP-PERF-POOL"],
        ("why", "PL-U"): ["plain,PL-UNIT"],
        ("judge", "la"): ["plain,latest"],
        ("judge", "reports/r"): ["dir,reports/r"],
        ("schema", "t"): ["plain,target", "plain,traffic"],
        ("run", "--target", "t"): ["file,t"],
        ("run", "--as", "st"): ["plain,staging"],
    }
    answers = each_completed([(words, project.root) for words in expected])
    assert dict(zip(expected, answers, strict=True)) == expected


def test_runs_are_completed_newest_first(project: Project) -> None:
    """With the link to the one that ended last; other directories are none."""
    names = sorted((path.name for path in project.run_directories()), reverse=True)
    (project.runs / "other").mkdir(exist_ok=True)
    assert len(names) == 2
    expected = [f"plain,{name}" for name in ("latest", *names)]
    asked = [([*words, ""], project.root) for words in (["report"], ["run", "--baseline"], ["history", "x"])]
    assert each_completed(asked) == [expected] * 3


def test_the_target_that_is_provided_is_completed(project: Project) -> None:
    """By its name, where its package is installed."""
    from harness.provided import provided_names

    names = [name for name in provided_names() if name.startswith("s")]
    assert completed(["run", "--target", "s"], project.root) == [f"plain,{name}" for name in names] or ["file,s"]


def test_other_shells_get_the_titles_too(project: Project) -> None:
    """Zsh and fish show them."""
    assert completed(["run", "--only", "PL-U"], project.root, "zsh") == ["plain", "PL-UNIT", "unit tests"]
    assert completed(["run", "--only", "PL-U"], project.root, "fish") == ["plain,PL-UNIT\tunit tests"]


def test_a_project_that_cannot_be_read_completes_nothing(tmp_path: Path) -> None:
    """No message, no traceback, into the line that somebody types."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\ncatalogue = 3\n", encoding="utf-8")
    asked = (["run", "--profile", ""], ["run", "--only", ""], ["why", "x"], ["report", ""])
    assert each_completed([(words, tmp_path) for words in asked]) == [[], [], [], []]


def test_a_verdict_that_is_none_completes_nothing(tmp_path: Path) -> None:
    """Cut short, or of something else."""
    texts = ("{", "{}", "[]", "3", "[" * 100_000, '{"requirements": [{"id": 1}]}')
    for number, text in enumerate(texts):
        latest = tmp_path / str(number) / "reports" / "runs" / "latest"
        latest.mkdir(parents=True)
        (latest / "verdict.json").write_text(text, encoding="utf-8")
    assert each_completed([(["why", ""], tmp_path / str(number)) for number in range(len(texts))]) == [[]] * len(texts)


def test_bash_itself_completes(project: Project, tmp_path: Path) -> None:
    """The script that click prints for bash is sourced, and asked as bash asks it."""
    path = f"{command_below(tmp_path)}:{os.environ['PATH']}"
    script = """
        LINE
        COMP_WORDS=(readiness why PL-) COMP_CWORD=2
        _readiness_completion readiness PL- why
        printf '%s\\n' "${COMPREPLY[@]}"
        complete -p readiness
    """
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^\| (bash|zsh|fish) \| `.*?` \| `(.*)` \|$", page, re.MULTILINE))
    assert [f"{shell}_source readiness" in line for shell, line in lines.items()] == [True, True, True]
    ended = subprocess.run(
        ["bash", "--norc", "-euo", "pipefail", "-c", script.replace("LINE", lines["bash"])],
        cwd=project.root,
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    *values, registered = ended.stdout.splitlines()
    assert sorted(values) == ["PL-END", "PL-UNIT"]
    assert registered.startswith("complete ")
    assert "_readiness_completion" in registered


@pytest.mark.parametrize(("shell", "words"), [("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_scripts_of_other_shells_are_scripts(shell: str, words: list[str], tmp_path: Path) -> None:
    """What click prints for them names the command; where the shell is installed, it parses the text."""
    printed = subprocess.run(
        [sys.executable, "-c", _CALL],
        env={**os.environ, "PYTHONPATH": str(ROOT), "_READINESS_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"_READINESS_COMPLETE={shell}_complete" in printed
    if there := shutil.which(shell):
        file = tmp_path / f"readiness.{shell}"
        file.write_text(printed, encoding="utf-8")
        subprocess.run([there, *words, file], check=True)
