"""The ledger read back, and the pipeline, over a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from harness.clock import Deadline

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres, Services


def accept(client: httpx.Client, event: str) -> httpx.Response:
    """Post one event under a key of its own."""
    body = {"id": event, "checksum": f"sum of {event}"}
    return client.post("/events", json=body, headers={"idempotency-key": f"event-{event}"})


def visible(client: httpx.Client, event: str, within_s: float = 60.0) -> dict[str, object]:
    """What is shown of an event once it is."""
    for _ in Deadline.after(within_s).ticks(0.02):
        answer = client.get(f"/events/{event}")
        if answer.status_code == 200:
            shown: dict[str, object] = answer.json()
            return shown
    raise AssertionError(f"{event} did not become visible")


def test_the_ledger_of_a_client_is_read_back_through_the_gateway(platform: httpx.Client) -> None:
    """All rows in order; one row; none of a client that wrote none; 422 without a client."""
    for sequence in (2, 1):
        body = {"client": 70, "sequence": sequence, "checksum": f"c{sequence}"}
        assert platform.post("/ledger", json=body).status_code == 201
    assert platform.get("/ledger?client=70").json() == {"rows": [[1, "c1"], [2, "c2"]]}
    assert platform.get("/ledger?client=70&sequence=2").json() == {"rows": [[2, "c2"]]}
    assert platform.get("/ledger?client=70&sequence=3").json() == {"rows": []}
    assert platform.get("/ledger?client=71").json() == {"rows": []}
    assert [platform.get(f"/ledger{query}").status_code for query in ("", "?client=x", "?client=-1")] == [422] * 3


def test_an_event_becomes_visible_once_and_whole(platform: httpx.Client) -> None:
    """404 before it is there; 202; then one copy with the checksum that was sent, also when it was sent twice under its key."""
    assert platform.get("/events/once-0").status_code == 404
    assert [accept(platform, "once-0").status_code for _ in range(2)] == [202, 202]
    assert visible(platform, "once-0") == {"copies": 1, "checksum": "sum of once-0"}
    assert platform.post("/events", json={"id": "once-1"}).status_code == 422


def test_events_of_a_pod_that_was_killed_are_moved_by_another_exactly_once(
    services: Services, postgres: Postgres
) -> None:
    """Sixty events, the pod killed after each twenty: all are visible at the end, none twice, none left behind."""
    for turn in range(3):
        child = services.start("track", f"127.93.6.{turn + 3}")
        with httpx.Client(base_url=f"http://127.93.6.{turn + 3}:8080", trust_env=False, timeout=30) as client:
            for number in range(20):
                assert accept(client, f"killed-{turn}-{number}").status_code == 202
        child.kill()
        child.wait()
    services.start("track", "127.93.6.9")
    for _ in Deadline.after(60).ticks(0.1):
        if postgres.rows("SELECT count(*) FROM outbox WHERE id LIKE 'killed-%'") == [(0,)]:
            break
    assert postgres.rows("SELECT count(*), count(DISTINCT id) FROM events WHERE id LIKE 'killed-%'") == [(60, 60)]
