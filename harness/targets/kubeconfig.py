"""The way to a cluster: the kubeconfig and context that a target names.

Each client has a configuration of its own, made from them: the process-wide default context of the official client is never used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from harness.errors import ConfigurationError
from harness.targets.certificates import kept_in_memory
from harness.targets.http import NO_PROXY, is_loopback, proxy_for
from harness.targets.target import Target

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

USER_AGENT: Final = "readiness-harness"


def kubeconfig_path(target: Target) -> str:
    """The kubeconfig the target names, else `$KUBECONFIG`, else the user's own."""
    named = target.kubernetes.kubeconfig if target.kubernetes else ""
    return os.path.expanduser(named or os.environ.get("KUBECONFIG", "") or "~/.kube/config")  # noqa: PTH111 - text in, text out


def api_client(target: Target) -> ApiClient:
    """A client of the official package, bound to the target's kubeconfig and context.

    Raises:
        ConfigurationError: the target names no cluster, or the kubeconfig or the context is not there.
    """
    if target.kubernetes is None:
        raise ConfigurationError(
            "names no cluster", where=f"{target.file}: kubernetes", hint="write `kubernetes: {context: …}`"
        )
    from kubernetes import client, config  # half a second, and only where a cluster is used
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    path, context = kubeconfig_path(target), target.kubernetes.context
    configuration = client.Configuration()
    try:
        with kept_in_memory(configuration):
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, context=context, client_configuration=configuration, persist_config=False
            )
    except (ConfigException, OSError, YAMLError) as error:
        raise ConfigurationError(
            f"context `{context}` cannot be read from {path}: {str(error).splitlines()[0]}",
            where=f"{target.file}: kubernetes",
            hint="check `kubeconfig` and `context`",
        ) from error
    configuration.proxy = proxy_for(target, configuration.host)
    if is_loopback(urlsplit(configuration.host).hostname or ""):
        configuration.no_proxy = NO_PROXY
    configuration.retries = False
    api = client.ApiClient(configuration)
    api.user_agent = USER_AGENT
    return api


def api_server_url(target: Target) -> str:
    """The address of the API server that the target's kubeconfig and context lead to."""
    return str(api_client(target).configuration.host)
