"""What `readiness init` reads from an OpenAPI document about who is let in, and what it writes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.catalogue import lint, load_catalogue
from harness.cli.starter.trust import DocumentedTrust, documented_trust
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.errors import ConfigurationError, UsageError
from harness.steps import lint_features
from harness.targets import load_target
from harness.targets.openapi.document import OpenApiDocument

BEARER = {"type": "http", "scheme": "bearer"}
PASSWORD_FLOW = {"type": "oauth2", "flows": {"password": {"tokenUrl": "token", "scopes": {}}}}
FORM = {"application/x-www-form-urlencoded": {"schema": {"$ref": "#/components/schemas/Form"}}}
GIVES = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Token"}}}}}


def document(scheme: dict[str, Any], **more: Any) -> OpenApiDocument:
    """A health path, a POST that gives a token, and protected orders."""
    signed: list[dict[str, list[str]]] = [{"bearer": []}]
    content = {
        "openapi": "3.1.0",
        "paths": {
            "/health": {"get": {}},
            "/either": {"get": {"security": [{}, {"bearer": []}]}},
            "/keys": {"get": {"security": [{"key": []}]}},
            "/token": {"post": {"requestBody": {"content": FORM}, "responses": GIVES}},
            "/login": {"post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"email": {}, "password": {}}}}}}}},
            "/orders/{id}": {"get": {"security": signed}, "delete": {"security": signed}},
        },
        "components": {
            "securitySchemes": {"bearer": scheme, "key": {"type": "apiKey", "in": "header", "name": "x-key"}},
            "schemas": {
                "Form": {"properties": {"username": {}, "password": {}}},
                "Token": {"properties": {"access_token": {}}},
            },
        },
    }  # fmt: skip
    return OpenApiDocument("openapi.json", {**content, **more})


def test_operations_are_told_apart() -> None:
    """What needs a token, what needs nothing, and what needs something else."""
    found = documented_trust(document(BEARER))
    assert found.protected == ("GET /orders/{id}", "DELETE /orders/{id}")
    assert found.public == ("GET /health", "GET /either", "POST /token", "POST /login")
    assert (found.writes, found.objects, found.sign_in) == (("DELETE /orders/{id}",), ("id",), None)


def test_the_sign_in_is_that_of_the_password_flow_or_the_one_that_is_named() -> None:
    """With the keys of its body and its answer; a path that the document has not is refused."""
    flow = documented_trust(document(PASSWORD_FLOW)).sign_in
    assert flow is not None
    assert (flow.path, flow.body, flow.user, flow.password, flow.token) == (
        "/token",
        "form",
        "username",
        "password",
        "access_token",
    )
    named = documented_trust(document(BEARER), sign_in="/login").sign_in
    assert named is not None
    assert (named.body, named.user, named.token) == ("json", "email", "access_token")
    with pytest.raises(UsageError, match="the document has no POST /signin"):
        documented_trust(document(BEARER), sign_in="/signin")


@pytest.mark.parametrize("user", ["test-anna", ""])
def test_the_project_is_read_as_it_is_written(tmp_path: Path, user: str) -> None:
    """With a test user its sections count, without one they are comments; rows and scenarios agree."""
    trust = documented_trust(document(PASSWORD_FLOW), test_user=user)
    answers = ProjectAnswers(name="shop", entry="https://shop.example.test", trust=trust)
    write_project(tmp_path, answers)
    target = load_target(tmp_path / "target.yaml")
    assert target.api is not None
    assert json.loads((tmp_path / "openapi.json").read_text())["openapi"] == "3.1.0"
    assert (target.identity is not None, target.sign_in is not None) == (bool(user), bool(user))
    assert target.authorisation is not None
    assert target.authorisation.public == trust.public
    assert target.may_write == ()
    catalogue = load_catalogue([tmp_path / "catalogue"])
    assert len(catalogue.profile(("shop",))) == 8
    problems = lint_features([*(tmp_path / "features").glob("*.feature")], catalogue, {}, tmp_path)
    assert [one.what for one in problems] == []
    assert list(lint(catalogue)) == []
    assert "[generated,trust]" in (tmp_path / "requirements.txt").read_text()


def test_a_document_without_tokens_adds_its_copy_alone(tmp_path: Path) -> None:
    """The three requirements of every project, and no section on users."""
    trust = documented_trust(document(BEARER, paths={"/health": {"get": {}}}))
    write_project(tmp_path, ProjectAnswers(name="shop", entry="http://127.0.0.1:8080", trust=trust))
    assert not (tmp_path / "features" / "security.feature").exists()
    content = yaml.safe_load((tmp_path / "target.yaml").read_text())
    assert ("api" in content, "authorisation" in content) == (True, False)
    assert len(load_catalogue([tmp_path / "catalogue"]).profile(("shop",))) == 3


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["bearer", "oauth2", "http", "/token", "#/paths"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(["get", "post", "security", "securitySchemes", "bearer", "type", "flows", "password", "tokenUrl", "$ref"]),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip


@given(paths=st.dictionaries(st.sampled_from(["/token", "/orders/{id}"]), ANYTHING, max_size=2), components=ANYTHING)
def test_any_document_is_read_or_refused(paths: dict[str, Any], components: Any) -> None:
    """An operation is in one list at most, and a write is a protected one."""
    try:
        found = documented_trust(
            OpenApiDocument("openapi.json", {"openapi": "3.0.0", "paths": paths, "components": components})
        )
    except ConfigurationError:
        return
    assert isinstance(found, DocumentedTrust)
    assert not {*found.protected} & {*found.public}
    assert {*found.writes} <= {*found.protected}
