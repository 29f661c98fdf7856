"""What is secret of the part `identity`, made anew for each sandbox: keys, clients, test users, API keys.

They are in the Secrets `identity` that its manifests refer to, and in the files that the target file names.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from harness import clock
from readiness_sandbox.platform.normaldance.kit.passwords import digest, hashed
from readiness_sandbox.platform.normaldance.trust.rules import ADMIN, AUDIENCE, READ, ROLES, WRITE

PART: Final = "identity"
USERS: Final = {f"{role}-{number}": role for role in ROLES for number in (1, 2, 3)}
"""Test users: three of each role."""
REDIRECT: Final = "http://127.0.0.1:9/callback"
"""Where the test client is sent with its code; nothing has to listen there."""
_ALL: Final = [READ, WRITE, ADMIN]
_USER: Final = ["authorization_code", "password", "refresh_token"]
CLIENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "normaldance-web": {"redirects": [REDIRECT], "grants": [*_USER], "scopes": _ALL},
    "normaldance-app": {"redirects": [REDIRECT], "grants": ["authorization_code", "refresh_token"], "scopes": _ALL},
    "normaldance-job": {"grants": ["client_credentials"], "scopes": [READ]},
    "normaldance-late": {"grants": ["password"], "scopes": _ALL, "lifetime_s": -60},
    "normaldance-elsewhere": {"grants": ["password"], "scopes": _ALL, "audience": "elsewhere"},
    "user-service": {"grants": ["password"], "scopes": [READ, WRITE, ADMIN], "lifetime_s": 3600},
}
"""Clients as the table has them. The tokens of `normaldance-late` have expired when they are given, those of `normaldance-elsewhere` are for another
audience; `normaldance-app` is public."""
PUBLIC: Final = frozenset({"normaldance-app"})
OTHER_ISSUER: Final = "https://test-issuer.example"
"""A provider that no service trusts, such as one that signs tokens for tests."""
_OTHERS_S: Final = 30 * 24 * 3600
KEYS: Final = {"reporting": False, "retired": True}
"""API keys, and whether they were revoked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityCredentials:
    """One set.

    Attributes:
        issuer: address of the provider, for all regions.
        role: password of auth-service's role in the database.
        signing: private keys, the one that signs first.
        passwords: of the test users.
        clients: secrets of the clients that have one.
        keys: API keys by name.
        other: private key of a provider that the platform does not trust.
    """

    issuer: str
    role: str
    signing: tuple[Mapping[str, str], ...]
    passwords: Mapping[str, str]
    clients: Mapping[str, str]
    keys: Mapping[str, str]
    other: Mapping[str, str]

    @classmethod
    def generate(cls, issuer: str) -> IdentityCredentials:
        """New random credentials, and two new keys."""
        return cls(
            issuer=issuer,
            role=secrets.token_urlsafe(18),
            signing=tuple(_signing_key() for _ in range(2)),
            passwords={name: secrets.token_urlsafe(18) for name in USERS},
            clients={name: secrets.token_urlsafe(24) for name in CLIENTS if name not in PUBLIC},
            keys={name: secrets.token_urlsafe(24) for name in KEYS},
            other=_signing_key(),
        )

    def seed(self) -> str:
        """The first rows, as `normaldance.identity.tables` takes them."""
        users = {name: {"password": hashed(self.passwords[name]), "roles": [role]} for name, role in USERS.items()}
        plain = {"redirects": [], "lifetime_s": 900, "audience": AUDIENCE}
        clients = {
            name: {**plain, **each, "secret": digest(self.clients[name]) if name in self.clients else None}
            for name, each in CLIENTS.items()
        }
        keys = {
            name: {"key": digest(self.keys[name]), "scopes": [READ], "revoked": revoked}
            for name, revoked in KEYS.items()
        }
        return json.dumps({"users": users, "clients": clients, "keys": keys})

    def of_database(self) -> dict[str, str]:
        """The Secret that the founder of the database needs."""
        return {"password": self.role, "seed": self.seed()}

    def of_region(self) -> dict[str, str]:
        """The Secret that the services of a region need."""
        return {
            "issuer": self.issuer,
            "database-password": self.role,
            "signing-keys": json.dumps(self.signing),
            "client-secret": self.clients["user-service"],
        }

    def files(self) -> dict[str, str]:
        """Files of the target, by name, with their text."""
        named = {
            **{f"user-{name}": password for name, password in self.passwords.items()},
            **{f"client-{name}": secret for name, secret in self.clients.items()},
            **{f"key-{name}": key for name, key in self.keys.items()},
            "other-token": self._other_token(),
            "other-keys": json.dumps({"keys": [{name: text for name, text in self.other.items() if name != "d"}]}),
        }
        return {f"identity-{name}": text for name, text in named.items()}

    def _other_token(self) -> str:
        """A token of the other provider, which has everything that the platform asks for but the issuer."""
        now = int(clock.wall().timestamp())
        claims = {
            "iss": OTHER_ISSUER,
            "aud": AUDIENCE,
            "sub": "admin-1",
            "scope": " ".join(_ALL),
            "jti": secrets.token_hex(8),
        }
        key = jwt.PyJWK(dict(self.other))
        headers = {"kid": self.other["kid"], "typ": "at+jwt"}
        return jwt.encode({**claims, "iat": now, "exp": now + _OTHERS_S}, key.key, algorithm="ES256", headers=headers)


def _signing_key() -> dict[str, str]:
    """A private key on P-256 as JWK, RFC 7518 6.2."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = {"x": numbers.public_numbers.x, "y": numbers.public_numbers.y, "d": numbers.private_value}
    texts = {name: base64.urlsafe_b64encode(value.to_bytes(32)).rstrip(b"=").decode() for name, value in point.items()}
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": secrets.token_hex(8), **texts}
