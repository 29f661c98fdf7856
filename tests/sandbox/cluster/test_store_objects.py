"""The store: versions, compare-and-swap, the ring of changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.store import StatusError, Store, WatchEvent

POD = kinds.by_name("Pod")
MAP = kinds.by_name("ConfigMap")


def pod(name: str, **labels: str) -> dict[str, Any]:
    """The least that is a pod."""
    return {"metadata": {"namespace": "default", "name": name, "labels": labels}, "spec": {"containers": []}}


def code(error: pytest.ExceptionInfo[StatusError]) -> tuple[int, str]:
    """What HTTP and the Status say."""
    return error.value.code, error.value.reason


def test_an_object_is_born_with_what_only_the_server_gives() -> None:
    """Uid, creationTimestamp, resourceVersion, generation, kind and apiVersion."""
    made = Store().create(POD, pod("a"))
    meta = made["metadata"]
    assert (made["kind"], made["apiVersion"], meta["generation"], meta["resourceVersion"]) == ("Pod", "v1", 1, "4")
    assert len(meta["uid"]) == 36
    assert meta["creationTimestamp"].endswith("Z")


def test_names_are_generated_without_clashes() -> None:
    """The prefix plus five letters, different each time."""
    store = Store()
    names = {
        store.create(POD, {"metadata": {"namespace": "default", "generateName": "web-"}})["metadata"]["name"]
        for _ in range(50)
    }
    assert len(names) == 50
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


def test_the_spec_counts_the_generation_and_nothing_else_does() -> None:
    """Labels and status leave it alone."""
    store = Store()
    obj = store.create(POD, pod("a"))
    obj = store.update(POD, {**obj, "metadata": {**obj["metadata"], "labels": {"x": "y"}}})
    obj = store.update(POD, {**obj, "status": {"phase": "Running"}}, subresource="status")
    assert obj["metadata"]["generation"] == 1
    obj = store.update(POD, {**obj, "spec": {"containers": [], "nodeName": "n"}})
    assert (obj["metadata"]["generation"], obj["status"]) == (2, {"phase": "Running"})


def test_a_write_that_changes_nothing_is_no_change() -> None:
    """No version, no event: else controllers would chase themselves."""
    store = Store()
    obj = store.create(POD, pod("a"))
    events: list[WatchEvent] = []
    store.subscribe(events.append)
    assert store.update(POD, obj) is obj
    assert store.update(POD, {**obj, "status": {}}) is obj
    assert (events, store.resource_version) == ([], 4)


def test_subscribers_hear_everything_in_order_until_they_leave() -> None:
    """A deletion carries a version of its own, and each event what stood there before."""
    store = Store()
    events: list[WatchEvent] = []
    leave = store.subscribe(events.append)
    made = store.create(MAP, {"metadata": {"namespace": "default", "name": "m"}})
    store.update(MAP, {**made, "data": {"a": "b"}})
    store.delete(MAP, "default", "m")
    leave()
    store.create(MAP, {"metadata": {"namespace": "default", "name": "m"}})
    assert [(event.type, event.resource_version) for event in events] == [("ADDED", 4), ("MODIFIED", 5), ("DELETED", 6)]
    assert [event.object["metadata"]["resourceVersion"] for event in events] == ["4", "5", "6"]
    assert events[1].previous is made


def test_the_ring_reaches_back_so_far_and_says_so() -> None:
    """Before the ring, and after the present, is 410 Expired."""
    store = Store(ring=3)
    for i in range(4):
        store.create(POD, pod(f"p{i}"))
    assert [event.object["metadata"]["name"] for event in store.events_since(4)] == ["p1", "p2", "p3"]
    assert store.events_since(7) == []
    for version in (3, 8):
        with pytest.raises(StatusError) as refused:
            store.events_since(version)
        assert code(refused) == (410, "Expired")


def test_a_deletion_may_insist_on_the_uid() -> None:
    """409 when the object is another one of the same name."""
    store = Store()
    store.create(POD, pod("a"))
    with pytest.raises(StatusError) as refused:
        store.delete(POD, "default", "a", uid="another")
    assert code(refused) == (409, "Conflict")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "delete"]), st.integers(0, 2)), max_size=30)
)
def test_the_stream_of_changes_rebuilds_the_store(steps: list[tuple[str, str, int]]) -> None:
    """Whoever replays every event holds what the store holds: the law on which every watch rests."""
    store = Store()
    mirror: dict[str, Any] = {}

    def follow(event: WatchEvent) -> None:
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            del mirror[name]
        else:
            mirror[name] = event.object

    store.subscribe(follow)
    for name, step, value in steps:
        body = {"metadata": {"namespace": "default", "name": name}, "data": {"v": str(value)}}
        if step == "delete" and name in mirror:
            store.delete(MAP, "default", name)
        elif step == "write":
            (store.update if name in mirror else store.create)(MAP, body)
    assert [mirror[name] for name in sorted(mirror)] == store.list(MAP)
    assert len(store.events_since(3)) == store.resource_version - 3


@given(st.integers(0, 3), st.integers(0, 3))
def test_of_two_writers_with_one_version_one_wins(first: int, second: int) -> None:
    """Compare-and-swap: the second is refused exactly when the first changed something."""
    store = Store()
    made = store.create(MAP, {"metadata": {"namespace": "default", "name": "m"}, "data": {"v": "0"}})
    store.update(MAP, {**made, "data": {"v": str(first)}})
    if first == 0:
        store.update(MAP, {**made, "data": {"v": str(second)}})
    else:
        with pytest.raises(StatusError) as refused:
            store.update(MAP, {**made, "data": {"v": str(second)}})
        assert code(refused) == (409, "Conflict")
