"""The call matrix against a shop that really checks tokens, scopes, owners and keys, and that can leave each check out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.calls.matrix import callers, cases
from harness.drivers.check.calls.matrix.operations import operations_of
from harness.drivers.check.calls.matrix.origins import foreign_origin_calls
from harness.drivers.check.calls.matrix.refused import NOUNS, refused_calls
from harness.drivers.check.calls.matrix.roles import role_matrix, role_scopes
from harness.drivers.check.calls.matrix.samples import NoSampleError, sample
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets.openapi.document import OpenApiDocument
from tests.builders.guarded_shop import (
    KEY,
    OLD_KEY,
    OPERATIONS,
    ORDERS,
    GuardedShop,
    description,
    guarded_shop,
    region_of,
    target_of,
)
from tests.builders.identity_provider import CLIENT_SECRET, PASSWORD

WITHOUT = {"noun": "calls-without-token", "status": "401"}
PROTECTED = ("GET /orders", "POST /orders", "GET /orders/{id}", "DELETE /orders/{id}", "GET /users", "GET /report")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    """A healthy shop, which does at once what it does."""
    monkeypatch.setattr(cases, "REVOKED_S", 0.05)
    monkeypatch.setattr(callers, "MOST_AGAIN_S", 0.0)
    with guarded_shop(monkeypatch) as running:
        yield running


def facts(shop: GuardedShop, directory: Path, noun: str, **params: str) -> list[FactReading]:
    """What the sentence with a noun finds."""
    asked: Mapping[str, str] = {"noun": noun, "status": "401", **params}
    return [*refused_calls(target_of(shop, directory), asked)()]


def wrong(found: Sequence[FactReading]) -> list[str]:
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
    assert shop.orders == ORDERS


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
        ("scope", "calls-without-scope", "GET /orders: without scope READ (the user `editor`): let in, status 200"),
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


PAGES = ("POST /orders", "DELETE /orders/{id}")


def pages(shop: GuardedShop, directory: Path, *changes: tuple[str, str]) -> list[FactReading]:
    """What the sentence on foreign origins finds."""
    return [*foreign_origin_calls(target_of(shop, directory, *changes), {"status": "403"})()]


def test_pages_of_other_origins_change_nothing(shop: GuardedShop, tmp_path: Path) -> None:
    """Three origins for each operation that changes something; the same calls of an own page are let in."""
    found = pages(shop, tmp_path)
    assert wrong(found) == []
    assert sorted(one.subject for one in found if one.expected == "refused with 403") == sorted(PAGES * 3)
    assert shop.orders == ORDERS


@pytest.mark.parametrize("at", PAGES)
def test_an_operation_that_takes_a_cookie_from_any_page_is_found(at: str, shop: GuardedShop, tmp_path: Path) -> None:
    """With its name, and with an origin: of three calls at once that delete the same object any one is the first."""
    shop.open, shop.at = "origin", at
    found = pages(shop, tmp_path)
    assert {one.subject for one in found if one.ok is False} == {at}
    assert any(one.startswith(f"{at}: from ") and ": let in" in one for one in wrong(found))


def test_an_origin_that_begins_like_the_own_is_foreign(shop: GuardedShop, tmp_path: Path) -> None:
    """A shop that compares the beginnings takes it."""
    shop.open = "origins-end"
    assert {one.observed.partition(":")[0] for one in pages(shop, tmp_path) if one.ok is False} == {
        "from an origin that begins like the own"
    }


def test_an_operation_that_takes_no_cookie_cannot_be_called_by_another_page(shop: GuardedShop, tmp_path: Path) -> None:
    """The own page gets 401, too, while its session is valid and a token is let in; without a valid session that proves nothing."""
    shop.open = "cookie"
    found = pages(shop, tmp_path)
    assert wrong(found) == []
    assert "from the origin null: status 401, as an own page: it takes no session cookie" in {
        one.observed for one in found
    }
    shop.open = "account"
    assert {one.ok for one in pages(shop, tmp_path)} == {None}


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
    assert shop.orders == ORDERS


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


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 422, 429, 500, 503])
def test_a_shop_that_answers_everything_alike_never_passes(status: int, shop: GuardedShop, tmp_path: Path) -> None:
    """A refusal of a right credential, too, is no refusal; what is let in is wrong; all else is no evidence."""
    shop.answers = status
    for noun in ("calls-without-token", "calls-with-forged-token", "calls-with-bad-key", "calls-to-others-object"):
        outcomes = {one.ok for one in facts(shop, tmp_path, noun, **EVERY.get(noun, {}))}
        assert False in outcomes if status == 200 else None in outcomes and True not in outcomes, noun
    assert {one.ok for one in role_matrix(target_of(shop, tmp_path), {})()} - {None} != {True}


def test_a_description_without_security_is_neither_public_nor_protected(shop: GuardedShop, tmp_path: Path) -> None:
    """Each operation is named."""
    document = description()
    for item in document["paths"].values():
        for one in item.values():
            del one["security"]
    target = target_of(shop, tmp_path, document=document)
    found = refused_calls(target, WITHOUT)()
    assert {(one.subject, one.ok) for one in found} == {(name, None) for name in OPERATIONS}
    assert {one.observed.partition(":")[0] for one in found} == {"neither public nor protected"}
    assert {one.ok for one in role_matrix(target, {})()} == {None}


def spoiled(path: str, method: str, **more: object) -> dict[str, Any]:
    """The description with an operation that has these keys too."""
    document = description()
    document["paths"][path][method].update(more)
    return document


LOOP = {"type": "object", "required": ["again"], "properties": {"again": {"$ref": "#/components/schemas/Loop"}}}


@pytest.mark.parametrize(
    ("document", "at", "said"),
    [
        ({**spoiled("/orders", "post", requestBody={"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Loop"}}}}), "components": {**description()["components"], "schemas": {"Loop": LOOP}}}, "POST /orders", "not called: its schema contains itself"),
        (spoiled("/orders", "post", requestBody={"$ref": "#/nowhere"}), "POST /orders", "`$ref: #/nowhere` refers to the missing key `nowhere`"),
        (spoiled("/orders", "post", requestBody={"$ref": "https://elsewhere.example/a.yaml"}), "POST /orders", "`$ref: https://elsewhere.example/a.yaml` refers to another document"),
        (spoiled("/orders", "post", requestBody={"required": True, "content": {"text/csv": {}}}), "POST /orders", "not called: a body of text/csv is not supported, only JSON"),
        (spoiled("/users", "get", security=[{"basic": []}]), "GET /users", "not called: it needs a credential of a kind that is not supported: basic"),
        (spoiled("/users", "get", security=[{"oauth": ["OTHER"]}]), "GET /users", "not called: no user of `identity.users` has a token with scope OTHER"),
        (spoiled("/users", "get", security="all"), "GET /users", "not called: `security` is not a list of mappings"),
    ],
)  # fmt: skip
def test_an_operation_that_cannot_be_called_is_named(
    document: object, at: str, said: str, shop: GuardedShop, tmp_path: Path
) -> None:
    """It makes the sentence INCONCLUSIVE, and the others are called."""
    target = target_of(shop, tmp_path, document=document)
    found = refused_calls(target, WITHOUT)()
    assert (at, said) in [(one.subject, one.observed) for one in found if one.ok is None]
    assert {one.ok for one in found if one.subject == "GET /orders"} == {True}


def test_an_operation_that_may_write_and_is_not_allowed_is_not_called(shop: GuardedShop, tmp_path: Path) -> None:
    """Not even with a credential that must be refused."""
    target = target_of(shop, tmp_path, ('{operations: "POST /orders"}, ', ""))
    found = refused_calls(target, WITHOUT)()
    assert "POST /orders" not in shop.asked
    assert wrong(found)[0].startswith("POST /orders: not called: it may write, and neither `disposable` nor")
    assert any(
        "DELETE /orders/{id}: the right credential of the user `editor`: not called" in one for one in wrong(found)
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("a: [", "openapi.json"),
        ("{" + " " * 11_000_000 + "}", "the document is larger than 10 MB"),
        ({"openapi": "3.1.0", "paths": {}}, "the API description has no operation"),
        ({"swagger": "2.0", "paths": {"/a": {"get": {}}}}, "the version of OpenAPI is none, expected 3"),
    ],
)
def test_a_description_that_cannot_be_read_is_refused(
    document: object, said: str, shop: GuardedShop, tmp_path: Path
) -> None:
    """One error, which names the file."""
    target = target_of(shop, tmp_path, document=document)
    with pytest.raises(ConfigurationError, match=said):
        refused_calls(target, WITHOUT)()
    assert shop.asked == []


def test_a_file_that_contradicts_the_description_is_refused(shop: GuardedShop, tmp_path: Path) -> None:
    """An operation is not left out by a slip."""
    public = ("  operations: {read: READ", "  public: [GET /users]\n  operations: {read: READ")
    said = "`GET /users` is public here, and the API description says that it needs a credential"
    with pytest.raises(ConfigurationError, match=said):
        refused_calls(target_of(shop, tmp_path, public), WITHOUT)()


def test_a_provider_that_is_down_leaves_nothing_decided(shop: GuardedShop, tmp_path: Path) -> None:
    """Although every call without a token was refused; a key needs no provider."""
    target = target_of(shop, tmp_path, (shop.issuer.url, "http://127.0.0.1:9"))
    found = refused_calls(target, WITHOUT)()
    assert {one.subject for one in found if one.ok is None} == {*PROTECTED} - {"GET /report"}
    assert "no answer (ConnectError)" in wrong(found)[0]
    assert {one.ok for one in role_scopes(target, {})()} == {None}


def test_a_token_that_is_refused_for_another_reason_proves_nothing(
    shop: GuardedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """It is read before it is sent: signature, issuer, audience and expiry must be what the case says."""
    expired, foreign = "calls-with-expired-token", "calls-of-foreign-issuer"
    others_expired = shop.others.token("test-admin", "READ", iss=shop.issuer.url, exp=1)
    own_as_foreign = shop.issuer.token("test-admin", "READ", iss=shop.others.url)
    every: list[tuple[str, dict[str, Any] | str, str]] = [
        (expired, {"exp": 4_000_000_000}, "has not expired"),
        (expired, {"exp": 1, "aud": "billing"}, "is not for the audience 'shop'"),
        (expired, {"exp": 1, "iss": "https://id.other.test"}, "is not of the issuer"),
        (expired, others_expired, "is not signed by a key of its issuer"),
        (foreign, {}, "is of the target's own issuer"),
        (foreign, {"iss": ""}, "names no issuer"),
        (foreign, own_as_foreign, "is not signed by a key of its issuer"),
    ]
    for noun, token, said in every:
        with subtests.test(noun, said=said):
            made = token if isinstance(token, str) else shop.issuer.token("test-admin", "READ", **token)
            monkeypatch.setenv("EXPIRED" if noun == expired else "FOREIGN", made)
            found = facts(shop, tmp_path, noun)
            assert {one.ok for one in found if one.expected.startswith("refused")} == {None}
            assert said in wrong(found)[0]


def test_opaque_tokens_cannot_be_forged(shop: GuardedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each case is named; the calls without a token are still decided."""
    monkeypatch.setattr(type(shop.issuer), "token", lambda *_, **__: "opaque")
    monkeypatch.setattr("tests.builders.guarded_shop._ShopsHandler._claims", lambda self, _: {"sub": "test-viewer", "scope": "READ WRITE ADMIN"} if "opaque" in str(self.headers.get("authorization")) else None)  # fmt: skip
    found = facts(shop, tmp_path, "calls-with-alg-none")
    assert "is not a JSON Web Token" in wrong(found)[0]
    assert True not in {one.ok for one in found if one.expected.startswith("refused")}
    assert wrong(facts(shop, tmp_path, "calls-without-token")) == []


