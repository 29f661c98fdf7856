"""Memory limits, held against real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

TAKE = "import sys, time; kept = bytearray(b'x') * (int(sys.argv[1]) << 20); print('took', flush=True); time.sleep(600)"


def taking(mebibytes: int, limit: str) -> dict[str, Any]:
    """The spec of a pod that takes so much memory in a child of its first process."""
    child = ["sh", "-c", 'python -c "$0" "$1"; exit $?', TAKE, str(mebibytes)]
    container = {"name": "main", "image": "test/take:1", "command": child, "resources": {"limits": {"memory": limit}}}
    return {"containers": [container], "terminationGracePeriodSeconds": 0}


def status(cluster: PocketCluster, name: str) -> Any:
    """The status of the one container of a pod."""
    return (cluster.core.read_namespaced_pod(name, "default").status.container_statuses or [None])[0]


def test_a_container_over_its_limit_is_killed_and_started_again(cluster: PocketCluster) -> None:
    """OOMKilled with 137 and an event, again and again with back-off; its neighbour below the limit is left alone."""
    for name, mebibytes in (("greedy", 200), ("modest", 40)):
        cluster.core.create_namespaced_pod("default", {"metadata": {"name": name}, "spec": taking(mebibytes, "128Mi")})
    cluster.until(lambda: getattr(status(cluster, "greedy"), "restart_count", 0) >= 2, 40)
    ended = status(cluster, "greedy").last_state.terminated
    assert (ended.reason, ended.exit_code, ended.signal) == ("OOMKilled", 137, 9)
    events = cluster.core.list_namespaced_event("default", field_selector="involvedObject.name=greedy").items
    assert {"OOMKilling", "BackOff"} <= {each.reason for each in events}
    assert status(cluster, "modest").restart_count == 0
