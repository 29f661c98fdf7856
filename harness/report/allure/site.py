"""Makes `allure-report/index.html` from `allure-results` with the locked version of the npm package `allure`.

Node.js comes with the extra `allure`. The npm packages are not part of the wheel: they are installed once into a cache directory and checked against the
hashes of the lock file. An error in this module never changes the decision or the exit code of the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ConfigurationError, EvidenceError, HarnessError
from harness.files import write_atomic
from harness.model import DecisionOutcome
from harness.report.allure.decision import STABLE
from harness.report.allure.labels import CATEGORIES
from harness.report.allure.npm import EXTRA, SOURCES, Node, find_node, first_lines, npm_packages
from harness.report.view.moments import Moments
from harness.report.view.wording import clean

if TYPE_CHECKING:
    from harness.model import Evidence, Judgement, Plan

REPORT: Final = "allure-report"
HISTORY: Final = "history.json"
"""A file in a run's `allure-report` with the run's results in short, from which later reports show their history."""
_GENERATE_S: Final = 300.0
_MOST_BYTES: Final = 64 << 20
_RUNS_SHOWN: Final = 20
"""Maximum number of earlier runs in a report; each takes about 1 kB of memory per requirement."""


def write_site(run: Path, plan: Plan, evidence: Evidence, judgement: Judgement, *, exit_code: int) -> Path:
    """Make `RUN/allure-report/index.html` from `RUN/allure-results`; returns its path.

    An older report is replaced when the new report is complete. The history comes from the reports of earlier runs of the same target in the directory
    that contains `run`. The report shows `exit_code`, the exit code of the decision.

    Raises:
        ConfigurationError: the extra is not installed, or the npm packages are missing and cannot be installed.
        EvidenceError: the report cannot be written into the run directory.
        HarnessError: Allure could not make a report from these results.
    """
    node = find_node()
    if node is None:
        raise ConfigurationError("the Allure report needs Node.js, which is not installed", hint=EXTRA)
    results = run / "allure-results"
    expected = len(list(results.glob("*-result.json")))
    if not expected:
        raise ConfigurationError("the run has no Allure results", where=str(results), hint="run `readiness report RUN`")
    packages = npm_packages(node)
    try:
        _made(run, plan, evidence, judgement, exit_code=exit_code, node=node, packages=packages, expected=expected)
    except OSError as error:
        what = f"the Allure report cannot be written: {error.strerror or error}"
        raise EvidenceError(what, where=str(error.filename or run), hint="make the run's directory writable") from error
    return run / REPORT / "index.html"


def _made(
    run: Path,
    plan: Plan,
    evidence: Evidence,
    judgement: Judgement,
    *,
    exit_code: int,
    node: Node,
    packages: Path,
    expected: int,
) -> None:
    """Make the report in a temporary directory, then replace the old one."""
    moments = Moments.of(evidence)
    end_ms = moments.ms(moments.end_ns)
    with tempfile.TemporaryDirectory(prefix=".allure-", dir=run) as scratch:
        made, history, options = (Path(scratch) / name for name in (REPORT, "history.jsonl", "options.json"))
        points = earlier_points(run, plan.target, before_ms=end_ms)
        history.write_text("".join(f"{json.dumps(point)}\n" for point in points), encoding="utf-8")
        asked = {
            "packages": str(packages),
            "results": str(run / "allure-results"),
            "output": str(made),
            "history": str(history),
            "name": clean(judgement.decision.headline),
            "exitCode": exit_code,
            "categories": [_category(category) for category in CATEGORIES],
            "expected": expected,
            "decision": {
                "fullName": STABLE,
                "word": judgement.decision.outcome.value,
                "go": judgement.decision.outcome is DecisionOutcome.GO,
                "reasons": clean("\n".join((judgement.decision.headline, *judgement.decision.reasons))),
            },
        }
        options.write_text(json.dumps(asked), encoding="utf-8")
        _generate(node, options)
        write_atomic(made / HISTORY, _own_point(history, plan, end_ms))
        _replace(run / REPORT, made)


def _category(category: Any) -> dict[str, Any]:
    """The categories in the form of Allure 3, which can match labels."""
    matchers = {"statuses": [category["status"]], "labels": {"verdict": f"^({category['verdict']})$"}}
    return {"name": category["name"], "matchers": matchers, "groupByMessage": False}


def _generate(node: Node, options: Path) -> None:
    what = "the Allure report could not be made"
    command = [str(node.node), str(SOURCES / "generate.mjs"), str(options)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_GENERATE_S,
            cwd=options.parent,
        )
    except subprocess.TimeoutExpired as error:
        hint = "run `readiness report RUN` again when the machine is less busy; `allure-results` is complete"
        raise HarnessError(f"{what} within {_GENERATE_S:g} s", hint=hint) from error
    except OSError as error:
        raise HarnessError(f"{what}: {error}", hint=f"install the extra again: {EXTRA}") from error
    if done.returncode:
        raise HarnessError(
            f"{what}: {first_lines(done.stderr) or f'exit code {done.returncode}'}", where=str(options.parent.parent)
        )


def _replace(to: Path, made: Path) -> None:
    """Replace the old report by the complete new one; for a moment there is none, but never a mixture of both."""
    if to.is_symlink() or to.is_file():
        to.unlink()
    shutil.rmtree(to, ignore_errors=True)
    made.rename(to)


# The history: each run keeps its own point, so that there is no file that two runs write, and a report made again adds nothing.


def _own_point(history: Path, plan: Plan, end_ms: int | None) -> bytes:
    """This run's line of Allure's history file, with the run's end as its time instead of the current time."""
    lines = history.read_text(encoding="utf-8").splitlines()
    point = json.loads(lines[-1]) if lines else {}
    if end_ms is not None:
        point["timestamp"] = end_ms
    return (
        json.dumps({"run": plan.run, "target": plan.target, "profile": plan.profile, "point": point}).encode() + b"\n"
    )


def earlier_points(run: Path, target: str, *, before_ms: int | None) -> list[dict[str, Any]]:
    """History entries of earlier runs of a target in the directory that contains `run`, oldest first.

    Files that cannot be read or have another format are skipped.
    """
    if before_ms is None:
        return []
    own = run.resolve()
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(
        own.parent.glob(f"*/{REPORT}/{HISTORY}"), reverse=True
    ):  # the names of runs begin with their time
        if file.parent.parent.resolve() == own or file.parent.parent.is_symlink():
            continue
        if len(found) == _RUNS_SHOWN:
            break
        with contextlib.suppress(OSError, ValueError, RecursionError):
            told = json.loads(_read(file))
            if _is_point(told, target, before_ms):
                found[told["run"]] = told["point"]
    return sorted(found.values(), key=lambda point: int(point["timestamp"]))


def _read(file: Path) -> bytes:
    """The contents of a regular file of limited size; links are not followed, and pipes are not opened."""
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise ValueError(f"{file} is not a history")
        return opened.read(_MOST_BYTES)


def _is_point(told: Any, target: str, before_ms: int) -> bool:
    if not isinstance(told, dict) or told.get("target") != target or not isinstance(told.get("run"), str):
        return False
    point = told.get("point")
    return (
        isinstance(point, dict)
        and type(point.get("timestamp")) is int
        and point["timestamp"] < before_ms
        and isinstance(point.get("uuid"), str)
        and _strings(point.get("knownTestCaseIds"))
        and isinstance(point.get("testResults"), dict)
        and all(isinstance(one, dict) and isinstance(one.get("status"), str) for one in point["testResults"].values())
    )


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
