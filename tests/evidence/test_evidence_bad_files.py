"""Files that a disk, a person or another program has spoilt: read, or refused in our words; never an exception of numpy or of a decoder."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MissingEvidence
from harness.evidence import RowWriter, read_history, read_rows
from harness.evidence.parquet import read_parquets
from harness.evidence.rows import RowFile
from harness.model import PROBES, REPLICAS, SAMPLES, Table
from harness.model.records.table import MANY, PIECE, Words
from tests.parquet_files import read_parquet, write_parquet

WORDS = ("a", "b", None, "ü")


def rows(n: int, first: int = 0) -> Table:
    """Looks at four members in turn."""
    numbers = range(first, first + n)
    return Table.of(REPLICAS, [{"at_ns": i, "lag_ns": -i, "member": WORDS[i % 4], "role": f"r{i}"} for i in numbers])


def same(one: Table, other: Table) -> bool:
    """Whether two tables hold the same, in the same order."""
    ints = all(np.array_equal(one.ints[name], other.ints[name]) for name in REPLICAS.ints)
    return ints and all(one.words[name].text() == other.words[name].text() for name in REPLICAS.words)


def read_or_refused(read: Callable[[Path], object], content: bytes) -> None:
    """What is no evidence is refused with the file's name, and nothing else is raised."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "spoilt"
        path.write_bytes(content)
        refused: MissingEvidence | None = None
        try:
            read(path)
        except MissingEvidence as error:
            refused = error
    assert refused is None or (refused.where == str(path) and refused.what)


def all_words(table: Table) -> list[list[str | None]]:
    """Look at every word."""
    return [column.text() for column in table.words.values()]


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A Parquet file as the seal makes it."""
    path = tmp_path_factory.mktemp("whole") / "a.parquet"
    write_parquet(rows(50), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def row_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A row file, closed in order."""
    path = tmp_path_factory.mktemp("whole") / "a.rows"
    written(path, rows(50))
    return path.read_bytes()


def written(path: Path, table: Table) -> None:
    """Write a row file."""
    writer = RowWriter(path, REPLICAS)
    ints = zip(*(table.ints[name].tolist() for name in REPLICAS.ints), strict=True)
    words = zip(*(table.words[name].text() for name in REPLICAS.words), strict=True)
    for row in zip(ints, words, strict=True):
        writer.put(*row)
    writer.close()


damage = st.tuples(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20), st.floats(0, 1)
)
"""Bytes to change, by place, and how much to keep."""


def damaged(whole: bytes, how: tuple[list[tuple[float, int]], float]) -> bytes:
    """The file with some bytes changed, cut short."""
    content = bytearray(whole)
    for place, byte in how[0]:
        content[int(place * len(content))] = byte
    return bytes(content[: math.ceil(how[1] * len(content))])


@given(how=damage)
@settings(max_examples=150)
def test_a_damaged_parquet_file_is_read_or_refused(parquet: bytes, how: tuple[list[tuple[float, int]], float]) -> None:
    """Whatever bytes were changed or cut."""
    read_or_refused(lambda path: all_words(read_parquet(path, REPLICAS)), damaged(parquet, how))


@given(how=damage)
@settings(max_examples=150)
def test_a_damaged_row_file_is_read_or_refused(row_file: bytes, how: tuple[list[tuple[float, int]], float]) -> None:
    """Whatever bytes were changed or cut."""
    read_or_refused(lambda path: all_words(read_rows(path, REPLICAS).table), damaged(row_file, how))


@given(content=st.binary(max_size=300), behind=st.sampled_from([b"", b"PAR1", b'{"rows": 1, "schema": "replicas"}\n']))
@settings(max_examples=100)
def test_bytes_that_nobody_wrote_are_read_or_refused(content: bytes, behind: bytes) -> None:
    """As a table, as rows, as a history."""
    read_or_refused(lambda path: all_words(read_parquet(path, REPLICAS)), behind + content + behind[:4])
    read_or_refused(lambda path: all_words(read_rows(path, REPLICAS).table), behind + content)
    read_or_refused(read_history, content)


