"""Client certificates: a forged one with the names of a right one, and whether a declared one makes the case that it is declared for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import ConfigurationError
from harness.targets.files.listeners import Keypair

if TYPE_CHECKING:
    from cryptography import x509

EXPIRED: Final = "expired"


def unfit(case: str, file: Path, right: Path) -> str:
    """Why a refusal of a certificate would not be for what its case says; empty: nothing is known against it.

    Args:
        case: `EXPIRED`, or a case whose certificate must be valid today.
        file: PEM file of its certificate.
        right: PEM file of the right one, which the same authority must have issued an expired one as.

    Raises:
        ConfigurationError: a file has no certificate.
    """
    own, now = _read(file), clock.wall()
    if case == EXPIRED and own.not_valid_after_utc > now:
        return f"{file.name} has not expired: it ends at {clock.wall_text(own.not_valid_after_utc)}"
    if case == EXPIRED and own.issuer != _read(right).issuer:
        return f"{file.name} is not of the authority that issued {right.name}"
    if case != EXPIRED and not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        return f"{file.name} is valid from {clock.wall_text(own.not_valid_before_utc)} to {clock.wall_text(own.not_valid_after_utc)}"
    return ""


def _read(file: Path) -> x509.Certificate:
    from cryptography import x509  # the extra `trust`

    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no certificate can be read: {error}", where=str(file), hint="name a PEM file with a certificate"
        ) from error


def forged(right: Path, directory: Path) -> Keypair:
    """Write a certificate with the subject, the issuer and the extensions of another, signed with a key of the check's own.

    So it is wrong in nothing but its signature.

    Args:
        right: PEM file of the certificate that is imitated.
        directory: where certificate and key are written, for the owner only.

    Raises:
        ConfigurationError: the file has no certificate.
    """
    from cryptography import x509  # the extra `trust`
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    model = _read(right)
    now, key, authority = clock.wall(), ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(model.subject)
        .issuer_name(model.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    for one in model.extensions:
        builder = builder.add_extension(one.value, critical=one.critical)
    made = builder.sign(authority, hashes.SHA256())
    pair = Keypair(certificate=str(directory / "foreign.crt"), key=str(directory / "foreign.key"))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    Path(pair.certificate).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    Path(pair.key).touch(mode=0o600)
    Path(pair.key).write_bytes(private)
    return pair
