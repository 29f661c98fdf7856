"""Certificates and keys that a kubeconfig holds as data: kept in memory, so that a process that is killed leaves no file of them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_FILES = ("ssl_ca_cert", "cert_file", "key_file")


def temporary_files() -> frozenset[str]:
    """The files that the official client has written of such data in this process; it removes them when the process ends in order."""
    from kubernetes.config import kube_config

    return frozenset(kube_config._temp_files.values())  # noqa: SLF001 - the only record of them


def keep_in_memory(configuration: Configuration, before: frozenset[str]) -> None:
    """Move what the client has written for this configuration to memory, and remove the files.

    Args:
        configuration: as loaded; its paths lead to memory afterwards.
        before: `temporary_files` before it was loaded: those are not of this configuration.
    """
    from kubernetes.config import kube_config

    ours = temporary_files() - before
    for name in _FILES:
        if (path := getattr(configuration, name)) in ours:
            setattr(configuration, name, _in_memory(Path(path).read_bytes()))
    kept = {key: path for key, path in kube_config._temp_files.items() if path not in ours}  # noqa: SLF001
    for path in ours:
        Path(path).unlink(missing_ok=True)
    kube_config._temp_files = kept  # noqa: SLF001 - else the next client is given a file that is gone


@cache
def _in_memory(content: bytes) -> str:
    """A path, for this process only, to a file in memory; it is there as long as the process."""
    fd = os.memfd_create("kubeconfig")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    return f"/proc/self/fd/{fd}"
