"""What bad releases of the sandbox leave unchecked: each lets in what the healthy platform refuses, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from readiness_sandbox.releases import load_release
from tests.sandbox.platform.conftest import Services
from tests.sandbox.platform.identity.conftest import provider, until, variables
from tests.sandbox.platform.identity.test_identity_browser import signed_in
from tests.sandbox.platform.identity.test_identity_tokens import claims_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.platform.identity.conftest import Identity

BAD_AUTH, BAD_USER, BAD_TRACK, BAD_GATEWAY, NEXT_AUTH = (f"127.93.38.{n}" for n in range(11, 16))


@pytest.fixture
def bad(identity: Identity, services: Services) -> Iterator[Callable[[str], httpx.Client]]:
    """A client of the gateway of a third region, whose services run a release."""
    clients: list[httpx.Client] = []

    def start(name: str) -> httpx.Client:
        workloads = load_release(name).workloads

        def env(service: str) -> dict[str, str]:
            planted = [workloads[key].env for key in (service, f"ap-southeast-1/{service}") if key in workloads]
            around = {"USER_SERVICE_SERVICE_HOST": BAD_USER, "TRACK_SERVICE_SERVICE_HOST": BAD_TRACK}
            return {**variables(identity.credentials, BAD_AUTH), **around, **(planted[0] if planted else {})}

        services.start("auth", BAD_AUTH, **env("auth-service"), **provider(identity.credentials))
        services.start(
            "user", BAD_USER, **env("user-service"), CLIENT_SECRET=identity.credentials.clients["user-service"]
        )
        services.start("track", BAD_TRACK, **env("track-service"))
        services.start("gateway", BAD_GATEWAY, **env("api-gateway"))
        client = httpx.Client(base_url=f"http://{BAD_GATEWAY}:8080", trust_env=False, timeout=30)
        clients.append(client)
        token = identity.header("editor-1")
        until(lambda: client.patch("/users/editor-1", json={"display": "me"}, headers=token).status_code == 200)
        until(lambda: client.get("/reports/plays", headers=token).status_code == 200)
        return client

    yield start
    for client in clients:
        client.close()


def test_open_matrix_opens_one_route_of_each_kind(bad: Callable[[str], httpx.Client], identity: Identity) -> None:
    """Beside each open route another one of its kind is shut."""
    region = bad("open-matrix")
    viewer, keys = identity.header("viewer-1"), identity.credentials.keys
    _, cookie = signed_in(identity, "editor-1")
    track = {"title": "t", "artist": "a"}
    asked = {
        "no token": region.get("/tracks"),
        "no token elsewhere": region.get("/reports/plays"),
        "a viewer administers": region.get("/admin/users", headers=viewer),
        "a viewer disables": region.put("/admin/users/viewer-2/disabled", json={"disabled": False}, headers=viewer),
        "a viewer changes": region.patch("/users/viewer-1", json={"display": "me"}, headers=viewer),
        "a viewer adds": region.post("/tracks", json=track, headers=viewer),
        "another's settings": region.get("/users/viewer-2/settings", headers=viewer),
        "another's profile": region.patch("/users/viewer-2", json={"display": "me"}, headers=viewer),
        "a page elsewhere": region.post(
            "/tracks", json=track, headers={**cookie, "origin": "https://elsewhere.example"}
        ),
        "a page elsewhere plays": region.post(
            "/tracks/1/plays", headers={**cookie, "origin": "https://elsewhere.example"}
        ),
        "a revoked key": region.get("/reports/plays", headers={"x-api-key": keys["retired"]}),
        "no key": region.get("/reports/plays", headers={"x-api-key": "x"}),
    }
    assert {name: answer.status_code for name, answer in asked.items()} == {
        "no token": 200, "no token elsewhere": 401, "a viewer administers": 200, "a viewer disables": 403, "a viewer changes": 200, "a viewer adds": 403,
        "another's settings": 200, "another's profile": 403, "a page elsewhere": 201, "a page elsewhere plays": 403, "a revoked key": 200, "no key": 401,
    }  # fmt: skip


def test_alg_none_takes_what_has_no_signature(bad: Callable[[str], httpx.Client], identity: Identity) -> None:
    """A token that says so of itself administers; one that is signed with another key is refused."""
    region, claims = bad("alg-none"), claims_of(identity.tokens("admin-1")["access_token"])
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt"})
    assert region.get("/admin/users", headers={"authorization": f"Bearer {unsigned}"}).status_code == 200
    assert identity.here.get("/admin/users", headers={"authorization": f"Bearer {unsigned}"}).status_code == 401
    other = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"typ": "at+jwt"})
    assert region.get("/admin/users", headers={"authorization": f"Bearer {other}"}).status_code == 401


def test_late_revoke_is_one_region(bad: Callable[[str], httpx.Client], identity: Identity) -> None:
    """A token that was revoked counts there when the other regions refuse it."""
    region, given = bad("late-revoke"), identity.tokens("viewer-2")
    token = {"authorization": f"Bearer {given['access_token']}"}
    form = {"token": given["refresh_token"]}
    assert identity.here.post("/oauth/revoke", data=form, auth=identity.basic("normaldance-web")).status_code == 200
    until(lambda: identity.here.get("/tracks", headers=token).status_code == 401)
    assert region.get("/tracks", headers=token).status_code == 200


def test_weak_cookie_is_weak_in_three_ways(bad: Callable[[str], httpx.Client], identity: Identity) -> None:
    """Scripts can read it, it outlives a sign-in, and a sign-out."""
    region = bad("weak-cookie")
    body = {"user": "viewer-1", "password": identity.credentials.passwords["viewer-1"]}
    answer = region.post("/login", json=body, headers={"cookie": "sid=planted"})
    region.cookies.clear()
    assert answer.cookies["sid"] == "planted"
    assert "httponly" not in answer.headers["set-cookie"].lower()
    headers = {"cookie": "sid=planted", "x-csrf-token": answer.json()["csrf"]}
    assert region.post("/logout", headers=headers).status_code == 204
    assert region.get("/account", headers=headers).status_code == 200


@pytest.mark.parametrize(("release", "status"), [("1.0.0", 200), ("forgetful-sessions", 401)])
def test_a_new_pod_of_the_provider_knows_the_sessions_of_the_one_before(
    bad: Callable[[str], httpx.Client], services: Services, identity: Identity, release: str, status: int
) -> None:
    """Those of the bad release were in its memory, and every region refuses them; a session of another region is served."""
    region = bad(release)
    body = {"user": "viewer-1", "password": identity.credentials.passwords["viewer-1"]}
    mine = {"cookie": f"sid={region.post('/login', json=body).cookies['sid']}"}
    region.cookies.clear()
    _, theirs = signed_in(identity, "viewer-1")
    each = (region, identity.there)
    assert [client.get("/account", headers=mine).status_code for client in each] == [200, 200]
    planted = {name: workload.env for name, workload in load_release(release).workloads.items()}
    env = {**variables(identity.credentials, NEXT_AUTH), **planted.get("auth-service", {})}
    services.start("auth", NEXT_AUTH, **env, **provider(identity.credentials))
    assert [client.get("/account", headers=mine).status_code for client in each] == [status, status]
    assert identity.there.get("/account", headers=theirs).status_code == 200


@pytest.mark.parametrize(("release", "status"), [("1.0.0", 503), ("fails-open", 200)])
def test_without_the_provider_a_gateway_is_shut(
    services: Services, identity: Identity, release: str, status: int
) -> None:
    """It lets in no call whose token it cannot check; the bad release lets in everyone. What is public is answered by both."""
    workloads = load_release(release).workloads
    planted = {name: workload.env for name, workload in workloads.items()}
    env = {**variables(identity.credentials, BAD_AUTH), "TRACK_SERVICE_SERVICE_HOST": BAD_TRACK}
    services.start("track", BAD_TRACK, **env, **planted.get("track-service", {}))
    services.start("gateway", BAD_GATEWAY, **env, **planted.get("api-gateway", {}))
    with httpx.Client(base_url=f"http://{BAD_GATEWAY}:8080", trust_env=False, timeout=30) as region:
        right = region.get("/tracks", headers=identity.header("viewer-1"))
        nobodys = region.get("/tracks", headers={"authorization": "Bearer x.y.z"})
        assert (right.status_code, nobodys.status_code) == (status, status)
        assert region.get("/tracks/1").status_code == 200


def test_the_role_of_the_services_is_narrow(identity: Identity) -> None:
    """It reads no password, no role and no key; auth-service's role reads no track."""
    with identity.postgres.connected() as connection:
        asked = """
            SELECT has_table_privilege('normaldance', name, 'SELECT, UPDATE') FROM unnest(ARRAY['accounts', 'api_keys', 'browser_sessions']) AS name
            UNION SELECT has_column_privilege('normaldance', 'users', 'password', 'SELECT')
            UNION SELECT has_table_privilege('identity', 'tracks', 'SELECT')"""
        assert connection.execute(asked).fetchall() == [(False,)]
