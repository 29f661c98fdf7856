"""The sandbox's own keeper of the configuration, with a genuine git, a genuine object store and its API: healthy, edited by hand, restored wrongly."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes import client, config

from harness import clock
from harness.clock import Deadline
from harness.drivers.check.backups.configuration import restored_configuration, saved_configuration
from harness.targets import Target, load_target
from readiness_sandbox.platform.normaldance.backups.configuration import ConfigurationKeeper
from readiness_sandbox.platform.normaldance.backups.keeper import BackupKeeper
from readiness_sandbox.platform.normaldance.backups.objects import ArchiveBucket
from readiness_sandbox.platform.normaldance.backups.order import order
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, needs_s3_server, s3_server
from tests.together.conftest import PocketCluster

GIT, STORE = "copy in git", "copy in the object store"
WELL = {GIT: True, STORE: True}
ORDER = Path(sys.modules[order.__module__].__file__ or "")
PARAMS = {"backup": "configuration"}
pytestmark = needs_s3_server


class Platform:
    """The keeper with its API, its store and its target file."""

    def __init__(self, here: Path, endpoint: str, target: Target, core: Any, *, edits: str, newest: bool) -> None:
        self.bucket = ArchiveBucket(
            endpoint=endpoint, bucket="normaldance-backups", access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )
        self.bucket.make({"": 30})
        self.core, self.target, self.here = core, target, here
        self.keeper = ConfigurationKeeper(
            repository=here / "configuration.git", bucket=self.bucket, seeds=True, edits=edits, newest=newest
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Target]:
        """Context in which it saves and serves; its target."""
        work = BackupKeeper(None, None, None, None, self.keeper, records=None, token="operators")  # type: ignore[arg-type]
        app = web.Application()
        app.add_routes(
            [web.get("/configuration", work.configured), web.get("/configuration.git/{path:.+}", work.repository)]
        )
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        saving = asyncio.create_task(self.keeper.run())
        try:
            yield self._described(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            saving.cancel()
            with suppress(asyncio.CancelledError):
                await saving
            await clock.asleep(0.25)  # by then aiohttp has closed its connection with TLS
            await runner.cleanup()

    def _described(self, url: str) -> Target:
        for name, text in (("token", "Bearer operators"), ("access", ACCESS_KEY), ("secret", SECRET_KEY)):
            (self.here / name).write_text(text, encoding="utf-8")
        words = [
            sys.executable,
            str(ORDER),
            "GET",
            f"{url}/configuration?version={{version}}",
            str(self.here / "token"),
        ]
        section = {
            "at": "s3://normaldance-backups/configuration",
            "endpoint": self.bucket.endpoint,
            "access_key": {"file": str(self.here / "access")},
            "secret_key": {"file": str(self.here / "secret")},
            "files": ["configuration-*.tar"],
            "time": "%Y%m%dT%H%M%SZ",
            "configuration": {
                "objects": [{"namespaces": ["north"]}],
                "git": {"at": f"{url}/configuration.git", "authorization": {"file": str(self.here / "token")}},
                "restore": {"command": [*words, "{directory}"]},
            },
        }
        text = self.target.file.read_text(encoding="utf-8")
        (file := self.here / "target.yaml").write_text(
            f"{text}\nbackups: {json.dumps({'configuration': section})}\n", encoding="utf-8"
        )
        return load_target(file)

    async def saved(self, times: int) -> None:
        """Wait until so many archives are there."""
        for _ in Deadline.after(30).ticks(0.01):
            if len(await asyncio.to_thread(lambda: list(self.bucket.listed("configuration/")))) >= times:
                return
            await clock.asleep(0.1)
        raise AssertionError(times)


@pytest.fixture
def platform(
    cluster: PocketCluster, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Platform]]:
    """Makes one."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    with (
        s3_server(tmp_path / "objects") as server,
        config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api,  # type: ignore[no-untyped-call]
    ):
        core: Any = client.CoreV1Api(api)
        for name in ("region", "flags"):
            body = {"metadata": {"name": name}, "data": {"reads": "database"}}
            core.create_namespaced_config_map("north", body)

        def make(*, edits: str = "", newest: bool = False) -> Platform:
            return Platform(tmp_path, server.endpoint, target, core, edits=edits, newest=newest)

        yield make


async def outcomes(check: Any, target: Target) -> dict[str, bool | None]:
    """Of each fact."""
    return await asyncio.to_thread(lambda: {one.subject: one.ok for one in check(target, PARAMS)()})


def test_every_change_is_saved_and_a_version_restored(platform: Callable[..., Platform]) -> None:
    """A change through the API is in both copies soon; the version before it comes back."""

    async def course() -> None:
        one = platform()
        async with one.serving() as target:
            await one.saved(1)
            assert await outcomes(saved_configuration, target) == WELL
            one.core.patch_namespaced_config_map("flags", "north", {"data": {"reads": "replicas"}})
            await one.saved(2)
            assert await outcomes(saved_configuration, target) == WELL
            facts = await outcomes(restored_configuration, target)
            assert facts == {"restored configuration": True, "the live configuration": True}

    asyncio.run(course())


def test_a_change_by_hand_after_the_save_is_seen(platform: Callable[..., Platform]) -> None:
    """The planted defect of the release `hand-edit`, in each copy."""

    async def course() -> None:
        one = platform(edits="north/region")
        async with one.serving() as target:
            for _ in Deadline.after(30).ticks(0.01):
                if "note" in one.core.read_namespaced_config_map("region", "north").data:
                    break
                await clock.asleep(0.1)
            facts = await outcomes(saved_configuration, target)
            changed = "ConfigMap north/region"
            assert facts == {**WELL, f"{GIT}: {changed}": False, f"{STORE}: {changed}": False}

    asyncio.run(course())


def test_a_restore_of_the_newest_version_is_seen(platform: Callable[..., Platform]) -> None:
    """The planted defect of the release `wrong-version`: the seeded version was chosen, whose objects have a key more."""

    async def course() -> None:
        one = platform(newest=True)
        async with one.serving() as target:
            await one.saved(1)
            facts = await outcomes(restored_configuration, target)
            place, live = "restored configuration", "the live configuration"
            wrong = {f"{place}: ConfigMap north/{name}": False for name in ("flags", "region")}
            assert facts == {place: True, live: True, **wrong}

    asyncio.run(course())
