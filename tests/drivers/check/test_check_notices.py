"""A test alert whose receiver is slow to show what it has."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from harness.drivers.check.monitor.notices import test_alert as posted_alert
from harness.targets import load_target
from tests.builders.http_servers import Quiet, serving

if TYPE_CHECKING:
    from pathlib import Path

RULES = b'{"status": "success", "data": {"groups": []}}'


@pytest.mark.parametrize(("within", "ok"), [("100 ms", False), ("60 s", True)])
def test_a_notice_that_is_found_too_late_is_no_pass(tmp_path: Path, within: str, *, ok: bool) -> None:
    """It was asked for in time, and the answer that has it came half a second later."""
    posted: list[bytes] = []

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["content-length"])))
            self._say(b"")

        def do_GET(self) -> None:
            if "rules" in self.path:
                self._say(RULES)
                return
            threading.Event().wait(0.5)
            self._say(b"".join(posted))

        def _say(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(Handler) as url:
        (tmp_path / "target.yaml").write_text(
            f"name: shop\nenvironment: sandbox\nentry: http://127.0.0.1:1\nprometheus: {url}\n"
            f"alerting: {{receiver: {url}/notices, alertmanager: {url}}}\n"
        )
        *_, arrived = posted_alert(load_target(tmp_path / "target.yaml"), {"within": within})()
    assert (arrived.subject, arrived.ok) == ("ReadinessTest", ok), arrived.observed
    assert arrived.observed.startswith("a notice after ")