def test_no_fact_has_a_secret(shop: GuardedShop, tmp_path: Path) -> None:
    """Neither tokens nor keys nor passwords."""
    told = " ".join(
        f"{one.subject} {one.expected} {one.observed}"
        for noun in NOUNS
        for one in facts(shop, tmp_path, noun.name, **EVERY.get(noun.name, {}))
    )
    assert [secret for secret in (KEY, OLD_KEY, CLIENT_SECRET, "open sesame", "eyJ") if secret in told] == []


def test_a_region_that_learns_late_what_was_revoked_is_named(shop: GuardedShop, tmp_path: Path) -> None:
    """A revoked token is sent to the entry of every region: behind one balancer its answers are those of some region."""
    with region_of(shop, leaves_out="revoked") as late, region_of(shop, leaves_out="") as other:
        regions = f"regions: {{north: {{entry: '{late}'}}, south: {{entry: '{other}'}}}}\napi:"
        target = target_of(shop, tmp_path, ("api:", regions))
        found = [*refused_calls(target, {"noun": "calls-with-revoked-token", "status": "401"})()]
    assert "GET /orders: a revoked token, in north: let in, status 200" in wrong(found)
    assert {one.observed for one in found if "in south" in one.observed} == {"a revoked token, in south: status 401"}


def described(**operations: list[dict[str, list[str]]]) -> Mapping[str, object]:
    """The shop's document with another `security` of operations, written like `get_orders`."""
    document = description()
    for name, security in operations.items():
        method, _, path = name.partition("_")
        document["paths"]["/orders" if path == "orders" else "/orders/{id}"][method]["security"] = security
    document["components"]["securitySchemes"]["session"] = {"type": "apiKey", "in": "cookie", "name": "sid"}
    return document


