"""The platform's routes where it has an identity provider: which scope each needs, and which service answers it.

Public beside those named here are the paths that every service has of its own (`/health`, `/ready`, `/version`, `/metrics`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

READ, WRITE, ADMIN = "READ", "WRITE", "ADMIN"
ROLES: Final = {"viewer": (READ,), "editor": (READ, WRITE), "admin": (READ, WRITE, ADMIN)}
"""Scopes of each role."""
AUDIENCE: Final = "normaldance"
"""What access tokens of the platform are for."""
SESSION_COOKIE, CSRF_COOKIE, CSRF_HEADER, KEY_HEADER = "sid", "csrf", "x-csrf-token", "x-api-key"
CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that change something: those that a page elsewhere must not be able to send with a cookie."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """A route of the gateway.

    Attributes:
        name: of the route, in metrics.
        method, path, service: what is forwarded where.
        scope: what the caller needs; empty: nothing, it is public.
        keys: whether it takes an API key as well.
    """

    name: str
    method: str
    path: str
    service: str
    scope: str = ""
    keys: bool = False


NEEDS: Final = {
    "create-track": WRITE,
    "play-track": WRITE,
    "write-contact": WRITE,
    "read-contact": READ,
    "remove-contact": WRITE,
}
"""Scopes of the routes that the gateway has without a provider as well; the others of them are public: what the platform is probed by,
sign-in, single tracks, and what everyone may know of a user."""

CHANGE_RULE: Final = RouteRule("change-track", "PATCH", "/tracks/{id}", "track-service", WRITE)
"""There too where the platform has a cache."""
TRACK_RULES: Final = (
    RouteRule("list-tracks", "GET", "/tracks", "track-service", READ),
    CHANGE_RULE,
    RouteRule("delete-track", "DELETE", "/tracks/{id}", "track-service", WRITE),
    RouteRule("report-plays", "GET", "/reports/plays", "track-service", READ, keys=True),
)
USER_RULES: Final = (
    RouteRule("read-settings", "GET", "/users/{name}/settings", "user-service", READ),
    RouteRule("change-user", "PATCH", "/users/{name}", "user-service", WRITE),
)
EXPORT_RULE: Final = RouteRule("export-user", "GET", "/users/{name}/export", "user-service", READ)
"""There where the platform has an audit log."""
AUTH_RULES: Final = (
    RouteRule("discovery", "GET", "/.well-known/openid-configuration", "auth-service"),
    RouteRule("jwks", "GET", "/oauth/jwks", "auth-service"),
    RouteRule("authorize", "GET", "/oauth/authorize", "auth-service"),
    RouteRule("authorize-form", "POST", "/oauth/authorize", "auth-service"),
    RouteRule("token", "POST", "/oauth/token", "auth-service"),
    RouteRule("revoke", "POST", "/oauth/revoke", "auth-service"),
    RouteRule("introspect", "POST", "/oauth/introspect", "auth-service"),
    RouteRule("userinfo", "GET", "/oauth/userinfo", "auth-service", READ),
    RouteRule("log-in", "POST", "/login", "auth-service"),
    RouteRule("log-out", "POST", "/logout", "auth-service", READ),
    RouteRule("read-account", "GET", "/account", "auth-service", READ),
    RouteRule("sign-up", "POST", "/users", "auth-service"),
    RouteRule("change-password", "POST", "/password", "auth-service", READ),
    RouteRule("delete-user", "DELETE", "/users/{name}", "auth-service", ADMIN),
    RouteRule("list-users", "GET", "/admin/users", "auth-service", ADMIN),
    RouteRule("set-roles", "PUT", "/admin/users/{name}/roles", "auth-service", ADMIN),
    RouteRule("set-disabled", "PUT", "/admin/users/{name}/disabled", "auth-service", ADMIN),
)
RULES: Final = (*TRACK_RULES, *USER_RULES, *AUTH_RULES)
"""Routes that the gateway has only where there is a provider."""


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """The scopes of these roles together; one that is not known has none."""
    return frozenset(scope for role in roles for scope in ROLES.get(role, ()))
