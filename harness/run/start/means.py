"""Checks certificates and the kubeconfig of a target before a run, and whether the API server and Prometheus answer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import HarnessError
from harness.targets.cluster.service_account import service_account
from harness.targets.http import http_client, tls_context
from harness.yamlfile import read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.targets import Target
    from harness.targets.kubernetes import Cluster

WITHIN_S: Final = 2.0
"""Seconds for which a plan waits for the API server and Prometheus; both are requested at the same time."""


def unready_means(target: Target) -> list[str]:
    """The servers that do not answer now, as `file:line: key: why`; empty for the sandbox, which is not started yet.

    Raises:
        ConfigurationError: a certificate, the kubeconfig or its context cannot be read.
    """
    if not target.entry or target.embedded or not target.file.is_file():
        return []
    tls_context(target)
    asks: dict[str, Callable[[], str]] = {}
    if target.kubernetes is not None:
        from harness.targets import kubernetes  # half a second, and only where a cluster is used

        cluster = kubernetes.Cluster.of(target)
        asks["kubernetes"] = lambda: _api_server(cluster)
    if target.prometheus is not None:
        asks["prometheus"] = lambda: _prometheus(target, target.prometheus or "")
    if not asks:
        return []
    document = read_document(target.file)
    return [f"{document.where((key,))}: {why}" for key, why in said_within(asks).items() if why]


def reached_as(target: Target) -> str:
    """How a target without a context is reached: address and ServiceAccount; empty for a target with a context, or without a cluster.

    Raises:
        ConfigurationError: this process is not in a pod, or its ServiceAccount cannot be used.
    """
    if target.kubernetes is None or target.kubernetes.context:
        return ""
    account = service_account(f"{target.file}: kubernetes")
    return f"cluster {account.server} as {account}, which the pod brings"


def said_within(asks: dict[str, Callable[[], str]]) -> dict[str, str]:
    """The results of concurrent calls, by key; a call that does not return in time is abandoned, and its result says so."""
    said: dict[str, str] = {}

    def ask(key: str) -> None:
        said[key] = asks[key]()

    threads = [threading.Thread(target=ask, args=(key,), daemon=True) for key in asks]  # one that hangs is left behind
    for thread in threads:
        thread.start()
    deadline = clock.Deadline.after(WITHIN_S)
    for thread in threads:
        thread.join(max(deadline.left_s, 0.0))
    return {key: said.get(key, f"no answer within {WITHIN_S:g} s") for key in asks}


def _api_server(cluster: Cluster) -> str:
    try:
        cluster.version()
    except HarnessError as error:
        return f"{cluster.url}: {error.what}"
    return ""


def _prometheus(target: Target, address: str) -> str:
    import httpx

    try:
        with http_client(target, address, timeout_s=WITHIN_S) as client:
            answer = client.get("api/v1/alerts")
    except httpx.HTTPError as error:
        return f"{address} does not answer: {str(error) or type(error).__name__}"
    return "" if answer.status_code == 200 else f"GET {address}/api/v1/alerts: status {answer.status_code}"
