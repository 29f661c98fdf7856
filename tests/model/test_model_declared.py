"""What a sentence may say of containers and workloads, and when it holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.check.state.fields import CONTAINER_FIELDS, WORKLOAD_FIELDS
from harness.errors import UsageError
from harness.model.declared import (
    CONDITIONS_PATTERN,
    STATE_FIELDS,
    Comparison,
    StateCondition,
    StateObject,
    conditions_of,
)


def test_conditions_are_read_in_order() -> None:
    """Three of them, the last after `and`; a field's own name may have spaces and hyphens."""
    found = conditions_of(StateObject.WORKLOAD, "ready replicas at least 2, nodes at least 2 and resources stated")
    assert [str(one) for one in found] == ["ready replicas at least 2", "nodes at least 2", "resources stated"]
    [one] = conditions_of(StateObject.CONTAINER, "image tag other than latest")
    assert (one.field, one.how, one.value) == ("image tag", Comparison.OTHER_THAN, "latest")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ready replicas at least 2", "a container has no field `ready replicas`"),
        ("liveness period at most soon", "`soon` is not a number"),
        ("image tag other than", "not a list of conditions"),
        ("colour equal to red", "not a list of conditions"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_the_reason(text: str, words: str) -> None:
    """A field of another object, a limit that is no number, a missing value, an unknown field."""
    with pytest.raises(UsageError, match=words):
        conditions_of(StateObject.CONTAINER, text)


@pytest.mark.parametrize(
    ("condition", "stated", "holds"),
    [
        ("user id other than 0", "1000", True),
        ("user id other than 0", "0", False),
        ("user id other than 0", None, False),
        ("image tag other than latest", "sha256:00ff", True),
        ("run-as-non-root equal to true", "true", True),
        ("run-as-non-root equal to true", "false", False),
        ("liveness period at most 10 s", "10 s", True),
        ("liveness period at most 10 s", "11 s", False),
        ("liveness period at most 10 s", None, False),
        ("liveness period at most 10 s", "often", False),
        ("resources stated", "500m/1Gi", True),
        ("resources stated", None, False),
    ],
)
def test_a_condition_holds_or_not_and_never_for_what_is_not_stated(
    condition: str,
    stated: str | None,
    holds: bool,  # noqa: FBT001
) -> None:
    """Numbers are compared as numbers, other values as text."""
    [one] = conditions_of(StateObject.CONTAINER, condition)
    assert one.holds(stated) is holds


def test_ten_is_more_than_nine() -> None:
    """Not compared as text."""
    [one] = conditions_of(StateObject.WORKLOAD, "ready replicas at least 10")
    assert (one.holds("9"), one.holds("10"), one.holds("100")) == (False, True, True)


def test_every_field_that_a_sentence_may_name_is_read_from_an_object() -> None:
    """The register and the readers have the same names."""
    assert set(CONTAINER_FIELDS) == set(STATE_FIELDS[StateObject.CONTAINER])
    assert set(WORKLOAD_FIELDS) == set(STATE_FIELDS[StateObject.WORKLOAD])


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a UsageError comes out, and what is read says the same again."""
    try:
        found = conditions_of(StateObject.CONTAINER, text)
    except UsageError:
        return
    assert re.fullmatch(CONDITIONS_PATTERN, text)
    assert all(isinstance(one, StateCondition) for one in found)
