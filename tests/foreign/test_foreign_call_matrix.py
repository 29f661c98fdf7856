"""The call matrix on services with JWT middlewares of others, and on an OpenID provider of others; each is skipped where it is not installed.

`npm install --prefix DIRECTORY express express-oauth2-jwt-bearer oidc-provider` with `NODE_PATH=DIRECTORY/node_modules`, and `FOREIGN_PYTHON`, an
interpreter with fastapi, uvicorn and pyjwt[crypto].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from harness.drivers.check.calls.matrix.refused import NOUNS, refused_calls
from harness.drivers.check.calls.matrix.roles import role_matrix
from harness.drivers.facts import FactReading
from harness.targets import Target, load_target
from tests.builders.foreign_trust import need_modules
from tests.builders.guarded_shop import OPERATIONS, description
from tests.foreign.services import APPS, ForeignService, programs, started

AUDIENCE: Final = "https://shop.example.test"
PYTHON: Final = os.environ.get("FOREIGN_PYTHON", sys.executable)
SERVICES: Final = {"fastapi": "fastapi_jwt.py", "express": "express_jwt.js"}
FILE: Final = """\
name: shop
environment: staging
entry: {entry}
api: {{description: openapi.json}}
may_write: [{{operations: "* /orders*"}}]
identity:
  issuer: {issuer}
  audience: {audience}
  grant: code
  clients:
    web: {{id: web, secret: {{env: CLIENT_SECRET}}, redirect: "http://127.0.0.1:9/callback"}}
    late: {{id: late, secret: {{env: CLIENT_SECRET}}, scopes: [READ, WRITE, ADMIN]}}
    billing: {{id: job, secret: {{env: CLIENT_SECRET}}, scopes: [READ, WRITE, ADMIN], parameters: {{resource: "https://billing.example.test"}}}}
  client: web
  users:
    viewer: {{user: test-viewer, password: {{env: PASSWORD}}, objects: {{id: 1}}}}
    second: {{user: test-second, password: {{env: PASSWORD}}, role: viewer, objects: {{id: 2}}}}
    editor: {{user: test-editor, password: {{env: PASSWORD}}}}
    writer: {{user: test-writer, password: {{env: PASSWORD}}, role: editor}}
    admin: {{user: test-admin, password: {{env: PASSWORD}}}}
  tokens: {{expired: {{client: late}}, foreign-audience: {{client: billing}}, foreign-issuer: {{env: FOREIGN}}}}
authorisation:
  roles: {{viewer: [READ], editor: [READ, WRITE], admin: [READ, WRITE, ADMIN]}}
  operations: {{read: READ, write: WRITE, admin: ADMIN}}
  public: ["GET /health"]
"""


def provider_of() -> ForeignService:
    """oidc-provider."""
    return ForeignService(about="an OpenID provider", command=("{node}", str(APPS / "oidc_provider.js"), "{port}"))


@contextmanager
def foreign(kind: str, spoilt: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A service with its provider, and another provider that it does not trust."""
    need_modules("oidc-provider", *(("express", "express-oauth2-jwt-bearer") if kind == "express" else ()))
    if (
        kind == "fastapi"
        and subprocess.run([PYTHON, "-c", "import fastapi, jwt, uvicorn"], capture_output=True, check=False).returncode
    ):
        pytest.skip("fastapi, uvicorn or pyjwt is not installed for FOREIGN_PYTHON")
    monkeypatch.setenv("CLIENT_SECRET", "secret-of-a-test")
    monkeypatch.setenv("PASSWORD", "any password")
    with ExitStack() as stack:
        issuer, other = (
            stack.enter_context(started(provider_of(), directory, programs(), {"AUDIENCE": AUDIENCE}))["entry"]
            for _ in range(2)
        )
        monkeypatch.setenv("FOREIGN", _token_of(other))
        command = ("{python}" if kind == "fastapi" else "{node}", str(APPS / SERVICES[kind]), "{port}")
        service = ForeignService(about=kind, command=command)
        environment = {"ISSUER": issuer, "AUDIENCE": AUDIENCE, "SPOILT": spoilt}
        words = stack.enter_context(started(service, directory, {**programs(), "python": PYTHON}, environment))
        (directory / "target.yaml").write_text(
            FILE.format(entry=words["entry"], issuer=issuer, audience=AUDIENCE), "utf-8"
        )
        document = description()
        del document["paths"]["/report"]
        if kind == "fastapi":  # as FastAPI itself describes it
            document = httpx.get(f"{words['entry']}/openapi.json", trust_env=False).json()
        (directory / "openapi.json").write_text(json.dumps(document), "utf-8")
        yield load_target(directory / "target.yaml")


