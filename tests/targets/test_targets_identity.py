"""The sections `identity` and `authorisation`, and the tokens that are got by them."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from harness.errors import ConfigurationError, DriverError
from harness.targets import load_target
from harness.targets.trust import asking
from harness.targets.trust.grants import IdentityTokens, unverified
from harness.targets.trust.provider import discovered, public_keys
from tests.builders.http_servers import Quiet, serving
from tests.builders.identity_provider import CLIENT_SECRET, PASSWORD, TrustedIssuer, identity_provider

FILE = """\
name: shop
environment: staging
entry: https://shop.example.test
identity:
  issuer: {issuer}
  audience: shop
  clients:
    web: {{id: shop-web, secret: {{env: CLIENT_SECRET}}, redirect: "https://shop.example.test/callback"}}
    job: {{id: shop-job, secret: {{env: CLIENT_SECRET}}, scopes: [READ], parameters: {{resource: billing}}}}
  client: web
  users:
    viewer: {{user: test-viewer, password: {{env: PASSWORD_VIEWER}}, objects: {{name: test-viewer, "/orders/{{id}}": 7}}}}
    second: {{user: test-second, password: {{env: PASSWORD_VIEWER}}, role: viewer, scopes: [READ]}}
  tokens: {{expired: {{env: OLD}}, foreign-audience: {{client: job}}}}
  session: {{cookie: sid, sign_in: "POST /login", sign_out: "POST /logout", page: /account, csrf: {{cookie: csrf, header: x-csrf-token}}, lifetime: 15 min}}
  api_keys: {{header: x-api-key, right: {{env: KEY}}, revoked: {{env: OLD_KEY}}}}
authorisation:
  roles: {{viewer: [READ], editor: [READ, WRITE]}}
  operations: {{read: READ, write: WRITE, admin: ADMIN}}
  scopes: {{"DELETE /users/{{name}}": ADMIN}}
  public: ["GET /health"]
  rate: 50/s
"""


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[TrustedIssuer]:
    """A running provider with one user and one client."""
    monkeypatch.setenv("CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("PASSWORD_VIEWER", PASSWORD.replace("{user}", "test-viewer"))
    with identity_provider() as running:
        running.scopes = {"test-viewer": ("READ",), "shop-job": ("READ",)}
        yield running


def credentials(issuer: str, directory: Path, *changes: tuple[str, str]) -> IdentityTokens:
    """Those of a target file for this issuer."""
    text = FILE.format(issuer=issuer)
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong, 1)
    (directory / "target.yaml").write_text(text, encoding="utf-8")
    return IdentityTokens(load_target(directory / "target.yaml"))


def test_the_sections_are_read(tmp_path: Path) -> None:
    """Times and rates in base units; a user's role is its name unless the file gives another."""
    read = credentials("https://id.example.test/", tmp_path)
    authorisation = load_target(tmp_path / "target.yaml").authorisation
    assert read.identity.issuer == "https://id.example.test"
    assert [read.identity.role_of(name) for name in read.identity.users] == ["viewer", "viewer"]
    assert dict(read.identity.users["viewer"].objects) == {"name": "test-viewer", "/orders/{id}": 7}
    assert read.identity.session is not None
    assert (read.identity.session.lifetime_s, read.identity.through) == (900.0, "web")
    assert authorisation is not None
    assert (authorisation.rate, dict(authorisation.scopes)) == (50.0, {"DELETE /users/{name}": "ADMIN"})


