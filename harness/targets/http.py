"""HTTP clients for a target, with its certificates and proxy rule; loopback addresses use no proxy."""

from __future__ import annotations

import ipaddress
import ssl
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from harness.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    from harness.targets.files.target import Target

CLIENT_CERT: Final = "READINESS_CLIENT_CERT"
CLIENT_KEY: Final = "READINESS_CLIENT_KEY"
"""Environment variables with the client certificate and key for journeys."""
NO_PROXY = "localhost,127.0.0.1,127.0.0.0/8,::1"


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def proxy_for(target: Target, url: str) -> str | None:
    """The proxy for requests to `url`, by the target's `proxy: none | env | URL`."""
    parts = urlsplit(url)
    if target.proxy == "none" or is_loopback(parts.hostname or ""):
        return None
    if target.proxy != "env":
        return target.proxy
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def tls_context(target: Target, *, alternative_names: bool = False) -> ssl.SSLContext:
    """A TLS context with the CA of the target, else the system's, and the target's client certificate, if any.

    Args:
        target: whose certificates.
        alternative_names: whether the name of a server must be among the alternative names of its certificate, as browsers and Go
            ask; else OpenSSL takes the common name of one that has none.

    Raises:
        ConfigurationError: a file of `tls:` cannot be read or contains no certificate.
    """
    try:
        tls = target.tls
        files = [
            _version(target.beside(name)) if name else None for name in (tls.ca_file, tls.client_cert, tls.client_key)
        ]
        return _context(*files, ssl.get_default_verify_paths(), alternative_names=alternative_names)
    except OSError as error:
        raise ConfigurationError(f"a certificate cannot be read: {error}", where=f"{target.file}: tls") from error


class _Version(NamedTuple):
    """A file as it is now."""

    path: Path
    written_ns: int
    size: int


def _version(path: Path) -> _Version:
    found = path.stat()
    return _Version(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)  # to read the certificates of a system takes 20 ms of a processor
def _context(
    ca: _Version | None,
    cert: _Version | None,
    key: _Version | None,
    _system: ssl.DefaultVerifyPaths,
    *,
    alternative_names: bool,
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca.path if ca else None)
    context.hostname_checks_common_name = not alternative_names
    if cert:
        context.load_cert_chain(cert.path, key.path if key else None, password="")  # else OpenSSL asks for it
    return context


def tls_variables(target: Target) -> dict[str, str]:
    """The certificates of the target as variables for child processes: OpenSSL, Requests and journeys read them."""
    tls = target.tls
    named = {
        "SSL_CERT_FILE": tls.ca_file,
        "REQUESTS_CA_BUNDLE": tls.ca_file,
        CLIENT_CERT: tls.client_cert,
        CLIENT_KEY: tls.client_key,
    }
    return {name: str(target.beside(path).absolute()) for name, path in named.items() if path}


def http_client(target: Target, base_url: str, *, timeout_s: float, connections: int = 10) -> httpx.Client:
    """A client for `base_url` that ignores environment variables."""
    import httpx  # here, so that a replay, which sends no request, starts quickly

    return httpx.Client(
        base_url=base_url,
        timeout=timeout_s,
        proxy=proxy_for(target, base_url),
        verify=tls_context(target),
        trust_env=False,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )
