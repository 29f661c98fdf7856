"""Searches streams of bytes for markers in every form in which a text may be stored: a gigabyte takes about a second.

    Marker ─▶ its forms as bytes ─▶ MarkerScan.read(stream) ─▶ how often each marker was there, in which form

A form is at least as long as the stride and a word together, so one of its words of 8 bytes begins at a multiple of the stride wherever
the form is. Only these positions are compared, with numpy; what has such a word is then compared as a whole.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

_ALPHABET: Final = "".join(sorted({*string.ascii_lowercase, *string.digits} - {*"0o1lie"}))
"""Small letters and digits, which no encoding of URLs or JSON changes, and of which no number in scientific form is made."""
LENGTH: Final = 26
"""Length of a marker: its shortest form is at least `_STRIDE` and `_WORD` together."""
_STRIDE: Final = 16
_WORD: Final = 8
BLOCK: Final = 1 << 20
"""Bytes that are read and searched at once; they fit the processor's cache."""


class ByteStream(Protocol):
    """What can be read in blocks."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end."""
        ...


def new_marker() -> str:
    """A random text of `LENGTH` letters and digits, without a meaning to anyone; it begins with a letter."""
    first = secrets.choice([one for one in _ALPHABET if one.isalpha()])
    return first + "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH - 1))


def forms_of(marker: str) -> dict[str, bytes]:
    """The bytes of a marker in each form, by the name of the form.

    URL-encoded and JSON-escaped it is as plain. In base64 it has three forms, by its place in what is encoded; the characters at both
    ends, which depend on what is around the marker, are left out. UTF-16 is without its outer zero byte, so it is found in both orders.
    """
    plain = marker.encode()
    forms = {
        "in clear": plain,
        "in capitals": plain.upper(),
        "in UTF-16": "".join(f"{one}\0" for one in marker).encode()[:-1],
        "in hex": plain.hex().encode(),
        "in hex, capitals": plain.hex().upper().encode(),
    }
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + plain)
        forms[f"in base64, {shift}"] = encoded[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
    return forms


@dataclass(frozen=True, slots=True)
class FoundMarker:
    """A marker in a stream: its name, and the form in which it was found."""

    marker: str
    form: str


@dataclass(kw_only=True, slots=True)
class ScanCount:
    """What was read and found so far.

    Attributes:
        size: bytes read.
        found: how often each marker was found in each form.
    """

    size: int = 0
    found: Counter[FoundMarker] = field(default_factory=Counter)


class MarkerScan:
    """Searches streams for markers.

    Args:
        markers: texts of `new_marker`, by name.

    Raises:
        ValueError: a marker is too short to be found.
    """

    def __init__(self, markers: Mapping[str, str]) -> None:
        self._forms = [
            (FoundMarker(name, form), text)
            for name, marker in markers.items()
            for form, text in forms_of(marker).items()
        ]
        if short := [one for one, text in self._forms if len(text) < _STRIDE + _WORD - 1]:
            raise ValueError(f"the marker {short[0].marker} has fewer than {LENGTH} characters")
        self._by_text = {text: found for found, text in self._forms}
        self._whole = re.compile(b"|".join(re.escape(text) for _, text in self._forms))
        self._longest = max(len(text) for _, text in self._forms)
        words = {text[at : at + _WORD] for _, text in self._forms for at in range(_STRIDE)}
        self._words = np.sort(np.frombuffer(b"".join(words), "<u8"))
        self._begins = np.zeros(1 << 16, bool)
        self._begins[np.frombuffer(b"".join(words), "<u2")[:: _WORD // 2]] = True

    def read(self, stream: ByteStream, count: ScanCount, *, size: int = BLOCK) -> ScanCount:
        """Read a whole stream, and count what is in it; a marker across the border of two blocks counts once.

        Args:
            stream: what is read.
            count: what is added to, and returned.
            size: bytes of a block.
        """
        kept = b""
        while block := stream.read(size):
            count.size += len(block)
            text = kept + block
            ends = self._search(text, count)
            # what may still begin a marker, without what was counted
            kept = text[max(ends, len(text) - self._longest + 1, 0) :]
        return count

    def _search(self, text: bytes, count: ScanCount) -> int:
        """Count the markers in a text; returns the end of the last one, 0 if there is none."""
        if not self._may_have(text):
            return 0
        end = 0
        for one in self._whole.finditer(text):
            count.found[self._by_text[one[0]]] += 1
            end = one.end()
        return end

    def _may_have(self, text: bytes) -> bool:
        """Whether a word of a marker begins at a multiple of the stride."""
        rows = (len(text) - _WORD) // _STRIDE + 1
        if rows < 1:
            return False  # too short for any form
        begins = np.ndarray((rows,), "<u2", text, strides=(_STRIDE,))
        hits = np.flatnonzero(self._begins[begins])
        if not hits.size:
            return False
        words = np.ndarray((rows,), "<u8", text, strides=(_STRIDE,))[hits]
        places = np.searchsorted(self._words, words)
        places[places == self._words.size] = 0
        return bool(np.any(self._words[places] == words))


def words_of(found: Iterable[FoundMarker]) -> str:
    """Forms in words: `in clear and in base64`."""
    return " and ".join(dict.fromkeys(one.form.partition(",")[0] for one in found))
