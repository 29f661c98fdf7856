"""Parses an HTTP answer while it arrives.

Only the parts that are used are kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from geventhttpclient._parser import HTTPParseError, HTTPResponseParser

_INTERIM = 200
"""Lowest final status; an answer with a lower status announces another answer."""
_PACKINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_LONGEST_MS: Final = 2e6
"""Maximum serving time in ms that an answer may report, half an hour, which fits its column."""


class Response(HTTPResponseParser):
    """One answer; call `feed` until `complete`.

    Attributes:
        complete: whether the answer is complete.
        body: body as sent, without chunk headers.
        headers: headers by lower-case name; the last value counts; empty until all headers have arrived.
    """

    def __init__(self, method: str) -> None:
        super().__init__()
        self._bodiless = method == "HEAD"
        self._begin()

    @property
    def status_code(self) -> int:
        """HTTP status; 0 before the headers have arrived."""
        return int(self.get_code()) if self._headed else 0

    @property
    def keeps(self) -> bool:
        """Whether the connection can take another request."""
        return self.complete and bool(self.should_keep_alive())

    @property
    def content(self) -> bytes:
        """The decompressed body.

        Raises:
            zlib.error: the body is not compressed as its headers state.
        """
        body, packing = bytes(self.body), self.headers.get("content-encoding", "").strip().lower()
        if packing not in _PACKINGS:
            return body
        try:
            return _unpacked(body, 32 + zlib.MAX_WBITS)
        except zlib.error:
            if packing != "deflate":
                raise
            return _unpacked(body, -zlib.MAX_WBITS)  # without the head of zlib, as some servers send it

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.content.decode("utf-8", "replace")

    def all(self, name: str) -> list[str]:
        """Every header with the given lower-case name."""
        return [value for key, value in self._pairs() if key == name] if name in self.headers else []

    def served_us(self, metric: str) -> int:
        """Serving time in µs from a metric of `Server-Timing`; 0 if the answer does not have the metric.

        Source: https://www.w3.org/TR/server-timing/: `name;dur=MILLISECONDS;desc=TEXT, name2;…`. Several headers count
        as one.
        """
        for told in ",".join(self.all("server-timing")).split(",") if metric else ():
            name, *params = (part.strip() for part in told.split(";"))
            if name == metric:
                pairs = (param.partition("=") for param in params)
                return next((_whole_us(value) for key, _, value in pairs if key.strip().lower() == "dur"), 0)
        return 0

    def _pairs(self) -> Iterator[tuple[str, str]]:
        return zip(map(str.lower, self._words[::2]), self._words[1::2], strict=False)

    def _begin(self) -> None:
        self.complete = False
        self.body = bytearray()
        self._headed = False
        self._words: list[str] = []  # names and values in turn
        self.headers: dict[str, str] = {}
        self._named = False

    def _on_message_begin(self) -> None:
        if self.complete:
            raise HTTPParseError("an answer arrived that was not requested")

    def _on_status(self, text: str) -> None:
        """The reason phrase is not used."""

    def _on_header_field(self, text: str) -> None:
        if self._named:  # a name that came in two pieces
            self._words[-1] += text
        else:
            self._words.append(text)
            self._named = True

    def _on_header_value(self, text: str) -> None:
        if self._named:
            self._words.append(text)
            self._named = False
        else:
            self._words[-1] += text

    def _on_headers_complete(self) -> bool:
        self._headed = True
        self.headers = dict(self._pairs())
        return self._bodiless

    def _on_body(self, part: bytearray) -> None:
        self.body += part

    def _on_message_complete(self) -> None:
        if self.get_code() < _INTERIM:
            self._begin()
        else:
            self.complete = True


def _unpacked(packed: bytes, window: int) -> bytes:
    """The unpacked contents of all members in order; empty for empty data.

    Args:
        packed: whole.
        window: as in `zlib.decompressobj`.

    Raises:
        zlib.error: it is not packed so, or its end is missing.
    """
    parts = []
    while packed:
        member = zlib.decompressobj(window)
        parts.append(member.decompress(packed))
        if not member.eof:
            raise zlib.error("the end of the compressed body is missing")
        packed = member.unused_data
    return b"".join(parts)


def _whole_us(milliseconds: str) -> int:
    """A number of milliseconds in µs, at least 1; 0 for an invalid one."""
    try:
        told = float(milliseconds.strip().strip('"'))
    except ValueError:
        return 0
    return max(round(told * 1000), 1) if 0 <= told < _LONGEST_MS else 0
