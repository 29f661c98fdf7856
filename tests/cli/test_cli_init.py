"""`readiness init` writes a project that can be planned, linted and run at once, and never writes over a file."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.load import load_traffic
from harness.targets import TargetLock, load_target, platform_of
from harness.yamlfile import read_documents
from tests.builders.http_servers import Quiet, answering, serving

ENTRY = ("--entry", "http://127.0.0.1:9")
"""Nothing listens there."""
SERVICE = Path(__file__).with_name("small_service.py")
Call = Callable[..., tuple[int, str]]


@contextmanager
def small_service() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The service on a free port; its entry and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, str(SERVICE), str(port)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


@pytest.fixture
def readiness(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """The command in this process, in an empty directory or below it: exit code and what it said."""

    def call(*arguments: str, below: str = ".") -> tuple[int, str]:
        monkeypatch.chdir(tmp_path / below)
        monkeypatch.setattr(sys, "argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), "".join(capfd.readouterr())

    return call


def test_a_new_project_is_in_order_and_can_be_planned(readiness: Call) -> None:
    """No problem in its catalogue and features, and three rows that a run of its size decides, or says what it lacks."""
    with small_service() as (entry, _):
        code, said = readiness("init", "shop", "--entry", entry, "--write", "/orders", "--body", '{"item": [1, null]}')
        planned = readiness("plan", "--json", below="shop")
    assert code == 0, said
    assert "wrote  shop/target.yaml" in said
    assert said.endswith(
        "next:\n  cd shop\n"
        "  readiness plan  # shows the steps of a run and what it can decide; starts nothing\n"
        "  readiness run  # takes about a minute and a half\n"
        "  python -m pip wheel --no-deps --wheel-dir wheels PATH-OF-THE-CHECKOUT"
        "  # CI installs the tool from there: commit wheels/\n"
    )
    code, said = readiness("catalogue", "lint", "--json", below="shop")
    assert (code, json.loads(said)["problems"]) == (0, [])
    plan = json.loads(planned[1])
    assert {one["requirement"] for one in plan["sentences"] if one["can_be_decided"]} >= {"SHOP-P95", "SHOP-ERRORS"}
    assert plan["seconds"]["expected"] <= 100
    assert (plan["roles"]["kind"], plan["undeclared"], plan["unready"]) == ("List", [], [])


def test_the_paths_that_answer_are_in_the_target_file(readiness: Call, tmp_path: Path) -> None:
    """`/health` is 404 here, so `/healthz` is the probe; what an option says is not asked."""
    with small_service() as (entry, _):
        assert readiness("init", "shop", "--entry", entry)[0] == 0
        assert readiness("init", "other", "--entry", entry, "--health", "/orders/1", "--read", "/orders/2")[0] == 0
    found, given = (load_target(tmp_path / name / "target.yaml") for name in ("shop", "other"))
    assert (found.entry, found.probes.health, found.probes.read.path) == (entry, "/healthz", "/")
    assert (given.probes.health, given.probes.read.path) == ("/orders/1", "/orders/2")
    assert found.disposable


def test_nothing_is_written_over(readiness: Call, tmp_path: Path) -> None:
    """What is there is kept byte for byte and named; a kept pyproject.toml needs the table, and the last lines have it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "shop" / "Dockerfile").symlink_to(tmp_path / "elsewhere")
    code, said = readiness("init", "shop", "--entry", "http://127.0.0.1:9")
    assert code == 0, said
    assert "kept   shop/pyproject.toml" in said
    assert '[tool.harness]  target = "target.yaml"' in said
    assert (tmp_path / "shop" / "pyproject.toml").read_text() == "[project]\nname = 'mine'\n"
    assert (tmp_path / "elsewhere").read_text() == "mine"
    code, said = readiness("init", "shop", "--entry", "http://127.0.0.1:9", "--json")
    assert (code, json.loads(said)["written"]) == (0, [])


