"""Requests of Locust's own users that end without an answer: each is a row, however it ended."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from load_bench import Run, columns, rows_after, rows_of, until, words
from load_bench import stock_plan as plan
from load_truth import Reply, TruthServer

from harness import clock
from harness.drivers.load import load_traffic
from harness.drivers.load.routes import sent_routes
from harness.errors import ConfigurationError, DriverError
from harness.model import TrafficPlan


def test_requests_that_a_user_has_spawned_are_cut_off_at_the_end(run: Run, server: TruthServer) -> None:
    """Locust ends the user, not its greenlets: of a request that hangs in one there would be no row, and so no failure."""
    hanging = {"/orders", "/stock", "/poll"}
    server.behave = lambda seen: Reply(how="hang") if seen.path in hanging else Reply()
    load = run.start(plan("stock_spawned", users=4), server.url, drain_s=0.5)
    until(lambda: sum(seen.path in hanging for seen in server.seen) == 6)
    sent_ns = clock.now_ns()
    load.stop()
    (rows,) = rows_of(load)
    assert Counter(columns(rows, "journey", "name", "error")) == {
        ("http", "/poll", "cut_off"): 2,
        ("http", "/orders", "cut_off"): 2,
        ("fast", "/stock", "cut_off"): 2,
        ("http", "/items", None): 2,
        ("fast", "/items", None): 2,
    }
    failed = rows.table.ints["status"] == 0
    assert (rows.table.ints["done_ns"][failed] > sent_ns).all()


def test_a_request_that_a_user_gives_up_by_itself_timed_out(run: Run, server: TruthServer) -> None:
    """`gevent.Timeout` is no `Exception`, and Locust reports none of it: the slowest requests would be missing."""
    server.behave = lambda seen: Reply(how="hang")
    load = run.start(plan("stock_timed", users=2), server.url, drain_s=0.5)
    rows = rows_after(load, lambda: {"/silent", "/noticed", "/own"} <= {seen.path for seen in server.seen[:-2]})
    ended = {one for one in columns(rows, "name", "error") if one[1] != "cut_off"}
    assert ended == {("/silent", "timeout"), ("/noticed", "timeout")}
    assert {*words(rows, "name")} == {"/silent", "/noticed"}
    assert len(rows.table) == sum(seen.path != "/own" for seen in server.seen)
    assert [(one["broken"], one["broken_why"]) for one in run.broken()] == [(1, "Slow: later")]


def test_what_is_measured_and_does_not_end_is_no_success(run: Run, server: TruthServer) -> None:
    """Locust fires the event of a block that was killed as of one that went well."""
    rows = run.rows(plan("stock_measured", users=2), server.url, lambda: len(server.seen) == 2, drain_s=0.5)
    assert Counter(columns(rows, "name", "error", "status")) == {
        ("order", None, 200): 2,
        ("given up", "timeout", 0): 2,
        ("fired", "timeout", 0): 2,
        ("spawned", "cut_off", 0): 2,
        ("hanging", "cut_off", 0): 2,
        ("sign-out", None, 200): 2,
    }


def test_a_class_of_users_without_a_task_is_reported(run: Run, server: TruthServer) -> None:
    """Left out in silence, all users would be of the other classes, and what this one does would never be sent."""
    load = run.start(plan("stock_taskless", users=2), server.url)
    until(lambda: bool(run.broken()))
    load.stop()
    assert "No tasks defined on Buyer" in run.broken()[0]["broken_why"]


FUNCTION = 'def test_items(session):\n    session.get("/items")\n'
METHOD = 'class TestShop:\n    def test_items(self, session):\n        session.get("/items", name="/items")\n'
TYPED = (
    f"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from locust.clients import HttpSession\n\n\n{FUNCTION}"
)
FUNCTIONS_SIZE = """\
locustfile: shop.py
model: closed
users: 1
think: 0 s
journey: 10 ms
requests_per_journey: 1
warm_up: 1 s
for: 5 s
routes: {/items: 100 %}
"""


def functions(directory: Path, text: str, size: str = FUNCTIONS_SIZE) -> TrafficPlan:
    """The plan of a traffic whose locustfile has this text."""
    (directory / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    (directory / "shop.py").write_text(text, encoding="utf-8")
    (directory / "shop.yaml").write_text(size, encoding="utf-8")
    return load_traffic("shop", [directory])


def test_functions_of_a_test_are_users(run: Run, server: TruthServer, tmp_path: Path) -> None:
    """Locust's `PytestUser` has no tasks by design."""
    rows = run.rows(functions(tmp_path, FUNCTION), server.url, lambda: len(server.seen) >= 3)
    assert ("/items", None) in columns(rows, "name", "error")


