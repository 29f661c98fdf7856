"""What the caller of a stock locustfile gives it, what the size replaces, and what it is told when it ends itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from load_bench import LOCUSTFILES, Run, until, words
from load_bench import stock_plan as plan
from load_truth import Reply, TruthServer

from harness.drivers.load.options import (
    refuse_missing_options,
    refuse_missing_variables,
    remarks_on,
    variables_of_locust,
)
from harness.errors import ConfigurationError

OPTIONS = LOCUSTFILES / "stock_options.py"


def test_variables_of_the_files_own_options_are_read_and_locusts_own_are_not(
    run: Run, server: TruthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they are called; what is not read, and whose address is replaced, is said."""
    for name, value in {"TENANT": "blue", "APIKEY": "k", "TAGS": "none", "USERS": "9"}.items():
        monkeypatch.setenv(f"LOCUST_{name}", value)
    said: list[str] = []
    load = run.start(plan("stock_options", users=2), server.url, say=said.append)
    until(lambda: len(server.seen) >= 6)
    load.stop()
    assert {seen.path for seen in server.seen} == {"/blue/k"}
    assert {one["users"] for one in run.health()} <= {0, 1, 2}
    assert said == [
        "stock_options: Locust does not read LOCUST_TAGS: write `tags` in the size file",
        "stock_options: Locust does not read LOCUST_USERS: `users` of the size file says how many there are",
        (
            f"stock_options: the host of Reader (stock_options.py:15), http://tenants.example.test, is not used: "
            f"all requests go to {server.url}"
        ),
    ]


READER = """\
import os

from locust import HttpUser, constant, task

assert "LOCUST_USER_CLASSES" not in os.environ


class Reader(HttpUser):
    host = os.environ["LOCUST_HOST"]
    wait_time = constant(0.05)

    @task
    def page(self):
        self.client.get(f"/{self.host}/{os.environ['LOCUST_USERS']}")


class Other(Reader):
    weight = 0
"""


