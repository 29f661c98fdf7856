"""Joins a server of the cache to the others: each meets those that it does not know, and a replica follows its primary.

A server that knows all of them has nothing to do here: what it knows is on its disk. Where the first pod of a region comes back as a replica, it takes its slots
back once it has their keys, so that each region has a primary again.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Final

from ..kit.settings import PodSettings, address_of  # noqa: TID252 - of the platform
from .wire import CacheLink, CacheLost, CacheRefused, Reply

WITHIN_S: Final = 120.0
_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """A server, as one of them knows it; `primary` is the id of its primary, empty if it is one."""

    id: str
    host: str
    port: int
    primary: str
    slots: bool
    myself: bool
    known: bool


def members(reply: Reply) -> list[ClusterMember]:
    """The servers that CLUSTER NODES lists."""
    text = reply.decode() if isinstance(reply, bytes) else str(reply)
    found = []
    for line in text.splitlines():
        id_, address, flags, primary, _, _, _, _, *slots = line.split(" ")
        host, _, port = address.split("@")[0].rpartition(":")
        found.append(
            ClusterMember(
                id=id_,
                host=host,
                port=int(port or 0),
                primary=primary.replace("-", ""),
                slots=bool(slots),
                myself="myself" in flags,
                known=not {"handshake", "noaddr"} & {*flags.split(",")},
            )
        )
    return found


class Joining:
    """The way of one server into the cluster.

    Args:
        settings: its pod.
        seed: address behind which any server answers.
        password: of the default user.
        expected: number of servers.
        primary: id of the server that it follows; empty: of none.
    """

    def __init__(
        self, settings: PodSettings, seed: tuple[str, int], password: str, expected: int, primary: str
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._password = password
        self._expected = expected
        self._primary = primary

    async def run(self) -> bool:
        """Try until it is done; False: it was not within WITHIN_S."""
        until_s = asyncio.get_running_loop().time() + WITHIN_S
        while asyncio.get_running_loop().time() < until_s:
            try:
                if await self._step():
                    return True
            except (CacheLost, CacheRefused):  # a server that is not there yet
                pass
            await asyncio.sleep(_EVERY_S)
        return False

    async def _step(self) -> bool:
        here = await CacheLink.opened(self._settings.address, self._settings.port, self._password)
        try:
            there = [each for each in members(await here.ask("CLUSTER", "NODES")) if each.known]
            (myself,) = (each for each in there if each.myself)
            if len(there) < self._expected:
                await self._meet(here, {each.id for each in there})
                return False
            if myself.primary:
                return not await self._leads_back(here)
            if myself.slots or not self._primary:
                return True
            followed = next((each for each in there if each.id == self._primary), myself)
            await here.ask("CLUSTER", "REPLICATE", followed.primary or followed.id)
            return False
        finally:
            here.close()

    async def _meet(self, here: CacheLink, known: set[str]) -> None:
        """Meet a server that the seed leads to, if it is not known yet."""
        other = await CacheLink.opened(*self._seed, self._password)
        try:
            (met,) = (each for each in members(await other.ask("CLUSTER", "NODES")) if each.myself)
            if met.id not in known and met.host:
                await here.ask("CLUSTER", "MEET", met.host, met.port)
        finally:
            other.close()

    async def _leads_back(self, here: CacheLink) -> bool:
        """Whether this is the first pod of a region, which is a replica now: it takes its slots back once it follows."""
        if self._primary:
            return False
        text = await here.ask("INFO", "replication")
        if isinstance(text, bytes) and b"master_link_status:up" in text:
            await here.ask("CLUSTER", "FAILOVER")
        return True


def join(settings: PodSettings, regions: list[str], password: str) -> None:
    """Join the server of this pod, which starts meanwhile."""
    from .node import id_of, primary_of

    followed = primary_of(settings.pod, regions)
    if os.environ.get("DEFECT_NO_REPLICA") == "yes":
        followed = ""  # planted: it stays a primary without slots
    expected = 2 * len(regions)
    joining = Joining(settings, address_of("cache"), password, expected, id_of(followed) if followed else "")
    if not asyncio.run(joining.run()):
        sys.stderr.write(f"cache: {settings.pod} did not join {expected} servers within {WITHIN_S:g} s\n")
