"""Watcher of backups: what lies in their place, read again and again during the whole run."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness import clock
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.schedule import ProbeSchedule
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.errors import HarnessError
from harness.evidence.histories.history import History
from harness.targets.access import Access
from harness.targets.files.backups import BackupResources, BackupStore
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster
from harness.targets.stores.asking import asked_in_loop, loop_client
from harness.targets.stores.directory import list_directory
from harness.targets.stores.listing import Listing, ObjectKind, StoredBackup, StoredObject, recognised
from harness.targets.stores.resources import list_resources, listed_access
from harness.targets.stores.s3 import S3Place, listed

if TYPE_CHECKING:
    import httpx

_MORE_S: Final = 0.5
"""Time in which a reading that is out of time says why."""
UPLOADED_AGAIN: Final = "uploaded again"
ALIKE: Final = "alike"
WRITTEN: Final = "written"
REPLACED: Final = "replaced"


class BackupReadings:
    """Reads one place; records each reading with what appeared and what is gone since the one before.

    A reading that is due during another one waits for it; more than one does not wait.
    """

    def __init__(
        self,
        name: str,
        store: BackupStore,
        read: Callable[[], Coroutine[Any, Any, Listing]],
        history: History,
        recorder: WatchRecorder,
    ) -> None:
        """Use `read`, which reads the list once."""
        self._name = name
        self._store = store
        self._read = read
        self._history = history
        self._recorder = recorder
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._known: Mapping[str, StoredBackup] = {}
        self._reading = 0

    async def probe(self, _due_ns: int) -> None:
        """Read the list once, and record it."""
        if self._waiting:
            return
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            await self._record()
        finally:
            self._turn.release()

    async def _record(self) -> None:
        try:
            listing = await clock.within(self._store.within_s + _MORE_S, self._read())
        except (HarnessError, TimeoutError) as error:
            why = str(error) or f"the list was not read within {self._store.within_s:g} s"
            self._recorder.trouble("backups", f"{self._name}: {why}")
            self._history.put("backups.listed", self._name, at_ns=clock.now_ns(), why=why)
            return
        now_ns, wall = clock.both()
        appeared, gone = await asyncio.to_thread(self._changes, listing)
        self._history.put(
            "backups.listed",
            self._name,
            at_ns=listing.done_ns,
            reading=self._reading,
            sent_ns=listing.sent_ns,
            store_ns=listing.store_ns,
            answered_ns=listing.answered_ns,
            step_ns=listing.step_ns,
            machine_ns=clock.wall_ns(wall) + listing.answered_ns - now_ns if self._store.time is not None else 0,
            removed_within_s=self._store.removed_within_s,
            backups=sum(one.kind is ObjectKind.BACKUP for one in self._known.values()),
            appeared=appeared,
            gone=gone,
        )
        self._reading += 1

    def _changes(self, listing: Listing) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What appeared and what is gone since the reading before."""
        before, now = self._known, {one.name: one for one in listing.objects}
        same = {name: one for name, one in before.items() if now.get(name) == one.stored}
        new = {
            one.stored.name: one
            for one in recognised(self._store, (one for name, one in now.items() if name not in same))
        }
        self._known = {**same, **new}
        kept = defaultdict[tuple[str, int, int], set[int]](set)
        for one in self._known.values():
            if one.kind is ObjectKind.BACKUP:
                kept[self._content(one.stored)].add(one.saved_ns)
        gone = [
            {"name": name, **_why(one, now.get(name), kept[self._content(one.stored)], in_bucket=self._store.in_bucket)}
            for name, one in before.items()
            if name not in same
        ]
        return [_fields(one, self._store.verified) for one in new.values()], gone

    def _content(self, one: StoredObject) -> tuple[str, int, int]:
        """What is the same of objects with the same content, such as one that was renamed; of a file its place on the disk is used again."""
        return one.tag, one.size, 0 if self._store.in_bucket else one.modified_ns


