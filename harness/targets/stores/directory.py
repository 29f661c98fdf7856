"""Lists the files of a directory and of all directories below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness import clock
from harness.errors import DriverError
from harness.targets.stores.listing import Listing, StoredObject


def list_directory(directory: Path) -> Listing:
    """Every file; a link is what it leads to. One that leads nowhere, or to a file that is listed itself, is left out; one to a directory is an empty object.

    Raises:
        DriverError: a directory cannot be read.
    """
    sent_ns = clock.now_ns()
    try:
        objects = tuple(_below(directory, "", directory.resolve()))
    except OSError as error:
        hint = "correct `at` of `backups`, or the rights of the directory"
        raise DriverError(
            f"the directory cannot be listed: {error.strerror}", where=str(error.filename or directory), hint=hint
        ) from error
    done_ns, now = clock.both()
    return Listing(
        objects=objects,
        sent_ns=sent_ns,
        done_ns=done_ns,
        store_ns=clock.wall_ns(now),
        answered_ns=done_ns,
        step_ns=0,
    )


def _below(directory: Path, before: str, top: Path) -> Iterator[StoredObject]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            name = f"{before}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path), f"{name}/", top)
                continue
            if entry.is_symlink() and entry.is_file() and Path(entry.path).resolve().is_relative_to(top):
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue  # removed since it was listed, or a link that leads nowhere
            yield StoredObject(
                name=name,
                size=status.st_size
                if entry.is_file()
                else 0,  # a pipe or a link to a directory has no content of its own
                modified_ns=status.st_mtime_ns,
                tag=f"{status.st_dev}-{status.st_ino}-{status.st_size}",
            )
