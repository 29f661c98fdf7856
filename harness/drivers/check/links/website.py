"""The pages of a website, found by links from the first, and what each loads."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from harness.drivers.check.links.answers import LinkAnswer, ask, linked, site
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target

if TYPE_CHECKING:
    import httpx

_MOST_PAGES: Final = 200
_LOADED: Final = {"script": "src", "img": "src", "source": "src", "video": "src", "audio": "src"}
_LOADED_LINKS: Final = frozenset({"stylesheet", "icon", "preload", "modulepreload", "manifest", "apple-touch-icon"})


@dataclass(kw_only=True, slots=True)
class Page:
    """A page with the addresses that it loads and links to, without duplicates and in order."""

    url: str
    assets: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    words: str = "status 200"


class _PageReader(HTMLParser):
    """Collects the assets that a page loads and the pages that it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: dict[str, None] = {}
        self.links: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "link" and _LOADED_LINKS & {*known.get("rel", "").lower().split()}:
            found = known.get("href", "")
        else:
            found = known.get(_LOADED.get(tag, ""), "")
        if found and not found.startswith("data:"):
            self.assets.setdefault(found)
        if tag == "a" and known.get("href"):
            self.links.setdefault(known["href"])


def website_of(target: Target) -> str:
    """The address of the first page; raises ConfigurationError if the target file names none."""
    if not target.website:
        raise ConfigurationError("names no website", where=f"{target.file}: website", hint="write `website: https://…`")
    return target.website if urlsplit(target.website).path else f"{target.website}/"


def pages_of(client: httpx.Client, first: str) -> list[Page]:
    """The first page and every page of the same host that can be reached from it by links, at most 200.

    Raises:
        DriverError: there are more than 200 pages.
    """
    pages: dict[str, Page] = {}
    to_read, asked = [first], set[str]()
    while to_read:
        url = to_read.pop(0)
        if url in asked:
            continue
        if len(pages) == _MOST_PAGES:
            raise DriverError(f"the website has more than {_MOST_PAGES} pages", where=first)
        asked.add(url)
        answered = ask(client, url)
        if not answered.ok or "html" in answered.headers.get("content-type", ""):
            pages[url] = _page(url, answered)
            to_read += [link for link in pages[url].links if _same_site(link, first)]
    return list(pages.values())


def _page(url: str, answered: LinkAnswer) -> Page:
    reader = _PageReader()
    reader.feed(answered.text if answered.ok else "")
    assets, links = ({linked(answered.url, one): None for one in of} for of in (reader.assets, reader.links))
    return Page(url=url, assets=tuple(assets), links=tuple(links), words=answered.words)


def _same_site(link: str, first: str) -> bool:
    return site(link) == site(first)
