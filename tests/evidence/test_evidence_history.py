"""Histories and what stands beside them: read back as written, and named where they are not."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import EvidenceError, HarnessError
from harness.evidence import History, RunDirectory, read_history
from harness.evidence.reading import load_evidence
from harness.model import Missing, Observation

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
lines = st.lists(st.tuples(texts, texts, st.dictionaries(texts, values, max_size=3)), max_size=8)


def test_a_name_that_is_not_utf_8_does_not_lose_its_line(tmp_path: Path) -> None:
    """As of a file in a directory of backups; what cannot be shown is `?`, and pairs are what they were."""
    history = History(tmp_path / "run.ndjson", "run")
    history.put("fact", "caf\udce9.dump", seen=["\ud83d", "\U0001f600", "\\ud83d"])
    history.close()
    ((one,), missing) = read_history(tmp_path / "run.ndjson")
    assert (one.subject, one.fields, missing) == ("caf?.dump", {"seen": ["?", "\U0001f600", "\\ud83d"]}, [])


@given(written=lines, second=lines)
def test_a_history_reads_back_as_it_was_written(
    written: list[tuple[str, str, dict[str, object]]], second: list[tuple[str, str, dict[str, object]]]
) -> None:
    """Whatever stands in it, line breaks of any script included; also when a second writer went on where the first had ended."""
    put: list[Observation] = []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "history" / "run.ndjson"
        for part in (written, second):
            history = History(path, "run")
            put += [history.put(kind, subject, **fields) for kind, subject, fields in part]
            history.close()
        read, missing = read_history(path)
    assert read == put
    assert missing == []


def test_a_line_that_is_no_observation_is_named(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With its number; what follows is still read."""
    for line in [
        "",
        "[]",
        "3",
        "null",
        "{",
        "[" * 100_000,
        '{"seq": 0}',
        '{"seq": Infinity, "clock": "", "mono_ns": 1, "wall": "", "kind": "", "subject": ""}',
        '{"seq": 0, "clock": "", "mono_ns": NaN, "wall": "", "kind": "", "subject": ""}',
        '{"seq": 0, "clock": "", "mono_ns": 1, "wall": "", "kind": "", "subject": "", "fields": 3}',
    ]:
        with subtests.test(line=line):
            good = {"seq": 1, "clock": "boot", "mono_ns": 1, "wall": "", "kind": "k", "subject": "s"}
            (tmp_path / "run.ndjson").write_text(f"{line}\n{json.dumps(good)}\n", encoding="utf-8")
            read, missing = read_history(tmp_path / "run.ndjson")
            assert [observation.kind for observation in read] == ["k"]
            assert missing[0].why.startswith("line 1 cannot be parsed as an observation")


def in_a_run(name: str, content: str, then: Callable[[RunDirectory], object]) -> None:
    """A run with one file of this content: read, or refused in our words."""
    with tempfile.TemporaryDirectory() as directory:
        run = RunDirectory.create(Path(directory), "r")
        run.end()
        (run.path / name).write_text(content, encoding="utf-8")
        try:
            then(run)
        except HarnessError as error:
            refused = error.what
        else:
            refused = "read"
    assert refused


def test_a_history_larger_than_any_is_missing_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name and size are the reason."""
    history = History(tmp_path / "run.ndjson", "run")
    history.put("window.opened", "everyday", start_ns=1)
    history.close()
    monkeypatch.setattr("harness.evidence.histories.history.MOST_HISTORY", 50)
    missing = Missing(file="history/run.ndjson", why="the file has more than 50 bytes")
    assert read_history(tmp_path / "run.ndjson") == ([], [missing])


@given(values)
def test_a_manifest_of_anything_is_read_or_named(value: object) -> None:
    """Whatever JSON stands there, as a whole or as the list of files; the run is never complete."""

    def incomplete(run: RunDirectory) -> None:
        evidence = load_evidence(run)
        assert not evidence.complete

    for content in (value, {"files": value}, {"files": {"a": value}}, {"files": {str(value): {"bytes": value}}}):
        in_a_run("manifest.json", json.dumps(content), incomplete)


@given(values)
@example(float("inf"))
def test_a_plan_or_a_mark_of_anything_is_read_or_refused(value: object) -> None:
    """No traceback; a mark that names no living process marks nothing."""
    in_a_run("plan.json", json.dumps(value), RunDirectory.read_plan)
    in_a_run("running.json", json.dumps(value), lambda run: RunDirectory.open(run.path))
    in_a_run("running.json", json.dumps({"pid": value, "started": value}), lambda run: RunDirectory.open(run.path))


@given(st.sampled_from(["window.opened", "window.closed", "final-read", "experiment.started", "check.fact"]), values)
def test_an_observation_of_anything_is_read_or_refused(kind: str, value: object) -> None:
    """Fields that are missing, or of another type."""
    fields = dict.fromkeys(
        ("traffic", "start_ns", "end_ns", "at_ns", "attempt", "rows", "ok", "demand", "facts"), value
    )
    line = {"seq": 0, "clock": "boot", "mono_ns": 1, "wall": "", "kind": kind, "subject": "1", "fields": fields}
    in_a_run("history/run.ndjson", json.dumps(line) + "\n", load_evidence)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_is_called_latest_and_is_none_of_ours_stays(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A directory or a file of that name: the run has ended all the same, the error names it, and nothing is left beside it."""
    make(tmp_path / "latest")
    run = RunDirectory.create(tmp_path, "r")
    with pytest.raises(
        EvidenceError,
        match="the link `latest` could not be set to this run: a file with this name exists and is not a link",
    ):
        run.end()
    assert not (tmp_path / "latest").is_symlink()
    assert not run.in_progress
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "r"]
