"""Defects of encryption that bad releases switch on, as those of `defects`: all are off unless the pod's environment sets them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .envelope import AES_256


@dataclass(frozen=True, kw_only=True, slots=True)
class AtRestDefects:
    """What is not encrypted as it should be.

    Attributes:
        clear_column: a column of contacts that is stored in clear; empty: none.
        cipher: of data keys.
        key_days: the age in days of the data key when the database is founded.
    """

    clear_column: str = ""
    cipher: str = AES_256
    key_days: int = 0

    @classmethod
    def from_env(cls) -> AtRestDefects:
        """The defects this pod was deployed with."""
        env = os.environ
        return cls(
            clear_column=env.get("DEFECT_CLEAR_COLUMN", ""),
            cipher=env.get("DEFECT_CIPHER", AES_256),
            key_days=int(env.get("DEFECT_KEY_DAYS", "0")),
        )
