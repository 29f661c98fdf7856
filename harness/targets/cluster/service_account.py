"""The ServiceAccount of the pod in which this process runs: the files that the kubelet mounts, and the API server of its cluster.

Source: Kubernetes, *Accessing the Kubernetes API from a Pod*. The kubelet replaces the token before it expires, so it is read anew for each request.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigurationError

DIRECTORY: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts the files, in every pod that does not say `automountServiceAccountToken: false`."""
CONTEXT: Final = "in-cluster"
"""Name of the context in a kubeconfig that is written for other programs."""
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
_SUBJECT: Final = "system:serviceaccount:"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceAccount:
    """The account, and how its cluster is reached.

    Attributes:
        server: URL of the API server.
        token: file with the bearer token.
        authority: file with the certificate authority of the API server.
        namespace: namespace of the pod.
        name: name of the account; empty if the token does not state it.
    """

    server: str
    token: Path
    authority: Path
    namespace: str
    name: str

    def __str__(self) -> str:
        named = f"ServiceAccount {self.namespace}/{self.name}"
        return named if self.name else f"a ServiceAccount of the namespace {self.namespace}"

    def kubeconfig(self) -> dict[str, Any]:
        """A kubeconfig for programs that need one, such as `kubectl`; it names the files and contains no token."""
        cluster = {"server": self.server, "certificate-authority": str(self.authority)}
        context = {"cluster": CONTEXT, "user": CONTEXT, "namespace": self.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": cluster}],
            "users": [{"name": CONTEXT, "user": {"tokenFile": str(self.token)}}],
            "contexts": [{"name": CONTEXT, "context": context}],
        }


def is_pod() -> bool:
    """Whether this process runs in a pod with a ServiceAccount, by any of the signs that Kubernetes gives."""
    return DIRECTORY.is_dir() or bool(os.environ.get(_HOST))


def pod_name() -> str:
    """The name of this pod: `$POD_NAME` where its manifest sets it, since a pod of the host's network has the host's name; else its host name."""
    return os.environ.get("POD_NAME") or os.environ.get("HOSTNAME") or socket.gethostname()


def service_account(where: str = "") -> ServiceAccount:
    """The ServiceAccount of this pod.

    Args:
        where: place that asks for the account, for the error message.

    Raises:
        ConfigurationError: the process does not run in a pod, or a file or variable of the account is missing.
    """
    host, port = os.environ.get(_HOST, ""), os.environ.get(_PORT, "")
    if not is_pod():
        raise ConfigurationError(
            f"no `context` is given, and this process is not in a pod: {DIRECTORY} does not exist",
            where=where,
            hint="write `context: NAME`, a context of your kubeconfig; leave it out only where the run is a pod of the cluster",
        )
    if not host or not port:
        raise _incomplete(f"the variables {_HOST} and {_PORT} are not both set", where)
    read = {}
    for name in ("token", "ca.crt", "namespace"):
        try:
            read[name] = (DIRECTORY / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _incomplete(f"{DIRECTORY / name} cannot be read: {error}", where) from error
        if not read[name]:
            raise _incomplete(f"{DIRECTORY / name} is empty", where)
    return ServiceAccount(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        token=DIRECTORY / "token",
        authority=DIRECTORY / "ca.crt",
        namespace=read["namespace"],
        name=_name(read["token"]),
    )


def _incomplete(what: str, where: str) -> ConfigurationError:
    return ConfigurationError(
        f"the pod's ServiceAccount cannot be used: {what}",
        where=where,
        hint="remove `automountServiceAccountToken: false` from the pod and its ServiceAccount, or give a `kubeconfig` and a `context`",
    )


def _name(token: str) -> str:
    """The account that a token is for, as it states itself; the API server decides whether that is true."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return ""
    subject = str(claims.get("sub", "")) if isinstance(claims, dict) else ""
    return subject.rpartition(":")[2] if subject.startswith(_SUBJECT) else ""
