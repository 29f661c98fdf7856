"""`portal-links`: does the self-service portal answer, and what its first page links to?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.http import http_client

_WITHIN_S: Final = 5.0
_MOST: Final = 200
"""Links of one page that are followed."""
_FAILED: Final = 400
_LINKS: Final = {"a": "href", "link": "href", "script": "src", "img": "src"}


class _Links(HTMLParser):
    """Collects what a page links to, each once and in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        value = dict(attrs).get(_LINKS.get(tag, ""))
        if value:
            self.found.setdefault(value)


def portal_links(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Request the portal, and each page, style, script and picture that its first page links to."""
    if not target.portal:
        raise ConfigurationError("names no portal", where=f"{target.file}: portal", hint="write `portal: https://…`")
    portal = target.portal

    def probe() -> Sequence[FactReading]:
        with http_client(target, portal, timeout_s=_WITHIN_S) as client:
            status, text = _answer(client, portal)
            first = FactReading(subject=portal, expected="status 200", observed=status, ok=status == "status 200")
            links = _linked(portal, text) if first.ok else ()
            return [first, *(_link(client, link) for link in links)]

    return probe


def _linked(page: str, text: str) -> Sequence[str]:
    reader = _Links()
    reader.feed(text)
    absolute = (urldefrag(urljoin(page, link)).url for link in reader.found)
    followed = dict.fromkeys(link for link in absolute if urlsplit(link).scheme in ("http", "https") and link != page)
    return tuple(followed)[:_MOST]


def _link(client: httpx.Client, link: str) -> FactReading:
    status, _ = _answer(client, link)
    number = status.removeprefix("status ")
    ok = number.isdecimal() and int(number) < _FAILED
    return FactReading(subject=link, expected=f"a status below {_FAILED}", observed=status, ok=ok)


def _answer(client: httpx.Client, url: str) -> tuple[str, str]:
    """`status 200`, or what is wrong with the answer; and its text."""
    try:
        answer = client.get(url)
    except httpx.TimeoutException:
        return "no answer in time", ""
    except httpx.HTTPError as error:
        return f"no answer: {error}", ""
    return f"status {answer.status_code}", answer.text
