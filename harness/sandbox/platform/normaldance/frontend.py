"""frontend: the pages that a browser gets, as files, and the health that the probes ask for."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from .kit.app import Handler, answer, build, serve
from .kit.settings import PodSettings

PAGES = Path(__file__).parent / "pages"
TYPES = {".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml"}
AGE_S = 300
"""How long a browser may keep a page."""


def application(settings: PodSettings, directory: Path = PAGES) -> web.Application:
    """The pages of a directory, each at its own name, `index.html` at `/`; they are read once, when the pod starts."""
    found = {file.name: file for file in sorted(directory.iterdir()) if file.suffix in TYPES}

    async def health(_: web.Request) -> web.Response:
        return answer({"status": "ok"})

    routes = [web.get("/api/health", health)]
    for name, file in found.items():
        path = "/" if name == "index.html" else f"/{name.removesuffix('.html')}"
        routes.append(web.get(path, _page(file.read_text("utf-8"), TYPES[file.suffix], settings.release)))
    return build(settings, routes)


def _page(text: str, content_type: str, release: str) -> Handler:
    content = text.replace("{release}", release)

    async def page(_: web.Request) -> web.Response:
        kept = {"cache-control": f"public, max-age={AGE_S}"}
        return web.Response(text=content, headers=kept, content_type=content_type, charset="utf-8")

    return page


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("normaldance-frontend")
    serve(application(settings), settings)


if __name__ == "__main__":
    main()
