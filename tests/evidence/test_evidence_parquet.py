"""Parquet, held against PyArrow, which we did not write: what one writes the other reads, and so it is with what older versions wrote."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MissingEvidence
from harness.evidence.parquet import count_rows
from harness.evidence.parquet.encoding import decode_deltas, decode_runs, encode_deltas, encode_packed, encode_run
from harness.evidence.parquet.thrift import Cursor, boolean, byte, i32, i64, items, struct, text, zigzag
from harness.model import PROBES, SAMPLES, Table
from harness.model.records.table import Schema
from tests.parquet_files import read_parquet, write_parquet

LONG = st.integers(-(1 << 63), (1 << 63) - 1)
NUMBERS = {
    8: LONG | st.integers(0, 1000),
    4: st.integers(-(1 << 31), (1 << 31) - 1),
    2: st.integers(-(1 << 15), (1 << 15) - 1),
}
WORD = st.none() | st.sampled_from(["", "a", "ü", "a longer word"]) | st.text(st.characters(codec="utf-8"), max_size=3)


@st.composite
def tables(draw: st.DrawFn, schema: Schema) -> Table:
    """Rows of any numbers that fit their columns, and any words."""
    n = draw(st.integers(0, 200) | st.sampled_from([0, 1, 2, 128, 129]))
    ints = {name: draw(st.lists(NUMBERS[size], min_size=n, max_size=n)) for name, size in schema.ints.items()}
    words = {name: draw(st.lists(WORD, min_size=n, max_size=n)) for name in schema.words}
    return Table.of(
        schema, [{**{k: v[i] for k, v in ints.items()}, **{k: v[i] for k, v in words.items()}} for i in range(n)]
    )


def columns(table: Table) -> dict[str, list[Any]]:
    """All values of a table."""
    ints: dict[str, list[Any]] = {name: column.tolist() for name, column in table.ints.items()}
    return ints | {name: column.text() for name, column in table.words.items()}


@given(table=tables(PROBES))
@settings(max_examples=25, deadline=None)
def test_pyarrow_reads_what_is_written(table: Table) -> None:
    """The same numbers, the same words, the same gaps; types that say how wide a number is."""
    with tempfile.TemporaryDirectory() as directory:
        write_parquet(table, Path(directory) / "a")
        read = pq.read_table(Path(directory) / "a")
        assert count_rows(Path(directory) / "a") == len(table)
    assert read.to_pydict() == columns(table)
    assert [str(field.type) for field in read.schema] == ["int64"] * 3 + ["int16"] + ["string"] * 5


@given(
    table=tables(PROBES),
    codec=st.sampled_from(["none", "gzip", "zstd"]),
    coded=st.booleans(),
    group=st.integers(1, 250),
    page=st.sampled_from([64, 1 << 20]),
    narrow=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_what_pyarrow_writes_is_read(
    table: Table, codec: str, group: int, page: int, *, coded: bool, narrow: bool
) -> None:
    """However it compresses, encodes and cuts its pages: dictionaries, deltas in blocks of 128, plain values; columns that may have gaps and have none."""
    kinds = {8: pa.int64(), 4: pa.int32(), 2: pa.int16() if narrow else pa.int64()}
    types = [(name, kinds[size]) for name, size in PROBES.ints.items()] + [(name, pa.string()) for name in PROBES.words]
    found = pa.table(columns(table), schema=pa.schema(types))
    deltas = {} if coded else {"column_encoding": dict.fromkeys(PROBES.ints, "DELTA_BINARY_PACKED")}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a"
        pq.write_table(
            found, path, compression=codec, use_dictionary=coded, row_group_size=group, data_page_size=page, **deltas
        )
        read = read_parquet(path, PROBES)
    assert columns(read) == columns(table)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"compression": "snappy"}, "is compressed with snappy, expected gzip"),
        ({"compression": "none", "data_page_version": "2.0"}, "has a damaged page or a page of version 2"),
        (
            {"compression": "none", "use_dictionary": False, "column_encoding": {"kind": "DELTA_BYTE_ARRAY"}},
            "the file is not a complete Parquet file: 7 is not a valid Encoding",
        ),
    ],
)
def test_what_is_not_read_of_the_format_is_named(tmp_path: Path, options: dict[str, Any], why: str) -> None:
    """Of files that somebody else has written."""
    write_parquet(Table.of(PROBES, [{"status": 200, "kind": "read"}]), tmp_path / "ours")
    pq.write_table(pq.read_table(tmp_path / "ours"), tmp_path / "a", **options)
    with pytest.raises(MissingEvidence, match=why):
        read_parquet(tmp_path / "a", PROBES)


def test_zstd_that_is_not_installed_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older versions wrote it."""
    write_parquet(Table.of(PROBES, [{"status": 200}]), tmp_path / "ours")
    pq.write_table(pq.read_table(tmp_path / "ours"), tmp_path / "a", compression="zstd")
    monkeypatch.setattr("harness.evidence.parquet.reading.missing", lambda extra: (extra,))
    with pytest.raises(MissingEvidence, match=r"install zstandard to read it: pip install 'readiness-harness\[zstd\]'"):
        read_parquet(tmp_path / "a", PROBES)


