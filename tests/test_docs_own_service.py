"""The pages for a service of one's own: their server runs and keeps the contracts, their files are those that `init` writes, their messages exist."""

from __future__ import annotations

import ast
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from harness import clock
from harness.catalogue import lint, load_catalogue
from harness.cli.init import init
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.load.locustfile import check_locustfile
from harness.drivers.load.routes import sent_routes
from harness.judgement.figures.numbers import failures_refuting
from harness.judgement.stats.statistics import needed
from harness.steps import lint_features
from harness.targets import load_target
from tests.builders.pages import pages
from tests.page_blocks import blocks

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = pages("your-own-writes", "your-own-service")
ANSWERS: Final = ProjectAnswers(name="shop", entry="http://127.0.0.1:8080")


@contextmanager
def shop(directory: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """The page's server in a directory of its own; a client of it, and its process."""
    (directory / "shop.py").write_text(blocks(PAGE, "python")[0], encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "shop.py", str(port)], cwd=directory) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
                for _ in clock.Deadline.after(90).ticks(0.05):
                    try:
                        client.get("/")
                        break
                    except httpx.ConnectError:
                        continue
                yield client, process
        finally:
            process.kill()


def test_the_server_of_the_page_keeps_both_contracts_also_when_it_is_killed(tmp_path: Path) -> None:
    """A row that was acknowledged is there after `kill -9`, once, and so is an event; others are not."""
    with shop(tmp_path) as (client, process):
        assert client.get("/health").status_code == 200
        for sequence in (0, 1, 1):
            body = {"client": 7, "sequence": sequence, "checksum": f"c{sequence}"}
            assert client.post("/ledger", json=body).status_code == 201
        assert client.get("/events/e1").status_code == 404
        assert client.post("/events", json={"id": "e1", "checksum": "x"}).status_code == 202
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    with shop(tmp_path) as (client, _):
        assert client.get("/ledger?client=7").json() == {"rows": [[0, "c0"], [1, "c1"]]}
        assert client.get("/ledger?client=70").json() == {"rows": []}
        assert client.get("/events/e1").json() == {"copies": 1, "checksum": "x"}


def test_the_keys_of_the_page_are_those_of_a_target_file(tmp_path: Path) -> None:
    """Added to the file that `init` writes."""
    write_project(tmp_path, ANSWERS)
    file = tmp_path / "target.yaml"
    contracts, _, size, tls = blocks(PAGE, "yaml")
    file.write_text(f"{file.read_text()}\n{contracts}", encoding="utf-8")
    target = load_target(file)
    assert target.ledger is not None
    assert target.pipeline is not None
    assert (target.ledger.read, target.pipeline.accept) == (True, "/events")
    assert set(yaml.safe_load(tls)) == {"entry", "tls"}
    visitors = yaml.safe_load((tmp_path / "loadtests" / "visitors.yaml").read_text())
    assert set(yaml.safe_load(size)) < set(visitors)


def test_the_scenario_of_the_page_claims_a_row_beside_those_of_init(tmp_path: Path) -> None:
    """In order with a row of its criterion."""
    write_project(tmp_path, ANSWERS)
    rows, feature = tmp_path / "catalogue" / "shop.yaml", tmp_path / "features" / "loss.feature"
    data: dict[str, Any] = yaml.safe_load(rows.read_text())
    data["sections"][0]["requirements"] += yaml.safe_load(blocks(PAGE, "yaml")[1])["requirements"]
    rows.write_text(yaml.safe_dump(data, sort_keys=False))
    feature.write_text(f"Feature: Loss\n\n{blocks(PAGE, 'gherkin')[0]}")
    known = load_catalogue([rows])
    assert lint(known) == ()
    assert lint_features([feature], known, {"service-restart": "process"}, tmp_path) == ()


def test_the_journey_with_a_sign_in_is_a_locustfile(tmp_path: Path) -> None:
    """Two routes."""
    path = tmp_path / "member.py"
    path.write_text(blocks(PAGE, "python")[1], encoding="utf-8")
    check_locustfile(path)
    assert sent_routes(path) == frozenset({"sign-in", "read-me"})


