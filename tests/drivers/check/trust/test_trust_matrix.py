"""The call matrix where a call could carry another one's credential, or is refused or let in for another reason than it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.drivers.check.calls.matrix import callers, cases
from harness.drivers.check.calls.matrix.bench import Bench, CaseSetting
from harness.drivers.check.calls.matrix.made import MadeObject, Written
from harness.drivers.check.calls.matrix.operations import CredentialKind, GuardedOperation
from harness.drivers.check.calls.matrix.origins import foreign_origin_calls
from harness.drivers.check.calls.matrix.refused import refused_calls
from harness.drivers.check.calls.matrix.roles import role_matrix
from harness.drivers.check.calls.together import CallPlan, send_together
from harness.drivers.facts import FactReading
from harness.targets import Target, platform_of
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.builders.guarded_shop import ORDERS, GuardedShop, description, guarded_shop, target_of
from tests.builders.http_servers import answering
from tests.drivers.check.test_check_call_matrix import PROTECTED, WITHOUT, spoiled, wrong


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    """A healthy shop."""
    monkeypatch.setattr(cases, "REVOKED_S", 0.05)
    monkeypatch.setattr(callers, "MOST_AGAIN_S", 0.0)
    with guarded_shop(monkeypatch) as running:
        yield running


def test_no_call_has_the_cookie_that_another_was_given(shop: GuardedShop, tmp_path: Path) -> None:
    """A shop that begins a session with each token, and takes the cookie first: the next user would be the last one."""
    shop.open = "sessions"
    assert wrong(role_matrix(target_of(shop, tmp_path), {})()) == []


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
        assert wrong(refused_calls(target, {"noun": noun, "status": "401"})()) == []


def test_one_of_several_scopes_is_enough(shop: GuardedShop, tmp_path: Path) -> None:
    """`security: [READ or ADMIN]` does not need both: without the one that counts, no role is said to be refused."""
    document = spoiled("/orders", "get", security=[{"oauth": ["READ"]}, {"oauth": ["ADMIN"]}])
    found = role_matrix(target_of(shop, tmp_path, document=document), {})()
    said = "its `security` has several scopes of which one is enough: write the one in `authorisation.scopes`"
    assert {one.subject for one in found if said in one.observed} == {"GET /orders"}
    assert {one.ok for one in found if one.subject == "GET /orders"} == {None}
    named = ("  operations: {read", "  scopes: {GET /orders: READ}\n  operations: {read")
    assert wrong(role_matrix(target_of(shop, tmp_path, named, document=document), {})()) == []


def test_the_scope_openid_is_no_right(shop: GuardedShop, tmp_path: Path) -> None:
    """A description that asks for it asks for a signed-in user."""
    document = spoiled("/orders", "get", security=[{"oauth": ["openid", "READ"]}])
    assert wrong(refused_calls(target_of(shop, tmp_path, document=document), WITHOUT)()) == []


@pytest.mark.parametrize("path", ["{other}/orders", "//other.example/orders"])
def test_a_path_that_is_an_address_is_not_called(path: str, shop: GuardedShop, tmp_path: Path) -> None:
    """The credential of a user would go to another host."""
    with answering([(200, {})] * 9) as (other, asked):
        document = description()
        document["paths"][path.format(other=other)] = document["paths"].pop("/orders")
        found = refused_calls(target_of(shop, tmp_path, document=document), WITHOUT)()
        assert asked == []
    assert sum("its path does not begin with one `/`" in one.observed for one in found) == 2


def written(found: Sequence[FactReading]) -> str:
    """What the calls wrote."""
    return next((one.observed for one in found if one.subject == "what the calls wrote"), "nothing")


def test_what_an_open_operation_wrote_is_deleted_or_named(shop: GuardedShop, tmp_path: Path) -> None:
    """Orders that were made without a token are nobody's; the one that was made for the check, and deleted without a token, is gone."""
    shop.open = "token"
    found = refused_calls(target_of(shop, tmp_path), WITHOUT)()
    assert {one.subject for one in found if one.ok is False} >= {"POST /orders", "DELETE /orders/{id}"}
    assert shop.orders == ORDERS
    assert written(found) == "3 objects made and deleted"
    shop.at = "POST /orders"
    found = refused_calls(target_of(shop, tmp_path), WITHOUT)()
    assert {*shop.orders.values()} - {*ORDERS.values()} == {"nobody"}
    assert "left: /orders/5 (its deletion got 404)" in written(found)


