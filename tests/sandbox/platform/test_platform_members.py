"""Where a member of the database finds another: at the Service of its name, where the platform has one."""

from __future__ import annotations

import pytest
from patroni.dcs import Leader, Member, RemoteMember

from readiness_sandbox.platform import parts
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.normaldance import database, members
from readiness_sandbox.platform.render import render
from readiness_sandbox.releases import load_release

PRIMARY = "postgres-us-east-1-0"
DATA = {"conn_url": "postgres://127.1.1.2:5432/postgres", "api_url": "http://127.1.1.2:8008/patroni"}
SERVICE = {"POSTGRES_US_EAST_1_0_SERVICE_HOST": "127.1.64.9"}


def seen(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> Member:
    """The primary, as Patroni of another member knows it in that environment."""
    for name in ("conn_kwargs", "api_url"):
        monkeypatch.setattr(Member, name, getattr(Member, name))  # put back after the test
    members.reach_through_services(env)
    return Member("1", PRIMARY, None, dict(DATA))


def test_a_member_with_a_service_is_reached_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL and Patroni's own port, also as the leader; the way of any other is as it says."""
    member = seen(monkeypatch, SERVICE)
    reached = {"host": "127.1.64.9", "port": 5432, "dbname": "postgres", "user": "replicator"}
    assert member.conn_kwargs({"username": "replicator"}) == reached
    assert member.api_url == "http://127.1.64.9:8008/patroni"
    assert member.get_endpoint_url("failsafe") == "http://127.1.64.9:8008/failsafe"
    assert Leader("", None, member).conn_kwargs()["host"] == "127.1.64.9"
    assert Member("1", "postgres-eu-west-1-0", None, dict(DATA)).conn_kwargs()["host"] == "127.1.1.2"
    assert RemoteMember("", {"conn_kwargs": {"host": "127.1.1.2", "port": 5432}}).conn_kwargs()["host"] == "127.1.1.2"


def test_without_services_members_call_each_other_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the pods' addresses say."""
    member = seen(monkeypatch, {})
    assert (member.conn_kwargs()["host"], member.api_url) == ("127.1.1.2", DATA["api_url"])
    assert Member("1", PRIMARY, None, {}).conn_kwargs() == {}


def test_the_part_has_a_service_for_every_member() -> None:
    """Of its name, by the label that a StatefulSet gives its pods; they are there before the members are."""
    objects = render(load_release("1.0.0"), Credentials.generate(), ["partition"])
    sets = [obj for obj in objects if obj["kind"] == "StatefulSet" and obj["metadata"]["namespace"] == "database"]
    pods = {f"{each['metadata']['name']}-{n}" for each in sets for n in range(each["spec"]["replicas"])}
    services = {
        obj["metadata"]["name"]: obj["spec"]["selector"]
        for obj in objects
        if obj["kind"] == "Service" and "statefulset.kubernetes.io/pod-name" in (obj["spec"].get("selector") or {})
    }
    assert services == {pod: {"statefulset.kubernetes.io/pod-name": pod} for pod in pods}
    assert parts.described({"ledger": {"path": "/ledger"}}, ["partition"], lambda *_: "")["ledger"]["copies"] is True


def test_patroni_is_started_with_it() -> None:
    """The program that a database pod becomes."""
    assert "reach_through_services()" in database.PATRONI


def test_a_standby_has_lost_only_whom_it_is_still_to_follow() -> None:
    """Not before its first connection, and not where another member leads meanwhile."""
    reconnecting = members.Reconnecting()
    seen = [("", False), ("a", False), ("a", True), ("a", False), ("a", False), ("a", True), ("a", False), ("b", False)]
    assert [reconnecting.lost(source, streams=streams) for source, streams in seen] == [
        *(False, False, False, True, True, False),
        *(True, False),
    ]
    assert not reconnecting.lost("b", streams=True)
    assert reconnecting.lost("b", streams=False)
