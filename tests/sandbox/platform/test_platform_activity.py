"""Active users, counted by several pods over a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from harness.clock import Deadline

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres, Services

FIRST, SECOND, THIRD = "127.92.7.1", "127.92.7.2", "127.92.7.3"


def sign_in(address: str, *numbers: int) -> None:
    """These listeners, at one pod."""
    for number in numbers:
        name = f"listener-{number}"
        answer = httpx.post(f"http://{address}:8080/sessions", json={"user": name, "password": f"listen-{name}"})
        assert answer.status_code == 201


def gauge(address: str) -> str:
    """What the pod's metrics say."""
    lines = httpx.get(f"http://{address}:8080/metrics").text.splitlines()
    return next(line.split()[1] for line in lines if line.startswith("active_users "))


def until(address: str, says: str) -> None:
    """The gauge of that pod says so within half a minute."""
    for _ in Deadline.after(30).ticks(0.05):
        if gauge(address) == says:
            return
    raise AssertionError(f"{address} says {gauge(address)}, not {says}")


def test_a_user_is_counted_once_wherever_and_until_half_an_hour_has_passed(
    services: Services, postgres: Postgres
) -> None:
    """Three users at two pods, one of them at both: each pod says three. One who was there an hour ago is not active, nor is a refused one.

    A pod of the bad release counts its own alone, another one whoever was there.
    """
    postgres.rows("DELETE FROM activity RETURNING name")
    postgres.rows("INSERT INTO activity VALUES ('listener-400', now() - interval '1 minute') RETURNING name")
    for address in (FIRST, SECOND):
        services.start("user", address)
    services.start("user", THIRD, DEFECT_ACTIVE_USERS="own")
    sign_in(FIRST, 1, 2)
    sign_in(SECOND, 2, 3)
    refused = httpx.post(f"http://{FIRST}:8080/sessions", json={"user": "listener-9", "password": "wrong"})
    assert refused.status_code == 401
    until(FIRST, "3.0")
    until(SECOND, "3.0")
    until(THIRD, "0.0")
    sign_in(THIRD, 1)
    until(THIRD, "1.0")
    services.start("user", "127.92.7.4", DEFECT_ACTIVE_USERS="ever")
    until("127.92.7.4", "4.0")


def test_without_a_database_the_number_is_unknown_and_nobody_is_forgotten(
    services: Services, postgres: Postgres
) -> None:
    """Who signed in before it went away is counted when it is back."""
    postgres.rows("DELETE FROM activity RETURNING name")
    services.start("user", FIRST, BOUNDED="yes")
    until(FIRST, "0.0")
    sign_in(FIRST, 5)
    postgres.stop()
    try:
        until(FIRST, "NaN")
    finally:
        postgres.start()
    until(FIRST, "1.0")
