"""What the part `backup` has of secrets: the keys of its object store, the key of the backups, and the token of the operators."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Final

PART: Final = "backup"
SERVICE: Final = ("database", "backup")
"""Namespace and name of the Service."""
SCRATCH_PORT: Final = 5433


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupCredentials:
    """One set; `key` is in base64."""

    access_key: str
    secret_key: str
    key: str
    token: str

    @classmethod
    def generate(cls) -> BackupCredentials:
        """New random ones."""
        return cls(
            access_key=secrets.token_hex(10),
            secret_key=secrets.token_urlsafe(30),
            key=base64.b64encode(secrets.token_bytes(32)).decode(),
            token=secrets.token_urlsafe(24),
        )

    def of_database(self) -> dict[str, str]:
        """The texts of the Secret beside the database."""
        return {"access-key": self.access_key, "secret-key": self.secret_key, "key": self.key, "token": self.token}

    def files(self) -> dict[str, str]:
        """Files that the target file names, with their texts."""
        return {
            "backup-token": f"Bearer {self.token}",
            "backup-access-key": self.access_key,
            "backup-secret-key": self.secret_key,
        }
