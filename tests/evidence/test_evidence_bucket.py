"""The evidence of a run in an S3 bucket: what is there at any moment, and what comes back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli.judging import judge
from harness.errors import EvidenceError, UsageError
from harness.evidence.bucket import store as store_module
from harness.evidence.bucket import upload as module
from harness.evidence.bucket.download import download
from harness.evidence.bucket.store import Bucket
from harness.evidence.bucket.upload import EvidenceUpload
from harness.run import uploads
from harness.run.uploads import downloaded
from harness.targets.files.upload import Upload
from tests.builders.s3_server import S3Server, needs_s3_server, s3_server
from tests.plain.plain_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_s3_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server for this module."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    """A prefix of the test's own."""
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return Bucket(Upload(to="s3://evidence/shop"), f"run-{abs(hash(request.node.name))}")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory with files of each kind."""
    directory = tmp_path / "runs" / "run-1"
    for name, content in {
        "plan.json": b"{}\n",
        "history/run.ndjson": b'{"seq": 0}\n',
        "load/browse/samples-1.rows": bytes(range(256)),
        "running.json": b"{}",
        "history/.part": b"x",
    }.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    """The files of a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def append(path: Path, content: bytes) -> None:
    """Write at the end of a file, as the writers of a run do."""
    with path.open("ab") as file:
        file.write(content)


def test_what_was_written_until_the_last_pass_comes_back(run: Path, bucket: Bucket, tmp_path: Path) -> None:
    """The run is killed: nothing is sent at its end. Files that grew come from their pieces."""
    upload = EvidenceUpload(run, bucket, lambda _: None)
    upload.sync()
    append(run / "history/run.ndjson", b'{"seq": 1}\n{"se')
    append(run / "load/browse/samples-1.rows", b"more")
    upload.sync()
    upload.sync()
    append(run / "history/run.ndjson", b'q": 2}\n')
    assert download(bucket, tmp_path / "back") == []
    assert contents(tmp_path / "back") == {
        "plan.json": b"{}\n",
        "history/run.ndjson": b'{"seq": 0}\n{"seq": 1}\n{"se',
        "load/browse/samples-1.rows": bytes(range(256)) + b"more",
    }
    assert sorted(name for name in bucket.names() if "samples" in name) == [
        ".growing/load/browse/samples-1.rows/000000000000000",
        ".growing/load/browse/samples-1.rows/000000000000256",
    ]


