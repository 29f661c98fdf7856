"""A small shop of tests that checks access tokens, scopes, owners and API keys, and can be told to leave a check out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
import pytest
import yaml
from jwt.algorithms import ECAlgorithm

from harness.targets import Target, load_target
from tests.builders.http_servers import Quiet, serving
from tests.builders.identity_provider import CLIENT_SECRET, PASSWORD, TrustedIssuer, identity_provider

ORDERS = {1: "test-viewer", 2: "test-second", 3: "test-editor"}
KEY, OLD_KEY = "the-right-api-key", "the-revoked-api-key"
SCOPES = {
    "viewer": ("READ",),
    "second": ("READ",),
    "editor": ("READ", "WRITE"),
    "writer": ("READ", "WRITE"),
    "admin": ("READ", "WRITE", "ADMIN"),
}


@dataclass
class GuardedShop:
    """Its state, and which checks it leaves out.

    Attributes:
        issuer: its provider.
        others: a provider that it does not trust.
        open: what is not checked: `token`, `signature`, `alg`, `expiry`, `issuer`, `audience`, `revoked`, `scope`, `owner`, `key`,
            `origin`, `origins-end`, for the operation in `at`, or for every one; `cookie`: no operation takes cookies; `account`: no session
            is valid; `sessions`: a token begins a session, whose cookie goes before a token.
        at: operation that leaves it out; empty: every one.
        answers: status that every operation answers with; None: none.
        ended: users without a session, since a page of another origin has called, where `open` is `ends`.
        denies: status for the order of another user.
        lost: status of the next answer of an operation, which is carried out.
        cached: answers by path, where `open` is `cache`: everybody gets them.
        orders: owner by id.
        paths: paths that were requested, in order.
        asked: operations that were called, in order.
    """

    issuer: TrustedIssuer
    others: TrustedIssuer
    url: str = ""
    open: str = ""
    at: str = ""
    answers: int | None = None
    ended: set[str] = field(default_factory=set)
    denies: int = 404
    cached: dict[str, bytes] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    orders: dict[int, str] = field(default_factory=lambda: {**ORDERS})
    paths: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def leaves_out(self, check: str, name: str) -> bool:
        """Whether a check is left out for an operation."""
        return self.open == check and self.at in {"", name}


OPERATIONS: dict[str, tuple[str, list[str]]] = {
    "GET /health": ("", []),
    "GET /orders": ("token", ["READ"]),
    "POST /orders": ("token", ["WRITE"]),
    "GET /orders/{id}": ("token", ["READ"]),
    "DELETE /orders/{id}": ("token", ["WRITE"]),
    "GET /users": ("token", ["ADMIN"]),
    "GET /report": ("key", []),
}
"""Kind of credential and scopes of each operation."""


def description() -> dict[str, Any]:
    """The OpenAPI document of the shop."""
    paths: dict[str, dict[str, Any]] = {}
    for name, (kind, scopes) in OPERATIONS.items():
        method, path = name.split()
        security = {"": [], "token": [{"oauth": scopes}], "key": [{"key": []}]}[kind]
        one: dict[str, Any] = {"security": security, "responses": {"200": {"description": "ok"}}}
        if "{id}" in path:
            one["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
        if method == "POST":
            schema = {"type": "object", "required": ["item"], "properties": {"item": {"type": "integer"}}}
            one["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths.setdefault(path, {})[method.lower()] = one
    schemes = {"oauth": {"type": "oauth2", "flows": {}}, "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}}
    return {"openapi": "3.1.0", "info": {}, "paths": paths, "components": {"securitySchemes": schemes}}


FILE = """\
name: shop
environment: staging
entry: {entry}
api: {{description: openapi.json}}
may_write: [{{users: "test-*"}}, {{operations: "POST /orders"}}, {{operations: "DELETE /orders/*"}}]
identity:
  issuer: {issuer}
  audience: shop
  clients:
    web: {{id: shop-web, secret: {{env: CLIENT_SECRET}}}}
    billing: {{id: shop-job, secret: {{env: CLIENT_SECRET}}, parameters: {{resource: billing}}}}
  client: web
  users:
    viewer: {{user: test-viewer, password: {{env: PASSWORD_viewer}}, objects: {{id: 1}}}}
    second: {{user: test-second, password: {{env: PASSWORD_second}}, role: viewer, objects: {{id: 2}}}}
    editor: {{user: test-editor, password: {{env: PASSWORD_editor}}, objects: {{id: 3}}}}
    writer: {{user: test-writer, password: {{env: PASSWORD_writer}}, role: editor}}
    admin: {{user: test-admin, password: {{env: PASSWORD_admin}}}}
  tokens: {{expired: {{env: EXPIRED}}, foreign-audience: {{client: billing}}, foreign-issuer: {{env: FOREIGN}}}}
  session: {{cookie: sid, sign_in: POST /login, page: /account, csrf: {{cookie: csrf, header: x-csrf-token}}}}
  api_keys: {{header: X-Api-Key, right: {{env: KEY}}, revoked: {{env: OLD_KEY}}}}
