"""Writes that are sent twice with one key, against a service that really writes, and that can forget each key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.calls.matrix import callers, repeated
from harness.drivers.check.calls.matrix.repeated import calls_sent_twice
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from tests.builders.guarded_shop import GuardedShop, description, guarded_shop, target_of
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers

SCOPES = {
    "POST /orders": "WRITE",
    "GET /orders/{id}": "READ",
    "DELETE /orders/{id}": "WRITE",
    "POST /orders/{id}/views": "WRITE",
    "PUT /orders/{id}": "WRITE",
    "POST /notes": "WRITE",
    "GET /notes/{name}": "READ",
    "DELETE /notes/{name}": "WRITE",
    "POST /events": "WRITE",
}
WRITES = {name for name, scope in SCOPES.items() if scope == "WRITE"}


@dataclass
class Service:
    """What was written, and what a healthy service would not do.

    Attributes:
        keyless: operation that ignores its key.
        hides: operation that answers as the first time, and writes again.
        refuses: operation → status of its second call with a key.
        upserts: whether a note of a name replaces the one that is there, whatever the key.
        others: by how much others count the views of an order before each call.
        orders: title by number. views: by number. notes: how often each is there. answered: answers by operation and key.
        asked: keys that came, by operation.
    """

    url: str = ""
    keyless: str = ""
    hides: str = ""
    refuses: dict[str, int] = field(default_factory=dict)
    upserts: bool = False
    others: int = 0
    orders: dict[int, str] = field(default_factory=lambda: {3: "of the editor"})
    views: dict[int, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    answered: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, name: str, last: str, key: str, body: Any) -> tuple[int, Any]:
        """The answer to a call; one with a known key is that of the first."""
        keys = self.asked.setdefault(name, [])
        again = bool(key) and key in keys
        keys.append(key)
        if again and name in self.refuses:
            return self.refuses[name], None
        if name.startswith("POST") and again and name != self.keyless:
            if name == self.hides:
                self._written(name, last, body)
            return self.answered[name, key]
        self.answered[name, key] = found = self._written(name, last, body)
        return found

    def _written(self, name: str, last: str, body: Any) -> tuple[int, Any]:
        if "/orders" in name:
            return self._of_orders(name, int(last) if last else max(self.orders, default=0) + 1, body)
        if name == "POST /notes":
            last = body["name"]
            self.notes[last] = 1 if self.upserts else self.notes.get(last, 0) + 1
        elif name == "POST /events":
            return 202, {"accepted": True}
        elif last not in self.notes:
            return 404, None
        elif name == "DELETE /notes/{name}":
            return 204, self.notes.pop(last) and None
        else:
            return 200, {"name": last, "copies": self.notes[last]}
        return 201, {"name": last}

    def _of_orders(self, name: str, number: int, body: Any) -> tuple[int, Any]:
        if name == "POST /orders":
            self.orders[number] = "new"
            return 201, {"id": number}
        if number not in self.orders:
            return 404, None
        if name == "POST /orders/{id}/views":
            self.views[number] = self.views.get(number, 0) + 1 + self.others
        elif name == "PUT /orders/{id}":
            self.orders[number] = body["title"]
        elif name == "DELETE /orders/{id}":
            del self.orders[number]
        return 200, {"id": number, "views": self.views.get(number, 0)}


def of_service(service: Service) -> type[BaseHTTPRequestHandler]:
    """The handler of a service."""

    class Handler(Answers, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            text = self.sent()
            last = next(iter(re.findall(r"^/\w+/([^/]+)", self.path)), "")
            place = "/{name}" if "/notes/" in self.path else "/{id}"
            name = f"{self.command} {self.path.replace(f'/{last}', place) if last else self.path}"
            key = self.headers.get("idempotency-key", "")
            self.say(*service.answer(name, last, key, json.loads(text) if text else None))

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the library's names

    return Handler


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Service, GuardedShop]]:
    """A healthy service, with users of a provider."""
    monkeypatch.setattr(repeated, "SETTLED_S", 0.0)
    monkeypatch.setattr(callers, "MOST_AGAIN_S", 0.0)
    with guarded_shop(monkeypatch) as shop:
        healthy = Service()
        with serving(of_service(healthy)) as shop.url:
            yield healthy, shop


def described(*without: str) -> dict[str, Any]:
    """The description of the service, without some operations."""
    paths: dict[str, dict[str, Any]] = {}
    for name, scope in SCOPES.items():
        method, path = name.split()
        one: dict[str, Any] = {"security": [{"oauth": [scope]}], "responses": {"200": {"description": "ok"}}}
        if inside := re.findall(r"{(\w+)}", path):
            schema = {"type": "string" if inside == ["name"] else "integer"}
            one["parameters"] = [{"name": inside[0], "in": "path", "required": True, "schema": schema}]
        if method in {"POST", "PUT"} and not path.endswith("/views"):
            key = "title" if path.startswith("/orders") else "name"
            body = {"type": "object", "required": [key], "properties": {key: {"type": "string", "example": "a-name"}}}
            one["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        if name not in without:
            paths.setdefault(path, {})[method.lower()] = one
    return {**description(), "paths": paths}


def found(service: tuple[Service, GuardedShop], directory: Path, *without: str) -> dict[str, FactReading]:
    """What the sentence finds, by operation."""
    may = ('{operations: "POST /orders"}', '{operations: "* /*"}')
    target = target_of(service[1], directory, may, document=described(*without))
    facts: Sequence[FactReading] = calls_sent_twice(target, {"class": "write operation"})()
    return {one.subject: one for one in facts}


def test_a_service_that_heeds_its_keys_has_one_effect_of_each(
    service: tuple[Service, GuardedShop], tmp_path: Path
) -> None:
    """A fact for each write operation; what cannot be known is undecided; what was written is deleted."""
    facts = found(service, tmp_path)
    assert facts.keys() == {*WRITES, "what the calls wrote"}
    assert {name: one.ok for name, one in facts.items()} == {
        **dict.fromkeys({*WRITES, "what the calls wrote"}, True),
        "POST /events": None,
    }
    assert facts["POST /orders"].observed == "status 201, then status 201: both made 7, a call with another key 8"
    assert facts["POST /events"].observed.endswith(
        "the answers are alike whatever the key, and the description has no GET of what was written"
    )
    assert service[0].orders == {3: "of the editor"}
    assert service[0].notes == {}


@pytest.mark.parametrize(
    ("defect", "operation", "said"),
    [
        ("keyless", "POST /orders", "the first call made 7, the second one with the same key 8"),
        ("keyless", "POST /orders/{id}/views", "`views` was 1, and 2 after the second call with the same key"),
        ("keyless", "POST /notes", "`copies` changed with the second call with the same key"),
        ("hides", "POST /orders/{id}/views", "`views` grew by 2 from the first key to the second, and by 1 from that to the third"),
        ("hides", "POST /notes", "`copies` changed with the second call with the same key"),
    ],
)  # fmt: skip
def test_an_operation_that_ignores_its_key_or_hides_that_it_writes_again_is_found(
    defect: str, operation: str, said: str, service: tuple[Service, GuardedShop], tmp_path: Path
) -> None:
    """By its answers, by what calls with other keys add to the counter, or by what is read back; no other one is."""
    setattr(service[0], defect, operation)
    facts = found(service, tmp_path)
    assert facts[operation].observed.endswith(said)
    assert {name for name, one in facts.items() if one.ok is False} == {operation}


def test_a_counter_of_an_order_that_others_see_too_decides_nothing(
    service: tuple[Service, GuardedShop], tmp_path: Path
) -> None:
    """No POST makes an order, so its views may be those of others."""
    service[0].keyless = "POST /orders/{id}/views"
    facts = found(service, tmp_path, "POST /orders")
    assert facts[service[0].keyless].ok is None
    assert "others may have written to it" in facts[service[0].keyless].observed
    assert facts["DELETE /orders/{id}"].ok is None


@pytest.mark.parametrize(("status", "ok"), [(409, True), (422, True), (401, None), (429, None), (503, None)])
def test_a_second_call_that_is_refused_had_no_effect_nor_have_others_who_count_too(
    status: int, *, ok: bool | None, service: tuple[Service, GuardedShop], tmp_path: Path
) -> None:
    """One that a limit, a token or an error stopped proves nothing; a counter that grows by three with each key, and not with a known one, is right."""
    service[0].refuses, service[0].others = {"POST /orders": status}, 2
    facts = found(service, tmp_path)
    assert (facts["POST /orders"].ok, facts["POST /orders/{id}/views"].ok) == (ok, True)


def test_a_note_that_replaces_the_one_of_its_name_has_one_effect(
    service: tuple[Service, GuardedShop], tmp_path: Path
) -> None:
    """What is read back is alike after each call."""
    service[0].upserts, service[0].keyless = True, "POST /notes"
    facts = found(service, tmp_path)
    assert facts["POST /notes"].ok is True
    assert facts["POST /notes"].observed.endswith("both answers are alike, and so is what was read after each")
    assert found(service, tmp_path, "GET /notes/{name}")["POST /notes"].ok is None


def test_the_header_of_the_key_is_that_of_the_description(service: tuple[Service, GuardedShop], tmp_path: Path) -> None:
    """Another header than Idempotency-Key: the service gets no key in the usual one."""
    document = described()
    document["paths"]["/orders"]["post"]["parameters"] = [
        {"name": "X-Idempotency-Token", "in": "header", "required": True, "schema": {"type": "string"}}
    ]
    may = ('{operations: "POST /orders"}', '{operations: "* /*"}')
    calls_sent_twice(target_of(service[1], tmp_path, may, document=document), {})()
    assert {*service[0].asked["POST /orders"]} == {""}
    assert len({*service[0].asked["POST /notes"]}) == 4


def test_a_scope_of_writes_is_asked_for(service: tuple[Service, GuardedShop], tmp_path: Path) -> None:
    """Without it no operation is a write operation; the key is named."""
    change = ("operations: {read: READ, write: WRITE, admin: ADMIN}", "operations: {read: READ}")
    target = target_of(service[1], tmp_path, change, document=described())
    with pytest.raises(ConfigurationError, match="it is not declared which scope a write operation needs"):
        calls_sent_twice(target, {})()


def test_an_operation_that_may_not_write_is_not_called(service: tuple[Service, GuardedShop], tmp_path: Path) -> None:
    """On a target that is not disposable the file must allow it; it is named."""
    facts = calls_sent_twice(target_of(service[1], tmp_path, document=described()), {})()
    assert {one.subject for one in facts if one.ok is None} == WRITES - {"POST /orders", "DELETE /orders/{id}"}
    assert "PUT /orders/{id}" not in service[0].asked
