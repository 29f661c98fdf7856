"""The kubeconfig of a chaos child, with the target's context only, so that no client uses another cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.errors import ConfigurationError
from harness.targets.child import ChildSettings
from harness.targets.cluster.one_context import write_context


def one_context(directory: Path) -> None:
    """Give this process and its children a kubeconfig with only the context of the run's target.

    The call does nothing if the process was not started by a run, or the target has no cluster. If the context cannot
    be read, the process ends with the reason.

    Args:
        directory: directory of this process only; it is removed with its credentials when the process has ended.
    """
    settings = ChildSettings.from_env()
    if not settings.api_server or not settings.context:
        return
    try:
        path = str(write_context(settings.kubeconfig, settings.context, directory, settings.login_proxies))
    except ConfigurationError as error:
        sys.exit(error.what)
    os.environ["KUBECONFIG"] = path
    from kubernetes import config
    from kubernetes.config import kube_config

    # the official client reads the variable once, when it is imported, and the process that this one was forked from has imported it
    config.KUBE_CONFIG_DEFAULT_LOCATION = kube_config.KUBE_CONFIG_DEFAULT_LOCATION = path