def _token_of(issuer: str) -> str:
    form = {"grant_type": "client_credentials", "scope": "READ WRITE ADMIN"}
    answer = httpx.post(f"{issuer}/token", data=form, auth=("job", "secret-of-a-test"), trust_env=False)
    return str(answer.json()["access_token"])


def found(target: Target, noun: str) -> list[FactReading]:
    """The facts of a sentence."""
    status = next(one.status for one in NOUNS if one.name == noun)
    params = {"noun": noun, "status": status, "scope": "READ"}
    if noun.startswith("calls-with-scope"):
        params["class"] = "write operation"
    return [*refused_calls(target, params)()]


NOUNS_OF: Final = (
    "calls-without-token",
    "calls-with-forged-token",
    "calls-of-foreign-audience",
    "calls-of-foreign-issuer",
    "calls-with-scope-only",
    "calls-to-others-object",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SERVICES)
def test_a_healthy_foreign_service_refuses_every_call(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every noun, and every pair of role and operation."""
    with foreign(kind, "", tmp_path, monkeypatch) as target:
        for noun in NOUNS_OF:
            facts = found(target, noun)
            assert [f"{one.subject}: {one.observed}" for one in facts if one.ok is not True] == []
            assert len(facts) > 2
        facts = [*role_matrix(target, {})()]
    assert [f"{one.subject}: {one.observed}" for one in facts if one.ok is not True] == []
    assert {one.subject for one in facts} == {*OPERATIONS, "what the calls wrote"} - {"GET /health", "GET /report"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SERVICES)
@pytest.mark.parametrize(
    ("spoilt", "noun", "operations", "said"),
    [
        ("open-route", "calls-without-token", {"GET /users"}, "without a credential: let in"),
        ("expired", "calls-with-forged-token", set(OPERATIONS), "an expired token: "),
        ("alg-none", "calls-with-forged-token", set(OPERATIONS), "alg none: let in"),
        ("no-owner", "calls-to-others-object", {"GET /orders/{id}", "DELETE /orders/{id}"}, "to the object of"),
        ("no-scope", "calls-with-scope-only", {"POST /orders", "DELETE /orders/{id}"}, "with scope READ only"),
        ("any-audience", "calls-of-foreign-audience", set(OPERATIONS), "a token for another audience: "),
    ],
)
def test_what_a_foreign_service_leaves_out_is_found(  # noqa: PLR0917 - the row of a table
    kind: str,
    spoilt: str,
    noun: str,
    operations: set[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exactly this, with the names of the operations."""
    with foreign(kind, spoilt, tmp_path, monkeypatch) as target:
        monkeypatch.setattr("harness.drivers.check.calls.matrix.cases._SKEW_S", 1.0)
        wrong = [one for one in found(target, noun) if one.ok is False]
        other = "calls-with-scope-only" if spoilt == "open-route" else "calls-without-token"
        others = [one for one in found(target, other) if one.ok is not True]
    assert {one.subject for one in wrong} <= operations - {"GET /health", "GET /report"}
    assert any("let in" in one.observed for one in wrong)
    assert all(said in one.observed for one in wrong)
    assert others == []
