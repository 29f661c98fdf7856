"""Reads Jobs of the product from its manifests, for checks that run them."""

from __future__ import annotations

from pathlib import Path

from harness.drivers.manifests import declared
from harness.errors import ConfigurationError
from harness.targets.cluster.own import OWN
from harness.targets.kubernetes import Object, labels_of


def job_in(path: Path, name: str) -> tuple[str, Object]:
    """The namespace and the body of a Job in manifests, which is not deleted by itself; the namespace is empty if none is given.

    Raises:
        ConfigurationError: there is no such Job, or the files cannot be read.
    """
    if not path.exists():
        raise ConfigurationError("does not exist", where=str(path), hint="see `migration.manifests` of the target file")
    jobs = {one.name: one for one in declared([path]) if one.kind == "Job"}
    if name not in jobs:
        known = ", ".join(jobs) or "none"
        raise ConfigurationError(f"has no Job {name}", where=str(path), hint=f"its Jobs: {known}")
    content = jobs[name].content
    metadata = {**content["metadata"], "labels": {**labels_of(content), **OWN}}
    spec = content.get("spec") or {}
    if not isinstance(spec, dict):
        raise ConfigurationError(f"the `spec` of the Job {name} is not a mapping", where=str(path))
    spec = {key: value for key, value in spec.items() if key != "ttlSecondsAfterFinished"}
    return jobs[name].namespace, {**content, "metadata": metadata, "spec": spec}
