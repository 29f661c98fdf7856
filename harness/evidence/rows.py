"""Row files with one record per row, which are written during the run.

A killed process loses only the rows since the last flush.

Layout, little endian: one header line of JSON (`{"rows": 1, "schema": "samples"}`), then records, each with one leading
byte:

    W  word:  uint32 code, uint16 length, that many bytes of UTF-8      defines a code of the file's one dictionary
    R  row:   the integer columns, then an int32 code a word column (-1: no word)
    E  end:   uint64 number of rows                                     the writer closed the file in order

A Parquet file without its footer cannot be read, so rows are written first and converted to Parquet after the run.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from harness.errors import EvidenceError, MissingEvidence
from harness.model.records.table import NULL, Codes, Schema, Table, Words, codes_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLUSH_S: Final = 0.25
"""Interval of flushes, in seconds.

A killed process loses at most the rows of this interval.
"""

_INT: Final = {2: "h", 4: "i", 8: "q"}
_BOUNDS: Final = {size: (-(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1) for size in _INT}
_WORD_HEAD: Final = struct.Struct("<cIH")
_TAILS: Final = 10_000
_END: Final = struct.Struct("<cQ")
_LONGEST_HEAD: Final = 1 << 12
_LONGEST_RECORD: Final = 1 << 17
"""Maximum length of a record in bytes; longer undecoded data are invalid."""
MOST_ROWS: Final = 1 << 26
"""Maximum number of rows of one table: six times a long run, about seven GiB in memory."""
_PIECE: Final = 1 << 26
"""Number of bytes of a row file that are decoded together, about a million samples."""

Rows = np.ndarray[tuple[int], np.dtype[np.void]]


def _head(schema: Schema) -> bytes:
    return (json.dumps({"rows": 1, "schema": schema.name}) + "\n").encode()


def _is_head(line: bytes, schema: Schema) -> bool:
    try:
        head = json.loads(line)
    except ValueError:
        return False
    return isinstance(head, dict) and head.get("rows") == 1 and head.get("schema") == schema.name


def _ints_struct(schema: Schema) -> struct.Struct:
    return struct.Struct("<c" + "".join(_INT[size] for size in schema.ints.values()))


def row_dtype(schema: Schema) -> np.dtype[np.void]:
    """Numpy type of one row record, including its mark `R`."""
    columns = [("mark", "S1"), *((name, f"<i{size}") for name, size in schema.ints.items())]
    return np.dtype(columns + [(name, "<i4") for name in schema.words])


class RowWriter:
    """Writes one row file; not thread-safe, but safe between greenlets.

    `put` only fills a buffer. The caller calls `flush` every FLUSH_S, and `close` at the end.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self._pack = _ints_struct(schema).pack
        self._pack_codes = struct.Struct(f"<{len(schema.words)}i").pack
        self._limits = [_BOUNDS[size] for size in schema.ints.values()]
        self._codes: dict[str | None, int] = {None: NULL}
        self._tails: dict[tuple[str | None, ...], bytes] = {}
        self._pending = bytearray()
        self._path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EvidenceError(f"the row file cannot be written: {error.strerror}", where=str(path)) from error
        self._pending += _head(schema)
        self.rows = 0
        self.flush()

    def put(self, ints: tuple[int, ...], words: tuple[str | None, ...]) -> None:
        """Add a row: integers and words in the order of the schema.

        Integers that do not fit their column are clamped.
        """
        tail = self._tails.get(words) or self._tail(words)
        try:
            head = self._pack(b"R", *ints)
        except struct.error:
            clamped = [min(max(value, low), high) for value, (low, high) in zip(ints, self._limits, strict=True)]
            head = self._pack(b"R", *clamped)
        self._pending += head + tail
        self.rows += 1

    def _tail(self, words: tuple[str | None, ...]) -> bytes:
        """The encoded words of a row, cached: the rows of a run have few different ones."""
        codes = [self._codes[word] if word in self._codes else self._define(word) for word in words]
        if len(self._tails) >= _TAILS:
            self._tails.clear()
        self._tails[words] = tail = self._pack_codes(*codes)
        return tail

    def _define(self, word: str | None) -> int:
        text = str(word).encode("utf-8", "replace")[:65535]
        code = len(self._codes) - 1
        self._codes[word] = code
        self._pending += _WORD_HEAD.pack(b"W", code, len(text)) + text
        return code

    def flush(self) -> None:
        """Write all buffered rows to the operating system, which keeps them even if this process is killed.

        Raises:
            EvidenceError: the rows cannot be written, for example because the disk is full; they stay in the buffer.
        """
        try:
            while self._pending:
                written = os.write(self._fd, self._pending)
                del self._pending[:written]
        except OSError as error:
            raise EvidenceError(f"the row file cannot be written: {error.strerror}", where=str(self._path)) from error

    def close(self) -> None:
        """Write the end record and close the file; a second call does nothing.

        Raises the EvidenceError of `flush`.
        """
        if self._fd < 0:
            return
        self._pending += _END.pack(b"E", self.rows)
        self.flush()
        os.close(self._fd)
        self._fd = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsRead:
    """The contents of a row file.

    Attributes:
        table: complete rows.
        closed: whether the file has an end record with the correct number of rows.
        truncated_bytes: number of bytes at the end that are not a complete record.
    """

    table: Table
    closed: bool
    truncated_bytes: int


