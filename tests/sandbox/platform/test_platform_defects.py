"""Planted defects do what their release says, no more and no less."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from harness import clock
from harness.clock import Deadline
from readiness_sandbox.platform import render
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.normaldance import gateway
from readiness_sandbox.platform.normaldance.defects import Defects
from readiness_sandbox.platform.normaldance.kit.app import Envelope, Unavailable
from readiness_sandbox.platform.normaldance.kit.features import Features
from readiness_sandbox.platform.normaldance.schema import found
from readiness_sandbox.releases import load_release
from tests.builders.database_servers import Member, prepared, until
from tests.sandbox.platform.conftest import TRACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.platform.conftest import Postgres, Services


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds at some moment of the next `seconds`."""
    return any(holds() for _ in Deadline.after(seconds).ticks(0.05))


def at(address: str) -> httpx.Client:
    """A client of one service, without its gateway."""
    return httpx.Client(base_url=f"http://{address}:8080", trust_env=False, timeout=30)


def answers(client: httpx.Client) -> bool:
    """Whether anything listens there."""
    try:
        return client.get("/health").status_code == 200
    except httpx.ConnectError:
        return False


@pytest.fixture
def marks(postgres: Postgres) -> Iterator[None]:
    """A database in which no pod has left a mark, before and after."""
    forget = "DELETE FROM requests WHERE key LIKE 'mark:%' RETURNING key"
    postgres.rows(forget)
    yield
    postgres.rows(forget)


def test_without_variables_nothing_goes_wrong() -> None:
    """1.0.0 sets none."""
    healthy = Defects.from_env()
    assert healthy == Defects()
    assert not any(healthy.fails("read-track") or healthy.forgets("write-ledger") for _ in range(1000))
    assert not any(healthy.repeats(route) for route in ("write-ledger", "play-track"))
    assert healthy.delay_s("read-track") == 0


def test_after_a_fault_the_named_routes_are_late() -> None:
    """Reads of a track where none is named; `slow-writes` names the ledger."""
    assert Defects(late_s=0.4, fault_seen=True).delay_s("read-track") == 0.4
    late = Defects(late_s=1.9, late_routes=frozenset({"write-ledger"}), fault_seen=True)
    assert (late.delay_s("write-ledger"), late.delay_s("read-track")) == (1.9, 0)
    late.fault_seen = False
    assert late.delay_s("write-ledger") == 0


@pytest.mark.parametrize(
    ("method", "headers", "shut"),
    [("GET", {}, True), ("POST", {}, False), ("GET", {"X-Forwarded-For": "127.64.0.1"}, False)],
)
def test_a_shut_entry_refuses_the_reads_that_do_not_come_by_the_balancer(
    method: str, headers: dict[str, str], *, shut: bool
) -> None:
    """Its health path is no route, and is answered."""
    request = make_mocked_request(method, "/tracks/1", headers=headers)
    gateway._admit(request, Defects())
    if not shut:
        gateway._admit(request, Defects(door_shut=True))
        return
    with pytest.raises(Unavailable, match="this entry is shut"):
        gateway._admit(request, Defects(door_shut=True))


