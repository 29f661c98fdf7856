"""What is secret on the platform, made anew for each sandbox.

They are passwords, the token secret, the database's certificates, and what the parts `identity`, `encryption-at-rest`, `secrets`, `backup` and `cache` have.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from readiness_sandbox.cluster.tls import Authority
from readiness_sandbox.platform.backup import PART as BACKUP
from readiness_sandbox.platform.backup import BackupCredentials
from readiness_sandbox.platform.identity import PART, IdentityCredentials

CACHE = "cache"
"""The part, and its Secrets."""
ROLES = ("superuser", "replication", "rewind", "normaldance", "readiness")
HOSTS = ("main.database.svc.cluster.local", "*.postgres.database.svc.cluster.local")


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """One set; `passwords` by role, certificates as PEM text."""

    passwords: Mapping[str, str]
    token_secret: str
    ca: str
    certificate: str
    key: str
    identity: IdentityCredentials
    master_key: str
    store_token: str
    backup: BackupCredentials
    cache_password: str

    @classmethod
    def generate(cls, entry: str = "http://127.0.0.1") -> Credentials:
        """New random credentials of a platform with this entry. All database members share one certificate.

        Clients verify the authority (verify-ca).
        """
        authority = Authority("normaldance database")
        pair = authority.issue(HOSTS[0], names=HOSTS)
        return cls(
            passwords={role: secrets.token_urlsafe(18) for role in ROLES},
            token_secret=secrets.token_urlsafe(36),
            ca=authority.certificate.decode(),
            certificate=pair.certificate.decode(),
            key=pair.key.decode(),
            identity=IdentityCredentials.generate(issuer=entry),
            master_key=base64.b64encode(secrets.token_bytes(32)).decode(),
            store_token=secrets.token_urlsafe(24),
            backup=BackupCredentials.generate(),
            cache_password=secrets.token_urlsafe(24),
        )

    def objects(self, regions: list[str], deployed: Collection[str] = ()) -> list[dict[str, Any]]:
        """The Secrets that the manifests refer to: two of the database, one in each region, and those of the parts that are deployed."""
        tls = {"ca.crt": self.ca, "tls.crt": self.certificate, "tls.key": self.key}
        shared = {
            "token-secret": self.token_secret,
            "database-password": self.passwords["normaldance"],
            "ca.crt": self.ca,
        }
        return [
            secret("database", "postgres", dict(self.passwords)),
            secret("database", "postgres-tls", tls),
            *(secret(region, "platform", shared) for region in regions),
            *(self._of_identity(regions) if PART in deployed else ()),
            *(self._of_encryption(regions) if "encryption-at-rest" in deployed else ()),
            *([secret("database", "store", {"token": self.store_token})] if "secrets" in deployed else ()),
            *([secret("database", BACKUP, self.backup.of_database())] if BACKUP in deployed else ()),
            *(self._of_cache(regions) if CACHE in deployed else ()),
        ]

    def _of_cache(self, regions: list[str]) -> list[dict[str, Any]]:
        return [secret(each, CACHE, {"password": self.cache_password}) for each in ("database", *regions)]

    def _of_encryption(self, regions: list[str]) -> list[dict[str, Any]]:
        return [secret(each, "encryption", {"master-key": self.master_key}) for each in ("database", *regions)]

    def _of_identity(self, regions: list[str]) -> list[dict[str, Any]]:
        of_regions = [secret(region, PART, self.identity.of_region()) for region in regions]
        return [secret("database", PART, self.identity.of_database()), *of_regions]


def secret(namespace: str, name: str, data: dict[str, str]) -> dict[str, Any]:
    """A Secret with these texts."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": encoded,
    }
