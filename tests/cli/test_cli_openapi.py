"""`readiness init --openapi` makes a journey of the documented reads: JSON and YAML, local references, bounded; bad input is named."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.init import init
from harness.cli.starter.answers import answers_for
from harness.cli.starter.discovery import discovered
from harness.cli.starter.journey_reads import MOST_READS, DocumentedRead, DocumentedWrite, answered_reads
from harness.cli.starter.openapi import described, documented_operations
from harness.cli.starter.trial import ServiceTrial
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.load import load_traffic
from harness.errors import ConfigurationError, UsageError
from harness.targets import load_target
from tests.builders.http_servers import Quiet, answering, serving

TLS = ssl.create_default_context()
SHOP = """
openapi: 3.1.0
servers: [{url: "https://shop.example.test/api/v1/"}]
paths:
  /orders/{id}:
    parameters: [{$ref: "#/components/parameters/id"}]
    get:
      operationId: readOrder
      responses:
        "200":
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
    post: {responses: {"201": {}}}
  /search:
    get:
      parameters:
        - {name: q, in: query, required: true, examples: {one: {value: "red shoes"}}}
        - {name: page, in: query, schema: {default: 1}}
  /me:
    get: {security: [{token: []}]}
  /users/{name}:
    get: {parameters: [{name: name, in: path, schema: {type: string}}]}
  /sizes/{size}:
    get: {parameters: [{name: size, in: path, schema: {enum: [s/m]}}], responses: {"204": {}}}
components:
  parameters:
    id: {name: id, in: path, required: true, schema: {$ref: "#/components/schemas/Number"}}
  schemas:
    Number: {type: integer, example: 7}
    Order:
      type: object
      required: [id, title, price]
      properties: {id: {$ref: "#/components/schemas/Number"}, title: {type: string}, price: {type: number}}
"""


def written(directory: Path, text: str | bytes, name: str = "openapi.yaml") -> str:
    """A document in a file."""
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_the_reads_of_a_document_in_yaml(tmp_path: Path) -> None:
    """With path parameters, required queries, references, and the types of an answer's keys; what cannot be requested is named."""
    found = documented_operations(described(written(tmp_path, SHOP), TLS))
    assert found.reads == (
        DocumentedRead(name="read-order", path="/api/v1/orders/7", expect={"id": "int", "title": "str"}),
        DocumentedRead(name="read-search", path="/api/v1/search?q=red+shoes"),
        DocumentedRead(name="read-me", path="/api/v1/me", credential="security token"),
        DocumentedRead(name="read-sizes-size", path="/api/v1/sizes/s%2Fm", status=204),
    )
    assert found.writes == (DocumentedWrite(method="POST", path="/api/v1/orders/{id}"),)
    assert found.left_out == ("GET /users/{name}: the parameter `name` has no example",)
    assert answered_reads(found, None).left_out[-1] == (
        "GET /api/v1/me: it may need a sign-in (security token), which cannot be checked because the service does not answer"
    )