@pytest.mark.parametrize("noun", ["calls-without-token", "calls-by-foreign-key"])
def test_an_operation_that_takes_only_a_session_is_let_in_with_one(
    noun: str, shop: GuardedShop, tmp_path: Path
) -> None:
    """Its right credential is the cookie of a user who has just signed in."""
    target = target_of(shop, tmp_path, document=described(get_orders=[{"session": []}]))
    found = [*refused_calls(target, {"noun": noun, "status": "401"})()]
    assert wrong(found) == []
    assert "the right credential of the session of the user `viewer`: status 200" in {one.observed for one in found}


def test_what_everybody_may_make_is_deleted_by_administrators_alone(shop: GuardedShop, tmp_path: Path) -> None:
    """Such an object belongs to no user of the file: the deletion by a user may be refused for that."""
    shop.open, shop.at = "token", "POST /orders"
    for scope, ok in (("ADMIN", {True}), ("WRITE", {None})):
        document = described(post_orders=[], delete_order=[{"oauth": [scope]}])
        found = refused_calls(
            target_of(shop, tmp_path, document=document), {"noun": "calls-by-foreign-key", "status": "401"}
        )()
        assert {one.ok for one in found if one.subject == "DELETE /orders/{id}"} == ok
    assert shop.orders == ORDERS


