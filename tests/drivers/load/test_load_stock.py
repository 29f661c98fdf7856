"""Stock Locust works on our locustfiles: its web page, tags, figures in files."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from load_bench import LOCUSTFILES, locust, until
from load_truth import TruthServer

WEB = "127.87.0.4"


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`locust …`, interrupted at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def test_the_web_page_starts_shows_and_stops_a_load(server: TruthServer) -> None:
    """`locust -f FILE`, then start, statistics and stop as the page asks for them; a second start is one anew."""
    with socket.create_server((WEB, 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://{WEB}:{port}"
    asked = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def page(path: str, form: bytes | None = None) -> Any:
        with asked.open(url + path, data=form, timeout=20) as answer:
            return answer.read()

    def up() -> bool:
        try:
            return b"Locust" in page("/")
        except OSError:
            return False

    with running("-f", str(LOCUSTFILES / "visitor.py"), "-H", server.url, "--web-host", WEB, "-P", str(port)):
        until(up)
        for _ in range(2):
            seen = len(server.seen)
            assert json.loads(page("/swarm", b"user_count=3&spawn_rate=3"))["success"]
            until(lambda seen=seen: len(server.seen) >= seen + 4)  # type: ignore[misc]
            until(lambda: json.loads(page("/stats/requests"))["stats"][0]["num_requests"] >= 3)
            stats = json.loads(page("/stats/requests"))["stats"][0]
            assert (stats["name"], stats["num_failures"]) == ("home", 0)
            assert json.loads(page("/stop", b""))["success"]


@pytest.mark.parametrize(("tags", "paths"), [("read", {"/read"}), ("write", {"/write"})])
def test_tags_choose_journeys(server: TruthServer, tags: str, paths: set[str]) -> None:
    """`-T read` sends readers and nobody else."""
    with running("-f", str(LOCUSTFILES / "mixed.py"), "-H", server.url, "--headless", "-T", tags):
        until(lambda: len(server.seen) >= 5)
    assert {seen.path for seen in server.seen} == paths


def test_figures_go_to_files(server: TruthServer, tmp_path: Path) -> None:
    """`--csv` and `--json-file` as ever."""
    files = ["--csv", str(tmp_path / "c"), "--json-file", str(tmp_path / "j")]
    command = ["-f", str(LOCUSTFILES / "visitor.py"), "-H", server.url, "--headless", "-t", "3s", "--rate", "20"]
    locust(*command, *files).check_returncode()
    (figures,) = json.loads((tmp_path / "j.json").read_text(encoding="utf-8"))
    assert figures["name"] == "home"
    assert figures["num_requests"] == len(server.seen) > 20
    assert "GET,home," in (tmp_path / "c_stats.csv").read_text(encoding="utf-8")
