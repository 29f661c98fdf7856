"""The place of backups that a sentence names: its list, and the content of what lies in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from harness.clock import Deadline
from harness.drivers.check.claim import Params
from harness.drivers.check.needs import within
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.backups import BackupStore
from harness.targets.kubernetes import Cluster
from harness.targets.stores.asking import asked, streamed
from harness.targets.stores.directory import list_directory
from harness.targets.stores.listing import Listing, StoredObject
from harness.targets.stores.resources import list_resources
from harness.targets.stores.s3 import S3Place, described, listed

BACKUPS: Final = within("backups.{backup}", "the place of the backups is read")
CHECKSUM: Final = within("backups.{backup}.checksum", "the checksum of a backup is declared by who made it")
_PIECE: Final = 1 << 20
_MOST_TEXT: Final = 1 << 20
"""Bytes of a file with a checksum that are read."""
_MOST_BYTES: Final = 1 << 26
_METADATA: Final = "x-amz-meta-"


def store_of(target: Target, params: Params) -> BackupStore:
    """The place with the name of the sentence.

    Raises:
        ConfigurationError: the target file does not name it.
    """
    name = params["backup"]
    if name not in target.backups:
        hint = f"write `backups: {{{name}: {{at: …, files: […]}}}}`"
        raise ConfigurationError(f"has no backups `{name}`", where=f"{target.file}: backups", hint=hint)
    return target.backups[name]


def list_store(target: Target, store: BackupStore) -> Listing:
    """One reading of the place. Raises DriverError."""
    if store.resources is not None:
        return list_resources(Cluster.of(target), store.resources, store.within_s)
    if not store.in_bucket:
        return list_directory(target.beside(store.place))
    place = S3Place.of(store)
    return asked(target, place, listed(place), Deadline.after(store.within_s))


def sha256_of(target: Target, store: BackupStore, one: StoredObject) -> str | None:
    """The SHA-256 of an object as hexadecimal digits; None: it was replaced since it was listed.

    Raises:
        DriverError: it cannot be read as a whole in time.
    """
    digest = hashlib.sha256()
    return digest.hexdigest() if _read_whole(target, store, one, digest.update) else None


def whole_of(target: Target, store: BackupStore, one: StoredObject) -> bytes | None:
    """The content of an object, at most 64 MiB; None: it was replaced since it was listed.

    Raises:
        DriverError: it is larger, or cannot be read as a whole in time.
    """
    if one.size > _MOST_BYTES:
        raise DriverError(f"{one.name} is larger than {_MOST_BYTES} bytes", where=store.place)
    content = bytearray()
    return bytes(content) if _read_whole(target, store, one, content.extend) else None


def _read_whole(target: Target, store: BackupStore, one: StoredObject, take: Callable[[bytes], object]) -> bool:
    """Whether an object was read as it was listed, piece by piece. Raises DriverError."""
    size = 0
    with content_of(target, store, one.name) as (tag, parts):
        if tag and tag.strip(chr(34)) != one.tag.strip(chr(34)):  # some servers list them without quotes
            return False
        for part in parts:
            take(part)
            size += len(part)
    return size == one.size


def text_of(target: Target, store: BackupStore, name: str) -> str:
    """The begin of a small object as text. Raises DriverError."""
    read = b""
    with content_of(target, store, name) as (_, parts):
        for part in parts:
            read += part
            if len(read) >= _MOST_TEXT:
                break
    return read[:_MOST_TEXT].decode("utf-8", errors="replace")


def metadata_of(target: Target, store: BackupStore, name: str) -> Mapping[str, str]:
    """The metadata of an object in a bucket, by name in small letters. Raises DriverError."""
    place = S3Place.of(store)
    headers = asked(target, place, described(place, name), Deadline.after(store.within_s))
    return {key.removeprefix(_METADATA): value for key, value in headers.items() if key.startswith(_METADATA)}


@contextmanager
def content_of(target: Target, store: BackupStore, name: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The tag of an object, empty for a file, and its content. Raises DriverError."""
    deadline = Deadline.after(store.within_s)
    if store.in_bucket:
        with streamed(target, S3Place.of(store), name, deadline) as found:
            yield found
        return
    path = target.beside(store.place) / name
    try:
        with path.open("rb") as file:

            def pieces() -> Iterator[bytes]:
                while piece := file.read(_PIECE):
                    if deadline.over:
                        raise DriverError("the file was not read as a whole in time", where=str(path))
                    yield piece

            yield "", pieces()
    except OSError as error:
        raise DriverError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