@pytest.mark.parametrize(("defects", "counted"), [(Defects(), "503"), (Defects(counts_as_200=True), "200")])
def test_a_counter_that_counts_errors_as_200_says_so_of_each(defects: Defects, counted: str) -> None:
    """What is answered stays a 503."""

    async def failing(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async def asked() -> web.StreamResponse:
        return await envelope.around(make_mocked_request("GET", "/tracks/1"), failing)

    envelope = Envelope({}, defects, Features(2.0, frozenset()), ())
    assert asyncio.run(asked()).status == 503
    assert f'status="{counted}"}} 1.0' in envelope.exposition().decode()


def test_the_healthy_release_sets_no_defect() -> None:
    """No variable of 1.0.0 begins with DEFECT; every workload of another release is the healthy one but for what its file says."""
    assert "DEFECT" not in str(render.render(load_release("1.0.0"), Credentials.generate()))


def test_half_back_splits_alone_in_one_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateways of ap-southeast-1 read the variable; those of the other regions have none."""
    objects = render.render(load_release("half-back"), Credentials.generate(), ["rollout"])
    gateways = [each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == "api-gateway"]
    set_in = [each["metadata"]["namespace"] for each in gateways if "DEFECT_SPLITS_ALONE" in str(each)]
    assert (len(gateways), set_in) == (3, ["ap-southeast-1"])
    monkeypatch.setenv("DEFECT_SPLITS_ALONE", "yes")
    assert Defects.from_env() == Defects(splits_alone=True)


def test_a_leak_goes_on_more_slowly_once_it_has_filled_what_it_may() -> None:
    """8 kB of each request up to 16 kB, then 1 kB; without a second size it ends there."""
    leaking, filling = Defects(leak_kb=8, leak_most_kb=16, leak_after_kb=1), Defects(leak_kb=8, leak_most_kb=16)
    for _ in range(5):
        leaking.leak()
        filling.leak()
    assert [len(left) // 1024 for left in leaking._leaked] == [8, 8, 1, 1, 1]
    assert [len(left) // 1024 for left in filling._leaked] == [8, 8]


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
    with at("127.93.7.3") as client:
        bodies = [{"client": 9, "sequence": n, "checksum": "c"} for n in range(2)]
        assert [client.post("/ledger", json=body).status_code for body in bodies] == [201, 201]
    assert len(postgres.rows("SELECT sequence FROM ledger WHERE client = 9")) == 1


def test_a_failing_gateway_fails_one_route_in_turn_and_never_health(platform: httpx.Client, services: Services) -> None:
    """Every second answer is 502 though the service answered; /health is always 200."""
    services.start("gateway", "127.93.7.4", DEFECT_FAIL_ONE_IN="2", TRACK_SERVICE_SERVICE_HOST=TRACK)
    with at("127.93.7.4") as client:
        assert sorted(client.get("/tracks/1").status_code for _ in range(4)) == [200, 200, 502, 502]
        assert {client.get("/health").status_code for _ in range(6)} == {200}


def test_an_unready_service_answers_health_alone(services: Services, postgres: Postgres) -> None:
    """503 at once to all else, with region and pod on it."""
    services.start("track", "127.93.7.5", DEFECT_REFUSES_ALL="yes")
    with at("127.93.7.5") as client:
        answers = [client.get(path) for path in ("/tracks/1", "/ready", "/metrics", "/health")]
    assert [answer.status_code for answer in answers] == [503, 503, 503, 200]
    assert {answer.headers["x-served-pod"] for answer in answers} == {"track-0"}


def test_a_pod_that_listens_late_turns_connections_away_until_then(services: Services, postgres: Postgres) -> None:
    """It runs, and nothing is at its port; 2 s after its start it answers."""
    begun_s = clock.now_s()
    late = services.begin("track", "127.93.7.21", DEFECT_LISTENS_AFTER_S="2")
    with at("127.93.7.21") as client:
        assert not answers(client)
        assert within(60, lambda: answers(client))
    assert clock.now_s() - begun_s >= 2
    assert late.poll() is None


@pytest.mark.parametrize(("path", "slow_s", "slow"), [("/tracks/1", 0.1, True), ("/health", 20.0, False)])
def test_a_slow_release_delays_one_route(
    services: Services, postgres: Postgres, path: str, slow_s: float, *, slow: bool
) -> None:
    """At least so long on the named route, nothing on the others."""
    delay = {"DEFECT_SLOW_ROUTES": "read-track", "DEFECT_SLOW_MS": f"{1000 * slow_s}"}
    services.start("track", "127.93.7.6", **delay)
    with at("127.93.7.6") as client:
        answer = client.get(path)
    assert (answer.status_code, answer.elapsed.total_seconds() >= slow_s) == (200, slow)


def test_every_third_answer_of_a_gateway_is_late_and_never_its_health(
    platform: httpx.Client, services: Services
) -> None:
    """One of three reads in a row takes 200 ms longer, each time; the health path takes no longer."""
    late = {"DEFECT_SLOW_ROUTES": "every", "DEFECT_SLOW_MS": "200", "DEFECT_SLOW_ONE_IN": "3"}
    services.start("gateway", "127.93.7.7", TRACK_SERVICE_SERVICE_HOST=TRACK, **late)
    with at("127.93.7.7") as client:
        reads = [client.get("/tracks/1").elapsed.total_seconds() for _ in range(12)]
        health = [client.get("/health").elapsed.total_seconds() for _ in range(12)]
    by_turn, healthy = ([min(took_s[turn::3]) >= 0.2 for turn in range(3)] for took_s in (reads, health))
    assert sorted(by_turn) == [False, False, True]  # what the machine delays is not the same one each time
    assert not any(healthy)


def test_a_late_release_is_quick_until_a_pod_is_replaced(services: Services, postgres: Postgres, marks: None) -> None:
    """A pod that starts after the rollout slows the reads of a pod that was there from the first."""
    late = {"DEFECT_LATE_MS": "3000", "DEFECT_ROLLOUT_S": "0.3"}
    services.start("track", "127.93.7.8", **late)
    with at("127.93.7.8") as client:
        assert within(30, lambda: bool(postgres.rows("SELECT key FROM requests WHERE key = 'mark:started'")))
        assert not within(1, lambda: client.get("/tracks/1").elapsed.total_seconds() >= 3.0)
        services.start("track", "127.93.7.9", **late)
        assert within(30, lambda: client.get("/tracks/1").elapsed.total_seconds() >= 3.0)
        assert client.get("/ledger?client=9").elapsed.total_seconds() < 3.0


def test_a_pod_that_replaces_another_never_serves(services: Services, marks: None) -> None:
    """The first pod is up; a second one that starts after the rollout ends at once, with a reason."""
    never = {"DEFECT_NEVER_RETURNS": "yes", "DEFECT_ROLLOUT_S": "0.3"}
    services.start("track", "127.93.7.10", **never)
    with at("127.93.7.10") as client:
        assert not within(0.5, lambda: client.get("/tracks/1").status_code != 200)
    second = services.begin("track", "127.93.7.11", **never)
    assert second.wait(60) == 1
    assert "this one gives up" in services.log("track", "127.93.7.11")


def test_writes_are_refused_for_a_while_when_the_first_primary_leads_again(
    services: Services, postgres: Postgres, marks: None
) -> None:
    """Another primary leads: 201. The first one leads again: 503 for as long as the release says, reads go on; then 201."""
    mark = "INSERT INTO requests (key, answer) VALUES ('mark:primary', '\"127.93.0.77\"') RETURNING key"
    postgres.rows(mark)
    services.start("track", "127.93.7.12", DEFECT_FAILBACK_S="3")
    row = {"client": 11, "sequence": 0, "checksum": "c"}

    def led_by(address: str) -> None:
        leads = f"UPDATE requests SET answer = '\"{address}\"' WHERE key = 'mark:primary' RETURNING key"  # noqa: S608 - of this test
        postgres.rows(leads)

    with at("127.93.7.12") as client:
        for _ in range(5):  # again where the pod was too late to learn that another one led
            led_by("127.93.0.77")
            assert not within(1, lambda: client.post("/ledger", json=row).status_code != 201)
            led_by("127.93.0.1")
            if refused := within(10, lambda: client.post("/ledger", json=row).status_code == 503):
                break
        assert refused
        assert client.get("/tracks/1").status_code == 200
        assert within(30, lambda: client.post("/ledger", json=row).status_code == 201)
        assert not within(1, lambda: client.post("/ledger", json=row).status_code != 201)


@pytest.mark.parametrize(("keyless", "rows"), [("", 2), ("write-ledger", 4)])
def test_a_write_sent_twice_is_there_twice_only_where_its_key_is_ignored(
    services: Services, postgres: Postgres, keyless: str, rows: int
) -> None:
    """Two writes, each sent twice by the gateway: two rows where the key counts, four where it is ignored."""
    client_number = 20 + rows
    services.start("track", "127.93.7.13", DEFECT_KEYLESS_ROUTES=keyless)
    repeats = {"DEFECT_REPEAT_ONE_IN": "1", "DEFECT_REPEAT_ROUTES": "write-ledger"}
    services.start("gateway", "127.93.7.14", TRACK_SERVICE_SERVICE_HOST="127.93.7.13", **repeats)
    with at("127.93.7.14") as client:
        for sequence in range(2):
            row = {"client": client_number, "sequence": sequence, "checksum": "c"}
            assert client.post("/ledger", json=row, headers={"idempotency-key": f"{sequence}"}).status_code == 201
    assert postgres.rows("SELECT client FROM ledger").count((client_number,)) == rows


@pytest.mark.parametrize(("keyless", "tracks"), [("", 1), ("create-track", 2)])
def test_a_track_that_is_sent_twice_is_there_twice_only_where_its_key_is_ignored(
    services: Services, postgres: Postgres, token: dict[str, str], keyless: str, tracks: int
) -> None:
    """One key, sent twice by its client; the ledger heeds its keys all the same."""
    services.start("track", "127.93.7.22", DEFECT_KEYLESS_ROUTES=keyless)
    key, row = {"idempotency-key": f"keyless-{tracks}"}, {"client": 30 + tracks, "sequence": 0, "checksum": "c"}
    with at("127.93.7.22") as client:
        track = {"title": key["idempotency-key"], "artist": "A"}
        sent = [client.post("/tracks", json=track, headers={**token, **key}) for _ in range(2)]
        written = [client.post("/ledger", json=row, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in (*sent, *written)] == [201] * 4
    assert len({answer.json()["id"] for answer in sent}) == tracks
    assert postgres.rows("SELECT title FROM tracks").count((key["idempotency-key"],)) == tracks
    assert postgres.rows("SELECT client FROM ledger").count((30 + tracks,)) == 1


def test_every_second_play_is_acknowledged_and_not_counted(
    services: Services, postgres: Postgres, token: dict[str, str]
) -> None:
    """Six plays are answered 201, three are there."""
    services.start("track", "127.93.7.15", DEFECT_FORGET_ONE_IN="2", DEFECT_FORGET_ROUTES="play-track")
    with at("127.93.7.15") as client:
        assert {client.post("/tracks/600/plays", headers=token).status_code for _ in range(6)} == {201}
        assert client.get("/tracks/600").json()["plays"] == 3


def test_a_standby_of_the_named_slot_calls_itself_primary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To whoever watches the database, and to nobody else: it is in recovery. A standby of another slot says what it is."""
    primary, standby = Member(tmp_path / "primary", "127.93.7.31"), Member(tmp_path / "standby", "127.93.7.32")
    prepared(primary, standby)
    with (standby.data / "postgresql.auto.conf").open("a") as file:
        file.write("primary_slot_name = 'postgres_eu_west_1_0'\n")
    monkeypatch.setenv("DEFECT_SECOND_PRIMARY", "postgres-eu-west-1-0")

    def asked(dsn: str, query: str) -> object:
        with psycopg.connect(dsn) as connection:
            (answer,) = connection.execute(query.encode()).fetchone() or (None,)
            return answer

    def recovers(member: Member) -> list[object]:
        dsn = member.dsn.replace("dbname=postgres", "dbname=normaldance")
        roles = ("readiness", "normaldance", "tester")
        return [asked(dsn.replace("tester", role), "SELECT pg_is_in_recovery()") for role in roles]

    try:
        primary.start()
        found(primary.dsn, {"normaldance": "n", "readiness": "r"})
        primary.ask("SELECT pg_create_physical_replication_slot('postgres_eu_west_1_0')")
        standby.start()
        until(standby.streams)
        written = asked(primary.dsn, "SELECT pg_current_wal_lsn()")
        until(lambda: bool(asked(standby.dsn, f"SELECT pg_last_wal_replay_lsn() >= '{written}'")))
        assert [recovers(member) for member in (primary, standby)] == [[False, False, False], [False, True, True]]
        standby.ask("ALTER SYSTEM SET primary_slot_name = 'postgres_ap_southeast_1_0'")
        standby.ask("SELECT pg_reload_conf()")
        until(lambda: recovers(standby) == [True, True, True])
    finally:
        standby.stop()
        primary.stop()