def test_a_file_reads_variables_that_locust_must_not(
    run: Run, server: TruthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller set them for the file, too: it sees what `locust` would show it, and the load is as the size says."""
    file = tmp_path / "shop.py"
    file.write_text(READER, encoding="utf-8")
    for name, value in {"LOCUST_USERS": "50", "LOCUST_HOST": "elsewhere", "LOCUST_USER_CLASSES": "Other"}.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    load = run.start(replace(plan("shop", users=2), locustfile=str(file)), server.url, say=said.append)
    until(lambda: len(server.seen) >= 6)
    load.stop()
    assert {seen.path for seen in server.seen} == {f"/{server.url}/50"}
    assert max(one["users"] for one in run.health()) <= 2
    assert said == [
        "shop: Locust does not read LOCUST_HOST: all requests go to the address of the target file",
        "shop: Locust does not read LOCUST_USERS: `users` of the size file says how many there are",
        "shop: Locust does not read LOCUST_USER_CLASSES: the size file of the traffic sets the load",
    ]


def test_variables_of_locust_are_said_for_journeys_of_the_harness_too(tmp_path: Path) -> None:
    """Their hosts are not: a journey has none. Of stock users neither is the address that is meant, nor one that is made while the file runs."""
    file = tmp_path / "shop.py"
    file.write_text('class A(OpenLoopUser):\n    host = "http://a.test/"\n\nclass B(HttpUser):\n    host = HOST\n')
    assert [*remarks_on(file, "http://b.test", {"LOCUST_RUN_TIME": "1h"}, stock=False)] == [
        "Locust does not read LOCUST_RUN_TIME: `for` of the size file says how long the load lasts"
    ]
    assert not [*remarks_on(file, "http://a.test", {"LOCUST_MINE": "1"})]


def test_an_option_that_must_be_given_and_is_not_is_refused_before_anything_runs() -> None:
    """With its line, and the variable to set."""
    with pytest.raises(ConfigurationError) as refused:
        refuse_missing_options(OPTIONS, {"LOCUST_TENANT": "blue"})
    assert (refused.value.where, refused.value.what, refused.value.hint) == (
        f"{OPTIONS}:12",
        "the locustfile requires the option `--apikey`, which has no value",
        "set the environment variable LOCUST_APIKEY, from which the option is read",
    )
    refuse_missing_options(OPTIONS, {"LOCUST_APIKEY": "k"})


@pytest.mark.parametrize("variable", ["", ', env_var="LOCUST_HOST"'])
def test_a_variable_that_is_locusts_own_gives_no_option(tmp_path: Path, variable: str) -> None:
    """Nor is there another way to give it than a variable."""
    file = tmp_path / "shop.py"
    file.write_text(f'def add(parser):\n    parser.add_argument("--shop"{variable}, required=True)\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        refuse_missing_options(file, {"LOCUST_HOST": "http://shop.example.test"})
    assert "`env_var=` with a name of your own" in refused.value.hint


def test_locusts_own_variables_are_read_from_its_source() -> None:
    """Those of its options, and those that it asks for by name."""
    names = {f"LOCUST_{name}" for name in ("USERS", "RUN_TIME", "USER_CLASSES", "SKIP_MONKEY_PATCH")}
    assert names <= variables_of_locust()


def test_a_shape_that_is_over_says_so(run: Run, server: TruthServer) -> None:
    """When, and what to write; not the last line of Locust's statistics."""
    planned = replace(plan("stock_brief", users=2, shaped=True), warm_up_s=1, window_s=28, after_s=1)
    load = run.start(planned, server.url)
    until(lambda: not load.alive())
    (ended,) = run.observations("worker.ended")
    assert (
        ended.fields["why"]
        == "its locustfile ended it: its LoadTestShape was over after 2 s, since `tick` returned None"
    )
    assert ended.fields["hint"] == load.hint
    assert load.hint.startswith("let `tick` return users for 30 s")


@pytest.mark.parametrize(("tags", "exclude_tags"), [(("smoke",), ()), ((), ("destructive",))])
def test_tasks_are_chosen_by_tag(
    run: Run, server: TruthServer, tags: tuple[str, ...], exclude_tags: tuple[str, ...]
) -> None:
    """As Locust's `--tags` and `--exclude-tags` choose them: nothing else is sent."""
    tagged = replace(plan("stock_tagged", users=2), tags=tags, exclude_tags=exclude_tags)
    rows = run.rows(tagged, server.url, lambda: len(server.seen) >= 10)
    assert set(words(rows, "name")) == {"page"}


def test_a_file_that_ends_its_load_is_named(run: Run, server: TruthServer) -> None:
    """With its line, and how many requests had failed."""
    server.behave = lambda _: Reply(status=500)
    load = run.start(plan("stock_quits", users=2), server.url)
    until(lambda: not load.alive())
    (problem,) = load.problems
    assert "its locustfile ended it: `environment.runner.quit()` at " in problem
    assert "stock_quits.py:14; " in problem
    assert problem.endswith(" requests had failed")
    assert "exit code" not in problem
    assert load.hint.startswith("correct or remove that line")


def test_a_variable_that_the_file_reads_at_once_must_be_set(tmp_path: Path) -> None:
    """Its process would end with a KeyError; what a function reads is read later, and a default is a value."""
    file = tmp_path / "visitors.py"
    file.write_text(
        "import os\n\nLATER = os.environ.get('A')\nos.environ['SET'] = '1'\n\n\ndef read():\n    return os.environ['B']\n\n\n"
        "SIGN_IN = {'X-Api-Key': f\"{os.environ['SHOP_KEY']}\"}\n"
    )
    with pytest.raises(ConfigurationError) as raised:
        refuse_missing_variables(file, {})
    assert str(raised.value) == (
        f"{file}:11: the locustfile needs the environment variable SHOP_KEY, which is not set\n  hint: set it: `export SHOP_KEY=…`"
    )
    refuse_missing_variables(file, {"SHOP_KEY": "k"})


@pytest.mark.parametrize(
    "text",
    [
        "from dotenv import load_dotenv\nload_dotenv()\nKEY = os.environ['SHOP_KEY']\n",
        "os.environ.setdefault('SHOP_KEY', 'k')\nKEY = os.environ['SHOP_KEY']\n",
        "os.environ['SHOP_KEY'] = 'k'\nKEY = os.environ['SHOP_KEY']\n",
        "KEY = os.environ['SHOP_KEY'] if 'SHOP_KEY' in os.environ else 'k'\n",
        "KEY = 'SHOP_KEY' in os.environ and os.environ['SHOP_KEY']\n",
        "if 'SHOP_KEY' in os.environ:\n    KEY = os.environ['SHOP_KEY']\n",
        "with contextlib.suppress(KeyError):\n    KEY = os.environ['SHOP_KEY']\n",
    ],
)
def test_a_variable_that_the_file_may_set_or_do_without_is_no_reason_to_refuse_it(tmp_path: Path, text: str) -> None:
    """Stock locustfiles load a `.env`, or have a default."""
    file = tmp_path / "shop.py"
    file.write_text(f"import contextlib\nimport os\n{text}")
    refuse_missing_variables(file, {})
