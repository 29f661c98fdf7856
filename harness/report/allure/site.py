"""`allure-report/index.html`: Allure's own page, made of `allure-results` by the npm package `allure` in the version of its lock file.

Node comes with the extra `allure`. The npm packages are not in a wheel of ours: they are installed once into a cache directory, by the lock
file's hashes. The report shows the run's exit code and has none of its own: what goes wrong here changes no decision.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ConfigurationError, HarnessError
from harness.files import write_atomic
from harness.report.allure.labels import CATEGORIES
from harness.report.allure.npm import EXTRA, SOURCES, Node, find_node, last_words, npm_packages
from harness.report.view.moments import Moments

if TYPE_CHECKING:
    from harness.model import Evidence, Judgement, Plan

REPORT: Final = "allure-report"
HISTORY: Final = "history.json"
"""In a run's `allure-report`: what later reports need of it to show what was before."""
_GENERATE_S: Final = 300.0
_RUNS_SHOWN: Final = 20
"""Earlier runs in a report; each costs about a kilobyte a requirement while it is made."""


def write_site(run: Path, plan: Plan, evidence: Evidence, judgement: Judgement, *, exit_code: int) -> Path:
    """Make `RUN/allure-report/index.html` of `RUN/allure-results`; returns its path.

    What was there before is replaced when the new one is complete. The reports of earlier runs of the same target that are
    beside `run` are its history. `exit_code` is the decision's, as the report shows it.

    Raises:
        ConfigurationError: the extra is not installed, or the npm packages are neither here nor to be had.
        HarnessError: the report could not be made of these results.
    """
    node = find_node()
    if node is None:
        raise ConfigurationError("the Allure report needs Node.js, which is not installed", hint=EXTRA)
    results = run / "allure-results"
    expected = len(list(results.glob("*-result.json")))
    if not expected:
        raise ConfigurationError("there are no Allure results", where=str(results), hint="run `readiness report RUN`")
    packages = npm_packages(node)
    with tempfile.TemporaryDirectory(prefix=".allure-", dir=run) as scratch:
        made, history = Path(scratch) / REPORT, Path(scratch) / "history.jsonl"
        moments = Moments.of(evidence)
        end_ms = moments.ms(moments.end_ns)
        points = earlier_points(run, plan.target, before_ms=end_ms)
        history.write_text("".join(f"{json.dumps(point)}\n" for point in points), encoding="utf-8")
        options = Path(scratch) / "options.json"
        name = judgement.decision.headline.encode("utf-8", "replace").decode()
        asked = {
            "packages": str(packages),
            "results": str(results),
            "output": str(made),
            "history": str(history),
            "name": name,
            "exitCode": exit_code,
            "categories": [_category(category) for category in CATEGORIES],
            "expected": expected,
        }
        options.write_text(json.dumps(asked), encoding="utf-8")
        _generate(node, options)
        write_atomic(made / HISTORY, _own_point(history, plan, end_ms))
        _replace(run / REPORT, made)
    return run / REPORT / "index.html"


def _category(category: Any) -> dict[str, Any]:
    """In the form of Allure 3, which can ask for a label."""
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
        raise HarnessError(f"{what}: it took over {_GENERATE_S:g} s", hint="the results are complete") from error
    except OSError as error:
        raise HarnessError(f"{what}: {error}", hint=f"install the extra anew: {EXTRA}") from error
    if done.returncode:
        raise HarnessError(
            f"{what}: {last_words(done.stderr) or f'exit code {done.returncode}'}", where=str(options.parent.parent)
        )


def _replace(to: Path, made: Path) -> None:
    """The old report goes when the new one is complete; for an instant there is none, never half of each."""
    if to.is_symlink() or to.is_file():
        to.unlink()
    shutil.rmtree(to, ignore_errors=True)
    made.rename(to)


# The history: each run keeps its own point, so that there is no file that two runs write, and a report made again adds nothing.


def _own_point(history: Path, plan: Plan, end_ms: int | None) -> bytes:
    """This run's line of the history that was appended to, told to be of the run's end and not of now."""
    lines = history.read_text(encoding="utf-8").splitlines()
    point = json.loads(lines[-1]) if lines else {}
    if end_ms is not None:
        point["timestamp"] = end_ms
    return (
        json.dumps({"run": plan.run, "target": plan.target, "profile": plan.profile, "point": point}).encode() + b"\n"
    )


def earlier_points(run: Path, target: str, *, before_ms: int | None) -> list[dict[str, Any]]:
    """The points of the last runs of a target that are beside `run` and ended before it, oldest first.

    A file that cannot be read or is of another form is no history, and costs nothing else.
    """
    if before_ms is None:
        return []
    own = run.resolve()
    found: dict[str, dict[str, Any]] = {}
    for file in own.parent.glob(f"*/{REPORT}/{HISTORY}"):
        if file.parent.parent.resolve() == own or file.parent.parent.is_symlink():
            continue
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(file.read_text(encoding="utf-8"))
            if _is_point(told, target, before_ms):
                found[told["run"]] = told["point"]
    return sorted(found.values(), key=lambda point: int(point["timestamp"]))[-_RUNS_SHOWN:]


def _is_point(told: Any, target: str, before_ms: int) -> bool:
    if not isinstance(told, dict) or told.get("target") != target or not isinstance(told.get("run"), str):
        return False
    point = told.get("point")
    return (
        isinstance(point, dict)
        and isinstance(point.get("timestamp"), int)
        and point["timestamp"] < before_ms
        and isinstance(point.get("testResults"), dict)
        and isinstance(point.get("knownTestCaseIds"), list)
        and isinstance(point.get("uuid"), str)
    )
