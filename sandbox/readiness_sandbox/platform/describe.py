"""What a target file says of the sandbox.

The only thing that anyone outside ever learns of it.

    write(dsn_files(...))  ─▶  describe(...)  ─▶  target.yaml

`dsn_files` gives the texts of the files that `describe` points to; who calls it writes them, mode 0600.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from readiness_sandbox.platform.backup import SCRATCH_PORT
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.repository import evidence_block, examples, files_block
from readiness_sandbox.scales import CPU_SCALE, TIME_SCALE

PRIMARY_REGION = "us-east-1"
SHARES = {"us-east-1": 60, "eu-west-1": 30, "ap-southeast-1": 10}
MEMBERS = {
    "postgres-us-east-1-0": "us-east-1",
    "postgres-eu-west-1-0": "eu-west-1",
    "postgres-eu-west-1-1": "eu-west-1",
}
"""Database pods and their regions."""
DATABASE_PORT = "5432"
SETTINGS = {
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.3",
    "password_encryption": "scram-sha-256",
    "statement_timeout": "30s",
    "max_connections": "120",
    "wal_level": "replica",
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
}
"""The declared set of the database's settings, as `SHOW` writes them."""
CONNECTIONS = {
    "stores": ["postgres"],
    "data_access": ["user-service", "track-service"],
    "dependencies": {
        "balancer": ["api-gateway"],
        "api-gateway": ["user-service", "track-service"],
        "user-service": ["postgres"],
        "track-service": ["postgres"],
        "postgres": ["postgres"],
    },
}
"""Who may connect to whom."""
ROUTES = {
    "sign-in": ["user-service"],
    "read-track": ["track-service"],
    "create-track": ["track-service"],
    "play-track": ["track-service"],
}
"""What each route of the traffic needs beside the gateway."""

PROBES = {
    "health": "/health",
    "read": {"path": "/tracks/1", "expect": {"id": 1, "title": "str"}},
    "services": {"api-gateway": "/health", "user-service": "/users/listener-1", "track-service": "/tracks/1"},
}
"""What is read to see that the platform serves."""
METRICS = {
    "entry": "api-gateway",
    "probed": "read-track",
    "unmatched": "none",
    "timing": "app",
    "per_user": {
        "actions": "track_plays_total",
        "users": "user_sign_ins_total",
        "action_route": "play-track",
        "user_route": "sign-in",
    },
    "active_users": {"query": "max(active_users)", "within": "30 s"},
}
"""Names of the platform's own metrics and of the routes they count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Where the host reaches the platform.

    Attributes:
        entry: URL of the balancer.
        regions: region to URL of its api-gateway Service.
        members: database pod to its IP address, fixed for life.
        services: region and service to the URL at which it says whether it is ready.
        controls: node to the URL at which the pod that does nothing else answers.
    """

    entry: str
    regions: Mapping[str, str]
    members: Mapping[str, str]
    services: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, str] = field(default_factory=dict)


