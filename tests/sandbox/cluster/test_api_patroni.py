"""The API through Patroni's own Kubernetes store: two members, one lock. In a child process: it reads KUBECONFIG at import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from readiness_sandbox.cluster import kinds

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

pytest.importorskip("patroni.dcs.kubernetes")

CHILD = """
import json, os, sys, time
from patroni.dcs import get_dcs

def member(name, ip):
    labels = {"application": "patroni"}
    ports = [{"name": "postgresql", "port": 5432}]
    kubernetes = {"namespace": "database", "context": "pocket", "use_endpoints": True, "labels": labels, "scope_label": "cluster-name",
                  "pod_ip": ip, "ports": ports}
    return get_dcs({"scope": "main", "namespace": "database", "name": name, "ttl": 20, "loop_wait": 1, "retry_timeout": 3,
                    "kubernetes": kubernetes})

def seen(dcs, condition):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        cluster = dcs.get_cluster()
        if condition(cluster):
            return cluster
        time.sleep(0.02)
    raise SystemExit(f"never seen: {cluster}")

a, b = member("pg-0", "127.91.1.1"), member("pg-1", "127.91.1.2")
facts = {}
a.get_cluster(), b.get_cluster()
facts["bootstrap"] = [a.initialize(create_new=True), b.initialize(create_new=True)]
seen(a, lambda cluster: cluster.initialize == "")
facts["sysid"] = a.initialize(create_new=False, sysid="7123")
for dcs, name in ((a, "pg-0"), (b, "pg-1")):
    facts[name] = dcs.touch_member({"state": "running", "role": "replica", "conn_url": f"postgres://{name}/", "xlog_location": 1})
for dcs in (a, b):
    seen(dcs, lambda cluster: cluster.initialize == "7123" and len([m for m in cluster.members if m.data.get("state")]) == 2)
facts["race"] = [a.attempt_to_acquire_leader(), b.attempt_to_acquire_leader()]
held = seen(a, lambda cluster: cluster.leader and cluster.leader.name == "pg-0")
facts["heartbeat"] = a.update_leader(held, 1000, {})
facts["config"] = a.set_config_value(json.dumps({"ttl": 20}))
facts["sync"] = bool(a.write_sync_state("pg-0", "pg-1", 1))
followed = seen(b, lambda cluster: cluster.config and cluster.sync.leader == "pg-0" and cluster.status.last_lsn == 1000)
facts["followed"] = [followed.leader.name, followed.config.data, followed.sync.quorum]
held = seen(a, lambda cluster: cluster.status.last_lsn == 1000)
a.delete_leader(held.leader, 2000)
seen(b, lambda cluster: cluster.is_unlocked())
facts["taken"] = b.attempt_to_acquire_leader()
seen(a, lambda cluster: cluster.leader and cluster.leader.name == "pg-1")
print(json.dumps(facts), flush=True)
os._exit(0)
"""


def test_patroni_bootstraps_races_holds_and_hands_over_its_lock(pocket_api: PocketApi) -> None:
    """Every election step has one winner, and the Endpoints end with the new leader's address and nobody's else."""
    pocket_api.call(pocket_api.store.create, kinds.by_name("Namespace"), {"metadata": {"name": "database"}})
    for name in ("pg-0", "pg-1"):
        labels = {"application": "patroni", "cluster-name": "main"}
        meta = {"name": name, "namespace": "database", "labels": labels}
        spec = {"containers": [{"name": "postgres", "image": "postgres:17"}], "nodeName": "n1"}
        pocket_api.call(pocket_api.store.create, kinds.by_name("Pod"), {"metadata": meta, "spec": spec})
    env = {**os.environ, "KUBECONFIG": str(pocket_api.kubeconfig), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "bootstrap": [True, False],
        "sysid": True,
        "pg-0": True,
        "pg-1": True,
        "race": [True, False],
        "heartbeat": True,
        "config": True,
        "sync": True,
        "followed": ["pg-0", {"ttl": 20}, 1],
        "taken": True,
    }
    main = pocket_api.store.get(kinds.by_name("Endpoints"), "database", "main")
    assert main["metadata"]["annotations"]["leader"] == "pg-1"
    assert [address["ip"] for subset in main["subsets"] for address in subset["addresses"]] == ["127.91.1.2"]