def test_a_run_that_ended_is_there_as_it_is_on_disk(
    run: Path, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row files that were sealed are gone, and so are all pieces; nothing else than the run's files is left."""
    monkeypatch.setattr(module, "EACH_S", 0.02)
    said: list[str] = []
    with EvidenceUpload(run, bucket, said.append):
        (run / "load/browse/samples-1.rows").unlink()
        (run / "load/browse/rest-1.parquet").write_bytes(b"PAR1")
        append(run / "history/run.ndjson", b'{"seq": 1}\n')
        (run / "manifest.json").write_bytes(b'{"files": {}}')
    (run / "running.json").unlink()
    (run / "history/.part").unlink()
    assert said == [f"the evidence is sent to {bucket.url}"]
    assert download(bucket, tmp_path / "back") == []
    assert contents(tmp_path / "back") == contents(run)
    assert bucket.names() == sorted(contents(run))


def test_a_run_killed_while_it_is_sent_as_a_whole_is_not_taken_for_complete(
    run: Path, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is sent last, so without it the run says that it did not complete."""
    upload = EvidenceUpload(run, bucket, lambda _: None)
    upload.sync()
    (run / "manifest.json").write_bytes(b"{}")
    put = bucket.put

    def killed(name: str, content: bytes | BinaryIO) -> None:
        if name == "plan.json":
            raise KeyboardInterrupt
        put(name, content)

    append(run / "history/run.ndjson", b'{"seq": 1}\n')
    (run / "plan.json").write_bytes(b"{ }\n")
    monkeypatch.setattr(bucket, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        upload.finish()
    download(bucket, tmp_path / "back")
    assert "manifest.json" not in contents(tmp_path / "back")
    assert contents(tmp_path / "back")["history/run.ndjson"] == b'{"seq": 0}\n{"seq": 1}\n'


def test_a_piece_that_is_missing_is_named_and_nothing_behind_it_is_used(
    run: Path, bucket: Bucket, tmp_path: Path
) -> None:
    """A file with a hole would be read as if it were whole."""
    upload = EvidenceUpload(run, bucket, lambda _: None)
    for number in range(1, 4):
        upload.sync()
        append(run / "history/run.ndjson", f'{{"seq": {number}}}\n'.encode())
    bucket.delete([".growing/history/run.ndjson/000000000000011"])
    (missing,) = download(bucket, tmp_path / "back")
    assert missing == "history/run.ndjson: what follows byte 11 is missing, the next piece begins at 000000000000022"
    assert contents(tmp_path / "back")["history/run.ndjson"] == b'{"seq": 0}\n'


def test_a_file_that_takes_the_name_of_another_is_sent_anew(run: Path, bucket: Bucket, tmp_path: Path) -> None:
    """Its pieces are not mixed with those of the former."""
    upload = EvidenceUpload(run, bucket, lambda _: None)
    upload.sync()
    append(run / "history/run.ndjson", b"more\n")
    upload.sync()
    (run / "new").write_bytes(b"other\n")
    os.replace(run / "new", run / "history/run.ndjson")  # noqa: PTH105 - a new file under the name
    upload.sync()
    download(bucket, tmp_path / "back")
    assert contents(tmp_path / "back")["history/run.ndjson"] == b"other\n"


def test_a_bucket_that_fails_is_said_once_and_written_again(
    run: Path, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on; what was not sent is sent later."""
    monkeypatch.setattr(module, "EACH_S", 0.01)
    put, said, broken = bucket.put, list[str](), [True] * 4

    def failing(name: str, content: bytes | BinaryIO) -> None:
        if broken and name.startswith(".growing/history"):
            broken.pop()
            raise EvidenceError("no room", where=bucket.url)
        put(name, content)

    with EvidenceUpload(run, bucket, said.append):
        monkeypatch.setattr(bucket, "put", failing)
        append(run / "history/run.ndjson", b"more\n")
        while said[-1] != "the evidence is sent again":
            os.sched_yield()
    assert said[1:] == [f"{bucket.url}: no room", "the evidence is sent again"]
    download(bucket, tmp_path / "back")
    assert contents(tmp_path / "back")["history/run.ndjson"].endswith(b"more\n")


def test_wrong_credentials_are_told_before_anything_is_run(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the server said; the secret is in no message."""
    for name, value in (server.variables | {"AWS_SECRET_ACCESS_KEY": "another-secret"}).items():
        monkeypatch.setenv(name, value)
    wrong = Bucket(Upload(to="s3://evidence/shop"), "run-1")
    with pytest.raises(
        EvidenceError,
        match=r"the evidence cannot be written in the bucket: PUT .*, 403 Forbidden, SignatureDoesNotMatch",
    ) as raised:
        wrong.require_new()
    assert "another-secret" not in str(raised.value)
    assert raised.value.where == "s3://evidence/shop/run-1"


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the words of the library's own debugging."""
    monkeypatch.setattr(store_module, "_RETRIES", 0)
    gone = Upload(to="s3://evidence/shop", endpoint="http://127.0.0.1:1", region="x")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    with pytest.raises(EvidenceError) as raised:
        Bucket(gone, "run-1").require_new()
    assert raised.value.what == (
        "the evidence cannot be written in the bucket: PUT http://127.0.0.1:1/evidence/shop/run-1/.writable, Connection refused"
    )


@pytest.mark.parametrize("endpoint", ["nonsense", "127.0.0.1:9000", "http://"])
def test_a_variable_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The library would end the process."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(UsageError, match=f"`{endpoint}` is not an address") as raised:
        Bucket(Upload(to="s3://evidence/shop"), "run-1")
    assert raised.value.where == "AWS_ENDPOINT_URL"


def test_two_runs_of_one_name_are_not_mixed(run: Path, bucket: Bucket) -> None:
    """Such as those of two clusters that begin in the same second."""
    bucket.require_new()
    assert bucket.names() == []
    EvidenceUpload(run, bucket, lambda _: None).sync()
    with pytest.raises(UsageError, match="the bucket has a run of this name already") as raised:
        bucket.require_new()
    assert raised.value.hint == "run again, or give each cluster or job a prefix of its own"
    assert ".writable" not in bucket.names()


def test_a_file_that_cannot_be_read_is_said_and_the_run_ends_as_it_would(
    run: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence that is not sent does not change what the run says."""
    said: list[str] = []
    with EvidenceUpload(run, bucket, said.append):
        (run / "plan.json").unlink()
        (run / "plan.json").mkdir()
        monkeypatch.setattr(module, "_is_plain", lambda path: path.name == "plan.json")
    assert said[-1].startswith("the evidence in the bucket is not complete: ")
    assert "plan.json cannot be read: Is a directory" in said[-1]


def test_an_address_without_a_run_is_refused(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """As the argument that it is."""
    for address, says in [
        ("s3://", "`s3://` is not the address of a bucket"),
        ("s3://evidence", "`s3://evidence` names a bucket, and no run in it"),
        ("s3://evidence/", "`s3://evidence/` names a bucket, and no run in it"),
        ("s3:///shop/run-1", "`s3:///shop/run-1` is not the address"),
        ("s3://Evidence/run-1", "`s3://Evidence/run-1` is not the address"),
        ("s3://evidence/shop/..", r"`s3://evidence/shop/..` is not the address"),
        ("s3://evidence/./run-1", r"`s3://evidence/./run-1` is not the address"),
        ("s3://evidence//run-1", "`s3://evidence//run-1` is not the address"),
    ]:
        with subtests.test(address):
            with pytest.raises(UsageError, match=says) as raised:
                downloaded(address, lambda _: None, tmp_path)
            assert (raised.value.where, "s3://BUCKET/PREFIX/RUN" in raised.value.hint) == ("RUN", True)


def test_a_plan_says_that_the_bucket_of_the_target_file_cannot_be_reached(tmp_path: Path) -> None:
    """As a run would; nothing is written there."""
    project = Project.copy(tmp_path / "project", "http://127.0.0.1:1")
    project.append("target.yaml", "upload: {to: s3://evidence/x, endpoint: 'http://127.0.0.1:1'}\n")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert (
        "a run would be refused: s3://evidence/x/plan: the evidence cannot be listed in the bucket: GET http://127.0.0.1:1/evidence?"
        in project.do("plan", **keys).out
    )


def test_a_shell_that_completes_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `readiness report s3://… --<TAB>` the argument is read, and the command is not called."""
    monkeypatch.setattr(uploads, "downloaded", lambda *_: pytest.fail("it was downloaded"))
    judge.make_context("judge", ["s3://evidence/shop/run-1", "--"], resilient_parsing=True)


def test_a_run_that_is_not_there_or_is_here_already_is_told(run: Path, bucket: Bucket, tmp_path: Path) -> None:
    """Nothing is written over a run of this machine."""
    with pytest.raises(UsageError, match=r"there is no run, as plan.json is missing"):
        download(bucket, tmp_path / "back")
    EvidenceUpload(run, bucket, lambda _: None).sync()
    name = bucket.url.rpartition("/")[2]
    above = Bucket(Upload(to="s3://evidence"), "shop")
    with pytest.raises(UsageError, match=r"plan.json is missing; the newest of \d+ runs below is run-"):
        download(above, tmp_path / "back")
    assert f"{name}/plan.json" in above.names()
    with pytest.raises(UsageError, match="a run with this name exists here already"):
        download(bucket, run)


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", ".hidden/x"])
def test_an_object_that_is_none_of_a_run_is_refused(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A bucket may have been written by anybody."""
    monkeypatch.setattr(bucket, "names", lambda: [name, "plan.json"])
    monkeypatch.setattr(bucket, "get", lambda _: iter([b"x"]))
    with pytest.raises(EvidenceError, match="whose name is not that of a run's file"):
        download(bucket, tmp_path / "runs" / "back")
    assert list((tmp_path / "runs").iterdir()) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["a.ndjson", "b.rows", "c.json"]), st.binary(max_size=40), st.booleans()), max_size=8
    )
)
def test_whatever_is_written_between_passes_comes_back(
    server: S3Server, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bytes, bool]]
) -> None:
    """Growing files in any order, a file that is written anew, passes at any time."""
    base = tmp_path_factory.mktemp("any")
    run = base / "run"
    run.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        bucket = Bucket(Upload(to="s3://evidence/any"), base.name)
        (run / "plan.json").write_bytes(b"{}")
        upload = EvidenceUpload(run, bucket, lambda _: None)
        for name, content, now in steps:
            if name == "c.json":
                (run / name).write_bytes(content)
            else:
                append(run / name, content)
            if now:
                upload.sync()
        upload.sync()
        download(bucket, base / "back")
        written = {name: content for name, content in contents(run).items() if content or name == "c.json"}
        assert contents(base / "back") == written
