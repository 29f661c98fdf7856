"""Writes a table in parts; each part is a row group, compressed with gzip."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, Self

import numpy as np

from harness.evidence.parquet.encoding import encode_deltas, encode_packed, encode_run
from harness.evidence.parquet.form import (
    INT_16,
    LOGICAL_BITS,
    LOGICAL_SIGNED,
    LOGICAL_TEXT,
    LOGICAL_WHOLE,
    MAGIC,
    UTF8,
    Chunk,
    Codec,
    Element,
    Encoding,
    Footer,
    Head,
    Meta,
    OfGroup,
    OfPage,
    PageKind,
    Physical,
    Repetition,
)
from harness.evidence.parquet.thrift import Encoded, Fields, boolean, byte, i32, i64, items, struct, text

if TYPE_CHECKING:
    from pathlib import Path

    from harness.evidence.parquet.encoding import Whole
    from harness.model.records.table import Schema, Table, Words

_LEVEL: Final = 1
"""Fastest level of gzip: deltas and codes leave little to compress."""
_GZIP: Final = 31
_VERSION: Final = 2
_WRITER: Final = "readiness-harness"


class ParquetWriter:
    """Writes one table in parts.

    The file appears completely when it is closed, or not at all.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._partial, self._schema = path, path.with_suffix(".partial"), schema
        self._groups: list[Encoded] = []
        self._rows = 0
        self._file = _Output(self._partial.open("wb"))
        self._file.put(MAGIC)

    def add(self, rows: Table) -> None:
        """Append rows as one row group."""
        if not len(rows):
            return
        start = self._file.at
        chunks = [_numbers(self._file, name, rows.ints[name], size) for name, size in self._schema.ints.items()]
        chunks += [_words(self._file, name, rows.words[name]) for name in self._schema.words]
        group: Fields = {
            OfGroup.COLUMNS: items(chunks),
            OfGroup.BYTES: i64(self._file.at - start),
            OfGroup.ROWS: i64(len(rows)),
        }
        self._groups.append(struct(group))
        self._rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        """Close the file; after a failure no file is left."""
        try:
            with self._file:
                if failed is None:
                    self._file.put(self._footer())
            if failed is None:
                self._partial.replace(self._path)
        finally:
            self._partial.unlink(missing_ok=True)

    def _footer(self) -> bytes:
        columns = [
            *(_number(name, size) for name, size in self._schema.ints.items()),
            *(_word(name) for name in self._schema.words),
        ]
        root = struct({Element.NAME: text("schema"), Element.CHILDREN: i32(len(columns))})
        fields: Fields = {
            Footer.VERSION: i32(_VERSION),
            Footer.SCHEMA: items([root, *columns]),
            Footer.ROWS: i64(self._rows),
            Footer.GROUPS: items(self._groups),
            Footer.WRITER: text(_WRITER),
        }
        footer = struct(fields)[1]
        return footer + len(footer).to_bytes(4, "little") + MAGIC


