"""A test alert whose receiver is slow to show what it has."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from harness.drivers.check.monitor.notices import test_alert as posted_alert
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, shop_of

if TYPE_CHECKING:
    from pathlib import Path

RULES = b'{"status": "success", "data": {"groups": []}}'


@pytest.mark.parametrize(("within", "ok"), [("100 ms", False), ("60 s", True)])
def test_a_notice_that_is_found_too_late_is_no_pass(tmp_path: Path, within: str, *, ok: bool) -> None:
    """It was asked for in time, and the answer that has it came half a second later."""
    posted: list[bytes] = []

    class Handler(Answers, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.sent())
            self.say(200)

        def do_GET(self) -> None:
            if "rules" in self.path:
                self.say(200, RULES)
                return
            threading.Event().wait(0.5)
            self.say(200, b"".join(posted))

    with serving(Handler) as url:
        alerting = {"receiver": f"{url}/notices", "alertmanager": url}
        *_, arrived = posted_alert(shop_of(tmp_path, prometheus=url, alerting=alerting), {"within": within})()
    assert (arrived.subject, arrived.ok) == ("ReadinessTest", ok), arrived.observed
    assert arrived.observed.startswith("a notice after ")
