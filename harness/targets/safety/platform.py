"""Identifies the platform of a target file independently of the target's name, for locks and the undo log."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from harness.ports import port_of
from harness.targets.cluster.kubeconfig import api_client

if TYPE_CHECKING:
    from harness.targets.files.target import Target

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """One platform.

    Attributes:
        name: name of the target.
        api: address of the API server and digest of its certificate authority; empty if the target has no cluster.
        entry: address of the entry.
    """

    name: str
    api: str
    entry: str

    @property
    def identity(self) -> str:
        """The identity used for the undo log: the API server, else the entry."""
        return self.api or self.entry

    @property
    def parts(self) -> tuple[str, ...]:
        """The identities that two runs must not use at the same time."""
        return tuple(filter(None, (self.api, self.entry)))


def platform_of(target: Target) -> Platform:
    """The platform of a target file.

    Raises:
        ConfigurationError: the target's kubeconfig or context cannot be read.
    """
    api = ""
    if target.kubernetes is not None:
        # the official client's own types are loose
        configuration: Any = api_client(target).configuration
        api = f"{canonical(str(configuration.host))} {_authority(configuration)}"
    return Platform(name=target.name, api=api, entry=canonical(target.entry))


def digest(identity: str) -> str:
    """A file name for an identity."""
    return hashlib.sha256(identity.encode()).hexdigest()[:24]


def canonical(url: str) -> str:
    """The normal form of an address: lower case, with port, without user, password or final `/`.

    `localhost` becomes 127.0.0.1.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        written = host
    else:
        written = f"[{address.compressed}]" if address.version == 6 else str(address)
    return f"{parts.scheme}://{written}:{port_of(parts)}{parts.path.rstrip('/')}"


def _authority(configuration: Any) -> str:
    """The digest of the API server's certificate authorities, independent of their files and order."""
    if not configuration.verify_ssl:
        return "unverified"
    if not configuration.ssl_ca_cert:
        return "public authorities"
    try:
        text = Path(configuration.ssl_ca_cert).read_text(encoding="ascii", errors="replace")
        certificates = sorted(ssl.PEM_cert_to_DER_cert(found) for found in _PEM.findall(text))
    except (OSError, ValueError):
        certificates = []
    return f"sha256:{hashlib.sha256(b''.join(certificates)).hexdigest()}" if certificates else "unreadable authority"
