"""Tokens that must be refused, made from a right token of a test user.

Each is wrong in one way. A verifier that does not check this way lets the token in, since everything else of it is right: subject, audience,
issuer, scopes and expiry are those of the right token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from harness.drivers.check.calls.matrix.callers import NotMadeError
from harness.targets.trust.grants import IssuedToken

_CURVES: Final = {"ES256": "SECP256R1", "ES384": "SECP384R1", "ES512": "SECP521R1", "ES256K": "SECP256K1"}
_RIGHTS: Final = ("scope", "scp", "scopes", "role", "roles", "groups", "permissions")
"""Claims that say what a token may do."""


def alg_none(token: IssuedToken) -> Iterator[tuple[str, str]]:
    """The token without a signature, whose header says so; also in other letters, which a comparison of texts lets pass.

    Source: RFC 8725, sections 2.1 and 3.1.
    """
    header, payload = _parts(token)
    for word in ("none", "nOnE"):
        yield f"alg {word}", f"{_encoded({**header, 'alg': word})}.{payload}."


def foreign_key(token: IssuedToken, keys: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The token signed again by a key that the provider does not have.

    The third is signed with the provider's public key as the secret of an HMAC, which a verifier accepts that trusts the header's
    algorithm; the fourth is a signature of zeros, which some verifiers of elliptic curves accept. Source: RFC 8725, sections 2.1, 3.1 and 3.5.

    Args:
        token: right token.
        keys: public keys of the provider; empty: they are unknown.

    Raises:
        NotMadeError: the token is no JSON Web Token, or its algorithm is not supported.
    """
    header, payload = _parts(token)
    algorithm = str(header.get("alg"))
    key = _fresh(algorithm)
    yield "signed by a foreign key", _signed(header, payload, key, algorithm)
    if algorithm.startswith("HS"):
        return
    own = {name: value for name, value in header.items() if name not in {"kid", "x5c", "x5t", "jku"}}
    yield "signed by a key in its own header", _signed({**own, "jwk": _public(key, algorithm)}, payload, key, algorithm)
    if (pem := _public_pem(header, keys)) is not None:
        yield "signed with the public key as a secret", _signed({**header, "alg": "HS256"}, payload, pem, "HS256")
    if algorithm in _CURVES:
        size = {"ES384": 96, "ES512": 132}.get(algorithm, 64)
        yield "signed with zeros", f"{_encoded(header)}.{payload}.{_base64(bytes(size))}"


def altered(token: IssuedToken, every_scope: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The token with other claims and its own signature; and with no signature, although its header names an algorithm.

    Args:
        token: right token.
        every_scope: scopes that the altered token claims.

    Raises:
        NotMadeError: the token is no JSON Web Token.
    """
    header, payload = _parts(token)
    signature = token.access.rpartition(".")[2]
    claims = dict(token.claims)
    for name in _RIGHTS:
        if isinstance(had := claims.get(name), str):
            claims[name] = " ".join(sorted({*had.split(), *every_scope, "admin"}))
        elif isinstance(had, list):
            claims[name] = [*had, *sorted(every_scope), "admin"]
    claims["altered"] = secrets.token_hex(4)
    yield "with an altered claim", f"{_encoded(header)}.{_encoded(claims)}.{signature}"
    yield "with its signature left out", f"{_encoded(header)}.{payload}."


def _parts(token: IssuedToken) -> tuple[Mapping[str, Any], str]:
    if not token.header:
        raise NotMadeError(f"the token of {token.of} is not a JSON Web Token, so it cannot be forged")
    return token.header, token.access.split(".")[1]


def _signed(header: Mapping[str, Any], payload: str, key: Any, algorithm: str) -> str:
    from jwt.algorithms import get_default_algorithms  # the extra `trust`

    message = f"{_encoded(header)}.{payload}"
    signer = get_default_algorithms()[algorithm]
    if isinstance(key, bytes):  # as it is: the library refuses a public key for an HMAC
        return f"{message}.{_base64(hmac.new(key, message.encode(), hashlib.sha256).digest())}"
    return f"{message}.{_base64(signer.sign(message.encode(), key))}"


@lru_cache  # a key of RSA takes 0.1 s of a processor
def _fresh(algorithm: str) -> Any:
    """A new private key for an algorithm. Raises NotMadeError: it is not supported."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # the extra `trust`
    from jwt.algorithms import get_default_algorithms

    if algorithm not in get_default_algorithms():
        raise NotMadeError(f"a token of the algorithm {algorithm[:20]!r} cannot be forged: it is not supported")
    if algorithm[:2] in {"RS", "PS"}:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm in _CURVES:
        return ec.generate_private_key(getattr(ec, _CURVES[algorithm])())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("HS"):
        return secrets.token_bytes(64)
    raise NotMadeError(f"a token of the algorithm {algorithm[:20]!r} cannot be forged: it is not supported")


def _public(key: Any, algorithm: str) -> Mapping[str, Any]:
    from jwt.algorithms import get_default_algorithms  # the extra `trust`

    found = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in found.items() if name != "key_ops"}


def _public_pem(header: Mapping[str, Any], keys: list[Mapping[str, Any]]) -> bytes | None:
    """The public key that signed a token, as a PEM file; None: it is unknown."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # the extra `trust`
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    of = [one for one in keys if one.get("kid") == header.get("kid")] or (keys if len(keys) == 1 else [])
    if not of:
        return None
    try:
        key = PyJWK(dict(of[0]), algorithm=str(header.get("alg"))).key
    except PyJWTError:
        return None
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def require_signed(token: IssuedToken, keys: list[Mapping[str, Any]]) -> None:
    """Check that a token is signed by one of the keys: a token with another signature is refused for that.

    Raises:
        NotMadeError: it is not, or it is no JSON Web Token.
    """
    import jwt  # the extra `trust`
    from jwt.exceptions import PyJWTError

    header, _ = _parts(token)
    of = [one for one in keys if "kid" not in header or one.get("kid") == header["kid"]]
    for one in of:
        try:
            key = jwt.PyJWK(dict(one), algorithm=str(header.get("alg")))
            jwt.PyJWS().decode(token.access, key, algorithms=[str(header.get("alg"))])
        except PyJWTError:
            continue
        return
    raise NotMadeError(f"the token of {token.of} is not signed by a key of its issuer, so it is refused for that alone")


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
