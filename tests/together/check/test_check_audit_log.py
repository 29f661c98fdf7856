"""The sandbox's audit log and export under the harness's own checks: services as processes over a real PostgreSQL, healthy and with each planted defect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.audit.audited import audit_of_planted
from harness.drivers.check.audit.tampering import audit_tampering
from harness.drivers.check.claim import CheckFunction
from harness.drivers.check.export.exported import export_of_person
from harness.drivers.facts import FactReading
from harness.targets import Target, load_target
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.yamlfile import read_document
from readiness_sandbox.platform.identity import IdentityCredentials
from readiness_sandbox.platform.parts import FILE, directory
from tests.sandbox.platform.conftest import Postgres, Services, founded

pytestmark = pytest.mark.slow
DATABASE, AUTH, USER, TRACK, GATEWAY = (f"127.93.8.{n}" for n in range(1, 6))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the module."""
    return tmp_path_factory.mktemp("audit")


@pytest.fixture(scope="module")
def credentials() -> IdentityCredentials:
    """Of the platform."""
    return IdentityCredentials.generate(f"http://{GATEWAY}:8080")


@pytest.fixture(scope="module")
def audited(home: Path, credentials: IdentityCredentials) -> Iterator[Postgres]:
    """A database with the audit log."""
    passwords = {"normaldance": "n", "readiness": "r", "identity": credentials.role}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT", "on")
        with founded(home, DATABASE, passwords, credentials.seed()) as postgres:
            yield postgres


Deploy = Callable[..., Target]


@pytest.fixture
def deploy(
    audited: Postgres, credentials: IdentityCredentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deploy]:
    """Starts the services with the audit log, with the variables of a planted defect, and gives a target of them as the part describes it."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    with ExitStack() as stack:
        services = Services(tmp_path, stack)

        def start(**defects: str) -> Target:
            env = {
                "ISSUER": credentials.issuer,
                "AUTH_SERVICE_SERVICE_HOST": AUTH,
                "AUTH_SERVICE_SERVICE_PORT": "8080",
                "DATABASE_SERVICE_HOST": DATABASE,
                "USER_SERVICE_SERVICE_HOST": USER,
                "TRACK_SERVICE_SERVICE_HOST": TRACK,
                **defects,
            }
            region = credentials.of_region()
            own = {"PGUSER": "identity", "PGPASSWORD": region["database-password"]}
            services.start("auth", AUTH, **env, SIGNING_KEYS=region["signing-keys"], **own)
            env["AUDIT"] = "on"
            services.start("user", USER, **env, CLIENT_SECRET=credentials.clients["user-service"])
            services.start("track", TRACK, **env)
            services.start("gateway", GATEWAY, **env)
            return target(tmp_path, audited)

        yield start


def target(here: Path, postgres: Postgres) -> Target:
    """What `part.yaml` says, for these addresses."""
    part: Any = read_document(directory("audit") / FILE).data
    dsn = f"{postgres.conninfo} dbname=normaldance"
    (here / "dsn-superuser").write_text(dsn, encoding="utf-8")
    (here / "dsn").write_text(dsn.replace("user=postgres", "user=readiness"), encoding="utf-8")
    (here / "password").write_text("listen-{user}", encoding="utf-8")
    content = {
        "name": "processes",
        "environment": "sandbox",
        "disposable": True,
        "entry": f"http://{GATEWAY}:8080",
        "database": {"dsn": {"file": str(here / "dsn")}},
        "may_write": [{"users": "listener-*"}],
        "sign_in": {
            "path": "/sessions",
            "user": "listener-{n}",
            "users": 500,
            "password": {"file": str(here / "password")},
        },
        **json.loads(json.dumps(part["target"]).replace("{secrets}", str(here))),
    }
    file = here / "target.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return load_target(file)


def bad(check: CheckFunction, of: Target, **params: str) -> list[tuple[str, str, bool | None]]:
    """The facts of a check that are not as expected; nothing is left to undo."""
    probe = check(of, params)
    assert callable(probe)
    facts: list[FactReading] = list(probe())
    assert facts
    assert pending_intents(platform_of(of)) == []
    return [(one.subject, one.observed, one.ok) for one in facts if not one.ok]


def test_the_audit_log_is_whole_and_reports_tampering(deploy: Deploy, audited: Postgres) -> None:
    """One entry of each planted call; each changed and removed entry is reported, and the log is intact again afterwards."""
    of = deploy()
    assert bad(audit_of_planted, of, calls="200") == []
    before = audited.rows("SELECT count(*), max(at) FROM audit")
    assert bad(audit_tampering, of) == []
    assert audited.rows("SELECT count(*), max(at) FROM audit") == before
    assert audited.rows("SELECT audit_intact()") == [(True,)]
    assert bad(export_of_person, of) == []


def test_refusals_that_one_in_fifty_lack_are_missed(deploy: Deploy) -> None:
    """`silent-audit`."""
    found = bad(audit_of_planted, deploy(DEFECT_SILENT_ONE_IN="50"), calls="200")
    assert len(found) == 3
    assert {(observed, ok) for _, observed, ok in found} == {("no entry", False)}


def test_an_export_without_one_table_is_found(deploy: Deploy) -> None:
    """`half-export`."""
    found = bad(export_of_person, deploy(DEFECT_EXPORT_WITHOUT="activity"))
    assert found == [("records of the person in activity", "1, and the export has no `activity`", False)]


def test_a_log_without_a_chain_is_found(deploy: Deploy, audited: Postgres) -> None:
    """The check says that all is well, whatever was done."""
    of = deploy()
    assert bad(audit_of_planted, of, calls="8") == []
    assert of.audit is not None
    assert of.audit.check is not None
    check = of.audit.check.model_copy(update={"sql": "SELECT true"})
    blind = of.model_copy(update={"audit": of.audit.model_copy(update={"check": check})})
    assert bad(audit_tampering, blind) == [
        ("a middle entry changed", "reported intact", False),
        ("a middle entry removed", "reported intact", False),
        ("the newest entry changed", "reported intact", False),
        ("the newest entry removed", "reported intact", False),
    ]
    assert audited.rows("SELECT audit_intact()") == [(True,)]


def test_the_services_role_can_only_add_entries(audited: Postgres) -> None:
    """It may neither read, change nor remove them, nor choose their place in the chain."""
    grants = audited.rows(
        "SELECT privilege_type, column_name FROM information_schema.column_privileges "
        "WHERE grantee = 'normaldance' AND table_name = 'audit' ORDER BY 1, 2"
    )
    assert grants == [
        ("INSERT", "request"),
        ("INSERT", "what"),
        ("INSERT", "whence"),
        ("INSERT", "who"),
        ("SELECT", "what"),
    ]
