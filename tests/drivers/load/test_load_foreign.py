"""Stock locustfiles run as they are, and every request that Locust reports is a row."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from load_bench import LOCUSTFILES, Run, certified, columns, plan_of, rows_after, rows_of, until, words
from load_bench import stock_plan as plan
from load_truth import Reply, Seen, TruthServer

from harness.drivers.load import Load, LoadSettings, load_traffic
from harness.errors import ConfigurationError, DriverError
from harness.model import TrafficPlan
from harness.targets import load_target
from harness.targets.http import tls_variables
from tests.builders.http_servers import Quiet, serving


def shop(seen: Seen) -> Reply:
    """What the stock users meet."""
    if seen.path == "/stock":
        return Reply(body=b'{"left": 0}')
    return Reply(status={"/missing": 404, "/broken": 500}.get(seen.path, 200))


def test_a_stock_locustfile_is_recorded_as_locust_has_it(run: Run, server: TruthServer) -> None:
    """Names, methods, statuses, failures of `catch_response` and of a status; region, pod and release from headers."""
    server.behave = shop
    load = run.start(plan("stock_http"), server.url)
    rows = rows_after(load, lambda: len(server.seen) >= 60 and "/pages/7" in [seen.path for seen in server.seen[:-3]])
    ints = rows.table.ints
    found = Counter(columns(rows, "method", "name", "error", "status"))
    at_the_end = sum(found.pop(key) for key in list(found) if key[2] == "cut_off")  # begun as the users were stopped
    assert at_the_end <= 3
    assert set(found) == {
        ("POST", "/login", None, 200),
        ("GET", "/pages/[n]", None, 200),
        ("GET", "/stock", "sold out", 200),
        ("GET", "/missing", None, 404),
        ("GET", "/broken", "status 500", 500),
    }
    assert found["POST", "/login", None, 200] == 3
    said = [{*words(rows, name)} - {None} for name in ("journey", "served_region", "served_pod", "release")]
    assert said == [{"shopper"}, {"us-east-1"}, {"track-1"}, {"1.0.0"}]
    assert 0 <= len(server.seen) - sum(found.values()) <= at_the_end
    assert (ints["intended_ns"] == ints["sent_ns"]).all()
    assert (ints["done_ns"] >= ints["sent_ns"]).all()
    first_ns = min(seen.at_ns for seen in server.seen)
    assert abs(first_ns - ints["sent_ns"].min()) < 2e9  # Locust's wall clock, on ours
    assert not run.broken()  # a request had failed before each task did


def test_a_shape_and_tasks_in_sequence_run_as_they_are(run: Run, server: TruthServer) -> None:
    """The shape says how many users there are; requests go in their order; a load that is stopped was ended by nobody."""
    load = run.start(plan("stock_fast", users=4, shaped=True), server.url)
    rows = rows_after(load, lambda: len(server.seen) >= 80 and any(one["users"] == 4 for one in run.health()))
    names = Counter(words(rows, "name"))
    assert (load.problems, load.hint) == ((), "")
    assert {one["users"] for one in run.health()} <= {0, 1, 2, 3, 4}
    assert set(names) == {"/items", "/items/[id]"}
    assert abs(names["/items"] - names["/items/[id]"]) <= 4


def test_requests_that_are_open_at_the_end_are_cut_off(run: Run, server: TruthServer) -> None:
    """The slowest are among them: each has its row, with the time for which it was open."""
    server.behave = lambda seen: Reply(how="hang") if seen.path == "/items/1" else Reply()
    load = run.start(plan("stock_fast", users=4, shaped=True), server.url, drain_s=0.5)
    rows = rows_after(load, lambda: sum(seen.path == "/items/1" for seen in server.seen) >= 2)
    ended = Counter(columns(rows, "name", "error"))
    assert ended["/items/[id]", "cut_off"] == sum(seen.path == "/items/1" for seen in server.seen)
    assert set(ended) <= {("/items", None), ("/items/[id]", "cut_off")}


def test_a_request_that_is_cut_off_has_the_name_of_its_siblings(run: Run, server: TruthServer) -> None:
    """That which Locust gives it when it is answered: its path with what `params` say."""
    server.behave = lambda _: Reply(how="hang" if len(server.seen) % 2 == 0 else "answer")
    rows = run.rows(plan("stock_nameless", users=4), server.url, lambda: len(server.seen) >= 8, drain_s=0.3)
    assert {*columns(rows, "name", "error")} == {("/find?kind=a+b", None), ("/find?kind=a+b", "cut_off")}


def test_users_who_never_send_are_counted(run: Run, server: TruthServer) -> None:
    """Two of four who wait for ever; those who send or report by greenlets of their own are not among them."""
    load = run.start(plan("stock_silent", users=8), server.url, drain_s=0.2)
    until(lambda: len(server.seen) >= 20 and [one.get("silent", 0) for one in run.health()[-3:]] == [2, 2, 2])
    load.stop()


def test_users_who_fail_as_they_begin_are_missing_and_say_why(run: Run, server: TruthServer) -> None:
    """Two of four find no account: they are counted with what they raised and where, and send nothing."""
    load = run.start(plan("stock_accounts", users=4), server.url)
    until(lambda: len(server.seen) >= 20 and [one["users"] for one in run.health()[-2:]] == [2, 2])
    load.stop()
    assert sum(one["broken"] for one in run.broken()) == 2
    whys = {one["broken_why"] for one in run.broken()}
    assert whys == {"IndexError: pop from empty list at locustfiles/stock_accounts.py:15"}
    assert sum(seen.path == "/login" for seen in server.seen) == 2


SIZE = """\
locustfile: FILE
model: closed
users: 4
think: 50 ms
journey: 100 ms
requests_per_journey: 2
warm_up: 2 s
for: 5 s
routes: {/items: 50 %, "/items/[id]": 50 %}
"""


def written(directory: Path, locustfile: str, *edits: tuple[str, str]) -> TrafficPlan:
    """The plan of a traffic whose file is `SIZE` with some edits."""
    text = SIZE.replace("FILE", str(LOCUSTFILES / f"{locustfile}.py"))
    for old, new in edits:
        text = text.replace(old, new)
    (directory / "browse.yaml").write_text(text, encoding="utf-8")
    return load_traffic("browse", [directory])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model: closed\nusers: 4\nthink: 50 ms", "rate: 5/s", "browse.yaml:1: users of Locust's own wait for their answers"),
        ("users: 4", "users: 4\nworkers: 2", "browse.yaml:4: workers: with several workers each worker would run all users of the shape"),
        ("users: 4", "users: 4\ncensus: 9", "browse.yaml:4: census: only journeys of `harness.locust` report"),
    ],
)  # fmt: skip
def test_what_only_journeys_can_do_is_refused_before_anything_runs(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """With the line and what to write."""
    with pytest.raises(ConfigurationError) as refused:
        written(tmp_path, "stock_fast", (old, new))
    assert said in str(refused.value)


def test_a_request_without_http_succeeds_unless_it_says_an_exception(run: Run, server: TruthServer) -> None:
    """Of gRPC, a queue, a database, or of steps that are reported as one: status 0 would be a request without an answer."""
    load = run.start(replace(plan("stock_events"), routes={"order": 0.5, "cancel": 0.5}), server.url)
    found = {*columns(rows_after(load, lambda: load.rows[0].stat().st_size > 2_000), "name", "error", "status")}
    assert {(name, status) for name, _, status in found} == {("order", 200), ("cancel", 0)}
    assert all((error is None) == (name == "order") for name, error, _ in found)


def test_an_event_with_values_of_another_kind_is_a_row_or_breaks_its_journey(run: Run, server: TruthServer) -> None:
    """Locust logs what a listener raises and goes on: a failed request would be lost."""
    load = run.start(plan("stock_odd_events", users=1), server.url)
    rows = rows_after(load, lambda: sum(one["broken"] for one in run.broken()) == 4)
    assert Counter(columns(rows, "name", "error", "served_pod")) == {
        ("pairs", "ValueError", None): 1,
        ("method", None, None): 1,
        ("bytes", None, "track-1"): 1,
        ("since boot", None, None): 1,
    }
    sent, done = rows.table.ints["sent_ns"], rows.table.ints["done_ns"]
    assert sent.max() - sent.min() < 2e9
    assert {*(done - sent).tolist()} == {0, 5_000_000}
    assert run.broken()[0]["broken_why"] == "ValueError: invalid literal for int() with base 10: 'x'"


def test_a_request_whose_check_raised_is_a_row(run: Run, server: TruthServer) -> None:
    """Locust would report none of it; an answer that is no JSON breaks its journey, whatever had failed before."""
    right = b'{"ok": true}'
    four = [Reply(status=503, body=right), Reply(body=right), Reply(body=b"<html>"), Reply(status=503)]
    replies = {f"/{client}": iter(four) for client in ("http", "fast")}
    server.behave = lambda seen: next(replies[seen.path])
    rows = run.rows(plan("stock_caught", users=2), server.url, lambda: len(server.seen) == 8)
    found = columns(rows, "name", "error", "status")
    for client in ("http", "fast"):
        assert [(error, status) for name, error, status in found if name == client] == [
            ("status 503", 503),
            (None, 200),
            ("broken task", 200),
            ("status 503", 503),
        ]
    assert sum(one["broken"] for one in run.broken()) == 2
    assert "JSON" in run.broken()[0]["broken_why"]


def test_a_response_that_is_kept_and_never_left_is_no_row(run: Run, server: TruthServer) -> None:
    """As Locust has it: no request is reported, and to judge it raises. What was sent is then not proven: its journey broke."""
    load = run.start(plan("stock_kept", users=2), server.url)
    rows = rows_after(load, lambda: len(server.seen) == 8 and sum(one["broken"] for one in run.broken()) >= 4)
    for client in ("http", "fast"):
        mine = [one for one in columns(rows, "name", "error") if str(one[0]).startswith(client)]
        assert mine == [(f"{client} between", None), (f"{client} 1", "sold out")]
    assert sum(one["broken"] for one in run.broken()) == 4  # two of each user
    why = run.broken()[0]["broken_why"]
    assert "`catch_response=True` needs `with`, else Locust does not report the request" in why


PAGE = """\
from locust import HttpUser, constant, task


