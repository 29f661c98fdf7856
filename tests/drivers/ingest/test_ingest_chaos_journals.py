"""Journals that Chaos Toolkit itself writes: small experiments on a file of this machine are run by `chaos run`, and its journals are judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import clock
from harness.model import Outcome
from tests.builders.asked import COMMIT
from tests.builders.chaos_reports.judged import facts_of, outcome_of

FAULTS = '''"""Actions of the experiments."""

from chaoslib.exceptions import ActivityFailed
from chaoslib.exit import exit_gracefully


def refuse():
    raise ActivityFailed("the API refused it")


def stop():
    exit_gracefully()


def select():
    return []
'''


def process(kind: str, name: str, path: str, arguments: list[str], **more: Any) -> dict[str, Any]:
    """An activity that is a program."""
    return {
        "type": kind,
        "name": name,
        "provider": {"type": "process", "path": path, "arguments": arguments},
        **more,
    }


def python(name: str) -> dict[str, Any]:
    """An action of the module."""
    return {"type": "action", "name": name, "provider": {"type": "python", "module": "file_faults", "func": name}}


def mark(suffix: str) -> dict[str, Any]:
    """An action that makes a file beside the one that is checked, so that the steady state stays."""
    return process("action", f"mark {suffix}", "touch", [f"stock.{suffix}"])


TAKE = process("action", "take the stock", "mv", ["stock", "taken"])
GIVE = process("action", "give it back", "mv", ["taken", "stock"])
WIPE = process("action", "wipe the mark", "rm", ["stock.a"])
ABSENT = process("action", "wipe what is absent", "rm", ["absent"])
EXPERIMENTS: Mapping[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[str], str, Outcome, str]] = {
    "passed": ([mark("a")], [WIPE], [], "completed", Outcome.PASS, ""),
    "passed, checked all the time": (
        [mark("a"), process("probe", "list", "ls", [])], [WIPE], ["--hypothesis-strategy", "continuously"],
        "completed", Outcome.PASS, "",
    ),
    "deviated": ([TAKE], [GIVE], [], "completed", Outcome.FAIL, "`the stock is there` was not in its tolerance"),
    "action failed": ([python("refuse")], [WIPE], [], "completed", Outcome.INCONCLUSIVE, "`refuse` failed"),
    "process failed": ([ABSENT], [mark("a")], [], "completed", Outcome.INCONCLUSIVE, "ended with exit status 1"),
    "nothing selected": ([python("select")], [mark("a")], [], "completed", Outcome.INCONCLUSIVE, "hit nothing"),
    "rollback failed": ([mark("a")], [python("refuse")], [], "completed", Outcome.INCONCLUSIVE, "`refuse` failed"),
    "no rollback": ([mark("a")], [], [], "completed", Outcome.INCONCLUSIVE, "does not say it"),
    "no rollbacks wanted": (
        [mark("a")], [WIPE], ["--rollback-strategy", "never"], "completed", Outcome.INCONCLUSIVE, "were not run",
    ),
    "interrupted": ([mark("a"), python("stop"), mark("b")], [WIPE], [], "interrupted", Outcome.INCONCLUSIVE, "of 3 activities"),
    "dry run": ([mark("a")], [WIPE], ["--dry", "actions"], "completed", Outcome.INCONCLUSIVE, "dry run"),
    "checked only before": (
        [mark("a")], [WIPE], ["--hypothesis-strategy", "before-method-only"],
        "completed", Outcome.INCONCLUSIVE, "only before the fault",
    ),
    "empty": ([], [], [], "completed", Outcome.INCONCLUSIVE, "no action was run"),
}  # fmt: skip
"""Method, rollbacks, options, the status that the tool gives, what its journal comes to, and why."""


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The journal of each experiment; all are run at once, each in a directory of its own."""
    running = {}
    for name, (method, rollbacks, options, *_) in EXPERIMENTS.items():
        directory = tmp_path_factory.mktemp("chaos")
        (directory / "stock").touch()
        (directory / "file_faults.py").write_text(FAULTS)
        (directory / "origin.yaml").write_text(yaml.safe_dump({"commit": COMMIT}))
        probe = process("probe", "the stock is there", "test", ["-f", "stock"], tolerance=0)
        hypothesis = {"title": "there is stock", "probes": [probe]}
        experiment = {"title": name, "description": name, "method": method, "rollbacks": rollbacks}
        (directory / "experiment.json").write_text(json.dumps({**experiment, "steady-state-hypothesis": hypothesis}))
        command = [
            str(Path(sys.executable).with_name("chaos")),
            "--no-version-check",
            "--no-log-file",
            "--settings",
            "none.yaml",
        ]
        run = [*command, "run", "--journal-path", "journal.json", *options, "experiment.json"]
        environment = {**os.environ, "PYTHONPATH": str(directory)}
        running[directory / "journal.json"] = subprocess.Popen(
            run, cwd=directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    for process_of in running.values():
        process_of.wait(timeout=120)
    return dict(zip(EXPERIMENTS, running, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_journal_of_the_tool_itself_comes_to_what_happened(journals: Mapping[str, Path], name: str) -> None:
    """The tool calls most of them completed; only what went in, was probed and came out passes, and only what deviated fails."""
    *_, status, outcome, why = EXPERIMENTS[name]
    path = journals[name]
    assert json.loads(path.read_text())["status"] == status
    found = outcome_of(facts_of(path.parent, "chaostoolkit", [path.name], today=clock.wall()))
    assert found[0] is outcome, found
    assert why in found[1]


@pytest.mark.slow
def test_a_kill_of_a_real_journal_needs_the_name_of_its_experiment(journals: Mapping[str, Path]) -> None:
    """Without a rollback the steady state after the method shows that it came out, where the target file says so."""
    path = journals["no rollback"]
    facts = facts_of(path.parent, "chaostoolkit", [path.name], today=clock.wall(), nothing_to_undo=["no rollback"])
    assert outcome_of(facts)[0] is Outcome.PASS
