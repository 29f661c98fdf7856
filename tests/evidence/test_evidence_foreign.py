"""A run directory from somebody else: nothing outside it is read or written, nothing in it waits or grows without bound."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import EvidenceError, MissingEvidence
from harness.evidence import RunDirectory, read_history
from harness.evidence.manifest import MANIFEST, SCHEMA, write_manifest
from harness.evidence.parquet import read_parquets
from harness.evidence.reading import load_evidence
from harness.files import write_atomic
from harness.model import REPLICAS, Table
from tests.builders.core_plan import core_plan
from tests.parquet_files import write_parquet


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run that recorded nothing, sealed."""
    directory = RunDirectory.create(tmp_path / "runs", "r1")
    directory.write_plan(core_plan())
    directory.end()
    write_manifest(directory, core_plan())
    return directory


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("put", "told"),
    [
        (lambda path: path.symlink_to("/etc"), "is a symbolic link"),
        (lambda path: path.symlink_to("nowhere"), "is a symbolic link"),
        (os.mkfifo, "is a named pipe"),
        (_bind, "is a socket"),
        (lambda path: os.truncate(_file(path / "a"), 1 << 40), "has 1099511627776 bytes, expected at most"),
        (lambda path: os.truncate(_file(path), 1 << 33), "sparse: it has 8589934592 bytes"),
        (lambda path: _file(path / "a\nb"), "the name of the entry is not plain text"),
        (lambda path: _file(path / os.fsdecode(b"\xff")), "the name of the entry is not plain text"),
        (lambda path: _file(path / "/".join(["d"] * 12)), "more than 12 levels"),
    ],
)
@pytest.mark.parametrize("name", ["watch/entry", "verdict", "history/a.ndjson"])
def test_what_no_run_contains_is_refused_and_not_opened(
    run: RunDirectory, put: Callable[[Path], object], told: str, name: str
) -> None:
    """Wherever it is: links, pipes, sockets, holes, names that no report can be written with."""
    put(run.path / name)
    with pytest.raises(EvidenceError, match=told) as caught:
        RunDirectory.open(run.path)
    assert "hint: judge an unmodified copy of the run" in str(caught.value)
    assert str(caught.value).isascii()


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK])
def test_a_device_in_a_run_is_refused(run: RunDirectory, kind: int) -> None:
    """Reading `/dev/zero` never ends."""
    try:
        os.mknod(run.path / "load" / "zero", kind | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    with pytest.raises(EvidenceError, match="zero: the entry is a device"):
        RunDirectory.open(run.path)


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_report_is_written_beside_what_it_replaces(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    """A planted link is replaced, under the name of the report and of the part that is written first; the file outside stays."""
    outside, report = tmp_path / "outside", tmp_path / "verdict.json"
    outside.write_text("mine")
    link(outside, report)
    link(outside, tmp_path / ".verdict.json.partial")
    write_atomic(report, b"decided")
    assert (outside.read_text(), report.read_bytes(), report.is_symlink()) == ("mine", b"decided", False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "verdict.json"]


def test_a_name_that_leads_out_of_the_run_is_no_file_of_it(run: RunDirectory, subtests: pytest.Subtests) -> None:
    """The manifest lists it, and it is named; it is not hashed."""
    (run.path.parent / "outside").write_text("mine")
    manifest = json.loads((run.path / MANIFEST).read_text(encoding="utf-8"))
    for name in [
        "../outside",
        "/etc/passwd",
        "a/../../../outside",
        "",
        "a\x00b",
        "x" * 300,
        "a\nb",
        "./plan.json",
        ".//plan.json",
        "history/",
    ]:
        with subtests.test(name):
            files = {**manifest["files"], name: {"bytes": 4, "sha256": "0" * 64}}
            (run.path / MANIFEST).write_text(json.dumps({**manifest, "files": files}), encoding="utf-8")
            (missing,) = load_evidence(run).missing
            assert (missing.file, missing.why) == (
                name,
                "the manifest lists this name, which is not a valid name of a file inside the run",
            )
            assert run.file(name) is None
            assert not run.has(name)


def test_a_file_that_grew_is_not_hashed(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size says enough."""
    monkeypatch.setattr("harness.evidence.manifest.sha256_of", lambda path: pytest.fail(f"{path} was hashed"))
    manifest = {"schema": SCHEMA, "files": {"plan.json": {"bytes": 1, "sha256": ""}}}
    (run.path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert [item.why for item in load_evidence(run).missing] == ["the file was edited after the run ended"]


@pytest.mark.parametrize("value", ["[" * 40 + "]" * 40, "[" * 100_000 + "]" * 100_000, '"\\ud800"', "1" * 5000])
def test_an_observation_that_nobody_could_have_written_is_a_line_that_is_missing(tmp_path: Path, value: str) -> None:
    """Nested too deeply, half of a character, a number of five thousand digits; the lines around it are read."""
    line = '{"seq": %d, "clock": "c", "mono_ns": %d, "wall": "", "kind": "a", "subject": "b", "fields": {"x": %s}}\n'
    path = tmp_path / "a.ndjson"
    path.write_text("".join(line % (n, n, value if n == 1 else "1") for n in range(3)), encoding="utf-8")
    observations, missing = read_history(path)
    assert [o.seq for o in observations] == [0, 2]
    assert [item.why for item in missing] == ["line 2 cannot be parsed as an observation (ValueError)"] or [
        item.why for item in missing
    ] == ["line 2 cannot be parsed as an observation (UnicodeEncodeError)"]


def test_a_plan_and_a_manifest_are_bounded(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than any run has are not read."""
    monkeypatch.setattr("harness.evidence.foreign.read_bounded.__defaults__", (100,))
    with pytest.raises(MissingEvidence, match="the file is not a plan: the file has more than 100 bytes"):
        run.read_plan()
    assert load_evidence(run).missing[0].why == "the file is not a manifest; it was truncated or edited"


def test_a_table_that_unpacks_to_more_than_its_rows_is_not_unpacked(tmp_path: Path) -> None:
    """Four rows of one word of four million letters, in a file of two kilobytes."""
    path = tmp_path / "a.parquet"
    write_parquet(Table.of(REPLICAS, [{"at_ns": 1, "member": "a" * (1 << 22)}] * 4), path)
    with pytest.raises(MissingEvidence, match=r"4 rows of `member` decompress to \d+ bytes"):
        read_parquets([path], REPLICAS)


def test_a_table_that_promises_more_rows_than_any_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million rows that are alike take few bytes, and would take many in memory; so would many files together."""
    path = tmp_path / "a.parquet"
    write_parquet(Table.of(REPLICAS, [{"at_ns": 1}] * 1000), path)
    for name, value, told in (
        ("ROWS_A_BYTE", 0.1, f"declares 1000 rows in {path.stat().st_size} bytes, which is impossible"),
        ("MOST_ROWS", 1999, "have 2000 rows together, expected at most 1999"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"harness.evidence.parquet.reading.{name}", value)
            with pytest.raises(MissingEvidence, match=told):
                read_parquets([path, path], REPLICAS)
    assert len(read_parquets([path, path], REPLICAS)[0]) == 2000


def test_a_table_of_more_rows_than_were_sealed_is_not_read(run: RunDirectory) -> None:
    """It is named, and what judges by it has nothing; of fewer rows what is there is read."""
    row: dict[str, int | str | None] = {"at_ns": 1, "lag_ns": 1, "member": "a", "role": "replica"}
    (run.path / "history/run.ndjson").touch()
    history = run.history("seal")
    history.put("rows.sealed", "watch/replicas.rows", rows=3, closed=True, truncated_bytes=0)
    history.close()
    (run.path / MANIFEST).unlink()
    for rows, read in ((4, 0), (2, 2), (3, 3)):
        write_parquet(Table.of(REPLICAS, [row] * rows), run.path / "watch/replicas.parquet")
        evidence = load_evidence(run)
        assert len(evidence.replicas) == read
        named = [item.why for item in evidence.missing if item.file == "watch/replicas.parquet"]
        assert named == ([] if rows == 3 else [f"the file has {rows} rows, at the end of the run it had 3"])


def test_an_observation_that_names_a_file_outside_reads_none(run: RunDirectory) -> None:
    """The facts of a check, the rows of a seal, the samples of a worker: a table beside the run is not taken into it."""
    write_parquet(Table.of(REPLICAS, []), run.path.parent / "outside.parquet")
    (run.path / "history/run.ndjson").touch()
    history = run.history("checks")
    history.put("check.done", "check a", file="../outside.rows", facts=0, covered=0, of=0)
    history.put("rows.sealed", "../outside.rows", rows=7, closed=True, truncated_bytes=0)
    history.close()
    write_manifest(run, replace(core_plan()))
    missing = {item.file: item.why for item in load_evidence(run).missing}
    assert missing["history/seal.ndjson"].endswith("is not a valid name of a file inside the run")
    assert not any("outside" in file for file in missing)
