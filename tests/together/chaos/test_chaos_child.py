"""Whole experiments in a child process against a real API server: what is recorded, held, undone, and survives a kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import Deadline
from harness.drivers.chaos import ChaosRun, ForkServer, Restorer, load_experiment, open_rollbacks
from harness.evidence import read_history
from harness.targets import platform_of
from harness.targets.safety.intents import pending_intents, unclear_intents
from harness.targets.undo import recover
from tests.builders.pages import pages

if TYPE_CHECKING:
    from harness.model import Observation

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
DOCS = EXPERIMENTS.with_name("docs")
FROST = """
title: A node is frozen
description: By an action of the project's own.
extensions: [{name: harness, domain: node, confirmed_by: nodes-ready, within: 10 s}]
method:
  - {name: freeze-node, type: action, provider: {type: python, module: frost, func: freeze_node, arguments: {name: us-east-1a}}}
  - {name: nodes-ready, type: probe, provider: {type: python, module: harness.chaos.probes, func: nodes_ready}}
  - {name: hold, type: action, provider: {type: python, module: harness.chaos.actions, func: hold, arguments: {at_least_s: 60, at_most_s: 90}}}
"""
THAW = "  - {name: thaw-nodes, type: action, provider: {type: python, module: frost, func: thaw_nodes}}\n"


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    """The shipped experiments, with the least hold made short."""
    directory = tmp_path / "experiments"
    directory.mkdir()
    for path in EXPERIMENTS.glob("*.yaml"):
        text = path.read_text().replace("at_least_s: 25", "at_least_s: 0")
        (directory / path.name).write_text(text.replace("within_s: 60", "within_s: 20"))
    return directory


def started(name: str, pocket: Any, experiments: Path, run: Path, **options: Any) -> ChaosRun:
    """A child that runs one of the experiments."""
    child = ChaosRun(load_experiment(name, [experiments]), pocket.target, run, pocket.forks, **options)
    child.start()
    return child


def wait_for(what: Any) -> None:
    """Wait until it is so, for a bounded time."""
    assert any(what() for _ in Deadline.after(90).ticks(0.05))


def history(run: Path, name: str) -> list[Observation]:
    """The child's history, which must be whole."""
    observations, missing = read_history(run / "history" / f"chaos-{name}.ndjson")
    assert missing == []
    return observations


def kinds(run: Path, name: str) -> list[str]:
    """What it recorded of the fault, in order."""
    return [o.kind for o in history(run, name) if o.kind.startswith("fault.")]