def _fields(one: StoredBackup, verified: str) -> dict[str, Any]:
    stored = one.stored
    times = {"saved_ns": one.saved_ns, "modified_ns": stored.modified_ns}
    early = {"early": True} if one.early else {}
    of = {"of": stored.name.removesuffix(verified)} if one.kind is ObjectKind.VERIFICATION else {}
    return {"name": stored.name, "what": one.kind.value, **times, "size": stored.size, **early, **of}


def _why(backup: StoredBackup, now: StoredObject | None, kept: Collection[int], *, in_bucket: bool) -> dict[str, str]:
    """Where the content still is, or how an object of the same name differs; empty: there is none, or a resource that is no backup any more.

    `kept` is when the backups that have its content now were saved. One that was saved at another time is another backup, or this one
    under a name with another time, or copied in a bucket, which gives a new time.
    """
    before = backup.stored
    if backup.saved_ns in kept:
        return {"why": UPLOADED_AGAIN}
    if now is None or now.kind not in {None, ObjectKind.BACKUP}:
        return {"why": ALIKE} if kept else {}
    if in_bucket:
        return {"why": UPLOADED_AGAIN if now.tag == before.tag else REPLACED}
    same_file = now.tag.rpartition("-")[0] == before.tag.rpartition("-")[0]
    return {"why": WRITTEN if same_file and now.size >= before.size else REPLACED}


async def _in_thread(read_list: Callable[[], Listing]) -> Listing:
    """List in a thread that nothing waits for: a directory of another machine may never answer."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Listing] = loop.create_future()

    def give(found: Listing | HarnessError) -> None:
        if done.done():
            return
        if isinstance(found, HarnessError):
            done.set_exception(found)
        else:
            done.set_result(found)

    def read() -> None:
        try:
            found: Listing | HarnessError = read_list()
        except HarnessError as error:
            found = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, found)

    threading.Thread(target=read, name="backups", daemon=True).start()
    return await done


class BackupsWatcher(Watcher):
    """Reads every place of `backups`."""

    name: ClassVar[str] = "backups"
    file: ClassVar[str] = "history/backups.ndjson"

    def __init__(self) -> None:
        self._schedules: list[ProbeSchedule] = []

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `backups`."""
        return bool(target.backups)

    def accesses(self, target: Target) -> Sequence[Access]:
        """Lists the backups that are resources."""
        return [one for store in target.backups.values() for one in listed_access(store)]

    def per_s(self, rates: Rates) -> float:  # noqa: ARG002 - each place has its own
        """Each place is read as often as `read_every` says."""
        return 0.0

    def begin(self, here: Watching) -> None:
        """Start one schedule for each place."""
        history = here.recorder.history(self.name)
        for name, store in here.target.backups.items():
            readings = BackupReadings(name, store, _reader(here, store), history, here.recorder)
            self._schedules.append(here.schedule(self.name, 1 / store.read_every_s, readings.probe, of=name))

    def ending(self, *, at_once: bool) -> None:
        """Read every place once more, so that the end of the run is before the last reading."""
        for schedule in () if at_once else self._schedules:
            schedule.start_probe()


def _reader(here: Watching, store: BackupStore) -> Callable[[], Coroutine[Any, Any, Listing]]:
    """What reads a place once."""
    if store.resources is not None:
        return partial(_in_thread, _resources_of(here.target, store.resources, store.within_s))
    if not store.in_bucket:
        return partial(_in_thread, partial(list_directory, here.target.beside(store.place)))

    @cache
    def reached() -> tuple[S3Place, httpx.AsyncClient]:
        place = S3Place.of(store)
        client = loop_client(here.target, place)
        here.closes(client)
        return place, client

    async def read() -> Listing:
        place, client = reached()  # here: a key that is not set is the trouble of this place alone
        return await asked_in_loop(client, place, listed(place), clock.Deadline.after(store.within_s))

    return read


def _resources_of(target: Target, resources: BackupResources, within_s: float) -> Callable[[], Listing]:
    """What reads resources once; its client is made with the first reading."""
    cluster = cache(partial(Cluster.of, target))

    def read() -> Listing:
        return list_resources(cluster(), resources, within_s)

    return read
