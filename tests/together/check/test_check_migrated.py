"""A migration there and back on a real PostgreSQL, by Jobs of a real API server."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest
import yaml

from harness import clock
from harness.drivers.check.registry import run_check
from harness.drivers.check.sql import migrated
from harness.drivers.check.sql.applied import AppliedBefore
from harness.drivers.check.sql.tables import InUse, Rows, TableColumns, compared, rows_of_tables, tables_of
from harness.drivers.check.workloads.jobs import job_in
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.evidence.histories.history import History
from harness.model import Check, Demand, DemandKind
from harness.targets import Target, load_target, platform_of
from harness.targets.cluster.jobs import GONE, delete_job, run_job
from harness.targets.files.reference import Reference
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.controllers import garbage
from tests.builders.addresses import NET
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.store import WatchEvent
    from tests.builders.database_servers import Member
    from tests.together.conftest import PocketCluster

EXPAND = "ALTER TABLE tracks ADD performer text; UPDATE tracks SET performer = artist"
CONTRACT = "ALTER TABLE tracks DROP performer"
LOWERED = "ALTER TABLE tracks DROP performer; UPDATE tracks SET artist = lower(artist)"


POD = kinds.by_name("Pod")
GRACE_S = 0.3
"""What a pod takes to end."""


class JobRunner:
    """Runs the SQL that a Job's container has as its command, as the Job's controller would a pod, and collects the garbage.

    Attributes:
        ran: names of Jobs, in the order that they were made.
        begun_ns: when each of them was made.
        beside: names of pods that were still there when a Job was made.
    """

    def __init__(self, cluster: PocketCluster, member: Member) -> None:
        self._cluster = cluster
        self._member = member
        self.ran: list[str] = []
        self.begun_ns: list[int] = []
        self.beside: list[str] = []
        self._ending: set[str] = set()
        cluster.do(lambda store: store.subscribe(self._on_event))

    def _on_event(self, event: WatchEvent) -> None:
        if event.kind.kind == "Job" and event.type == "ADDED":
            self._cluster.loop.call_soon(self._run, event.object)
        elif event.type != "ADDED":
            self._cluster.loop.call_soon(garbage.reconcile, self._cluster.store, self)

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> dict[str, Any]:
        """The pod goes on until its grace is over."""
        if name not in self._ending:
            self._ending.add(name)
            self._cluster.loop.call_later(GRACE_S, self._end, namespace, name)
        return self._cluster.store.get(POD, namespace, name)

    def _end(self, namespace: str, name: str) -> None:
        self._ending.remove(name)
        self._cluster.store.delete(POD, namespace, name)

    def _run(self, job: dict[str, Any]) -> None:
        [name, statements] = [job["metadata"]["name"], job["spec"]["template"]["spec"]["containers"][0]["command"][0]]
        self.ran.append(name)
        self.begun_ns.append(clock.now_ns())
        self.beside += [str(pod["metadata"]["name"]) for pod in self._cluster.store.list(POD)]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        meta = {"name": f"{name}-pod", "namespace": "north", "ownerReferences": [{**owner, "blockOwnerDeletion": True}]}
        self._cluster.store.create(POD, {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "c:1"}]}})
        try:
            self._member.ask(statements)
            condition = {"type": "Complete", "status": "True"}
        except psycopg.Error:
            condition = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
        self._cluster.store.update(
            kinds.by_name("Job"), {**job, "status": {"conditions": [condition]}}, subresource="status"
        )


TABLES = """
    DROP TABLE IF EXISTS tracks, prices, entries;
    CREATE TABLE entries (n int);
    INSERT INTO entries VALUES (1), (1), (2);
    CREATE TABLE tracks (id int PRIMARY KEY, artist text NOT NULL, plays int NOT NULL DEFAULT 0);
    CREATE TABLE prices (id int PRIMARY KEY);
    INSERT INTO tracks VALUES (1, 'Ada', 7), (2, 'Bob', 0), (3, 'Cy', 0)
