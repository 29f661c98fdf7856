"""Sessions of browsers, API keys, and passwords, at the sandbox's provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from readiness_sandbox.platform.normaldance.identity.passwords import common, objection
from tests.sandbox.platform.identity.conftest import ISSUER

if TYPE_CHECKING:
    from tests.sandbox.platform.identity.conftest import Identity


def signed_in(identity: Identity, user: str, cookie: str = "") -> tuple[httpx.Response, dict[str, str]]:
    """The answer to a sign-in, and the header with its cookie."""
    before = {"cookie": f"sid={cookie}"} if cookie else {}
    body = {"user": user, "password": identity.credentials.passwords[user]}
    answer = identity.here.post("/login", json=body, headers=before)
    assert answer.status_code == 200, answer.text
    identity.here.cookies.clear()
    return answer, {"cookie": f"sid={answer.cookies['sid']}"}


def test_a_sign_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(identity: Identity) -> None:
    """HttpOnly, Secure and SameSite; the CSRF token is readable, as pages repeat it."""
    answer, _ = signed_in(identity, "viewer-1")
    flags = {
        line.partition("=")[0]: {part.strip().lower() for part in line.split(";")[1:]}
        for line in answer.headers.get_list("set-cookie")
    }
    assert flags == {
        "sid": {"httponly", "secure", "samesite=lax", "path=/"},
        "csrf": {"secure", "samesite=strict", "path=/"},
    }


def test_a_session_is_new_at_each_sign_in_and_ends_with_the_sign_out(identity: Identity) -> None:
    """The cookie that the browser came with counts no more; after the sign-out neither region takes the new one."""
    _, first = signed_in(identity, "viewer-1")
    assert identity.there.get("/account", headers=first).json()["name"] == "viewer-1"
    answer, second = signed_in(identity, "viewer-1", cookie=first["cookie"].removeprefix("sid="))
    assert first != second
    assert identity.there.get("/account", headers=first).status_code == 401
    csrf = {"x-csrf-token": answer.json()["csrf"], "origin": ISSUER}
    assert identity.here.post("/logout", headers={**second, **csrf}).status_code == 204
    for region in (identity.here, identity.there):
        assert region.get("/account", headers=second).status_code == 401


@pytest.mark.parametrize(
    ("origin", "token", "status"),
    [
        ("own", "own", 201),
        ("own", "", 403),
        ("own", "another", 403),
        ("https://elsewhere.example", "own", 403),
        ("null", "own", 403),
        ("", "own", 201),
    ],
)
def test_what_changes_something_comes_from_the_platforms_own_pages(
    identity: Identity, origin: str, token: str, status: int
) -> None:
    """With a cookie both the origin and the session's token have to be right; a read needs neither."""
    answer, cookie = signed_in(identity, "editor-1")
    headers = {**cookie, "x-csrf-token": answer.json()["csrf"] if token == "own" else token}
    if origin:
        headers["origin"] = ISSUER if origin == "own" else origin
    assert identity.here.post("/tracks", json={"title": "t", "artist": "a"}, headers=headers).status_code == status
    assert identity.here.get("/account", headers=cookie).status_code == 200


def test_a_session_that_is_not_used_ends(identity: Identity) -> None:
    """As one that has lasted too long does; times are moved in the database, so that no test waits."""
    for aged in (
        b"UPDATE browser_sessions SET seen = now() - interval '16 s' WHERE name = 'viewer-3'",
        b"UPDATE browser_sessions SET ends = now() - interval '1 s' WHERE name = 'viewer-3'",
    ):
        _, cookie = signed_in(identity, "viewer-3")
        assert identity.here.get("/account", headers=cookie).status_code == 200
        with identity.postgres.connected() as connection:
            connection.execute(aged)
        assert identity.here.get("/account", headers=cookie).status_code == 401


def test_an_api_key_opens_what_takes_keys(identity: Identity) -> None:
    """The right one, in both regions; a revoked or unknown one opens nothing, and the right one no other route."""
    keys = identity.credentials.keys

    def status(region: httpx.Client, path: str, key: str) -> int:
        return region.get(path, headers={"x-api-key": key}).status_code

    for region in (identity.here, identity.there):
        statuses = [status(region, "/reports/plays", key) for key in (keys["reporting"], keys["retired"], "x")]
        assert statuses == [200, 401, 401]
        assert status(region, "/tracks", keys["reporting"]) == 401


def test_a_user_signs_up_changes_the_password_and_leaves(identity: Identity) -> None:
    """Passwords against the rules are refused with 422; a change ends the other sessions; who left signs in no more."""
    first, second = "correct horse battery", "another horse battery"

    def log_in(password: str) -> httpx.Response:
        answer = identity.here.post("/login", json={"user": "test-leaver", "password": password})
        identity.here.cookies.clear()
        return answer

    assert identity.here.post("/users", json={"user": "test-leaver", "password": "password1234"}).status_code == 422
    for status in (201, 201):  # the same again, as after a lost answer
        assert identity.here.post("/users", json={"user": "test-leaver", "password": first}).status_code == status
    assert identity.here.post("/users", json={"user": "test-leaver", "password": second}).status_code == 409
    old, new = log_in(first), log_in(first)
    cookie, csrf = f"sid={new.cookies['sid']}", new.json()["csrf"]
    change = {"password": first, "new": second}
    headers = {"cookie": cookie, "x-csrf-token": csrf}
    assert identity.here.post("/password", json={**change, "new": "short"}, headers=headers).status_code == 422
    assert identity.here.post("/password", json={**change, "password": "x"}, headers=headers).status_code == 400
    assert identity.here.post("/password", json=change, headers=headers).status_code == 204
    account = [
        identity.here.get("/account", headers={"cookie": f"sid={each.cookies['sid']}"}).status_code
        for each in (old, new)
    ]
    assert account == [401, 200]
    assert [log_in(password).status_code for password in (first, second)] == [401, 200]
    admin = identity.header("admin-1")
    assert identity.here.delete("/users/test-leaver", headers=admin).status_code == 204
    assert log_in(second).status_code == 401
    assert identity.there.get("/account", headers={"cookie": cookie}).status_code == 401
    assert identity.here.post("/users", json={"user": "test-leaver", "password": first}).status_code == 409


def test_passwords_have_rules(subtests: pytest.Subtests) -> None:
    """Length, the list of common ones, no user's name, and what is too simple."""
    for password, why in [
        ("eleven char", "12 to 128 characters"),
        ("x" * 129, "12 to 128 characters"),
        ("aaaaaaaaaaaa", "different characters"),
        ("123456789012", "digits alone"),
        ("passwordpassword", "a shorter one repeated"),
        ("Password1234", "one of the common ones"),
        ("hello Test-user 1", "user's name"),
        ("correct horse battery", ""),
    ]:
        with subtests.test(password):
            said = objection(password, "test-user")
            assert why in said
            assert bool(why) == bool(said)


def test_the_list_of_common_passwords_is_complete() -> None:
    """As many as zxcvbn 4.5.0 has of 12 characters and more."""
    assert len(common()) == 229
