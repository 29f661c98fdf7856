"""Answers under load, held against the API description by the worker that got them."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from load_bench import Run, plan_of, rows_after, stock_plan
from load_truth import Reply, TruthServer

from harness.locust.process import described
from harness.locust.process.described import MOST_EXAMPLES, AnswerComparer

TOKEN = "a-secret-token-of-a-person"
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "token"],
    "properties": {
        "id": {"type": "integer"},
        "token": {"type": "string", "maxLength": 40},
        "in": {"$ref": "#/components/schemas/Order"},
    },
}


def description(path: str = "/", method: str = "post", **schemas: Any) -> bytes:
    """A description of one operation, whose answer 200 is an order."""
    answer = {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "t", "version": "1"},
            "paths": {path: {method: {"responses": {"200": answer}}}},
            "components": {"schemas": {"Order": ORDER, **schemas}},
        }
    ).encode()


def served(body: object, status: int = 200) -> Reply:
    """An answer in JSON, as the server says of all of its answers."""
    return Reply(status=status, body=json.dumps(body).encode())


def offered(run: Run, server: TruthServer, api: bytes, *, stock: bool = False) -> tuple[set[int], list[dict[str, Any]]]:
    """The codes of all rows of a load, and what was said of answers."""
    plan = stock_plan("stock_http", users=1) if stock else plan_of("buyer", per_s=20)
    load = run.start(plan, server.url, api=api)
    rows = rows_after(load, lambda: len(server.seen) >= 10)
    kept = Path(load.rows[0]).with_name("openapi")
    assert kept.read_bytes() == api
    answered = rows.table.ints["described"][rows.table.ints["status"] > 0]
    said = [dict(one.fields) for one in run.observations("load.described", "load-health-1")]
    return set(answered.tolist()), said


def test_every_answer_as_described_has_its_code(run: Run, server: TruthServer) -> None:
    """Status, media type and body of each; a schema that contains itself is followed as far as the body is deep."""
    server.behave = lambda _: served({"id": 1, "token": TOKEN, "in": {"id": 2, "token": TOKEN}})
    assert offered(run, server, description()) == ({1}, [])


NOT_AS_DESCRIBED: tuple[tuple[Reply, str], ...] = (
    (served({"id": "1", "token": TOKEN}), 'at $.id: a text, expected `type: "integer"`'),
    (served({"id": 1}), "at $: 'token' is a required property"),
    (served({"id": 1, "token": TOKEN * 2}), "at $.token: a text, expected `maxLength: 40`"),
    (served({"id": 1, "token": TOKEN, "in": {"id": 2}}), "at $.in: 'token' is a required property"),
    (served({}, 201), "status 201, application/json; described are 200"),
    (
        Reply(body=b"{}", headers={"content-type": "text/html"}),
        "status 200, text/html; described is application/json",
    ),
)


def test_an_answer_that_is_not_as_described_is_recorded_without_its_values(run: Run, server: TruthServer) -> None:
    """Code 2 of each, the operation, and what is wrong, in the order of the answers: a value might be a token or a person's."""
    replies = cycle(reply for reply, _ in NOT_AS_DESCRIBED)
    server.behave = lambda _: next(replies)
    codes, said = offered(run, server, description())
    assert codes == {2}
    assert {one["operation"] for one in said} == {"POST /"}
    assert len(said) == len(NOT_AS_DESCRIBED)
    found = [str(one["what"]) for one in said]
    assert [what for _, what in NOT_AS_DESCRIBED if not any(one.endswith(what) for one in found)] == []
    assert TOKEN not in json.dumps(said)


def test_an_operation_that_is_not_described_cannot_be_compared(run: Run, server: TruthServer) -> None:
    """Code 3: the description lacks what the traffic calls."""
    codes, said = offered(run, server, description("/other"))
    assert codes == {3}
    assert said[0]["operation"] == "POST /"
    assert "the operation is not described" in str(said[0]["what"])


def test_a_description_that_cannot_be_read_is_named(run: Run, server: TruthServer) -> None:
    """The load runs on; its answers are not compared, and the record says why."""
    codes, said = offered(run, server, b'{"swagger": "2.0", "paths": {}}')
    assert codes == {0}
    assert "the version of OpenAPI is Swagger 2.0, expected 3.0 or 3.1" in str(said[0]["what"])


def test_answers_to_users_of_locusts_own_are_compared(run: Run, server: TruthServer) -> None:
    """An `HttpUser` of a stock locustfile, by the path of its address."""
    paths = json.loads(description("/items", "get"))
    paths["paths"]["/{any}"] = paths["paths"]["/items"]
    server.behave = lambda _: served({"id": 1, "token": TOKEN})
    codes, _ = offered(run, server, json.dumps(paths).encode(), stock=True)
    assert 1 in codes


def comparer(tmp_path: Path, said: list[dict[str, Any]]) -> AnswerComparer:
    """A comparer of the description above."""
    file = tmp_path / "openapi"
    file.write_bytes(description("/orders/{id}", "get"))
    return AnswerComparer(file, said.append)


def of(one: AnswerComparer, path: str, body: bytes, host: str = "http://shop.test") -> int:
    """The code of an answer 200 to a GET."""
    return one.of("GET", host, path, 200, lambda: ({"content-type": "application/json"}, body))


def test_an_entry_below_a_path_is_compared_with_and_without_it(tmp_path: Path) -> None:
    """A description may have the path in its servers, or in none."""
    said: list[dict[str, Any]] = []
    one = comparer(tmp_path, said)
    body = json.dumps({"id": 1, "token": "t"}).encode()
    assert [of(one, "/orders/7?x=1", body), of(one, "/orders/7", body, "http://shop.test/api/")] == [1, 1]
    assert said == []


def test_only_the_first_different_answers_are_told(tmp_path: Path) -> None:
    """Ten of a worker, each once: the codes of the rows have them all."""
    said: list[dict[str, Any]] = []
    one = comparer(tmp_path, said)
    for number in range(40):
        body = json.dumps({"id": 1, f"k{number}": 1, "token": 5 if number % 2 else number}).encode()
        assert of(one, "/orders/7", body) == 2
        assert one.of("GET", "http://shop.test", "/orders/7", 300 + number, lambda: ({}, b"")) == 2
    assert len(said) == MOST_EXAMPLES


def test_a_worker_that_has_no_time_to_compare_leaves_answers_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 0 beyond its share of the time: the load would be late, and what was not compared is counted."""
    one = comparer(tmp_path, [])
    body = json.dumps({"id": 1, "token": "t"}).encode()
    assert of(one, "/orders/7", body) == 1
    monkeypatch.setattr(described, "_ALWAYS_S", 0.0)
    monkeypatch.setattr(described, "SHARE", 0.0)
    assert of(one, "/orders/7", body) == 0
