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
from harness.drivers.chaos import ChaosResult, ChaosRun, ForkServer, Restorer, load_experiment, open_rollbacks
from harness.evidence import read_history
from harness.targets import platform_of
from harness.targets.safety.intents import pending_intents, unclear_intents
from harness.targets.undo import recover
from tests.builders.pages import pages

if TYPE_CHECKING:
    from harness.model import Observation

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
DOCS = EXPERIMENTS.with_name("docs")
BY_HAND = [
    *(sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "--settings", os.devnull, "run"),
    *("--rollback-strategy", "always", "--journal-path", os.devnull),
]
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


def ended(child: ChaosRun) -> ChaosResult:
    """How a child ended by itself."""
    wait_for(lambda: not child.alive())
    return child.finish()


def killed(child: ChaosRun) -> ChaosResult:
    """How a child ended by `kill -9`."""
    assert child._child is not None
    os.kill(child._child.pid, signal.SIGKILL)
    return ended(child)


def history(run: Path, name: str) -> list[Observation]:
    """The child's history, which must be whole."""
    observations, missing = read_history(run / "history" / f"chaos-{name}.ndjson")
    assert missing == []
    return observations


def confirmed_in(run: Path, name: str) -> Observation:
    """Its first receipt of the fault."""
    return next(o for o in history(run, name) if o.kind == "fault.confirmed")


def kinds(run: Path, name: str) -> list[str]:
    """What it recorded of the fault, in order."""
    return [o.kind for o in history(run, name) if o.kind.startswith("fault.")]


