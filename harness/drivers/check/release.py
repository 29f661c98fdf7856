"""Reads which release a target runs, from its workloads and its version path, before and after the load."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from harness import clock
from harness.errors import DriverError, UsageError
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.selectors import selects
from harness.targets.cluster.workloads import WORKLOADS, workloads
from harness.targets.http import http_client
from harness.targets.kubernetes import Object, is_terminating
from harness.targets.places import Clusters, every_place

_WITHIN_S: Final = 5.0
_READS: Final = 6
"""Number of reads whose answers are asked for the release."""
_LONGEST: Final = 200
"""Maximum number of characters kept of a version in plain text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseReading:
    """The release that a target reports.

    Attributes:
        at_ns: when it was read.
        workloads: `namespace/Kind/name` to the sorted image IDs (digests) of its running pods; an image name if a pod reports no ID.
        version: answer of the version path; empty if there is no such path or it could not be read.
        why: what could not be read; empty if everything was read.
    """

    at_ns: int
    workloads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: str = ""
    why: str = ""


@accesses(*access("list pods"), *WORKLOADS)
def read_release(target: Target) -> ReleaseReading:
    """Read the release as the key `release` of the target file says; errors of the target become part of the result."""
    at_ns, whys = clock.now_ns(), []
    running: Mapping[str, tuple[str, ...]] = {}
    version = ""
    if target.release.images:
        try:
            running = dict(sorted(_workloads(target)))
        except (DriverError, UsageError) as error:
            whys.append(f"images: {error.what}")
    if target.release.path:
        version, why = _version(target, target.release.path)
        whys += [why] if why else []
    return ReleaseReading(at_ns=at_ns, workloads=running, version=version, why="; ".join(whys))


def _workloads(target: Target) -> Iterator[tuple[str, tuple[str, ...]]]:
    clusters = Clusters(target)
    for region, namespace in every_place(target):
        cluster = clusters.of(region)
        pods = [pod for pod in cluster.pods(namespace) if not is_terminating(pod)]
        for workload in workloads(cluster, namespace):
            images: dict[str, set[str]] = {}
            for container, image in chain.from_iterable(_images(pod) for pod in pods if selects(workload, pod)):
                images.setdefault(container, set()).add(image)
            name = f"{namespace}/{workload['kind']}/{workload['metadata']['name']}"
            for container, own in images.items() or [("", set[str]())]:
                yield f"{name}/{container}" if len(images) > 1 else name, tuple(sorted(own))


def _images(pod: Object) -> Iterator[tuple[str, str]]:
    """The images of a pod by container: the image ID of a running container, else the image in its specification."""
    running = {one["name"]: one.get("imageID") for one in pod.get("status", {}).get("containerStatuses") or []}
    for container in pod["spec"]["containers"]:
        yield container["name"], str(running.get(container["name"]) or container.get("image", ""))


def running_version(target: Target) -> str:
    """The version from the target's version path or, without such a path, the release under test.

    Raises:
        DriverError: the version could not be read, or neither is known.
    """
    if not target.release.path:
        version, why = target.release.version, "the target file names neither a version nor a version path"
    else:
        version, why = _version(target, target.release.path)
    if not version:
        raise DriverError(f"the running release is not known: {why}", where=f"{target.file}: release")
    return version


def answering_releases(target: Target) -> tuple[str, ...]:
    """The releases that the target runs now, without repetition: from the header of several reads at the entry, else from the version path.

    Several processes may answer in turn, so one read would find one release of two.
    """
    import httpx

    named: dict[str, None] = {}
    if header := target.release.answered_in:
        try:
            with http_client(target, target.entry, timeout_s=_WITHIN_S) as client:
                for _ in range(_READS):
                    named[client.get(target.probes.read.path).headers.get(header, "")[:_LONGEST]] = None
        except httpx.HTTPError:
            named = {}  # the read succeeded a moment ago, and the load shows what became of it
    found = tuple(filter(None, named))
    if found or not target.release.path:
        return found
    return tuple(filter(None, [_version(target, target.release.path)[0]]))


def _version(target: Target, path: str) -> tuple[str, str]:
    """The version, and the reason if there is none."""
    import httpx

    try:
        with http_client(target, target.entry, timeout_s=_WITHIN_S) as client:
            answer = client.get(path)
    except httpx.HTTPError as error:
        return "", f"GET {path}: {error or type(error).__name__}"
    if answer.status_code != 200:
        return "", f"GET {path}: status {answer.status_code}"
    version = _named_in(answer.text)
    return version, "" if version else f"GET {path}: the answer names no version"


def _named_in(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()[:_LONGEST] if text.strip().isprintable() else ""
    if isinstance(value, dict):
        named = value.get("version", value.get("release", ""))
        return named[:_LONGEST] if isinstance(named, str) else ""
    return value[:_LONGEST] if isinstance(value, str) else ""
