"""`backup-place`: the newest backup lies where a sentence says, and has the checksum that who made it declares."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.backups.stores import (
    BACKUPS,
    CHECKSUM,
    list_store,
    metadata_of,
    sha256_of,
    store_of,
    text_of,
)
from harness.drivers.check.claim import When, claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError, HarnessError
from harness.targets import Target
from harness.targets.files.backups import BackupsMade, BackupStore
from harness.targets.stores.listing import ObjectKind, StoredBackup, named_ns, newest, recognised
from harness.words import some

_NEWEST: Final = "newest backup"
_SHA256: Final = re.compile(r"(?i)(?:sha256:)?([0-9a-f]{64})")


@claim(
    'the newest backup of the <backup:name> lies in "<place:name>" and has the checksum of the backup made',
    example='the newest backup of the database lies in "s3://shop-backups/database/" and has the checksum of the backup made',
    needs=(BACKUPS, CHECKSUM),
    when=When.AFTER_TRAFFIC,
    seconds=3.0,
)
def backup_place(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The newest finished backup is read as a whole, and its SHA-256 is compared with the one that is declared; where a list of what was made is declared, its newest backup must be there."""
    store = store_of(target, params)

    def probe() -> Sequence[FactReading]:
        try:
            return list(_facts(target, store, params["place"]))
        except HarnessError as error:
            return [FactReading(subject=_NEWEST, expected="read", observed=str(error), ok=None)]

    return probe


def _facts(target: Target, store: BackupStore, place: str) -> Iterator[FactReading]:
    found = list(recognised(store, list_store(target, store).objects))
    yield from strange_facts(found)
    last = newest(found)
    made = made_backups(target, store.checksum.made) if store.checksum is not None and store.checksum.made else None
    if last is None:
        yield FactReading(subject=_NEWEST, expected=f"in {place}", observed="no finished backup", ok=False)
    else:
        lies = store.place.rstrip("/") == place.rstrip("/")
        yield FactReading(
            subject=_NEWEST, expected=f"in {place}", observed=f"{last.stored.name} in {store.place}", ok=lies
        )
        yield _checksum(target, store, last, made)
    if made is not None:
        yield from _newest_made(store, found, made)


def strange_facts(found: Sequence[StoredBackup]) -> Iterator[FactReading]:
    """Names that are not explained, and times that cannot be."""
    unknown = [one.stored.name for one in found if one.kind is ObjectKind.UNKNOWN]
    if unknown:
        why = f"{some(unknown)}: the target file does not say what it is, or the name has no time, or one with a zone that `time` lacks"
        yield FactReading(subject="names", expected="in `files`, `beside` or `unfinished`", observed=why, ok=None)
    early = [one.stored.name for one in found if one.early]
    if early:
        why = f"{some(early)}: the time in the name is later than that of the store, so the clocks differ"
        yield FactReading(subject="times", expected="not later than the store's", observed=why, ok=None)


def _checksum(target: Target, store: BackupStore, last: StoredBackup, made: Mapping[str, str] | None) -> FactReading:
    name = last.stored.name
    subject = f"checksum of {name}"
    try:
        declared = made.get(name, "") if made is not None else _declared(target, store, name)
    except DriverError as error:
        return FactReading(subject=subject, expected="declared", observed=str(error), ok=None)
    expected = _SHA256.fullmatch(declared.strip())
    if expected is None:
        why = f"nothing declares the SHA-256 of {name}" if not declared else f"{declared[:80]!r} is not a SHA-256"
        return FactReading(subject=subject, expected="declared", observed=why, ok=None)
    digest = sha256_of(target, store, last.stored)
    if digest is None:
        why = f"{name} was replaced while it was read"
        return FactReading(subject=subject, expected=expected[1].lower(), observed=why, ok=None)
    same = digest == expected[1].lower()
    if not same and last.stored not in list_store(target, store).objects:
        why = f"{name} was written to while it was read: it may be one that is being made"
        return FactReading(subject=subject, expected=expected[1].lower(), observed=why, ok=None)
    return FactReading(subject=subject, expected=expected[1].lower(), observed=digest, ok=same, sure=not same)


def _declared(target: Target, store: BackupStore, name: str) -> str:
    """The SHA-256 that the place itself declares; empty: it does not. Raises DriverError."""
    if store.checksum is None:
        return ""
    if store.checksum.metadata:
        return metadata_of(target, store, name).get(store.checksum.metadata.lower(), "")
    return checksum_in(text_of(target, store, f"{name}{store.checksum.beside}"), name)


def checksum_in(text: str, name: str) -> str:
    """The checksum of a file in what `sha256sum` writes: the line with its name, or the only line; empty: there is none."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    base = name.rpartition("/")[2]
    own = [line[0] for line in lines if len(line) > 1 and line[1].lstrip("*").rpartition("/")[2].strip() == base]
    if own:
        return own[0]
    return lines[0][0] if len(lines) == 1 and len(lines[0]) == 1 else ""


def made_backups(target: Target, made: BackupsMade) -> Mapping[str, str]:
    """What was made, in order: SHA-256 by name.

    Raises:
        DriverError: the list cannot be read.
    """
    where = made.file or made.command[0]
    try:
        if made.file:
            text = target.beside(made.file).read_bytes()
        else:
            done = subprocess.run(made.command, capture_output=True, timeout=30, check=True, stdin=subprocess.DEVNULL)
            text = done.stdout
        found = json.loads(text)
    except subprocess.CalledProcessError as error:
        raise DriverError(f"the command ended with exit code {error.returncode}", where=where) from error
    except subprocess.TimeoutExpired as error:
        raise DriverError("the command did not end within 30 s", where=where) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DriverError(f"the list of what was made cannot be read ({type(error).__name__})", where=where) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        hint = 'expected `{"NAME": "SHA-256", …}`'
        raise DriverError("the list of what was made is not a JSON object of texts", where=where, hint=hint)
    return found


def _newest_made(store: BackupStore, found: Sequence[StoredBackup], made: Mapping[str, str]) -> Iterator[FactReading]:
    """Whether the newest of those that were made is there: by the time in the name, else the last one of the list."""
    if not made:
        yield FactReading(
            subject="newest made", expected="in the place", observed="the list of what was made is empty", ok=None
        )
        return
    form = store.time
    times = {name: named_ns(form, name) for name in made} if form is not None else {}
    untimed = [name for name, at in times.items() if at is None]
    if untimed:
        why = f"{some(untimed)}: the name has no time"
        yield FactReading(subject="newest made", expected="in the place", observed=why, ok=None)
        return
    last = max(made, key=lambda name: (times[name] or 0, name)) if times else [*made][-1]
    there = any(one.stored.name == last and one.kind is ObjectKind.BACKUP for one in found)
    said = last if there else f"{last} is missing"
    yield FactReading(subject="newest made", expected="in the place", observed=said, ok=there)
