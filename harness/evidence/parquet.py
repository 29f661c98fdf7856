"""Tables as Parquet, made once a row file is complete; times are stored as deltas, words as dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import MissingEvidence
from harness.model.table import NULL, Schema, Table, Words

if TYPE_CHECKING:
    from pathlib import Path

_TYPES: Final = {8: pa.int64(), 4: pa.int32(), 2: pa.int16()}


def write_parquet(table: Table, path: Path) -> None:
    """Write the table; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, pa.Array] = {}
    for name, size in table.schema.ints.items():
        columns[name] = pa.array(table.ints[name]).cast(_TYPES[size])
    for name in table.schema.words:
        words = table.words[name]
        codes = pa.array(words.codes.astype(np.int32), mask=words.missing)
        columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array(list(words.names), type=pa.string()))
    times = [name for name, size in table.schema.ints.items() if size == 8]
    partial = path.with_suffix(".partial")
    pq.write_table(
        pa.table(columns),
        partial,
        compression="zstd",
        use_dictionary=list(table.schema.words),
        column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
    )
    partial.replace(path)


def read_parquet(path: Path, schema: Schema) -> Table:
    """Read a table back; raises MissingEvidence when the file is gone, cut short or lacks a column."""
    try:
        read = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise MissingEvidence(f"is no whole Parquet file: {reason}", where=str(path)) from error
    absent = [name for name in (*schema.ints, *schema.words) if name not in read.column_names]
    if absent:
        raise MissingEvidence(f"lacks the columns {', '.join(absent)}", where=str(path))
    try:
        return Table(
            schema=schema,
            ints={name: _ints(read.column(name)) for name in schema.ints},
            words={name: _words(read.column(name)) for name in schema.words},
        )
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise MissingEvidence(f"has a column of the wrong type: {error}", where=str(path)) from error


def _ints(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if not pa.types.is_integer(column.type) or column.null_count:
        raise ValueError(f"whole numbers without gaps were expected, found {column.type}")
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _words(column: pa.ChunkedArray) -> Words:
    coded = column.combine_chunks()
    if not pa.types.is_dictionary(coded.type):
        coded = coded.cast(pa.string()).dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = (
            coded.chunk(0)
            if coded.num_chunks
            else pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))
        )
    codes = coded.indices.fill_null(NULL).to_numpy(zero_copy_only=False)
    return Words(codes=np.asarray(codes, dtype=np.int64), names=tuple(coded.dictionary.to_pylist()))