def test_a_body_of_the_file_is_new_in_every_request(shop: GuardedShop, tmp_path: Path) -> None:
    """And it names the user who calls."""
    bodies = "bodies: {POST /orders: {item: '{new}', of: ['{user}', '{password}'], pieces: 3}}"
    target = target_of(shop, tmp_path, ("{description: openapi.json}", f"{{description: openapi.json, {bodies}}}"))
    caller = callers.RightCallers(target)
    (order,) = (one for one in operations_of(target) if one.name == "POST /orders")
    first, second = (caller.plan(order, {}, owner="viewer").body for _ in range(2))
    assert first["of"] == ["test-viewer", PASSWORD.replace("{user}", "test-viewer")]
    assert first["pieces"] == 3
    assert len({first["item"], second["item"], "{new}"}) == 3


def test_a_body_of_no_operation_is_refused(shop: GuardedShop, tmp_path: Path) -> None:
    """It would never be sent."""
    bodies = "bodies: {POST /order: {pieces: 3}}"
    target = target_of(shop, tmp_path, ("{description: openapi.json}", f"{{description: openapi.json, {bodies}}}"))
    with pytest.raises(ConfigurationError, match="no API description has the operation `POST /order`") as refused:
        operations_of(target)
    assert refused.value.hint == "did you mean 'POST /orders'?"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"pattern": "^[^\\x00]+$"}, "test"),
        ({"pattern": "^[A-Z]+$", "minLength": 6}, "TESTTT"),
        ({"pattern": "^[0-9]{4}$", "minLength": 4}, "1111"),
        ({"format": "date", "pattern": "^2024"}, "2024-01-31"),
    ],
)
def test_a_text_with_a_pattern_is_a_simple_one_that_matches(schema: Mapping[str, object], text: str) -> None:
    """So a description needs no example for it."""
    assert sample(OpenApiDocument("openapi.json", {"paths": {}}), {"type": "string", **schema}) == text


@pytest.mark.parametrize("pattern", ["^[a-f]{3}-[0-9]$", "(", "^(a+)+$"])
def test_a_pattern_that_no_simple_text_matches_needs_an_example(pattern: str) -> None:
    """Also one that is none of Python's, and one that takes for ever on a long text."""
    with pytest.raises(NoSampleError, match="has a pattern that no simple text matches"):
        sample(OpenApiDocument("openapi.json", {"paths": {}}), {"type": "string", "pattern": pattern, "minLength": 50})
