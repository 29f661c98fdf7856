"""The candidates of rollouts as files.

What each release that replaces another one makes of the Rollouts, and the Jobs that migrate the database to its schema and back.
A rollout file names a candidate, the target file where its objects are (`rollout: {manifests: candidates/{candidate}.yaml}`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox import documents
from readiness_sandbox.platform import parts, render
from readiness_sandbox.releases import load_release, names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PART: Final = "rollout"
"""Of the platform: the one that has Rollouts."""
MIGRATIONS: Final = render.MANIFESTS.parent / "normaldance" / "migrations"


def write(directory: Path, deployed: Sequence[str]) -> None:
    """Write `VERSION.yaml` and `VERSION-migration.yaml` for each candidate; nothing where the part is not deployed."""
    if PART not in deployed:
        return
    directory.mkdir(exist_ok=True)
    for name in names():
        release = load_release(name)
        if release.replaces is not None:
            rollouts = [each for each in render.without_credentials(release, deployed) if each["kind"] == "Rollout"]
            (directory / f"{release.version}.yaml").write_text(documents.dump_all(rollouts), "utf-8")
            jobs = [migration(release.version, way) for way in ("up", "down")]
            file = directory / f"{release.version}-migration.yaml"
            file.write_text(documents.dump_all(jobs), "utf-8")


def migration(version: str, way: str) -> dict[str, Any]:
    """The Job that migrates to the schema of a release (`up`), or back (`down`).

    A release without migrations of its own has those of the version that its name begins with: `1.1.0-slow` those of `1.1.0`.
    """
    of = version if (MIGRATIONS / version).is_dir() else version.partition("-")[0]
    job: dict[str, Any] = documents.load((parts.directory(PART) / "migration.yaml").read_text("utf-8"))
    job["metadata"]["name"] = f"migrate-{way}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["image"] = f"normaldance/migrate:{version}"
    container["command"] = [*container["command"][:-2], way, of]
    return job