def describe(
    addresses: Addresses,
    *,
    release: str,
    kubeconfig: Path,
    secrets: Path,
    flows: Path,
    repository: Path | None = None,
) -> dict[str, Any]:
    """The content of target.yaml.

    Args:
        addresses: where the host reaches the platform.
        release: that runs.
        kubeconfig: its file.
        secrets: the directory that holds the files of `dsn_files`.
        flows: the log of connections; its backups are beside it.
        repository: the directory of the platform's own files; None: it names none.
    """
    return {
        "name": "sandbox",
        "environment": "sandbox",
        "time_scale": TIME_SCALE,
        "cpu_scale": CPU_SCALE,
        "release": {"version": release, "header": "x-release", "images": True, "path": "/version"},
        "entry": addresses.entry,
        "regions": {
            region: {"entry": addresses.regions[region], "namespace": region, "share": f"{share} %"}
            for region, share in SHARES.items()
        },
        "primary_region": PRIMARY_REGION,
        "kubernetes": {
            "kubeconfig": str(kubeconfig),
            "context": "sandbox",
            "namespace": PRIMARY_REGION,
            "namespaces": ["global"],
            "api_groups": ["chaos-mesh.org", "gateway.envoyproxy.io"],
        },
        "database": _database(secrets),
        "probes": PROBES,
        "callers": {"accepted": {"app": "frontend"}, "refused": {"app": "stranger"}},
        "power": {"annotation": "sandbox.readiness/power", "value": "off"},
        **({"services": dict(addresses.services)} if addresses.services else {}),
        **({"control": dict(addresses.controls)} if addresses.controls else {}),
        "ledger": {"path": "/ledger", "table": "ledger", "read": True},
        "pipeline": {"accept": "/events", "visible": "/events/{id}"},
        **(_files(repository) if repository is not None and examples() else {}),
        "may_write": [{"users": "listener-*"}],
        "sign_in": {
            "path": "/sessions",
            "user": "listener-{n}",
            "users": 500,
            "password": {"file": str(secrets / "listeners-password")},
        },
        "metrics": METRICS,
        "profiles": {"stores": ["postgres"]},
        "flows": {"log": str(flows.with_name(f"{flows.stem}*{flows.suffix}")), **CONNECTIONS},
        "routes": ROUTES,
        "disposable": True,
    }


def _database(secrets: Path) -> dict[str, Any]:
    return {
        "durability": "quorum",
        "dsn": {"file": str(secrets / "dsn")},
        "members": {
            member: {"dsn": {"file": str(secrets / f"dsn-{member}")}, "region": region}
            for member, region in MEMBERS.items()
        },
        "leader": {"namespace": "database", "endpoints": "main"},
        "settings": SETTINGS,
        "roles": ["normaldance"],
        "passwords": {"table": "users", "column": "password"},
        "pool": {"connections": 20, "read": "/tracks/1"},
    }


def _files(repository: Path) -> dict[str, Any]:
    return {"files": files_block(repository), "evidence": evidence_block(repository)}


def dsn_files(addresses: Addresses, credentials: Credentials, secrets: Path) -> dict[Path, str]:
    """Files of the target by name, with their text.

    They are the CA, the multi-host DSN that finds the primary by itself, one DSN a member, those of the superuser and of the services, and the listeners' password.

    The role is `readiness`: it reads everything, writes the heartbeat table, and sees the replication statistics.
    """
    ca = secrets / "database-ca.crt"
    common: dict[str, str] = {
        "user": "readiness",
        "password": credentials.passwords["readiness"],
        "dbname": "normaldance",
        "sslmode": "verify-ca",
        "sslrootcert": str(ca),
        "connect_timeout": "2",
        "tcp_user_timeout": "2000",
    }
    hosts = ",".join(addresses.members[member] for member in MEMBERS)
    ports = ",".join(DATABASE_PORT for _ in MEMBERS)
    files = {
        ca: credentials.ca,
        secrets / "listeners-password": "listen-{user}",
        secrets / "dsn": make_conninfo(host=hosts, port=ports, target_session_attrs="read-write", **common),
    }
    owner = {**common, "user": "postgres", "password": credentials.passwords["superuser"]}
    service = {**common, "user": "normaldance", "password": credentials.passwords["normaldance"]}
    for name, role in (("superuser", owner), ("normaldance", service)):
        files[secrets / f"dsn-{name}"] = make_conninfo(
            host=hosts, port=ports, target_session_attrs="read-write", **role
        )
    for member in MEMBERS:
        files[secrets / f"dsn-{member}"] = make_conninfo(host=addresses.members[member], port=DATABASE_PORT, **common)
    return files


def scratch_dsn(address: str, credentials: Credentials, secrets: Path) -> str:
    """The DSN of the database that a drill restores, behind the Service of the backups; the files of `dsn_files` are there."""
    return make_conninfo(
        host=address,
        port=str(SCRATCH_PORT),
        user="postgres",
        password=credentials.passwords["superuser"],
        dbname="normaldance",
        sslmode="verify-ca",
        sslrootcert=str(secrets / "database-ca.crt"),
        connect_timeout="2",
    )
