"""The section `tls` of a target file: certificates of the harness's own connections, and the listeners whose handshakes are checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from harness.targets.files.values import Name, TargetSection, UrlPath, Word
from harness.validation import matching

_PORT_MOST = 65535
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


def _host(value: str) -> str:
    """A name as certificates and the header Host have it, or an IP address."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    try:
        name = value.encode("idna").decode()
    except UnicodeError:
        name = ""
    if value and not _HOST.fullmatch(name):
        raise ValueError("the name of a host like `shop.example.test`")
    return name


def _place(value: str) -> str:
    """`host:port` of an address, which may be written as https://… too."""
    parts = urlsplit(value if "://" in value else f"//{value}")
    try:
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        port = None
    if not parts.hostname or not port or port > _PORT_MOST or parts.path or parts.query or parts.username:
        raise ValueError("an address like `shop.example.test:443`")
    return place_of(_host(parts.hostname), port)


def place_of(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets."""
    return f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """A host as an address and the header Host have it."""
    return f"[{host}]" if ":" in host else host


Place = Annotated[str, AfterValidator(_place)]
"""Host and port of a listener, as `db.example.test:5432`, `[::1]:443` or `https://shop.example.test`."""
HostName = Annotated[str, AfterValidator(_host)]
Protocol = Literal["https", "tls", "postgresql", "redis", "nats"]
HeaderName = Annotated[str, matching(r"[A-Za-z0-9-]{0,60}", "the name of a header")]


class Keypair(TargetSection):
    """A client certificate.

    Attributes:
        certificate: PEM file with the certificate and those that it was issued through, beside the target file.
        key: PEM file with its private key.
    """

    certificate: Word
    key: Word


class ClientCertificates(TargetSection):
    """Client certificates that listeners with `mutual` must accept or refuse.

    Attributes:
        right: one that is accepted; None: `client_cert` and `client_key` of the section.
        expired: one of the right authority that has expired; None: the case cannot be made.
        foreign: one of an authority that is not trusted; None: it is made for the check, with the names of the right one.
    """

    right: Keypair | None = None
    expired: Keypair | None = None
    foreign: Keypair | None = None


class TlsListener(TargetSection):
    """An address at which the platform takes connections with TLS.

    Attributes:
        address: host and port.
        name: name that its certificate must have, sent as server name and in the header Host; empty: the host of `address`.
        protocol: what is spoken there: `https`, `tls` (another protocol inside TLS from the first byte), `postgresql`, `redis`, `nats`.
        public: whether users reach it.
        mutual: whether it takes connections with a client certificate only.
        plain: host and port of the plain HTTP listener beside it; empty: port 80 of its host, if its own port is 443.
        path: path of a read that needs no sign-in.
        paths: further paths whose answers come from the same workload.
        answered_by: header of its answers that names the pod or the service that gave the answer; empty: nothing says so.
        user: user of PostgreSQL that connects in plain text. database: that it connects to.
        workload: workload (label `app`) whose port this is, as the log of connections names it; empty: another or none.
    """

    address: Place
    name: HostName = ""
    protocol: Protocol = "https"
    public: bool = False
    mutual: bool = False
    plain: Place | Literal[""] = ""
    path: UrlPath = "/"
    paths: tuple[UrlPath, ...] = ()
    answered_by: HeaderName = ""
    user: Word = "postgres"
    database: Word = "postgres"
    workload: str = ""

    @property
    def host(self) -> str:
        """The host of its address."""
        return urlsplit(f"//{self.address}").hostname or ""

    @property
    def port(self) -> int:
        """The port of its address."""
        return urlsplit(f"//{self.address}").port or 0

    @property
    def called(self) -> str:
        """The name that its certificate must have."""
        return self.name or self.host

    @property
    def authority(self) -> str:
        """The name in the header Host."""
        return bracketed(self.called)


def _listener(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


Listener = Annotated[TlsListener, BeforeValidator(_listener, json_schema_input_type=str | TlsListener)]


class Tls(TargetSection):
    """Certificates for the entries, and the listeners of the platform.

    Attributes:
        ca_file: PEM file of the authorities that issued the certificates of the platform; empty: those of the system.
        client_cert: PEM file of the client certificate of the harness's own connections; empty: it has none.
        client_key: PEM file of its key.
        listeners: by a name of the file; an address alone is a listener for HTTPS that is not public. Entry and entries of the regions
            are public listeners without being named here.
        client_certificates: those that listeners with `mutual` are tried with.
        apart: workloads whose connections are neither between services nor to a store or event bus, as those of a monitor.
    """

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    listeners: Mapping[Name, Listener] = Field(default_factory=dict)
    client_certificates: ClientCertificates = ClientCertificates()
    apart: tuple[Name, ...] = ()

    @property
    def right(self) -> Keypair | None:
        """The client certificate that is accepted; None: the file names none."""
        if self.client_certificates.right is None and self.client_cert:
            return Keypair(certificate=self.client_cert, key=self.client_key or self.client_cert)
        return self.client_certificates.right