class _Output:
    """A file that is written, and how many bytes it has."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.at = file, 0

    def put(self, data: bytes) -> None:
        """Write data after the present end."""
        self._file.write(data)
        self.at += len(data)

    def __enter__(self) -> None:
        """Nothing: it is open."""

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _numbers(file: _Output, name: str, values: Whole, size: int) -> Encoded:
    """Write a column of whole numbers; its `ColumnChunk`."""
    physical = Physical.INT64 if size == 8 else Physical.INT32
    stored = np.ascontiguousarray(values, dtype="<i8" if physical is Physical.INT64 else "<i4")
    chunk = _Written(file, name, physical, len(values))
    chunk.page(encode_deltas(stored), Encoding.DELTA_BINARY_PACKED)
    return chunk.described()


def _words(file: _Output, name: str, words: Words) -> Encoded:
    """Write a column of words; its `ColumnChunk`."""
    missing = words.missing
    there = words.codes[~missing].astype(np.int64)
    counts = np.bincount(there, minlength=1)
    used = np.flatnonzero(counts)
    codes = there if len(used) == len(counts) else (np.cumsum(counts > 0) - 1)[there]
    names = [words.names[code].encode() for code in used.tolist()]
    chunk = _Written(file, name, Physical.BYTE_ARRAY, len(missing))
    chunk.dictionary(b"".join(len(word).to_bytes(4, "little") + word for word in names), len(names))
    width = next(width for width in (8, 16, 32) if len(names) <= 1 << width)
    known = encode_packed((~missing).astype(np.uint8), 1) if missing.any() else encode_run(1, len(missing))
    chunk.page(
        len(known).to_bytes(4, "little") + known + bytes([width]) + encode_packed(codes, width), Encoding.RLE_DICTIONARY
    )
    return chunk.described()


class _Written:
    """One column of one row group, as it is written."""

    def __init__(self, file: _Output, name: str, physical: Physical, values: int) -> None:
        self._file, self._name, self._physical, self._values = file, name, physical, values
        self._start = self._data = file.at
        self._unpacked = 0
        self._dictionary: int | None = None
        self._encoding = Encoding.PLAIN

    def dictionary(self, words: bytes, n: int) -> None:
        """Write the words that the column's codes refer to."""
        self._dictionary = self._start
        of = struct({OfPage.VALUES: i32(n), OfPage.ENCODING: i32(Encoding.PLAIN)})
        self._write(PageKind.DICTIONARY, words, {Head.DICTIONARY: of})

    def page(self, body: bytes, encoding: Encoding) -> None:
        """Write the values of the column as one page."""
        self._data, self._encoding = self._file.at, encoding
        of: Fields = {
            OfPage.VALUES: i32(self._values),
            OfPage.ENCODING: i32(encoding),
            OfPage.DEFINITIONS: i32(Encoding.RLE),
            OfPage.REPETITIONS: i32(Encoding.RLE),
        }
        self._write(PageKind.DATA, body, {Head.DATA: struct(of)})

    def _write(self, kind: PageKind, body: bytes, of: Fields) -> None:
        packed = zlib.compress(body, _LEVEL, wbits=_GZIP)
        sizes: Fields = {Head.PAGE: i32(kind), Head.UNPACKED: i32(len(body)), Head.PACKED: i32(len(packed))}
        head = struct({**sizes, **of})[1]
        self._file.put(head + packed)
        self._unpacked += len(head) + len(body)

    def described(self) -> Encoded:
        """`ColumnChunk` of the column."""
        encodings = (
            [Encoding.RLE, self._encoding]
            if self._dictionary is None
            else [Encoding.PLAIN, Encoding.RLE, self._encoding]
        )
        meta: Fields = {
            Meta.PHYSICAL: i32(self._physical),
            Meta.ENCODINGS: items([i32(encoding) for encoding in encodings]),
            Meta.PATH: items([text(self._name)]),
            Meta.CODEC: i32(Codec.GZIP),
            Meta.VALUES: i64(self._values),
            Meta.UNPACKED: i64(self._unpacked),
            Meta.PACKED: i64(self._file.at - self._start),
            Meta.DATA: i64(self._data),
            **({} if self._dictionary is None else {Meta.DICTIONARY: i64(self._dictionary)}),
        }
        return struct({Chunk.OFFSET: i64(self._start), Chunk.META: struct(meta)})


def _number(name: str, size: int) -> Encoded:
    """The `SchemaElement` of a column of whole numbers."""
    fields: dict[int, Encoded] = {
        Element.PHYSICAL: i32(Physical.INT64 if size == 8 else Physical.INT32),
        Element.REPETITION: i32(Repetition.REQUIRED),
        Element.NAME: text(name),
    }
    if size == 2:
        whole = struct({LOGICAL_BITS: byte(16), LOGICAL_SIGNED: boolean(value=True)})
        fields |= {Element.CONVERTED: i32(INT_16), Element.LOGICAL: struct({LOGICAL_WHOLE: whole})}
    return struct(fields)


def _word(name: str) -> Encoded:
    """The `SchemaElement` of a column of words."""
    return struct(
        {
            Element.PHYSICAL: i32(Physical.BYTE_ARRAY),
            Element.REPETITION: i32(Repetition.OPTIONAL),
            Element.NAME: text(name),
            Element.CONVERTED: i32(UTF8),
            Element.LOGICAL: struct({LOGICAL_TEXT: struct({})}),
        }
    )
