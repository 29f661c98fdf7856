"""The claims on stored data against the platform's own tables on a genuine PostgreSQL: as they should be, and with each planted defect."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from harness.drivers.check.secrets.ages import key_ages
from harness.drivers.check.stored.columns import columns_classified
from harness.drivers.check.stored.encrypted import cipher_of_values
from harness.drivers.facts import FactReading
from harness.targets import Target, load_target
from readiness_sandbox.platform.normaldance.atrest.defects import AtRestDefects
from readiness_sandbox.platform.normaldance.atrest.tables import found_contacts
from readiness_sandbox.platform.normaldance.schema import TABLES
from readiness_sandbox.platform.parts import PARTS
from tests.builders.addresses import NET
from tests.builders.database_servers import SETTINGS, Member, initialised


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A PostgreSQL with the roles of the platform."""
    member = Member(tmp_path_factory.mktemp("platform") / "data", f"{NET}214")
    initialised(member.data)
    with (member.data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)
    with (member.data / "pg_hba.conf").open("w") as file:
        file.write("host all all 127.0.0.0/8 trust\n")
    member.start()
    try:
        for role in ("normaldance", "readiness"):
            member.ask(f"CREATE ROLE {role} LOGIN")
        yield member
    finally:
        member.stop()


def founded(server: Member, tmp_path: Path, defects: AtRestDefects) -> Target:
    """The tables of a release with these defects, and the target file with what the part says of it."""
    server.ask("DROP SCHEMA public CASCADE")
    server.ask("CREATE SCHEMA public")
    server.ask("GRANT USAGE ON SCHEMA public TO normaldance, readiness")
    with psycopg.connect(server.dsn) as connection:
        connection.execute(TABLES)
        found_contacts(connection, base64.b64encode(os.urandom(32)).decode(), defects)
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO readiness")
    (tmp_path / "dsn").write_text(server.dsn.replace("user=tester", "user=readiness"))
    part = yaml.safe_load((PARTS / "encryption-at-rest" / "part.yaml").read_text(encoding="utf-8"))["target"]
    del part["api"]  # nobody calls its operations here
    content = {"name": "p", "environment": "staging", "entry": "http://127.0.0.1:9", **part}
    content["database"] = {"dsn": {"file": str(tmp_path / "dsn")}}
    (tmp_path / "target.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_target(tmp_path / "target.yaml")


def outcome(facts: list[FactReading]) -> bool | None:
    """What facts together say."""
    each = [one.ok for one in facts]
    return False if False in each else None if None in each else True


@pytest.mark.parametrize(
    ("defects", "cipher", "age"),
    [
        (AtRestDefects(), True, True),
        (AtRestDefects(cipher="AES-128-GCM"), False, True),
        (AtRestDefects(clear_column="phone"), None, True),
        (AtRestDefects(key_days=90), True, False),
    ],
    ids=["as it should be", "aes-128", "clear-column", "old-key"],
)
def test_each_defect_of_stored_data_turns_its_claim(
    server: Member, tmp_path: Path, defects: AtRestDefects, *, cipher: bool | None, age: bool
) -> None:
    """A column in clear is undecided by its values alone; the markers find it."""
    target = founded(server, tmp_path, defects)
    assert outcome([*cipher_of_values(target, {"cipher": "AES-256"})()]) is cipher
    assert outcome([*key_ages(target, {"age": "31 d"})()]) is age
    classes = {one.subject: one.ok for one in columns_classified(target)()}
    assert [name for name, ok in classes.items() if ok is False] == []
