"""The call matrix against a shop that really checks tokens, scopes, owners and keys, and that can leave each check out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.drivers.check.calls.matrix import cases
from harness.drivers.check.calls.matrix.refused import NOUNS, refused_calls
from harness.drivers.check.calls.matrix.roles import role_matrix, role_scopes
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
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


def roles(shop: GuardedShop, directory: Path, *changes: tuple[str, str], matrix: str = "") -> list[FactReading]:
    """What the sentence on roles and operations finds."""
    if matrix:
        (directory / "matrix.yaml").write_text(matrix, encoding="utf-8")
        changes = (*changes, ("  roles: {", "  matrix: matrix.yaml\n  roles: {"))
    return [*role_matrix(target_of(shop, directory, *changes), {})()]


def test_every_pair_of_role_and_operation_is_called(shop: GuardedShop, tmp_path: Path) -> None:
    """Three roles, five operations that take tokens: who may not is refused, who may is let in, what is written is deleted."""
    found = roles(shop, tmp_path)
    assert wrong(found) == []
    seen = {(one.subject, one.observed) for one in found}
    assert ("GET /users", "as editor: status 403") in seen
    assert ("DELETE /orders/{id}", "as editor: status 204") in seen
    assert len(found) == 3 * 5 + 1
    assert shop.orders == {1: "test-viewer", 2: "test-second"}


def test_a_role_that_may_too_much_is_found(shop: GuardedShop, tmp_path: Path) -> None:
    """The viewer may read every user."""
    shop.open, shop.at = "scope", "GET /users"
    assert "GET /users: as viewer: let in, status 200" in wrong(roles(shop, tmp_path))


def test_a_role_that_may_too_little_is_found(shop: GuardedShop, tmp_path: Path) -> None:
    """The matrix of the file allows what the shop refuses; what the file does not say is named."""
    cells = (
        "operations:\n  GET /users: {viewer: refused, editor: allowed, admin: 200}\n  GET /orders: {viewer: allowed}\n"
    )
    found = roles(shop, tmp_path, matrix=cells)
    assert [f"{one.subject}: {one.observed}" for one in found if one.ok is False] == [
        "GET /users: as editor: status 403"
    ]
    assert "GET /orders: as admin: the matrix does not say how it is answered" in wrong(found)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("operations: {}\n", "matrix.yaml:1: operations: this must have at least 1 item"),
        ("operations:\n  GET /user: {viewer: refused}\n", "matrix.yaml:2: operations.GET /user: the API description has no operation `GET /user`\n  hint: did you mean 'GET /users'?"),
        ("operations:\n  GET /users: {veiwer: refused}\n", "matrix.yaml:2: operations.GET /users.veiwer: the role `veiwer` is not in `authorisation.roles`\n  hint: did you mean 'viewer'?"),
        ("operations:\n  GET /users: {viewer: no way}\n", "matrix.yaml:2: operations.GET /users.viewer: `no way` is not one of allowed, refused"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_matrix_is_explained(cells: str, said: str, shop: GuardedShop, tmp_path: Path) -> None:
    """File, line and key."""
    with pytest.raises(ConfigurationError) as caught:
        roles(shop, tmp_path, matrix=cells)
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(said)


def test_a_role_without_a_user_is_named(shop: GuardedShop, tmp_path: Path) -> None:
    """None of its pairs is passed over."""
    found = roles(shop, tmp_path, ("admin: [READ, WRITE, ADMIN]}", "admin: [READ, WRITE, ADMIN], owner: [READ]}"))
    why = "as owner: not called: `identity.users` has no user of the role `owner`"
    assert {one.subject for one in found if one.observed == why} == {*PROTECTED} - {"GET /report"}
    assert {one.ok for one in found if one.observed == why} == {None}


def test_scopes_of_roles_are_those_of_tokens(shop: GuardedShop, tmp_path: Path) -> None:
    """A user asks for more than the role has, and gets it or not."""
    assert wrong([*role_scopes(target_of(shop, tmp_path), {})()]) == []
    shop.issuer.scopes["test-second"] = ("READ", "WRITE")
    assert wrong([*role_scopes(target_of(shop, tmp_path), {})()]) == ["role viewer (second): READ WRITE"]
