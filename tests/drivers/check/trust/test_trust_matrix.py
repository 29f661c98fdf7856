"""The call matrix where a call could carry another one's credential, or is refused or let in for another reason than it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.calls.matrix import callers, cases
from harness.drivers.check.calls.matrix.refused import refused_calls
from harness.drivers.check.calls.matrix.roles import role_matrix
from harness.drivers.check.calls.together import CallPlan, send_together
from harness.drivers.facts import FactReading
from tests.builders.guarded_shop import GuardedShop, description, guarded_shop, target_of
from tests.builders.http_servers import answering

WITHOUT = {"noun": "calls-without-token", "status": "401"}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    """A healthy shop."""
    monkeypatch.setattr(cases, "REVOKED_S", 0.05)
    monkeypatch.setattr(callers, "MOST_AGAIN_S", 0.0)
    with guarded_shop(monkeypatch) as running:
        yield running


def spoiled(path: str, method: str, **more: object) -> dict[str, Any]:
    """The description with an operation that has these keys too."""
    document = description()
    document["paths"][path][method].update(more)
    return document


def not_right(found: Sequence[FactReading]) -> list[str]:
    """The facts that are not as expected."""
    return [f"{one.subject}: {one.observed}" for one in found if one.ok is not True]


def test_no_call_has_the_cookie_that_another_was_given(shop: GuardedShop, tmp_path: Path) -> None:
    """A shop that begins a session with each token, and takes the cookie first: the next user would be the last one."""
    shop.open = "sessions"
    assert not_right(role_matrix(target_of(shop, tmp_path), {})()) == []


@pytest.mark.parametrize(
    "plan",
    [
        CallPlan(method="GET", path="/health", headers={"x-name": "Zoë"}),
        CallPlan(method="GET", path="/health\0"),
        CallPlan(method="GET", path="/" + "a" * 70_000),
        CallPlan(method="POST", path="/orders", body={"item": float("nan")}),
    ],
)
def test_a_request_that_cannot_be_written_is_no_answer(plan: CallPlan, shop: GuardedShop, tmp_path: Path) -> None:
    """A header that is not ASCII, a path that is no address, a number that JSON does not have: no traceback."""
    target = target_of(shop, tmp_path)
    (answer,) = send_together(target, shop.url, [plan], at_once=1, within_s=2.0)
    assert (answer.status, answer.why.partition(" (")[0]) == (0, "the request cannot be written")


def test_a_key_that_the_description_names_as_a_parameter_is_left_out_too(shop: GuardedShop, tmp_path: Path) -> None:
    """Its example is the right key: a call without a key would have it."""
    key = {"name": "x-api-key", "in": "header", "required": True, "schema": {"type": "string"}, "example": "the-right-api-key"}  # fmt: skip
    target = target_of(shop, tmp_path, document=spoiled("/report", "get", parameters=[key]))
    for noun in ("calls-without-key", "calls-with-bad-key"):
        assert not_right(refused_calls(target, {"noun": noun, "status": "401"})()) == []


def test_one_of_several_scopes_is_enough(shop: GuardedShop, tmp_path: Path) -> None:
    """`security: [READ or ADMIN]` does not need both: without the one that counts, no role is said to be refused."""
    document = spoiled("/orders", "get", security=[{"oauth": ["READ"]}, {"oauth": ["ADMIN"]}])
    found = role_matrix(target_of(shop, tmp_path, document=document), {})()
    said = "its `security` has several scopes of which one is enough: write the one in `authorisation.scopes`"
    assert {one.subject for one in found if said in one.observed} == {"GET /orders"}
    assert {one.ok for one in found if one.subject == "GET /orders"} == {None}
    named = ("  operations: {read", "  scopes: {GET /orders: READ}\n  operations: {read")
    assert not_right(role_matrix(target_of(shop, tmp_path, named, document=document), {})()) == []


def test_the_scope_openid_is_no_right(shop: GuardedShop, tmp_path: Path) -> None:
    """A description that asks for it asks for a signed-in user."""
    document = spoiled("/orders", "get", security=[{"oauth": ["openid", "READ"]}])
    assert not_right(refused_calls(target_of(shop, tmp_path, document=document), WITHOUT)()) == []


@pytest.mark.parametrize("path", ["{other}/orders", "//other.example/orders"])
def test_a_path_that_is_an_address_is_not_called(path: str, shop: GuardedShop, tmp_path: Path) -> None:
    """The credential of a user would go to another host."""
    with answering([(200, {})] * 9) as (other, asked):
        document = description()
        document["paths"][path.format(other=other)] = document["paths"].pop("/orders")
        found = refused_calls(target_of(shop, tmp_path, document=document), WITHOUT)()
        assert asked == []
    assert sum("its path does not begin with one `/`" in one.observed for one in found) == 2