def test_an_object_that_is_no_made_one_and_was_deleted_is_named(shop: GuardedShop, tmp_path: Path) -> None:
    """Where nothing makes orders, a call without a token deletes the editor's own."""
    document = description()
    del document["paths"]["/orders"]["post"]
    shop.open = "token"
    found = refused_calls(target_of(shop, tmp_path, document=document), WITHOUT)()
    assert 3 not in shop.orders
    assert written(found) == "0 objects made and deleted; left: DELETE /orders/3 without a credential"


def test_a_write_whose_answer_is_late_is_not_sent_twice(shop: GuardedShop, tmp_path: Path) -> None:
    """It may have been carried out: it is named, and what the shop did not begin is sent again."""
    shop.lost = {"POST /orders": 504, "GET /orders": 504}
    found = refused_calls(target_of(shop, tmp_path), WITHOUT)()
    assert shop.asked.count("POST /orders") == 3
    assert "POST /orders by the user `editor` (status 504: it may have been carried out)" in written(found)
    assert {one.ok for one in found if one.subject == "GET /orders"} == {True}


def test_an_object_is_deleted_by_recovery_where_the_run_was_killed(
    shop: GuardedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The undo log has it from its making on; after the check it is empty."""
    target = target_of(shop, tmp_path)
    assert wrong(refused_calls(target, WITHOUT)()) == []
    assert pending_intents(platform_of(target)) == []
    monkeypatch.setattr(Written, "clean", lambda _: None)
    refused_calls(target, WITHOUT)()
    assert shop.orders != ORDERS
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (1, ())
    assert shop.orders == ORDERS


def test_an_object_of_another_user_decides_nothing(shop: GuardedShop, tmp_path: Path) -> None:
    """A role that may read orders, and has none, is refused for the order's sake: neither FAIL nor PASS."""
    shop.denies = 403
    none = ("objects: {id: 3}", "objects: {}"), ("objects: {id: 2}", "objects: {}")
    document = spoiled("/orders/{id}", "get", parameters=[{"name": "id", "in": "path", "required": True, "example": 1}])
    found = role_matrix(target_of(shop, tmp_path, *none, document=document), {})()
    assert [one for one in found if one.ok is False] == []
    assert "GET /orders/{id}: as editor: status 403, perhaps since its object is not of this user" in " ".join(
        wrong(found)
    )
    assert wrong(role_matrix(target_of(shop, tmp_path), {})()) == []


def test_a_scope_that_is_not_checked_is_found_behind_a_check_of_owners(shop: GuardedShop, tmp_path: Path) -> None:
    """The call is on an object of its user; where this user has none, it proves nothing."""
    shop.open, shop.at, shop.denies = "scope", "GET /orders/{id}", 403
    params = {"noun": "calls-without-scope", "scope": "READ", "status": "403", "class": "read operation"}
    found = refused_calls(target_of(shop, tmp_path), params)()
    assert "GET /orders/{id}: without scope READ (the user `editor`): let in, status 200" in wrong(found)
    shop.at = ""
    found = refused_calls(target_of(shop, tmp_path, ("objects: {id: 3}", "objects: {}")), params)()
    assert [one.ok for one in found if "/{id}" in one.subject and "without scope" in one.observed] == [None]
    assert "name one in `identity.users.NAME.objects`" in " ".join(wrong(found))


def test_a_cache_that_has_the_answer_of_a_right_credential_is_found(shop: GuardedShop, tmp_path: Path) -> None:
    """The first call without a token is refused, and the next one gets what the right user was given."""
    shop.open = "cache"
    found = refused_calls(target_of(shop, tmp_path), WITHOUT)()
    assert "GET /users: without a credential, after the right credential: let in, status 200" in wrong(found)
    assert {one.subject for one in found if one.ok is False} == {name for name in PROTECTED if name.startswith("GET")}


def test_a_token_that_expired_during_the_calls_decides_nothing(
    shop: GuardedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 in place of the declared 403 is for the expiry, and no FAIL."""
    monkeypatch.setattr(callers, "_LEAST_S", -100.0)
    shop.issuer.lifetime_s = -1.0
    target = target_of(shop, tmp_path)
    params = {"noun": "calls-with-scope-only", "scope": "READ", "status": "403", "class": "write operation"}
    for found in (role_matrix(target, {})(), refused_calls(target, params)()):
        assert [one for one in found if one.ok is not None] == []
    assert "had expired by then" in " ".join(wrong(role_matrix(target, {})()))


@pytest.mark.parametrize(
    ("key", "other"),
    [("c0ffee", "c0ffe0"), ("c0ffea", "c0ffe0"), ("AbC9", "AbCc"), ("QUJDRA==", "QUJDR0=="), ("k", "0")],
)
def test_another_last_letter_is_another_key(
    key: str, other: str, shop: GuardedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a platform reads keys as base 16 in any case, or as base 64, of whose last letter only the first bits count."""
    monkeypatch.setenv("KEY", key)
    right = callers.RightCallers(target_of(shop, tmp_path))
    one = GuardedOperation(name="GET /report", method="GET", path="/report")
    of = CaseSetting(bench=Bench(right, [one], {}), operation=one, right=right.key(), owned=False, base=right.key())
    assert [[*each.headers.values()] for each in cases.CASES["key-wrong"](of)][1] == [other]


def test_objects_with_one_id_are_two(shop: GuardedShop, tmp_path: Path) -> None:
    """An order 7 that was deleted by a call does not hide the item 7 of it, which is deleted before its parent."""
    right = callers.RightCallers(target_of(shop, tmp_path, ("DELETE /orders/*", "DELETE *")))
    paths = ("/orders", "/orders/{id}/items", "/lists")
    kinds = frozenset({CredentialKind.TOKEN})
    every = [
        GuardedOperation(name=f"{method} {path}", method=method, path=path, inside=inside, kinds=kinds)
        for place in paths
        for method, path in (("POST", place), ("DELETE", f"{place}/{{one}}"))
        for inside in (tuple(re.findall(r"{(\w+)}", path)),)
    ]
    written, by = Written(right, every), right.user("editor")
    for one in every[::2]:
        written.add(MadeObject(by=one, place=one.path, id="7", right=by, values={}))
    assert written.gone("/lists", "7")
    fact = written.clean()
    assert fact is not None
    assert fact.observed == "3 objects made and deleted"
    assert shop.paths == ["/orders/3/items/7", "/orders/7"]


def of_sessions(shop: GuardedShop, directory: Path, *changes: tuple[str, str]) -> Target:
    """The target whose users have sessions and no tokens, and whose description names no scope."""
    document = description()
    document["components"]["securitySchemes"]["oauth"] = {"type": "apiKey", "in": "cookie", "name": "sid"}
    for item in document["paths"].values():
        for one in item.values():
            one["security"] = [dict.fromkeys(way, ()) for way in one["security"]]
    tokens = (
        "  tokens: {expired: {env: EXPIRED}, foreign-audience: {client: billing}, foreign-issuer: {env: FOREIGN}}\n"
    )
    without = (f"  issuer: {shop.issuer.url}\n", ""), ("  client: web\n", ""), (tokens, "")
    return target_of(shop, directory, *without, *changes, document=document)


def test_users_of_sessions_alone_are_called_with_their_sessions(shop: GuardedShop, tmp_path: Path) -> None:
    """What needs a token says so; whom an operation lets in is not known until the file says which scope it needs."""
    found = refused_calls(of_sessions(shop, tmp_path), WITHOUT)()
    assert [one for one in found if one.ok is False] == []
    assert "needs a scope that neither the description nor `authorisation.scopes` names" in " ".join(wrong(found))
    forged = refused_calls(of_sessions(shop, tmp_path), {**WITHOUT, "noun": "calls-with-alg-none"})()
    assert "the user `viewer` has sessions and no token" in " ".join(wrong(forged))
    scopes = "scopes: {POST /orders: WRITE, 'DELETE /orders/{id}': WRITE, GET /users: ADMIN}"
    target = of_sessions(shop, tmp_path, ("  operations: {read", f"  {scopes}\n  operations: {{read"))
    assert wrong(refused_calls(target, WITHOUT)()) == []
    assert wrong(foreign_origin_calls(target, {"status": "403"})()) == []
    assert shop.orders == ORDERS


def test_a_session_that_ended_at_the_first_foreign_call_proves_nothing_of_the_others(
    shop: GuardedShop, tmp_path: Path
) -> None:
    """They get 401 and not the declared 403, since there is no session any more: no FAIL. The own page has a new session."""
    shop.open = "ends"
    found = foreign_origin_calls(target_of(shop, tmp_path), {"status": "403"})()
    assert {one.ok for one in found if one.expected == "refused with 403"} == {None}
    assert "status 401, but the session of the user `editor` had ended by then" in " ".join(wrong(found))
    assert {one.ok for one in found if one.expected == "let in (2xx)"} == {True}
