"""Row files: what was flushed is there, what was not is counted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import EvidenceError, MissingEvidence
from harness.evidence import History, RowTail, RowWriter, RunDirectory, read_history, read_rows
from harness.evidence.parquet import ParquetWriter
from harness.model import PROBES, REPLICAS, Table
from tests.builders.core_plan import core_plan
from tests.full_disk import room_for
from tests.parquet_files import read_parquet, write_parquet

ROW = ((1, 2, 3, 200), ("entry", "read", "new", "gateway-1", None))

words = st.one_of(st.none(), st.text(max_size=20))
rows = st.lists(
    st.tuples(st.tuples(st.integers(0, 2**62), st.integers(-1, 2**62)), st.tuples(words, words, words, words)),
    max_size=30,
)


@given(rows=rows, cut=st.integers(0, 200))
def test_a_cut_file_gives_a_prefix_and_is_not_closed(
    rows: list[tuple[tuple[int, int], tuple[str | None, ...]]], cut: int
) -> None:
    """However many bytes are lost at the end, the whole rows before them are read, in order, and the file is not closed."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.rows"
        writer = RowWriter(path, REPLICAS)
        for ints, row_words in rows:
            writer.put(ints, row_words)
        writer.close()
        data = path.read_bytes()
        head = data.index(b"\n") + 1
        kept = max(head, len(data) - cut)
        path.write_bytes(data[:kept])

        read = read_rows(path, REPLICAS)

    whole = read.table.ints["at_ns"].tolist()
    assert whole == [ints[0] for ints, _ in rows][: len(whole)]
    assert read.table.words["member"].text() == [w[0] for _, w in rows][: len(whole)]
    assert read.closed == (kept == len(data))


def test_a_tail_sees_each_row_once(tmp_path: Path) -> None:
    """Rows appear after their flush, and never twice."""
    tail = RowTail(tmp_path / "a.rows", PROBES)
    before = len(tail.poll())
    writer = RowWriter(tmp_path / "a.rows", PROBES)
    writer.put(*ROW)
    unflushed = len(tail.poll())
    writer.flush()
    flushed = len(tail.poll())
    writer.put(*ROW)
    writer.close()

    assert (before, unflushed, flushed, len(tail.poll()), len(tail.poll())) == (0, 0, 1, 1, 0)


def test_a_number_too_wide_is_clamped(tmp_path: Path) -> None:
    """A status that fits no int16 neither raises nor spoils its neighbours."""
    writer = RowWriter(tmp_path / "a.rows", PROBES)
    writer.put((1, 2, 3, 1 << 40), ("entry", None, None, None, None))
    writer.close()

    assert read_rows(tmp_path / "a.rows", PROBES).table.ints["status"].tolist() == [32767]


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"rows": 1, "schema": "samples"}\n', b"\x00\xff"])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that the file is not a row file of the schema is named, not guessed at."""
    (tmp_path / "a.rows").write_bytes(content)

    with pytest.raises(MissingEvidence, match=r"a\.rows: the file is not a row file of probes"):
        read_rows(tmp_path / "a.rows", PROBES)


@given(rows=rows)
def test_parquet_gives_back_what_rows_held(rows: list[tuple[tuple[int, int], tuple[str | None, ...]]]) -> None:
    """A table survives Parquet unchanged, missing words included."""
    names = ("member", "region", "role", "error")
    table = Table.of(REPLICAS, [{"at_ns": a, "lag_ns": b, **dict(zip(names, w, strict=True))} for (a, b), w in rows])
    with tempfile.TemporaryDirectory() as directory:
        write_parquet(table, Path(directory) / "a.parquet")
        back = read_parquet(Path(directory) / "a.parquet", REPLICAS)

    assert back.ints["lag_ns"].tolist() == table.ints["lag_ns"].tolist()
    assert [back.words[name].text() for name in names] == [table.words[name].text() for name in names]


def test_rows_that_find_no_room_are_an_error_and_not_lost(tmp_path: Path) -> None:
    """The part that was taken stays; when there is room again, the rest follows it."""
    writer = RowWriter(tmp_path / "a.rows", PROBES)
    for _ in range(100):
        writer.put(*ROW)
    with room_for(1000), pytest.raises(EvidenceError, match=r"a\.rows: the row file cannot be written: File too large"):
        writer.flush()
    assert (tmp_path / "a.rows").stat().st_size == 1000
    assert not read_rows(tmp_path / "a.rows", PROBES).closed
    writer.close()
    read = read_rows(tmp_path / "a.rows", PROBES)
    assert (len(read.table), read.closed) == (100, True)


def test_a_table_that_finds_no_room_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    """Neither when its first bytes cannot be written nor when its last ones cannot."""
    rows = Table.of(PROBES, [])
    for size in (0, 100):
        with room_for(size), pytest.raises(OSError), ParquetWriter(tmp_path / "a.parquet", PROBES) as writer:  # noqa: PT011 - of the disk
            writer.add(rows)
        assert [*tmp_path.iterdir()] == []


def test_a_row_file_of_more_rows_than_any_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of Parquet."""
    writer = RowWriter(tmp_path / "a.rows", PROBES)
    for _ in range(3):
        writer.put(*ROW)
    writer.close()
    monkeypatch.setattr("harness.evidence.rows.MOST_ROWS", 3)
    assert len(read_rows(tmp_path / "a.rows", PROBES).table) == 3
    monkeypatch.setattr("harness.evidence.rows.MOST_ROWS", 2)
    with pytest.raises(MissingEvidence, match="has more than 2 rows"):
        read_rows(tmp_path / "a.rows", PROBES)


def test_a_run_directory_that_finds_no_room_is_an_error(tmp_path: Path) -> None:
    """When it is made, when the plan is written, when a history is opened: words, and no exception of the operating system."""
    with room_for(0), pytest.raises(EvidenceError, match="r1: the run cannot be written: File too large"):
        RunDirectory.create(tmp_path, "r1")
    run, plan = RunDirectory.create(tmp_path, "r2"), core_plan()
    with room_for(100), pytest.raises(EvidenceError, match=r"plan\.json: the run cannot be written: File too large"):
        run.write_plan(plan)
    (run.path / "history").rmdir()
    (run.path / "history").touch()
    with pytest.raises(EvidenceError, match=r"run\.ndjson: the history cannot be opened: "):
        run.history("run")


def test_a_history_that_finds_no_room_is_an_error(tmp_path: Path) -> None:
    """And the line that was cut short is named when it is read."""
    history = History(tmp_path / "a.ndjson", "a")
    with (
        room_for(100),
        pytest.raises(EvidenceError, match=r"a\.ndjson: the observation could not be written: File too large"),
    ):
        history.put("run.started", "x", more="y" * 100)
    history.close()
    assert [item.why for item in read_history(tmp_path / "a.ndjson")[1]] == [
        "line 1 cannot be parsed as an observation (JSONDecodeError)"
    ]
