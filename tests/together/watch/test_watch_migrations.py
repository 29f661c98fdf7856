"""Jobs that migrate the database, followed on a real API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from harness import clock
from harness.drivers.watch import Watch, watch_settings
from harness.drivers.watch.cluster.migrations import MigrationFollower
from harness.targets.files.changes import MigrationSettings
from readiness_sandbox.cluster import kinds

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.together.conftest import PocketCluster

KIND = kinds.by_name("Job")


def job(name: str, uid: str = "") -> dict[str, Any]:
    """A Job that is not started, since nothing runs its pods here."""
    container = {"name": "migrate", "image": "shop/migrate:1.1.0"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    metadata = {"name": name, "namespace": "south", **({"uid": uid} if uid else {})}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


def test_each_job_that_migrates_is_recorded_when_it_begins(
    cluster: PocketCluster, target_file: Path, tmp_path: Path
) -> None:
    """In the namespace of its manifests, under its name or with an ending; those that were there before are no migration of the run."""
    cluster.create("Job", job("migrate-up-0"))
    (tmp_path / "jobs.yaml").write_text(yaml.safe_dump(job("migrate-up")))
    target_file.write_text(
        target_file.read_text()
        + f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        + f"migration: {{manifests: {tmp_path}/jobs.yaml, up: migrate-up, down: migrate-up-back}}\n"
        + f"backups: {{database: {{at: {tmp_path}, files: ['*.dump'], verified: .ok, before_migrations: true}}}}\n"
    )
    settings = watch_settings(target_file, tmp_path / "run", clients=(1, 2))

    def told() -> list[dict[str, Any]]:
        path = settings.run_directory / "history" / "migrations.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def until(count: int) -> None:
        assert any(len(told()) >= count for _ in clock.Deadline.after(45).ticks(0.05))

    with Watch(settings):
        began_ns = clock.now_ns()
        for number, _ in enumerate(clock.Deadline.after(45).ticks(0.2), 1):  # until the Jobs are followed
            if told():
                break
            cluster.create("Job", job(f"migrate-up-{number}"))
        first = len(told())
        for name in ("migrate-up-back", "migrate-up-back-2", "migrate-upper", "migrate-up", "migrate-up-last"):
            cluster.create("Job", job(name))
        until(first + 2)
        cluster.do(lambda store: store.delete(KIND, "south", "migrate-up"))
        cluster.create("Job", job("migrate-up"))
        until(first + 3)
    assert "south/migrate-up-0" not in [one["subject"] for one in told()]
    assert [one["fields"]["number"] for one in told()] == list(range(first + 3))
    last = told()[-3:]
    assert [one["subject"] for one in last] == ["south/migrate-up", "south/migrate-up-last", "south/migrate-up"]
    assert {one["fields"]["backup"] for one in last} == {"database"}
    assert all(began_ns < one["fields"]["at_ns"] for one in last)
    assert [one["fields"]["at_ns"] - one["fields"]["since_ns"] for one in last] == [2 * 10**9] * 3


def test_a_job_of_a_list_after_an_interruption_may_have_begun_at_its_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the first list began before the run."""
    put: list[tuple[str, int, int]] = []

    class _History:
        def put(self, _kind: str, subject: str, *, at_ns: int, number: int, since_ns: int, backup: str) -> None:
            put.append((f"{number} {subject} {backup}", at_ns, since_ns))

    class _Recorder:
        def trouble(self, name: str, why: str) -> None:
            put.append((f"{name}: {why}", 0, 0))

    now_s = iter((20, 30, 40))
    monkeypatch.setattr(clock, "now_ns", lambda: next(now_s) * 10**9)
    migration = MigrationSettings(manifests="m", up="up", down="down")
    follower = MigrationFollower(_Recorder(), _History(), "migrations", migration, "b")  # type: ignore[arg-type]
    follower.listed([job("up", "1")])
    follower.trouble("gone")
    follower.listed([job("up", "1"), job("up-2", "2")])
    follower.changed("ADDED", job("up-3", "3"))
    follower.changed("MODIFIED", job("up-3", "3"))
    second = 10**9
    assert put == [
        ("migrations: gone", 0, 0),
        ("0 south/up-2 b", 30 * second, 18 * second),
        ("1 south/up-3 b", 40 * second, 38 * second),
    ]