def test_a_service_that_is_down_is_said_and_stops_nothing(readiness: Call) -> None:
    """Its paths are a guess then."""
    code, said = readiness("init", "shop", "--entry", "http://127.0.0.1:9", "--json")
    record = json.loads(said)
    assert code == 0
    assert "does not answer" in record["problem"]
    assert "start the service before a run" in record["problem"]
    assert record["kept"] == []


def test_a_service_that_needs_a_sign_in_is_told_from_one_without_paths(readiness: Call) -> None:
    """The paths of probes need none, and the message says which status was answered."""
    with answering(repeat((401, b""))) as (entry, _):
        code, said = readiness("init", "shop", "--entry", entry)
    assert (
        code,
        "(the status is 401, since probes are sent without credentials): correct `probes` (health, read)" in said,
    ) == (0, True)
    with answering(repeat((404, b""))) as (entry, _):
        said = readiness("init", "other", "--entry", entry)[1]
    assert "answers GET with status 200 and a body: correct `probes` (health, read) in other/target.yaml" in said
    with answering(repeat((200, b""))) as (entry, _):
        said = readiness("init", "empty", "--entry", entry)[1]
    assert "correct `probes` (read) in empty/target.yaml" in said


def test_another_machine_may_not_be_broken_and_its_name_is_typed(tmp_path: Path) -> None:
    """No row of a restart, `disposable: false`, and every command with the name."""
    write_project(tmp_path, ProjectAnswers(name="shop", entry="https://shop.example.test", write="/orders"))
    assert not load_target(tmp_path / "target.yaml").disposable
    rows = yaml.safe_load((tmp_path / "catalogue" / "shop.yaml").read_text())["sections"][0]["requirements"]
    assert [row["id"] for row in rows] == ["SHOP-P95", "SHOP-ERRORS", "SHOP-UPTIME"]
    for name in ("README.md", ".gitlab-ci.yml", ".github/workflows/readiness.yml"):
        assert "--allow-target shop" in (tmp_path / name).read_text()
    github, gitlab = (
        yaml.safe_load((tmp_path / name).read_text()) for name in (".github/workflows/readiness.yml", ".gitlab-ci.yml")
    )
    assert all("readiness run --release" in str(one) for one in (github["jobs"], gitlab["readiness"]))
    assert github["concurrency"] == {"group": "readiness-shop"}
    assert gitlab["readiness"]["resource_group"] == "readiness-shop"


def test_production_on_this_machine_is_no_toy(readiness: Call, tmp_path: Path) -> None:
    """Nothing is broken without consent, and no file says otherwise."""
    with small_service() as (entry, _):
        code, said = readiness("init", "shop", "--entry", entry, "--environment", "production")
    assert code == 0, said
    assert "\n  readiness run --allow-target shop  # takes about" in said
    assert not load_target(tmp_path / "shop" / "target.yaml").disposable
    assert "RESTART" not in (tmp_path / "shop" / "catalogue" / "shop.yaml").read_text()


