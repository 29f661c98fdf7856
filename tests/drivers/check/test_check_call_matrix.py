"""The call matrix against a shop that really checks tokens, scopes, owners and keys, and that can leave each check out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.drivers.check.calls.matrix import cases
from harness.drivers.check.calls.matrix.refused import NOUNS, refused_calls
from harness.drivers.facts import FactReading
from tests.builders.guarded_shop import GuardedShop, guarded_shop, target_of

PROTECTED = ("GET /orders", "POST /orders", "GET /orders/{id}", "DELETE /orders/{id}", "GET /users", "GET /report")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    """A healthy shop, which does at once what it does."""
    monkeypatch.setattr(cases, "REVOKED_S", 0.05)
    with guarded_shop(monkeypatch) as running:
        yield running


def facts(shop: GuardedShop, directory: Path, noun: str, **params: str) -> list[FactReading]:
    """What the sentence with a noun finds."""
    asked: Mapping[str, str] = {"noun": noun, "status": "401", **params}
    return [*refused_calls(target_of(shop, directory), asked)()]


def wrong(found: list[FactReading]) -> list[str]:
    """The facts that are not as expected."""
    return [f"{one.subject}: {one.observed}" for one in found if one.ok is not True]


EVERY = {
    "calls-without-scope": {"scope": "READ", "status": "403", "class": "read operation"},
    "calls-with-scope-only": {"scope": "READ", "status": "403", "class": "write operation"},
    "calls-to-others-object": {"status": "403 or 404"},
}


@pytest.mark.parametrize("noun", [one.name for one in NOUNS])
def test_a_healthy_shop_refuses_every_call(noun: str, shop: GuardedShop, tmp_path: Path) -> None:
    """Each noun of the form; what is written is deleted."""
    found = facts(shop, tmp_path, noun, **EVERY.get(noun, {}))
    assert wrong(found) == []
    assert len(found) > 1
    assert shop.orders == {1: "test-viewer", 2: "test-second"}


@pytest.mark.parametrize(
    ("check", "noun", "said"),
    [
        ("token", "calls-without-token", "GET /users: without a credential: let in, status 200"),
        ("expiry", "calls-with-expired-token", "POST /orders: an expired token: let in, status 201"),
        ("alg", "calls-with-alg-none", "GET /orders: alg nOnE: let in, status 200"),
        ("signature", "calls-by-foreign-key", "GET /orders: signed by a foreign key: let in, status 200"),
        ("signature", "calls-with-altered-claim", "GET /orders: with an altered claim: let in, status 200"),
        ("issuer", "calls-of-foreign-issuer", "GET /orders: a token of another issuer: let in, status 200"),
        ("audience", "calls-of-foreign-audience", "GET /users: a token for another audience: let in, status 200"),
        ("revoked", "calls-with-revoked-token", "GET /orders: a revoked token: let in, status 200"),
        ("revoked", "calls-with-bad-token", "GET /orders: a revoked token: let in, status 200"),
        ("expiry", "calls-with-forged-token", "GET /orders: an expired token: let in, status 200"),
        ("audience", "calls-with-refused-access-token", "GET /orders: a token for another audience: let in, status 200"),
        ("scope", "calls-without-scope", "GET /orders: without scope READ (the user `admin`): let in, status 200"),
        ("scope", "calls-with-scope-only", "POST /orders: with scope READ only (the user `viewer`): let in, status 201"),
        ("owner", "calls-to-others-object", "GET /orders/{id}: to the object of viewer by second: let in, status 200"),
        ("owner", "calls-to-others-object", "DELETE /orders/{id}: to the object of editor by writer: let in, status 204"),
        ("key", "calls-with-revoked-key", "GET /report: a revoked API key: let in, status 200"),
        ("token", "calls-with-bad-key", "GET /report: without an API key: let in, status 200"),
    ],
)  # fmt: skip
def test_a_check_that_is_left_out_is_found_with_its_operation(
    check: str, noun: str, said: str, shop: GuardedShop, tmp_path: Path
) -> None:
    """Only this operation is wrong; the call that was let in is named."""
    shop.open, shop.at = check, said.partition(":")[0]
    found = facts(shop, tmp_path, noun, **EVERY.get(noun, {}))
    assert said in wrong(found)
    assert {one.subject for one in found if one.ok is False} == {shop.at}
