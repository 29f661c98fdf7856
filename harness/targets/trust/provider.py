"""The discovery document of an OpenID provider, and its public keys; a provider that contradicts itself is an error."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from harness import clock
from harness.errors import DriverError
from harness.targets.http import is_loopback
from harness.targets.trust.asking import ProviderAnswer, asked

if TYPE_CHECKING:
    from harness.targets.files.target import Target

PATH: Final = "/.well-known/openid-configuration"
CLOCKS_S: Final = 60.0
"""Greatest difference between the clocks of the provider and of this machine."""
_ENDPOINTS: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "revocation_endpoint",
    "introspection_endpoint",
    "userinfo_endpoint",
    "end_session_endpoint",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """What a provider says about itself.

    Attributes:
        issuer: issuer, exactly as its document writes it.
        endpoints: addresses by their names in the document.
        document: the whole document.
        ahead_s: by how many seconds its clock is ahead of this machine's; 0 if it does not say.
    """

    issuer: str
    endpoints: Mapping[str, str]
    document: Mapping[str, Any]
    ahead_s: float = 0.0

    def endpoint(self, name: str) -> str:
        """The address of an endpoint.

        Raises:
            DriverError: the document does not name it.
        """
        if name not in self.endpoints:
            raise DriverError(f"the discovery document has no `{name}`", where=f"{self.issuer}{PATH}")
        return self.endpoints[name]


def discovered(target: Target, issuer: str) -> Provider:
    """What the provider at an issuer says about itself. Source: OpenID Connect Discovery 1.0, sections 3 and 4.

    Raises:
        DriverError: there is no answer, the document names another issuer or an address that is not encrypted, or the clocks
            are too different.
    """
    url = f"{issuer.rstrip('/')}{PATH}"
    answer = asked(target, "GET", url, what="the discovery document")
    if answer.status != 200:
        hint = "correct `identity.issuer`: the discovery document must be below it"
        raise DriverError(
            f"the discovery document was answered with status {answer.status}, expected 200", where=url, hint=hint
        )
    document = answer.mapping("the discovery document")
    named = document.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        hint = "correct `identity.issuer`, or the provider's configuration"
        raise DriverError(
            f"the discovery document names the issuer {named!r}, expected {issuer!r}", where=url, hint=hint
        )
    endpoints = {name: value for name in _ENDPOINTS if isinstance(value := document.get(name), str)}
    for name, value in endpoints.items():
        if not _is_safe(value, named):
            what = f"`{name}` of the discovery document is {value!r}, expected an address as safe as the issuer's"
            raise DriverError(what, where=url, hint="correct the provider's configuration")
    return Provider(issuer=named, endpoints=endpoints, document=document, ahead_s=_ahead(answer, url))


def _is_safe(url: str, issuer: str) -> bool:
    """Whether an address is HTTPS, or the issuer is not either, or it is this machine."""
    try:
        parts, of = urlsplit(url), urlsplit(issuer)
    except ValueError:  # it is no address
        return False
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        return False
    return parts.scheme == "https" or of.scheme == "http" or is_loopback(parts.hostname)


def _ahead(answer: ProviderAnswer, url: str) -> float:
    try:
        there = email.utils.parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return 0.0
    if there.tzinfo is None:
        return 0.0
    ahead_s = (there - clock.wall()).total_seconds()
    if abs(ahead_s) > CLOCKS_S:
        which = "ahead of" if ahead_s > 0 else "behind"
        raise DriverError(
            f"the provider's clock is {abs(ahead_s):.0f} s {which} this machine's, expected at most {CLOCKS_S:.0f} s",
            where=url,
            hint="set both clocks: whether a token has expired cannot be decided",
        )
    return ahead_s


def public_keys(target: Target, provider: Provider) -> Sequence[Mapping[str, Any]]:
    """The provider's public keys, as in its JSON Web Key Set. Source: RFC 7517, section 5.

    Raises:
        DriverError: there is no answer, or the set is empty or malformed, or has a private key.
    """
    url = provider.endpoint("jwks_uri")
    answer = asked(target, "GET", url, what="the key set")
    if answer.status != 200:
        raise DriverError(f"the key set was answered with status {answer.status}, expected 200", where=url)
    keys = answer.mapping("the key set").get("keys")
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise DriverError("the key set has no list `keys` of mappings", where=url, hint="correct the provider")
    if not keys:
        hint = "wait until the provider has made its keys, or correct it"
        raise DriverError("the key set has no key", where=url, hint=hint)
    if any("d" in one or one.get("kty") == "oct" for one in keys):
        hint = "replace these keys: everybody can sign tokens with them"
        raise DriverError("the key set publishes a private or a symmetric key", where=url, hint=hint)
    return keys
