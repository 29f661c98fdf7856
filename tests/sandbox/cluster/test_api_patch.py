"""Patches: literal examples of each type, and the laws they keep."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.merge import strategic
from readiness_sandbox.cluster.patch import JSON, MERGE, STRATEGIC, merged, patched
from readiness_sandbox.cluster.statuses import StatusError

SCALARS = st.one_of(st.booleans(), st.integers(-3, 3), st.text("ab", max_size=2))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("xyz", max_size=2), inner, max_size=3)
    ),
)
MAPS = st.dictionaries(st.text("xyz", max_size=2), VALUES, max_size=4)
PATCHES = st.dictionaries(
    st.text("xyz", max_size=2),
    st.one_of(st.none(), VALUES, st.dictionaries(st.text("xyz", max_size=2), st.none())),
    max_size=4,
)
CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc"), "image": st.text("12", max_size=2)}),
    unique_by=lambda each: each["name"],
)


@given(MAPS, PATCHES)
def test_a_patch_applied_twice_changes_nothing_more(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    """Merge and strategic merge are idempotent."""
    for apply in (merged, strategic):
        once = apply(obj, patch)
        assert apply(once, patch) == once


@given(MAPS)
def test_an_object_is_a_patch_that_leaves_itself_alone(obj: dict[str, Any]) -> None:
    """Merging an equal object is no change, so that it is no write."""
    for kind in (MERGE, STRATEGIC):
        assert patched(obj, obj, kind) == obj
        assert patched(obj, {}, kind) == obj


@given(MAPS, PATCHES)
def test_nothing_is_edited_in_place(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    """What the store holds stays as it is until it is written."""
    kept, kept_patch = copy.deepcopy(obj), copy.deepcopy(patch)
    merged(obj, patch)
    strategic(obj, patch)
    assert (obj, patch) == (kept, kept_patch)


@given(CONTAINERS, CONTAINERS)
def test_containers_merge_by_name(old: list[dict[str, str]], new: list[dict[str, str]]) -> None:
    """Each name stays once; the patch's elements win; the others stay in their order."""
    result = strategic({"containers": old}, {"containers": new})["containers"]
    names = [each["name"] for each in result]
    assert len(set(names)) == len(names)
    assert names[: len(old)] == [each["name"] for each in old]
    assert {each["name"]: each for each in result} == {each["name"]: each for each in (*old, *new)}


def test_strategic_directives() -> None:
    """Delete an element, replace a list, replace a map, keep keys, delete from a list of plain values; order is accepted."""
    pod = {
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], "strategy": {"type": "R", "rolling": 1}},
        "metadata": {"finalizers": ["x", "y"]},
    }
    assert strategic(pod, {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}})["spec"]["containers"] == [
        {"name": "b"}
    ]
    replaced = strategic(pod, {"spec": {"containers": [{"$patch": "replace"}, {"name": "c"}]}})
    assert replaced["spec"]["containers"] == [{"name": "c"}]
    assert strategic(pod, {"spec": {"strategy": {"$patch": "replace", "type": "S"}}})["spec"]["strategy"] == {
        "type": "S"
    }
    assert strategic(pod, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "S"}}})["spec"]["strategy"] == {
        "type": "S"
    }
    kept = strategic(
        pod, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"], "$setElementOrder/finalizers": ["y"]}}
    )
    assert kept["metadata"]["finalizers"] == ["y"]
    assert strategic(pod, {"metadata": {"finalizers": ["y", "z"]}})["metadata"]["finalizers"] == ["x", "y", "z"]


def test_strategic_merge_keys_depend_on_the_place() -> None:
    """Ports of a container by containerPort, of a service by port; taints and subsets are replaced whole."""
    container = {"containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "x"}]}]}
    ports = strategic(container, {"containers": [{"name": "a", "ports": [{"containerPort": 2}]}]})["containers"][0][
        "ports"
    ]
    assert ports == [{"containerPort": 1, "name": "x"}, {"containerPort": 2}]
    service = {"spec": {"ports": [{"port": 80, "name": "http"}]}}
    assert strategic(service, {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}})["spec"]["ports"] == [
        {"port": 80, "name": "http", "targetPort": 8080}
    ]
    node = {"spec": {"taints": [{"key": "a"}, {"key": "b"}]}}
    assert strategic(node, {"spec": {"taints": [{"key": "b"}]}}) == {"spec": {"taints": [{"key": "b"}]}}
    endpoints = {"subsets": [{"addresses": [{"ip": "1"}]}]}
    assert strategic(endpoints, {"subsets": []}) == {"subsets": []}


def test_json_patch_operations() -> None:
    """All six operations, escaped pointers, and the end of a list."""
    obj = {"a": {"b/c": [1, 2]}, "d": 1}
    operations = [
        {"op": "test", "path": "/a/b~1c/0", "value": 1},
        {"op": "add", "path": "/a/b~1c/-", "value": 3},
        {"op": "add", "path": "/a/b~1c/0", "value": 0},
        {"op": "replace", "path": "/d", "value": 2},
        {"op": "copy", "from": "/d", "path": "/e"},
        {"op": "move", "from": "/a/b~1c/3", "path": "/f"},
        {"op": "remove", "path": "/d"},
    ]
    assert patched(obj, operations, JSON) == {"a": {"b/c": [0, 1, 2]}, "e": 2, "f": 3}
    assert obj == {"a": {"b/c": [1, 2]}, "d": 1}


def test_a_patch_that_makes_no_sense_is_refused(subtests: pytest.Subtests) -> None:
    """Malformed is 400, well-formed but inapplicable is 422."""
    for patch, kind, code in [
        ([], MERGE, 400),
        ("x", STRATEGIC, 400),
        ({"$nonsense": 1}, STRATEGIC, 400),
        ({"containers": [{"image": "x"}]}, STRATEGIC, 400),
        ({}, JSON, 400),
        ([{"op": "replace", "path": "", "value": 3}], JSON, 400),
        ([{"op": "replace", "path": "/no", "value": 3}], JSON, 422),
        ([{"op": "remove", "path": "/no"}], JSON, 422),
        ([{"op": "remove", "path": ""}], JSON, 422),
        ([{"op": "add", "path": "/list/9", "value": 3}], JSON, 422),
        ([{"op": "add", "path": "no-slash", "value": 3}], JSON, 422),
        ([{"op": "jump", "path": "/list"}], JSON, 422),
        ([{"op": "test", "path": "/list/0", "value": 2}], JSON, 422),
        ([{"path": "/list"}], JSON, 422),
        (["x"], JSON, 422),
    ]:
        with subtests.test(patch=patch):
            with pytest.raises(StatusError) as refused:
                patched({"list": [1]}, patch, kind)
            assert refused.value.code == code
