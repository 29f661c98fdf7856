"""A report as a stream of lines: plain or in gzip, of any size up to a bound, in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from harness.drivers.ingest.formats.plain import LARGEST_TEXT, json_of, shown, text_of
from harness.errors import DriverError

MOST_BYTES: Final = 4 << 30
"""Largest report, in bytes, also when it is unpacked."""
LONGEST_LINE: Final = 4 << 20
"""Bytes of one line; a response body of a megabyte is in base64 in vegeta's results."""
HEAD: Final = 1 << 16
"""Bytes by which a format is recognised."""
_GZIP: Final = b"\x1f\x8b"
_MOST_RATIO: Final = 200
"""Unpacked bytes for each packed byte; reports of requests are packed 10 to 60 times."""
_FREE: Final = 64 << 20
"""Unpacked bytes from which on the ratio counts."""
_PIECE: Final = 1 << 20
_AGAIN: Final = "write it again with its tool, and copy it when the tool has ended"


def _marked(head: bytes) -> bytes:
    """The first bytes as UTF-8 without a byte order mark, by which a file of another encoding is recognised, too."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return head.removeprefix(mark).decode(encoding, "replace").encode()
    return head.removeprefix(codecs.BOM_UTF8)


class ReportStream:
    """One file of a report.

    Attributes:
        path: of the file. where: its name in messages.
        line: number of the last line that was read.
        digest: SHA-256 of the unpacked bytes; complete when all were read.
    """

    def __init__(self, path: Path) -> None:
        """Raises DriverError if it cannot be read, is no file, is empty or too large."""
        self.path, self.where, self.line = path, str(path), 0
        self._sha256 = hashlib.sha256()
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
                raise DriverError("is not a file", where=self.where, hint="name the file that the tool writes")
            self._packed_bytes = found.st_size
            with path.open("rb") as file:
                self.packed = file.read(2) == _GZIP
        except OSError as error:
            raise self._unreadable(error) from error
        if found.st_size > MOST_BYTES:
            raise self._too_large(found.st_size)
        with self._opened() as file:
            self.head = _marked(self._some(file, HEAD))
        if not self.head.strip():
            raise DriverError(
                "is empty", where=self.where, hint="the tool that writes it did not complete: run it again"
            )

    @property
    def digest(self) -> str:
        """Of the bytes that were read."""
        return self._sha256.hexdigest()

    def at(self, line: int = 0) -> str:
        """The place of a line; of the last one that was read without a number."""
        return f"{self.where}:{line or self.line}"

    def pieces(self) -> Iterator[bytes]:
        """The unpacked bytes, piece by piece; raises DriverError for a file that is cut, spoilt, or unpacks to too much."""
        total = 0
        with self._opened() as file:
            while piece := self._some(file, _PIECE):
                total += len(piece)
                if total > MOST_BYTES:
                    raise self._too_large(total)
                if self.packed and total > _FREE and total > _MOST_RATIO * self._packed_bytes:
                    what = (
                        f"unpacks to over {_MOST_RATIO} times its size ({self._packed_bytes} bytes), as no report does"
                    )
                    raise DriverError(what, where=self.where, hint="check which file is named, and what packed it")
                self._sha256.update(piece)
                yield piece

    def lines(self) -> Iterator[str]:
        """The lines with their ends, as UTF-8; raises DriverError as `pieces`, and for a line that is too long or does not end."""
        left = b""
        for piece in self.pieces():
            *whole, left = (left + piece).split(b"\n")
            for line in whole:
                yield self._text(line) + "\n"
            if len(left) > LONGEST_LINE:
                self.line += 1
                what = f"has a line of over {LONGEST_LINE} bytes"
                raise DriverError(what, where=self.at(), hint="check which file is named, and what wrote it")
        if left:
            self._text(left)
            raise DriverError("is cut short: its last line does not end", where=self.at(), hint=_AGAIN)

    def whole(self) -> bytes:
        """All bytes of a summary; raises DriverError as `pieces`, or where there are more than a summary has."""
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) > LARGEST_TEXT:
                what = f"has more than {LARGEST_TEXT} bytes, as no summary has"
                raise DriverError(what, where=self.where, hint="check which file is named, and what wrote it")
        return bytes(found)

    def text(self) -> str:
        """A summary as text; raises DriverError as `whole`, or where it is no UTF-8."""
        return text_of(self.whole(), self.where)

    def json(self) -> Any:
        """A summary as JSON; raises DriverError as `whole`, or where it is no JSON."""
        return json_of(self.whole(), self.where)

    def refuse(self, what: str, hint: str, *, line: int = 0) -> DriverError:
        """The error of a line."""
        return DriverError(what, where=self.at(line), hint=hint)

    def _text(self, line: bytes) -> str:
        self.line += 1
        try:
            text = line.decode("utf-8-sig" if self.line == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DriverError("is not UTF-8 text", where=self.at(), hint="write it as UTF-8") from error
        if "\0" in text:
            raise DriverError("has a NUL character", where=self.at(), hint=_AGAIN)
        return text

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO | gzip.GzipFile]:
        try:
            if self.packed:
                with gzip.open(self.path, "rb") as packed:
                    yield packed
            else:
                with self.path.open("rb") as plain:
                    yield plain
        except OSError as error:
            raise self._unreadable(error) from error

    def _some(self, file: BinaryIO | gzip.GzipFile, most: int) -> bytes:
        try:
            return file.read(most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            what = f"is cut short or spoilt: {shown(str(error))}"
            raise DriverError(what, where=self.where, hint=_AGAIN) from error

    def _too_large(self, size: int) -> DriverError:
        what = f"has {size} bytes, at most {MOST_BYTES} are read"
        return DriverError(what, where=self.where, hint="name the tool's summary, or record a shorter load")

    def _unreadable(self, error: OSError) -> DriverError:
        what = f"cannot be read: {error.strerror or shown(str(error))}"
        return DriverError(what, where=self.where, hint="run the tool that writes it")
