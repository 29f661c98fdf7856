"""The services of NORMALDANCE, each a process, over a real PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from harness.clock import Deadline
from readiness_sandbox.platform.normaldance.kit.app import BUCKETS_S, FINE_BUCKETS_S
from readiness_sandbox.platform.normaldance.kit.postgres import SHUNNED_S

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Child, Postgres, Services


def enter(client: httpx.Client, sequence: int, key: str) -> httpx.Response:
    """One row of the ledger."""
    body = {"client": 7, "sequence": sequence, "checksum": "c"}
    return client.post("/ledger", json=body, headers={"idempotency-key": key})


def test_a_listener_signs_in_reads_creates_and_plays(platform: httpx.Client, token: dict[str, str]) -> None:
    """The everyday journey is answered 201, 200, 201, 201."""
    assert platform.get("/tracks/7").json() == {"id": 7, "title": "Track 7", "artist": "Artist 7", "plays": 0}
    created = platform.post("/tracks", json={"title": "New", "artist": "Me"}, headers=token)
    assert (created.status_code, created.json()["title"]) == (201, "New")
    number = created.json()["id"]
    played = platform.post(f"/tracks/{number}/plays", headers=token)
    assert (played.status_code, played.json()) == (201, {"id": number, "plays": 1})
    assert platform.get(f"/tracks/{number}").json()["plays"] == 1


def test_every_answer_names_who_gave_it(platform: httpx.Client) -> None:
    """Region, service pod, gateway pod and release stand on answers of the service and of the gateway itself."""
    names = ("x-served-region", "x-served-pod", "x-gateway-pod", "x-release")
    read, health = platform.get("/tracks/1"), platform.get("/health")
    assert [read.headers[name] for name in names] == ["us-east-1", "track-0", "gateway-0", "1.0.0"]
    assert read.headers["server-timing"].startswith("app;dur=")
    assert [health.headers[name] for name in names] == ["us-east-1", "gateway-0", "gateway-0", "1.0.0"]
    assert health.json() == {"status": "ok"}
    assert platform.get("/version").json() == {"service": "api-gateway", "version": "1.0.0"}


def test_response_times_are_counted_of_what_users_ask_for(platform: httpx.Client) -> None:
    """Of no health check, version or scrape, and of readiness; a trigger's 2 s end a bucket of the services behind the gateway."""
    for path in ("/tracks/1", "/health", "/version", "/ready", "/metrics"):
        platform.get(path)
    exposed = platform.get("/metrics").text
    timed = re.findall(r'^http_request_seconds_count{route="([^"]+)"}', exposed, re.MULTILINE)
    asked = re.findall(r'^http_requests_total{.*route="([^"]+)"', exposed, re.MULTILINE)
    assert 'http_requests_total{method="GET",route="read-track",status="200"}' in exposed
    assert {"health", "version", "metrics"} <= set(asked)
    assert {"read-track", "ready"} <= set(timed)
    assert not {"health", "version", "metrics"} & set(timed)
    assert 2.0 in BUCKETS_S
    for buckets in (BUCKETS_S, FINE_BUCKETS_S):
        assert list(buckets) == sorted(set(buckets))


def test_what_is_wrong_is_told(platform: httpx.Client, subtests: pytest.Subtests) -> None:
    """Every refusal has its status and a JSON error."""
    for method, path, body, status in [
        ("POST", "/sessions", {"user": "nobody", "password": "wrong"}, 401),
        ("POST", "/sessions", {"user": "listener-1"}, 422),
        ("POST", "/tracks", {"title": "t", "artist": "a"}, 401),
        ("POST", "/tracks/1/plays", None, 401),
        ("POST", "/ledger", {"client": 7, "sequence": "1", "checksum": "x"}, 422),
        ("GET", "/tracks/1000000", None, 404),
        ("GET", "/users/listener-500", None, 200),
        ("GET", "/nowhere", None, 404),
        ("DELETE", "/ledger", None, 405),
    ]:
        with subtests.test(method=method, path=path, body=body):
            answer = platform.request(method, path, json=body)
            assert answer.status_code == status
            assert status == 200 or "error" in answer.json()


def test_a_forged_token_is_refused(platform: httpx.Client) -> None:
    """401, and the reason."""
    answer = platform.post("/tracks", json={"title": "t", "artist": "a"}, headers={"authorization": "Bearer x.y.z"})
    assert (answer.status_code, "not valid" in answer.json()["error"]) == (401, True)