def test_pod_loss_is_sent_confirmed_and_gone(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """The history has the two pods by uid and address, and the times in their order; nothing needs undoing."""
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert (result.exit_code, result.confirmed, result.why) == (0, True, "")
    assert result.journal == {
        "status": "completed",
        "deviated": "false",
        "steady_before": "met",
        "steady_after": "met",
        "unmet": "",
        "failed": "",
    }
    assert kinds(run, "pod-loss") == ["fault.sent", "fault.confirmed", "fault.gone"]
    sent, confirmed, gone = (o for o in history(run, "pod-loss") if o.kind.startswith("fault."))
    assert sent.fields["at_ns"] < confirmed.fields["at_ns"] < gone.fields["at_ns"]
    assert [(hit["name"], hit["workload"]) for hit in confirmed.fields["hit"]] == [
        ("track-service-1", "track-service"),
        ("track-service-2", "track-service"),
    ]
    assert child.sent_ns() == sent.fields["at_ns"]
    assert (run / "chaos" / "pod-loss" / "experiment.yaml").exists()


def test_a_held_fault_is_undone_when_it_is_released(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """The primary stays away until the hold is released; then it streams, leads again, and all is as before."""
    run = tmp_path / "run"
    restorer = Restorer(pocket.target)
    restorer.baseline()
    child = started("database-primary-loss", pocket, experiments, run)
    wait_for(lambda: child.confirmed_ns() is not None)
    assert restorer.restored(["nodes"]) == (
        False,
        "us-east-1a is not ready or cordoned; us-east-1b is not ready or cordoned",
        ("Node us-east-1a", "Node us-east-1b"),
    )
    child.release()
    wait_for(lambda: not child.alive())
    assert child.finish().why == ""
    assert kinds(run, "database-primary-loss") == [
        "fault.sent",
        "fault.confirmed",
        "fault.held",
        "fault.undone",
        "fault.gone",
    ]
    assert restorer.restored() == (True, "", ())
    assert pocket.leader == "postgres-us-east-1-0"
    assert pending_intents(platform_of(pocket.target)) == []


def test_an_undo_in_the_method_of_a_fault_that_is_not_held_is_an_undo(
    pocket: Any, experiments: Path, tmp_path: Path
) -> None:
    """The file cuts the power and gives it back: what comes back then did not come back by itself."""
    file, run = experiments / "node-loss.yaml", tmp_path / "run"
    begin, _, rest = file.read_text().partition("steady-state-hypothesis:")  # no member of a database streams here
    method = rest[rest.index("method:") :]
    file.write_text(
        begin + method[: method.index("  - name: hold")] + method[method.index("  - name: power-on-nodes") :]
    )
    child = started("node-loss", pocket, experiments, run)
    wait_for(lambda: not child.alive())
    assert child.finish().confirmed
    assert kinds(run, "node-loss") == ["fault.sent", "fault.confirmed", "fault.undone", "fault.gone"]
    undone = next(o for o in history(run, "node-loss") if o.kind == "fault.undone")
    assert undone.fields["activity"] == "power-on-nodes"


@pytest.mark.parametrize("ears", [signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background"])
def test_an_interrupted_experiment_runs_its_rollbacks(
    pocket: Any, experiments: Path, tmp_path: Path, ears: Any
) -> None:
    """Ctrl-C while the fault is held: nodes uncordoned, the leader at home, no intent left; also when a script started the run with `&`."""
    run = tmp_path / "run"
    before = signal.signal(signal.SIGINT, ears)
    with ForkServer(pocket.target) as forks:
        try:
            child = started("database-primary-loss", replace(pocket, forks=forks), experiments, run)
        finally:
            signal.signal(signal.SIGINT, before)
        wait_for(lambda: child.confirmed_ns() is not None)
        result = child.finish()
    assert result.why == "the experiment was interrupted"
    assert result.journal["status"] == "interrupted"
    assert kinds(run, "database-primary-loss") == ["fault.sent", "fault.confirmed", "fault.undone", "fault.gone"]
    assert pocket.leader == "postgres-us-east-1-0"
    assert pending_intents(platform_of(pocket.target)) == []


def test_a_killed_experiment_is_recovered_from_its_intents(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """A kill -9 while the fault is held: nothing is rolled back, the intents know all of it."""
    child = started("database-primary-loss", pocket, experiments, tmp_path / "run")
    wait_for(lambda: child.confirmed_ns() is not None)
    assert child._child is not None
    os.kill(child._child.pid, signal.SIGKILL)
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert result.journal["status"] == "none"
    assert result.why.startswith("the journal is missing: ")
    assert pocket.leader == "postgres-eu-west-1-0"
    assert len(recover(pocket.target).undone) == 3
    assert pocket.leader == "postgres-us-east-1-0"


@pytest.mark.parametrize("more", [THAW, f"rollbacks:\n{THAW}"], ids=["undone by the method", "undone by a rollback"])
def test_an_action_of_ones_own_is_undone_by_recover(pocket: Any, experiments: Path, tmp_path: Path, more: str) -> None:
    """A kill -9 while the fault of the document is in: its module is beside the experiment file, where the command finds it."""
    (code,) = re.findall(r"```python\n(.*?)```", pages("actions-of-your-own"), re.DOTALL)
    (experiments / "frost.py").write_text(code)
    (experiments / "frost.yaml").write_text(FROST + more)
    platform = platform_of(pocket.target)
    open_rollbacks(platform, load_experiment("frost", [experiments]))
    child = started("frost", pocket, experiments, tmp_path / "run")
    wait_for(lambda: pocket.get("Node", "", "us-east-1a")["metadata"].get("annotations"))
    assert child._child is not None
    os.kill(child._child.pid, signal.SIGKILL)
    wait_for(lambda: not child.alive())
    child.finish()
    command = [sys.executable, "-m", "harness", "recover", "--target", str(pocket.target.file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "undone: thaw us-east-1a (after: freeze us-east-1a, " in done.stdout
    assert not pocket.get("Node", "", "us-east-1a")["metadata"].get("annotations")
    assert (pending_intents(platform), unclear_intents(platform)) == ([], [])


def test_an_action_that_hits_nothing_ends_the_experiment(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """Chaos Toolkit would go on and exit with 0; here the fault is not confirmed, and why is on record."""
    file = experiments / "pod-loss.yaml"
    file.write_text(file.read_text().replace("app=track-service", "app=nobody"))
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert not result.confirmed
    assert (
        result.why
        == "kill-pods: harness.errors.FaultNotInjected: 0 ready pods match app=nobody in us-east-1, expected 2 to be killed"
    )
    assert result.journal["status"] == "interrupted"
    assert kinds(run, "pod-loss") == ["fault.sent", "fault.why", "fault.gone"]


def test_stock_actions_that_select_nothing_end_it_too(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """terminate_pods of chaosk8s returns an empty list and succeeds; the journal says failed all the same."""
    file = experiments / "pod-loss.yaml"
    text = file.read_text().replace("module: harness.chaos.actions", "module: chaosk8s.pod.actions")
    file.write_text(text.replace("func: kill_pods", "func: terminate_pods").replace("app=track-service", "app=nobody"))
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert not result.confirmed
    assert result.why == "kill-pods: the action selected no object"
    assert result.journal["failed"] == "kill-pods"


def test_stock_actions_are_recorded_by_what_is_gone(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """terminate_pods says nothing to us: what it hit is what was there before and is not any more."""
    file = experiments / "pod-loss.yaml"
    text = file.read_text().replace("module: harness.chaos.actions", "module: chaosk8s.pod.actions")
    text = text.replace("func: kill_pods", "func: terminate_pods").replace(
        "confirmed_by: pods-gone", "confirmed_by: pods-replaced"
    )
    file.write_text(text)
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    wait_for(lambda: not child.alive())
    assert child.finish().confirmed
    confirmed = next(o for o in history(run, "pod-loss") if o.kind == "fault.confirmed")
    assert [hit["workload"] for hit in confirmed.fields["hit"]] == ["track-service", "track-service"]


def stock(file: Path, *edits: tuple[str, str]) -> None:
    """Let `pod-loss` terminate pods by chaosk8s, whose actions are confirmed by what is gone; with these edits."""
    text = file.read_text()
    for old, new in (
        ("module: harness.chaos.actions", "module: chaosk8s.pod.actions"),
        ("func: kill_pods", "func: terminate_pods"),
        ("confirmed_by: pods-gone", "confirmed_by: pods-replaced"),
        ("  - name: pods-gone\n    type: probe\n", ""),
        (
            "    provider: {type: python, module: harness.chaos.probes, func: hit_pods_gone, arguments: {within_s: 10}}\n",
            "",
        ),
        *edits,
    ):
        assert old in text, old
        text = text.replace(old, new)
    file.write_text(text)


def test_a_pod_that_still_answers_while_it_terminates_is_not_gone(
    pocket: Any, experiments: Path, tmp_path: Path
) -> None:
    """Where all pods of a Service terminate it still sends requests to those that are Ready: the fault is not in."""
    pocket.world.lingers = True
    file = experiments / "pod-loss.yaml"
    file.write_text(file.read_text().replace("arguments: {within_s: 10}", "arguments: {within_s: 0.5}"))
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert not result.confirmed
    assert "still existed" in result.why


def test_a_pod_that_terminates_was_hit(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """A genuine cluster lists it for as long as its `preStop` takes, still Ready, and a probe of the file confirms the fault long before."""
    pocket.world.lingers = True
    stock(experiments / "pod-loss.yaml")
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    wait_for(lambda: not child.alive())
    assert child.finish().why == ""
    confirmed = next(o for o in history(run, "pod-loss") if o.kind == "fault.confirmed")
    assert [hit["name"] for hit in confirmed.fields["hit"]] == ["track-service-1", "track-service-2"]


def test_pods_that_terminate_count_for_the_blast_radius(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """Two were deleted and are still listed, one is allowed."""
    pocket.world.lingers = True
    stock(experiments / "pod-loss.yaml", ("blast_radius: {max_pods: 2}", "blast_radius: {max_pods: 1}"))
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert (result.confirmed, result.why) == (False, "kill-pods: the experiment hit 2 pods, `blast_radius` allows 1")


def test_an_unsteady_target_is_not_broken(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """The method is not run, Chaos Toolkit exits with 0, and we say why."""
    file = experiments / "pod-loss.yaml"
    file.write_text(file.read_text().replace("within_s: 15", "within_s: 0.2"))
    pocket.change("Deployment", "us-east-1", "track-service", status={"readyReplicas": 1, "observedGeneration": 1})
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert (result.exit_code, result.confirmed) == (0, False)
    assert result.journal["steady_before"] == "not met"
    assert result.why == "the method was not run: the steady state was not met before the method: workloads-ready"


def test_a_second_attempt_keeps_the_files_of_the_first(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """All attempts are kept; the history goes on in the same file without a gap."""
    run = tmp_path / "run"
    for attempt in (1, 2):
        child = started("pod-loss", pocket, experiments, run, attempt=attempt)
        wait_for(lambda: not child.alive())  # noqa: B023 - waited for in this very turn
        assert child.finish().confirmed
    assert (run / "chaos" / "pod-loss" / "attempt-1" / "journal.json").exists()
    assert kinds(run, "pod-loss") == ["fault.sent", "fault.confirmed", "fault.gone"] * 2


def test_a_probe_that_was_true_before_the_fault_confirms_nothing(
    pocket: Any, experiments: Path, tmp_path: Path
) -> None:
    """Blind side 8: the action breaks nothing, the confirming probe is true all the time: the fault is not confirmed."""
    file = experiments / "pod-loss.yaml"
    text = file.read_text().replace("confirmed_by: pods-gone", "confirmed_by: pods-replaced")
    action = text[text.index("  - name: kill-pods") : text.index("  - name: pods-gone")]
    hold = "{type: python, module: harness.chaos.actions, func: hold, arguments: {at_least_s: 0, at_most_s: 0}}"
    nothing = f"  - name: kill-pods\n    type: action\n    provider: {hold}\n"
    text = text.replace(action, nothing).replace("func: hit_pods_gone", "func: workloads_ready")
    file.write_text(text)
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    wait_for(lambda: not child.alive())
    result = child.finish()
    assert not result.confirmed
    assert result.why == "pods-replaced: the probe was also true before the fault, so it confirms nothing"
    assert "fault.confirmed" not in kinds(run, "pod-loss")
