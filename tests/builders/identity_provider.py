"""A small OpenID provider of tests, which signs real tokens and can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from harness import clock
from tests.builders.http_servers import Quiet, serving

CLIENT_SECRET = "secret of a client & co"
PASSWORD = "open sesame of {user}"


@dataclass
class TrustedIssuer:
    """Its state, and how it misbehaves.

    Attributes:
        scopes: granted scopes by user or client.
        lies: keys of the discovery document that are replaced; None removes a key.
        ahead_s: by how much its clock is ahead.
        no_keys: whether its key set is empty.
        html: whether it answers with HTML.
        revoked: ids of tokens that were revoked.
        asked: paths that were requested.
    """

    url: str = ""
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    ahead_s: float = 0.0
    no_keys: bool = False
    html: bool = False
    lifetime_s: float = 600.0
    revoked: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def key_set(self) -> dict[str, Any]:
        """Its public keys."""
        public = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [] if self.no_keys else [{**public, "kid": "k1", "alg": "ES256", "use": "sig"}]}

    def document(self) -> dict[str, Any]:
        """The discovery document."""
        names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        names |= {"revocation_endpoint": "/revoke", "introspection_endpoint": "/introspect"}
        found = {"issuer": self.url, **{name: self.url + path for name, path in names.items()}, **self.lies}
        return {name: value for name, value in found.items() if value is not None}

    def token(self, subject: str, scope: str, **claims: Any) -> str:
        """A signed access token; `claims` replace its own."""
        now = clock.wall().timestamp() + self.ahead_s
        body: dict[str, Any] = {
            "iss": self.url,
            "aud": "shop",
            "sub": subject,
            "scope": scope,
            "jti": secrets.token_hex(8),
        }
        body |= {"iat": int(now), "exp": now + self.lifetime_s, **claims}
        return jwt.encode(body, self.key, algorithm="ES256", headers={"kid": "k1"})


@contextmanager
def identity_provider() -> Iterator[TrustedIssuer]:
    """A running provider."""
    issuer = TrustedIssuer()

    class Handler(Quiet, _ProviderHandler):
        of = issuer

    with serving(Handler) as url:
        issuer.url = url
        yield issuer


class _ProviderHandler(BaseHTTPRequestHandler):
    of: TrustedIssuer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.of.asked.append(path)
        if self.of.html:
            self._send(200, b"<html>", kind="text/html")
        elif path == "/.well-known/openid-configuration":
            self._send(200, self.of.document())
        elif path == "/jwks":
            self._send(200, self.of.key_set)
        elif path == "/auth":
            self._send(303, b"", location=f"/login?{query}", set_cookie="step=1; Path=/login")
        elif path == "/login":
            fields = "".join(f'<input type=hidden name="{k}" value="{v}">' for k, v in parse_qsl(query))
            form = f'<form method="post" action="/login">{fields}<input name=login><input type=password name=pw></form>'
            self._send(200, form.encode(), kind="text/html")
        else:
            self._send(404, {})

    def do_POST(self) -> None:
        self.of.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if self.path == "/login":
            self._log_in(form)
        elif self._client(form) is None:
            self._send(401, {"error": "invalid_client", "error_description": body})
        elif self.path == "/token":
            self._token(form, self._client(form) or "")
        elif self.path == "/revoke":
            self.of.revoked.add(_id(form["token"]))
            self._send(200, b"")
        elif self.path == "/introspect":
            self._send(200, {"active": _id(form["token"]) not in self.of.revoked})
        else:
            self._send(404, {})

    def _log_in(self, form: Mapping[str, str]) -> None:
        if form.get("pw") != PASSWORD.replace("{user}", form["login"]) or "step=1" not in self.headers.get(
            "cookie", ""
        ):
            self._send(
                200, b"<form method=post><input name=login><input type=password name=pw></form>", kind="text/html"
            )
            return
        code = secrets.token_hex(8)
        self.of.codes[code] = form
        query = urlencode({"code": code, "state": form["state"], "iss": self.of.url})
        self._send(303, b"", location=f"{form['redirect_uri']}?{query}")

    def _token(self, form: Mapping[str, str], client: str) -> None:
        grant, user = form["grant_type"], form.get("username", client)
        if grant == "authorization_code":
            asked = self.of.codes.pop(form["code"], None)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
                self._send(400, {"error": "invalid_grant"})
                return
            user = asked["login"]
        elif grant == "refresh_token":
            user = form["refresh_token"].removeprefix("refresh-")
        elif grant == "password" and form["password"] != PASSWORD.replace("{user}", user):
            self._send(400, {"error": "invalid_grant", "error_description": form["password"]})
            return
        audience = form.get("resource", "shop")
        allowed, wanted = self.of.scopes.get(user, ()), form.get("scope", "").split()
        granted = [one for one in allowed if grant != "password" or not {*allowed} & {*wanted} or one in wanted]
        token = self.of.token(user, " ".join(granted), aud=audience)
        self._send(200, {"access_token": token, "token_type": "Bearer", "refresh_token": f"refresh-{user}"})

    def _client(self, form: Mapping[str, str]) -> str | None:
        given = self.headers.get("authorization", "").removeprefix("Basic ")
        if not given:
            return form.get("client_id") if form.get("client_id") == "public" else None
        name, _, secret = base64.b64decode(given).decode().partition(":")
        return unquote(name) if unquote(secret) == CLIENT_SECRET else None

    def _send(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("Date", formatdate(clock.wall().timestamp() + self.of.ahead_s, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


def _id(token: str) -> str:
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("jti"))
    except jwt.InvalidTokenError:
        return token
