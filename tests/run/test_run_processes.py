"""An experiment without Kubernetes on a real small service: stock `process` and `http` providers kill it and start it again."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from harness import clock
from tests.plain.plain_project import Project, alive, gone
from tests.plain.restarts import restarting, service_pid


def answers(project: Project) -> bool:
    """Whether the service answers on its health path."""
    entry = (project.root / "target.yaml").read_text().partition("entry: ")[2].partition("\n")[0]
    try:
        with urllib.request.urlopen(f"{entry}/health", timeout=2) as response:  # noqa: S310 - a loopback address of ours
            return bool(response.status == 200)
    except urllib.error.URLError:
        return False


@pytest.mark.slow
def test_a_process_that_is_killed_and_started_again_is_measured(tmp_path: Path) -> None:
    """The fault is confirmed by an exit code, the users' own requests say how long they were out, to a known resolution."""
    with restarting(tmp_path / "project") as project:
        before = service_pid(project.root)
        done = project.start("run", "--only", "PL-RESTART", "--no-decision").wait(400)
        (experiment,) = done.verdict["experiments"]
        assert (experiment["name"], experiment["domain"], experiment["verdict"]) == ("kill-service", "process", "PASS")
        assert experiment["fault"]["targets"] == ["service.pid"]
        assert experiment["recovery_s"]["reads"]["seconds"] >= 3
        assert 0 < experiment["recovery_s"]["reads"]["resolution"] < 5
        assert done.outcomes()["PL-RESTART"] == "PASS", done.reasons()
        assert service_pid(project.root) not in {0, before}
        assert project.do("recover").out.endswith("no undo is pending\n")


@pytest.mark.slow
def test_a_run_that_is_killed_while_the_process_is_down_is_recovered(tmp_path: Path) -> None:
    """SIGKILL of the harness in mid-fault: nobody starts the service; `recover` runs the file's own rollbacks and verifies."""
    with restarting(tmp_path / "project") as project:
        running = project.start("run", "--only", "PL-RESTART")
        running.wait_for("chaos-kill-service", "fault.confirmed")
        children = running.children()
        os.kill(running.process.pid, signal.SIGKILL)
        running.wait()
        assert gone(children, 30)
        assert not alive(service_pid(project.root))
        assert not answers(project)
        recovered = project.do("recover")
        assert recovered.code == 0, recovered.said
        assert "undone: roll-back" in recovered.out
        assert "undone: verify-restored" in recovered.out
        assert any(answers(project) for _ in clock.Deadline.after(60).ticks(0.1))
        assert project.do("recover").out.endswith("no undo is pending\n")


@pytest.mark.slow
def test_an_experiment_that_the_target_does_not_allow_is_not_run(tmp_path: Path) -> None:
    """A target that is not disposable: `may_break` names no experiment; nothing is killed."""
    with restarting(tmp_path / "project") as project:
        project.edit("target.yaml", "disposable: true", "disposable: false")
        name = (project.root / "target.yaml").read_text().partition("name: ")[2].partition("\n")[0]
        before = service_pid(project.root)
        refused = project.do("run", "--allow-target", name)
        assert refused.code == 4
        assert "does not allow the experiment kill-service" in refused.said
        assert service_pid(project.root) == before
        assert answers(project)
