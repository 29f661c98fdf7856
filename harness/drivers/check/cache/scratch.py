"""A server of its own on this machine that reads the files of a snapshot: it listens on a socket in its directory, and nowhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.caches import WITHIN_S, CacheAddress, CacheConnection
from harness.targets.commands import run_command
from harness.targets.files.cache import CacheServer
from harness.targets.undo import undoable

if TYPE_CHECKING:
    from redis import Redis

    from harness.targets.kubernetes import Cluster

_PROGRAMS: Final = ("valkey-server", "redis-server")
_BROKEN: Final = ("Short read", "Wrong RDB checksum", "Internal error in RDB reading")
"""What the server logs of a broken file. Source: `src/rdb.c` of Redis 7.0 and Valkey 9.1."""
_OF_MODULE: Final = "module data I can't load"
"""What it logs of a file with keys of a module that it lacks, after `Internal error`. Source: `src/rdb.c` of both."""
_OF_OTHERS: Final = (_OF_MODULE, "Unknown RDB encoding type")
"""The same, and what it logs of an encoding that another product writes."""
_REFUSED: Final = (*_BROKEN, "Can't handle RDB format", "Wrong signature", "Fatal error")
_DATABASES: Final = 1024
_AGAIN_S: Final = 0.05
_FILES: Final = "files"
_SOCKET: Final = "socket"
_LOG: Final = "log"
_FILE: Final = "dump.rdb"
_LONGEST: Final = 107
"""Bytes in the path of a socket. Source: unix(7), `sun_path` with its end."""


class SnapshotUnread(DriverError):
    """The server did not read a file.

    Attributes:
        decides: whether the file is broken; a format of another version, keys of a module and an error that is not known say
            nothing of it.
    """

    def __init__(self, what: str, *, where: str, decides: bool) -> None:
        own = "name the program of the cache's own version in `program`"
        loads = 'name a program in `program` that loads the module, such as a script with `exec valkey-server --loadmodule FILE "$@"`'
        super().__init__(what, where=where, hint="" if decides else loads if _OF_MODULE in what else own)
        self.decides = decides


@dataclass(frozen=True, kw_only=True, slots=True)
class ScratchCache:
    """The server, which reads one file after the other.

    Attributes:
        program: path of the server's program.
        directory: directory of its own, which `remove_scratch` removes.
        server: the cache of which the snapshot is.
        within_s: time until a file is read, in s.
    """

    program: str
    directory: Path
    server: CacheServer
    within_s: float

    @property
    def files(self) -> Path:
        """Where the files of the snapshot are written."""
        return self.directory / _FILES

    def make(self) -> None:
        """Make the directories, which only this user may read.

        Raises:
            DriverError: the path of its socket is too long for one.
        """
        if len(os.fsencode(self.directory / _SOCKET)) > _LONGEST:
            hint = "set TMPDIR to a directory with a shorter path"
            raise DriverError("the path is too long for the socket of a server", where=str(self.directory), hint=hint)
        self.directory.mkdir(mode=0o700)
        self.files.mkdir()

    def fetched(self) -> Sequence[Path]:
        """The files that were written, by name."""
        return sorted(one for one in self.files.rglob("*") if one.is_file() and not one.is_symlink())

    @contextmanager
    def reading(self, file: Path) -> Iterator[CacheConnection]:
        """Context in which the server has the keys of a file, which is moved away.

        Raises:
            SnapshotUnread: it does not read the file.
            DriverError: it cannot be started, or has not read the file in time.
        """
        file.replace(self.directory / _FILE)
        log = self.directory / _LOG
        log.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.directory / _SOCKET),
            "dir": str(self.directory),
            "dbfilename": _FILE,
            "logfile": str(log),
            "databases": str(_DATABASES),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        words = [self.program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        no = subprocess.DEVNULL  # of a broken file it prints keys
        try:
            process = subprocess.Popen(words, stdin=no, stdout=no, stderr=no, cwd=self.directory)
        except OSError as error:
            raise DriverError(f"could not be run ({type(error).__name__})", where=self.program) from error
        client = _client(self.directory / _SOCKET, self.server.database)
        try:
            self._await(process, client, file.name)
            yield CacheConnection(server=self.server, at=CacheAddress(file.name, 0), client=client)
        finally:
            client.close()
            process.kill()
            process.wait()
            (self.directory / _SOCKET).unlink(missing_ok=True)

    def _await(self, process: subprocess.Popen[bytes], client: Redis, name: str) -> None:
        from redis.exceptions import RedisError

        for _ in clock.Deadline.after(self.within_s).ticks(_AGAIN_S):
            if process.poll() is not None:
                raise _unread(self.directory / _LOG, name)
            try:
                if client.ping():
                    return
            except RedisError:  # it starts, or reads the file
                continue
        raise DriverError(f"was not read within {self.within_s:g} s", where=name, hint="set a longer `within`")


def program_of(declared: str, where: str) -> str:
    """The path of the server's program, declared or found.

    Raises:
        DriverError: it is not on this machine.
    """
    for name in [declared] if declared else _PROGRAMS:
        if found := shutil.which(name):
            return found
    hint = "install the server of your cache on this machine, or name it in `program`"
    raise DriverError(f"{declared or ' and '.join(_PROGRAMS)}: not found on this machine", where=where, hint=hint)


def _client(socket: Path, database: int) -> Redis:
    from redis import Redis

    return Redis(unix_socket_path=str(socket), db=database, socket_timeout=WITHIN_S, protocol=2)


def _unread(log: Path, name: str) -> SnapshotUnread:
    """What the server said of a file before it ended."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = [line.partition(" # ")[2] for line in lines]
    known = [one for one in said if one.startswith(_REFUSED)]
    observed = known[0] if known else "the server ended, and did not say why"
    decides = observed.startswith(_BROKEN) and not any(one in observed for one in _OF_OTHERS)
    return SnapshotUnread(observed, where=name, decides=decides)


def _remove(_cluster: Cluster | None, _target: Target, *, directory: str) -> None:
    """End the server, and remove its directory.

    Raises:
        DriverError: something of it is left.
    """
    from redis.exceptions import RedisError

    place = Path(directory)
    if (place / _SOCKET).exists():
        with _client(place / _SOCKET, 0) as client, suppress(RedisError):  # nothing listens there any more
            client.shutdown(nosave=True)
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        raise DriverError("the directory of a restored snapshot is still there", where=directory, hint="remove it")


@undoable("snapshot-drill", undo=_remove)
def fetch_snapshot(words: Sequence[str], within_s: float) -> None:
    """Run the command that fetches the files. Raises as `run_command`."""
    run_command(words, within_s)
