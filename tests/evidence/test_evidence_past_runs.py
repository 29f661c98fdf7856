"""Earlier runs are read from their verdicts; what is broken or foreign costs a line, never the list."""

from __future__ import annotations

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.evidence import RunDirectory
from harness.evidence.past_runs import past_run, past_runs
from harness.files import write_atomic
from harness.model.judged.past import PastRun
from tests.builders.past import verdict, write

FIRST, SECOND, THIRD = "20261120T100000Z-shop-1.0.0", "20261120T110000Z-shop-1.1.0", "20261121T090000Z-shop-1.2.0"


def whys(runs: Path) -> dict[str, str]:
    """Why directories cannot be read, by name."""
    return {one.run: one.why for one in past_runs(runs, 100)[1]}


def test_runs_are_listed_by_the_time_in_their_names_the_oldest_first(tmp_path: Path) -> None:
    """The latest so many; `latest`, files, links and what begins with a dot are no runs.

    A directory without a time in its name is older than any, so that a copy or a benchmark is not taken for the latest run.
    """
    for name in (SECOND, THIRD, "zebra", FIRST):
        write(tmp_path, name)
    (tmp_path / "latest").symlink_to(THIRD)
    (tmp_path / "other").symlink_to(THIRD)
    (tmp_path / ".partial").mkdir()
    (tmp_path / "README.md").write_text("runs")
    read, unread, left_out = past_runs(tmp_path, 100)
    assert ([run.run for run in read], unread, left_out) == (["zebra", FIRST, SECOND, THIRD], (), 0)
    read, _, left_out = past_runs(tmp_path, 2)
    assert ([run.run for run in read], left_out) == ([SECOND, THIRD], 2)


