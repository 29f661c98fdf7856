"""A client that was not written here signs in at the sandbox's provider: Authlib, by the discovery document alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt as jose
from joserfc.jwk import KeySet

from readiness_sandbox.platform.identity import REDIRECT

authlib = pytest.importorskip("authlib.integrations.httpx_client", reason="Authlib is not installed")

if TYPE_CHECKING:
    from tests.sandbox.platform.identity.conftest import Identity


def discovered(identity: Identity) -> dict[str, Any]:
    """What the provider says of itself."""
    found: dict[str, Any] = identity.here.get("/.well-known/openid-configuration").json()
    return found


def filled_in(identity: Identity, page: httpx.Response, password: str) -> httpx.Response:
    """The answer to the sign-in form of a page, as a browser sends it."""
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action is not None
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form = {**hidden, "username": "editor-3", "password": password}
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(str(page.url)))
    return identity.here.post(action[1], data=form, headers={"origin": origin})


@pytest.mark.parametrize("client", ["normaldance-web", "normaldance-app"])
def test_authlib_signs_in_by_code_and_verifies_the_tokens(identity: Identity, client: str) -> None:
    """With and without a secret: PKCE, state and nonce, both tokens verified by JWKS, userinfo, refresh, revocation and introspection."""
    said = discovered(identity)
    secret = identity.credentials.clients.get(client)
    with authlib.OAuth2Client(
        client, secret, redirect_uri=REDIRECT, scope="openid READ WRITE", code_challenge_method="S256", trust_env=False,
        token_endpoint_auth_method="client_secret_basic" if secret else "none", revocation_endpoint_auth_method="client_secret_post" if secret else "none",
    ) as foreign:  # fmt: skip
        verifier = "a" * 43
        url, state = foreign.create_authorization_url(
            said["authorization_endpoint"], code_verifier=verifier, nonce="n-1"
        )
        page = identity.here.get(url)
        assert filled_in(identity, page, "another password").status_code == 401
        sent = filled_in(identity, page, identity.credentials.passwords["editor-3"])
        assert (sent.status_code, sent.headers["location"].partition("?")[0]) == (303, REDIRECT)
        back = parse_qs(urlsplit(sent.headers["location"]).query)
        assert (back["state"], back["iss"]) == ([state], [said["issuer"]])
        token = foreign.fetch_token(
            said["token_endpoint"], authorization_response=sent.headers["location"], code_verifier=verifier
        )
        keys = KeySet.import_key_set(httpx.get(said["jwks_uri"], trust_env=False).json())
        expected = {"id_token": (client, "n-1"), "access_token": ("normaldance", None)}
        for name, (audience, nonce) in expected.items():
            claims = jose.decode(token[name], keys, algorithms=said["id_token_signing_alg_values_supported"]).claims
            jose.JWTClaimsRegistry(
                iss={"essential": True, "value": said["issuer"]},
                aud={"essential": True, "value": audience},
                exp={"essential": True},
            ).validate(claims)
            assert (claims["sub"], claims.get("nonce")) == ("editor-3", nonce)
        assert foreign.get(said["userinfo_endpoint"]).json() == {"sub": "editor-3"}
        renewed = foreign.refresh_token(said["token_endpoint"])
        assert renewed["refresh_token"] != token["refresh_token"]
        assert (
            foreign.revoke_token(
                said["revocation_endpoint"], token=renewed["refresh_token"], token_type_hint="refresh_token"
            ).status_code
            == 200
        )
    asked = {"token": renewed["access_token"]}
    told = identity.here.post(said["introspection_endpoint"], data=asked, auth=identity.basic("normaldance-web"))
    assert told.json() == {"active": False}


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"redirect_uri": "https://elsewhere.example/"}, 400, ""),
        ({"client_id": "nobody"}, 400, ""),
        ({"response_type": "token"}, 303, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, 303, "invalid_request"),
        ({"code_challenge": ""}, 303, "invalid_request"),
        ({"scope": "EVERYTHING"}, 303, "invalid_scope"),
    ],
)
def test_a_wrong_request_gets_no_form(identity: Identity, wrong: dict[str, str], status: int, error: str) -> None:
    """The client is sent the error; where it is not known who the client is, the browser is sent nowhere."""
    right = {
        "response_type": "code", "client_id": "normaldance-web", "redirect_uri": REDIRECT, "scope": "openid READ",
        "code_challenge": "x" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    assert identity.here.get("/oauth/authorize", params=right).status_code == 200
    answer = identity.here.get("/oauth/authorize", params={**right, **wrong})
    assert answer.status_code == status
    assert (f"error={error}&" in answer.headers.get("location", "")) == bool(error)


def test_a_code_is_used_once_with_its_verifier(identity: Identity) -> None:
    """Another verifier gets nothing; a second use ends what the first one began."""
    authorization = discovered(identity)["authorization_endpoint"]
    with authlib.OAuth2Client(
        "normaldance-web", redirect_uri=REDIRECT, scope="openid READ", code_challenge_method="S256", trust_env=False
    ) as foreign:

        def code() -> str:
            url, _ = foreign.create_authorization_url(authorization, code_verifier="v" * 43)
            sent = filled_in(identity, identity.here.get(url), identity.credentials.passwords["editor-3"])
            return parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]

        def tokens(code: str, verifier: str) -> httpx.Response:
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
            form["code_verifier"] = verifier
            return identity.here.post("/oauth/token", data=form, auth=identity.basic("normaldance-web"))

        assert tokens(code(), "w" * 43).json()["error"] == "invalid_grant"
        once = code()
        first = tokens(once, "v" * 43)
        assert first.status_code == 200
        assert tokens(once, "v" * 43).json()["error"] == "invalid_grant"
        asked = {"token": first.json()["access_token"]}
        told = identity.here.post("/oauth/introspect", data=asked, auth=identity.basic("normaldance-web"))
        assert told.json() == {"active": False}
