"""Requests addresses, and reads the age and the release of their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urldefrag, urljoin, urlsplit

from harness import clock
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.model import Quantity
from harness.model.naming import names_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from harness.targets import Target

WITHIN_S: Final = 5.0
_FINE: Final = 200
_RELEASE: Final = ("release", "version")
"""Keys of a JSON object that name its release; the first one with a text is used."""
_MOST_BYTES: Final = 32 * 1024 * 1024
"""Maximum number of bytes that are read of an answer; a longer answer counts as this long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkAnswer:
    """The answer of an address.

    Attributes:
        url: address that answered, after redirects.
        words: `status 200`, or why there is no answer.
        status: HTTP status; 0 without an answer.
        led_to: scheme and host of another site that redirects led to, such as a sign-in page; empty: the requested site answered.
        text: the decoded body; may be empty.
        sent_bytes: size of the body as it was sent.
        headers: headers with lower-case names.
    """

    url: str
    words: str
    status: int = 0
    led_to: str = ""
    text: str = ""
    sent_bytes: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 200."""
        return self.status == _FINE

    @property
    def unread(self) -> str:
        """Why the text is not that of the requested address; empty if it is."""
        if not self.ok:
            return self.words
        return f"redirected to another site, {self.led_to}: not read" if self.led_to else ""

    @property
    def modified_at(self) -> datetime | None:
        """The time in the header Last-Modified; None if it is missing or invalid."""
        try:
            return parsedate_to_datetime(self.headers.get("last-modified", ""))
        except (TypeError, ValueError):
            return None

    def as_fact(self, subject: str) -> FactReading:
        """The fact that an address answers 200; unknown if it redirects to another site."""
        ok = None if self.ok and self.led_to else self.ok
        return FactReading(subject=subject, expected="status 200", observed=self.unread or self.words, ok=ok)


def ask(client: httpx.Client, url: str) -> LinkAnswer:
    """Request an address, with redirects followed, and gzip and deflate accepted; errors become part of the answer."""
    import httpx

    accepted = {"accept-encoding": "gzip, deflate"}
    try:
        with client.stream("GET", url, headers=accepted, follow_redirects=True) as answer:
            body = bytearray()
            deadline = clock.Deadline.after(WITHIN_S)
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    break
                if deadline.over:
                    return LinkAnswer(url=url, words="no answer in time")
            sent = answer.num_bytes_downloaded
    except httpx.TimeoutException:
        return LinkAnswer(url=url, words="no answer in time")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return LinkAnswer(url=url, words=f"no answer: {error or type(error).__name__}")
    return LinkAnswer(
        url=str(answer.url),
        words=f"status {answer.status_code}",
        status=answer.status_code,
        led_to=_led_to((answer.history or [answer])[0].url, answer.url),
        text=body.decode(answer.encoding or "utf-8", errors="replace"),
        sent_bytes=sent,
        headers={name.lower(): value for name, value in answer.headers.items()},
    )


def _led_to(asked: httpx.URL, answered: httpx.URL) -> str:
    """The site that answered if it is not the requested one; a redirect from http to https of one host is the same site."""
    sites = [(url.scheme, url.host, url.port) for url in (asked, answered)]
    secured = asked.host == answered.host and (asked.scheme, answered.scheme) == ("http", "https")
    return "" if secured or sites[0] == sites[1] else f"{answered.scheme}://{answered.netloc.decode('ascii')}"


def linked(page: str, link: str) -> str:
    """The absolute address of a link in a page; an invalid link, such as `http://[your-host]/`, is returned unchanged."""
    try:
        return urldefrag(urljoin(page, link)).url
    except ValueError:
        return link


def site(url: str) -> tuple[str, str]:
    """Scheme and host with port; the host is empty for an invalid address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0].lower(), ""
    return parts.scheme, parts.netloc


def names_it(answered: LinkAnswer, subject: str, release: str) -> FactReading:
    """The fact whether an answer names the release; unknown if the requested site did not answer."""
    named = names_release(_of_release(answered.text), release)
    return FactReading(
        subject=subject,
        expected=f"names {release}",
        observed=answered.unread or (f"names {release}" if named else "does not name it"),
        ok=None if answered.unread else named,
    )


def _of_release(text: str) -> str:
    """The part of a text that names its release: one key of a JSON object, else the complete text.

    Other keys are ignored, since they may contain an equal number, such as the version of a schema.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    said = [content.get(key) for key in _RELEASE] if isinstance(content, dict) else []
    return next((one for one in said if isinstance(one, str)), text)


def age_s(moment: datetime) -> float:
    """Seconds since a moment; a moment without a time zone is in UTC."""
    now = clock.wall()
    known = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    return (now - known).total_seconds()


def said_age(seconds: float) -> str:
    """An age as text: `1.5 h`."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def release_of(target: Target) -> str:
    """The release under test; raises DriverError if it is not known."""
    if not target.release.version:
        raise DriverError(
            "the release under test is not known",
            where=f"{target.file}: release",
            hint="write `release: {version: …}`, or give --release",
        )
    return target.release.version


def period_s(text: str, target: Target) -> float:
    """A length of time of a sentence in seconds, divided by the target's time scale unless `(not scaled)` follows it."""
    said, _, mark = text.partition(" (")
    return Quantity.parse(said, scaled=not mark).at_scale(target.time_scale).in_unit("s")
