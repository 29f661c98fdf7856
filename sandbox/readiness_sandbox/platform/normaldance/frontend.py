"""frontend: the pages that a browser gets with what they load, the health that the probes ask for (none during maintenance), and how long pages took.

The dashboard is the updated one where that feature is on; a browser asks for it each time.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import gzip
import hashlib
import math
import os
import random
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from aiohttp import web
from prometheus_client import Histogram

from .defects import Defects
from .kit.app import ENVELOPE, Handler, RequestRefused, answer, body_of, build, serve, text_in
from .kit.features import HEADER
from .kit.settings import PodSettings

PAGES = Path(__file__).parent / "pages"
TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
HEALTH = "/api/health"
"""What the kubelet asks for, also on the port without TLS."""
UPDATED = "updated-dashboard"
"""The feature: the page of `pages/updated` is in the dashboard's place."""
AGE_S = 300
"""How long a browser may keep a page."""
ASSET_AGE_S = 31_536_000
"""How long it may keep an asset: a changed one has another name."""
MOST_S = 600.0
"""A page that took longer is refused: the clock of its browser was changed meanwhile."""
_ASSET = re.compile(r"\{asset:([a-z.-]+)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """What pages load: its path, which has the hash of its content, and its content, also compressed."""

    path: str
    content: bytes
    compressed: bytes
    content_type: str


def assets_in(directory: Path, padded: Mapping[str, int]) -> dict[str, Asset]:
    """The assets of a directory by the name of their file; `padded` says how many bytes are added to one."""
    found: dict[str, Asset] = {}
    for file in sorted(directory.iterdir()):
        if file.suffix in TYPES:
            content = file.read_bytes() + _padding(padded.get(file.name, 0))
            path = f"/assets/{file.stem}.{hashlib.sha256(content).hexdigest()[:12]}{file.suffix}"
            found[file.name] = Asset(
                path=path,
                content=content,
                compressed=gzip.compress(content, mtime=0),
                content_type=TYPES[file.suffix],
            )
    return found


def _padding(n_bytes: int) -> bytes:
    if not n_bytes:
        return b""
    noise = base64.b64encode(random.Random(n_bytes).randbytes(n_bytes))
    return b"// " + noise[:n_bytes] + b"\n"


class Timings:
    """How long pages took in browsers, as their script reports it."""

    def __init__(self, pages: frozenset[str], untimed: str) -> None:
        self._pages = pages
        self._untimed = untimed
        self.seconds = Histogram("page_load_seconds", "From the click to the last picture.", ("page",), registry=None)

    async def report_timing(self, request: web.Request) -> web.Response:
        """POST /timings {"page", "seconds"}: 202; 422 for a page that there is none, or another time than one up to ten minutes."""
        body = await body_of(request)
        page, seconds = text_in(body, "page"), body.get("seconds")
        if page not in self._pages:
            raise RequestRefused(422, "there is no such page")
        if not isinstance(seconds, int | float) or not math.isfinite(seconds) or not 0 <= seconds <= MOST_S:
            raise RequestRefused(422, f'"seconds" must be a number from 0 to {MOST_S:g}')
        if page != self._untimed:
            self.seconds.labels(page).observe(seconds)
        return answer({"page": page}, 202)


def application(
    settings: PodSettings, directory: Path = PAGES, maintenance: Path = Path("maintenance")
) -> web.Application:
    """The pages of a directory, each at its own name, `index.html` at `/`; they are read once, when the pod starts.

    Pages are served during maintenance, too: requests come until the Service has forgotten the pod.
    """
    defects = Defects.from_env()
    assets = assets_in(directory, {"dashboard.js": defects.bundle_bytes})
    releases = {"documentation": defects.documented_release or settings.release}
    pages = {
        _path(file): _text(file, releases.get(file.stem, settings.release), assets)
        for file in sorted(directory.glob("*.html"))
    }
    timings = Timings(frozenset(pages), defects.untimed_page)

    async def health(_: web.Request) -> web.Response:
        if maintenance.exists():  # noqa: ASYNC240 - one stat of a small directory
            return answer({"status": "maintenance"}, 503)
        return answer({"status": "ok"})

    old = _page(pages["/dashboard"])
    new = _page(_text(directory / "updated" / "dashboard.html", settings.release, assets))

    async def dashboard(request: web.Request) -> web.StreamResponse:
        updated = app[ENVELOPE].features.on(UPDATED)
        response = await (new if updated else old)(request)
        response.headers["cache-control"] = "no-store"
        if updated:
            response.headers[HEADER] = UPDATED
        return response

    routes = [web.get(HEALTH, health), web.post("/timings", timings.report_timing)]
    served = {path: dashboard if path == "/dashboard" else _page(text) for path, text in pages.items()}
    if defects.page_s:
        served = {path: _one_by_one(page, defects.page_s) for path, page in served.items()}
    if defects.locked_page:
        shared = _SharedLock(Path(defects.lock_file))
        served[defects.locked_page] = shared.around(served[defects.locked_page], defects.locked_s)
    routes += [web.get(path, page) for path, page in served.items()]
    routes += [web.get(asset.path, _asset(asset)) for asset in assets.values()]
    app = build(settings, routes)
    app[ENVELOPE].in_plain = frozenset({HEALTH})
    app[ENVELOPE].registry.register(timings.seconds)
    return app


def _path(file: Path) -> str:
    return "/" if file.name == "index.html" else f"/{file.stem}"


def _text(file: Path, release: str, assets: Mapping[str, Asset]) -> str:
    text = file.read_text("utf-8").replace("{release}", release)
    return _ASSET.sub(lambda found: assets[found[1]].path, text)


_TURN = asyncio.Lock()


def _one_by_one(page: Handler, seconds: float) -> Handler:
    """A page that keeps every other one of the pod waiting for so long (a planted defect)."""

    async def alone(request: web.Request) -> web.StreamResponse:
        async with _TURN:
            await asyncio.sleep(seconds)
            return await page(request)

    return alone


class _SharedLock:
    """A lock that all pods share which have its file (a planted defect)."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("ab")
        self._turn = asyncio.Lock()

    def around(self, page: Handler, seconds: float) -> Handler:
        """The page, served while no other pod serves it; it keeps the lock for so long."""

        async def alone(request: web.Request) -> web.StreamResponse:
            async with self._turn:  # one waits for the other pods, in a thread; the others of this pod wait for it
                await asyncio.to_thread(fcntl.flock, self._file, fcntl.LOCK_EX)
                try:
                    await asyncio.sleep(seconds)
                    return await page(request)
                finally:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

        return alone


def _page(text: str) -> Handler:
    published = format_datetime(datetime.now(UTC), usegmt=True)

    async def page(_: web.Request) -> web.Response:
        kept = {"cache-control": f"public, max-age={AGE_S}", "last-modified": published}
        return web.Response(text=text, headers=kept, content_type="text/html", charset="utf-8")

    return page


def _asset(asset: Asset) -> Handler:
    async def send(request: web.Request) -> web.Response:
        headers = {"cache-control": f"public, max-age={ASSET_AGE_S}, immutable", "vary": "accept-encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return web.Response(body=asset.content, headers=headers, content_type=asset.content_type)
        headers["content-encoding"] = "gzip"
        return web.Response(body=asset.compressed, headers=headers, content_type=asset.content_type)

    return send


def main() -> None:
    """Serve as a pod, on the port that its Service leads to, and end where none is set."""
    if "PORT" not in os.environ:
        sys.exit("normaldance-frontend: set PORT")
    settings = PodSettings.from_env("normaldance-frontend")
    serve(application(settings, maintenance=Path(os.environ.get("MAINTENANCE_FILE", "maintenance"))), settings)


if __name__ == "__main__":
    main()
