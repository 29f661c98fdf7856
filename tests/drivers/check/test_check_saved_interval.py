"""The longest time between two saved states: by a genuine PostgreSQL's archiver, a CronJob, a variable of a workload and a schedule, each held against what lies in the place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from harness import clock
from harness.drivers.check.backups.interval import saved_interval
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.access import accesses_of
from harness.targets.files.cron import longest_s
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, until
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, cluster_at, secret, shop_of

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR


def test_the_longest_time_of_a_schedule(subtests: pytest.Subtests) -> None:
    """Over the end of an hour, a day, a week, a month and a year; of day and day of the week either is enough."""
    for schedule, longest in [
        ("* * * * *", 60.0),
        ("@hourly", HOUR),
        ("0 * * * *", HOUR),
        ("*/7 * * * *", 420.0),
        ("5,20 * * * *", 45 * 60.0),
        ("0 2 * * *", DAY),
        ("0 8-18/2 * * *", 14 * HOUR),
        ("30 1 * * mon-fri", 3 * DAY),
        ("0 0 * * 0,7", 7 * DAY),
        ("0 0 1 * *", 31 * DAY),
        ("0 0 1 * mon", 7 * DAY),
        ("0 */6 */2 * *", DAY + 6 * HOUR),
        ("0 0 29 2 *", 1461 * DAY),
        ("15 10 * jan,jul *", 154 * DAY),
    ]:
        with subtests.test(schedule):
            assert longest_s(schedule) == longest


def test_what_is_not_a_schedule_is_refused(subtests: pytest.Subtests) -> None:
    """With what is expected."""
    for schedule in ["", "hourly", "60 * * * *", "* * * *", "5-2 * * * *", "*/0 * * * *", "0 0 30 2 *", "L * * * *"]:
        with subtests.test(schedule=schedule), pytest.raises(ValueError, match=r"^a "):
            longest_s(schedule)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A server that archives nothing yet."""
    home = tmp_path_factory.mktemp("saved")
    with lone(home / "data", f"{NET}236", "host all all 127.0.0.0/8 trust\n") as member:
        yield member