@pytest.mark.parametrize("text", [FUNCTION, METHOD, TYPED])
def test_functions_of_a_test_are_known_from_their_source(tmp_path: Path, text: str) -> None:
    """They are a closed model, and their requests are named by paths, of which the source says nothing."""
    assert functions(tmp_path, text).stock
    assert sent_routes(tmp_path / "shop.py") is None
    size = FUNCTIONS_SIZE.replace("model: closed\nusers: 1\nthink: 0 s", "rate: 5/s")
    with pytest.raises(ConfigurationError, match="users of Locust's own wait for their answers"):
        functions(tmp_path, text, size)


def test_a_file_of_other_functions_has_no_users(tmp_path: Path) -> None:
    """Neither Locust nor pytest finds any."""
    with pytest.raises(ConfigurationError, match="the locustfile has no users"):
        functions(tmp_path, FUNCTION.replace("test_items", "items"))


OPTIONS = """\
from locust import HttpUser, constant, events, task


@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument("NAME", default="small-1")
    parser.add_argument("--tenant", default="acme")


class Shopper(HttpUser):
    wait_time = constant(0.05)

    @task
    def ask(self):
        options = self.environment.parsed_options
        self.client.get(f"/{options.tenant}/{options.DEST}")
"""


def test_an_option_of_the_locustfile_has_its_own_default(run: Run, server: TruthServer, tmp_path: Path) -> None:
    """One with the name of an option of ours would have our value, and every later one of its file be missing."""
    file = tmp_path / "shop.py"
    planned = replace(plan("shop", users=1), locustfile=str(file))
    file.write_text(OPTIONS.replace("NAME", "--llm").replace("DEST", "llm"), encoding="utf-8")
    load = run.start(planned, server.url)
    until(lambda: bool(server.seen))
    load.stop()
    assert {seen.path for seen in server.seen} == {"/acme/small-1"}
    for name in ("--model", "--region"):
        file.write_text(OPTIONS.replace("NAME", name).replace("DEST", name[2:]), encoding="utf-8")
        with ExitStack() as loads, pytest.raises(DriverError) as refused:
            Run(tmp_path / name, loads).start(planned, server.url)
        assert (
            f"the locustfile's option `{name}` has the name of an option of the harness: rename it"
            in refused.value.hint
        )


LEAVING = """\
from locust import HttpUser, constant, task


class Member(HttpUser):
    wait_time = constant(0.05)

    @task
    def me(self):
        self.client.get("/me")

    def on_stop(self):
        self.client.post("/logout")
"""


def test_a_sign_out_that_fails_is_sent_after_the_window(run: Run, server: TruthServer, tmp_path: Path) -> None:
    """Locust calls `on_stop` when the load is told to stop: its failures are on record, and none is of what was sent before."""
    server.behave = lambda seen: Reply(status=500 if seen.path == "/logout" else 200)
    file = tmp_path / "members.py"
    file.write_text(LEAVING, encoding="utf-8")
    load = run.start(replace(plan("members", users=2), locustfile=str(file)), server.url)
    rows = rows_after(load, lambda: len(server.seen) >= 10)
    found = [one for one in columns(rows, "name", "error", "intended_ns") if one[1] != "cut_off"]  # sent as it ended
    assert {(name, error) for name, error, due_ns in found if due_ns < load.stopping_ns} == {("/me", None)}
    assert [(error, due_ns >= load.stopping_ns) for name, error, due_ns in found if name == "/logout"] == [
        ("status 500", True),
        ("status 500", True),
    ]