"""


@pytest.fixture
def tracks(members: tuple[Member, Member]) -> Member:
    """Three tracks, one of which was played."""
    members[0].ask(TABLES)
    return members[0]


@pytest.fixture
def runner(cluster: PocketCluster, tracks: Member) -> JobRunner:
    """What runs the Jobs."""
    return JobRunner(cluster, tracks)


def target_of(cluster: PocketCluster, member: Member, tmp_path: Path, up: str, down: str, *, more: str = "") -> Target:
    """A target whose candidate has these migrations, and `more` keys of them."""

    def job(name: str, statements: str) -> dict[str, Any]:
        spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c:1", "command": [statements]}]}
        metadata = {"name": name, "namespace": "north"}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": spec}}}

    (tmp_path / "2.0.0.yaml").write_text(yaml.safe_dump_all([job("up", up), job("down", down)]))
    (tmp_path / "dsn").write_text(member.dsn)
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\nentry: http://{NET}1:8080\ndisposable: true\n"
        f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        f"database: {{dsn: {{file: {tmp_path / 'dsn'}}}}}\n"
        "rollout: {names: [track-service], candidate: 2.0.0}\n"
        "migration: {manifests: '{candidate}.yaml', up: up, down: down, within: 60 s, "
        f"{more}growing: {{tracks: [plays]}}}}\n"
    )
    return load_target(file)


@pytest.fixture
def check(
    cluster: PocketCluster, tracks: Member, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Migrates there and back by these statements; what was found."""
    del runner
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))

    def run(up: str, down: str, more: str = "") -> Check:
        target = target_of(cluster, tracks, tmp_path, up, down, more=more)
        history = History(tmp_path / "checks.ndjson", "checks")
        demand = Demand(kind=DemandKind.CHECK, name="migrated-and-back", params={})
        done = run_check(demand, target, history)
        history.close()
        return done

    return run


def seen(check: Check) -> dict[str, tuple[bool | None, str]]:
    """Each fact: whether it is as expected, and what was seen."""
    assert not check.why
    return {fact.subject: (fact.ok, fact.observed) for fact in check.facts}


BACK = {
    "DELETE FROM tracks WHERE id = 3": "1 row is gone",
    "UPDATE tracks SET artist = lower(artist)": "`artist` of 3 rows changed",
    "UPDATE tracks SET plays = 0": "`plays` of 1 rows is lower",
    "ALTER TABLE tracks ADD performer text": "column `performer` is new",
    "ALTER TABLE tracks DROP artist": "column `artist` is gone",
    "ALTER TABLE tracks ALTER plays TYPE bigint": "column `plays` is bigint, and was integer",
    "DROP TABLE tracks": "no such table",
    "ALTER TABLE tracks DROP CONSTRAINT tracks_pkey; INSERT INTO tracks SELECT * FROM tracks": "3 rows have the key of another",
}
"""What a way back does beside contracting, and what is said of it."""


def test_a_migration_there_and_back(check: Any, cluster: PocketCluster, runner: JobRunner, tracks: Member) -> None:
    """A good one leaves every table as it was; a bad way back fails; one that changed nothing proves nothing."""
    done = check(EXPAND, CONTRACT)
    facts = seen(done)
    assert [ok for ok, _ in facts.values()] == [True] * len(facts)
    compared_ = [one.subject.removeprefix("table ") for one in done.facts if one.subject.startswith("table ")]
    [named] = [one.expected for one in done.facts if one.subject == "the tables"]
    assert named == f"those before: {', '.join(f'`{one}`' for one in compared_)}"
    assert facts["the migration"] == (True, "column `performer` is new in `tracks`")
    assert facts["table tracks"][1].startswith("3 rows, checksum ")
    assert (runner.ran, runner.beside) == (["up", "down"], [])  # the pod of the way there is gone before the way back
    assert cluster.do(lambda store: store.list(kinds.by_name("Job"))) == []
    ok, words = seen(check(EXPAND, LOWERED))["table tracks"]
    assert (ok, words.endswith("`artist` of 3 rows changed")) == (False, True), words
    facts = seen(check(f"{EXPAND}; CREATE TABLE stats (n int)", CONTRACT))
    assert facts["table stats"] == (False, "0 rows")
    tracks.ask("DROP TABLE stats")
    facts = seen(check("SELECT 1", "SELECT 1"))
    assert facts["the migration"] == (None, "nothing changed, so it was not applied")
    assert facts["table tracks"][0] is True