@contextmanager
def cluster(directory: Path, *objects: dict[str, Any]) -> Iterator[dict[str, str]]:
    """An API server with these objects: the section `kubernetes` of a target file."""
    kinds = {"/apis/batch/v1": {"CronJob": "cronjobs"}, "/apis/apps/v1": {"StatefulSet": "statefulsets"}}
    there = {
        f"{place}/namespaces/database/{plural}/{one['metadata']['name']}": one
        for place, known in kinds.items()
        for kind, plural in known.items()
        for one in objects
        if one["kind"] == kind
    }

    class Handler(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body: Any = there.get(self.path, {"major": "1", "minor": "30"} if self.path == "/version/" else None)
            if self.path in kinds:
                named = [{"kind": kind, "name": name, "namespaced": True} for kind, name in kinds[self.path].items()]
                body = {"resources": named}
            self.say(200 if body else 404, body or {"kind": "Status", "reason": "NotFound"})

    with serving(Handler) as url:
        yield cluster_at(directory, url)


def target_of(directory: Path, saved: list[dict[str, Any]], dsn: str = "host=127.0.0.1 port=9", **more: Any) -> Target:
    """A target whose database is saved so; `wal` is a place of backups."""
    (directory / "wal").mkdir(exist_ok=True)
    database = {"dsn": secret(directory, "dsn", dsn), "saved": saved}
    return shop_of(directory, database=database, backups={"wal": {"at": "wal", "files": ["*"]}}, **more)


def facts(target: Target, limit: str = "1 h") -> list[FactReading]:
    """What is read."""
    probe = saved_interval(target, {"limit": limit})
    assert callable(probe)
    return list(probe())


def set_to(database: Member, *settings: str) -> None:
    """Change settings of a server, which reads them again."""
    for one in settings:
        database.ask(f"ALTER SYSTEM SET {one}")
    database.ask("SELECT pg_reload_conf()")


def seen_first(target: Target, said: str) -> bool:
    """Whether the first fact says this."""
    return facts(target)[0].observed == said


def outcomes(target: Target, limit: str = "1 h") -> list[bool | None]:
    """Of each fact."""
    return [one.ok for one in facts(target, limit)]


def saved_now(directory: Path, age_s: float = 0.0) -> None:
    """A file in the place."""
    file = directory / "wal" / "one"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    at = clock.wall().timestamp() - age_s
    os.utime(file, (at, at))


def test_a_schedule_elsewhere_counts_with_what_it_saved(tmp_path: Path) -> None:
    """The newest saved state must be younger than the limit; an older one shows that the schedule may not be what is done."""
    saved_now(tmp_path)
    hourly = target_of(tmp_path, [{"schedule": "0 * * * *", "kept_in": "wal"}])
    assert outcomes(hourly) == [True, True]
    assert outcomes(hourly, "59 min") == [False]
    saved_now(tmp_path, 2 * HOUR)
    assert outcomes(hourly) == [True, None]
    saved_now(tmp_path, -HOUR)
    assert outcomes(hourly) == [True, None]
    (tmp_path / "wal" / "one").unlink()
    assert [one.observed for one in facts(hourly)][1] == "nothing is there"


def test_of_several_the_most_frequent_counts_and_the_limit_is_scaled(tmp_path: Path) -> None:
    """An hour of the documents is a minute at a time scale of 60."""
    saved_now(tmp_path)
    every = [{"every": "30 s", "kept_in": "wal"}, {"every": "2 h", "kept_in": "wal"}]
    assert outcomes(target_of(tmp_path, every, time_scale=60, environment="sandbox")) == [True, True]
    assert outcomes(target_of(tmp_path, every[1:], time_scale=1)) == [False]
    (fact,) = facts(target_of(tmp_path, [{"every": "61 s", "kept_in": "wal"}], time_scale=60, environment="sandbox"))
    assert (fact.ok, fact.expected) == (False, "at most 60 s")


def test_the_archiver_of_a_server_counts_by_its_timeout(database: Member, tmp_path: Path) -> None:
    """Off it saves nothing; without a timeout nothing limits it; one that fails, has not archived yet, or not a segment, is not known."""
    target = target_of(tmp_path, [{"archive": True}], database.dsn)
    assert [(one.ok, one.observed) for one in facts(target)] == [
        (False, "archive_timeout of PostgreSQL: archive_mode is off")
    ]
    archive = tmp_path / "archive"
    with (database.data / "postgresql.conf").open("a") as file:
        file.write(f"archive_mode = on\narchive_command = 'cp %p {archive}/%f'\narchive_timeout = 0\n")
    database.end()
    database.start()
    assert [one.observed for one in facts(target)] == ["no limit by archive_timeout of PostgreSQL"]
    assert outcomes(target) == [False]
    set_to(database, "archive_timeout = 1800")
    until(lambda: outcomes(target) == [True, None])
    for command in ("true", "/bin/true", "exit 0;", ":"):
        set_to(database, f"archive_command = '{command}'")
        said = f"archive_timeout of PostgreSQL: archive_command is `{command}`, which keeps nothing"
        until(partial(seen_first, target, said))
        assert outcomes(target) == [False]
    set_to(database, "archive_command = 'true /controller/manager wal-archive'")
    until(lambda: "succeeds also where the Cluster has no backup" in facts(target)[-1].observed)
    assert outcomes(target) == [True, None]
    kept = target_of(tmp_path, [{"archive": True, "kept_in": "wal"}], database.dsn)
    assert not [one.observed for one in facts(kept) if "no backup" in one.observed]
    set_to(database, f"archive_command = 'cp %%p {archive}/%%f'")
    database.ask("CREATE TABLE one AS SELECT 1 AS one")
    database.ask("SELECT pg_switch_wal()")
    until(lambda: "failed the last time" in facts(target)[-1].observed)
    archive.mkdir()
    database.ask("SELECT pg_switch_wal()")
    until(lambda: outcomes(target) == [True])
    assert outcomes(target, "20 min") == [False]
    busy = tmp_path / "busy"
    busy.touch()
    set_to(database, f"archive_command = 'while [ -e {busy} ]; do sleep 0.1; done'", "archive_timeout = 1")
    for number in range(3):
        database.ask(f"CREATE TABLE hangs_{number} AS SELECT 1 AS one")
        database.ask("SELECT pg_switch_wal()")
    until(lambda: "complete segments of the log are not archived" in facts(target)[-1].observed)
    assert outcomes(target) == [True, None]
    busy.unlink()
    with (database.data / "postgresql.conf").open("a") as file:
        file.write("restore_command = 'false'\n")
    (database.data / "postgresql.auto.conf").write_text("archive_command = 'test -n %f'\narchive_timeout = 1800\n")
    database.end()
    (database.data / "recovery.signal").touch()
    database.start()
    until(lambda: "was archived last, so it is not known" in facts(target)[-1].observed)
    assert outcomes(target) == [True, None]
    database.end()
    (database.data / "standby.signal").touch()
    database.start()
    until(lambda: "is a standby and archives nothing" in facts(target)[-1].observed)
    assert outcomes(target) == [True, None]


def test_a_job_and_a_variable_are_read_from_the_cluster(tmp_path: Path) -> None:
    """A suspended job saves nothing; a variable without a number is not known; what is not there saves nothing."""
    saved_now(tmp_path)
    variable = {"namespace": "database", "kind": "StatefulSet", "workload": "wal", "name": "EVERY_S"}
    of_wal, of_job = {"variable": variable, "kept_in": "wal"}, {"cron_job": {"namespace": "database", "name": "dump"}}

    def workload(value: str) -> dict[str, Any]:
        container = {"name": "wal", "env": [{"name": "EVERY_S", "value": value}]}
        spec = {"template": {"spec": {"containers": [container]}}}
        return {"kind": "StatefulSet", "metadata": {"name": "wal"}, "spec": spec}

    def job(**more: object) -> dict[str, Any]:
        done = {"lastSuccessfulTime": clock.wall_text(clock.wall() - timedelta(minutes=119))}
        spec = {"schedule": "0 * * * *", **more}
        return {"kind": "CronJob", "metadata": {"name": "dump"}, "spec": spec, "status": done}

    cases: list[tuple[list[dict[str, Any]], list[dict[str, Any]], list[bool | None]]] = [
        ([of_wal], [workload("60")], [True, True]),
        ([of_wal], [workload("7200")], [False]),
        ([of_wal], [workload("soon")], [None]),
        ([of_wal], [], [False]),
        ([of_job], [job()], [True]),
        ([of_job], [job(suspend=True)], [False]),
        ([of_job], [job(schedule="0 0 * * *")], [False]),
        ([of_job], [{**job(), "status": {}}], [True, None]),
        ([of_job], [{**job(), "status": {"lastSuccessfulTime": "2026-01-31T12:00:00Z"}}], [True, None]),
        ([of_wal, of_job], [workload("7200"), job()], [True]),
        ([of_wal, of_job], [workload("soon"), job(suspend=True)], [None]),
    ]
    for saved, found, expected in cases:
        with cluster(tmp_path, *found) as kubernetes:
            target = target_of(tmp_path, saved, kubernetes=kubernetes)
            assert outcomes(target) == expected, (saved, found)
    asked = accesses_of(saved_interval, target_of(tmp_path, [of_wal, of_job], kubernetes=kubernetes)) or ()
    assert {(one.verb, one.resource, one.at, one.name) for one in asked} == {
        ("get", "statefulsets", "database", "wal"),
        ("get", "cronjobs", "database", "dump"),
    }


def test_a_database_that_does_not_answer_is_not_known(tmp_path: Path) -> None:
    """Neither saved nor not."""
    assert outcomes(target_of(tmp_path, [{"archive": True}])) == [None]


@pytest.mark.parametrize(
    ("saved", "why"),
    [
        ({}, "one of `archive: true`"),
        ({"archive": True, "every": "1 min", "kept_in": "wal"}, "one of `archive: true`"),
        ({"every": "1 min"}, "`kept_in: NAME`"),
        ({"schedule": "hourly", "kept_in": "wal"}, "a schedule of five fields"),
        ({"every": "1 min", "kept_in": "nowhere"}, "`nowhere` is not in `backups`"),
    ],
)
def test_what_is_not_declared_well_is_refused(tmp_path: Path, saved: dict[str, Any], why: str) -> None:
    """With file and key."""
    with pytest.raises(ConfigurationError, match=why):
        saved_interval(target_of(tmp_path, [saved]), {"limit": "1 h"})
    with pytest.raises(ConfigurationError, match="does not say what saves the database"):
        saved_interval(target_of(tmp_path, []), {"limit": "1 h"})
