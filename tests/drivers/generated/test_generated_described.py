"""Requests drawn from an API description, against a shop with one defect at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.claim import CheckFunction
from harness.drivers.check.described import core_operations, described_operations, malformed_inputs
from harness.drivers.facts import FactReading
from harness.errors import HarnessError
from harness.targets import Target, load_target
from tests.drivers.generated.described_shop import DESCRIPTION, serving

MAY_WRITE = "disposable: true\n"


def shop_target(directory: Path, entry: str, description: Any = None, more: str = MAY_WRITE, api: str = "") -> Target:
    """A target with this API description."""
    (directory / "openapi.json").write_text(json.dumps(description or DESCRIPTION), encoding="utf-8")
    file = directory / "target.yaml"
    text = f"name: shop\nenvironment: staging\nentry: {entry}\napi: {{description: openapi.json{api}}}\n{more}"
    file.write_text(text, encoding="utf-8")
    return load_target(file)


def read(check: CheckFunction, target: Target, inputs: int = 12, **params: str) -> Sequence[FactReading]:
    """The facts."""
    probe: Any = check(target, {"inputs": str(inputs), **params})
    found: Sequence[FactReading] = probe()
    return found


def outcome(facts: Sequence[FactReading]) -> bool | None:
    """As the judge has it: a false fact, else an unknown one, else as expected."""
    found = {fact.ok for fact in facts}
    return False if False in found else None if None in found or not facts else True


def named(facts: Sequence[FactReading], *, ok: bool | None) -> str:
    """The first fact with an outcome, as the reason names it."""
    return next((f"{fact.subject}: {fact.observed}, expected {fact.expected}" for fact in facts if fact.ok is ok), "")


def of(operation: Mapping[str, Any], path: str = "/orders", method: str = "get", **root: Any) -> dict[str, Any]:
    """A description of one operation."""
    return {**DESCRIPTION, "paths": {path: {method: operation}}, **root}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written outside the test's directory."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


def test_a_shop_that_is_as_described_passes_both(tmp_path: Path) -> None:
    """Every operation was called, each request is a fact, and so is the description with its hash."""
    with serving() as shop:
        target = shop_target(tmp_path, shop.entry)
        answered, refused = read(described_operations, target), read(malformed_inputs, target)
        asked = {line.partition("?")[0].partition("/orders/")[0] for line in shop.asked}
    assert [named(facts, ok=ok) for facts in (answered, refused) for ok in (False, None)] == [""] * 4
    assert asked == {"GET /health", "GET ", "POST /orders"}
    assert [fact.subject for fact in answered[:4]] == [
        "GET /health",
        "GET /orders/{id}",
        "POST /orders",
        "openapi.json",
    ]
    assert (len(answered), len(refused)) == (4 + 1 + 24, 3 + 24)
    assert answered[0].observed == "1 input: 1 got 204"
    assert refused[1].observed == "12 inputs: 12 got 422"
    assert not (Path.cwd() / ".hypothesis" / "generated").exists()


def test_each_defect_fails_with_the_smallest_request(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """The reason names the smallest request that is answered wrongly, with status and what was described, or what is malformed in it."""
    wrong = '{"item": "many", "amount": 1, "note": "one"}; at $.item: '
    error = "status 500, text/plain: Internal Server Error"
    accepted, missing = ": status 201, application/json: ", "the body: 'note' is a required property"
    for check, defect, said, mistake in [
        (
            described_operations,
            "a field of the wrong type",
            f"GET /orders/1001: status 200, application/json: {wrong}",
            "",
        ),
        (described_operations, "5xx of an emoji", f'POST /orders {{"item": 0, "note": "\U00010000"}}: {error}', ""),
        (described_operations, "5xx above int32", f'POST /orders {{"item": 2147483648, "note": ""}}: {error}', ""),
        (
            described_operations,
            "an undocumented status",
            "GET /orders/1?detail=long: status 206, application/json: ",
            "",
        ),
        (described_operations, "another media type", "GET /orders/1: status 200, text/html: ", ""),
        (malformed_inputs, "malformed is accepted", 'POST /orders {"item": 0, "note": "", "amount": ', accepted),
        (malformed_inputs, "5xx of malformed", 'POST /orders {"item": 0}: status 500, ', missing),
    ]:
        with subtests.test(defect):
            with serving(defect) as shop:
                facts = read(check, shop_target(tmp_path, shop.entry), 40)
            assert outcome(facts) is False
            assert named(facts, ok=False).startswith(said)
            assert mistake in named(facts, ok=False)


@pytest.mark.parametrize("check", [described_operations, malformed_inputs])
@pytest.mark.parametrize(
    ("defect", "said"),
    [
        ("401", "no sign-in is known for it"),
        ("404", ""),
        ("429", "requests are limited"),
        ("silent", "no answer (RemoteProtocolError)"),
    ],
)
def test_answers_that_say_nothing_are_no_evidence(defect: str, said: str, check: CheckFunction, tmp_path: Path) -> None:
    """A service that answers all requests 401, 404 or 429, or none, is neither right nor wrong about its input."""
    description = of({"parameters": DESCRIPTION["paths"]["/orders/{id}"]["get"]["parameters"], "responses": {"4XX": {"description": "no"}}}, "/orders/{id}")  # fmt: skip
    with serving(defect) as shop:
        facts = read(check, shop_target(tmp_path, shop.entry, _without_body(description)), 5)
    assert outcome(facts) is None
    assert said in " ".join(fact.observed for fact in facts)


def _without_body(description: dict[str, Any]) -> dict[str, Any]:
    answers = description["paths"]["/orders/{id}"]["get"]["responses"]
    answers["4XX"]["content"] = {"application/json": {"schema": {"type": "object"}}}
    return description


def test_a_target_that_cannot_be_reached_is_no_evidence(tmp_path: Path) -> None:
    """Three requests without an answer end the calls of an operation."""
    facts = read(described_operations, shop_target(tmp_path, "http://127.0.0.1:9"))
    assert outcome(facts) is None
    assert named(facts, ok=None).startswith("GET /health: 1 input: 1 got no answer; none of the inputs succeeded")
    assert "no answer (ConnectError)" in {fact.observed for fact in facts}


def test_writes_need_consent(tmp_path: Path) -> None:
    """Without `disposable` and `may_write` a POST is not sent, and the operation is named; `may_write` allows it by its name."""
    with serving() as shop:
        facts = read(described_operations, shop_target(tmp_path, shop.entry, more=""))
        assert named(facts, ok=None).startswith("POST /orders: not called: it may write")
        assert not [line for line in shop.asked if line.startswith("POST")]
        allowed = 'may_write: [{operations: "POST /orders"}]\n'
        assert outcome(read(described_operations, shop_target(tmp_path, shop.entry, more=allowed))) is True
        described = of({"responses": {"204": {"description": "gone"}}}, method="delete")
        assert outcome(read(described_operations, shop_target(tmp_path, shop.entry, described, allowed))) is None
        assert "DELETE /orders" not in shop.asked


def test_an_operation_with_a_sign_in_is_called_with_its_token(tmp_path: Path) -> None:
    """By `sign_in` of the target file; without it, or with another scheme, the operation is named."""
    (tmp_path / "password").write_text("open", encoding="utf-8")
    sign_in = f"sign_in: {{path: /sessions, user: test-1, password: {{file: {tmp_path}/password}}}}\n"
    bearer = {**DESCRIPTION["components"], "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
    key = {**DESCRIPTION["components"], "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "x"}}}
    secured = {**DESCRIPTION, "security": [{"token": []}]}
    with serving() as shop:
        shop.token = "a-token"
        signed = read(
            described_operations,
            shop_target(tmp_path, shop.entry, {**secured, "components": bearer}, MAY_WRITE + sign_in),
        )
        assert outcome(signed) is True
        without = read(described_operations, shop_target(tmp_path, shop.entry, {**secured, "components": bearer}))
        assert named(without, ok=None).startswith(
            "GET /health: not called: it needs a sign-in, and the target file has no `sign_in`"
        )
        other = read(described_operations, shop_target(tmp_path, shop.entry, {**secured, "components": key}))
        assert named(other, ok=None).startswith(
            "GET /health: not called: it needs a sign-in by token, only a bearer token"
        )
        shop.token = "another"
        with pytest.raises(HarnessError, match=r"got status 201 and no .session"):
            read(described_operations, shop_target(tmp_path, shop.entry, {**secured, "components": bearer}, MAY_WRITE + sign_in.replace("}}\n", "}, token: session}\n")))  # fmt: skip


ANSWER = {"200": {"description": "fine"}}


def query(**keys: Any) -> dict[str, Any]:
    """An operation with a parameter `q`."""
    return {"responses": ANSWER, "parameters": [{"name": "q", "in": "query", **keys}]}


def body(media: str = "application/json", **content: Any) -> dict[str, Any]:
    """An operation with a body."""
    return {"responses": ANSWER, "requestBody": {"content": {media: content}}}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({}, "no answer is described"),
        ({"responses": ANSWER, "callbacks": {"done": {}}}, "`callbacks` are not supported"),
        (body("application/xml", schema={"type": "string"}), "a body of application/xml is not supported, only JSON"),
        (body(), "the body has no schema"),
        (query(), "the parameter `q` has no schema"),
        (query(schema={}), "the parameter `q` has no type"),
        (
            query(style="deepObject", schema={"type": "object"}),
            "the parameter `q` is written in a style that is not supported",
        ),
        (
            body(schema={"$ref": "#/components/schemas/Tree"}),
            "the body: the schema `#/components/schemas/Tree` contains itself",
        ),
        (body(schema={"if": {}}), "the body: the keyword `if` of a schema is not supported"),
        (
            query(required=True, schema={"type": "string", "format": "phone"}),
            "no text of the format `phone` can be drawn",
        ),
    ],
)
def test_what_is_not_read_is_named_and_no_evidence(operation: dict[str, Any], said: str, tmp_path: Path) -> None:
    """The operation is not called, is a fact of its own, and keeps the sentence undecided."""
    tree = {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}}
    with serving() as shop:
        target = shop_target(tmp_path, shop.entry, of(operation, components={"schemas": {"Tree": tree}}))
        facts = read(described_operations, target)
        assert shop.asked == []
    assert [(fact.subject, fact.ok) for fact in facts] == [("GET /orders", None), ("openapi.json", True)]
    assert facts[0].observed == f"not called: {said}"


def test_a_description_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    """With the file; so is one that does not exist."""
    target = shop_target(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "openapi.json").write_text("{", encoding="utf-8")
    with pytest.raises(HarnessError, match=r"openapi\.json(.|\n)*the text is not JSON"):
        read(described_operations, target)
    (tmp_path / "openapi.json").unlink()
    with pytest.raises(HarnessError, match="cannot be read: No such file"):
        read(malformed_inputs, target)


def test_an_operation_that_takes_any_input_has_no_malformed_one(tmp_path: Path) -> None:
    """It is named; an operation without an input is none of the sentence."""
    free = of(query(schema={"type": "string"}))
    facts = read(malformed_inputs, shop_target(tmp_path, "http://127.0.0.1:9", free))
    assert facts[0].observed == "not called: no input of it is malformed: the description sets no type, limit or form"
    with pytest.raises(HarnessError, match="no operation of the API description takes an input"):
        read(malformed_inputs, shop_target(tmp_path, "http://127.0.0.1:9", of({"responses": ANSWER})))


def test_core_operations_are_those_that_the_target_file_names(tmp_path: Path) -> None:
    """By their id or by method and path; an unknown name is an error."""
    with serving("5xx of an emoji") as shop:
        core = shop_target(tmp_path, shop.entry, api=", core: [readOrder, GET /health]")
        assert outcome(read(core_operations, core)) is True
        unknown = shop_target(tmp_path, shop.entry, api=", core: [readOrders]")
        with pytest.raises(HarnessError, match="has no operation `readOrders`"):
            read(core_operations, unknown)


def test_values_of_the_target_file_are_used(tmp_path: Path) -> None:
    """So that a read of a thing that must exist can succeed."""
    with serving("a field of the wrong type") as shop:
        facts = read(described_operations, shop_target(tmp_path, shop.entry, api=", values: {id: [987654]}"))
    assert "GET /orders/987654" in " ".join(fact.subject for fact in facts if fact.ok is False)


def test_equal_seeds_draw_equal_requests(tmp_path: Path) -> None:
    """Another seed draws others."""
    with serving() as shop:
        target = shop_target(tmp_path, shop.entry)
        first, again, other = (
            [fact.subject for fact in read(malformed_inputs, target, 8, seed=seed)] for seed in ("7", "7", "8")
        )
    assert first == again != other


def test_the_time_is_bounded_and_what_it_leaves_out_is_named(tmp_path: Path) -> None:
    """`within` is for all operations together."""
    with serving() as shop:
        facts = read(described_operations, shop_target(tmp_path, shop.entry, api=", within: 1 ms"))
    assert outcome(facts) is None
    assert "0 of 12 different inputs were sent: the time was over" in named(facts, ok=None)
