"""A server of its own for a drill: the newest dump is restored into it, or the database as it was at a chosen second."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from .making import DUMPS, BackupFailed, output
from .restoring import NotArchivedYet, RestoreRefused, StoredBackups, restore_files, settings, verify

_READY_S = 60.0
_POLL_S = 0.1
DATABASE = "normaldance"
SHORT = b"recovery ended before configured recovery target was reached"
HBA = "hostssl all all all scram-sha-256\n"


class ScratchServer:
    """The server; there is one at most.

    Args:
        store: where backups lie.
        programs: directory of PostgreSQL's programs.
        home: directory for its files, which is removed with it.
        tls: directory with `tls.crt` and `tls.key`.
        address, port: where it listens.
        password: of the superuser.
        earlier: so much before the chosen moment it is restored; a planted defect.
    """

    def __init__(
        self,
        *,
        store: StoredBackups,
        programs: Path,
        home: Path,
        tls: Path,
        address: str,
        port: int,
        password: str,
        earlier: timedelta = timedelta(),
    ) -> None:
        self._store, self._programs, self._home, self._tls = store, programs, home, tls
        self._place = (address, port)
        self._password, self._earlier = password, earlier
        self._process: asyncio.subprocess.Process | None = None

    async def restore_dump(self) -> str:
        """Restore the newest dump into a new database; the dump's name.

        Raises:
            RestoreRefused: there is no dump, or a restored database is there already.
            ObjectStoreError, UnreadableBackup, BackupFailed: it could not be read or restored.
        """
        self._begin()
        name = await asyncio.to_thread(self._store.newest, DUMPS)
        if not name:
            raise RestoreRefused(f"there is no dump below {DUMPS}; hint: make one")
        content = await asyncio.to_thread(self._store.read, name)
        given = self._home / "password"
        given.touch(mode=0o600)
        given.write_text(self._password)
        words = ["-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-A", "scram-sha-256", f"--pwfile={given}"]
        await output([self._program("initdb"), "-D", str(self._data), *words], {})
        await self._start("")
        await output([self._program("createdb"), "-T", "template0", DATABASE], self._variables("postgres"))
        restore = [self._program("pg_restore"), "--no-owner", "--no-acl", "--exit-on-error", "-d", DATABASE]
        await output(restore, self._variables(DATABASE), content)
        return name

    async def restore_point(self, until: datetime | None) -> str:
        """Restore the database as it was at a moment, or as the archive ends; the base backup's name.

        Raises:
            RestoreRefused: there is no base backup, the archive has a gap before the moment, or a restored database is there already.
            NotArchivedYet: the archive does not reach the moment.
            ObjectStoreError, UnreadableBackup, BackupFailed: it could not be read or restored.
        """
        self._begin()
        wal, moment = self._home / "wal", until - self._earlier if until else None
        found = await asyncio.to_thread(restore_files, self._store, self._data, wal, moment)
        await asyncio.to_thread(verify, self._programs, self._data)
        target = ""
        if moment:
            target = f"recovery_target_time = '{moment.isoformat()}'\nrecovery_target_action = 'promote'\n"
        try:
            await self._start(settings(wal) + target)
        except RestoreRefused:
            if until is None or SHORT not in await asyncio.to_thread(self._log.read_bytes):
                raise
            if found.gap:
                raise RestoreRefused(f"the archive lacks {found.gap}, and what follows it is lost") from None
            raise NotArchivedYet(f"the archive does not reach {until.isoformat()} yet") from None
        return found.base

    async def remove(self) -> None:
        """End the server and remove all its files, wherever it is; nothing to do where there is none."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(3)  # SIGQUIT: at once, with all its children
            await self._process.wait()
            self._process = None
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _log(self) -> Path:
        return self._home / "log"

    def _begin(self) -> None:
        if self._home.exists():
            raise RestoreRefused("a restored database is there already; hint: remove it first")
        self._home.mkdir(mode=0o700, parents=True)

    async def _start(self, more: str) -> None:
        address, port = self._place
        for name in ("tls.crt", "tls.key"):
            shutil.copyfile(self._tls / name, self._home / name)
            (self._home / name).chmod(0o600)
        (self._data / "pg_hba.conf").write_text(HBA)
        (self._data / "postgresql.auto.conf").write_text("")
        (self._data / "postgresql.conf").write_text(
            f"listen_addresses = '{address}'\nport = {port}\nunix_socket_directories = ''\nssl = on\n"
            f"ssl_cert_file = '{self._home}/tls.crt'\nssl_key_file = '{self._home}/tls.key'\n"
            "shared_buffers = 16MB\nfsync = off\nmax_connections = 120\nmax_wal_senders = 10\nmax_worker_processes = 8\n"
            "password_encryption = scram-sha-256\nwal_level = replica\n" + more
        )
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._program("postgres"),
                "-D",
                str(self._data),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        ready = "SELECT NOT pg_is_in_recovery()"
        async with asyncio.timeout(_READY_S):
            while self._process.returncode is None:
                with suppress(BackupFailed):
                    if (
                        await output([self._program("psql"), "-Atc", ready], self._variables("postgres"))
                    ).strip() == b"t":
                        return
                await asyncio.sleep(_POLL_S)
        sys.stderr.write(self._log.read_text(errors="replace"))
        raise RestoreRefused("the server of the restored database ended; its log says why")

    def _variables(self, database: str) -> Mapping[str, str]:
        address, port = self._place
        return {
            "PGHOST": address,
            "PGPORT": str(port),
            "PGUSER": "postgres",
            "PGPASSWORD": self._password,
            "PGDATABASE": database,
            "PGSSLMODE": "require",
            "PGSSLROOTCERT": "",
            "PGOPTIONS": os.environ.get("PGOPTIONS", ""),
        }

    def _program(self, name: str) -> str:
        return str(self._programs / name)
