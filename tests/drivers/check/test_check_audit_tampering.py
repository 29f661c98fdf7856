"""Entries of an audit log are tampered with on a genuine PostgreSQL, and put back exactly, whatever columns the log has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from harness import clock
from harness.drivers.check.audit.entries import read_entries
from harness.drivers.check.audit.tampering import audit_tampering
from harness.targets import Target
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.units import NS_PER_S
from tests.builders.addresses import NET
from tests.builders.database_servers import SETTINGS, Member, initialised
from tests.drivers.check.check_builders import secret, shop_of

LOG = """
CREATE TABLE log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, action varchar(40) NOT NULL, amount numeric NOT NULL DEFAULT 1.10,
    at timestamptz NOT NULL DEFAULT now(), detail json NOT NULL DEFAULT '{"b" : 1.50,  "a":"x"}', spent interval DEFAULT '1 day 2 s',
    raw bytea DEFAULT '\\x00ff', share float8 DEFAULT 0.1, tags text[] DEFAULT '{a,"b c"}', empty text,
    short text GENERATED ALWAYS AS (left(action, 3)) STORED, previous text, hash text);
CREATE FUNCTION digest(log, text) RETURNS text LANGUAGE sql AS
    $$ SELECT md5(concat_ws('|', $1.id, $1.action, $1.amount, $1.at, $1.detail, $1.spent, $1.raw, $1.share, $1.tags, $2)) $$;
CREATE FUNCTION chained() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.previous = (SELECT hash FROM log ORDER BY id DESC LIMIT 1); NEW.hash = digest(NEW, NEW.previous); RETURN NEW; END $$;
CREATE TRIGGER chained BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION chained();
CREATE TABLE head (size bigint);
CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE head SET size = size + 1; RETURN NULL; END $$;
INSERT INTO head VALUES (0);
CREATE TRIGGER counted AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION counted();
INSERT INTO log (action) SELECT 'order.created' FROM generate_series(1, 9);
"""
INTACT = """
SELECT (SELECT count(*) FROM log) >= (SELECT size FROM head) AND bool_and(hash = digest(one, before) AND previous IS NOT DISTINCT FROM before)
FROM (SELECT log AS one, hash, previous, lag(hash) OVER (ORDER BY id) AS before FROM log) AS chain
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A database."""
    member = Member(tmp_path_factory.mktemp("tampering") / "data", f"{NET}203")
    initialised(member.data)
    with (member.data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS + "datestyle = 'SQL, DMY'\ntimezone = 'Asia/Kolkata'\n")
    with (member.data / "pg_hba.conf").open("a") as file:
        file.write("host all all 127.0.0.0/8 trust\n")
    member.start()
    try:
        yield member
    finally:
        member.stop()


@pytest.fixture
def target(server: Member, tmp_path: Path) -> Target:
    """A target whose log has entries that are chained by their digests."""
    server.ask("DROP TABLE IF EXISTS log, head CASCADE")
    server.ask("DROP FUNCTION IF EXISTS chained, counted, busy CASCADE")
    server.ask(LOG)
    audit = {
        "sql": "SELECT * FROM log",
        "fields": {"who": "action", "what": "action", "when": "at"},
        "tampering": {"table": "log", "column": "action"},
        "check": {"sql": INTACT},
    }
    return shop_of(tmp_path, disposable=True, database={"dsn": secret(tmp_path, "dsn", server.dsn)}, audit=audit)


def rows(server: Member) -> list[tuple[Any, ...]]:
    """The log."""
    with psycopg.connect(server.dsn) as connection:
        return connection.execute("SELECT log::text FROM log ORDER BY id").fetchall()


def test_entries_are_put_back_to_the_last_digit(server: Member, target: Target) -> None:
    """Numbers with zeros at their end, JSON with its spaces, generated columns and times of any style: the log is the same text as before."""
    before = rows(server)
    facts = audit_tampering(target, {})()
    assert [(one.subject, one.observed) for one in facts if not one.ok] == []
    assert len(facts) == 9
    assert rows(server) == before
    assert not pending_intents(platform_of(target))


def test_an_entry_that_a_trigger_changes_when_it_is_put_back_is_named(server: Member, target: Target) -> None:
    """A role that cannot silence triggers writes it back; the trigger makes it another one, and the undo stays in the log."""
    server.ask("DROP ROLE IF EXISTS clerk")
    server.ask("CREATE ROLE clerk LOGIN")
    server.ask("GRANT ALL ON log, head TO clerk")
    server.ask(
        "CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.empty = 'touched'; RETURN NEW; END $$"
    )
    server.ask("CREATE TRIGGER touched BEFORE UPDATE ON log FOR EACH ROW EXECUTE FUNCTION touched()")
    try:
        Path(target.file).parent.joinpath("dsn").write_text(server.dsn.replace("tester", "clerk"), encoding="utf-8")
        with pytest.raises(Exception, match="the entry that was put back is not as it was before"):
            audit_tampering(target, {})()
        assert len(pending_intents(platform_of(target))) == 1
    finally:
        server.ask("DROP FUNCTION touched CASCADE")
        server.ask("REVOKE ALL ON log, head FROM clerk")


def test_entries_that_others_write_meanwhile_leave_it_undecided(server: Member, target: Target) -> None:
    """An entry that is written while the newest is removed is chained around it: no fault of the log."""
    server.ask(
        "CREATE OR REPLACE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE before text; one log; BEGIN "
        "before = (SELECT hash FROM log ORDER BY id DESC LIMIT 1); INSERT INTO log (action) VALUES ('order.created') RETURNING * INTO one; "
        "UPDATE log SET previous = before, hash = digest(one, before) WHERE id = one.id; RETURN NULL; END $$"
    )
    server.ask("CREATE TRIGGER busy AFTER DELETE ON log FOR EACH STATEMENT EXECUTE FUNCTION busy()")
    server.ask("ALTER TABLE log ENABLE ALWAYS TRIGGER busy")
    last = audit_tampering(target, {})()[-1]
    assert (last.ok, "repeat it where nothing else writes" in last.observed) == (None, True)


def test_times_without_a_zone_are_utc_whatever_the_zone_of_the_server(server: Member, target: Target) -> None:
    """The server is at +05:30, and the log has times of UTC: the entry of this moment is not five hours old."""
    server.ask("DROP TABLE IF EXISTS plain")
    server.ask("CREATE TABLE plain AS SELECT 'a' AS action, now() AT TIME ZONE 'UTC' AS at")
    assert target.audit is not None
    plain = target.model_copy(update={"audit": target.audit.model_copy(update={"sql": "SELECT * FROM plain"})})
    now_ns = clock.wall_ns(clock.wall())
    (entry,) = read_entries(plain, now_ns - 60 * NS_PER_S, str).entries
    assert entry.at_ns is not None
    assert abs(entry.at_ns - now_ns) < 60 * NS_PER_S
