"""Selectors: parsing, writing, matching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.selectors import Selector, SelectorTerm, field_values, parse_fields
from readiness_sandbox.cluster.statuses import StatusError

KEYS = st.sampled_from(["app", "tier", "topology.kubernetes.io/region"])
VALUES = st.sampled_from(["web", "eu-west-1", "a.b", ""])
REQUIREMENTS = st.one_of(
    st.builds(SelectorTerm, KEYS, st.sampled_from(["in", "notin"]), st.frozensets(VALUES, min_size=1)),
    st.builds(SelectorTerm, KEYS, st.sampled_from(["exists", "!"])),
    st.builds(
        SelectorTerm, KEYS, st.sampled_from([">", "<"]), st.sampled_from(["9", "-1"]).map(lambda one: frozenset({one}))
    ),
)
SELECTORS = st.builds(Selector, st.lists(REQUIREMENTS, max_size=4).map(tuple))
LABELS = st.dictionaries(KEYS, VALUES)


@given(SELECTORS)
def test_a_selector_is_read_as_it_was_written(selector: Selector) -> None:
    """Parse is the inverse of str."""
    assert Selector.parse(str(selector)) == selector


@given(SELECTORS, LABELS)
def test_every_requirement_must_be_met(selector: Selector, labels: dict[str, str]) -> None:
    """A selector matches when each of its requirements does alone; the empty one always."""
    assert selector.matches(labels) == all(Selector((each,)).matches(labels) for each in selector.requirements)
    assert Selector().matches(labels)


@given(KEYS, st.frozensets(VALUES, min_size=1), LABELS)
def test_a_negation_is_a_negation(key: str, values: frozenset[str], labels: dict[str, str]) -> None:
    """`notin` is not `in`, `!` is not exists: an absent key meets both negations."""
    assert SelectorTerm(key, "notin", values).matches(labels) != SelectorTerm(key, "in", values).matches(labels)
    assert SelectorTerm(key, "!").matches(labels) != SelectorTerm(key, "exists").matches(labels)


def test_literal_selectors(subtests: pytest.Subtests) -> None:
    """The grammar of Kubernetes, by example."""
    for text, labels, expected in [
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "api"}, False),
        ("app != web", {}, True),
        ("app in (web, api),tier", {"app": "api", "tier": ""}, True),
        ("app notin (web)", {"app": "web"}, False),
        ("!app", {"app": "web"}, False),
        ("app=", {"app": ""}, True),
        ("", {"app": "web"}, True),
        ("n>9", {"n": "10"}, True),
        ("n > 9", {"n": "9"}, False),
        ("n<9", {"n": "-1"}, True),
        ("n>9", {"n": "many"}, False),
        ("n<9", {}, False),
    ]:
        with subtests.test(text=text, labels=labels):
            assert Selector.parse(text).matches(labels) is expected


def test_nonsense_is_refused(subtests: pytest.Subtests) -> None:
    """400, not a selection of nothing or everything."""
    for text in ["a b", "app in web", "app in (a", "=x", "a=b=c", "in (a)", "n=5,", ",", ",n", "a,,b", "n>x"]:
        with subtests.test(text):
            with pytest.raises(StatusError) as refused:
                Selector.parse(text)
            assert refused.value.code == 400


def test_a_label_selector_object_is_read() -> None:
    """What stands in matchLabels and matchExpressions, and plain maps."""
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
    ]
    selector = Selector.of({"matchLabels": {"app": "web"}, "matchExpressions": expressions})
    assert str(selector) == "app=web,tier in (a,b),!old"
    assert Selector.equal({"app": "web"}) == Selector.parse("app=web")
    assert Selector.of(None) == Selector.of({}) == Selector()


def test_fields_are_paths_and_booleans_are_words() -> None:
    """An absent field is the empty string; only permitted paths and equality are taken."""
    obj = {"metadata": {"name": "n"}, "spec": {"unschedulable": True}}
    selector = parse_fields("metadata.name=n,spec.unschedulable=true", ("spec.unschedulable",))
    assert selector.matches(field_values(obj, ("metadata.name", "spec.unschedulable")))
    assert field_values(obj, ("spec.nodeName.x",)) == {"spec.nodeName.x": ""}
    for text in ("spec.color=red", "metadata.name in (a,b)", "metadata.name"):
        with pytest.raises(StatusError):
            parse_fields(text, ())
    assert str(parse_fields("metadata.name=n,", ())) == "metadata.name=n"
