"""The cluster of the cache as a client sees it: which server has a key, and which servers are left alone for now."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from .wire import CacheLink, CacheLost, CacheRefused, Heard, Reply

if TYPE_CHECKING:
    from aiohttp import web

SLOTS: Final = 16_384
FAILURES: Final = 3
"""A server that failed so often in a row is left alone for a while."""
LEFT_ALONE_S: Final = 1.0
_READ_EVERY_S: Final = 5.0
"""How often the servers are asked which slots they have, unless one failed."""
_READ_AGAIN_S: Final = 0.5


class CachePlace(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


class _Breaker:
    """Says whether a server is asked: not within LEFT_ALONE_S after FAILURES failures in a row; then one call tries it."""

    def __init__(self) -> None:
        self._failed = 0
        self._until_s = 0.0

    def lets(self, now_s: float) -> bool:
        if self._failed < FAILURES:
            return True
        if now_s < self._until_s:
            return False
        self._until_s = now_s + LEFT_ALONE_S  # the others wait for what this call finds
        return True

    def answered(self) -> None:
        self._failed = 0

    def failed(self, now_s: float) -> None:
        self._failed += 1
        self._until_s = now_s + LEFT_ALONE_S


class CacheCluster:
    """Commands on keys, each sent to the primary that has the key's slot.

    Args:
        seed: address behind which any server answers.
        password: of the default user.
    """

    def __init__(self, seed: CachePlace, password: str) -> None:
        self._seed = seed
        self._password = password
        self._owners: list[tuple[int, int, CachePlace]] = []
        self._links: dict[CachePlace, CacheLink] = {}
        self._opening: dict[CachePlace, asyncio.Lock] = {}
        self._breakers: dict[CachePlace, _Breaker] = {}
        self._doubted = asyncio.Event()

    async def ask(self, key: str, *words: str | bytes | int) -> Reply:
        """The answer to a command on a key.

        Raises:
            CacheLost: there is no answer: no server has the key's slot, its server fails, or it was left alone.
        """
        place = self._owner(slot_of(key))
        for _ in range(2):
            try:
                return await self._asked(place, words)
            except CacheRefused as refusal:
                self._doubted.set()
                place = _moved(refusal)
        raise CacheLost("the key's slot moves")

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan in which it is known which server has which slots."""
        with suppress(CacheLost):
            await self._read_slots()
        watching = asyncio.create_task(self._watch())
        yield
        watching.cancel()
        await asyncio.wait([watching])
        for link in self._links.values():
            link.close()

    async def listen(self, channel: str, heard: Heard) -> None:
        """Hear what is published on a channel, at any server, for ever; messages of a time without a connection are lost."""
        while True:
            with suppress(CacheLost, CacheRefused):
                link = await CacheLink.opened(*self._seed, self._password, heard)
                try:
                    await link.ask("SUBSCRIBE", channel)
                    await link.closed()
                finally:
                    link.close()
            await asyncio.sleep(_READ_AGAIN_S)

    def _owner(self, slot: int) -> CachePlace:
        for first, last, place in self._owners:
            if first <= slot <= last:
                return place
        self._doubted.set()
        raise CacheLost("no server has the key's slot")

    async def _asked(self, place: CachePlace, words: tuple[str | bytes | int, ...]) -> Reply:
        now_s = asyncio.get_running_loop().time
        breaker = self._breakers.setdefault(place, _Breaker())
        if not breaker.lets(now_s()):
            raise CacheLost(f"{place.host} is left alone for now")
        try:
            reply = await (await self._link(place)).ask(*words)
        except CacheRefused:
            breaker.answered()
            raise
        except CacheLost:
            breaker.failed(now_s())
            self._doubted.set()
            raise
        breaker.answered()
        return reply

    async def _link(self, place: CachePlace) -> CacheLink:
        async with self._opening.setdefault(place, asyncio.Lock()):
            link = self._links.get(place)
            if link is None or not link.open:
                try:
                    link = self._links[place] = await CacheLink.opened(*place, self._password)
                except CacheRefused as refusal:
                    raise CacheLost(f"{place.host} does not let this pod in: {refusal}") from refusal
            return link

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_READ_EVERY_S):
                    await self._doubted.wait()
            self._doubted.clear()
            with suppress(CacheLost):
                await self._read_slots()
            await asyncio.sleep(_READ_AGAIN_S)

    async def _read_slots(self) -> None:
        """Ask who has which slots, of servers that are known and then of the seed. Raises CacheLost: no server answers that."""
        known = {place: None for _, _, place in self._owners}
        for place in (*known, self._seed):
            with suppress(CacheLost, CacheRefused, TypeError, ValueError):
                found = owners(await (await self._link(place)).ask("CLUSTER", "SLOTS"))
                if found:
                    self._owners = found
                    return
        raise CacheLost("no server says who has which slots")


def slot_of(key: str) -> int:
    """The hash slot of a key without a hash tag: its CRC16 (XMODEM)."""
    return binascii.crc_hqx(key.encode(), 0) % SLOTS


def owners(reply: Reply) -> list[tuple[int, int, CachePlace]]:
    """First and last slot of each range, and its primary. Raises TypeError and ValueError for another answer."""
    found = []
    for one in reply if isinstance(reply, list) else ():
        match one:
            case [int(first), int(last), [bytes(host), int(port), *_], *_]:
                found.append((first, last, CachePlace(host.decode(), port)))
            case _:
                raise ValueError(f"no range of slots: {one!r}")
    return found


def _moved(refusal: CacheRefused) -> CachePlace:
    """Where a key is that its server no longer has. Raises CacheLost for any other refusal."""
    word, _, rest = str(refusal).partition(" ")
    host, _, port = rest.rpartition(" ")[2].rpartition(":")
    if word != "MOVED" or not port.isdigit():
        raise CacheLost(str(refusal)) from refusal
    return CachePlace(host, int(port))