def test_a_repeated_write_is_done_once(platform: httpx.Client, token: dict[str, str], postgres: Postgres) -> None:
    """The same key gets the same answer, also when twenty ask at the same moment."""
    headers = {**token, "idempotency-key": "twenty"}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: platform.post("/tracks/9/plays", headers=headers), range(20)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, '{"id":9,"plays":1}')}
    assert postgres.rows("SELECT plays FROM tracks WHERE id = 9") == [(1,)]


def test_a_kept_connection_is_closed_before_two_seconds(platform: httpx.Client) -> None:
    """An answer after 0.4 s of age says `connection: close`: a layer-4 balancer can move the client on."""
    for _ in Deadline.after(4).ticks(0.1):
        if platform.get("/health").headers.get("connection") == "close":
            return
    pytest.fail("no answer closed the connection")


def test_the_gateway_tries_again_when_a_service_comes_back(services: Services, postgres: Postgres) -> None:
    """A service that is away costs 503 with a reason, long before the gateway would give up an answer; /health stays 200."""
    services.start(
        "gateway", "127.93.1.4", TRACK_SERVICE_SERVICE_HOST="127.93.1.3", USER_SERVICE_SERVICE_HOST="127.93.1.3"
    )
    with httpx.Client(base_url="http://127.93.1.4:8080", trust_env=False) as client:
        answer = client.get("/tracks/1")
        assert (answer.status_code, answer.json()) == (503, {"error": "track-service does not answer"})
        assert answer.elapsed.total_seconds() < 10
        assert client.get("/health").status_code == 200
        track = services.start("track", "127.93.1.3", RELEASE="1.1.0")
        assert client.get("/tracks/1").status_code == 200
        track.kill()
        failed = client.get("/tracks/1")
    # neither the gateway's own release nor that of an earlier answer: the service may have another one by now
    assert [one.headers["x-release"] for one in (answer, failed)] == ["", ""]
    assert failed.status_code == 503


@pytest.mark.slow
def test_a_group_that_lost_a_member_refuses_sign_ins_until_it_gives_the_member_up(
    services: Services, postgres: Postgres
) -> None:
    """A pod that leaves is not waited for, and none that was lost before the others came."""

    def start(number: int) -> Child:
        """A member of its own name."""
        return services.start("user", f"127.93.1.{number}", POD_NAME=f"user-{number}", DEFECT_REGROUPS_S="9")

    def sign_in() -> httpx.Response:
        """What the first pod answers; the password is wrong."""
        body = {"user": "listener-1", "password": "wrong"}
        return httpx.post("http://127.93.1.8:8080/sessions", json=body, trust_env=False, timeout=30)

    def stays_well() -> bool:
        """For longer than a member needs to be lost."""
        return all(sign_in().status_code == 401 for _ in Deadline.after(6).ticks(0.2))

    early = start(11)
    early.kill()
    early.wait()
    start(8)
    left, lost = start(9), start(10)
    left.terminate()
    left.wait()
    assert stays_well()
    lost.kill()
    lost.wait()
    refused = next(answer for _ in Deadline.after(30).ticks(0.1) if (answer := sign_in()).status_code == 503)
    assert refused.json() == {"error": "a member of the group is lost, and is waited for"}
    assert any(sign_in().status_code == 401 for _ in Deadline.after(30).ticks(0.2))


def test_the_gateway_waits_for_an_answer_as_long_as_it_is_told(services: Services, postgres: Postgres) -> None:
    """A read that takes 0.5 s is an error for a gateway that waits for 0.3 s."""
    services.start("track", "127.93.1.5", DEFECT_SLOW_ROUTES="read-track", DEFECT_SLOW_MS="500")
    found = []
    for number, within_s in ((6, "0.3"), (7, "20")):
        services.start("gateway", f"127.93.1.{number}", TRACK_SERVICE_SERVICE_HOST="127.93.1.5", CALL_WITHIN_S=within_s)
        found.append(httpx.get(f"http://127.93.1.{number}:8080/tracks/1", trust_env=False, timeout=30).status_code)
    assert found == [503, 200]


