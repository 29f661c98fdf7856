"""The platform's procedure when every member of the database is gone with its volume, as a Job that a person starts.

It refuses while a member still has data, or there is no base backup; then it removes Patroni's record of the lost cluster, as
`patronictl remove` does. The founder restores the newest backup, the other members clone it. The Job ends when a primary serves again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import aiohttp

from ..watching import reached  # noqa: TID252 - of the platform
from .objects import ObjectStoreError
from .restoring import BASE, RestoreRefused, StoredBackups

RECORDS = ("", "-config", "-sync", "-failover")
"""Endpoints in which Patroni keeps what it knows of a cluster, after the cluster's name."""
WITHIN_S = 550.0
_AGAIN_S = 0.5


def served_by(pods: list[dict[str, Any]]) -> list[str]:
    """Members that say that their server runs."""
    return [pod["metadata"]["name"] for pod in pods if _status(pod).get("state") == "running"]


def leads(pods: list[dict[str, Any]]) -> str:
    """The member that is a running primary; empty: there is none."""
    there = (pod for pod in pods if _status(pod).get("state") == "running")
    return next((pod["metadata"]["name"] for pod in there if _status(pod).get("role") in ("primary", "master")), "")


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads((pod["metadata"].get("annotations") or {}).get("status", ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def recover(session: aiohttp.ClientSession, place: str, cluster: str, store: StoredBackups) -> str:
    """Restore the cluster; the member that leads then.

    Args:
        session: with the Kubernetes API.
        place: URL of the namespace's objects.
        cluster: name of the cluster.
        store: where its backups lie.

    Raises:
        RestoreRefused: a member still has data, or there is no base backup. TimeoutError: no member leads in time.
    """
    if running := served_by(await _members(session, place, cluster)):
        raise RestoreRefused(f"{', '.join(running)} still runs; hint: nothing is restored over a member that has data")
    base = await asyncio.to_thread(store.newest, BASE)
    if not base:
        raise RestoreRefused(f"there is no base backup below {BASE}; hint: search for one elsewhere before you go on")
    for record in RECORDS:
        async with session.delete(f"{place}/endpoints/{cluster}{record}") as response:
            if response.status not in (200, 202, 404):
                raise RestoreRefused(f"the record {cluster}{record} is not removed: {response.status}")
    sys.stdout.write(f"the record of {cluster} is removed; its founder restores {base}\n")
    sys.stdout.flush()
    async with asyncio.timeout(WITHIN_S):
        while not (leader := leads(await _members(session, place, cluster))):  # noqa: ASYNC110 - Patroni says it
            await asyncio.sleep(_AGAIN_S)
    return leader


async def _members(session: aiohttp.ClientSession, place: str, cluster: str) -> list[dict[str, Any]]:
    async with session.get(f"{place}/pods", params={"labelSelector": f"cluster-name={cluster}"}) as response:
        response.raise_for_status()
        found = await response.json()
    return [*found["items"]]


async def _run() -> str:
    async with reached() as (session, server):
        place = f"{server}/api/v1/namespaces/{os.environ['POD_NAMESPACE']}"
        return await recover(session, place, os.environ["CLUSTER"], StoredBackups.from_env())


def main() -> None:
    """Recover, and say who leads."""
    try:
        leader = asyncio.run(_run())
    except (RestoreRefused, ObjectStoreError, aiohttp.ClientError, TimeoutError) as error:
        sys.exit(f"the database is not restored: {error or type(error).__name__}")
    sys.stdout.write(f"{leader} leads\n")


if __name__ == "__main__":
    main()