def test_a_page_that_unpacks_to_more_than_it_declares_is_not_unpacked(tmp_path: Path) -> None:
    """A megabyte of zeros takes a kilobyte; the header says a hundred bytes."""
    rows = Table.of(PROBES, [{"due_ns": n} for n in range(1 << 17)])
    write_parquet(rows, tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    head = Cursor(whole, 4)
    declared = head.struct()[2]
    (tmp_path / "a").write_bytes(whole.replace(zigzag(declared), zigzag(declared - 1), 1))
    with pytest.raises(
        MissingEvidence, match=f"a page decompresses to {declared} bytes, its header declares {declared - 1}"
    ):
        read_parquet(tmp_path / "a", PROBES)


@given(values=st.lists(LONG, max_size=300) | st.lists(st.integers(0, 3), max_size=300))
def test_deltas_give_back_what_they_were_made_of(values: list[int]) -> None:
    """Whatever the numbers: the differences wrap around."""
    assert decode_deltas(encode_deltas(np.array(values, dtype=np.int64)), len(values)).tolist() == values


@given(values=st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=300))
def test_deltas_of_narrow_numbers_wrap_as_narrow_ones(values: list[int]) -> None:
    """No difference needs more than 32 bits, which readers of 32 bits rely on."""
    encoded = encode_deltas(np.array(values, dtype=np.int32))
    assert decode_deltas(encoded, len(values)).astype(np.int32).tolist() == values
    assert len(encoded) <= 30 + 4 * 128 * -(-max(len(values) - 1, 1) // 128)


@given(values=st.lists(st.integers(0, 255), max_size=40), run=st.integers(1, 40))
def test_runs_and_packed_numbers_follow_each_other(values: list[int], run: int) -> None:
    """A group of eight is filled up with zeros, which the count leaves out."""
    whole = values[: len(values) // 8 * 8]
    encoded = encode_packed(np.array(whole, dtype=np.int64), 8) + encode_run(7, run)
    assert decode_runs(encoded, 8, len(whole) + run).tolist() == whole + [7] * run


@given(st.binary(max_size=60))
def test_bytes_that_are_no_numbers_are_refused(data: bytes) -> None:
    """With a ValueError, or they are numbers."""
    for read in (lambda: decode_deltas(data, 5), lambda: decode_runs(data, 3, 9), lambda: Cursor(data).struct()):
        try:
            read()
        except ValueError:
            continue


def test_a_structure_is_read_as_it_was_written() -> None:
    """Every type that headers and footers have, and a long list."""
    encoded = struct(
        {
            1: i32(-5),
            2: i64(1 << 40),
            4: text("ü"),
            5: items([i32(n) for n in range(20)]),
            7: boolean(value=True),
            8: byte(16),
        }
    )[1]
    cursor = Cursor(encoded)
    assert cursor.struct() == {1: -5, 2: 1 << 40, 4: "ü".encode(), 5: [*range(20)], 7: True, 8: 16}
    assert cursor.at == len(encoded)


@pytest.mark.parametrize("data", [b"\x19" * 40, b"\x1c" * 40, b"\x16" + b"\xff" * 12, b"\x1b\x00", b"\x18\x7f"])
def test_a_structure_that_nobody_wrote_is_refused(data: bytes) -> None:
    """Nested without end, a number without end, a map, a text that is cut."""
    with pytest.raises(ValueError, match=r"the structure |the data |a value |a number"):
        Cursor(data).struct()


def test_samples_take_about_ten_bytes_each(tmp_path: Path) -> None:
    """Times as deltas, words as codes: as large a file as PyArrow makes of them with zstd."""
    n = 20_000
    random = np.random.default_rng(1)
    due = np.cumsum(random.integers(0, 10**8, n))
    rows: list[dict[str, int | str | None]] = [
        {
            "intended_ns": int(at),
            "sent_ns": int(at) + 1000,
            "done_ns": int(at) + int(took),
            "status": 200,
            "bytes": 120,
            "worker": 1,
            "arrival": number // 4,
            "journey": "listen",
            "step": f"s{number % 4}",
            "method": "GET",
        }
        for number, (at, took) in enumerate(zip(due, random.integers(10**6, 10**8, n), strict=True))
    ]
    table = Table.of(SAMPLES, rows)
    write_parquet(table, tmp_path / "a")
    pq.write_table(pq.read_table(tmp_path / "a"), tmp_path / "b", compression="zstd")
    assert (tmp_path / "a").stat().st_size <= 1.2 * (tmp_path / "b").stat().st_size