COLUMNS: dict[str, pa.Array] = {
    "double": pa.array([1.0, math.nan, 3.0]),
    "gaps": pa.array([1, None, 3]),
    "unsigned": pa.array([1, 2, 2**64 - 1], type=pa.uint64()),
    "bytes": pa.array([1, 2, 3], type=pa.int8()),
    "booleans": pa.array([True, False, True]),
    "moments": pa.array([1, 2, 3], type=pa.timestamp("ns")),
    "decimals": pa.array([1, 2, 3], type=pa.decimal128(9, 2)),
    "nothing": pa.nulls(3),
    "words": pa.array(["a", None, "c"]),
    "long words": pa.array(["a", "b", "c"], type=pa.large_string()),
    "coded words": pa.array(["a", None, "a"]).dictionary_encode(),
    "coded numbers": pa.array([7, 7, 8]).dictionary_encode(),
    "binary": pa.array([b"\xff", b"b", b"c"]),
    "lists": pa.array([[1], [], [2]]),
    "structs": pa.array([{"a": 1}] * 3),
}


def test_a_column_of_another_type_is_refused_by_its_name(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Whole numbers without gaps where numbers belong, text where words belong; anything else is named."""
    path = tmp_path / "a.parquet"
    columns: dict[str, pa.Array] = {column: pa.array([1, 2, 3]) for column in REPLICAS.ints}
    columns |= {column: pa.array(["x"] * 3) for column in REPLICAS.words}
    for name, fit in (("at_ns", {"bytes", "coded numbers"}), ("member", {"words", "long words", "coded words"})):
        for kind, column in COLUMNS.items():
            with subtests.test(kind, name=name):
                table = pa.table({**columns, name: column, "more": pa.array([[1]] * 3)})
                pq.write_table(table, path, compression="gzip")
                if kind in fit:
                    assert len(read_parquet(path, REPLICAS)) == 3
                else:
                    with pytest.raises(MissingEvidence, match=f"`{name}`"):
                        read_parquet(path, REPLICAS)


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4), group=st.integers(1, 50))
@settings(max_examples=30)
def test_files_read_together_are_the_union_of_their_rows(sizes: list[int], group: int) -> None:
    """However many files and row groups: the same rows in the same order, each word the same word."""
    parts = [rows(size, first=100 * index) for index, size in enumerate(sizes)]
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / str(index) for index in range(len(parts))]
        for path, part in zip(paths, parts, strict=True):
            write_parquet(part, path)
            pq.write_table(pq.read_table(path), path, row_group_size=group, compression="gzip")
        table, ends = read_parquets(paths, REPLICAS)
    assert same(table, Table.merged(REPLICAS, parts))
    assert ends == np.cumsum(sizes).tolist()


@given(n=st.integers(0, 60), piece=st.integers(1, 400))
@settings(max_examples=60)
def test_a_row_file_reads_the_same_in_pieces_of_any_size(n: int, piece: int) -> None:
    """A record that two pieces share is not lost, nor is a word."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.rows"
        written(path, rows(n))
        file = RowFile(path, REPLICAS, piece)
        table = Table.merged(REPLICAS, list(file))
    assert same(table, rows(n))
    assert (file.rows, file.closed, file.truncated_bytes) == (n, True, 0)


def test_bytes_behind_the_end_of_a_row_file_open_it_again(tmp_path: Path) -> None:
    """What follows the end record was written by nobody: counted, and the file is not closed."""
    written(tmp_path / "a.rows", rows(2))
    with (tmp_path / "a.rows").open("ab") as file:
        file.write(b"?" * 300_000)
    read = read_rows(tmp_path / "a.rows", REPLICAS)
    assert (len(read.table), read.closed, read.truncated_bytes) == (2, False, 300_000)


def test_a_word_that_was_never_defined_is_named_with_its_row(tmp_path: Path) -> None:
    """A damaged code would else pass for `no error`."""
    written(tmp_path / "a.rows", rows(2))
    content = (tmp_path / "a.rows").read_bytes()
    (tmp_path / "a.rows").write_bytes(content.replace(b"\xff\xff\xff\xff", b"\x09\0\0\0"))
    with pytest.raises(MissingEvidence, match="row 1: `region` has an undefined word"):
        read_rows(tmp_path / "a.rows", REPLICAS)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_rows_apart_are_all_rows_that_have_the_word(words: list[str | None]) -> None:
    """Sorted by word; each part in its order; what has no word is in none."""
    table = Table.of(REPLICAS, [{"at_ns": at, "member": word} for at, word in enumerate(words)])
    apart = table.apart("member")
    assert [*apart] == sorted({word for word in words if word is not None})
    for word, part in apart.items():
        assert part.ints["at_ns"].tolist() == [at for at, one in enumerate(words) if one == word]
        assert set(part.words["member"].text()) == {word}


@pytest.mark.parametrize(("status", "held"), [(32_767, True), (32_768, False)])
def test_a_status_that_no_writer_can_have_written_is_refused(status: int, *, held: bool, tmp_path: Path) -> None:
    """It is held as narrow as it is written, and never cut to fit."""
    path = tmp_path / "p.parquet"
    write_parquet(Table.of(PROBES, [{"status": 200}]), path)
    table = pq.read_table(path)
    wide = pa.array([status], type=pa.int64())
    index = table.schema.get_field_index("status")
    pq.write_table(table.set_column(index, "status", wide), path, compression="gzip")
    if held:
        assert read_parquet(path, PROBES).ints["status"].tolist() == [status]
    else:
        with pytest.raises(MissingEvidence, match="the column `status` contains 32768, expected -32768 to 32767"):
            read_parquet(path, PROBES)


@pytest.mark.parametrize("words", [MANY, MANY + 1])
def test_rows_are_apart_by_many_words_as_by_few(words: int) -> None:
    """They are found by a mask each, or by one sort: the same rows, in their order, and none of those without a word."""
    rng = np.random.default_rng(words)
    codes = np.concatenate([np.arange(words), rng.integers(-1, words, 1000)]).astype(np.int16)
    names = tuple(f"r{code}" for code in rng.permutation(words))
    table = Table.of(REPLICAS, [{"at_ns": at} for at in range(len(codes))])
    table = replace(table, words={**table.words, "member": Words(codes=codes, names=names)})
    found = {word: part.ints["at_ns"].tolist() for word, part in table.apart("member").items()}
    assert found == {
        name: np.flatnonzero(codes == code).tolist() for code, name in sorted(enumerate(names), key=lambda one: one[1])
    }


def test_words_are_counted_beyond_a_piece() -> None:
    """Columns are counted piece by piece: every row once."""
    words = Words(codes=np.arange(-1, 2 * PIECE, dtype=np.int32) % 4 - 1, names=("a", "b", "c"))
    assert words.counts == {name: int(words.equals(name).sum()) for name in words.names}
    assert sum(words.counts.values()) + int(words.missing.sum()) == 2 * PIECE + 1


def test_rows_apart_by_a_word_that_none_has_are_none() -> None:
    """As in any mapping."""
    apart = rows(2).apart("region")
    assert "nowhere" not in apart
    assert len(apart) == len([*apart])


def test_what_is_asked_of_rows_again_is_not_looked_for_again() -> None:
    """Each table has answers of its own."""
    asked: list[Table] = []
    table, part = rows(3), rows(3).cut(0, 2)

    def count(table: Table) -> int:
        asked.append(table)
        return len(table)

    assert [table.once(count), table.once(count), part.once(count)] == [3, 3, 2]
    assert asked == [table, part]


@given(st.data())
def test_a_part_of_a_part_is_what_both_leave(data: st.DataObject) -> None:
    """Filters one behind the other, a sort between them."""
    n = data.draw(st.integers(0, 30))
    table, numbers = rows(n), list(range(n))
    for _ in range(2):
        kept = data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers)))
        table = table.where(np.array(kept, dtype=np.bool_)).sorted_by("lag_ns")
        numbers = [number for number, keep in zip(numbers, kept, strict=True) if keep][::-1]
        assert (len(table), table.ints["at_ns"].tolist()) == (len(numbers), sorted(numbers, reverse=True))
        numbers = table.ints["at_ns"].tolist()
        assert table.words["role"].text() == [f"r{number}" for number in numbers]


def test_more_words_than_a_byte_counts_are_told_apart(tmp_path: Path) -> None:
    """Three hundred pods, over two files."""
    parts = [rows(200), rows(200, first=200)]
    for index, part in enumerate(parts):
        write_parquet(part, tmp_path / str(index))
    table, _ = read_parquets([tmp_path / "0", tmp_path / "1"], REPLICAS)
    assert table.words["role"].text() == [f"r{number}" for number in range(400)]
    assert table.words["role"].counts == {f"r{number}": 1 for number in range(400)}


def test_a_file_of_another_schema_lacks_columns(tmp_path: Path) -> None:
    """Which ones is said."""
    write_parquet(rows(1), tmp_path / "a")
    with pytest.raises(MissingEvidence, match="the file lacks the columns intended_ns, sent_ns, done_ns, status"):
        read_parquet(tmp_path / "a", SAMPLES)
