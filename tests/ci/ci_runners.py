"""What a GitHub runner does with a composite action, and GitLab with a component: both read the file itself and run its shell lines.

The rules are those of actions/runner (CompositeActionHandler, ScriptHandlerHelpers, FileCommandManager, ActionCommand) and of GitLab's
`Gitlab::Ci::Config::Interpolation`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from harness.report.allure.npm import CACHE_VARIABLE, cache_directory
from tests.plain.plain_project import Project

ROOT: Final = Path(__file__).parents[2]
SHA: Final = "4f2a9c1be07d3f5e8a6b0c9d1e2f3a4b5c6d7e8f"
WITHIN_S: Final = 600.0
CACHED: Final = {CACHE_VARIABLE: str(cache_directory())}
"""The packages of the Allure report, which every job with a home of its own would fetch anew."""
_EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_REFERENCE: Final = re.compile(r"\b(inputs|steps|github)\.([\w-]+)(?:\.outputs\.([\w-]+))?")
_SET_OUTPUT: Final = re.compile(r"^\s*::set-output name=([\w-]+)::(.*)$", re.MULTILINE)
"""The command of a log that sets an output; the file, which the runner reads after the step, replaces it."""
_BLOCK: Final = re.compile(r"\$\[\[\s*inputs\.([\w-]+)\s*\]\]")


@dataclass(kw_only=True)
class Annotation:
    """One annotation as the runner understands its line."""

    level: str
    message: str
    properties: Mapping[str, str]


@dataclass(kw_only=True)
class Job:
    """A job on a runner: its workspace, the files that a step may write, and what came of the steps.

    Attributes:
        workspace: directory of the repository.
        temporary: directory of the runner.
        environment: variables besides those of the runner.
        code: exit code of the first step that failed; 0 if none did.
        outputs: outputs of the steps with an id.
        used: actions that were used, each with its inputs.
        log: what all steps printed.
    """

    workspace: Path
    temporary: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    code: int = 0
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: dict[str, Mapping[str, str]] = field(default_factory=dict)
    log: str = ""

    def use(self, action: Path, *, skip: tuple[str, ...] = (), **given: str) -> dict[str, str]:
        """Run the steps of a composite action, but for those of these names; returns the outputs of the action."""
        file: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
        assert not {*given} - {*file["inputs"]}, "an input that the action does not have"
        inputs = {name: self._text(str(one.get("default", "")), {}) for name, one in file["inputs"].items()} | given
        for step in file["runs"]["steps"]:
            if step.get("name") in skip or not self._condition(step.get("if", "success()"), inputs):
                continue
            if "uses" in step:
                self.used[step["uses"]] = {key: self._text(one, inputs) for key, one in step.get("with", {}).items()}
            else:
                self._run(step, inputs, action)
        return {name: self._text(one["value"], inputs) for name, one in file["outputs"].items()}

    def step(self, step: Mapping[str, Any]) -> None:
        """Run a step of the workflow itself, with the shell that is the runner's own choice."""
        if self._condition(step.get("if", "success()"), {}):
            self._run({"shell": "bash", **step}, {}, self.workspace)

    def _run(self, step: Mapping[str, Any], inputs: Mapping[str, str], action: Path) -> None:
        number = len(list(self.temporary.glob("*.sh")))
        script, output = self.temporary / f"{number}.sh", self.temporary / f"{number}.output"
        script.write_text(step["run"], encoding="utf-8")
        output.touch()
        assert step["shell"] == "bash"
        finished = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.workspace / self._text(step.get("working-directory", ""), inputs),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.temporary),
                **CACHED,
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_SHA": SHA,
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_ACTION_PATH": str(action),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.temporary / "summary.md"),
                "RUNNER_TEMP": str(self.temporary),
                **self.environment,
                **{key: self._text(one, inputs) for key, one in step.get("env", {}).items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
        self.log += finished.stdout
        self.code = self.code or finished.returncode
        if "id" in step:
            of_file = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
            self.outputs[step["id"]] = dict(_SET_OUTPUT.findall(finished.stdout)) | of_file

    def _condition(self, text: str, inputs: Mapping[str, str]) -> bool:
        body = found[1] if (found := _EXPRESSION.fullmatch(text)) else text
        python = _REFERENCE.sub(lambda one: repr(self._value(one, inputs)), body.replace("&&", "and"))
        functions = {"always": lambda: True, "success": lambda: self.code == 0}
        held = bool(eval(python, {"__builtins__": {}}, functions))  # noqa: S307 - the action's own condition
        return held and (self.code == 0 or "always()" in body)

    def _text(self, text: str, inputs: Mapping[str, str]) -> str:
        return _EXPRESSION.sub(
            lambda one: _REFERENCE.sub(lambda reference: self._value(reference, inputs), one[1]), str(text)
        )

    def _value(self, reference: re.Match[str], inputs: Mapping[str, str]) -> str:
        kind, name, output = reference.groups()
        if kind == "steps":
            return self.outputs.get(name, {}).get(output, "")
        return {"sha": SHA}[name] if kind == "github" else inputs[name]

    @property
    def summary(self) -> str:
        """The page of the job."""
        file = self.temporary / "summary.md"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @property
    def annotations(self) -> list[Annotation]:
        """The annotations of the log, in order."""
        return [one for line in self.log.splitlines() if (one := annotation_of(line))]


def annotation_of(line: str) -> Annotation | None:
    """The annotation that the runner reads in a line of the log: as `ActionCommand.TryParseV2`."""
    line = line.lstrip()
    if not line.startswith("::") or "::" not in line[2:]:
        return None
    head, _, data = line[2:].partition("::")
    level, _, properties = head.partition(" ")
    if level not in ("error", "warning", "notice"):
        return None
    pairs = [one.split("=", 1) for one in properties.strip().split(",") if one]
    read = {pair[0]: _unescaped(pair[1], ("\r", "\n", ":", ",", "%")) for pair in pairs if len(pair) == 2 and pair[1]}
    return Annotation(level=level, message=_unescaped(data, ("\r", "\n", "%")), properties=read)


def _unescaped(text: str, characters: tuple[str, ...]) -> str:
    for one in characters:  # in the runner's order
        text = text.replace(f"%{ord(one):02X}", one)
    return text


def expanded(component: Path, **given: Any) -> dict[str, Any]:
    """The jobs of a GitLab component with these inputs, `_` for `-`; as GitLab puts them in, node by node."""
    head, body = yaml.safe_load_all(component.read_text(encoding="utf-8"))
    declared = head["spec"]["inputs"]
    named = {key.replace("_", "-"): value for key, value in given.items()}
    assert not {*named} - {*declared}, "an input that the component does not have"
    values = {name: named.get(name, one.get("default")) for name, one in declared.items()}
    for name, value in values.items():
        assert isinstance(value, list if declared[name].get("type") == "array" else str), f"{name} is of another type"
    jobs: dict[str, Any] = _put_in(body, values)
    return jobs


def _put_in(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {_put_in(key, values): _put_in(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_put_in(one, values) for one in node]
    if not isinstance(node, str):
        return node
    if whole := _BLOCK.fullmatch(node):
        return values[whole[1]]
    return _BLOCK.sub(lambda one: str(values[one[1]]), node)


def run_job(job: Mapping[str, Any], checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script of a GitLab job, as its runner evaluates it with bash; variables may name others."""
    known = {"CI": "true", "CI_COMMIT_SHA": SHA, "CI_PROJECT_DIR": str(checkout)}
    variables = {
        key: re.sub(r"\$(\w+)", lambda one: known.get(one[1], ""), value) for key, value in job["variables"].items()
    }
    lines = "\n".join(job["script"])
    return subprocess.run(
        ["bash", "-c", f"set -eo pipefail\nset +o noclobber\n{lines}"],
        cwd=checkout,
        env={"HOME": str(checkout), "PATH": os.environ["PATH"], **CACHED, **known, **variables, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def command_below(directory: Path) -> Path:
    """A command `readiness` of this checkout in `directory/bin`, as an installation has it; returns its directory."""
    bin_directory = directory / "bin"
    bin_directory.mkdir(parents=True)
    script = bin_directory / "readiness"
    text = f"#!{sys.executable}\nimport sys\n\nsys.path.insert(0, {str(ROOT)!r})\nfrom harness.__main__ import main\n\nmain()\n"
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)
    return bin_directory


def checkout_at(directory: Path) -> Path:
    """A copy of the files of this checkout, as a runner checks them out."""
    left_out = shutil.ignore_patterns(".git", ".venv", "reports", "__pycache__", ".hypothesis", ".mypy_cache")
    return Path(shutil.copytree(ROOT, directory, ignore=left_out))


FEATURE: Final = """\
Feature: The tests of the shop

  @PL-UNIT
  Scenario: the unit tests passed
    When the JUnit report "unit" of this release has been read
    Then at least 2 tests passed and none failed

  @PL-END
  Scenario: the end-to-end tests passed, 100 % of them: all, none left out
    When the JUnit report "end" of this release has been read
    Then at least 2 tests passed and none failed
"""
CATALOGUE: Final = """\
profile: plain
title: The tests of the shop
sections:
  - source: this project
    requirements:
      - {id: PL-UNIT, title: unit tests, criterion: at least 2 tests passed and none failed, kinds: [I], gate: critical}
      - {id: PL-END, title: end to end, criterion: at least 2 tests passed and none failed, kinds: [I], gate: critical}
"""
TARGET: Final = "name: shop\nenvironment: staging\nevidence: {junit: {unit: unit.xml, end: end.xml}}\n"
RELEASE: Final = f'<properties><property name="release" value="{SHA}"/></properties>'
PASSED: Final = '<testcase classname="t" name="{name}" time="1"/>'
FAILED: Final = (
    '<testcase classname="t" name="{name}" time="1"><failure message="100 %, no: more">x</failure></testcase>'
)


def paper(directory: Path, **reports: str) -> Project:
    """A project that judges the JUnit reports `unit` and `end` of the release SHA.

    Args:
        directory: directory of the project.
        reports: the tests of each report: `p` for a test that passed, `f` for one that failed.
    """
    project = Project.copy(directory, "http://127.97.0.1:9")
    files = {"features/plain/kpi.feature": FEATURE, "catalogue/plain.yaml": CATALOGUE, "target.yaml": TARGET}
    for name, tests in reports.items():
        cases = "".join((PASSED if one == "p" else FAILED).format(name=f"test_{n}") for n, one in enumerate(tests))
        counts = f'tests="{len(tests)}" failures="{tests.count("f")}"'
        files[f"{name}.xml"] = f'<testsuite name="{name}" {counts} errors="0" skipped="0">{RELEASE}{cases}</testsuite>'
    for name, text in files.items():
        (project.root / name).write_text(text, encoding="utf-8")
    return project
