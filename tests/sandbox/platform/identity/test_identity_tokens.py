"""Tokens of the sandbox's provider: who gets them, what they are for, and when they count no more."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sandbox.platform.identity.conftest import TRACK, until

if TYPE_CHECKING:
    from tests.sandbox.platform.identity.conftest import Identity


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed_with(secret: str, head: dict[str, str], claims: dict[str, Any]) -> str:
    """A token by HMAC, made by hand: libraries refuse to take a public key for a secret."""
    parts = ({"alg": "HS256", **head}, claims)
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    mark = hmac.digest(secret.encode(), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def status(identity: Identity, token: str) -> int:
    """How a protected read answers this token."""
    return identity.here.get("/tracks", headers={"authorization": f"Bearer {token}"}).status_code


def test_todays_users_sign_in_and_play_as_before(identity: Identity) -> None:
    """POST /sessions hands out a token of the provider, by which a listener adds and plays a track."""
    signed_in = identity.here.post("/sessions", json={"user": "listener-1", "password": "listen-listener-1"})
    assert signed_in.status_code == 201
    token = {"authorization": f"Bearer {signed_in.json()['token']}"}
    created = identity.there.post("/tracks", json={"title": "t", "artist": "a"}, headers=token)
    assert created.status_code == 201
    assert identity.here.post(f"/tracks/{created.json()['id']}/plays", headers=token).status_code == 201
    refused = identity.here.post("/sessions", json={"user": "listener-1", "password": "listen-listener-2"})
    assert (refused.status_code, refused.json()["error"]) == (401, "no such user, or another password")


def test_a_token_says_who_for_what_and_how_long(identity: Identity) -> None:
    """The claims of RFC 9068, with the scopes and roles of the user, who asked for more."""
    given = identity.tokens("editor-1", scope="openid READ WRITE ADMIN")
    claims = claims_of(given["access_token"])
    assert {key: claims[key] for key in ("iss", "sub", "aud", "client_id", "scope", "roles")} == {
        "iss": identity.credentials.issuer,
        "sub": "editor-1",
        "aud": "normaldance",
        "client_id": "normaldance-web",
        "scope": "READ WRITE openid",
        "roles": ["editor"],
    }
    assert (claims["exp"] - claims["iat"], given["expires_in"]) == (900, 900)
    assert jwt.get_unverified_header(given["access_token"])["typ"] == "at+jwt"
    assert claims_of(given["id_token"])["aud"] == "normaldance-web"


def test_roles_decide(identity: Identity, subtests: pytest.Subtests) -> None:
    """By scope, and by whose object it is; the same in another region; without a token 401."""
    body = {"title": "t", "artist": "a", "display": "me"}
    for user, method, path, answer in [
        ("viewer-1", "GET", "/tracks", 200),
        ("viewer-1", "POST", "/tracks", 403),
        ("viewer-1", "GET", "/admin/users", 403),
        ("editor-1", "POST", "/tracks", 201),
        ("editor-1", "GET", "/admin/users", 403),
        ("admin-1", "GET", "/admin/users", 200),
        ("editor-1", "GET", "/users/editor-1/settings", 200),
        ("editor-1", "GET", "/users/editor-2/settings", 403),
        ("admin-1", "GET", "/users/editor-2/settings", 200),
        ("viewer-1", "PATCH", "/users/viewer-1", 403),
        ("editor-1", "PATCH", "/users/editor-1", 200),
        ("editor-1", "PATCH", "/users/editor-2", 403),
        ("editor-1", "DELETE", "/users/editor-2", 403),
        ("viewer-1", "GET", "/reports/plays", 200),
    ]:
        with subtests.test(user=user, method=method, path=path):
            for region in (identity.here, identity.there):
                allowed = region.request(method, path, json=body, headers=identity.header(user))
                refused = region.request(method, path, json=body)
                assert (allowed.status_code, refused.status_code) == (answer, 401)
                assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_track_is_changed_and_deleted_by_its_owner_or_an_administrator(identity: Identity) -> None:
    """Others get 403, and 404 where there is no such track."""
    owner, other, admin = (identity.header(user) for user in ("editor-1", "editor-2", "admin-1"))
    track = identity.here.post("/tracks", json={"title": "mine", "artist": "a"}, headers=owner).json()["id"]
    path = f"/tracks/{track}"
    assert identity.here.patch(path, json={"title": "x"}, headers=other).status_code == 403
    assert identity.here.patch(path, json={"title": "ours"}, headers=owner).json()["title"] == "ours"
    assert identity.here.delete(path, headers=other).status_code == 403
    assert identity.here.delete(path, headers=admin).status_code == 204
    assert identity.here.delete(path, headers=owner).status_code == 404


def test_forged_tokens_are_refused(identity: Identity) -> None:
    """Unsigned, signed with another key, with the public key as a secret, altered, expired, for others, of others, of another kind; the right one is let in."""
    given = identity.tokens("viewer-1", scope="openid READ")
    right = given["access_token"]
    head, claims = jwt.get_unverified_header(right), claims_of(right)
    own_key = ec.generate_private_key(ec.SECP256R1())
    public = json.dumps(identity.here.get("/oauth/jwks").json()["keys"][0])
    altered = jwt.encode({**claims, "scope": "ADMIN"}, own_key, algorithm="ES256").split(".")[1]
    first, _, last = right.split(".")
    forged = {
        "unsigned": jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt", "kid": head["kid"]}),
        "foreign key": jwt.encode(claims, own_key, algorithm="ES256", headers=head),
        "public key as secret": signed_with(public, {"typ": "at+jwt", "kid": head["kid"]}, claims),
        "altered": f"{first}.{altered}.{last}",
        "expired": identity.tokens("viewer-1", client="normaldance-late")["access_token"],
        "foreign audience": identity.tokens("viewer-1", client="normaldance-elsewhere")["access_token"],
        "ID token": given["id_token"],
        "refresh token": given["refresh_token"],
        "nonsense": "x",
    }
    assert {name: status(identity, token) for name, token in forged.items()} == dict.fromkeys(forged, 401)
    assert status(identity, right) == 200


def test_services_check_tokens_themselves(identity: Identity) -> None:
    """Past the gateway: a service refuses what the gateway would, and whose object it is."""
    track = f"http://{TRACK}:8080"
    unsigned = jwt.encode(
        claims_of(identity.tokens("admin-1")["access_token"]), "", algorithm="none", headers={"typ": "at+jwt"}
    )
    body, of_nobody = {"title": "t", "artist": "a"}, {"authorization": f"Bearer {unsigned}"}
    for header, status in (({}, 401), (of_nobody, 401), (identity.header("viewer-1"), 403)):
        assert identity.here.post(f"{track}/tracks", json=body, headers=header).status_code == status


def test_a_refresh_token_is_used_once(identity: Identity) -> None:
    """The second use ends the session: neither the new refresh token nor any access token of it counts any longer."""
    given = identity.tokens("viewer-2")

    def refreshed(token: str, **headers: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return identity.here.post("/oauth/token", data=form, auth=identity.basic("normaldance-web"), headers=headers)

    again = {"idempotency-key": "the same request"}
    first, second = (refreshed(given["refresh_token"], **again) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert status(identity, first.json()["access_token"]) == 200
    assert refreshed(given["refresh_token"]).json()["error"] == "invalid_grant"
    assert refreshed(second.json()["refresh_token"]).json()["error"] == "invalid_grant"
    until(lambda: status(identity, first.json()["access_token"]) == 401)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token"])
def test_a_revoked_token_counts_nowhere(identity: Identity, hint: str) -> None:
    """RFC 7009 and 7662: 200 also for what is not known; introspection says it at once, both regions refuse it soon; another client revokes nothing."""
    given = identity.tokens("viewer-2")
    secret = identity.basic("normaldance-web")

    def active() -> bool:
        asked = identity.there.post("/oauth/introspect", data={"token": given[hint]}, auth=secret)
        return bool(asked.json()["active"])

    for token, client in ((given[hint], "normaldance-job"), ("unknown", "normaldance-web")):
        assert (
            identity.here.post("/oauth/revoke", data={"token": token}, auth=identity.basic(client)).status_code == 200
        )
    assert active()
    assert identity.here.post("/oauth/revoke", data={"token": given[hint]}, auth=secret).status_code == 200
    assert not active()
    header = {"authorization": f"Bearer {given['access_token']}"}
    for region in (identity.here, identity.there):
        until(lambda region=region: region.get("/tracks", headers=header).status_code == 401)


WRONG = {"grant_type": "password", "username": "viewer-1", "password": "x"}


@pytest.mark.parametrize(
    ("form", "client", "answer", "error"),
    [
        (WRONG, "normaldance-web", 400, "invalid_grant"),
        (WRONG, "normaldance-job", 400, "unauthorized_client"),
        ({"grant_type": "implicit"}, "normaldance-web", 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "ADMIN"}, "normaldance-job", 400, "invalid_scope"),
        ({"grant_type": "authorization_code", "code": "x"}, "normaldance-web", 400, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "", 401, "invalid_client"),
    ],
)
def test_the_token_endpoint_says_what_is_wrong(
    identity: Identity, form: dict[str, str], client: str, answer: int, error: str
) -> None:
    """Errors of RFC 6749 5.2, and no cache keeps them."""
    secret = identity.basic(client) if client else ("normaldance-web", "another secret")
    given = identity.here.post("/oauth/token", data=form, auth=secret)
    assert (given.status_code, given.json()["error"]) == (answer, error)
    assert given.headers["cache-control"] == "no-store"


def test_a_machine_gets_a_token_of_its_own(identity: Identity) -> None:
    """By its credentials, with its scopes and no refresh token."""
    given = identity.here.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=identity.basic("normaldance-job")
    ).json()
    assert (given["scope"], "refresh_token" in given) == ("READ", False)
    assert claims_of(given["access_token"])["sub"] == "client:normaldance-job"
    assert status(identity, given["access_token"]) == 200


def test_roles_are_taken_away_and_given_back(identity: Identity) -> None:
    """In both regions, for a token that was given before; a disabled user's token counts no more, also later, and no new one is given."""
    admin, token = identity.header("admin-1"), identity.header("admin-2")

    def change(path: str, **body: object) -> None:
        assert identity.here.put(f"/admin/users/admin-2/{path}", json=body, headers=admin).status_code == 200

    def answers(expected: int) -> None:
        for region in (identity.here, identity.there):
            until(lambda region=region: region.get("/admin/users", headers=token).status_code == expected)

    answers(200)
    change("roles", roles=["viewer"])
    answers(403)
    change("roles", roles=["admin"])
    answers(200)
    change("disabled", disabled=True)
    answers(401)
    form = {"grant_type": "password", "username": "admin-2", "password": identity.credentials.passwords["admin-2"]}
    refused = identity.here.post("/oauth/token", data=form, auth=identity.basic("normaldance-web"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    change("disabled", disabled=False)
    until(lambda: status(identity, identity.tokens("admin-2")["access_token"]) == 200)
    answers(401)
