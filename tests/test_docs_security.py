"""The page on bearer tokens: its service runs with FastAPI, `init` makes the project that it shows, and its verdicts come and turn as it says.

`FOREIGN_PYTHON` is an interpreter with fastapi, uvicorn, pyjwt and python-multipart; where they are not installed the walk is skipped.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from harness import clock
from harness.targets import load_target
from tests.page_blocks import blocks

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs" / "security.md").read_text("utf-8")
PYTHON: Final = os.environ.get("FOREIGN_PYTHON", sys.executable)
NO_KEY: Final = (
    'algorithms=["HS256"], options={"require": ["exp", "sub"]}',
    'algorithms=["HS256"], options={"verify_signature": False}',
)
UNASKED: Final = ("def mine(name: User)", "def mine()"), (" if owner == name]", "]")
RENAMED: Final = (
    "-> list[Order]:\n    return [Order(id=number)",
    '-> list[dict[str, int]]:\n    return [{"number": number}',
)


@contextmanager
def orders(directory: Path, *changes: tuple[str, str], port: int = 0) -> Iterator[int]:
    """The page's service, changed or not, and its port."""
    text = blocks(PAGE, "python")[0]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (directory / "orders.py").write_text(text, "utf-8")
    with socket.create_server(("127.0.0.1", port)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([PYTHON, "orders.py", str(port)], cwd=directory) as process:
        try:
            for _ in clock.Deadline.after(60).ticks(0.1):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
                    break
                except httpx.ConnectError:
                    assert process.poll() is None
            yield port
        finally:
            process.kill()


def environment(port: int) -> dict[str, str]:
    """What the page exports: the password, and a token of the test user."""
    form = {"username": "test-anna", "password": "right"}
    answer = httpx.post(f"http://127.0.0.1:{port}/token", data=form, trust_env=False).json()
    return {**os.environ, "TEST_PASSWORD": "right", "TOKEN": answer["access_token"]}


def readiness(directory: Path, port: int, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the page."""
    command = [sys.executable, "-m", "harness", *words]
    return subprocess.run(
        command, cwd=directory, env=environment(port), capture_output=True, text=True, check=False, timeout=280
    )


def project(directory: Path, port: int) -> Path:
    """The project of the page, with the lines that it adds to target.yaml."""
    command = next(line for line in PAGE.splitlines() if line.startswith("readiness init"))
    words = re.findall(r"'[^']*'|\S+", command.replace(":8080", f":{port}"))[1:]
    made = readiness(directory, port, *(word.strip("'") for word in words))
    assert made.returncode == 0, made.stderr
    file = directory / "shop" / "target.yaml"
    content = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump({**content, **yaml.safe_load(blocks(PAGE, "yaml")[0])}), "utf-8")
    return directory / "shop"


def verdicts(directory: Path, port: int, *only: str) -> dict[str, str]:
    """The verdicts of a run of some requirements alone."""
    words = [word for one in only for word in ("--only", f"SHOP-{one}")]
    done = readiness(directory, port, "run", *words)
    runs = sorted((directory / "reports" / "runs").glob("2*"))
    assert runs, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((runs[-1] / "verdict.json").read_text("utf-8"))
    return {
        one["id"].removeprefix("SHOP-"): one["verdict"]
        for one in found["requirements"]
        if one["verdict"] != "NOT_ASSESSED"
    }


def test_the_lines_of_the_target_file_are_read(tmp_path: Path) -> None:
    """With a sign-in beside them."""
    rest = "name: shop\nenvironment: staging\nentry: http://127.0.0.1:1\nsign_in: {path: /token, body: form, user: test-anna, password: {env: P}}\n"
    (tmp_path / "target.yaml").write_text(rest + blocks(PAGE, "yaml")[0], "utf-8")
    target = load_target(tmp_path / "target.yaml")
    assert target.identity is not None
    assert target.identity.users["member"].objects == {"id": 1}


@pytest.mark.slow
def test_the_page_leads_to_verdicts_that_turn(tmp_path: Path) -> None:
    """A real FastAPI service passes; one that does not verify, one that forgets to ask, and one that answers otherwise fail their rows alone."""
    needed = "import fastapi, jwt, multipart, uvicorn"
    if subprocess.run([PYTHON, "-c", needed], capture_output=True, check=False).returncode:
        pytest.skip("fastapi, uvicorn, pyjwt or python-multipart is not installed for FOREIGN_PYTHON")
    tokens = ("TOKEN", "ALG-NONE", "FOREIGN-KEY")
    with orders(tmp_path) as port:
        shop = project(tmp_path, port)
        assert verdicts(shop, port, *tokens) == dict.fromkeys(tokens, "PASS")
        assert verdicts(shop, port, "CONTRACT") == {"CONTRACT": "PASS"}
    with orders(tmp_path, NO_KEY, port=port):
        assert verdicts(shop, port, *tokens) == {"TOKEN": "PASS", "ALG-NONE": "FAIL", "FOREIGN-KEY": "FAIL"}
    with orders(tmp_path, *UNASKED, port=port):
        assert verdicts(shop, port, "TOKEN") == {"TOKEN": "FAIL"}
    with orders(tmp_path, RENAMED, port=port):
        assert verdicts(shop, port, "CONTRACT") == {"CONTRACT": "FAIL"}
