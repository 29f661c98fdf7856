"""visitor: requests every page of the frontend with what it loads, and reports how long each took, as the script of a page does."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from typing import Final

import aiohttp

from .kit.transport import client_context

_LINK: Final = re.compile(r'<a href="(/[a-z-]*)"')
_ASSET: Final = re.compile(r'(?:href|src)="(/assets/[^"]+)"')
_WITHIN: Final = aiohttp.ClientTimeout(total=5)


async def visit(session: aiohttp.ClientSession, base: str) -> list[str]:
    """Visit every page that can be reached from the first one, each with an empty cache; the pages that were reported.

    Raises aiohttp.ClientError or TimeoutError when the frontend does not answer.
    """
    to_visit, reported = ["/"], []
    while to_visit:
        page = to_visit.pop(0)
        began_s = time.monotonic()
        text = await _text(session, base + page)
        await asyncio.gather(*(_text(session, base + asset) for asset in dict.fromkeys(_ASSET.findall(text))))
        timing = {"page": page, "seconds": time.monotonic() - began_s}
        async with session.post(f"{base}/timings", json=timing, timeout=_WITHIN) as answer:
            if answer.status != 202:
                sys.stderr.write(f"{page}: the timing was refused with {answer.status}\n")
        reported.append(page)
        to_visit += [link for link in dict.fromkeys(_LINK.findall(text)) if link not in (*reported, *to_visit)]
    return reported


async def _text(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url, timeout=_WITHIN) as answer:
        answer.raise_for_status()
        return await answer.text()


async def _visits(base: str, every_s: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tls = client_context()
    connector = aiohttp.TCPConnector(ssl=True if tls is None else tls)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        while not stop.is_set():
            try:
                await visit(session, base)
            except (aiohttp.ClientError, TimeoutError) as error:
                sys.stderr.write(f"no visit: {error or type(error).__name__}\n")
            try:
                await asyncio.wait_for(stop.wait(), every_s)
            except TimeoutError:
                continue


def main() -> None:
    """Visit as a pod, until SIGTERM."""
    host = os.environ["NORMALDANCE_FRONTEND_SERVICE_HOST"]
    port = os.environ["NORMALDANCE_FRONTEND_SERVICE_PORT"]
    scheme = "http" if client_context() is None else "https"
    asyncio.run(_visits(f"{scheme}://{host}:{port}", float(os.environ.get("VISIT_EVERY_S", "5"))))


if __name__ == "__main__":
    main()
