"""The trial of stock files: what they cover, and that nothing false is said of one (`benchmarks/stock_experiments.py`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.drivers.chaos import read_experiment
from harness.targets.cluster.chaosk8s import FUNCTIONS
from tests.builders.stock_world import NOTES, TOOLS

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "stock_experiments.py"
FILES = sorted((BENCHMARK.parent / "stock").glob("*.yaml"))
UNDONE = {"nothing owed", "by the file", "from the undo log", "not undone"}


def test_there_are_fifty_two_and_each_says_what_is_expected() -> None:
    """Whether its fault is confirmed, and who undoes it; faults that do not happen are among them, and undos of each kind."""
    trials = [yaml.safe_load(file.read_text(encoding="utf-8"))["x-trial"] for file in FILES]
    assert len(trials) == 52
    assert {one["undone"] for one in trials} == UNDONE
    assert sum(not one["confirmed"] for one in trials) >= 12


def test_each_is_an_experiment(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With the modules of its project beside it."""
    for name, text in (("shop_tools", TOOLS), ("notes_control", NOTES)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    for file in FILES:
        with subtests.test(file.stem):
            (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
            assert read_experiment(tmp_path / file.name).plan.name == file.stem


def test_they_call_functions_of_every_module_that_the_sandbox_serves() -> None:
    """Of chaostoolkit-kubernetes: pods, workloads, nodes, networks and other objects, custom ones and those of Chaos Mesh."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    called = {one for one in FUNCTIONS if "module: chaosk8s.{}, func: {},".format(*one.rsplit(".", 1)) in text}
    assert len(called) > 35
    modules = {name.split(".")[0] for name in FUNCTIONS} - {"actions", "event", "namespace"}
    assert modules == {name.split(".")[0] for name in called}


@pytest.mark.slow
@pytest.mark.sandbox
def test_of_all_of_them_nothing_false_is_said() -> None:
    """Against what a small shop on the sandbox's API went through, watched from outside; a quarter of an hour."""
    done = subprocess.run([sys.executable, str(BENCHMARK)], capture_output=True, text=True, timeout=2400, check=False)
    assert done.returncode == 0, done.stdout
    assert "52 of 52 files: nothing false" in done.stdout
