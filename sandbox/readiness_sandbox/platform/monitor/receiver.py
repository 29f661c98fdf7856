"""receiver: takes Alertmanager's notices as a pager would, shows which came when, and what to do about each alert.

POST /notices            a webhook of version 4
GET  /notices?since=N    {"notices": [{"number", "received_at", "notice"}]}, those after number N
GET  /runbooks/ALERT     the page of an alert, as Markdown, from the directory RUNBOOKS_DIR
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from .moments import rfc3339
from .serving import serve

PORT: Final = 8080
_KEPT: Final = 10_000


def runbooks_in(directory: Path, release: str) -> dict[str, str]:
    """The pages of a directory by name, each with the release that it is for; none where there is no such directory."""
    return {file.stem: file.read_text("utf-8").replace("{release}", release) for file in directory.glob("*.md")}


class NoticeLog:
    """The last notices, numbered from 1.

    Args:
        runbooks: pages by the name of their alert.
    """

    def __init__(self, runbooks: Mapping[str, str]) -> None:
        self._runbooks = runbooks
        self._notices: list[dict[str, Any]] = []
        self._number = 0

    def application(self) -> web.Application:
        """What it answers."""
        app = web.Application()
        app.add_routes([web.post("/notices", self._take), web.get("/notices", self._show), web.get("/health", _well)])
        app.add_routes([web.get("/runbooks/{alert}", self._runbook)])
        return app

    async def _take(self, request: web.Request) -> web.Response:
        try:
            notice = json.loads(await request.read())
        except ValueError:
            notice = None
        if not isinstance(notice, dict) or notice.get("version") != "4":
            return web.json_response({"error": "not a webhook of version 4"}, status=400)
        self._number += 1
        self._notices.append({"number": self._number, "received_at": rfc3339(time.time()), "notice": notice})
        del self._notices[:-_KEPT]
        return web.Response(status=202)

    async def _show(self, request: web.Request) -> web.Response:
        try:
            since = int(request.query.get("since", "0"))
        except ValueError:
            return web.json_response({"error": "since: not a number"}, status=400)
        return web.json_response({"notices": [one for one in self._notices if one["number"] > since]})

    async def _runbook(self, request: web.Request) -> web.Response:
        page = self._runbooks.get(request.match_info["alert"])
        if page is None:
            return web.json_response({"error": "no such runbook"}, status=404)
        return web.Response(text=page, content_type="text/markdown")


async def _well(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def main() -> int:
    """Serve as a pod."""
    pages = runbooks_in(Path(os.environ.get("RUNBOOKS_DIR", "runbooks")), os.environ.get("RELEASE", ""))
    asyncio.run(
        serve(
            NoticeLog(pages).application(),
            os.environ.get("POD_IP", "127.0.0.1"),
            int(os.environ.get("PORT", str(PORT))),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
