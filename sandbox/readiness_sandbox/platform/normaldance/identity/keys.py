"""The keys that tokens are signed with, and the tokens: JWT with ES256, RFC 9068."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Sequence
from typing import Any, Final

import jwt

from ..trust.checking import ALGORITHM, TYPE
from ..trust.rules import AUDIENCE

ID_LIFETIME_S: Final = 300
_PUBLIC: Final = ("kty", "crv", "x", "y", "kid", "alg", "use")


class TokenSigner:
    """Signs tokens of one issuer.

    Args:
        issuer: the address of the provider, for all regions.
        keys: private keys as JWK; the first one signs, all of them are published.
    """

    def __init__(self, issuer: str, keys: Sequence[dict[str, Any]]) -> None:
        self.issuer = issuer
        self._keys = keys
        self._signing = jwt.PyJWK(keys[0], algorithm=ALGORITHM)
        self._kid = keys[0]["kid"]

    @classmethod
    def from_text(cls, issuer: str, text: str) -> TokenSigner:
        """From the JSON list of the keys."""
        return cls(issuer, json.loads(text))

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [{name: key[name] for name in _PUBLIC} for key in self._keys]}

    def access_token(
        self,
        name: str,
        scopes: Collection[str],
        *,
        client: str,
        session: str,
        lifetime_s: float,
        roles: Collection[str] = (),
        audience: str = AUDIENCE,
    ) -> str:
        """A token by which a user or a client calls the platform."""
        now = time.time()
        claims = {
            "iss": self.issuer,
            "sub": name,
            "aud": audience,
            "client_id": client,
            "scope": " ".join(sorted(scopes)),
            "roles": sorted(roles),
            "sid": session,
            "jti": uuid.uuid4().hex,
            "iat": int(now),
            "exp": int(now + lifetime_s),
        }
        return self._signed(claims, TYPE)

    def id_token(self, name: str, *, client: str, session: str, nonce: str) -> str:
        """What a client learns of who signed in, OpenID Connect Core 2."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": name,
            "aud": client,
            "sid": session,
            "iat": now,
            "auth_time": now,
            "exp": now + ID_LIFETIME_S,
            **({"nonce": nonce} if nonce else {}),
        }
        return self._signed(claims, "JWT")

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of an access token that was signed here and has not expired, for whichever audience; None for any other."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next(each for each in self._keys if each["kid"] == kid)
            return jwt.decode(
                token,
                jwt.PyJWK(key, algorithm=ALGORITHM),
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                options={"verify_aud": False, "require": ["jti", "exp", "sub"]},
            )
        except (jwt.InvalidTokenError, StopIteration):
            return None

    def _signed(self, claims: dict[str, Any], kind: str) -> str:
        return jwt.encode(claims, self._signing.key, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": kind})
