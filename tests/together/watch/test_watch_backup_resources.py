"""Backups that are resources of a product, read again and again from a real API server with the product's definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes import client, config

from harness import clock
from harness.drivers.watch import Watch, watch_settings
from harness.drivers.watch.backups import BackupsWatcher
from harness.targets import load_target
from tests.builders.cnpg_operator import GROUP, define

if TYPE_CHECKING:
    from tests.together.conftest import PocketCluster


def test_a_backup_counts_from_its_completion_to_its_deletion(
    cluster: PocketCluster, target_file: Path, tmp_path: Path
) -> None:
    """While it runs, and after it failed, it is no backup; its age is on the clock of the API server."""
    target_file.write_text(
        target_file.read_text()
        + f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        + "backups: {database: {resources: {kind: backups.postgresql.cnpg.io, namespace: north, of: main}, read_every: 500 ms}}\n"
    )
    settings = watch_settings(target_file, tmp_path / "run", clients=(1, 2))
    file = settings.run_directory / "history" / "backups.ndjson"

    def told() -> list[dict[str, Any]]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [one["fields"] for one in map(json.loads, lines) if "fields" in one]

    def until(*names: tuple[str, str]) -> None:
        """Wait for a reading after which exactly these are there, with what they are."""

        def there() -> dict[str, str]:
            found: dict[str, str] = {}
            for one in told():
                found = {key: what for key, what in found.items() if key not in {gone["name"] for gone in one["gone"]}}
                found |= {new["name"]: new["what"] for new in one["appeared"]}
            return found

        assert any(there() == dict(names) and told() for _ in clock.Deadline.after(45).ticks(0.05))

    with config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api:  # type: ignore[no-untyped-call]
        define(api, "cloudnative_pg")
        custom: Any = client.CustomObjectsApi(api)

        def report(name: str, status: Mapping[str, Any]) -> None:
            custom.patch_namespaced_custom_object_status(
                *GROUP, "north", "backups", name, {"status": status}, _content_type="application/merge-patch+json"
            )

        with Watch(settings) as watch:
            until()
            for name, of in (("a", "main"), ("b", "main"), ("c", "other")):
                body = {
                    "apiVersion": "/".join(GROUP),
                    "kind": "Backup",
                    "metadata": {"name": name},
                    "spec": {"cluster": {"name": of}},
                }
                custom.create_namespaced_custom_object(*GROUP, "north", "backups", body)
            until(("a", "unfinished"), ("b", "unfinished"))
            report("a", {"phase": "running", "startedAt": "2026-01-31T12:00:00Z"})
            report("a", {"phase": "completed", "stoppedAt": "2026-01-31T12:00:00Z"})
            report("b", {"phase": "failed", "stoppedAt": "2026-01-31T12:05:00Z"})
            report("c", {"phase": "completed", "stoppedAt": "2026-01-31T12:05:00Z"})
            until(("a", "backup"), ("b", "failed"))
            custom.delete_namespaced_custom_object(*GROUP, "north", "backups", "a")
            until(("b", "failed"))
            assert watch.stop()
    (saved,) = {one["saved_ns"] for line in told() for one in line["appeared"] if one["what"] == "backup"}
    assert saved == 1_769_860_800 * 10**9
    (gone,) = [one for line in told() for one in line["gone"] if line["backups"] == 0 and one["name"] == "a"][-1:]
    assert gone == {"name": "a"}
    now_ns = clock.wall_ns(clock.wall())
    assert all(one["step_ns"] == 10**9 and abs(one["store_ns"] - now_ns) < 120 * 10**9 for one in told())
    assert [*map(str, BackupsWatcher().accesses(load_target(target_file)))] == [
        "list backups.postgresql.cnpg.io -n north"
    ]
