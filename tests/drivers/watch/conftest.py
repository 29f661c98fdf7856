"""A small platform to watch: a real HTTP service on loopback whose behaviour a test changes as it runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from harness.drivers.watch import WatchSettings, ledger_clients, watch_settings
from tests.builders.http_servers import Quiet


class Service(ThreadingHTTPServer):
    """Answers reads, health, ledger and pipeline.

    Attributes:
        mode: what the next answers are: `ok`, `hang`, `503`, `garbage`, `cut`.
        written: ledger writes by (client, sequence), with the checksum that reads show.
        forgotten: writes that reads do not show.
        garbled: whether reads of the ledger show other checksums than were written.
        events: copies and checksum of the events that are visible, by id.
        asked: the targets of the GET requests, as sent.
        copies: that the next accepted events become visible with; 0: never.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.mode = "ok"
        self.written: dict[tuple[int, int], str] = {}
        self.forgotten: set[tuple[int, int]] = set()
        self.garbled = False
        self.events: dict[str, tuple[int, str]] = {}
        self.copies = 1
        self.asked: list[str] = []
        self.connections = 0
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(Quiet, BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path, _, query = self.path.partition("?")
        if path == "/ledger":
            self._answer(200, json.dumps({"rows": self._rows(dict(parse_qsl(query)))}).encode())
        elif path.startswith("/events/"):
            copies, checksum = self.server.events.get(path.removeprefix("/events/"), (0, ""))
            self._answer(200 if copies else 404, json.dumps({"copies": copies, "checksum": checksum}).encode())
        else:
            self._answer(200, b'{"id": 1}')

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/events":
            self.server.events[body["id"]] = (self.server.copies, body["checksum"])
        else:
            self.server.written[body["client"], body["sequence"]] = body["checksum"]
        self._answer(202 if self.path == "/events" else 201, b"{}")

    def _rows(self, asked: dict[str, str]) -> list[tuple[int, str]]:
        return [
            (sequence, "another" if self.server.garbled else checksum)
            for (client, sequence), checksum in list(self.server.written.items())
            if client == int(asked["client"])
            and asked.get("sequence", str(sequence)) == str(sequence)
            and (client, sequence) not in self.server.forgotten
        ]

    def _answer(self, status: int, body: bytes) -> None:
        mode = self.server.mode
        if mode == "hang":
            self.server.ended.wait(30)
        if mode in {"hang", "cut"}:
            self.close_connection = True
            return
        self.send_response(503 if mode == "503" else status)
        body = b'{"id": ' if mode == "garbage" else body
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-served-pod", "pod-1")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service() -> Iterator[Service]:
    """A service that answers."""
    server = Service("127.95.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target_file(service: Service, tmp_path: Path) -> Path:
    """A target file that names the service as entry, as two regions and as ledger."""
    file = tmp_path / "target.yaml"
    file.write_text(
        "name: small\n"
        "environment: sandbox\n"
        f"entry: {service.url}\n"
        "regions:\n"
        f"  north: {{entry: '{service.url}'}}\n"
        f"  south: {{entry: '{service.url}'}}\n"
        "probes: {health: /health, read: /tracks/1}\n"
        "ledger: {path: /ledger, read: true}\n"
        "pipeline: {accept: /events, visible: '/events/{id}'}\n"
        "disposable: true\n",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def settings(target_file: Path, tmp_path: Path) -> WatchSettings:
    """A watch of the small platform."""
    return watch_settings(target_file, tmp_path / "run", clients=ledger_clients("run-1", 7))
