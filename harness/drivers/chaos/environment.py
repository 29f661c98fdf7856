"""What a chaos child finds in its environment: this target and no other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from harness.drivers.chaos.experiments import ExperimentFile
from harness.targets import Target
from harness.targets.http import NO_PROXY
from harness.targets.kubernetes import api_server_url, kubeconfig_path
from harness.targets.state import STATE_VARIABLE, state_directory

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_OURS: Final = ("READINESS_MAX_PODS", "READINESS_API_SERVER", "KUBECONFIG", "KUBERNETES_CONTEXT")


def child_environment(
    file: ExperimentFile, target: Target, run: Path, *, hold: Path, allow_target: str
) -> dict[str, str]:
    """The environment of `chaos run` for one experiment.

    Args:
        file: the experiment.
        target: what it is run on.
        run: the run directory.
        hold: the file that ends a hold.
        allow_target: the name that was typed for a target that is not disposable.
    """
    env = {name: value for name, value in os.environ.items() if name not in {*_PROXIES, *_OURS}}
    env |= _proxies(target)
    env |= {
        "READINESS_RUN": str(run.absolute()),
        "READINESS_EXPERIMENT": file.plan.name,
        "READINESS_HOLD": str(hold.absolute()),
        "READINESS_TARGET": str(target.file),
        "READINESS_ALLOW_TARGET": allow_target,
        "READINESS_PARENT": str(os.getpid()),
        "READINESS_PRIMARY_REGION": target.primary_region,
        STATE_VARIABLE: str(state_directory()),
        "PYTHONUNBUFFERED": "1",
    }
    if target.kubernetes is not None:
        env |= {
            "KUBECONFIG": kubeconfig_path(target),
            "KUBERNETES_CONTEXT": target.kubernetes.context,
            "KUBECACHEDIR": str(state_directory() / "kubecache"),
            "READINESS_API_SERVER": api_server_url(target),
            "READINESS_NAMESPACE": target.kubernetes.namespace,
        }
    if file.block is not None and file.block.blast_radius.max_pods is not None:
        env["READINESS_MAX_PODS"] = str(file.block.blast_radius.max_pods)
    return {name: value for name, value in env.items() if value}


def _proxies(target: Target) -> dict[str, str]:
    """The target's proxy rule, in the words that requests, urllib3 and chaosk8s read; loopback is never proxied."""
    if target.proxy == "none":
        proxies = {}
    elif target.proxy == "env":
        proxies = {name: os.environ[name] for name in _PROXIES if name in os.environ}
    else:
        proxies = {"HTTP_PROXY": target.proxy, "HTTPS_PROXY": target.proxy}
    kept = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    no_proxy = f"{NO_PROXY},{kept}".rstrip(",")
    return {**proxies, "NO_PROXY": no_proxy, "no_proxy": no_proxy}
