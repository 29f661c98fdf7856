"""The user and password of the database, from a directory into which the kubelet writes the Secret: read again whenever it has changed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 0.5
"""How often the directory is read."""
SPREAD_S = 8.0
"""Over how long the connections of a user that was replaced are given up: to connect costs more than a request, and all pods do it."""


@dataclass(frozen=True, slots=True)
class DatabaseUser:
    """A user with its password."""

    name: str
    password: str = field(repr=False)


class MountedSecret:
    """The Secret in a directory, in the files `db-user` and `db-password`."""

    def __init__(self, directory: Path, *, once: bool = False) -> None:
        self._directory = directory
        self._once = once
        self._replaced_at = 0.0
        self.user = self._read()

    @classmethod
    def from_env(cls) -> MountedSecret | None:
        """The Secret of this pod; None where user and password are in the environment alone."""
        directory = os.environ.get("DATABASE_SECRET", "")
        once = os.environ.get("DEFECT_PASSWORD_ONCE", "") == "yes"  # planted: the password is read at the start only
        return cls(Path(directory), once=once) if directory else None

    def _read(self) -> DatabaseUser:
        name, password = ((self._directory / file).read_text("utf-8").strip() for file in ("db-user", "db-password"))
        return DatabaseUser(name, password)

    def changed(self) -> bool:
        """Read again; whether it is another one now. A file that is being replaced is read the next time."""
        if self._once:
            return False
        try:
            now, again = self._read(), self._read()
        except OSError:
            return False
        if now != again or now == self.user:
            return False  # of two files one may be new and the other not yet
        self.user = now
        self._replaced_at = time.monotonic()
        return True

    def is_given_up(self, user: str, share: float) -> bool:
        """Whether a connection of that user is to be closed; `share` is its own moment in `SPREAD_S`, from 0 to 1."""
        return user != self.user.name and time.monotonic() >= self._replaced_at + share * SPREAD_S

    async def followed(self, renew: Callable[[], Awaitable[None]]) -> None:
        """Read it again and again until cancelled, and let `renew` close what is given up after it has changed."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.changed()
            if time.monotonic() < self._replaced_at + SPREAD_S + 2 * EVERY_S:
                await renew()
