"""A connection to one server of the cache, in the Redis protocol (RESP 2).

Commands are sent as they come and answered in their order, so many callers share one connection.
Source: https://valkey.io/topics/protocol/
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Self

WITHIN_S: Final = 0.1
"""Time for a connection, and for each answer, in s."""
Reply = bytes | str | int | list["Reply"] | None
Heard = Callable[[bytes, bytes], None]
"""Is given channel and message."""
_MESSAGE: Final = b"message"


class CacheLost(Exception):
    """A server of the cache cannot be reached, or did not answer in time."""


class CacheRefused(Exception):
    """A server of the cache answered with an error; the text is the server's."""


class CacheLink:
    """A connection.

    Args:
        reader, writer: its ends.
        heard: is given what comes on the channels that the connection subscribed to.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Heard | None = None) -> None:
        self._reader = reader
        self._writer = writer
        self._heard = heard
        self._asked: deque[asyncio.Future[Reply]] = deque()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def opened(cls, host: str, port: int, password: str, heard: Heard | None = None) -> Self:
        """A connection on which the default user has signed in.

        Raises:
            CacheLost: no connection, or no answer.
            CacheRefused: the password is wrong.
        """
        try:
            async with asyncio.timeout(WITHIN_S):
                reader, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise CacheLost(f"no connection to {host}:{port}") from error
        link = cls(reader, writer, heard)
        if password:
            await link.ask("AUTH", password)
        return link

    @property
    def open(self) -> bool:
        """Whether commands can be sent."""
        return not self._reading.done()

    async def ask(self, *words: str | bytes | int) -> Reply:
        """The answer to a command.

        Raises:
            CacheLost: the connection ended, or there was no answer in time: it is closed then.
            CacheRefused: the answer is an error.
        """
        if not self.open:
            raise CacheLost("the connection is closed")
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._writer.write(command(words))
        try:
            async with asyncio.timeout(WITHIN_S):
                return await asyncio.shield(answer)
        except TimeoutError:
            self.close()
            raise CacheLost(f"no answer within {WITHIN_S:g} s") from None

    async def closed(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.wait([self._reading])

    def close(self) -> None:
        """End it; whoever waits for an answer gets CacheLost."""
        self._reading.cancel()
        self._writer.close()
        self._give_up()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await _reply(self._reader))
        except (OSError, EOFError, ValueError):
            self._writer.close()
        finally:
            self._give_up()

    def _take(self, reply: Reply | CacheRefused) -> None:
        match reply:
            case [bytes(kind), bytes(channel), bytes(message)] if self._heard is not None and kind == _MESSAGE:
                self._heard(channel, message)
            case _ if not self._asked:
                raise ValueError("an answer that nothing was asked for")
            case _:
                answer = self._asked.popleft()
                if answer.done():
                    return
                _end(answer, reply)

    def _give_up(self) -> None:
        while self._asked:
            answer = self._asked.popleft()
            if not answer.done():
                _end(answer, CacheLost("the connection ended"))


def _end(answer: asyncio.Future[Reply], reply: Reply | Exception) -> None:
    if isinstance(reply, Exception):
        answer.set_exception(reply)
        answer.exception()  # it was read: a caller that has left does not ask
    else:
        answer.set_result(reply)


def command(words: tuple[str | bytes | int, ...]) -> bytes:
    """The bytes of a command."""
    texts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join((b"*%d\r\n" % len(texts), *(b"$%d\r\n%s\r\n" % (len(text), text) for text in texts)))


async def _reply(reader: asyncio.StreamReader) -> Reply | CacheRefused:
    """The next answer. Raises EOFError, OSError, and ValueError for what is not an answer."""
    line = (await reader.readuntil(b"\r\n"))[:-2]
    kind, rest = line[:1], line[1:]
    match kind:
        case b"+":
            return rest.decode()
        case b"-":
            return CacheRefused(rest.decode(errors="replace"))
        case b":":
            return int(rest)
        case b"$":
            length = int(rest)
            return None if length < 0 else (await reader.readexactly(length + 2))[:-2]
        case b"*":
            if (count := int(rest)) < 0:
                return None
            items = [await _reply(reader) for _ in range(count)]
            return [str(item) if isinstance(item, CacheRefused) else item for item in items]
    raise ValueError(f"no answer of the protocol: {line[:40]!r}")
