"""`portal-links`: checks that the self-service portal answers, and everything that its first page links to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from harness.drivers.check.claim import claim
from harness.drivers.check.links.answers import WITHIN_S, ask, linked, site
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

_MOST: Final = 200
"""Maximum number of links of the page that are requested."""
_FAILED: Final = 400
_LINKS: Final = {"a": "href", "link": "href", "script": "src", "img": "src"}
_HINTS: Final = frozenset({"preconnect", "dns-prefetch"})
"""Relations of a `link` element that only names a host to connect to, not a page."""


class _Links(HTMLParser):
    """Collects the links of a page, without duplicates and in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        value = known.get(_LINKS.get(tag, ""))
        if value and not (tag == "link" and _HINTS & {*(known.get("rel") or "").lower().split()}):
            self.found.setdefault(value)


@claim(
    "the self-service portal answers 200 and every link on its first page answers below 400",
    needs=(RequiredKey("portal", "the portal and what it links to are requested"),),
)
def portal_links(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """The page at `portal` of the target file, and the pages, styles, scripts and pictures that it links to.

    Redirects are followed.
    """
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
    """The fact on the number of links, if there are none or too many to request."""
    seen = f"{number}, of which the first {_MOST} were requested" if number else "none"
    return FactReading(subject=f"{portal}: links", expected=f"1 to {_MOST} links", observed=seen, ok=None)


def _linked(page: str, text: str) -> Sequence[str]:
    """The links with http or https addresses, valid or not."""
    reader = _Links()
    reader.feed(text)
    absolute = dict.fromkeys(linked(page, link) for link in reader.found)
    return [link for link in absolute if site(link)[0] in {"http", "https", ""} and link != page]


def _link(client: httpx.Client, link: str) -> FactReading:
    """The fact that an address answers, with redirects followed; unknown if another site answered."""
    answered = ask(client, link)
    answers = 0 < answered.status < _FAILED
    led = f"redirected to another site, {answered.led_to}: not read" if answers and answered.led_to else ""
    return FactReading(
        subject=link,
        expected=f"a status below {_FAILED}",
        observed=led or answered.words,
        ok=None if led else answers,
    )
