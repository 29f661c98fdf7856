"""Connects to a cluster by the kubeconfig and the context of a target file, or by the ServiceAccount of the pod.

Each client has its own configuration; the official client's default context is never used.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from harness.errors import ConfigurationError
from harness.targets.cluster.certificates import kept_in_memory
from harness.targets.cluster.service_account import service_account
from harness.targets.files.target import Target
from harness.targets.http import NO_PROXY, is_loopback, proxy_for

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration
    from urllib3.util.retry import Retry

USER_AGENT: Final = "readiness-harness"
_AGAIN: Final = 3
"""Number of retries of a request that the API server refused because it is busy (429) and did not execute."""
_LONGEST_PAUSE_S: Final = 2
"""Maximum pause between retries in s, also if `Retry-After` is longer, so that the time of a call has a limit."""
_SOCKS: Final = ("socks", "socksio")
"""Modules needed for a SOCKS proxy, by the official client and by the watch."""


def kubeconfig_path(target: Target) -> str:
    """The kubeconfig of the target file, else `$KUBECONFIG`, else the user's own kubeconfig."""
    named = target.kubernetes.kubeconfig if target.kubernetes else ""
    return os.path.expanduser(named or os.environ.get("KUBECONFIG", "") or "~/.kube/config")  # noqa: PTH111 - text in, text out


def api_client(target: Target) -> ApiClient:
    """A client of the official package, bound to the target's kubeconfig and context, else to the pod's ServiceAccount.

    Raises:
        ConfigurationError: the target has no cluster, its kubeconfig or context does not exist or gives no
            credentials, or it names no context and this process is not in a pod.
    """
    if target.kubernetes is None:
        raise ConfigurationError(
            "the target file has no cluster",
            where=f"{target.file}: kubernetes",
            hint="write `kubernetes: {context: …}`",
        )
    from kubernetes import client  # half a second, and only where a cluster is used

    configuration = client.Configuration()
    read = _from_kubeconfig if target.kubernetes.context else _from_pod
    configuration.proxy = _proxy(target, configuration, read(target, configuration))
    if is_loopback(urlsplit(configuration.host).hostname or ""):
        configuration.no_proxy = NO_PROXY
    configuration.retries = _retries()
    api = client.ApiClient(configuration)
    api.user_agent = USER_AGENT
    return api


def _from_kubeconfig(target: Target, configuration: Configuration) -> str:
    """Read the address and the credentials of the target's context; returns the proxy that the kubeconfig names, if any."""
    from kubernetes import config
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    path, context = kubeconfig_path(target), target.kubernetes.context if target.kubernetes else ""
    try:
        with kept_in_memory(configuration), _Errors() as errors:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, context=context, client_configuration=configuration, persist_config=False
            )
        user, cluster = _entries(path, context)
    except (ConfigException, OSError, YAMLError) as error:
        raise ConfigurationError(
            f"context `{context}` cannot be read from {path}: {str(error).splitlines()[0]}",
            where=f"{target.file}: kubernetes",
            hint="correct `kubeconfig` and `context`",
        ) from error
    _refuse_without_credentials(target, configuration, user, errors)
    if file := _token_file(user):
        configuration.refresh_api_key_hook = _read_again(file)  # type: ignore[assignment]  # the library has no type for it
    return str(cluster.safe_get("proxy-url") or "")


def _from_pod(target: Target, configuration: Configuration) -> str:
    """Read the address and the credentials of the pod's ServiceAccount; there is no proxy."""
    account = service_account(f"{target.file}: kubernetes")
    configuration.host = account.server
    configuration.ssl_ca_cert = str(account.authority)
    renew = _read_again(account.token)  # not the official client's own hook, which raises while the file is replaced
    renew(configuration)  # without a key the client sends none, and does not call the hook
    configuration.refresh_api_key_hook = renew  # type: ignore[assignment]  # the same
    return ""


def api_server_url(target: Target) -> str:
    """The address of the API server that the target's kubeconfig and context lead to."""
    return str(api_client(target).configuration.host)


class _Errors(logging.Handler):
    """Collects error log messages of this thread in the block, since the official client only logs why a plugin failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        if record.thread == self._thread:
            self.said.append(record.getMessage())

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


def _entries(path: str, context: str) -> tuple[Any, Any]:
    """The user and the cluster of a context, as the official client reads them; None: the context names no user."""
    from kubernetes.config.kube_config import KubeConfigMerger

    merged = KubeConfigMerger(path).config  # type: ignore[no-untyped-call]
    named = merged["contexts"].get_with_name(context)["context"]
    cluster = merged["clusters"].get_with_name(named["cluster"])["cluster"]
    name = named.safe_get("user")
    user = merged["users"].get_with_name(name, safe=True) if name and merged.safe_get("users") else None
    return (user["user"] if user and user.safe_get("user") else None), cluster


def _refuse_without_credentials(target: Target, configuration: Configuration, user: Any, errors: _Errors) -> None:
    """Check that there are credentials: anonymous requests would be refused as if a permission were missing.

    Raises:
        ConfigurationError: the user's credential plugin gave no credentials.
    """
    plugin = user.safe_get("exec") if user is not None else None
    if plugin is None or configuration.api_key or configuration.cert_file:
        return
    lines = " ".join(errors.said).split("\n")
    raise ConfigurationError(
        f"the credential plugin `{plugin.get('command', '')}` returned no credentials: {lines[0] or 'no reason recorded'}",
        where=f"{target.file}: kubernetes",
        hint="install the plugin or sign in again; test with a kubectl command",
    )


def _token_file(user: Any) -> Path | None:
    """The file of the user's token, relative to the kubeconfig; None if the token is in the kubeconfig, or there is none."""
    if user is None or user.safe_get("token") or not user.safe_get("tokenFile"):
        return None
    return Path(user.path or "").absolute().parent / str(user["tokenFile"])


def _read_again(file: Path) -> Callable[[Configuration], None]:
    """Read the token again for each request, as kubectl's library does, since it is replaced before it expires."""

    def renew(configuration: Configuration) -> None:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return  # while it is being replaced, the one before is good
        if token:
            # by the client's version
            key = "authorization" if "authorization" in configuration.api_key else "BearerToken"
            configuration.api_key[key] = f"Bearer {token}"

    return renew


def _proxy(target: Target, configuration: Configuration, named: str) -> str | None:
    """The proxy that the kubeconfig names for this cluster, else the one of the target file.

    Raises:
        ConfigurationError: it is a SOCKS proxy, and a package for that is missing.
    """
    proxy = named or proxy_for(target, configuration.host)
    if (proxy or "").startswith("socks") and (missing := [module for module in _SOCKS if find_spec(module) is None]):
        raise ConfigurationError(
            f"the API server is behind a SOCKS proxy, and {' and '.join(missing)} is not installed",
            where=f"{target.file}: kubernetes",
            hint="pip install pysocks socksio",
        )
    return proxy


def _retries() -> Retry:
    """Retry only requests that the API server refused because it is busy, never requests with an unknown outcome."""
    from urllib3.util.retry import Retry

    class Bounded(Retry):
        # of urllib3 413 and 503, too, with which a write may have been done
        RETRY_AFTER_STATUS_CODES = frozenset({429})

        def parse_retry_after(self, retry_after: str) -> float:
            return min(super().parse_retry_after(retry_after), _LONGEST_PAUSE_S)

    return Bounded(
        total=_AGAIN,
        connect=0,
        read=0,
        other=0,
        redirect=False,
        status_forcelist=[429],
        allowed_methods=None,
        backoff_factor=0.1,
        raise_on_status=False,
    )
