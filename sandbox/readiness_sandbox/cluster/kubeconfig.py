"""The kubeconfig for kubectl, the official clients, chaosk8s and Patroni."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import yaml

from readiness_sandbox.cluster.tls import write_private

if TYPE_CHECKING:
    from pathlib import Path


def write(
    path: Path, *, server: str, authority: bytes, token: str, context: str = "sandbox", namespace: str = "default"
) -> None:
    """Write a kubeconfig that only its owner may read.

    Args:
        path: where; an existing file is replaced.
        server: URL, such as `https://127.0.0.1:6443`.
        authority: PEM certificate to trust.
        token: bearer token.
        context: name of the one context, which is the current one.
        namespace: the context's default namespace.
    """
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()},
            }
        ],
        "users": [{"name": context, "user": {"token": token}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": namespace}}],
    }
    write_private(path, yaml.safe_dump(config, sort_keys=False).encode())
