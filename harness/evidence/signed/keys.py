"""Reads the keys of signed verdicts from PEM files: ed25519, and ECDSA on the curve P-256."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from harness.errors import ConfigurationError, UsageError
from harness.evidence.foreign import read_bounded
from harness.targets.files.reference import Reference

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

_MOST: Final = 1 << 16
"""Maximum number of bytes of a key file; a key has a few hundred."""
_MAKE: Final = "make a key with `openssl genpkey -algorithm ed25519 -out key.pem`"
_PUBLISH: Final = "make the public key with `openssl pkey -in key.pem -pubout -out key.pub`"
_WHERE: Final = "pass `--passphrase env:NAME` or `--passphrase file:PATH`"


def passphrase_of(option: str) -> Reference | None:
    """The place that `env:NAME` or `file:PATH` names; None if the option is empty.

    Raises:
        UsageError: the option has another form. The message does not contain it, since it may be the passphrase.
    """
    if not option:
        return None
    kind, _, place = option.partition(":")
    if kind not in {"env", "file"} or not place:
        raise UsageError(
            "the value is not a place, expected `env:NAME` or `file:PATH`",
            where="--passphrase",
            hint="put the passphrase into an environment variable or a file: a command line is visible to other users",
        )
    return Reference(**{kind: place})


def private_key(path: Path, passphrase: Reference | None) -> CryptoSigner:
    """The signer with the private key of a PEM file.

    Args:
        path: PEM file.
        passphrase: place of the passphrase; None: the key is not encrypted.

    Raises:
        UsageError: the file is not a private key of a supported kind, or the passphrase is missing, wrong or superfluous.
    """
    body, secret = _pem(path, _MAKE), _secret(passphrase)
    try:
        key = load_pem_private_key(body, secret)
    except TypeError as error:  # as cryptography raises it
        what = "is not encrypted, but a passphrase is given" if secret else "is encrypted, and no passphrase is given"
        hint = "leave `--passphrase` out" if secret else _WHERE
        raise UsageError(f"the key {what}", where=str(path), hint=hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if secret and b"ENCRYPTED" in body:
            hint = f"correct the passphrase in {passphrase}"
            raise UsageError("the passphrase does not open the key", where=str(path), hint=hint) from error
        raise UsageError(
            f"the file is not a private key in PEM form{_found(body)}", where=str(path), hint=_MAKE
        ) from error
    _require_kind(key, path)
    return CryptoSigner(key)


def public_key(path: Path) -> SSlibKey:
    """The public key of a PEM file.

    Raises:
        UsageError: the file is not a public key of a supported kind.
    """
    body = _pem(path, _PUBLISH)
    try:
        key = load_pem_public_key(body)
    except (ValueError, UnsupportedAlgorithm) as error:
        what = f"the file is not a public key in PEM form{_found(body)}"
        raise UsageError(what, where=str(path), hint=_PUBLISH) from error
    _require_kind(key, path)
    return SSlibKey.from_crypto(key)


def _pem(path: Path, make: str) -> bytes:
    """The content of a key file; `make` says how to make one."""
    try:
        return read_bounded(path, _MOST)
    except OSError as error:
        hint = f"pass the path of a key that you may read, or {make}"
        raise UsageError(f"the key cannot be read: {error.strerror}", where=str(path), hint=hint) from error
    except ValueError as error:
        raise UsageError(f"the file is not a key: {error}", where=str(path), hint=make) from error


def _secret(passphrase: Reference | None) -> bytes | None:
    try:
        return passphrase.resolve().encode() if passphrase else None
    except ConfigurationError as error:
        what = f"the passphrase is missing: {error.what}"
        raise UsageError(what, where=f"--passphrase {error.where}", hint="set it, or name another place") from error


def _found(body: bytes) -> str:
    """What a file is instead, by its first line."""
    first = body.partition(b"\n")[0].strip()
    if not first.startswith(b"-----BEGIN "):
        return ": it does not begin with `-----BEGIN`"
    return f", it is {first.strip(b'-').decode('ascii', 'replace').removeprefix('BEGIN ')!r}"


def _require_kind(key: PrivateKeyTypes | PublicKeyTypes, path: Path) -> None:
    if isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        return
    found = type(key).__name__
    if isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        if isinstance(key.curve, SECP256R1):
            return
        found = f"ECDSA on {key.curve.name}"
    raise UsageError(f"the key is {found}, expected ed25519, or ECDSA on P-256", where=str(path), hint=_MAKE)
