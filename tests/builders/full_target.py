"""A target file with every key that a check reads, and the parameters of every check; where anything is asked for, no service answers."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.model import Figure
from harness.steps import TEMPLATES, read
from harness.targets import Target, load_target
from tests.builders.full_trust import trust_sections

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_SERVICE: Final = "http://127.0.0.1:9"
_KUBECONFIG: Final = f"""
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{NO_SERVICE}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: staging, context: {{cluster: c, user: u}}}}]
"""
_JOBS: Final = """
{apiVersion: batch/v1, kind: Job, metadata: {name: up, namespace: shop}, spec: {}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: down, namespace: shop}, spec: {}}
"""
_DOMAINS: Final = {"pod-loss": "pod", "node-loss": "node", "region-loss": "region"}
_CALLS: Final = ("count", "calls", "inputs")
"""Parameters that say how many calls a check makes."""
_DSN: Final = "host=127.0.0.1 port=9 dbname=shop connect_timeout=1"
_SCRATCH: Final = "host=127.0.0.1 port=9 dbname=scratch connect_timeout=1"
_MAY_BREAK: Final = (
    "workload-defaults",
    "feature-flags",
    "migration",
    "secret-rotation",
    "audit-tampering",
    "layers",
    "authentication-down",
    "restore-drill",
    "archive-drill",
)
_PRODUCTION: Final = "{schema: any, tables: {users: 10}}\n"

_DRILL = {key: {"command": ["true", "{time}"]} for key in ("make", "restore", "until", "remove")}

_ARCHIVE: Final = {
    "table": "orders",
    "column": "created",
    "older": "90 d",
    "archive": {"command": ["true"]},
    "read": {"command": ["true", "{directory}"]},
}
_CONFIGURATION: Final = {
    "at": "backups",
    "files": ["*.tar"],
    "configuration": {
        "directory": "settings",
        "git": {"at": "settings.git"},
        "restore": {"command": ["true", "{version}", "{directory}"]},
    },
}
_CACHE: Final[Mapping[str, Any]] = {
    "servers": {"eu": {"at": "redis://127.0.0.1:9", "channels": {"news": 1}}},
    "layers": {"orders": {"servers": ["eu"]}},
    "reads": "cache_read_seconds_bucket",
    "copies": {"paths": ["/orders/1"], "header": "x-cache", "replicas": [NO_SERVICE, f"{NO_SERVICE}9"]},
    "routes": {
        "order": {
            "write": {"call": "POST /orders", "body": {"note": "{value}"}, "by": "none"},
            "read": {"call": "GET /orders/1", "by": "none"},
            "ttl": "1 s",
        }
    },
    "snapshots": {
        "cache": {"server": "eu", "make": {"command": ["true"]}, "fetch": {"command": ["true", "{directory}"]}}
    },
}


_PAGE: Final = f"{NO_SERVICE}/"
_FLOWS: Final[Mapping[str, Any]] = {
    "log": "flows.log",
    "stores": ["postgres"],
    "data_access": ["users"],
    "dependencies": {"users": ["postgres"]},
}
_DNS: Final[Mapping[str, Any]] = {
    "names": {"shop.test": {"addresses": ["127.0.0.1"]}},
    "resolver": "127.0.0.1:9",
    "servers": ["127.0.0.1:9"],
}
_FLAGS: Final[Mapping[str, Any]] = {
    "config_map": {"namespace": "shop", "name": "flags", "key": "flags.json"},
    "ofrep": NO_SERVICE,
    "answers": {"red": "/read"},
    "pages": {"red": {"us-east-1": _PAGE}},
    "metrics": {"red": ["red_total"]},
}


def _database_of(dsn: Mapping[str, str]) -> dict[str, Any]:
    return {
        "dsn": dsn,
        "members": {"first": {"dsn": dsn, "region": "us-east-1"}},
        "settings": {"ssl": "on"},
        "roles": ["shop"],
        "passwords": {"table": "users"},
        "pool": {"connections": 2, "read": "/read"},
        "production": {"register": "production.yaml"},
        "retention": {"users": {"keep": "forever"}},
        "saved": [{"every": "1 min", "kept_in": "database"}],
        "archives": {"orders": _ARCHIVE},
    }


def full_target(directory: Path, prometheus: str = NO_SERVICE) -> dict[str, Any]:
    """Its content; what it names is in the directory."""
    for name, text in {
        "kubeconfig": _KUBECONFIG,
        "jobs.yaml": _JOBS,
        "dsn": _DSN,
        "scratch": _SCRATCH,
        "production.yaml": _PRODUCTION,
    }.items():
        (directory / name).write_text(text, encoding="utf-8")
    dsn = {"file": str(directory / "dsn")}
    return {
        "name": "shop",
        "environment": "staging",
        "entry": NO_SERVICE,
        "release": {"version": "1.0.0"},
        "parts": ["content"],
        "regions": {
            name: {"entry": NO_SERVICE, "namespace": "shop", "prometheus": prometheus}
            for name in ("us-east-1", "ap-southeast-1", "eu-central-1")
        },
        "primary_region": "eu-central-1",
        "kubernetes": {"context": "staging", "namespace": "shop", "kubeconfig": str(directory / "kubeconfig")},
        "prometheus": prometheus,
        "alerting": {"receiver": _PAGE, "alertmanager": NO_SERVICE},
        "grafana": {"url": NO_SERVICE},
        "profiles": {"path": "/profile"},
        "database": _database_of(dsn),
        "probes": {"services": {"users": "/users/1"}},
        "callers": {"accepted": {"app": "frontend"}, "refused": {"app": "stranger"}},
        "ledger": {"path": "/ledger", "read": True},
        "metrics": {"entry": "gateway"},
        "flows": _FLOWS,
        "dns": _DNS,
        **dict.fromkeys(("portal", "website", "documentation", "quality_report"), _PAGE),
        "migration": {"manifests": "jobs.yaml", "up": "up", "down": "down"},
        "flags": _FLAGS,
        "may_break": [{"experiment": name} for name in _MAY_BREAK],
        "may_write": [
            {"users": "test-*"},
            {"operations": "POST /users"},
            {"operations": "POST /orders"},
            {"keys": "*"},
        ],
        "sign_in": {"path": "/sessions", "user": "test-{n}", "password": dsn},
        **trust_sections(directory, NO_SERVICE, dsn),
        "drills": {"orders": {**_DRILL, "scratch": {"file": str(directory / "scratch")}, "within": "1 s"}},
        "backups": {
            **{
                name: {"at": "backups", "files": ["*.dump"], "checksum": {"beside": ".sha256"}}
                for name in ("database", "cache")
            },
            **dict.fromkeys(("configuration", "settings"), _CONFIGURATION),
        },
        "cache": _CACHE,
        "files": {"manifests": ["jobs.yaml"]},
    }


def without(content: dict[str, Any], key: str) -> dict[str, Any]:
    """A copy that lacks a key, `section.key` within a section."""
    section, _, below = key.partition(".")
    if not below:
        return {name: value for name, value in content.items() if name != section}
    within = content[section]
    return {**content, section: without(within, below) if isinstance(within, dict) else within}


def loaded(directory: Path, content: dict[str, Any]) -> Target:
    """The target of this content.

    Raises:
        ConfigurationError: it is none.
    """
    file = directory / "target.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return load_target(file)


@cache
def asked_for() -> dict[str, list[Mapping[str, str]]]:
    """The parameters of every check that a sentence asks for, as its example has them, but with few calls."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for template in (one for every in TEMPLATES for one in every.each):
        objective = read(template.example, _DOMAINS).objective
        if objective is not None and objective.figure == Figure.CHECK and objective.demand == "check":
            fewer = {key: "20" for key in _CALLS if int(objective.params.get(key, "0")) > 20}
            found.setdefault(objective.check, []).append({**objective.params, **fewer})
    return found
