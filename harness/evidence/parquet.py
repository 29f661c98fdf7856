"""Writes and reads tables as Parquet, made once a row file is complete.

Times are stored as deltas, words as dictionaries.
Writing and reading go one row group at a time, so that a table is in memory only once.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import MissingEvidence
from harness.evidence.rows import MOST_ROWS
from harness.model.records.table import NULL, Codes, Schema, Table, Words, codes_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_TYPES: Final = {8: pa.int64(), 4: pa.int32(), 2: pa.int16()}
_IN_MEMORY: Final[Mapping[int, np.dtype[Any]]] = {8: np.dtype(np.int64), 4: np.dtype(np.int64), 2: np.dtype(np.int16)}
"""Columns for arithmetic are int64.

Codes (a status, a worker, a round) stay as narrow as on disk.
"""
_WORD: Final = pa.dictionary(pa.int32(), pa.string())

MOST_COLUMNS: Final = 64
ROWS_A_BYTE: Final = 256
"""Every row group of ours has a kilobyte of headers for its 65 536 rows at most."""
GROUP_BYTES: Final = 1 << 20
ROW_BYTES: Final = 256
"""What one column of a row group may take when it is unpacked: so much, and so much a row."""


class ParquetWriter:
    """Writes one table part by part.

    The file appears complete when it is closed, or not at all.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._partial = path, path.with_suffix(".partial")
        self._types = pa.schema(
            [
                *((name, _TYPES[size]) for name, size in schema.ints.items()),
                *((name, _WORD) for name in schema.words),
            ]
        )
        times = [name for name, size in schema.ints.items() if size == 8]
        try:
            self._file = pq.ParquetWriter(
                self._partial,
                self._types,
                compression="zstd",
                use_dictionary=list(schema.words),
                column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
            )
        except OSError:
            self._partial.unlink(missing_ok=True)
            raise

    def add(self, rows: Table) -> None:
        """Append rows."""
        columns = [pa.array(rows.ints[name]).cast(_TYPES[size]) for name, size in rows.schema.ints.items()]
        columns += [_dictionary(rows.words[name]) for name in rows.schema.words]
        self._file.write_table(pa.table(columns, schema=self._types))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        """Close the file; after a failure no file is left."""
        try:
            self._file.close()
            if failed is None:
                self._partial.replace(self._path)
        finally:
            self._partial.unlink(missing_ok=True)


def _dictionary(words: Words) -> pa.DictionaryArray:
    codes = pa.array(words.codes.astype(np.int32), mask=words.missing)
    return pa.DictionaryArray.from_arrays(codes, pa.array(list(words.names), type=pa.string()))


def read_parquets(paths: Sequence[Path], schema: Schema) -> tuple[Table, list[int]]:
    """Read the files of one table in order, and the row at which each ends.

    Columns that the schema does not know are ignored.

    Raises:
        MissingEvidence: a file is missing, truncated or not Parquet, lacks a column, or has a column of a wrong type or with gaps;
            `where` is that file.
    """
    sizes = [_rows_in(path, schema) for path in paths]
    if sum(sizes) > MOST_ROWS:
        raise MissingEvidence(f"has {sum(sizes)} rows with those beside it, more than {MOST_ROWS}", where=str(paths[0]))
    columns = _Columns(schema, sum(sizes))
    for path in paths:
        with _refusing(path), pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                columns.add(file.read_row_group(group, columns=[*schema.ints, *schema.words]))
    return columns.table(), list(accumulate(sizes))


def count_rows(path: Path) -> int:
    """The number of rows that a file declares; raises MissingEvidence as `read_parquets` does."""
    with _refusing(path):
        return int(pq.read_metadata(path).num_rows)


def _rows_in(path: Path, schema: Schema) -> int:
    """The number of rows of a file, after checking its columns against the schema."""
    with _refusing(path), pq.ParquetFile(path) as file:
        found = file.schema_arrow
        absent = [name for name in (*schema.ints, *schema.words) if name not in found.names]
        if lacking := [name for name in absent if name not in schema.later]:
            raise _WrongColumnError(f"lacks the columns {', '.join(lacking)}")
        for name in (name for name in (*schema.ints, *schema.words) if name not in absent):
            if found.names.count(name) > 1:
                raise _WrongColumnError(f"has the column `{name}` twice")
            kind = found.field(name).type
            if name in schema.ints and not pa.types.is_signed_integer(kind):
                raise _WrongColumnError(f"has {kind} in `{name}`, whole numbers were expected")
            if name in schema.words and not _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind):
                raise _WrongColumnError(f"has {kind} in `{name}`, words were expected")
        return _counted(file.metadata, path.stat().st_size)


