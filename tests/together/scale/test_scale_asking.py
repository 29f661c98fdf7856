"""The program that sends requests to copies of a pod."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from harness.drivers.scale.asking import PROGRAM
from readiness_sandbox.cluster.tls import Authority
from tests.builders.addresses import NET

if TYPE_CHECKING:
    from pathlib import Path


class Page(BaseHTTPRequestHandler):
    """One page, and no other."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the page, or that there is none."""
        self.send_response(200 if self.path == "/portal" else 421)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("path", ["/portal", "/other"])
def test_copies_are_asked_with_tls_where_they_speak_it(tmp_path: Path, path: str, *, secure: bool) -> None:
    """By their address, which no certificate names: it is the throughput that counts. What is answered with an error has failed."""
    with ThreadingHTTPServer((f"{NET}1", 0), Page) as server:
        if secure:
            Authority("test").issue("pages").write(tmp_path / "tls.crt", tmp_path / "tls.key")
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"{'https://' if secure else ''}{NET}1:{server.server_port}"
        words = [path, "0", "0.2", "0.2", "2", "2", place]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True, timeout=60
        )
        server.shutdown()
    turns = json.loads(done.stdout)
    assert len(turns) == 2
    answers, failed = (sum(turn[key] for turn in turns) for key in ("answers", "failed"))
    assert (answers > 0, failed > 0) == (path == "/portal", path != "/portal")