authorisation:
  roles: {{viewer: [READ], editor: [READ, WRITE], admin: [READ, WRITE, ADMIN]}}
  operations: {{read: READ, write: WRITE, admin: ADMIN}}
"""


@contextmanager
def guarded_shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    """A running shop with its provider, another one, and a new undo log; the credentials of the target file are in the environment."""
    with identity_provider() as issuer, identity_provider() as others, TemporaryDirectory() as state:
        monkeypatch.setenv("READINESS_STATE", state)
        shop = GuardedShop(issuer=issuer, others=others)
        for name, scopes in SCOPES.items():
            monkeypatch.setenv(f"PASSWORD_{name}", PASSWORD.replace("{user}", f"test-{name}"))
            issuer.scopes[f"test-{name}"] = scopes
        monkeypatch.setenv("CLIENT_SECRET", CLIENT_SECRET)
        monkeypatch.setenv("KEY", KEY)
        monkeypatch.setenv("OLD_KEY", OLD_KEY)
        issuer.scopes["shop-job"] = ("READ", "WRITE", "ADMIN")
        old = issuer.token("test-viewer", "READ WRITE ADMIN", iat=1_700_000_000, exp=1_700_000_600)
        monkeypatch.setenv("EXPIRED", old)
        monkeypatch.setenv("FOREIGN", others.token("test-admin", "READ WRITE ADMIN"))

        class Handler(Quiet, _ShopsHandler):
            of = shop

        with serving(Handler) as url:
            shop.url = url
            yield shop


@contextmanager
def region_of(shop: GuardedShop, *, leaves_out: str) -> Iterator[str]:
    """The entry of a region with the shop's users and orders, which leaves a check out."""

    class Handler(Quiet, _ShopsHandler):
        of = replace(shop, open=leaves_out)

    with serving(Handler) as url:
        yield url


def target_of(shop: GuardedShop, directory: Path, *changes: tuple[str, str], document: Any = None) -> Target:
    """The target of a file for the shop, with texts that are replaced, and another description than its own."""
    text = FILE.format(entry=shop.url, issuer=shop.issuer.url)
    for right, other in changes:
        assert right in text, right
        text = text.replace(right, other, 1)
    (directory / "target.yaml").write_text(text, encoding="utf-8")
    (directory / "openapi.json").write_text(
        document if isinstance(document, str) else json.dumps(document or description()), encoding="utf-8"
    )
    assert yaml.safe_load(text)
    return load_target(directory / "target.yaml")


