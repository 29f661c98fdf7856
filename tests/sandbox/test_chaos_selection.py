"""Which pods a chaos resource hits."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers.chaos.selection import chosen, selected


def pod(name: str, namespace: str = "here", **more: Any) -> dict[str, Any]:
    """A running pod on node `n1` with the label `app=web`."""
    meta = {"name": name, "namespace": namespace, "labels": {"app": "web"}, **more}
    return {"metadata": meta, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}


PODS = [pod("a"), pod("b", namespace="there"), pod("c", labels={"app": "other"}), pod("d", deletionTimestamp="now")]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, ["a", "c"]),
        ({"namespaces": ["here", "there"]}, ["a", "b", "c"]),
        ({"labelSelectors": {"app": "web"}}, ["a"]),
        ({"annotationSelectors": {"x": "y"}}, []),
        ({"nodes": ["n2"]}, []),
        ({"podPhaseSelectors": ["Running"]}, ["a", "c"]),
        ({"pods": {"there": ["b"], "here": ["d"]}}, ["b"]),
    ],
)
def test_every_part_of_a_selector_must_hold(selector: dict[str, Any], expected: list[str]) -> None:
    """Without namespaces those of the resource's own; a pod that ends is never hit."""
    chaos = {"metadata": {"namespace": "here"}, "spec": {"selector": selector}}
    assert [each["metadata"]["name"] for each in selected(chaos, PODS)] == expected


@given(st.integers(0, 20), st.integers(0, 200), st.integers())
def test_a_mode_takes_no_more_than_it_says(count: int, value: int, seed: int) -> None:
    """One, all, so many, so many percent rounded down, at most so many percent; no pod twice."""
    found = [pod(str(number)) for number in range(count)]

    def taken(mode: str) -> int:
        names = [each["metadata"]["name"] for each in chosen({"mode": mode, "value": str(value)}, found, Random(seed))]
        assert len(set(names)) == len(names)
        return len(names)

    assert (taken("one"), taken("all"), taken("fixed")) == (min(1, count), count, min(value, count))
    assert taken("fixed-percent") == count * min(value, 100) // 100
    assert taken("random-max-percent") <= taken("fixed-percent")