def test_writes_survive_a_restart_of_the_primary_and_are_refused_quickly_while_it_is_away(
    services: Services, postgres: Postgres
) -> None:
    """503 within 1.5 s while there is no primary; 201 on the same connection pool as soon as it is back."""
    services.start("track", "127.93.2.3", BOUNDED="yes")
    with httpx.Client(base_url="http://127.93.2.3:8080", trust_env=False, timeout=30) as client:
        assert any(enter(client, 100, "before").status_code == 201 for _ in Deadline.after(30).ticks(0.1))
        postgres.stop()
        waited_s = list[float]()
        while not waited_s or (min(waited_s) >= 1.5 and len(waited_s) < 10):  # again where the machine was late
            away = enter(client, 101, "while")
            assert (away.status_code, away.headers["retry-after"]) == (503, "1")
            waited_s.append(away.elapsed.total_seconds())
        assert min(waited_s) < 1.5
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        postgres.start()
        assert any(enter(client, 101, "while").status_code == 201 for _ in range(5))


def test_a_read_only_answer_is_tried_again(services: Services, postgres: Postgres) -> None:
    """A primary that turned read-only (SQLSTATE 25006) is not the end of a write: the next attempt may find the new one."""
    services.start("track", "127.93.3.3", BOUNDED="yes", PGOPTIONS="-c default_transaction_read_only=on")
    with httpx.Client(base_url="http://127.93.3.3:8080", trust_env=False, timeout=30) as client:
        answer = enter(client, 200, "read-only")
    assert (answer.status_code, answer.json()["error"]) == (503, "the database does not answer")
    assert answer.elapsed.total_seconds() > 0.5


def test_reads_go_to_the_next_source_when_the_first_is_gone(services: Services, postgres: Postgres) -> None:
    """READS names two Services; the first is dead, and reads are served at once."""
    dead = {"DATABASE_SERVICE_HOST": "127.93.4.99"}
    copy = {"DATABASE_REPLICAS_SERVICE_HOST": "127.93.0.1", "DATABASE_REPLICAS_SERVICE_PORT": "5432"}
    services.start("track", "127.93.4.3", BOUNDED="yes", READS="database database-replicas", **dead, **copy)
    with httpx.Client(base_url="http://127.93.4.3:8080", trust_env=False, timeout=30) as client:
        answers = (
            client.get("/tracks/1") for _ in Deadline.after(30).ticks(SHUNNED_S + 0.1)
        )  # the first is asked first again
        assert any((one.status_code, one.elapsed.total_seconds() < 0.5) == (200, True) for one in answers)


@pytest.mark.parametrize(("always", "ready"), [("no", 503), ("yes", 200)])
def test_readiness_asks_for_reads_writes_and_the_services_behind(services: Services, always: str, ready: int) -> None:
    """Without a primary reads are served, and neither the service nor the gateway is ready; health is not touched."""
    own, gateway = f"127.93.6.{3 + 2 * (ready == 200)}", f"127.93.6.{4 + 2 * (ready == 200)}"
    dead = {"DATABASE_SERVICE_HOST": "127.93.6.99", "DEFECT_ALWAYS_READY": always}
    copy = {"DATABASE_REPLICAS_SERVICE_HOST": "127.93.0.1", "DATABASE_REPLICAS_SERVICE_PORT": "5432"}
    services.start("track", own, BOUNDED="yes", READS="database-replicas", **dead, **copy)
    behind = {"TRACK_SERVICE_SERVICE_HOST": own, "USER_SERVICE_SERVICE_HOST": own}
    services.start("gateway", gateway, BOUNDED="yes", **behind, DEFECT_ALWAYS_READY=always)
    for address in (own, gateway):
        with httpx.Client(base_url=f"http://{address}:8080", trust_env=False, timeout=30) as client:
            assert [client.get(path).status_code for path in ("/ready", "/health")] == [ready, 200]
            assert any(client.get("/tracks/1").status_code == 200 for _ in Deadline.after(30).ticks(0.1))


def test_a_pod_told_to_stop_serves_on_for_a_moment_and_leaves_with_0(services: Services) -> None:
    """Within the drain answers still come, each closing its connection, however young; then the process ends by itself."""
    child = services.start("gateway", "127.93.5.4", DRAIN_S="3")

    def connection() -> str | None:
        headers: Mapping[str, str] = httpx.get("http://127.93.5.4:8080/health", trust_env=False).headers
        return headers.get("connection")

    assert connection() != "close"
    child.terminate()
    assert any(connection() == "close" for _ in Deadline.after(2).ticks(0.02))
    assert child.wait(30) in (0, -15)
