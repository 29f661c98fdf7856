"""Audit logs and exports that others wrote: Django with django-auditlog and django-easy-audit, on a real PostgreSQL, healthy and spoilt."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.drivers.check.audit.audited import audit_of_planted
from harness.drivers.check.claim import CheckFunction
from harness.drivers.check.export.exported import export_of_person
from harness.drivers.facts import FactReading
from harness.targets import Target, load_target
from tests.builders.addresses import NET
from tests.builders.database_servers import lone
from tests.foreign.services import APPS, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(find_spec, ("django", "rest_framework", "auditlog", "easyaudit"))),
        reason="django, djangorestframework, django-auditlog or django-easy-audit is not installed",
    ),
]

ENTRIES = """
    SELECT u.username AS who, 'order.' || e.action AS what, e.timestamp AS "when", host(e.remote_addr) AS whence, e.cid AS request
    FROM auditlog_logentry e LEFT JOIN auth_user u ON u.id = e.actor_id
    UNION ALL SELECT username, 'sign-in failed', datetime, remote_ip, NULL FROM easyaudit_loginevent WHERE login_type = 2
"""
TARGET: Mapping[str, Any] = {
    "name": "shop",
    "environment": "sandbox",
    "disposable": True,
    "may_write": [{"users": "person-*"}],
    "sign_in": {
        "path": "/sign-in",
        "user": "person-one",
        "password": {"env": "SHOP_PASSWORD"},
        "fields": {"user": "username"},
    },
    "audit": {
        "sql": ENTRIES,
        "fields": {"who": "who", "what": "what", "when": "when", "whence": "whence", "request": "request"},
        "header": "x-request-id",
        "client": ["127.0.0.1"],
        "user": "person-one",
        "changes": [{"call": "POST /orders", "body": {"item": "item {fresh}"}, "what": "order.0"}],
        "refusals": [{"call": "POST /sign-in", "by": "wrong-password", "what": "sign-in failed", "counted": True}],
        "refused": [400],
        "within": "3 s",
    },
    "export": {
        "call": {"call": "GET /export"},
        "person": "person-one",
        "others": ["person-two"],
        "people": "auth_user",
        "tables": {
            "auth_user": {"at": "profile", "without": ["password"]},
            "orders": {"at": "orders"},
            "notes": {"at": "notes"},
            "authtoken_token": {"at": "tokens"},
            "easyaudit_loginevent": {"at": "sign_ins"},
            "auditlog_logentry": {"at": "log"},
        },
    },
}

Serve = Callable[..., Target]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts the service on a database of its own, spoilt in the ways that are named, and gives a target of it."""
    running: list[subprocess.Popen[str]] = []
    monkeypatch.setenv("SHOP_PASSWORD", "secret-of-person-one")

    def start(*spoilt: str, **more: Mapping[str, Any]) -> Target:
        port = free_port()
        words = [sys.executable, str(APPS / "audited_django.py"), str(port), f"{NET}206", *spoilt]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        content = {**TARGET, "entry": f"http://127.0.0.1:{port}", "database": {"dsn": {"env": "SHOP_DSN"}}}
        for key, section in more.items():
            content[key] = {**content[key], **section}
        place = tmp_path / "target.yaml"
        place.write_text(yaml.safe_dump(content), encoding="utf-8")
        return load_target(place)

    with lone(tmp_path / "data", f"{NET}206", "host all all 127.0.0.0/8 trust\n") as member:
        monkeypatch.setenv("SHOP_DSN", member.dsn)
        try:
            yield start
        finally:
            for process in running:
                process.kill()
                process.communicate()


def read(check: CheckFunction, target: Target, **params: str) -> list[FactReading]:
    """The facts of a check."""
    probe = check(target, params)
    assert callable(probe)
    return list(probe())


def bad(facts: list[FactReading]) -> list[tuple[str, str, bool | None]]:
    """Those that are not as expected."""
    return [(one.subject, one.observed, one.ok) for one in facts if not one.ok]


def test_a_stock_audit_log_and_export_are_as_they_should_be(serve: Serve) -> None:
    """State changes by their ids, failed sign-ins by their number; each record of a person in six tables, by name and by foreign key."""
    target = serve()
    facts = read(audit_of_planted, target, calls="100")
    assert bad(facts) == []
    assert len(facts) == 26
    exported = read(export_of_person, target)
    assert bad(exported) == []
    assert sorted(one.observed for one in exported) == ["1", "1", "1", "25", "27", "75", "not named"]


def test_what_is_missing_doubled_or_left_out_is_named(serve: Serve) -> None:
    """One failed sign-in in 50 is not logged, every tenth order twice, and the export leaves the notes out."""
    target = serve("unlogged", "doubled", "half-export")
    facts = bad(read(audit_of_planted, target, calls="100"))
    assert facts[0] == ("75 requests for sign-in failed without a user", "74 entries", False)
    assert {(observed, ok) for _, observed, ok in facts[1:]} == {("2 entries", False)}
    assert bad(read(export_of_person, target)) == [
        ("records of the person in notes", "1, and the export has no `notes`", False)
    ]


def test_ids_that_a_log_does_not_record_are_no_missing_entries(serve: Serve) -> None:
    """The header is misdeclared: nothing is known of what is missing."""
    facts = bad(read(audit_of_planted, serve(audit={"header": "traceparent", "refusals": []}), calls="8"))
    assert [(subject, ok) for subject, _, ok in facts] == [
        ("ids of planted calls", None),
        ("entries of person-one that no request of the run explains", None),
    ]
