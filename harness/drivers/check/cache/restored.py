"""`restored-cache`: the newest snapshot of a cache is read by a server of its own, and has the keys of its moment.

A cache changes all the time. So the harness writes a key to every primary, and reads the keys of every primary right before a snapshot is
made and right after it, each with the time at which it expires. The restored server must have each key that both readings have with the
same time. A missing key was there all the time if it is the harness's own, or if its idle time shows no use meanwhile; any other
one may have been removed and written again, and decides nothing.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import clock
from harness.drivers.check.cache.scratch import ScratchCache, SnapshotUnread, fetch_snapshot, program_of
from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, platform_of
from harness.targets.caches import (
    CACHE,
    MAY_WRITE,
    SLOTS,
    CacheAddress,
    CacheConnection,
    cache_of,
    connected,
    endpoints_of,
    key_in,
    members_of,
    require_keys,
)
from harness.targets.commands import CommandEnded, CommandHangs, run_command
from harness.targets.files.cache import DIRECTORY, CacheServer, CacheSnapshots
from harness.targets.undo import undo_now
from harness.units import NS_PER_MS, NS_PER_S

_SNAPSHOTS: Final = within("cache.snapshots.{snapshots}", "a snapshot of the cache is made and restored")
_CHECK: Final = "check restored-cache"
_PAGE: Final = 1000
"""Keys that are asked for together."""
_MIB: Final = 2**20
_NO_EXPIRY: Final = -1
_GONE: Final = -2
_IDLE_KNOWN_S: Final = 2.0
"""By so much a server's count of idle seconds may be off. Source: LRU_CLOCK_RESOLUTION, and `hz`, of `src/server.h`."""
_EXPIRES_S: Final = 60.0
_Mark = Callable[[CacheAddress, int | None], bytes]
Keys = Mapping[bytes, int]
"""Keys of a server, with the time at which each expires in ms since 1970; -1: never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysAround:
    """The keys of one primary around the moment of a snapshot.

    Attributes:
        at: the primary.
        before, after: its keys right before the snapshot was made, and right after it.
        marker: key of the harness that was written before.
        late: key of the harness that was written after.
    """

    at: CacheAddress
    before: Keys
    after: Keys
    marker: bytes
    late: bytes

    def kept(self, until_ms: float) -> Keys:
        """Keys that were there before and after, and that do not expire until then."""
        return {
            key: expires
            for key, expires in self.before.items()
            if self.after.get(key) == expires and (expires == _NO_EXPIRY or expires > until_ms)
        }


@claim(
    "a <snapshots:name> restored from the newest snapshot contains 100 % of the keys of its moment",
    example="a cache restored from the newest snapshot contains 100 % of the keys of its moment",
    needs=(CACHE, MAY_WRITE, _SNAPSHOTS),
    when=When.AFTER_TRAFFIC,
    seconds=10.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
def restored_cache(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A new snapshot is made, fetched, and read by a server on this machine, whose keys are compared with those of every primary right before the snapshot and right after it."""
    require_keys(target)
    snapshots = snapshots_of(target, params["snapshots"])
    return lambda: list(_drilled(target, snapshots, params["snapshots"]))


def snapshots_of(target: Target, name: str) -> CacheSnapshots:
    """The snapshots with the name of the sentence.

    Raises:
        ConfigurationError: the target file does not name them.
    """
    found = cache_of(target).snapshots
    if name not in found:
        hint = f"write `cache: {{snapshots: {{{name}: {{server: NAME, make: {{command: [WORDS]}}, fetch: {{command: [WORDS]}}}}}}}}`"
        raise ConfigurationError(f"has no snapshots `{name}`", where=f"{target.file}: cache.snapshots", hint=hint)
    return found[name]