def test_a_migration_begins_after_the_list_of_its_backups_was_read(
    cluster: PocketCluster, tracks: Member, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So long after the first complete reading that the watch of Jobs cannot take it for an earlier one."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    target_of(cluster, tracks, tmp_path, EXPAND, CONTRACT)
    file = tmp_path / "target.yaml"
    dumps = "{at: dumps, files: ['*.dump'], verified: .ok, before_migrations: true}"
    file.write_text(f"{file.read_text()}backups: {{database: {dumps}}}\n")
    listed, history = (History(tmp_path / "history" / f"{name}.ndjson", name) for name in ("backups", "checks"))
    read_ns = clock.now_ns()
    listed.put("backups.listed", "database", at_ns=read_ns, reading=0)
    demand = Demand(kind=DemandKind.CHECK, name="migrated-and-back", params={})
    done = run_check(demand, load_target(file), history, tmp_path)
    assert seen(done)["Job up"] == (True, "completed")
    assert runner.begun_ns[0] - read_ns >= 2_000_000_000


def test_what_became_of_tables(tracks: Member, tmp_path: Path) -> None:
    """Each loss and each change is named; what users add to a table that grows, and raise in it, is none."""
    (tmp_path / "dsn").write_text(tracks.dsn)
    dsn = Reference(file=str(tmp_path / "dsn"))

    def after(statements: str, table: str, in_use: InUse) -> tuple[bool | None, str]:
        tracks.ask(TABLES)
        before = rows_of_tables(dsn, in_use)
        tracks.ask(statements)
        reading = compared(before[table], rows_of_tables(dsn, in_use, before).get(table))
        return reading.ok, reading.observed

    grows = InUse(growing={"tracks": ("plays",), "entries": ()})
    for statement, observed in BACK.items():
        ok, words = after(statement, "tracks", grows)
        assert (ok, words.endswith(observed)) == (False, True), words
    users = "UPDATE tracks SET plays = plays + 1; INSERT INTO tracks VALUES (4, 'Di'); INSERT INTO prices VALUES (1)"
    ok, words = after(users, "tracks", grows)
    assert (ok, words.endswith("and 1 new ones")) == (True, True)
    ok, words = after(users, "prices", grows)
    assert (ok, words.endswith("1 row was added")) == (False, True)
    assert after("DELETE FROM tracks", "tracks", InUse(passing=("tracks",))) == (True, "none changed")
    assert after("UPDATE tracks SET artist = ''", "tracks", InUse(passing=("tracks",)))[0] is False
    ok, words = after("DELETE FROM entries WHERE ctid IN (SELECT min(ctid) FROM entries WHERE n = 1)", "entries", grows)
    assert (ok, words.endswith("1 row is gone")) == (False, True)
    ok, words = after("INSERT INTO entries VALUES (2), (3)", "entries", grows)
    assert (ok, words.endswith("1 rows were added as copies")) == (False, True)
    tracks.ask("CREATE TABLE visits (name text PRIMARY KEY, at timestamptz)")
    tracks.ask("INSERT INTO visits VALUES ('a', '2026-01-02')")
    visits = InUse(growing={"visits": ("at",)})
    assert after("UPDATE visits SET at = '2026-01-03'", "visits", visits)[0] is True
    ok, words = after("UPDATE visits SET at = '2026-01-01'", "visits", visits)
    assert (ok, words.endswith("`at` of 1 rows is lower")) == (False, True)
    counted = InUse(growing={"entries": ("n",)})
    ok, words = after("UPDATE entries SET n = 0", "entries", counted)
    assert (ok, "without a primary key it is not known which row has which n" in words) == (None, True)
    tracks.ask("CREATE ROLE hidden LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO hidden")
    tracks.ask("ALTER TABLE tracks ENABLE ROW LEVEL SECURITY")
    (tmp_path / "dsn").write_text(tracks.dsn.replace("user=tester", "user=hidden"))
    with pytest.raises(DriverError, match="row-level security"):
        rows_of_tables(dsn, grows)
    tracks.ask("CREATE ROLE stranger LOGIN")
    (tmp_path / "dsn").write_text(tracks.dsn.replace("user=tester", "user=stranger"))
    with pytest.raises(DriverError, match="permission denied") as caught:
        rows_of_tables(dsn, grows)
    assert "migration: {without: [entries]}" in caught.value.hint


def test_a_table_that_is_gone_is_named_among_those_that_there_were() -> None:
    """Beside its own fact; a database without a table proves nothing."""
    before = {name: Rows(table=TableColumns(name=name, columns={})) for name in ("tracks", "prices")}
    named, *_ = migrated._as_before(before, {"tracks": before["tracks"]})
    assert (named.expected, named.observed, named.ok) == ("those before: `prices`, `tracks`", "`prices` is gone", False)
    [named] = migrated._as_before({}, {})
    assert (named.expected, named.ok) == ("those before: none", None)


class Held:
    """A cluster in which a Job is never gone, as with a finalizer."""

    def custom(self, _version: str, _plural: str, namespace: str, name: str) -> dict[str, Any]:
        """The Job, whoever deletes it."""
        labels = {"app.kubernetes.io/managed-by": "readiness"}
        spec = {"template": {"spec": {"terminationGracePeriodSeconds": 0}}}
        return {"metadata": {"namespace": namespace, "name": name, "labels": labels}, "spec": spec}

    def delete_custom(self, *_args: str, owned_first: bool) -> None:
        """Nothing comes of it."""


def test_a_job_that_stays_names_the_command_that_shows_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer keeps what was deleted."""
    FakeClock.installed(monkeypatch)
    with pytest.raises(DriverError, match="the Job north/up was deleted and is still there after 10 s") as caught:
        delete_job(Held(), "north", "up")  # type: ignore[arg-type]  # two of its calls
    assert caught.value.hint == "check its finalizers: kubectl -n north get job up -o yaml"


def test_a_way_back_that_fails_is_left_to_undo(
    check: Any, cluster: PocketCluster, tracks: Member, tmp_path: Path
) -> None:
    """The row fails; the platform is not restored, until the next recovery can."""
    facts = seen(check(EXPAND, "SELECT count(*) FROM blocker; ALTER TABLE tracks DROP performer"))
    assert facts["Job down"] == (False, "failed (BackoffLimitExceeded)")
    target = load_target(tmp_path / "target.yaml")
    [intent] = pending_intents(platform_of(target))
    assert intent.experiment == "check migrated-and-back"
    assert not recover(target, within_s=0.1).undone
    tracks.ask("CREATE TABLE blocker AS SELECT 1 AS one")
    assert len(recover(target).undone) == 1
    assert pending_intents(platform_of(target)) == []
    assert "performer" not in rows_of_tables(Reference(file=str(tmp_path / "dsn")), InUse())["tracks"].table.columns


HALF = "ALTER TABLE tracks ADD performer text; SELECT 1 / 0"
"""A migration that fails in its transaction."""
ONE_STEP = "DROP TABLE prices"
"""A way back of one step, where the last migration that is applied is the live release's."""
VERSIONS = "CREATE TABLE applied (n int PRIMARY KEY); INSERT INTO applied VALUES (1); CREATE TABLE heartbeat (n int)"
RECORDED = "INSERT INTO applied VALUES (2); COMMIT; SELECT 1 / 0"
"""The first of two migrations goes in."""
BEAT = "INSERT INTO heartbeat VALUES (1); COMMIT; SELECT 1 / 0"


@pytest.fixture
def versions(tracks: Member) -> Iterator[Member]:
    """With the table of a migration tool, and one that changes all the time."""
    tracks.ask(VERSIONS)
    yield tracks
    tracks.ask("DROP TABLE applied, heartbeat")


def tables(member: Member, tmp_path: Path) -> set[str]:
    """By name."""
    (tmp_path / "dsn").write_text(member.dsn)
    return {table.name for table in tables_of(Reference(file=str(tmp_path / "dsn")), InUse())}


def test_what_did_not_go_in_is_not_taken_back(check: Any, runner: JobRunner, tracks: Member, tmp_path: Path) -> None:
    """The row fails; the last migration of the live release stays."""
    facts = seen(check(HALF, ONE_STEP))
    assert facts["Job up"] == (False, "failed (BackoffLimitExceeded)")
    assert facts["Job down"] == (None, "was not run, since nothing of the migration was applied")
    assert (runner.ran, "prices" in tables(tracks, tmp_path)) == (["up"], True)
    assert pending_intents(platform_of(load_target(tmp_path / "target.yaml"))) == []


@pytest.mark.parametrize(
    ("up", "more", "ran"),
    [
        (RECORDED, "versions: [applied], without: [applied, heartbeat], ", ["up", "down"]),
        (BEAT, "versions: [public.applied], without: [applied, heartbeat], ", ["up"]),
        (BEAT, "without: [heartbeat], ", ["up", "down"]),
        ("SELECT 1", "versions: [applied], without: [heartbeat], ", ["up"]),
        (EXPAND, "versions: [], ", ["up", "down"]),
    ],
    ids=["recorded", "not recorded", "not known", "nothing to do", "completed"],
)
def test_a_way_back_runs_where_the_tool_has_recorded_something_or_it_is_not_known(
    check: Any, runner: JobRunner, versions: Member, *, up: str, more: str, ran: list[str]
) -> None:
    """What is applied is in a table of the migration tool, which may be among those that are left out."""
    del versions
    check(up, "ALTER TABLE tracks DROP IF EXISTS performer", more)
    assert runner.ran == ran


@pytest.mark.parametrize(
    ("up", "more", "ran"),
    [
        (HALF, "", ["up"]),
        (EXPAND, "", ["up", "down"]),
        (f"{RECORDED}; COMMIT; SELECT 1 / 0", "", ["up", "down"]),
        (BEAT, "without: [heartbeat], ", ["up", "down"]),
    ],
    ids=["nothing applied", "completed", "applied and failed", "not known"],
)
def test_a_table_of_the_tool_that_is_not_there_decides_nothing(
    check: Any, runner: JobRunner, versions: Member, *, up: str, more: str, ran: list[str]
) -> None:
    """It has another name, or comes with the first migration: every table is compared, and the name is said."""
    del versions
    facts = seen(check(up, "ALTER TABLE tracks DROP IF EXISTS performer", f"versions: [other], {more}"))
    assert runner.ran == ran
    assert facts["tables of the migration tool"] == (None, "no table other: correct `migration.versions`")


def test_a_job_that_others_delete_is_not_waited_for() -> None:
    """Nor does one of the manifests delete itself before its end was read."""
    cluster = SimpleNamespace(custom=lambda *_: None, create_custom=lambda *_: None)
    came = run_job(cast("Any", cluster), "north", {"metadata": {"name": "up"}}, 600.0)
    assert (came.ended, came.words) == (GONE, "was deleted before its end was read")


@pytest.mark.parametrize("reached", [False, True], ids=["before it was made", "once it had failed"])
def test_a_recovery_takes_back_only_what_went_in(
    check: Any, runner: JobRunner, tracks: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, reached: bool
) -> None:
    """Of a run that was killed."""

    def killed(*words: Any) -> None:
        if reached:
            run_job(*words)
        raise KeyboardInterrupt

    def still_killed(*_words: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrated, "run_job", killed)
        patched.setattr(AppliedBefore, "unchanged", still_killed)
        with pytest.raises(KeyboardInterrupt):
            check(HALF, ONE_STEP)
    target = load_target(tmp_path / "target.yaml")
    assert len(pending_intents(platform_of(target))) == 1
    assert len(recover(target).undone) == 1
    assert (runner.ran, "prices" in tables(tracks, tmp_path)) == (["up"] if reached else [], True)


def test_a_recovery_knows_that_a_migration_had_completed(
    check: Any, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that was killed between the two Jobs; an index is in no table's columns or rows."""

    def killed(way_back: Any, cluster: Cluster, *_words: Any, **_more: Any) -> None:
        delete_job(cluster, "north", way_back.up)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrated._WayBack, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            check("CREATE INDEX prices_again ON prices (id)", "DROP INDEX prices_again")
    assert len(recover(load_target(tmp_path / "target.yaml")).undone) == 1
    assert runner.ran == ["up", "down"]


def test_a_migration_that_the_api_server_refuses_is_not_taken_back(
    check: Any, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a quota or a webhook: it never began."""

    def refused(*_words: Any) -> None:
        raise TargetUnreachable("the API server answered 422")

    monkeypatch.setattr(Cluster, "create_custom", refused)
    assert "answered 422" in check(HALF, ONE_STEP).why
    assert (runner.ran, pending_intents(platform_of(load_target(tmp_path / "target.yaml")))) == ([], [])


def test_jobs_that_the_manifests_do_not_have_are_named(tmp_path: Path) -> None:
    """With those that they have."""
    (tmp_path / "jobs.yaml").write_text("apiVersion: batch/v1\nkind: Job\nmetadata: {name: up}\n")
    with pytest.raises(ConfigurationError, match="has no Job sideways") as caught:
        job_in(tmp_path / "jobs.yaml", "sideways")
    assert caught.value.hint == "its Jobs: up"
    text = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: up}\nspec: {ttlSecondsAfterFinished: 0, backoffLimit: 0}\n"
    )
    (tmp_path / "jobs.yaml").write_text(text)
    assert job_in(tmp_path / "jobs.yaml", "up")[1]["spec"] == {"backoffLimit": 0}
    (tmp_path / "jobs.yaml").write_text("apiVersion: batch/v1\nkind: Job\nmetadata: {name: up}\nspec: [a]\n")
    with pytest.raises(ConfigurationError, match="the `spec` of the Job up is not a mapping"):
        job_in(tmp_path / "jobs.yaml", "up")
    with pytest.raises(ConfigurationError, match="does not exist"):
        job_in(tmp_path / "gone.yaml", "up")


def test_a_job_of_somebody_else_is_not_touched(cluster: PocketCluster, tmp_path: Path) -> None:
    """It stays, and nothing is run."""
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c"}]}}}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "up", "namespace": "north"}, "spec": spec}
    cluster.create("Job", body)
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\nentry: http://{NET}1:8080\n"
        f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
    )
    with pytest.raises(DriverError, match="there is a Job north/up already"):
        run_job(Cluster.of(load_target(file)), "north", body, 1.0)
    assert len(cluster.do(lambda store: store.list(kinds.by_name("Job")))) == 1
