"""Keeps certificates and keys of a kubeconfig in memory only, so that a killed process leaves no files of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_FILES = ("ssl_ca_cert", "cert_file", "key_file")
_ONE_AT_A_TIME = Lock()


@contextmanager
def kept_in_memory(configuration: Configuration) -> Iterator[None]:
    """Context manager that moves the files written by the official client for this configuration to memory.

    Only one block may be active at a time, since the client has one table of its files for the whole process.

    Args:
        configuration: configuration that is loaded in the block; its paths lead to memory afterwards.
    """
    with _ONE_AT_A_TIME:
        before = _written()
        try:
            yield
        finally:
            _move(configuration, _written() - before)


def _written() -> frozenset[str]:
    """The files that the client has written for such data in this process; it removes them when the process exits normally."""
    from kubernetes.config import kube_config

    return frozenset(kube_config._temp_files.values())  # noqa: SLF001 - the only record of them


def _move(configuration: Configuration, ours: frozenset[str]) -> None:
    from kubernetes.config import kube_config

    for name in _FILES:
        if (path := getattr(configuration, name)) in ours:
            setattr(configuration, name, _in_memory(Path(path).read_bytes()))
    kept = {key: path for key, path in kube_config._temp_files.items() if path not in ours}  # noqa: SLF001
    for path in ours:
        Path(path).unlink(missing_ok=True)
    kube_config._temp_files = kept  # noqa: SLF001 - else the next client is given a file that is gone


@cache
def _in_memory(content: bytes) -> str:
    """A path, valid in this process only, to a file in memory that exists as long as the process."""
    fd = os.memfd_create("kubeconfig")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    return f"/proc/self/fd/{fd}"
