"""API descriptions of any kind: with cycles, of ten megabytes, hostile, of another version; read from files and addresses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.clock import now_s
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.openapi.answers import GivenAnswer, matching
from harness.targets.openapi.comparing import DescribedApi
from harness.targets.openapi.description import DescriptionReading, Operation, read_operations
from harness.targets.openapi.document import LARGEST, OpenApiDocument, parsed
from harness.targets.openapi.fields import described_fields, fields_in
from harness.targets.openapi.schemas import Purpose, SchemaReader
from harness.targets.openapi.source import accepted_of, description_of
from tests.builders.http_servers import Quiet, serving

ANSWERS = DescriptionReading(requests=False)


def document(paths: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    """A description."""
    return {"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}


def answering(schema: Any) -> dict[str, Any]:
    """An operation whose answer 200 has a schema."""
    return {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}


def operations(content: Any, reading: DescriptionReading = ANSWERS) -> tuple[Operation, ...]:
    """The operations of a description."""
    return read_operations(OpenApiDocument("openapi.json", content), reading)


def ok(operation: Operation, body: object, status: int = 200) -> bool | None:
    """Whether a JSON answer is as described."""
    given = GivenAnswer(status=status, headers={"content-type": "application/json"}, body=json.dumps(body).encode())
    return matching(operation, given).ok


NODE = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "next": {"$ref": "#/components/schemas/Node"}},
}


def test_an_answer_whose_schema_contains_itself_is_compared_at_every_depth() -> None:
    """Requests of it are not drawn; its answers are held against it. One that contains itself at the same place of the value has no end, and decides nothing."""
    (one,) = operations(document({"/n": {"get": answering({"$ref": "#/components/schemas/Node"})}}, Node=NODE))
    assert one.unread == ""
    assert ok(one, {"name": "a", "next": {"name": "b", "next": {"name": "c"}}}) is True
    assert ok(one, {"name": "a", "next": {"name": "b", "next": {"name": 3}}}) is False
    endless = {"allOf": [{"$ref": "#/components/schemas/A"}]}
    (one,) = operations(document({"/a": {"get": answering({"$ref": "#/components/schemas/A"})}}, A=endless))
    assert ok(one, {}) is None


@pytest.mark.parametrize(
    ("schemas", "said"),
    [
        ({"A": {"$ref": "#/components/schemas/A"}}, "the reference of a schema refers to itself"),
        ({"A": {"$ref": "#/components/schemas/B"}}, "`$ref: #/components/schemas/B` refers to the missing key `B`"),
        (
            {"A": {"items": {"$ref": "https://other.test/x.json"}}},
            "`$ref: https://other.test/x.json` refers to another document",
        ),
        ({"A": {"items": {"$ref": "other.yaml#/a"}}}, "`$ref: other.yaml#/a` refers to another document"),
        ({"A": {"items": {"$dynamicRef": "#a"}}}, "the keyword `$dynamicRef` of a schema is not supported"),
        (
            {"A": {"items": {"type": "words"}}},
            "its schema is invalid: 'words' is not valid under any of the given schemas",
        ),
    ],
)
def test_what_is_not_read_is_named_and_never_fetched(schemas: dict[str, Any], said: str) -> None:
    """The operation has the reason; another host is asked for nothing."""
    (one,) = operations(document({"/a": {"get": answering({"$ref": "#/components/schemas/A"})}}, **schemas))
    assert said in one.unread


def test_one_schema_that_is_not_read_spoils_only_what_needs_it() -> None:
    """By way of others too."""
    paths = {f"/{name.lower()}": {"get": answering({"$ref": f"#/components/schemas/{name}"})} for name in "ABC"}
    schemas = {"A": {"items": {"$ref": "#/components/schemas/B"}}, "B": {"items": {"$dynamicRef": "#x"}}, "C": NODE}
    schemas["C"] = {"type": "object"}
    found = {one.path: bool(one.unread) for one in operations(document(paths, **schemas))}
    assert found == {"/a": True, "/b": True, "/c": False}


def test_answers_may_use_what_requests_are_not_drawn_from() -> None:
    """Conditions, tuples, patterns of keys: they are validated."""
    schema = {
        "type": "object",
        "patternProperties": {"^n": {"type": "integer"}},
        "properties": {"pair": {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}},
        "if": {"required": ["pair"]},
        "then": {"required": ["n"]},
    }
    (one,) = operations(document({"/a": {"get": answering(schema)}}))
    assert [ok(one, body) for body in ({"n": 1, "pair": [1, "a"]}, {"pair": [1, "a"]}, {"n": "x"}, {"n": 1, "pair": [1, "a", 2]})] == [
        True, False, False, False,
    ]  # fmt: skip


def test_a_document_of_ten_megabytes_is_read_in_bounds() -> None:
    """Two thousand operations whose schemas refer to one another in a chain: 3 s on a quiet machine and 25 MB, and no recursion."""
    count, text = 2000, "x" * 4300
    schemas = {
        f"S{n}": {
            "type": "object",
            "description": text,
            "properties": {"a": {"type": "string"}, "b": {"$ref": f"#/components/schemas/S{(n + 1) % count}"}},
        }
        for n in range(count)
    }
    paths = {
        f"/p{n}/{{id}}": {"get": {**answering({"$ref": f"#/components/schemas/S{n}"}), "description": "y" * 500}}
        for n in range(count)
    }
    body = json.dumps(document(paths, **schemas)).encode()
    assert 9_500_000 < len(body) < LARGEST
    began = now_s()
    found = operations(parsed("big.json", body))
    took_s = now_s() - began
    assert (len(found), {one.unread for one in found}) == (count, {""})
    assert ok(found[7], {"a": "x", "b": {"a": 1}}) is False
    assert took_s < 60


def test_references_that_double_at_each_step_are_bounded() -> None:
    """Thirty of them would be a billion parts of a request's schema: the operation is not drawn, and says why."""
    schemas: dict[str, Any] = {
        f"S{n}": {"type": "object", "properties": {k: {"$ref": f"#/components/schemas/S{n + 1}"} for k in "ab"}}
        for n in range(30)
    }
    schemas["S30"] = {"type": "string"}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    described = document(
        {"/a": {"post": {**answering({"$ref": "#/components/schemas/S0"}), "requestBody": body}}}, **schemas
    )
    (drawn,), (compared,) = operations(described, DescriptionReading()), operations(described)
    assert "a schema has more than 50000 parts" in drawn.unread
    assert compared.unread == ""
    assert len(described_fields(next(iter(compared.answers.values())).media["application/json"] or {})) < 2000