class _Undocumented(Quiet, BaseHTTPRequestHandler):
    """A service as a framework makes it: nothing at the root, no path of health, the document and its reads."""

    def do_GET(self) -> None:
        """The document, and one of the two reads that it describes."""
        paths = {"/gone": {"get": {}}, "/items": {"get": {"responses": {"200": {}}}}}
        found = {"/openapi.json": {"openapi": "3.1.0", "paths": paths}, "/items": [1]}.get(self.path)
        body = b"" if found is None else json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_the_probes_of_a_service_without_a_root_are_its_documented_operations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its first run is refused: neither `/` nor a path of health answers 200."""
    monkeypatch.chdir(tmp_path)
    with serving(_Undocumented) as entry:
        made = CliRunner().invoke(init, ["shop", "--entry", entry, "--openapi", f"{entry}/openapi.json", "--json"])
    assert json.loads(made.output)["problem"] == ""
    probes = load_target(tmp_path / "shop" / "target.yaml").probes
    assert (probes.health, probes.read.path) == ("/items", "/items")


class _Endless(Quiet, BaseHTTPRequestHandler):
    """A service with a read that goes on for ever, one that stops in the middle, a root that is not answered, and one that is well."""

    def do_GET(self) -> None:
        """Each until the client closes the connection."""
        if self.path == "/":
            self.connection.recv(1)
            return
        bodies = {"/healthz": b"ok", "/items": b"[1]", "/stream": b"{}\n" * 1000, "/half": b"{}\n"}
        body = bodies.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")
        if self.path == "/half":
            self.connection.recv(1)
        with suppress(ConnectionError):
            while self.path == "/stream":
                self.wfile.write(bodies[self.path])


def test_a_read_that_does_not_end_is_passed_over() -> None:
    """What answered before and after it is found all the same, and each of them completely."""
    with serving(_Endless) as entry, ServiceTrial(entry, TLS) as trial:
        found = discovered(trial, ["/stream", "/half", "/items"])
    assert (found.health, found.read, found.problem) == ("/healthz", "/items", "")


class _Private(Quiet, BaseHTTPRequestHandler):
    """A service whose framework describes the header that signs in as optional."""

    def do_GET(self) -> None:
        """What everybody may read, and what needs the header; one path that the document does not have right."""
        status = {"/catalog": 200, "/me": 200 if self.headers["authorization"] else 401, "/old": 410}.get(
            self.path, 404
        )
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


OPTIONAL = """
openapi: 3.1.0
paths:
  /catalog: {get: {parameters: [{name: authorization, in: header, schema: {type: string}}]}}
  /me: {get: {parameters: [{name: Authorization, in: header, required: false, schema: {type: string}}]}}
  /old: {get: {}}
  /news: {get: {parameters: [{name: accept-language, in: header, schema: {type: string}}]}}
"""


def test_a_read_that_the_service_refuses_is_no_part_of_the_journey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI writes `authorization: str = Header(None)` as an optional header: a journey with it is a NO-GO of its own making."""
    monkeypatch.chdir(tmp_path)
    source = written(tmp_path, OPTIONAL)
    with serving(_Private) as entry:
        made = CliRunner().invoke(init, ["shop", "--entry", entry, "--openapi", source, "--json"])
    assert json.loads(made.output)["left_out"] == [
        "GET /me: the service answers 401, the document says 200; it needs a sign-in",
        "GET /old: the service answers 410, the document says 200",
        "GET /news: the service answers 404, the document says 200",
    ]
    journey = (tmp_path / "shop/loadtests/visitors.py").read_text(encoding="utf-8")
    assert "/catalog" in journey
    assert "/me" not in journey


def test_of_a_service_that_is_down_reads_with_a_credential_are_left_out(tmp_path: Path) -> None:
    """By the name of the header or cookie; any other optional one is left unsent."""
    source = written(tmp_path, OPTIONAL)
    found = answered_reads(documented_operations(described(source, TLS)), None)
    assert [read.path for read in found.reads] == ["/old", "/news"]
    assert found.left_out[0] == (
        "GET /catalog: it may need a sign-in (header `authorization`), which cannot be checked because the service does not answer"
    )


def test_where_the_service_refuses_every_read_the_journey_is_to_sign_in(tmp_path: Path) -> None:
    """A project without a request would prove nothing."""
    documented = documented_operations(described(written(tmp_path, OPTIONAL), TLS))
    with answering(repeat((401, b""))) as (entry, _), ServiceTrial(entry, TLS) as trial:
        with pytest.raises(ConfigurationError) as caught:
            answered_reads(documented, trial)
        assert "pass the header that signs in, `--header 'Authorization: Bearer $TOKEN'`" in caught.value.hint