def test_a_broken_verdict_costs_a_line(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """It is named with what is wrong; the run beside it is read."""
    first, _ = write(tmp_path, FIRST), write(tmp_path, SECOND)
    for content, why in [
        (b"", "EOF while parsing"),
        (b'{"schema": 2', "EOF while parsing"),
        (b"\xff\xfe", "expected value"),
        (b"[]", "verdict.json is not a verdict: Input should be"),
        (b'{"schema": 2}', "verdict.json is not a verdict: run_id: Field required"),
        (b"[" * 100_000, "recursion limit exceeded"),
        (b'{"a": "\\ud800"}', "hex escape"),
        (json.dumps(verdict("x", schema=1)).encode(), "the schema is 1, expected 2"),
        (json.dumps(verdict("x", time_scale=0)).encode(), "the time scale is 0"),
        (json.dumps(verdict("x", time_scale=float("nan"))).encode(), "it contains a number that is not finite"),
        (json.dumps(verdict("x", score=12.5)).replace("12.5", "1e999").encode(), "a number that is not finite"),
        (json.dumps(verdict("x", extra={"a": [12.5]})).replace("12.5", "-1e999").encode(), "a number that is not finite"),
        (json.dumps(verdict("x", score=12.5)).replace("12.5", "1" * 400).encode(), "verdict.json is not a verdict: "),
        (json.dumps(verdict("x", requirements=[{"id": 7}])).encode(), "requirements.0.id: Input should be a valid string"),
    ]:  # fmt: skip
        with subtests.test(why, content=content):
            (first / "verdict.json").write_bytes(content)
            assert why in whys(tmp_path)[FIRST]
            assert [run.run for run in past_runs(tmp_path, 100)[0]] == [SECOND]


def test_what_is_no_file_is_neither_followed_nor_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe without a writer, a socket, a directory, a link to a file that is there, a hole of a gigabyte."""
    monkeypatch.chdir(tmp_path)  # the address of a socket may have 107 characters
    names = [f"2026112{n}T000000Z-x" for n in range(6)]
    for name in names:
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / names[0] / "verdict.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{names[1]}/verdict.json")
        (tmp_path / names[2] / "verdict.json").mkdir()
        (tmp_path / "whole.json").write_text(json.dumps(verdict("x")))
        (tmp_path / names[3] / "verdict.json").symlink_to(tmp_path / "whole.json")
        with (tmp_path / names[4] / "verdict.json").open("wb") as hole:
            hole.truncate(1 << 30)
        found = whys(tmp_path)
    assert sorted(found) == names
    assert "the entry is a named pipe" in found[names[0]]
    assert "the file has more than" in found[names[4]]
    assert found[names[5]] == "the run has no verdict.json"


def test_a_hostile_name_is_one_printable_line(tmp_path: Path) -> None:
    """An escape sequence, a line end and a change of direction are not printed."""
    (tmp_path / "a\x1b[2J\nb\u202ec").mkdir()
    (found,) = past_runs(tmp_path, 100)[1]
    assert found.run == "a\ufffd[2J\ufffdb\ufffdc"


def test_a_run_that_is_being_written_says_so(tmp_path: Path) -> None:
    """This process writes it, and lives."""
    RunDirectory.create(tmp_path, FIRST)
    assert whys(tmp_path) == {FIRST: "the run is still being written"}


def test_of_earlier_runs_only_the_head_is_read(tmp_path: Path) -> None:
    """Decision and counts of all, requirements of the latest; a large one that was cut short is found all the same."""
    long = [{"id": f"R-{n}", "verdict": "PASS", "reason": "x" * 500} for n in range(2000)]
    body = json.dumps(verdict(FIRST, decision="NO-GO", requirements=long)).encode()
    write(tmp_path, FIRST, body)
    write(tmp_path, SECOND, body[: len(body) // 2])
    write(tmp_path, THIRD)
    read, unread, _ = past_runs(tmp_path, 10, 1)
    assert [(run.run, run.decision, len(run.requirements)) for run in read] == [(FIRST, "NO-GO", 0), (THIRD, "GO", 1)]
    assert [one.run for one in unread] == [SECOND]
    assert len(past_run(tmp_path / FIRST).requirements) == 2000


def test_there_is_no_such_directory(tmp_path: Path) -> None:
    """Where runs are kept is a mistake of the caller's."""
    with pytest.raises(UsageError, match="--out DIR"):
        past_runs(tmp_path / "nowhere", 10)
    with pytest.raises(UsageError, match="the run does not exist"):
        past_run(tmp_path / "nowhere")


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Twenty runs end at once, each in a directory of its own, and are all listed; no list of them is kept."""
    names = [f"20261121T0000{n:02}Z-shop-1.0.0" for n in range(20)]

    def end(name: str) -> None:
        directory = RunDirectory.create(tmp_path, name)
        write_atomic(directory.path / "verdict.json", json.dumps(verdict(name)).encode())
        directory.end()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(end, names))
    read, unread, _ = past_runs(tmp_path, 100)
    assert [run.run for run in read] == names
    assert unread == ()


def test_a_link_that_another_run_sets_in_between_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`latest` is absent when this run looks for it, and another run sets the link before this run does: that is no error."""
    first, second = (RunDirectory.create(tmp_path, f"20261121T00000{n}Z-shop-1.0.0") for n in (1, 2))
    look = Path.lstat

    def looked(path: Path) -> os.stat_result:
        try:
            return look(path)
        finally:
            monkeypatch.undo()
            first.end()

    monkeypatch.setattr(Path, "lstat", looked)
    second.end()
    assert (tmp_path / "latest").readlink() == Path(second.path.name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(edit=st.dictionaries(st.sampled_from(sorted(verdict("x"))), JSON, max_size=3))
def test_whatever_a_verdict_says_the_list_is_made(
    tmp_path_factory: pytest.TempPathFactory, edit: dict[str, Any]
) -> None:
    """A run, or a line that says why not; no other error."""
    runs = tmp_path_factory.mktemp("runs")
    write(runs, FIRST, json.dumps({**verdict("x"), **edit}).encode())
    read, unread, _ = past_runs(runs, 10)
    assert len(read) + len(unread) == 1
    assert all(isinstance(run, PastRun) for run in read)
