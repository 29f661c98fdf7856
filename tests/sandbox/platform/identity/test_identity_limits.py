"""The rate limit of the gateways: one bucket for each client, whichever gateway it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from readiness_sandbox.releases import load_release
from tests.sandbox.platform.identity.conftest import until, variables

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Services
    from tests.sandbox.platform.identity.conftest import Identity

FIRST, SECOND, FREE = (f"127.93.38.{n}" for n in range(21, 24))


@pytest.fixture
def addresses(identity: Identity, services: Services) -> list[str]:
    """Two gateways that serve a call in five seconds, and one of `no-brakes`."""
    around = {**variables(identity.credentials), "LIMITS": "report-plays=0.2"}
    for address in (FIRST, SECOND):
        services.start("gateway", address, **around)
    services.start("gateway", FREE, **around, **load_release("no-brakes").workloads["api-gateway"].env)
    header = identity.header("viewer-2")
    until(lambda: all(_status(one, header) in {200, 429} for one in (FIRST, SECOND, FREE)), 30.0)
    return [FIRST, SECOND]


def _status(address: str, headers: dict[str, str]) -> int:
    return _called(address, headers).status_code


def _called(address: str, headers: dict[str, str]) -> httpx.Response:
    with httpx.Client(base_url=f"http://{address}:8080", trust_env=False, timeout=30) as client:
        return client.get("/reports/plays", headers=headers)


def test_calls_over_the_limit_get_429_with_retry_after(identity: Identity, addresses: list[str]) -> None:
    """A client's calls through both gateways are counted together; another client is served, and `no-brakes` serves every call."""
    header = identity.header("editor-3")
    given = [_called(addresses[n % 2], header) for n in range(6)]
    assert {one.status_code for one in given} == {200, 429}
    assert given[1].status_code == 429, "the second one came through another gateway"
    assert {one.headers["retry-after"] for one in given if one.status_code == 429} == {"5"}
    assert _status(addresses[0], {"x-api-key": identity.credentials.keys["reporting"]}) == 200
    assert [_status(FREE, header) for _ in range(4)] == [200] * 4
