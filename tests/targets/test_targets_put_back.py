"""Objects that an action of others changed are put back as they were, and nothing that somebody else has changed since."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.targets.cluster.put_back import manifest_of, parts_of, way_back

Parts = dict[str, Any]

KEYS = st.sampled_from("abc")
LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "y"]) | st.lists(st.integers(0, 2))
PARTS = st.dictionaries(KEYS, st.recursive(LEAVES, lambda below: st.dictionaries(KEYS, below, max_size=3)), max_size=3)


def merged(value: Parts, patch: Parts) -> Parts:
    """A JSON merge patch, applied. Source: RFC 7386."""
    result = dict(value)
    for key, new in patch.items():
        if new is None:
            result.pop(key, None)
        elif isinstance(new, dict):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, dict) else {}, new)
        else:
            result[key] = new
    return result


def plain(value: Any) -> Any:
    """Without what the API leaves out: nothing, false, and empty texts, lists and mappings; 0 stays."""
    if not isinstance(value, dict):
        return value
    kept = {key: plain(below) for key, below in value.items()}
    return {key: below for key, below in kept.items() if not (below is None or below is False or below in ("", [], {}))}


@example(before={"a": {"c": 0}}, left={"a": {"c": False}})
@given(before=PARTS, left=PARTS)
def test_what_an_action_left_is_put_back(before: Parts, left: Parts) -> None:
    """Whether it is known what the action left, or not."""
    for known in (left, None):
        assert plain(merged(left, way_back(before, known, left))) == plain(before)


@given(before=PARTS, left=PARTS)
def test_what_is_as_before_needs_no_change(before: Parts, left: Parts) -> None:
    """The action's own undo has done it."""
    assert way_back(before, left, before) == {}


@given(before=PARTS, left=PARTS, others=st.integers(5, 9))
def test_a_field_that_somebody_else_has_set_since_stays(before: Parts, left: Parts, others: int) -> None:
    """Beside what the action changed, or in its place."""
    for key in ("a", "d"):
        now = {**left, key: others}
        assert merged(now, way_back(before, left, now))[key] == others


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        (["spec.replicas"], {"spec": {"replicas": 3}}),
        (["spec.unschedulable"], {"spec": {"unschedulable": None}}),
        ([], {"spec": {"replicas": 3}, "metadata": {"labels": {"app": "web"}}}),
    ],
)
def test_only_what_a_client_may_set_is_compared(fields: list[str], parts: Parts) -> None:
    """The fields that an action changes, where they are known."""
    meta = {"name": "web", "uid": "1", "resourceVersion": "7", "labels": {"app": "web"}}
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 3}, "status": {}}
    assert parts_of(obj, fields) == parts
    assert manifest_of(obj) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"replicas": 3},
    }
    assert parts_of(None) is None


def test_annotations_that_count_changes_are_not_compared() -> None:
    """Each undo is a change, too; the others are what an Ingress may be broken by."""
    notes = {"deployment.kubernetes.io/revision": "3", "deprecated.daemonset.template.generation": "2", "own": "yes"}
    obj = {"metadata": {"name": "web", "annotations": notes, "finalizers": ["a/b"]}, "spec": {}}
    assert parts_of(obj) == {"spec": {}, "metadata": {"annotations": {"own": "yes"}, "finalizers": ["a/b"]}}


def test_no_replicas_is_another_number_than_none_given() -> None:
    """Kubernetes would make it one."""
    assert way_back({"replicas": None}, {"replicas": 0}, {"replicas": 0}) == {"replicas": None}
    assert way_back({"unschedulable": None}, {"unschedulable": False}, {"unschedulable": False}) == {}
