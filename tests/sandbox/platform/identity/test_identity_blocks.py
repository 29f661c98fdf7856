"""Refused credentials by client, the block list, and the gateways that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from readiness_sandbox.platform.normaldance.identity.blocking import BLOCK, LONGEST, attackers_in
from readiness_sandbox.releases import load_release
from tests.sandbox.platform.identity.conftest import until, variables

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Services
    from tests.sandbox.platform.identity.conftest import Identity

READS, IGNORES, DEAF = (f"127.93.38.{n}" for n in range(31, 34))
ATTACKER, OTHER = "127.0.77.1", "127.0.77.2"
OF = {READS: "", IGNORES: "unread-block-list", DEAF: "unwatched-attack"}


@pytest.fixture
def gateways(identity: Identity, services: Services) -> None:
    """A gateway that reads the block list, and one of each bad release."""
    for address, release in OF.items():
        bad = load_release(release).workloads["api-gateway"].env if release else {}
        services.start("gateway", address, **variables(identity.credentials), BLOCKS="on", **bad)
    header = identity.header("viewer-2")
    until(lambda: all(called(address, OTHER, header) == 200 for address in OF), 30.0)


def called(gateway: str, source: str, headers: dict[str, str]) -> int:
    """The status of a call from an address of this machine."""
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(base_url=f"http://{gateway}:8080", transport=transport, trust_env=False, timeout=30) as client:
        return client.get("/tracks", headers=headers).status_code


def counted(gateway: str) -> list[str]:
    """The lines of the counter."""
    text = httpx.get(f"http://{gateway}:8080/metrics", trust_env=False, timeout=30).text
    return [line for line in text.splitlines() if line.startswith("refused_credentials_total{")]


@pytest.mark.usefixtures("gateways")
def test_a_client_that_is_blocked_is_refused_and_others_are_not(identity: Identity) -> None:
    """Within seconds of its entry, until the block is lifted; the gateway of `unread-block-list` goes on."""
    header = identity.header("viewer-2")
    with identity.postgres.connected() as connection:
        connection.execute(BLOCK, (ATTACKER, "2026-01-01T00:00:00Z", LONGEST))
    until(lambda: called(READS, ATTACKER, header) == 403, 30.0)
    assert (called(READS, OTHER, header), called(IGNORES, ATTACKER, header)) == (200, 200)
    with identity.postgres.connected() as connection:
        connection.execute("UPDATE blocked SET since = now(), until = now()")
    until(lambda: called(READS, ATTACKER, header) == 200, 30.0)


@pytest.mark.usefixtures("gateways")
def test_refused_credentials_are_counted_by_client() -> None:
    """A forged token and a missing one; the gateway of `unwatched-attack` counts passwords alone."""
    for gateway in (READS, DEAF):
        assert [called(gateway, ATTACKER, {"authorization": "Bearer a.b.c"}), called(gateway, ATTACKER, {})] == [
            401
        ] * 2
    assert counted(READS) == [f'refused_credentials_total{{client="{ATTACKER}",kind="token"}} 2.0']
    assert counted(DEAF) == []


def test_an_alert_blocks_once(identity: Identity) -> None:
    """A block that was lifted is not renewed by the alert of before, but by a newer one."""
    with identity.postgres.connected() as connection:
        entered = [
            connection.execute(BLOCK, ("127.0.77.9", since, LONGEST)).fetchone() is not None
            for since in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
        ]
    assert entered == [True, False, True]


def test_only_firing_alerts_on_attacks_name_attackers() -> None:
    """Not those that are over, nor those of other rules."""
    named = [("AttackSuspected", "firing"), ("AttackSuspected", "resolved"), ("HighErrorRate", "firing")]
    alerts = [
        {"labels": {"alertname": name, "client": f"127.0.77.{n}"}, "status": status, "startsAt": "2026-01-01T00:00:00Z"}
        for n, (name, status) in enumerate(named, 1)
    ]
    assert list(attackers_in({"alerts": alerts})) == [("127.0.77.1", "2026-01-01T00:00:00Z")]