def test_pod_loss_is_sent_confirmed_and_gone(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """The history has the two pods by uid and address, and the times in their order; nothing needs undoing."""
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    result = ended(child)
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
    assert confirmed.fields["inferred"] is False  # from what ended meanwhile
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
    assert ended(child).why == ""
    assert kinds(run, "database-primary-loss") == [
        "fault.sent",
        "fault.confirmed",
        "fault.held",
        "fault.undone",
        "fault.gone",
    ]
    sent = next(o for o in history(run, "database-primary-loss") if o.kind == "fault.sent")
    assert sent.fields["activity"] == "kill-primary"  # the nodes that are cordoned before only prepare it
    assert restorer.restored() == (True, "", ())
    assert pocket.leader == "postgres-us-east-1-0"
    assert pending_intents(platform_of(pocket.target)) == []


def test_the_primary_is_who_holds_the_lock(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """Whatever the labels say, which Patroni writes later."""
    for name, role in (("postgres-us-east-1-0", "replica"), ("postgres-eu-west-1-0", "primary")):
        meta = pocket.get("Pod", "database", name)["metadata"]
        pocket.change("Pod", "database", name, metadata={**meta, "labels": {**meta["labels"], "role": role}})
    run = tmp_path / "run"
    child = started("database-primary-loss", pocket, experiments, run)
    wait_for(lambda: child.confirmed_ns() is not None)
    child.release()
    assert ended(child).why == ""
    confirmed = confirmed_in(run, "database-primary-loss")
    assert [hit["name"] for hit in confirmed.fields["hit"]] == ["postgres-us-east-1-0"]


def test_pods_that_a_file_ends_after_its_fault_are_limited(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """The fault of two pods is confirmed, then the file would end all: it is refused, and the pods stay."""
    file = experiments / "pod-loss.yaml"
    again = (
        file.read_text().replace("rollbacks: []", "").replace("qty: 2", "all: true").partition("  - name: kill-pods")[2]
    )
    again = "  - name: kill-all" + again.partition("  - name: pods-gone")[0]
    file.write_text(file.read_text().replace("\nrollbacks: []", again + "\nrollbacks: []"))
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    assert ended(child).why == "kill-all refused: pod-loss: the action would hit 5 pods, `blast_radius` allows 2"
    assert len(confirmed_in(run, "pod-loss").fields["hit"]) == 2


LEFT = """\
title: A service is scaled to none, and left so
description: The file has no rollback.
extensions: [{name: harness, domain: service, confirmed_by: none-left, within: 10 s}]
method:
  - {name: scale, type: action, provider: {type: python, module: chaosk8s.deployment.actions, func: scale_deployment, arguments: {name: track-service, ns: us-east-1, replicas: 0}}}
  - {name: none-left, type: probe, tolerance: 0, provider: {type: process, path: "true"}}
"""


def test_what_a_file_does_not_undo_is_put_back(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """After the rollbacks, of which it has none: the undo log knows how many replicas there were, and the record says so."""
    (experiments / "left.yaml").write_text(LEFT)
    run = tmp_path / "run"
    child = started("left", pocket, experiments, run)
    ended(child)
    assert deployment(pocket)["spec"]["replicas"] == 3
    assert pending_intents(platform_of(pocket.target)) == []
    undone = next(o for o in history(run, "left") if o.kind == "fault.undone")
    done = [o.fields for o in history(run, "left") if o.kind == "activity" and o.fields["part"] == "undo log"]
    assert undone.fields["activity"] == "undo from the undo log"
    assert [one["output"] for one in done] == ["scale_deployment: deployments us-east-1/track-service"]


CORDONED = """\
title: A pod dies, and its node stays cordoned
description: The file has no rollback.
extensions: [{name: harness, domain: pod, confirmed_by: pods-gone, within: 10 s}]
controls: [{name: readiness, provider: {type: python, module: harness.chaos.control}}]
method:
  - {name: cordon, type: action, provider: {type: python, module: chaosk8s.node.actions, func: cordon_node, arguments: {name: us-east-1a}}}
  - {name: kill, type: action, provider: {type: python, module: chaosk8s.pod.actions, func: terminate_pods, arguments: {label_selector: app=track-service, ns: us-east-1, grace_period: 0}}}
  - {name: pods-gone, type: probe, provider: {type: python, module: harness.chaos.probes, func: hit_pods_gone}}
"""


@pytest.mark.parametrize("target", [True, False])
def test_by_hand_the_control_of_the_file_has_the_hits_and_the_undo_log(
    pocket: Any, experiments: Path, tmp_path: Path, *, target: bool
) -> None:
    """`chaos run` alone: what is hit is logged, and what is not undone is put back; without a target file nothing is broken."""
    (experiments / "cordoned.yaml").write_text(CORDONED)
    before = pocket.get("Pod", "us-east-1", "track-service-1")["metadata"]["uid"]
    state = {"READINESS_STATE": str(tmp_path / "state"), "PYTHONPATH": os.pathsep.join(sys.path)}
    asked = {"READINESS_TARGET": str(pocket.target.file)} if target else {}
    env = {**os.environ, "READINESS_TARGET": "", "NO_PROXY": "*", **state, **asked}
    command = [*BY_HAND, str(experiments / "cordoned.yaml")]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert not pocket.get("Node", "", "us-east-1a")["spec"].get("unschedulable")
    assert (pocket.get("Pod", "us-east-1", "track-service-1")["metadata"]["uid"] == before) is not target
    if target:
        undone = "fault.undone: undo from the undo log"
        expected = ["fault.sent: kill", "fault.confirmed: track-service-1", undone]
        assert [line for line in expected if line not in said] == [], said
    else:
        assert "cordon refused" in said
        assert "fault.sent" not in said
    assert pending_intents(platform_of(pocket.target)) == []


SICK = """\
title: A container falls sick
description: It does not end by itself.
extensions: [{name: harness, domain: container, confirmed_by: sick, within: 10 s, blast_radius: {max_pods: RADIUS}}]
controls: [{name: readiness, provider: {type: python, module: harness.chaos.control}}]
method:
  - {name: fall-sick, type: action, provider: {type: python, module: chaosk8s.pod.actions, func: exec_in_pods, arguments: {label_selector: app=track-service, ns: us-east-1, container_name: c, cmd: [touch, sick]}}}
  - {name: sick, type: probe, provider: {type: python, module: harness.chaos.probes, func: command_succeeds_in_hit_pods, arguments: {command: test -e sick}}}
  - {name: hold, type: action, provider: {type: python, module: harness.chaos.actions, func: hold, arguments: {at_least_s: AT_LEAST}}}
rollbacks:
  - {name: get-well, type: action, provider: {type: python, module: chaosk8s.pod.actions, func: exec_in_pods, arguments: {label_selector: app=track-service, ns: us-east-1, container_name: c, cmd: [rm, -f, sick], all: true}}}
"""


@pytest.mark.parametrize(("killed", "radius"), [(True, 1), (False, 1), (False, 0)])
def test_by_hand_the_rollbacks_of_a_file_are_in_the_undo_log_while_it_runs(
    pocket: Any, experiments: Path, tmp_path: Path, *, killed: bool, radius: int
) -> None:
    """After a kill they are run by `readiness recover`; one that ends has run them itself; beyond its radius nothing is done."""
    file = experiments / "sick.yaml"
    file.write_text(SICK.replace("RADIUS", str(radius)).replace("AT_LEAST", "60" if killed else "0"))
    own = {"READINESS_STATE": str(tmp_path / "state"), "PYTHONPATH": os.pathsep.join(sys.path), "NO_PROXY": "*"}
    sick = tmp_path / "track-service-1" / "sick"
    env, both = {**os.environ, **own}, subprocess.STDOUT
    child = subprocess.Popen([*BY_HAND, str(file)], cwd=tmp_path, env=env, stdout=-1, stderr=both, text=True)
    with child:
        if killed:
            wait_for(sick.exists)
            child.kill()
        said, _ = child.communicate(timeout=90)
    assert sick.exists() is killed
    assert (f"the action would hit 1 pods, `blast_radius` allows {radius}" in said) is (radius == 0)
    assert [one.action for one in pending_intents(platform_of(pocket.target))] == ["rollbacks: get-well"] * killed
    assert [line.partition(" ")[0] for line in recover(pocket.target).undone] == ["roll-back"] * killed
    assert not sick.exists()


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
    assert ended(child).confirmed
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
    result = killed(child)
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
    killed(child)
    command = [sys.executable, "-m", "harness", "recover", "--target", str(pocket.target.file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "undone: thaw us-east-1a (after: freeze us-east-1a, " in done.stdout
    assert not pocket.get("Node", "", "us-east-1a")["metadata"].get("annotations")
    assert (pending_intents(platform), unclear_intents(platform)) == ([], [])


def test_an_action_that_hits_nothing_ends_the_experiment(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """`terminate_pods` would return an empty list and succeed: it is not called, and why is on record."""
    file = experiments / "pod-loss.yaml"
    file.write_text(file.read_text().replace("app=track-service", "app=nobody"))
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    result = ended(child)
    assert not result.confirmed
    assert result.why.startswith("kill-pods refused: 0 pods match in us-east-1, expected at least 2")
    assert result.journal["status"] == "interrupted"
    assert kinds(run, "pod-loss") == ["fault.why"]
    assert [o for o in history(run, "pod-loss") if o.kind == "activity" and o.fields["type"] == "action"] == []
    assert not result.acted  # so nothing has to be undone, whatever its rollbacks say


def test_an_action_that_hits_less_than_it_says_ends_the_experiment(
    pocket: Any, experiments: Path, tmp_path: Path
) -> None:
    """The first pod by name terminates already: of two that it deletes it has hit one. The journal says failed all the same."""
    pocket.world.lingers = True
    meta = pocket.get("Pod", "us-east-1", "track-service-1")["metadata"]
    ends = {"deletionTimestamp": "2026-01-01T00:00:15Z", "deletionGracePeriodSeconds": 15}
    pocket.change("Pod", "us-east-1", "track-service-1", metadata={**meta, **ends})
    pocket.change("Deployment", "us-east-1", "track-service", spec={**deployment(pocket)["spec"], "replicas": 2})
    status = {"readyReplicas": 2, "observedGeneration": 2}
    pocket.change("Deployment", "us-east-1", "track-service", status=status)
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    result = ended(child)
    assert (result.confirmed, result.why) == (False, "kill-pods: 1 of 2 pods were hit")
    assert result.journal["failed"] == "kill-pods"


def deployment(pocket: Any) -> Any:
    """The Deployment of track-service."""
    return pocket.get("Deployment", "us-east-1", "track-service")


def test_what_an_action_of_others_hit_is_what_is_gone(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """A function that is not known says nothing: what it hit is what was there before and is not any more."""
    others(experiments / "pod-loss.yaml")
    run = tmp_path / "run"
    child = started("pod-loss", pocket, experiments, run)
    assert ended(child).confirmed
    confirmed = confirmed_in(run, "pod-loss")
    assert [hit["workload"] for hit in confirmed.fields["hit"]] == ["track-service", "track-service"]
    assert confirmed.fields["inferred"] is True


KILLING = """\
from chaosk8s.pod.actions import terminate_pods


def kill(label_selector, ns, qty, grace_period):
    return {"killed": terminate_pods(label_selector=label_selector, ns=ns, qty=qty, grace_period=grace_period)}
"""


def others(file: Path, *edits: tuple[str, str]) -> None:
    """Let `pod-loss` kill pods by a function of the project, confirmed by what is gone; with these edits."""
    file.with_name("killing.py").write_text(KILLING)
    text = file.read_text()
    for old, new in (
        ("module: chaosk8s.pod.actions", "module: killing"),
        ("func: terminate_pods", "func: kill"),
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


def test_pods_that_terminate_count_for_the_blast_radius(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """Two were deleted and are still listed, one is allowed."""
    pocket.world.lingers = True
    others(experiments / "pod-loss.yaml", ("blast_radius: {max_pods: 2}", "blast_radius: {max_pods: 1}"))
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    result = ended(child)
    assert (result.confirmed, result.why) == (False, "kill-pods: the experiment hit 2 pods, `blast_radius` allows 1")


def test_an_unsteady_target_is_not_broken(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """The method is not run, Chaos Toolkit exits with 0, and we say why."""
    file = experiments / "pod-loss.yaml"
    file.write_text(file.read_text().replace("within_s: 15", "within_s: 0.2"))
    pocket.change("Deployment", "us-east-1", "track-service", status={"readyReplicas": 1, "observedGeneration": 1})
    child = started("pod-loss", pocket, experiments, tmp_path / "run")
    result = ended(child)
    assert (result.exit_code, result.confirmed) == (0, False)
    assert result.journal["steady_before"] == "not met"
    assert result.why == "the method was not run: the steady state was not met before the method: workloads-ready"


def test_a_second_attempt_keeps_the_files_of_the_first(pocket: Any, experiments: Path, tmp_path: Path) -> None:
    """All attempts are kept; the history goes on in the same file without a gap."""
    run = tmp_path / "run"
    for attempt in (1, 2):
        child = started("pod-loss", pocket, experiments, run, attempt=attempt)
        assert ended(child).confirmed
    assert (run / "chaos" / "pod-loss" / "attempt-1" / "journal.json").exists()
    assert kinds(run, "pod-loss") == ["fault.sent", "fault.confirmed", "fault.gone"] * 2
