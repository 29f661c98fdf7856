"""The cluster that activities reach: that of `kubernetes.context`, whatever the current context of the kubeconfig is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.clock import Deadline
from harness.drivers.chaos import ChaosRun, load_experiment, open_rollbacks
from harness.evidence import read_history
from harness.targets import load_target, platform_of
from harness.targets.undo import recover

ACT = """\
title: Where activities act
description: They write down what they find.
method:
  - name: note
    type: action
    provider: {type: process, path: bash, arguments: ["-c", "echo $KUBECONFIG > where; stat -c %a $KUBECONFIG > mode; cat $KUBECONFIG > seen"]}
  - name: ask
    type: action
    provider: {type: python, module: asking, func: host}
  - name: three-pods
    type: probe
    provider: {type: python, module: harness.chaos.probes, func: pods_ready, arguments: {label_selector: app=track-service, ns: us-east-1, count: 3}}
rollbacks:
  - name: note-again
    type: action
    provider: {type: process, path: bash, arguments: ["-c", "echo $KUBECONFIG > where; cat $KUBECONFIG > again"]}
"""
ASKING = """\
from kubernetes import client, config


def host():
    config.load_kube_config()
    return client.Configuration.get_default_copy().host
"""
POD_LOSS = Path(__file__).parents[3] / "experiments" / "pod-loss.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project beside the kubeconfig, which has a second context, of a cluster that the run must not reach: the current one."""
    file = tmp_path / "kubeconfig"
    config = yaml.safe_load(file.read_text())
    config["clusters"].append({"name": "elsewhere", "cluster": {"server": "https://127.96.0.99:1"}})
    config["users"].append({"name": "elsewhere", "user": {"token": "other"}})
    config["contexts"].append({"name": "elsewhere", "context": {"cluster": "elsewhere", "user": "elsewhere"}})
    file.write_text(yaml.safe_dump({**config, "current-context": "elsewhere"}))
    directory = tmp_path / "project"
    (directory / "experiments").mkdir(parents=True)
    (directory / "pyproject.toml").touch()
    return directory


def ended(name: str, text: str, pocket: Any, target: Any, project: Path) -> Any:
    """The result of a child that ran an experiment with this text."""
    (project / "experiments" / f"{name}.yaml").write_text(text)
    child = ChaosRun(load_experiment(name, [project / "experiments"]), target, project / "run", pocket.forks)
    child.start()
    assert any(not child.alive() for _ in Deadline.after(60).ticks(0.05))
    return child.finish()


def test_activities_find_the_context_of_the_target_alone(
    pocket: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl`, a client that names no context, and the harness's own; the file is for this user and goes with the child. So do the rollbacks of `recover`."""
    file = tmp_path / "target.yaml"
    monkeypatch.chdir(tmp_path)  # below it is the kubeconfig, and the activities run elsewhere
    file.write_text(file.read_text().replace(f"kubeconfig: {tmp_path}/kubeconfig", "kubeconfig: kubeconfig"))
    target = load_target(file)
    assert target.kubernetes is not None
    assert target.kubernetes.kubeconfig == "kubeconfig"
    (project / "experiments" / "asking.py").write_text(ASKING)
    result = ended("act", ACT, pocket, target, project)
    assert (result.why, result.rolled_back) == ("", True)
    seen = yaml.safe_load((project / "seen").read_text())
    assert (seen["current-context"], [one["name"] for one in seen["contexts"]]) == ("pocket", ["pocket"])
    assert ([one["name"] for one in seen["clusters"]], [one["name"] for one in seen["users"]]) == (
        ["pocket"],
        ["pocket"],
    )
    assert (project / "mode").read_text() == "600\n"
    observations, _ = read_history(project / "run" / "history" / "chaos-act.ndjson")
    outputs = {o.fields["name"]: o.fields["output"] for o in observations if o.kind == "activity"}
    assert (outputs["ask"], outputs["three-pods"]) == (seen["clusters"][0]["cluster"]["server"], "True")
    assert not Path((project / "where").read_text().strip()).exists()
    (project / "again").unlink()
    open_rollbacks(platform_of(target), load_experiment("act", [project / "experiments"]))
    assert [line.partition(" ")[0] for line in recover(target).undone] == ["roll-back"]
    assert yaml.safe_load((project / "again").read_text()) == seen
    assert not Path((project / "where").read_text().strip()).exists()


def test_the_secrets_of_an_activity_lead_to_no_other_cluster(pocket: Any, project: Path) -> None:
    """chaosk8s takes the context from them: the action is refused, with the reason, and no pod is touched."""
    text = POD_LOSS.read_text().replace("func: terminate_pods", "func: terminate_pods\n      secrets: [k8s]")
    before = pocket.get("Pod", "us-east-1", "track-service-1")["metadata"]["uid"]
    text += "secrets: {k8s: {KUBERNETES_CONTEXT: elsewhere}}\n"
    result = ended("pod-loss", text, pocket, pocket.target, project)
    assert result.why.startswith("kill-pods refused: its secrets name no context of the target, whose API server is ")
    assert (result.confirmed, result.journal["status"]) == (False, "interrupted")
    assert pocket.get("Pod", "us-east-1", "track-service-1")["metadata"]["uid"] == before
    observations, _ = read_history(project / "run" / "history" / "chaos-pod-loss.ndjson")
    assert "fault.sent" not in {o.kind for o in observations}
