"""TLS 1.3 of a pod: how it serves and calls, where the variable TLS_DIR names the directory of its certificate."""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path

PORT = 8443


def directory() -> Path | None:
    """Where `tls.crt`, `tls.key` and the authority's `ca.crt` are; None: this pod has no TLS."""
    named = os.environ.get("TLS_DIR")
    return Path(named) if named else None


def server_context(files: Path) -> ssl.SSLContext:
    """How a pod serves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files / "tls.crt", files / "tls.key")
    return context


@cache
def client_context() -> ssl.SSLContext | None:
    """How a pod calls others: only the platform's authority counts, and each service must be the one that was called.

    A pod without a certificate of its own calls with TLS where the variable TLS_AUTHORITY names the file of the authority.
    """
    files = directory()
    authority = files / "ca.crt" if files is not None else os.environ.get("TLS_AUTHORITY")
    if not authority:
        return None
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
