"""Writes a kubeconfig with only one context, for processes that use the current context, such as `kubectl`."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigurationError
from harness.targets.cluster.kubeconfig import kubeconfig_path
from harness.targets.cluster.service_account import service_account
from harness.targets.files.target import Target

_FILES: Final = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}
"""Keys whose values are paths, relative to the file that contains them."""


def kubeconfig_files(target: Target) -> str:
    """The files of the target's kubeconfig with absolute paths, for a process in another directory."""
    named = kubeconfig_path(target).split(os.pathsep)
    files = (os.path.expanduser(one) for one in named if one)  # noqa: PTH111 - text in, text out
    return os.pathsep.join(os.path.abspath(one) for one in files)  # noqa: PTH100 - the same


def write_context(files: str, context: str, directory: Path, login_proxies: Mapping[str, str]) -> Path:
    """Write a kubeconfig with only one context, readable by this user only, with absolute paths.

    Args:
        files: kubeconfig files with the context, as in `KUBECONFIG`; empty: the ServiceAccount of the pod.
        context: name of the context.
        directory: directory of the new file.
        login_proxies: environment variables for the login program, unless the kubeconfig sets them.

    Raises:
        ConfigurationError: the context cannot be read, or the file cannot be written.
    """
    from kubernetes.config import ConfigException  # half a second, and only where a cluster is used
    from yaml import YAMLError, safe_dump

    try:
        text = safe_dump(_taken(files, context, login_proxies) if files else service_account().kubeconfig())
        descriptor, path = tempfile.mkstemp(prefix="kubeconfig-", dir=directory)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except (ConfigException, OSError, YAMLError) as error:
        raise ConfigurationError(
            f"context `{context}` cannot be read from {files}: {str(error).splitlines()[0]}",
            where=str(directory),
            hint="correct `kubeconfig` and `context` of the target file",
        ) from error
    return Path(path)


def _taken(files: str, context: str, login_proxies: Mapping[str, str]) -> dict[str, Any]:
    """The contents of the new file."""
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger

    merged = KubeConfigMerger(files).config  # type: ignore[no-untyped-call]
    if merged is None:
        raise ConfigException("the file does not exist")
    chosen = merged["contexts"].get_with_name(context)
    cluster = merged["clusters"].get_with_name(chosen["context"]["cluster"])
    user = merged["users"].get_with_name(chosen["context"].safe_get("user"), safe=True)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [chosen.value],
        "clusters": [_absolute(cluster.value, "cluster", Path(cluster.path).parent)],
        "users": []
        if user is None
        else [_proxied(_absolute(user.value, "user", Path(user.path).parent), login_proxies)],
    }


def _absolute(entry: Mapping[str, Any], kind: str, beside: Path) -> dict[str, Any]:
    """A cluster or a user with absolute paths of its files and of the program that logs in."""
    made: dict[str, Any] = copy.deepcopy(dict(entry))
    own = made.get(kind) or {}
    for key in _FILES[kind]:
        if own.get(key):
            own[key] = str(beside / own[key])
    program = own.get("exec") or {}
    if "/" in str(program.get("command", "")):  # else it is found on PATH
        program["command"] = str(beside / program["command"])
    return made


def _proxied(user: dict[str, Any], proxies: Mapping[str, str]) -> dict[str, Any]:
    """A user whose login program uses these proxies, unless its entry sets them."""
    program = (user.get("user") or {}).get("exec")
    if program is not None and proxies:
        own = program.get("env") or []
        named = {one["name"] for one in own}
        program["env"] = [
            *own,
            *({"name": name, "value": value} for name, value in proxies.items() if name not in named),
        ]
    return user
