"""What a sentence may say of containers and workloads, and when it holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.check.state.conditions import (
    CONDITIONS_PATTERN,
    Comparison,
    FieldValue,
    StateCondition,
    conditions_of,
)
from harness.drivers.check.state.nouns import load_nouns
from harness.errors import UsageError

FIELDS = {thing.name: thing.values for thing in load_nouns()}


def of(thing: str, text: str) -> tuple[StateCondition, ...]:
    """The conditions of a sentence on a thing of the harness's own nouns."""
    return conditions_of(thing, FIELDS[thing], text)


def test_conditions_are_read_in_order() -> None:
    """Three of them, the last after `and`; a field's own name may have spaces and hyphens."""
    found = of("workload", "ready replicas at least 2, nodes at least 2 and resources stated")
    assert [str(one) for one in found] == ["ready replicas at least 2", "nodes at least 2", "resources stated"]
    [one] = of("container", "image tag other than latest")
    assert (one.field, one.how, one.value) == ("image tag", Comparison.OTHER_THAN, "latest")


def test_what_cannot_be_checked_is_refused_with_the_reason(subtests: pytest.Subtests) -> None:
    """A field of another object, a limit that is no number, a missing value, an unknown field."""
    for text, words in [
        ("ready replicas at least 2", "`container` has no field `ready replicas`"),
        ("liveness period at most soon", "'soon' is not a number"),
        ("liveness period at most 10 %", "is a ratio"),
        ("user id at least 10 s", "`10 s` has a unit"),
        ("image tag at most 3", "`at most` compares numbers"),
        ("run-as-non-root equal to yes", "`yes` is not true or false"),
        ("image tag other than", "not a list of conditions"),
        ("colour equal to red", "`container` has no field `colour`"),
    ]:
        with subtests.test(text), pytest.raises(UsageError, match=words):
            of("container", text)


def test_a_condition_holds_or_not_and_never_for_what_is_not_stated(subtests: pytest.Subtests) -> None:
    """Numbers are compared as numbers, other values as text."""
    for condition, stated, holds in [
        ("user id other than 0", "0", False),
        ("user id other than 0", None, False),
        ("image tag other than latest", "sha256:00ff", True),
        ("run-as-non-root equal to true", "false", False),
        ("liveness period at most 10 s", "10 s", True),
        ("liveness period at most 10 s", "11 s", False),
        ("liveness period at most 10 s", None, False),
        ("resources stated", None, False),
    ]:
        with subtests.test(condition=condition, stated=stated):
            [one] = of("container", condition)
            assert one.holds(stated) is holds


def test_a_value_is_compared_as_what_it_is(subtests: pytest.Subtests) -> None:
    """Numbers not as text, amounts of Kubernetes, versions by number, times in any unit, forms by their signs."""
    for value, condition, stated, holds in [
        (FieldValue(kind="number"), "size at least 10", "9", False),
        (FieldValue(kind="number"), "size at least 10", "10", True),
        (FieldValue(kind="amount"), "size at most 1Gi", "1024Mi", True),
        (FieldValue(kind="amount"), "size at most 1Gi", "1025Mi", False),
        (FieldValue(kind="version"), "size at least 1.28", "v1.9.3", False),
        (FieldValue(kind="version"), "size at least 1.28", "v1.33.0-eks", True),
        (FieldValue(kind="version"), "size equal to 1.28", "1.28.0", True),
        (FieldValue(kind="number", unit="s"), "size equal to 1 min", "60 s", True),
        (FieldValue(kind="number", unit="s"), "size at most 500ms", "1 s", False),
        (FieldValue(), "size like v#-*", "v1-rc", True),
        (FieldValue(), "size like v#-*", "v10-rc", False),
        (FieldValue(), "size like a*#*b", "a-1-\n-b", True),
        (FieldValue(), "size like a*#*b", "a-1b", False),
        (FieldValue(), "size like *a*a*a*a*a*a*a*b", "a" * 9999, False),
        (FieldValue(), "size like *z", "a" * 9999 + "z", True),
    ]:
        with subtests.test(condition=condition, stated=stated):
            [one] = conditions_of("disk", {"size": value}, condition)
            assert one.holds(stated) is holds


def test_a_value_of_another_kind_is_not_known(subtests: pytest.Subtests) -> None:
    """Neither as expected nor not: nothing is read out of the beginning of a text, and no number becomes a share."""
    for kind, unit, value, condition, holds in [
        ("number", "", 5, "at most 5", True),
        ("number", "", 0.5, "at least 0.5", True),
        ("number", "", "1e3", "equal to 1000", True),
        ("number", "", True, "at least 1", None),
        ("number", "", "25%", "other than 0", None),
        ("number", "s", 30, "at most 1 min", True),
        ("number", "s", "10 min", "at most 10 s", None),
        ("number", "s", "30s", "at most 1 min", None),
        ("number", "%", 80, "at most 80 %", True),
        ("number", "%", "25%", "at most 80 %", None),
        ("share", "", "25%", "at most 25 %", True),
        ("share", "", "50%", "at most 25 %", False),
        ("share", "", 1, "at most 25 %", None),
        ("duration", "", "1h30m", "equal to 90 min", True),
        ("duration", "", "5m", "at most 10 s", False),
        ("duration", "", "500ms", "at most 1 s", True),
        ("duration", "", "5", "at most 10 s", None),
        ("amount", "", "500m", "equal to 0.5", True),
        ("amount", "", 1, "at least 500m", True),
        ("amount", "", "1Ki", "equal to 1k", False),
        ("amount", "", "1e3", "equal to 1k", True),
        ("amount", "", "12E", "at least 1e3", True),
        ("amount", "", "Infinity", "at least 1Gi", None),
        ("amount", "", "1_000", "at least 1", None),
        ("version", "", "k8s-1.2", "at least 1.28", None),
        ("version", "", "v1.28", "at least 1.28.0", True),
        ("boolean", "", "yes", "equal to true", None),
        ("boolean", "", False, "equal to false", True),
        ("text", "", ["a"], "other than b", None),
        ("text", "", {"a": 1}, "like *", None),
        ("text", "", ["a"], "stated", True),
        ("text", "", "None", "equal to None", True),
    ]:
        with subtests.test(kind=kind, value=value, condition=condition):
            of = FieldValue(kind=kind, unit=unit)
            [one] = conditions_of("disk", {"size": of}, f"size {condition}")
            if one.how is Comparison.STATED:
                assert one.holds("") is holds
            elif holds is None:
                with pytest.raises(UsageError, match=r" is not | is a list| is an object"):
                    one.holds(of.text_of(value))
            else:
                assert one.holds(of.text_of(value)) is holds


@pytest.mark.parametrize("condition", ["at most 10", "at most 10 %", "at most 1h30m"])
def test_a_duration_in_a_sentence_has_its_unit(condition: str) -> None:
    """As every other length of time there."""
    with pytest.raises(UsageError):
        conditions_of("disk", {"size": FieldValue(kind="duration")}, f"size {condition}")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a UsageError comes out, and what is read says the same again."""
    try:
        found = of("container", text)
    except UsageError:
        return
    assert re.fullmatch(CONDITIONS_PATTERN, text)
    assert all(isinstance(one, StateCondition) for one in found)