def test_where_the_requirement_is_an_address_no_wheel_is_asked_for(
    readiness: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI installs the tool from the repository by itself."""
    address = "readiness-harness @ git+https://example.test/readiness@0123abc"
    monkeypatch.setattr("harness.cli.starter.writing.tool_requirement", lambda *_extras: address)
    code, said = readiness("init", "shop", "--entry", "http://127.0.0.1:9", "--json")
    assert (code, [line.partition("  #")[0] for line in json.loads(said)["next"]]) == (
        0,
        ["cd shop", "readiness plan", "readiness run"],
    )


@pytest.mark.parametrize("name", ["2024", "1.5", "on", "null", "Shop_1", "x" * 63, "a-", "0x1F"])
def test_every_name_that_a_target_may_have_makes_a_project(readiness: Call, name: str) -> None:
    """One that YAML reads as a number or a word of its own is in quotes, and objects of Kubernetes have names that it takes."""
    assert readiness("init", "it", "--entry", "http://127.0.0.1:9", "--name", name)[0] == 0
    assert load_target(Path("it/target.yaml")).name == name
    code, said = readiness("catalogue", "lint", "--json", below="it")
    assert (code, json.loads(said)["problems"]) == (0, [])
    job: Any = read_documents(Path("deploy/nightly.yaml"))[0].data
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", job["metadata"]["name"])


def test_the_next_commands_can_be_typed_where_the_directory_has_a_space(readiness: Call) -> None:
    """The path is quoted as a shell reads it."""
    said = readiness("init", "my shop", "--entry", "http://127.0.0.1:9", "--name", "shop")[1]
    assert "\n  cd 'my shop'\n" in said


@pytest.mark.parametrize("git", ["directory", "file"])
def test_where_the_files_for_ci_count_is_told(readiness: Call, tmp_path: Path, git: str) -> None:
    """Of a directory of a repository, a worktree of Git too, no CI system reads them."""
    (tmp_path / "repository").mkdir()
    told = "# .github/ and .gitlab-ci.yml work only at the root of a repository: move them to "
    assert told not in readiness("init", "repository", *ENTRY, "--name", "shop")[1]
    if git == "file":
        (tmp_path / "repository" / ".git").write_text("gitdir: /elsewhere\n")
    else:
        (tmp_path / "repository" / ".git").mkdir()
    assert told not in readiness("init", "repository", *ENTRY, "--name", "shop")[1]
    said = readiness("init", "repository/apps/shop", *ENTRY)[1]
    assert f"{told}{tmp_path.resolve()}/repository and set their working directory to apps/shop (docs/ci.md" in said


def test_an_image_of_the_project_has_no_reports(tmp_path: Path) -> None:
    """Nor what the restart keeps of the service's environment, which is below them."""
    write_project(tmp_path, ProjectAnswers(name="shop", entry="http://127.0.0.1:9"))
    assert "/reports/" in (tmp_path / ".dockerignore").read_text().splitlines()
    assert (
        'parent / "reports" / "service-process.json"' in (tmp_path / "experiments" / "service_process.py").read_text()
    )


def test_which_addresses_are_of_this_machine() -> None:
    """Also the one of every address, as servers print it when they start."""
    hosts = ("localhost:80", "0.0.0.0:80", "[::]:80", "[::1]:80", "10.0.0.1:80", "shop.test")
    local = [host for host in hosts if ProjectAnswers(name="shop", entry=f"http://{host}").local]
    assert local == ["localhost:80", "0.0.0.0:80", "[::]:80", "[::1]:80"]


def test_the_traffic_has_a_write_where_a_path_is_named(tmp_path: Path) -> None:
    """Its file is a size, its routes add up to all requests, and the locustfile sends them."""
    write_project(
        tmp_path / "a", ProjectAnswers(name="a", entry="http://127.0.0.1:9", write="/orders", body={"b": True})
    )
    write_project(tmp_path / "b", ProjectAnswers(name="b", entry="http://127.0.0.1:9"))
    writes, reads = (load_traffic("visitors", [tmp_path / one / "loadtests"], {}) for one in "ab")
    assert (writes.routes, reads.routes) == ({"read": 0.5, "write": 0.5}, {"read": 1.0})
    assert 'json={"b": True}, once=True' in (tmp_path / "a" / "loadtests" / "visitors.py").read_text()


def test_what_is_mistyped_is_answered_and_nothing_written(
    readiness: Call, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Exit code 4, no traceback."""
    for arguments, said in [
        ([], "--entry: the address of the service is missing\n  hint: pass `--entry http://127.0.0.1:8080`"),
        (["--entry", "127.0.0.1:80"], "'127.0.0.1:80' is not an HTTP address"),
        (["--entry", "http://me:pw@127.0.0.1"], "***@127.0.0.1' is not an HTTP address"),
        (["--entry", "http://127.0.0.1:80800"], "the port of 'http://127.0.0.1:80800' is invalid, expected 1 to 65535"),
        (["--entry", "http://127.0.0.1:9/a{b}"], "--entry: '/a{b}' is not a path"),
        ([*ENTRY, "--header", "Authorization"], "--header: the text is not a header"),
        (
            [*ENTRY, "--header", "X-Api-Key: 4711"],
            "--header: the value of X-Api-Key names no environment variable, and a secret is not written into files",
        ),
        (
            [*ENTRY, "--header", "X-Api-Key: $NO_SUCH_KEY"],
            "--header: the environment variable NO_SUCH_KEY is not set\n  hint: set it to the credential of a test user",
        ),
        ([*ENTRY, "--read", "orders"], "--read: 'orders' is not a path"),
        ([*ENTRY, "--body", "{}"], "--body: the path for this body is missing"),
        ([*ENTRY, "--write", "/o", "--body", "{"], "--body: the body is not JSON"),
        ([*ENTRY, "--write", "/o", "--body", "[]"], "--body: the body is not a JSON object"),
        ([*ENTRY, "--write", "/o", "--body", '{"a": NaN}'], "`NaN` is not a JSON value"),
        ([*ENTRY, "--write", "/o", "--body", '{"a": "\\ud800"}'], "--body: the body is not JSON"),
        ([*ENTRY, "--read", "/\udcff"], "is not a path"),
        (["--entry", "http://a b:9"], "is not an HTTP address"),
        ([*ENTRY, "--name", "a b"], "--name: 'a b' cannot be the name of a target"),
        ([*ENTRY, "--name", "core"], "a profile 'core' come with the package"),
        ([*ENTRY, "--name", "nd"], "requirements named ND-… or a profile 'nd' come"),
        ([*ENTRY, "--ca", "no.pem"], "no.pem: the file does not exist"),
        ([*ENTRY, "--openapi", "no.yaml"], "no.yaml: the file cannot be read: No such file"),
    ]:
        with subtests.test(arguments=arguments):
            code, text = readiness("init", "shop", *arguments)
            assert code == 4, text
            assert said in text
            assert "Traceback" not in text
            assert not (tmp_path / "shop").exists()


def test_the_process_that_listens_is_killed_and_started_again(tmp_path: Path) -> None:
    """By the script of the project alone, with Python's standard library: another process answers afterwards."""
    with small_service() as (entry, process):
        write_project(tmp_path, ProjectAnswers(name="shop", entry=entry))

        def do(word: str) -> int:
            return subprocess.run(
                ["python3", "experiments/service_process.py", word], cwd=tmp_path, check=False, timeout=60
            ).returncode

        assert do("gone") == 1
        assert do("kill") == 0
        assert process.wait(60) == -signal.SIGKILL
        assert (do("gone"), do("start"), do("back"), do("gone"), do("start")) == (0, 0, 0, 1, 0)
        assert do("kill") == 0
    kept = json.loads((tmp_path / "reports" / "service-process.json").read_text())
    assert kept["command"][1:] == [str(SERVICE), entry.rpartition(":")[2]]
    assert (tmp_path / "reports" / "service-process.json").stat().st_mode & 0o077 == 0
    assert kept["in"] == str(Path.cwd())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project that was just written."""
    write_project(tmp_path / "shop", ProjectAnswers(name="shop", entry="http://127.0.0.1:9"))
    return tmp_path / "shop"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("loadtests/visitors.yaml", "read: 100 %", "orders: 100 %", "visitors.py sends the route `orders`"),
        ("target.yaml", "probes:", "prbes:", "target.yaml:6: prbes: unknown key `prbes`"),
        ("pyproject.toml", '["shop"]', '["shp"]', "pyproject.toml: no profile is named 'shp'"),
        (
            "features/service.feature",
            '"visitors" traffic',
            '"vistors" traffic',
            "service.feature:5: there is no traffic `vistors`",
        ),
    ],
)
def test_the_lint_finds_what_collection_finds(
    readiness: Call, shop: Path, *, file: str, old: str, new: str, said: str
) -> None:
    """Exit code 1 of the lint, 4 of the plan, with the same words."""
    path = shop / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    code, text = readiness("catalogue", "lint", below="shop")
    assert (code, said in text) == (1, True), text
    code, text = readiness("plan", below="shop")
    assert code == 4, text
    assert said.partition(": no profile")[0] in text


def planned(said: str) -> set[str]:
    """The requirements of a plan in JSON that a run can decide."""
    return {one["requirement"] for one in json.loads(said)["sentences"] if one["can_be_decided"]}


@pytest.mark.parametrize("name", ["shop [new]", "shop::2"])
def test_a_directory_may_have_a_name_that_pytest_reads_otherwise(readiness: Call, shop: Path, name: str) -> None:
    """Where the command is called in the project; elsewhere it says what to do."""
    shop.rename(shop.parent / name)
    code, said = readiness("plan", "--json", below=name)
    assert code == 0, said
    assert planned(said) == {"SHOP-P95", "SHOP-ERRORS", "SHOP-RESTART"}
    (shop.parent / name / "features" / "a[b].feature").write_text("Feature: b\n")
    code, said = readiness("plan", below=name)
    assert (
        code,
        "features/a[b].feature: pytest does not accept a path with `[`\n  hint: rename the file or directory" in said,
    ) == (4, True), said


def test_what_an_editor_leaves_beside_a_file_is_passed_over(readiness: Call, shop: Path) -> None:
    """Such as the lock of Emacs, a link that leads nowhere; it is no requirement and no experiment."""
    for kind, name in (("catalogue", "shop"), ("experiments", "service-restart"), ("features", "service")):
        suffix = "feature" if kind == "features" else "yaml"
        (shop / kind / f".#{name}.{suffix}").symlink_to("me@here.4711")
    code, said = readiness("catalogue", "lint", "--json", below="shop")
    assert (code, json.loads(said)["problems"]) == (0, [])


def test_one_id_claimed_twice_is_one_requirement_with_two_scenarios(readiness: Call, shop: Path) -> None:
    """Plan and lint say so."""
    feature = shop / "features" / "service.feature"
    feature.write_text(
        feature.read_text()
        .replace("@SHOP-ERRORS", "@SHOP-P95")
        .replace("error rate is below 2 %", "response time p95 of every route is below 300 ms")
    )
    said = "SHOP-P95 has 2 scenarios, and the worst verdict decides: features/service.feature:4, features/service.feature:9"
    assert said in readiness("plan", below="shop")[1]
    assert said in readiness("catalogue", "lint", below="shop")[1]


def test_a_session_of_the_command_leaves_the_environment_as_it_was(readiness: Call, shop: Path) -> None:
    """A second pytest of the same process has the options of the harness."""
    assert shop.is_dir()
    before = dict(os.environ)
    assert readiness("plan", below="shop")[0] == 0
    assert {name for name in os.environ if name not in before} == set()


def test_a_plan_says_what_would_end_a_load(readiness: Call, shop: Path) -> None:
    """Each threshold, with the seconds of which it is computed."""
    size = shop / "loadtests" / "visitors.yaml"
    size.write_text(size.read_text() + "stop_when: {error_rate: 20 %, p95: 2 s, for: 10 s}\n")
    said = readiness("plan", below="shop")[1]
    assert (
        "; ended by `stop_when` if the error rate of 10 s is above 20 %; ended by `stop_when` if the p95 of 10 s is above 2 s\n"
        in said
    )


def test_a_plan_says_why_a_run_is_refused_and_what_a_person_would_undo(readiness: Call, shop: Path) -> None:
    """Below the sentences, which a run decides once it is not refused; where it is not, neither is said."""
    target, experiment = shop / "target.yaml", shop / "experiments" / "service-restart.yaml"
    allowed, undone = target.read_text(), experiment.read_text()
    target.write_text(allowed.replace("disposable: true", "disposable: false"))
    experiment.write_text(undone.partition("rollbacks:")[0])
    code, said = readiness("plan", below="shop")
    assert code == 0, said
    assert (
        "A run of this size can decide all 3 sentences, once the reason of the refusal is removed\n"
        f"a run would be refused: {target}: shop is not disposable, and `--allow-target` is missing (hint: pass "
        "`--allow-target shop` to confirm that this run may send load and probes there, and faults that `may_break` allows)\n"
        f"a run would be refused: {target}: shop does not allow the experiment service-restart: it is missing in "
        "`may_break` (hint: to allow it, add this to `may_break`: {experiment: service-restart, workloads: […], max_pods: …})\n"
        "service-restart has no `rollbacks`: if the run is stopped during the fault, a person must restore the target\n"
    ) in said
    target.write_text(allowed)
    experiment.write_text(undone)
    code, said = readiness("plan", below="shop")
    assert code == 0, said
    assert "A run of this size can decide all 3 sentences\n" in said
    assert "would be refused" not in said
    assert "no `rollbacks`" not in said
    assert f"not ready: {target}:5: entry: no answer from http://127.0.0.1:9/health: refused\n" in said


def refused(said: str) -> list[str]:
    """What a plan in JSON says a run would be refused for."""
    return [f"{one['where'].rpartition('/')[2]}: {one['what']}" for one in json.loads(said)["refused"]]


def test_a_plan_asks_the_target_once_what_a_run_would_be_refused_for(readiness: Call, tmp_path: Path) -> None:
    """A path that answers 404, another release, a lock that another run holds, a directory that is none; nothing is written."""
    with small_service() as (entry, _):
        assert readiness("init", "shop", "--entry", entry)[0] == 0
        target = tmp_path / "shop" / "target.yaml"
        target.write_text(target.read_text().replace('"/healthz"', '"/nowhere"'))
        (tmp_path / "file").write_text("")
        code, said = readiness("plan", "--json", "--out", "../file/runs", below="shop")
        assert (code, refused(said)) == (
            0,
            [
                f"runs: the directory of the run cannot be created: {tmp_path}/shop/../file is not a directory",
                f"target.yaml:6: probes.health: GET {entry}/nowhere never succeeded: status 404; nothing was run",
            ],
        )
        target.write_text(target.read_text().replace('"/nowhere"', '"/healthz"'))
        with TargetLock(platform_of(load_target(target)), "the-other-run"):
            code, said = readiness("plan", "--json", below="shop")
        (held,) = refused(said)
        assert ": shop is in use by run the-other-run (process " in held
        assert refused(readiness("plan", "--json", below="shop")[1]) == []
    assert not (tmp_path / "shop" / "reports").exists()


def test_a_plan_says_which_release_answers(readiness: Call) -> None:
    """With the command that judges it; a run says the same before its load."""
    with serving(_Released) as entry:
        said = readiness("init", "shop", "--entry", entry)[1]
        assert "the header x-version names the release: 1.4.2\n" in said
        assert "\n  readiness run --release 1.4.2  # takes" in said
        code, said = readiness("plan", "--json", below="shop")
        assert (code, refused(said)) == (
            0,
            ["target.yaml: release: the target shop names the release 1.4.2, expected 1.0.0; nothing was run"],
        )
        assert "--release 1.4.2" in json.loads(said)["refused"][0]["hint"]
        code, said = readiness("plan", "--json", "--release", "1.4.2", below="shop")
    assert (code, refused(said)) == (0, [])


class _Released(Quiet, BaseHTTPRequestHandler):
    """Each answer names the release."""

    def do_GET(self) -> None:
        """200, whatever is requested but a path of a robot."""
        self.send_response(404 if "not-exist" in self.path else 200)
        self.send_header("X-Version", "1.4.2")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


def test_a_release_that_file_and_command_name_differently_is_refused(readiness: Call, shop: Path) -> None:
    """Else the one of the file would be judged without a word."""
    target = shop / "target.yaml"
    target.write_text(target.read_text() + "release: '1.1'\n")
    code, text = readiness("plan", "--release", "1.2", below="shop")
    assert (code, "target.yaml: release: the target file names the release 1.1, and the command names 1.2" in text) == (
        4,
        True,
    )
    assert readiness("plan", "--release", "1.1", below="shop")[0] == 0
