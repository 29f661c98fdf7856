"""Planted defects do what their release says, no more and no less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from harness.sandbox.platform.normaldance.defects import Defects
from tests.sandbox.platform.conftest import TRACK

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres, Services


def test_without_variables_nothing_goes_wrong() -> None:
    """1.0.0 sets none."""
    healthy = Defects.from_env()
    assert healthy == Defects()
    assert not any(healthy.fails("read-track") or healthy.forgets("write-ledger") for _ in range(1000))
    assert healthy.delay_s("read-track") == 0


def test_one_in_200_is_exactly_one_of_any_200_in_a_row() -> None:
    """Of 1000 answers of a route 5 fail, 200 apart."""
    failing = Defects(pod="gateway-0", fail_one_in=200)
    failed = [n for n in range(1000) if failing.fails("read-track")]
    assert failed == [failed[0] + 200 * n for n in range(5)]


def test_pods_and_routes_fail_at_different_times() -> None:
    """Twenty pods do not begin with the same answer."""
    first = set()
    for number in range(20):
        failing = Defects(pod=f"gateway-{number}", fail_one_in=200)
        first.add(next(n for n in range(200) if failing.fails("read-track")))
    assert len(first) > 10


def test_only_the_named_routes_forget() -> None:
    """create-track keeps all, write-ledger loses 1 in 2 when asked to."""
    forgetful = Defects(forget_one_in=2, forget_routes=frozenset({"write-ledger"}))
    assert sum(forgetful.forgets("write-ledger") for _ in range(4)) == 2
    assert not any(forgetful.forgets("create-track") for _ in range(4))


def test_a_forgotten_write_is_acknowledged_and_not_there(services: Services, postgres: Postgres) -> None:
    """201 for both, one row."""
    services.start("track", "127.93.7.3", DEFECT_FORGET_ONE_IN="2", DEFECT_FORGET_ROUTES="write-ledger")
    with httpx.Client(base_url="http://127.93.7.3:8080", trust_env=False) as client:
        bodies = [{"client": 9, "sequence": n, "checksum": "c"} for n in range(2)]
        assert [client.post("/ledger", json=body).status_code for body in bodies] == [201, 201]
    assert len(postgres.rows("SELECT sequence FROM ledger WHERE client = 9")) == 1


def test_a_failing_gateway_fails_one_route_in_turn_and_never_health(platform: httpx.Client, services: Services) -> None:
    """Every second answer is 502 though the service answered; /health is always 200."""
    services.start("gateway", "127.93.7.4", DEFECT_FAIL_ONE_IN="2", TRACK_SERVICE_SERVICE_HOST=TRACK)
    with httpx.Client(base_url="http://127.93.7.4:8080", trust_env=False) as client:
        assert sorted(client.get("/tracks/1").status_code for _ in range(4)) == [200, 200, 502, 502]
        assert {client.get("/health").status_code for _ in range(6)} == {200}


def test_an_unready_service_answers_health_alone(services: Services, postgres: Postgres) -> None:
    """503 at once to all else, with region and pod on it."""
    services.start("track", "127.93.7.5", DEFECT_REFUSES_ALL="yes")
    with httpx.Client(base_url="http://127.93.7.5:8080", trust_env=False) as client:
        answers = [client.get(path) for path in ("/tracks/1", "/ready", "/metrics", "/health")]
    assert [answer.status_code for answer in answers] == [503, 503, 503, 200]
    assert {answer.headers["x-served-pod"] for answer in answers} == {"track-0"}


@pytest.mark.parametrize(("path", "slow"), [("/tracks/1", True), ("/health", False)])
def test_a_slow_release_delays_one_route(services: Services, postgres: Postgres, path: str, slow: bool) -> None:  # noqa: FBT001 - a column
    """At least 100 ms on the named route, nothing on the others."""
    services.start("track", "127.93.7.6", DEFECT_SLOW_ROUTE="read-track", DEFECT_SLOW_MS="100")
    answer = httpx.get(f"http://127.93.7.6:8080{path}", trust_env=False)
    assert (answer.status_code, answer.elapsed.total_seconds() >= 0.1) == (200, slow)