def test_a_mistake_in_them_is_explained(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """File, line, key, what is there, what is expected."""
    cases: list[tuple[str, str, str]] = [
        ("client: web", "client: wep", "target.yaml:10: identity.client: the client `wep` is not in `identity.clients`\n  hint: did you mean 'web'?"),
        ("  client: web\n", "", "target.yaml:4: identity: the client through which users sign in is not named\n  hint: write `client: NAME` of `identity.clients`"),
        ("  client: web\n", "  client: job\n  grant: code\n", "target.yaml:9: identity.clients.job: the grant `code` needs a `redirect`\n  hint: write one of its registered redirect addresses"),
        ("  client: web\n", "  client: web\n  grant: sign_in\n", "target.yaml:4: identity: the grant `sign_in` needs the section `sign_in` of the target file\n  hint: write the section `sign_in`, or another `grant`"),
        ("  client: web\n", "  client: web\n  grant: pasword\n", "target.yaml:11: identity.grant: `pasword` is not one of password, code, sign_in\n  hint: did you mean `password`? use one of these words"),
        ("  issuer: https://id.example.test\n", "", "target.yaml:13: identity.tokens: a client's token needs the `issuer`\n  hint: write `issuer: https://…`"),
        ("role: viewer", "role: viewr", "target.yaml:13: identity.users.second.role: the role `viewr` is not in `authorisation.roles`\n  hint: did you mean 'viewer'?"),
        ("expired: {env: OLD}", "expired: {env: OLD, client: job}", "target.yaml:14: identity.tokens.expired: expected exactly one of `client`, `env`, `file`, `command`"),
        ("{client: job}", "{client: jobs}", "target.yaml:14: identity.tokens.foreign-audience.client: the client `jobs` is not in `identity.clients`\n  hint: did you mean 'job'?"),
        ('"DELETE /users/{name}": ADMIN', '"delete /users/{name}": ADMIN', "target.yaml:20: authorisation.scopes.delete /users/{name}: `delete /users/{name}` is not an operation, written like `POST /orders`"),
        ('public: ["GET /health"]', 'public: ["DELETE /users/{name}"]', "target.yaml:21: authorisation.public: `DELETE /users/{name}` is public and in `scopes`\n  hint: remove it from one of them"),
        ("rate: 50/s", "rate: 500/s", "target.yaml:22: authorisation.rate: `500/s` is not a rate above 0/s and at most 200/s"),
        ("password: {env: PASSWORD_VIEWER}", "password: open", "target.yaml:12: identity.users.viewer.password: this must be a mapping\n  hint: write a mapping with the keys env, file, command"),
    ]  # fmt: skip
    for right, wrong, said in cases:
        with subtests.test(right=right, wrong=wrong):
            with pytest.raises(ConfigurationError) as caught:
                credentials("https://id.example.test", tmp_path, (right, wrong))
            assert str(caught.value).replace(f"{tmp_path}/", "") == said


@pytest.mark.parametrize("grant", ["password", "code"])
def test_a_user_signs_in_once(grant: str, issuer: TrustedIssuer, tmp_path: Path) -> None:
    """By the password grant, and through the form with a code and PKCE; the claims are read."""
    found = credentials(issuer.url, tmp_path, ("  client: web\n", f"  client: web\n  grant: {grant}\n"))
    token = found.of_user("viewer")
    assert (token.claims["sub"], token.scopes, token.header["alg"]) == ("test-viewer", frozenset({"READ"}), "ES256")
    assert found.of_user("viewer") is token
    assert issuer.asked.count("/token") == 1
    assert token.access not in repr(token)


def test_a_client_gets_a_token_that_is_refreshed_revoked_and_introspected(
    issuer: TrustedIssuer, tmp_path: Path
) -> None:
    """With its own further parameters; the public keys are read."""
    found = credentials(issuer.url, tmp_path)
    token = found.of_client("job")
    assert token.claims["aud"] == "billing"
    assert found.refreshed(token).access != token.access
    assert found.introspected(token)["active"] is True
    found.revoke(token)
    assert found.introspected(token)["active"] is False
    assert [key["kid"] for key in found.keys] == ["k1"]


@pytest.mark.parametrize("grant", ["password", "code"])
def test_a_wrong_password_is_never_shown(grant: str, issuer: TrustedIssuer, tmp_path: Path) -> None:
    """Although the provider repeats it in its answer."""
    found = credentials(issuer.url, tmp_path, ("  client: web\n", f"  client: web\n  grant: {grant}\n"))
    with pytest.raises(DriverError) as caught:
        found.sign_in("viewer", password="another-secret")
    assert "another-secret" not in f"{caught.value!r} {caught.value}"
    assert ("invalid_grant" if grant == "password" else "asks for the password again") in str(caught.value)


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ({"issuer": "https://id.other.test"}, "names the issuer 'https://id.other.test', expected"),
        ({"issuer": None}, "names the issuer None"),
        ({"token_endpoint": "ftp://id.other.test/token"}, "`token_endpoint` of the discovery document is 'ftp:"),
        ({"token_endpoint": "http://[id/token"}, "`token_endpoint` of the discovery document is 'http://"),
        ({"jwks_uri": None}, "the discovery document has no `jwks_uri`"),
        ({"token_endpoint": "/token"}, "`token_endpoint` of the discovery document is '/token'"),
    ],
)
def test_a_discovery_that_lies_is_refused(
    lies: dict[str, object], said: str, issuer: TrustedIssuer, tmp_path: Path
) -> None:
    """By another issuer, or addresses that are none."""
    issuer.lies = lies
    found = credentials(issuer.url, tmp_path)
    with pytest.raises(DriverError, match=said):
        assert found.keys


def test_an_empty_key_set_and_clocks_ahead_are_refused(issuer: TrustedIssuer, tmp_path: Path) -> None:
    """Each with what was measured."""
    found = credentials(issuer.url, tmp_path)
    issuer.no_keys = True
    with pytest.raises(DriverError, match="the key set has no key"):
        assert found.keys
    issuer.ahead_s = 600
    with pytest.raises(
        DriverError, match=r"the provider's clock is (599|600) s ahead of this machine's, expected at most 60 s"
    ):
        assert credentials(issuer.url, tmp_path).provider
    with pytest.raises(DriverError, match=r"is from the future: `iat` is (599|600) s ahead"):
        found.of_user("viewer")  # it was discovered before the clock changed


def test_what_is_not_json_and_what_is_slow_is_refused(
    issuer: TrustedIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of HTML; a key set that never ends."""
    found = credentials(issuer.url, tmp_path)
    provider = found.provider
    issuer.html = True
    with pytest.raises(
        DriverError, match="the discovery document is not a JSON object: status 200, text/html, 6 bytes"
    ):
        assert credentials(issuer.url, tmp_path).provider

    class Drip(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b" " * 50_000)

    with serving(Drip) as url:
        slow = type(provider)(issuer=provider.issuer, endpoints={"jwks_uri": url}, document={})
        target = load_target(tmp_path / "target.yaml")
        with pytest.raises(DriverError, match="the key set is larger than 1000000 bytes"):
            public_keys(target, slow)
    with pytest.raises(DriverError, match=r"no answer \(ConnectError\)"):
        discovered(target, url)
    assert asking.WITHIN_S == 10.0


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "e30.W10.x", "e30.e30"])
def test_what_is_no_web_token_has_no_claims(token: str) -> None:
    """Opaque tokens are as good as others."""
    assert unverified(token) == ({}, {})
