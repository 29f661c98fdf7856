"""The manifest: the versions and inputs of a run, and the hash of every evidence file."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import harness
from harness import clock
from harness.errors import MissingEvidence
from harness.evidence.foreign import read_json
from harness.evidence.histories.facts import release_reads
from harness.evidence.histories.history import clock_name, read_history
from harness.evidence.run_directory import REPORTS, RunDirectory
from harness.model import Missing, Observation, Plan, ReleaseRead, RunStarted
from harness.model.observations import unusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MANIFEST: Final = "manifest.json"
SCHEMA: Final = 2
"""Version of the contents of a run directory.

Version 2: ledgers of items have the columns of one schema.
"""
_PACKAGES: Final = (
    "pytest",
    "pytest-bdd",
    "locust",
    "chaostoolkit",
    "chaostoolkit-lib",
    "chaostoolkit-kubernetes",
    "kubernetes",
    "httpx",
    "numpy",
)


def write_manifest(directory: RunDirectory, plan: Plan) -> None:
    """Hash all files and write `manifest.json`, so that later changes of the evidence are detected."""
    directory.write_json(
        MANIFEST,
        {
            "schema": SCHEMA,
            "run": plan.run,
            "target": plan.target,
            "environment": plan.environment,
            "time_scale": plan.time_scale,
            "release": plan.release,
            "release_commit": plan.release_commit,
            "profile": plan.profile,
            "seed": plan.seed,
            "release_reads": _plain(release_reads(_recorded(directory))),
            "sealed": clock.wall_text(),
            "versions": {"readiness-harness": harness.__version__, "python": platform.python_version(), **_versions()},
            "commit": _commit(),
            "clocks": [{"name": clock_name(), "offset_ns": 0, "residual_ns": 0}],
            "files": {directory.relative(path): _entry(path) for path in evidence_files(directory)},
        },
    )


def _recorded(directory: RunDirectory) -> list[Observation]:
    path = directory.path / "history" / "run.ndjson"
    return [o for o in read_history(path)[0] if not unusable(o)] if path.exists() else []


def evidence_files(directory: RunDirectory) -> Iterator[Path]:
    """Every evidence file, sorted."""
    for path in sorted(directory.path.rglob("*")):
        top = path.relative_to(directory.path).parts[0]
        if path.is_file() and top not in {*REPORTS, MANIFEST, "running.json"} and not top.startswith("."):
            yield path


def verify(directory: RunDirectory) -> tuple[dict[str, Any] | None, list[Missing]]:
    """Read the manifest; returns it with the files that are missing, changed or not listed.

    Without a manifest the run did not complete, and the first value is None.

    Raises:
        MissingEvidence: the run was recorded in another format, by another release of the harness.
    """
    try:
        manifest = read_json(directory.path / MANIFEST)
        listed = listed_files(manifest)
    except OSError:
        return None, [Missing(file=MANIFEST, why="the file is missing, so the run did not complete")]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None, [Missing(file=MANIFEST, why="the file is not a manifest; it was truncated or edited")]
    if manifest.get("schema") != SCHEMA:
        raise MissingEvidence(
            f"the run was recorded in format {manifest.get('schema', 'unknown')}, this release reads format {SCHEMA}",
            where=str(directory.path / MANIFEST),
            hint="judge the run with the release that recorded it (`versions` in the manifest), or run again",
        )
    return manifest, [*altered(directory, listed), *_of_another_plan(manifest, directory)]


def listed_files(manifest: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """Size in bytes and SHA-256 of each file of a manifest, by its name.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, OverflowError: the document is not a manifest.
    """
    return {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in manifest["files"].items()}


def altered(directory: RunDirectory, listed: Mapping[str, tuple[int, str]]) -> list[Missing]:
    """The evidence files that are missing or changed since the run ended, and those that were added."""
    missing = [
        Missing(file=name, why=why)
        for name, (size, digest) in listed.items()
        if (why := _fault(directory.file(name), size, digest))
    ]
    present = {directory.relative(path) for path in evidence_files(directory)}
    added = sorted(present - set(listed))
    return [*missing, *(Missing(file=name, why="the file did not exist when the run ended") for name in added)]


def _of_another_plan(manifest: Mapping[str, Any], directory: RunDirectory) -> list[Missing]:
    """Differences between the plan and the manifest of the run."""
    try:
        plan = directory.read_plan()
    except MissingEvidence:
        return []  # whoever judges by it gets the error
    for key in ("run", "target", "environment", "time_scale", "release", "release_commit", "profile", "seed"):
        if key in manifest and manifest[key] != getattr(plan, key):
            why = f"`{key}` is {getattr(plan, key)!r}, in the manifest it is {manifest[key]!r}"
            return [Missing(file="plan.json", why=why)]
    return []


def untied(manifest: Mapping[str, Any], started: RunStarted | None, reads: Iterable[ReleaseRead]) -> Iterator[Missing]:
    """Differences between the run's record of itself and the manifest.

    A difference means that the evidence belongs to another run, target or release.
    """
    for key in ("run", "target", "release", "environment", "time_scale", "seed"):
        if started is not None and key in manifest and manifest[key] != getattr(started, key):
            why = f"`{key}` is {getattr(started, key)!r}, in the manifest it is {manifest[key]!r}"
            yield Missing(file="history/run.ndjson", why=why)
            break
    if "release_reads" in manifest and manifest["release_reads"] != _plain(reads):
        yield Missing(file=MANIFEST, why="the readings of the release differ from those in the history")


def _plain(reads: Iterable[ReleaseRead]) -> list[Any]:
    plain: list[Any] = json.loads(json.dumps([asdict(read) for read in reads]))
    return plain


def _entry(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fault(path: Path | None, size: int, digest: str) -> str:
    try:
        if path is None:
            return "the manifest lists this name, which is not a valid name of a file inside the run"
        if not path.is_file():
            return "the file is missing"
        found = path.stat().st_size
        if found < size:
            return "the file was truncated after the run ended"
        return "" if found == size and sha256_of(path) == digest else "the file was edited after the run ended"
    except OSError as error:
        return f"the file cannot be read: {error}"


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    """The commit of the harness if it runs from a checkout; else empty. `release_commit` is the commit of the release."""
    checkout = Path(harness.__file__).parent.parent
    if not (checkout / ".git").exists():
        return ""
    git = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