class _ShopsHandler(BaseHTTPRequestHandler):
    of: GuardedShop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        first, _, last = self.path.partition("?")[0].lstrip("/").partition("/")
        name = f"{method} /{first}" + (("/{id}" if last.isdecimal() else f"/{last}") if last else "")
        if name in {"POST /login", "GET /account", "GET /login"}:
            self._session(name, body)
            return
        self.of.asked.append(name)
        self.of.paths.append(self.path)
        if name not in OPERATIONS:
            self._send(404)
        elif self.of.answers is not None:
            self._send(self.of.answers)
        elif self.path in self.of.cached:
            self._send(200)
        elif status := self._refused(name, last):
            self._send(status)
        else:
            self.status = self.of.lost.pop(name, 0)
            self._serve(name, last, body)

    def _session(self, name: str, body: bytes) -> None:
        cookies = SimpleCookie(self.headers.get("cookie", ""))
        user = cookies["sid"].value.removeprefix("of-") if "sid" in cookies else ""
        if name == "GET /account":
            self._send(200 if user and self.of.open != "account" and user not in self.of.ended else 401)
        elif name == "POST /login":
            user = json.loads(body)["user"]
            self.of.ended.discard(user)
            self._send(200, {"user": user}, cookies=(f"sid=of-{user}; HttpOnly", "csrf=a-token-of-a-page"))
        else:
            self._send(200)

    def _by_page(self, name: str) -> dict[str, Any] | int:
        """The claims of the session's user, or the status of the refusal."""
        cookies = SimpleCookie(self.headers.get("cookie", ""))
        if "sid" not in cookies or self.of.open in {"cookie", "account"}:
            return 401
        origin, off = self.headers.get("origin", ""), self.of.leaves_out
        own = f"http://{self.headers['host']}"
        begins = off("origins-end", name) and origin.startswith(own.rpartition(":")[0])
        proven = origin == own and self.headers.get("x-csrf-token") == cookies["csrf"].value
        user = cookies["sid"].value.removeprefix("of-")
        if user in self.of.ended:
            return 401
        if not proven and not begins and not off("origin", name):
            self.of.ended |= {user} if self.of.open == "ends" else set()
            return 403
        return {"sub": user, "scope": " ".join(self.of.issuer.scopes[user])}

    def _refused(self, name: str, last: str) -> int:
        """The status of the refusal; 0: the call is let in."""
        kind, scopes = OPERATIONS[name]
        if not kind or self.of.leaves_out("token", name):
            return 0
        if kind == "key":
            right = {KEY, OLD_KEY} if self.of.leaves_out("key", name) else {KEY}
            return 0 if self.headers.get("x-api-key") in right else 401
        began = SimpleCookie(self.headers.get("cookie", "")).get("began") if self.of.open == "sessions" else None
        claims = self._claims(name) if self.headers.get("authorization") else self._by_page(name)
        if began is not None:
            claims = {"sub": began.value, "scope": " ".join(self.of.issuer.scopes[began.value])}
        if claims is None or isinstance(claims, int):
            return claims or 401
        self.user = claims["sub"]
        if not {*scopes} <= {*claims["scope"].split()} and not self.of.leaves_out("scope", name):
            return 403
        owner = self.of.orders.get(int(last)) if last else None
        if owner not in {None, self.user} and "ADMIN" not in claims["scope"] and not self.of.leaves_out("owner", name):
            return self.of.denies
        return 0

    def _claims(self, name: str) -> dict[str, Any] | None:
        """The claims of a right token; None: it is not right."""
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        off, issuer = self.of.leaves_out, self.of.issuer
        options = {"verify_exp": not off("expiry", name), "verify_aud": not off("audience", name)}
        try:
            header = jwt.get_unverified_header(token)
            unsigned = off("alg", name) and str(header.get("alg")).lower() == "none"
            if off("signature", name) or unsigned:
                options["verify_signature"] = False
            keys = issuer.key_set["keys"]
            if off("issuer", name):
                own = jwt.decode(token, options={"verify_signature": False}).get("iss") == issuer.url
                keys = keys if own else self.of.others.key_set["keys"]
            key = ECAlgorithm.from_jwk(keys[0])
            found: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience="shop", options=options)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            return None
        revoked = found.get("jti") in issuer.revoked and not off("revoked", name)
        return None if revoked else found

    def _serve(self, name: str, last: str, body: bytes) -> None:
        orders = self.of.orders
        if name == "POST /orders":
            if not isinstance(json.loads(body).get("item"), int):
                self._send(422)
                return
            number = max(orders, default=0) + 1
            orders[number] = getattr(self, "user", "nobody")
            self._send(201, {"id": number})
        elif last and int(last) not in orders:
            self._send(404)
        elif name == "DELETE /orders/{id}":
            del orders[int(last)]
            self._send(204)
        else:
            self._send(200, {"orders": len(orders)})

    def _send(self, status: int, body: Any = None, cookies: tuple[str, ...] = ()) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response_only(getattr(self, "status", 0) or status)
        if self.of.open == "cache" and status == 200:
            self.of.cached[self.path] = content
        self.status = 0
        self.send_header("Content-Length", str(len(content)))
        if self.of.open == "sessions" and hasattr(self, "user"):
            cookies = (*cookies, f"began={self.user}")
        for one in cookies:
            self.send_header("Set-Cookie", one)
        self.end_headers()
        self.wfile.write(content)
