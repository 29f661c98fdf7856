"""Brings a run back from a bucket: whole files as they are, files that were growing from their pieces, as far as these follow each other."""

from __future__ import annotations

import shutil
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import EvidenceError, UsageError
from harness.evidence.bucket.upload import GROWING
from harness.evidence.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.evidence.bucket.store import Bucket


_PLAN: Final = "plan.json"
"""The first file of a run; without it nothing can be judged."""


def download(bucket: Bucket, run: Path) -> list[str]:
    """Write the files of a run to a new directory.

    Args:
        bucket: the bucket, at the run's own prefix.
        run: the directory to make.

    Returns:
        What is missing, one text for each file whose pieces do not follow each other; empty if there is no such file.

    Raises:
        UsageError: the bucket has no such run, or the directory exists.
        EvidenceError: an object cannot be read, has a name that no file of a run has, or cannot be written here.
    """
    if run.exists():
        raise UsageError(
            "a run with this name exists here already",
            where=str(run),
            hint=f"judge it by its name, {run.name}, or move it away and download again",
        )
    names = bucket.names()
    if _PLAN not in names:
        below = sorted({name.partition("/")[0] for name in names if f"{name.partition('/')[0]}/{_PLAN}" in names})
        runs = f"; the newest of {len(below)} runs below is {below[-1]}" if below else ""
        raise UsageError(
            f"there is no run, as {_PLAN} is missing{runs}",
            where=bucket.url,
            hint="name the run: s3://BUCKET/PREFIX/RUN",
        )
    missing: list[str] = []
    try:
        run.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".download-", dir=run.parent))
        try:
            for name, pieces in _files(names):
                path = _inside(part, name, bucket)
                path.parent.mkdir(parents=True, exist_ok=True)
                missing += _write(path, name, pieces, bucket)
            part.chmod(0o755)
            part.rename(run)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise EvidenceError(
            f"the run cannot be written here: {error.strerror or error}",
            where=str(error.filename or run),
            hint="call the command where there is room, and the directory can be written to",
        ) from error
    return missing


def _files(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Each file with its objects in order: itself, or its pieces."""
    growing = f"{GROWING}/"
    whole = [name for name in names if not name.startswith(growing)]
    yield from ((name, [name]) for name in whole)
    pieces = (name for name in names if name.startswith(growing))
    for name, own in groupby(pieces, key=lambda piece: piece.removeprefix(growing).rpartition("/")[0]):
        if name not in whole:  # else the run ended while it was sent as a whole
            yield name, list(own)


def _write(path: Path, name: str, pieces: Sequence[str], bucket: Bucket) -> list[str]:
    """Write a file from its objects, as far as these follow each other; returns what is missing."""
    with path.open("wb") as file:
        for piece in pieces:
            begin = "0" if piece == name else piece.rpartition("/")[2]
            if not begin.isdecimal() or int(begin) != file.tell():
                return [f"{name}: what follows byte {file.tell()} is missing, the next piece begins at {begin}"]
            file.writelines(bucket.get(piece))
    return []


def _inside(directory: Path, name: str, bucket: Bucket) -> Path:
    """The path of a file in the directory. Raises EvidenceError for a name that no file of a run has."""
    path = RunDirectory(directory).file(name)
    if path is None or any(part.startswith(".") for part in Path(name).parts):
        raise EvidenceError(
            f"the bucket has an object whose name is not that of a run's file: {name[:200]!r}",
            where=bucket.url,
            hint="delete what does not belong to the run, or name the run itself",
        )
    return path
