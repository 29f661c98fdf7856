"""What is drawn for a schema is as the schema says, or is not, however it is read."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.generated.malformed import malformed, malformed_texts, not_json, readings
from harness.drivers.generated.valid import valid
from harness.targets.openapi.schemas import validator

_BOUNDS = st.tuples(st.integers(-5, 5), st.integers(0, 9)).map(lambda both: (both[0], both[0] + both[1]))
_INTEGERS = _BOUNDS.map(lambda both: {"type": "integer", "minimum": both[0], "maximum": both[1]})
_TEXTS = st.integers(0, 5).map(lambda most: {"type": "string", "maxLength": most})
_OTHERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "boolean"},
        {"enum": ["a", 1]},
        {"type": ["integer", "null"]},
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": "^[a-c]{2}$"},
        {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
        {"type": "number", "exclusiveMinimum": 0},
    ]
)
_SCALARS = _INTEGERS | _TEXTS | _OTHERS
SCHEMAS = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda one: {"type": "array", "items": one, "maxItems": 3}),
        st.tuples(inner, inner).map(
            lambda two: {"type": "object", "required": ["a"], "properties": {"a": two[0], "b": two[1]}}
        ),
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, st.data())
def test_what_is_drawn_as_described_is_valid_and_what_is_malformed_is_not(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever the schema; and a text that begins as JSON of a valid value does not end."""
    checked = validator(schema)
    assert checked.is_valid(data.draw(valid(schema)))
    wrong = malformed(schema)
    assert wrong is not None
    assert not checked.is_valid(data.draw(wrong))
    assert data.draw(not_json(schema)).startswith(b"[")


@settings(max_examples=60, deadline=None)
@given(_SCALARS, st.data())
def test_no_reading_of_a_malformed_text_is_valid(schema: dict[str, Any], data: st.DataObject) -> None:
    """A parameter is a text: `12` is a number, too, and `true` a Boolean."""
    texts = malformed_texts(schema)
    if texts is not None:
        text = data.draw(texts)
        assert [one for one in readings(text) if validator(schema).is_valid(one)] == []


def test_what_services_read_kindly_is_not_malformed() -> None:
    """These are the readings of a text; a text that may be anything has no malformed one."""
    assert [*readings("12")] == ["12", "12", 12, 12.0]
    assert [*readings("True")] == ["True", True]
    assert malformed_texts({"type": "string"}) is None