def test_a_document_whose_reads_all_need_a_sign_in_points_to_a_journey_that_signs_in(tmp_path: Path) -> None:
    """A sign-in that may be left out, an empty scheme, is none."""
    text = "openapi: 3.1.0\nsecurity: [{token: []}]\npaths: {/me: {get: {}}, /cart: {get: {}}}\n"
    with pytest.raises(ConfigurationError) as caught:
        answered_reads(documented_operations(described(written(tmp_path, text), TLS)), None)
    assert "write a journey that signs in" in caught.value.hint
    either = text.replace("[{token: []}]", "[{}, {token: []}]")
    assert [read.credential for read in documented_operations(described(written(tmp_path, either), TLS)).reads] == [
        "",
        "",
    ]
    broken = documented_operations(described(written(tmp_path, text.replace("[{token: []}]", "token")), TLS))
    assert [read.credential for read in broken.reads] == ["security", "security"]


def test_the_reads_of_a_document_in_json_from_an_address(tmp_path: Path) -> None:
    """Swagger 2 too: the path before all others is `basePath`."""
    document = {
        "swagger": "2.0",
        "basePath": "/v2",
        "paths": {
            "/a": {
                "get": {"responses": {"200": {"schema": {"required": ["n"], "properties": {"n": {"type": "array"}}}}}}
            }
        },
    }
    written(tmp_path, json.dumps(document, indent="\t"), "swagger.json")
    with _served(tmp_path) as address:
        found = documented_operations(described(f"{address}/swagger.json", TLS))
        assert found.reads == (DocumentedRead(name="read-a", path="/v2/a", expect={"n": "list"}),)
        with pytest.raises(UsageError, match="the status of the answer is 404"):
            documented_operations(described(f"{address}/missing.json", TLS))


@pytest.mark.parametrize(
    ("server", "path"), [("./", "/a"), ("../api/v1", "/api/v1/a"), ("api", "/docs/api/a"), ("/v1/", "/v1/a")]
)
def test_a_server_may_be_beside_the_document(tmp_path: Path, server: str, path: str) -> None:
    """Its address is that of the document, `/docs/openapi.json`; of a file it is the root."""
    document = json.dumps({"openapi": "3.1.0", "servers": [{"url": server}], "paths": {"/a": {"get": {}}}})
    (tmp_path / "docs").mkdir()
    written(tmp_path / "docs", document, "openapi.json")
    with _served(tmp_path) as address:
        (found,) = documented_operations(described(f"{address}/docs/openapi.json", TLS)).reads
    assert found.path == {"./": "/docs/a"}.get(server, path)
    (of_file,) = documented_operations(described(written(tmp_path, document, "openapi.json"), TLS)).reads
    assert of_file.path == path.replace("/docs", "")


def test_a_read_without_an_answer_of_2xx_is_left_out(tmp_path: Path) -> None:
    """It redirects, or becomes a WebSocket: 200 would fail in every run."""
    paths: dict[str, Any] = {
        f"/{status}": {"get": {"responses": {status: {}}}} for status in ("302", "101", "default", "2XX", "200")
    }
    found = documented_operations(described(written(tmp_path, json.dumps({"openapi": "3.1.0", "paths": paths})), TLS))
    assert [read.path for read in found.reads] == ["/default", "/2XX", "/200"]
    assert found.left_out[0] == "GET /302: no answer of 2xx is documented, only 302"


BUNDLED = """
openapi: 3.0.3
servers: [{url: "{scheme}://{host}/api/{version}", variables: {scheme: {default: https}, host: {default: shop.test}, version: {default: v2}}}]
paths:
  /orders/{order id}:
    parameters: [{name: order id, in: path}]
    get:
      parameters: [{name: order id, in: path, example: 7}, {$ref: "#/paths/~1lists~1%7Bid%7D/get/parameters/1"}]
      responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/An%20order"}}}}}
  /lists/{id}:
    servers: [{url: "lists/v1/"}]
    get: {operationId: write, parameters: [{name: id, in: path, example: 1}, {name: page, in: query, required: true, example: 2}]}
  /straße: {get: {operationId: "on", servers: [{url: /}]}}
  /news: {get: {responses: {"200": {content: {text/event-stream: {}}}}}}
  /cart: {get: {parameters: [{name: session, in: cookie, required: true}]}}
  /a: {get: {operationId: get-item}}
  /b: {get: {operationId: get_item}}
  /c: {get: {operationId: get_item_2}}
components:
  schemas:
    An order:
      required: [id, secret]
      properties: {id: {type: integer}, secret: {type: string, writeOnly: true}}
"""