def _counted(metadata: pq.FileMetaData, size: int) -> int:
    """The number of rows that a file's footer declares, before any row is unpacked.

    An implausible number is refused.
    """
    rows = metadata.num_rows
    if not 0 <= rows <= min(MOST_ROWS, ROWS_A_BYTE * size):
        raise _WrongColumnError(f"declares {rows} rows in {size} bytes, which is not possible")
    if metadata.num_columns > MOST_COLUMNS:
        raise _WrongColumnError(f"has {metadata.num_columns} columns, more than {MOST_COLUMNS}")
    counted = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        counted += group.num_rows
        for column in map(group.column, range(group.num_columns)):
            if not 0 <= column.total_uncompressed_size <= GROUP_BYTES + ROW_BYTES * group.num_rows:
                raise _WrongColumnError(
                    f"unpacks {group.num_rows} rows of `{column.path_in_schema}` to {column.total_uncompressed_size} bytes"
                )
    if counted != rows:
        raise _WrongColumnError("has another number of rows than its footer declares")
    return counted


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Convert pyarrow's errors on invalid files into the harness's errors."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise MissingEvidence("contains a word that is not UTF-8", where=str(path)) from error
    except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingEvidence(f"is not a complete Parquet file: {reason}", where=str(path)) from error
    except _WrongColumnError as error:
        raise MissingEvidence(str(error), where=str(path)) from error


class _WrongColumnError(Exception):
    """A column does not match the schema."""


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


class _Columns:
    """The columns of all files, made once and filled row group by row group."""

    def __init__(self, schema: Schema, rows: int) -> None:
        self._schema = schema
        self._ints = {name: np.zeros(rows, dtype=_IN_MEMORY[size]) for name, size in schema.ints.items()}
        self._words = {name: _Coded(name, rows) for name in schema.words}
        self._rows = 0

    def add(self, group: pa.Table) -> None:
        """Put a row group behind what is there."""
        start, end = self._rows, self._rows + len(group)
        for name, numbers in self._ints.items():
            if name not in group.column_names:  # a file that is older than the column
                continue
            column = group.column(name)
            if column.null_count:
                raise _WrongColumnError(f"lacks a value in `{name}`, {column.null_count} times")
            numbers[start:end] = column.cast(pa.from_numpy_dtype(numbers.dtype)).to_numpy()
        for name, coded in self._words.items():
            coded.put(start, group.column(name))
        self._rows = end

    def table(self) -> Table:
        """All of it."""
        words = {name: coded.words() for name, coded in self._words.items()}
        return Table(schema=self._schema, ints=self._ints, words=words)


class _Coded:
    """One column of words, from row groups with a dictionary each."""

    def __init__(self, name: str, rows: int) -> None:
        self._name = name
        self._names: dict[str, int] = {}
        self._codes: Codes = np.empty(rows, dtype=codes_type(0))

    def put(self, at: int, column: pa.ChunkedArray) -> None:
        """Put words behind the first `at`."""
        for chunk in column.chunks:
            coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.cast(pa.string()).dictionary_encode()
            known = [self._code(name) for name in coded.dictionary.to_pylist()]
            if (kind := codes_type(len(self._names))) != self._codes.dtype:
                self._codes = self._codes.astype(kind)
            codes = coded.indices.fill_null(NULL).to_numpy()
            if len(codes) and not NULL <= codes.min() <= codes.max() < len(known):
                raise _WrongColumnError(f"has a word in `{self._name}` that its dictionary lacks")
            if known != list(range(len(known))):
                codes = np.array([*known, NULL], dtype=kind)[codes]
            self._codes[at : at + len(codes)] = codes
            at += len(codes)

    def _code(self, name: str | None) -> int:
        return NULL if name is None else self._names.setdefault(name, len(self._names))

    def words(self) -> Words:
        """The whole column."""
        return Words(codes=self._codes, names=tuple(self._names))
