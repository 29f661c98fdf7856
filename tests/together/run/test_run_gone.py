"""A whole run whose target dies in the middle of a fault and never comes back: service and API server are real processes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness import clock
from tests.plain.plain_project import HERE, Project, free_address, kill
from tests.sandbox.pocket import running

EXPERIMENT = """title: Something that takes a minute
description: It changes nothing by itself.
method:
  - name: wait
    type: action
    provider: {type: process, path: sleep, arguments: "60"}
"""
ROW = """
      - id: PL-STAYS
        title: errors beside an experiment
        criterion: the error rate is below 2 % in the steady state
        kinds: [L]
        gate: critical
        falsified_by: the service dies
"""
SCENARIO = """
  @PL-STAYS
  Scenario: Fewer than 2 in 100 requests fail before something takes a minute
    When the experiment "minute" has run under "browse" traffic
    Then the error rate is below 2 % in the steady state
"""
ENDS_WITHIN_S = 60.0
"""It is noticed within 5 s. Then the load is ended, and what there is is sealed, judged and reported."""


def project_of(root: Path, entry: str, kubeconfig: Path) -> Project:
    """The plain project with one row more, and a cluster."""
    project = Project.copy(root, entry, traffic="{rate: 20/s, for: 4 s}")
    context = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["current-context"]
    project.append("target.yaml", f"kubernetes: {{context: {context}, kubeconfig: {kubeconfig}, namespace: default}}\n")
    project.append("catalogue/plain.yaml", ROW)
    project.append("features/plain/kpi.feature", SCENARIO)
    (root / "experiments").mkdir()
    (root / "experiments/minute.yaml").write_text(EXPERIMENT, encoding="utf-8")
    project.append("pyproject.toml", 'experiments = ["experiments"]\n')
    return project


@pytest.mark.slow
def test_a_target_that_dies_under_a_fault_is_noticed_within_five_seconds(tmp_path: Path) -> None:
    """The evidence is sealed and judged, the decision INCONCLUSIVE; the attempt stays in the undo log, for nobody saw it undone."""
    host, port = free_address()
    words = [sys.executable, str(HERE / "service.py"), "--host", host, "--port", str(port)]
    with running(tmp_path / "sandbox") as cluster, subprocess.Popen(words) as service:
        project = project_of(tmp_path / "project", f"http://{host}:{port}", cluster.kubeconfig)
        run = project.start("run")
        run.wait_for("chaos-minute", "fault.sent")
        kill(cluster.pid, signal.SIGKILL)
        service.kill()
        died_s = clock.now_s()
        finished = run.wait()
        took_s = clock.now_s() - died_s
    gone = re.search(r"the target is gone: none of its addresses has answered for ([0-9.]+) s", finished.said)
    assert gone is not None, finished.said
    assert float(gone[1]) < 5.0
    assert took_s < ENDS_WITHIN_S
    assert finished.code == 10, finished.said
    assert "not verified as restored: experiment minute" in finished.said
    assert (finished.run / "manifest.json").is_file()
    assert finished.verdict["decision"] == "INCONCLUSIVE"
    assert len([*(project.root / "state/intents").glob("*/*.json")]) == 1
    again = project.do("judge", finished.run, "--check")
    assert again.code == 10, again.said
    assert "Traceback" not in finished.said + again.said
