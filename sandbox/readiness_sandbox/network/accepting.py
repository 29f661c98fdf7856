"""Accepts all connections that wait, in each turn of the event loop.

libuv, which uvloop is built on, accepts one a turn. The turns of a busy process are long: where more connections are made than it has turns, each
of them waits longer than the one before it, while those that are open are served at once.
"""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

AT_ONCE: Final = 128
"""So many in a turn at most: those that are open have theirs, too."""
_RETRY_S: Final = 0.5
"""A process without a free descriptor tries again after so long, as asyncio's own server does."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Accepting:
    """Accepts from now on, in the running loop, until it is closed.

    Args:
        listening: the socket; closed with this.
        protocol: makes the protocol of a connection.
    """

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._protocol = protocol
        self._opening: set[asyncio.Task[None]] = set()
        listening.settimeout(0)
        self._begin()

    def close(self) -> None:
        """Accept no more; connections that were accepted stay."""
        if self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening)
            self._listening.close()

    def _begin(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._loop.remove_reader(self._listening)
                self._loop.call_later(_RETRY_S, self._begin)
                return
            task = self._loop.create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        with suppress(OSError):  # it was reset meanwhile
            await self._loop.connect_accepted_socket(self._protocol, connection)
