"""`portal-links`: does the self-service portal answer, and what its first page links to?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from harness.drivers.check.links.answers import WITHIN_S, ask, linked, site
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

_MOST: Final = 200
"""Links of one page that are followed."""
_FAILED: Final = 400
_LINKS: Final = {"a": "href", "link": "href", "script": "src", "img": "src"}
_HINTS: Final = frozenset({"preconnect", "dns-prefetch"})
"""Relations of a `link` that names a host to be connected to, and no page of it."""


class _Links(HTMLParser):
    """Collects what a page links to, each once and in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        value = known.get(_LINKS.get(tag, ""))
        if value and not (tag == "link" and _HINTS & {*(known.get("rel") or "").lower().split()}):
            self.found.setdefault(value)


def portal_links(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Request the portal, redirects followed, and each page, style, script and picture that its first page links to."""
    if not target.portal:
        raise ConfigurationError("names no portal", where=f"{target.file}: portal", hint="write `portal: https://…`")
    portal = target.portal

    def probe() -> Sequence[FactReading]:
        with http_client(target, portal, timeout_s=WITHIN_S) as client:
            first = ask(client, portal)
            links = () if first.unread else _linked(first.url, first.text)
            seen = [first.as_fact(portal), *(_link(client, link) for link in links[:_MOST])]
        return [*seen, *([] if 0 < len(links) <= _MOST or first.unread else [_number(portal, len(links))])]

    return probe


def _number(portal: str, number: int) -> FactReading:
    """That not every link was asked for, or that there is none."""
    seen = f"{number}, of which the first {_MOST} were asked for" if number else "none"
    return FactReading(subject=f"{portal}: links", expected=f"1 to {_MOST} links", observed=seen, ok=None)


def _linked(page: str, text: str) -> Sequence[str]:
    """Addresses of the web, valid or not."""
    reader = _Links()
    reader.feed(text)
    absolute = dict.fromkeys(linked(page, link) for link in reader.found)
    return [link for link in absolute if site(link)[0] in {"http", "https", ""} and link != page]


def _link(client: httpx.Client, link: str) -> FactReading:
    """That it answers, redirects followed; of what answers at another site that is not known."""
    answered = ask(client, link)
    answers = 0 < answered.status < _FAILED
    led = f"led to {answered.led_to}: not read" if answers and answered.led_to else ""
    return FactReading(
        subject=link,
        expected=f"a status below {_FAILED}",
        observed=led or answered.words,
        ok=None if led else answers,
    )
