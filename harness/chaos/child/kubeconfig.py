"""The kubeconfig of a chaos child, with only the target's context, so that `kubectl` and other clients use no other cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.errors import ConfigurationError
from harness.targets.child import ChildSettings
from harness.targets.cluster.one_context import write_context


def one_context(directory: Path) -> None:
    """Give this process and its children a kubeconfig with only the context of the run's target, as the current context.

    Does nothing where no run has started this process, or its target has no cluster. A context that cannot be read ends the process with the reason.

    Args:
        directory: of this process alone; it is removed with the credentials in it when the process has ended.
    """
    settings = ChildSettings.from_env()
    if not settings.kubeconfig or not settings.context:
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
