"""Row files: one record a row, written while things run, so that a killed process loses only what it had not flushed.

Layout, little endian: a header line of JSON (`{"rows": 1, "schema": "samples"}`), then records, each with one leading byte:

    W  word:  uint32 code, uint16 length, that many bytes of UTF-8      defines a code of the file's one dictionary
    R  row:   the integer columns, then an int32 code a word column (-1: no word)
    E  end:   uint64 number of rows                                     the writer closed the file in order

A Parquet file without its footer is lost whole, which is why rows come first and Parquet after the run.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.errors import MissingEvidence
from harness.model.table import NULL, Schema, Table, Words

if TYPE_CHECKING:
    from pathlib import Path

_INT: Final = {2: "h", 4: "i", 8: "q"}
_BOUNDS: Final = {size: (-(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1) for size in _INT}
_WORD_HEAD: Final = struct.Struct("<cIH")
_END: Final = struct.Struct("<cQ")


def _row_struct(schema: Schema) -> struct.Struct:
    return struct.Struct("<c" + "".join(_INT[size] for size in schema.ints.values()) + "i" * len(schema.words))


def row_dtype(schema: Schema) -> np.dtype[np.void]:
    """One row record, its mark `R` included, as numpy reads it."""
    columns = [("mark", "S1"), *((name, f"<i{size}") for name, size in schema.ints.items())]
    return np.dtype(columns + [(name, "<i4") for name in schema.words])


class RowWriter:
    """Writes one row file; not thread-safe, but safe between greenlets.

    `put` only fills a buffer; the caller calls `flush` each quarter of a second, and `close` when it ends in order.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self._pack = _row_struct(schema).pack
        self._limits = [_BOUNDS[size] for size in schema.ints.values()]
        self._codes: dict[str | None, int] = {None: NULL}
        self._pending = bytearray()
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._pending += (json.dumps({"rows": 1, "schema": schema.name}) + "\n").encode()
        self.rows = 0
        self.flush()

    def put(self, ints: tuple[int, ...], words: tuple[str | None, ...]) -> None:
        """Add a row: integers and words in the order of the schema; integers too wide for their column are clamped."""
        codes = [self._codes[word] if word in self._codes else self._define(word) for word in words]
        try:
            record = self._pack(b"R", *ints, *codes)
        except struct.error:
            clamped = [min(max(value, low), high) for value, (low, high) in zip(ints, self._limits, strict=True)]
            record = self._pack(b"R", *clamped, *codes)
        self._pending += record
        self.rows += 1

    def _define(self, word: str | None) -> int:
        text = str(word).encode()[:65535]
        code = len(self._codes) - 1
        self._codes[word] = code
        self._pending += _WORD_HEAD.pack(b"W", code, len(text)) + text
        return code

    def flush(self) -> None:
        """Hand everything to the operating system, which keeps it even if this process is killed."""
        while self._pending:
            written = os.write(self._fd, self._pending)
            del self._pending[:written]

    def close(self) -> None:
        """Write the end record and close; a second call does nothing."""
        if self._fd < 0:
            return
        self._pending += _END.pack(b"E", self.rows)
        self.flush()
        os.close(self._fd)
        self._fd = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsRead:
    """What a row file held.

    Attributes:
        table: the whole rows.
        closed: whether the end record is there and counts as many rows.
        truncated_bytes: bytes at the end that make no whole record.
    """

    table: Table
    closed: bool
    truncated_bytes: int


def read_rows(path: Path, schema: Schema) -> RowsRead:
    """Read a row file, also one that was cut short; raises MissingEvidence when it is none of this schema."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingEvidence(f"cannot be read: {error.strerror}", where=str(path)) from error
    head, separator, _ = data.partition(b"\n")
    if not separator or not head.startswith(b'{"rows": 1') or json.loads(head).get("schema") != schema.name:
        raise MissingEvidence(f"is no row file of {schema.name}", where=str(path))
    decoder = _Decoder(schema)
    left = decoder.feed(memoryview(data)[len(head) + 1 :])
    table = decoder.take()
    return RowsRead(table=table, closed=decoder.end == len(table), truncated_bytes=left)


class RowTail:
    """Follows a row file that is being written."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self._path = path
        self._decoder = _Decoder(schema)
        self._offset = 0

    def poll(self) -> Table:
        """The rows that came since the last call; none while the file does not exist."""
        if not self._path.exists():
            return self._decoder.take()
        with self._path.open("rb") as file:
            if self._offset == 0:
                self._offset = len(file.readline())
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data) - self._decoder.feed(memoryview(data))
        return self._decoder.take()


class _Decoder:
    """Turns bytes into rows; runs of rows between two words are decoded at once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._dtype = row_dtype(schema)
        self._names: list[str] = []
        self._chunks: list[np.ndarray[tuple[int], np.dtype[np.void]]] = []
        self.end: int | None = None

    def feed(self, data: memoryview) -> int:
        """Decode all whole records; the number of bytes left over at the end."""
        at, size = 0, self._dtype.itemsize
        while at < len(data):
            mark = data[at]
            if mark == ord("R"):
                run = np.frombuffer(data, dtype=self._dtype, offset=at, count=(len(data) - at) // size)
                others = np.flatnonzero(run["mark"] != b"R")
                count = int(others[0]) if len(others) else len(run)
                if count == 0:
                    break
                self._chunks.append(run[:count].copy())
                at += count * size
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

    def take(self) -> Table:
        """The rows decoded since the last call."""
        rows = np.concatenate(self._chunks) if self._chunks else np.empty(0, dtype=self._dtype)
        self._chunks = []
        names = tuple(self._names)
        valid = {
            name: np.where(rows[name] < len(names), rows[name], NULL).astype(np.int64) for name in self._schema.words
        }
        return Table(
            schema=self._schema,
            ints={name: rows[name].astype(np.int64) for name in self._schema.ints},
            words={name: Words(codes=np.maximum(codes, NULL), names=names) for name, codes in valid.items()},
        )
