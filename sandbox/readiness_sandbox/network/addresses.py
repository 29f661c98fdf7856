"""Addresses of one sandbox: 127.b.0.0/16, cut into pods and fronts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

PODS = (1, 63)
FRONTS = (64, 254)


def api_address(octet: int) -> str:
    """Where the API server of the sandbox with that second octet listens."""
    return f"127.{octet}.0.1"


class Pool:
    """Addresses 127.b.x.y with x in a range, handed out by key and reused as late as possible."""

    def __init__(self, octet: int, thirds: tuple[int, int]) -> None:
        self._thirds = thirds
        self._octet = octet
        self._held: dict[str, str] = {}
        self._used: set[str] = set()
        self._cursor = self._walk()

    def take(self, key: str) -> str:
        """The address of that key: the one it holds, or a new one.

        Raises SandboxError when all are held.
        """
        if key not in self._held:
            low, high = self._thirds
            if len(self._used) >= (high - low + 1) * 254:
                raise SandboxError(
                    "all loopback addresses of this range are in use",
                    where=f"127.{self._octet}.{low}.0",
                    hint="stop the sandbox and start it again",
                )
            address = next(each for each in self._cursor if each not in self._used)
            self._held[key] = address
            self._used.add(address)
        return self._held[key]

    def release(self, key: str) -> None:
        """Give the key's address back; idempotent."""
        if (address := self._held.pop(key, None)) is not None:
            self._used.discard(address)

    def release_below(self, prefix: str) -> None:
        """Give back the addresses of all keys that begin so."""
        for key in [key for key in self._held if key.startswith(prefix)]:
            self.release(key)

    def _walk(self) -> Iterator[str]:
        low, high = self._thirds
        while True:
            for third in range(low, high + 1):
                for fourth in range(1, 255):
                    yield f"127.{self._octet}.{third}.{fourth}"