class Reader(HttpUser):
    wait_time = constant(0.05)

    @task
    def page(self):
        answer = self.client.get("/page")
        assert answer.json()["ok"]
"""


def test_a_task_that_raises_over_its_answer_is_broken(run: Run, server: TruthServer, tmp_path: Path) -> None:
    """A page of status 200 where JSON was to come: Locust has its request as a success, so its task counts, with what it raised and where."""
    server.behave = lambda _: Reply(body=b'{"ok": true}' if len(server.seen) % 4 else b"<html>busy</html>")
    file = tmp_path / "shop.py"
    file.write_text(PAGE, encoding="utf-8")
    load = run.start(replace(plan("shop"), locustfile=str(file)), server.url)
    rows = rows_after(load, lambda: len(server.seen) >= 20 and bool(run.broken()))
    assert {*words(rows, "error")} - {"cut_off"} == {None}
    assert sum(one["broken"] for one in run.broken()) >= 4
    why = run.broken()[0]["broken_why"]
    assert why.startswith("JSONDecodeError: Expecting value")
    assert why.endswith(f" at {tmp_path.name}/shop.py:10")


class Empty(Quiet, BaseHTTPRequestHandler):
    """Answers without a body."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_stock_users_trust_the_target_and_show_its_certificate(run: Run, tmp_path: Path) -> None:
    """Else every request of theirs would fail, and the release with them."""
    with serving(Empty, "127.94.0.2", certified(tmp_path, "127.94.0.2")) as url:
        (tmp_path / "target.yaml").write_text(
            f"name: a\nenvironment: staging\nentry: {url}\n"
            "tls: {ca_file: ca.pem, client_cert: ca.pem, client_key: key.pem}\n"
        )
        variables = tls_variables(load_target(tmp_path / "target.yaml"))
        planned = replace(plan("stock_tls", users=2), warm_up_s=2.0)
        settings = LoadSettings(plan=planned, entry=url, run_dir=run.path, seed=1, variables=variables)
        with Load(settings, run.sink) as load:
            until(lambda: load.rows[0].stat().st_size > 2_000)
    (rows,) = rows_of(load)
    found = {one for one in columns(rows, "name", "error", "status") if one[1] != "cut_off"}
    assert found == {("plain", None, 200), ("fast", None, 200)}