BOMB = "openapi: 3.1.0\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, r"bomb.yaml:\d+: .*the document expands to more than 200000 values"),
        ("openapi: 3.1.0\npaths: {a: [}\n", r"bomb.yaml:2: the text is not YAML"),
        ("[" * 500, r"bomb.yaml:1: .*nested too deeply"),
        ('{"openapi": }', r"bomb.yaml:1: the text is not JSON"),
        ("{" + "\n" * (LARGEST + 1), r"bomb.yaml: the document is larger than 10 MB"),
        ("# " + "y" * (5 * 1024 * 1024), r"bomb.yaml: the document is YAML of over 4 MB\n  hint: write it as JSON"),
        ("\xff", r"bomb.yaml: the text is not UTF-8"),
    ],
    ids=["bomb", "yaml", "deep", "json", "large", "large yaml", "latin"],
)
def test_a_text_that_is_no_document_is_refused_with_its_place(text: str, said: str) -> None:
    """File, line, what was found, what to do; in bounded time."""
    with pytest.raises(ConfigurationError, match=said):
        parsed("bomb.yaml", text.encode("latin-1"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"swagger": "2.0", "paths": {}}, "the version of OpenAPI is Swagger 2.0, expected 3.0 or 3.1"),
        ({"openapi": "4.0.0", "paths": {}}, "the version of OpenAPI is 4.0.0, expected 3.0 or 3.1"),
        ({"openapi": "3.1.0", "paths": {}}, "the API description has no operation"),
        ([], "this is not an OpenAPI document"),
    ],
)
def test_another_document_is_refused(content: Any, said: str) -> None:
    """By its version, or by what it lacks."""
    with pytest.raises(ConfigurationError, match=said):
        operations(content)


def test_an_id_of_two_operations_names_neither() -> None:
    """Frameworks write such documents, with a warning: the operations are there by method and path."""
    same = {**answering({}), "operationId": "read"}
    found = operations(document({"/a": {"get": same}, "/b": {"get": same, "post": {**same, "operationId": "write"}}}))
    assert [(one.name, one.id) for one in found] == [("GET /a", ""), ("GET /b", ""), ("POST /b", "write")]


def test_a_path_without_parameters_is_found_before_one_with() -> None:
    """OpenAPI 3.1, Paths Object; a HEAD request is of its GET, and a base path of the servers is part of the path."""
    content = document(
        {"/a/{id}": {"get": answering({})}, "/a/me": {"get": answering({})}, "/a/{id}/b": {"get": answering({})}}
    )
    api = DescribedApi(operations({**content, "servers": [{"url": "https://x.test/v1"}]}))
    found = [
        api.operation_of(*one)
        for one in (
            ("GET", "/v1/a/me"),
            ("GET", "/v1/a/7"),
            ("HEAD", "/v1/a/7/b"),
            ("GET", "/a/7"),
            ("GET", "/v1/a/7/"),
        )
    ]
    assert [one and one.name for one in found] == ["GET /a/me", "GET /a/{id}", "GET /a/{id}/b", None, None]


def test_a_refusal_whose_body_is_not_described_is_described_by_its_status() -> None:
    """Express sends a page, FastAPI a detail: the status is what the description says."""
    one = operations(
        document({"/a": {"get": {"responses": {"200": {"description": ""}, "404": {"description": ""}}}}})
    )[0]
    assert (ok(one, {"detail": "Not Found"}, 404), ok(one, {}, 410)) == (True, False)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    )
)
def test_the_fields_of_a_value_are_those_of_a_schema_that_is_made_of_it(value: Any) -> None:
    """A schema that names each key of a value describes exactly the fields that it has."""

    def schema_of(one: Any) -> dict[str, Any]:
        if isinstance(one, dict):
            return {"type": "object", "properties": {key: schema_of(each) for key, each in one.items()}}
        if isinstance(one, list):
            return {"type": "array", "items": {"anyOf": [schema_of(each) for each in one] or [{}]}}
        return {}

    assert described_fields(schema_of(value)) == frozenset(fields_in(value))


