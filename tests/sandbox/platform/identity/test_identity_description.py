"""The API description of a platform with an identity provider, against what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from readiness_sandbox.platform.normaldance.trust.rules import RULES
from tests.sandbox.platform.test_platform_description import errors_of

if TYPE_CHECKING:
    from tests.sandbox.platform.identity.conftest import Identity


def described(identity: Identity) -> dict[str, Any]:
    """What the gateway says of itself."""
    found: dict[str, Any] = identity.here.get("/openapi.json").json()
    return found


def test_every_route_is_described_with_what_it_needs(identity: Identity) -> None:
    """Each rule is an operation; public ones have an empty `security`, the others the scope of the rule."""
    paths = described(identity)["paths"]
    for rule in RULES:
        ways = paths[rule.path][rule.method.lower()]["security"]
        assert bool(ways) == bool(rule.scope)
        scopes = {scope for way in ways for scope in way.get("token", [])}
        assert scopes == ({rule.scope} if rule.scope and rule.name != "log-out" else set())
    assert {"key": []} in paths["/reports/plays"]["get"]["security"]
    assert paths["/tracks/{id}"]["get"]["security"] == []


def test_every_answer_is_as_described(identity: Identity, subtests: pytest.Subtests) -> None:
    """Status, headers, media type and body of each, good and refused."""
    cases: list[tuple[str, str, str, object, int]] = [
        ("editor-1", "GET /tracks?artist=Artist%201", "/tracks", None, 200),
        ("editor-1", "GET /reports/plays", "/reports/plays", None, 200),
        ("editor-1", "GET /users/editor-1/settings", "/users/{name}/settings", None, 200),
        ("editor-1", "PATCH /users/editor-1", "/users/{name}", {"display": "me"}, 200),
        ("editor-1", "PATCH /users/editor-1", "/users/{name}", {"settings": 1}, 422),
        ("editor-1", "PATCH /users/editor-2", "/users/{name}", {"display": "me"}, 403),
        ("editor-1", "DELETE /tracks/999999", "/tracks/{id}", None, 404),
        ("editor-1", "GET /account", "/account", None, 200),
        ("editor-1", "GET /admin/users", "/admin/users", None, 403),
        ("admin-1", "GET /admin/users?after=admin-2", "/admin/users", None, 200),
        ("admin-1", "PUT /admin/users/viewer-3/roles", "/admin/users/{name}/roles", {"roles": ["viewer"]}, 200),
        ("admin-1", "PUT /admin/users/viewer-3/roles", "/admin/users/{name}/roles", {"roles": ["owner"]}, 422),
        ("admin-1", "PUT /admin/users/nobody/disabled", "/admin/users/{name}/disabled", {"disabled": False}, 404),
        ("editor-1", "POST /login", "/login", {"user": "editor-1", "password": "x"}, 401),
        ("editor-1", "POST /users", "/users", {"user": "editor-1", "password": "correct horse battery"}, 409),
        ("editor-1", "POST /password", "/password", {"password": "x", "new": "correct horse battery"}, 400),
    ]  # fmt: skip
    for user, call, path, body, status in cases:
        with subtests.test(user=user, call=call, path=path, body=body):
            method, _, target = call.partition(" ")
            answer = identity.here.request(method, target, json=body, headers=identity.header(user))
            identity.here.cookies.clear()
            assert answer.status_code == status
            assert errors_of(described(identity), path, answer) == []
