"""Commands in containers: `exec` as the official client and kubectl ask for it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from tests.sandbox.pocket import needs_kubectl, server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox

ASKED: dict[str, Any] = {"stdin": False, "stdout": True, "stderr": True, "tty": False}


def start(cluster: PocketCluster, **more: Any) -> None:
    """A pod `one` that serves."""
    cluster.core.create_namespaced_pod(
        "default", {"metadata": {"name": "one"}, "spec": {"containers": [server_container(**more)]}}
    )
    cluster.until(lambda: len(cluster.ready_pods()) == 1)


def ran(cluster: PocketCluster, *command: str) -> tuple[str, str, int]:
    """What a command writes to its two streams, and its exit code, by the official client."""
    exec_ = cluster.core.connect_get_namespaced_pod_exec
    talk = stream(exec_, "one", "default", command=list(command), _preload_content=False, **ASKED)
    talk.run_forever(timeout=60)
    try:
        return talk.read_stdout(), talk.read_stderr(), talk.returncode
    finally:
        talk.sock.shutdown()  # the client's own `close` leaves the socket open once the server has closed


def test_the_official_client_runs_a_command_in_a_container(cluster: PocketCluster) -> None:
    """Both streams apart, the container's environment, its exit code, and the pid of its first process."""
    start(cluster, env=[{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}])
    address = cluster.pods()[0].status.pod_ip
    assert ran(cluster, "sh", "-c", 'echo "$POD_IP"; echo bad >&2; exit 3') == (f"{address}\n", "bad\n", 3)
    assert ran(cluster, "sh", "-c", 'kill -0 "$CONTAINER_PID"') == ("", "", 0)
    assert ran(cluster, "sh", "-c", "kill -KILL $$")[2] == 137


def test_what_cannot_be_run_is_refused_before_the_handshake(cluster: PocketCluster) -> None:
    """No such pod, container or program, standard input, no command, and no upgrade."""
    start(cluster)
    exec_ = cluster.core.connect_get_namespaced_pod_exec
    for name, options, word in (
        ("two", {"command": ["true"]}, "404"),
        ("one", {"command": ["true"], "container": "other"}, "400"),
        ("one", {"command": ["no-such-program"]}, "500"),
        ("one", {"command": ["true"], "stdin": True}, "400"),
        ("one", {}, "400"),
    ):
        with pytest.raises(ApiException, match=word):
            stream(exec_, name, "default", **{**ASKED, **options})
    with pytest.raises(ApiException, match="Upgrade request required"):
        exec_("one", "default", command=["true"])


def test_a_client_that_leaves_ends_its_command(cluster: PocketCluster) -> None:
    """Closed after its first line: the command does not go on in the container."""
    start(cluster)
    exec_ = cluster.core.connect_get_namespaced_pod_exec
    command = ["sh", "-c", "echo $$; while true; do sleep 0.1; echo on; done"]
    talk = stream(exec_, "one", "default", command=command, _preload_content=False, **ASKED)
    pid = talk.readline_stdout(timeout=60)
    talk.close()
    cluster.until(lambda: ran(cluster, "sh", "-c", f"kill -0 {pid}")[2] != 0)


@needs_kubectl
def test_kubectl_runs_a_command_in_a_container(cluster: PocketCluster) -> None:
    """Its output, and the exit code in its message."""
    start(cluster)
    assert cluster.kubectl("exec", "one", "--", "sh", "-c", "echo there") == "there\n"
    said = cluster.kubectl("exec", "one", "--", "sh", "-c", "exit 7", check=False)
    assert "command terminated with exit code 7" in said


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
def test_chaosk8s_runs_a_command_in_pods(cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its action `exec_in_pods`, as an experiment file names it."""
    from chaosk8s.pod import actions

    start(cluster)
    monkeypatch.setattr(actions, "create_k8s_api_client", lambda _secrets: cluster.core.api_client)
    done = actions.exec_in_pods("echo there", name_pattern="one", container_name="web")
    assert [(one["pod_name"], one["exit_code"], one["stdout"]) for one in done] == [("one", 0, "there\n")]
    gc.collect()
