"""Snapshots of the cache: each primary sends its keys (RDB), as to a replica that comes up.

Source: https://valkey.io/topics/replication/, and `getRDB` of valkey-cli.
"""

from __future__ import annotations

import asyncio

from ..caching.cluster import SLOTS, CachePlace, owners  # noqa: TID252 - of the platform
from ..caching.wire import CacheLink, CacheLost, CacheRefused, command  # noqa: TID252 - as above

_WITHIN_S = 30.0
_ASKED, _AGAIN_S = 10, 0.3
_MARK = 40
_PIECE = 1 << 16


class SnapshotFailed(Exception):
    """No snapshot was made; the text says why."""


async def snapshot(host: str, port: int, password: str) -> dict[str, bytes]:
    """A file of each primary of the cluster, by its name: the first slot that the primary serves.

    Args:
        host: of any server of the cluster.
        port: of that server.
        password: of the default user.

    Raises:
        SnapshotFailed: a slot is not served, or a primary does not send its keys.
    """
    try:
        ranges = await _ranges(host, port, password)
        served = sum(last - first + 1 for first, last, _ in ranges)
        if served != SLOTS:
            raise SnapshotFailed(f"{served} of {SLOTS} slots of the cache are served")
        begins = {place: first for first, _, place in sorted(ranges, reverse=True)}
        async with asyncio.timeout(_WITHIN_S):
            return {f"{first:05}.rdb": await _keys_of(place, password) for place, first in begins.items()}
    except (CacheLost, CacheRefused, OSError, EOFError, ValueError, TypeError, TimeoutError) as error:
        raise SnapshotFailed(f"the cache sent no snapshot: {type(error).__name__}: {error}") from error


async def _ranges(host: str, port: int, password: str) -> list[tuple[int, int, CachePlace]]:
    """Who has which slots, asked again of a server that is busy. Raises CacheLost, CacheRefused, and ValueError for another answer."""
    failed = 0
    while True:
        try:
            link = await CacheLink.opened(host, port, password)
            try:
                return owners(await link.ask("CLUSTER", "SLOTS"))
            finally:
                link.close()
        except CacheLost:
            failed += 1
            if failed == _ASKED:
                raise
            await asyncio.sleep(_AGAIN_S)


async def _keys_of(place: CachePlace, password: str) -> bytes:
    """What a primary sends to a replica that comes up. Raises OSError, EOFError, and ValueError for another answer."""
    reader, writer = await asyncio.open_connection(*place)
    try:
        for words in (("AUTH", password), ("REPLCONF", "capa", "eof"), ("REPLCONF", "rdb-only", "1")):
            writer.write(command(words))
            if not (line := await reader.readline()).startswith(b"+"):
                raise ValueError(f"{words[0]} was answered {line.strip().decode(errors='replace')}")
        writer.write(command(("SYNC",)))
        while not (line := (await reader.readline()).strip()):  # an empty line says that it still works
            if reader.at_eof():
                raise EOFError("the connection ended")
        if line.startswith(b"$EOF:"):
            return await _until(reader, line.removeprefix(b"$EOF:"))
        if not line.startswith(b"$"):
            raise ValueError(f"SYNC was answered {line.decode(errors='replace')}")
        return await reader.readexactly(int(line[1:]))
    finally:
        writer.close()


async def _until(reader: asyncio.StreamReader, mark: bytes) -> bytes:
    """What comes before a mark, which is the last that comes."""
    if len(mark) != _MARK:
        raise ValueError("no mark for the end of the keys")
    content = bytearray()
    while not content.endswith(mark):
        if not (piece := await reader.read(_PIECE)):
            raise EOFError("the connection ended")
        content += piece
    return bytes(content[:-_MARK])
