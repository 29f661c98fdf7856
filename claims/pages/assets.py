"""`page-assets`: checks the pages of the website and the assets that each page loads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from harness.drivers.check.claim import claim
from harness.drivers.check.links.answers import WITHIN_S, LinkAnswer, ask
from harness.drivers.check.links.website import Page, pages_of, website_of
from harness.drivers.facts import FactProbe, FactReading
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

_COMPRESSED: Final = frozenset({"gzip", "br", "zstd", "deflate", "compress"})
_IN_ITSELF: Final = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "font/woff",
    "video/",
    "audio/",
)
"""Content types that are already compressed."""
_HASH: Final = re.compile(r"[.-]([A-Za-z0-9_-]{8,64})\.[A-Za-z0-9.]+$")
"""A hash as the last part of a name before its suffix: `main.3f9a2b1c.js`, `index-BQx3aZ1c.css`."""
_BEGINS: Final = re.compile(r"([0-9a-f]{16,64})[.-]")
"""A hash as the first part of a name, as in Next.js: `94fdbc56eafa2039.css`, `c9a5bc6a7c948fb0-s.p.woff2`."""
_ALONE: Final = re.compile(r"([A-Za-z0-9_-]{8,64})\.[A-Za-z0-9.]+$")
"""A name with one part only: `DlAUqK2U.js`."""
_CHANGES: Final = 2
"""Changes between digits, capitals and small letters: a word has at most one, eight random characters nearly always more."""
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+)*[0-9]*")
"""Capitalised words with an optional number: by its letters alone `SemiBold` is as random as the hash `DiwrgTda`."""
_NAMED: Final = {
    True: "named by hash",
    False: "no hash",
    None: "a hash or words: unclear, since `Cache-Control` is not immutable",
}


@dataclass(kw_only=True, slots=True)
class _Assets:
    """Requests assets, each only once."""

    client: httpx.Client
    known: dict[str, LinkAnswer] = field(default_factory=dict)

    def of(self, url: str) -> LinkAnswer:
        if url not in self.known:
            self.known[url] = ask(self.client, url)
        return self.known[url]


@claim(
    "the assets of every page are compressed, named by hash and below <most:count> kB together",
    example="the assets of every page are compressed, named by hash and below 500 kB together",
    needs=(RequiredKey("website", "its pages and what they load are requested"),),
)
def page_assets(target: Target, params: Mapping[str, str]) -> FactProbe:
    """From `website` of the target file every page of that host is followed; styles, scripts, pictures and icons that each loads are requested, and counted as they are sent."""
    first, most = website_of(target), float(params["most"])

    def probe() -> Sequence[FactReading]:
        with http_client(target, first, timeout_s=WITHIN_S) as client:
            pages, assets = pages_of(client, first), _Assets(client=client)
            sizes = [_size(page, assets, most) for page in pages]
            each = [fact for url, answered in sorted(assets.known.items()) for fact in _of_asset(url, answered)]
        if not assets.known:
            each = [
                FactReading(
                    subject=f"{first}: assets", expected="pages that load assets", observed="no page does", ok=None
                )
            ]
        return [*sizes, *each]

    return probe


def _size(page: Page, assets: _Assets, most: float) -> FactReading:
    """The fact about the size of a page's assets, as sent or, if an answer gives no length, decoded."""
    expected = f"assets below {most:g} kB"
    if page.words != "status 200":
        return FactReading(subject=page.url, expected=expected, observed=page.words, ok=False)
    answers = [assets.of(url) for url in page.assets]
    missing = [one for one in answers if not one.ok]
    size = sum(one.sent_bytes for one in answers) / 1000
    return FactReading(
        subject=page.url,
        expected=expected,
        observed=f"{len(answers)} assets, {size:.4g} kB" + (f", {len(missing)} without an answer" if missing else ""),
        ok=False if size >= most else None if missing else True,
    )


def _of_asset(url: str, answered: LinkAnswer) -> Iterator[FactReading]:
    if not answered.ok:
        yield answered.as_fact(url)
        return
    coding, kind = answered.headers.get("content-encoding", ""), answered.headers.get("content-type", "")
    ok = bool(_COMPRESSED & {one.strip() for one in coding.split(",")}) or kind.startswith(_IN_ITSELF)
    yield FactReading(
        subject=f"{url}: coding", expected="compressed", observed=coding or f"not compressed ({kind})", ok=ok
    )
    hashed = is_named_by_hash(url, immutable="immutable" in answered.headers.get("cache-control", "").lower())
    yield FactReading(subject=f"{url}: name", expected="named by hash", observed=_NAMED[hashed], ok=hashed)


def is_named_by_hash(url: str, *, immutable: bool = False) -> bool | None:
    """Whether a part of the name looks like a hash: hexadecimal with a digit, or a mix of letters of both cases and digits.

    The part is the last one before the suffix, or a long hexadecimal first part. Whether it is the hash of the content cannot be
    determined from outside.

    Args:
        url: of the asset.
        immutable: whether the server marks the asset as immutable, which means that its name changes with its content.

    Returns:
        None if the part may also consist of words: `SemiBold`, `UserProfile2`.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if (first := _BEGINS.match(name)) and _is_hexadecimal(first[1]):
        return True
    found = _HASH.search(name) or (_ALONE.match(name) if immutable else None)
    if found is None:
        return False
    word = found[1].replace("-", "").replace("_", "")
    if _is_hexadecimal(word):
        return True
    kinds = [(one.isdigit(), one.isupper()) for one in word]
    if sum(before != after for before, after in pairwise(kinds)) < _CHANGES:
        return False
    return True if immutable or not _WORDS.fullmatch(word) else None


def _is_hexadecimal(word: str) -> bool:
    return bool(re.fullmatch("[0-9a-f]+", word)) and any(one.isdigit() for one in word)