def test_what_bundlers_and_generators_write_is_read(tmp_path: Path) -> None:
    """References through lists and encoded names, variables of a server, servers of a path, what only requests have, names that collide."""
    found = documented_operations(described(written(tmp_path, BUNDLED), TLS))
    assert [(read.name, read.path, dict(read.expect)) for read in found.reads] == [
        ("read-orders-order-id", "/api/v2/orders/7?page=2", {"id": "int"}),
        ("write-2", "/lists/v1/lists/1?page=2", {}),
        ("on", "/stra%C3%9Fe", {}),
        ("read-cart", "/api/v2/cart", {}),
        ("get-item", "/api/v2/a", {}),
        ("get-item-2", "/api/v2/b", {}),
        ("get-item-2-2", "/api/v2/c", {}),
    ]
    assert found.left_out == ("GET /news: the answer is an endless stream",)
    chosen = answered_reads(found, None)
    assert chosen.left_out[1:] == ("GET /api/v2/cart: it needs the cookie `session`",)
    project = ProjectAnswers(name="shop", entry="http://127.0.0.1:9", reads=chosen.reads, write="/orders")
    write_project(tmp_path / "shop", project)
    traffic = load_traffic("visitors", [tmp_path / "shop" / "loadtests"], {})
    assert {*traffic.routes} == {"write", *(read.name for read in chosen.reads)}


def test_the_journey_sends_them(tmp_path: Path) -> None:
    """The locustfile is Python, its size has all their routes."""
    reads = answered_reads(documented_operations(described(written(tmp_path, SHOP), TLS)), None).reads
    write_project(
        tmp_path / "shop", ProjectAnswers(name="shop", entry="http://127.0.0.1:9", reads=reads, write="/orders")
    )
    text = (tmp_path / "shop" / "loadtests" / "visitors.py").read_text()
    assert 'journey.get("/api/v1/orders/7", name="read-order", status=200, expect={"id": int, "title": str})' in text
    traffic = load_traffic("visitors", [tmp_path / "shop" / "loadtests"], {})
    assert set(traffic.routes) == {"read-order", "read-search", "read-sizes-size", "write"}


