"""The log of connections, followed in real files while it grows and is rotated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.check.flow_log import FlowKey, FlowLog, flows_of, listed
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from readiness_sandbox.network.flows import FlowEnds, FlowLogWriter
from readiness_sandbox.network.seam import Endpoint
from tests.builders.addresses import NET
from tests.together.objects import pod

if TYPE_CHECKING:
    from tests.together.conftest import PocketCluster


def endpoint(app: str, pod: str) -> dict[str, Any]:
    """An end of a flow, as Hubble writes it."""
    labels = [f"k8s:app={app}", "k8s:io.kubernetes.pod.namespace=north"]
    return {"namespace": "north", "pod_name": pod, "labels": labels, "workloads": [{"name": f"{app}-deployment"}]}


def flow(source: dict[str, Any], destination: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The first packet of a connection."""
    tcp = {"source_port": 40000, "destination_port": 5432, "flags": {"SYN": True}}
    given = {"verdict": "FORWARDED", "l4": {"TCP": tcp}, "source": source, "destination": destination, **fields}
    return {"flow": {"traffic_direction": "EGRESS", "is_reply": False, **given}, "time": "2026-11-20T10:00:00Z"}


TRACK, OLD, STORE = endpoint("track", "track-1"), endpoint("track", "track-0"), endpoint("postgres", "postgres-0")
HOST = {"labels": ["reserved:host"]}
TO_STORE = FlowKey("north", "track", "north", "postgres", 5432, "FORWARDED")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The file that grows."""
    return tmp_path / "events.log"


@pytest.fixture
def target(cluster: PocketCluster, tmp_path: Path) -> Target:
    """A target with that log, and one pod."""
    cluster.create("Pod", pod("track-1", "track"))
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\nentry: http://{NET}1:8080\n"
        f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        "flows: {log: 'events*.log', stores: [postgres], data_access: [track], dependencies: {track: [postgres]}}\n",
        encoding="utf-8",
    )
    return load_target(file)


def append(file: Path, *events: Any) -> None:
    """Lines at the end."""
    with file.open("a", encoding="utf-8") as opened:
        opened.writelines(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in events)


def test_the_beginnings_of_connections_are_counted(target: Target, log: Path) -> None:
    """Answers, later packets, what the other node saw of the same packet, and other protocols are not; what is from outside has no namespace."""
    append(log)
    follower = FlowLog(target)
    assert follower.read().before
    reply = flow(STORE, TRACK, is_reply=True)
    again = flow(TRACK, STORE, traffic_direction="INGRESS")
    acked = flow(TRACK, STORE, l4={"TCP": {"destination_port": 5432, "flags": {"SYN": True, "ACK": True}}})
    dns = flow(TRACK, STORE, l4={"UDP": {"destination_port": 53}})
    refused = flow(TRACK, STORE, verdict="DROPPED", traffic_direction="INGRESS")
    append(log, flow(TRACK, STORE), reply, again, acked, dns, refused, flow(HOST, STORE), flow(TRACK, STORE))
    seen = follower.read()
    assert (seen.lines, seen.why, seen.before) == (8, "", False)
    assert dict(seen.connections) == {
        TO_STORE: 2,
        TO_STORE._replace(verdict="DROPPED"): 1,
        FlowKey("", "host", "north", "postgres", 5432, "FORWARDED"): 1,
    }
    assert listed(seen.connections)[0]["n"] == 2
    assert not follower.read().connections


def test_of_what_was_there_before_only_running_pods_count(target: Target, log: Path) -> None:
    """They may hold their connections still; the pods of yesterday's release hold none."""
    append(log, flow(TRACK, STORE), flow(OLD, STORE), flow(OLD, STORE))
    assert dict(FlowLog(target).read().connections) == {TO_STORE: 1}


def test_a_rotated_file_is_read_to_its_end(target: Target, log: Path) -> None:
    """A line that is not yet complete waits for the next reading."""
    append(log)
    follower = FlowLog(target)
    follower.read()
    whole = json.dumps(flow(TRACK, STORE))
    log.write_text(whole[:40])
    assert follower.read().lines == 0
    log.write_text(f"{whole}\n{whole}\n")
    log.rename(log.with_name("events-2026.log"))
    append(log, flow(TRACK, STORE))
    seen = follower.read()
    assert (seen.connections[TO_STORE], seen.why) == (3, "")


def test_what_is_missing_of_a_log_is_said(target: Target, log: Path) -> None:
    """Lines that are none, events that Hubble lost, and a file that is gone before it was read."""
    append(log)
    follower = FlowLog(target)
    follower.read()
    append(
        log, "{", "[]", {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "12"}}, {"node_status": {}}
    )
    assert follower.read().why == "2 of 4 lines are not flows in Hubble's format; Hubble reports 12 lost events"
    log.unlink()
    assert "there is no log file" in follower.read().why


def test_a_log_that_goes_may_have_had_more(target: Target, log: Path) -> None:
    """A quiet one beside a busy one is not complete while nothing shows that it was rotated."""
    append(log, flow(TRACK, STORE))
    follower = FlowLog(target)
    follower.read()
    append(log.with_name("eventsb.log"), flow(TRACK, STORE))
    assert follower.read().why == ""
    log.unlink()
    assert "1 log files were deleted before they were read completely" in follower.read().why


def test_a_target_without_a_log_says_what_to_add(target: Target) -> None:
    """The key, with its parts."""
    with pytest.raises(ConfigurationError, match="names no log of connections"):
        flows_of(target.model_copy(update={"flows": None}))


def test_the_sandboxs_log_is_read_across_its_backups(
    target: Target, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost and nothing counted twice where a file is full."""
    monkeypatch.setattr("readiness_sandbox.network.flows.MOST_BYTES", 4096)
    writer = FlowLogWriter(log)
    writer.known("127.92.1.1", TRACK)
    writer.known("127.92.1.2", STORE)
    follower = FlowLog(target)
    follower.read()
    ends = FlowEnds(
        caller="127.92.1.1", port=40000, callee=Endpoint(address="127.92.1.2", port=5432), service="north/main"
    )
    for count in (7, 9):
        for _ in range(count):
            writer.forwarded(ends)
        assert dict(follower.read().connections) == {TO_STORE: count}
    for _ in range(20):  # a file that was read to its end may go
        for _ in range(5):
            writer.forwarded(ends)
        seen = follower.read()
        assert (dict(seen.connections), seen.why) == ({TO_STORE: 5}, "")
    for _ in range(60):
        writer.denied(ends)
    writer.close()
    assert len(list(log.parent.glob("events*.log"))) == 6
    assert "were deleted before they were read completely" in follower.read().why
