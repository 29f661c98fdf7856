"""The process that has imported Chaos Toolkit, and what it forks: real processes with exit codes, files and signals of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import clock
from harness.drivers.chaos import ForkServer, forkserver
from harness.drivers.chaos.environment import target_environment
from harness.drivers.chaos.forkserver import _IMPORTED, _OF_A_CLUSTER, ForkedProcess
from harness.errors import DriverError
from harness.targets import Target, load_target

PATIENCE_S = 60.0


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A target without a cluster."""
    file = tmp_path / "target.yaml"
    file.write_text("name: here\nenvironment: staging\nentry: http://127.0.0.1:9\n", encoding="utf-8")
    return load_target(file)


@pytest.fixture
def server(target: Target) -> Iterator[ForkServer]:
    """A server that starts with the first request."""
    with ForkServer(target) as server:
        yield server


def forked(server: ForkServer, target: Target, place: Path, command: str) -> ForkedProcess:
    """`chaos run` of an experiment with this command."""
    (place / "command.sh").write_text(command, encoding="utf-8")
    provider = {"type": "process", "path": "sh", "arguments": "command.sh", "timeout": 300}
    activity = {"type": "action", "name": "say", "provider": provider}
    experiment = {"title": "one activity", "description": "a command", "method": [activity]}
    (place / "experiment.json").write_text(json.dumps(experiment), encoding="utf-8")
    env = {**target_environment(target), "GREETING": "hello"}
    return server.fork(["--no-version-check", "run", "experiment.json"], env, place, place / "chaos.log")


def test_each_child_has_its_own_exit_code_directory_environment_and_log(
    server: ForkServer, target: Target, tmp_path: Path
) -> None:
    """Two of them one after the other, from one server; the second command is none that there is."""
    good = forked(server, target, tmp_path, 'echo "$GREETING $PWD" > said')
    assert good.wait(PATIENCE_S) == 0
    assert (tmp_path / "said").read_text() == f"hello {tmp_path}\n"
    assert "Experiment ended with status: completed" in (tmp_path / "chaos.log").read_text()
    bad = server.fork(["no-such-command"], target_environment(target), tmp_path, tmp_path / "bad.log")
    assert (bad.wait(PATIENCE_S), good.returncode) == (2, 0)
    assert "No such command" in (tmp_path / "bad.log").read_text()


def test_a_child_that_does_not_end_is_waited_for_and_killed_with_what_it_started(
    server: ForkServer, target: Target, tmp_path: Path
) -> None:
    """Its exit code is the signal's; its own child is gone as well."""
    child = forked(server, target, tmp_path, "echo $$ > pid; exec sleep 300")
    pid = tmp_path / "pid"
    assert any(pid.is_file() and pid.read_text().strip() for _ in clock.Deadline.after(PATIENCE_S).ticks(0.05))
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.1)
    child.kill()
    assert child.wait(PATIENCE_S) == -signal.SIGKILL
    sleeping = Path("/proc", pid.read_text().strip(), "cmdline")
    assert any(not sleeping.exists() or not sleeping.read_bytes() for _ in clock.Deadline.after(60).ticks(0.05))


def test_an_interrupted_child_runs_its_rollbacks_and_ends(server: ForkServer, target: Target, tmp_path: Path) -> None:
    """SIGINT reaches it, though its parent is deaf to that."""
    child = forked(server, target, tmp_path, "touch begun; exec sleep 300")
    assert any((tmp_path / "begun").exists() for _ in clock.Deadline.after(PATIENCE_S).ticks(0.05))
    child.interrupt()
    assert child.wait(PATIENCE_S) != 0
    assert "interrupted" in (tmp_path / "chaos.log").read_text()


def test_a_server_that_dies_takes_its_children_with_it_and_the_next_experiment_has_a_new_one(
    server: ForkServer, target: Target, tmp_path: Path
) -> None:
    """The child is killed by the kernel, and stays so; one that was idle when it died is missed by nobody."""
    child = forked(server, target, tmp_path, "touch begun; exec sleep 300")
    assert any((tmp_path / "begun").exists() for _ in clock.Deadline.after(PATIENCE_S).ticks(0.05))
    assert server._server is not None
    os.kill(server._server.pid, signal.SIGKILL)
    assert child.wait(PATIENCE_S) == -signal.SIGKILL
    assert (forked(server, target, tmp_path, "true").wait(PATIENCE_S), child.returncode) == (0, -signal.SIGKILL)
    os.kill(server._server.pid, signal.SIGKILL)
    server._server.wait(PATIENCE_S)
    assert forked(server, target, tmp_path, "true").wait(PATIENCE_S) == 0


def test_a_server_that_cannot_import_says_why(
    server: ForkServer, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is broken, not missing: a module without a name stands for it."""
    monkeypatch.setattr(forkserver, "_IMPORTED", ("",))
    why = "Chaos Toolkit could not be started: its process ended: ValueError: Empty module name"
    with pytest.raises(DriverError, match=why):
        forked(server, target, tmp_path, "true")


def test_an_experiment_that_is_given_up_is_never_started(
    server: ForkServer, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was still importing; the next one is answered with its own process."""
    with monkeypatch.context() as patched:
        patched.setattr(forkserver, "_START_S", 0.0)
        with pytest.raises(DriverError, match="did not answer within 0 s"):
            forked(server, target, tmp_path, "touch begun")
    assert forked(server, target, tmp_path, "touch other").wait(PATIENCE_S) == 0
    assert [(tmp_path / name).exists() for name in ("begun", "other")] == [False, True]


def test_an_experiment_without_a_place_for_its_log_is_refused(server: ForkServer, target: Target) -> None:
    """The error names the file."""
    missing = Path("/proc/none/chaos.log")
    with pytest.raises(DriverError, match="No such file or directory") as told:
        server.fork(["run", "experiment.json"], target_environment(target), Path("/"), missing)
    assert told.value.where == str(missing)


def test_nothing_is_left_when_it_is_closed(target: Target, tmp_path: Path) -> None:
    """The server's process is over, with a child that was still at it."""
    with ForkServer(target) as server:
        child = forked(server, target, tmp_path, "exec sleep 300")
        process = server._server
    assert process is not None
    assert process.returncode == 0
    assert any(not Path("/proc", str(child.pid)).exists() for _ in clock.Deadline.after(60).ticks(0.05))


_MADE_OF = f"""
import sys
from importlib import import_module
for module in {(*_IMPORTED, *_OF_A_CLUSTER)!r}:
    import_module(module)
before = set(sys.modules)
from kubernetes.client import ApiClient
from harness.targets.kubernetes import Cluster
Cluster(ApiClient())
print(sorted(set(sys.modules) - before))
"""


def test_what_an_experiment_asks_a_cluster_with_is_imported_before_it_is_forked() -> None:
    """The official client imports a part when it is first used; in each experiment that would take a second of a processor."""
    done = subprocess.run(
        [sys.executable, "-c", _MADE_OF], check=False, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