SETTINGS = """\
[tool.locust]
tags = ["none-has-it"]

[tool.pytest.ini_options]
pythonpath = ["src"]
"""
SHOPPER = """\
from locust import HttpUser, constant, task

PATH = open("paths.txt").read().strip()


class Shopper(HttpUser):
    wait_time = constant(0.05)

    @task
    def page(self):
        self.client.get(PATH)
"""
STAGES = """\
from locust import LoadTestShape


class Stages(LoadTestShape):
    def tick(self):
        return 2, 10
"""


def project(root: Path) -> Path:
    """A project as people have them: users and shapes in modules of their own, defaults in files that `locust` reads; its locustfile."""
    for name in ("users", "loadtests", "src"):
        (root / name).mkdir()
    (root / "users" / "shopper.py").write_text(SHOPPER, encoding="utf-8")
    (root / "loadtests" / "shapes.py").write_text(STAGES, encoding="utf-8")
    (root / "paths.txt").write_text("/from-a-file\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    (root / "locust.conf").write_text("tags = none-has-it\nrun-time = 1s\n", encoding="utf-8")
    file = root / "loadtests" / "shop.py"
    file.write_text("from shapes import Stages\nfrom users.shopper import Shopper\n", encoding="utf-8")
    return file


def test_users_of_another_module_run_in_their_project_as_the_size_says(
    run: Run, server: TruthServer, tmp_path: Path
) -> None:
    """Not as `locust.conf` and `pyproject.toml` say, which here would leave no user; and a shape of another module is reported."""
    planned = replace(plan_of("visitor", per_s=20), locustfile=str(project(tmp_path)), model="closed", users=2)
    load = run.start(planned, server.url)
    until(lambda: len(server.seen) >= 4)
    load.stop()
    assert {seen.path for seen in server.seen} == {"/from-a-file"}
    assert {one.get("shaped") for one in run.health()} == {True}


def test_whose_users_they_are_is_read_from_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is imported for it; a locustfile of imports only has users all the same, of the modules that bring them."""
    http, fast = (written(tmp_path, name) for name in ("stock_http", "stock_fast"))
    assert (http.stock, http.shaped, http.model) == (True, False, "closed")
    assert (fast.stock, fast.shaped, fast.model) == (True, True, "closed")
    file = project(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "browse.yaml").write_text(SIZE.replace("FILE", str(file)), encoding="utf-8")
    assert load_traffic("browse", [tmp_path]).stock
    (tmp_path / "users" / "shopper.py").write_text(
        "from harness.locust import ClosedLoopUser\nclass Shopper(ClosedLoopUser): ...\n", encoding="utf-8"
    )
    assert not load_traffic("browse", [tmp_path]).stock
    (tmp_path / "users").rename(tmp_path / "src" / "users")
    assert not load_traffic("browse", [tmp_path]).stock


OPEN = """\
locustfile: FILE
rate: 20/s
journey: 100 ms
requests_per_journey: 1
warm_up: 2 s
for: 5 s
routes: {home: 100 %}
"""
JOURNEYS = """\
from harness.locust import Journey, OpenLoopUser

from common.paths import HOME


class Visitor(OpenLoopUser):
    def journey(self, journey: Journey) -> None:
        journey.get(HOME, name="home")
"""


@pytest.mark.parametrize("place", ["common", "src/common"])
def test_journeys_import_the_modules_of_their_project_from_wherever_the_command_is_called(
    run: Run, server: TruthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """As `locust` does when it is started there by hand; what the plan finds, the run finds, too: also by pytest's `pythonpath`."""
    file = project(tmp_path)
    (tmp_path / place).mkdir()
    (tmp_path / place / "paths.py").write_text('HOME = "/of-the-project"\n', encoding="utf-8")
    file.write_text(JOURNEYS, encoding="utf-8")
    (tmp_path / "browse.yaml").write_text(OPEN.replace("FILE", str(file)), encoding="utf-8")
    monkeypatch.chdir(tmp_path / "loadtests")
    load = run.start(load_traffic("browse", [tmp_path]), server.url)
    until(lambda: bool(server.seen))
    load.stop()
    assert {seen.path for seen in server.seen} == {"/of-the-project"}


def test_several_processes_with_one_shape_are_refused_wherever_the_shape_is(run: Run, server: TruthServer) -> None:
    """Each of them would have all its users."""
    with pytest.raises(DriverError) as raised:
        run.start(replace(plan("stock_fast", users=4), workers=2), server.url)
    assert (
        "with several processes each process would run all users of the LoadTestShape: write `workers: 1`"
        in raised.value.hint
    )
