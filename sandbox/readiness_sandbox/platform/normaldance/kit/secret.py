"""The user and password of the database, from a directory into which the kubelet writes the Secret: read again whenever it has changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 0.5
"""How often the directory is read."""


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
        return True

    async def followed(self, renew: Callable[[], Awaitable[None]]) -> None:
        """Call `renew` whenever it has changed, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            if self.changed():
                await renew()
