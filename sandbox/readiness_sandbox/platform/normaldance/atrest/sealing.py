"""Seals the values of personal columns, and opens them, with the data key of the database."""

from __future__ import annotations

from ..kit.app import Unavailable  # noqa: TID252 - of the platform
from ..kit.postgres import DatabaseRouter, one  # noqa: TID252 - as above
from .envelope import SealError, SealingKey, unwrapped

DATA_KEY = "SELECT id, wrapped FROM data_keys WHERE in_use"


class ColumnSeal:
    """The values of personal columns, on one database."""

    def __init__(self, database: DatabaseRouter, master: SealingKey) -> None:
        self._database = database
        self._master = master
        self._key: SealingKey | None = None

    async def key(self) -> SealingKey:
        """The data key in use, unwrapped once. Raises Unavailable."""
        if self._key is None:
            row = await self._database.read(one(DATA_KEY))
            if row is None:
                raise Unavailable("there is no data key")
            self._key = unwrapped(row["id"], row["wrapped"], self._master)
        return self._key

    async def sealed(self, column: str, text: str) -> str:
        """A value of a column (`TABLE.COLUMN`) as it is stored. Raises Unavailable."""
        return (await self.key()).seal(text, column)

    async def opened(self, column: str, value: str) -> str:
        """The text of a stored value. Raises Unavailable."""
        try:
            return (await self.key()).open(value, column)
        except SealError as error:
            raise Unavailable("a value cannot be opened") from error
