"""The Kubernetes API permissions that the activities of an experiment file need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness.drivers.chaos.experiments import activities_of, probes_of_configuration, read_experiment
from harness.drivers.chaos.providers import called, is_own
from harness.targets.access import LOCK, Access, access
from harness.targets.cluster.chaosk8s import function_of
from harness.yamlfile import read_document

_KUBECTL: Final = "kubectl"
_RECORDED: Final = (*access("list nodes", "list pods"), *access("get endpoints", at=LOCK))
"""Permissions to record which pods an action of chaostoolkit-kubernetes hits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileAccess:
    """The permissions that a file needs.

    Attributes:
        own: modules and functions of the harness, which declare their permissions themselves.
        known: permissions of the other activities.
        unknown: names of activities that may use the Kubernetes API, and whose permissions are unknown.
    """

    own: tuple[tuple[str, str], ...]
    known: tuple[Access, ...]
    unknown: tuple[str, ...]


def access_of_file(path: Path) -> FileAccess:
    """Read the permissions that the activities of a file need, without importing anything.

    Raises:
        ConfigurationError: the file is invalid.
    """
    content = b""
    with suppress(OSError):  # the reader below says it better
        content = path.read_bytes()
    return _asked(path, content)


@lru_cache(maxsize=512)
def _asked(path: Path, _content: bytes) -> FileAccess:
    """Cached form of the function above, parsed again when the file changes: a plan calls it for every row of an experiment."""
    block = read_experiment(path).block
    declared = block.access if block else ()
    own: list[tuple[str, str]] = []
    known, unknown = list(access(*declared)), []
    document = read_document(path)
    for _, activity in (*probes_of_configuration(document.data), *activities_of(document)):
        module, function = called(activity)
        asked = of_package(activity)
        if is_own(activity):
            own.append((module, function))
        elif asked is not None:
            known += asked
        elif not declared and (module or Path(str(activity["provider"].get("path", ""))).name == _KUBECTL):
            unknown.append(str(activity["name"]))
    return FileAccess(own=tuple(dict.fromkeys(own)), known=tuple(known), unknown=tuple(dict.fromkeys(unknown)))


def of_package(activity: Mapping[str, Any]) -> Sequence[Access] | None:
    """The permissions of a function of chaostoolkit-kubernetes; None if they are not known."""
    function = function_of(activity["provider"])
    asked = function.accesses(activity["provider"].get("arguments") or {}) if function is not None else None
    if function is None or asked is None:
        return None
    return (*asked, *_RECORDED) if function.pods is not None else asked
