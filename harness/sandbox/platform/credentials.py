"""What is secret on the platform, made anew for each sandbox: passwords, the token secret, the database's certificates."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.clock import wall

ROLES = ("superuser", "replication", "rewind", "normaldance", "readiness")
LIFETIME = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """One set; `passwords` by role, certificates as PEM text."""

    passwords: Mapping[str, str]
    token_secret: str
    ca: str
    certificate: str
    key: str

    @classmethod
    def generate(cls) -> Credentials:
        """Fresh random ones."""
        ca, certificate, key = _certificates()
        return cls(
            passwords={role: secrets.token_urlsafe(18) for role in ROLES},
            token_secret=secrets.token_urlsafe(36),
            ca=ca,
            certificate=certificate,
            key=key,
        )

    def objects(self, regions: list[str]) -> list[dict[str, Any]]:
        """The Secrets that the manifests refer to: two of the database, one in each region."""
        tls = {"ca.crt": self.ca, "tls.crt": self.certificate, "tls.key": self.key}
        shared = {
            "token-secret": self.token_secret,
            "database-password": self.passwords["normaldance"],
            "ca.crt": self.ca,
        }
        return [
            _secret("database", "postgres", dict(self.passwords)),
            _secret("database", "postgres-tls", tls),
            *(_secret(region, "platform", shared) for region in regions),
        ]


def _secret(namespace: str, name: str, data: dict[str, str]) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": encoded,
    }


def _certificates() -> tuple[str, str, str]:
    """A certificate authority and one certificate of all database members: clients verify the authority (verify-ca)."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "normaldance sandbox CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "main.database.svc.cluster.local")])
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(ca_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    hosts = [x509.DNSName("main.database.svc.cluster.local"), x509.DNSName("*.postgres.database.svc.cluster.local")]
    certificate = (
        _builder(name, ca_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return ca.public_bytes(pem).decode(), certificate.public_bytes(pem).decode(), private.decode()


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = wall().astimezone(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )
