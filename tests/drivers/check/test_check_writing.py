"""What one region accepts is readable in another: two real HTTP services with one ledger between them, or not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from harness import clock
from harness.drivers.check.writing import written_and_read
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import load_target


class Edge(ThreadingHTTPServer):
    """One region: rows written here are shown everywhere after `after_s`.

    Attributes:
        rows: of all regions, with the moment from which each is shown. status: of a write. after_s: see above.
        changes: shows another checksum than was written.
    """

    daemon_threads = True

    def __init__(self, rows: dict[tuple[int, int], tuple[str, float]]) -> None:
        super().__init__(("127.0.0.1", 0), _Ledger)
        self.rows = rows
        self.status = 201
        self.after_s = 0.0
        self.changes = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Ledger(BaseHTTPRequestHandler):
    server: Edge

    def do_POST(self) -> None:
        row = json.loads(self.rfile.read(int(self.headers["content-length"])))
        shown_s = clock.now_s() + self.server.after_s
        self.server.rows[row["client"], row["sequence"]] = (row["checksum"], shown_s)
        self._say(self.server.status, {})

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        key = int(query["client"][0]), int(query["sequence"][0])
        checksum, shown_s = self.server.rows.get(key, ("", float("inf")))
        said = "0" * 16 if self.server.changes else checksum
        self._say(200, {"rows": [[key[1], said]] if clock.now_s() >= shown_s else []})

    def _say(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def edges() -> Iterator[tuple[Edge, Edge]]:
    """Two regions of one platform."""
    rows: dict[tuple[int, int], tuple[str, float]] = {}
    both = Edge(rows), Edge(rows)
    for edge in both:
        threading.Thread(target=edge.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield both
    for edge in both:
        edge.shutdown()
        edge.server_close()


def probe(edges: tuple[Edge, Edge], tmp_path: Path, within: str) -> list[FactReading]:
    """What is seen when twenty rows are written in the far region and read at home."""
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: t\nenvironment: staging\nentry: {edges[0].url}\nledger: {{path: /ledger, read: true}}\n"
        f"regions:\n  far: {{entry: {edges[0].url}}}\n  home: {{entry: {edges[1].url}}}\n"
    )
    return list(written_and_read(load_target(file), {"from": "far", "to": "home", "within": within})())


def test_rows_that_are_readable_at_once_are_as_expected(edges: tuple[Edge, Edge], tmp_path: Path) -> None:
    """Twenty of twenty."""
    found = probe(edges, tmp_path, "30 s")
    assert [one.ok for one in found] == [True] * 20
    assert found[0].subject == "write 1 of 20 from far to home"


def test_rows_that_wait_at_the_edge_are_a_failure(edges: tuple[Edge, Edge], tmp_path: Path) -> None:
    """They are shown after a minute, 50 ms are promised."""
    edges[0].after_s = 60.0
    found = probe(edges, tmp_path, "50 ms")
    assert {one.ok for one in found} == {False}
    assert found[0].observed == "not readable in 0.05 s"


@pytest.mark.parametrize("spoil", ["refuses", "changes"])
def test_rows_that_are_refused_or_changed_are_a_failure(edges: tuple[Edge, Edge], tmp_path: Path, spoil: str) -> None:
    """By the far region, or on the way."""
    edges[0].status = 503 if spoil == "refuses" else 201
    edges[1].changes = spoil == "changes"
    assert {one.ok for one in probe(edges, tmp_path, "50 ms")} == {False}


def test_a_region_without_an_entry_is_named(tmp_path: Path) -> None:
    """With those that have one."""
    file = tmp_path / "target.yaml"
    file.write_text("name: t\nenvironment: staging\nentry: http://127.0.0.1:1\nledger: {path: /ledger, read: true}\n")
    with pytest.raises(ConfigurationError, match="the region far has no entry"):
        written_and_read(load_target(file), {"from": "far", "to": "home", "within": "5 s"})