def test_a_document_that_cannot_be_used_is_named(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With its file, and the line where it has one."""
    cases: list[tuple[str | bytes, str]] = [
        ("", "this is not an OpenAPI document"),
        ("openapi: 3.0.0\npaths: []", "this is not an OpenAPI document"),
        ('{"openapi": "3.0.0",\n "paths": {,}}', "openapi.yaml:2: the text is not JSON: Expecting property name"),
        ("paths:\n  /a: {put: {}}", "no GET of this document can be requested"),
        ("paths:\n  /a: {$ref: '#/x'}", "`$ref: #/x` refers to the missing key `x`\n  hint: correct the reference"),
        ("paths:\n  /a: {$ref: 'other.yaml#/x'}", "`$ref: other.yaml#/x` refers to another document"),
        ("paths:\n  /a: {$ref: '#/paths/~1a'}", "refers to itself"),
        ("paths:\n  /a/{b}: {get: {}}", "GET /a/{b}: the path parameter `b` is not described"),
        ("paths:\n  /a: {get: {}\n", "openapi.yaml:3: the text is not YAML: "),
        ("a: &a [x]\nb: [*a, *a]\npaths: {/a: 1}", "no GET of this document can be requested"),
        (b"{\xff", "is not JSON"),
    ]
    for text, said in cases:
        with subtests.test(text=text):
            with pytest.raises(ConfigurationError) as raised:
                documented_operations(described(written(tmp_path, text), TLS))
            assert "openapi.yaml" in raised.value.where

            assert said in str(raised.value)


def test_a_large_document_gives_a_journey_of_a_few(tmp_path: Path) -> None:
    """The others are named."""
    text = json.dumps({"paths": {f"/p{n}": {"get": {"operationId": "same"}} for n in range(100)}})
    found = answered_reads(documented_operations(described(written(tmp_path, text), TLS)), None)
    assert len(found.reads) == MOST_READS
    assert len({read.name for read in found.reads}) == MOST_READS
    assert len(found.left_out) == 100 - MOST_READS


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["get", "parameters", "schema", "$ref", "in", "name", "example", "responses", "200", "security"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(item=_JSON)
def test_no_document_ends_in_a_traceback(item: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever stands below a path, there are reads or one error with words."""
    source = written(tmp_path_factory.mktemp("any"), json.dumps({"paths": {"/a": item, "/b": {"get": {}}}}))
    try:
        found, where = documented_operations(described(source, TLS)).reads, source
    except ConfigurationError as error:
        found, where = (), error.where
    assert found or where == source


@contextmanager
def _served(directory: Path) -> Iterator[str]:
    handler = type("Files", (Quiet, SimpleHTTPRequestHandler), {})
    with serving(partial(handler, directory=str(directory))) as url:
        yield url


WRITES = """
openapi: 3.1.0
paths:
  /catalog: {get: {}}
  /me: {get: {security: [{token: []}]}}
  /orders:
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {required: [item, note], properties: {item: {type: integer}, note: {type: string, example: "a"}}}}}
      responses: {"201": {}}
"""


def test_a_body_that_the_document_demands_is_asked_for_or_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an example of the required keys; a POST that is not named is left out and said, with the option that adds it."""
    monkeypatch.chdir(tmp_path)
    source = written(tmp_path, WRITES)
    body = """--body '{"item": 1, "note": "a"}'"""
    with serving(_Private) as entry:
        given = ["shop", "--entry", entry, "--openapi", source, "--json"]
        made = CliRunner().invoke(init, given)
        assert json.loads(made.output)["left_out"] == [
            "GET /me: the service answers 401, the document says 200; it needs a sign-in",
            f"POST /orders: not sent by the trial, since it changes data: `--write /orders {body}` adds a POST",
        ]
        refused = CliRunner().invoke(init, ["other", *given[1:], "--write", "/orders"])
    assert isinstance(refused.exception, UsageError)
    assert refused.exception.what == "the document demands a body of POST /orders, and none is given"
    assert refused.exception.hint == f"pass `{body}`, with values of a test user"


def test_in_a_terminal_the_sign_in_and_the_body_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The read that needs the header is then part of the journey; what else is asked has the answer that was found."""
    monkeypatch.setenv("SHOP_TOKEN", "t")
    answers = {
        "Header that signs in": "Authorization: Bearer $SHOP_TOKEN",
        "Path that receives": "/orders",
        "JSON body of POST /orders": '{"item": 2}',
    }

    def prompt(question: str, default: str, **_: object) -> str:
        return next((answer for begins, answer in answers.items() if question.startswith(begins)), default)

    monkeypatch.setattr("click.prompt", prompt)
    options = dict.fromkeys(("health", "read", "write", "body", "ca", "name"))
    with serving(_Private) as entry:
        given = {
            **options,
            "entry": entry,
            "openapi": written(tmp_path, WRITES),
            "environment": "staging",
            "headers": (),
        }
        found, findings = answers_for(tmp_path / "shop", given, asks=True)
    assert [read.path for read in found.reads] == ["/catalog", "/me"]
    assert (found.write, found.body) == ("/orders", {"item": 2})
    assert findings.left_out == ()
    write_project(tmp_path / "shop", found)
    journey = (tmp_path / "shop/loadtests/visitors.py").read_text(encoding="utf-8")
    assert 'SIGN_IN = {"Authorization": f"Bearer {os.environ[\'SHOP_TOKEN\']}"}' in journey
    assert 'journey.request("POST", "/orders", name="write", json={"item": 2}, headers=SIGN_IN)' in journey
    assert {*load_traffic("visitors", [tmp_path / "shop" / "loadtests"], {}).routes} == {
        "read-catalog",
        "read-me",
        "write",
    }