def _drilled(target: Target, snapshots: CacheSnapshots, name: str) -> Iterator[FactReading]:
    """Do the drill. Whatever happens, the server and the files are removed.

    Raises:
        DriverError: there is no program, no snapshot was made, the primaries changed, or something is not removed.
        TargetUnreachable: a primary does not answer.
    """
    program = program_of(snapshots.program, f"{target.file}: cache.snapshots.{name}")
    server, began_ns = cache_of(target).servers[snapshots.server], clock.now_ns()
    directory = Path(tempfile.gettempdir()) / f"readiness-{secrets.token_hex(8)}"
    scratch = ScratchCache(program=program, directory=directory, server=server, within_s=snapshots.within_s)
    _refuse_small_disk(target, server, directory.parent)
    with _marks(target, server, snapshots) as mark:
        around = _around(target, server, snapshots, mark)
        what = f"read a snapshot of {name} on this machine"
        intent = fetch_snapshot.intend(platform_of(target), _CHECK, what, directory=str(directory))
        try:
            scratch.make()
            fetch_snapshot(
                [word.replace(DIRECTORY, str(scratch.files)) for word in snapshots.fetch.command], snapshots.within_s
            )
            unread, restored = _restored(scratch, snapshots.within_s)
            until_ms = clock.wall_ns(clock.wall()) / NS_PER_MS
            yield from unread
            for one in around:
                lacking = [key for key in one.kept(until_ms) if key not in restored]
                untouched = _untouched(target, server, one, lacking, began_ns)
                yield key_fact(one, restored, until_ms, untouched, known=not unread)
        except (CommandEnded, CommandHangs) as error:
            ok = None if isinstance(error, CommandHangs) else False
            why = f"`{error.where}` {error.what}"
            yield FactReading(subject="newest snapshot", expected="fetched", observed=why, ok=ok)
        finally:
            undo_now(None, target, intent)


def _refuse_small_disk(target: Target, server: CacheServer, place: Path) -> None:
    """Refuse a snapshot that may be larger than the disk. A file takes less than its keys take in memory.

    Raises:
        DriverError: it is refused; nothing was made. TargetUnreachable: a primary does not answer.
    """
    needed = 0
    for at in _primaries(target, server):
        with connected(target, server, at) as connection:
            needed += int(connection.info("memory").get("used_memory", 0))
    if needed >= (free := shutil.disk_usage(place).free):
        what = f"{free / _MIB:.4g} MiB are free, and a snapshot may take {needed / _MIB:.4g} MiB: nothing was made"
        raise DriverError(what, where=str(place), hint="free the disk, or name a larger one in TMPDIR")


@contextmanager
def _marks(target: Target, server: CacheServer, snapshots: CacheSnapshots) -> Iterator[_Mark]:
    """Context of a function that writes a key of the harness; afterwards the keys are removed, and without that they expire."""
    kept_ms, written = round(1000 * (_EXPIRES_S + 5 * snapshots.within_s)), list[tuple[CacheAddress, str]]()

    def mark(at: CacheAddress, slot: int | None) -> bytes:
        written.append((at, key := key_in(slot, secrets.token_hex(8))))
        with connected(target, server, at) as connection:
            connection.ask("SET", key, "1", "PX", kept_ms)
        return key.encode()

    try:
        yield mark
    finally:
        for at, key in written:
            with suppress(DriverError), connected(target, server, at) as connection:
                connection.ask("DEL", key)


def _around(target: Target, server: CacheServer, snapshots: CacheSnapshots, mark: _Mark) -> Sequence[KeysAround]:
    """Make a snapshot, and read the keys of every primary around it.

    Raises:
        DriverError: no snapshot was made, or the primaries changed meanwhile.
        TargetUnreachable: a primary does not answer.
    """
    primaries = _primaries(target, server)

    def read() -> Mapping[CacheAddress, Keys]:
        deadline = clock.Deadline.after(snapshots.within_s)
        found = {}
        for at in primaries:
            with connected(target, server, at, text=False) as connection:
                found[at] = keys_in(connection, deadline)
        return found

    markers, before = {at: mark(at, slot) for at, slot in primaries.items()}, read()
    run_command(snapshots.make.command, snapshots.within_s)
    after, late = read(), {at: mark(at, slot) for at, slot in primaries.items()}
    if _primaries(target, server) != primaries:
        hint = "run again while no server of the cache changes its role"
        raise DriverError("another server became a primary while the snapshot was made", where=server.at, hint=hint)
    return [
        KeysAround(at=at, before=before[at], after=after[at], marker=markers[at], late=late[at]) for at in primaries
    ]


