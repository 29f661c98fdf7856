"""Reads the rows in an archive of `pg_dump -Fc`: the blocks of its data one after the other, unpacked where they are packed with gzip.

    PGDMP   version (3 bytes)   sizes of integers and offsets   format   compression …   table of contents   blocks

A block is a byte of its type, the number of its entry, and pieces that each begin with their length; the length 0 ends it. Blocks follow each
other to the end of the file, or to a copy of the table of contents there, so a walk that arrives there has read every block. Source: PostgreSQL, pg_backup_custom.c.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_HEAD: Final = 11
_FORMAT: Final = 1
"""The custom format."""
_ROWS: Final = 1
_LARGE: Final = 3
"""Types of blocks: rows of a table, and large objects."""
_NEW: Final = (1, 15)
"""The version from which on the archive names how it is packed."""
_NAMES: Final = ("not packed", "packed with gzip", "packed with lz4", "packed with zstd")
_GZIP: Final = 1
_BLOCK: Final = re.compile(rb"[\x01\x03]\0", re.DOTALL)


class UnknownDump(Exception):
    """The archive is not one whose blocks are read here; the text says what it is."""


class PackedDump:
    """The content of all blocks of an archive, as a stream."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._left = parts, b""

    @classmethod
    @contextmanager
    def of(cls, path: Path) -> Iterator[PackedDump]:
        """Context of the content of a file.

        Raises:
            UnknownDump: its form is not known.
            OSError: it cannot be read.
        """
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield cls(_parts(content))

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end. Raises UnknownDump, zlib.error."""
        while len(self._left) < size and (part := next(self._parts, None)) is not None:
            self._left += part
        given, self._left = self._left[:size], self._left[size:]
        return given


def _parts(content: mmap.mmap) -> Iterator[bytes]:
    if len(content) < _HEAD + 1 or content[10] != _FORMAT:
        raise UnknownDump("of an unknown form")
    version, width = (content[5], content[6]), content[8]
    if version >= _NEW:
        packed = content[_HEAD]
    else:
        packed = _GZIP if content[_HEAD] or int.from_bytes(content[_HEAD + 1 : _HEAD + 1 + width], "little") else 0
    if packed > _GZIP:
        raise UnknownDump(_NAMES[packed] if packed < len(_NAMES) else "packed in an unknown way")
    for found in _BLOCK.finditer(content, _HEAD):
        if blocks := _walk(content, found.start(), width):
            for pieces in blocks:
                unpack = zlib.decompressobj() if packed else None
                for at, size in pieces:
                    piece = content[at : at + size]
                    yield unpack.decompress(piece) if unpack else piece
            return
    raise UnknownDump("whose blocks were not found")


def _walk(content: mmap.mmap, at: int, width: int) -> list[list[tuple[int, int]]]:
    """Place and size of the pieces of every block from here to the end of the file; none: blocks do not begin here."""
    blocks: list[list[tuple[int, int]]] = []
    first, end = at, len(content)
    try:
        while at < end:
            kind = content[at]
            if kind not in (_ROWS, _LARGE):
                return blocks if _is_contents(content, first, at, width) else []
            _, at = _number(content, at + 1, width)
            if kind == _ROWS:
                pieces, at = _pieces(content, at, width)
                blocks.append(pieces)
                continue
            while True:
                oid, at = _number(content, at, width)
                if not oid:
                    break
                pieces, at = _pieces(content, at, width)
                blocks.append(pieces)
    except IndexError:
        return []
    return blocks if at == end else []


def _is_contents(content: mmap.mmap, first: int, at: int, width: int) -> bool:
    """Whether what follows the blocks is the table of contents once more, as it is before the first one where its places could not be written there."""
    before = first - (len(content) - at)
    return before > 0 and content[before : before + 1 + width] == content[at : at + 1 + width]


def _pieces(content: mmap.mmap, at: int, width: int) -> tuple[list[tuple[int, int]], int]:
    """The pieces of a block, and where it ends."""
    found: list[tuple[int, int]] = []
    while True:
        size, at = _number(content, at, width)
        if not size:
            return found, at
        found.append((at, size))
        at += size


def _number(content: mmap.mmap, at: int, width: int) -> tuple[int, int]:
    """A number that is not negative, with the place after it. Raises IndexError: there is none."""
    after = at + 1 + width
    if after > len(content) or content[at]:
        raise IndexError(at)
    return int.from_bytes(content[at + 1 : after], "little"), after
