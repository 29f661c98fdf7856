"""A platform with an identity provider: two regions' gateways and services, each a process, over one PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from harness.clock import Deadline
from readiness_sandbox.platform.identity import IdentityCredentials
from tests.sandbox.platform.conftest import Postgres, Services, founded

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE, AUTH, USER, TRACK, GATEWAY = (f"127.93.38.{n}" for n in range(1, 6))
OTHER_AUTH, OTHER_GATEWAY = "127.93.38.6", "127.93.38.7"
ISSUER = f"http://{GATEWAY}:8080"


@dataclass(frozen=True)
class Identity:
    """The platform: clients of two regions' gateways, its credentials, and its database."""

    here: httpx.Client
    there: httpx.Client
    credentials: IdentityCredentials
    postgres: Postgres
    services: Services

    def basic(self, client: str) -> tuple[str, str]:
        """How a client shows who it is."""
        return client, self.credentials.clients[client]

    def tokens(self, user: str, client: str = "normaldance-web", **more: str) -> dict[str, Any]:
        """What the token endpoint answers to the password of a test user."""
        form = {"grant_type": "password", "username": user, "password": self.credentials.passwords[user], **more}
        answer = self.here.post("/oauth/token", data=form, auth=self.basic(client))
        assert answer.status_code == 200, answer.text
        given: dict[str, Any] = answer.json()
        return given

    def header(self, user: str, **more: str) -> dict[str, str]:
        """The header of a test user."""
        return {"authorization": f"Bearer {self.tokens(user, **more)['access_token']}"}


def until(holds: Any, seconds: float = 60.0) -> None:
    """Wait until it holds; the test fails where it never does."""
    for _ in Deadline.after(seconds).ticks(0.05):
        if holds():
            return
    pytest.fail(f"did not hold within {seconds} s")


def variables(credentials: IdentityCredentials, auth: str = AUTH) -> dict[str, str]:
    """What the pods of a region have of the part."""
    return {
        "ISSUER": credentials.issuer,
        "API_DESCRIPTION": "served",
        "AUTH_SERVICE_SERVICE_HOST": auth,
        "AUTH_SERVICE_SERVICE_PORT": "8080",
        "DATABASE_SERVICE_HOST": DATABASE,
        "USER_SERVICE_SERVICE_HOST": USER,
        "TRACK_SERVICE_SERVICE_HOST": TRACK,
    }


def provider(credentials: IdentityCredentials) -> dict[str, str]:
    """What auth-service has besides."""
    region = credentials.of_region()
    return {"SIGNING_KEYS": region["signing-keys"], "PGUSER": "identity", "PGPASSWORD": region["database-password"]}


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identity]:
    """The platform, healthy."""
    credentials = IdentityCredentials.generate(ISSUER)
    passwords = {"normaldance": "n", "readiness": "r", "identity": credentials.role}
    with ExitStack() as stack:
        home = tmp_path_factory.mktemp("identity")
        postgres = stack.enter_context(founded(home, DATABASE, passwords, credentials.seed()))
        services, env = Services(home, stack), variables(credentials)
        services.start("auth", AUTH, **env, **provider(credentials))
        services.start(
            "auth", OTHER_AUTH, **variables(credentials, OTHER_AUTH), **provider(credentials), REGION="eu-west-1"
        )
        services.start("user", USER, **env, CLIENT_SECRET=credentials.clients["user-service"])
        services.start("track", TRACK, **env)
        services.start("gateway", GATEWAY, **env)
        services.start("gateway", OTHER_GATEWAY, **variables(credentials, OTHER_AUTH), REGION="eu-west-1")
        here, there = (
            stack.enter_context(httpx.Client(base_url=f"http://{at}:8080", trust_env=False, timeout=30))
            for at in (GATEWAY, OTHER_GATEWAY)
        )
        platform = Identity(here, there, credentials, postgres, services)
        token = platform.header("viewer-1")
        for client in (here, there):
            until(lambda client=client: client.get("/tracks", headers=token).status_code == 200)
        yield platform