def _primaries(target: Target, server: CacheServer) -> Mapping[CacheAddress, int | None]:
    """Every primary, with one of its slots; None: the cache is not a cluster.

    Raises:
        DriverError: not every slot is served.
    """
    nodes = [one for one in members_of(target, server) if not one.primary and one.slots]
    served = sum(one.slots for one in nodes if one.state != "fail")
    if nodes and served != SLOTS:
        raise DriverError(f"{served} of {SLOTS} hash slots are served", where=server.at)
    return {one.at: one.ranges[0][0] for one in nodes} or dict.fromkeys(endpoints_of(target, server))


def keys_in(connection: CacheConnection, deadline: clock.Deadline) -> Keys:
    """Every key of a server's database.

    Raises:
        DriverError: they were not read in time, or the server refuses to list them. TargetUnreachable: no answer.
    """
    found: dict[bytes, int] = {}
    cursor: int | bytes = 0
    while True:
        cursor, page = connection.ask("SCAN", cursor, "COUNT", _PAGE)
        times = connection.ask_each([("PEXPIRETIME", key) for key in page]) if page else []
        found.update((key, expires) for key, expires in zip(page, times, strict=True) if expires != _GONE)
        if not int(cursor):
            return found
        if deadline.over:
            hint = "set a longer `within`"
            raise DriverError(f"its keys were not read in time, {len(found)} were", where=str(connection.at), hint=hint)


def _restored(scratch: ScratchCache, within_s: float) -> tuple[list[FactReading], Keys]:
    """What of the snapshot is not read, and the keys of all its files."""
    unread: list[FactReading] = []
    found: dict[bytes, int] = {}
    files = scratch.fetched()
    if not files:
        why = "the command wrote no file"
        unread.append(FactReading(subject="newest snapshot", expected="fetched", observed=why, ok=None))
    for file in files:
        try:
            with scratch.reading(file) as connection:
                found.update(keys_in(connection, clock.Deadline.after(within_s)))
        except SnapshotUnread as error:
            ok = False if error.decides else None
            said = error.what if error.decides else f"{error.what} (hint: {error.hint})"
            unread.append(FactReading(subject=f"file {file.name}", expected="read by the server", observed=said, ok=ok))
    return unread, found


def _untouched(
    target: Target, server: CacheServer, one: KeysAround, lacking: Sequence[bytes], since_ns: int
) -> frozenset[bytes]:
    """Missing keys that were not used since then: of the first ones, where a server counts idle seconds."""
    asked = lacking[:_PAGE]
    if not asked:
        return frozenset()
    try:
        with connected(target, server, one.at, text=False) as connection:
            idle_s = connection.ask_each([("OBJECT", "IDLETIME", key) for key in asked])
    except DriverError:  # a policy that counts uses instead, or no right to ask
        return frozenset()
    least_s = (clock.now_ns() - since_ns) / NS_PER_S + _IDLE_KNOWN_S
    return frozenset(key for key, idle in zip(asked, idle_s, strict=True) if isinstance(idle, int) and idle > least_s)


def key_fact(
    one: KeysAround, restored: Keys, until_ms: float, untouched: frozenset[bytes], *, known: bool
) -> FactReading:
    """The keys of one primary against those of the restored server.

    Args:
        one: the keys of the primary.
        restored: keys of the restored server.
        until_ms: when those were read, in ms since 1970 by this machine's clock, by which that server lets keys expire.
        untouched: missing keys that were not used since before the snapshot.
        known: whether every file of the snapshot was read.
    """
    kept = one.kept(until_ms)
    lacking = [key for key in kept if key not in restored]
    proven = [key for key in lacking if key == one.marker or key in untouched]
    said, ok = f"{len(kept) - len(lacking)} there", None if lacking or one.marker not in kept else True
    if lacking and not known:
        said += f"; {len(lacking)} missing, and a file of the snapshot was not read"
    elif proven and len(lacking) == len(kept):
        said, ok = "none there: the snapshot is an older one, or is not of this primary", False
    elif proven:
        said, ok = f"{said}; {len(lacking)} missing, of which {len(proven)} were there all the time", False
    elif lacking:
        said += f"; {len(lacking)} missing, which were used meanwhile and may have been removed and written again"
    elif one.marker not in kept:
        said += "; the key that the harness wrote is gone, or expired by this machine's clock"
    if one.late in restored:
        said, ok = f"{said}; a key that was written after the snapshot is there, so a later one was read", None
    return FactReading(subject=f"keys of {one.at}", expected=f"{len(kept)}, all there", observed=said, ok=ok)
