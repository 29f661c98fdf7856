"""Notices that a receiver has got, on record once each, with the times of its own clock."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler

from harness import clock
from harness.drivers.watch.entry.wires import Wires
from harness.drivers.watch.monitor.notices import Notices
from harness.drivers.watch.recorder import WatchRecorder
from readiness_sandbox.platform.monitor.moments import rfc3339
from readiness_sandbox.platform.monitor.receiver import NoticeLog


def webhook(name: str, began_s: float, status: str = "firing") -> dict[str, Any]:
    """As Alertmanager sends it."""
    alert = {
        "status": status,
        "labels": {"alertname": name},
        "annotations": {"text": "down"},
        "startsAt": rfc3339(began_s),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "1",
    }
    return {"version": "4", "status": status, "receiver": "on-call", "alerts": [alert]}


@pytest.fixture
def recorder(tmp_path: Path) -> WatchRecorder:
    """Of a watch that has just begun."""
    return WatchRecorder(tmp_path)


def recorded(tmp_path: Path) -> list[dict[str, Any]]:
    """The lines of the history."""
    text = (tmp_path / "history" / "notices.ndjson").read_text(encoding="utf-8")
    return [json.loads(line)["fields"] for line in text.splitlines()]


def test_each_notice_is_recorded_once_from_the_beginning_of_the_watch_on(
    tmp_path: Path, recorder: WatchRecorder
) -> None:
    """What was there before is passed over; an answer that is none loses nothing."""

    async def watch() -> None:
        runner = web.AppRunner(NoticeLog({}).application())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        wires = Wires(base, ssl.create_default_context())
        attendance = recorder.attendance("notices")
        notices = Notices(f"{base}/notices", wires, recorder, attendance)
        now_s = clock.wall().timestamp()
        async with ClientSession() as session:
            await (await session.post(f"{base}/notices", json=webhook("Before", now_s))).read()
            await notices.probe(0)
            for name, status in (("Down", "firing"), ("Down", "resolved")):
                await (await session.post(f"{base}/notices", json=webhook(name, now_s - 300, status))).read()
            await notices.probe(0)
        await runner.cleanup()
        await notices.probe(0)
        notices.end()
        await wires.close()

    asyncio.run(watch())
    found = recorded(tmp_path)
    assert [(one["number"], one["status"], one["alerts"][0]["labels"]["alertname"]) for one in found] == [
        (2, "firing", "Down"),
        (3, "resolved", "Down"),
    ]
    for one in found:
        assert (one["at_ns"] - one["alerts"][0]["starts_ns"]) / 1e9 == pytest.approx(300, abs=30)
    told = (tmp_path / "history" / "watch.ndjson").read_text(encoding="utf-8")
    assert "the receiver returned no list of notices: " in told
    assert "watch.blind" in told


def test_until_the_first_valid_answer_it_is_unknown_what_came(tmp_path: Path, recorder: WatchRecorder) -> None:
    """What the log has by then is passed over; from that answer on it keeps what came."""

    async def watch() -> int:
        log = NoticeLog({}).application()
        answers = {"status": 503}

        @web.middleware
        async def failing(request: web.Request, handler: Handler) -> web.StreamResponse:
            return web.Response(status=503) if answers.pop("status", 0) else await handler(request)

        log.middlewares.append(failing)
        runner = web.AppRunner(log)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        wires = Wires(base, ssl.create_default_context())
        notices = Notices(f"{base}/notices", wires, recorder, recorder.attendance("notices"))
        await notices.probe(0)
        failed_ns = clock.now_ns()
        await notices.probe(0)
        await notices.probe(0)
        notices.end()
        await wires.close()
        await runner.cleanup()
        recorder.started("notices", 250, "history/notices.ndjson")
        recorder.close()
        return failed_ns

    failed_ns = asyncio.run(watch())
    told = [
        json.loads(line) for line in (tmp_path / "history" / "watch.ndjson").read_text(encoding="utf-8").splitlines()
    ]
    (blind,) = [line["fields"] for line in told if line["kind"] == "watch.blind"]
    (closed,) = [line["fields"] for line in told if line["kind"] == "watch.closed"]
    assert blind["from_ns"] < failed_ns < closed["first_answer_ns"] < blind["until_ns"] < closed["last_answer_ns"]
