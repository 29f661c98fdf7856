"""The supervisor: what is left after each kind of end, and two sandboxes at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import clock
from readiness_sandbox import marker, processes, supervisor
from readiness_sandbox.directory import Directory, holder
from readiness_sandbox.network.addresses import api_address
from tests.sandbox.pocket import running, server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox


def with_pod(cluster: PocketCluster) -> list[int]:
    """Start a pod; all processes of the sandbox."""
    body = {"metadata": {"name": "one"}, "spec": {"containers": [server_container()]}}
    cluster.core.create_namespaced_pod("default", body)
    cluster.until(lambda: len(cluster.ready_pods()) == 1)
    found = processes.descendants(cluster.pid)
    assert len(found) >= 4
    return found


def all_gone(pids: list[int], within_s: float = 60.0) -> bool:
    """Whether none of them lives any more, zombies aside, within so many seconds."""

    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return any(not any(map(lives, pids)) for _ in clock.Deadline.after(within_s).ticks(0.02))


def test_end_of_stdin_ends_everything_and_leaves_nothing(tmp_path: Path) -> None:
    """Processes, sockets, files: all gone when the supervisor returns."""
    with running(tmp_path / "sandbox") as cluster:
        pids = with_pod(cluster)
    assert all_gone(pids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and kill are as good as the end of stdin."""
    with running(tmp_path / "sandbox") as cluster:
        pids = with_pod(cluster)
        os.kill(cluster.pid, number)
        assert all_gone(pids)
    assert list(tmp_path.iterdir()) == []


def test_kill_9_of_the_supervisor_leaves_no_process_and_the_next_start_sweeps_the_files(tmp_path: Path) -> None:
    """The kernel ends the processes; what they had on disk goes with the next start."""
    root = tmp_path / "sandbox"
    with running(root) as cluster:
        pids = with_pod(cluster)
        os.kill(cluster.pid, signal.SIGKILL)
        assert all_gone(pids)
    assert (root / "kubeconfig").exists()
    (root / "claims" / "default").mkdir()
    with running(root) as cluster:
        assert not (root / "claims" / "default").exists()
    assert not root.exists()


def test_a_second_sandbox_in_the_same_directory_is_refused(pocket_cluster: PocketCluster) -> None:
    """It says who runs there, and how to go on."""
    argv = [sys.executable, "-m", "readiness_sandbox", str(pocket_cluster.directory)]
    second = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    failed = json.loads(second.stdout)["failed"]
    assert failed["what"] == f"a sandbox already runs in this directory (pid {pocket_cluster.pid})"
    assert "readiness sandbox down" in failed["hint"]
    assert second.returncode == 4
    assert holder(Directory(pocket_cluster.directory)) == pocket_cluster.pid


def test_two_sandboxes_in_two_directories_do_not_meet(tmp_path: Path, pocket_cluster: PocketCluster) -> None:
    """Each has a range of addresses of its own."""
    with running(tmp_path / "other") as other:
        assert other.core.api_client.configuration.host != pocket_cluster.core.api_client.configuration.host
        assert len(other.core.list_node().items) == len(pocket_cluster.core.list_node().items)


def test_a_dead_part_ends_the_sandbox_with_its_name(tmp_path: Path) -> None:
    """Half a cluster would lie about the platform."""
    with running(tmp_path / "sandbox") as cluster:
        pids = with_pod(cluster)
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in processes.children(cluster.pid)}
        forwarder = next(pid for pid, command in commands.items() if "network.forwarder" in command)
        os.kill(forwarder, signal.SIGKILL)
        assert all_gone(pids)


TAKEN = """
import sys
from readiness_sandbox import __main__, supervisor

supervisor.OCTETS = range(252, 254)
sys.exit(__main__.main())
"""
"""A process of its own, because a supervisor that ends takes all children of its process with it."""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "no range of loopback addresses is free"),
        (["--octet", "252"], "the address is in use by another sandbox"),
    ],
)
def test_a_range_of_addresses_that_is_taken_is_said(tmp_path: Path, options: list[str], expected: str) -> None:
    """With the address and what to do; nothing is started, and nothing but the logs is left."""
    root = tmp_path / "sandbox"
    first, second = ((api_address(taken), supervisor.CLAIM_PORT) for taken in (252, 253))
    with socket.create_server(first), socket.create_server(second):
        command = [sys.executable, "-c", TAKEN, str(root), *options]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    failed = json.loads(found.stdout)["failed"]
    assert expected in failed["what"]
    assert failed["where"] == "{}:{}".format(*first)
    assert "readiness sandbox down" in failed["hint"]
    assert sorted(path.name for path in root.iterdir()) == [marker.NAME, "logs"]