def test_every_option_of_init_is_on_the_page() -> None:
    """And none that there is not."""
    options = {name for parameter in init.params for name in parameter.opts if name.startswith("--")}
    table = re.findall(r"^\| `(--.*)` \|", PAGE, re.MULTILINE)
    told = set(re.findall(r"--[a-z-]+", " ".join(table))) | {"--json"}
    assert told == options
    assert "`--json` is for machines" in PAGE


def test_the_files_of_a_cluster_are_those_that_init_writes(tmp_path: Path) -> None:
    """Byte for byte."""
    page = pages("ci-in-a-cluster")
    write_project(tmp_path, ANSWERS)
    assert blocks(page, "yaml") == [(tmp_path / "deploy/nightly.yaml").read_text()]
    assert blocks(page, "dockerfile") == [(tmp_path / "Dockerfile").read_text()]


def _messages() -> list[str]:
    page = pages("troubleshooting", "no-decision")
    return re.findall(r"^\| `(.*?)` \| ", page, re.MULTILINE)


def _texts() -> str:
    """Every text of the harness; what an f-string puts in stands as `…`."""
    found: list[str] = []
    for path in sorted(one for root in ("harness", "sandbox/readiness_sandbox") for one in (ROOT / root).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(one.value if isinstance(one, ast.Constant) else "…" for one in node.values))  # type: ignore[misc]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found).replace("`", "")


def test_the_messages_that_are_explained_are_those_that_are_given() -> None:
    """The pieces between `…` are in the harness's texts, one after the other in one of them."""
    texts, messages = _texts(), _messages()
    assert len(messages) > 20
    unknown = [
        message
        for message in messages
        if not re.search(r"[^\n]*?".join(re.escape(piece.strip()) for piece in message.split("…")), texts)
    ]
    assert unknown == []


def test_the_rows_of_the_plan_on_the_page_are_reckoned() -> None:
    """By the same functions as the plan's, for the sizes of a project that was just written."""
    counts = r"(\d+) (?:failures|over the limit) +│ "
    told = re.findall(
        rf"│ SHOP-(\w+) +│ (\d+) (?:at 0 failures|with none over the limit) +│ (\d+) .*?│ {counts}{counts.rstrip()}",
        PAGE,
    )
    shares = {"P95": 0.05, "ERRORS": 0.02}
    assert [name for name, *_ in told] == list(shares)
    for name, least, planned, most, fewest in told:
        share = shares[name]
        assert needed(0, share, 0.95) == int(least)
        assert needed(int(most), share, 0.95) <= int(planned)  # type: ignore[operator]
        assert failures_refuting(share, int(planned)) == int(fewest)
    assert "0.1 % takes 2 995 requests" in PAGE
    assert needed(0, 0.001, 0.95) == 2995


def test_every_call_of_a_journey_is_on_the_page(tmp_path: Path) -> None:
    """Each public name of a journey and of its answers, read as text, as importing them patches sockets; the example's routes are those that it sends."""
    trees = [ast.parse((ROOT / "harness" / "locust" / f"{name}.py").read_bytes()) for name in ("journey", "answer")]
    classes = {one.name: one.body for tree in trees for one in tree.body if isinstance(one, ast.ClassDef)}
    methods = {one.name for one in classes["Journey"] if isinstance(one, ast.FunctionDef)}
    fields = {ast.unparse(one.target) for one in classes["Answer"] if isinstance(one, ast.AnnAssign)}
    page = pages("load", "journeys", "journey-writes")
    public = {name for name in methods if not name.startswith("_")} - {"leave"}  # the harness's own
    assert {name for name in {*public, "failed"} if f"`journey.{name}" not in page} == set()
    assert {name for name in fields if f"`answer.{name}" not in page} == {"body"}
    (example,) = (text for text in blocks(page, "python") if "class Buyer" in text)
    (tmp_path / "buyer.py").write_text(example, encoding="utf-8")
    check_locustfile(tmp_path / "buyer.py")
    assert sent_routes(tmp_path / "buyer.py") == frozenset({"sign-in", "create-order", "pay", "read-item"})
