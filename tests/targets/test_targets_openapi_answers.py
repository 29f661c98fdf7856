"""Answers held against descriptions that are odd or wrong: media types, numbers, keys, templates of one path, keywords of another kind."""

from __future__ import annotations

from typing import Any

import pytest

from harness.targets.openapi.answers import GivenAnswer, matching
from harness.targets.openapi.comparing import DescribedApi
from harness.targets.openapi.description import DescriptionReading, Operation
from tests.targets.test_targets_openapi import ANSWERS, answering, document, operations


def answered(body: bytes, media: str = "application/json", *, secret: bool = False) -> GivenAnswer:
    """An answer 200 of a media type."""
    return GivenAnswer(status=200, headers={"content-type": media}, body=body, secret=secret)


def of_media(**content: Any) -> Operation:
    """An operation whose answer has these schemas by media type."""
    described = {key: {"schema": schema} for key, schema in content.items()}
    (one,) = operations(document({"/a": {"get": {"responses": {"200": {"description": "", "content": described}}}}}))
    return one


def test_a_body_is_held_against_the_schema_of_its_media_type(subtests: pytest.Subtests) -> None:
    """Python writes NaN, and no reader of JSON takes it; 19.99 is a multiple of a cent, although 19.99 / 0.01 is 1998.9999999999998.

    `text/plain` comes before `text/*` before `*/*`, and one with the parameter of the answer before one with another. An empty text is a
    text, and bytes are bytes; an empty JSON is none.
    """
    text, number = {"type": "string"}, {"type": "integer"}
    price = {"application/json": {"type": "object", "properties": {"price": {"type": "number"}}}}
    cents = {"application/json": {"type": "number", "multipleOf": 0.01}}
    wide = {"*/*": text, "application/*": text, "application/json": number}
    versions = {"application/json; version=1": text, "application/json;version=2": number}
    image = {"image/png": {"type": "string", "format": "binary"}}
    cases: list[tuple[dict[str, Any], GivenAnswer, bool]] = [
        (price, answered(b'{"price": NaN}'), False),
        (price, answered(b'{"price": -Infinity}'), False),
        (cents, answered(b"19.99"), True),
        (cents, answered(b"4.35"), True),
        (cents, answered(b"1e300"), True),
        (cents, answered(b"0.015"), False),
        (wide, answered(b"1"), True),
        (wide, answered(b'"a"'), False),
        (versions, answered(b"1", 'application/json; charset=utf-8; Version="2"'), True),
        (versions, answered(b"1", "application/json;version=1"), False),
        ({"text/plain": text}, answered(b"", "text/plain; charset=utf-8"), True),
        (image, answered(b"\x89PNG", "image/png"), True),
        ({"application/json": text}, answered(b""), False),
    ]
    for content, answer, right in cases:
        with subtests.test(content=content, answer=answer):
            assert matching(of_media(**content), answer).ok is right


def test_a_body_that_is_packed_in_an_unknown_way_decides_nothing() -> None:
    """No client asked for brotli; a body that is not packed must be JSON."""
    one = of_media(**{"application/json": {"type": "object"}})
    for packing, right in (("br", None), ("gzip", False)):
        headers = {"content-type": "application/json", "content-encoding": packing}
        assert matching(one, GivenAnswer(status=200, headers=headers, body=b"\x8b\x03")).ok is right