class RowFile:
    """A row file, possibly truncated, as a sequence of tables that are read piece by piece.

    Attributes:
        closed: whether the last record is an end record with the correct number of rows; known after the last piece.
        rows: number of rows read so far.
        truncated_bytes: number of bytes at the end that are not a complete record.
    """

    def __init__(self, path: Path, schema: Schema, piece: int = _PIECE) -> None:
        self._path, self._schema, self._piece = path, schema, piece
        self.rows = 0
        self.truncated_bytes = 0
        self.closed = False

    def __iter__(self) -> Iterator[Table]:
        """The rows in order.

        Raises:
            MissingEvidence: it cannot be read, is not a row file of this schema, has more rows than any, or a row has a word
                that was never defined.
        """
        try:
            with self._path.open("rb") as file:
                yield from self._tables(file)
        except OSError as error:
            raise MissingEvidence(f"the file cannot be read: {error.strerror}", where=str(self._path)) from error
        except _WordError as error:
            raise MissingEvidence(f"row {self.rows + error.row}: {error}", where=str(self._path)) from error

    def _tables(self, file: BinaryIO) -> Iterator[Table]:
        if not _is_head(file.readline(_LONGEST_HEAD), self._schema):
            raise MissingEvidence(f"the file is not a row file of {self._schema.name}", where=str(self._path))
        decoder, left = _Decoder(self._schema), b""
        while len(left) <= _LONGEST_RECORD and (data := file.read(self._piece)):
            data = left + data
            left = data[len(data) - decoder.feed(memoryview(data)) :]
            table = decoder.take()
            self.rows += len(table)
            if self.rows > MOST_ROWS:
                raise MissingEvidence(f"the file has more than {MOST_ROWS} rows", where=str(self._path))
            yield table
        self.truncated_bytes = len(left) + os.fstat(file.fileno()).st_size - file.tell()
        self.closed = decoder.end == self.rows and not left


def read_rows(path: Path, schema: Schema) -> RowsRead:
    """Read a complete row file; raises the MissingEvidence of `RowFile`."""
    file = RowFile(path, schema)
    table = Table.merged(schema, list(file))
    return RowsRead(table=table, closed=file.closed, truncated_bytes=file.truncated_bytes)


class RowTail:
    """Follows a row file that is being written."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self._path = path
        self._decoder = _Decoder(schema)
        self._offset = 0

    def poll(self) -> Table:
        """The rows since the last call; empty if the file does not exist.

        Raises:
            MissingEvidence: a row has an undefined word.
        """
        if self._path.exists():
            with self._path.open("rb") as file:
                if self._offset == 0:
                    self._offset = len(file.readline())
                file.seek(self._offset)
                data = file.read()
            self._offset += len(data) - self._decoder.feed(memoryview(data))
        try:
            return self._decoder.take()
        except _WordError as error:
            raise MissingEvidence(str(error), where=str(self._path)) from error


class _Decoder:
    """Decodes bytes into rows; sequences of rows between two words are decoded at once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._dtype = row_dtype(schema)
        self._names: list[str] = []
        self._chunks: list[Rows] = []
        self.end: int | None = None

    def feed(self, data: memoryview) -> int:
        """Decode all complete records; returns the number of remaining bytes."""
        at, size = 0, self._dtype.itemsize
        while at < len(data):
            mark = data[at]
            if mark == ord("R"):
                run = self._run(data, at)
                if not len(run):
                    break
                self._chunks.append(run)
                at += len(run) * size
            elif mark == ord("W") and at + _WORD_HEAD.size <= len(data):
                _, _, length = _WORD_HEAD.unpack_from(data, at)
                if at + _WORD_HEAD.size + length > len(data):
                    break
                self._names.append(
                    bytes(data[at + _WORD_HEAD.size : at + _WORD_HEAD.size + length]).decode("utf-8", "replace")
                )
                at += _WORD_HEAD.size + length
            elif mark == ord("E") and at + _END.size <= len(data):
                self.end = _END.unpack_from(data, at)[1]
                at += _END.size
            else:
                break
        return len(data) - at

    def _run(self, data: memoryview, at: int) -> Rows:
        """The rows from here to the next record of another kind; searched in growing steps."""
        most = (len(data) - at) // self._dtype.itemsize
        ahead = 64
        while True:
            run: Rows = np.frombuffer(data, dtype=self._dtype, offset=at, count=min(ahead, most))
            others = np.flatnonzero(run["mark"] != b"R")
            if len(others) or len(run) == most:
                return run[: others[0]] if len(others) else run
            ahead *= 8

    def take(self) -> Table:
        """The decoded rows since the last call."""
        rows = np.concatenate(self._chunks) if self._chunks else np.empty(0, dtype=self._dtype)
        self._chunks = []
        return Table(
            schema=self._schema,
            ints={name: rows[name].astype(np.int64) for name in self._schema.ints},
            words={name: self._words(name, rows[name]) for name in self._schema.words},
        )

    def _words(self, name: str, codes: Codes) -> Words:
        strange = (codes < NULL) | (codes >= len(self._names))
        if strange.any():
            raise _WordError(f"`{name}` has an undefined word", int(strange.argmax()) + 1)
        return Words(codes=codes.astype(codes_type(len(self._names))), names=tuple(self._names))


class _WordError(Exception):
    """A row's word is not in the dictionary; `row` counts from 1 in what was taken."""

    def __init__(self, what: str, row: int) -> None:
        super().__init__(what)
        self.row = row
