"""The procedure when every member of the database is gone: what it refuses, what it removes, and what the founder does then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from readiness_sandbox.platform.normaldance.backups.found import found_empty, has_backup
from readiness_sandbox.platform.normaldance.backups.objects import ArchiveBucket, ObjectStoreError
from readiness_sandbox.platform.normaldance.backups.recover import recover
from readiness_sandbox.platform.normaldance.backups.restoring import BASE, RestoreRefused, StoredBackups
from readiness_sandbox.platform.normaldance.backups.sealed import BackupKey
from readiness_sandbox.platform.normaldance.database import configuration

PLACE = ("127.93.7.5", 8001)
RUNS = {"state": "running", "role": "primary"}


class _Bucket:
    """A bucket whose listings are these, one after the other; the last one stays."""

    def __init__(self, *answers: list[str] | str) -> None:
        self._answers = [*answers]

    def listed(self, prefix: str) -> list[object]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, str):
            raise ObjectStoreError(answer)
        return [_Named(prefix + name) for name in answer]


@dataclass
class _Named:
    name: str


def _store(*answers: list[str] | str) -> StoredBackups:
    return StoredBackups(bucket=_Bucket(*answers), key=BackupKey(b"k" * 32))  # type: ignore[arg-type]


@dataclass
class _Kubernetes:
    """The pods and Endpoints of a namespace, by HTTP; a record that is deleted lets the founder lead."""

    statuses: dict[str, dict[str, str]]
    removed: list[str] = field(default_factory=list)

    async def pods(self, request: web.Request) -> web.Response:
        assert request.query["labelSelector"] == "cluster-name=main"
        statuses = {**self.statuses, **({"postgres-us-east-1-0": RUNS} if self.removed else {})}
        items = [
            {"metadata": {"name": name, "annotations": {"status": json.dumps(status)}}}
            for name, status in statuses.items()
        ]
        return web.json_response({"items": items})

    async def remove(self, request: web.Request) -> web.Response:
        self.removed.append(request.match_info["name"])
        return web.json_response({}, status=404 if self.removed[-1] == "main-failover" else 200)

    def during(self, work: Callable[[aiohttp.ClientSession, str], Awaitable[str]]) -> str:
        """Do this while it serves."""

        async def course() -> str:
            app = web.Application()
            app.add_routes([web.get("/pods", self.pods), web.delete("/endpoints/{name}", self.remove)])
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, *PLACE).start()
            try:
                async with aiohttp.ClientSession() as session:
                    return await work(session, "http://{}:{}".format(*PLACE))
            finally:
                await runner.cleanup()

        return asyncio.run(course())


def test_the_record_of_the_lost_cluster_is_removed_and_its_founder_awaited() -> None:
    """What Patroni kept goes, as with `patronictl remove`; the member that leads then is told."""
    kubernetes = _Kubernetes({"postgres-us-east-1-0": {}, "postgres-eu-west-1-0": {"state": "stopped"}})
    store = _store(["main-20261129T004400Z-000000010000000000000002.tar.gz"])
    assert kubernetes.during(lambda session, place: recover(session, place, "main", store)) == "postgres-us-east-1-0"
    assert kubernetes.removed == ["main", "main-config", "main-sync", "main-failover"]


@pytest.mark.parametrize(
    ("status", "stored", "why"),
    [
        ({"state": "running", "role": "replica"}, ["main-1"], "postgres-eu-west-1-1 still runs"),
        ({}, [], f"there is no base backup below {BASE}"),
    ],
)
def test_nothing_is_removed_while_a_member_runs_or_no_backup_is_there(
    status: dict[str, str], stored: list[str], why: str
) -> None:
    """Nothing is restored over a member that has data, and no record is removed in favour of nothing."""
    kubernetes = _Kubernetes({"postgres-eu-west-1-1": status})
    with pytest.raises(RestoreRefused, match=why):
        kubernetes.during(lambda session, place: recover(session, place, "main", _store(stored)))
    assert kubernetes.removed == []


def test_the_founder_waits_for_the_store_and_tells_an_empty_one_from_one_that_is_away() -> None:
    """No bucket is no backup; a store that does not answer in time is none of both, and founds nothing."""
    assert not has_backup(_store("GET /b was answered 404: NoSuchBucket"))
    assert has_backup(_store("GET /b: ConnectionRefusedError", ["main-1"]))
    assert not has_backup(_store([]))
    with pytest.raises(ObjectStoreError):
        has_backup(_store("GET /b: ConnectionRefusedError"), within_s=0.0)


def test_an_empty_cluster_is_founded_by_a_program_of_postgresql(tmp_path: Path) -> None:
    """The password is given in a file that is gone afterwards; what the program refuses is raised."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "initdb").write_text(
        '#!/bin/sh\nfor each; do case "$each" in --pwfile=*) cp "${each#--pwfile=}" "$2.seen";; esac; done\n'
    )
    (programs / "initdb").chmod(0o755)
    found_empty(programs, tmp_path / "data", "a password")
    assert (tmp_path / "data.seen").read_text() == "a password"
    assert not (tmp_path / "superuser-password").exists()


def test_only_a_founder_with_backups_asks_them_first() -> None:
    """Without the part the cluster is founded by initdb as ever."""
    env = {
        "POD_NAME": "postgres-us-east-1-0", "POD_IP": "127.0.0.1", "POD_NAMESPACE": "database", "FOUNDER": "postgres-us-east-1-0",
        "PGDATA": "/data", "SUPERUSER_PASSWORD": "s", "REPLICATION_PASSWORD": "r", "REWIND_PASSWORD": "w",
    }  # fmt: skip
    assert "initdb" in configuration(env, Path("/tls"))["bootstrap"]
    bootstrap = configuration({**env, "BACKUP_KEY": "k"}, Path("/tls"))["bootstrap"]
    assert bootstrap["method"] == "backups"
    assert "initdb" not in bootstrap
    assert bootstrap["backups"]["command"].endswith("-m normaldance.backups.found")
    assert bootstrap["backups"]["keep_existing_recovery_conf"] is True


def test_the_bucket_of_a_pod_is_that_of_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Service's variables say where it is; without them the pod does not come up."""
    for name, value in {
        "OBJECT_STORE_SERVICE_HOST": "127.1.2.3",
        "OBJECT_STORE_SERVICE_PORT": "8333",
        "BACKUP_BUCKET": "b",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(KeyError, match="BACKUP_ACCESS_KEY"):
        ArchiveBucket.from_env()
    monkeypatch.setenv("BACKUP_ACCESS_KEY", "a")
    monkeypatch.setenv("BACKUP_SECRET_KEY", "s")
    assert ArchiveBucket.from_env() == ArchiveBucket(
        endpoint="http://127.1.2.3:8333", bucket="b", access_key="a", secret_key="s"
    )