def test_a_keyword_with_a_value_of_another_kind_is_named(subtests: pytest.Subtests) -> None:
    """As of `required: true` at a property, which OpenAPI 3.0 does not have: the operation is not read.

    Nor is it where 500 lists are in each other, which are more than any reader follows.
    """
    nested: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        nested = {"type": "array", "items": nested}
    for schema, said in [
        (nested, "a schema is nested too deeply"),
        ({"type": "object", "properties": {}, "required": True}, "`required` of a schema is `True`, expected a list"),
        ({"allOf": None}, "`allOf` of a schema is `None`, expected a list"),
        ({"prefixItems": 5}, "`prefixItems` of a schema is `5`, expected a list"),
        ({"patternProperties": []}, "`patternProperties` of a schema is `[]`, expected a mapping"),
        ({"dependentSchemas": 5}, "`dependentSchemas` of a schema is `5`, expected a mapping"),
        ({"type": "string", "format": []}, "`format` of a schema is `[]`, expected a text"),
        (
            {"type": "integer", "format": "int32", "minimum": "x"},
            "`minimum` of a schema is `x`, expected a number",
        ),
        ({"type": "object", "properties": {"a": {}}, "required": [{}]}, "its schema is invalid"),
    ]:
        for reading in (ANSWERS, DescriptionReading()):
            with subtests.test(said, reading=reading):
                (one,) = operations(document({"/a": {"get": answering(schema)}}), reading)
                assert said in one.unread


def test_what_is_no_list_of_sign_ins_or_webhooks_is_not_followed() -> None:
    """Nothing of it can be called; the other operations can."""
    content = {**document({"/a": {"get": answering({})}}), "webhooks": True, "security": [5]}
    content["components"]["securitySchemes"] = [1]
    assert ["the webhooks are not called" in one.unread for one in operations(content)] == [False, True]
    assert "it needs a sign-in" in operations(content, DescriptionReading())[0].unread


def test_keys_that_a_schema_does_not_name_are_not_told() -> None:
    """A map by the addresses of people: the message has the place without the key; a key of the schema is told."""
    people = {
        "type": "object",
        "properties": {"people": {"type": "object", "additionalProperties": {"type": "integer"}}},
    }
    one = of_media(**{"application/json": people})
    said = matching(one, answered(b'{"people": {"eve@example.com": "x"}}', secret=True)).observed
    assert "at $.people.*: a text" in said
    assert "eve" not in said


def test_a_head_request_has_the_headers_of_its_get() -> None:
    """Its answer needs no body, and the header that is needed."""
    answer = answering({"type": "object"})
    headers = {"X-Total": {"required": True}, "Content-Type": {"required": True}}
    answer["responses"]["200"]["headers"] = headers  # that of the content type is ignored (OpenAPI, Response Object)
    api = DescribedApi(operations(document({"/a": {"get": answer}})))
    bare, full = GivenAnswer(status=200), GivenAnswer(status=200, headers={"x-total": "1"})
    assert [api.compare("HEAD", ["/a"], one).ok for one in (bare, full)] == [False, True]


def test_an_answer_of_two_templates_that_say_otherwise_decides_nothing() -> None:
    """`/{kind}/mine` and `/books/{id}` are both of `/books/mine`: only what both say of an answer is known."""
    text, number = answering({"type": "string"}), answering({"type": "integer"})
    api = DescribedApi(operations(document({"/{kind}/mine": {"get": text}, "/books/{id}": {"get": number}})))
    assert [api.compare("GET", ["/books/mine"], answered(body)).ok for body in (b'"a"', b"1", b"[]")] == [
        None,
        None,
        False,
    ]
    assert api.compare("GET", ["/books/1"], answered(b"1")).ok


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "abc-def", "id": "x"}',
        b'{"id": "x", "newPassword" : "abc-def"}',
        b'{"id": "x", "note": "eyJhbGciOiJub25lIn0.abc-def.abc-def"}',
        b'{"apiKey": "abc-def',
    ],
)
def test_an_answer_is_told_without_its_tokens(body: bytes) -> None:
    """Of an answer that is not as described the begin is told, and what is wrong: no token, no password."""
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "access_token": {"type": "integer"}}}
    for described in (schema, {"type": "string"}, {"enum": [1]}):
        judged = matching(of_media(**{"application/json": described}), answered(body))
        assert judged.ok is False
        assert "abc-def" not in judged.observed


def test_a_path_that_is_an_address_is_never_called() -> None:
    """Another host would get the request, and the token of the user."""
    (one,) = operations(document({"https://other.example/a": {"get": answering({})}}), DescriptionReading())
    assert (one.method, one.unread) == ("", "its path does not begin with `/`")