@given(
    st.recursive(
        st.just({"type": "integer"}),
        lambda below: (
            st.fixed_dictionaries({"type": st.just("array"), "items": below})
            | st.builds(lambda one: {"type": "object", "properties": {"a": one}, "required": ["a"]}, below)
        ),
        max_leaves=4,
    ),
    st.recursive(
        st.integers(0, 1),
        lambda below: st.lists(below, max_size=2) | st.builds(lambda one: {"a": one}, below),
        max_leaves=4,
    ),
)
def test_a_schema_behind_references_says_what_it_says_itself(schema: Any, value: Any) -> None:
    """Each part of a schema moved to the components: the same values are valid."""
    moved: dict[str, Any] = {}

    def behind(one: Any) -> Any:
        made = {key: behind(each) if key == "items" else each for key, each in one.items()}
        if "properties" in made:
            made["properties"] = {"a": behind(made["properties"]["a"])}
        moved[f"S{len(moved)}"] = made
        return {"$ref": f"#/components/schemas/S{len(moved) - 1}"}

    reference = behind(schema)
    reader = SchemaReader(OpenApiDocument("x", document({}, **moved)), Purpose.ANSWER)
    assert Draft202012Validator(dict(reader.read(reference))).is_valid(value) == Draft202012Validator(schema).is_valid(
        value
    )


class _Site(Quiet, BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def site(**answers: tuple[int, dict[str, str], bytes]) -> Iterator[str]:
    """A server of documents, at its address."""
    _Site.answers, _Site.asked = {f"/{name}": answer for name, answer in answers.items()}, []
    with serving(_Site) as address:
        yield address


def target_of(directory: Path, entry: str, api: str) -> Target:
    """A target with a section `api`."""
    file = directory / "target.yaml"
    file.write_text(f"name: shop\nenvironment: staging\nentry: {entry}\napi: {api}\n")
    return load_target(file)


GOOD = json.dumps(document({"/a": {"get": answering({})}})).encode()


def test_a_description_is_fetched_once_and_has_its_digest(tmp_path: Path) -> None:
    """Of the entry and of each service by its name, from files and addresses."""
    (tmp_path / "orders.json").write_bytes(GOOD)
    with site(a=(200, {}, GOOD)) as address:
        target = target_of(
            tmp_path,
            address,
            f"{{description: {{entry: '{address}/a', orders: orders.json}}, accepted: '{address}/a'}}",
        )
        texts = [description_of(target), description_of(target, "orders"), accepted_of(target), description_of(target)]
    assert _Site.asked == ["/a"]
    assert {one.digest for one in texts} == {hashlib.sha256(GOOD).hexdigest()}
    assert [read_operations(one.document(), ANSWERS)[0].name for one in texts] == ["GET /a"] * 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (302, {"location": "http://other.test/a"}, b""),
            "the API description was answered with status 302, expected 200",
        ),
        ((404, {}, b"{}"), "the API description was answered with status 404, expected 200"),
        ((200, {}, b"x" * (LARGEST + 9)), "the document is larger than 10 MB"),
    ],
)
def test_an_address_without_a_description_is_named(
    tmp_path: Path, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    """A redirect is followed nowhere, and no more is read than is allowed."""
    with site(a=answer) as address:
        target = target_of(tmp_path, address, f"{{description: '{address}/a'}}")
        with pytest.raises(ConfigurationError, match=f"/a: {said}"):
            description_of(target).document()


def test_what_has_no_description_is_named(tmp_path: Path) -> None:
    """The service and the key; a file that is not there; an address where nobody is."""
    target = target_of(
        tmp_path, "http://127.0.0.1:9", "{description: {entry: gone.json, other: 'http://127.0.0.1:9/a'}}"
    )
    for service, said in (
        ("orders", "there is no API description of `orders`"),
        ("entry", "gone.json: the API description cannot be read: No such file"),
        ("other", "was not answered: ConnectError"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            description_of(target, service)


def test_an_address_is_told_without_its_password_and_its_query(tmp_path: Path) -> None:
    """Both may be secrets; an address that is invalid is one clear error."""
    with site(**{"a?key=hush": (200, {}, GOOD), "b?key=hush": (500, {}, b"")}) as address:
        secret = address.replace("://", "://me:hush@")
        target = target_of(
            tmp_path,
            address,
            f"{{description: {{entry: '{secret}/a?key=hush', b: '{secret}/b?key=hush', c: 'http://[::1/a'}}}}",
        )
        assert description_of(target).source == f"{address}/a"
        with pytest.raises(ConfigurationError) as refused:
            description_of(target, "b")
        assert "hush" not in str(refused.value)
        with pytest.raises(ConfigurationError, match=r"api.description: the address is invalid: Invalid IPv6 URL"):
            description_of(target, "c")
