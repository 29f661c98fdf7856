"""HTTP clients for a target: its certificates, its proxy rule, and never a proxy for loopback."""

from __future__ import annotations

import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from harness.errors import ConfigurationError
from harness.targets.target import Target

if TYPE_CHECKING:
    import httpx

NO_PROXY = "localhost,127.0.0.1,127.0.0.0/8,::1"


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def proxy_for(target: Target, url: str) -> str | None:
    """The proxy that requests to `url` go through, by the target's `proxy: none | env | URL`."""
    parts = urlsplit(url)
    if target.proxy == "none" or is_loopback(parts.hostname or ""):
        return None
    if target.proxy != "env":
        return target.proxy
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def tls_context(target: Target) -> ssl.SSLContext:
    """Verify with the target's CA, else the system's; show the target's client certificate if it has one.

    Raises:
        ConfigurationError: a file of `tls:` cannot be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=target.tls.ca_file or None)
        if target.tls.client_cert:
            context.load_cert_chain(target.tls.client_cert, target.tls.client_key or None)
    except OSError as error:
        raise ConfigurationError(f"a certificate cannot be read: {error}", where=f"{target.file}: tls") from error
    return context


def http_client(target: Target, base_url: str, *, timeout_s: float, connections: int = 10) -> httpx.Client:
    """A client for `base_url` that asks the environment nothing."""
    import httpx  # here, so that a replay, which sends no request, starts quickly

    return httpx.Client(
        base_url=base_url,
        timeout=timeout_s,
        proxy=proxy_for(target, base_url),
        verify=tls_context(target),
        trust_env=False,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )
