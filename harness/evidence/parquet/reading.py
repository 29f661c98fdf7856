"""Reads the files of one table, one row group at a time; a file is read completely or refused with a reason."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import numpy as np

from harness.errors import MissingEvidence
from harness.evidence.parquet.encoding import Numbers, Unsigned, Whole, decode_deltas, decode_runs
from harness.evidence.parquet.footer import ColumnKind, Declared, RowGroup, read_footer
from harness.evidence.parquet.form import Codec, Encoding, Head, OfPage, PageKind, Physical
from harness.evidence.parquet.thrift import Cursor
from harness.evidence.rows import MOST_ROWS
from harness.extras import ZSTD, install, missing
from harness.model.records.table import NULL, Codes, Schema, Table, Words, codes_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_IN_MEMORY: Final[Mapping[int, np.dtype[Any]]] = {8: np.dtype(np.int64), 4: np.dtype(np.int64), 2: np.dtype(np.int16)}
"""Types in memory by width: columns for arithmetic are int64.

Codes (a status, a worker, a round) keep their width on disk.
"""
MOST_COLUMNS: Final = 64
ROWS_A_BYTE: Final = 256
"""Maximum number of rows per byte of a file: a million equal rows take some kilobytes of headers."""
GROUP_BYTES: Final = 1 << 20
ROW_BYTES: Final = 256
"""Maximum decompressed size of a column of a row group in bytes: this number, and this number per row."""
_GZIP: Final = 31
_STORED: Final[Mapping[Physical, np.dtype[Any]]] = {Physical.INT32: np.dtype("<i4"), Physical.INT64: np.dtype("<i8")}
_DICTIONARIES: Final = frozenset({Encoding.PLAIN_DICTIONARY, Encoding.RLE_DICTIONARY})


def read_parquets(paths: Sequence[Path], schema: Schema) -> tuple[Table, list[int]]:
    """Read the files of one table in order; returns the table and the row at which each file ends.

    Columns that are not in the schema are ignored.

    Raises:
        MissingEvidence: a file is missing, truncated or not Parquet, lacks a column, or has a column of a wrong type or
            with gaps; `where` is this file.
    """
    footers = [_checked(path, schema) for path in paths]
    sizes = [footer.rows for footer in footers]
    if sum(sizes) > MOST_ROWS:
        raise MissingEvidence(
            f"the files of the table have {sum(sizes)} rows together, expected at most {MOST_ROWS}", where=str(paths[0])
        )
    columns = _Columns(schema, sum(sizes))
    for path, footer in zip(paths, footers, strict=True):
        with _refusing(path), path.open("rb") as file:
            for group in footer.groups:
                columns.add(file, footer, group)
    return columns.table(), list(accumulate(sizes))


def count_rows(path: Path) -> int:
    """The number of rows that a file declares; raises the MissingEvidence of `read_parquets`."""
    with _refusing(path), path.open("rb") as file:
        return read_footer(file).rows


def _checked(path: Path, schema: Schema) -> Declared:
    """The footer of a file, after checking its columns against the schema, and its sizes before any row is unpacked."""
    with _refusing(path):
        with path.open("rb") as file:
            footer = read_footer(file)
        absent = [name for name in (*schema.ints, *schema.words) if name not in footer.columns]
        if lacking := [name for name in absent if name not in schema.later]:
            raise _UnfitError(f"the file lacks the columns {', '.join(lacking)}")
        for name in (name for name in (*schema.ints, *schema.words) if name not in absent):
            column = footer.columns[name]
            if footer.names.count(name) > 1:
                raise _UnfitError(f"the file has the column `{name}` twice")
            if name in schema.ints and not column.whole:
                raise _UnfitError(f"the column `{name}` contains {column.kind}, expected whole numbers")
            if name in schema.words and not column.text:
                raise _UnfitError(f"the column `{name}` contains {column.kind}, expected words")
        _check_sizes(footer)
    return footer


def _check_sizes(footer: Declared) -> None:
    """Refuse a footer that declares what its bytes cannot hold."""
    if not 0 <= footer.rows <= min(MOST_ROWS, ROWS_A_BYTE * footer.bytes):
        raise _UnfitError(f"the file declares {footer.rows} rows in {footer.bytes} bytes, which is impossible")
    for group in footer.groups:
        if len(group.pages) > MOST_COLUMNS:
            raise _UnfitError(f"the file has {len(group.pages)} columns, expected at most {MOST_COLUMNS}")
        for name, pages in group.pages.items():
            if not 0 <= pages.unpacked <= GROUP_BYTES + ROW_BYTES * group.rows:
                raise _UnfitError(
                    f"{group.rows} rows of `{name}` decompress to {pages.unpacked} bytes, which is too much"
                )
    if min((group.rows for group in footer.groups), default=0) < 0 or sum(g.rows for g in footer.groups) != footer.rows:
        raise _UnfitError("the number of rows differs from the footer")


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Convert the errors of invalid files into the harness's errors."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise MissingEvidence("the file contains a word that is not UTF-8", where=str(path)) from error
    except _UnfitError as error:
        raise MissingEvidence(str(error), where=str(path)) from error
    except OSError as error:
        raise MissingEvidence(f"the file is not a complete Parquet file: {error.strerror}", where=str(path)) from error
    except (ValueError, MemoryError, zlib.error) as error:
        why = str(error) or type(error).__name__
        raise MissingEvidence(f"the file is not a complete Parquet file: {why}", where=str(path)) from error


class _UnfitError(Exception):
    """A file is not one of this table."""


class _Columns:
    """The columns of all files, made once and filled row group by row group."""

    def __init__(self, schema: Schema, rows: int) -> None:
        self._schema = schema
        self._ints = {name: np.zeros(rows, dtype=_IN_MEMORY[size]) for name, size in schema.ints.items()}
        self._words = {name: _Coded(rows) for name in schema.words}
        self._rows = 0

    def add(self, file: BinaryIO, footer: Declared, group: RowGroup) -> None:
        """Append a row group to the rows that were read."""
        start, end = self._rows, self._rows + group.rows
        for name, numbers in self._ints.items():
            if name in footer.columns:  # else the file is older than the column
                _numbers(_Chunk(file, name, footer.columns[name], group), numbers[start:end])
        for name, coded in self._words.items():
            if name in footer.columns:
                coded.put(start, _Chunk(file, name, footer.columns[name], group))
        self._rows = end

    def table(self) -> Table:
        """The complete table."""
        words = {name: coded.words() for name, coded in self._words.items()}
        return Table(schema=self._schema, ints=self._ints, words=words)


def _numbers(chunk: _Chunk, into: Whole) -> None:
    """Read a column of whole numbers without gaps."""
    stored = _STORED[chunk.physical]
    known: Whole | None = None
    gaps = at = 0
    for page in chunk.pages():
        if page.kind is PageKind.DICTIONARY:
            known = np.frombuffer(page.body, dtype=stored, count=page.n)
            continue
        if page.there is not None:
            gaps += page.n - int(page.there.sum())
        elif page.encoding is Encoding.DELTA_BINARY_PACKED:
            _fill(into, at, decode_deltas(page.body, page.n).astype(stored, copy=False), chunk.name)
        elif page.encoding in _DICTIONARIES and known is not None:
            _fill(into, at, known[_codes(page.body, page.n, len(known), chunk.name)], chunk.name)
        elif page.encoding is Encoding.PLAIN:
            _fill(into, at, np.frombuffer(page.body, dtype=stored, count=page.n), chunk.name)
        else:
            raise ValueError(f"`{chunk.name}` has the encoding {page.encoding.name}")
        at += page.n
    if gaps:
        raise _UnfitError(f"the column `{chunk.name}` lacks {gaps} values")


def _fill(into: Whole, at: int, values: Whole, column: str) -> None:
    """Put numbers behind the first `at`; those that are too large to be kept are refused, never cut to fit."""
    if values.itemsize > into.itemsize:
        limits = np.iinfo(into.dtype)
        for end in (int(values.min()), int(values.max())):
            if not limits.min <= end <= limits.max:
                raise _UnfitError(f"the column `{column}` contains {end}, expected {limits.min} to {limits.max}")
    into[at : at + len(values)] = values


def _codes(body: bytes, n: int, names: int, column: str) -> Unsigned:
    """Places in a dictionary."""
    codes = decode_runs(body[1:], body[0], n) if n else np.empty(0, dtype=np.uint8)
    if n and codes.max() >= names:
        raise _UnfitError(f"the column `{column}` contains a value that is missing in its dictionary")
    return codes


class _Coded:
    """One column of words, from row groups with a dictionary each."""

    def __init__(self, rows: int) -> None:
        self._names: dict[str, int] = {}
        self._codes: Codes = np.full(rows, NULL, dtype=codes_type(0))

    def put(self, at: int, chunk: _Chunk) -> None:
        """Put words after the first `at` words."""
        known = list[int]()
        for page in chunk.pages():
            if page.kind is PageKind.DICTIONARY:
                known = [self._code(name) for name in _texts(page.body, page.n)]
                continue
            there = page.n if page.there is None else int(page.there.sum())
            if page.encoding in _DICTIONARIES:
                places: Numbers = _codes(page.body, there, len(known), chunk.name)
                of = known
            elif page.encoding is Encoding.PLAIN:
                places, of = np.arange(there), [self._code(name) for name in _texts(page.body, there)]
            else:
                raise ValueError(f"`{chunk.name}` has the encoding {page.encoding.name}")
            if (kind := codes_type(len(self._names))) != self._codes.dtype:
                self._codes = self._codes.astype(kind)
            codes = np.array([*of, NULL], dtype=kind)[places]
            if page.there is None:
                self._codes[at : at + page.n] = codes
            else:
                self._codes[at : at + page.n] = NULL
                self._codes[at : at + page.n][page.there] = codes
            at += page.n

    def _code(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))

    def words(self) -> Words:
        """The complete column."""
        return Words(codes=self._codes, names=tuple(self._names))


def _texts(body: bytes, n: int) -> list[str]:
    cursor = Cursor(body)
    return [cursor.take(int.from_bytes(cursor.take(4), "little")).decode() for _ in range(n)]


class _Page(NamedTuple):
    """One page.

    Attributes:
        kind: of a dictionary or of values.
        n: number of values, missing ones included.
        encoding: of the values.
        there: which of them are not missing; None: all.
        body: the encoded values.
    """

    kind: PageKind
    n: int
    encoding: Encoding
    there: np.ndarray[Any, np.dtype[np.bool_]] | None
    body: bytes


class _Chunk:
    """One column of one row group."""

    def __init__(self, file: BinaryIO, name: str, column: ColumnKind, group: RowGroup) -> None:
        if name not in group.pages or column.physical is None:
            raise _UnfitError(f"a row group lacks the column `{name}`")
        self.name, self.physical = name, column.physical
        self._file, self._column, self._rows, self._where = file, column, group.rows, group.pages[name]

    def pages(self) -> Iterator[_Page]:
        """The decompressed pages of the column, up to its last row.

        Raises:
            ValueError: the pages are truncated, damaged, or of an unknown kind.
        """
        if self._where.start < 0 or self._where.size < 0:
            raise ValueError("the footer is damaged")
        self._file.seek(self._where.start)
        data = self._file.read(self._where.size)
        cursor, left = Cursor(data), self._rows
        while left:
            page = self._page(cursor)
            if page.kind is PageKind.DATA:
                left -= page.n
                if page.n <= 0 or left < 0:
                    raise _UnfitError("the number of rows differs from the footer")
            yield page

    def _page(self, cursor: Cursor) -> _Page:
        head = cursor.struct()
        try:
            kind = PageKind(head[Head.PAGE])
            of = head[Head.DATA if kind is PageKind.DATA else Head.DICTIONARY]
            n, encoding = of[OfPage.VALUES] + 0, Encoding(of[OfPage.ENCODING])
            size, packed = head[Head.UNPACKED] + 0, head[Head.PACKED] + 0
        except (KeyError, TypeError) as error:
            raise ValueError(f"`{self.name}` has a damaged page or a page of version 2") from error
        if not 0 <= size <= GROUP_BYTES + ROW_BYTES * self._rows or not 0 <= n <= max(self._rows, size):
            raise _UnfitError(f"{n} values of `{self.name}` decompress to {size} bytes, which is too much")
        body = _unpacked(cursor.take(packed), size, self._where.codec)
        if kind is not PageKind.DATA or not self._column.optional:
            return _Page(kind, n, encoding, None, body)
        levels = Cursor(body)
        there = decode_runs(levels.take(int.from_bytes(levels.take(4), "little")), 1, n).astype(np.bool_)
        return _Page(kind, n, encoding, None if there.all() else there, body[levels.at :])


def _unpacked(packed: bytes, size: int, codec: int) -> bytes:
    """The bytes of a page, so many as its header declares."""
    match codec:
        case Codec.UNCOMPRESSED:
            body = packed
        case Codec.GZIP:
            body = zlib.decompressobj(_GZIP).decompress(packed, size + 1)
        case Codec.ZSTD:
            body = _unzstd(packed, size)
        case _:
            name = Codec(codec).name.lower()
            raise _UnfitError(f"the file is compressed with {name}, expected gzip")
    if len(body) != size:
        raise ValueError(f"a page decompresses to {len(body)} bytes, its header declares {size}")
    return body


def _unzstd(packed: bytes, size: int) -> bytes:
    """As older versions of the harness compressed pages."""
    if missing(ZSTD):
        raise _UnfitError(
            f"the file is compressed with zstd, as in older versions; install zstandard to read it: {install(ZSTD)}"
        )
    import zstandard

    try:
        if zstandard.frame_content_size(packed) > size:
            raise ValueError(f"a page decompresses to more than the {size} bytes in its header")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
