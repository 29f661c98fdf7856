"""`readiness sandbox …` as people type it, on a cluster without platform."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox


def readiness(*words: str | Path, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    argv = [sys.executable, "-m", "harness", "sandbox", *map(str, words)]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within_s)


def test_status_shows_nodes_and_workloads(pocket_cluster: PocketCluster) -> None:
    """For people and for machines."""
    said = readiness("status", "--dir", pocket_cluster.directory)
    assert said.returncode == 0
    assert "us-east-1a           Ready" in said.stdout
    found = json.loads(readiness("status", "--json", "--dir", pocket_cluster.directory).stdout)
    assert found["pid"] == pocket_cluster.pid
    assert found["nodes"]["edge"] == "Ready"
    assert found["target"] is None


def test_logs_find_a_pod_by_the_beginning_of_its_name(cluster: PocketCluster) -> None:
    """With or without its namespace; a wrong name is answered with the right ones."""
    code = "print('hello'); import time; time.sleep(600)"
    container = {"name": "main", "image": "test/main:1", "command": ["python", "-c", code]}
    cluster.core.create_namespaced_pod("default", {"metadata": {"name": "talker"}, "spec": {"containers": [container]}})
    cluster.until(lambda: readiness("logs", "default/talk", "--dir", cluster.directory).stdout == "hello\n")
    wrong = readiness("logs", "listener", "--dir", cluster.directory)
    assert wrong.returncode == 4
    assert "no pod has this name" in wrong.stderr
    assert "default/talker" in wrong.stderr


@pytest.mark.parametrize("words", [("status",), ("logs", "web"), ("deploy", "1.0.0"), ("env",)])
def test_without_a_sandbox_everything_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    """And how to start one."""
    said = readiness(*words, "--dir", tmp_path)
    assert said.returncode == 4
    assert "sandbox" in said.stderr
    assert "readiness sandbox up" in said.stderr


def test_down_without_a_sandbox_is_no_error(tmp_path: Path) -> None:
    """There is nothing to do."""
    said = readiness("down", "--dir", tmp_path / "none")
    assert (said.returncode, said.stdout) == (0, f"no sandbox ran in {tmp_path / 'none'}\n")


def test_an_unknown_release_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """With the nearest right name."""
    said = readiness("up", "--release", "slw", "--dir", tmp_path / "none")
    assert said.returncode == 4
    assert "did you mean slow?" in said.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_up_returns_when_the_platform_is_ready_and_down_leaves_nothing(tmp_path: Path) -> None:
    """The sandbox stays without holding the command's pipes; `env` points to it; nothing is left after `down`."""
    root = tmp_path / "sandbox"
    try:
        said = readiness("up", "--dir", root, within_s=150)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.splitlines()[-1] == f"ready {root}/target.yaml"
        assert f"export READINESS_TARGET={root}/target.yaml" in readiness("env", "--dir", root).stdout
        assert "global/balancer                      2/2" in readiness("status", "--dir", root).stdout
    finally:
        assert readiness("down", "--dir", root).returncode == 0
    assert not root.exists()
