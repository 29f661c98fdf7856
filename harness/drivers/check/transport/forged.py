"""A client certificate with the names of a right one, of an authority that no listener trusts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from harness import clock
from harness.errors import ConfigurationError
from harness.targets.files.listeners import Keypair


def forged(right: Path, directory: Path) -> Keypair:
    """Write a certificate with the subject and the issuer of another, signed with a key of the check's own.

    Args:
        right: PEM file of the certificate that is imitated.
        directory: where certificate and key are written, for the owner only.

    Raises:
        ConfigurationError: the file has no certificate.
    """
    from cryptography import x509  # the extra `trust`
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        model = x509.load_pem_x509_certificate(right.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no certificate can be read: {error}", where=str(right), hint="name a PEM file with a certificate"
        ) from error
    now, key, authority = clock.wall(), ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(model.subject)
        .issuer_name(model.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    pair = Keypair(certificate=str(directory / "foreign.crt"), key=str(directory / "foreign.key"))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    Path(pair.certificate).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    Path(pair.key).touch(mode=0o600)
    Path(pair.key).write_bytes(private)
    return pair
